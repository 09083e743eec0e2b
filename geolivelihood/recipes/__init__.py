"""Whole jobs from a YAML project.

:func:`run_project` reads a project, computes what is not kept from an earlier run, and writes one styled
GeoPackage, the table of scores and a map. :class:`Livelihood` and :class:`LineUp` are the parts it is made
of, for those who want to look at a stage from Python.
"""

from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.builders import build_estimator
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.project import Project, read_project
from geolivelihood.recipes.run import RunResult, open_project, plan_project, run_project

__all__ = [
    "Assessment",
    "LineUp",
    "Livelihood",
    "Project",
    "RunResult",
    "build_estimator",
    "open_project",
    "plan_project",
    "read_project",
    "run_project",
]
