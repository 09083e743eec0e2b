"""The earth as a sphere: places as unit vectors, metres along the ground as chords through it.

On the unit sphere the straight chord grows with the distance along the ground, so a k-d tree of vectors finds
geodesic neighbours, with no trouble at the antimeridian or the poles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["EARTH_RADIUS_M", "arc_m", "chord", "unit_vectors"]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth, metres."""

Floats = npt.NDArray[np.float64]


def unit_vectors(lonlat: npt.ArrayLike) -> Floats:
    """Points on the unit sphere, shape (..., 3), of longitudes and latitudes in degrees, shape (..., 2)."""
    degrees = np.asarray(lonlat, dtype=float)
    longitude, latitude = np.radians(degrees[..., 0]), np.radians(degrees[..., 1])
    cosine = np.cos(latitude)
    return np.stack([cosine * np.cos(longitude), cosine * np.sin(longitude), np.sin(latitude)], axis=-1)


def chord(distance_m: npt.ArrayLike) -> Floats:
    """Straight line through the unit sphere under a great-circle distance in metres, 2 sin(d / 2R)."""
    angle = np.minimum(np.asarray(distance_m, dtype=float) / EARTH_RADIUS_M, np.pi)
    return 2 * np.sin(angle / 2)


def arc_m(chord: npt.ArrayLike) -> Floats:
    """Great-circle metres over a straight line through the unit sphere, 2R arcsin(c / 2)."""
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(np.asarray(chord, dtype=float) / 2, 1.0))
