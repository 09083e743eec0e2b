"""Edges and nodes that predictions rest on, as lines and points."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges.masks import attention_mask, learned_masks, rank_stability
from geolivelihood.explanation.graph_edges.means import RunningMean
from geolivelihood.explanation.graph_edges.neighbourhoods import edge_weights
from geolivelihood.explanation.graph_edges.places import graph_pairs, node_positions
from geolivelihood.explanation.graph_edges.scores import (
    gradient_scores,
    integrated_scores,
    left_out,
    left_out_nodes,
)
from geolivelihood.explanation.graph_edges.subjects import Subject, subjects
from geolivelihood.graphs import edges_frame, nodes_frame

__all__ = ["EDGE_METHODS", "GraphExplanation", "edge_importance", "edge_scores"]

Floats = npt.NDArray[np.float64]

EDGE_METHODS = ("occlusion", "integrated_gradients", "gradient_weight", "gnn_explainer", "attention")
"""Ways to score an edge; the last two give masks without a sign."""
_MASKS = EDGE_METHODS[3:]
_STABLE = 0.7
_LINE = ("source", "target", "distance_m", "weight", "geometry")


class GraphExplanation(NamedTuple):
    """What predictions on a graph rest on.

    Attributes
    ----------
    edges
        One line per linked pair of nodes that a target hears, EPSG:4326, the most important first:

        ``source``, ``target``, ``distance_m``, ``weight``
            As in :func:`~geolivelihood.graphs.edges_frame`.
        ``target_node``
            Whose prediction is explained: a node, the cluster, or how many nodes.
        ``method``
            One of :data:`EDGE_METHODS`.
        ``importance``
            Mean over the targets that hear the pair of the absolute score, in the unit of the prediction, or
            mask in 0 to 1. It is not scaled, so that the graphs of a run compare.
        ``score``, ``sign``
            Mean of the signed scores, and its sign: 1 where the link raises the prediction, -1 where it
            lowers it, 0 for neither, and for masks, which do not say.
        ``rank``
            1 for the most important pair.
        ``stability``, ``flag``
            Mean rank correlation of the masks of all seeds; ``unstable`` below 0.7. Methods without chance
            have 1.
    nodes
        One point per node that a target hears, with ``node``, ``target`` (whose prediction is explained),
        ``features`` (score of its features), ``self_loop`` (score of its edge to itself), ``score`` (their
        sum; of masks, their mean), ``importance`` and ``sign``. NaN where the method does not say.
    """

    edges: gpd.GeoDataFrame
    nodes: gpd.GeoDataFrame


class _Options(NamedTuple):
    """What single methods take; attention is that of all edges, looked up once."""

    seeds: int
    epochs: int
    learning_rate: float
    steps: int
    attention: Floats | None


class _Scores(NamedTuple):
    """Scores of one prediction: of the pairs and nodes that it hears, by their positions in the graph."""

    heard: npt.NDArray[np.int64]
    pairs: Floats
    stability: float
    nodes: npt.NDArray[np.int64]
    features: Floats
    loops: Floats


def edge_importance(
    model: Any,
    graph: Data,
    *,
    targets: Iterable[Any] | None = None,
    method: str = "occlusion",
    output: int = 0,
    hops: int | None = None,
    seeds: int = 5,
    epochs: int = 100,
    learning_rate: float = 0.01,
    steps: int = 32,
) -> GraphExplanation:
    """How much each link between two nodes counts for predictions on a graph.

    Both directions of a link are one line: taken away together, their signed scores added, their masks
    averaged. Edges of a node to itself count for the node.

    ========================  =============================================  ===================
    method                    score of an edge                               property
    ========================  =============================================  ===================
    ``occlusion``             prediction less the one without it, weights    signed, in the unit
                              normalised anew                                of the prediction
    ``integrated_gradients``  of its weight, from 0                          signed; sums to the
                                                                             prediction less the
                                                                             one without edges
    ``gradient_weight``       gradient times weight                          signed, fast
    ``gnn_explainer``         learned mask [1]_                              0-1, depends on the
                                                                             seed
    ``attention``             largest over heads and layers                  for display: not a
                                                                             contribution
    ========================  =============================================  ===================

    A node's features are taken away by setting them to 0, the mean of standardised ones; a cell of a
    CellRegressor is then one without pictures. Links and cells without which there is no prediction at all
    have no score.

    Parameters
    ----------
    model
        A torch module ``model(x, edge_index[, edge_weight])`` that predicts nodes, (nodes,) or
        (nodes, outputs), weights being given where the graph has any. Or a fitted
        :class:`~geolivelihood.models.GraphRegressor` or ``GraphClassifier`` (logit above the mean of all
        classes), which predicts the graph of a cluster. Or, by occlusion, a
        :class:`~geolivelihood.models.CellRegressor`.
    graph
        Graph with ``x``, ``edge_index`` and ``pos`` (longitude, latitude), such as those of
        :func:`~geolivelihood.graphs.cluster_graphs` and :func:`~geolivelihood.graphs.cell_graph_data`. Or,
        for a cell model with a graph head, a place graph laid out by
        :func:`~geolivelihood.explanation.graph_edges.flat_places`.
    targets
        Nodes to explain, by their ``node_ids`` (or positions, where the graph has none); ``None`` for all.
    method
        One of :data:`EDGE_METHODS`.
    output
        Position among several outputs, targets or classes of the model.
    hops
        How far a node hears; ``None`` counts the layers of ``torch_geometric``, and one more where they
        normalise by degree. Only this part of the graph is computed.
    seeds, epochs, learning_rate
        Of ``gnn_explainer``.
    steps
        Points of the path of ``integrated_gradients``.

    Returns
    -------
    GraphExplanation
        Lines and points, EPSG:4326, cut at the antimeridian.

    Raises
    ------
    InputError
        If the method is unknown or does not suit the model, a target is not in the graph, or a prediction
        depends on more than ``hops`` take in.

    References
    ----------
    .. [1] Ying et al. (2019), "GNNExplainer: Generating Explanations for Graph Neural Networks".
    """
    _check_method(method)
    chosen = None if targets is None else node_positions(graph, targets)
    found = subjects(model, graph, chosen, hops=hops, output=output)
    pairs = graph_pairs(graph)
    attention = attention_mask(found[0], graph) if method == "attention" else None
    options = _Options(seeds, epochs, learning_rate, steps, attention)
    scores = (_scores(subject, pairs, method, options) for subject in found)
    return _explanation(graph, scores, pairs, method=method, named=_name(graph, found))


def edge_scores(
    model: Any,
    graph: Data,
    *,
    target: Any = None,
    method: str = "occlusion",
    output: int = 0,
    hops: int | None = None,
    seeds: int = 5,
    epochs: int = 100,
    learning_rate: float = 0.01,
    steps: int = 32,
) -> Floats:
    """Score of every directed edge for one prediction, one at a time.

    Parameters
    ----------
    target
        Node to explain, by its id; ``None`` for the graph of a cluster.
    model, graph, method, output, hops, seeds, epochs, learning_rate, steps
        As in :func:`edge_importance`.

    Returns
    -------
    numpy.ndarray
        Shape (edges,), in the order of ``graph.edge_index``; 0 for edges that the node does not hear. Of
        ``gnn_explainer`` (seeds, edges).

    Raises
    ------
    InputError
        As in :func:`edge_importance`.
    """
    _check_method(method)
    chosen = None if target is None else node_positions(graph, [target])
    found = subjects(model, graph, chosen, hops=hops, output=output)
    if len(found) != 1:
        msg = f"Scores of single edges are for one prediction, not for {len(found)}; give target=."
        raise InputError(msg)
    subject = found[0]
    attention = attention_mask(subject, graph) if method == "attention" else None
    options = _Options(seeds, epochs, learning_rate, steps, attention)
    if method == "occlusion":
        local = left_out(subject, np.arange(subject.edge_index.shape[1]))
    else:
        local = _local_scores(subject, method, options)[0]
        local = local if method == "gnn_explainer" else local[0]
    scores = np.zeros((*local.shape[:-1], graph.num_edges))
    scores[..., subject.place.edges.numpy()] = local
    return scores


def _scores(subject: Subject, pairs: npt.NDArray[np.int64], method: str, options: _Options) -> _Scores:
    # Links that are heard, and which of them each edge belongs to; self-loops (-1) come first.
    heard, group = np.unique(pairs[subject.place.edges.numpy()], return_inverse=True)
    apart, stability = heard >= 0, 1.0
    if method == "occlusion":
        local = left_out(subject, group - np.count_nonzero(~apart))
        features, loops = left_out_nodes(subject)
    else:
        edges, features = _local_scores(subject, method, options)
        times = np.bincount(group).astype(float) if method in _MASKS else np.ones(len(heard))
        sums = np.stack([np.bincount(group, weights=row, minlength=len(heard)) for row in edges])
        sums = (sums / times)[:, apart]
        local = sums.mean(axis=0)
        stability = rank_stability(sums) if method == "gnn_explainer" else 1.0
        loops = _loops(subject, edges.mean(axis=0), none=np.nan if method in _MASKS else 0.0)
    return _Scores(heard[apart], local, stability, subject.place.nodes.numpy(), features, loops)


def _local_scores(subject: Subject, method: str, options: _Options) -> tuple[Floats, Floats]:
    """Scores of directed edges (runs, e) and of nodes' features (s,)."""
    if method == "gnn_explainer":
        edges, nodes = learned_masks(
            subject, seeds=options.seeds, epochs=options.epochs, learning_rate=options.learning_rate
        )
        return edges, nodes.mean(axis=0)
    if options.attention is not None:
        return options.attention[None, subject.place.edges.numpy()], np.full(len(subject.x), np.nan)
    if method == "integrated_gradients":
        edges, nodes = integrated_scores(subject, steps=options.steps)
    else:
        edges, nodes = gradient_scores(subject)
    return edges[None], nodes


def _loops(subject: Subject, edges: Floats, *, none: float) -> Floats:
    """Score of each node's self-loop (s,), and what stands for having none."""
    source, end = subject.edge_index.numpy()
    loops = np.full(len(subject.x), none)
    own = source == end
    loops[source[own]] = edges[own]
    return loops


def _explanation(
    graph: Data, scores: Iterable[_Scores], links: npt.NDArray[np.int64], *, method: str, named: Any
) -> GraphExplanation:
    """Means over all predictions; one prediction at a time, for graphs may be large."""
    apart = np.flatnonzero(links >= 0)
    first = apart[np.unique(links[apart], return_index=True)[1]]
    pairs, stability = RunningMean(len(first)), RunningMean(len(first))
    features, loops, both = (RunningMean(graph.num_nodes) for _ in range(3))
    for one in scores:
        pairs.add(one.heard, one.pairs)
        stability.add(one.heard, one.stability)
        features.add(one.nodes, one.features)
        loops.add(one.nodes, one.loops)
        both.add(one.nodes, _together(one.features, one.loops, method))
    # Only what a target hears becomes a line: of one cell among many, that is little of the graph.
    lines, points = _lines(graph, first[pairs.known]), nodes_frame(graph)
    lines = lines[[name for name in _LINE if name in lines]].assign(target_node=named, method=method)
    summary = {name: values[pairs.known] for name, values in _summary(pairs, method).items()}
    lines = lines.assign(**summary, rank=0, stability=stability.mean[pairs.known])
    lines["flag"] = np.where(lines["stability"] < _STABLE, "unstable", "")
    lines = lines.sort_values("importance", ascending=False, kind="stable")
    lines["rank"] = np.arange(1, len(lines) + 1)
    points = points[["node_id", "geometry"]].rename(columns={"node_id": "node"})
    points = points.assign(target=named, method=method, features=features.mean, self_loop=loops.mean)
    points = points.assign(**_summary(both, method))[both.known]
    return GraphExplanation(lines.reset_index(drop=True), points.reset_index(drop=True))


def _lines(graph: Data, edges: npt.NDArray[np.int64]) -> gpd.GeoDataFrame:
    """Some edges as lines, each of another link."""
    chosen = Data(pos=graph.pos, edge_index=graph.edge_index[:, edges])
    weight = edge_weights(graph)
    if weight is not None:
        chosen.edge_weight = weight[edges]
    if "node_ids" in graph:
        chosen.node_ids = graph.node_ids
    return edges_frame(chosen)


def _together(features: Floats, loops: Floats, method: str) -> Floats:
    """Score of a node: of its features and its self-loop, added, or of masks their mean."""
    known = ~np.isnan([features, loops])
    total = np.nan_to_num(features) + np.nan_to_num(loops)
    count = known.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1) if method in _MASKS else total, np.nan)


def _summary(scores: RunningMean, method: str) -> dict[str, npt.NDArray[Any]]:
    sign = np.sign(np.nan_to_num(scores.mean)).astype(np.int64) * (method not in _MASKS)
    return {"importance": scores.absolute, "score": scores.mean, "sign": sign}


def _check_method(method: str) -> None:
    if method not in EDGE_METHODS:
        msg = f"method={method!r}: give one of {', '.join(EDGE_METHODS)}."
        raise InputError(msg)


def _name(graph: Data, found: list[Subject]) -> Any:
    if found[0].node is None:
        return getattr(graph, "cluster_id", None)
    if len(found) > 1:
        return f"{len(found)} nodes"
    node = int(found[0].place.nodes[found[0].node])
    return graph.node_ids[node] if "node_ids" in graph else node
