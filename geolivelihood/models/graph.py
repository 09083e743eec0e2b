"""Estimators on graphs: the photos of a cluster are nodes, the cluster has one label."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
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
from geolivelihood.models.ragged import (
    GraphBatches,
    Inputs,
    collate,
    feature_scale,
    graph_means,
    node_counts,
)
from geolivelihood.models.ridge import ColumnScale, label_weights
from geolivelihood.models.rows import Floats, check_labels, check_weights, take
from geolivelihood.models.targets import (
    Learned,
    balanced,
    learnable_errors,
    learnable_targets,
    restored_learned,
    spread_targets,
)
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


class _GraphEstimator(BaseEstimator):
    """Hyper-parameters and the training that regressor and classifier share."""

    network_: nn.Module
    history_: History
    nodes_: npt.NDArray[np.int64]

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
        usable = np.flatnonzero(self.nodes_)
        names = None if groups is None else np.asarray(groups)[usable]
        fit, held = holdout(len(usable), share=self.validation_share, seed=self.random_state, groups=names)
        fit, held = usable[fit], usable[held]
        with seeded(self.random_state), single_thread():
            self.scale_ = feature_scale(take(graphs, fit))
            self.n_features_in_ = len(self.scale_.mean)
            y = torch.from_numpy(target)
            y = y.float() if y.is_floating_point() else y
            w = torch.from_numpy(weights).float()
            batches = partial(
                GraphBatches, target=y, weight=w, collated=self._collated(), size=self.batch_size
            )
            self.network_ = self._network(outputs)
            self.history_ = train(
                self.network_,
                batches(graphs, fit, seed=self.random_state, shuffle=True),
                batches(graphs, held),
                loss=loss,
                max_epochs=self.max_epochs,
                patience=self.patience,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                text="training the graph model",
                device=self.device,
            )

    def _collated(self) -> Callable[[Iterable[Any]], Inputs]:
        return partial(
            collate, features=self.n_features_in_, scale=self.scale_, normalise=self.normalise_edges
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
        every, nothing = np.arange(len(graphs)), torch.zeros(len(graphs))
        batches = GraphBatches(
            graphs, every, nothing, nothing, collated=self._collated(), size=self.batch_size
        )
        where = use_device(self.device)
        network = self.network_.to(where).eval()
        with torch.inference_mode(), single_thread():
            for rows, (inputs, _, _) in zip(np.array_split(every, len(batches)), batches):
                there = inputs[-1].numpy() > 0
                on_device = (None if tensor is None else tensor.to(where) for tensor in inputs)
                result[rows[there]] = network(*on_device).double().cpu().numpy()[there]
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
    """Graph network with one number per cluster, or several, predicted from the graph of its photos.

    Of several targets one network learns all: they share everything but its last layer. The loss is the mean
    over the targets of each one's weighted squared error in units of its variance, over the labels that it
    has.

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
        Mean and standard deviation of the target, or of each.
    learned_
        Which of several targets had labels to learn from; ``None`` for a single one.
    nodes_
        Number of nodes with features in each training graph.
    history_
        Validation loss per epoch (in variances of the target) and the best epoch.
    """

    def fit(
        self,
        X: Sequence[Any],
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        se: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Train on graphs.

        Parameters
        ----------
        X
            ``torch_geometric`` ``Data`` with ``x``, ``edge_index``, ``edge_weight``: a list, or
            :class:`~geolivelihood.graphs.ClusterGraphs`, of which no more than two batches are in memory at a
            time. Nodes whose features are all NaN are left out, graphs without any other node are dropped
            with a warning.
        y
            Target per graph (graphs,); or several (graphs, targets), NaN where one is missing. A target
            without two known values is predicted as NaN, with a warning.
        sample_weight
            Weight of each graph in the loss.
        se
            Standard error of each label, of the shape of ``y``; NaN counts as the median. Weights become
            w / (1 + se²/τ²) with τ² the error variance of a ridge on the graphs' mean features.
        groups
            Optional block of each graph; blocks are held out whole.

        Raises
        ------
        InputError
            If shapes disagree, a value cannot be used, or there is too little to learn from.
        """
        weights = check_weights(sample_weight, rows=len(X))
        target, self.learned_ = learnable_targets(y, weights=weights)
        error = learnable_errors(se, target, self.learned_)
        self.nodes_ = _counted(X)
        self.target_scale_ = TargetScale.of(target, weights=weights)
        scaled = self.target_scale_.standardise(target)
        error = None if error is None else error / self.target_scale_.scale
        each = _trusted(X, scaled, weights * (self.nodes_ > 0), error)
        self._fit(
            X,
            np.nan_to_num(scaled),
            balanced(each),
            outputs=_outputs(self.learned_),
            loss=_squared_error,
            groups=groups,
        )
        return self

    def predict(self, X: Sequence[Any]) -> Floats:
        """Predict one value per graph, or one per graph and target; NaN for a graph without nodes."""
        check_is_fitted(self)
        raw = self._raw(X, _outputs(self.learned_))
        return spread_targets(self.target_scale_.restore(raw), self.learned_)

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        meta = {"target_scale": list(self.target_scale_), "learned": self.learned_}
        return self._arrays(), meta

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.target_scale_ = TargetScale.restored(meta["target_scale"])
        self.learned_ = restored_learned(meta.get("learned"))
        self._restore_network(arrays, outputs=_outputs(self.learned_))


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
        self.nodes_ = _counted(X)
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


def _counted(graphs: Sequence[Any]) -> npt.NDArray[np.int64]:
    """Nodes of each graph; a warning where some have none, an error where fewer than two have any."""
    with single_thread():
        counts = node_counts(graphs)
    usable = np.count_nonzero(counts)
    if usable < len(counts):
        _log.warning(
            "%d of %d graphs have no node with features and are not trained on.",
            len(counts) - usable,
            len(counts),
        )
    if usable < 2:
        msg = f"{usable} graphs have a node with features; at least 2 are needed."
        raise InputError(msg)
    return counts


def _trusted(graphs: Sequence[Any], target: Floats, weights: Floats, se: Floats | None) -> Floats:
    """Weight of every label; what a model misses is taken from a ridge on the mean features of a graph."""
    table = np.empty((len(target), 0))
    if se is not None:
        with single_thread():
            table = graph_means(graphs)
        table = ColumnScale.of(table, weights=weights).apply(table)
    return label_weights(table, target, weights=weights, se=se)


def _outputs(learned: Learned) -> int:
    return 1 if learned is None else int(learned.sum())


def _squared_error(predicted: Tensor, target: Tensor) -> Tensor:
    return (predicted.reshape(target.shape) - target) ** 2


def _cross_entropy(predicted: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(predicted, target, reduction="none")
