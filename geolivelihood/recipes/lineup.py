"""The line-up: every model of a project, fitted and scored on the same clusters and the same splits."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

from geolivelihood import models, validation
from geolivelihood.progress import stage as begin
from geolivelihood.progress import track
from geolivelihood.recipes.builders import build_estimator, graph_options
from geolivelihood.recipes.inputs import Inputs
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.sample import Labels, Sample
from geolivelihood.recipes.settings import ModelChoice
from geolivelihood.recipes.splits import Splits
from geolivelihood.recipes.workspace import Stage

__all__ = ["Job", "LineUp"]

# Tuned inside across blocks, as they are scored. Networks choose their epoch by rows drawn from everywhere:
# tried both ways on the README's Brazil folds, few held-out blocks told worse when to stop.
_TUNED = ("knn", "idw")
Floats = npt.NDArray[np.float64]


class Job(NamedTuple):
    """Everything that one model is fitted with: rows of the sample, and what goes beside them.

    Attributes
    ----------
    estimator
        Unfitted.
    X
        One row per row of the sample.
    labels
        What it learns.
    beside
        Passed to ``fit`` as it is (features of cells, their graph).
    per_row
        Passed to ``fit`` cut to the rows: survey weights, standard errors of labels; what it takes of them.
    """

    estimator: Any
    X: Any
    labels: Labels
    beside: dict[str, Any]
    per_row: dict[str, Floats]

    def labelled(self, rows: npt.NDArray[Any] | None = None) -> npt.NDArray[np.intp]:
        """Those of these positions of the sample that have a label; default all."""
        y = self.labels.y
        known = np.asarray(np.isfinite(y.reshape(len(y), -1)).any(axis=1), dtype=bool)
        positions = np.arange(len(y)) if rows is None else rows
        return positions[known[positions]]

    def fitted(self, rows: npt.NDArray[Any] | None = None) -> Any:
        """The estimator fitted to these positions of the sample; default all."""
        positions = self.labelled(rows)
        cut = {name: values[positions] for name, values in self.per_row.items()}
        x, y = models.take(self.X, positions), self.labels.y[positions]
        return self.estimator.fit(x, y, **cut, **self.beside)


class LineUp:
    """The models of a project on its data.

    Parameters
    ----------
    data
        The project's data.
    """

    def __init__(self, data: Livelihood) -> None:
        self.data = data
        self.project = data.project
        self.inputs = Inputs(data)
        self.sample = Sample(data, self.inputs)
        self.splits = Splits(self.sample, self._misses)

    @property
    def indicators(self) -> list[str]:
        """Indicators to predict."""
        return self.sample.indicators

    @property
    def map_choice(self) -> ModelChoice:
        """The model that makes the map."""
        return next(model for model in self.project.models if model.key == self.data.map_model)

    def learned_with(self, model: ModelChoice, indicator: str) -> list[str]:
        """Indicators that a model learns in the same fit as this one, itself included."""
        return self.indicators if model.joint else [indicator]

    # -- stages -------------------------------------------------------------------------------------

    def base(self, model: ModelChoice, indicator: str) -> list[Any]:
        """What a fitted model depends on: its own data, and all that decides which clusters are its rows."""
        everybody = [
            [
                other.name if other.name in ("graph", "image", "crossfitted", "cell") else "features",
                {key: other.options[key] for key in graph_options(other)},
                [self._pictures_stage(other, name).key for name in self.data.seen_by(other)],
            ]
            for other in self.project.models
            if self.data.seen_by(other)
        ]
        where = [self.data.clusters_stage, self.data.tie_stage, self.data.cells_stage]
        seen = [self._pictures_stage(model, name) for name in self.data.seen_by(model)]
        learned = self.learned_with(model, indicator)
        return [model.model_dump(), learned, self.project.seed, *where, *seen, sorted(everybody, key=str)]

    def _pictures_stage(self, model: ModelChoice, name: str) -> Stage:
        return self.data.features_stage(name)

    def fit_stage(self, what: str, model: ModelChoice, indicator: str, *depends: Any) -> Stage:
        """A stage that fits a model; a joint one has it once for all indicators."""
        of = "all" if model.joint else indicator
        return self.data.space.stage(f"{what}-{of}", *self.base(model, indicator), *depends)

    def score_stage(self, model: ModelChoice, split: str, indicator: str) -> Stage:
        """Out-of-fold predictions of one model for one indicator under one split."""
        settings: dict[str, Any] = self.project.validation.model_dump(
            exclude={"bootstrap", "splits", "regions"}
        )
        if isinstance(settings["buffer_m"], str) and split == "blocked":
            settings["range"] = self.map_choice.model_dump()
        depends: list[Any] = [settings]
        if split == "region":
            depends.append(self.project.validation.regions)
            depends += [self.data.regions_stage] if self.project.regions else []
        return self.fit_stage(f"validate-{model.key}-{split}", model, indicator, *depends)

    def map_stage(self, indicator: str) -> Stage:
        """The model that makes the map, fitted to all clusters, and its prediction at every cell."""
        return self.fit_stage(f"predict-{self.map_choice.key}", self.map_choice, indicator)

    def stages(self) -> list[Stage]:
        """Every stage of scoring and mapping, in order."""
        found = [
            self.score_stage(model, split, indicator)
            for indicator in self.indicators
            for model in self.project.models
            for split in self.splits.names
        ]
        if self.project.models:
            found += [self.map_stage(indicator) for indicator in self.indicators]
        return list(dict.fromkeys(found))

    # -- fits ---------------------------------------------------------------------------------------

    def job(self, model: ModelChoice, indicator: str) -> Job:
        """What a model is fitted with, for one indicator or, if it is joint, for all."""
        x, beside = self.inputs.rows(model)
        estimator = build_estimator(model, seed=self.project.seed)
        labels = self.sample.labels(self.learned_with(model, indicator))
        per_row = {"sample_weight": self.sample.weight, "se": labels.se}
        taken = {
            name: values
            for name, values in per_row.items()
            if values is not None and has_fit_parameter(estimator, name)
        }
        return Job(estimator, models.take(x, self.sample.rows), labels, beside, taken)

    def fit(self, model: ModelChoice, indicator: str) -> Any:
        """The model fitted to every cluster that has the indicator (of a joint model, any of them)."""
        return self.job(model, indicator).fitted()

    def columns(self, model: ModelChoice, indicator: str, values: Floats) -> dict[str, Floats]:
        """Predictions by indicator, of a joint model's several columns or the one."""
        table = values.reshape(len(values), -1)
        return dict(zip(self.learned_with(model, indicator), table.T, strict=True))

    # -- scores -------------------------------------------------------------------------------------

    def out_of_fold(self, model: ModelChoice, split: str, indicator: str) -> pd.DataFrame:
        """Predictions of one model for clusters it has not seen.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``cluster_id``: ``observed`` (NaN where the survey has none), ``predicted``, ``fold``,
            ``block`` (what is resampled as one: the H3 block; the region where regions are left out).
        """
        stage = self.score_stage(model, split, indicator)
        path = self.data.space.make(stage, lambda folder: self._score(model, split, indicator, folder))
        clusters = self.sample.clusters
        found = pd.read_parquet(path / "predictions.parquet")
        folds = np.load(path / "folds.npy")
        columns = {
            "observed": clusters[indicator].to_numpy(dtype=float),
            "predicted": found[indicator].to_numpy(),
            "fold": folds,
            "block": self.splits.units(split),
        }
        return pd.DataFrame(columns, index=pd.Index(clusters["cluster_id"], name="cluster_id"))

    def _score(self, model: ModelChoice, split: str, indicator: str, folder: Path) -> None:
        job = self.job(model, indicator)
        found = validation.out_of_fold(
            job.estimator,
            job.X,
            job.labels.y,
            self.splits.of(split),
            fit_params=job.beside,
            fit_rows=job.per_row,
            groups=self.sample.blocks if split != "random" and model.name in _TUNED else None,
        )
        table = self.columns(model, indicator, found.prediction)
        pd.DataFrame(table).to_parquet(folder / "predictions.parquet")
        np.save(folder / "folds.npy", found.fold)

    def _misses(self, indicator: str) -> Floats:
        """What the map's model misses under the random split; its range is the automatic buffer."""
        table = self.out_of_fold(self.map_choice, "random", indicator)
        return (table["observed"] - table["predicted"]).to_numpy()

    def scores(self) -> pd.DataFrame:
        """Tidy table: every model under every split for every indicator, with block-bootstrap intervals."""
        self._warn_left_out()
        jobs = [(i, m, s) for i in self.indicators for m in self.project.models for s in self.splits.names]
        begin("validating")
        records = []
        for indicator, model, split in track(jobs, "scoring models"):
            table = self.out_of_fold(model, split, indicator)
            tested = table[table["fold"] >= 0]
            records.append(
                validation.Record(
                    model=model.key,
                    split=split,
                    indicator=indicator,
                    y=tested["observed"].to_numpy(),
                    p=tested["predicted"].to_numpy(),
                    blocks=tested["block"].to_numpy(),
                )
            )
        settings = self.project.validation
        table = validation.score_table(records, n=settings.bootstrap, random_state=self.project.seed)
        blocked = table["split"].eq("blocked")
        return table.assign(
            block_resolution=self.sample.block_resolution,
            buffer_m=np.where(blocked, f"{self.splits.buffer_used_m:.0f}", ""),
        )

    def out_of_fold_scores(self, model: ModelChoice, indicator: str) -> list[dict[str, Any]]:
        """Scores of a model with the split they were measured under, for its card."""
        scored = []
        for split in self.splits.names:
            table = self.out_of_fold(model, split, indicator).query("fold >= 0").dropna()
            scores = validation.regression_scores(table["observed"], table["predicted"])
            scored.append({"split": split, "indicator": indicator, "n": len(table), **scores})
        return scored

    def _warn_left_out(self) -> None:
        share = len(self.sample.left_out) / len(self.data.clusters)
        if share > self.project.max_rejected:
            msg = f"{share:.0%} of the clusters are left out of every model: {self.sample.why_left_out()}"
            warnings.warn(msg, stacklevel=2)

    # -- the map ------------------------------------------------------------------------------------

    def cell_predictions(self, indicator: str) -> pd.Series:
        """The map: prediction of the map model at every cell, indexed by cell."""
        begin(f"mapping {indicator}")
        path = self.data.space.make(self.map_stage(indicator), lambda folder: self._map(indicator, folder))
        return pd.read_parquet(path / "cells.parquet")[indicator]

    def _map(self, indicator: str, folder: Path) -> None:
        values = self.inputs.at_cells(self.fit(self.map_choice, indicator), self.map_choice)
        write_cells(
            folder / "cells.parquet", self.data.cells, self.columns(self.map_choice, indicator, values)
        )


def write_cells(
    path: Path, cells: npt.NDArray[np.uint64], columns: dict[str, Floats] | Sequence[Any]
) -> None:
    """Write values per cell as a table indexed by cell."""
    pd.DataFrame(columns, index=pd.Index(cells, name="cell")).to_parquet(path)
