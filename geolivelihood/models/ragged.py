"""Many graphs as a few flat arrays: collated once, then batched by slicing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.models.ridge import ColumnScale
from geolivelihood.models.training import Batch

__all__ = ["GraphBatches", "Ragged", "ranges"]


def ranges(starts: Tensor, lengths: Tensor) -> Tensor:
    """Concatenation of start, start+1, ..., start+length−1 over all pairs."""
    ends = torch.cumsum(lengths, 0)
    total = int(ends[-1]) if len(ends) else 0
    return torch.arange(total) + torch.repeat_interleave(starts - (ends - lengths), lengths)


class Ragged(NamedTuple):
    """Nodes and edges of all graphs, with the number of nodes and edges of each.

    Nodes whose features are all missing are left out with their edges; a graph may so have no node at all.
    """

    x: Tensor
    edge_index: Tensor
    edge_weight: Tensor
    nodes: Tensor
    edges: Tensor

    @classmethod
    def of(cls, graphs: Sequence[Any], *, features: int | None = None, normalise: bool = True) -> Self:
        """Collate ``torch_geometric`` graphs with ``x``, ``edge_index`` and ``edge_weight``.

        Parameters
        ----------
        graphs
            One per cluster; a graph without ``edge_weight`` has weights of 1.
        features
            Features per node that the model expects.
        normalise
            Divide the weights of the edges into a node by the sum of their absolute values, so that a
            convolution averages and does not grow with the number of photos.

        Raises
        ------
        InputError
            If there is no graph, one lacks nodes' features, or their widths differ.
        """
        width = _common_width(graphs, features)
        x = torch.cat([graph.x.float().reshape(-1, width) for graph in graphs])
        nodes = torch.tensor([len(graph.x) for graph in graphs])
        edges = torch.tensor([graph.edge_index.shape[1] for graph in graphs])
        shift = torch.repeat_interleave(torch.cumsum(nodes, 0) - nodes, edges)
        edge_index = torch.cat([graph.edge_index for graph in graphs], dim=1).long() + shift
        edge_weight = torch.cat([_weights(graph) for graph in graphs])
        if torch.isinf(x).any() or not torch.isfinite(edge_weight).all():
            msg = "A graph has infinite features, or edge weights that are not finite."
            raise InputError(msg)
        ragged = cls(x, edge_index, edge_weight, nodes, edges)._without_empty_nodes()
        return ragged._normalised() if normalise else ragged

    def standardised(self, scale: ColumnScale) -> Ragged:
        """The same graphs with standardised features, 0 where missing."""
        table = scale.apply(self.x.double().numpy())
        return self._replace(x=torch.from_numpy(table).float())

    def pick(self, which: npt.NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Inputs of the network for some graphs: x, edge_index, edge_weight, batch, counts."""
        chosen = torch.from_numpy(np.asarray(which, dtype=np.int64))
        node_start = (torch.cumsum(self.nodes, 0) - self.nodes)[chosen]
        edge_start = (torch.cumsum(self.edges, 0) - self.edges)[chosen]
        nodes, edges = self.nodes[chosen], self.edges[chosen]
        node, edge = ranges(node_start, nodes), ranges(edge_start, edges)
        shift = torch.repeat_interleave(torch.cumsum(nodes, 0) - nodes - node_start, edges)
        batch = torch.repeat_interleave(torch.arange(len(chosen)), nodes)
        return self.x[node], self.edge_index[:, edge] + shift, self.edge_weight[edge], batch, nodes.float()

    def _without_empty_nodes(self) -> Self:
        kept = ~torch.isnan(self.x).all(dim=1)
        if bool(kept.all()):
            return self
        inside = kept[self.edge_index].all(dim=0)
        place = torch.cumsum(kept, 0) - 1
        return type(self)(
            self.x[kept],
            place[self.edge_index[:, inside]],
            self.edge_weight[inside],
            _count(kept, self.nodes),
            _count(inside, self.edges),
        )

    def _normalised(self) -> Self:
        target = self.edge_index[1]
        total = torch.zeros(len(self.x)).index_add_(0, target, self.edge_weight.abs())
        return self._replace(edge_weight=self.edge_weight / total[target].clamp_min(1e-12))


class GraphBatches:
    """Batches of graphs with target and weight; shuffled anew each epoch where a seed is given."""

    def __init__(
        self,
        graphs: Ragged,
        which: npt.NDArray[np.int64],
        target: Tensor,
        weight: Tensor,
        *,
        size: int,
        seed: int | None = None,
        shuffle: bool = False,
    ) -> None:
        self.graphs, self.which, self.target, self.weight = graphs, which, target, weight
        self.size = size
        self.random = np.random.default_rng(seed) if shuffle else None

    def __len__(self) -> int:
        return -(-len(self.which) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.which if self.random is None else self.random.permutation(self.which)
        for part in np.array_split(order, len(self)):
            rows = torch.from_numpy(part)
            yield self.graphs.pick(part), self.target[rows], self.weight[rows]


def _common_width(graphs: Sequence[Any], features: int | None) -> int:
    if not len(graphs):
        msg = "There is no graph."
        raise InputError(msg)
    widths = {graph.x.shape[1] if getattr(graph, "x", None) is not None else 0 for graph in graphs}
    if widths == {0} or len(widths) != 1:
        msg = f"Every graph needs node features x of one width, but the widths are {sorted(widths)}."
        raise InputError(msg)
    width = int(widths.pop())
    if features is not None and width != features:
        msg = f"The graphs have {width} features per node but the model was fitted with {features}."
        raise InputError(msg)
    return width


def _weights(graph: Any) -> Tensor:
    weight = getattr(graph, "edge_weight", None)
    return torch.ones(graph.edge_index.shape[1]) if weight is None else weight.float().reshape(-1)


def _count(kept: Tensor, sizes: Tensor) -> Tensor:
    owner = torch.repeat_interleave(torch.arange(len(sizes)), sizes)
    return torch.zeros(len(sizes), dtype=torch.long).index_add_(0, owner, kept.long())
