"""Batch normalisation that does not leak: apart for groups of a batch, and over shuffled keys.

Were a query and its key normalised by the same batch, the network could tell them by their statistics
instead of by what they show. MoCo therefore shuffles the keys among the processes, each of which normalises
its own share; on one device the batch is split into groups instead. Both draw the same permutation, so that
g groups on one device are g processes with one group each.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from geolivelihood.errors import InputError

__all__ = [
    "SplitBatchNorm2d",
    "average_statistics",
    "gathered",
    "group_norm",
    "key_order",
    "processes",
    "routed",
    "split_norm",
]


class SplitBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation of contiguous slices of the batch, each by its own mean and variance.

    In evaluation, and in the names and shapes of its state, it is a ``BatchNorm2d``, so checkpoints go both
    ways. Running statistics take the mean over the groups, as they would over processes.

    Parameters
    ----------
    features
        Channels.
    groups
        Number of slices; it divides the batch.
    eps, momentum, affine, track_running_stats
        As in ``BatchNorm2d``.
    """

    def __init__(
        self,
        features: int,
        *,
        groups: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__(features, eps, momentum, affine, track_running_stats)
        self.groups = groups

    @classmethod
    def like(cls, norm: nn.BatchNorm2d, *, groups: int) -> Self:
        """The same layer, with the same parameters and statistics, in groups."""
        made = cls(
            norm.num_features,
            groups=groups,
            eps=norm.eps,
            momentum=norm.momentum,
            affine=norm.affine,
            track_running_stats=norm.track_running_stats,
        )
        made.weight, made.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            setattr(made, name, getattr(norm, name))
        return made.train(norm.training)

    def forward(self, values: Tensor) -> Tensor:
        """Normalise (n, channels, height, width).

        Raises
        ------
        InputError
            In training, if the groups do not divide n.
        """
        if not self.training or self.groups == 1:
            return super().forward(values)
        if len(values) % self.groups:
            msg = (
                f"A batch of {len(values)} pictures cannot be split into {self.groups} groups of one size. "
                f"Choose bn_groups={math.gcd(len(values), self.groups)}, or another batch."
            )
            raise InputError(msg)
        # with momentum 1 the statistics that come back are those of the slice alone
        kind = next(known.dtype for known in (self.running_mean, self.weight, values) if known is not None)
        moments = torch.zeros(2, self.groups, self.num_features, dtype=kind, device=values.device)
        parts = [
            functional.batch_norm(part, mean, variance, self.weight, self.bias, True, 1.0, self.eps)
            for part, mean, variance in zip(values.chunk(self.groups), *moments)
        ]
        self._follow(moments.mean(dim=1))
        return torch.cat(parts)

    @torch.no_grad()
    def _follow(self, moments: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        rate = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(moments[0], rate)
        self.running_var.lerp_(moments[1], rate)

    def extra_repr(self) -> str:
        """As of ``BatchNorm2d``, and the groups."""
        return f"{super().extra_repr()}, groups={self.groups}"


def split_norm(network: nn.Module, *, groups: int) -> nn.Module:
    """A copy of a network whose batch normalisation works in groups; the names of its state are the same.

    Parameters
    ----------
    network
        Any network; its ``BatchNorm2d`` layers change.
    groups
        Number of contiguous slices of the batch, 1 for none.

    Raises
    ------
    InputError
        If ``groups`` is below 1.
    """
    if groups < 1:
        msg = f"bn_groups={groups}: give at least 1 group."
        raise InputError(msg)
    return _exchanged(network, lambda norm: SplitBatchNorm2d.like(norm, groups=groups))


def group_norm(network: nn.Module, *, groups: int = 32) -> nn.Module:
    """A copy of a network with group normalisation in place of batch normalisation.

    It looks at one picture at a time, so nothing leaks, but weights that were learned with batch
    normalisation cannot be loaded.

    Parameters
    ----------
    network
        Any network; its ``BatchNorm2d`` layers change.
    groups
        Groups of channels; where they do not divide a layer's channels, their greatest common divisor.

    References
    ----------
    .. [1] Wu & He (2018), "Group Normalization", ECCV.
    """
    return _exchanged(
        network, lambda norm: nn.GroupNorm(math.gcd(groups, norm.num_features), norm.num_features, norm.eps)
    )


def _exchanged(network: nn.Module, made: Callable[[nn.BatchNorm2d], nn.Module]) -> nn.Module:
    """A copy of a network with every batch normalisation exchanged."""
    network = copy.deepcopy(network)
    for path, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent, _, child = path.rpartition(".")
            if not child:
                return made(module)
            setattr(network.get_submodule(parent), child, made(module))
    return network


def processes() -> tuple[int, int]:
    """Rank of this process and number of processes: (0, 1) outside distributed training."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def key_order(n: int, *, seed: int, step: int, stream: int = 0) -> Tensor:
    """Order in which the n keys of a global batch are normalised, the same in every process.

    Parameters
    ----------
    n
        Pictures in the global batch.
    seed, step
        Seed of the training and number of the step.
    stream
        Which of several orders of the step, such as that of the second view.
    """
    drawn = int(np.random.SeedSequence((seed, step, stream)).generate_state(1, np.uint64)[0] >> 1)
    return torch.randperm(n, generator=torch.Generator().manual_seed(drawn))


def routed(pictures: Tensor, order: Tensor) -> Tensor:
    """The share of this process of the global batch in another order.

    Every process receives only the pictures that it will look at, a world-size-th of what gathering all of
    them everywhere would move.

    Parameters
    ----------
    pictures
        This process's slice of the global batch, shape (n, ...).
    order
        Permutation of the global batch, from :func:`key_order`.

    Returns
    -------
    Tensor
        Shape (n, ...): pictures ``order[rank * n : (rank + 1) * n]`` of the global batch.
    """
    rank, world = processes()
    if world == 1:
        return pictures[order.to(pictures.device)]
    n = len(pictures)
    wanted = order.view(world, n)
    owner = wanted // n
    leaving = [wanted[other][owner[other] == rank] - rank * n for other in range(world)]
    arriving = [torch.nonzero(owner[rank] == other)[:, 0] for other in range(world)]
    sent = pictures[torch.cat(leaving).to(pictures.device)].contiguous()
    received = torch.empty_like(sent)
    distributed.all_to_all_single(received, sent, [len(a) for a in arriving], [len(a) for a in leaving])
    # torch.cat(arriving)[i] is the slot of the i-th picture that came
    return received[torch.argsort(torch.cat(arriving)).to(pictures.device)]


def gathered(values: Tensor, order: Tensor | None = None) -> Tensor:
    """Rows of all processes, shape (world n, ...), without gradient.

    Parameters
    ----------
    values
        Rows of this process, shape (n, ...).
    order
        The permutation by which rows were routed; they come back as they were before.
    """
    _, world = processes()
    if world > 1:
        parts = [torch.empty_like(values) for _ in range(world)]
        distributed.all_gather(parts, values.contiguous())
        values = torch.cat(parts)
    return values if order is None else values[torch.argsort(order).to(values.device)]


@torch.no_grad()
def average_statistics(network: nn.Module) -> None:
    """Give the running statistics of every process their mean over the processes.

    Running statistics are linear in those of the batches, so the mean now equals the mean in every step.
    All processes must call it; with one process nothing happens.
    """
    _, world = processes()
    buffers = [v for name, v in network.named_buffers() if name.endswith(("running_mean", "running_var"))]
    if world == 1 or not buffers:
        return
    together = torch.cat([buffer.reshape(-1) for buffer in buffers])
    distributed.all_reduce(together)
    for buffer, mean in zip(buffers, (together / world).split([buffer.numel() for buffer in buffers])):
        buffer.copy_(mean.view_as(buffer))
