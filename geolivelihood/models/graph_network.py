"""The graph network: sums over neighbours, pooling to the cluster, and how many photos there were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.utils import scatter, softmax

from geolivelihood.errors import InputError

__all__ = ["POOLINGS", "GraphConvolution", "GraphNetwork", "NodeNorm"]

POOLINGS = ("attention", "embed", "mean")
_WIDE = 4  # features per hidden unit from which they are projected first


class NodeNorm(nn.BatchNorm1d):
    """Batch normalisation over the real nodes of a ragged batch; a lone node uses the running moments."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise nodes (nodes, features)."""
        if self.training and len(x) < 2:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


class GraphConvolution(nn.Module):
    """H = A V W + V W_I + b, the linear filter of Such et al. (2017) [1]_, on a sparse A or on one per graph.

    The product with W comes first, A(VW): with wide features that is the cheaper order.

    References
    ----------
    .. [1] Such et al. (2017), "Robust Spatial Filtering with Graph CNNs".
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.neighbours = nn.Linear(inputs, outputs, bias=False)
        self.own = nn.Linear(inputs, outputs)

    def forward(
        self, x: Tensor, edge_index: Tensor | None, edge_weight: Tensor, sizes: Sequence[int] = ()
    ) -> Tensor:
        """Filter nodes (nodes, inputs) into (nodes, outputs).

        Parameters
        ----------
        x
            Nodes of all graphs.
        edge_index, edge_weight
            Edges (2, edges), source to target, and their weights (edges,); or ``None`` and the matrix A of
            each graph, row by row, one after another.
        sizes
            Nodes of each graph, where there are matrices.
        """
        weight = torch.cat([self.neighbours.weight, self.own.weight])  # wide features are read once
        if edge_index is None:
            return _DenseConvolution.apply(x, weight, self.own.bias, edge_weight, sizes)
        heard, own = functional.linear(x, weight).split(len(weight) // 2, dim=1)
        # A sparse product keeps no message per edge: several times faster than gather and scatter on CPUs.
        size = (len(x), len(x))
        adjacency = torch.sparse_coo_tensor(edge_index.flip(0), edge_weight, size, check_invariants=False)
        return torch.sparse.mm(adjacency, heard) + own + self.own.bias


class _DenseConvolution(torch.autograd.Function):
    """A (V W) + V W_I + b of every graph, whose A are dense: a tenth of what a sparse product costs there.

    One function, so that the gradients of both halves are written where the product with V reads them.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float32)
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, adjacency: Tensor, sizes: Sequence[int]
    ) -> Tensor:
        width = len(bias)
        both = x @ weight.t()
        own = both[:, width:] + bias
        for a, v, out in zip(_matrices(adjacency, sizes), both[:, :width].split(sizes), own.split(sizes)):
            out.addmm_(a, v)
        ctx.save_for_backward(x, weight, adjacency, both if adjacency.requires_grad else None)
        ctx.sizes = sizes
        return own

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")
    def backward(ctx: Any, *grads: Any) -> Any:
        (grad,), (x, weight, adjacency, both), sizes = grads, ctx.saved_tensors, ctx.sizes
        width = grad.shape[1]
        halves = grad.new_empty(len(grad), 2 * width)
        halves[:, width:] = grad
        for a, g, out in zip(_matrices(adjacency, sizes), grad.split(sizes), halves[:, :width].split(sizes)):
            torch.mm(a.t(), g, out=out)
        for_x = halves @ weight if ctx.needs_input_grad[0] else None
        for_adjacency = None
        if both is not None:
            pairs = zip(grad.split(sizes), both[:, :width].split(sizes))
            for_adjacency = torch.cat([(g @ v.t()).reshape(-1) for g, v in pairs])
        return for_x, halves.t() @ x, grad.sum(dim=0), for_adjacency, None


def _matrices(weight: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    return [part.view(n, n) for part, n in zip(weight.split([n * n for n in sizes]), sizes)]


class GraphNetwork(nn.Module):
    """Convolutions over the photos of a cluster, pooled into one prediction per cluster.

    Batches are ragged (all nodes of all graphs in one table), so nothing is padded and every moment and
    softmax runs over real nodes only.

    Parameters
    ----------
    features
        Features per node. More than four times ``hidden`` are projected on ``hidden // 2`` directions first,
        linear and learned: with several hundred features that is most of the arithmetic.
    outputs
        Values predicted per graph.
    hidden, layers
        Width and number of convolutions.
    pooling
        ``"attention"``: a learned weight per node, summing to 1 in its graph; ``"embed"``: ``pools`` such
        weightings, flattened (graph embed pooling); ``"mean"``. Each goes beside the plain mean.
    pools
        Weightings of ``"embed"``.
    dropout
        After each convolution, of a feature in all nodes of a graph at once, and in the head.
    """

    def __init__(
        self,
        features: int,
        *,
        outputs: int = 1,
        hidden: int = 64,
        layers: int = 2,
        pooling: str = "attention",
        pools: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            msg = f"pooling must be one of {', '.join(POOLINGS)}, got {pooling!r}."
            raise InputError(msg)
        if hidden < 1 or layers < 1 or pools < 1:
            msg = f"hidden, layers and pools must be at least 1, got {hidden}, {layers} and {pools}."
            raise InputError(msg)
        entering = max(hidden // 2, 1) if features > _WIDE * hidden else features
        self.enter = nn.Linear(features, entering, bias=False) if entering < features else nn.Identity()
        sizes = [entering, *[hidden] * layers]
        self.convolutions = nn.ModuleList(map(GraphConvolution, sizes[:-1], sizes[1:]))
        self.norms = nn.ModuleList(NodeNorm(hidden) for _ in range(layers))
        self.pools = {"attention": 1, "embed": pools, "mean": 0}[pooling]
        self.score = nn.Linear(hidden, max(self.pools, 1), bias=False)
        self.dropout = nn.Dropout(dropout)
        pooled = hidden * (1 + self.pools) + 1
        self.head = nn.Sequential(
            nn.Linear(pooled, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
        )

    def forward(
        self, x: Tensor, edge_index: Tensor | None, edge_weight: Tensor, batch: Tensor, counts: Tensor
    ) -> Tensor:
        """Predict for every graph.

        Parameters
        ----------
        x
            Nodes (nodes, features).
        edge_index, edge_weight
            Edges (2, edges) from source to target, and their weights (edges,); or ``None`` where in every
            graph each node hears each, and the matrix A of each graph, row by row (Σ counts²,).
        batch
            Graph of each node, ascending (nodes,).
        counts
            Nodes per graph (graphs,), at least one each.

        Returns
        -------
        Tensor
            Shape (graphs, outputs).
        """
        sizes = counts.int().tolist()
        x = self.enter(x)
        for convolution, norm in zip(self.convolutions, self.norms):
            x = norm(convolution(x, edge_index, edge_weight, sizes))
            x = self._thinned(x, batch, counts).relu_()  # in place: large tables cost most by being new
        return self.head(torch.cat([self._pool(x, batch, counts), torch.log1p(counts)[:, None]], dim=1))

    def _thinned(self, x: Tensor, batch: Tensor, counts: Tensor) -> Tensor:
        """Dropout, in place, of the same features in all nodes of a graph: a mean would undo it in some."""
        if not self.training or not self.dropout.p:
            return x
        return x.mul_(self.dropout(x.new_ones(len(counts), x.shape[1]))[batch])

    def _pool(self, x: Tensor, batch: Tensor, counts: Tensor) -> Tensor:
        graphs = len(counts)
        mean = scatter(x, batch, dim=0, dim_size=graphs, reduce="sum") / counts[:, None].clamp_min(1)
        if not self.pools:
            return mean
        share = softmax(self.score(x), batch, num_nodes=graphs)
        parts = [
            scatter(x * share[:, [pool]], batch, dim=0, dim_size=graphs, reduce="sum")
            for pool in range(self.pools)
        ]
        return torch.cat([mean, *parts], dim=1)
