"""Places: where displaced clusters may really be, and cells summed up to regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from geolivelihood.errors import InputError
from geolivelihood.operations.common import (
    cluster_id_parameter,
    crs_parameter,
    resolution_parameter,
    source,
    written,
)
from geolivelihood.operations.described import Operation, Output, Parameter
from geolivelihood.operations.values import Layer

__all__ = ["AGGREGATE_REGIONS", "DISPLACEMENT_SURFACE", "aggregate_regions", "displacement_surface"]


def _metres(name: str, title: str, default: float, help: str) -> Parameter:
    return Parameter(name, "number", title, help, optional=True, advanced=True, default=default, min=1)


DISPLACEMENT_SURFACE = Operation(
    "displacement_surface",
    "Displacement surface of clusters",
    "Survey",
    "Surveys such as the DHS move the points of their clusters at random before they publish them, so that "
    "nobody can be found: in towns by up to 2 km, in the country by up to 5 km, one in a hundred by up to 10 "
    "km. This draws, for each published point, the probability that the true place lies in each H3 cell. "
    "The probabilities of a cluster sum to 1.",
    "DHS displacement clusters survey uncertainty probability jitter",
    [
        Parameter("clusters", "points", "Survey clusters", "The published points, in any coordinate system."),
        cluster_id_parameter(),
        Parameter(
            "urban",
            "fields",
            "Field that says urban or rural",
            "U or R, 1 or 0, true or false; in DHS files URBAN_RURA. By default a field of the name urban or "
            "URBAN_RURA; where there is none all clusters count as rural.",
            optional=True,
            of="clusters",
        ),
        resolution_parameter(8, "At 8 a rural cluster is spread over some 430 cells."),
        Parameter(
            "only",
            "lines",
            "Only these clusters",
            "Names of clusters, one per line; by default all.",
            optional=True,
        ),
        Parameter(
            "boundary",
            "polygons",
            "Borders that are not crossed",
            "Polygons of the administrative level that points were kept in; the survey's note on "
            "displacement names it (DHS: usually the second level).",
            optional=True,
        ),
        Parameter(
            "population",
            "raster",
            "Population raster",
            "People per pixel, in any coordinate system: places where more people live are likelier.",
            optional=True,
        ),
        _metres("urban_m", "Farthest in towns (metres)", 2000, "Largest displacement of urban clusters."),
        _metres(
            "rural_m",
            "Farthest in the country (metres)",
            5000,
            "Largest displacement of most rural clusters.",
        ),
        _metres(
            "rural_far_m",
            "Farthest of the few (metres)",
            10000,
            "Largest displacement of the few rural clusters that are moved farther.",
        ),
        Parameter(
            "rural_far_share",
            "number",
            "Share of the few",
            "Share of rural clusters that are moved farther, 0 to 1.",
            optional=True,
            advanced=True,
            default=0.01,
            min=0,
            max=1,
        ),
        crs_parameter("clusters"),
    ],
    Output(
        "geopackage",
        "Displacement surface",
        "A GeoPackage with three styled layers (EPSG:4326): 'clusters' (the published points), "
        "'cells_clusters' (a polygon per cluster and cell: cluster_id, cell, weight, which is the "
        "probability from 0 to 1) and 'cells' (expected: the sum of the probabilities, the number of "
        "clusters to be expected in the cell).",
        "displacement",
    ),
    needs="geolivelihood.recipes.displaced",
)

AGGREGATE_REGIONS = Operation(
    "aggregate_regions",
    "Sum up cells to regions",
    "Map",
    "Averages values of H3 cells, such as the layer 'cells' of a result, over regions. A cell counts by the "
    "people it shares with the region, where a population raster is given, else by the area. How much of "
    "each region the cells cover is told, for the mean of a region that is covered in part is that of the "
    "part.",
    "aggregate regions zonal districts mean population weighted cells",
    [
        Parameter(
            "cells",
            "table",
            "Cells",
            "A layer or table with one row per H3 cell.",
        ),
        Parameter(
            "values",
            "fields",
            "Values",
            "Fields with numbers; their means are written under the same names. Cells without a number are "
            "left out.",
            of="cells",
            many=True,
            numeric=True,
        ),
        Parameter("regions", "polygons", "Regions", "Polygons, in any coordinate system."),
        Parameter(
            "region_name",
            "fields",
            "Field with the names of the regions",
            "What people call them.",
            of="regions",
        ),
        Parameter(
            "population",
            "raster",
            "Population raster",
            "People per pixel (not per km²), in any coordinate system. Without one, the area counts.",
            optional=True,
        ),
        Parameter(
            "cell",
            "fields",
            "Field with the names of the cells",
            "H3 names such as 8728308280fffff; by default the field 'cell'.",
            optional=True,
            advanced=True,
            default="cell",
            of="cells",
        ),
    ],
    Output(
        "geopackage",
        "Regions",
        "A GeoPackage with the styled layer 'regions' (polygons, EPSG:4326): name, the means, cells (how "
        "many touch the region) and covered (share of its people, else area, in cells with a value, 0 to 1).",
        "regions",
    ),
    needs="geolivelihood.recipes.places",
)


def displacement_surface(
    out: Path,
    *,
    clusters: Layer,
    cluster_id: str | None,
    urban: str | None,
    resolution: int,
    only: list[str],
    boundary: Layer | None,
    population: Path | None,
    crs: str | None,
    **distances: float,
) -> dict[str, Any]:
    """Spread each cluster over the cells that it may lie in."""
    usual, far = distances["rural_m"], distances["rural_far_m"]
    if far < usual:
        msg = f"The few are moved {far:g} m, less than the others ({usual:g} m); give them as much, or more."
        raise InputError(msg)
    from geolivelihood.recipes.displaced import spread_clusters

    made = spread_clusters(
        source(clusters, crs),
        out,
        resolution=resolution,
        id=cluster_id,
        urban=urban,
        only=only,
        boundary=None if boundary is None else source(boundary),
        population=population,
        **distances,
    )
    return written(out, made)


def aggregate_regions(
    out: Path,
    *,
    cells: Layer,
    values: list[str],
    regions: Layer,
    region_name: str,
    population: Path | None,
    cell: str,
) -> dict[str, Any]:
    """Sum cells up to regions."""
    from geolivelihood.recipes.places import aggregate_cells

    made = aggregate_cells(
        source(cells),
        source(regions),
        out,
        values=values,
        cell=cell,
        name=region_name,
        population=population,
    )
    return written(out, made)
