"""Estimators on graphs: the photos of a cluster are nodes, the cluster has one label."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.models.graph_network import GraphNetwork
from geolivelihood.models.ragged import GraphBatches, Ragged
from geolivelihood.models.ridge import ColumnScale
from geolivelihood.models.rows import Floats, check_labels, check_target, check_weights
from geolivelihood.models.training import (
    History,
    Loss,
    TargetScale,
    holdout,
    network_arrays,
    restore_network,
    seeded,
    single_thread,
    train,
    use_device,
)

__all__ = ["GraphClassifier", "GraphRegressor"]

_log = logging.getLogger(__name__)
_PREDICT_SIZE = 2048


class _GraphEstimator(BaseEstimator):
    """Hyper-parameters and the training that regressor and classifier share."""

    network_: nn.Module
    history_: History

    def __init__(
        self,
        *,
        hidden: int = 64,
        layers: int = 2,
        pooling: str = "attention",
        pools: int = 8,
        dropout: float = 0.1,
        normalise_edges: bool = True,
        learning_rate: float = 3e-3,
        weight_decay: float = 1e-3,
        batch_size: int = 256,
        max_epochs: int = 40,
        patience: int = 8,
        validation_share: float = 0.15,
        device: str = "auto",
        random_state: int | None = 0,
    ) -> None:
        self.hidden = hidden
        self.layers = layers
        self.pooling = pooling
        self.pools = pools
        self.dropout = dropout
        self.normalise_edges = normalise_edges
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_share = validation_share
        self.device = device
        self.random_state = random_state

    def _fit(
        self,
        graphs: Sequence[Any],
        target: npt.NDArray[Any],
        weights: Floats,
        *,
        outputs: int,
        loss: Loss,
        groups: npt.ArrayLike | None,
    ) -> None:
        ragged = Ragged.of(graphs, normalise=self.normalise_edges)
        usable = _with_nodes(ragged)
        names = None if groups is None else np.asarray(groups)[usable]
        fit, held = holdout(len(usable), share=self.validation_share, seed=self.random_state, groups=names)
        fit, held = usable[fit], usable[held]
        self.n_features_in_ = int(ragged.x.shape[1])
        self.scale_ = ColumnScale.of(ragged.pick(fit)[0].double().numpy())
        ragged = ragged.standardised(self.scale_)
        y = torch.from_numpy(target)
        y = y.float() if y.is_floating_point() else y
        w = torch.from_numpy(weights).float()
        parts = (ragged, fit, y, w), (ragged, held, y, w)
        with seeded(self.random_state), single_thread():
            self.network_ = self._network(outputs)
            self.history_ = train(
                self.network_,
                GraphBatches(*parts[0], size=self.batch_size, seed=self.random_state, shuffle=True),
                GraphBatches(*parts[1], size=_PREDICT_SIZE),
                loss=loss,
                max_epochs=self.max_epochs,
                patience=self.patience,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                text="training the graph model",
                device=self.device,
            )

    def _network(self, outputs: int) -> nn.Module:
        return GraphNetwork(
            self.n_features_in_,
            outputs=outputs,
            hidden=self.hidden,
            layers=self.layers,
            pooling=self.pooling,
            pools=self.pools,
            dropout=self.dropout,
        )

    def _raw(self, graphs: Sequence[Any], outputs: int) -> Floats:
        """Network output per graph, NaN for graphs without a node."""
        check_is_fitted(self)
        result = np.full((len(graphs), outputs), np.nan)
        if not len(graphs):
            return result
        ragged = Ragged.of(graphs, features=self.n_features_in_, normalise=self.normalise_edges)
        usable = np.flatnonzero(ragged.nodes.numpy() > 0)
        if not len(usable):
            return result
        ragged = ragged.standardised(self.scale_)
        where = use_device(self.device)
        network = self.network_.to(where).eval()
        with torch.inference_mode(), single_thread():
            for part in np.array_split(usable, -(-len(usable) // _PREDICT_SIZE)):
                inputs = [tensor.to(where) for tensor in ragged.pick(part)]
                result[part] = network(*inputs).double().cpu().numpy()
        network.cpu()
        return result

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return network_arrays(self.network_) | self.scale_.arrays()

    def _restore_network(self, arrays: Mapping[str, npt.NDArray[Any]], *, outputs: int) -> None:
        self.scale_ = ColumnScale.restored(arrays)
        self.n_features_in_ = len(self.scale_.mean)
        self.network_ = self._network(outputs)
        restore_network(self.network_, arrays)


class GraphRegressor(RegressorMixin, _GraphEstimator):
    """Graph network with one number per cluster, predicted from the graph of its photos.

    Parameters
    ----------
    hidden, layers
        Width and number of graph convolutions.
    pooling
        How nodes become the cluster: ``"attention"``, ``"embed"`` (``pools`` weightings) or ``"mean"``.
    pools
        Weightings of graph embed pooling.
    dropout
        Share of activations dropped.
    normalise_edges
        Divide edge weights by their sum per node, so that activations do not grow with the photos.
    learning_rate, weight_decay
        Of AdamW.
    batch_size
        Graphs per step.
    max_epochs, patience
        Most epochs, and epochs without improvement that end the training.
    validation_share
        Share of the clusters held out to choose the epoch.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    random_state
        Seed of weights, dropout, order and held-out part.

    Attributes
    ----------
    network_
        The network with its best weights.
    target_scale_
        Mean and standard deviation of the target.
    history_
        Validation loss per epoch (in variances of the target) and the best epoch.
    """

    def fit(
        self,
        X: Sequence[Any],
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Train on graphs.

        Parameters
        ----------
        X
            List of ``torch_geometric`` ``Data`` with ``x``, ``edge_index``, ``edge_weight``; nodes whose
            features are all NaN are left out, graphs without any other node are dropped with a warning.
        y
            Target per graph.
        sample_weight
            Weight of each graph in the loss.
        groups
            Optional block of each graph; blocks are held out whole.
        """
        target = check_target(y, rows=len(X))
        weights = check_weights(sample_weight, rows=len(X))
        self.target_scale_ = TargetScale.of(target, weights=weights)
        self._fit(
            X,
            self.target_scale_.standardise(target),
            weights,
            outputs=1,
            loss=_squared_error,
            groups=groups,
        )
        return self

    def predict(self, X: Sequence[Any]) -> Floats:
        """Predict one value per graph; NaN for a graph without nodes."""
        check_is_fitted(self)
        return self.target_scale_.restore(self._raw(X, 1)[:, 0])

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return self._arrays(), {"target_scale": list(self.target_scale_)}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.target_scale_ = TargetScale(*meta["target_scale"])
        self._restore_network(arrays, outputs=1)


class GraphClassifier(ClassifierMixin, _GraphEstimator):
    """Graph network with one class per cluster; parameters as in :class:`GraphRegressor`."""

    def fit(
        self,
        X: Sequence[Any],
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Train on graphs and one label per graph; see :meth:`GraphRegressor.fit`."""
        self.classes_, codes = check_labels(y, rows=len(X))
        weights = check_weights(sample_weight, rows=len(X))
        self._fit(X, codes, weights, outputs=len(self.classes_), loss=_cross_entropy, groups=groups)
        return self

    def predict_proba(self, X: Sequence[Any]) -> Floats:
        """Probability of each class, shape (graphs, classes); NaN for a graph without nodes."""
        check_is_fitted(self)
        raw = torch.from_numpy(self._raw(X, len(self.classes_)))
        return torch.softmax(raw, dim=1).numpy()

    def predict(self, X: Sequence[Any]) -> npt.NDArray[Any]:
        """Most probable class of each graph.

        Raises
        ------
        InputError
            If a graph has no node with features.
        """
        shares = self.predict_proba(X)
        empty = np.flatnonzero(np.isnan(shares).any(axis=1))
        if len(empty):
            msg = f"{len(empty)} graphs have no node with features (first at row {empty[0]}). Leave them out."
            raise InputError(msg)
        return self.classes_[shares.argmax(axis=1)]

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return self._arrays(), {"classes": self.classes_}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.classes_ = meta["classes"]
        self._restore_network(arrays, outputs=len(self.classes_))


def _with_nodes(ragged: Ragged) -> npt.NDArray[np.int64]:
    usable = np.flatnonzero(ragged.nodes.numpy() > 0)
    dropped = len(ragged.nodes) - len(usable)
    if dropped:
        _log.warning(
            "%d of %d graphs have no node with features and are not trained on.", dropped, len(ragged.nodes)
        )
    if len(usable) < 2:
        msg = f"{len(usable)} graphs have a node with features; at least 2 are needed."
        raise InputError(msg)
    return usable


def _squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    return (predicted[:, 0] - target) ** 2


def _cross_entropy(predicted: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(predicted, target, reduction="none")
