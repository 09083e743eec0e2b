"""The map: a value for every cell, learned from cluster labels through the displacement tie."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.models.cell_network import CellNetwork, TieBatches
from geolivelihood.models.propagation import (
    cell_table,
    location_features,
    missing_marks,
    propagate,
    spread_km,
)
from geolivelihood.models.ridge import ColumnScale, RidgeFit, fit_ridge
from geolivelihood.models.rows import Floats, check_features, check_target, check_weights
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

__all__ = ["CellRegressor"]

_log = logging.getLogger(__name__)
HEADS = ("auto", "mlp", "linear")
_FEW_CLUSTERS = 1000  # a round number between a country where the network ran away (258) and Brazil (5,565)


class CellRegressor(RegressorMixin, BaseEstimator):
    """Predicts at every cell; trained so that the *average* over where a cluster may lie meets its label.

    A survey cluster's published point is displaced, so its label belongs to no single cell but to
    Σ_c P(c) f(φ_c), the mean of the cell predictions under the displacement tie. With a linear head this
    is regression on expected features, solved in closed form; with a network the loss is on the average,
    not on the average of the features. Prediction happens at real cells.

    Parameters
    ----------
    head
        ``"linear"``: ridge on expected features, the penalty chosen by leave-one-out. ``"mlp"``: a network
        that starts from the linear solution. ``"auto"``: the network from 1,000 clusters on; fewer hold out
        too few to tell when it should stop.
    hops
        Rings of the cell graph whose mean features are added to the cell's own.
    location
        Number of location features (random Fourier features on the sphere); 0 = pictures only. With them
        the map interpolates as well, which helps between clusters and not beyond them.
    location_km
        Length over which the location features vary; ``None`` takes the spread of the training cells (root
        mean square distance from their middle).
    min_covered
        Least share of a cluster's tie that must lie on cells with features. Clusters below are dropped from
        training with a warning, and predicted as NaN.
    hidden, dropout
        Of the network.
    learning_rate, weight_decay, batch_size, max_epochs, patience
        Of its training.
    validation_share
        Share of the clusters held out to choose the epoch.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    random_state
        Seed of weights, order, location features and held-out part.

    Attributes
    ----------
    head_
        The head that was fitted.
    cells_
        Cells of the tie it was fitted on, ``uint64``.
    cell_prediction_
        Prediction at each of them; NaN without features in the cell or beside it.
    dropped_
        Row ids of the clusters that were left out of training.
    covered_
        Share of each training cluster's tie on cells with features, by row id.
    history_
        Validation loss per epoch; ``None`` for the linear head.

    Raises
    ------
    InputError
        From ``fit``: if shapes disagree or fewer than two clusters are covered.
    """

    def __init__(
        self,
        *,
        head: str = "auto",
        hops: int = 2,
        location: int = 0,
        location_km: float | None = None,
        min_covered: float = 0.5,
        hidden: int = 64,
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
        self.hops = hops
        self.location = location
        self.location_km = location_km
        self.min_covered = min_covered
        self.hidden = hidden
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.device = device
        self.random_state = random_state

    def fit(
        self,
        X: Tie,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        features: Any,
        graph: sparse.csr_array | None = None,
        se: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Train on cluster labels.

        Parameters
        ----------
        X
            Tie of clusters (rows) to cells (columns).
        y
            Label per cluster.
        sample_weight
            Weight per cluster.
        features
            Shape (cells, d) in the order of ``X.cells``, NaN = no pictures; or a DataFrame indexed by cell.
        graph
            Cell graph (cells x cells) in the same order; ``None`` = no neighbours.
        se
            Standard error of each label. Weights become w / (1 + se²/τ²) with τ² the model's own error
            variance, so that a se of 0 is not infinite trust. NaN counts as the median.
        groups
            Optional block of each cluster; blocks are held out whole.
        """
        self._check_options(X)
        target = check_target(y, rows=len(X))
        weights = check_weights(sample_weight, rows=len(X))
        known = cell_table(features, X.cells)
        self.n_features_in_, self.marks_ = known.shape[1], missing_marks(known)
        used = X.cells[np.unique(X.matrix.indices)]
        self.location_km_ = self.location_km or (spread_km(used) if len(used) else 1.0)
        table, covered = self._table(X.cells, known, graph)
        kept = self._keep_covered(X, covered)
        tie = _expectation(X, covered)[kept]
        target, weights = target[kept], weights[kept]
        self.head_ = self.head
        if self.head == "auto":
            self.head_ = "mlp" if len(target) >= _FEW_CLUSTERS else "linear"
        self.scale_ = ColumnScale.of(table, weights=tie.T @ weights)
        self.target_scale_ = TargetScale.of(target, weights=weights)
        scaled, y_scaled = self.scale_.apply(table), self.target_scale_.standardise(target)
        if se is not None:
            error = _check_errors(se, rows=len(X))[kept] / self.target_scale_.scale
            weights = weights * _trust(error, fit_ridge(tie @ scaled, y_scaled, weights=weights).loo_error)
        names = None if groups is None else np.asarray(groups)[kept]
        self._learn(tie, scaled, y_scaled, weights, names)
        self.cells_ = X.cells
        self.cell_prediction_ = self._values(scaled, covered)
        return self

    def predict(
        self, X: Tie, *, features: Any | None = None, graph: sparse.csr_array | None = None
    ) -> Floats:
        """Σ P f(φ_c) per cluster, over the cells with features.

        Parameters
        ----------
        X
            Tie of clusters to cells.
        features, graph
            Features and graph of ``X.cells``, where these are other cells than those of ``fit``.

        Returns
        -------
        numpy.ndarray
            Shape (clusters,); NaN where less than ``min_covered`` of the tie lies on cells with features.
        """
        check_is_fitted(self)
        _check_tie(X)
        if features is None:
            position = pd.Index(self.cells_).get_indexer(X.cells)
            values = np.where(position >= 0, self.cell_prediction_[position], np.nan)
        else:
            values = self.predict_cells(X.cells, features=features, graph=graph).to_numpy()
        known = ~np.isnan(values)
        enough = np.asarray(X.covered(known)) >= self.min_covered
        return np.where(enough, _expectation(X, known) @ np.where(known, values, 0.0), np.nan)

    def predict_cells(
        self,
        cells: npt.ArrayLike | None = None,
        *,
        features: Any | None = None,
        graph: sparse.csr_array | None = None,
    ) -> pd.Series:
        """Predict at cells: those of ``fit``, or others with their features and graph.

        Returns
        -------
        pandas.Series
            Index ``cell``; NaN where neither the cell nor a neighbour has features.
        """
        check_is_fitted(self)
        if (cells is None) != (features is None):
            msg = "Give cells and their features together, or neither (the cells of the fit)."
            raise InputError(msg)
        names = self.cells_ if cells is None else np.asarray(cells, dtype=np.uint64)
        values = self.cell_prediction_
        if features is not None:
            table, covered = self._table(names, cell_table(features, names), graph)
            if table.shape[1] != len(self.scale_.mean):
                msg = (
                    "The model was fitted with a cell graph; give the graph of these cells (or the reverse)."
                )
                raise InputError(msg)
            values = self._values(self.scale_.apply(table), covered)
        return pd.Series(values, index=pd.Index(names, name="cell"), name="prediction")

    def _table(
        self, cells: npt.NDArray[np.uint64], features: Floats, graph: Any
    ) -> tuple[Floats, npt.NDArray[np.bool_]]:
        check_features(features, expected=self.n_features_in_)
        spread = propagate(features, graph, hops=self.hops, marks=self.marks_)
        place = location_features(
            cells, count=self.location, length_km=self.location_km_, seed=self.random_state
        )
        return np.column_stack([spread.table, place]), spread.covered

    def _keep_covered(self, tie: Tie, covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        self.covered_ = tie.covered(covered)
        kept = np.asarray(self.covered_) >= self.min_covered
        self.dropped_ = list(tie.rows[~kept])
        if self.dropped_:
            some = ", ".join(map(str, self.dropped_[:5])) + (" ..." if len(self.dropped_) > 5 else "")
            _log.warning(
                "%d of %d clusters have less than %g of their possible places on cells with features and are "
                "not trained on: %s",
                len(self.dropped_),
                len(tie),
                self.min_covered,
                some,
            )
        if kept.sum() < 2:
            msg = (
                f"Only {kept.sum()} of {len(tie)} clusters have {self.min_covered:g} of their tie on cells "
                "with features; at least 2 are needed. Do the cells of tie and features agree?"
            )
            raise InputError(msg)
        return kept

    def _learn(
        self, tie: sparse.csr_array, table: Floats, target: Floats, weights: Floats, groups: Any
    ) -> None:
        self.history_: History | None = None
        if self.head_ == "linear":
            self.solution_ = fit_ridge(tie @ table, target, weights=weights)
            return
        fit, held = holdout(len(target), share=self.validation_share, seed=self.random_state, groups=groups)
        # The linear start must not have seen the held-out clusters, or no epoch could beat it.
        start = fit_ridge(tie[fit] @ table, target[fit], weights=weights[fit])
        inputs, y, w = (torch.from_numpy(array).float() for array in (table, target, weights))
        with seeded(self.random_state), single_thread():
            self.network_ = self._network(table.shape[1])
            self.network_.start_at(start)
            self.history_ = train(
                self.network_,
                TieBatches(
                    tie[fit],
                    inputs,
                    y[fit],
                    w[fit],
                    size=self.batch_size,
                    shuffle=True,
                    seed=self.random_state,
                ),
                TieBatches(tie[held], inputs, y[held], w[held], size=4 * self.batch_size),
                loss=_squared_error,
                max_epochs=self.max_epochs,
                patience=self.patience,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                text="training the cell model",
                device=self.device,
            )

    def _network(self, features: int) -> CellNetwork:
        return CellNetwork(features, hidden=self.hidden, dropout=self.dropout)

    def _values(self, table: Floats, covered: npt.NDArray[np.bool_]) -> Floats:
        if self.head_ == "linear":
            values = table @ self.solution_.coef + self.solution_.intercept
        else:
            with torch.inference_mode(), single_thread():
                values = self.network_.cell(torch.from_numpy(table).float()).double().numpy()
        return np.where(covered, self.target_scale_.restore(values), np.nan)

    def _check_options(self, tie: Any) -> None:
        _check_tie(tie)
        if self.head not in HEADS:
            msg = f"head must be one of {', '.join(HEADS)}, got {self.head!r}."
            raise InputError(msg)
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
        }
        meta = {
            "head": self.head_,
            "target_scale": list(self.target_scale_),
            "n_features_in_": self.n_features_in_,
            "location_km_": self.location_km_,
        }
        if self.head_ == "linear":
            arrays["coef"] = self.solution_.coef
            return arrays, meta | {"solution": list(self.solution_[1:])}
        return arrays | network_arrays(self.network_), meta

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.scale_ = ColumnScale.restored(arrays)
        self.cells_, self.cell_prediction_ = arrays["cells"], arrays["cell_prediction"]
        self.marks_ = arrays["marks"]
        self.target_scale_ = TargetScale(*meta["target_scale"])
        self.head_ = meta["head"]
        self.n_features_in_, self.location_km_ = int(meta["n_features_in_"]), float(meta["location_km_"])
        if self.head_ == "linear":
            self.solution_ = RidgeFit(arrays["coef"], *meta["solution"])
            return
        self.network_ = self._network(len(self.scale_.mean))
        restore_network(self.network_, arrays)


def _expectation(tie: Tie, known: npt.NDArray[np.bool_]) -> sparse.csr_array:
    """Weights over the known cells only, each row summing to 1 where it has any."""
    part = sparse.csr_array(tie.matrix @ sparse.diags_array(known.astype(float)))
    part.eliminate_zeros()
    total = part.sum(axis=1)
    scale = np.divide(1.0, total, out=np.zeros(len(total)), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ part)


def _check_tie(tie: Any) -> None:
    if not isinstance(tie, Tie):
        msg = f"X must be a Tie of clusters to cells, not a {type(tie).__name__}. See cluster_cells."
        raise InputError(msg)


def _check_errors(se: npt.ArrayLike, *, rows: int) -> Floats:
    error = np.asarray(se, dtype=np.float64)
    if error.shape != (rows,) or (error < 0).any() or np.isinf(error).any() or np.isnan(error).all():
        msg = f"se must hold {rows} standard errors, not negative, in the unit of the target."
        raise InputError(msg)
    return np.where(np.isnan(error), np.nanmedian(error), error)


def _trust(error: Floats, model_error: float) -> Floats:
    """1 / (1 + se²/τ²), τ² = what the model misses beyond the labels' own errors (at least 5 % of it)."""
    variance = error**2
    own = max(model_error - float(variance.mean()), 0.05 * model_error, 1e-12)
    return 1 / (1 + variance / own)


def _squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    return (predicted - target) ** 2
