"""The published graph network: GC64-GC64-GEP32-GC32-GC32-GEP8-FC256-FC."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from geolivelihood.models.paper.layers import DenseGraphConvolution, GraphEmbedPooling, PopulationNorm, dense

__all__ = ["GraphCNN"]

_FIRST, _SECOND = 64, 32
_POOLED, _LAST = 32, 8


class GraphCNN(nn.Module):
    """The network of Lee et al. (2021) [1]_ on dense graphs padded to one size.

    Parameters
    ----------
    features
        Features per node: 512 of a ResNet, 65 object counts, or 577 of both.
    outputs
        2 for classes, 1 for a number.
    slices
        Adjacency matrices per graph: 1, or 67 with object similarities.
    masked
        Leave padding out of every moment, softmax and edge. The published network does not, so that its
        answer depends on how far a graph was padded; with it, the answer is that of the unpadded graph.

    References
    ----------
    .. [1] Lee et al. (2021), "Predicting Livelihood Indicators from Community-Generated Street-Level
       Imagery", AAAI.
    """

    def __init__(self, features: int, *, outputs: int, slices: int = 1, masked: bool = False) -> None:
        super().__init__()
        self.masked = masked
        wide = (features, _FIRST), (_FIRST, _FIRST)
        narrow = (_FIRST, _SECOND), (_SECOND, _SECOND)
        self.first = nn.ModuleList(DenseGraphConvolution(*sizes, slices=slices) for sizes in wide)
        self.second = nn.ModuleList(DenseGraphConvolution(*sizes, slices=slices) for sizes in narrow)
        self.pools = nn.ModuleList([GraphEmbedPooling(_FIRST, _POOLED), GraphEmbedPooling(_SECOND, _LAST)])
        widths = _FIRST, _FIRST, _FIRST, _SECOND, _SECOND, _SECOND
        self.norms = nn.ModuleList(map(PopulationNorm, widths))
        self.hidden = dense(_LAST * _SECOND, 256)
        self.head = dense(256, outputs)

    def forward(self, nodes: Tensor, adjacency: Tensor, real: Tensor) -> Tensor:
        """Predict for every graph.

        Parameters
        ----------
        nodes
            V, shape (B, N, features), 0 in the padding.
        adjacency
            A, shape (B, N, slices, N).
        real
            Which nodes are photos, bool, shape (B, N).

        Returns
        -------
        Tensor
            Shape (B, outputs).
        """
        mask = real if self.masked else None
        if mask is not None:
            adjacency = adjacency * mask[:, :, None, None] * mask[:, None, None, :]
        norms = iter(self.norms)
        for convolution in self.first:
            nodes = torch.relu(next(norms)(convolution(nodes, adjacency), mask))
        nodes, adjacency = self.pools[0](nodes, adjacency, mask)
        nodes = torch.relu(next(norms)(nodes))
        for convolution in self.second:
            nodes = torch.relu(next(norms)(convolution(nodes, adjacency)))
        nodes, _ = self.pools[1](nodes, adjacency)
        nodes = torch.relu(next(norms)(nodes))
        return self.head(torch.relu(self.hidden(nodes.flatten(1))))
