"""Drawing of concept scores: how far each concept moves a prediction, beside what chance would do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.files import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_concept_scores"]

_RAISES, _LOWERS, _GREY, _CHANCE = "#b2182b", "#2166ac", "#b0b0b0", "#e4e4e4"
_NEEDED = ("concept", "score", "lower", "upper", "significant", "q", "accuracy")
_LONG = 28  # letters of a concept's name


def draw_concept_scores(
    table: pd.DataFrame,
    *,
    label: str = "Change of the prediction",
    title: str = "",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """A bar per concept with its interval, the farthest from 0 at the top; insignificant ones are grey.

    Parameters
    ----------
    table
        ``concept, score, lower, upper, significant, q, accuracy`` (of the vectors, held out); where there are
        ``chance_lower, chance_upper``, a band behind each bar shows where random concepts lie.
    label
        What the scores are, with their unit.
    title
        Words above.
    path
        PNG to write as well.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InputError
        If there is no concept.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # heavy, and needed for drawing alone
    from matplotlib.figure import Figure

    missing = [name for name in _NEEDED if name not in table]
    if missing:
        msg = f"The table of concepts has no column {', '.join(missing)}."
        raise MissingColumnError(msg)
    if table.empty:
        msg = "There is no concept to draw."
        raise InputError(msg)
    rows = table.iloc[np.argsort(-table["score"].abs().to_numpy(), kind="stable")]
    figure = Figure(figsize=(8.2, 1.6 + 0.42 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    _bars(axes, rows)
    axes.set_xlabel(label, fontsize=10)
    axes.set_title(title, fontsize=11, loc="left", pad=8)
    if "chance_lower" in rows:
        figure.legend(loc="outside lower right", fontsize=9, frameon=False)
    if path is not None:
        with atomic(path) as part:
            figure.savefig(part, format="png", dpi=130)
    return figure


def _bars(axes: Axes, rows: pd.DataFrame) -> None:
    at, score = np.arange(len(rows)), rows["score"].to_numpy(dtype=float)
    sure = rows["significant"].to_numpy(dtype=bool)
    if "chance_lower" in rows:
        low, high = rows["chance_lower"], rows["chance_upper"]
        axes.barh(at, high - low, left=low, height=0.86, color=_CHANCE, label="95 % of random concepts")
    colour = np.where(sure, np.where(score > 0, _RAISES, _LOWERS), _GREY)
    axes.barh(at, score, height=0.5, color=colour)
    axes.hlines(at, rows["lower"], rows["upper"], color="#222222", linewidth=1.4)
    axes.axvline(0, color="#555555", linewidth=0.9)
    names = [name if len(name) <= _LONG else f"{name[: _LONG - 1]}…" for name in rows["concept"].astype(str)]
    axes.set_yticks(at, names, fontsize=10)
    notes = [
        f"{'q' if known else 'not significant, q'} {_q(q)}; told apart {told:.0%}"
        for known, q, told in zip(sure, rows["q"], rows["accuracy"])
    ]
    for place, note in zip(at, notes):  # a handful of concepts
        axes.annotate(
            note,
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color="#555555",
        )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="x", labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _q(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}".rstrip("0").rstrip(".")
