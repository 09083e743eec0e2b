"""Partial dependence: how the average prediction moves with one feature, the others staying as they are."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.losses import check_blocks
from geolivelihood.models.rows import check_weights
from geolivelihood.validation.resampling import block_counts

__all__ = ["individual_dependence", "partial_dependence"]

Floats = npt.NDArray[np.float64]
Model = Any | Callable[[Any], npt.ArrayLike]
_RANGE = (0.02, 0.98)


def partial_dependence(
    model: Model,
    X: Any,
    features: Hashable | list[Hashable],
    *,
    grid: int | Sequence[Any] = 20,
    weights: npt.ArrayLike | None = None,
    blocks: npt.ArrayLike | None = None,
    draws: Sequence[Model] | None = None,
    coverage: float = 0.95,
    n: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Average prediction when every row is given the same value of a feature [1]_.

    Where features go together, it averages over rows that no place has (a bright village without roads).
    Read it beside the share of the data at each value, and as what the model does, not as what would happen.

    Parameters
    ----------
    model
        Fitted estimator, or a function from a table like ``X`` to one number per row: a class probability,
        or the map, ``lambda table: model.predict_cells(cells, features=table, graph=graph)``.
    X
        Feature table (rows, features), array or DataFrame. Rows without any value stay as they are and are
        left out of the average, as are rows that the model does not predict.
    features
        Name of a column (position of an array's), or a list of them: one curve each.
    grid
        Number of values, spread evenly between the 2nd and the 98th percentile, beyond which curves are made
        of very few rows; a feature with no more distinct values is tried at each of them. Or the values.
    weights
        Weight of each row (population), shape (rows,).
    blocks
        Block id of each row: the band is then of the average over resampled blocks, for this very model.
    draws
        The model refitted on resamples of the clusters (``draws_`` of a
        :class:`~geolivelihood.models.BlockEnsemble`): the band is then between their curves, and holds what
        the labels leave open as well.
    coverage
        Share of resamples or draws between the ends of the band.
    n, random_state
        Number of resamples of blocks, and their seed.

    Returns
    -------
    pandas.DataFrame
        ``feature``, ``value``, ``mean``, ``lower``, ``upper`` (NaN without ``blocks`` and ``draws``, and with
        a single block) and ``share`` of the rows that are nearest to this value of all that were tried.

    Raises
    ------
    MissingColumnError
        If a feature is not there.
    InputError
        If ``X`` is no table, a feature has no value, no row is predicted, or both ``blocks`` and ``draws``
        are given.

    References
    ----------
    .. [1] Friedman (2001), "Greedy function approximation: a gradient boosting machine", Annals of
       Statistics 29.
    """
    if blocks is not None and draws is not None:
        msg = "Give blocks (the band of one model) or draws (the band of its refits), not both."
        raise InputError(msg)
    wanted = features if isinstance(features, list) else [features]
    block = None if blocks is None else pd.factorize(check_blocks(blocks, len(X)))[0]
    weight = check_weights(weights, rows=len(X))
    ends = [(1 - coverage) / 2, (1 + coverage) / 2]
    parts = []
    for feature in wanted:
        curves = individual_dependence(model, X, feature, grid=grid)
        values = list(curves.columns)
        sampled = np.full((1, len(values)), np.nan)
        if draws is not None:
            others = [individual_dependence(draw, X, feature, grid=values) for draw in draws]
            sampled = np.array([_average(other, weight) for other in others])
        elif block is not None and block.max() > 0:
            sampled = _resampled(curves, weight, block, n, random_state)
        lower, upper = _quantiles(sampled, ends)
        columns = {"feature": feature, "value": values, "mean": _average(curves, weight)}
        share = _shares(_column(X, feature), values, weight)
        parts.append(pd.DataFrame(columns | {"lower": lower, "upper": upper, "share": share}))
    return pd.concat(parts, ignore_index=True)


def individual_dependence(
    model: Model, X: Any, feature: Hashable, *, grid: int | Sequence[Any] = 20
) -> pd.DataFrame:
    """Prediction of each row at each value of a feature (individual conditional expectation).

    Where the curves of single rows cross, their average hides it.

    Parameters
    ----------
    model, X, feature, grid
        As in :func:`partial_dependence`.

    Returns
    -------
    pandas.DataFrame
        One row per row of ``X``, one column per value; NaN in rows without any feature, and where the model
        does not predict.

    Raises
    ------
    MissingColumnError
        If the feature is not there.
    InputError
        If ``X`` is no table, the feature has no value, or no row is predicted.
    """
    if not isinstance(X, pd.DataFrame | np.ndarray) or X.ndim != 2:
        msg = f"Features must be a table, array or DataFrame (rows, features), not {type(X).__name__}."
        raise InputError(msg)
    column = _column(X, feature)
    values = _values(column, grid, feature)
    known = ~pd.DataFrame(X).isna().all(axis=1).to_numpy()
    predict = model.predict if hasattr(model, "predict") else model
    answers = np.full((len(X), len(values)), np.nan)
    for at, value in enumerate(values):
        answer = np.asarray(predict(_with(X, feature, known, value)), dtype=np.float64)
        if answer.shape != (len(X),):
            msg = f"The model gives shape {answer.shape} for {len(X)} rows; one number per row is explained."
            raise InputError(msg)
        answers[known, at] = answer[known]
    if not np.isfinite(answers).all(axis=1).any():
        msg = f"The model predicts no row at every value of {feature!r}."
        raise InputError(msg)
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(answers, index=index, columns=pd.Index(values, name=feature))


def _column(X: Any, feature: Hashable) -> pd.Series:
    if isinstance(X, pd.DataFrame):
        if feature in X.columns:
            return X[feature]
        some = ", ".join(map(str, X.columns[:6])) + (" ..." if X.shape[1] > 6 else "")
        msg = f"There is no feature {feature!r}; the table has {some}."
        raise MissingColumnError(msg)
    if not isinstance(feature, int | np.integer) or not 0 <= feature < X.shape[1]:
        msg = f"There is no feature {feature!r}; name the array's by their position, 0-{X.shape[1] - 1}."
        raise MissingColumnError(msg)
    return pd.Series(X[:, feature])


def _values(column: pd.Series, grid: int | Sequence[Any], feature: Hashable) -> list[Any]:
    """Values to try, ascending."""
    if not isinstance(grid, int | np.integer):
        if not len(grid):
            msg = "grid is empty. Give a number of values, or the values."
            raise InputError(msg)
        return list(grid)
    distinct = np.sort(column.dropna().unique())
    if not len(distinct) or grid < 2:
        msg = f"Feature {feature!r} has no known value, or grid={grid} is below 2: there is no curve."
        raise InputError(msg)
    if len(distinct) <= grid or not pd.api.types.is_numeric_dtype(column):
        return distinct.tolist()
    low, high = np.nanquantile(column.to_numpy(dtype=float), _RANGE)
    return np.unique(np.linspace(low, high, grid)).tolist()


def _with(X: Any, feature: Any, known: npt.NDArray[np.bool_], value: Any) -> Any:
    """The table with one value of a feature in all rows that have any."""
    made = X.copy()
    if isinstance(made, pd.DataFrame):
        made[feature] = made[feature].where(~known, value)
    else:
        made[known, feature] = value
    return made


def _quantiles(sampled: Floats, ends: Sequence[float]) -> Floats:
    known = sampled[np.isfinite(sampled).all(axis=1)]
    return np.quantile(known, ends, axis=0) if len(known) else np.full((2, sampled.shape[1]), np.nan)


def _average(curves: pd.DataFrame, weight: Floats) -> Floats:
    known = np.isfinite(curves.to_numpy()).all(axis=1)
    return np.average(curves.to_numpy()[known], axis=0, weights=weight[known])


def _resampled(
    curves: pd.DataFrame, weight: Floats, block: npt.NDArray[np.intp], n: int, random_state: int
) -> Floats:
    """Averages over resamples of whole blocks, shape (n, values)."""
    known = np.isfinite(curves.to_numpy()).all(axis=1)
    size = int(block.max()) + 1
    weighed = pd.DataFrame(curves.to_numpy()[known] * weight[known, None])
    sums = weighed.groupby(block[known]).sum().reindex(range(size), fill_value=0.0).to_numpy()
    totals = np.bincount(block[known], weight[known], minlength=size)
    counts = block_counts(size, n=n, random_state=random_state)
    bottom = (counts @ totals)[:, None]
    return np.divide(counts @ sums, bottom, out=np.full((n, sums.shape[1]), np.nan), where=bottom > 0)


def _shares(column: pd.Series, values: list[Any], weight: Floats) -> Floats:
    """Weight of the rows nearest to each value, of those that have one."""
    known = column.notna().to_numpy()
    if pd.api.types.is_numeric_dtype(column):
        tried, given = np.asarray(values, dtype=float), column.to_numpy(dtype=float)[known]
        order = np.argsort(tried, kind="stable")
        middles = (tried[order][1:] + tried[order][:-1]) / 2
        place = order[np.searchsorted(middles, given)]
    else:
        place = pd.Index(values).get_indexer(pd.Index(column[known]))
    inside = place >= 0
    sums = np.bincount(place[inside], weight[known][inside], minlength=len(values))
    return sums / weight[known].sum()
