"""What is to be explained of a project, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geolivelihood import models
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["REJECTED", "Job", "Made"]

REJECTED = ("stage", "row", "column", "reason")


@dataclass(frozen=True)
class Job:
    """One explanation that was asked for.

    Attributes
    ----------
    lineup
        The project's models and data.
    choice
        Model that is explained.
    indicator
        What it predicts.
    method
        Way of explaining.
    folder
        Where files beside the GeoPackage go (rasters, tables, pictures).
    source
        Source of pictures; ``None`` takes the first that fits.
    ids
        Pictures, clusters or cells to be explained; ``None`` for all.
    options
        What only some methods take: ``concepts`` (folder, or vector file and column), ``check``.
    """

    lineup: LineUp
    choice: ModelChoice
    indicator: str
    method: str
    folder: Path
    source: str | None = None
    ids: tuple[str, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Livelihood:
        """The project's data."""
        return self.lineup.data

    @cached_property
    def fitted(self) -> Any:
        """The model, fitted to every cluster that has the indicator; kept, as networks take long."""
        stage = self.lineup.fit_stage(f"fit-{self.choice.key}", self.choice, self.indicator)
        return models.load(self.data.space.make(stage, self._fit) / "model")

    def _fit(self, folder: Path) -> None:
        extent = self.lineup.sample.clusters
        models.save(self.lineup.fit(self.choice, self.indicator), folder / "model", extent=extent)

    @property
    def output(self) -> int:
        """Position of the indicator among those that the model learns."""
        return self.lineup.learned_with(self.choice, self.indicator).index(self.indicator)


@dataclass(frozen=True)
class Made:
    """What an explanation gives.

    Attributes
    ----------
    layers
        ``explanations_*`` by name. Rows of an earlier run of the same ``method``, ``model`` and ``target``
        give way to them, all others stay.
    files
        What was written beside the GeoPackage.
    rejected
        What was set aside: ``stage``, ``row``, ``column``, ``reason``.
    facts
        For the provenance and the summary: name to number or text.
    """

    layers: Mapping[str, gpd.GeoDataFrame]
    files: Sequence[Path] = ()
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(REJECTED)))
    facts: Mapping[str, Any] = field(default_factory=dict)
