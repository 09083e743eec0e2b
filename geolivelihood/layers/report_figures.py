"""Pictures of predictions and of how sure they are, each with the words that it needs.

Every maker takes numbers that are there already and returns a
:class:`~geolivelihood.layers.report.Figure`; what a reader cannot see is said in its ``alt``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.layers import drawing
from geolivelihood.layers.drawing import MARKS, MISS, SOFT, brief, percent
from geolivelihood.layers.report import Figure
from geolivelihood.validation import r2

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "coverage_figure",
    "predicted_observed_figure",
    "reliability_figure",
]

Floats = npt.NDArray[np.float64]

_MOST_BARS = 150


def predicted_observed_figure(
    observed: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    interval: Sequence[npt.ArrayLike] | None = None,
    label: str = "",
    title: str = "Predicted against observed",
    caption: str = "",
) -> Figure:
    """Each place's out-of-fold prediction against its survey value, with the 1:1 line.

    A bar is the place's interval: it crosses the line where it holds the survey value, else it is orange.

    Parameters
    ----------
    observed, predicted
        Shape (n,); rows that lack one are left out.
    groups
        Such as urban and rural, one per row; each gets a colour and a shape.
    interval
        Lower and upper ends, each of shape (n,); what follows them is not looked at. Of more than 150 rows,
        evenly spaced ones show theirs.
    label
        The indicator with its unit.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    InputError
        If lengths differ or no row is complete.
    """
    y, p, low, high, sorts = _complete(observed, predicted, interval, groups)
    inside = (low <= y) & (y <= high)

    def paint(axes: Axes) -> None:
        if interval is not None:
            _draw_bars(axes, y, p, (low, high), inside)
        size = _draw_groups(axes, y, p, sorts)
        _draw_identity(axes, np.concatenate([y, p]))
        axes.set(xlabel=f"Observed in the survey{_unit(label)}", ylabel="Predicted without it")
        axes.set_aspect("equal")
        drawing.legend(axes, markerscale=4.5 / size)

    share = (
        f" {percent(float(inside.mean()))} of the intervals hold the survey value."
        if interval is not None
        else ""
    )
    explained = (
        "Each mark is a surveyed place, predicted by a model that never saw it. On the diagonal, prediction "
        f"and survey agree.{_bars_told(len(y)) if share else ''}{share}"
    )
    alt = f"Scatter of {len(y):,} places, observed across and predicted upwards; R² {brief(r2(y, p))}.{share}"
    picture = drawing.draw(paint, height_in=4.5)
    return Figure(title=title, image=picture, alt=alt, caption=caption or explained)


def coverage_figure(
    by_nominal: pd.DataFrame,
    *,
    title: str = "Do the intervals keep their promise?",
    caption: str = "",
) -> Figure:
    """Measured against nominal coverage, with the interval of each measurement.

    Parameters
    ----------
    by_nominal
        One row per nominal coverage: ``nominal``, ``measured``, and where known ``lower`` and ``upper``, all
        shares from 0 to 1. A column ``group`` makes a series per group.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    """
    table = drawing.columns(by_nominal, "nominal", "measured", optional=("lower", "upper", "group"))

    def paint(axes: Axes) -> None:
        _draw_series(axes, table, "nominal", "measured")
        least = table[["nominal", "measured", "lower"]].min().min()
        low = max(0.0, np.floor((least - 0.02) * 10) / 10)
        _draw_identity(axes, np.array([low, 1.0]), label="promise kept")
        axes.set(xlabel="Coverage promised", ylabel="Coverage measured on blocks held out")
        _percent(axes.xaxis, axes.yaxis)
        drawing.legend(axes)

    said = "; ".join(
        f"{percent(row.nominal)} promised, {percent(row.measured)} measured" for row in table.itertuples()
    )
    explained = (
        "Below the line, intervals hold the survey value less often than they promise; above it, they are "
        "wider than they need to be. Bars: 95 % intervals over blocks."
    )
    image = drawing.draw(paint, height_in=3.9)
    alt = f"Measured against promised coverage of the intervals: {said}."
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def reliability_figure(
    curve: pd.DataFrame,
    *,
    title: str = "Do the probabilities mean what they say?",
    caption: str = "",
) -> Figure:
    """Share of ones against the probability given, with its band.

    Parameters
    ----------
    curve
        From :func:`~geolivelihood.validation.reliability_curve`: ``predicted``, ``observed``, and where known
        ``lower`` and ``upper``. A column ``group`` makes a series per group.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    """
    table = drawing.columns(curve, "predicted", "observed", optional=("lower", "upper", "group"))

    def paint(axes: Axes) -> None:
        _draw_series(axes, table, "predicted", "observed")
        _draw_identity(axes, np.array([0.0, 1.0]), label="as it should be")
        axes.set(xlabel="Probability given by the model", ylabel="Share that turned out so")
        _percent(axes.xaxis, axes.yaxis)
        drawing.legend(axes)

    gap = (table["observed"] - table["predicted"]).abs().max()
    alt = f"Reliability curve in {len(table)} bins; the largest gap to the diagonal is {percent(gap)}."
    explained = (
        "Of all places that were given a probability, so many turned out so; on the diagonal the probability "
        "can be taken at its word. Bars: 95 % intervals over blocks."
    )
    image = drawing.draw(paint, height_in=3.9)
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def _complete(
    observed: npt.ArrayLike,
    predicted: npt.ArrayLike,
    interval: Sequence[npt.ArrayLike] | None,
    groups: npt.ArrayLike | None,
) -> tuple[npt.NDArray, ...]:
    """Observed, predicted, both ends and groups of the rows that have the first two."""
    y, p = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    low, high = (np.asarray(end, dtype=float) for end in interval[:2]) if interval is not None else (p, p)
    sorts = np.full(len(y), "") if groups is None else np.asarray(pd.Series(groups).fillna("unknown"))
    parts = (y, p, low, high, sorts)
    sizes = {len(values) for values in parts}
    known = np.isfinite(y) & np.isfinite(p) if len(sizes) == 1 else np.zeros(0, dtype=bool)
    if not known.any():
        msg = f"No row is complete, or lengths differ ({sorted(sizes)}). Give one of each per row."
        raise InputError(msg)
    return tuple(values[known] for values in parts)


def _bars_told(count: int) -> str:
    few = f" Bars are drawn for {_MOST_BARS} places or fewer." if count > _MOST_BARS else ""
    return f" A bar that misses the line is orange.{few}"


def _draw_bars(axes: Axes, y: Floats, p: Floats, ends: tuple[Floats, Floats], inside: npt.NDArray) -> None:
    """Intervals, thinned to evenly spaced predictions where there are too many; infinite ends to the edge."""
    order = np.argsort(p, kind="stable")
    shown = order[:: max(1, int(np.ceil(len(order) / _MOST_BARS)))]
    span = np.ptp(np.concatenate([y, p])) or 1.0
    low, high = np.clip(ends, min(y.min(), p.min()) - span, max(y.max(), p.max()) + span)
    looks: tuple[tuple[bool, dict[str, Any]], ...] = (
        (True, {"color": "#a9bfce", "linewidth": 0.7, "label": "interval holds it"}),
        (False, {"color": MISS, "linewidth": 0.9, "label": "interval misses it"}),
    )
    for hit, look in looks:
        rows = shown[inside[shown] == hit]
        if len(rows):
            axes.vlines(y[rows], low[rows], high[rows], zorder=1.5, **look)


def _draw_groups(axes: Axes, y: Floats, p: Floats, sorts: npt.NDArray) -> float:
    """A colour and shape per group, and the size of the marks in points."""
    size = float(np.clip(160 / np.sqrt(len(y)), 1.6, 4.5))
    for (sort, rows), (colour, shape) in zip(pd.Series(range(len(y))).groupby(sorts), MARKS * 4):
        axes.plot(
            y[rows],
            p[rows],
            shape,
            color=colour,
            markersize=size,
            markeredgewidth=0,
            alpha=0.65,
            label=str(sort) or None,
            rasterized=drawing.crowded(len(y)),
        )
    return size


def _draw_identity(axes: Axes, values: Floats, *, label: str | None = None) -> None:
    """The 1:1 line, and axes that end alike."""
    low, high = float(values.min()), float(values.max())
    edge = 0.04 * ((high - low) or 1.0)
    ends = (low - edge, high + edge)
    axes.plot(
        ends, ends, color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1, label=label, scalex=False
    )
    axes.set(xlim=ends, ylim=ends)


def _draw_series(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """Points with error bars, one colour and shape per ``group``."""
    groups = table.groupby(table["group"].fillna(""), sort=False)
    for (name, rows), (colour, shape) in zip(groups, (MARKS[1], MARKS[0], *MARKS[2:])):
        axes.vlines(rows[x], rows["lower"], rows["upper"], color=colour, linewidth=1.4, alpha=0.6)
        look: dict[str, Any] = {"color": colour, "linewidth": 1.0, "markersize": 5}
        axes.plot(rows[x], rows[y], f"{shape}-", label=str(name) or None, **look)


def _percent(*sides: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    for side in sides:
        side.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _unit(label: str) -> str:
    return f": {label}" if label else ""
