"""What a network is made of, found by running it: its feature maps and its head."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.hooks import as_found
from geolivelihood.explanation.attribution.subject import Subject

__all__ = ["Step", "Trace", "trace"]

_POOLS = (nn.AdaptiveAvgPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d)


class Step(NamedTuple):
    """One module that ran: its name, itself and the shape of what it put out."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]

    @property
    def spatial(self) -> bool:
        """Whether it is a stack of maps (n, channels, height, width)."""
        return len(self.shape) == 4


class Trace(NamedTuple):
    """Modules in the order in which they finished, and the outputs of the network."""

    steps: list[Step]
    outputs: Tensor

    def layer(self, name: str | None) -> Step:
        """The layer of that name; without one, the last feature maps before they are pooled.

        Raises
        ------
        InputError
            If there is no such layer; the message lists those that there are.
        """
        maps = [step for step in self.steps if step.spatial]
        if name is None:
            if not maps:
                msg = "The network has no layer of feature maps (n, channels, height, width) to explain."
                raise InputError(msg)
            return self._last_maps()
        found = [step for step in maps if step.name == name]
        if found:
            return found[-1]
        sizes = {step.name: " x ".join(map(str, step.shape[1:])) for step in maps if step.name}
        choice = ", ".join(f"{known} ({size})" for known, size in sizes.items())
        msg = f"The network has no layer of feature maps named {name!r}. It has {choice}."
        raise InputError(msg)

    def _last_maps(self) -> Step:
        """Gates of channels pool as well: what counts is the last pooling, if no maps follow it."""
        at = [k for k, step in enumerate(self.steps) if step.spatial]
        pools = [k for k in at if isinstance(self.steps[k].module, _POOLS)]
        after = [k for k in at if pools and k > pools[-1] and max(self.steps[k].shape[2:]) > 1]
        before = [k for k in at if not pools or k < pools[-1]]
        return self.steps[(after or before or at)[-1]]

    def head(self) -> nn.Linear | None:
        """The last linear layer, if it gives the outputs."""
        linear = [step for step in self.steps if isinstance(step.module, nn.Linear)]
        if linear and linear[-1].shape == tuple(self.outputs.shape):
            head: Any = linear[-1].module
            return head
        return None

    def norm_before_head(self, layer: Step) -> nn.LayerNorm | None:
        """The layer normalisation between a layer and the head, if there is one."""
        first = max(k for k, step in enumerate(self.steps) if step.name == layer.name)
        norms = [step.module for step in self.steps[first + 1 :] if isinstance(step.module, nn.LayerNorm)]
        return norms[-1] if norms else None


def trace(of: Subject, pictures: Tensor) -> Trace:
    """Run some pictures through a network and note what ran."""
    steps: list[Step] = []
    with as_found(of.network), torch.no_grad(), ExitStack() as hooks:
        for name, module in of.network.named_modules():

            def note(ran: nn.Module, _inputs: Any, output: Any, name: str = name) -> None:
                if isinstance(output, Tensor):
                    steps.append(Step(name, ran, tuple(output.shape)))

            hooks.callback(module.register_forward_hook(note).remove)
        outputs = of.forward(pictures)
    return Trace(steps, outputs)
