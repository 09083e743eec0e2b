"""Tables for readers: numbers with the digits that mean something, headings over several columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from geolivelihood.layers.breaks import number_text

__all__ = ["Grid", "Table", "table_grid"]

_NOTHING = "–"
_NUMBER = re.compile(r"[−+±-]?[\d.,]+\s*%?(\s*[\[(±].*)?\*?")  # "0.65 [0.60, 0.70]*", "87 %", "1,204"
_HYPHEN = re.compile(r"(?<![\w.])-(?=[\d.])")  # that stands for a minus


@dataclass(frozen=True, kw_only=True)
class Table:
    """A frame with the words that it needs.

    Attributes
    ----------
    title
        Above the table.
    frame
        The content. An index that has a name stands at the left as headings; columns may have several levels.
    caption
        How to read it.
    digits
        Decimals by column; otherwise as many as give the column's largest number three significant digits.
    folded
        Whether only the title shows until the reader unfolds it: for long tables.
    """

    title: str
    frame: pd.DataFrame = field(repr=False)
    caption: str = ""
    digits: Mapping[Any, int] = field(default_factory=dict)
    folded: bool = False


class Heading(NamedTuple):
    """One cell of the head: its words, the columns it spans, whether numbers stand below it."""

    text: str
    span: int
    numeric: bool


class Grid(NamedTuple):
    """A table as text.

    Attributes
    ----------
    corner
        Names of the index levels, which stand over the row headings.
    head
        Rows of headings from the top, without the corner.
    rows
        For each row its headings and its cells.
    numeric
        For each column whether it holds numbers.
    """

    corner: list[str]
    head: list[list[Heading]]
    rows: list[tuple[list[str], list[str]]]
    numeric: list[bool]


def table_grid(table: Table) -> Grid:
    """The table's content as text, ready to be laid out."""
    frame = table.frame
    columns = [_texts(frame.iloc[:, at], table.digits.get(name)) for at, name in enumerate(frame.columns)]
    numeric = [_is_numeric(frame.iloc[:, at], texts) for at, texts in enumerate(columns)]
    levels = _levels(frame.index)
    sides = [_texts(level.to_series(), None) for level in levels]
    rows = [
        ([side[at] for side in sides], [texts[at] for texts in columns]) for at in range(len(frame))
    ]  # a loop over rows: each becomes a row of markup
    return Grid([str(level.name or "") for level in levels], _head(frame.columns, numeric), rows, numeric)


def _levels(index: pd.Index) -> list[pd.Index]:
    """Levels of an index that says something; a plain count of rows does not."""
    if isinstance(index, pd.MultiIndex):
        return [index.get_level_values(level) for level in range(index.nlevels)]
    return [] if isinstance(index, pd.RangeIndex) and index.name is None else [index]


def _head(columns: pd.Index, numeric: list[bool]) -> list[list[Heading]]:
    """One row of headings per level; equal neighbours under one parent share a heading."""
    names = [name if isinstance(name, tuple) else (name,) for name in columns]
    rows = []
    for level in range(columns.nlevels):
        lowest = level == columns.nlevels - 1  # a heading of one column, whatever its neighbours are called
        above = list(range(len(names))) if lowest else [name[: level + 1] for name in names]
        runs = [[at for at, _ in run] for _, run in groupby(enumerate(above), lambda pair: pair[1])]
        rows.append([Heading(str(names[run[0]][level]), len(run), numeric[run[0]]) for run in runs])
    return rows


def _is_numeric(values: pd.Series, texts: list[str]) -> bool:
    if pd.api.types.is_bool_dtype(values.dtype):
        return False
    said = [text for text in texts if text != _NOTHING]
    return bool(said) and all(_NUMBER.fullmatch(text) for text in said)


def _texts(values: pd.Series, digits: int | None) -> list[str]:
    """The words for each value of a column."""
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return [_NOTHING if pd.isna(value) else "yes" if value else "no" for value in values]
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return _numbers(values.to_numpy(dtype=float, na_value=np.nan), digits)
    return [_text(value) for value in values]


def _numbers(values: np.ndarray, digits: int | None) -> list[str]:
    known = values[np.isfinite(values)]
    if digits is None:
        whole = known.size > 0 and bool((known == known.round()).all())
        largest = float(np.abs(known).max(initial=0.0))
        digits = 0 if whole or largest == 0 else int(np.clip(2 - np.floor(np.log10(largest)), 0, 6))
    return [
        _NOTHING if np.isnan(value) else _infinite(value) or number_text(value, digits=digits)
        for value in values
    ]


def _infinite(value: float) -> str:
    return "" if np.isfinite(value) else "∞" if value > 0 else "−∞"


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return _NOTHING if np.isnan(value) else _infinite(float(value)) or number_text(float(value))
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    if value is None or value is pd.NA or value is pd.NaT or value == "":
        return _NOTHING
    return _HYPHEN.sub("−", str(value)) if _NUMBER.fullmatch(str(value)) else str(value)
