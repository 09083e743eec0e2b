"""Displaced survey clusters, from a file to a file: where each may really be."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np

from geolivelihood import cells as h3cells
from geolivelihood import tables
from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.places import Source, first_few
from geolivelihood.recipes.written import Written, write_layers
from geolivelihood.tables.sources import read_rows, read_table

__all__ = ["spread_clusters"]

logger = logging.getLogger(__name__)

_URBAN = ("urban", "URBAN_RURA")
_MOST_ROWS = 2_000_000


def spread_clusters(
    clusters: Source,
    target: str | os.PathLike[str],
    *,
    resolution: int,
    id: str | None = None,
    urban: str | None = None,
    only: Sequence[str] = (),
    boundary: Source | None = None,
    population: str | os.PathLike[str] | None = None,
    **distances: float,
) -> Written:
    """Write where displaced survey clusters may really be: a probability for each cluster and cell.

    Parameters
    ----------
    clusters
        Published points.
    target
        GeoPackage to write: ``clusters``, ``cells_clusters`` (one polygon per cluster and cell:
        ``cluster_id``, ``cell``, ``weight``; the weights of a cluster sum to 1) and ``cells`` (``expected``,
        the sum of the weights: the number of clusters to be expected there).
    resolution
        H3 resolution.
    id
        Field that names the clusters; default ``cluster_id``, else the rows are numbered.
    urban
        Field that says whether a cluster is urban; default ``urban`` or ``URBAN_RURA``. Without one all
        count as rural, which spreads the urban ones too wide: a warning says so.
    only
        Names of some clusters; by default all.
    boundary
        Polygons that displacement never crosses.
    population
        Raster of people per pixel: likelier where more live.
    **distances
        ``urban_m``, ``rural_m``, ``rural_far_m``, ``rural_far_share`` of
        :func:`~geolivelihood.cells.displacement_weights`.
    """
    begin("reading clusters")
    checked = _clusters(clusters, id, urban)
    points = _chosen(checked.table, only)
    if "urban" not in points:
        logger.warning(
            "%s does not say which clusters are urban; all count as rural and are spread over "
            "rural distances. Choose the field that says it.",
            clusters.path,
        )
        points = points.assign(urban=False)
    _check_size(len(points), resolution, distances)
    units = None if boundary is None else read_table(boundary.path, layer=boundary.layer, crs=boundary.crs)
    begin("spreading clusters")
    options: dict[str, Any] = {"boundary": units, "population": population, **distances}
    tie = h3cells.displacement_weights(points, resolution=resolution, **options)
    _tell_fallbacks(tie, boundary, population)
    pairs = tie.to_frame().rename(columns={"row": "cluster_id"})
    begin("building layers")
    shapes = h3cells.cell_polygons(pairs["cell"].to_numpy()).to_numpy()
    each = pairs.assign(cell=h3cells.cell_names(pairs["cell"].to_numpy()))
    summed = pairs.groupby("cell")[["weight"]].sum().rename(columns={"weight": "expected"})
    begin("writing results")
    return write_layers(
        target,
        {
            "clusters": points,
            "cells_clusters": gpd.GeoDataFrame(each, geometry=shapes, crs="EPSG:4326"),
            "cells": summed,
        },
        checked.rejected,
        {"command": "displacement", "clusters": os.fspath(clusters.path), "resolution": resolution}
        | {"displacement": distances},
        indicators=["weight", "expected"],
        labels={"weight": "Probability that the cluster lies here", "expected": "Clusters to be expected"},
    )


def _clusters(source: Source, id: str | None, urban: str | None) -> tables.Checked:
    there = list(read_rows(source.path, layer=source.layer).columns)
    columns = {id: "cluster_id"} if id and id != "cluster_id" else {}
    marked = urban or next((name for name in _URBAN if name in there), None)
    if marked is not None and marked != "urban":
        columns[marked] = "urban"
    return tables.read_clusters(
        source.path, indicators=[], columns=columns, crs=source.crs, layer=source.layer, numbered=id is None
    )


def _chosen(clusters: gpd.GeoDataFrame, only: Sequence[str]) -> gpd.GeoDataFrame:
    missing = sorted(set(only) - set(clusters["cluster_id"]))
    if missing:
        some = ", ".join(clusters["cluster_id"].head(5))
        msg = f"There is no cluster {missing[0]!r} (or it was set aside). Clusters are called: {some} ..."
        raise InputError(msg)
    kept = clusters[clusters["cluster_id"].isin(only)] if only else clusters
    if kept.empty:
        msg = "There are no clusters: every row was set aside. Check positions and the urban field."
        raise InputError(msg)
    return kept.reset_index(drop=True)


def _check_size(count: int, resolution: int, distances: dict[str, float]) -> None:
    """Refuse what would take hours and gigabytes before it begins."""
    reach = max(distances.get("rural_far_m", 10_000.0), distances.get("rural_m", 5_000.0))
    cell_m2 = 4.25e12 / 7.0**resolution  # the mean area of a cell of resolution 0, and a seventh at each step
    rows = count * (np.pi * reach**2 / cell_m2 + 1)
    if rows <= _MOST_ROWS:
        return
    coarser = next(
        r for r in range(resolution, -2, -1) if r < 0 or rows / 7 ** (resolution - r) <= _MOST_ROWS
    )
    msg = (
        f"{count} clusters spread over cells of resolution {resolution} are some {rows:,.0f} polygons. Take "
        f"resolution {max(coarser, 0)} or coarser, or fewer clusters."
    )
    raise InputError(msg)


def _tell_fallbacks(tie: Tie, boundary: Source | None, population: Any) -> None:
    """Say which clusters a border or a population raster does not reach."""
    if tie.notes is None:
        return
    outside = tie.notes.index[tie.notes["boundary"] == "outside"]
    if boundary is not None and len(outside):
        logger.warning(
            "%d of %d clusters lie in no polygon of %s and are spread as if there were no borders: %s.",
            len(outside),
            len(tie.notes),
            boundary.path,
            first_few(outside),
        )
    empty = tie.notes.index[tie.notes["flat_prior"].astype(bool)]
    if population is not None and len(empty):
        logger.warning(
            "%s has no people around %d of %d clusters, whose places count as equally likely: %s.",
            os.fspath(population),
            len(empty),
            len(tie.notes),
            first_few(empty),
        )
