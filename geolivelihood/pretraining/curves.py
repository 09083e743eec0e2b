"""The curves of a training as one CSV file, which a resumed run goes on with."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from geolivelihood.files import atomic

__all__ = ["Curves"]

_COLUMNS = ("step", "epoch", "metric", "value")


class Curves(Logger):
    """Logged metrics as rows ``step, epoch, metric, value``; ``epoch`` counts from 0 as Lightning's does.

    Rows are appended, so that a run may be killed at any time. A run that goes on at a step first takes out
    the rows from there on, which a killed one may have written after its last checkpoint.

    Parameters
    ----------
    path
        The file.
    start
        Step at which the run goes on; 0 begins anew.
    """

    def __init__(self, path: Path, *, start: int = 0) -> None:
        super().__init__()
        self.path, self.start = path, start
        self._begun = False

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.stem

    @property
    def version(self) -> str:
        """None: a run that goes on is the same run."""
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: settings are in the checkpoints."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a row for each metric."""
        if not self._begun:
            self._begin()
        epoch = metrics.get("epoch", "")
        rows = [(step, epoch, name, repr(float(v))) for name, v in metrics.items() if name != "epoch"]
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(rows)

    def _begin(self) -> None:
        self._begun = True
        kept: list[list[str]] = []
        if self.start and self.path.exists():
            with self.path.open(newline="", encoding="utf-8") as stream:
                # a killed run may have left half a row
                rows = [row for row in csv.reader(stream) if len(row) == len(_COLUMNS)]
            kept = [row for row in rows[1:] if int(row[0]) < self.start]
        with atomic(self.path) as part, part.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([list(_COLUMNS), *kept])
