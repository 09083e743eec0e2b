"""The chapter of the report on what the map's model goes by: pictures, and what each does not say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from geolivelihood import layers
from geolivelihood.layers import Figure, Section, Table
from geolivelihood.layers.drawing import brief, percent
from geolivelihood.recipes.explained import Explained, MapTree

__all__ = ["explained_sections"]

_TITLE = "What does the model go by?"
_MOST = 12  # bars
_INTRODUCTION = (
    "This tells what models use to predict, not what makes places rich or poor: a street lamp that goes with "
    "wealth does not make it, and putting one up would change the map and nothing else. Inputs that tell "
    "the same story share the credit, so that one of them may look useless because another stands in for it."
)
_SOURCES = {
    "drop-column": (
        "How much R² the map's model loses on unseen districts when it is trained anew without the source, "
        "the others staying (drop-column importance). Near zero: the others stand in for it; below zero: it "
        "did harm. It is not how much the source would tell alone."
    ),
    "average told": (
        "How much R² the map's model loses on unseen districts when it is told the source's average at every "
        "place. The network was trained once per fold, with all sources, for training it anew without each "
        "would take too long: this is what it leans on, not how well another could do without the source."
    ),
}
_KINDS = {
    "source": "sources of the map's model",
    "object": "objects in the pictures",
    "shapley": "Shapley values of boosting",
}


def explained_sections(explained: Explained) -> list[Section]:
    """The chapter, or none where the project does not want it.

    Parameters
    ----------
    explained
        What was measured; what was not yet is measured now.
    """
    project = explained.lineup.project
    if not project.explanations or not project.models:
        return []
    if not explained.wanted:
        said = f"The map's model, {explained.choice.key!r}, looks at no picture: it goes by where places are."
        return [Section(title=_TITLE, text=[said])]
    figures, tables = [], []
    for indicator in explained.lineup.indicators:
        label = project.output.labels.get(indicator, indicator)
        figures += [*_bars(explained, indicator, label), *_shapes(explained, indicator, label)]
        tables += list(_tables(explained, indicator, label))
    text = [_INTRODUCTION, *_left_out(explained), *explained.missing]
    return [Section(title=_TITLE, text=text, figures=figures, tables=tables)]


def _left_out(explained: Explained) -> Iterator[str]:
    """What this project has no such picture of."""
    seen = explained.data.seen_by(explained.choice)
    if len(seen) == 1:
        yield f"The map's model sees one source, {seen[0]!r}: there is no model without it to compare with."


def _bars(explained: Explained, indicator: str, label: str) -> Iterator[Figure]:
    rows = _of(explained, indicator, "source")
    if len(rows):
        method = rows["method"].iloc[0]
        title = f"{label}: what the map owes to each source"
        yield _importance(rows, title=title, caption=_SOURCES[method])
    rows = _of(explained, indicator, "object")
    if len(rows):
        caption = (
            f"A linear model of object counts alone (R² {rows['r2'].iloc[0]:.2f} on unseen districts; not "
            "the map's model, which sees more) loses so much R² when the counts of a class are dealt to "
            "other places (permutation importance). One that stands for its surroundings counts like one "
            "that matters."
        )
        yield _importance(rows, title=f"{label}: objects that go with it", caption=caption)
    rows = _of(explained, indicator, "shapley")
    if len(rows):
        model, unit = rows["model"].iloc[0], "Mean |Shapley value|, unit of the indicator"
        whose = "the map's model" if model == explained.choice.key else "not the map's model"
        caption = (
            f"How far each input moves a prediction of {model} ({whose}) up or down from the average one, "
            f"over {rows['n_rows'].iloc[0]:,.0f} surveyed places that it was trained on: what its trees use, "
            "also where that misleads them in unseen districts."
        )
        title = f"{label}: what moves the predictions of {model}"
        yield _importance(rows, title=title, caption=caption, unit=unit)


def _shapes(explained: Explained, indicator: str, label: str) -> Iterator[Figure]:
    of_people = explained.people.known
    curves = explained.curves(indicator)
    if curves is not None:
        whom = "over where people live" if of_people else "over the surveyed places"
        caption = (
            f"The map's average {whom} when every place is given the same value ({explained.unit}), all else "
            f"as it is{explained.company}: a straight line where the model is linear. For comparison, cells "
            f"of the map differ by {brief(explained.spread(indicator))} (standard deviation). The bars at "
            "the bottom show where places really lie. Another survey would give other curves; these have no "
            "interval. A curve is what the model does, not what would happen if the value were changed."
        )
        title = f"{label}: how the map moves with what is shown"
        yield layers.dependence_figure(curves, label=label, title=title, caption=caption)
    tree = explained.tree(indicator)
    if tree is not None:
        yield _tree(explained, tree, label)


def _tree(explained: Explained, tree: MapTree, label: str) -> Figure:
    ends = tree.leaves.sort_values("mean").iloc[[0, -1]]
    alt = "; ".join(f"{row.mean:.3g} where {row.rule or 'any place'}" for row in ends.itertuples(index=False))
    whom = "people" if explained.people.known else "cells"
    caption = (
        f"A small tree that asks for what the pictures of a cell show ({explained.unit}) and repeats "
        f"{percent(max(tree.fidelity, 0))} of the map (R², cells that it had not seen; shares are of {whom})."
        " It is a summary of the map where there are such pictures, not the model itself, and what it does "
        "not repeat it cannot explain."
        if np.isfinite(tree.fidelity)
        else "The map hardly varies where there are such pictures."
    )
    title = f"{label}: the map in three questions"
    return Figure(title=title, image=tree.svg, alt=f"A tree. {alt}.", caption=caption, wide=True)


def _importance(
    rows: pd.DataFrame, *, title: str, caption: str, unit: str = "R² lost on unseen districts"
) -> Figure:
    bars = rows.rename(columns={"importance": "value"})
    left = len(rows) - _MOST
    more = f" {left} less important ones are in the table." if left > 0 else ""
    return layers.importance_figure(bars, most=_MOST, label=unit, title=title, caption=caption + more)


def _tables(explained: Explained, indicator: str, label: str) -> Iterator[Table]:
    for kind, words in _KINDS.items():
        rows = _of(explained, indicator, kind)
        if len(rows) > 1:
            frame = rows.set_index("name")[["importance", "lower", "upper", "se"]]
            said = f"{rows['method'].iloc[0]}, with 95 % intervals over {rows['n_blocks'].iloc[0]} blocks."
            said += "" if rows["n_blocks"].iloc[0] >= 10 else " So few blocks make them unreliable."
            yield Table(title=f"{label}: {words}", frame=frame, caption=said.capitalize(), folded=True)


def _of(explained: Explained, indicator: str, kind: str) -> pd.DataFrame:
    table = explained.importance
    rows = table[table["indicator"].eq(indicator) & table["kind"].eq(kind)]
    return rows[rows["importance"].notna()]
