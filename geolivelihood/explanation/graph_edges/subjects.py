"""What is explained: one prediction of a graph model, with the part of the graph that it depends on."""

from __future__ import annotations

import copy
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing

from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges.cells import CellSubject
from geolivelihood.explanation.graph_edges.neighbourhoods import Neighbourhood, edge_weights, local_graph
from geolivelihood.explanation.graph_edges.pictures import PlaceSubject, is_flat
from geolivelihood.graphs.edges import complete_edges
from geolivelihood.models.cell import CellRegressor
from geolivelihood.models.graph import GraphClassifier, GraphRegressor
from geolivelihood.models.ragged import collate

__all__ = ["ClusterSubject", "NodeSubject", "Subject", "node_hops", "subjects"]


class Subject(Protocol):
    """One prediction as a function of nodes and edges.

    Attributes
    ----------
    x, edge_index, edge_weight
        The part of the graph that it depends on, nodes counted within it; weights ``None`` where there are
        none.
    place
        Where that part lies in the whole graph.
    node
        Position of the node that is predicted, within the part; ``None`` for the graph as a whole.
    blank
        What stands for the features of a node that are taken away.
    """

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor | None
    place: Neighbourhood
    node: int | None
    blank: float

    def values(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, copies: int) -> Tensor:
        """The prediction in each of several copies that lie side by side, (copies,); weights renormalised."""

    def flow(self) -> Tensor:
        """Weights with which messages are multiplied (e,), after any normalisation outside of the network."""

    def along(self, x: Tensor, flow: Tensor) -> Tensor:
        """The prediction with other such weights, a differentiable scalar."""

    def module(self) -> nn.Module:
        """As a module of ``x, edge_index, edge_weight`` for the explainers of ``torch_geometric``."""


class NodeSubject:
    """A node's value by a module ``model(x, edge_index[, edge_weight])``, on the node's neighbourhood."""

    blank = 0.0

    def __init__(self, model: nn.Module, graph: Data, node: int, *, hops: int, output: int) -> None:
        self.model, self.output = model, output
        self.place, at, self.edge_index = local_graph(graph, node, hops=hops)
        self.node: int | None = at
        self.x = graph.x[self.place.nodes]
        weight = edge_weights(graph)
        self.edge_weight = None if weight is None else weight[self.place.edges]

    def values(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, copies: int) -> Tensor:
        """See :class:`Subject`."""
        found = node_values(self.model, x, edge_index, edge_weight, self.output)
        return found.reshape(copies, -1)[:, self.node]

    def flow(self) -> Tensor:
        """See :class:`Subject`."""
        if self.edge_weight is None:
            msg = (
                "This method needs a model of weighted edges and a graph with edge_weight. For edges that "
                "all count alike, set graph.edge_weight = torch.ones(graph.num_edges)."
            )
            raise InputError(msg)
        return self.edge_weight

    def along(self, x: Tensor, flow: Tensor) -> Tensor:
        """See :class:`Subject`."""
        return node_values(self.model, x, self.edge_index, flow, self.output)[self.node]

    def module(self) -> nn.Module:
        """See :class:`Subject`."""
        return _Column(self.model, self.output)


class ClusterSubject:
    """The prediction for the photos of a cluster, or the logit of a class above the mean of all classes.

    Where it is ``complete``, each photo hears each, itself too, in the order of a matrix.
    """

    blank = 0.0  # of standardised features, the mean

    def __init__(self, model: Any, graph: Data, *, output: int) -> None:
        network: Any = model.network_
        self.network: nn.Module = copy.deepcopy(network).cpu().eval().requires_grad_(False)
        self.classes, self.scale, self.mean = isinstance(model, GraphClassifier), 1.0, 0.0
        self.column = _class_column(model, output) if self.classes else _target_column(model, output)
        if not self.classes:
            scale = model.target_scale_
            self.scale, self.mean = (float(np.ravel(part)[self.column]) for part in (scale.scale, scale.mean))
        self.normalise = model.normalise_edges
        inputs = collate([graph], features=model.n_features_in_, scale=model.scale_, normalise=False)
        self.x, index, self.weight = inputs[:3]
        self.edge_weight: Tensor | None = self.weight
        self.complete = index is None
        self.edge_index: Tensor = complete_edges(len(self.x)) if index is None else index
        if not len(self.x):
            msg = "The cluster has no photo with features, so there is no prediction to explain."
            raise InputError(msg)
        there = ~torch.isnan(graph.x).all(dim=1)
        edges = torch.nonzero(there[graph.edge_index].all(dim=0))[:, 0]
        self.place = Neighbourhood(torch.nonzero(there)[:, 0], edges)
        self.node: int | None = None

    def values(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, copies: int) -> Tensor:
        """See :class:`Subject`."""
        weight = torch.ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        return self._predicted(x, edge_index, self._averaging(edge_index, weight, len(x)), copies)

    def values_complete(self, x: Tensor, weight: Tensor) -> Tensor:
        """The same where each photo hears each: ``weight`` (copies, nodes, nodes), 0 for no edge."""
        if self.normalise:
            weight = weight / weight.abs().sum(dim=2, keepdim=True).clamp_min(1e-12)
        return self._predicted(x, None, weight.reshape(-1), len(weight))

    def flow(self) -> Tensor:
        """See :class:`Subject`."""
        return self._averaging(self.edge_index, self.weight, len(self.x))

    def along(self, x: Tensor, flow: Tensor) -> Tensor:
        """See :class:`Subject`."""
        return self._predicted(x, self.edge_index, flow, 1)[0]

    def module(self) -> nn.Module:
        """See :class:`Subject`; in standard deviations of the target, so that the mask's penalties fit."""
        return _MaskedCluster(self)

    def _averaging(self, edge_index: Tensor, weight: Tensor, nodes: int) -> Tensor:
        if not self.normalise:
            return weight
        total = torch.zeros(nodes).index_add_(0, edge_index[1], weight.abs())
        return weight / total[edge_index[1]].clamp_min(1e-12)

    def _predicted(self, x: Tensor, edge_index: Tensor | None, flow: Tensor, copies: int) -> Tensor:
        return self.raw(x, edge_index, flow, copies) * self.scale + self.mean

    def raw(self, x: Tensor, edge_index: Tensor | None, flow: Tensor, copies: int) -> Tensor:
        """The network's output in each copy, (copies,)."""
        nodes = len(x) // copies
        batch = torch.arange(copies).repeat_interleave(nodes)
        counts = torch.full((copies,), float(nodes))
        found = self.network(x, edge_index, flow, batch, counts)
        # Softmax does not see a constant added to all classes: a class counts against the mean of all.
        middle = found.mean(dim=1) if self.classes else 0.0
        return found[:, self.column] - middle


def _target_column(model: GraphRegressor, output: int) -> int:
    """Output of the network that predicts a target."""
    learned = np.array([True]) if model.learned_ is None else model.learned_
    if not 0 <= output < len(learned) or not learned[output]:
        known = ", ".join(map(str, np.flatnonzero(learned)))
        msg = f"output={output}: the model has learned the targets {known}. Give one of these positions."
        raise InputError(msg)
    return int(learned[:output].sum())


def _class_column(model: GraphClassifier, output: int) -> int:
    if not 0 <= output < len(model.classes_):
        msg = f"output={output}: the model has the classes {list(model.classes_)}. Give the position of one."
        raise InputError(msg)
    return output


class _Column(nn.Module):
    """One output of a model of nodes, a value per node (nodes, 1), weights by name."""

    def __init__(self, model: nn.Module, output: int) -> None:
        super().__init__()
        self.model, self.output = model, output

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        return node_values(self.model, x, edge_index, edge_weight, self.output)[:, None]


class _MaskedCluster(MessagePassing):
    """A cluster's prediction that takes its edge mask where ``torch_geometric`` leaves it.

    The explainers hand their mask to message passing layers. The cluster network multiplies matrices, so the
    mask goes on their entries.
    """

    def __init__(self, subject: ClusterSubject) -> None:
        super().__init__()
        self.subject = subject

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        flow = self.subject.flow() if edge_weight is None else edge_weight
        mask = self._edge_mask
        if self.explain and mask is not None:
            flow = flow * (mask.sigmoid() if self._apply_sigmoid else mask)
        return self.subject.raw(x, edge_index, flow, 1)[:, None]


def subjects(
    model: Any, graph: Data, targets: npt.NDArray[np.int64] | None, *, hops: int | None, output: int
) -> list[Subject]:
    """The predictions to be explained: of nodes, or of the graph as a whole.

    The model is copied, so that it stays as it was found, whatever happens.

    Parameters
    ----------
    model
        A module ``model(x, edge_index[, edge_weight])`` of values (nodes,) or (nodes, outputs); weights are
        given where the graph has any. Or a fitted graph or cell model, see
        :func:`~geolivelihood.explanation.graph_edges.edge_importance`.
    graph
        Its graph.
    targets
        Positions of the nodes; ``None`` for all nodes, or for the graph of a cluster.
    hops
        How far a node hears; ``None`` for :func:`node_hops`.
    output
        Position among several outputs.

    Raises
    ------
    InputError
        If model and graph do not fit, or a node's prediction depends on more than ``hops`` take in.
    """
    _check_graph(graph)
    if isinstance(model, GraphRegressor | GraphClassifier):
        if targets is not None:
            msg = f"A {type(model).__name__} predicts the cluster, not its nodes; leave targets out."
            raise InputError(msg)
        return [ClusterSubject(model, graph, output=output)]
    chosen = _predicted_nodes(graph) if targets is None else targets
    if isinstance(model, CellRegressor):
        of_cell = PlaceSubject if is_flat(graph) else CellSubject
        return [of_cell(model, graph, int(node), output=output) for node in chosen]
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        msg = f"Edges are explained for torch modules and graph and cell models, not for a {kind}."
        raise InputError(msg)
    own = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    reach = node_hops(own) if hops is None else hops
    with torch.no_grad():
        whole = node_values(own, graph.x, graph.edge_index, edge_weights(graph), output)
    found: list[Subject] = []
    for node in map(int, chosen):  # each has another neighbourhood
        subject = NodeSubject(own, graph, node, hops=reach, output=output)
        with torch.no_grad():
            here = subject.values(subject.x, subject.edge_index, subject.edge_weight, 1)[0]
        if not torch.isclose(here, whole[node], rtol=1e-3, atol=1e-4 * float(whole.abs().max())):
            msg = (
                f"Node {node} is predicted as {float(whole[node]):g} by the graph and {float(here):g} by "
                f"what it hears within {reach} hops. Give more hops; a model that looks at all nodes at once "
                "cannot be explained node by node."
            )
            raise InputError(msg)
        found.append(subject)
    return found


def _predicted_nodes(graph: Data) -> npt.NDArray[np.int64]:
    """All nodes, of a flat place graph all cells."""
    if is_flat(graph):
        return np.flatnonzero(graph.kind.numpy() == len(graph.sources))
    return np.arange(graph.num_nodes)


def node_hops(model: nn.Module) -> int:
    """Message passing layers of a model, and one more where they normalise by degree.

    A layer that divides by the degrees of both ends asks the neighbours for theirs, one hop further.

    Raises
    ------
    InputError
        If the model has none that ``torch_geometric`` knows.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, MessagePassing)]
    if not layers:
        msg = "The model has no torch_geometric layers to count; say with hops= how far a node hears."
        raise InputError(msg)
    steps = sum(int(getattr(layer, "K", 1) or 1) if hasattr(layer, "K") else 1 for layer in layers)
    return steps + any(getattr(layer, "normalize", False) is True for layer in layers)


def node_values(
    model: nn.Module, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, output: int
) -> Tensor:
    """One output of a model of nodes, (nodes,).

    Raises
    ------
    InputError
        If it has no such output, or not one row per node.
    """
    found = model(x, edge_index) if edge_weight is None else model(x, edge_index, edge_weight)
    columns = found.reshape(len(found), -1) if found.ndim else found[None, None]
    if len(columns) != len(x) or not 0 <= output < columns.shape[1]:
        msg = f"The model gives {tuple(found.shape)} for {len(x)} nodes; output={output} is not there."
        raise InputError(msg)
    return columns[:, output]


def _check_graph(graph: Any) -> None:
    if not isinstance(graph, Data) or graph.x is None or graph.edge_index is None:
        msg = f"Give a torch_geometric Data with x and edge_index, not {graph!r}."
        raise InputError(msg)
    weight = edge_weights(graph)
    if weight is not None and len(weight) != graph.edge_index.shape[1]:
        msg = f"The graph has {graph.edge_index.shape[1]} edges but {len(weight)} weights."
        raise InputError(msg)
