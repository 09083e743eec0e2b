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
from geolivelihood.models.label_errors import check_errors, label_trust
from geolivelihood.models.rows import Floats, check_features, check_targets, check_weights, row_count

__all__ = ["ColumnScale", "RidgeFit", "RidgeRegressor", "fit_ridge", "fit_ridges", "label_weights", "ridge"]

# Penalties per row: the squared singular values of standardised features grow with the number of rows.
_ALPHAS_PER_ROW = np.logspace(-7, 2, 28)


class RidgeFit(NamedTuple):
    """A ridge solution: coefficients, intercept, chosen penalty, mean squared leave-one-out error.

    Of several targets each has its own: ``coef`` has shape (targets, d), the others (targets,).
    """

    coef: Floats
    intercept: float | Floats
    alpha: float | Floats
    loo_error: float | Floats

    @classmethod
    def restored(cls, coef: Floats, values: Sequence[Any]) -> RidgeFit:
        """The solution from its coefficients and the other fields in order, numbers or lists."""
        return cls(coef, *(np.asarray(value) if coef.ndim == 2 else float(value) for value in values))

    def predict(self, X: Floats) -> Floats:
        """Value per row, shape (rows,), or (rows, targets)."""
        return X @ self.coef.T + self.intercept


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
    X: Floats,
    y: Floats,
    *,
    weights: Floats | None = None,
    alphas: npt.ArrayLike | None = None,
    penalty: str = "loo",
) -> RidgeFit:
    """Ridge with an unpenalised intercept; the penalty is chosen by leave-one-out, or by the evidence.

    One singular value decomposition serves every penalty: with X = USVᵀ (rows scaled by √w, centred) the
    hat matrix is U·S²/(S²+α)·Uᵀ and the error of row i when left out is r_i/(1−h_ii) [1]_. The evidence is
    the likelihood of y under coefficients drawn from a normal distribution, −(n−1)/2·log(yᵀ(I+XXᵀ/α)⁻¹y)
    − ½·Σ log(1+S²/α) [2]_.

    Parameters
    ----------
    X, y
        Features (rows, d) and target (rows,), without NaN.
    weights
        One weight per row.
    alphas
        Penalties to try; default 28 from 1e-7 to 1e2 times the number of rows.
    penalty
        ``"loo"``: least leave-one-out error, the penalty to predict more rows like these. ``"evidence"``:
        greatest evidence, the penalty to know the coefficients, when other rows will vary along directions
        in which these hardly do.

    References
    ----------
    .. [1] Golub, Heath & Wahba (1979), Technometrics 21(2).
    .. [2] MacKay (1992), "Bayesian Interpolation", Neural Computation 4(3).
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
    cost = errors if penalty == "loo" else _surprise(shrink, projected, centred)
    # Of equal costs the strongest penalty, so that a constant target gives zero coefficients.
    best = len(tried) - 1 - int(np.argmin(cost[::-1]))
    coef = right.T @ (singular / (singular**2 + tried[best]) * projected)
    return RidgeFit(coef, float(y_mean - x_mean @ coef), float(tried[best]), float(errors[best]))


def _surprise(shrink: Floats, projected: Floats, centred: Floats) -> Floats:
    """Minus the logarithm of the evidence of each penalty, but for a constant."""
    unexplained = centred @ centred - projected**2 @ shrink
    freedom = max(len(centred) - 1, 1)
    # 1 − S²/(S²+α) = 1/(1+S²/α)
    return freedom / 2 * np.log(np.maximum(unexplained, 1e-300)) - np.log1p(-shrink).sum(axis=0) / 2


def fit_ridges(
    X: Floats,
    y: Floats,
    *,
    weights: Floats | None = None,
    alphas: npt.ArrayLike | None = None,
    penalty: str = "loo",
) -> RidgeFit:
    """:func:`fit_ridge` for one target, or for each of several on the rows where it is known.

    Parameters
    ----------
    X
        Features (rows, d), without NaN.
    y
        Shape (rows,), or (rows, targets) with NaN for a missing value.
    weights
        One per row, or of the shape of ``y``.
    alphas, penalty
        As in :func:`fit_ridge`; every target chooses its own.

    Raises
    ------
    InputError
        If a target has no known value with a weight above 0.
    """
    if y.ndim == 1:
        return fit_ridge(X, y, weights=weights, alphas=alphas, penalty=penalty)
    known = ~np.isnan(y)
    given = np.ones(len(y)) if weights is None else weights
    each = np.broadcast_to(given.reshape(len(y), -1), y.shape)
    empty = np.flatnonzero(~(known & (each > 0)).any(axis=0))
    if len(empty):
        msg = (
            f"Target {empty[0]} has no known value with a weight above 0 in the {len(y)} rows to learn from."
        )
        raise InputError(msg)
    fits = [
        fit_ridge(X[rows], target[rows], weights=weight[rows], alphas=alphas, penalty=penalty)
        for target, weight, rows in zip(y.T, each.T, known.T)
    ]
    return RidgeFit(*(np.array(values) for values in zip(*fits)))


def label_weights(X: Floats, y: Floats, *, weights: Floats, se: Floats | None = None) -> Floats:
    """Weight of every label: that of its row, times the trust that its standard error leaves it.

    What the model misses is taken from the leave-one-out error of a ridge that trusts all labels alike.

    Parameters
    ----------
    X
        Features (rows, d), without NaN.
    y
        Shape (rows,), or (rows, targets) with NaN for a missing value.
    weights
        One per row.
    se
        Standard errors in the unit of ``y``, from :func:`~geolivelihood.models.label_errors.check_errors`.

    Returns
    -------
    numpy.ndarray
        Of the shape of ``y``; 0 where it is missing.
    """
    each = weights if y.ndim == 1 else weights[:, None] * ~np.isnan(y)
    if se is None:
        return each
    return each * label_trust(se, fit_ridges(X, y, weights=each).loo_error)


class RidgeRegressor(RegressorMixin, BaseEstimator):
    """Linear baseline on features: standardise, then ridge with the penalty of least leave-one-out error.

    Missing feature values take the column's mean. Leave-one-out needs no inner folds, so the whole choice
    costs one decomposition. Several targets share the standardised features and nothing else: each has its
    own penalty and learns from the rows where it is known.

    Parameters
    ----------
    alphas
        Penalties to try on standardised features; ``None`` spans nine decades around the number of rows.

    Attributes
    ----------
    coef_, intercept_
        On standardised features; shapes (d,) and a number, or (targets, d) and (targets,).
    alpha_
        The penalty chosen, by target where there are several.
    scale_
        Mean and standard deviation of each feature.
    """

    def __init__(self, *, alphas: Sequence[float] | None = None) -> None:
        self.alphas = alphas

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        se: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit on features and one or several targets.

        Parameters
        ----------
        X
            Features (rows, d); NaN = missing.
        y
            Target (rows,), or (rows, targets) with NaN where one is missing.
        sample_weight
            Weight per row.
        se
            Standard error of each label, of the shape of ``y``; NaN counts as the median. Weights become
            w / (1 + se²/τ²) with τ² the model's own error variance.

        Raises
        ------
        InputError
            If shapes disagree, a value cannot be used, or a target has fewer than two known values.
        """
        table = check_features(X)
        target = check_targets(y, rows=len(table))
        weights = check_weights(sample_weight, rows=len(table))
        error = None if se is None else check_errors(se, len(table), observed=~np.isnan(target))
        self.n_features_in_ = table.shape[1]
        self.scale_ = ColumnScale.of(table, weights=weights)
        scaled = self.scale_.apply(table)
        each = label_weights(scaled, target, weights=weights, se=error)
        solution = fit_ridges(scaled, target, weights=each, alphas=self.alphas)
        self.coef_, self.intercept_ = solution.coef, solution.intercept
        self.alpha_, self.loo_error_ = solution.alpha, solution.loo_error
        return self

    def predict(self, X: Any) -> Floats:
        """Predict one value per row, or one per row and target."""
        check_is_fitted(self)
        if row_count(X) == 0:
            return np.zeros((0, *self.coef_.shape[:-1]))
        table = self.scale_.apply(check_features(X, expected=self.n_features_in_))
        return table @ self.coef_.T + self.intercept_

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return {"coef": self.coef_} | self.scale_.arrays(), {
            "intercept": self.intercept_,
            "alpha": self.alpha_,
            "loo_error": self.loo_error_,
        }

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        saved = RidgeFit.restored(arrays["coef"], [meta[name] for name in RidgeFit._fields[1:]])
        self.coef_, self.intercept_, self.alpha_, self.loo_error_ = saved
        self.scale_ = ColumnScale.restored(arrays)
        self.n_features_in_ = self.coef_.shape[-1]


def ridge(*, alphas: Sequence[float] | None = None) -> RidgeRegressor:
    """Ridge on standardised features, penalty chosen by leave-one-out; see :class:`RidgeRegressor`."""
    return RidgeRegressor(alphas=alphas)
