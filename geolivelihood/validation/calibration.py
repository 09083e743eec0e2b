"""Probabilities that mean what they say: Brier's parts, the reliability curve, temperature, recall.

All of it on held-out blocks: on training rows every flexible classifier looks calibrated.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.validation.quantiles import block_codes, conformal_quantile
from geolivelihood.validation.resampling import block_counts

__all__ = [
    "BrierParts",
    "Flagged",
    "Temperature",
    "brier_parts",
    "flagged",
    "recall_threshold",
    "reliability_curve",
]

_CAP = 20.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class BrierParts(NamedTuple):
    """Brier score and what it is made of.

    Attributes
    ----------
    brier
        Mean of (p − y)².
    reliability, resolution, uncertainty
        How far the bins' shares are from their probabilities (0 is best), from the overall share (more is
        better), and the variance of ``y``. Their sum, resolution negative, is ``brier`` exactly only where
        ``p`` does not vary inside bins.
    ece
        Expected calibration error: mean distance of the bins' shares from their probabilities.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    ece: float


def brier_parts(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 10) -> BrierParts:
    """Brier score of held-out probabilities with its reliability, resolution and uncertainty [1]_.

    Parameters
    ----------
    y
        0 or 1 (or booleans), shape (n,); NaN leaves a row out.
    p
        Probability of 1, shape (n,).
    bins
        Number of bins with as many rows each; equal probabilities share a bin.

    Raises
    ------
    InputError
        If lengths differ, no row is complete, or values are not of the kinds above.

    References
    ----------
    .. [1] Murphy (1973), A new vector partition of the probability score.
    """
    truth, chance, _ = _pairs(y, p)
    code = _equal_mass(chance, bins)
    count = np.bincount(code).astype(float)
    observed, predicted = np.bincount(code, truth) / count, np.bincount(code, chance) / count
    share, base = count / count.sum(), truth.mean()
    return BrierParts(
        brier=float(((chance - truth) ** 2).mean()),
        reliability=float(share @ (predicted - observed) ** 2),
        resolution=float(share @ (observed - base) ** 2),
        uncertainty=float(base * (1 - base)),
        ece=float(share @ np.abs(predicted - observed)),
    )


def reliability_curve(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    bins: int = 10,
    n: int = 2000,
    coverage: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """Share of ones against the probability given, with a band that resamples whole blocks.

    Parameters
    ----------
    y, p, bins
        As in :func:`brier_parts`.
    blocks
        Block id of each row.
    n
        Number of resamples.
    coverage
        Share of the resampled curves between the ends, bin by bin.
    random_state
        Seed.

    Returns
    -------
    DataFrame
        One row per bin, in ascending order: ``predicted`` and ``observed`` means, ``lower`` and ``upper``
        ends of the band (NaN where the bin has rows of one block only), ``n`` rows, ``n_blocks``.

    Raises
    ------
    InputError
        As :func:`brier_parts`, or if a complete row has no block.
    """
    truth, chance, known = _pairs(y, p)
    code = _equal_mass(chance, bins)
    block = pd.factorize(block_codes(blocks, known)[known])[0]
    shape = (int(block.max()) + 1, int(code.max()) + 1)
    cell = block * shape[1] + code
    rows, ones = (np.bincount(cell, w, shape[0] * shape[1]).reshape(shape) for w in (None, truth))
    draws = block_counts(shape[0], n=n, random_state=random_state)
    drawn = draws @ rows
    resampled = np.divide(draws @ ones, drawn, out=np.full(drawn.shape, np.nan), where=drawn > 0)
    lower, upper = np.nanquantile(resampled, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
    touched = (rows > 0).sum(axis=0)
    lower[touched < 2] = upper[touched < 2] = np.nan
    count = rows.sum(axis=0)
    return pd.DataFrame(
        {
            "predicted": np.bincount(code, chance) / count,
            "observed": ones.sum(axis=0) / count,
            "lower": lower,
            "upper": upper,
            "n": count.astype(int),
            "n_blocks": touched,
        }
    )


class Temperature(BaseEstimator):
    """A number T to divide all logits by, so that probabilities are neither too bold nor too shy [1]_.

    The order of the predictions stays as it is.

    Attributes
    ----------
    temperature_ : float
        Minimises the negative log-likelihood of σ(z/T), or of softmax(z/T) for classes. Logits that
        separate the classes without a fault ask for T = 0, and logits that do not rise with the classes for
        T = ∞; then 1/T or T is 20, with a warning.

    References
    ----------
    .. [1] Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks.

    Examples
    --------
    >>> z, y = [-4, -3, -2, 2, 1, 3, -1, 4, 2, 5], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]
    >>> round(Temperature().fit(z, y).temperature_, 6)
    1.71657
    """

    def fit(self, logits: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Find T on pooled out-of-fold logits.

        Parameters
        ----------
        logits
            Shape (n,), of the class 1; or (n, classes). Rows with NaN are left out.
        y
            Class of each row, 0 ... classes − 1.

        Raises
        ------
        InputError
            If shapes do not fit, no row is complete, or ``y`` is not a class code.
        """
        z, label = _with_classes(logits, y)
        own = z[np.arange(len(z)), label]

        def slope(inverse: float) -> float:
            """Derivative of the mean negative log-likelihood by 1/T, which it is convex in."""
            return float(((softmax(inverse * z, axis=1) * z).sum(axis=1) - own).mean())

        if slope(0.0) >= 0:
            _warn(f"The logits do not rise with the classes; the temperature is capped at {_CAP:g}")
            self.temperature_ = _CAP
        elif (own == z.max(axis=1)).all():
            _warn(f"The logits separate the classes; the temperature is capped at 1/{_CAP:g}")
            self.temperature_ = 1 / _CAP
        else:
            high = 1.0
            while slope(high) <= 0:  # ends, for a row on the wrong side costs ever more
                high *= 2
            self.temperature_ = 1 / brentq(slope, 0.0, high, xtol=1e-14)
        return self

    def transform(self, logits: npt.ArrayLike) -> Floats:
        """Calibrated probabilities: of class 1, shape (n,), for logits of shape (n,), else of each class."""
        check_is_fitted(self, "temperature_")
        z = np.asarray(logits, dtype=float)
        chance = softmax(_two_columns(z) / self.temperature_, axis=1)
        return chance[:, 1] if z.ndim == 1 else chance


def recall_threshold(
    scores_of_positives: npt.ArrayLike, *, recall: float, blocks: npt.ArrayLike | None = None
) -> float:
    """Threshold t such that flagging scores s ≥ t finds at least a share ``recall`` of new positives.

    It is the ⌊(n+1)(1−ρ)⌋-th smallest score of n held-out positives; the empirical quantile finds fewer
    (of 20 positives at ρ = .9: .857 for .905). The expectation is over positives exchangeable with these.

    Parameters
    ----------
    scores_of_positives
        Out-of-fold scores of the rows that are positive, shape (n,). NaN are left out.
    recall
        Between 0 and 1.
    blocks
        Block id of each row: for a random positive of a new block (:func:`conformal_quantile`).

    Returns
    -------
    float
        −∞ (flag everything) with too few positives, or blocks, for the recall asked.

    Raises
    ------
    InputError
        If ``recall`` is not between 0 and 1, lengths differ, or a row has no block.
    """
    if not 0 < recall < 1:
        msg = f"recall={recall!r}: give the share of positives to find, between 0 and 1."
        raise InputError(msg)
    return conformal_quantile(scores_of_positives, alpha=1 - recall, blocks=blocks, tail="lower")


class Flagged(NamedTuple):
    """What a threshold costs: recall, precision (NaN where nothing is flagged), and share of rows flagged."""

    recall: float
    precision: float
    share: float


def flagged(y: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> Flagged:
    """Recall, precision and share of the held-out rows with a score of at least ``threshold``.

    Parameters
    ----------
    y
        0 or 1 (or booleans), shape (n,).
    scores
        Out-of-fold scores, shape (n,); rows with NaN are left out.
    threshold
        From :func:`recall_threshold`.

    Raises
    ------
    InputError
        If lengths differ, no row is complete, or ``y`` is not 0 or 1.
    """
    truth, score, _ = _pairs(y, scores, probability=False)
    flags = score >= threshold
    hits = float((flags * truth).sum())
    found = hits / truth.sum() if truth.any() else np.nan
    return Flagged(float(found), hits / flags.sum() if flags.any() else np.nan, float(flags.mean()))


def _pairs(
    y: npt.ArrayLike, p: npt.ArrayLike, *, probability: bool = True
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Complete rows, and which these are."""
    truth, chance = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    if truth.ndim != 1 or truth.shape != chance.shape:
        msg = f"y has shape {truth.shape}, p has shape {chance.shape}. Give one number each per row."
        raise InputError(msg)
    known = ~(np.isnan(truth) | np.isnan(chance))
    truth, chance = truth[known], chance[known]
    if not len(truth):
        msg = "No row has both a class and a probability. Give held-out rows."
        raise InputError(msg)
    if not np.isin(truth, (0, 1)).all():
        msg = f"y holds {truth[~np.isin(truth, (0, 1))][0]:g}. Give 0 and 1, one class against the rest."
        raise InputError(msg)
    if probability and ((chance < 0) | (chance > 1)).any():
        msg = f"p runs from {chance.min():g} to {chance.max():g}. Give probabilities, between 0 and 1."
        raise InputError(msg)
    return truth, chance, known


def _equal_mass(p: Floats, bins: int) -> Ints:
    """Bin of each row by rank, as 0, 1, ... without empty ones; equal values share the lowest rank."""
    if bins < 1:
        msg = f"bins={bins}: give a number of bins, 1 or more."
        raise InputError(msg)
    rank = np.searchsorted(np.sort(p), p)
    return np.unique(rank * bins // len(p), return_inverse=True)[1]


def _two_columns(z: Floats) -> Floats:
    """Logits of both classes: 0 and z, whose softmax is σ(z); (−z, z) would double T."""
    if z.ndim not in (1, 2):
        msg = f"logits has shape {z.shape}. Give (n,) for two classes, or (n, classes)."
        raise InputError(msg)
    return np.stack([np.zeros_like(z), z], axis=1) if z.ndim == 1 else z


def _with_classes(logits: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Ints]:
    z, label = _two_columns(np.asarray(logits, dtype=float)), np.asarray(y, dtype=float)
    if label.shape != z.shape[:1]:
        msg = f"y has shape {label.shape} for {len(z)} rows of logits. Give one class per row."
        raise InputError(msg)
    known = ~(np.isnan(z).any(axis=1) | np.isnan(label))
    if not known.any():
        msg = "No row has both logits and a class. Give held-out rows."
        raise InputError(msg)
    z, label = z[known], label[known]
    odd = ~np.isin(label, np.arange(z.shape[1]))
    if odd.any():
        msg = f"y holds {label[odd][0]:g}. Give the column of the class, 0 to {z.shape[1] - 1}."
        raise InputError(msg)
    return z, label.astype(np.intp)


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
