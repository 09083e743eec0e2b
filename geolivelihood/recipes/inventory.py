"""What the tables of a project hold, and what was set aside of them: read, nothing trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from geolivelihood.recipes.run import open_project

__all__ = ["Inventory", "take_inventory"]


class Inventory(NamedTuple):
    """What came in.

    Attributes
    ----------
    name
        The project's name.
    tables
        One row per table: ``table``, ``rows``, ``what`` (in a few words).
    rejected
        One row per row that cannot be used: ``stage``, ``row``, ``column``, ``reason``.
    """

    name: str
    tables: pd.DataFrame
    rejected: pd.DataFrame

    def reasons(self) -> pd.DataFrame:
        """How many rows of each table were set aside for each reason: ``stage``, ``reason``, ``rows``."""
        return self.rejected.groupby(["stage", "reason"]).size().rename("rows").reset_index()


def take_inventory(
    project: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None
) -> Inventory:
    """Read every table of a project and say what is in it.

    Raises
    ------
    ProjectError, InputError
        If the project has faults, or its data cannot be used.
    """
    data, lineup = open_project(project, overrides=overrides)
    rows: list[tuple[str, int, str]] = []
    if data.project.clusters:
        known = ", ".join(f"{i}: {data.clusters[i].notna().sum()}" for i in lineup.indicators)
        rows.append(("clusters", len(data.clusters), known))
    if data.project.regions:
        names = data.regions["name"].head(3)
        rows.append(("regions", len(data.regions), ", ".join(names) + " …" * (len(data.regions) > 3)))
    rows.append(("cells", len(data.cells), f"H3 resolution {data.project.cells.resolution}"))
    rows += [(name, len(data.images(name)), data.source(name).origin) for name in data.sources]
    tables = pd.DataFrame(rows, columns=["table", "rows", "what"])
    return Inventory(data.project.name, tables, data.rejected())
