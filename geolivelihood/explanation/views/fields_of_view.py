"""How wide a camera looked: the horizontal field of view, by the first rule that applies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.explanation.views.columns import numbers, words
from geolivelihood.tables.json_lists import json_lists

__all__ = ["DEFAULT_FOV", "calibrated_fov", "fields_of_view", "film_fov", "sensor_fov"]

Floats = npt.NDArray[np.float64]

DEFAULT_FOV = 65.0
"""Degrees, of a photo that says nothing about its lens."""
_AROUND = ("spherical", "equirectangular")
_FILM_DIAGONAL_MM = np.hypot(36.0, 24.0)
_UNIT_MM = {1.0: 25.4, 2.0: 25.4, 3.0: 10.0, 4.0: 1.0, 5.0: 1e-3}  # EXIF FocalPlaneResolutionUnit
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_PLACEHOLDERS = {"kartaview": 125.0}  # as Global Streetscapes has them
_PROVIDER_SEQUENCES = 5
_HALVINGS = 60  # of an angle below 4: to the last bit


def fields_of_view(images: pd.DataFrame) -> pd.DataFrame:
    """Horizontal field of view of each photo, as it is seen upright.

    By the first rule that applies:

    1. ``fov``, degrees. ``projection`` or ``camera_type`` spherical or equirectangular, or ``is_pano``: 360,
       or the part of it that a crop leaves (``width`` of ``FullPanoWidthPixels``).
    2. ``camera_parameters`` [f, k1, k2], with ``width`` and ``height``: :func:`calibrated_fov`.
    3. ``FocalLengthIn35mmFilm``: :func:`film_fov`.
    4. ``FocalLength`` and ``FocalPlaneXResolution``: :func:`sensor_fov`.
    5. 65.

    One ``fov`` for all photos of a provider (``source``), over many sequences (``sequence_id``), is a
    placeholder: it is used in place of the 65, and called ``default``.

    Parameters
    ----------
    images
        Table of photos. Sizes are of the file in pixels; an EXIF ``Orientation`` of 5 to 8 swaps them.

    Returns
    -------
    pandas.DataFrame
        By the index of ``images``: ``fov``, degrees in (0, 360], and ``fov_source`` (``fov``, ``projection``,
        ``camera_parameters``, ``FocalLengthIn35mmFilm``, ``FocalLength`` or ``default``).
    """
    found = np.full(len(images), np.nan)
    source = np.full(len(images), "default", dtype=object)
    for name, rule in _RULES.items():
        degrees = _angles(rule(images))
        new = np.isnan(found) & ~np.isnan(degrees)
        found[new], source[new] = degrees[new], name
    default = np.nan_to_num(_angles(numbers(images, "fov")), nan=DEFAULT_FOV)
    found = np.where(np.isnan(found), default, found)
    return pd.DataFrame({"fov": found, "fov_source": source}, index=images.index)


def calibrated_fov(
    parameters: npt.ArrayLike,
    *,
    width: npt.ArrayLike,
    height: npt.ArrayLike,
    fisheye: npt.ArrayLike = False,
) -> Floats:
    """Field of view of cameras whose lens was computed from the pictures.

    Solves f·x(1 + k1·x² + k2·x⁴) = w / (2 max(w, h)) for the tangent x of half the angle, or for half the
    angle itself (fisheye). A distortion that reaches the picture's edge nowhere is taken as none.

    Parameters
    ----------
    parameters
        f, k1, k2 of each camera (n, 3), or of one (3,); f in units of the longer side.
    width, height
        Pixels of the upright picture.
    fisheye
        Whether the lens is one.

    Returns
    -------
    numpy.ndarray
        Degrees (n,).

    Raises
    ------
    InputError
        If there are not three parameters each.
    """
    given = np.atleast_2d(np.asarray(parameters, dtype=float))
    if given.ndim != 2 or given.shape[1] != 3:
        msg = f"camera parameters are f, k1, k2 per camera; got an array of shape {given.shape}."
        raise InputError(msg)
    (focal, k1, k2), wide = given.T, np.broadcast_to(np.asarray(fisheye, dtype=bool), len(given))
    width, height = np.asarray(width, dtype=float), np.asarray(height, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        edge = np.broadcast_to(width / (2.0 * np.maximum(width, height)) / focal, len(given))
        half = _half_angle(edge, k1, k2, wide)
    return 2.0 * np.degrees(np.where(focal > 0, half, np.nan))


def film_fov(focal_mm: npt.ArrayLike, *, width: npt.ArrayLike, height: npt.ArrayLike) -> Floats:
    """Field of view by the focal length on 35 mm film with the same diagonal angle (36 x 24 mm).

    Parameters
    ----------
    focal_mm
        EXIF ``FocalLengthIn35mmFilm``; 0 means unknown.
    width, height
        Pixels of the upright picture, or any numbers in their ratio.

    Returns
    -------
    numpy.ndarray
        Degrees; NaN where the focal length is unknown.
    """
    focal, width, height = (np.asarray(part, dtype=float) for part in (focal_mm, width, height))
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.arctan(_FILM_DIAGONAL_MM * width / np.hypot(width, height) / (2.0 * focal))
        return np.where(focal > 0, 2.0 * np.degrees(half), np.nan)


def sensor_fov(
    focal_mm: npt.ArrayLike,
    *,
    width: npt.ArrayLike,
    resolution: npt.ArrayLike,
    unit: npt.ArrayLike = 2,
    zoom: npt.ArrayLike = 1.0,
) -> Floats:
    """Field of view by the true focal length and the density of pixels on the sensor.

    Parameters
    ----------
    focal_mm
        EXIF ``FocalLength``.
    width
        Pixels across the upright picture.
    resolution
        Pixels per unit of length on the sensor, EXIF ``FocalPlaneXResolution``.
    unit
        EXIF ``FocalPlaneResolutionUnit``: 2 inch, 3 centimetre, 4 millimetre, 5 micrometre.
    zoom
        EXIF ``DigitalZoomRatio``, which counts above 1.

    Returns
    -------
    numpy.ndarray
        Degrees; NaN where a number is missing.
    """
    codes = np.nan_to_num(np.asarray(unit, dtype=float), nan=2.0)
    unit_mm = np.full(codes.shape, np.nan)
    for code, millimetres in _UNIT_MM.items():
        unit_mm[codes == code] = millimetres
    focal = np.asarray(focal_mm, dtype=float) * np.fmax(np.asarray(zoom, dtype=float), 1.0)
    resolution = np.asarray(resolution, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        sensor_mm = np.asarray(width, dtype=float) * unit_mm / resolution
        half = np.arctan(sensor_mm / (2.0 * focal))
        return np.where((focal > 0) & (resolution > 0), 2.0 * np.degrees(half), np.nan)


def panoramas(images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which photos are equirectangular, whole or cropped."""
    said = words(images, "is_pano")
    around = np.isin(said, ["true", "1", "1.0"])
    for column in ("projection", "camera_type"):
        around |= np.isin(words(images, column), _AROUND)
    return around


def fisheyes(images: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which photos were taken through a fisheye."""
    return (words(images, "projection") == "fisheye") | (words(images, "camera_type") == "fisheye")


def upright_size(images: pd.DataFrame) -> tuple[Floats, Floats]:
    """Width and height of the upright pictures in pixels, NaN where unknown."""
    width, height = numbers(images, "width"), numbers(images, "height")
    turned = np.isin(numbers(images, "Orientation"), _TURNED)
    return np.where(turned, height, width), np.where(turned, width, height)


def _half_angle(edge: Floats, k1: Floats, k2: Floats, wide: npt.NDArray[np.bool_]) -> Floats:
    """Half the field of view: where the distorted ray meets the edge first, by halving the angle."""
    turn = _turning_point(k1, k2)

    def reached(angle: Floats) -> Floats:
        x = np.where(wide, angle, np.tan(angle))
        return x * (1.0 + k1 * x**2 + k2 * x**4)

    low = np.zeros_like(edge)
    high = np.where(wide, np.minimum(turn, np.pi), np.minimum(np.arctan(turn), np.pi / 2 - 1e-9))
    exists = reached(high) >= edge
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = reached(middle) < edge
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(exists, high, np.where(wide, edge, np.arctan(edge)))


def _turning_point(k1: Floats, k2: Floats) -> Floats:
    """End of the rise of x(1 + k1·x² + k2·x⁴), beyond which the lens model folds back; may be infinite."""
    root = np.sqrt(np.maximum(9 * k1**2 - 20 * k2, 0.0))
    # 1 + 3 k1 s + 5 k2 s² = 0 for s = x², written so that k2 = 0 needs no case of its own.
    squares = np.stack([2.0 / (-3 * k1 + root), 2.0 / (-3 * k1 - root)])
    squares[~(squares > 0) | ~np.isfinite(squares) | (9 * k1**2 < 20 * k2)] = np.inf
    return np.sqrt(squares.min(axis=0))


def _angles(degrees: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where((degrees > 0) & (degrees <= 360), degrees, np.nan)


def _given(images: pd.DataFrame) -> Floats:
    """Fields of view that somebody measured: NaN where a provider has one for everything."""
    degrees, source = numbers(images, "fov"), words(images, "source")
    same = pd.Series(source).map(_PLACEHOLDERS).to_numpy(dtype=float) == degrees
    if "sequence_id" in images:
        known = pd.DataFrame({"fov": degrees, "source": source, "sequence": images["sequence_id"].array})
        counts = known[source != ""].dropna().groupby("source").nunique()
        alike = counts.index[(counts["fov"] == 1) & (counts["sequence"] >= _PROVIDER_SEQUENCES)]
        same |= np.isin(source, alike.to_numpy(dtype=str))
    return np.where(same, np.nan, degrees)


def _around(images: pd.DataFrame) -> Floats:
    width, full = upright_size(images)[0], numbers(images, "FullPanoWidthPixels")
    with np.errstate(invalid="ignore", divide="ignore"):
        shown = np.where((width > 0) & (full > 0), np.minimum(width / full, 1.0), 1.0)
    return np.where(panoramas(images), 360.0 * shown, np.nan)


def _calibrated(images: pd.DataFrame) -> Floats:
    if "camera_parameters" not in images:
        return np.full(len(images), np.nan)
    rows = [_three(value) for value in images["camera_parameters"]]
    width, height = upright_size(images)
    parameters = np.array(rows, dtype=float).reshape(-1, 3)
    return calibrated_fov(parameters, width=width, height=height, fisheye=fisheyes(images))


def _three(value: object) -> list[float]:
    """f, k1, k2 of a list, or of its JSON; distortions may be left out. NaN for anything else."""
    given = json_lists([value])[0] if isinstance(value, str) else value
    if not isinstance(given, list | tuple | np.ndarray) or not 1 <= len(given) <= 3:
        return [np.nan] * 3
    try:
        return [*map(float, given), *[0.0] * (3 - len(given))]
    except (TypeError, ValueError):
        return [np.nan] * 3


def _by_film(images: pd.DataFrame) -> Floats:
    width, height = upright_size(images)
    return film_fov(numbers(images, "FocalLengthIn35mmFilm"), width=width, height=height)


def _by_sensor(images: pd.DataFrame) -> Floats:
    along, across = (numbers(images, f"FocalPlane{axis}Resolution") for axis in "XY")
    turned = np.isin(numbers(images, "Orientation"), _TURNED)
    return sensor_fov(
        numbers(images, "FocalLength"),
        width=upright_size(images)[0],
        resolution=np.where(turned & (across > 0), across, along),
        unit=numbers(images, "FocalPlaneResolutionUnit"),
        zoom=numbers(images, "DigitalZoomRatio"),
    )


_RULES: dict[str, Callable[[pd.DataFrame], Floats]] = {
    "fov": _given,
    "projection": _around,
    "camera_parameters": _calibrated,
    "FocalLengthIn35mmFilm": _by_film,
    "FocalLength": _by_sensor,
}
