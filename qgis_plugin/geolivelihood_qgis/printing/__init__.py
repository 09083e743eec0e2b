"""A printed map of a result: the cells, how sure they are, and what the map must not be used for."""
