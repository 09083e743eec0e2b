"""Conformity scores: how far the truth lies outside a band, and their quantiles by group and tail."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.validation.quantiles import Ranked, check_alpha

__all__ = [
    "METHODS",
    "SCORES",
    "Band",
    "Bands",
    "Bounds",
    "Calibration",
    "check_options",
    "codes_of",
    "column",
    "complete_rows",
    "scale_offset",
]

METHODS = ("hierarchical", "rows", "one_per_block", "ecdf")
# what each score needs beside the prediction
SCORES: dict[str, tuple[str, ...]] = {
    "absolute": (),
    "normalised": ("scale",),
    "quantile": ("lower", "upper"),
    "quantile_asymmetric": ("lower", "upper"),
}

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Bounds = tuple[float | None, float | None]


class Bands(NamedTuple):
    """Intervals, one per row.

    Attributes
    ----------
    lower, upper
        Ends, shape (n,), in the unit of the indicator: infinite where there are too few blocks and no
        bounds, NaN where the prediction is.
    pooled
        Whether the quantile of all groups together was used, shape (n,).
    """

    lower: Floats
    upper: Floats
    pooled: Bools


class Band(NamedTuple):
    """What scores are distances from: lower and upper ends (equal for a plain prediction), and a unit.

    So all scores are one: max(lower − y, y − upper) / unit is |y − ŷ|, |y − ŷ|/σ̂ or the score of
    conformalised quantile regression, and widening the band by a quantile of it is the interval.
    """

    lower: Floats
    upper: Floats
    unit: Floats

    @classmethod
    def of(cls, prediction: npt.ArrayLike, score: str, offset: float, **given: Any) -> Band:
        """Band of a kind of score; ``given`` are ``scale``, ``lower`` and ``upper``, ``None`` if not."""
        middle = np.asarray(prediction, dtype=float)
        if middle.ndim != 1:
            msg = f"prediction has shape {middle.shape}. Give one number per row, shape (n,)."
            raise InputError(msg)
        for name, values in given.items():
            if (values is None) == (name in SCORES[score]):
                needed = ", ".join(SCORES[score]) or "none of scale, lower, upper"
                msg = f"score={score!r} takes {needed}; {name} is {'missing' if values is None else 'given'}."
                raise InputError(msg)
        ends = {name: column(name, v, len(middle)) for name, v in given.items() if v is not None}
        unit = _unit(ends["scale"], offset) if "scale" in ends else np.ones(len(middle))
        return cls(ends.get("lower", middle), ends.get("upper", middle), unit)

    def scores(self, y: Floats, *, apart: bool) -> Floats:
        """How far ``y`` lies outside, negative inside; shape (n, 1), or (n, 2) for the tails apart."""
        tails = np.stack([self.lower - y, y - self.upper], axis=1) / self.unit[:, None]
        return tails if apart else tails.max(axis=1, keepdims=True)

    def widened(self, quantiles: Floats, bounds: Bounds | None) -> tuple[Floats, Floats]:
        """Interval of each row; ``quantiles`` of both tails, shape (n, 2)."""
        lower = self.lower - quantiles[:, 0] * self.unit
        upper = self.upper + quantiles[:, 1] * self.unit
        crossed = lower > upper  # a negative quantile can empty a narrow band; its middle is left
        lower[crossed] = upper[crossed] = (lower[crossed] + upper[crossed]) / 2
        low, high = bounds or (None, None)
        ends = (-np.inf if low is None else low, np.inf if high is None else high)
        return np.clip(lower, *ends), np.clip(upper, *ends)


class Calibration:
    """Scores of each group and tail, sorted once.

    Parameters
    ----------
    scores
        Shape (n, tails); rows with NaN are left out.
    block, group
        Codes of each row; group −1 is none, and calibrates the pooled quantile only.
    alpha
        Miscoverage of all tails together.
    method
        One of ``METHODS``.
    random_state
        Seed of ``one_per_block``.
    """

    def __init__(
        self, scores: Floats, block: Ints, group: Ints, *, alpha: float, method: str, random_state: int
    ) -> None:
        self.alpha = alpha / scores.shape[1]
        self.corrected = method != "ecdf"
        self.complete = complete_rows(scores)
        mass_of = np.arange(len(block)) if method == "rows" else block
        rng = np.random.default_rng(random_state)
        self._ranked: dict[int, list[Ranked]] = {}
        for code in range(-1, int(group.max(initial=-1)) + 1):
            rows = np.flatnonzero(self.complete & ((group == code) | (code < 0)))
            if method == "one_per_block":
                shuffled = rng.permutation(rows)
                rows = shuffled[np.unique(block[shuffled], return_index=True)[1]]
            self._ranked[code] = [Ranked(tail, mass_of, rows) for tail in scores.T]

    @property
    def least(self) -> float:
        """Blocks that a finite quantile takes."""
        return round((1 - self.alpha) / self.alpha, 9)

    def n_blocks(self, code: int = -1) -> int:
        """Count what is exchangeable in a group: its blocks, or its rows under ``rows``."""
        return self._ranked[code][0].n_blocks()

    def quantiles(self, code: int, kept: Bools | None = None) -> tuple[Floats, bool]:
        """Quantiles of both tails for a group, and whether they are the pooled ones, for want of blocks."""
        pooled = code < 0 or self._ranked[code][0].n_blocks(kept) < self.least
        ranked = self._ranked[-1 if pooled else code]
        found = [tail.quantile(self.alpha, kept=kept, corrected=self.corrected) for tail in ranked]
        return np.resize(found, 2), pooled


def check_options(options: Any) -> None:
    """Refuse the first option of conformal intervals that cannot be."""
    check_alpha(options.alpha)
    for name, known in {"score": SCORES, "method": METHODS}.items():
        if getattr(options, name) not in known:
            msg = f"{name}={getattr(options, name)!r} is unknown. Give one of {', '.join(known)}."
            raise InputError(msg)
    if options.scale_floor < 0:
        msg = f"scale_floor={options.scale_floor!r}: give a share of the median scale, 0 or more."
        raise InputError(msg)
    low, high = options.bounds or (None, None)
    if low is not None and high is not None and not low < high:
        msg = f"bounds={options.bounds!r}: give (least, largest), None for an open end."
        raise InputError(msg)


def complete_rows(scores: Floats) -> Bools:
    """Rows without a missing score."""
    return np.asarray(~np.isnan(scores).any(axis=1))


def column(name: str, values: npt.ArrayLike, n: int) -> Floats:
    """Numbers of each row."""
    array = np.asarray(values, dtype=float)
    if array.shape != (n,):
        msg = f"{name} has shape {array.shape}, prediction has {n} rows. Give one number per row."
        raise InputError(msg)
    return array


def codes_of(what: str, labels: npt.ArrayLike | None, n: int) -> tuple[Ints, list[Any]]:
    """Code of each row's group or fold (−1: none), and the names as plain Python values."""
    if labels is None:
        return np.full(n, -1), []
    given = np.asarray(labels, dtype=object)
    if given.shape != (n,):
        msg = f"{what} has shape {given.shape}, prediction has {n} rows. Give one label per row."
        raise InputError(msg)
    codes, names = pd.factorize(given)
    return codes, [name.item() if isinstance(name, np.generic) else name for name in names]


def scale_offset(scale: npt.ArrayLike | None, floor: float) -> float:
    """Add to every scale, lest one near 0 make its score huge: ``floor`` times the median."""
    if scale is None:
        return 0.0
    known = np.asarray(scale, dtype=float)
    known = known[~np.isnan(known)]
    return floor * float(np.median(known)) if len(known) else 0.0


def _unit(scale: Floats, offset: float) -> Floats:
    if (scale < 0).any() or (scale + offset == 0).any():
        msg = (
            f"scale has {int((scale < 0).sum())} negative values and {int((scale == 0).sum())} zeros. Give "
            "standard deviations (zeros only where the median is above 0), or score='absolute'."
        )
        raise InputError(msg)
    return scale + offset
