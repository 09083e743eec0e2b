"""The network on the pictures of clusters: a backbone, a linear head, and means over a cluster's pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["ImageNetwork", "cluster_mean"]

# Channel means and deviations of ImageNet on 0-255, as torchvision's weights expect.
_MEAN = (123.675, 116.28, 103.53)
_SD = (58.395, 57.12, 57.375)


class ImageNetwork(nn.Module):
    """Backbone and linear head; the outputs of a cluster's pictures are averaged.

    Parameters
    ----------
    backbone
        Network from pictures (n, 3, size, size) to features (n, dim).
    dim
        Number of features.
    outputs
        Values per picture.
    probabilities
        Average the class probabilities of the pictures (and return their logarithm) instead of the
        outputs themselves.
    """

    def __init__(
        self, backbone: nn.Module, dim: int, *, outputs: int = 1, probabilities: bool = False
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(dim, outputs)
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)
        self.probabilities = probabilities

    def embed(self, pixels: Tensor) -> Tensor:
        """Features per picture (n, dim), pooled over the picture, from uint8 pixels (n, 3, size, size)."""
        values = pixels.float().contiguous(memory_format=torch.channels_last)
        mean, sd = (values.new_tensor(moment).view(1, 3, 1, 1) for moment in (_MEAN, _SD))
        return self.backbone((values - mean) / sd)

    def pictures(self, pixels: Tensor) -> Tensor:
        """Output per picture from uint8 pixels (n, 3, size, size); log-probabilities for classes."""
        out = self.head(self.embed(pixels))
        return functional.log_softmax(out.float(), dim=1) if self.probabilities else out

    def forward(self, pixels: Tensor, cluster: Tensor, clusters: int) -> Tensor:
        """Output per cluster (clusters, outputs); ``cluster`` names the cluster of each picture."""
        out = self.pictures(pixels)
        return cluster_mean(out, cluster, clusters, probabilities=self.probabilities)


def cluster_mean(out: Tensor, cluster: Tensor, clusters: int, *, probabilities: bool) -> Tensor:
    """Mean output of the pictures of each cluster; for log-probabilities the logarithm of the mean."""
    values = out.exp() if probabilities else out
    total = values.new_zeros(clusters, values.shape[1]).index_add_(0, cluster, values)
    mean = total / torch.bincount(cluster, minlength=clusters).clamp_min(1)[:, None]
    return mean.clamp_min(1e-12).log() if probabilities else mean
