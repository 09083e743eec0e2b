"""What each model of a project sees: its rows of clusters, and the same at every cell of the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import graphs
from geolivelihood.recipes.builders import GEOGRAPHIC, SPARSE, graph_options
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["Inputs"]

Floats = npt.NDArray[np.float64]
_FEATURES = ("ridge", "boosting")


class Inputs:
    """What the models of a project are fitted to and predict from.

    Parameters
    ----------
    data
        The project's data.
    """

    def __init__(self, data: Livelihood) -> None:
        self.data = data
        self._graphs: dict[str, list[Any]] = {}
        self._cells: dict[str, tuple[Any, Any]] = {}

    def rows(self, model: ModelChoice) -> tuple[Any, dict[str, Any]]:
        """What a model is fitted to: one row per cluster, and what goes beside it."""
        names = self.data.seen_by(model)
        if model.name in GEOGRAPHIC:
            return h3cells.lonlat(self.data.clusters), {}
        if model.name in _FEATURES:
            return self.data.cluster_features(names).to_numpy(), {}
        if model.name == "cell":
            features, graph = self.cells(model)
            return self.data.map_tie, {"features": features, "graph": graph}
        if model.name == "graph":
            return self.cluster_graphs(model), {}
        pairs = self.data.pairs(names[0])
        return self._by_place(model, pairs, list(self.data.clusters["cluster_id"])), {}

    def cells(self, model: ModelChoice) -> tuple[Any, Any]:
        """Features of the map's cells, NaN without pictures, and the graph of the cells.

        A model with ``head: graph`` gets the pictures themselves, as nodes of a place graph beside the cells.
        """
        if model.key not in self._cells:
            names = self.data.seen_by(model)
            if model.options.get("head") == "graph":
                sources = {name: (self.data.image_tie(name), self.data.features(name)) for name in names}
                made: tuple[Any, Any] = graphs.place_graph(sources, self.data.cells), None
            else:
                made = self.data.cell_features(names).to_numpy(), graphs.cell_graph(self.data.cells)
            self._cells[model.key] = made
        return self._cells[model.key]

    def cluster_graphs(self, model: ModelChoice) -> list[Any]:
        """Graph of each cluster's pictures, ``None`` where there is none."""
        if model.key not in self._graphs:
            pairs = self.data.pairs(self.data.seen_by(model)[0])
            ids = list(self.data.clusters["cluster_id"])
            self._graphs[model.key] = self._by_place(model, pairs, ids)
        return self._graphs[model.key]

    def cell_graphs(self, model: ModelChoice, cells: Sequence[str]) -> list[Any]:
        """Graph of the pictures of each of some cells, by name; ``None`` where there is none."""
        pairs = self.data.cell_pairs(self.data.seen_by(model)[0])
        return self._by_place(model, pairs[pairs["cluster_id"].isin(cells)], cells)

    def at_cells(self, estimator: Any, model: ModelChoice) -> Floats:
        """Prediction at every cell of the map; NaN where the model sees nothing.

        Returns
        -------
        numpy.ndarray
            Shape (cells,), or (cells, indicators) from a joint model.
        """
        cells, names = self.data.cells, self.data.seen_by(model)
        if model.name == "cell":
            features, graph = self.cells(model)
            return np.asarray(estimator.predict_cells(cells, features=features, graph=graph), dtype=float)
        if model.name in GEOGRAPHIC:
            return estimator.predict(h3cells.lonlat(h3cells.cell_points(cells)))
        if model.name in _FEATURES:
            known = self.known_cells(names)
            return _spread(estimator.predict(self.data.cell_features(names).to_numpy()[known]), known)
        by_cell = self._by_place(model, self.data.cell_pairs(names[0]), list(h3cells.cell_names(cells)))
        known = np.array([place is not None for place in by_cell])
        return _spread(estimator.predict([place for place in by_cell if place is not None]), known)

    def known_cells(self, names: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Cells where every one of the sources shows something."""
        known = np.ones(len(self.data.cells), dtype=bool)
        for name in names:
            known &= self.data.cell_features([name]).notna().any(axis=1).to_numpy()
        return known

    def _by_place(self, model: ModelChoice, pairs: pd.DataFrame, places: Sequence[str]) -> list[Any]:
        """Graph, or list of picture files, of each place; ``None`` where there is no picture."""
        names = self.data.seen_by(model)
        if model.name == "graph":
            options = SPARSE | {key: model.options[key] for key in graph_options(model)}
            made = self.data.graphs(names, pairs, **options)
        else:
            files = self.data.picture_files(names[0])
            made = (
                files.reindex(pairs["image_id"]).groupby(pairs["cluster_id"].to_numpy()).agg(list).to_dict()
            )
        return [made.get(place) for place in places]


def _spread(values: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Values of the known places at their positions, NaN at the others."""
    made = np.full((len(known), *np.shape(values)[1:]), np.nan)
    made[known] = values
    return made
