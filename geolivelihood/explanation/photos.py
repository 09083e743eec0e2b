"""Which photos a graph model went by; of the links between them see :mod:`.graph_edges`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import softmax

from geolivelihood.errors import InputError
from geolivelihood.models.graph import GraphRegressor
from geolivelihood.models.ragged import collate
from geolivelihood.progress import checkpoint

__all__ = ["photo_attribution"]

Floats = npt.NDArray[np.float64]
_COLUMNS = ("cluster_id", "image_id", "pooling_mass", "gradient_input", "occlusion")
_EDGES_AT_ONCE = 4_000_000  # 16 MB of weights


def photo_attribution(model: GraphRegressor, graphs: Iterable[Data], *, target: int = 0) -> pd.DataFrame:
    """How much each photo of a cluster counted for its prediction, in three ways.

    They answer different questions and need not agree; a photo that all three single out is worth a look.

    Parameters
    ----------
    model
        A fitted graph model of numbers.
    graphs
        Graphs of clusters, as :func:`~geolivelihood.graphs.cluster_graphs` makes them. Each photo costs a
        prediction of its cluster without it: give those that you want to look at.
    target
        Position of the indicator, for a model of several.

    Returns
    -------
    pandas.DataFrame
        One row per photo, to be joined to the images by ``cluster_id`` and ``image_id``:

        ``pooling_mass``
            Its share of the cluster's pooling weights (of ``"embed"``, the mean over the weightings; 1/n for
            ``"mean"``): where the model looked. Sums to 1.
        ``gradient_input``
            Σ ∂ŷ/∂z·z over its standardised features z, unit of the indicator: to first order, what it adds
            against a photo whose features are all average.
        ``occlusion``
            ŷ minus the prediction without the photo and its edges, unit of the indicator; the number of
            photos, which the model sees, changes with it. NaN for a cluster's only photo.

        All NaN for photos without features, which the model never sees.

    Raises
    ------
    InputError
        If the model is of another kind, or has no such target.
    """
    column, chosen = _output(model, target), list(graphs)
    if not chosen:
        return pd.DataFrame(columns=list(_COLUMNS))
    seen = [(~torch.isnan(graph.x).all(dim=1)).numpy() for graph in chosen]
    known = np.concatenate(seen)
    values = np.full((3, len(known)), np.nan)
    inside = [_inside(model, graph, column) for graph, there in zip(chosen, seen) if there.any()]
    values[:2, known] = np.concatenate(inside, axis=1) if inside else 0.0
    values[2] = _occlusion(model, chosen, seen, target)
    clusters = [getattr(graph, "cluster_id", None) for graph in chosen]
    ids = {
        "cluster_id": np.repeat(np.array(clusters, dtype=object), list(map(len, seen))),
        "image_id": [name for graph in chosen for name in _ids(graph)],
    }
    return pd.DataFrame(ids | dict(zip(_COLUMNS[2:], values)), columns=list(_COLUMNS))


def _output(model: Any, target: int) -> int:
    """Output of the network that predicts a target."""
    if not isinstance(model, GraphRegressor):
        msg = f"Photos are explained for a GraphRegressor, not for a {type(model).__name__}."
        raise InputError(msg)
    learned = np.array([True]) if model.learned_ is None else model.learned_
    if not 0 <= target < len(learned) or not learned[target]:
        known = ", ".join(map(str, np.flatnonzero(learned)))
        msg = f"target={target}: the model has learned the targets {known}. Give one of these positions."
        raise InputError(msg)
    return int(learned[:target].sum())


def _occlusion(
    model: GraphRegressor, graphs: Sequence[Data], seen: Sequence[npt.NDArray[np.bool_]], target: int
) -> Floats:
    """Prediction less the one without, photo after photo; NaN where there is nothing left or to take."""
    taken = [np.flatnonzero(known) if known.sum() > 1 else np.empty(0, dtype=int) for known in seen]
    variants = (_without(graph, int(k)) for graph, nodes in zip(graphs, taken) for k in nodes)
    edges = max(graph.edge_index.shape[1] for graph in graphs)
    whole = _predict_all(model, iter(graphs), edges, target)
    left = _predict_all(model, variants, edges, target)
    found = np.full(sum(map(len, seen)), np.nan)
    first = np.cumsum([0, *map(len, seen)])[:-1]
    at = np.concatenate([start + nodes for start, nodes in zip(first, taken)])
    found[at] = np.repeat(whole, list(map(len, taken))) - left
    return found


def _inside(model: GraphRegressor, graph: Data, column: int) -> tuple[Floats, Floats]:
    """Pooling mass, and gradient times input, of the photos with features."""
    inputs = collate(
        [graph], features=model.n_features_in_, scale=model.scale_, normalise=model.normalise_edges
    )
    z, batch = inputs[0].requires_grad_(), inputs[3]
    network: Any = model.network_.eval()
    scores: list[Tensor] = []
    hook = network.score.register_forward_hook(lambda _module, _given, score: scores.append(score.detach()))
    try:
        answer = network(*inputs)[:, column].sum()
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(answer, z)
    mass = softmax(scores[0], batch).mean(dim=1) if scores else torch.full((len(z),), 1 / len(z))
    scale = float(np.ravel(model.target_scale_.scale)[column])
    return mass.double().numpy(), scale * (gradient * z.detach()).sum(dim=1).double().numpy()


def _without(graph: Data, node: int) -> Data:
    kept = torch.ones(len(graph.x), dtype=torch.bool)
    kept[node] = False
    inside = kept[graph.edge_index].all(dim=0)
    place = torch.cumsum(kept, 0) - 1
    edges = place[graph.edge_index[:, inside]]
    return Data(x=graph.x[kept], edge_index=edges, edge_weight=_weights(graph)[inside])


def _weights(graph: Data) -> Tensor:
    weight = getattr(graph, "edge_weight", None)
    return torch.ones(graph.edge_index.shape[1]) if weight is None else weight.float().reshape(-1)


def _predict(model: GraphRegressor, graphs: Sequence[Data], target: int) -> Floats:
    return np.asarray(model.predict(graphs), dtype=np.float64).reshape(len(graphs), -1)[:, target]


def _predict_all(model: GraphRegressor, graphs: Iterator[Data], edges: int, target: int) -> Floats:
    """Predictions of graphs of about so many edges each, a few at a time."""
    size = max(1, _EDGES_AT_ONCE // max(edges, 1))
    found = []
    while part := list(islice(graphs, size)):
        checkpoint()
        found.append(_predict(model, part, target))
    return np.concatenate(found) if found else np.empty(0)


def _ids(graph: Data) -> list[Any]:
    return list(graph.node_ids) if "node_ids" in graph else list(range(len(graph.x)))
