"""Share of the truth that intervals held, with its own error over blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geolivelihood.errors import InputError
from geolivelihood.validation.quantiles import block_codes

__all__ = ["Coverage", "coverage"]

_LEVEL = 0.95


class Coverage(NamedTuple):
    """How often intervals held the truth.

    Attributes
    ----------
    coverage, se
        Share of the rows inside, and its standard error as a ratio over blocks (NaN with one block).
    lower, upper
        Ends of the 95 % interval of ``coverage``, by t with ``n_blocks`` − 1 degrees of freedom, within 0
        and 1. Where all rows are inside, or none, there is no spread to go by, and the exact binomial bound
        on the share of such blocks stands in.
    block_mean, block_se
        Mean of the blocks' coverages, and its standard error.
    worst, worst_block
        The least covered block (the first of equals) and its coverage.
    mean_width
        Mean width of the intervals, in the unit of the indicator; NaN where not given.
    n, n_blocks
        Rows and blocks.
    nominal
        What the coverage should be.
    by_block
        Coverage of each block.
    n_dropped
        Rows left out, because the truth or the interval is missing.
    """

    coverage: float
    se: float
    lower: float
    upper: float
    block_mean: float
    block_se: float
    worst: float
    worst_block: object
    mean_width: float
    n: int
    n_blocks: int
    nominal: float
    by_block: pd.Series
    n_dropped: int = 0


def coverage(
    inside: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    nominal: float = 0.9,
    width: npt.ArrayLike | None = None,
) -> Coverage:
    """Coverage of intervals on blocks that their calibration has not seen.

    Parameters
    ----------
    inside
        Whether each row's truth lies in its interval, shape (n,); NaN leaves a row out, and is counted.
    blocks
        Block id of each row. Errors of one block go together, so the standard error counts blocks: with
        U_k = Σ_{i∈k} (inside_i − c)/n, se² = K/(K−1) Σ U_k².
    nominal
        What the coverage should be.
    width
        Width of each interval, in the unit of the indicator.

    Returns
    -------
    Coverage
        Row-weighted, block-weighted, and of the worst block.

    Raises
    ------
    InputError
        If the lengths differ, no row is left, or a row has no block.

    Examples
    --------
    >>> found = coverage([1, 1, 0, 1, 1, 1], ["a", "a", "a", "b", "b", "b"])
    >>> round(found.coverage, 3), found.worst_block, round(found.worst, 3)
    (0.833, 'a', 0.667)
    """
    given = np.asarray(inside, dtype=float)
    known = ~np.isnan(given)
    codes, names = block_codes(blocks, known), np.asarray(blocks, dtype=object)
    if not known.any():
        msg = "No row has both a truth and an interval; there is no coverage to measure."
        raise InputError(msg)
    hits = pd.Series(given[known]).groupby(codes[known], sort=True)
    first = pd.Series(names[known]).groupby(codes[known], sort=True).first()
    by_block = pd.Series(hits.mean().to_numpy(), index=pd.Index(first, name="block"), name="coverage")
    count, share = len(by_block), float(given[known].mean())
    sums = hits.sum().to_numpy() - share * hits.size().to_numpy()
    se = float(np.sqrt(count / (count - 1) * (sums**2).sum()) / known.sum()) if count > 1 else np.nan
    lower, upper = _interval(share, se, count)
    worst = int(by_block.to_numpy().argmin())
    return Coverage(
        coverage=share,
        se=se,
        lower=lower,
        upper=upper,
        block_mean=float(by_block.mean()),
        block_se=float(by_block.sem()),
        worst=float(by_block.iloc[worst]),
        worst_block=by_block.index[worst],
        mean_width=_mean_width(width, known),
        n=int(known.sum()),
        n_blocks=count,
        nominal=nominal,
        by_block=by_block,
        n_dropped=int((~known).sum()),
    )


def _interval(share: float, se: float, blocks: int) -> tuple[float, float]:
    tail = (1 - _LEVEL) / 2
    if share in (0, 1):
        # at least (at most) the share of blocks that are inside (outside) as a whole
        reach = float(tail ** (1 / blocks))
        return (reach, 1.0) if share else (0.0, 1 - reach)
    if blocks < 2:
        return np.nan, np.nan
    reach = float(stats.t.ppf(1 - tail, blocks - 1)) * se
    return max(share - reach, 0.0), min(share + reach, 1.0)


def _mean_width(width: npt.ArrayLike | None, known: npt.NDArray[np.bool_]) -> float:
    if width is None:
        return np.nan
    widths = np.asarray(width, dtype=float)
    if widths.shape != known.shape:
        msg = f"width has shape {widths.shape} for {len(known)} rows. Give one width per row."
        raise InputError(msg)
    return float(widths[known].mean())
