"""Predictions for rows that the model has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from geolivelihood.errors import InputError
from geolivelihood.progress import checkpoint

__all__ = ["OutOfFold", "checked_folds", "out_of_fold"]


class OutOfFold(NamedTuple):
    """Predictions and where they come from.

    Attributes
    ----------
    prediction
        Shape (n,), or (n, k) for probabilities or several targets; NaN (``None`` for names of classes) where
        never tested.
    fold
        Shape (n,): the fold that tested the row, −1 for none.
    """

    prediction: npt.NDArray[Any]
    fold: npt.NDArray[np.intp]


def out_of_fold(
    estimator: Any,
    X: Any,
    y: npt.ArrayLike,
    splits: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    sample_weight: npt.ArrayLike | None = None,
    fit_params: Mapping[str, Any] | None = None,
    fit_rows: Mapping[str, npt.ArrayLike] | None = None,
    groups: npt.ArrayLike | None = None,
    method: str = "predict",
) -> OutOfFold:
    """Fit a fresh clone to each fold's training rows, predict its test rows.

    Parameters
    ----------
    estimator
        scikit-learn style; it is cloned and stays as it is.
    X
        Rows to learn from: array, DataFrame, GeoDataFrame, list or Tie.
    y
        Labels, shape (n,), or (n, targets) with NaN where one is missing. Rows without any are left out of
        training, and predicted all the same.
    splits
        Training and test positions of each fold, as a splitter gives them.
    sample_weight
        Weights, shape (n,), cut to the training rows.
    fit_params
        Passed to every ``fit`` as they are (cell features, a graph).
    fit_rows
        Passed to every ``fit`` cut to the training rows: by name, one entry per row (``se``).
    groups
        Block of each row, shape (n,), cut to the training rows and passed to estimators whose ``fit`` takes
        ``groups``, so that what they tune inside is tuned across blocks too.
    method
        ``predict`` or ``predict_proba``; the columns of the latter follow the sorted classes of ``y``.

    Returns
    -------
    OutOfFold
        Prediction and fold of each row.

    Raises
    ------
    InputError
        If a fold trains on a row that it tests, a row is tested twice, or a fold has no labelled training
        row.
    """
    # the models bring torch with them, which the rest of this room does without
    from geolivelihood.models.rows import row_count, take

    n, values = row_count(X), np.asarray(y)
    rows = {name: np.asarray(given) for name, given in (fit_rows or {}).items()}
    if sample_weight is not None:
        rows["sample_weight"] = np.asarray(sample_weight, dtype=float)
    if groups is not None and has_fit_parameter(estimator, "groups"):
        rows["groups"] = np.asarray(groups)
    _check_lengths(n, {"y": values, **rows})
    known = ~pd.isna(values)
    classes = np.unique(values[known]) if method == "predict_proba" else None
    known = known.any(axis=1) if known.ndim > 1 else known
    fold = np.full(n, -1, dtype=np.intp)
    found: list[tuple[npt.NDArray[np.intp], npt.NDArray[Any]]] = []
    for k, (allowed, test) in enumerate(checked_folds(splits, n)):
        checkpoint()
        train = allowed[known[allowed]]
        if not len(train):
            msg = f"Fold {k} has no training row with a label. Use larger folds or a smaller buffer."
            raise InputError(msg)
        extra = dict(fit_params or {}) | {name: whole[train] for name, whole in rows.items()}
        model = clone(estimator).fit(take(X, train), values[train], **extra)
        answer = np.asarray(getattr(model, method)(take(X, test)))
        found.append((test, answer if classes is None else _aligned(answer, model.classes_, classes)))
        fold[test] = k
    if not found:
        msg = "splits is empty. Give at least one (training, test) pair of positions."
        raise InputError(msg)
    return OutOfFold(_gathered(n, found), fold)


def checked_folds(
    splits: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]], n: int
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Training and test positions of each fold, given as positions or as masks of ``n`` rows.

    Raises
    ------
    InputError
        If a position is no row, a fold trains on a row that it tests, or a row is tested twice.
    """
    fold = np.full(n, -1, dtype=np.intp)
    for k, (given_train, given_test) in enumerate(splits):
        train, test = _positions(given_train, n), _positions(given_test, n)
        _check_fold(k, train, test, fold)
        fold[test] = k
        yield train, test


def _positions(rows: npt.ArrayLike, n: int) -> npt.NDArray[np.intp]:
    given = np.asarray(rows)
    return np.flatnonzero(given) if given.dtype == bool and len(given) == n else given.astype(np.intp)


def _check_lengths(n: int, rows: Mapping[str, npt.NDArray]) -> None:
    for name, values in rows.items():
        if len(values) != n:
            msg = f"{name} has {len(values)} entries, X has {n} rows. Give one per row."
            raise InputError(msg)


def _check_fold(k: int, train: npt.NDArray, test: npt.NDArray, fold: npt.NDArray) -> None:
    outside = [row for rows in (train, test) for row in rows[(rows < 0) | (rows >= len(fold))]]
    if outside:
        msg = f"Fold {k} has position {outside[0]}, but there are {len(fold)} rows. Split these very rows."
        raise InputError(msg)
    leaked = np.intersect1d(train, test)
    if len(leaked):
        msg = f"Fold {k} trains on {len(leaked)} rows that it tests (first: {leaked[0]}). Keep the two apart."
        raise InputError(msg)
    twice = test[fold[test] >= 0]
    if len(twice):
        msg = f"Fold {k} tests {len(twice)} rows a second time (first: {twice[0]}). Each row has one fold."
        raise InputError(msg)


def _aligned(proba: npt.NDArray, seen: npt.ArrayLike, classes: npt.NDArray) -> npt.NDArray[np.float64]:
    """Columns of all classes; one that a fold's training lacked has probability 0."""
    whole = np.zeros((len(proba), len(classes)))
    whole[:, np.searchsorted(classes, np.asarray(seen))] = proba
    return whole


def _gathered(n: int, found: list[tuple[npt.NDArray[np.intp], npt.NDArray[Any]]]) -> npt.NDArray[Any]:
    """One array in the order of the rows; classes keep their type when every row was tested."""
    rows, answers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if answers.dtype.kind == "f" or (answers.dtype.kind in "iu" and len(rows) < n):
        gathered = np.full((n, *answers.shape[1:]), np.nan, dtype=np.float64)
    elif len(rows) < n:
        gathered = np.full((n, *answers.shape[1:]), None, dtype=object)
    else:
        gathered = np.empty((n, *answers.shape[1:]), dtype=answers.dtype)
    gathered[rows] = answers
    return gathered
