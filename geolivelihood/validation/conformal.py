"""Intervals that hold the truth as often as they say, calibrated on blocks the model has not seen.

Exchangeability is across blocks, not rows: rows of one district share their errors, so counting them as
independent makes intervals too narrow for the next district. The default gives every block the same mass
(hierarchical conformal prediction [1]_). Its coverage holds for a random unit of a *new exchangeable block*:
not for each block, not given the features, and not in a new country (there, blocks are countries). What is
covered is the *surveyed* mean at its published place: sampling error and displacement are included.

MAPIE and crepes have split, normalised and Mondrian intervals but only for exchangeable rows, and the block
weights change the quantile underneath them all; hence code of our own.

References
----------
.. [1] Lee, Barber & Willett (2023), Distribution-free inference with hierarchical data.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.validation.conformity import (
    Band,
    Bands,
    Bounds,
    Calibration,
    Ints,
    check_options,
    codes_of,
    column,
    complete_rows,
    scale_offset,
)
from geolivelihood.validation.coverage import Coverage, coverage
from geolivelihood.validation.cross_conformal import cross_conformal
from geolivelihood.validation.quantiles import block_codes, conformal_quantile

__all__ = [
    "Bands",
    "ConformalIntervals",
    "Coverage",
    "conformal_quantile",
    "coverage",
    "cross_conformal",
    "nested_coverage",
    "nested_intervals",
]

_LEARNED = ("flagged_", "n_blocks_", "n_dropped_", "scale_offset_", "grouped_")

Score = Literal["absolute", "normalised", "quantile", "quantile_asymmetric"]
Method = Literal["hierarchical", "rows", "one_per_block", "ecdf"]


class ConformalIntervals(BaseEstimator):
    """Intervals around predictions, as wide as the errors on unseen blocks were.

    Parameters
    ----------
    alpha
        Miscoverage: 0.1 for 90 % intervals.
    score
        ``absolute``: |y − ŷ|, one width for all. ``normalised``: |y − ŷ|/(σ̂ + ε), wide where the ensemble
        disagrees. ``quantile``: max(q_lo − y, y − q_hi) about a band of two quantile models [1]_;
        ``quantile_asymmetric`` moves each end on its own, at α/2.
    method
        ``hierarchical``: each block has the same mass (:func:`conformal_quantile`). ``one_per_block``: one
        random row of each block; exact, noisy. ``ecdf``: as hierarchical without the mass at infinity; only
        asymptotic, too narrow for few blocks. ``rows``: each row counts; only for independent rows.
    bounds
        Range of the indicator, ``None`` for an open end; intervals are clipped to it.
    scale_floor
        ε as a share of the median σ̂.
    random_state
        Seed of ``one_per_block``.

    Attributes
    ----------
    quantiles_ : dict
        Quantile of the scores by group, ``None`` for the pooled one; for ``quantile_asymmetric`` those of
        the lower and the upper tail.
    n_blocks_ : int
        Blocks that calibrated (rows, under ``rows``).
    n_dropped_ : int
        Rows left out, because a number is missing.
    flagged_ : list
        Groups with fewer than (1 − α)/α blocks; they use the pooled quantile.
    scale_offset_ : float
        ε; 0 without a scale.

    References
    ----------
    .. [1] Romano, Patterson & Candès (2019), Conformalized quantile regression.

    Examples
    --------
    >>> y = [0.4, 0.1, 0.9, 0.3, 0.6, 0.2, 0.8, 0.5, 0.7]
    >>> intervals = ConformalIntervals(alpha=0.2).fit(y, np.zeros(9), blocks=np.arange(9))
    >>> lower, upper, _ = intervals.predict([1.0])
    >>> print(lower.round(2), upper.round(2))
    [0.2] [1.8]
    """

    def __init__(
        self,
        *,
        alpha: float = 0.1,
        score: Score = "absolute",
        method: Method = "hierarchical",
        bounds: Bounds | None = None,
        scale_floor: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.alpha = alpha
        self.score = score
        self.method = method
        self.bounds = bounds
        self.scale_floor = scale_floor
        self.random_state = random_state

    def fit(
        self,
        y: npt.ArrayLike,
        prediction: npt.ArrayLike,
        *,
        blocks: npt.ArrayLike | None = None,
        scale: npt.ArrayLike | None = None,
        lower: npt.ArrayLike | None = None,
        upper: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Calibrate on predictions from models that had not seen the row's block.

        Parameters
        ----------
        y, prediction
            Observed and *out-of-fold* predicted, shape (n,), in the unit of the indicator. Rows with NaN
            are left out and counted.
        blocks
            Block id of each row; not needed by ``method="rows"`` only.
        scale
            Out-of-fold standard deviation of the ensemble, for ``normalised``.
        lower, upper
            Out-of-fold quantile predictions, for the quantile scores.
        groups
            Mondrian group of each row (urban/rural, country), fixed before the errors were seen: each gets
            its own quantile. A row without one calibrates the pooled quantile only.

        Raises
        ------
        InputError
            If an option is unknown, shapes do not fit, what the score needs is missing (or is given without
            need), no row is complete, or a complete row has no block.
        """
        check_options(self)
        self.scale_offset_ = scale_offset(scale, self.scale_floor)
        band = Band.of(prediction, self.score, self.scale_offset_, scale=scale, lower=lower, upper=upper)
        rows = _calibrated(self, y, band, blocks, groups)
        found = {name: rows.calibration.quantiles(code) for code, name in enumerate(rows.names)}
        own = {name: quantile for name, (quantile, pooled) in found.items() if not pooled}
        own[None] = rows.calibration.quantiles(-1)[0]
        apart = self.score == "quantile_asymmetric"
        self.quantiles_ = {
            name: tuple(map(float, tails)) if apart else float(tails[0]) for name, tails in own.items()
        }
        self.flagged_ = [name for name in rows.names if name not in own]
        self.n_blocks_ = rows.calibration.n_blocks()
        self.n_dropped_ = int((~rows.calibration.complete).sum())
        self.grouped_ = groups is not None
        if np.isinf(own[None]).any():
            msg = (
                f"{self.n_blocks_} blocks are too few for finite intervals of {100 * (1 - self.alpha):g} %; "
                f"it takes {np.ceil(rows.calibration.least):.0f}. Smaller blocks, or a larger alpha"
            )
            warnings.warn(msg, stacklevel=2)
        return self

    def predict(
        self,
        prediction: npt.ArrayLike,
        *,
        scale: npt.ArrayLike | None = None,
        lower: npt.ArrayLike | None = None,
        upper: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Bands:
        """Intervals around predictions of the model refitted to all rows.

        Parameters
        ----------
        prediction, scale, lower, upper
            As in ``fit``, shape (m,).
        groups
            Group of each row, if ``fit`` had groups; one that it did not see (or none) uses the pooled
            quantile.

        Returns
        -------
        Bands
            Where ends would cross (narrow quantile bands that held too much), both are their middle.

        Raises
        ------
        InputError
            If shapes do not fit, what the score needs is missing, or only one of ``fit`` and ``predict`` is
            given groups.
        """
        check_is_fitted(self, "quantiles_")
        if (groups is not None) != self.grouped_:
            msg = f"groups is {'given' if groups is not None else 'missing'}, unlike in fit. Give it to both."
            raise InputError(msg)
        band = Band.of(prediction, self.score, self.scale_offset_, scale=scale, lower=lower, upper=upper)
        codes, names = codes_of("groups", groups, len(band.lower))
        # one row more than there are groups: code −1 picks the pooled quantile at the end
        tails = [self.quantiles_.get(name, self.quantiles_[None]) for name in [*names, None]]
        pooled = np.array([name not in self.quantiles_ for name in names] + [True])
        table = np.array([np.broadcast_to(pair, 2) for pair in tails])
        return Bands(*band.widened(table[codes], self.bounds), pooled[codes])

    def to_dict(self) -> dict[str, Any]:
        """Everything that was learned, ready for JSON (infinite numbers as text)."""
        check_is_fitted(self, "quantiles_")
        names = [name for name in [*self.quantiles_, *self.flagged_] if name is not None]
        odd = [name for name in names if not isinstance(name, str | bool | int | float)]
        if odd:
            msg = f"Group {odd[0]!r} cannot be written. Name groups by text, numbers or booleans."
            raise InputError(msg)
        bounds = None if self.bounds is None else [_written(end) for end in self.bounds]
        quantiles = [[name, _written(value)] for name, value in self.quantiles_.items()]
        learned = {name: getattr(self, name) for name in _LEARNED}
        return {**self.get_params(), "bounds": bounds, "quantiles_": quantiles, **learned}

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Self:
        """Intervals as :meth:`to_dict` wrote them."""
        names = cls._get_param_names()
        missing = [name for name in [*names, "quantiles_", *_LEARNED] if name not in written]
        if missing:
            msg = f"{', '.join(missing)} missing. Give what ConformalIntervals.to_dict() returned."
            raise InputError(msg)
        found = cls(**{name: written[name] for name in names})
        found.bounds = None if found.bounds is None else _read(found.bounds)
        found.quantiles_ = {name: _read(value) for name, value in written["quantiles_"]}
        for name in _LEARNED:
            setattr(found, name, written[name])
        return found


def nested_intervals(
    y: npt.ArrayLike,
    prediction: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    alpha: float = 0.1,
    score: Score = "absolute",
    method: Method = "hierarchical",
    scale: npt.ArrayLike | None = None,
    lower: npt.ArrayLike | None = None,
    upper: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
    folds: npt.ArrayLike | None = None,
    bounds: Bounds | None = None,
    scale_floor: float = 0.1,
    random_state: int = 0,
) -> Bands:
    """Interval of each surveyed row, calibrated without its own block.

    Parameters
    ----------
    y, prediction, blocks, scale, lower, upper, groups
        As in :meth:`ConformalIntervals.fit`. A row without ``y`` gets an interval all the same.
    alpha, score, method, bounds, scale_floor, random_state
        As in :class:`ConformalIntervals`.
    folds
        Fold that tested each row. Calibration then leaves out the row's whole fold as well, whose model the
        row's prediction came from. ``None``: its block only.

    Returns
    -------
    Bands
        Shape (n,).

    Raises
    ------
    InputError
        As :meth:`ConformalIntervals.fit`.
    """
    options = ConformalIntervals(
        alpha=alpha,
        score=score,
        method=method,
        bounds=bounds,
        scale_floor=scale_floor,
        random_state=random_state,
    )
    check_options(options)
    # ε knows no errors and is the same for every row, so that it does not spoil the exchangeability
    offset = scale_offset(scale, scale_floor)
    band = Band.of(prediction, score, offset, scale=scale, lower=lower, upper=upper)
    block, group, _, calibration = _calibrated(options, y, band, blocks, groups)
    fold = block if folds is None else codes_of("folds", folds, len(block))[0]
    units = pd.DataFrame({"block": block, "fold": fold}).groupby(["block", "fold"])
    quantiles, pooled = np.empty((len(block), 2)), np.ones(len(block), dtype=bool)
    for rows in units.indices.values():  # one pass over the sorted scores for each block
        kept = (block != block[rows[0]]) & (fold != fold[rows[0]])
        for code in np.unique(group[rows]):
            same = rows[group[rows] == code]
            quantiles[same], pooled[same] = calibration.quantiles(code, kept)
    return Bands(*band.widened(quantiles, bounds), pooled)


def nested_coverage(
    y: npt.ArrayLike, prediction: npt.ArrayLike, blocks: npt.ArrayLike, *, alpha: float = 0.1, **options: Any
) -> Coverage:
    """Coverage of intervals on blocks that took no part in their calibration.

    Parameters
    ----------
    y, prediction, blocks, alpha, **options
        As in :func:`nested_intervals`. Rows without ``y`` or ``prediction`` are left out and counted.

    Returns
    -------
    Coverage
        With the mean width of the intervals, in the unit of the indicator.

    Raises
    ------
    InputError
        As :func:`nested_intervals`, or if no row has both numbers.
    """
    bands = nested_intervals(y, prediction, blocks, alpha=alpha, **options)
    truth = np.asarray(y, dtype=float)
    inside = ((bands.lower <= truth) & (truth <= bands.upper)).astype(float)
    inside[np.isnan(truth) | np.isnan(bands.lower)] = np.nan
    return coverage(inside, blocks, nominal=1 - alpha, width=bands.upper - bands.lower)


class _Rows(NamedTuple):
    block: Ints
    group: Ints
    names: list[Any]
    calibration: Calibration


def _calibrated(
    options: ConformalIntervals,
    y: npt.ArrayLike,
    band: Band,
    blocks: npt.ArrayLike | None,
    groups: npt.ArrayLike | None,
) -> _Rows:
    """Scores of the complete rows, ranked by group and tail."""
    n = len(band.lower)
    scores = band.scores(column("y", y, n), apart=options.score == "quantile_asymmetric")
    complete = complete_rows(scores)
    if not complete.any():
        msg = f"None of {n} rows has all numbers. Give observations with out-of-fold predictions."
        raise InputError(msg)
    if blocks is None and options.method != "rows":
        msg = "blocks is missing. Give the block of each row, or method='rows' if rows are independent."
        raise InputError(msg)
    block = np.arange(n) if blocks is None else block_codes(blocks, complete)
    group, names = codes_of("groups", groups, n)
    calibration = Calibration(
        scores, block, group, alpha=options.alpha, method=options.method, random_state=options.random_state
    )
    return _Rows(block, group, names, calibration)


def _written(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, tuple):
        return [_written(part) for part in value]
    return str(value) if isinstance(value, float) and np.isinf(value) else value


def _read(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_read(part) for part in value)
    return float(value) if isinstance(value, str) else value
