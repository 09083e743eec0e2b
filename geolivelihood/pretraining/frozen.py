"""Frozen means frozen: no weight learns, and no statistic of a batch normalisation moves.

``requires_grad=False`` alone does not freeze a network: in training mode its batch normalisations go on
averaging whatever they see, and Lightning puts every module into training mode each epoch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.features.weights import state_hash

__all__ = ["Frozen", "as_it_was", "frozen"]


class Frozen(nn.Module):
    """A network that stays as it is: in evaluation mode whatever ``train()`` says, without gradients.

    Parameters
    ----------
    network
        Any network; it is put into evaluation mode, and its weights need no gradients any more.

    Attributes
    ----------
    hash
        SHA-256 of its weights and buffers when it was frozen.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.hash = state_hash(network.state_dict())
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode."""
        return super().train(False)

    def forward(self, inputs: Tensor) -> Tensor:
        """What the network makes of its inputs, without gradients."""
        with torch.no_grad():
            return self.network(inputs)

    def check(self) -> None:
        """See that nothing has changed since the network was frozen.

        Raises
        ------
        InputError
            If a weight or a buffer has.
        """
        if state_hash(self.network.state_dict()) != self.hash:
            msg = (
                "The frozen network has changed: something else trains it, or one of its modules updates "
                "buffers in evaluation mode. Probe a copy (copy.deepcopy) of it."
            )
            raise InputError(msg)


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[Frozen]:
    """Freeze a network inside the block, check that it stayed as it was, and let it learn again after.

    Raises
    ------
    InputError
        If a weight or a buffer changed inside the block.
    """
    learns = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
    with as_it_was(network):
        still = Frozen(network)
        try:
            yield still
            still.check()
        finally:
            for name, parameter in network.named_parameters():
                parameter.requires_grad_(learns[name])


@contextlib.contextmanager
def as_it_was(network: nn.Module) -> Iterator[None]:
    """Give every module back the mode (training or evaluation) that it had before the block."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode  # module.train() would set the modules below it too
