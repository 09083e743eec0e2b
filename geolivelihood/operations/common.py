"""What several operations share: parameters that mean the same everywhere, readings, and results."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geolivelihood.operations.described import Parameter
from geolivelihood.operations.values import Layer

if TYPE_CHECKING:
    from geolivelihood.recipes.places import Source
    from geolivelihood.recipes.written import Written

__all__ = [
    "ENCODERS",
    "cluster_id_parameter",
    "crs_parameter",
    "done",
    "max_rejected_parameter",
    "own_crs",
    "project_parameters",
    "resolution_parameter",
    "seed_parameter",
    "source",
    "tell",
    "written",
]

logger = logging.getLogger("geolivelihood.operations")

_BARE = (".csv", ".tsv", ".txt")

ENCODERS = (
    ("rcf", "Random filters (rcf): fast, learns nothing beforehand, needs no download"),
    ("summary", "Colours (summary): mean, spread and quantiles of each band"),
    ("resnet18", "ResNet-18 network"),
    ("resnet50", "ResNet-50 network (slower)"),
    ("convnext_tiny", "ConvNeXt tiny network (slower)"),
    ("vit_b_16", "Vision transformer B/16 (slowest)"),
)
"""What turns a picture into numbers, in words."""


def project_parameters() -> list[Parameter]:
    """A project file and changes of its settings."""
    return [
        Parameter(
            "project",
            "file",
            "Project file",
            "The YAML file that says what comes in, which models are compared and what goes out.",
            filter="*.yaml *.yml",
        ),
        Parameter(
            "set",
            "settings",
            "Changed settings",
            "Settings that take the place of the file's, one per line: validation.folds = 3",
            optional=True,
            advanced=True,
        ),
    ]


def crs_parameter(what: str) -> Parameter:
    """The coordinate system of a table that does not say its own."""
    return Parameter(
        "crs",
        "text",
        "Coordinate system of a text table",
        f"Only for {what} in a CSV file with columns longitude and latitude (or lon and lat), which cannot "
        "say their coordinate system. EPSG:4326 is longitude and latitude in degrees. Layers have their own.",
        optional=True,
        advanced=True,
        default="EPSG:4326",
    )


def cluster_id_parameter() -> Parameter:
    """The field that names the survey clusters."""
    return Parameter(
        "cluster_id",
        "fields",
        "Field with the names of the clusters",
        "By default the field cluster_id, else the rows are numbered from 1.",
        optional=True,
        of="clusters",
    )


def resolution_parameter(default: int, more: str = "") -> Parameter:
    """Size of the H3 cells."""
    return Parameter(
        "resolution",
        "integer",
        "Size of the cells (H3 resolution)",
        "0 is the coarsest, 15 the finest. A cell measures on average 250 km² at resolution 5, 36 km² at 6, "
        f"5 km² at 7, 0.7 km² at 8, 0.1 km² at 9. {more}".strip(),
        default=default,
        min=0,
        max=15,
    )


def max_rejected_parameter(what: str) -> Parameter:
    """How much of a table may be set aside before it is an error."""
    return Parameter(
        "max_rejected",
        "number",
        f"{what} that may be unusable (share)",
        "More of them stop the run: 0.1 is one in ten.",
        optional=True,
        advanced=True,
        default=0.1,
        min=0,
        max=1,
    )


def seed_parameter() -> Parameter:
    """Seed of whatever is random."""
    return Parameter(
        "seed",
        "integer",
        "Random seed",
        "The same number gives the same result again.",
        optional=True,
        advanced=True,
        default=0,
        min=0,
        max=2**31 - 1,
    )


def own_crs(layer: Layer, crs: str | None) -> str | None:
    """The coordinate system to be told to the reader: only where the file has none of its own."""
    return crs if layer.path.suffix.lower() in _BARE or _is_shapeless(layer) else None


def _is_shapeless(layer: Layer) -> bool:
    """Whether it is a table in a file of layers, as a GeoPackage may hold; a fault is left to the reader."""
    import pyogrio

    try:
        return pyogrio.read_info(layer.path, layer=layer.name)["geometry_type"] is None
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError):
        return False


def source(layer: Layer, crs: str | None = None) -> Source:
    """A layer as the recipes take it."""
    from geolivelihood.recipes.places import Source

    return Source(layer.path, layer.name, own_crs(layer, crs))


def tell(texts: Iterable[str]) -> None:
    """Say something that the user is to read, as ``info`` events."""
    for text in texts:
        logger.info("%s", text)


def done(
    kind: str, path: Path, *, layers: Iterable[Mapping[str, Any]] = (), rejected: int = 0, **more: Any
) -> dict[str, Any]:
    """The result event of an operation that wrote one thing."""
    return {"outputs": {kind: str(path)}, "layers": list(layers), "rejected": rejected, **more}


def written(path: Path, result: Written) -> dict[str, Any]:
    """The result event of an operation that wrote layers; it tells what was set aside."""
    from geolivelihood.recipes.written import layer_list

    names = [*result.rows, *(["rejected"] if result.rejected else [])]
    tell(f"{count:,} rows in the layer {name}" for name, count in result.rows.items())
    tell(f"Set aside: {aside.number:,} {aside.what}, reasons in {aside.reasons}" for aside in result.rejected)
    return done(
        "geopackage", path, layers=layer_list(names), rejected=sum(aside.number for aside in result.rejected)
    )
