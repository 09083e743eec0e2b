"""Deep SHAP: DeepLIFT's rescale rule over a background, for whatever the network is written in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.gradients import backgrounds
from geolivelihood.explanation.attribution.max_pooling import pooling_slope
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["deep_shap"]

_CURVES: dict[Any, Any] = {
    **dict.fromkeys((torch.relu, torch.relu_, functional.relu, functional.relu_), functional.relu),
    **dict.fromkeys((Tensor.relu, Tensor.relu_), functional.relu),
    **dict.fromkeys((torch.sigmoid, Tensor.sigmoid, functional.sigmoid), torch.sigmoid),
    **dict.fromkeys((torch.tanh, Tensor.tanh, functional.tanh), torch.tanh),
    **{
        curve: curve
        for curve in (
            *(functional.relu6, functional.gelu, functional.silu, functional.elu, functional.leaky_relu),
            *(functional.hardswish, functional.hardsigmoid, functional.softplus, functional.hardtanh),
        )
    },
}
_POOLS: set[Any] = {functional.max_pool2d, torch.max_pool2d}
_POOL_OPTIONS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_FLAT = 1e-6
_ADDITIVE = 1e-3


def deep_shap(work: Work, pictures: Tensor) -> Parts:
    """Deep SHAP [1]_: contributions by the rescale rule, averaged over a background.

    The rule replaces the slope of every activation function by the slope of its chord between background and
    picture. It is applied to the functions as they are called, not to modules, so that a ReLU that serves
    twice (as in ResNets) or works in place is treated right; max-pooling is integrated along its way. Where
    the network has other curves (products, layer normalisation, attention) the sum is off.

    Raises
    ------
    InputError
        If contributions and score differ by more than 0.1 % of score less background.

    References
    ----------
    .. [1] Lundberg and Lee (2017), A unified approach to interpreting model predictions, NeurIPS; Shrikumar
       et al. (2017), Learning important features through propagating activation differences, ICML.
    """
    asked, total = work.asked(pictures)
    maps, intercept = [], []
    # One picture at a time: its background already makes a batch.
    for picture, background, ask in zip(pictures, backgrounds(work, pictures), asked):
        parts = [
            _rescaled(work, picture, background[at : at + work.batch_size], ask[None])
            for at in range(0, len(background), work.batch_size)
        ]
        maps.append(torch.cat(parts).sum(dim=1).mean(dim=0))
        intercept.append(work.scores(background, ask[None]).mean())
    found = Parts(torch.stack(maps), torch.stack(intercept), total)
    gap = found.total - found.intercept - found.maps.sum(dim=(1, 2))
    share = (gap.abs() / (total - found.intercept).abs().clamp_min(1e-9)).max()
    if share > _ADDITIVE and gap.abs().max() > 1e-5:
        msg = (
            f"Deep SHAP does not add up on this network: contributions miss the score by {float(share):.2%} "
            f"of its distance from the background (at most {_ADDITIVE:.1%} is accepted). Choose "
            "method='gradient_shap', which says its error, or 'integrated_gradients'."
        )
        raise InputError(msg)
    return found


def _rescaled(work: Work, picture: Tensor, background: Tensor, asked: Tensor) -> Tensor:
    """Contributions (m, bands, height, width) of a picture against each of m backgrounds."""
    pair = torch.cat([picture.expand_as(background), background]).detach().clone().requires_grad_()
    with _Rescale():
        answer = work.score(pair, asked)
    (slope,) = torch.autograd.grad(answer[: len(background)].sum(), pair)
    return slope[: len(background)].double() * (picture - background).double()


class _Rescale(TorchFunctionMode):
    """Inside the block curves propagate the slope of the chord between the two halves of the batch."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Take curves and max-pooling and leave everything else."""
        named = dict(kwargs or {})
        if func not in _CURVES and func not in _POOLS:
            return func(*args, **named)
        values = args[0] if args else named.pop("input")
        named.pop("inplace", None)
        if func in _POOLS:
            options = dict(zip(_POOL_OPTIONS, args[1:])) | named
            if options.get("dilation", 1) not in (1, (1, 1)) or options.get("ceil_mode"):
                return functional.max_pool2d(values, **options)
            return _PoolChord.apply(values, options)
        curve = _CURVES[func]
        rest = () if curve is functional.relu or (args and args[-1] is True) else args[1:]
        return _Chord.apply(values, lambda x: curve(x, *rest, **named))


class _Chord(torch.autograd.Function):
    """A curve that propagates the slope of its chord, or its own where the two halves hardly differ."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, curve: Callable[[Tensor], Tensor]) -> Tensor:
        result = curve(values)
        ctx.save_for_backward(values, result)
        ctx.curve = curve
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        values, result = ctx.saved_tensors
        half = len(values) // 2
        apart = values[:half] - values[half:]
        flat = apart.abs() < _FLAT
        chord = (result[:half] - result[half:]) / torch.where(flat, 1.0, apart)
        local = _slope(ctx.curve, values[:half]) if flat.any() else chord
        passed = torch.where(flat, local, chord) * grads[0][:half]
        return torch.cat([passed, torch.zeros_like(passed)]), None


class _PoolChord(torch.autograd.Function):
    """Max-pooling that propagates its mean gradient along the way."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, options: dict[str, Any]) -> Tensor:
        ctx.save_for_backward(values)
        ctx.options = options
        return functional.max_pool2d(values, **options)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (values,) = ctx.saved_tensors
        half, kernel = len(values) // 2, _pair(ctx.options["kernel_size"])
        slope = pooling_slope(
            values[:half],
            values[half:],
            grads[0][:half],
            kernel=kernel,
            stride=_pair(ctx.options.get("stride") or kernel),
            padding=_pair(ctx.options.get("padding", 0)),
        )
        return torch.cat([slope, torch.zeros_like(slope)]), None


def _slope(curve: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    with torch.enable_grad():
        point = at.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(curve(point).sum(), point)
    return slope


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[-1]))
