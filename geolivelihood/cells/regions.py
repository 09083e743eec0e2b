"""Cells added up to admin regions, by the people or the area they share."""

from __future__ import annotations

from os import PathLike
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood.cells.index import Cells, as_cells, to_wgs84
from geolivelihood.cells.polygons import (
    cell_polygons,
    cut_polygons,
    polygon_areas,
    polygonal,
    valid_polygons,
)
from geolivelihood.cells.population import polygon_population
from geolivelihood.cells.tie import Tie
from geolivelihood.errors import InputError, MissingColumnError

__all__ = ["region_shares", "region_weights"]

Floats = npt.NDArray[np.float64]
Raster = str | PathLike[str]


class _Overlap(NamedTuple):
    """Regions cut by cells, one entry per pair that shares area."""

    row: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    share: Floats
    mass: Floats


def region_weights(
    cells: npt.ArrayLike, regions: gpd.GeoDataFrame, *, population: Raster | None = None
) -> Tie:
    """People (or square metres) of each cell that belong to each region.

    ``tie.mean(y)`` is the mean of the cells' values over the people (area) of the region; ``tie.sum(y)`` is
    a total of a rate, the number of people concerned; ``tie.normalised()`` has rows that sum to 1. For
    totals of counts per cell use :func:`region_shares`.

    Parameters
    ----------
    cells
        Cells, shape (n,).
    regions
        Polygons with ``region_id``, any CRS. Regions that overlap each get their part.
    population
        Raster of people per pixel; ``None`` weighs by area.

    Returns
    -------
    Tie
        One row per region, one column per cell (in the order of ``cells``). Its ``notes`` have ``covered``:
        the share of the region's people (area) that lies in ``cells``.

    Raises
    ------
    MissingColumnError
        If ``region_id`` is missing.
    InputError
        If a region is no polygon, cells repeat, or the raster cannot be read.
    """
    cells, ids, shapes = _checked(cells, regions)
    overlap = _overlap(cells, shapes, population)
    held = np.bincount(overlap.row, weights=overlap.mass, minlength=len(ids))
    whole = polygon_areas(shapes) if population is None else _people(shapes, population)
    covered = np.divide(held, whole, out=np.full(len(ids), np.nan), where=whole > 0)
    notes = pd.DataFrame({"covered": np.minimum(covered, 1.0)}, index=ids)
    kept = overlap.mass > 0
    entries = overlap.row[kept], cells[overlap.position[kept]], overlap.mass[kept]
    return Tie.from_arrays(*entries, row_ids=ids, columns=cells, notes=notes)


def region_shares(
    cells: npt.ArrayLike, regions: gpd.GeoDataFrame, *, population: Raster | None = None
) -> Tie:
    """Share of each cell's people (else area) that belongs to each region.

    A cell's shares sum to at most 1 (regions that overlap divide what they share), so that
    ``region_shares(...).sum(count)`` hands out counts per cell without doubling any. Cells where nobody
    lives are shared by area. Parameters and errors as in :func:`region_weights`.
    """
    cells, ids, shapes = _checked(cells, regions)
    overlap = _overlap(cells, shapes, population)
    claimed = np.bincount(overlap.position, weights=overlap.share, minlength=len(cells))
    share = overlap.share / np.maximum(claimed, 1.0)[overlap.position]
    kept = share > 0
    entries = overlap.row[kept], cells[overlap.position[kept]], share[kept]
    return Tie.from_arrays(*entries, row_ids=ids, columns=cells)


def _checked(cells: npt.ArrayLike, regions: gpd.GeoDataFrame) -> tuple[Cells, pd.Index, npt.NDArray[Any]]:
    if "region_id" not in regions.columns:
        columns = ", ".join(map(str, regions.columns))
        msg = f"The regions have no column 'region_id'; they have {columns}."
        raise MissingColumnError(msg)
    geometry = to_wgs84(regions)
    bad = ~np.isin(shapely.get_type_id(geometry.values), (3, 6)) | shapely.is_empty(geometry.values)
    if bad.any():
        some = ", ".join(map(str, regions["region_id"][bad][:5]))
        msg = f"{bad.sum()} regions have no polygon: {some}. Drop them."
        raise InputError(msg)
    shapes = cut_polygons(valid_polygons(geometry.to_numpy()))
    shapely.prepare(shapes)
    return as_cells(cells), pd.Index(regions["region_id"]), shapes


def _overlap(cells: Cells, shapes: npt.NDArray[Any], population: Raster | None) -> _Overlap:
    drawn = cell_polygons(cells).to_numpy()
    area = polygon_areas(drawn)
    position, row = shapely.STRtree(shapes).query(drawn)
    within = shapely.covers(shapes[row], drawn[position])
    crosses = ~within & shapely.intersects(shapes[row], drawn[position])
    cut = np.flatnonzero(crosses)
    pieces = polygonal(shapely.intersection(shapes[row[cut]], drawn[position[cut]]))
    share = within.astype(float)
    share[cut] = np.minimum(polygon_areas(pieces) / area[position[cut]], 1.0)
    mass = share * area[position]
    if population is not None:
        people = _people(drawn, population)
        mass = within * people[position]
        mass[cut] = np.minimum(_people(pieces, population), people[position[cut]])
        inhabited = people[position] > 0
        share = np.divide(mass, people[position], out=share, where=inhabited)
    return _Overlap(row, position, share, mass)


def _people(polygons: npt.NDArray[Any], population: Raster) -> Floats:
    return polygon_population(gpd.GeoSeries(polygons, crs="EPSG:4326"), population)
