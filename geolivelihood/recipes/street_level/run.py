"""The whole table from a folder: every cell computed once, kept, and set beside the published figure."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from geolivelihood.errors import EnvironmentMissingError, InputError, TooManyRejectedError
from geolivelihood.files import atomic
from geolivelihood.progress import stage, track
from geolivelihood.recipes.street_level.cells import Cell, Row, Settings
from geolivelihood.recipes.street_level.data import StreetData, open_street_level
from geolivelihood.recipes.street_level.kept import Kept
from geolivelihood.recipes.street_level.ours import OUR_ROWS, our_scores
from geolivelihood.recipes.street_level.paper import PAPER_ROWS, paper_scores
from geolivelihood.recipes.street_level.table import SPLITS, Results, long_table, markdown
from geolivelihood.tables.published import INDICATORS

__all__ = ["Reproduction", "reproduce"]

_MODES: dict[str, tuple[Mapping[str, Row], Any]] = {
    "paper": (PAPER_ROWS, paper_scores),
    "default": (OUR_ROWS, our_scores),
}
# What makes a cell impossible, rather than the program wrong.
_IMPOSSIBLE = (InputError, EnvironmentMissingError, TooManyRejectedError)


class Reproduction(NamedTuple):
    """What was made.

    Attributes
    ----------
    table
        One row per score; see :func:`~geolivelihood.recipes.street_level.table.long_table`.
    csv, markdown
        The same as files, for machines and for people.
    rejected
        Rows of the image table that were set aside; the reasons are in ``rejected.csv``.
    kept
        Cells that an earlier run had computed.
    elapsed_s
        Seconds it took.
    """

    table: pd.DataFrame
    csv: Path
    markdown: Path
    rejected: int
    kept: int
    elapsed_s: float


def reproduce(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    models: Sequence[str] | None = None,
    indicators: Sequence[str] | None = None,
) -> Reproduction:
    """Results table of the published shape, from data in the published layout.

    Parameters
    ----------
    folder
        See :func:`~geolivelihood.recipes.street_level.data.open_street_level`.
    out
        Folder to write ``results_<mode>.csv`` and ``.md`` to. The scores of every cell are kept there, so
        that a run that was stopped goes on.
    settings
        How; default: as published.
    models
        Rows by their short names; ``None`` takes the usual ones.
    indicators
        Of ``pov``, ``pop`` and ``bmi``; ``None`` takes all that there are.

    Returns
    -------
    Reproduction
        The table and where it lies. A cell that cannot be computed (no pictures, no features, too few
        clusters) is listed with its reason; nothing stands in for it.

    Raises
    ------
    InputError
        If the folder is not in the published layout, or a model or indicator is unknown.
    OutputError
        If ``out`` cannot be written.
    """
    begin = time.monotonic()
    settings = settings or Settings()
    rows, scores = _MODES[_known("mode", settings.mode, _MODES)]
    chosen = [_known("model", name, rows) for name in models or (n for n, row in rows.items() if row.usual)]
    wanted = [_known("indicator", name, INDICATORS) for name in indicators or INDICATORS]
    _check_settings(settings)
    stage("reading the published data")
    data = open_street_level(folder, cluster_limit=settings.cluster_limit)
    kept = Kept(data, Path(out), settings, rows)
    found = Results({}, {})
    stage("computing the table")
    for cell in track(list(_cells(data, rows, chosen, wanted, SPLITS[settings.mode])), "cells of the table"):
        try:
            found.scores[cell] = kept.scores(cell) or kept.keep(cell, scores(data, cell, settings))
        except _IMPOSSIBLE as error:
            found.not_run[cell] = str(error)
    if not found.scores and not found.not_run:
        msg = f"{folder} has no cell of {', '.join(chosen)} for {', '.join(wanted)}."
        raise InputError(msg)
    table = long_table(found, rows, settings)
    paths = _write(table, data.rejected, Path(out), settings)
    return Reproduction(table, *paths, len(data.rejected), kept.found, time.monotonic() - begin)


def _cells(
    data: StreetData,
    rows: Mapping[str, Row],
    chosen: Sequence[str],
    wanted: Sequence[str],
    splits: Sequence[str],
) -> Iterator[Cell]:
    for name in chosen:
        row = rows[name]
        for indicator in wanted:
            having = tuple(c for c in data.countries if indicator in data.indicators(c))
            together = [having] if len(having) > 1 else []
            for countries in together if row.pooled else [(country,) for country in having]:
                for classes, split in product((True, False), splits):
                    cell = Cell(name, indicator, classes, countries, split)
                    if row.only in (None, cell.metric):
                        yield cell


def _known(what: str, name: str, known: Any) -> str:
    if name not in known:
        msg = f"There is no {what} {name!r}; there are: {', '.join(known)}."
        raise InputError(msg)
    return name


def _check_settings(settings: Settings) -> None:
    if settings.steps < 1 or settings.folds < 2 or settings.buffer_km < 0 or settings.cluster_limit < 1:
        msg = (
            f"steps={settings.steps}, folds={settings.folds}, buffer_km={settings.buffer_km}, "
            f"cluster_limit={settings.cluster_limit}: give at least 1 step, 2 folds, a buffer of 0 or "
            "more and clusters of 1 photo or more."
        )
        raise InputError(msg)


def _write(table: pd.DataFrame, rejected: pd.DataFrame, out: Path, settings: Settings) -> tuple[Path, Path]:
    csv, page = out / f"results_{settings.mode}.csv", out / f"results_{settings.mode}.md"
    with atomic(csv) as part:
        table.to_csv(part, index=False, lineterminator="\n")
    with atomic(page) as part:
        part.write_text(markdown(table, settings), encoding="utf-8")
    if len(rejected):
        with atomic(out / "rejected.csv") as part:
            rejected.to_csv(part, index=False, lineterminator="\n")
    return csv, page
