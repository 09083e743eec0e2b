"""How good boxes and masks are: AP50 of detections, intersection over union of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError

__all__ = ["Boxes", "average_precision", "box_iou", "class_iou", "confusion", "mean_iou"]

Floats = npt.NDArray[np.float64]
_RECALLS = np.linspace(0, 1, 101)


class Boxes(NamedTuple):
    """Boxes of one picture.

    Attributes
    ----------
    boxes
        (n, 4) first column, first row, last column, last row.
    codes
        (n,) class of each.
    scores
        (n,) how sure each is; of true boxes not looked at.
    """

    boxes: Floats
    codes: npt.NDArray[np.int64]
    scores: Floats


def box_iou(first: npt.ArrayLike, second: npt.ArrayLike) -> Floats:
    """Intersection over union of boxes (n, 4) and (m, 4), shape (n, m)."""
    a, b = (np.reshape(np.asarray(boxes, dtype=np.float64), (-1, 4)) for boxes in (first, second))
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-12)


def average_precision(
    found: Sequence[Boxes], true: Sequence[Boxes], *, code: int, least_iou: float = 0.5
) -> float:
    """Average precision of one class over some pictures; at an IoU of .5 this is AP50.

    The surest box of all pictures chooses first, the true box of its picture that it overlaps most and that
    is not taken; with less than ``least_iou`` it is wrong. The curve of precision over recall, made
    monotonous, is read at 101 recalls from 0 to 1 as COCO reads it [1]_, without COCO's limit of 100 boxes
    per picture, which a scene of a city exceeds.

    Parameters
    ----------
    found, true
        Boxes of each picture.
    code
        The class.
    least_iou
        Overlap from which a box counts as found.

    Returns
    -------
    float
        0 to 1; NaN if the class has no true box.

    Raises
    ------
    InputError
        If there are not as many pictures found as true.

    References
    ----------
    .. [1] Lin et al. (2014), "Microsoft COCO: Common Objects in Context", arXiv 1405.0312.
    """
    if len(found) != len(true):
        msg = f"There are boxes found in {len(found)} pictures and true ones in {len(true)}."
        raise InputError(msg)
    positives = sum(int((boxes.codes == code).sum()) for boxes in true)
    if not positives:
        return float("nan")
    pairs = [_matched(f, t, code, least_iou) for f, t in zip(found, true)]
    scores, right = (np.concatenate(part) for part in zip(*pairs))
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    if not len(hits):
        return 0.0
    recall, precision = hits / positives, hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS - 1e-12, side="left")
    return float(np.append(envelope, 0.0)[at].mean())


def confusion(
    true: npt.ArrayLike, predicted: npt.ArrayLike, *, classes: int, ignored: int = 255
) -> npt.NDArray[np.int64]:
    """Pixels by true class (rows) and predicted class (columns), int64 (classes, classes).

    Parameters
    ----------
    true, predicted
        Codes of any one shape, from 0.
    classes
        Number of classes.
    ignored
        Code, in either, of pixels that do not count.
    """
    rows, columns = (np.asarray(codes).reshape(-1).astype(np.int64) for codes in (true, predicted))
    counted = (rows != ignored) & (columns != ignored)
    pairs = rows[counted] * classes + columns[counted]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes).astype(np.int64)


def class_iou(counts: npt.ArrayLike) -> Floats:
    """Intersection over union of each class of a confusion; NaN where it is neither true nor predicted."""
    table = np.asarray(counts, dtype=np.float64)
    union = table.sum(axis=0) + table.sum(axis=1) - np.diag(table)
    return np.divide(np.diag(table), union, out=np.full(len(table), np.nan), where=union > 0)


def mean_iou(counts: npt.ArrayLike) -> float:
    """Mean of :func:`class_iou` over the classes that are there, background counted."""
    values = class_iou(counts)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _matched(found: Boxes, true: Boxes, code: int, least_iou: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Scores of the boxes of a class in one picture, surest first, and which of them are right."""
    mine = np.flatnonzero(found.codes == code)
    mine = mine[np.argsort(-found.scores[mine], kind="stable")]
    overlap = box_iou(found.boxes[mine], true.boxes[true.codes == code])
    right = np.zeros(len(mine), dtype=bool)
    for k in range(len(mine)) if overlap.shape[1] else []:  # each choice depends on those before it
        best = int(np.argmax(overlap[k]))
        if overlap[k, best] >= least_iou:
            right[k] = True
            overlap[:, best] = -1
    return found.scores[mine].astype(np.float64), right
