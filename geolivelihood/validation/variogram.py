"""How far residuals resemble each other: the empirical variogram and its practical range."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from geolivelihood.errors import InputError
from geolivelihood.validation.distances import EARTH_RADIUS_M, lonlat_of, unit_vectors

__all__ = ["Variogram", "fit_variogram", "variogram"]

_BINS = 15
_LEAST_SHARE = 0.1
_CHUNK = 512

Floats = npt.NDArray[np.float64]


class Variogram(NamedTuple):
    """Half the mean squared difference of residuals against their distance, c₀ + c₁(1 − e^{−h/a}).

    Attributes
    ----------
    lag_m, semivariance, pairs
        Mean distance (metres), γ̂ and number of pairs of each bin that has any.
    nugget, partial_sill, scale_m
        c₀, c₁ and a of the fitted exponential model.
    """

    lag_m: Floats
    semivariance: Floats
    pairs: npt.NDArray[np.int64]
    nugget: float
    partial_sill: float
    scale_m: float

    @property
    def range_m(self) -> float:
        """Practical range 3a, where 95 % of the partial sill is reached; 0 where distance tells too little.

        That is where the model rises by less than a tenth of its value at the largest distance: a curve
        fitted to mere noise rises by some percent, at any range.
        """
        return 3 * self.scale_m if self.spatial_share >= _LEAST_SHARE else 0.0

    @property
    def spatial_share(self) -> float:
        """Share of the model's value at the largest distance by which it rises, 0 to 1."""
        if self.partial_sill == 0:
            return 0.0
        rise = self.partial_sill * -np.expm1(-self.lag_m[-1] / self.scale_m) if self.scale_m > 0 else 0.0
        return float(rise / (self.nugget + rise)) if rise > 0 else 0.0

    @property
    def resolved(self) -> bool:
        """Whether the residuals level off within the distances seen; else there is a trend and no range."""
        return bool(self.range_m <= self.lag_m[-1])


def variogram(
    points: Any, residuals: npt.ArrayLike, *, max_points: int = 3000, random_state: int = 0
) -> Variogram:
    """Empirical variogram in 15 bins up to half the largest distance, with an exponential model.

    Use *out-of-fold* residuals: the in-sample residuals of a flexible model show no range.

    Parameters
    ----------
    points
        Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
    residuals
        Shape (n,); rows with NaN are left out.
    max_points
        Beyond this many a seeded sample is taken, since the pairs grow as n².
    random_state
        Seed of that sample.

    Returns
    -------
    Variogram
        With ``range_m``, the practical range 3a.

    Raises
    ------
    InputError
        If fewer than 10 rows are left, the lengths differ, or all points coincide.
    """
    lonlat, e = lonlat_of(points), np.asarray(residuals, dtype=float)
    if len(lonlat) != len(e):
        msg = f"{len(e)} residuals do not fit {len(lonlat)} points. Give one each."
        raise InputError(msg)
    rows = np.flatnonzero(np.isfinite(e))
    if len(rows) > max_points:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, max_points, replace=False))
    if len(rows) < 10:
        msg = f"{len(rows)} residuals are too few for a variogram. Give at least 10, or a range in metres."
        raise InputError(msg)
    lag, gamma, pairs = _binned(unit_vectors(lonlat[rows]), e[rows])
    return fit_variogram(lag, gamma, pairs)


def fit_variogram(lag_m: npt.ArrayLike, semivariance: npt.ArrayLike, pairs: npt.ArrayLike) -> Variogram:
    """Exponential model by least squares with weights N_h / γ̂²."""
    lag, gamma = np.asarray(lag_m, dtype=float), np.asarray(semivariance, dtype=float)
    counts = np.asarray(pairs, dtype=np.int64)
    top = float(gamma.max(initial=0.0))
    if top == 0:
        return Variogram(lag, gamma, counts, 0.0, 0.0, 0.0)
    root = np.sqrt(counts) / np.maximum(gamma, 1e-3 * top)

    def misfit(theta: Floats) -> Floats:
        nugget, sill, scale = theta
        return root * (nugget + sill * -np.expm1(-lag / (scale * lag[-1])) - gamma / top)

    upper = [2.0, 4.0, 3.0]
    starts = [(0.3, 0.7, 0.1), (0.1, 0.9, 0.4), (0.8, 0.2, 0.03)]
    fits = [least_squares(misfit, x0=start, bounds=([0, 0, 1e-4], upper), xtol=1e-12) for start in starts]
    nugget, sill, scale = min(fits, key=lambda fit: fit.cost).x
    return Variogram(lag, gamma, counts, float(nugget * top), float(sill * top), float(scale * lag[-1]))


def _binned(unit: Floats, e: Floats) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Mean distance, semivariance and pairs of each bin, over blocks of rows so that memory stays small."""
    starts = range(0, len(unit), _CHUNK)
    reach = max(_distances(unit[i : i + _CHUNK], unit).max() for i in starts) / 2
    if reach == 0:
        msg = "All points coincide; a variogram needs places that differ."
        raise InputError(msg)
    sums = np.zeros((3, _BINS))
    for i in starts:
        distance = _distances(unit[i : i + _CHUNK], unit)
        square = (e[i : i + _CHUNK, None] - e[None]) ** 2 / 2
        pair = (np.arange(len(unit))[None] > np.arange(i, i + len(distance))[:, None]) & (distance <= reach)
        bins = np.minimum((distance[pair] / reach * _BINS).astype(np.int64), _BINS - 1)
        sums += [np.bincount(bins, w, _BINS) for w in (distance[pair], square[pair], np.ones(len(bins)))]
    filled = sums[2] > 0
    distance, square, count = sums[:, filled]
    return distance / count, square / count, count.astype(np.int64)


def _distances(some: Floats, all_: Floats) -> Floats:
    """Great-circle metres between two sets of unit vectors."""
    half = np.sqrt(np.maximum(0.0, (1 - some @ all_.T) / 2))
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(half, 1.0))
