"""The table that shows all models side by side, each score with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.progress import checkpoint
from geolivelihood.validation.intervals import block_bootstrap
from geolivelihood.validation.metrics import CLASSIFICATION, REGRESSION, known_pairs

__all__ = ["Record", "records", "score_table", "wide"]

_COLUMNS = [
    "model",
    "split",
    "indicator",
    "metric",
    "value",
    "lower",
    "upper",
    "n",
    "n_blocks",
    "reliable",
]


@dataclass(frozen=True, kw_only=True)
class Record:
    """Out-of-fold predictions of one model for one indicator under one split.

    Attributes
    ----------
    model, split, indicator
        Names.
    y, p
        Observed and predicted, shape (n,).
    blocks
        Block id of each row; the blocks are what intervals resample.
    proba
        Class probabilities. With them, or with ``classes=True``, the record is scored as a classification.
    classes
        Whether ``y`` and ``p`` are classes.
    """

    model: str
    split: str
    indicator: str
    y: npt.ArrayLike
    p: npt.ArrayLike
    blocks: npt.ArrayLike
    proba: npt.ArrayLike | None = None
    classes: bool = False


def score_table(
    results: Iterable[Record],
    *,
    n: int = 2000,
    coverage: float = 0.95,
    random_state: int = 0,
    metrics: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Every score of every model, split and indicator, with block-bootstrap intervals.

    Parameters
    ----------
    results
        One :class:`Record` per model, split and indicator.
    n
        Resamples of blocks per interval.
    coverage
        Share of the resampled scores between ``lower`` and ``upper``.
    random_state
        Seed; the same resamples serve all models, so their differences can be read.
    metrics
        Scores to show. ``None``: all that fit the record.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``split``, ``indicator``, ``metric``, ``value``, ``lower``, ``upper``, ``n`` (rows),
        ``n_blocks``, ``reliable`` (at least 10 blocks); in the order given.

    Raises
    ------
    InputError
        If there is no record, or one has no complete row.
    """
    rows = []
    for record in results:
        checkpoint()
        fitting = CLASSIFICATION if record.classes or record.proba is not None else REGRESSION
        size = int(known_pairs(record.y, record.p).sum())
        names = (record.model, record.split, record.indicator)
        for metric in fitting if metrics is None else metrics:
            found = block_bootstrap(
                record.y,
                record.p,
                record.blocks,
                score=metric,
                n=n,
                coverage=coverage,
                random_state=random_state,
                proba=record.proba,
            )
            rows.append((*names, metric, *found[:3], size, found.n_blocks, found.reliable))
    if not rows:
        msg = "There is nothing to score: give at least one Record."
        raise InputError(msg)
    return pd.DataFrame(rows, columns=_COLUMNS)


def wide(table: pd.DataFrame, *, metric: str = "r2", digits: int = 2) -> pd.DataFrame:
    """Scores for people: a row per model, a column per indicator and split.

    Parameters
    ----------
    table
        From :func:`score_table`.
    metric
        The score to show.
    digits
        Decimals.

    Returns
    -------
    pandas.DataFrame
        Text ``0.65 [0.60, 0.70]``; an unreliable interval carries ``*``.

    Raises
    ------
    MissingColumnError
        If the table has no such metric.
    """
    rows = table[table["metric"] == metric]
    if rows.empty:
        msg = f"The table has no metric {metric!r}; it has {', '.join(table['metric'].unique())}."
        raise MissingColumnError(msg)

    def text(row: Any) -> str:
        value, lower, upper = (f"{number:z.{digits}f}" for number in (row.value, row.lower, row.upper))
        return f"{value} [{lower}, {upper}]" + ("" if row.reliable else "*")

    cells = rows.assign(text=[text(row) for row in rows.itertuples()])
    shown = cells.pivot_table(
        index="model", columns=["indicator", "split"], values="text", aggfunc="first", sort=False
    )
    order = pd.MultiIndex.from_frame(rows[["indicator", "split"]].drop_duplicates())
    return shown.reindex(index=rows["model"].unique(), columns=order)


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table as plain numbers and text for JSON; NaN becomes ``None``."""
    plain = table.astype(object).where(table.notna(), None)
    return [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        for row in plain.to_dict("records")
    ]
