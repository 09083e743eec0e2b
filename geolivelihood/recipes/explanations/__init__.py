"""Why a project's map says what it says: attribution, concepts, links and kinds of pictures as layers."""
