"""Geography alone, as well as geography can do: a Gaussian process on the sphere."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.graphs.neighbours import EARTH_RADIUS_M, unit_vectors
from geolivelihood.models.rows import Floats, check_lonlat, check_target, check_weights, row_count

__all__ = ["GaussianProcess"]

_log = logging.getLogger(__name__)
_EARTH_RADIUS_KM = EARTH_RADIUS_M / 1000
_PAIRS = 1 << 22  # covariances held at a time while predicting, 32 MB
_START_ROWS = 300
_JITTER = 1e-8  # places that coincide, under a weight that leaves them no noise, stay solvable
# Bounds of the noise ratio, and of the length as a share of the extent: outside, the likelihood is flat.
_NOISE, _LENGTH = (1e-4, 1e3), (1e-3, 3.0)


class GaussianProcess(RegressorMixin, BaseEstimator):
    """Ordinary kriging: a constant mean, a Matérn 3/2 covariance and noise, by marginal likelihood.

    The covariance of places d km apart (the straight line between them, on which Matérn is valid on the
    sphere) is s²[(1 + √3d/ℓ)e^{−√3d/ℓ} + τδ]. ℓ and τ maximise the likelihood with the mean and s² integrated
    or profiled out, that is, the restricted likelihood [1]_. The baseline that a model on pictures must beat
    between surveyed places; far from all of them it predicts the mean.

    Time grows as n³ and memory as n², so at most ``tuning_rows`` rows choose ℓ and τ and at most
    ``most_rows`` are kept to predict from: beyond, seeded samples are taken, which is logged.

    Parameters
    ----------
    most_rows
        Most rows that predictions are made from.
    tuning_rows
        Most rows that ℓ and τ are chosen on.
    random_state
        Seed of both samples.

    Attributes
    ----------
    length_km_, noise_
        ℓ, and τ, the noise of a row of average weight as a share of s².
    mean_, variance_
        Mean of the process (generalised least squares), and s².

    References
    ----------
    .. [1] Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, sections 2.7 and 5.4.
    """

    def __init__(
        self, *, most_rows: int = 3000, tuning_rows: int = 1000, random_state: int | None = 0
    ) -> None:
        self.most_rows = most_rows
        self.tuning_rows = tuning_rows
        self.random_state = random_state

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Choose ℓ and τ, and keep what predictions need.

        Parameters
        ----------
        X
            Longitude and latitude in degrees, shape (rows, 2), or a GeoDataFrame of points in EPSG:4326.
        y
            Target, one per row.
        sample_weight
            The noise of a row of weight w (the mean being 1) has variance τs²/w. Rows of weight 0 are left
            out.

        Raises
        ------
        InputError
            If lengths differ, a value is missing, a place is none, or fewer than two rows have a weight.
        """
        points = check_lonlat(X)
        target = check_target(y, rows=len(points))
        weights = check_weights(sample_weight, rows=len(points))
        self._check_options(int((weights > 0).sum()))
        random = np.random.default_rng(self.random_state)
        kept = _sample(np.flatnonzero(weights > 0), self.most_rows, random)
        if len(kept) < (usable := int((weights > 0).sum())):
            _log.info("The Gaussian process predicts from %d of %d rows.", len(kept), usable)
        self.unit_, self.weight_, values = unit_vectors(points[kept]), weights[kept], target[kept]
        chosen = _sample(np.arange(len(kept)), self.tuning_rows, random)
        self.length_km_, self.noise_ = _tuned(self.unit_[chosen], values[chosen], self.weight_[chosen])
        solved = self._solve(values)
        self.mean_, self.variance_, self.dual_ = solved.mean, solved.variance, solved.dual
        return self

    def predict(self, X: Any, *, return_std: bool = False) -> Any:
        """Predict one value per point.

        Parameters
        ----------
        X
            As in ``fit``.
        return_std
            Whether to return the standard deviation of a new *label* (of weight 1) as well: its noise and the
            uncertainty of the mean are in it. It costs another decomposition.

        Returns
        -------
        numpy.ndarray, or two of them
            Shape (rows,).
        """
        check_is_fitted(self)
        unit = unit_vectors(check_lonlat(X)) if row_count(X) else np.empty((0, 3))
        mean, std = np.zeros(len(unit)), np.zeros(len(unit))
        solved = self._solve(np.zeros(len(self.dual_))) if return_std else None
        for rows in _chunks(len(unit), _PAIRS // len(self.unit_)):
            covariance = _matern(cdist(self.unit_, unit[rows]) * _EARTH_RADIUS_KM, self.length_km_)
            mean[rows] = self.mean_ + self.dual_ @ covariance
            if solved is not None:
                std[rows] = np.sqrt(self.variance_ * (self.noise_ + solved.uncertainty(covariance)))
        return (mean, std) if return_std else mean

    def _solve(self, values: Floats) -> _Solved:
        distance = cdist(self.unit_, self.unit_) * _EARTH_RADIUS_KM
        covariance = _matern(distance, self.length_km_)
        covariance.flat[:: len(values) + 1] += self.noise_ / self.weight_ + _JITTER
        return _Solved.of(covariance, values)

    def _check_options(self, usable: int) -> None:
        if self.most_rows < 2 or self.tuning_rows < 2:
            msg = f"most_rows={self.most_rows}, tuning_rows={self.tuning_rows}: give at least 2 of each."
            raise InputError(msg)
        if usable < 2:
            msg = f"{usable} rows have a weight above 0; at least 2 are needed."
            raise InputError(msg)

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        arrays = {"unit": self.unit_, "weight": self.weight_, "dual": self.dual_}
        names = ("length_km_", "noise_", "mean_", "variance_")
        return arrays, {name: getattr(self, name) for name in names}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.unit_, self.weight_, self.dual_ = arrays["unit"], arrays["weight"], arrays["dual"]
        self.length_km_, self.noise_ = float(meta["length_km_"]), float(meta["noise_"])
        self.mean_, self.variance_ = float(meta["mean_"]), float(meta["variance_"])


class _Solved(NamedTuple):
    """Generalised least squares under a covariance K (in units of s²).

    ``factor`` is its Cholesky factor (lower), ``ones`` K⁻¹1, ``dual`` K⁻¹(y − μ̂1), ``loss`` the negative
    restricted log-likelihood up to a constant.
    """

    factor: Floats
    ones: Floats
    dual: Floats
    mean: float
    variance: float
    loss: float

    @classmethod
    def of(cls, covariance: Floats, values: Floats) -> _Solved:
        factor = linalg.cholesky(covariance, lower=True, overwrite_a=True, check_finite=False)
        ones = linalg.cho_solve((factor, True), np.ones(len(values)), check_finite=False)
        total = float(ones.sum())
        mean = float(ones @ values) / total
        rest = values - mean
        dual = linalg.cho_solve((factor, True), rest, check_finite=False)
        freedom = len(values) - 1
        variance = max(float(rest @ dual) / freedom, 0.0)
        half_log_det = np.log(np.diag(factor)).sum()
        log_variance = np.log(variance) if variance > 0 else -np.inf
        loss = (freedom * log_variance + np.log(total)) / 2 + half_log_det
        return cls(factor, ones, dual, mean, variance, float(loss))

    def uncertainty(self, covariance: Floats) -> Floats:
        """Variance of the noiseless value, in units of s²: 1 − k'K⁻¹k + (1 − 1'K⁻¹k)²/1'K⁻¹1."""
        inner = linalg.solve_triangular(self.factor, covariance, lower=True, check_finite=False)
        mean = (1 - self.ones @ covariance) ** 2 / self.ones.sum()
        return np.maximum(1 - (inner**2).sum(axis=0), 0.0) + mean


def _matern(distance_km: Floats, length_km: float) -> Floats:
    """Matérn 3/2; the distances are overwritten."""
    z = np.multiply(distance_km, np.sqrt(3) / length_km, out=distance_km)
    decay = np.exp(-z)
    return np.multiply(np.add(z, 1, out=z), decay, out=decay)


def _tuned(unit: Floats, values: Floats, weights: Floats) -> tuple[float, float]:
    """ℓ (km) and τ of the largest restricted likelihood."""
    middle = unit.mean(axis=0)
    extent = 2 * _EARTH_RADIUS_KM * float(np.sqrt(((unit - middle) ** 2).sum(axis=1).max()))
    if extent == 0 or np.ptp(values) == 0:  # one place, or one value: nothing varies over any distance
        return max(extent, 1.0), 1.0
    distance = cdist(unit, unit) * _EARTH_RADIUS_KM
    few = slice(_START_ROWS)  # the rows are in random order
    starts = itertools.product(np.log(extent * np.geomspace(0.01, 1, 4)), np.log([0.05, 0.5, 5]))
    best = min(starts, key=lambda at: _loss(np.array(at), distance[few, few], values[few], weights[few])[0])
    bounds = [np.log(extent * np.array(_LENGTH)), np.log(_NOISE)]
    found = minimize(
        _loss, best, args=(distance, values, weights), jac=True, bounds=bounds, method="L-BFGS-B",
        options={"maxiter": 50, "ftol": 1e-8},
    )  # fmt: skip
    length, noise = np.exp(found.x)
    return float(length), float(noise)


def _loss(at: Floats, distance: Floats, values: Floats, weights: Floats) -> tuple[float, Floats]:
    """Negative restricted log-likelihood at (log ℓ, log τ), and its gradient.

    With dual a, K⁻¹1 = b: ∂ = ½[tr(K⁻¹∂K) − a'∂Ka/s² − b'∂Kb/1'b]; ∂K/∂log ℓ = z²e^{−z}, ∂K/∂log τ = τ/w.
    """
    length, noise = np.exp(at)
    z = distance * (np.sqrt(3) / length)
    decay = np.exp(-z)
    covariance = (1 + z) * decay
    diagonal = noise / weights
    covariance.flat[:: len(values) + 1] += diagonal + _JITTER
    solved = _Solved.of(covariance, values)
    inverse, _ = linalg.lapack.dpotri(solved.factor, lower=True)
    slope = np.multiply(np.square(z, out=z), decay, out=z)
    dual, ones = solved.dual, solved.ones
    # the inverse fills the lower triangle only; the slope's diagonal is 0
    traces = np.array([2 * np.vdot(inverse, slope), np.diag(inverse) @ diagonal])
    fits = np.array([dual @ slope @ dual, dual**2 @ diagonal]) / solved.variance
    means = np.array([ones @ slope @ ones, ones**2 @ diagonal]) / ones.sum()
    return solved.loss, (traces - fits - means) / 2


def _sample(rows: npt.NDArray[np.intp], most: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """At most ``most`` of the rows, in random order."""
    return random.permutation(rows)[:most]


def _chunks(rows: int, size: int) -> Iterator[slice]:
    step = max(1, size)
    return (slice(start, start + step) for start in range(0, rows, step))
