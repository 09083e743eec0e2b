"""Linear probes of frozen features: what an encoder knows of a label, in closed form and out of fold.

Features are cached once (:func:`~geolivelihood.features.embed`), so a probe takes seconds and has no learning
rate. The published protocol, which trains a layer on crops of the pictures through the frozen network, is
:func:`~geolivelihood.pretraining.finetune.paper_probe`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import linalg
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.models.ridge import RidgeFit, fit_ridge, fit_ridges
from geolivelihood.models.rows import check_features, check_labels, check_target, check_targets, take
from geolivelihood.pretraining.scores import amount_scores, class_scores
from geolivelihood.progress import track

__all__ = [
    "AbsoluteProbe",
    "LogisticProbe",
    "ProbeResult",
    "RidgeProbe",
    "fold_positions",
    "probe",
    "probe_splits",
]

Floats = npt.NDArray[np.float64]
_SMALLEST = 1e-6  # share of the spread of the residuals below which a residual counts as none


class Splitter(Protocol):
    """A scikit-learn cross-validator."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        """Training and test positions of each fold."""


Folds = npt.ArrayLike | Splitter


class ProbeResult(NamedTuple):
    """Predictions of rows that their probe has not seen, and how good they are.

    Attributes
    ----------
    prediction
        Shape (n,), or (n, targets); NaN (``None`` for names of classes) where no fold tested the row.
    fold
        Shape (n,): fold that tested the row, −1 for none.
    scores
        On all tested rows at once: those of :func:`~geolivelihood.pretraining.scores.class_scores` or
        :func:`~geolivelihood.pretraining.scores.amount_scores`; of several targets ``name[k]`` each.
    per_fold
        The same, one row per fold, with ``n``; their spread says how far a score goes.
    """

    prediction: npt.NDArray[Any]
    fold: npt.NDArray[np.intp]
    scores: dict[str, float]
    per_fold: pd.DataFrame


def probe(
    estimator: Any, X: Any, y: npt.ArrayLike, *, folds: Folds, groups: npt.ArrayLike | None = None
) -> ProbeResult:
    """Fit a fresh clone to the other folds of each fold, and score what it predicts for this one.

    Parameters
    ----------
    estimator
        scikit-learn style, such as :class:`RidgeProbe`; it is cloned and stays as it is.
    X
        Features (n, d), or whatever rows the estimator learns from.
    y
        Labels (n,); of regressions also (n, targets).
    folds
        Fold of each row, shape (n,) of whole numbers (negative: in every training, never tested), or a
        cross-validator. Folds that are blocks in space say what the probe knows of other places; random ones
        put neighbours, and dates of one place, on both sides.
    groups
        Passed to the cross-validator.

    Raises
    ------
    InputError
        If a label is missing, there is one class only, there are fewer rows than folds, or the folds do not
        fit.
    """
    labels = _labels(estimator, y)
    rows = X if isinstance(X, list | tuple | pd.DataFrame) else np.asarray(X)
    if len(rows) != len(labels):
        msg = f"{len(labels)} labels for {len(rows)} rows: give one each."
        raise InputError(msg)
    fold = np.full(len(labels), -1, dtype=np.intp)
    found = []
    splits = fold_positions(folds, len(labels), labels, groups)
    for k, (train, test) in enumerate(track(splits, "probing")):
        if is_classifier(estimator) and len(np.unique(labels[train])) < 2:
            msg = f"Fold {k} has one class among its training rows: use fewer or larger folds."
            raise InputError(msg)
        model = clone(estimator).fit(take(rows, train), labels[train])
        found.append((test, np.asarray(model.predict(take(rows, test)))))
        fold[test] = k
    prediction = _gathered(found, len(labels))
    return ProbeResult(prediction, fold, *_scored(estimator, labels, prediction, fold))


def probe_splits(
    estimator: Any,
    X: Any,
    y: npt.ArrayLike,
    *,
    splits: Mapping[str, Folds],
    groups: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Scores of a probe under several splits, such as random and blocked folds, side by side.

    Parameters
    ----------
    estimator, X, y, groups
        As in :func:`probe`.
    splits
        Folds by the name of the split.

    Returns
    -------
    pandas.DataFrame
        ``split, metric, value`` (all rows at once), ``sd`` (between folds), ``folds``, ``n``.
    """
    rows = []
    for name, folds in splits.items():
        result = probe(estimator, X, y, folds=folds, groups=groups)
        spread, tested = result.per_fold.std(ddof=1), int((result.fold >= 0).sum())
        rows += [
            {"split": name, "metric": metric, "value": value, "sd": spread[metric]}
            | {"folds": len(result.per_fold), "n": tested}
            for metric, value in result.scores.items()
        ]
    return pd.DataFrame(rows)


def fold_positions(
    folds: Folds, n: int, y: npt.ArrayLike | None = None, groups: npt.ArrayLike | None = None
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Training and test positions of each fold, from fold numbers (n,) or from a cross-validator.

    Raises
    ------
    InputError
        If the numbers do not fit, there are fewer than two folds, fewer rows than folds, or a fold trains on
        what it tests.
    """
    if hasattr(folds, "split"):
        try:
            pairs = list(cast(Splitter, folds).split(np.zeros((n, 1)), y, groups))
        except ValueError as error:
            msg = f"The folds do not fit {n} rows: {error}"
            raise InputError(msg) from error
    else:
        pairs = _numbered(np.asarray(folds), n)
    found = [(np.asarray(train, dtype=np.intp), np.asarray(test, dtype=np.intp)) for train, test in pairs]
    for k, (train, test) in enumerate(found):
        if not len(train) or not len(test) or len(np.intersect1d(train, test)):
            msg = (
                f"Fold {k} has {len(train)} training and {len(test)} test rows; both need some, none in both."
            )
            raise InputError(msg)
    return found


def _numbered(folds: npt.NDArray[Any], n: int) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    if folds.shape != (n,) or not np.issubdtype(folds.dtype, np.integer):
        msg = f"folds is {folds.dtype} of shape {folds.shape}: give a whole number for each of the {n} rows."
        raise InputError(msg)
    names = np.unique(folds[folds >= 0])
    if len(names) < 2:
        msg = f"There are {len(names)} folds among {n} rows; at least two are needed."
        raise InputError(msg)
    return [(np.flatnonzero(folds != name), np.flatnonzero(folds == name)) for name in names]


def _labels(estimator: Any, y: npt.ArrayLike) -> npt.NDArray[Any]:
    given = np.asarray(y)
    if not is_classifier(estimator):
        target = check_targets(given, rows=len(given))
        if np.isnan(target).any():  # of several targets some may miss some
            msg = f"{int(np.isnan(target).sum())} labels are missing. Drop those rows first."
            raise InputError(msg)
        if (target == target[:1]).all():
            msg = f"All {len(target)} labels are {target[0]}: there is nothing to tell apart."
            raise InputError(msg)
        return target
    classes, codes = check_labels(given, rows=len(given))
    if len(classes) < 2:
        msg = f"All {len(given)} labels are {str(classes[0])!r}: a probe needs two classes to tell apart."
        raise InputError(msg)
    return classes[codes]


def _gathered(found: list[tuple[npt.NDArray[np.intp], npt.NDArray[Any]]], n: int) -> npt.NDArray[Any]:
    first = found[0][1]
    numbers = np.issubdtype(first.dtype, np.number) or first.dtype == bool
    whole = sum(len(test) for test, _ in found) == n
    kind = np.result_type(*(values.dtype for _, values in found)) if whole else None
    empty: Any = np.nan if numbers else None
    made = np.full((n, *first.shape[1:]), 0 if whole else empty, dtype=kind or (float if numbers else object))
    for test, values in found:
        made[test] = values
    return made


def _scored(
    estimator: Any, y: npt.NDArray[Any], prediction: npt.NDArray[Any], fold: npt.NDArray[np.intp]
) -> tuple[dict[str, float], pd.DataFrame]:
    def scores(rows: npt.NDArray[np.bool_]) -> dict[str, float]:
        observed, predicted = y[rows], prediction[rows]
        if is_classifier(estimator):
            return class_scores(observed, predicted.astype(observed.dtype))
        if observed.ndim == 1:
            return amount_scores(observed, predicted)
        pairs = enumerate(zip(observed.T, predicted.T))
        return {f"{name}[{k}]": v for k, pair in pairs for name, v in amount_scores(*pair).items()}

    numbers = range(fold.max() + 1)
    table = pd.DataFrame([scores(fold == k) | {"n": int((fold == k).sum())} for k in numbers])
    return scores(fold >= 0), table


class _Columns(NamedTuple):
    """Mean and standard deviation of each feature; a constant one has scale 1."""

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, table: Floats) -> _Columns:
        scale = table.std(axis=0)
        return cls(table.mean(axis=0), np.where(scale > 1e-12, scale, 1.0))

    def apply(self, table: Floats) -> Floats:
        return (table - self.mean) / self.scale


def _checked_features(X: Any, expected: int | None = None) -> Floats:
    table = check_features(X, expected=expected)
    if np.isnan(table).any():
        msg = f"{int(np.isnan(table).any(axis=1).sum())} rows have features that are NaN. Drop them first."
        raise InputError(msg)
    return table


class _LinearAmounts(RegressorMixin, BaseEstimator):
    """What both probes of amounts predict: a line in standardised features."""

    def predict(self, X: Any) -> Floats:
        """Value per row, or one per row and target."""
        check_is_fitted(self)
        table = self.columns_.apply(_checked_features(X, self.n_features_in_))
        return table @ self.coef_.T + self.intercept_


class RidgeProbe(_LinearAmounts):
    """Ridge on frozen features, in closed form; its penalty is given or chosen by leave-one-out.

    Parameters
    ----------
    alpha
        Penalty on the squared coefficients; ``None`` chooses it by exact leave-one-out errors.
    standardise
        Divide features by their standard deviation first (they are centred in any case).

    Attributes
    ----------
    coef_, intercept_
        On the centred and perhaps standardised features.
    alpha_
        The penalty, by target where there are several.
    """

    def __init__(self, *, alpha: float | None = None, standardise: bool = True) -> None:
        self.alpha = alpha
        self.standardise = standardise

    def fit(self, X: Any, y: npt.ArrayLike) -> Self:
        """Fit to features (n, d) and amounts (n,) or (n, targets)."""
        table = _checked_features(X)
        target = check_targets(y, rows=len(table))
        columns = _Columns.of(table)
        self.columns_ = columns if self.standardise else columns._replace(scale=np.ones_like(columns.scale))
        self.n_features_in_ = table.shape[1]
        alphas = None if self.alpha is None else [self.alpha]
        fit: RidgeFit = fit_ridges(self.columns_.apply(table), target, alphas=alphas)
        self.coef_, self.intercept_, self.alpha_ = fit.coef, fit.intercept, fit.alpha
        return self


class AbsoluteProbe(_LinearAmounts):
    """Least absolute deviations on frozen features: the optimum of the L1 head, without a learning rate.

    Minimises Σ|y − Xw − b| + ½·alpha·Σw² by iteratively reweighted least squares.

    Parameters
    ----------
    alpha
        Penalty on the squared coefficients; ``None`` takes what leave-one-out chooses for a ridge, brought to
        the scale of absolute errors. With as many features as rows some penalty is needed.
    max_iter, tol
        Most iterations; change of the loss, as a share, at which they end.

    Attributes
    ----------
    coef_, intercept_
        On standardised features.
    """

    def __init__(self, *, alpha: float | None = None, max_iter: int = 200, tol: float = 1e-8) -> None:
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: npt.ArrayLike) -> Self:
        """Fit to features (n, d) and amounts (n,)."""
        table = _checked_features(X)
        target = check_target(y, rows=len(table))
        if self.alpha is not None and not self.alpha >= 0:
            msg = f"alpha={self.alpha}: give 0 or more, or None."
            raise InputError(msg)
        self.columns_, self.n_features_in_ = _Columns.of(table), table.shape[1]
        scaled = self.columns_.apply(table)
        start = fit_ridge(scaled, target)
        typical = float(np.mean(np.abs(target - start.predict(scaled)))) or 1.0
        # of squares with weight 1/|r| the ridge's penalty is that of the typical residual
        self.alpha_ = float(start.alpha) / typical if self.alpha is None else self.alpha
        self.coef_, self.intercept_ = self._reweighted(scaled, target, start, np.ptp(target) or 1.0)
        return self

    def _reweighted(self, X: Floats, y: Floats, start: RidgeFit, spread: float) -> tuple[Floats, float]:
        coef, intercept, before = start.coef, float(start.intercept), np.inf
        for _ in range(self.max_iter):
            residual = np.abs(y - X @ coef - intercept)
            loss = float(residual.sum() + self.alpha_ * coef @ coef / 2)
            if before - loss <= self.tol * max(loss, 1e-300):
                break
            before = loss
            coef, intercept = _weighted_ridge(X, y, 1 / np.maximum(residual, _SMALLEST * spread), self.alpha_)
        return coef, intercept


def _weighted_ridge(X: Floats, y: Floats, weight: Floats, alpha: float) -> tuple[Floats, float]:
    """Minimum of Σ w(y − Xc − b)² + alpha·Σc², solved in the smaller of rows and columns."""
    total = weight.sum()
    x_mean, y_mean = weight @ X / total, float(weight @ y / total)
    root = np.sqrt(weight)
    A, b = (X - x_mean) * root[:, None], (y - y_mean) * root
    if alpha == 0:
        coef = linalg.lstsq(A, b)[0]
    elif A.shape[0] < A.shape[1]:
        coef = A.T @ linalg.solve(A @ A.T + alpha * np.eye(len(A)), b, assume_a="pos")
    else:
        coef = linalg.solve(A.T @ A + alpha * np.eye(A.shape[1]), A.T @ b, assume_a="pos")
    return coef, y_mean - float(x_mean @ coef)


class LogisticProbe(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression on standardised frozen features: the optimum, without a learning rate.

    Parameters
    ----------
    C
        Inverse of the penalty on the squared coefficients.
    max_iter
        Most iterations of L-BFGS.

    Attributes
    ----------
    classes_
        Sorted classes.
    """

    def __init__(self, *, C: float = 1.0, max_iter: int = 1000) -> None:
        self.C = C
        self.max_iter = max_iter

    def fit(self, X: Any, y: npt.ArrayLike) -> Self:
        """Fit to features (n, d) and labels (n,)."""
        table = _checked_features(X)
        labels = _labels(self, y)
        if not self.C > 0:
            msg = f"C={self.C}: give a number above 0."
            raise InputError(msg)
        self.columns_, self.n_features_in_ = _Columns.of(table), table.shape[1]
        self.model_ = LogisticRegression(C=self.C, max_iter=self.max_iter)
        self.model_.fit(self.columns_.apply(table), labels)
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probability of each class, shape (n, classes)."""
        check_is_fitted(self)
        return self.model_.predict_proba(self.columns_.apply(_checked_features(X, self.n_features_in_)))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
