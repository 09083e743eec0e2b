"""Distances on the sphere through a k-d tree: points as unit vectors, metres as chords."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from geolivelihood import cells
from geolivelihood.errors import InputError

__all__ = ["EARTH_RADIUS_M", "arc_m", "chord", "lonlat_of", "near_any", "unit_vectors"]

EARTH_RADIUS_M = 6371008.8

Floats = npt.NDArray[np.float64]


def lonlat_of(X: Any) -> Floats:
    """Longitude and latitude, degrees, shape (n, 2), of points (any CRS) or of an array that holds them.

    Raises
    ------
    InputError
        If ``X`` is neither, or a coordinate is no place on earth.
    MissingCRSError
        If a GeoDataFrame or GeoSeries has no CRS.
    """
    if isinstance(X, gpd.GeoDataFrame | gpd.GeoSeries):
        return np.asarray(cells.lonlat(X), dtype=float)
    values = np.asarray(X)
    if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind not in "fiu":
        msg = (
            f"A spatial split needs places, not {type(X).__name__} of shape {np.shape(X)}. "
            "Give a GeoDataFrame of points, or longitudes and latitudes of shape (n, 2)."
        )
        raise InputError(msg)
    lonlat = values.astype(float)
    bad = ~np.isfinite(lonlat).all(axis=1) | (np.abs(lonlat[:, 0]) > 360) | (np.abs(lonlat[:, 1]) > 90)
    if bad.any():
        msg = (
            f"{int(bad.sum())} rows are no places in degrees (first at row {int(np.flatnonzero(bad)[0])}: "
            f"{lonlat[bad][0].tolist()}). Give longitude, then latitude."
        )
        raise InputError(msg)
    return lonlat


def unit_vectors(lonlat: npt.ArrayLike) -> Floats:
    """Points on the unit sphere, shape (n, 3), of longitudes and latitudes in degrees, shape (n, 2)."""
    lon, lat = np.radians(np.asarray(lonlat, dtype=float)).T
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def chord(distance_m: npt.ArrayLike) -> Floats:
    """Straight line through the unit sphere under a great-circle distance, 2 sin(d / 2R)."""
    angle = np.minimum(np.asarray(distance_m, dtype=float) / EARTH_RADIUS_M, np.pi)
    return 2 * np.sin(angle / 2)


def arc_m(chord: npt.ArrayLike) -> Floats:
    """Great-circle metres over a straight line through the unit sphere, 2R arcsin(c / 2)."""
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(np.asarray(chord, dtype=float) / 2, 1.0))


def near_any(points: Floats, others: Floats, distance_m: float) -> npt.NDArray[np.bool_]:
    """Whether each point (unit vectors, shape (n, 3)) lies within ``distance_m`` of one of the others."""
    reach = float(chord(distance_m))
    nearest, _ = KDTree(others).query(points, distance_upper_bound=np.nextafter(reach, np.inf))
    return nearest <= reach
