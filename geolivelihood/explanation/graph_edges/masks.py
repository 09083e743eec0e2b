"""Masks over edges that the explainers of torch_geometric learn or read, and how stable they are."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch_geometric.data import Data
from torch_geometric.explain import AttentionExplainer, Explainer, GNNExplainer

from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges.neighbourhoods import edge_weights
from geolivelihood.explanation.graph_edges.subjects import Subject
from geolivelihood.models.training import seeded
from geolivelihood.progress import checkpoint

__all__ = ["attention_mask", "learned_masks", "rank_stability"]

Floats = npt.NDArray[np.float64]


def learned_masks(
    subject: Subject, *, seeds: int, epochs: int, learning_rate: float
) -> tuple[Floats, Floats]:
    """Masks of GNNExplainer (Ying et al. 2019), one per seed.

    A mask in [0, 1] that keeps the prediction when edges and nodes are multiplied by it. It starts at random;
    edges without a gradient get 0.

    Returns
    -------
    tuple of numpy.ndarray
        Edges (seeds, e) and nodes (seeds, s).
    """
    if not subject.edge_index.shape[1]:  # nothing to learn a mask for
        return np.zeros((seeds, 0)), np.full((seeds, len(subject.x)), np.nan)
    options: dict[str, Any] = {}
    if subject.node is not None:
        options = {"index": subject.node}
        options |= {} if subject.edge_weight is None else {"edge_weight": subject.edge_weight}
    edges, nodes = [], []
    for seed in range(seeds):
        checkpoint()
        learner = GNNExplainer(epochs=epochs, lr=learning_rate)
        with seeded(seed):
            explainer = _explainer(subject, learner, node_mask_type="object")
            found = explainer(subject.x, subject.edge_index, **options)
        edges.append(found.edge_mask.double().numpy())
        nodes.append(found.node_mask[:, 0].double().numpy())
    return np.stack(edges), np.stack(nodes)


def attention_mask(subject: Subject, graph: Data) -> Floats:
    """Largest attention of each edge over heads and layers: where the model listens, not what that adds.

    Parameters
    ----------
    subject
        Any prediction of the model.
    graph
        The whole graph, for attention in the last layer looks at states beyond a node's neighbourhood.

    Returns
    -------
    numpy.ndarray
        Shape (edges,); NaN for self-loops where layers make some of their own and ignore these.

    Raises
    ------
    InputError
        If the model has no attention.
    """
    module, weight = subject.module(), edge_weights(graph)
    loops = graph.edge_index[0] == graph.edge_index[1]
    # Layers that make self-loops of their own put them last, in place of those that were given.
    own = any(getattr(layer, "add_self_loops", False) is True for layer in module.modules())
    kept = ~loops if own else torch.ones_like(loops)
    options = {} if weight is None else {"edge_weight": weight[kept]}
    explainer = _explainer(subject, AttentionExplainer(), node_mask_type=None)
    try:
        found = explainer(graph.x, graph.edge_index[:, kept], **options)
    except ValueError as error:
        msg = "The model has no attention to show. Take another method, such as 'occlusion'."
        raise InputError(msg) from error
    scores = np.full(len(loops), np.nan)
    scores[kept.numpy()] = found.edge_mask.double().numpy()
    return scores


def rank_stability(masks: npt.ArrayLike) -> float:
    """Mean Spearman correlation of all pairs of masks.

    Parameters
    ----------
    masks
        One row per seed (seeds, edges).

    Returns
    -------
    float
        1 = every seed ranks the edges alike; below 0.7 a ranking should not be told. NaN for fewer than two
        masks or edges, or where a mask is the same everywhere.
    """
    given = np.atleast_2d(np.asarray(masks, dtype=float))
    if given.shape[1] < 2:
        return float("nan")
    ranks = rankdata(given, axis=1)
    ranks = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1)
    pairs = [
        ranks[a] @ ranks[b] / (length[a] * length[b]) if length[a] * length[b] > 0 else np.nan
        for a, b in combinations(range(len(ranks)), 2)
    ]
    return float(np.mean(pairs)) if pairs else float("nan")


def _explainer(subject: Subject, algorithm: Any, *, node_mask_type: str | None) -> Explainer:
    return Explainer(
        subject.module(),
        algorithm=algorithm,
        explanation_type="model",
        node_mask_type=node_mask_type,
        edge_mask_type="object",
        model_config={
            "mode": "regression",
            "task_level": "graph" if subject.node is None else "node",
            "return_type": "raw",
        },
    )
