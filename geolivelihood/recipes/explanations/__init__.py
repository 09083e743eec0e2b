"""Why a project's map says what it says: attribution, links, concepts and kinds of pictures as layers."""

from geolivelihood.recipes.explanations.job import Job, Made
from geolivelihood.recipes.explanations.run import METHODS, Explained, explain_project

__all__ = ["METHODS", "Explained", "Job", "Made", "explain_project"]
