"""Guided backpropagation: gradients that pass only where they and the activations are positive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.cams import grad_cam
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["GuidedRelus", "guided_backprop", "guided_grad_cam", "guided_slope"]

_RELU = {torch.relu, torch.relu_, functional.relu, functional.relu_, Tensor.relu, Tensor.relu_}
_CLAMPS = {
    functional.relu6: (0.0, 6.0),
    functional.hardtanh: (-1.0, 1.0),
    functional.hardtanh_: (-1.0, 1.0),
}


def guided_backprop(work: Work, pictures: Tensor) -> Parts:
    """Guided backpropagation [1]_: its gradient at the pixels, summed over the bands.

    A picture of edges that matter, not a share of the score: the residual is large by nature.

    References
    ----------
    .. [1] Springenberg et al. (2015), Striving for simplicity, ICLR workshop (arXiv:1412.6806).
    """
    asked, total = work.asked(pictures)
    return Parts(guided_slope(work, pictures, asked).sum(dim=1), torch.zeros_like(total), total)


def guided_grad_cam(work: Work, pictures: Tensor) -> Parts:
    """Guided Grad-CAM [2]_: guided backpropagation times Grad-CAM, each cell enlarged to where it looks.

    References
    ----------
    .. [2] Selvaraju et al. (2017), Grad-CAM, ICCV.
    """
    coarse = grad_cam(work, pictures)
    asked, total = work.asked(pictures)
    fine = guided_slope(work, pictures, asked).sum(dim=1)
    size = (int(pictures.shape[2]), int(pictures.shape[3]))
    return Parts(fine * work.enlarged(coarse.maps, size), torch.zeros_like(total), total)


def guided_slope(work: Work, pictures: Tensor, asked: Tensor) -> Tensor:
    """Guided gradient (n, bands, height, width) of the score at pictures, float64.

    Raises
    ------
    InputError
        If the network has no ReLU.
    """
    met: list[Any] = []

    @contextmanager
    def inside() -> Iterator[None]:
        with GuidedRelus() as mode:
            yield
        met.append(mode.met)

    slope = work.gradient(pictures, asked, inside)
    if not met[0]:
        kind = type(work.subject.network).__name__
        msg = (
            f"Guided backpropagation is defined for networks with ReLU; {kind} has none. "
            "Choose method='integrated_gradients'."
        )
        raise InputError(msg)
    return slope


class GuidedRelus(TorchFunctionMode):
    """Inside the block every ReLU, of a module or a function, propagates guided gradients.

    Nothing of the network is replaced, so that a ReLU that serves twice is guided twice. ReLU6 and hard tanh
    are treated alike, with their own derivative.
    """

    def __init__(self) -> None:
        super().__init__()
        self.met = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Take ReLUs and leave everything else."""
        if func not in _RELU and func not in _CLAMPS:
            return func(*args, **(kwargs or {}))
        self.met += 1
        given = dict(zip(("input", "min_val", "max_val"), args)) | (kwargs or {})
        low, high = (0.0, torch.inf) if func in _RELU else _CLAMPS[func]
        if func not in _RELU and func is not functional.relu6:
            low, high = given.get("min_val", low), given.get("max_val", high)
        return _GuidedClamp.apply(given["input"], low, high)


class _GuidedClamp(torch.autograd.Function):
    """Clamping whose gradient is grad·[low < x < high]·[grad > 0]."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward((values > low) & (values < high))
        return values.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (open_,) = ctx.saved_tensors
        return grads[0].clamp_min(0) * open_, None, None
