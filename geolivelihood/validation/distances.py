"""Distances on the sphere through a k-d tree: points as unit vectors, metres as chords."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from geolivelihood import cells
from geolivelihood.errors import InputError
from geolivelihood.sphere import EARTH_RADIUS_M, arc_m, chord, unit_vectors

__all__ = ["EARTH_RADIUS_M", "arc_m", "chord", "lonlat_of", "near_any", "nearest_m", "unit_vectors"]

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


def near_any(points: Floats, others: Floats, distance_m: float) -> npt.NDArray[np.bool_]:
    """Whether each point (unit vectors, shape (n, 3)) lies within ``distance_m`` of one of the others."""
    reach = float(chord(distance_m))
    nearest, _ = KDTree(others).query(points, distance_upper_bound=np.nextafter(reach, np.inf))
    return nearest <= reach


def nearest_m(points: Floats, others: Floats) -> Floats:
    """Metres from each point (unit vectors, shape (n, 3)) to the nearest of the others."""
    return arc_m(KDTree(others).query(points)[0])
