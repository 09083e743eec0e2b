"""Pictures of models: how they score side by side, and what they go by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.layers import drawing
from geolivelihood.layers.breaks import number_text
from geolivelihood.layers.drawing import BLUE, GRID, INK, MARKS, SOFT, brief
from geolivelihood.layers.report import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["dependence_figure", "importance_figure", "score_figure"]

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
_LOWER_IS_BETTER = ("mae", "rmse", "mse")
_FLOOR = -0.5  # where the axis of R² ends: how far below zero a useless model lies tells nothing


def score_figure(
    scores: pd.DataFrame,
    *,
    metric: str = "r2",
    indicator: str | None = None,
    baselines: Collection[str] = (),
    splits: Mapping[str, str] | None = None,
    ceiling: float | None = None,
    title: str = "Scores of all models",
    caption: str = "",
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
        If the table has no such metric, indicator or split.
    """
    rows = _chosen(scores, metric, indicator, splits)
    words = splits or {split: split for split in rows["split"].unique()}
    models = list(rows["model"].unique())

    def paint(axes: Axes) -> None:
        _draw_scores(axes, rows, models, words, floor=_FLOOR if metric == "r2" else -np.inf)
        if ceiling is not None:
            axes.axvline(ceiling, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), label="noise ceiling")
        _name_models(axes, models, baselines)
        axes.set_xlabel(f"{_SCORES.get(metric, metric)}, out of fold")
        drawing.legend(axes)

    by_split = rows.groupby("split", sort=False)["value"]
    best = rows.loc[by_split.idxmin() if metric in _LOWER_IS_BETTER else by_split.idxmax()]
    said = "; ".join(f"{words[row.split]}: best {row.model} {row.value:.2f}" for row in best.itertuples())
    explained = (
        "Each mark is a score on places that the model was not trained on, with its 95 % interval over "
        "blocks. Random splits flatter models that know where a place is: neighbours of each tested place "
        "were in training."
    )
    image = drawing.draw(paint, height_in=1.0 + len(models) * max(0.32, 0.13 * len(words)))
    alt = f"{_SCORES.get(metric, metric)} of {len(models)} models by way of splitting. {said}."
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def importance_figure(
    importances: pd.DataFrame,
    *,
    most: int = 20,
    label: str = "Loss of score without it",
    title: str = "What the model goes by",
    caption: str = "",
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
    table = table.sort_values("value", ascending=False, kind="stable")
    shown = table.head(most)

    def paint(axes: Axes) -> None:
        at = np.arange(len(shown))
        axes.barh(at, shown["value"], height=0.62, color=BLUE)
        axes.hlines(at, shown["lower"], shown["upper"], color=INK, linewidth=1.1)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set_yticks(at, shown["name"].map(drawing.shortened), color=INK)
        axes.set(ylim=(len(shown) - 0.5, -0.5), xlabel=label)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)

    left = len(table) - len(shown)
    more = f" {left} less important ones are not shown." if left else ""
    explained = (
        "How much worse the model gets without each of its inputs. Where the line reaches zero, the input "
        f"may not matter at all. It says what the model uses, not what causes what.{more}"
    )
    top = ", ".join(f"{row.name} {brief(row.value)}" for row in shown.head(3).itertuples(index=False))
    image = drawing.draw(paint, height_in=0.8 + 0.24 * len(shown))
    alt = f"Bars of importance of {len(shown)} inputs, from the top: {top}."
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def dependence_figure(
    curves: pd.DataFrame,
    *,
    label: str = "Prediction",
    title: str = "How the prediction moves",
    caption: str = "",
) -> Figure:
    """A panel per feature: the average prediction along its values, with its band, all on one vertical scale.

    Ticks along the bottom stand where the data lie, each as tall as its share of them.

    Parameters
    ----------
    curves
        From :func:`~geolivelihood.explanation.partial_dependence`: ``feature``, ``value``, ``mean``, and
        where known ``lower``, ``upper`` and ``share``.
    label
        What is predicted, with its unit.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    """
    table = drawing.columns(curves, "feature", "value", "mean", optional=("lower", "upper", "share"))
    parts = [(str(name), rows.sort_values("value")) for name, rows in table.groupby("feature", sort=False)]
    across = min(2, len(parts))
    panels = (-(-len(parts) // across), across)

    def paint(grid: Sequence[Axes]) -> None:
        for axes, (name, rows) in zip(grid, parts):
            axes.fill_between(rows["value"], rows["lower"], rows["upper"], color=BLUE, alpha=0.2, linewidth=0)
            axes.plot(rows["value"], rows["mean"], color=BLUE, linewidth=1.7)
            top = 0.25 * rows["share"] / max(rows["share"].max(), 1e-12)  # of the panel's height
            bottom = axes.get_xaxis_transform()
            axes.vlines(rows["value"], 0, top, transform=bottom, color=SOFT, linewidth=2, label="_bars")
            axes.set_xlabel(drawing.shortened(name, 26))
        for axes in grid[len(parts) :]:
            axes.set_visible(False)
        grid[0].figure.supylabel(label, fontsize=8.5)

    explained = (
        "The average prediction when every place is given the same value, all else as it is; the band is "
        "over blocks of places. The bars at the bottom show where places really lie: beyond them the curve "
        "is made of places that do not exist. It is what the model does, not what would happen."
    )
    ends = [
        f"{name} from {brief(rows['value'].iloc[0])} to {brief(rows['value'].iloc[-1])}: "
        f"{brief(rows['mean'].iloc[0])} to {brief(rows['mean'].iloc[-1])}"
        for name, rows in parts
    ]
    image = drawing.draw(paint, height_in=0.3 + 1.75 * panels[0], panels=panels)
    alt = f"{label or 'Prediction'} along {len(parts)} features. {'; '.join(ends)}."
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def _chosen(
    scores: pd.DataFrame, metric: str, indicator: str | None, splits: Mapping[str, str] | None
) -> pd.DataFrame:
    """One score of one indicator, a row per model and split."""
    names = ("model", "split", "indicator", "metric", "value")
    table = drawing.columns(scores, *names, optional=("lower", "upper"))
    wanted = table["indicator"].iloc[0] if indicator is None else indicator
    rows = table[table["metric"].eq(metric) & table["indicator"].eq(wanted)]
    if rows.empty:
        msg = f"The table has no {metric!r} of {wanted}; it has {', '.join(table['metric'].unique())}."
        raise InputError(msg)
    held = rows["split"].unique()
    rows = rows[rows["split"].isin(list(splits or held))]
    if rows.empty:
        msg = f"The table has nothing under the splits {', '.join(splits or ())}; it has {', '.join(held)}."
        raise InputError(msg)
    return rows.drop_duplicates(["model", "split"]).reset_index(drop=True)


def _name_models(axes: Axes, models: list[str], baselines: Collection[str]) -> None:
    """Models from the top, the baselines on a grey ground."""
    for at in (at for at, model in enumerate(models) if model in baselines):
        axes.axhspan(at - 0.5, at + 0.5, color=GRID, alpha=0.55, linewidth=0, zorder=0)
    marks = ["\n(baseline)" if model in baselines else "" for model in models]
    names = [drawing.shortened(model) + mark for model, mark in zip(models, marks)]
    axes.set_yticks(range(len(models)), names, color=INK)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


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
