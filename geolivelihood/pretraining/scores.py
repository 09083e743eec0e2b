"""Scores of a probe: of classes and of amounts, on all rows at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn import metrics

from geolivelihood.errors import InputError

__all__ = ["amount_scores", "class_scores"]


def class_scores(y: npt.ArrayLike, prediction: npt.ArrayLike) -> dict[str, float]:
    """Accuracy, and the plain means over classes of recall, precision and F1.

    Parameters
    ----------
    y, prediction
        Observed and predicted classes, shape (n,).

    Returns
    -------
    dict
        ``accuracy``, ``balanced_accuracy`` (mean recall of the observed classes), ``precision``, ``recall``,
        ``f1`` (means over the observed and the predicted classes; 0 for a class that is never right).
    """
    observed, predicted = _pair(y, prediction)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        observed, predicted, average="macro", zero_division=0
    )
    there = np.unique(observed)
    recalls = metrics.recall_score(observed, predicted, labels=there, average="macro", zero_division=0)
    return {
        "accuracy": float(np.mean(observed == predicted)),
        "balanced_accuracy": float(recalls),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }


def amount_scores(y: npt.ArrayLike, prediction: npt.ArrayLike) -> dict[str, float]:
    """Scores of predicted amounts, each under its own name: what is logged as "rsquared" may be r.

    Parameters
    ----------
    y, prediction
        Observed and predicted, shape (n,).

    Returns
    -------
    dict
        ``r2`` = 1 − SSE/SST, ``mse``, ``mae``, Pearson's ``r`` and its square ``r_squared``, ``kendall_tau``
        (τ-b); NaN where one is not defined.

    Examples
    --------
    >>> scores = amount_scores([1, 2, 3], [3, 5, 7])
    >>> round(scores["r2"], 2), round(scores["r"], 2)
    (-13.5, 1.0)
    """
    observed, predicted = (values.astype(np.float64) for values in _pair(y, prediction))
    error, about = observed - predicted, observed - observed.mean()
    total = float(about @ about)
    varies = min(np.ptp(observed), np.ptp(predicted)) > 0
    r = float(np.corrcoef(observed, predicted)[0, 1]) if varies else np.nan
    return {
        "r2": 1 - float(error @ error) / total if total > 0 else np.nan,
        "mse": float(np.mean(error**2)),
        "mae": float(np.mean(np.abs(error))),
        "r": r,
        "r_squared": r**2,
        "kendall_tau": float(stats.kendalltau(observed, predicted).statistic),
    }


def _pair(y: npt.ArrayLike, prediction: npt.ArrayLike) -> tuple[npt.NDArray, npt.NDArray]:
    observed, predicted = np.asarray(y), np.asarray(prediction)
    if observed.ndim != 1 or observed.shape != predicted.shape or not len(observed):
        msg = f"{predicted.shape} predictions for {observed.shape} labels: give one for each, at least one."
        raise InputError(msg)
    return observed, predicted
