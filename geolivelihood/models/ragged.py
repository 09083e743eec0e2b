"""Graphs of any size as the inputs of a network: nothing padded, one batch at a time.

Seven thousand clusters of 150 photos and 577 features are 2.6 GB, so that a second copy is one too many.
Batches are therefore made from the graphs when they are needed, one ahead of the network, and scaled on the
way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.graphs.edges import complete_edges
from geolivelihood.models.ridge import ColumnScale
from geolivelihood.models.rows import Floats, take
from geolivelihood.models.training import Batch

__all__ = ["GraphBatches", "Inputs", "collate", "feature_scale", "graph_means", "node_counts", "one_ahead"]

# Nodes, edge_index, edge_weight, graph of each node, nodes per graph: see GraphNetwork.forward.
Inputs = tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]
_ROWS = 512  # of 577 features: a megabyte


def collate(
    graphs: Iterable[Any],
    *,
    features: int | None = None,
    scale: ColumnScale | None = None,
    normalise: bool = True,
) -> Inputs:
    """Graphs as flat arrays, one after another.

    Nodes whose features are all missing are left out with their edges; a graph may so have no node at all.

    Parameters
    ----------
    graphs
        ``torch_geometric`` graphs with ``x``, ``edge_index`` and, unless all weights are 1, ``edge_weight``.
    features
        Features per node that the model expects.
    scale
        How to standardise them; a missing value then becomes 0.
    normalise
        Divide the weights of the edges into a node by the sum of their absolute values, so that a
        convolution averages and does not grow with the number of photos.

    Returns
    -------
    tuple
        ``x``, ``edge_index``, ``edge_weight``, ``batch`` and ``counts`` as
        :class:`~geolivelihood.models.graph_network.GraphNetwork` takes them. Where in every graph each node
        hears each, ``edge_index`` is ``None`` and the weights are the matrices A row by row.

    Raises
    ------
    InputError
        If there is no graph, one lacks nodes' features, their widths differ, or a value is infinite.
    """
    given = list(graphs)
    width = _check_widths(set(map(_width, given)), features)
    x = torch.cat([graph.x.float().reshape(-1, width) for graph in given])
    sizes = torch.tensor([len(graph.x) for graph in given])
    known = _known_nodes(x)
    counts = sizes if known is None else _counted(known, sizes)
    x = x if known is None else x[known]
    if scale is not None:
        _standardise(x, scale)
    edges = _matrices if all(map(_complete, given)) else _lists
    edge_index, edge_weight = edges(given, sizes, known)
    # The sum sees them all and is the faster look.
    if not torch.isfinite(edge_weight.sum()) and not torch.isfinite(edge_weight).all():
        msg = "A graph has edge weights that are not finite."
        raise InputError(msg)
    if normalise:
        edge_weight = _averaging(edge_index, edge_weight, counts)
    batch = torch.repeat_interleave(torch.arange(len(given)), counts)
    return x, edge_index, edge_weight, batch, counts.float()


def node_counts(graphs: Iterable[Any]) -> npt.NDArray[np.int64]:
    """Number of nodes with features in each graph.

    Raises
    ------
    InputError
        If there is no graph, one lacks nodes' features, their widths differ, or a value is infinite.
    """
    widths, counts = set(), []
    for graph in graphs:
        widths.add(_width(graph))
        known = _known_nodes(graph.x) if _width(graph) else torch.zeros(0)
        counts.append(len(graph.x) if known is None else int(known.sum()))
    _check_widths(widths, None)
    return np.array(counts)


def feature_scale(graphs: Iterable[Any]) -> ColumnScale:
    """:meth:`ColumnScale.of` all nodes of all graphs, read one graph after another.

    Their moments are merged by the formula of Chan, Golub & LeVeque (1983), which does not cancel.
    """
    count = mean = spread = torch.tensor(0.0, dtype=torch.double)
    low, high = torch.tensor(torch.inf), torch.tensor(-torch.inf)
    for graph in graphs:
        table = graph.x.double()
        own = (~table.isnan()).sum(dim=0)
        own_mean = table.nansum(dim=0) / own.clamp_min(1)
        off, total = own_mean - mean, (count + own).clamp_min(1)
        spread = spread + (table - own_mean).square().nansum(dim=0) + off**2 * count * own / total
        mean, count = mean + off * own / total, count + own
        low = torch.minimum(low, table.nan_to_num(torch.inf).amin(dim=0))
        high = torch.maximum(high, table.nan_to_num(-torch.inf).amax(dim=0))
    scale = (spread / count.clamp_min(1)).sqrt()
    scale = torch.where(scale <= 1e-10 * mean.abs().clamp_min(1e-100), 1.0, scale)
    moments = (mean, scale, torch.minimum(low, mean), torch.maximum(high, mean))
    return ColumnScale(*(moment.numpy() for moment in moments))


def graph_means(graphs: Iterable[Any]) -> Floats:
    """Mean features of each graph (graphs, features); NaN where no node has the feature."""
    rows = []
    for graph in graphs:
        table = graph.x.double()
        count = (~table.isnan()).sum(dim=0)
        rows.append((table.nansum(dim=0) / count).numpy())
    return np.stack(rows)


class GraphBatches:
    """Batches of graphs with target and weight, made one ahead of their use.

    Parameters
    ----------
    graphs
        All graphs; those that are made when asked for (:class:`~geolivelihood.graphs.ClusterGraphs`) are
        made for their batch and forgotten.
    which
        Positions of the graphs to go through.
    target, weight
        Per graph, all graphs; NaN where a target is missing, with weight 0.
    collated
        Makes the inputs of the network from graphs, see :func:`collate`.
    size
        Graphs per batch.
    shuffle
        Draw a new order each time, by ``seed``.
    """

    def __init__(
        self,
        graphs: Sequence[Any],
        which: npt.NDArray[np.int64],
        target: Tensor,
        weight: Tensor,
        *,
        collated: Callable[[Iterable[Any]], Inputs],
        size: int,
        seed: int | None = None,
        shuffle: bool = False,
    ) -> None:
        self.graphs, self.which, self.target, self.weight = graphs, which, target, weight
        self.collated, self.size = collated, size
        self.random = np.random.default_rng(seed) if shuffle else None

    def __len__(self) -> int:
        return -(-len(self.which) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.which if self.random is None else self.random.permutation(self.which)
        return one_ahead(partial(self._batch, part) for part in np.array_split(order, len(self)))

    def _batch(self, part: npt.NDArray[np.int64]) -> Batch:
        rows = torch.from_numpy(part)
        return self.collated(take(self.graphs, part)), self.target[rows], self.weight[rows]


def one_ahead(tasks: Iterable[Callable[[], Any]]) -> Iterator[Any]:
    """Results of tasks in order; while one is used, a second thread is at the next."""
    with ThreadPoolExecutor(1) as pool:
        waiting = None
        for task in tasks:
            coming = pool.submit(task)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()


def _width(graph: Any) -> int:
    x = getattr(graph, "x", None)
    return 0 if x is None else int(x.shape[1])


def _check_widths(widths: set[int], features: int | None) -> int:
    if not widths:
        msg = "There is no graph."
        raise InputError(msg)
    if widths == {0} or len(widths) != 1:
        msg = f"Every graph needs node features x of one width, but the widths are {sorted(widths)}."
        raise InputError(msg)
    width = widths.pop()
    if features is not None and width != features:
        msg = f"The graphs have {width} features per node but the model was fitted with {features}."
        raise InputError(msg)
    return width


def _known_nodes(x: Tensor) -> Tensor | None:
    """Which nodes have a feature; ``None`` where all have them all."""
    # One sum sees every value once; only where it meets NaN or overflows is there more to look at.
    if torch.isfinite(x.sum(dim=1)).all():
        return None
    if torch.isinf(x).any():
        msg = "A graph has infinite features. Use NaN for missing ones."
        raise InputError(msg)
    return ~torch.isnan(x).all(dim=1)


def _counted(known: Tensor, sizes: Tensor) -> Tensor:
    graph = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    return torch.bincount(graph[known], minlength=len(sizes))


def _standardise(x: Tensor, scale: ColumnScale) -> None:
    """:meth:`ColumnScale.apply` in place, some rows at a time so that they stay in the cache."""
    mean, width, low, high = (torch.from_numpy(moment).float() for moment in scale)
    for rows in x.split(_ROWS):
        torch.clamp(rows, low, high, out=rows).sub_(mean).div_(width).nan_to_num_(0.0)


def _complete(graph: Any) -> bool:
    """Whether each node hears each, itself too, in the order of a matrix."""
    n = len(graph.x)
    return graph.edge_index.shape[1] == n * n and torch.equal(graph.edge_index, complete_edges(n))


def _weights(graph: Any) -> Tensor:
    weight = getattr(graph, "edge_weight", None)
    return torch.ones(graph.edge_index.shape[1]) if weight is None else weight.float().reshape(-1)


def _matrices(graphs: Sequence[Any], sizes: Tensor, known: Tensor | None) -> tuple[None, Tensor]:
    """The matrix of every graph, row by row, over the nodes with features."""
    weights = list(map(_weights, graphs))
    if known is not None:
        squares = [weight.view(n, n) for weight, n in zip(weights, sizes.tolist())]
        parts = zip(squares, known.split(sizes.tolist()))
        weights = [square[rows][:, rows].reshape(-1) for square, rows in parts]
    return None, torch.cat(weights)


def _lists(graphs: Sequence[Any], sizes: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor]:
    """The edges of all graphs between nodes with features, counted among these."""
    edges = torch.tensor([graph.edge_index.shape[1] for graph in graphs])
    shift = torch.repeat_interleave(torch.cumsum(sizes, 0) - sizes, edges)
    index = torch.cat([graph.edge_index for graph in graphs], dim=1).long() + shift
    weight = torch.cat(list(map(_weights, graphs)))
    if known is None:
        return index, weight
    inside = known[index].all(dim=0)
    return (torch.cumsum(known, 0) - 1)[index[:, inside]], weight[inside]


def _averaging(index: Tensor | None, weight: Tensor, counts: Tensor) -> Tensor:
    """Weights over the sum of absolute weights into their node; matrices are overwritten."""
    if not len(weight):  # graphs without a node with features
        return weight
    if index is not None:
        total = torch.zeros(int(counts.sum())).index_add_(0, index[1], weight.abs())
        return weight / total[index[1]].clamp_min(1e-12)
    for part, n in zip(weight.split((counts**2).tolist()), counts.tolist()):
        matrix = part.view(n, n)
        matrix.div_(matrix.abs().sum(dim=1, keepdim=True).clamp_min_(1e-12))
    return weight
