"""How much worse predictions get without something, with intervals over blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.validation.metrics import known_pairs
from geolivelihood.validation.resampling import block_counts

__all__ = ["BlockMeans", "check_blocks", "importance_table"]

Floats = npt.NDArray[np.float64]


def _squared(y: npt.NDArray, p: npt.NDArray) -> Floats:
    return (y - p) ** 2


def _absolute(y: npt.NDArray, p: npt.NDArray) -> Floats:
    return np.abs(y - p)


def _wrong(y: npt.NDArray, p: npt.NDArray) -> Floats:
    return (y != p).astype(float)


_LOSSES: dict[str, Callable[[npt.NDArray, npt.NDArray], Floats]] = {
    "r2": _squared,
    "mse": _squared,
    "mae": _absolute,
    "accuracy": _wrong,
}


def importance_table(
    y: npt.ArrayLike,
    prediction: npt.ArrayLike,
    without: Mapping[str, npt.ArrayLike],
    *,
    blocks: npt.ArrayLike,
    score: str = "r2",
    coverage: float = 0.95,
    n: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """How much worse a model predicts without each of several things, as paired differences over blocks.

    Both predictions err on the same hard districts, so the interval is of the difference of their losses,
    block by block: it is much narrower than that of either score.

    Parameters
    ----------
    y
        Observed, shape (n,).
    prediction
        Of the whole model for rows that it has not seen, shape (n,).
    without
        By name: prediction for the same rows without it, shape (n,), or (repeats, n), of which the mean loss
        counts.
    blocks
        Block id of each row: rows of one block err together.
    score
        ``r2``, ``mse``, ``mae`` or ``accuracy``. The importance is positive where the score gets worse.
    coverage
        Share of the resampled values between the ends.
    n, random_state
        Number of resamples, and their seed.

    Returns
    -------
    pandas.DataFrame
        The most important first: ``name``, ``importance`` (in units of the score), ``lower``, ``upper``
        (percentiles over resampled blocks), ``se``, ``n_rows``, ``n_blocks``. Ends and error are NaN with one
        block, and unreliable under ten. Rows that lack a value are left out of that line.

    Raises
    ------
    InputError
        If lengths differ, the score is unknown, or no row is complete.
    """
    if score not in _LOSSES:
        msg = f"score={score!r} has no loss by row. Give one of {', '.join(_LOSSES)}."
        raise InputError(msg)
    observed, predicted = np.asarray(y), np.asarray(prediction)
    block, loss = check_blocks(blocks, len(observed)), _LOSSES[score]
    lines = []
    for name, given in without.items():
        others = np.atleast_2d(np.asarray(given))
        known = np.logical_and.reduce([known_pairs(observed, p) for p in (predicted, *others)])
        if not known.any():
            msg = f"No row has an observation, a prediction and one without {name!r}; nothing to compare."
            raise InputError(msg)
        own = loss(observed[known], predicted[known])
        extra = np.mean([loss(observed[known], other[known]) - own for other in others], axis=0)
        means = BlockMeans.of(extra, block[known], y=observed[known] if score == "r2" else None)
        ends = means.interval(coverage=coverage, n=n, random_state=random_state)
        lines.append({"name": name, **ends})
    table = pd.DataFrame(lines).rename(columns={"mean": "importance"})
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


class BlockMeans(NamedTuple):
    """The mean of a value over rows, or its sum in units of SST, as sums by block: all a resample needs.

    Attributes
    ----------
    top
        Sum of the values in each block, shape (blocks,).
    moments
        Number of rows, sum of y and of y² in each block, y about its mean; shape (3, blocks).
    relative
        Whether the sum is divided by SST, Σ(y − ȳ)², rather than by the number of rows.
    influence
        What each block adds to the error, shape (blocks,).
    """

    top: Floats
    moments: Floats
    relative: bool
    influence: Floats

    @classmethod
    def of(cls, values: Floats, blocks: npt.NDArray, *, y: npt.NDArray | None = None) -> BlockMeans:
        """Sums of one value per row; with observations ``y`` relative to their SST."""
        block = pd.factorize(blocks)[0]
        centred = np.zeros(len(values)) if y is None else np.asarray(y, dtype=float) - np.mean(y)
        moments = [_sums(block, part) for part in (np.ones(len(values)), centred, centred**2)]
        bottom = np.ones(len(values)) if y is None else centred**2
        total = bottom.sum() or np.nan
        row = (values - values.sum() / total * bottom) / total
        return cls(_sums(block, values), np.stack(moments), y is not None, _sums(block, row))

    def mean(self, counts: Floats) -> Floats:
        """Of resamples that take each block so many times (draws, blocks); NaN where y does not vary."""
        rows, y, square = counts @ self.moments[0], counts @ self.moments[1], counts @ self.moments[2]
        bottom = square - y**2 / rows if self.relative else rows
        varies = bottom > 1e-12 * np.max(bottom, initial=0.0)
        return np.divide(counts @ self.top, bottom, out=np.full(len(rows), np.nan), where=varies)

    def interval(self, *, coverage: float, n: int, random_state: int) -> dict[str, float]:
        """``mean``, ``lower``, ``upper``, ``se``, ``n_rows`` and ``n_blocks``."""
        size = len(self.top)
        lower = upper = error = np.nan
        if size > 1:
            draws = self.mean(block_counts(size, n=n, random_state=random_state))
            drawn = draws[np.isfinite(draws)]
            tail = (1 - coverage) / 2
            lower, upper = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (np.nan, np.nan)
            error = np.sqrt(size / (size - 1) * (self.influence**2).sum())
        mean = self.mean(np.ones((1, size)))[0]
        found = {"mean": mean, "lower": lower, "upper": upper, "se": error}
        sizes = {"n_rows": int(self.moments[0].sum()), "n_blocks": size}
        return {name: float(value) for name, value in found.items()} | sizes


def check_blocks(blocks: npt.ArrayLike, rows: int) -> npt.NDArray:
    """Block id of each row.

    Raises
    ------
    InputError
        If there is not one for each row, or one is missing.
    """
    given = np.asarray(blocks)
    if given.shape != (rows,) or pd.isna(given).any():
        msg = f"blocks has shape {given.shape} for {rows} rows, or misses some. Give one block id per row."
        raise InputError(msg)
    return given


def _sums(block: npt.NDArray[np.intp], values: Floats) -> Floats:
    return np.bincount(block, values).astype(np.float64)
