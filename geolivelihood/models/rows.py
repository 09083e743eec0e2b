"""Rows of whatever an estimator learns from, and the checks that every estimator makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.graphs import ClusterGraphs

__all__ = [
    "check_features",
    "check_labels",
    "check_lonlat",
    "check_target",
    "check_targets",
    "check_weights",
    "row_count",
    "take",
]

Floats = npt.NDArray[np.float64]


def take(X: Any, indices: npt.ArrayLike) -> Any:
    """Rows of ``X``, of the same type as ``X`` (a list, where that is a sequence of another kind).

    Parameters
    ----------
    X
        Array, sparse matrix, Series, DataFrame, GeoDataFrame, Tie, ClusterGraphs, list or tuple.
    indices
        Positions (int), or a mask (bool) with one entry per row.

    Raises
    ------
    InputError
        If the mask does not fit, or ``X`` has no rows.
    """
    positions = np.atleast_1d(np.asarray(indices))
    if positions.dtype == bool:
        if len(positions) != row_count(X):
            msg = f"The mask has {len(positions)} entries but there are {row_count(X)} rows."
            raise InputError(msg)
        positions = np.flatnonzero(positions)
    elif not len(positions):
        positions = positions.astype(np.int64)
    if isinstance(X, pd.DataFrame | pd.Series):
        return X.iloc[positions]
    if isinstance(X, list | tuple):
        return type(X)([X[position] for position in positions])
    if isinstance(X, np.ndarray | Tie | ClusterGraphs) or sparse.issparse(X):
        return X[positions]
    if isinstance(X, Sequence) and not isinstance(X, str | bytes):
        return [X[int(position)] for position in positions]
    msg = f"Cannot take rows of a {type(X).__name__}. Give an array, a frame, a list or a Tie."
    raise InputError(msg)


def row_count(X: Any) -> int:
    """Number of rows of ``X``."""
    try:
        return int(X.shape[0]) if hasattr(X, "shape") else len(X)
    except (TypeError, IndexError) as error:
        msg = f"A {type(X).__name__} has no rows. Give an array, a frame, a list or a Tie."
        raise InputError(msg) from error


def check_target(y: npt.ArrayLike, *, rows: int, least: int = 2) -> Floats:
    """Target as a float array, one finite value per row.

    Parameters
    ----------
    y
        One number per row.
    rows
        Number of rows it must have.
    least
        Fewest rows one can learn from.

    Raises
    ------
    InputError
        If lengths differ, there are too few rows, or a value is missing.
    """
    try:
        target = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = "The target must be numbers. For classes use a classifier."
        raise InputError(msg) from error
    _check_length(target, rows, "target")
    _check_least(rows, least)
    missing = np.flatnonzero(~np.isfinite(target))
    if len(missing):
        msg = (
            f"{len(missing)} of {rows} targets are NaN or infinite (first at row {missing[0]}). "
            "Drop those rows: X = take(X, np.isfinite(y)); y = y[np.isfinite(y)]."
        )
        raise InputError(msg)
    return target


def check_targets(y: npt.ArrayLike, *, rows: int, least: int = 2) -> Floats:
    """One or several targets as floats; of several, some may be missing (NaN) in a row.

    Parameters
    ----------
    y
        Shape (rows,) for one target, checked by :func:`check_target`; shape (rows, targets) for several.
    rows
        Number of rows it must have.
    least
        Fewest known values of a target one can learn from.

    Raises
    ------
    InputError
        If the number of rows differs, a value is infinite, a row has no target at all, or a target fewer
        known values than ``least``.
    """
    if np.ndim(y) != 2:
        return check_target(y, rows=rows, least=least)
    try:
        target = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = "The targets must be numbers, NaN where one is missing."
        raise InputError(msg) from error
    if len(target) != rows or not target.shape[1]:
        msg = f"The targets have shape {target.shape}, but X has {rows} rows: give (rows, targets)."
        raise InputError(msg)
    if np.isinf(target).any():
        msg = f"{int(np.isinf(target).sum())} targets are infinite. Use NaN for a missing one."
        raise InputError(msg)
    known = ~np.isnan(target)
    few = np.flatnonzero(known.sum(axis=0) < least)
    if len(few):
        names = list(y.columns[few]) if isinstance(y, pd.DataFrame) else few.tolist()
        msg = f"Targets with fewer than {least} known values cannot be learned: {names}. Leave them out."
        raise InputError(msg)
    empty = np.flatnonzero(~known.any(axis=1))
    if len(empty):
        msg = (
            f"{len(empty)} of {rows} rows have no target at all (first at row {empty[0]}). "
            "Drop those rows: kept = np.isfinite(y).any(axis=1); X = take(X, kept); y = y[kept]."
        )
        raise InputError(msg)
    return target


def check_labels(y: npt.ArrayLike, *, rows: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Classes in ascending order, and the position of each row's class among them.

    Raises
    ------
    InputError
        If lengths differ, there are fewer than two rows, or a label is missing.
    """
    labels = np.asarray(y)
    _check_length(labels, rows, "label array")
    _check_least(rows, 2)
    missing = int(pd.isna(labels).sum())
    if missing:
        msg = f"{missing} of {rows} labels are missing. Drop those rows first."
        raise InputError(msg)
    classes, codes = np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)
    return classes, codes.astype(np.int64)


def check_weights(sample_weight: npt.ArrayLike | None, *, rows: int) -> Floats:
    """Sample weights scaled to a mean of 1; all ones where none are given.

    Raises
    ------
    InputError
        If lengths differ, a weight is negative or missing, or all are zero.
    """
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    _check_length(weights, rows, "sample_weight")
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.sum() > 0:
        msg = "sample_weight must be finite, not negative, and not all zero."
        raise InputError(msg)
    return weights / weights.mean()


def check_features(X: Any, *, expected: int | None = None) -> Floats:
    """Feature table as a float array (rows, features); NaN marks a missing value.

    Raises
    ------
    InputError
        If it is not a table of numbers, a value is infinite, or it has not ``expected`` columns.
    """
    try:
        table = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = "Features must be numbers: an array or a DataFrame with one column per feature."
        raise InputError(msg) from error
    if table.ndim != 2 or table.shape[1] == 0:
        msg = f"Features must have shape (rows, features), but have shape {table.shape}."
        raise InputError(msg)
    if expected is not None and table.shape[1] != expected:
        msg = f"X has {table.shape[1]} features but the model was fitted with {expected}. Give the same ones."
        raise InputError(msg)
    if np.isinf(table).any():
        msg = f"{int(np.isinf(table).sum())} feature values are infinite. Use NaN for missing values."
        raise InputError(msg)
    return table


def check_lonlat(X: Any) -> Floats:
    """Coordinates as a float array (rows, 2): longitude and latitude in degrees.

    Accepts an array, or a GeoSeries or GeoDataFrame of points in EPSG:4326.

    Raises
    ------
    InputError
        If the shape is another, or a coordinate is missing or out of range.
    """
    geometry = getattr(X, "geometry", None)
    if geometry is not None:
        X = np.column_stack([geometry.x, geometry.y])
    points = np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        msg = f"Points must have shape (rows, 2), longitude and latitude in degrees, not {points.shape}."
        raise InputError(msg)
    with np.errstate(invalid="ignore"):
        bad = ~((np.abs(points[:, 0]) <= 360) & (np.abs(points[:, 1]) <= 90))
    if bad.any():
        msg = (
            f"{int(bad.sum())} points have a missing or impossible coordinate (first at row "
            f"{int(np.flatnonzero(bad)[0])}). Give longitude, then latitude, in degrees (EPSG:4326)."
        )
        raise InputError(msg)
    return points


def _check_length(values: npt.NDArray[Any], rows: int, what: str) -> None:
    if values.shape != (rows,):
        msg = f"The {what} has shape {values.shape}, but X has {rows} rows: give one value per row."
        raise InputError(msg)


def _check_least(rows: int, least: int) -> None:
    if rows < least:
        msg = f"There are {rows} rows to learn from; at least {least} are needed."
        raise InputError(msg)
