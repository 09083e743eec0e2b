"""What the worker can be asked for, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geolivelihood.errors import InputError
from geolivelihood.operations import jobs, pictures, places, projects, whole_map
from geolivelihood.operations.described import Operation
from geolivelihood.operations.jobs import Job

__all__ = ["DESCRIBED", "NEEDS", "OPERATIONS", "descriptions"]

_FUNCTIONS: Mapping[str, tuple[Operation, Callable[..., dict[str, Any]]]] = {
    operation.id: (operation, function)
    for operation, function in (
        (whole_map.CLUSTERS_TO_MAP, whole_map.clusters_to_map),
        (projects.CHECK_INPUTS, projects.check_inputs),
        (places.DISPLACEMENT_SURFACE, places.displacement_surface),
        (pictures.DOWNLOAD_PHOTOS, pictures.download_photos),
        (pictures.EMBED, pictures.embed),
        (pictures.BUILD_GRAPH, pictures.build_graph),
        (projects.TRAIN, projects.train),
        (projects.PREDICT, projects.predict),
        (projects.VALIDATE, projects.validate),
        (pictures.H3_SUMMARY, pictures.h3_summary),
        (places.AGGREGATE_REGIONS, places.aggregate_regions),
    )
}

DESCRIBED: Mapping[str, Operation] = {name: operation for name, (operation, _) in _FUNCTIONS.items()}
"""Operations that a form can be made of, by name."""

NEEDS: Mapping[str, str] = {
    "run": "geolivelihood.recipes.run",
    "explain": "geolivelihood.recipes.explanations",
    **{name: operation.needs for name, operation in DESCRIBED.items()},
}
"""The module that an operation imports before it begins."""


def descriptions() -> list[dict[str, Any]]:
    """All descriptions as JSON, by name."""
    return [DESCRIBED[name].plain() for name in sorted(DESCRIBED)]


def _served(operation: Operation, function: Callable[..., dict[str, Any]]) -> Callable[[Job], dict[str, Any]]:
    """An operation as the worker calls it: the request's values checked, then the work."""

    def serve(job: Job) -> dict[str, Any]:
        params = dict(job.request.params)
        if "seed" in job.request.options and any(p.name == "seed" for p in operation.parameters):
            params.setdefault("seed", job.request.options["seed"])
        values = operation.read(params)
        with jobs.warnings_told():
            return function(_target(job.request.out, operation), **values)

    return serve


def _target(out: Path | None, operation: Operation) -> Path:
    if out is None:
        kinds = {"geopackage": "GeoPackage (.gpkg)", "table": "table (.csv)", "folder": "folder"}
        msg = f"The request has no 'out'; give the absolute path of a new {kinds[operation.output.kind]}."
        raise InputError(msg)
    return out


OPERATIONS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "check": jobs.check,
    "run": jobs.run,
    "explain": jobs.explain,
    "selftest": jobs.selftest,
    **{name: _served(*pair) for name, pair in _FUNCTIONS.items()},
}
"""What a request may ask for, by name."""
