"""Scores of thousands of block resamples at once.

A resample takes block g m_g times. Every score here is a function of sums over rows or over pairs of rows, so
its resampled value follows from sums per block, computed once: m·S for a sum over rows, mᵀCm for one over
pairs. Nothing is drawn row by row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.validation.metrics import class_columns

__all__ = ["PAIRWISE", "block_counts", "score_functions"]

PAIRWISE = ("kendall_tau", "auc")
_CHUNK = 512

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Resampled = Callable[[Floats], Floats]
"""From counts (draws x blocks) to one score per draw."""


def block_counts(n_blocks: int, *, n: int, random_state: int) -> Floats:
    """How often each of ``n`` resamples takes each block, shape (n, n_blocks); rows sum to n_blocks."""
    draw = np.random.default_rng(random_state).multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n)
    return draw.astype(np.float64)


def score_functions(
    y: npt.NDArray, p: npt.NDArray, block: Ints, *, proba: npt.ArrayLike | None = None
) -> dict[str, Callable[[], Resampled]]:
    """What makes each named score's function of the counts; called only for the scores that are wanted.

    Parameters
    ----------
    y, p
        Observed and predicted, complete, shape (n,).
    block
        Block of each row, 0 ... G − 1.
    proba
        Class probabilities, for ``auc``.
    """
    return {
        "r2": lambda: _from_moments(y, p, block, _r2),
        "pearson_r2": lambda: _from_moments(y, p, block, _pearson_r2),
        "mae": lambda: _mean_of(np.abs(y - p), block),
        "mse": lambda: _mean_of((y - p) ** 2, block),
        "rmse": lambda: _root(_mean_of((y - p) ** 2, block)),
        "kendall_tau": lambda: _kendall_tau(y, p, block),
        "accuracy": lambda: _mean_of((y == p).astype(float), block),
        "macro_f1": lambda: _macro_f1(y, p, block),
        "auc": lambda: _auc(y, proba, block),
    }


def _mean_of(loss: Floats, block: Ints) -> Resampled:
    sums, sizes = np.bincount(block, loss), np.bincount(block)
    return lambda counts: (counts @ sums) / (counts @ sizes)


def _root(resampled: Resampled) -> Resampled:
    return lambda counts: np.sqrt(resampled(counts))


def _from_moments(y: Floats, p: Floats, block: Ints, score: Callable[..., Floats]) -> Resampled:
    dy, dp = y - y.mean(), p - p.mean()
    terms = (np.ones(len(y)), dy, dp, dy**2, dp**2, dy * dp, (y - p) ** 2)
    sums = np.stack([np.bincount(block, term) for term in terms], axis=1)
    return lambda counts: score(*(counts @ sums).T)


def _r2(n: Floats, y: Floats, p: Floats, yy: Floats, pp: Floats, yp: Floats, ee: Floats) -> Floats:
    return 1 - _ratio(ee, yy - y**2 / n)


def _pearson_r2(n: Floats, y: Floats, p: Floats, yy: Floats, pp: Floats, yp: Floats, ee: Floats) -> Floats:
    return _ratio((yp - y * p / n) ** 2, (yy - y**2 / n) * (pp - p**2 / n))


def _kendall_tau(y: Floats, p: Floats, block: Ints) -> Resampled:
    """τ_b = Σ sign(Δy)sign(Δp) / √(Σ[Δy≠0] Σ[Δp≠0]) over pairs; a row's copies are ties."""
    ry, rp = (np.unique(values, return_inverse=True)[1].reshape(-1) for values in (y, p))

    def pairs(i: Ints, j: Ints) -> npt.NDArray[np.int8]:
        up_y = _sign(ry[i][:, None], ry[j][None])
        up_p = _sign(rp[i][:, None], rp[j][None])
        return np.stack([up_y * up_p, up_y != 0, up_p != 0])

    concordant, apart_y, apart_p = _pair_sums(pairs, block, np.arange(len(y)), np.arange(len(y)), kinds=3)

    def score(counts: Floats) -> Floats:
        spread = _quadratic(counts, apart_y) * _quadratic(counts, apart_p)
        return _ratio(_quadratic(counts, concordant), np.sqrt(spread))

    return score


def _auc(y: npt.NDArray, proba: npt.ArrayLike | None, block: Ints) -> Resampled:
    """P(score of a positive > score of a negative), ties half, averaged over classes."""
    if proba is None:
        return lambda counts: np.full(len(counts), np.nan)
    parts = [_auc_of(y == name, value, block) for name, value in class_columns(y, proba).items()]
    return lambda counts: _nanmean(np.stack([part(counts) for part in parts]))


def _auc_of(positive: npt.NDArray[np.bool_], value: Floats, block: Ints) -> Resampled:
    def pairs(i: Ints, j: Ints) -> npt.NDArray[np.int8]:
        return (_sign(value[i][:, None], value[j][None]) + np.int8(1))[None]

    yes, no = np.flatnonzero(positive), np.flatnonzero(~positive)
    size = int(block.max()) + 1
    (doubled,) = _pair_sums(pairs, block, yes, no, kinds=1)
    n_yes, n_no = (np.bincount(block[rows], minlength=size) for rows in (yes, no))
    return lambda counts: _ratio(_quadratic(counts, doubled) / 2, (counts @ n_yes) * (counts @ n_no))


def _macro_f1(y: npt.NDArray, p: npt.NDArray, block: Ints) -> Resampled:
    size = int(block.max()) + 1
    codes = pd.factorize(np.concatenate([y, p]))[0]
    truth, guess = codes[: len(y)], codes[len(y) :]
    classes = range(codes.max() + 1)
    hits = np.stack([np.bincount(block, (truth == k) & (guess == k), size) for k in classes], axis=1)
    seen = np.stack([np.bincount(block, (truth == k) * 1.0 + (guess == k), size) for k in classes], axis=1)
    return lambda counts: _nanmean(_ratio(2 * (counts @ hits), counts @ seen).T)


def _pair_sums(
    pairs: Callable[[Ints, Ints], npt.NDArray], block: Ints, first: Ints, second: Ints, *, kinds: int
) -> Floats:
    """Sums of a function of two rows over every pair of blocks, shape (kinds, G, G), in chunks of rows."""
    size = int(block.max()) + 1
    first = first[np.argsort(block[first], kind="stable")]
    second = second[np.argsort(block[second], kind="stable")]
    sums = np.zeros((kinds, size, size))
    if not len(first) or not len(second):
        return sums
    there, starts = np.unique(block[second], return_index=True)
    for at in range(0, len(first), _CHUNK):
        rows = first[at : at + _CHUNK]
        here, begins = np.unique(block[rows], return_index=True)
        found = np.add.reduceat(pairs(rows, second), starts, axis=2, dtype=np.int32)
        sums[:, here[:, None], there[None]] += np.add.reduceat(found, begins, axis=1, dtype=np.int64)
    return sums


def _sign(a: npt.NDArray, b: npt.NDArray) -> npt.NDArray[np.int8]:
    return (a > b).astype(np.int8) - (a < b).astype(np.int8)


def _quadratic(counts: Floats, matrix: Floats) -> Floats:
    return np.einsum("bg,bg->b", counts @ matrix, counts)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    """Quotient, NaN where a resample leaves nothing to divide by."""
    safe = bottom > 1e-12 * max(float(np.max(bottom, initial=0.0)), 1e-300)
    return np.divide(top, bottom, out=np.full(np.shape(bottom), np.nan), where=safe)


def _nanmean(values: Floats) -> Floats:
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0).astype(float))
