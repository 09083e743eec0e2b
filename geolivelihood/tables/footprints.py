"""The ground that pixels cover: polygons in EPSG:4326 that are right at the antimeridian and the poles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine

__all__ = ["cut_at_antimeridian", "unfolded", "window_polygons"]

_DECIMALS = 8  # degrees, about a millimetre: world files carry their pixel size with fewer digits than that


def window_polygons(
    transform: Affine, windows: np.ndarray, *, crs: Any, points_per_edge: int = 21
) -> np.ndarray:
    """Footprints of pixel windows of one raster.

    A straight edge in a projected CRS is a curve in longitude and latitude, so edges are densified before
    they are transformed. A window across the antimeridian becomes a MultiPolygon, one around a pole reaches
    the pole, and latitudes end at 90 degrees.

    Parameters
    ----------
    transform
        Affine of the raster: (column, row) to its CRS.
    windows
        (n, 4) columns ``col_off, row_off, width, height`` in pixels; may reach beyond the raster.
    crs
        CRS of the raster, anything :class:`pyproj.CRS` takes.
    points_per_edge
        Vertices per edge in a projected CRS. In a geographic CRS without rotation edges stay straight.

    Returns
    -------
    numpy.ndarray
        (n,) shapely polygons, longitude/latitude. A window that its CRS cannot place is an empty polygon.
    """
    if not len(windows):
        return np.empty(0, dtype=object)
    source = pyproj.CRS.from_user_input(crs)
    straight = source.is_geographic and transform.b == 0 and transform.d == 0
    columns, rows = _rings(np.asarray(windows, dtype=float), 1 if straight else points_per_edge)
    x = transform.a * columns + transform.b * rows + transform.c
    y = transform.d * columns + transform.e * rows + transform.f
    lon, lat = pyproj.Transformer.from_crs(source, "EPSG:4326", always_xy=True).transform(x, y)
    placed = (np.isfinite(lon) & np.isfinite(lat)).all(axis=1)
    lon, lat = np.where(placed[:, None], lon, 0.0), np.where(placed[:, None], lat, 0.0)
    # the transformer folds longitudes into -180..180; in a geographic raster its own are continuous
    lon = lon + np.round((x - lon) / 360) * 360 if straight else _unwrapped(lon)
    polygons = _polygons(lon, np.clip(lat, -90, 90))
    polygons[~placed] = shapely.Polygon()
    return cut_at_antimeridian(polygons)


def cut_at_antimeridian(polygons: np.ndarray) -> np.ndarray:
    """Polygons whose longitudes may run beyond 180 degrees, cut there and brought into -180 to 180.

    Parameters
    ----------
    polygons
        (n,) shapely polygons with continuous longitudes: one from 170 to 190 crosses the antimeridian.

    Returns
    -------
    numpy.ndarray
        (n,) polygons, MultiPolygons where something was cut.
    """
    result = np.array(polygons, dtype=object)
    bounds = shapely.bounds(result)
    first = np.floor((bounds[:, 0] + 180) / 360)
    last = np.ceil((bounds[:, 2] + 180) / 360) - 1
    inside = (first == 0) & (last == 0)
    whole = ~inside & (first == last)
    result[whole] = _shifted(result[whole], -360 * first[whole])
    for row in np.flatnonzero(last > first):  # the few that cross
        result[row] = _cut(result[row], int(first[row]), int(last[row]))
    return result


def unfolded(geometries: np.ndarray) -> np.ndarray:
    """Geometries with continuous longitudes: those that jump at the antimeridian go on beyond 180 degrees.

    Parameters
    ----------
    geometries
        (n,) shapely geometries, longitude/latitude. One that spans more than half the earth is taken as a
        narrow one across the antimeridian.

    Returns
    -------
    numpy.ndarray
        (n,) geometries; the inverse of :func:`cut_at_antimeridian` up to the seam that cutting leaves.
    """
    result = np.array(geometries, dtype=object)
    bounds = shapely.bounds(result)
    folded = np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180)
    coordinates = shapely.get_coordinates(result[folded])
    coordinates[:, 0] += np.where(coordinates[:, 0] < 0, 360.0, 0.0)
    result[folded] = shapely.set_coordinates(result[folded].copy(), coordinates)
    return result


def _rings(windows: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4 * points) columns and rows along the edges of windows, the first corner not repeated."""
    share = np.arange(points) / points
    zero, one = np.zeros(points), np.ones(points)
    along = np.concatenate([share, one, 1 - share, zero])
    down = np.concatenate([zero, share, one, 1 - share])
    col_off, row_off, width, height = (windows[:, [k]] for k in range(4))
    return col_off + width * along, row_off + height * down


def _unwrapped(lon: np.ndarray) -> np.ndarray:
    """Longitudes along each ring without jumps of 360 degrees."""
    steps = np.diff(lon, axis=1)
    turns = np.cumsum(np.round(steps / 360), axis=1)
    return np.concatenate([lon[:, :1], lon[:, 1:] - 360 * turns], axis=1)


def _polygons(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lon, lat = np.round(lon, _DECIMALS), np.round(lat, _DECIMALS)
    polygons = shapely.polygons(np.stack([lon, lat], axis=2))
    around = np.abs(lon[:, -1] - lon[:, 0]) > 180  # the ring winds around a pole and does not close
    for row in np.flatnonzero(around):  # at most two rasters of a set lie over a pole
        polygons[row] = _polar_cap(lon[row], lat[row])
    return polygons


def _polar_cap(lon: np.ndarray, lat: np.ndarray) -> shapely.Polygon:
    pole = 90.0 if lat.mean() > 0 else -90.0
    turn = 360.0 if lon[-1] > lon[0] else -360.0
    closed_lon = np.concatenate([lon, [lon[0] + turn, lon[0] + turn, lon[0]]])
    closed_lat = np.concatenate([lat, [lat[0], pole, pole]])
    return shapely.Polygon(np.stack([closed_lon, closed_lat], axis=1))


def _cut(polygon: shapely.Polygon, first: int, last: int) -> shapely.Geometry:
    worlds = np.arange(first, last + 1)
    boxes = shapely.box(360 * worlds - 180, -90, 360 * worlds + 180, 90)
    pieces = _shifted(shapely.intersection(polygon, boxes), -360.0 * worlds)
    parts = shapely.get_parts(pieces)
    parts = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 0)]
    merged = shapely.union_all(parts)
    return merged if len(parts) else shapely.Polygon()


def _shifted(polygons: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    coordinates = shapely.get_coordinates(polygons)
    coordinates[:, 0] += np.repeat(degrees, shapely.get_num_coordinates(polygons))
    return shapely.set_coordinates(polygons.copy(), coordinates)
