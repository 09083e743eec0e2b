"""Cells as polygons and centres on the map, cut where the map is cut.

Polygons are built from flat coordinate arrays, without a Python object per corner. A cell that crosses the
antimeridian becomes two parts, a cell around a pole reaches up to ±90 degrees over all longitudes, so that
the cells of a resolution tile the rectangle of longitudes and latitudes without gap or overlap.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import geopandas as gpd
import h3ronpy
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from h3ronpy import vector

from geolivelihood.cells.disc import EARTH_RADIUS_M
from geolivelihood.cells.index import Cells, as_cells

__all__ = ["cell_areas", "cell_centres", "cell_points", "cell_polygons", "cut_polygons"]

Floats = npt.NDArray[np.float64]

# A WKB polygon with one ring: byte order, type, number of rings, number of points, then the points.
_WKB_HEADER = 1 + 4 + 4 + 4
_CELLS_PER_TASK = 5_000
_HALF_TURN = 180.0


def cell_polygons(cells: npt.ArrayLike) -> gpd.GeoSeries:
    """Polygon of each cell.

    Parameters
    ----------
    cells
        Cells, shape (n,).

    Returns
    -------
    geopandas.GeoSeries
        Valid Polygons, or MultiPolygons where the antimeridian cuts a cell; EPSG:4326, index ``cell``.
        Corners are joined by straight lines in longitude and latitude.
    """
    cells = as_cells(cells)
    tasks = max(1, min(len(cells) // _CELLS_PER_TASK, 256))
    # GEOS lets go of the interpreter lock and H3 does not: one thread finds corners while another builds.
    with ThreadPoolExecutor(2 if tasks > 1 else 1) as pool:
        polygons = np.concatenate(list(pool.map(_cut_cells, np.array_split(cells, tasks))))
    return gpd.GeoSeries(polygons, index=pd.Index(cells, name="cell"), crs="EPSG:4326")


def cell_points(cells: npt.ArrayLike) -> gpd.GeoSeries:
    """Centre of each cell as a Point; EPSG:4326, index ``cell``."""
    cells = as_cells(cells)
    return gpd.GeoSeries(
        shapely.points(cell_centres(cells)), index=pd.Index(cells, name="cell"), crs="EPSG:4326"
    )


def cell_centres(cells: npt.ArrayLike) -> Floats:
    """Longitude and latitude of each cell's centre, degrees, shape (n, 2)."""
    batch = pa.record_batch(vector.cells_to_coordinates(pa.array(as_cells(cells))))
    return np.column_stack([np.asarray(batch.column("lng")), np.asarray(batch.column("lat"))])


def cell_areas(cells: npt.ArrayLike) -> Floats:
    """Area of each cell on the sphere, square metres."""
    return np.asarray(pa.array(h3ronpy.cells_area_m2(pa.array(as_cells(cells)))))


def polygon_areas(polygons: npt.NDArray[Any]) -> Floats:
    """Area of polygons in degrees on the sphere (radius 6371008.8 m), square metres."""
    # Lambert's cylinder keeps areas: x = longitude, y = sine of the latitude.
    flat = shapely.transform(
        polygons, lambda xy: np.column_stack([np.radians(xy[:, 0]), np.sin(np.radians(xy[:, 1]))])
    )
    return shapely.area(flat) * EARTH_RADIUS_M**2


def boundaries(cells: Cells) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Closed rings of all cells in one array.

    Returns
    -------
    corners
        Longitude and latitude in degrees, shape (m, 2); counter-clockwise, the first corner repeated.
    offsets
        Ring i is ``corners[offsets[i]:offsets[i + 1]]``; shape (n + 1,).
    """
    corners, counts = _rings(cells)
    return corners, np.concatenate([[0], np.cumsum(counts)])


def cut_polygons(polygons: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Polygons whose longitudes leave ±180 degrees, cut at the antimeridian and moved back inside.

    Parameters
    ----------
    polygons
        Polygons in degrees with longitudes within ±540, shape (n,).
    """
    bounds = shapely.bounds(polygons)
    out = np.flatnonzero((bounds[:, 0] < -_HALF_TURN) | (bounds[:, 2] > _HALF_TURN))
    if not len(out):
        return polygons
    parts = []
    for turn in range(-1, 2):  # three possible worlds, each one vectorised operation over all polygons
        world = shapely.box(-180 + 360 * turn, -90, 180 + 360 * turn, 90)
        inside = shapely.intersection(polygons[out], world)
        parts.append(shapely.transform(inside, lambda xy, turn=turn: xy - [360.0 * turn, 0.0]))
    cut = polygons.copy()
    # Slivers of zero area (a corner that lies on the antimeridian) are no part of a polygon.
    cut[out] = polygonal(shapely.union_all(np.array(parts), axis=0))
    return cut


def valid_polygons(polygons: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same polygons, those with crossing edges repaired."""
    broken = np.flatnonzero(~shapely.is_valid(polygons))
    if not len(broken):
        return polygons
    whole = polygons.copy()
    whole[broken] = polygonal(shapely.make_valid(polygons[broken]))
    return whole


def flat_polygons(corners: Floats, offsets: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Polygons of one ring each, from the arrays that :func:`boundaries` returns."""
    rings = np.arange(len(offsets))
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, corners, (offsets, rings))


def polygonal(geometries: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The polygons among the parts of each geometry; lines and points go."""
    mixed = np.flatnonzero(shapely.get_type_id(geometries) == 7)
    if not len(mixed):
        return geometries
    parts, owner = shapely.get_parts(geometries[mixed], return_index=True)
    keep = shapely.get_dimensions(parts) == 2
    whole = pd.Series(parts[keep]).groupby(owner[keep]).agg(lambda group: shapely.union_all(group.values))
    out = geometries.copy()
    out[mixed] = whole.reindex(range(len(mixed)), fill_value=shapely.Polygon()).to_numpy()
    return out


def _cut_cells(cells: Cells) -> npt.NDArray[Any]:
    corners, offsets = boundaries(cells)
    polygons = flat_polygons(corners, offsets)
    rows = np.flatnonzero(_wide(corners, offsets))
    if len(rows):
        polygons[rows] = _unrolled(corners, offsets, rows)
    return polygons


def _rings(cells: Cells) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Corners and number of corners per cell, read straight from h3ronpy's WKB bytes."""
    wkb = pa.array(vector.cells_to_wkb_polygons(pa.array(cells))).cast(pa.large_binary())
    data = np.frombuffer(wkb.buffers()[2], dtype=np.uint8) if len(wkb) else np.empty(0, np.uint8)
    starts = np.frombuffer(wkb.buffers()[1], dtype=np.int64)[wkb.offset : wkb.offset + len(wkb) + 1]
    counts = (np.diff(starts) - _WKB_HEADER) // 16
    if len(counts) and (counts == counts[0]).all():
        rows = data[starts[0] : starts[-1]].reshape(len(counts), -1)
        corners = np.ascontiguousarray(rows[:, _WKB_HEADER:]).view("<f8").reshape(-1, 2)
    else:
        body = np.ones(len(data), dtype=bool)
        body[(starts[:-1, None] + np.arange(_WKB_HEADER)).ravel()] = False
        corners = data[body].view("<f8").reshape(-1, 2)
    return corners, counts


def _wide(corners: Floats, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Rings in which two neighbouring corners lie more than half a turn apart."""
    if len(offsets) < 2:
        return np.zeros(0, dtype=bool)
    jump = np.abs(np.diff(corners[:, 0], append=0.0)) > _HALF_TURN
    jump[offsets[1:] - 1] = False
    return np.add.reduceat(jump, offsets[:-1]) > 0


def _unrolled(
    corners: Floats, offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[Any]:
    """Cut polygons of the few cells at the antimeridian and the poles."""
    rings = []
    for row in rows:  # one cell in thousands: those on one meridian and two poles
        ring = corners[offsets[row] : offsets[row + 1]]
        longitudes = np.unwrap(ring[:, 0], period=360.0)
        if abs(longitudes[-1] - longitudes[0]) > _HALF_TURN:
            # The ring goes round a pole: close it along the map's upper or lower edge.
            pole = np.copysign(90.0, ring[:, 1].mean())
            edge = [[longitudes[-1], pole], [longitudes[0], pole]]
            unrolled = np.vstack([np.column_stack([longitudes, ring[:, 1]]), edge])
        else:
            # No rounding here: the last corner must stay the first.
            unrolled = ring + np.outer(ring[:, 0] < 0, [360.0, 0.0])
        rings.append(shapely.Polygon(unrolled))
    return cut_polygons(np.array(rings, dtype=object))
