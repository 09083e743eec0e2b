"""The questions that cover an area: small boxes of one fixed grid, or map tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.sphere import EARTH_RADIUS_M
from geolivelihood.tables.matching import check_reach
from geolivelihood.tables.tiles import tile_at

__all__ = ["Area", "boxes_of", "in_rectangle", "quarters", "rectangles", "tiles_of"]

Area: TypeAlias = Sequence[float] | gpd.GeoDataFrame
"""West, south, east, north in degrees (west > east crosses the antimeridian), or survey clusters."""

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# 0.009 degrees: the API wants boxes below 0.01. Divides 360 and 180, so that no box crosses the antimeridian.
_COLUMNS, _LINES = 40_000, 20_000
_ZOOM = 14
# Degrees: a rectangle that ends on a line of the grid takes no box beyond it.
_HAIR = 1e-9


def rectangles(area: Area, *, window_deg: float, radius_m: float | None) -> Floats:
    """West, south, east, north of an area, or of the surroundings of each cluster.

    Parameters
    ----------
    area
        A box, or points in any CRS.
    window_deg, radius_m
        How far the surroundings of a cluster reach; see :func:`~geolivelihood.tables.match_images`.

    Returns
    -------
    numpy.ndarray
        (n, 4) degrees; the west is in -180 to 180, the east may lie beyond 180.

    Raises
    ------
    InputError, MissingCRSError
        If the area is none.
    """
    check_reach(window_deg, radius_m)
    if isinstance(area, gpd.GeoDataFrame):
        return _surroundings(_lonlat(area), window_deg, radius_m)
    box = np.asarray(area, dtype=float)
    if box.shape != (4,) or not np.isfinite(box).all():
        msg = f"{area!r} is no box: give west, south, east, north in degrees, or a GeoDataFrame of clusters."
        raise InputError(msg)
    west, south, east, north = box
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90 or south >= north or west == east:
        msg = (
            f"{tuple(box.tolist())} is no box: west, south, east, north in degrees, the south below the "
            "north. Are longitude and latitude swapped?"
        )
        raise InputError(msg)
    return np.array([[west, south, east + 360 * (east < west), north]])


def boxes_of(area: Floats) -> Floats:
    """Boxes of the grid that touch the rectangles, each once, however many of these overlap.

    Parameters
    ----------
    area
        (n, 4) as :func:`rectangles` gives them.

    Returns
    -------
    numpy.ndarray
        (m, 4) west, south, east, north in degrees, 0.009 degrees wide and high.
    """
    column, line = np.divmod(_touched(_grid_span(area), _COLUMNS), _LINES)
    west, south = column * 360 / _COLUMNS - 180, line * 180 / _LINES - 90
    east, north = (column + 1) * 360 / _COLUMNS - 180, (line + 1) * 180 / _LINES - 90
    return np.stack([west, south, east, north], axis=1).round(9)


def tiles_of(area: Floats) -> Rows:
    """Zoom, x and y, shape (m, 3), of the map tiles at zoom 14 that touch the rectangles, each once."""
    size = 2**_ZOOM
    west, south, east, north = area.T
    east = east - _HAIR
    # Tile numbers are asked for within one turn of the globe; an east beyond 180 lies a turn further on.
    first, top = tile_at(west, north, zoom=_ZOOM)
    last, bottom = tile_at((east + 180) % 360 - 180, south, zoom=_ZOOM)
    turn = np.floor((east + 180) / 360).astype(np.int64)
    x, y = np.divmod(_touched(np.stack([first, top, last + turn * size, bottom], axis=1), size), _LINES)
    return np.stack([np.full(len(x), _ZOOM), x, y], axis=1)


def quarters(boxes: Floats) -> Floats:
    """The four quarters of each box, shape (4n, 4)."""
    west, south, east, north = boxes.reshape(-1, 4).T
    x, y = ((west + east) / 2).round(9), ((south + north) / 2).round(9)
    parts = [(west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north)]
    return np.concatenate([np.stack(part, axis=1) for part in parts])


def in_rectangle(lonlat: Floats, rectangle: Floats) -> npt.NDArray[np.bool_]:
    """Whether positions, shape (n, 2), lie in a rectangle of :func:`rectangles`, edges included."""
    west, south, east, north = rectangle
    eastward = (lonlat[:, 0] - west) % 360
    return (eastward <= east - west) & (lonlat[:, 1] >= south) & (lonlat[:, 1] <= north)


def _lonlat(clusters: gpd.GeoDataFrame) -> Floats:
    if clusters.crs is None:
        msg = "The clusters have no CRS. Set it with clusters.set_crs('EPSG:4326') if they are in degrees."
        raise MissingCRSError(msg)
    points = clusters.geometry.to_crs("EPSG:4326").to_numpy()
    lonlat = np.stack([shapely.get_x(points), shapely.get_y(points)], axis=1)
    if not len(lonlat) or not np.isfinite(lonlat).all():
        lost = np.isnan(lonlat).any(axis=1).sum()
        msg = f"Of {len(lonlat)} clusters {lost} have no point. Give clusters with points."
        raise InputError(msg)
    return lonlat


def _surroundings(lonlat: Floats, window: float, radius: float | None) -> Floats:
    lon, lat = lonlat.T
    wide = high = np.full(len(lon), window)
    if radius is not None:
        angle = radius / EARTH_RADIUS_M
        high = np.full(len(lon), np.degrees(angle))
        # The meridian that a circle touches; a circle around a pole touches all of them.
        slope = np.sin(angle) / np.maximum(np.cos(np.radians(lat)), 1e-12)
        wide = np.where(np.abs(lat) + high < 90, np.degrees(np.arcsin(np.minimum(slope, 1.0))), 180.0)
    wide = np.minimum(wide, 180 - 1e-9)
    west = (lon - wide + 180) % 360 - 180
    south, north = np.maximum(lat - high, -90), np.minimum(lat + high, 90)
    return np.stack([west, south, west + 2 * wide, north], axis=1)


def _grid_span(area: Floats) -> Rows:
    """First and last column and line of the grid under each rectangle; columns may run beyond the last."""
    west, south, east, north = area.T
    first, last = (west + 180 + _HAIR) * _COLUMNS / 360, (east + 180 - _HAIR) * _COLUMNS / 360
    low, high = (south + 90 + _HAIR) * _LINES / 180, (north + 90 - _HAIR) * _LINES / 180
    span = np.floor(np.stack([first, low, last, high], axis=1)).astype(np.int64)
    span[:, [1, 3]] = np.clip(span[:, [1, 3]], 0, _LINES - 1)
    return np.stack([span[:, 0], span[:, 1], np.maximum(span[:, 2], span[:, 0]), span[:, 3]], axis=1)


def _touched(span: Rows, columns: int) -> Rows:
    """Sorted keys, column * 20,000 + line, of all squares of a grid in spans of columns and lines."""
    first, low, last, high = span.T
    wide, tall = np.minimum(last - first + 1, columns), high - low + 1
    count = wide * tall
    of = np.repeat(np.arange(len(span)), count)
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    column = (first[of] + nth // tall[of]) % columns
    return np.unique(column * _LINES + low[of] + nth % tall[of])
