"""View wedges: the ground that a street photo can have seen."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Geod

from geolivelihood.errors import InputError

__all__ = ["horizontal_bearing", "view_wedges"]

_GEOD = Geod(ellps="WGS84")
_MAX_RANGE_M = 100.0
_SAG_M = 0.1  # how far the polygon's chord may lie inside the arc
_DEFAULT_FOV = 65.0


def horizontal_bearing(
    column: npt.ArrayLike,
    *,
    width: float,
    heading: npt.ArrayLike,
    fov: npt.ArrayLike,
    panorama: bool = False,
) -> npt.NDArray[np.float64]:
    """Compass bearing at which a picture's column looks.

    Parameters
    ----------
    column
        Position across the picture in pixels, 0 at the left edge; pixel ``j`` has its centre at ``j + 0.5``.
    width
        Width of the picture in pixels.
    heading
        Degrees clockwise from north of the picture's centre column.
    fov
        Horizontal field of view in degrees (perspective pictures only).
    panorama
        Whether the picture is equirectangular: bearings are then linear over 360 degrees.

    Returns
    -------
    numpy.ndarray
        Degrees clockwise from north, in [0, 360).
    """
    across = np.asarray(column, dtype=float)
    if panorama:
        offset = 360.0 * (across / width - 0.5)
    else:
        focal = width / (2.0 * np.tan(np.radians(np.asarray(fov, dtype=float)) / 2.0))
        offset = np.degrees(np.arctan((across - width / 2.0) / focal))
    return np.mod(np.asarray(heading, dtype=float) + offset, 360.0)


def view_wedges(images: gpd.GeoDataFrame, *, range_m: float = 50.0) -> gpd.GeoDataFrame:
    """Polygon of the ground that each street photo can have seen.

    The wedge runs from the camera to ``range_m`` between the edges of the field of view. A photo without a
    heading, and a panorama, sees a disc; a missing field of view is taken as 65 degrees. Both are flagged.

    Parameters
    ----------
    images
        Checked images table (EPSG:4326); rows whose ``kind`` is not ``street`` are left out.
    range_m
        How far the camera sees, metres on the ellipsoid; at most 100.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per photo, EPSG:4326, cut at the antimeridian, with ``image_id``, ``heading``, ``fov``,
        ``range_m``, ``heading_source`` and ``fov_source`` (``given`` or ``default``), ``flag``
        (``no_heading`` or empty), and ``path``, ``license``, ``creator``, ``captured_at`` where known.

    Raises
    ------
    InputError
        If ``range_m`` is not between 0 and 100.
    """
    if not 0 < range_m <= _MAX_RANGE_M:
        msg = f"range_m is {range_m}; give metres above 0 and at most {_MAX_RANGE_M:g}."
        raise InputError(msg)
    photos = images[images["kind"].eq("street") & images.geometry.geom_type.eq("Point")]
    heading = _numbers(photos, "heading")
    fov = _numbers(photos, "fov")
    fov = fov.where((fov > 0) & (fov <= 360))
    frame = pd.DataFrame(
        {
            "image_id": photos["image_id"],
            "heading": heading % 360.0,
            "fov": fov.fillna(_DEFAULT_FOV),
            "range_m": range_m,
            "heading_source": np.where(heading.notna(), "given", "none"),
            "fov_source": np.where(fov.notna(), "given", "default"),
            "flag": np.where(heading.notna(), "", "no_heading"),
        },
        index=photos.index,
    )
    kept = [name for name in ("path", "license", "creator", "captured_at") if name in photos]
    polygons = _wedges(
        photos.geometry.x.to_numpy(),
        photos.geometry.y.to_numpy(),
        frame["heading"].to_numpy(),
        np.where(heading.isna(), 360.0, frame["fov"]),
        range_m,
    )
    return gpd.GeoDataFrame(frame.join(photos[kept]), geometry=polygons, crs="EPSG:4326")


def _numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(np.nan, index=frame.index)
    return pd.to_numeric(frame[column], errors="coerce").astype(float)


def _wedges(
    lon: npt.NDArray, lat: npt.NDArray, heading: npt.NDArray, fov: npt.NDArray, range_m: float
) -> npt.NDArray:
    """Rings of all wedges at once: camera, then the arc from its right edge to its left."""
    if len(lon) == 0:
        return np.empty(0, dtype=object)
    disc = fov >= 360.0
    step = 2.0 * np.degrees(np.arccos(max(1.0 - _SAG_M / range_m, 0.0)))
    segments = np.ceil(np.minimum(fov, 360.0) / step - 1e-9).astype(int)
    count = np.where(disc, segments, segments + 1)
    row = np.repeat(np.arange(len(lon)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    start = np.where(disc, 0.0, np.nan_to_num(heading) + fov / 2.0)
    azimuth = start[row] - np.minimum(fov, 360.0)[row] * place / segments[row]
    far_lon, far_lat, _ = _GEOD.fwd(lon[row], lat[row], azimuth, np.full(len(row), range_m))
    far_lon = lon[row] + (far_lon - lon[row] + 180.0) % 360.0 - 180.0  # unwrapped to the camera
    first = np.flatnonzero(~disc)
    ring = np.concatenate([first, row])
    order = np.lexsort((np.concatenate([np.full(len(first), -1), place]), ring))
    points = np.column_stack([np.concatenate([lon[first], far_lon]), np.concatenate([lat[first], far_lat])])
    rings = shapely.linearrings(points[order], indices=ring[order])
    return _cut(shapely.polygons(rings))


def _cut(polygons: npt.NDArray) -> npt.NDArray:
    """Split what passes ±180 degrees into parts that lie within it."""
    bounds = shapely.bounds(polygons)
    for side in (-1.0, 1.0):
        beyond = np.flatnonzero(side * bounds[:, 2 if side > 0 else 0] > 180.0)
        if len(beyond) == 0:
            continue
        edge = sorted((side * 180.0, side * 540.0))
        inside = shapely.intersection(polygons[beyond], shapely.box(-180.0, -90.0, 180.0, 90.0))
        outside = shapely.intersection(polygons[beyond], shapely.box(edge[0], -90.0, edge[1], 90.0))
        moved = shapely.transform(outside, lambda xy, side=side: xy - [side * 360.0, 0.0])
        pairs = np.stack([inside, moved], axis=1)  # of the few at the antimeridian
        polygons[beyond] = [shapely.multipolygons(shapely.get_parts(pair)) for pair in pairs]
    return polygons
