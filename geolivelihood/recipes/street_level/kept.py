"""Scores of earlier runs, as files named by a hash of what they were made from."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from geolivelihood import __version__
from geolivelihood.errors import InputError
from geolivelihood.files import atomic, content_hash, file_hash
from geolivelihood.recipes.street_level.cells import Cell, Row, Score, Settings
from geolivelihood.recipes.street_level.data import StreetData
from geolivelihood.recipes.workspace import stamps

__all__ = ["Hashes", "Kept"]


class Hashes:
    """SHA-256 of input files, each read once: it is noted beside the results until the file changes.

    Parameters
    ----------
    path
        JSON file of the notes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}

    def of(self, paths: Iterable[Path]) -> list[tuple[str, str]]:
        """Name and hash of each file."""
        return [(path.name, self._hash(path)) for path in paths]

    def _hash(self, path: Path) -> str:
        state = path.stat()
        seen = [state.st_size, state.st_mtime_ns, state.st_ino]
        name = str(path.resolve())
        if self.known.get(name, [None])[0] != seen:
            self.known[name] = [seen, file_hash(path)]
            with atomic(self.path) as part:
                part.write_text(json.dumps(self.known, indent=1))
        return str(self.known[name][1])


class Kept:
    """The scores of one folder of results.

    Parameters
    ----------
    data
        What the scores are of.
    out
        Where the results go.
    settings
        How they are made.
    rows
        The rows of the table, by short name.
    """

    def __init__(self, data: StreetData, out: Path, settings: Settings, rows: Mapping[str, Row]) -> None:
        self.data, self.folder, self.settings, self.rows = data, out / "cells", settings, rows
        self.hashes = Hashes(self.folder / "hashes.json")
        self.tables = self.hashes.of(data.tables)
        self.found = 0
        self._pictures = ""

    def path(self, cell: Cell) -> Path:
        """File of a cell's scores."""
        options = asdict(self.settings)
        row = self.rows[cell.model]
        unused = {"device"}
        unused |= {"folds", "buffer_km"} if self.settings.mode == "paper" else set()
        unused |= set() if row.pictures else {"weights", "picture_size"}
        unused |= set() if row.steps else {"steps"}
        relevant = {name: value for name, value in options.items() if name not in unused}
        key = content_hash([__version__, cell, relevant, self.tables, self._seen(cell)])
        return self.folder / f"{self.settings.mode}-{cell.name}-{key[:12]}.json"

    def _seen(self, cell: Cell) -> Any:
        """What stands for the features, or the pictures, that the cell sees."""
        row = self.rows[cell.model]
        if row.features:
            return self.hashes.of(self._feature_files(cell))
        if not row.pictures or "picture" not in self.data.photos:
            return ""
        # A million pictures count by size and time of change: reading them takes as long as learning.
        self._pictures = self._pictures or stamps(self.data.photos["picture"].dropna().unique())
        return self._pictures

    def _feature_files(self, cell: Cell) -> list[Path]:
        try:
            return [self.data.feature_file(cell.indicator, classes=cell.classes)]
        except InputError:  # there is no score to keep either: the cell meets the same error
            return []

    def scores(self, cell: Cell) -> list[Score] | None:
        """Scores of an earlier run, or ``None``."""
        path = self.path(cell)
        if not path.is_file():
            return None
        self.found += 1
        plain = json.loads(path.read_text())["scores"]
        full: list[dict[str, Any]] = [
            {k: math.nan if v is None else v for k, v in one.items()} for one in plain
        ]
        return [Score(**one) for one in full]

    def keep(self, cell: Cell, scores: list[Score]) -> list[Score]:
        """Write the scores, whole or not at all."""
        plain = [{k: None if v != v else v for k, v in asdict(score).items()} for score in scores]
        content = {"cell": cell._asdict(), "settings": asdict(self.settings), "scores": plain}
        with atomic(self.path(cell)) as part:
            part.write_text(json.dumps(content, indent=1, allow_nan=False))
        return scores
