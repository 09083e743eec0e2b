"""Pixels on the ground: their area, and metres between them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine

from geolivelihood.errors import MissingCRSError

__all__ = ["as_crs", "earth_centred", "mercator_area_factor", "pixel_areas"]

Floats = npt.NDArray[np.float64]

_A = 6378137.0
_E2 = 0.0066943799901413165  # WGS84
_E = _E2**0.5


def as_crs(crs: Any, what: str) -> pyproj.CRS:
    """A CRS of anything that pyproj and rasterio know.

    Raises
    ------
    MissingCRSError
        If there is none; ``what`` says of what.
    """
    if not crs:
        msg = f"{what} has no CRS, so its place on the ground is unknown. Set it; none is invented here."
        raise MissingCRSError(msg)
    if isinstance(crs, pyproj.CRS):
        return crs
    return _parsed(crs.to_wkt() if hasattr(crs, "to_wkt") else str(crs))


@lru_cache(maxsize=64)  # thousands of tiles share one
def _parsed(text: str) -> pyproj.CRS:
    return pyproj.CRS.from_user_input(text)


def mercator_area_factor(latitude: npt.ArrayLike) -> Floats:
    """WGS84 ground area of one square metre of EPSG:3857 at a latitude in degrees."""
    phi = np.radians(np.asarray(latitude, dtype=float))
    return np.cos(phi) ** 2 * (1 - _E2) / (1 - _E2 * np.sin(phi) ** 2) ** 2


def pixel_areas(transform: Affine, crs: Any, rows: npt.ArrayLike, columns: npt.ArrayLike = 0) -> Floats:
    """Square metres of ground of pixels.

    In Web Mercator and in degrees pixels shrink towards the poles; other projected systems (UTM, equal-area)
    are taken as true to scale.

    Parameters
    ----------
    transform
        From (column, row) to the CRS; may be rotated.
    crs
        CRS of the raster.
    rows, columns
        Of the pixels, from 0; broadcast against each other. Columns matter in rotated rasters only.

    Returns
    -------
    numpy.ndarray
        Shape of ``rows`` and ``columns`` together.
    """
    system = pyproj.CRS.from_user_input(crs)
    down, across = np.broadcast_arrays(np.asarray(rows, dtype=float), np.asarray(columns, dtype=float))
    size = abs(transform.determinant)
    y = transform.d * (across + 0.5) + transform.e * (down + 0.5) + transform.f
    if system.is_geographic:
        unit = system.axis_info[0].unit_conversion_factor  # radians per degree
        phi = y * unit
        half = (abs(transform.e) + abs(transform.d)) * unit / 2
        if transform.d == 0:  # a strip of the ellipsoid between two parallels, exactly
            return abs(transform.a) * unit * (_authalic(phi + half) - _authalic(phi - half))
        return size * unit**2 * _A**2 * (1 - _E2) * np.cos(phi) / (1 - _E2 * np.sin(phi) ** 2) ** 2
    metres = float(system.axis_info[0].unit_conversion_factor) if system.axis_info else 1.0
    if _is_web_mercator(system):
        latitude = np.degrees(np.arctan(np.sinh(y * metres / _A)))
        return size * metres**2 * mercator_area_factor(latitude)
    return np.full(y.shape, size * metres**2)


def earth_centred(transform: Affine, crs: Any, columns: npt.ArrayLike, rows: npt.ArrayLike) -> Floats:
    """Places of pixel-edge coordinates as metres from the centre of the WGS84 ellipsoid, shape (..., 3).

    Straight lines between them are distances on the ground to 1e-7 at ten kilometres, in every CRS and at
    the antimeridian.
    """
    across, down = np.asarray(columns, dtype=float), np.asarray(rows, dtype=float)
    x = transform.a * across + transform.b * down + transform.c
    y = transform.d * across + transform.e * down + transform.f
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    longitude, latitude = np.radians(lon), np.radians(lat)
    normal = _A / np.sqrt(1 - _E2 * np.sin(latitude) ** 2)
    level = normal * np.cos(latitude)
    return np.stack(
        [level * np.cos(longitude), level * np.sin(longitude), normal * (1 - _E2) * np.sin(latitude)], axis=-1
    )


def _authalic(latitude: Floats) -> Floats:
    """Area of the ellipsoid between the equator and a latitude, square metres per radian of longitude."""
    sine = np.sin(np.clip(latitude, -np.pi / 2, np.pi / 2))
    return _A**2 * (1 - _E2) / 2 * (sine / (1 - _E2 * sine**2) + np.arctanh(_E * sine) / _E)


def _is_web_mercator(crs: pyproj.CRS) -> bool:
    operation = crs.coordinate_operation
    return crs.to_epsg() == 3857 or (
        operation is not None and "Popular Visualisation" in (operation.method_name or "")
    )
