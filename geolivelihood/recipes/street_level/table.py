"""The results as tables: a long one for machines, and one of the published shape for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from geolivelihood.recipes.street_level.cells import PUBLISHED, Cell, Row, Score, Settings
from geolivelihood.recipes.street_level.published import published_figure

__all__ = ["SPLITS", "Results", "long_table", "markdown", "shaped"]

METRICS = {"accuracy": "Accuracy, %", "r2": "r²"}
PUBLISHED_STEPS = 3000
SPLITS = {"paper": (PUBLISHED,), "default": ("random", "blocked")}

_ABOUT = {
    "paper": (
        "Paper mode: models, splits and scores as published by Lee et al. (2021).",
        "Scores of the graph network are **the maximum over evaluations on the very clusters that are "
        "scored**, the cluster-wise row is the best of five models on them, and the image-wise row their "
        "best epoch: such scores are some points too high. There is no test set; the default mode has one.",
    ),
    "default": (
        "Default mode: our models on the published validation clusters, which they never see. The epoch is "
        "chosen on clusters held out of the training ones, the median that cuts the classes comes from "
        "training clusters alone, and the score is that of the final model.",
        "Rows on the published features (*Graph feats*, *Graph both*) are the exception, under either split: "
        "**the network behind these features saw the training labels and chose its epoch on the very "
        "clusters that are the test here**, so their scores are not honest. *Cross-fitted image features* "
        "are the honest counterpart.",
        "*random*: training clusters that share a photo with a test cluster are left out. *blocked*: so are "
        "all in the H3 blocks of the test clusters and within a buffer around them. The gap between the two "
        "is what neighbours are worth; a model that does not beat the geodesic baselines has learned "
        "geography.",
    ),
}
# Beside the value, the other of the final score and the maximum.
_OTHER = {"paper": ("final", "after the last step"), "default": ("maximum", "maximum over epochs")}
_ORDER = {"pov": "0", "pop": "1", "bmi": "2"}
_COUNTRIES = {"ia": "IN", "ke": "KE"}
_COLUMNS = [
    "mode",
    "model",
    "title",
    "country",
    "indicator",
    "metric",
    "split",
    "value",
    "lower",
    "upper",
    "interval",
    "n",
    "final",
    "maximum",
    "macro_f1",
    "auc",
    "brier",
    "mae",
    "rmse",
    "mse",
    "pearson_r2",
    "trained",
    "published",
    "note",
    "not_run",
]


class Results(NamedTuple):
    """Scores of the cells that could be computed, and why the others could not."""

    scores: dict[Cell, list[Score]]
    not_run: dict[Cell, str]


def long_table(results: Results, rows: Mapping[str, Row], settings: Settings) -> pd.DataFrame:
    """One row per score, and one per score that could not be computed, with the reason in ``not_run``."""
    splits = SPLITS[settings.mode]
    found = []
    for cell, scores in results.scores.items():
        for score in scores:
            found.append(_line(cell, rows, settings, score.country) | asdict(score))
            found[-1]["note"] = "; ".join(filter(None, [score.note, _cut_short(cell, rows, settings)]))
    for cell, reason in results.not_run.items():
        for country in cell.countries:
            found.append(_line(cell, rows, settings, country) | {"split": cell.split, "not_run": reason})
    table = pd.DataFrame(found, columns=_COLUMNS)
    order = {name: place for place, name in enumerate(rows)}
    places = [table[name].map(known) for name, known in (("model", order), ("indicator", _ORDER))]
    split = table["split"].map(splits.index)
    return table.iloc[
        np.lexsort([split, places[1], table["country"], table["metric"], places[0]])
    ].reset_index(drop=True)


def shaped(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A table of the published shape: models down, countries and indicators across.

    Parameters
    ----------
    table
        From :func:`long_table`.
    metric
        ``accuracy`` (shown in per cent) or ``r2``.

    Returns
    -------
    pandas.DataFrame
        Text such as ``81.1 [78.9, 83.0]``; under a model lines ``after the last step`` (beside a maximum, as
        published), ``maximum over epochs`` (beside a final score, as ours) and ``published`` where there are
        such figures; ``not run`` where a cell could not be computed, empty where there is no such cell.
    """
    chosen = table[table["metric"] == metric]
    columns = chosen[["country", "indicator"]].drop_duplicates()
    columns = columns.sort_values(["country", "indicator"], key=lambda part: part.map(_ORDER).fillna(part))
    names = [_column(row) for row in columns.to_dict("records")]
    labels, lines = [], []
    for (title, split), rows in chosen.groupby(["title", "split"], sort=False):
        records = rows.to_dict("records")
        labels.append(title if split == PUBLISHED else f"{title}, {split}")
        lines.append({_column(row): _text(row) for row in records})
        other, label = _OTHER[records[0]["mode"]]
        if rows[other].notna().any():
            labels.append(label)
            lines.append({_column(row): _number(row[other], metric) for row in records})
        figures = {_column(row): _number(row["published"], metric) for row in records}
        if rows["published"].notna().any() and split != "random":  # under both splits once, below the last
            labels.append(PUBLISHED)
            lines.append(figures)
    return pd.DataFrame(lines, index=pd.Index(labels, name="model"), columns=names).fillna("")


def markdown(table: pd.DataFrame, settings: Settings) -> str:
    """The results as a page: what was done, the two tables, what was not run, and notes."""
    parts = ["# Street-level livelihoods", *_ABOUT[settings.mode]]
    if settings.mode == "default":
        parts.append(
            f"Buffer of the blocked split: {settings.buffer_km:g} km. By default 42: two windows of ±0.1 "
            "degrees overlap up to 32 km, and two rural points are displaced by up to 5 km each."
        )
    if settings.steps < PUBLISHED_STEPS:
        parts.append(
            f"**A quick run:** networks were trained for {settings.steps:,} of {PUBLISHED_STEPS:,} steps."
        )
    for metric, title in METRICS.items():
        if (table["metric"] == metric).any():
            parts += [f"## {title}", _pipes(shaped(table, metric))]
    parts += _training_sizes(table)
    parts.append(
        f"Lines named *{PUBLISHED}* are figures of Lee et al. (2021) and their code's README, from their "
        "data; they are not computed here. In brackets: 95 % intervals (Wilson for accuracy; for r², for "
        "scores per photo and under the blocked split, resampled clusters or H3 blocks). Further scores "
        "(macro-F1, AUC, Brier; MAE, RMSE, MSE, Pearson²) are in the CSV file."
    )
    for title, column in (("Not run", "not_run"), ("Notes", "note")):
        told = table[table[column] != ""]
        if len(told):
            parts += [f"## {title}", "\n".join(_told(told, column))]
    return "\n\n".join(parts) + "\n"


def _training_sizes(table: pd.DataFrame) -> list[str]:
    known = table[table["trained"].fillna("") != ""]
    if known.empty:
        return []
    sizes = known.drop_duplicates(["split", "country", "trained"]).to_dict("records")
    told = [f"{row['split']}, {_country(row)}: {row['trained']}" for row in sizes]
    return [f"Training clusters: {'; '.join(told)}."]


def _told(table: pd.DataFrame, column: str) -> list[str]:
    """Each text once, after the cells that it is said of."""
    lines = []
    for (title, text), rows in table.groupby(["title", column], sort=False):
        names = dict.fromkeys(f"{_column(row)} {row['metric']}" for row in rows.to_dict("records"))
        shown = ", ".join(names) if len(names) <= 4 else f"{len(names)} columns"
        lines.append(f"* {title} ({shown}): {text}")
    return lines


def _line(cell: Cell, rows: Mapping[str, Row], settings: Settings, country: str) -> dict[str, Any]:
    return {
        "mode": settings.mode,
        "model": cell.model,
        "title": rows[cell.model].title,
        "country": country,
        "indicator": cell.indicator,
        "metric": cell.metric,
        "published": published_figure(cell.model, country, cell.indicator, cell.metric),
        "trained": "",
        "note": "",
        "not_run": "",
    }


def _cut_short(cell: Cell, rows: Mapping[str, Row], settings: Settings) -> str:
    if settings.steps >= PUBLISHED_STEPS or not rows[cell.model].steps:
        return ""
    return f"{settings.steps:,} of {PUBLISHED_STEPS:,} steps"


def _column(row: Mapping[Any, Any]) -> str:
    return f"{_country(row)} {row['indicator']}"


def _country(row: Mapping[Any, Any]) -> str:
    return _COUNTRIES.get(row["country"], row["country"].upper())


def _text(row: Mapping[Any, Any]) -> str:
    if row["not_run"]:
        return "not run"
    value, lower, upper = (_number(row[name], row["metric"]) for name in ("value", "lower", "upper"))
    return f"{value} [{lower}, {upper}]"


def _number(value: float, metric: str) -> str:
    if np.isnan(value):
        return ""
    # Adding 0 takes the sign from a rounded −0.
    return f"{round(100 * value, 1) + 0:.1f}" if metric == "accuracy" else f"{round(value, 2) + 0:.2f}"


_ASIDE = (PUBLISHED, *(label for _, label in _OTHER.values()))


def _pipes(table: pd.DataFrame) -> str:
    head = [str(table.index.name), *table.columns]
    body = [
        [f"*{label}*" if label in _ASIDE else label, *row]
        for label, row in zip(table.index, table.to_numpy())
    ]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
