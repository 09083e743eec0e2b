"""One class for a place from pictures of several dates: sums of probabilities, not a count of verdicts."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize
from scipy.special import log_softmax, logsumexp, softmax

from geolivelihood.errors import InputError
from geolivelihood.pretraining.scores import class_scores

__all__ = ["Votes", "calibration_temperature", "temporal_scores", "temporal_vote"]

Floats = npt.NDArray[np.float64]
Method = Literal["softmax", "log"]


class Votes(NamedTuple):
    """The verdict on each place.

    Attributes
    ----------
    place
        Places (p,), sorted.
    images
        Pictures of each place.
    total
        Sum over the pictures, shape (p, classes): of probabilities, or of log-probabilities.
    share
        The same as probabilities of each place, rows sum to 1.
    winner
        Column of the greatest total, shape (p,).
    standard_error
        Of the winner's mean probability over the place's pictures, s/√n; NaN for places with one picture.
    """

    place: npt.NDArray[Any]
    images: npt.NDArray[np.int64]
    total: Floats
    share: Floats
    winner: npt.NDArray[np.intp]
    standard_error: Floats


def temporal_vote(
    logits: npt.ArrayLike, place_id: npt.ArrayLike, *, method: Method = "softmax", temperature: float = 1.0
) -> Votes:
    """Sum the class probabilities of all pictures of a place; the greatest sum wins [1]_.

    Three pictures may narrowly outvote one that is sure; sums let it be heard.

    Parameters
    ----------
    logits
        Shape (n, classes), before the softmax.
    place_id
        Place of each picture, shape (n,).
    method
        ``"softmax"`` sums probabilities, as published; ``"log"`` takes the mean of log-probabilities, as if
        pictures were independent witnesses: one that excludes a class excludes it for the place.
    temperature
        Logits are divided by it first; :func:`calibration_temperature` finds the one under which
        probabilities are those of being right.

    Raises
    ------
    InputError
        If shapes do not fit, a logit is not finite, or a place is missing.

    References
    ----------
    .. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV, section 5.1.
    """
    table, names = _checked(logits, place_id)
    if method not in get_args(Method) or not temperature > 0:
        msg = (
            f"method={method!r}, temperature={temperature}: choose 'softmax' or 'log', and a number above 0."
        )
        raise InputError(msg)
    place, row = np.unique(names, return_inverse=True)
    count = np.bincount(row)
    chances = softmax(table / temperature, axis=1)
    heard = log_softmax(table / temperature, axis=1) if method == "log" else chances
    total = _sums(heard, row, len(place))
    mean = total / count[:, None]
    share = np.exp(mean - logsumexp(mean, axis=1, keepdims=True)) if method == "log" else mean
    winner = total.argmax(axis=1)
    return Votes(place, count, total, share, winner, _standard_error(chances, row, winner, count))


def temporal_scores(
    logits: npt.ArrayLike,
    y: npt.ArrayLike,
    place_id: npt.ArrayLike,
    *,
    classes: npt.ArrayLike | None = None,
    method: Method = "softmax",
    temperature: float = 1.0,
) -> pd.DataFrame:
    """Scores of places ("temporal") beside those of their single pictures.

    Parameters
    ----------
    logits, place_id, method, temperature
        As in :func:`temporal_vote`.
    y
        Class of each picture, shape (n,), the same for all of a place.
    classes
        Class of each column of the logits; ``None``: 0, 1, 2...

    Returns
    -------
    pandas.DataFrame
        Index ``temporal``, ``single``; ``n`` and the scores of
        :func:`~geolivelihood.pretraining.scores.class_scores`.

    Raises
    ------
    InputError
        As in :func:`temporal_vote`, or if the pictures of a place are of several classes.
    """
    table, names = _checked(logits, place_id)
    labels, columns = _classes(y, classes, table.shape)
    votes = temporal_vote(table, names, method=method, temperature=temperature)
    first, row = np.unique(names, return_index=True, return_inverse=True)[1:]
    mixed = np.unique(names[labels != labels[first][row]])
    if len(mixed):
        some = mixed.tolist()[0]
        msg = f"{len(mixed)} places have pictures of several classes, such as {some!r}: one label a place."
        raise InputError(msg)
    rows = {
        "temporal": {"n": len(first), **class_scores(labels[first], columns[votes.winner])},
        "single": {"n": len(labels), **class_scores(labels, columns[table.argmax(axis=1)])},
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def calibration_temperature(
    logits: npt.ArrayLike, y: npt.ArrayLike, *, classes: npt.ArrayLike | None = None
) -> float:
    """Temperature under which the probabilities of labelled pictures are likeliest [1]_.

    Above 1 the network is too sure of itself. Give pictures that it was not trained on.

    Parameters
    ----------
    logits, y, classes
        As in :func:`temporal_scores`.

    Raises
    ------
    InputError
        If shapes do not fit or a label is no class.

    References
    ----------
    .. [1] Guo et al. (2017), "On Calibration of Modern Neural Networks", ICML.
    """
    table, _ = _checked(logits, np.zeros(len(np.asarray(logits)), dtype=int))
    labels, columns = _classes(y, classes, table.shape)
    order = np.argsort(columns)
    place = order[np.minimum(np.searchsorted(columns, labels, sorter=order), len(columns) - 1)]
    unknown = np.unique(labels[columns[place] != labels])
    if len(unknown):
        some = unknown.tolist()[0]
        msg = f"{len(unknown)} labels are no class of the logits, such as {some!r}: give classes=."
        raise InputError(msg)

    def surprise(log_temperature: float) -> float:
        logs = log_softmax(table / np.exp(log_temperature), axis=1)
        return -float(logs[np.arange(len(place)), place].mean())

    found = optimize.minimize_scalar(surprise, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(found.x))


def _sums(values: Floats, row: npt.NDArray[np.intp], places: int) -> Floats:
    total = np.zeros((places, values.shape[1]))
    np.add.at(total, row, values)
    return total


def _standard_error(
    chances: Floats, row: npt.NDArray[np.intp], winner: npt.NDArray[np.intp], count: npt.NDArray[np.int64]
) -> Floats:
    heard = chances[np.arange(len(row)), winner[row]]
    mean = np.bincount(row, heard) / count
    squares = np.bincount(row, (heard - mean[row]) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, np.sqrt(squares / (count - 1) / count), np.nan)


def _checked(logits: npt.ArrayLike, place_id: npt.ArrayLike) -> tuple[Floats, npt.NDArray[Any]]:
    table, names = np.asarray(logits, dtype=np.float64), np.asarray(place_id)
    if table.ndim != 2 or not table.size or names.shape != (len(table),):
        msg = (
            f"logits {table.shape} and place_id {names.shape}: give (n, classes) and (n,), at least one row."
        )
        raise InputError(msg)
    if not np.isfinite(table).all():
        msg = f"{int((~np.isfinite(table)).any(axis=1).sum())} rows of logits are not finite. Leave them out."
        raise InputError(msg)
    if pd.isna(names).any():
        msg = f"{int(pd.isna(names).sum())} pictures have no place. Leave them out."
        raise InputError(msg)
    return table, names.astype(str) if names.dtype == object else names


def _classes(
    y: npt.ArrayLike, classes: npt.ArrayLike | None, shape: tuple[int, ...]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    labels = np.asarray(y)
    columns = np.arange(shape[1]) if classes is None else np.asarray(classes)
    if labels.shape != shape[:1] or columns.shape != shape[1:] or pd.isna(labels).any():
        msg = (
            f"{labels.shape} labels and {columns.shape} classes for logits {shape}: a label for each row, "
            "none missing, and a class for each column."
        )
        raise InputError(msg)
    return labels, columns
