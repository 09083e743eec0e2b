"""The heads of the cell model: a ridge, or a network that starts from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from torch import Tensor
from torch_geometric.data import HeteroData

from geolivelihood.errors import InputError
from geolivelihood.models.cell_inputs import CellInputs, check_tie
from geolivelihood.models.cell_network import CellNetwork, TieBatches
from geolivelihood.models.place_network import PlaceBatches, PlaceNetwork, Places, picture_scales
from geolivelihood.models.ridge import ColumnScale, RidgeFit, fit_ridges, label_weights
from geolivelihood.models.rows import Floats
from geolivelihood.models.training import (
    History,
    TargetScale,
    holdout,
    network_arrays,
    restore_network,
    seeded,
    single_thread,
    train,
)

__all__ = ["CellHeads"]

_HEADS = ("auto", "mlp", "linear", "graph")
_PENALTIES = ("loo", "evidence")
_FEW_CLUSTERS = 1000  # a round number between a country where the network ran away (258) and Brazil (5,565)


class CellHeads(BaseEstimator):
    """Hyper-parameters of the cell model, and what its heads share: scaling, training, saving."""

    cells_: npt.NDArray[np.uint64]
    cell_prediction_: Floats
    marks_: npt.NDArray[np.int64]
    targets_: list[Any] | None
    n_features_in_: int
    location_km_: float

    def __init__(
        self,
        *,
        head: str = "auto",
        penalty: str = "loo",
        hops: int = 2,
        location: int = 0,
        location_km: float | None = None,
        min_covered: float = 0.5,
        hidden: int = 64,
        layers: int = 2,
        dropout: float = 0.2,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-3,
        batch_size: int = 512,
        max_epochs: int = 80,
        patience: int = 12,
        validation_share: float = 0.15,
        device: str = "auto",
        random_state: int | None = 0,
    ) -> None:
        self.head = head
        self.penalty = penalty
        self.hops = hops
        self.location = location
        self.location_km = location_km
        self.min_covered = min_covered
        self.hidden = hidden
        self.layers = layers
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.device = device
        self.random_state = random_state

    def _scale(
        self, inputs: CellInputs, table: Floats, cell_weight: Floats, *, rows: int
    ) -> tuple[Floats, Places | None]:
        """Choose the head, and standardise what it sees by the cells that the clusters may lie in."""
        few = rows < _FEW_CLUSTERS
        self.head_ = self.head if self.head != "auto" else "linear" if few else "mlp"
        self.scale_ = ColumnScale.of(table, weights=cell_weight)
        if self.head_ == "graph":
            self.picture_scales_ = picture_scales(_places(inputs.places), cell_weight)
        return self.scale_.apply(table), self._places(inputs)

    def _places(self, inputs: CellInputs) -> Places | None:
        return Places.of(_places(inputs.places), self.picture_scales_) if self.head_ == "graph" else None

    def _learn(
        self,
        tie: sparse.csr_array,
        table: Floats,
        places: Places | None,
        target: Floats,
        weights: Floats,
        error: Floats | None,
        groups: Any,
    ) -> None:
        self.target_scale_ = TargetScale.of(target, weights=weights)
        y = self.target_scale_.standardise(target)
        error = None if error is None else error / self.target_scale_.scale
        each = label_weights(tie @ table, y, weights=weights, se=error)
        self.history_: History | None = None
        if self.head_ == "linear":
            self.solution_ = fit_ridges(tie @ table, y, weights=each, penalty=self.penalty)
            return
        fit, held = holdout(len(y), share=self.validation_share, seed=self.random_state, groups=groups)
        # The linear start must not have seen the held-out clusters, or no epoch could beat it.
        self.solution_ = fit_ridges(tie[fit] @ table, y[fit], weights=each[fit], penalty=self.penalty)
        # A missing target has no weight; any number may stand in its place.
        y, each = (array.reshape(len(target), -1) for array in (np.nan_to_num(y), each))
        self._train(*((tie[rows], table, y[rows], each[rows]) for rows in (fit, held)), places=places)

    def _train(self, fit: tuple[Any, ...], held: tuple[Any, ...], *, places: Places | None) -> None:
        kind: Any = TieBatches if places is None else PlaceBatches
        also = {} if places is None else {"places": places}
        with seeded(self.random_state), single_thread():
            self.network_ = self._network(fit[1].shape[1])
            self.network_.start_at(self.solution_)
            self.history_ = train(
                self.network_,
                kind(*_tensors(*fit), size=self.batch_size, shuffle=True, seed=self.random_state, **also),
                kind(*_tensors(*held), size=4 * self.batch_size, **also),
                loss=_squared_error,
                max_epochs=self.max_epochs,
                patience=self.patience,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                text="training the cell model",
                device=self.device,
            )

    def _network(self, features: int) -> Any:
        size: dict[str, Any] = {
            "outputs": len(self.targets_ or [0]),
            "hidden": self.hidden,
            "dropout": self.dropout,
        }
        if self.head_ != "graph":
            return CellNetwork(features, **size)
        widths = [len(scale.mean) for scale in self.picture_scales_.values()]
        return PlaceNetwork(widths, features, layers=self.layers, **size)

    def _values(self, table: Floats, covered: npt.NDArray[np.bool_], places: Places | None) -> Floats:
        if self.head_ == "linear":
            values = self.solution_.predict(table)
        else:
            also = () if places is None else (places,)
            with torch.inference_mode(), single_thread():
                values = self.network_.cell(torch.from_numpy(table).float(), *also).double().numpy()
            values = values[:, 0] if self.targets_ is None else values
        values = self.target_scale_.restore(values)
        values[~covered] = np.nan
        return values

    def _check_options(self, tie: Any, features: Any) -> None:
        check_tie(tie)
        if self.head not in _HEADS:
            msg = f"head must be one of {', '.join(_HEADS)}, got {self.head!r}."
            raise InputError(msg)
        if self.penalty not in _PENALTIES:
            msg = f"penalty must be one of {', '.join(_PENALTIES)}, got {self.penalty!r}."
            raise InputError(msg)
        if self.head == "graph":
            _places(features)
        if self.location_km is not None and not self.location_km > 0:
            msg = (
                f"location_km must be positive, or None for the spread of the cells, got {self.location_km}."
            )
            raise InputError(msg)
        if not 0 < self.min_covered <= 1:
            msg = f"min_covered must lie in (0, 1], got {self.min_covered}."
            raise InputError(msg)

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        arrays = {
            **self.scale_.arrays(),
            "cells": self.cells_,
            "cell_prediction": self.cell_prediction_,
            "marks": self.marks_,
            "coef": self.solution_.coef,
        }
        meta = {
            "head": self.head_,
            "target_scale": list(self.target_scale_),
            "targets": self.targets_,
            "solution": list(self.solution_[1:]),
            "n_features_in_": self.n_features_in_,
            "location_km_": self.location_km_,
        }
        if self.head_ == "linear":
            return arrays, meta
        if self.head_ == "graph":
            meta["sources"] = list(self.picture_scales_)
            for i, scale in enumerate(self.picture_scales_.values()):
                arrays |= {f"source_{i}.{name}": values for name, values in scale.arrays().items()}
        return arrays | network_arrays(self.network_), meta

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.scale_ = ColumnScale.restored(arrays)
        self.cells_, self.cell_prediction_ = arrays["cells"], arrays["cell_prediction"]
        self.marks_ = arrays["marks"]
        self.target_scale_ = TargetScale.restored(meta["target_scale"])
        self.head_, self.targets_ = meta["head"], meta["targets"]
        self.n_features_in_, self.location_km_ = int(meta["n_features_in_"]), float(meta["location_km_"])
        self.solution_ = RidgeFit.restored(arrays["coef"], meta["solution"])
        if self.head_ == "linear":
            return
        if self.head_ == "graph":
            self.picture_scales_ = {
                source: ColumnScale(*(arrays[f"source_{i}.feature_{name}"] for name in ColumnScale._fields))
                for i, source in enumerate(meta["sources"])
            }
        self.network_ = self._network(len(self.scale_.mean))
        restore_network(self.network_, arrays)


def _tensors(tie: sparse.csr_array, *arrays: Floats) -> tuple[Any, ...]:
    return tie, *(torch.from_numpy(array).float() for array in arrays)


def _places(features: Any) -> HeteroData:
    if not isinstance(features, HeteroData):
        msg = f"The graph head learns from a place graph (place_graph), not from a {type(features).__name__}."
        raise InputError(msg)
    return features


def _squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    return (predicted - target) ** 2
