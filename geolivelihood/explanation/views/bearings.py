"""Where a pixel of a street photo looks: its compass bearing, and how far off it meets the ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError

__all__ = ["GroundPosition", "ground_position", "horizontal_bearing"]

Floats = npt.NDArray[np.float64]


class GroundPosition(NamedTuple):
    """Where on the ground a pixel lies, as seen from the camera.

    Attributes
    ----------
    bearing
        Degrees clockwise from north, in [0, 360).
    range_m
        Metres from the point below the camera; infinite at the horizon and above.
    """

    bearing: Floats
    range_m: Floats


def horizontal_bearing(
    column: npt.ArrayLike,
    *,
    width: npt.ArrayLike,
    heading: npt.ArrayLike,
    fov: npt.ArrayLike,
    panorama: bool = False,
    left: npt.ArrayLike = 0.0,
    full_width: npt.ArrayLike | None = None,
) -> Floats:
    """Compass bearing at which a picture's column looks.

    Parameters
    ----------
    column
        Position across the picture in pixels, 0 at the left edge; pixel ``j`` has its centre at ``j + 0.5``.
    width
        Width of the picture in pixels.
    heading
        Degrees clockwise from north of the picture's centre column; of a cropped panorama, of the centre
        column of the whole.
    fov
        Horizontal field of view in degrees (perspective pictures only).
    panorama
        Whether the picture is equirectangular: bearings are then linear over 360 degrees.
    left, full_width
        Of a cropped panorama: pixels cut off at the left (GPano ``CroppedAreaLeftPixels``) and width of the
        whole (``FullPanoWidthPixels``); ``None`` is ``width``.

    Returns
    -------
    numpy.ndarray
        Degrees clockwise from north, in [0, 360).
    """
    across, width = np.asarray(column, dtype=float), np.asarray(width, dtype=float)
    if panorama:
        whole = width if full_width is None else np.asarray(full_width, dtype=float)
        offset = 360.0 * ((across + np.asarray(left, dtype=float)) / whole - 0.5)
    else:
        offset = np.degrees(np.arctan((across - width / 2.0) / _focal(width, fov)))
    return np.mod(np.asarray(heading, dtype=float) + offset, 360.0)


def ground_position(
    column: npt.ArrayLike,
    row: npt.ArrayLike,
    *,
    width: npt.ArrayLike,
    height: npt.ArrayLike,
    heading: npt.ArrayLike,
    fov: npt.ArrayLike,
    camera_height_m: npt.ArrayLike = 2.0,
    pitch: npt.ArrayLike = 0.0,
    panorama: bool = False,
) -> GroundPosition:
    """Where on flat ground a pixel lies; of an object, give the bottom of its box.

    Rough: with the camera 2 m high, one degree of pitch moves what is 20 m away by -3 to +4 m.

    Parameters
    ----------
    column, row
        Pixels from the left and from the top, 0 at the edges.
    width, height
        Size of the picture.
    heading
        Degrees clockwise from north of the centre column.
    fov
        Horizontal field of view in degrees, below 180 (perspective pictures only).
    camera_height_m
        Height of the camera above the ground: 2.0 for hands and dashboards, 2.5 for roofs of cars.
    pitch
        Degrees by which the camera looks down (perspective pictures only; panoramas are levelled).
    panorama
        Whether the picture is a whole equirectangular one.

    Returns
    -------
    GroundPosition
        Bearing and range of each pixel.

    Raises
    ------
    InputError
        If a panorama comes with a pitch, or the camera is not above the ground.
    """
    metres, down = np.asarray(camera_height_m, dtype=float), np.radians(np.asarray(pitch, dtype=float))
    if (metres <= 0).any():
        msg = f"camera_height_m is {np.min(metres):g}; give metres above the ground."
        raise InputError(msg)
    u, v, width, height = (np.asarray(part, dtype=float) for part in (column, row, width, height))
    if panorama:
        if np.any(down):
            msg = "A panorama has no pitch: level it first, and leave pitch at 0."
            raise InputError(msg)
        bearing = horizontal_bearing(u, width=width, heading=heading, fov=360.0, panorama=True)
        below = np.tan(np.pi * np.clip(v / height - 0.5, 0.0, 0.5))
        with np.errstate(divide="ignore"):
            return GroundPosition(*np.broadcast_arrays(bearing, metres / below))
    x, y, focal = u - width / 2.0, v - height / 2.0, _focal(width, fov)
    forward = focal * np.cos(down) - y * np.sin(down)
    fall = focal * np.sin(down) + y * np.cos(down)
    bearing = np.mod(np.asarray(heading, dtype=float) + np.degrees(np.arctan2(x, forward)), 360.0)
    with np.errstate(divide="ignore"):
        far = np.where(fall > 0, metres * np.hypot(x, forward) / np.where(fall > 0, fall, 1.0), np.inf)
    return GroundPosition(*np.broadcast_arrays(bearing, far))


def _focal(width: npt.NDArray, fov: npt.ArrayLike) -> Floats:
    """Focal length in pixels."""
    return width / (2.0 * np.tan(np.radians(np.asarray(fov, dtype=float)) / 2.0))
