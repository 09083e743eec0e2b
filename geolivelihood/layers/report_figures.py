"""Pictures of scores and of how sure they are, each with the words that it needs.

Every maker takes numbers that are there already and returns a
:class:`~geolivelihood.layers.report.Figure`; what a reader cannot see is said in its ``alt``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.layers import drawing
from geolivelihood.layers.breaks import number_text
from geolivelihood.layers.drawing import BLUE, GRID, INK, MARKS, MISS, SOFT, percent
from geolivelihood.layers.report import Figure
from geolivelihood.validation import r2

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "coverage_figure",
    "importance_figure",
    "predicted_observed_figure",
    "reliability_figure",
    "score_figure",
]

Floats = npt.NDArray[np.float64]

_SCORES = {
    "r2": "R²",
    "pearson_r2": "squared correlation",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "kendall_tau": "Kendall's τ",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "auc": "AUC",
}
_FLOOR = -0.5  # where the axis of R² ends: how far below zero a useless model lies tells nothing
_MOST_BARS = 300


def predicted_observed_figure(
    observed: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    interval: Sequence[npt.ArrayLike] | None = None,
    label: str = "",
    title: str = "Predicted against observed",
    caption: str | None = None,
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
        Lower and upper ends, each of shape (n,); what follows them is not looked at. Of more than 300 rows,
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
    y, p = np.asarray(observed, dtype=float), np.asarray(predicted, dtype=float)
    low, high = (np.asarray(end, dtype=float) for end in interval[:2]) if interval is not None else (p, p)
    sorts = np.full(len(y), "") if groups is None else np.asarray(pd.Series(groups).fillna("unknown"))
    sizes = {len(y), len(p), len(low), len(high), len(sorts)}
    known = np.isfinite(y) & np.isfinite(p) if len(sizes) == 1 else np.zeros(0, dtype=bool)
    if not known.any():
        msg = f"No row is complete, or lengths differ ({sorted(sizes)}). Give one of each per row."
        raise InputError(msg)
    y, p, low, high, sorts = (values[known] for values in (y, p, low, high, sorts))
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
        f"and survey agree.{' A bar that misses the line is orange.' if share else ''}{share}"
    )
    alt = (
        f"Scatter of {len(y):,} places, observed across and predicted upwards; R² {_short(r2(y, p))}.{share}"
    )
    picture = drawing.draw(paint, height_in=4.5)
    return Figure(title=title, image=picture, alt=alt, caption=explained if caption is None else caption)


def coverage_figure(
    by_nominal: pd.DataFrame,
    *,
    title: str = "Do the intervals keep their promise?",
    caption: str | None = None,
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
        ends = table.drop(columns="group", errors="ignore").to_numpy()
        low = max(0.0, np.floor((np.nanmin(ends) - 0.02) * 10) / 10)
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
    return Figure(title=title, image=image, alt=alt, caption=explained if caption is None else caption)


def reliability_figure(
    curve: pd.DataFrame,
    *,
    title: str = "Do the probabilities mean what they say?",
    caption: str | None = None,
) -> Figure:
    """Share of ones against the probability given, with its band.

    Parameters
    ----------
    curve
        From :func:`~geolivelihood.validation.reliability_curve`: ``predicted``, ``observed``, and where known
        ``lower``, ``upper`` and ``n``.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    """
    table = drawing.columns(curve, "predicted", "observed", optional=("lower", "upper", "n", "group"))

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
    return Figure(title=title, image=image, alt=alt, caption=explained if caption is None else caption)


def score_figure(
    scores: pd.DataFrame,
    *,
    metric: str = "r2",
    indicator: str | None = None,
    baselines: Collection[str] = (),
    splits: Mapping[str, str] | None = None,
    ceiling: float | None = None,
    title: str = "Scores of all models",
    caption: str | None = None,
) -> Figure:
    """A dot per model and split with its interval, the geographic baselines on a grey ground.

    Parameters
    ----------
    scores
        From :func:`~geolivelihood.validation.score_table`.
    metric
        The score to show.
    indicator
        The indicator to show; ``None``: the table's first.
    baselines
        Models that look at no picture.
    splits
        Words for the splits, in the order wanted; by default the table's own.
    ceiling
        The best score that the survey's own sampling error allows; a dashed line.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InputError
        If the table has no such metric and indicator.
    """
    table = drawing.columns(scores, "model", "split", "indicator", "metric", "value", "lower", "upper")
    wanted = table["indicator"].iloc[0] if indicator is None else indicator
    rows = table[table["metric"].eq(metric) & table["indicator"].eq(wanted)]
    words = dict(splits) if splits else {split: split for split in rows["split"].unique()}
    rows = rows[rows["split"].isin(list(words))]
    if rows.empty:
        msg = f"The table has no {metric!r} of {wanted!r}; it has {', '.join(table['metric'].unique())}."
        raise InputError(msg)
    models = list(rows["model"].unique())

    def paint(axes: Axes) -> None:
        _draw_scores(axes, rows, models, words, floor=_FLOOR if metric == "r2" else -np.inf)
        if ceiling is not None:
            axes.axvline(ceiling, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), label="noise ceiling")
        for at, model in enumerate(models):
            if model in baselines:
                axes.axhspan(at - 0.5, at + 0.5, color=GRID, alpha=0.55, linewidth=0, zorder=0)
        names = [f"{model}\n(baseline)" if model in baselines else model for model in models]
        axes.set_yticks(range(len(models)), names, color=INK)
        axes.set(ylim=(len(models) - 0.5, -0.5), xlabel=f"{_SCORES.get(metric, metric)}, out of fold")
        axes.grid(visible=False, axis="y")
        drawing.legend(axes)

    best = rows.loc[rows.groupby("split", sort=False)["value"].idxmax()]
    said = "; ".join(f"{words[row.split]}: best {row.model} {row.value:.2f}" for row in best.itertuples())
    explained = (
        "Each mark is a score on places that the model was not trained on, with its 95 % interval over "
        "blocks. Random splits flatter every model: the neighbours of each tested place were in the training."
    )
    image = drawing.draw(paint, height_in=1.0 + len(models) * max(0.32, 0.13 * len(words)))
    alt = f"{_SCORES.get(metric, metric)} of {len(models)} models by way of splitting. {said}."
    return Figure(title=title, image=image, alt=alt, caption=explained if caption is None else caption)


def importance_figure(
    importances: pd.DataFrame,
    *,
    most: int = 20,
    label: str = "Loss of score without it",
    title: str = "What the model goes by",
    caption: str | None = None,
) -> Figure:
    """A bar per feature or group of features, the most important at the top, with its interval.

    Parameters
    ----------
    importances
        ``name``, ``value``, and where known ``lower`` and ``upper``.
    most
        How many to show.
    label
        What is measured, with its unit.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    """
    table = drawing.columns(importances, "name", "value", optional=("lower", "upper"))
    table = table.dropna(subset="value").sort_values("value", ascending=False, kind="stable")
    shown = table.head(most)

    def paint(axes: Axes) -> None:
        at = np.arange(len(shown))
        axes.barh(at, shown["value"], height=0.62, color=BLUE)
        if {"lower", "upper"} <= set(shown):
            axes.hlines(at, shown["lower"], shown["upper"], color=INK, linewidth=1.1)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set_yticks(at, shown["name"].astype(str), color=INK)
        axes.set(ylim=(len(shown) - 0.5, -0.5), xlabel=label)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)

    left = len(table) - len(shown)
    more = f" {left} less important ones are not shown." if left else ""
    explained = (
        "How much worse the model gets without each of its inputs. Where the line reaches zero, the input "
        f"may not matter at all. It says what the model uses, not what causes what.{more}"
    )
    top = ", ".join(f"{row.name} {_short(row.value)}" for row in shown.head(3).itertuples(index=False))
    image = drawing.draw(paint, height_in=0.8 + 0.24 * len(shown))
    alt = f"Bars of importance of {len(shown)} inputs, from the top: {top}."
    return Figure(title=title, image=image, alt=alt, caption=explained if caption is None else caption)


def _draw_bars(axes: Axes, y: Floats, p: Floats, ends: tuple[Floats, Floats], inside: npt.NDArray) -> None:
    """Intervals, thinned to evenly spaced predictions where there are too many; infinite ends to the edge."""
    order = np.argsort(p, kind="stable")
    shown = order[:: max(1, int(np.ceil(len(order) / _MOST_BARS)))]
    span = np.ptp(np.concatenate([y, p])) or 1.0
    low, high = np.clip(ends, min(y.min(), p.min()) - span, max(y.max(), p.max()) + span)
    for hit, colour, text in ((True, "#9fb6c6", "interval holds it"), (False, MISS, "interval misses it")):
        rows = shown[inside[shown] == hit]
        if len(rows):
            bars = axes.vlines(
                y[rows], low[rows], high[rows], color=colour, linewidth=0.8, alpha=0.75, label=text
            )
            bars.set_zorder(1.5)


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
    groups = table.groupby("group", sort=False) if "group" in table else [("", table)]
    for (name, rows), (colour, shape) in zip(groups, (MARKS[1], MARKS[0], *MARKS[2:])):
        if {"lower", "upper"} <= set(rows):
            axes.vlines(rows[x], rows["lower"], rows["upper"], color=colour, linewidth=1.4, alpha=0.6)
        look: dict[str, Any] = {"color": colour, "linewidth": 1.0, "markersize": 5}
        axes.plot(rows[x], rows[y], f"{shape}-", label=str(name) or None, **look)


def _draw_scores(
    axes: Axes, rows: pd.DataFrame, models: list[str], words: Mapping[str, str], *, floor: float
) -> None:
    shift = np.linspace(-0.28, 0.28, len(words)) if len(words) > 1 else [0.0]
    for (split, text), (colour, shape), offset in zip(
        words.items(), (MARKS[4], *MARKS[:4], *MARKS[5:]), shift
    ):
        of = rows[rows["split"].eq(split)].set_index("model").reindex(models)
        at = np.arange(len(models)) + offset
        axes.hlines(
            at, of["lower"].clip(floor), of["upper"].clip(floor), color=colour, linewidth=1.5, alpha=0.6
        )
        axes.plot(of["value"].where(of["value"] >= floor), at, shape, color=colour, markersize=5, label=text)
        for place in np.flatnonzero(of["value"] < floor):
            note = f"◂ {number_text(of['value'].iloc[place], digits=2)}"
            axes.text(floor, at[place], note, color=colour, fontsize=7.5, va="center")


def _percent(*sides: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    for side in sides:
        side.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _unit(label: str) -> str:
    return f": {label}" if label else ""


def _short(value: float) -> str:
    return number_text(value, digits=2) if 0.01 <= abs(value) < 10 else number_text(value)
