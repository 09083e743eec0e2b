"""The layers of the published graph network, on dense, padded batches.

Shapes: B graphs, N nodes, F features, L adjacency slices; V is (B, N, F) and A (B, N, L, N), as published.
Each layer takes an optional mask (B, N) of the real nodes. Without one it does what was published: padding
takes part in every moment and every softmax.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["DenseGraphConvolution", "GraphEmbedPooling", "PopulationNorm", "dense", "weight_penalty"]

_BIAS = 0.1
_EPSILON = 1e-3
_DECAY = 0.3


class DenseGraphConvolution(nn.Module):
    """H = concat_l(A_l V) W + V W_I + b, the filter of Such et al. (2017) [1]_.

    A_l (V W_l) is summed over the slices instead of (A_l V) W: with wide features that is less than half
    the work, and nothing of L·F features per node is ever held.

    Parameters
    ----------
    inputs, outputs
        Features per node.
    slices
        Number L of adjacency matrices.

    References
    ----------
    .. [1] Such et al. (2017), "Robust Spatial Filtering with Graph CNNs".
    """

    def __init__(self, inputs: int, outputs: int, *, slices: int = 1) -> None:
        super().__init__()
        sd = math.sqrt(1 / (inputs * (slices + 1)))
        self.neighbours = nn.Parameter(_truncated((slices * inputs, outputs), sd))
        self.own = nn.Parameter(_truncated((inputs, outputs), sd))
        self.bias = nn.Parameter(torch.full((outputs,), _BIAS))

    def forward(self, nodes: Tensor, adjacency: Tensor) -> Tensor:
        """Filter nodes (B, N, F) over A (B, N, L, N) into (B, N, outputs)."""
        graphs, size, features = nodes.shape
        outputs = self.own.shape[1]
        by_slice = self.neighbours.reshape(-1, features, outputs).transpose(0, 1).flatten(1)
        # One product V [W_1 ... W_L, W_I] with all weights side by side.
        said = nodes.flatten(0, 1) @ torch.cat([by_slice, self.own], dim=1)
        through, own = said.unflatten(0, (graphs, size)).split([by_slice.shape[1], outputs], dim=2)
        # (B, L·N, outputs): what every node says through every slice
        through = through.unflatten(2, (-1, outputs)).transpose(1, 2).flatten(1, 2)
        return torch.baddbmm(own + self.bias, adjacency.flatten(2), through)


class PopulationNorm(nn.Module):
    """Batch normalisation with population variance over graphs and nodes, ε = 1e-3, γ = 1, β = 0.1 at first.

    The running moments that evaluation uses forget fast, by min(0.3, (1 + t)/(10 + t)) at update t: they
    are those of about the last two batches. They start at 0, as the averages of the published framework.

    Parameters
    ----------
    features
        Features per node.
    """

    mean: Tensor
    variance: Tensor
    updates: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features))
        self.shift = nn.Parameter(torch.full((features,), _BIAS))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.zeros(features))
        self.register_buffer("updates", torch.tensor(0))

    def decay(self) -> float:
        """Share of the running moments that the next update keeps."""
        t = int(self.updates)
        return min(_DECAY, (1 + t) / (10 + t))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise (B, N, F); with a mask (B, N) by the moments of the real nodes."""
        mean, variance = (self.mean, self.variance) if not self.training else self._moments(x, mask)
        return (x - mean) * torch.rsqrt(variance + _EPSILON) * self.scale + self.shift

    def _moments(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        rows = x.flatten(0, -2) if mask is None else x[mask]
        mean, variance = rows.mean(dim=0), rows.var(dim=0, unbiased=False)
        kept = self.decay()
        with torch.no_grad():
            self.mean.mul_(kept).add_((1 - kept) * mean)
            self.variance.mul_(kept).add_((1 - kept) * variance)
            self.updates += 1
        return mean, variance


class GraphEmbedPooling(nn.Module):
    """S = softmax over nodes of V W_p + b_p; V' = SᵀV and A' = SᵀAS in each slice.

    Parameters
    ----------
    features
        Features per node.
    vertices
        Nodes of the pooled graph.
    """

    def __init__(self, features: int, vertices: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_truncated((features, vertices), 1 / math.sqrt(features)))
        # It cancels in the softmax, but it was there, and counts among the parameters.
        self.bias = nn.Parameter(torch.full((vertices,), _BIAS))

    def shares(self, nodes: Tensor, mask: Tensor | None = None) -> Tensor:
        """S (B, N, vertices): what share of each pooled vertex a node is; columns sum to 1."""
        logits = nodes @ self.weight + self.bias
        if mask is not None:
            logits = logits.masked_fill(~mask[..., None], -math.inf)
        return torch.softmax(logits, dim=1)

    def forward(self, nodes: Tensor, adjacency: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Pool nodes (B, N, F) and A (B, N, L, N) to (B, K, F) and (B, K, L, K)."""
        share = self.shares(nodes, mask)
        slices, vertices = adjacency.shape[2], share.shape[2]
        half = torch.bmm(adjacency.flatten(1, 2), share).unflatten(1, (-1, slices)).flatten(2)
        pooled = torch.bmm(share.mT, half).unflatten(2, (slices, vertices))
        return torch.bmm(share.mT, nodes), pooled


def dense(inputs: int, outputs: int) -> nn.Linear:
    """Linear layer with the published start: sd 1/√inputs, bias 0.1."""
    layer = nn.Linear(inputs, outputs)
    layer.weight = nn.Parameter(_truncated((outputs, inputs), 1 / math.sqrt(inputs)))
    layer.bias = nn.Parameter(torch.full((outputs,), _BIAS))
    return layer


def weight_penalty(network: nn.Module, *, decay: float = 5e-4) -> Tensor:
    """Σ decay · ½‖W‖² over the weight matrices of a network: neither biases nor γ and β."""
    matrices = [value for value in network.parameters() if value.ndim == 2]
    return 0.5 * decay * torch.stack([(matrix**2).sum() for matrix in matrices]).sum()


def _truncated(shape: tuple[int, ...], sd: float) -> Tensor:
    # Cut at two deviations, as published; the sd of what is left is 0.88 of the nominal one.
    return nn.init.trunc_normal_(torch.empty(shape), std=sd, a=-2 * sd, b=2 * sd)
