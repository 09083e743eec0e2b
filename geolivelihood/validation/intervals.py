"""How sure a score is: resampling whole blocks, since neighbours share their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kendalltau, norm

from geolivelihood.errors import InputError
from geolivelihood.validation.metrics import classification_scores, known_pairs
from geolivelihood.validation.resampling import PAIRWISE, Floats, Ints, block_counts, score_functions

__all__ = ["Interval", "block_bootstrap", "block_se", "paired_difference", "wilson_interval"]

_RELIABLE_BLOCKS = 10
_MATRIX_BLOCKS = 3000  # a matrix of pairs of blocks takes 72 MB

Score = str | Callable[[Floats, Floats], float]


class Interval(NamedTuple):
    """A score and the ends of its interval.

    Attributes
    ----------
    value, lower, upper
        The score of all rows, and the percentiles of the resampled ones. The ends are NaN with one block.
    n_blocks
        Blocks that were resampled.
    reliable
        Whether these are at least 10.
    """

    value: float
    lower: float
    upper: float
    n_blocks: int
    reliable: bool


def block_bootstrap(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    score: Score = "r2",
    n: int = 2000,
    coverage: float = 0.95,
    random_state: int = 0,
    proba: npt.ArrayLike | None = None,
) -> Interval:
    """Percentile interval of a score over resamples of whole blocks.

    Parameters
    ----------
    y, p
        Observed and predicted, shape (n_rows,); rows that lack one are left out.
    blocks
        Block id of each row.
    score
        ``r2``, ``pearson_r2``, ``mae``, ``mse``, ``rmse``, ``kendall_tau``, ``accuracy``, ``macro_f1``,
        ``auc`` (fast), or a function of observed and predicted (slow: it is called ``n`` times).
    n
        Number of resamples.
    coverage
        Share of the resampled scores between the ends.
    random_state
        Seed.
    proba
        Class probabilities, for ``auc``.

    Returns
    -------
    Interval
        Unreliable under 10 blocks.

    Raises
    ------
    InputError
        If lengths differ, no row is complete, or the score is unknown.
    """
    rows = _Rows(y, p, blocks, proba)
    value, draws = rows.resampled(score, n, random_state)
    return rows.interval(value, draws, coverage)


def paired_difference(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    other: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    score: Score = "r2",
    n: int = 2000,
    coverage: float = 0.95,
    random_state: int = 0,
) -> Interval:
    """Interval of the score of ``p`` minus that of ``other``, both on the same resamples.

    Two models err on the same hard blocks, so their difference is surer than either score.
    """
    both = known_pairs(y, p) & known_pairs(y, other)
    observed, first, second = (np.asarray(values)[both] for values in (y, p, other))
    block = np.asarray(blocks)[both]
    rows, against = _Rows(observed, first, block, None), _Rows(observed, second, block, None)
    value, draws = rows.resampled(score, n, random_state)
    value_other, draws_other = against.resampled(score, n, random_state)
    return rows.interval(value - value_other, draws - draws_other, coverage)


def block_se(y: npt.ArrayLike, p: npt.ArrayLike, blocks: npt.ArrayLike, *, score: str = "r2") -> float:
    """Standard error of a score from the influence of each block, without resampling.

    For R², u_i = −[e_i² − (1−R²)(y_i−ȳ)²]/SST; for a mean loss l, u_i = (l_i−l̄)/n. With U_g the sum over a
    block, se² = G/(G−1) ΣU_g².

    Parameters
    ----------
    y, p
        Observed and predicted, shape (n,); rows that lack one are left out.
    blocks
        Block id of each row.
    score
        ``r2``, ``mse``, ``mae`` or ``accuracy``.

    Returns
    -------
    float
        NaN with fewer than two blocks.
    """
    rows = _Rows(y, p, blocks, None)
    size = rows.n_blocks
    if size < 2:
        return np.nan
    sums = np.bincount(rows.block, influence(rows.y, rows.p, score))
    return float(np.sqrt(size / (size - 1) * (sums**2).sum()))


def wilson_interval(hits: float, n: float, *, coverage: float = 0.95) -> tuple[float, float]:
    """Ends of the interval of an accuracy over ``n`` *independent* rows, of which ``hits`` are right [1]_.

    Published accuracies come without blocks; of our own, :func:`block_bootstrap` says more.

    Raises
    ------
    InputError
        If ``hits`` does not lie between 0 and ``n``, or ``coverage`` not between 0 and 1.

    References
    ----------
    .. [1] Wilson (1927), JASA 22(158).
    """
    if not (0 <= hits <= n and n > 0 and 0 < coverage < 1):
        msg = f"{hits} right of {n} at coverage {coverage}: give 0 <= hits <= n, n > 0, 0 < coverage < 1."
        raise InputError(msg)
    z, share = float(norm.ppf((1 + coverage) / 2)), hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * float(np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def influence(y: npt.NDArray, p: npt.NDArray, score: str) -> Floats:
    """What each row adds to the error of a score."""
    if score == "r2":
        square, spread = (y - p) ** 2, (y - y.mean()) ** 2
        total = spread.sum()
        return -(square - square.sum() / total * spread) / total
    if score not in ("mse", "mae", "accuracy"):
        msg = f"score={score!r} has no quick standard error. Give r2, mse, mae or accuracy."
        raise InputError(msg)
    loss = {"mse": lambda: (y - p) ** 2, "mae": lambda: np.abs(y - p), "accuracy": lambda: (y == p) * 1.0}
    values = loss[score]()
    return (values - values.mean()) / len(values)


class _Rows:
    """Complete rows with their blocks as 0 ... G − 1."""

    def __init__(
        self, y: npt.ArrayLike, p: npt.ArrayLike, blocks: npt.ArrayLike, proba: npt.ArrayLike | None
    ) -> None:
        known = known_pairs(y, p)
        given = np.asarray(blocks)
        if len(given) != len(known):
            msg = f"{len(given)} blocks do not fit {len(known)} rows. Give one block id per row."
            raise InputError(msg)
        if not known.any():
            msg = "No row has both an observation and a prediction; there is nothing to score."
            raise InputError(msg)
        self.y, self.p = (_plain(np.asarray(values)[known]) for values in (y, p))
        self.block: Ints = pd.factorize(given[known], sort=True)[0]
        self.n_blocks = int(self.block.max()) + 1
        self.proba = None if proba is None else np.asarray(proba)[known]

    def resampled(self, score: Score, n: int, random_state: int) -> tuple[float, Floats]:
        """Score of all rows, and of each resample."""
        counts = block_counts(self.n_blocks, n=n, random_state=random_state)
        if callable(score):
            return float(score(self.y, self.p)), self._called(lambda i: score(self.y[i], self.p[i]), counts)
        if score in PAIRWISE and self.n_blocks > _MATRIX_BLOCKS:
            return self._by_rows(score)(np.arange(len(self.y))), self._called(self._by_rows(score), counts)
        known = score_functions(self.y, self.p, self.block, proba=self.proba)
        if score not in known:
            msg = f"score={score!r} is unknown. Give one of {', '.join(known)}, or a function of y and p."
            raise InputError(msg)
        resampled = known[score]()
        return float(resampled(np.ones((1, self.n_blocks)))[0]), resampled(counts)

    def _by_rows(self, score: str) -> Callable[[Ints], float]:
        """A score over pairs as a function of rows, for more blocks than a matrix of them can hold."""
        if score == "auc":
            if self.proba is None:
                return lambda rows: np.nan
            proba = self.proba
            return lambda rows: classification_scores(self.y[rows], self.p[rows], proba[rows])["auc"]
        return lambda rows: float(kendalltau(self.y[rows], self.p[rows]).statistic)

    def _called(self, score: Callable[[Ints], float], counts: Floats) -> Floats:
        """A score that is only known as a function of rows must be called for every resample."""
        order = np.argsort(self.block, kind="stable")
        sorted_block = self.block[order]
        rows = (np.repeat(order, count[sorted_block].astype(np.intp)) for count in counts)
        return np.array([score(index) for index in rows], dtype=float)

    def interval(self, value: float, draws: Floats, coverage: float) -> Interval:
        """Percentiles of the draws."""
        tail = (1 - coverage) / 2
        drawn = draws[np.isfinite(draws)]
        lower, upper = (np.nan, np.nan)
        if self.n_blocks > 1 and len(drawn):
            lower, upper = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
        return Interval(value, lower, upper, self.n_blocks, self.n_blocks >= _RELIABLE_BLOCKS)


def _plain(values: npt.NDArray) -> npt.NDArray:
    return values.astype(float) if values.dtype.kind in "fiub" else values
