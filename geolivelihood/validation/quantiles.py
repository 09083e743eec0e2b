"""Quantiles of scores that come in blocks: every block has the same mass, however many rows it has."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError

__all__ = ["Ranked", "block_codes", "check_alpha", "column_quantiles", "conformal_quantile"]

_DECIMALS = 9  # (1 − .8) · 10 is 1.9999999999999996 in floats, and would floor to 1
_TOLERANCE = 10.0**-_DECIMALS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def conformal_quantile(
    scores: npt.ArrayLike,
    *,
    alpha: float = 0.1,
    blocks: npt.ArrayLike | None = None,
    tail: Literal["upper", "lower"] = "upper",
) -> float:
    """Score that a new unit exceeds with probability ``alpha`` at most.

    Of n exchangeable rows it is the ⌈(n+1)(1−α)⌉-th smallest score. Rows of one block (district, village)
    resemble each other, so only blocks are exchangeable: then it is the quantile of
    Σ_k Σ_i δ(s_ki) / ((K+1) n_k) + δ_∞ / (K+1) over K blocks of n_k rows [1]_, which covers a random unit of
    a new block with probability 1 − α at least, and 1 − α + 2/(K+1) at most where no scores tie.

    Parameters
    ----------
    scores
        Out-of-fold scores (residuals, say), shape (n,). NaN are left out.
    alpha
        Miscoverage, between 0 and 1.
    blocks
        Block id of each row. ``None``: each row is a block of its own.
    tail
        ``lower`` gives the mirrored quantile, of rows the ⌊(n+1)α⌋-th smallest: a new unit lies below it
        with probability ``alpha`` at most.

    Returns
    -------
    float
        Infinite (−∞ in the lower tail) with fewer than (1 − α)/α blocks: 9 for 90 %, 19 for 95 %.

    Raises
    ------
    InputError
        If ``alpha`` is not between 0 and 1, the lengths differ, or a scored row has no block.

    References
    ----------
    .. [1] Lee, Barber & Willett (2023), Distribution-free inference with hierarchical data.

    Examples
    --------
    >>> conformal_quantile([0.4, 0.1, 0.9, 0.3, 0.6, 0.2, 0.8, 0.5, 0.7], alpha=0.2)
    0.8
    >>> conformal_quantile([0.1, 0.5, 0.9, 0.2, 0.4, 0.3], alpha=0.3, blocks=[0, 0, 0, 1, 1, 2])
    0.9
    """
    check_alpha(alpha)
    if tail not in ("upper", "lower"):
        msg = f"tail={tail!r} is unknown. Give 'upper' or 'lower'."
        raise InputError(msg)
    sign = 1.0 if tail == "upper" else -1.0
    values = sign * np.asarray(scores, dtype=float)
    known = ~np.isnan(values)
    rows = np.flatnonzero(known)
    codes = np.arange(len(values)) if blocks is None else block_codes(blocks, known)
    return sign * Ranked(values, codes, rows).quantile(alpha)


class Ranked:
    """Scores in ascending order, each with the block whose mass it shares.

    They are sorted once; the quantile of any subset of the rows is then one pass over them.

    Parameters
    ----------
    scores, blocks
        Score and block code (0, 1, ...) of every row, shape (n,).
    rows
        Positions to use; their scores are not NaN.
    """

    def __init__(self, scores: Floats, blocks: Ints, rows: Ints) -> None:
        self.rows = rows[np.argsort(scores[rows], kind="stable")]
        self.scores = scores[self.rows]
        self.blocks = blocks[self.rows]

    def n_blocks(self, kept: npt.NDArray[np.bool_] | None = None) -> int:
        """Count blocks with a row among the ``kept``."""
        blocks = self.blocks if kept is None else self.blocks[kept[self.rows]]
        return int(np.count_nonzero(np.bincount(blocks)))

    def quantile(
        self, alpha: float, *, kept: npt.NDArray[np.bool_] | None = None, corrected: bool = True
    ) -> float:
        """Quantile at 1 − α of the ``kept`` rows (a mask over all rows; ``None``: every row).

        ``corrected`` adds the block to come, with its mass at infinity.
        """
        scores, blocks = self.scores, self.blocks
        if kept is not None:
            chosen = kept[self.rows]
            scores, blocks = scores[chosen], blocks[chosen]
        mass, wanted = _mass(blocks, alpha, corrected=corrected)
        at = int(np.searchsorted(np.cumsum(mass), wanted))
        return float(scores[at]) if at < len(scores) else np.inf


def column_quantiles(values: Floats, blocks: Ints, *, alpha: float) -> Floats:
    """Corrected quantile at 1 − α of each column of ``values``, shape (rows, columns)."""
    mass, wanted = _mass(blocks, alpha, corrected=True)
    order = np.argsort(values, axis=0, kind="stable")
    reached = np.cumsum(mass[order], axis=0) >= wanted
    first = np.take_along_axis(order, reached.argmax(axis=0)[None], axis=0)
    found = np.take_along_axis(values, first, axis=0)[0]
    return np.where(reached[-1], found, np.inf)


def block_codes(blocks: npt.ArrayLike, known: npt.NDArray[np.bool_]) -> Ints:
    """Blocks as 0, 1, ... in order of appearance; −1 for a row without one that is not ``known`` either."""
    given = np.asarray(blocks, dtype=object)
    if given.shape != known.shape:
        msg = f"blocks has shape {given.shape} for {len(known)} rows. Give one block id per row."
        raise InputError(msg)
    codes = pd.factorize(given)[0]
    lost = int(np.count_nonzero(known & (codes < 0)))
    if lost:
        msg = f"{lost} rows have no block. Give each the block that it lies in, or drop them."
        raise InputError(msg)
    return codes


def check_alpha(alpha: Any) -> None:
    """Refuse a miscoverage that is not between 0 and 1."""
    if not 0 < alpha < 1:
        msg = f"alpha={alpha!r}: give the share that may be missed, between 0 and 1 (0.1 for 90 % intervals)."
        raise InputError(msg)


def _mass(blocks: Ints, alpha: float, *, corrected: bool) -> tuple[Floats, float]:
    """Mass of each row, and the mass up to the quantile, both in units of one block."""
    sizes = np.bincount(blocks)
    total = np.count_nonzero(sizes) + corrected
    return 1.0 / sizes[blocks], round(total * (1 - alpha), _DECIMALS) - _TOLERANCE
