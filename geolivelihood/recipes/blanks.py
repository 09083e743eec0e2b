"""Models that are told only the average of a source: what a network loses without it, for one fit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.base import BaseEstimator, clone
from torch_geometric.data import HeteroData

from geolivelihood.errors import InputError
from geolivelihood.explanation import feature_groups
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["WithAverages", "blanked"]

Given = tuple[Any, dict[str, Any]]
"""What a prediction is made from: rows, and what goes beside them."""


class WithAverages(BaseEstimator):
    """An estimator whose prediction has columns for the rows as they are, and then for each blanked variant.

    Parameters
    ----------
    estimator
        Fitted once.
    variants
        From rows to what else ``predict`` is asked, variant after variant.
    """

    def __init__(self, estimator: Any, *, variants: Callable[[Any], Iterator[Given]]) -> None:
        self.estimator = estimator
        self.variants = variants

    def fit(self, X: Any, y: npt.NDArray[Any], **beside: Any) -> Self:
        """Fit once."""
        self.estimator_ = clone(self.estimator).fit(X, y, **beside)
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Shape (rows, targets x (1 + variants)): the rows as they are, then each variant."""
        asked = [(X, {}), *self.variants(X)]
        answers = [np.asarray(self.estimator_.predict(rows, **beside)) for rows, beside in asked]
        return np.hstack([answer.reshape(len(answer), -1) for answer in answers])


def blanked(lineup: LineUp, choice: ModelChoice) -> Callable[[Any], Iterator[Given]]:
    """For each source that a network sees, its rows with the source's average in every place.

    A place that lacks the source lacks it still: where there are pictures is no feature of theirs.

    Parameters
    ----------
    lineup
        The project's models.
    choice
        A ``cell`` or ``graph`` model.

    Raises
    ------
    InputError
        If the model is of another kind.
    """
    if choice.name not in ("cell", "graph"):
        msg = f"Sources are blanked for cell and graph models, not for {choice.key!r}."
        raise InputError(msg)
    names = lineup.data.seen_by(choice)
    if choice.name == "graph":
        widths = {name: lineup.data.features(name).columns for name in names}
        means = np.concatenate([lineup.data.features(name).mean().to_numpy() for name in names])
        columns = pd.Index([f"{name}_{column}" for name, own in widths.items() for column in own])
        groups = _positions(columns, names)

        def of_graphs(rows: Any) -> Iterator[Given]:
            for group in groups:
                yield [_graph(graph, group, means) for graph in rows], {}

        return of_graphs
    features, graph = lineup.inputs.cells(choice)
    if isinstance(features, HeteroData):

        def of_places(rows: Any) -> Iterator[Given]:
            for name in names:
                yield rows, {"features": _place_graph(features, name)}

        return of_places
    means = lineup.data.cluster_features(names).iloc[lineup.sample.rows].mean().to_numpy()
    groups = _positions(lineup.data.cell_features(names).columns, names)

    def of_cells(rows: Any) -> Iterator[Given]:
        for group in groups:
            yield rows, {"features": _averaged(features, group, means), "graph": graph}

    return of_cells


def _positions(columns: pd.Index, names: list[str]) -> list[npt.NDArray[np.intp]]:
    groups = feature_groups(columns, prefixes=names)
    return [columns.get_indexer(pd.Index(groups[name])) for name in names]


def _averaged(
    table: npt.NDArray[np.float64], group: npt.NDArray[np.intp], means: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    made = table.copy()
    made[:, group] = np.where(np.isnan(made[:, group]), np.nan, means[group])
    return made


def _graph(graph: Any, group: npt.NDArray[np.intp], means: npt.NDArray[np.float64]) -> Any:
    made = copy.copy(graph)
    made.x = torch.from_numpy(_averaged(graph.x.numpy(), group, means))
    return made


def _place_graph(data: HeteroData, name: str) -> HeteroData:
    made = copy.copy(data)
    x = data[name].x
    made[name].x = torch.where(torch.isnan(x), x, torch.nanmean(x, dim=0))
    return made
