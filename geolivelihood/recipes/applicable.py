"""Where the map may be trusted at all: cells that resemble what was surveyed, as the model sees them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import models
from geolivelihood.errors import InputError
from geolivelihood.explanation import permutation_importance
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.people import People
from geolivelihood.recipes.settings import ModelChoice
from geolivelihood.recipes.workspace import Stage
from geolivelihood.validation.applicability import AreaOfApplicability
from geolivelihood.validation.distances import unit_vectors

__all__ = ["Applicable"]

Floats = npt.NDArray[np.float64]
_MOST_COLUMNS = 50  # beyond, features are an embedding and are reduced to principal components
_REPEATS = 5  # shuffles of each feature, on rows of every fold: weights need no more
_LENT = (
    "The area of applicability compares places by the mean features of their pictures, weighted as a linear "
    "model weighs them: the model {!r} has no weights of its own."
)


class Space(NamedTuple):
    """The space that the map's model sees: training rows, cells, and how much each column counts.

    ``scaled``: whether columns are measured in their standard deviations. ``remark``: what to say of it.
    """

    train: Floats
    cells: Floats
    weights: Floats | None
    scaled: bool = True
    remark: str = ""


class Applicable:
    """Dissimilarity of the map's cells to the surveyed places, and whether it is one that was validated.

    Parameters
    ----------
    lineup
        The project's models; the folds are those of the blocked split.
    people
        Population of the cells, for the share of people.

    Attributes
    ----------
    remarks
        Whose weights it goes by where the model has none, or why there is none.
    """

    def __init__(self, lineup: LineUp, people: People) -> None:
        self.lineup = lineup
        self.people = people
        self.data = lineup.data
        self.remarks: list[str] = []

    @property
    def wanted(self) -> bool:
        """Whether the project wants it, and has a map."""
        return bool(self.lineup.project.applicability and self.lineup.project.models)

    def stages(self) -> list[Stage]:
        """The one stage."""
        return [self._stage] if self.wanted else []

    @property
    def _stage(self) -> Stage:
        model = self.lineup.map_choice
        bases = [self.lineup.base(model, indicator) for indicator in self.lineup.indicators]
        folds = self.lineup.score_stage(model, "blocked", self.lineup.indicators[0])
        return self.data.space.stage(f"applicability-{model.key}", bases, folds)

    @cached_property
    def at_cells(self) -> pd.DataFrame | None:
        """``dissimilarity`` and ``applicable`` of each cell, indexed by cell; ``None`` where not defined."""
        if not self.wanted:
            return None
        begin("asking where the map applies")
        path = self.data.space.make(self._stage, self._measure)
        said = json.loads((path / "area.json").read_text(encoding="utf-8"))
        if said["remark"]:
            self.remarks.append(said["remark"])
        if said["threshold"] is None:
            return None
        self.threshold = float(said["threshold"])
        return pd.read_parquet(path / "cells.parquet")

    def shares(self) -> dict[str, float]:
        """Share of the map's cells, and of its people where they are known, that are applicable."""
        if self.at_cells is None:
            return {}
        found = {"cells": float(self.at_cells["applicable"].mean())}
        if self.people.known:
            people = self.people.of_cells.to_numpy()
            found["population"] = float(people[self.at_cells["applicable"]].sum() / people.sum())
        return found

    def _measure(self, folder: Path) -> None:
        threshold = None
        try:
            space = self._space(self.lineup.map_choice)
            area = AreaOfApplicability(
                embedding=space.train.shape[1] > _MOST_COLUMNS,
                scaled=space.scaled,
                random_state=self.lineup.project.seed,
            ).fit(space.train, splits=self.lineup.splits.of("blocked"), weights=space.weights)
        except InputError as error:
            remark = f"No area of applicability: {error}"
        else:
            remark, threshold = space.remark, area.threshold_
            index = pd.Index(self.data.cells, name="cell")
            dissimilarity = area.dissimilarity(space.cells)
            columns = {"dissimilarity": dissimilarity, "applicable": dissimilarity <= threshold}
            pd.DataFrame(columns, index=index).to_parquet(folder / "cells.parquet")
        said = {"remark": remark, "threshold": threshold}
        (folder / "area.json").write_text(json.dumps(said), encoding="utf-8")

    def _space(self, model: ModelChoice) -> Space:
        """Rows of the sample and cells of the map as the model sees them.

        Raises
        ------
        InputError
            If the model looks at nothing that places could differ in.
        """
        if model.name == "cell":
            return self._design(model)
        if model.name in ("knn", "idw", "gp"):
            centres = h3cells.lonlat(h3cells.cell_points(self.data.cells))
            places = unit_vectors(h3cells.lonlat(self.lineup.sample.clusters))
            return Space(places, unit_vectors(centres), None, scaled=False)
        names = [name for name in self.data.seen_by(model) if name in self.data.encoded]
        if not names:
            msg = f"the model {model.key!r} has no table of features in which places could be compared."
            raise InputError(msg)
        train = self.data.cluster_features(names).to_numpy()[self.lineup.sample.rows]
        told = ~np.isnan(train).all(axis=0)  # the others tell no place from another
        train, cells = train[:, told], self.data.cell_features(names).to_numpy()[:, told]
        known, middle = self.lineup.inputs.known_cells(names), np.nanmean(train, axis=0)
        filled = np.where(np.isnan(cells), middle, cells)
        filled[~known] = np.nan
        found = [self._importance(model, train, told, indicator) for indicator in self.lineup.indicators]
        lent = "" if model.name in ("ridge", "boosting") else _LENT.format(model.key)
        return Space(np.where(np.isnan(train), middle, train), filled, self._weights(found), remark=lent)

    def _importance(
        self, model: ModelChoice, train: Floats, told: npt.NDArray[np.bool_], indicator: str
    ) -> Floats:
        """How much each feature counts: what trees lose without it in new blocks, else a linear model's."""
        if model.name != "boosting":
            return self._ridge(train, indicator)
        sample = self.lineup.sample
        job = self.lineup.job(model.model_copy(update={"joint": False}), indicator)
        table = permutation_importance(
            job.estimator,
            job.X[:, told],
            job.labels.y,
            self.lineup.splits.of("blocked"),
            blocks=sample.blocks,
            fit_rows=job.per_row,
            n_repeats=_REPEATS,
            random_state=self.lineup.project.seed,
        )
        losses = table.set_index("name")["importance"].clip(lower=0)
        return losses.reindex([str(column) for column in range(train.shape[1])]).to_numpy()

    def _design(self, model: ModelChoice) -> Space:
        """The table that the cell model learns from: cells, and the expected rows of the clusters."""
        features, graph = self.lineup.inputs.cells(model)
        found, weights = None, []
        for indicator in self.lineup.indicators[: 1 if model.joint else None]:
            fitted = self.lineup.fit(model, indicator)
            weights.append(fitted.feature_weights_)
            if found is None:
                found = fitted.design(self.data.cells, features=features, graph=graph).to_numpy()
        cells: Any = found
        train = self.data.map_tie.mean(cells)[self.lineup.sample.rows]
        return Space(train, cells, self._weights(weights))

    def _ridge(self, train: Floats, indicator: str) -> Floats:
        """How much each feature moves a linear model, in standard deviations."""
        y = self.lineup.sample.labels([indicator]).y
        known = np.isfinite(y)
        return np.abs(models.RidgeRegressor().fit(train[known], y[known]).coef_)

    def _weights(self, found: list[Floats]) -> Floats:
        """Importance of each column, the mean over indicators."""
        whole = [weights / weights.sum() for weights in found if weights.sum() > 0]
        if not whole:
            msg = "the model gives no feature any weight, so that places differ in nothing that it goes by."
            raise InputError(msg)
        return np.mean(whole, axis=0)
