"""Where a camera looked: the first heading that can be believed, and who said so."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Geod

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.views.columns import numbers, words

__all__ = ["camera_rotation", "headings"]

Floats = npt.NDArray[np.float64]

_GEOD = Geod(ellps="WGS84")
_STANDING_M = 0.5  # a camera that moved less has no direction of travel


def headings(
    images: gpd.GeoDataFrame, *, declination: npt.ArrayLike | None = None, tracks: bool = False
) -> pd.DataFrame:
    """Heading of each photo, degrees clockwise from true north.

    Taken from the first of these columns that has one: ``heading``; ``computed_compass_angle``, only with the
    ``computed_geometry`` that was found along with it; ``compass_angle``; ``PoseHeadingDegrees`` (GPano);
    ``GPSImgDirection`` (EXIF), of which ``GPSImgDirectionRef`` says whether it is true (``T``, or missing) or
    magnetic (``M``); ``heading_magnetic``. Numbers outside 0 to 360, such as the -1 of some cameras, count as
    missing; 360 is 0.

    Parameters
    ----------
    images
        Table of photos (EPSG:4326).
    declination
        Degrees by which magnetic north lies east of true north, one number or one per photo (rows,); NaN
        where it is not known. Magnetic headings without it are used as they are, and flagged.
    tracks
        Whether a photo without any heading is taken to look the way in which its sequence moves
        (``sequence_id``, ``captured_at``). Right for cameras behind a windscreen only.

    Returns
    -------
    pandas.DataFrame
        By the index of ``images``: ``heading`` (NaN = none), ``heading_source`` (the column, ``track`` or
        ``none``) and ``flag`` (``magnetic``, ``no_heading`` or empty).

    Raises
    ------
    InputError
        If ``declination`` has neither one value nor one per photo, or one beyond ±180.
    MissingColumnError
        If tracks are asked for and the table has no ``sequence_id`` or ``captured_at``.
    """
    true, magnetic = _recorded(images)
    turn = _declination(declination, len(images))
    found = np.full(len(images), np.nan)
    source = np.full(len(images), "none", dtype=object)
    for name, angles in true.items():
        _fill(found, source, name, angles)
    flag = np.full(len(images), "", dtype=object)
    for name, angles in magnetic.items():
        flag[np.isnan(found) & ~np.isnan(angles) & np.isnan(turn)] = "magnetic"
        _fill(found, source, name, np.mod(angles + np.nan_to_num(turn), 360.0))
    if tracks:
        _fill(found, source, "track", _along_tracks(images))
    flag[np.isnan(found)] = "no_heading"
    return pd.DataFrame({"heading": found, "heading_source": source, "flag": flag}, index=images.index)


def camera_rotation(rotation: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Heading and pitch of cameras whose rotation was computed from the pictures.

    Parameters
    ----------
    rotation
        Angle-axis vectors (n, 3), or one (3,), from the world (east, north, up) to the camera (right, down,
        forward), as in Mapillary's ``computed_rotation``; radians.

    Returns
    -------
    tuple of numpy.ndarray
        Heading, degrees clockwise from north in [0, 360), and pitch, degrees downwards; (n,) each, or
        numbers.

    Raises
    ------
    InputError
        If there are not three numbers each.
    """
    vectors = np.asarray(rotation, dtype=float)
    if vectors.ndim not in (1, 2) or vectors.shape[-1] != 3:
        msg = f"A rotation is three numbers (angle-axis, radians); got an array of shape {vectors.shape}."
        raise InputError(msg)
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    axis = np.divide(vectors, angle, out=np.zeros_like(vectors), where=angle > 0)
    # Third row of the rotation matrix (Rodrigues): the camera's forward axis in the world.
    x, y, z = np.moveaxis(axis, -1, 0)
    cos, sin = np.cos(angle[..., 0]), np.sin(angle[..., 0])
    east, north = z * x * (1 - cos) - y * sin, z * y * (1 - cos) + x * sin
    up = np.clip(cos + z * z * (1 - cos), -1.0, 1.0)
    return np.mod(np.degrees(np.arctan2(east, north)), 360.0), -np.degrees(np.arcsin(up))


def _recorded(images: gpd.GeoDataFrame) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Angles by the column that they are from, true ones and magnetic ones, in the order of trust."""
    computed = _angles(images, "computed_compass_angle")
    computed[~_has_point(images, "computed_geometry")] = np.nan
    compass = _angles(images, "GPSImgDirection")
    magnetic = np.char.startswith(words(images, "GPSImgDirectionRef"), "m")
    true = {
        "heading": _angles(images, "heading"),
        "computed_compass_angle": computed,
        "compass_angle": _angles(images, "compass_angle"),
        "PoseHeadingDegrees": _angles(images, "PoseHeadingDegrees"),
        "GPSImgDirection": np.where(magnetic, np.nan, compass),
    }
    return true, {
        "GPSImgDirection": np.where(magnetic, compass, np.nan),
        "heading_magnetic": _angles(images, "heading_magnetic"),
    }


def _angles(images: pd.DataFrame, column: str) -> Floats:
    degrees = numbers(images, column)
    with np.errstate(invalid="ignore"):
        return np.where((degrees >= 0) & (degrees <= 360), degrees % 360.0, np.nan)


def _has_point(images: pd.DataFrame, column: str) -> npt.NDArray[np.bool_]:
    if column not in images:
        return np.zeros(len(images), dtype=bool)
    places = images[column].to_numpy(dtype=object)
    return shapely.is_geometry(places) & ~shapely.is_empty(
        np.where(shapely.is_geometry(places), places, None)
    )


def _declination(declination: npt.ArrayLike | None, rows: int) -> Floats:
    turn = np.asarray(np.nan if declination is None else declination, dtype=float)
    if turn.shape not in ((), (rows,)):
        msg = f"declination has shape {turn.shape}; give one number, or one per photo ({rows})."
        raise InputError(msg)
    if (np.abs(turn[~np.isnan(turn)]) > 180).any():
        msg = (
            f"declination reaches {np.nanmax(np.abs(turn)):g}; give degrees east of true north, -180 to 180."
        )
        raise InputError(msg)
    return np.broadcast_to(turn, rows)


def _fill(found: Floats, source: npt.NDArray[np.object_], name: str, angles: Floats) -> None:
    new = np.isnan(found) & ~np.isnan(angles)
    found[new], source[new] = angles[new], name


def _along_tracks(images: gpd.GeoDataFrame) -> Floats:
    """Bearing from the photo before to the one after in the sequence; no angles are averaged."""
    missing = [name for name in ("sequence_id", "captured_at") if name not in images]
    if missing:
        msg = f"Directions of travel need the columns sequence_id and captured_at; missing: {missing}."
        raise MissingColumnError(msg)
    names, times = pd.factorize(images["sequence_id"])[0], images["captured_at"]
    rows = np.flatnonzero((names >= 0) & times.notna())
    order = rows[np.lexsort((times.to_numpy()[rows], names[rows]))]
    sequence = names[order]
    step = np.arange(len(order))
    same = sequence[1:] == sequence[:-1]
    before = step - np.concatenate([[False], same])[: len(order)]
    after = step + np.concatenate([same, [False]])[: len(order)]
    lon, lat = (getattr(images.geometry, axis).to_numpy()[order] for axis in ("x", "y"))
    bearing, _, metres = _GEOD.inv(lon[before], lat[before], lon[after], lat[after])
    found = np.full(len(images), np.nan)
    found[order] = np.where(np.asarray(metres) >= _STANDING_M, np.mod(bearing, 360.0), np.nan)
    return found
