"""All the faults of a table, collected before any of them is reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TableError

__all__ = ["Checked", "Faults", "rejected_rows"]

_COLUMNS = ["row", "column", "reason"]
_SHOWN = 5


class Checked(NamedTuple):
    """A table that the rooms behind may trust, and the rows that were set aside.

    Attributes
    ----------
    table
        The good rows, EPSG:4326, with the index of the input.
    rejected
        One row per fault: ``row`` (the row's id, else its index label), ``column``, ``reason``; all str.
    """

    table: gpd.GeoDataFrame
    rejected: pd.DataFrame


class _NoCRSError(MissingCRSError, TableError):
    """A missing CRS, with whatever else is wrong with the table."""


class _NoColumnError(MissingColumnError, TableError):
    """A missing column, with whatever else is wrong with the table."""


def rejected_rows(rows: Iterable[object], column: str, reason: str | Iterable[str]) -> pd.DataFrame:
    """Rows that were set aside for one reason (or one reason each), in the layout of ``Checked.rejected``."""
    names = pd.Series([str(row) for row in rows], dtype="str")
    reasons = reason if isinstance(reason, str) else pd.Series(list(reason), dtype="str")
    return pd.DataFrame({"row": names, "column": column, "reason": reasons}, columns=_COLUMNS).astype("str")


class Faults:
    """Everything found wrong with one table.

    Parameters
    ----------
    what
        What the table is called in messages: ``"clusters"``.
    rows
        Names of the rows, in their order.
    """

    def __init__(self, what: str, rows: Iterable[object]) -> None:
        self.what = what
        self.rows = pd.Series(rows, dtype="str").to_numpy(dtype=object)
        self.bad = np.zeros(len(self.rows), dtype=bool)
        self._set_aside: list[pd.DataFrame] = []
        self._fatal: list[tuple[type[InputError], str, pd.DataFrame]] = []

    def set_aside(self, mask: np.ndarray | pd.Series, column: str, reason: str | Iterable[str]) -> None:
        """Reject the rows where ``mask`` is true; ``reason`` is one text, or one for each of those rows."""
        mask = np.asarray(mask, dtype=bool)
        if mask.any():
            self.bad |= mask
            self._set_aside.append(rejected_rows(self.rows[mask], column, reason))

    def fatal(
        self,
        column: str,
        reason: str,
        *,
        mask: np.ndarray | pd.Series | None = None,
        kind: type[InputError] = TableError,
    ) -> None:
        """Note a fault that no table can live with, on the rows of ``mask`` or on the table as a whole."""
        rows = [""] if mask is None else self.rows[np.asarray(mask, dtype=bool)]
        self._fatal.append((kind, self._line(column, reason, rows), rejected_rows(rows, column, reason)))

    def rejected(self) -> pd.DataFrame:
        """Rows set aside so far, in the order of the table."""
        if not self._set_aside:
            return rejected_rows([], "", "")
        found = pd.concat(self._set_aside, ignore_index=True)
        order = pd.Series(np.arange(len(self.rows)), index=self.rows).groupby(level=0).min()
        return found.iloc[np.argsort(order.loc[found["row"]].to_numpy(), kind="stable")].reset_index(
            drop=True
        )

    def raise_fatal(self) -> None:
        """Raise everything fatal at once.

        Raises
        ------
        MissingCRSError, MissingColumnError, TableError
            In this order of precedence; all of them carry ``faults`` and list every fault in the message.
        """
        if len(self.rows) and self.bad.all() and not self._fatal:
            self._all_bad()
        if not self._fatal:
            return
        kinds = {kind for kind, _, _ in self._fatal}
        faults = pd.concat([table for _, _, table in self._fatal] + self._set_aside, ignore_index=True)
        message = "\n".join(
            [f"The table of {self.what} cannot be used:", *(text for _, text, _ in self._fatal)]
        )
        if MissingCRSError in kinds:
            raise _NoCRSError(message, faults)
        raise (_NoColumnError if MissingColumnError in kinds else TableError)(message, faults)

    def _all_bad(self) -> None:
        for reason, rows in self.rejected().groupby("reason", sort=False):
            line = self._line(rows["column"].iloc[0], str(reason), rows["row"].tolist())
            self._fatal.append((TableError, line, rejected_rows([], "", "")))
        line = f"  - not one of its {len(self.rows)} rows is left"
        self._fatal.append((TableError, line, rejected_rows([], "", "")))

    @staticmethod
    def _line(column: str, reason: str, rows: Iterable[object]) -> str:
        names = list(dict.fromkeys(str(row) for row in rows if str(row)))
        shown = ", ".join(names[:_SHOWN]) + (f", ... {len(names)} in all" if len(names) > _SHOWN else "")
        return f"  - {column}: {reason}" + (f" (rows {shown})" if names else "")
