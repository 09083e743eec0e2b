"""Whole jobs from a YAML project.

:func:`run_project` reads a project, computes what is not kept from an earlier run, and writes one styled
GeoPackage, the table of scores and a map. :class:`Livelihood` and :class:`LineUp` are the parts it is made
of, for those who want to look at a stage from Python.

Each name is imported when it is first used, so that a download of photos need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "Assessment": "assessment",
    "LineUp": "lineup",
    "Livelihood": "livelihood",
    "Project": "project",
    "RunResult": "run",
    "build_estimator": "builders",
    "open_project": "run",
    "plan_project": "run",
    "read_project": "project",
    "run_project": "run",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
