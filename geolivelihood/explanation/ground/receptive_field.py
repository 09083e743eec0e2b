"""Where in the picture the cells of a network's layer look, followed operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from geolivelihood.explanation.attribution.hooks import as_found

__all__ = ["captured", "central_offset", "traced_steps"]

Steps = tuple[float, float, float, float]  # start down, jump down, start across, jump across


def traced_steps(network: nn.Module, layer: nn.Module, picture: Tensor) -> tuple[Steps | None, Tensor]:
    """Start and jump of a layer's cells in input pixels, and what the layer gives for ``picture``.

    Every convolution, pooling, padding and enlargement on the way to the layer moves its cells; all other
    operations hand the places of their inputs on. ``None`` where an operation on the way is not known.
    """
    tracer = _Tracer(picture)
    with captured(network, layer) as outputs, torch.no_grad(), tracer:
        network(picture)
    return tracer.steps(outputs[0]), outputs[0]


def central_offset(
    network: nn.Module, layer: nn.Module, picture: Tensor, cell: Callable[[Tensor], Tensor]
) -> tuple[float, float]:
    """Mean place (down, across) in input pixels from which a cell's value can be changed.

    The centroid of the squared gradient of the cell's channels at a batch of noise pictures; ``cell`` takes
    the values (n, channels) of the cell out of the layer's output.
    """
    given = picture.detach().clone().requires_grad_(True)
    with captured(network, layer) as outputs, torch.enable_grad():
        network(given)
        values = cell(outputs[0])
        signs = torch.randint(0, 2, values.shape, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
        (gradient,) = torch.autograd.grad((values * signs.to(values)).sum(), given)
    weight = gradient.double().square().sum(dim=(0, 1)).cpu().numpy()
    middles = [np.arange(size) + 0.5 for size in weight.shape]
    total = max(weight.sum(), np.finfo(float).tiny)
    return float(weight.sum(axis=1) @ middles[0] / total), float(weight.sum(axis=0) @ middles[1] / total)


@contextmanager
def captured(network: nn.Module, layer: nn.Module) -> Iterator[list[Tensor]]:
    """What the layer gives while the network runs in evaluation mode; the network is left as it was."""
    outputs: list[Tensor] = []
    # a copy: what follows may overwrite the original
    hook = layer.register_forward_hook(lambda _, __, output: outputs.append(_copied(output)))
    try:
        with as_found(network):
            yield outputs
    finally:
        hook.remove()


def _copied(output: Any) -> Any:
    return output.clone() if isinstance(output, Tensor) else output


class _Tracer(TorchDispatchMode):
    """Notes for every tensor that comes of the picture where its cells look."""

    def __init__(self, picture: Tensor) -> None:
        super().__init__()
        self._known: dict[int, Steps | None] = {id(picture): (0.5, 1.0, 0.5, 1.0)}
        self._held: list[Tensor] = [picture]  # an id is good for as long as its tensor lives

    def steps(self, tensor: Tensor) -> Steps | None:
        return self._known.get(id(tensor))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = [self._known[id(tensor)] for tensor in _tensors(args) if id(tensor) in self._known]
        if inputs:
            rule = _RULES.get(func.overloadpacket)
            before = inputs[0] if all(step is not None for step in inputs) else None
            # branches that are added or joined look at the same places in every network worth explaining;
            # the check of the centroid finds the others
            after = before if rule is None or before is None else rule(before, args)
            for tensor in _tensors(out if isinstance(out, tuple | list) else (out,)):
                self._known[id(tensor)] = after
                self._held.append(tensor)
        return out


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors(value)


def _windowed(steps: Steps, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Steps:
    """A window of ``kernel`` pixels that moves by ``stride``: Araujo et al. (2019), Distill 4(11)."""
    size, move, pad, spread = (_pair(value) for value in (kernel, stride or kernel, padding, dilation))
    after = []
    for axis in (0, 1):
        start, jump = steps[2 * axis], steps[2 * axis + 1]
        after += [start + ((size[axis] - 1) * spread[axis] / 2 - pad[axis]) * jump, jump * move[axis]]
    return after[0], after[1], after[2], after[3]


def _convolution(steps: Steps, args: Any) -> Steps | None:
    _, weight, _, stride, padding, dilation, transposed = args[:7]
    if transposed or weight.dim() != 4:
        return None
    return _windowed(steps, weight.shape[2:], stride, padding, dilation)


def _pooling(steps: Steps, args: Any) -> Steps:
    given = [*args[1:], *([], 0)[len(args) - 2 :]] if len(args) < 4 else args[1:]
    dilation = given[3] if len(given) > 3 and not isinstance(given[3], bool) else 1
    return _windowed(steps, given[0], given[1], given[2], dilation)


def _padding(steps: Steps, args: Any) -> Steps:
    left, _, top, _ = [*args[1], 0, 0][:4]
    down, jump_down, across, jump_across = steps
    return down - top * jump_down, jump_down, across - left * jump_across, jump_across


def _pair(value: Any) -> tuple[float, float]:
    values = list(value) if isinstance(value, Iterable) else [value]
    return float(values[0]), float(values[-1])


_aten = torch.ops.aten
_RULES: dict[Any, Callable[[Steps, Any], Steps | None]] = {
    _aten.convolution: _convolution,
    _aten.max_pool2d_with_indices: _pooling,
    _aten.avg_pool2d: _pooling,
    _aten.constant_pad_nd: _padding,
    _aten.reflection_pad2d: _padding,
    _aten.replication_pad2d: _padding,
}
