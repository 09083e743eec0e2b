"""Ridge regression on features, its penalty chosen by exact leave-one-out errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats, check_features, check_target, check_weights, row_count

__all__ = ["ColumnScale", "RidgeFit", "RidgeRegressor", "fit_ridge", "ridge"]

# Penalties per row: the squared singular values of standardised features grow with the number of rows.
_ALPHAS_PER_ROW = np.logspace(-7, 2, 28)


class RidgeFit(NamedTuple):
    """A ridge solution: coefficients, intercept, chosen penalty, mean squared leave-one-out error."""

    coef: Floats
    intercept: float
    alpha: float
    loo_error: float


class ColumnScale(NamedTuple):
    """Moments and range of each column; missing values become the mean.

    Values beyond what the training rows show count as the nearest that they do show: an object that no
    training photo holds would otherwise be multiplied into a prediction that nothing supports.
    """

    mean: Floats
    scale: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, table: Floats, *, weights: Floats | None = None) -> ColumnScale:
        """Weighted moments of the known values; a constant column has scale 1, an empty one mean 0."""
        known = ~np.isnan(table)
        weight = known * (np.ones(len(table)) if weights is None else weights)[:, None]
        total = np.maximum(weight.sum(axis=0), np.finfo(float).tiny)
        filled = np.where(known, table, 0.0)
        mean = (weight * filled).sum(axis=0) / total
        deviation = np.where(known, table - mean, 0.0)
        scale = np.sqrt((weight * deviation**2).sum(axis=0) / total)
        scale[scale <= 1e-10 * np.maximum(np.abs(mean), 1e-100)] = 1.0
        low = np.where(weight > 0, table, np.inf).min(axis=0, initial=np.inf)
        high = np.where(weight > 0, table, -np.inf).max(axis=0, initial=-np.inf)
        return cls(mean, scale, np.minimum(low, mean), np.maximum(high, mean))

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> ColumnScale:
        """The scale that :meth:`arrays` saved."""
        return cls(*(arrays[f"feature_{name}"] for name in cls._fields))

    def arrays(self) -> dict[str, Floats]:
        """What to save."""
        return {f"feature_{name}": values for name, values in self._asdict().items()}

    def apply(self, table: Floats) -> Floats:
        """Standardised columns within the training range, 0 where the value is missing."""
        scaled = (np.clip(table, self.low, self.high) - self.mean) / self.scale
        scaled[np.isnan(scaled)] = 0.0
        return scaled


def fit_ridge(
    X: Floats, y: Floats, *, weights: Floats | None = None, alphas: npt.ArrayLike | None = None
) -> RidgeFit:
    """Ridge with an unpenalised intercept; the penalty minimises the leave-one-out error.

    One singular value decomposition serves every penalty: with X = USVᵀ (rows scaled by √w, centred) the
    hat matrix is U·S²/(S²+α)·Uᵀ and the error of row i when left out is r_i/(1−h_ii) [1]_.

    Parameters
    ----------
    X, y
        Features (rows, d) and target (rows,), without NaN.
    weights
        One weight per row.
    alphas
        Penalties to try; default 28 from 1e-7 to 1e2 times the number of rows.

    References
    ----------
    .. [1] Golub, Heath & Wahba (1979), Technometrics 21(2).
    """
    w = np.ones(len(y)) if weights is None else weights
    tried = _ALPHAS_PER_ROW * len(y) if alphas is None else np.sort(np.asarray(alphas, dtype=float))
    if not len(tried) or not (tried > 0).all():
        msg = f"Ridge penalties must be positive, got {tried.tolist()}."
        raise InputError(msg)
    root, total = np.sqrt(w), w.sum()
    x_mean, y_mean = w @ X / total, float(w @ y / total)
    centred = (y - y_mean) * root
    left, singular, right = linalg.svd((X - x_mean) * root[:, None], full_matrices=False)
    projected = left.T @ centred
    shrink = singular[:, None] ** 2 / (singular[:, None] ** 2 + tried)
    leverage = w[:, None] / total + left**2 @ shrink
    error = (centred[:, None] - left @ (shrink * projected[:, None])) / np.maximum(1 - leverage, 1e-12)
    errors = (error**2).sum(axis=0) / total
    # Of equal errors the strongest penalty, so that a constant target gives zero coefficients.
    best = len(tried) - 1 - int(np.argmin(errors[::-1]))
    coef = right.T @ (singular / (singular**2 + tried[best]) * projected)
    return RidgeFit(coef, float(y_mean - x_mean @ coef), float(tried[best]), float(errors[best]))


class RidgeRegressor(RegressorMixin, BaseEstimator):
    """Linear baseline on features: standardise, then ridge with the penalty of least leave-one-out error.

    Missing feature values take the column's mean. Leave-one-out needs no inner folds, so the whole choice
    costs one decomposition.

    Parameters
    ----------
    alphas
        Penalties to try on standardised features; ``None`` spans nine decades around the number of rows.

    Attributes
    ----------
    coef_, intercept_
        On standardised features.
    alpha_
        The penalty chosen.
    scale_
        Mean and standard deviation of each feature.
    """

    def __init__(self, *, alphas: Sequence[float] | None = None) -> None:
        self.alphas = alphas

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Fit on features (rows, d) and a target (rows,)."""
        table = check_features(X)
        target = check_target(y, rows=len(table))
        weights = check_weights(sample_weight, rows=len(table))
        self.n_features_in_ = table.shape[1]
        self.scale_ = ColumnScale.of(table, weights=weights)
        solution = fit_ridge(self.scale_.apply(table), target, weights=weights, alphas=self.alphas)
        self.coef_, self.intercept_ = solution.coef, solution.intercept
        self.alpha_, self.loo_error_ = solution.alpha, solution.loo_error
        return self

    def predict(self, X: Any) -> Floats:
        """Predict one value per row."""
        check_is_fitted(self)
        if row_count(X) == 0:
            return np.zeros(0)
        return (
            self.scale_.apply(check_features(X, expected=self.n_features_in_)) @ self.coef_ + self.intercept_
        )

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return {"coef": self.coef_} | self.scale_.arrays(), {
            "intercept": self.intercept_,
            "alpha": self.alpha_,
            "loo_error": self.loo_error_,
        }

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.coef_, self.scale_ = arrays["coef"], ColumnScale.restored(arrays)
        self.intercept_, self.alpha_ = meta["intercept"], meta["alpha"]
        self.loo_error_ = meta["loo_error"]
        self.n_features_in_ = len(self.coef_)


def ridge(*, alphas: Sequence[float] | None = None) -> RidgeRegressor:
    """Ridge on standardised features, penalty chosen by leave-one-out; see :class:`RidgeRegressor`."""
    return RidgeRegressor(alphas=alphas)
