"""Looking inside a network and leaving it as it was found, also after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["as_found", "tapped"]


@contextmanager
def as_found(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without in-place modules and gradients of weights, for as long as the block lasts.

    Afterwards every module is in its own mode again, with its own in-place flag, and weights ask for
    gradients as before; weights' gradients are never touched. A buffer that changed meanwhile (statistics of
    batch normalisation) gets its values back.
    """
    modules, parameters = list(network.modules()), list(network.parameters())
    modes = [module.training for module in modules]
    inplace: list[Any] = [module for module in modules if getattr(module, "inplace", False) is True]
    wanted = [parameter.requires_grad for parameter in parameters]
    buffers = [(buffer, buffer.detach().clone()) for buffer in network.buffers()]
    try:
        network.eval().requires_grad_(False)
        for module in inplace:
            module.inplace = False
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for module, mode in zip(modules, modes):
            module.training = mode
        for module in inplace:
            module.inplace = True
        for parameter, flag in zip(parameters, wanted):
            parameter.requires_grad_(flag)
        for buffer, before in buffers:
            if not torch.equal(buffer, before):
                buffer.copy_(before)


@contextmanager
def tapped(module: nn.Module, *, leaf: bool = False) -> Iterator[list[Tensor]]:
    """What a layer puts out, as a list of one tensor that each forward pass replaces.

    The tensor is a copy: what follows may overwrite the original (``out += ...``, in-place ReLU). Of a module
    that runs several times in a pass it is the last output.

    Parameters
    ----------
    module
        The layer.
    leaf
        Whether the rest of the network shall depend on the copy, so that gradients are taken with respect to
        it and nothing before the layer is differentiated.
    """
    seen: list[Tensor] = []

    def look(_module: nn.Module, _inputs: Any, output: Any) -> Tensor | None:
        if not isinstance(output, Tensor):
            seen[:] = []
            return None
        copy = output.detach().clone()
        seen[:] = [copy.requires_grad_(leaf)]
        # A leaf may not be written to in place; its clone may.
        return copy.clone() if leaf else None

    handle = module.register_forward_hook(look)
    try:
        yield seen
    finally:
        handle.remove()
