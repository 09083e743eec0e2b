"""The line-up: every model of a project, fitted and scored on the same clusters and the same splits."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood import cells as h3cells
from geolivelihood import graphs, models, validation
from geolivelihood.errors import InputError, ProjectError
from geolivelihood.progress import stage as begin
from geolivelihood.progress import track
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.project import ModelChoice
from geolivelihood.recipes.workspace import Stage

__all__ = ["SPLITS", "LineUp", "build_estimator"]

SPLITS = ("random", "blocked")

_BUILDERS: dict[str, Callable[..., Any]] = {
    "mean": models.MeanRegressor,
    "knn": models.GeodesicKNN,
    "idw": models.InverseDistance,
    "ridge": models.RidgeRegressor,
    "boosting": models.BoostingRegressor,
    "graph": models.GraphRegressor,
    "image": models.ImageRegressor,
    "cell": models.CellRegressor,
}
_GRAPH_OPTIONS = tuple(
    name
    for name in inspect.signature(graphs.cluster_graphs).parameters
    if name not in ("images", "features", "seed")
)
# Tuned inside across blocks, as they are scored. Networks choose their epoch by rows drawn from everywhere:
# tried both ways on the README's Brazil folds, few held-out blocks told worse when to stop.
_TUNED = ("knn", "idw")
_SPARSE = {"edges": "knn", "normalise": "row"}  # within a village dense edges are nearly all ones


def build_estimator(choice: ModelChoice, *, seed: int) -> Any:
    """An unfitted estimator with the options of the project.

    Raises
    ------
    ProjectError
        If an option is not one of the model's; the message lists them.
    """
    builder = _BUILDERS[choice.name]
    known = list(inspect.signature(builder).parameters)
    options = {key: value for key, value in choice.options.items() if key not in _graph_options(choice)}
    unknown = sorted(set(options) - set(known))
    if unknown:
        also = [*known, *_GRAPH_OPTIONS] if choice.name == "graph" else known
        msg = f"models, {choice.key}: unknown option {unknown[0]!r}; there are: {', '.join(also)}."
        raise ProjectError(msg)
    if "random_state" in known:
        options.setdefault("random_state", seed)
    return builder(**options)


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
        self._graphs: dict[str, Any] = {}

    # -- what is scored -----------------------------------------------------------------------------

    @property
    def indicators(self) -> list[str]:
        """Indicators to predict."""
        return self.project.clusters.targets if self.project.clusters else []

    @cached_property
    def left_out(self) -> pd.Series:
        """Why clusters are left out of every model, by ``cluster_id``; all models meet the same rows."""
        ids = pd.Index(self.data.clusters["cluster_id"])
        out = pd.Series("", index=ids, name="reason")
        for reason, blind in self._blind():
            out[blind & out.eq("").to_numpy()] = reason
        return out[out.ne("")]

    def _blind(self) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """Reasons why a model cannot see clusters, and which."""
        ids = pd.Index(self.data.clusters["cluster_id"])
        for model in self.project.models:
            for name in self.data.seen_by(model):
                if model.name in ("graph", "image"):
                    blind = ~ids.isin(self.data.pairs(name)["cluster_id"])
                else:
                    blind = self.data.cluster_features([name]).isna().all(axis=1).to_numpy()
                yield f"no picture of {name!r} where it may lie", blind
            if model.name == "graph":
                blind = np.array([graph is None for graph in self._cluster_graphs(model)])
                yield "no picture with features for its graph", blind
            if model.name == "cell":
                yield "pictures for less than half of where it may lie", ~(self._covered(model) >= 0.5)

    def _covered(self, model: ModelChoice) -> npt.NDArray[np.float64]:
        """Share of where each cluster may lie, off the map included, that has pictures."""
        known = self.data.cell_features(self.data.seen_by(model)).notna().any(axis=1).to_numpy()
        whole = np.asarray(self.data.tie.matrix.sum(axis=1), dtype=float)
        return np.asarray(self.data.map_tie.matrix @ known.astype(float)) / np.maximum(whole, 1e-12)

    def rows(self, indicator: str) -> npt.NDArray[np.int64]:
        """Positions of the clusters that have the indicator and pictures."""
        clusters = self.data.clusters
        usable = clusters[indicator].notna() & ~clusters["cluster_id"].isin(self.left_out.index)
        rows = np.flatnonzero(usable)
        if len(rows) < 2 * self.project.validation.folds:
            msg = (
                f"Only {len(rows)} of {len(clusters)} clusters have both {indicator!r} and pictures of every "
                f"source; {self.project.validation.folds} folds need at least "
                f"{2 * self.project.validation.folds}. Left out: {self._why_left_out() or 'none'}."
            )
            raise InputError(msg)
        return rows

    def _why_left_out(self) -> str:
        counts = self.left_out.value_counts()
        return "; ".join(f"{count} with {reason}" for reason, count in counts.items())

    @cached_property
    def block_resolution(self) -> int:
        """H3 resolution of the blocks: the project's, else the finest that is wide enough for the data."""
        given = self.project.validation.block_resolution
        if given is not None:
            return given
        return validation.block_resolution(self.data.clusters, n_splits=self.project.validation.folds)

    def blocks(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """Block of each row."""
        return h3cells.blocks(self.data.clusters.iloc[rows], resolution=self.block_resolution)

    # -- stages -------------------------------------------------------------------------------------

    def _base(self, model: ModelChoice, indicator: str) -> list[Any]:
        """What a fitted model depends on: its own data, and all that decides which clusters are its rows."""
        everybody = [
            [
                other.name if other.name in ("graph", "image", "cell") else "features",
                {key: other.options[key] for key in _graph_options(other)},
                [self.data.features_stage(name).key for name in self.data.seen_by(other)],
            ]
            for other in self.project.models
            if self.data.seen_by(other)
        ]
        where = [self.data.clusters_stage, self.data.tie_stage, self.data.cells_stage]
        seen = [self.data.features_stage(name) for name in self.data.seen_by(model)]
        return [model.model_dump(), indicator, self.project.seed, *where, *seen, sorted(everybody, key=str)]

    def score_stage(self, model: ModelChoice, split: str, indicator: str) -> Stage:
        """Out-of-fold predictions of one model for one indicator under one split."""
        settings: dict[str, Any] = self.project.validation.model_dump(exclude={"bootstrap"})
        if settings["buffer_m"] == "auto" and split == "blocked":
            settings["range"] = self.map_choice.model_dump()
        name = f"validate-{model.key}-{split}-{indicator}"
        return self.data.space.stage(name, *self._base(model, indicator), settings)

    def map_stage(self, indicator: str) -> Stage:
        """The model that makes the map, fitted to all clusters, and its prediction at every cell."""
        model = self.map_choice
        return self.data.space.stage(f"predict-{model.key}-{indicator}", *self._base(model, indicator))

    def stages(self) -> list[Stage]:
        """Every stage of scoring and mapping, in order."""
        found = [
            self.score_stage(model, split, indicator)
            for indicator in self.indicators
            for model in self.project.models
            for split in SPLITS
        ]
        if self.project.models:
            found += [self.map_stage(indicator) for indicator in self.indicators]
        return found

    # -- scores -------------------------------------------------------------------------------------

    def splits(self, split: str, indicator: str) -> list[tuple[npt.NDArray, npt.NDArray]]:
        """Train and test rows of each fold, as positions among :meth:`rows`."""
        settings, rows = self.project.validation, self.rows(indicator)
        places = self.data.clusters.iloc[rows]
        if split == "random":
            splitter: Any = validation.RandomKFold(settings.folds, random_state=self.project.seed)
            return list(splitter.split(places))
        splitter = validation.BlockKFold(
            settings.folds,
            resolution=self.block_resolution,
            buffer_m=settings.buffer_m,
            displacement_m=self.data.displacement_m if settings.buffer_m == "auto" else 0.0,
            window_m=self._window_m(),
            random_state=self.project.seed,
        )
        return list(splitter.split(places, self._residuals(indicator), self._shared_pictures(rows)))

    def _window_m(self) -> float:
        """Largest distance over which the chips of two clusters overlap."""
        used = {name for model in self.project.models for name in self.data.seen_by(model)}
        widths = [0.0]
        for name in sorted(used):
            chips = self.data.source(name).chips
            if chips is not None:
                south, north = self.data.images(name).geometry.bounds[["miny", "maxy"]].to_numpy().T
                widths.append(float(np.median(north - south)) * chips.grid * 111_195.0 * math.sqrt(2))
        return max(widths)

    def _residuals(self, indicator: str) -> npt.NDArray[np.float64] | None:
        """What the map's model misses under the random split; its range is the automatic buffer."""
        if self.project.validation.buffer_m != "auto":
            return None
        table = self.out_of_fold(self.map_choice, "random", indicator)
        return (table["observed"] - table["predicted"]).to_numpy()

    def _shared_pictures(self, rows: npt.NDArray[np.int64]) -> Any:
        """Which cluster uses which photo (rows x pictures), over all sources that the models see."""
        used = {name for model in self.project.models for name in self.data.seen_by(model)}
        origins = {self.data.origin(name) for name in used if not self.data.source(name).chips}
        if not origins:
            return None
        pairs = [self.data.pairs(name).assign(origin=name) for name in sorted(origins)]
        links = pd.concat(pairs, ignore_index=True)
        order = pd.Index(self.data.clusters["cluster_id"].iloc[rows]).get_indexer(links["cluster_id"])
        links, order = links[order >= 0], order[order >= 0]
        picture = links.groupby(["origin", "image_id"], sort=False).ngroup().to_numpy()
        shape = (len(rows), int(picture.max(initial=-1)) + 1)
        return sparse.csr_array((np.ones(len(order)), (order, picture)), shape=shape)

    def out_of_fold(self, model: ModelChoice, split: str, indicator: str) -> pd.DataFrame:
        """Predictions of one model for clusters it has not seen.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``cluster_id``: ``observed``, ``predicted``, ``fold``, ``block``.
        """
        stage = self.score_stage(model, split, indicator)
        path = self.data.space.make(stage, lambda folder: self._score(model, split, indicator, folder))
        return pd.read_parquet(path / "predictions.parquet")

    def scores(self) -> pd.DataFrame:
        """Tidy table: every model under both splits for every indicator, with block-bootstrap intervals."""
        self._warn_left_out()
        jobs = [(i, m, s) for i in self.indicators for m in self.project.models for s in SPLITS]
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
            block_resolution=self.block_resolution,
            buffer_m=np.where(blocked, str(settings.buffer_m), ""),
        )

    def _warn_left_out(self) -> None:
        share = len(self.left_out) / len(self.data.clusters)
        if share > self.project.max_rejected:
            msg = f"{share:.0%} of the clusters are left out of every model: {self._why_left_out()}"
            warnings.warn(msg, stacklevel=2)

    def _score(self, model: ModelChoice, split: str, indicator: str, folder: Path) -> None:
        rows = self.rows(indicator)
        clusters = self.data.clusters.iloc[rows]
        observed = clusters[indicator].to_numpy(dtype=float)
        x, fit_params = self.inputs(model)
        found = validation.out_of_fold(
            build_estimator(model, seed=self.project.seed),
            models.take(x, rows),
            observed,
            self.splits(split, indicator),
            fit_params=fit_params,
            groups=self.blocks(rows) if split == "blocked" and model.name in _TUNED else None,
        )
        columns = {
            "observed": observed,
            "predicted": found.prediction,
            "fold": found.fold,
            "block": self.blocks(rows),
        }
        ids = pd.Index(clusters["cluster_id"], name="cluster_id")
        pd.DataFrame(columns, index=ids).to_parquet(folder / "predictions.parquet")

    # -- the map ------------------------------------------------------------------------------------

    @property
    def map_choice(self) -> ModelChoice:
        """The model that makes the map."""
        return next(model for model in self.project.models if model.key == self.data.map_model)

    def fit(self, model: ModelChoice, indicator: str) -> Any:
        """The model fitted to every cluster that has the indicator."""
        rows = self.rows(indicator)
        x, fit_params = self.inputs(model)
        estimator = build_estimator(model, seed=self.project.seed)
        observed = self.data.clusters[indicator].to_numpy(dtype=float)[rows]
        return estimator.fit(models.take(x, rows), observed, **fit_params)

    def out_of_fold_scores(self, model: ModelChoice, indicator: str) -> list[dict[str, Any]]:
        """Scores of a model with the split they were measured under, for its card."""
        scored = []
        for split in SPLITS:
            table = self.out_of_fold(model, split, indicator).query("fold >= 0")
            scores = validation.regression_scores(table["observed"], table["predicted"])
            scored.append({"split": split, "indicator": indicator, "n": len(table), **scores})
        return scored

    def predict_cells(self, estimator: Any, model: ModelChoice) -> npt.NDArray[np.float64]:
        """Prediction at every cell of the map; NaN where the model sees nothing."""
        cells, names = self.data.cells, self.data.seen_by(model)
        if model.name == "cell":
            features, graph = self._cell_inputs(model)
            return estimator.predict_cells(cells, features=features, graph=graph).to_numpy()
        if model.name in ("mean", "knn", "idw"):
            return estimator.predict(h3cells.lonlat(h3cells.cell_points(cells)))
        made = np.full(len(cells), np.nan)
        if model.name in ("ridge", "boosting"):
            features = self.data.cell_features(names)
            known = np.ones(len(cells), dtype=bool)
            for name in names:
                known &= self.data.cell_features([name]).notna().any(axis=1).to_numpy()
            made[known] = estimator.predict(features.to_numpy()[known])
            return made
        by_cell = self._by_place(model, self.data.cell_pairs(names[0]), list(h3cells.cell_names(cells)))
        known = np.array([place is not None for place in by_cell])
        made[known] = estimator.predict([place for place in by_cell if place is not None])
        return made

    def cell_predictions(self, indicator: str) -> pd.Series:
        """The map: prediction of the map model at every cell, indexed by cell."""
        begin(f"mapping {indicator}")
        path = self.data.space.make(self.map_stage(indicator), lambda folder: self._map(indicator, folder))
        return pd.read_parquet(path / "cells.parquet")[indicator]

    def _map(self, indicator: str, folder: Path) -> None:
        estimator = self.fit(self.map_choice, indicator)
        values = self.predict_cells(estimator, self.map_choice)
        index = pd.Index(self.data.cells, name="cell")
        pd.DataFrame({indicator: values}, index=index).to_parquet(folder / "cells.parquet")

    # -- what the models see ------------------------------------------------------------------------

    def inputs(self, model: ModelChoice) -> tuple[Any, dict[str, Any]]:
        """What a model is fitted to: one row per cluster, and what goes beside it."""
        names = self.data.seen_by(model)
        if model.name in ("mean", "knn", "idw"):
            return h3cells.lonlat(self.data.clusters), {}
        if model.name in ("ridge", "boosting"):
            return self.data.cluster_features(names).to_numpy(), {}
        if model.name == "cell":
            features, graph = self._cell_inputs(model)
            return self.data.map_tie, {"features": features, "graph": graph}
        if model.name == "graph":
            return self._cluster_graphs(model), {}
        pairs = self.data.pairs(names[0])
        return self._by_place(model, pairs, list(self.data.clusters["cluster_id"])), {}

    def _cell_inputs(self, model: ModelChoice) -> tuple[npt.NDArray, Any]:
        features = self.data.cell_features(self.data.seen_by(model)).to_numpy()
        return features, graphs.cell_graph(self.data.cells)

    def _cluster_graphs(self, model: ModelChoice) -> list[Any]:
        if model.key not in self._graphs:
            pairs = self.data.pairs(self.data.seen_by(model)[0])
            ids = list(self.data.clusters["cluster_id"])
            self._graphs[model.key] = self._by_place(model, pairs, ids)
        return self._graphs[model.key]

    def _by_place(self, model: ModelChoice, pairs: pd.DataFrame, places: Sequence[str]) -> list[Any]:
        """Graph, or list of picture files, of each place; ``None`` where there is no picture."""
        names = self.data.seen_by(model)
        if model.name == "graph":
            options = _SPARSE | {key: model.options[key] for key in _graph_options(model)}
            made = self.data.graphs(names, pairs, **options)
        else:
            files = self.data.picture_files(names[0])
            made = (
                files.reindex(pairs["image_id"]).groupby(pairs["cluster_id"].to_numpy()).agg(list).to_dict()
            )
        return [made.get(place) for place in places]


def _graph_options(choice: ModelChoice) -> list[str]:
    return [key for key in choice.options if key in _GRAPH_OPTIONS] if choice.name == "graph" else []
