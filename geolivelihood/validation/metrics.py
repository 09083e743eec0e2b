"""Scores of predictions: each a number, named as in the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn import metrics as sk

from geolivelihood.errors import InputError

__all__ = [
    "CLASSIFICATION",
    "REGRESSION",
    "WorstGroup",
    "classification_scores",
    "known_pairs",
    "per_fold",
    "r2",
    "regression_scores",
    "worst_group",
]

REGRESSION = ("r2", "pearson_r2", "mae", "rmse", "kendall_tau")
CLASSIFICATION = ("accuracy", "macro_f1", "auc")
_LOWER_IS_BETTER = ("mae", "rmse", "mse")

Floats = npt.NDArray[np.float64]


class WorstGroup(NamedTuple):
    """The group that a model serves worst."""

    group: object
    value: float
    n: int


def known_pairs(y: npt.ArrayLike, p: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Rows with both an observation and a prediction.

    Raises
    ------
    InputError
        If the lengths differ.
    """
    observed, predicted = pd.Series(np.asarray(y)), pd.Series(np.asarray(p))
    if len(observed) != len(predicted):
        msg = f"{len(predicted)} predictions do not fit {len(observed)} observations. Give one each."
        raise InputError(msg)
    return ~(observed.isna() | predicted.isna()).to_numpy()


def r2(y: npt.ArrayLike, p: npt.ArrayLike, *, reference: npt.ArrayLike | None = None) -> float:
    """Coefficient of determination, 1 − SSE/SST; NaN where the observations do not vary.

    Parameters
    ----------
    y, p
        Observed and predicted, shape (n,).
    reference
        What SST is taken about: one number, or one per row (the mean of its training fold). ``None`` takes
        the mean of ``y``.
    """
    observed, predicted = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    about = observed.mean() if reference is None else np.asarray(reference, dtype=float)
    total = ((observed - about) ** 2).sum()
    return float(1 - ((observed - predicted) ** 2).sum() / total) if total > 0 else np.nan


def regression_scores(y: npt.ArrayLike, p: npt.ArrayLike) -> dict[str, float]:
    """Scores of predicted numbers.

    Rows without an observation or a prediction are left out.

    Parameters
    ----------
    y, p
        Observed and predicted, shape (n,).

    Returns
    -------
    dict
        ``r2`` (1 − SSE/SST), ``pearson_r2`` (blind to bias and scale), ``mae``, ``rmse``, ``kendall_tau``
        (τ_b). NaN where a score is not defined.

    Examples
    --------
    >>> scores = regression_scores([1, 2, 3], [3, 5, 7])
    >>> round(scores["r2"], 2), round(scores["pearson_r2"], 2)
    (-13.5, 1.0)
    """
    known = known_pairs(y, p)
    observed = np.asarray(y, dtype=float)[known]
    predicted = np.asarray(p, dtype=float)[known]
    if not len(observed):
        return dict.fromkeys(REGRESSION, np.nan)
    error = observed - predicted
    return {
        "r2": r2(observed, predicted),
        "pearson_r2": _pearson_r2(observed, predicted),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "kendall_tau": float(stats.kendalltau(observed, predicted).statistic),
    }


def classification_scores(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    proba: npt.ArrayLike | None = None,
    *,
    classes: npt.ArrayLike | None = None,
) -> dict[str, float]:
    """Scores of predicted classes.

    Parameters
    ----------
    y, p
        Observed and predicted classes, shape (n,).
    proba
        Probability of the larger class, shape (n,), or of each class, shape (n, k). ``None``: no AUC.
    classes
        Classes of the columns of ``proba``. ``None`` takes the sorted classes of ``y``.

    Returns
    -------
    dict
        ``accuracy``, ``macro_f1``, ``auc`` (one against the rest, averaged over classes); NaN where not
        defined.

    Raises
    ------
    InputError
        If the shapes do not fit.
    """
    known = known_pairs(y, p)
    observed, predicted = np.asarray(y)[known], np.asarray(p)[known]
    if not len(observed):
        return dict.fromkeys(CLASSIFICATION, np.nan)
    scores = {
        "accuracy": float((observed == predicted).mean()),
        "macro_f1": float(sk.f1_score(observed, predicted, average="macro", zero_division=0.0)),
        "auc": np.nan,
    }
    if proba is not None:
        columns = class_columns(y, proba, classes)
        aucs = [_auc(observed == name, column[known]) for name, column in columns.items()]
        scores["auc"] = float(np.nanmean(aucs)) if np.isfinite(aucs).any() else np.nan
    return scores


def class_columns(
    y: npt.ArrayLike, proba: npt.ArrayLike, classes: npt.ArrayLike | None = None
) -> dict[object, Floats]:
    """Score of each class that AUC is averaged over; of two classes, the larger."""
    values = np.asarray(proba, dtype=float)
    names = np.unique(np.asarray(y)[~pd.isna(np.asarray(y))]) if classes is None else np.asarray(classes)
    if values.ndim == 1:
        return {names[-1]: values}
    if values.ndim != 2 or values.shape[1] != len(names):
        msg = f"proba has shape {values.shape} for {len(names)} classes. Give one column per class."
        raise InputError(msg)
    if len(names) == 2:
        return {names[1]: values[:, 1]}
    return {name: values[:, k] for k, name in enumerate(names)}


def per_fold(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    fold: npt.ArrayLike,
    *,
    score: Callable[[Floats, Floats], float] = r2,
) -> pd.Series:
    """Score of each fold, to show its spread; the score to report is the pooled one.

    Rows of fold −1, never tested, are left out.
    """
    folds = np.asarray(fold)
    known = known_pairs(y, p) & (folds >= 0)
    observed, predicted = np.asarray(y)[known], np.asarray(p)[known]
    rows = pd.Series(np.arange(known.sum())).groupby(folds[known])
    scores = {k: score(observed[index], predicted[index]) for k, index in rows.groups.items()}
    return pd.Series(scores, name="score", dtype=float).rename_axis("fold")


def worst_group(
    y: npt.ArrayLike, p: npt.ArrayLike, groups: npt.ArrayLike, *, score: str = "rmse", least: int = 30
) -> WorstGroup:
    """Group (urban/rural, country ...) with the worst score among those of at least ``least`` rows.

    Raises
    ------
    InputError
        If no group is large enough, or the score is unknown.
    """
    if score not in REGRESSION:
        msg = f"score={score!r} is unknown. Give one of {', '.join(REGRESSION)}."
        raise InputError(msg)
    known = known_pairs(y, p)
    observed, predicted = np.asarray(y, dtype=float)[known], np.asarray(p, dtype=float)[known]
    rows = pd.Series(np.arange(known.sum())).groupby(np.asarray(groups)[known])
    scores = [
        WorstGroup(name, regression_scores(observed[index], predicted[index])[score], len(index))
        for name, index in rows.groups.items()
        if len(index) >= least
    ]
    if not scores:
        msg = f"No group has {least} rows. Merge groups, or lower least."
        raise InputError(msg)
    worst = max if score in _LOWER_IS_BETTER else min
    return worst(scores, key=lambda group: group.value)


def _pearson_r2(y: Floats, p: Floats) -> float:
    dy, dp = y - y.mean(), p - p.mean()
    spread = (dy**2).sum() * (dp**2).sum()
    return float((dy * dp).sum() ** 2 / spread) if spread > 0 else np.nan


def _auc(positive: npt.NDArray[np.bool_], value: Floats) -> float:
    known = np.isfinite(value)
    if len(np.unique(positive[known])) < 2:
        return np.nan
    return float(sk.roc_auc_score(positive[known], value[known]))
