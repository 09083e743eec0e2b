"""View wedges: the ground that a street photo can have seen."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from geolivelihood.errors import InputError
from geolivelihood.explanation.views.cameras import CREDITS, cameras

__all__ = ["check_range", "view_wedges", "wedge_polygons"]

_GEOD = Geod(ellps="WGS84")
_MAX_RANGE_M = 100.0
_SAG_M = 0.1  # how far the polygon's chord may lie inside the arc
_WIDEST = 45.0  # degrees of a segment, so that a disc of centimetres is one too


def view_wedges(
    images: gpd.GeoDataFrame,
    *,
    range_m: float = 50.0,
    declination: npt.ArrayLike | None = None,
    tracks: bool = False,
) -> gpd.GeoDataFrame:
    """Polygon of the ground that each street photo can have seen.

    The wedge runs from the camera to ``range_m`` between the edges of the field of view. A photo without a
    heading, and a panorama, sees a disc; a missing field of view is taken as 65 degrees. Both are flagged.

    Parameters
    ----------
    images
        Checked images table (EPSG:4326); rows whose ``kind`` is not ``street`` are left out. Headings and
        fields of view are found as :func:`headings` and :func:`fields_of_view` say; a computed heading comes
        with its computed place.
    range_m
        How far the camera sees, metres on the ellipsoid; at most 100.
    declination, tracks
        As in :func:`headings`.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per photo, EPSG:4326, cut at the antimeridian, with ``image_id``, ``heading``, ``fov``,
        ``range_m``, ``heading_source`` and ``fov_source`` (where they are from), ``flag`` (``no_heading``,
        ``magnetic`` or empty), and ``path``, ``license``, ``creator``, ``captured_at`` where known.

    Raises
    ------
    InputError
        If ``range_m`` is not between 0 and 100.
    """
    check_range(range_m)
    found = cameras(images, declination=declination, tracks=tracks)
    polygons = wedge_polygons(
        found["lon"],
        found["lat"],
        heading=found["heading"],
        fov=np.where(found["heading"].isna(), 360.0, found["fov"]),
        range_m=range_m,
    )
    frame = found[["image_id", "heading", "fov"]].assign(range_m=range_m)
    frame = frame.join(found[["heading_source", "fov_source", "flag"]])
    for name in CREDITS:
        if name in images:
            frame[name] = images[name].iloc[found["row"]]
    return gpd.GeoDataFrame(frame, geometry=polygons, crs="EPSG:4326")


def wedge_polygons(
    lon: npt.ArrayLike,
    lat: npt.ArrayLike,
    *,
    heading: npt.ArrayLike,
    fov: npt.ArrayLike,
    range_m: float = 50.0,
    segments: int | None = None,
) -> npt.NDArray[np.object_]:
    """Wedges around points, all at once.

    Parameters
    ----------
    lon, lat
        Cameras, degrees (n,).
    heading
        Middle of each wedge, degrees clockwise from north; without meaning for a disc.
    fov
        Width of each wedge, degrees; 360 and more is a disc.
    range_m
        Radius, metres on the WGS84 ellipsoid.
    segments
        Segments of each arc; ``None`` takes as many as keep the chord within 0.1 m of the arc.

    Returns
    -------
    numpy.ndarray
        Polygons (n,), counter-clockwise, from the camera to the right edge and along the arc to the left;
        MultiPolygons where ±180 degrees cuts them.
    """
    given = [np.atleast_1d(np.asarray(part, dtype=float)) for part in (lon, lat, heading, fov)]
    lon, lat, middle, width = np.broadcast_arrays(*given)
    if len(lon) == 0:
        return np.empty(0, dtype=object)
    disc, width = width >= 360.0, np.minimum(width, 360.0)
    pieces = np.full(len(lon), segments) if segments else _segments(width, range_m)
    # Ends of the segments of each arc; a disc ends where it begins, a wedge starts at its camera.
    count = np.where(disc, pieces, pieces + 2)
    row = np.repeat(np.arange(len(lon)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) - ~disc[row]
    right = np.where(disc, 0.0, np.nan_to_num(middle) + width / 2.0)
    azimuth = right[row] - width[row] * place / pieces[row]
    metres = np.where(place < 0, 0.0, range_m)
    far_lon, far_lat, _ = _GEOD.fwd(lon[row], lat[row], azimuth, metres)
    far_lon = lon[row] + (far_lon - lon[row] + 180.0) % 360.0 - 180.0  # unwrapped to the camera
    rings = shapely.linearrings(np.column_stack([far_lon, far_lat]), indices=row)
    return _cut(shapely.polygons(rings))


def check_range(range_m: float) -> None:
    """See that a range is one.

    Raises
    ------
    InputError
        If it is not between 0 and 100 m.
    """
    if not 0 < range_m <= _MAX_RANGE_M:
        msg = f"range_m is {range_m}; give metres above 0 and at most {_MAX_RANGE_M:g}."
        raise InputError(msg)


def _segments(fov: npt.NDArray, range_m: float) -> npt.NDArray[np.int64]:
    step = min(2.0 * np.degrees(np.arccos(max(1.0 - _SAG_M / range_m, 0.0))), _WIDEST)
    return np.ceil(fov / step - 1e-9).astype(np.int64)


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
        polygons[beyond] = [_joined(pair) for pair in pairs]
    return polygons


def _joined(pair: npt.NDArray) -> shapely.Geometry:
    """Both sides as one; a side that the wedge merely touches is a point or line, and left out."""
    parts = shapely.get_parts(pair)
    parts = shapely.orient_polygons(parts[shapely.get_dimensions(parts) == 2])
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
