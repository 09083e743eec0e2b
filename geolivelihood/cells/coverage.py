"""Polygons to cells: every cell that a polygon touches, or those whose centre it holds.

The search goes down the H3 hierarchy from coarse cells to fine ones, for all polygons at once. A cell and all
its descendants lie within a disc around its centre, and the box of that disc in degrees is compared with the
polygon: boxes inside need no further look, boxes outside are dropped, the others are split.
"""

from __future__ import annotations

from typing import Any, Literal

import geopandas as gpd
import h3ronpy
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from geolivelihood.cells.index import Cells, disks, lonlat_cells, parents, to_wgs84
from geolivelihood.cells.polygons import (
    boundaries,
    cell_areas,
    cell_centres,
    cell_polygons,
    cut_polygons,
    valid_polygons,
)
from geolivelihood.errors import InputError

__all__ = ["polygon_cells"]

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mode = Literal["covers", "centre"]

# Circumradius of a cell and everything below it, over the root of its area. A regular hexagon has .62; with
# distortion and the children that stick out of their parents the largest one found is .709.
_DESCENDANTS = 0.78


def polygon_cells(
    polygons: gpd.GeoSeries | gpd.GeoDataFrame, *, resolution: int, mode: Mode = "covers"
) -> tuple[Rows, Cells]:
    """Cells of each polygon.

    Parameters
    ----------
    polygons
        Polygons or MultiPolygons, any CRS. Their edges are straight in longitude and latitude; one that
        crosses the antimeridian is cut there, or has longitudes beyond ±180.
    resolution
        H3 resolution.
    mode
        ``"covers"``: every cell that touches the polygon, so that each point of the polygon lies in a
        returned cell. ``"centre"``: the cells whose centre lies in the polygon, so that polygons
        that share no area share no cell.

    Returns
    -------
    rows
        Position of the polygon of each entry, ascending.
    cells
        Its cells, ascending within a polygon, ``uint64``.

    Raises
    ------
    MissingCRSError
        If there is no CRS.
    InputError
        If a geometry is missing, empty or not a polygon, or the mode is unknown.
    """
    if mode not in ("covers", "centre"):
        msg = f"mode={mode!r}: give 'covers' (no gaps) or 'centre' (no overlap)."
        raise InputError(msg)
    lonlat_cells([], [], resolution=resolution)  # refuses a wrong resolution
    shapes = _shapes(polygons)
    if not len(shapes):
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    inner_rows, inner, rows, cells = _descend(shapes, resolution)
    touched = _touches(shapes, rows, cells) if mode == "covers" else _holds(shapes, rows, cells)
    rows = np.concatenate([inner_rows, rows[touched]])
    cells = np.concatenate([inner, cells[touched]])
    order = np.lexsort([cells, rows])
    return rows[order], cells[order]


def _shapes(polygons: gpd.GeoSeries | gpd.GeoDataFrame) -> npt.NDArray[Any]:
    geometry = to_wgs84(polygons)
    values = geometry.to_numpy()
    bad = ~np.isin(shapely.get_type_id(values), (3, 6)) | shapely.is_empty(values)
    if bad.any():
        some = ", ".join(map(str, geometry.index[bad][:5]))
        msg = f"{bad.sum()} of {len(bad)} geometries are no polygons (rows {some}). Drop or buffer them."
        raise InputError(msg)
    shapes = cut_polygons(valid_polygons(values))
    shapely.prepare(shapes)
    return shapes


def _descend(shapes: npt.NDArray[Any], resolution: int) -> tuple[Rows, Cells, Rows, Cells]:
    """Cells surely inside, and those at the edge, each with the row of its polygon."""
    start = _start_levels(shapes, resolution)
    rows, cells = np.empty(0, np.int64), np.empty(0, np.uint64)
    inner: list[tuple[Rows, Cells]] = []
    for level in range(int(start.min()), resolution + 1):
        new_rows, new_cells = _seeds(shapes, np.flatnonzero(start == level), level)
        rows, cells = np.concatenate([rows, new_rows]), np.concatenate([cells, new_cells])
        inside, outside = _compare(shapes, rows, cells)
        inner.append(_children(rows[inside], cells[inside], resolution))
        rows, cells = rows[~inside & ~outside], cells[~inside & ~outside]
        if level < resolution:
            rows, cells = _children(rows, cells, level + 1)
    return *(np.concatenate(part) for part in zip(*inner)), rows, cells  # type: ignore[return-value]


def _start_levels(shapes: npt.NDArray[Any], resolution: int) -> Rows:
    """Finest resolution at which two rings around the middle of a polygon's box hold the polygon."""
    bounds = shapely.bounds(shapes)
    width = np.radians(bounds[:, 2] - bounds[:, 0])
    height = np.radians(bounds[:, 3] - bounds[:, 1])
    radius = np.hypot(width, height) / 2  # an upper bound on the sphere, in radians
    levels = np.arange(resolution + 1)
    # Mean edge of resolution 0 is 0.174 radians; two rings reach 2.75 edges, .6 of it in the worst place.
    reach = 2.75 * 0.6 * 0.174 / np.sqrt(7.0) ** levels
    return np.maximum((reach[None, :] > radius[:, None]).sum(axis=1) - 1, 0)


def _seeds(shapes: npt.NDArray[Any], rows: Rows, level: int) -> tuple[Rows, Cells]:
    if not len(rows):
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    if level == 0:
        everywhere = _level_0()
        return np.repeat(rows, len(everywhere)), np.tile(everywhere, len(rows))
    bounds = shapely.bounds(shapes[rows])
    middle = (bounds[:, :2] + bounds[:, 2:]) / 2
    position, cell, _ = disks(lonlat_cells(middle[:, 0], middle[:, 1], resolution=level), k=2)
    return rows[position], cell


def _level_0() -> Cells:
    """The 122 cells of resolution 0, as the parents of a grid of points finer than they are."""
    lon, lat = np.meshgrid(np.arange(-180.0, 180.0, 5.0), np.arange(-90.0, 90.1, 5.0))
    return np.unique(parents(lonlat_cells(lon, lat, resolution=1), resolution=0))


def _children(rows: Rows, cells: Cells, resolution: int) -> tuple[Rows, Cells]:
    if not len(cells):
        return rows, cells
    lists = pa.array(h3ronpy.change_resolution_list(pa.array(cells), resolution))
    return np.repeat(rows, np.diff(np.asarray(lists.offsets))), np.asarray(lists.flatten())


def _compare(shapes: npt.NDArray[Any], rows: Rows, cells: Cells) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Whether each cell with all its descendants is surely inside, or surely outside, its polygon."""
    west, south, east, north = _boxes(cells)
    low, bottom, high, top = shapely.bounds(shapes).T
    near = (north >= bottom[rows]) & (south <= top[rows])
    # A box beyond ±180 also stands on the other side of the map.
    at_home = (east >= low[rows]) & (west <= high[rows])
    moved = ((east - 360 >= low[rows]) | (west + 360 <= high[rows])) & ((west < -180) | (east > 180))
    check = np.flatnonzero(near & (at_home | moved))
    frames = shapely.box(west[check], south[check], east[check], north[check])
    frames = cut_polygons(frames)
    owner = shapes[rows[check]]
    inside, outside = np.zeros(len(rows), bool), np.ones(len(rows), bool)
    outside[check] = ~shapely.intersects(owner, frames)
    inside[check] = shapely.contains_properly(owner, frames)
    return inside, outside


def _boxes(cells: Cells) -> tuple[Floats, Floats, Floats, Floats]:
    """Boxes in degrees around each cell and all its descendants; longitudes may leave ±180."""
    unique, position = np.unique(cells, return_inverse=True)
    centre = cell_centres(unique)
    # square metres to radians
    radius = np.minimum(_DESCENDANTS * np.sqrt(cell_areas(unique)) / 6_371_007.0, np.pi / 2)
    latitude = np.radians(centre[:, 1])
    south, north = latitude - radius, latitude + radius
    polar = (south <= -np.pi / 2) | (north >= np.pi / 2)
    sine = np.sin(radius) / np.cos(np.where(polar, 0.0, latitude))
    wide = np.where(polar, np.pi, np.arcsin(np.minimum(sine, 1.0)))
    # Around a pole the box is the whole width of the map, once.
    longitude = np.where(polar, 0.0, centre[:, 0])
    box = (
        longitude - np.degrees(wide),
        np.maximum(np.degrees(south), -90.0),
        longitude + np.degrees(wide),
        np.minimum(np.degrees(north), 90.0),
    )
    west, bottom, east, top = (side[position] for side in box)
    return west, bottom, east, top


def _touches(shapes: npt.NDArray[Any], rows: Rows, cells: Cells) -> npt.NDArray[np.bool_]:
    """Whether the cell touches its polygon.

    H3 joins corners by great circles, our cell polygons by straight lines in degrees; the cell counts as
    touching where the polygon comes nearer than the difference, so that no sliver is lost.
    """
    unique, position = np.unique(cells, return_inverse=True)
    drawn = cell_polygons(unique).to_numpy()[position]
    touched = shapely.intersects(shapes[rows], drawn)
    rest = np.flatnonzero(~touched)
    touched[rest] = shapely.dwithin(shapes[rows[rest]], drawn[rest], _bulge(unique)[position[rest]])
    return touched


def _bulge(cells: Cells) -> Floats:
    """Largest distance (degrees) between the great circle and the straight line of a cell's edges."""
    corners, offsets = boundaries(cells)
    lon, lat = np.radians(corners).T
    vectors = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    middle = vectors[:-1] + vectors[1:]
    middle_lat = np.degrees(np.arctan2(middle[:, 2], np.hypot(middle[:, 0], middle[:, 1])))
    middle_lon = np.degrees(np.arctan2(middle[:, 1], middle[:, 0]))
    turn = (corners[1:, 0] - corners[:-1, 0] + 180) % 360 - 180
    east = (middle_lon - corners[:-1, 0] - turn / 2 + 180) % 360 - 180
    north = middle_lat - (corners[1:, 1] + corners[:-1, 1]) / 2
    bulge = np.hypot(east, north)
    bulge[offsets[1:-1] - 1] = 0.0
    # The middle is where the two curves are farthest apart, but for the third order.
    return 1.5 * np.maximum.reduceat(bulge, offsets[:-1]) + 1e-9


def _holds(shapes: npt.NDArray[Any], rows: Rows, cells: Cells) -> npt.NDArray[np.bool_]:
    centre = cell_centres(cells)
    return shapely.intersects_xy(shapes[rows], centre[:, 0], centre[:, 1])
