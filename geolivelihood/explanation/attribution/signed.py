"""The signed class activation map: the prediction itself, written as a sum over the picture."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.hooks import tapped
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["signed_cam", "signed_maps"]

# How far the pooled maps may be from what the head was given, as a share of its largest value.
_TOLERANCE = 1e-3


def signed_cam(
    activations: Tensor,
    weights: Tensor,
    bias: Tensor | float = 0.0,
    *,
    bias_to: Literal["spread", "intercept"] = "spread",
) -> tuple[Tensor, Tensor]:
    r"""Signed map of a linear head on average-pooled features [1]_, without gradients.

    :math:`M = \sum_k w_k A_k / HW + b / HW`, of which the sum is the score.

    Parameters
    ----------
    activations
        Feature maps A before the pooling, shape (n, K, H, W).
    weights
        Weight of each feature in the score, shape (n, K) or (K,): of two classes the difference of their
        rows.
    bias
        Constant b of the score, shape (n,) or a number.
    bias_to
        ``"spread"`` it evenly over the map, or keep it as the ``"intercept"``.

    Returns
    -------
    maps
        Shape (n, H, W), float64.
    intercept
        Shape (n,): what of the score is not in the map.

    References
    ----------
    .. [1] Zhou et al. (2016), Learning deep features for discriminative localization, CVPR; with its sign.
    """
    maps = activations.double()
    n, _, rows, columns = maps.shape
    weight = weights.double().expand(n, -1)
    constant = torch.as_tensor(bias, dtype=torch.float64, device=maps.device).expand(n)
    found = torch.einsum("nk,nkhw->nhw", weight, maps) / (rows * columns)
    if bias_to == "intercept":
        return found, constant.clone()
    return found + constant[:, None, None] / (rows * columns), torch.zeros_like(constant)


def signed_maps(work: Work, pictures: Tensor) -> Parts:
    """Signed maps of a batch, from one forward pass.

    Between the pooling and the head there may be a layer normalisation. For a given picture it is a linear
    map and a scale; the scale is taken as it is, so that the sum stays exact.

    Raises
    ------
    InputError
        If the head is not linear in the averages of the layer's maps.
    """
    assert work.layer is not None
    if work.head is None:
        raise InputError(_refusal("the outputs do not come from a linear layer"))
    ran: list[tuple[Tensor, Tensor]] = []
    hook = work.head.register_forward_hook(lambda _head, given, out: ran.append((given[0], out.clone())))
    try:
        with torch.no_grad(), tapped(work.layer) as seen:
            outputs = work.subject.forward(pictures)
    finally:
        hook.remove()
    given, out = ran[-1]
    if not torch.allclose(out, outputs):
        raise InputError(_refusal("the outputs are not what the linear layer gave"))
    asked = work.question.weights(outputs)
    activations = _pooled_maps(seen[0], given, work.norm)
    weight, bias = asked @ work.head.weight.double(), work.bias_term(asked)
    if work.norm is not None:
        weight, bias = _through_norm(work.norm, activations, weight, bias)
    maps, intercept = signed_cam(
        activations, weight, bias, bias_to="intercept" if work.bias == "intercept" else "spread"
    )
    return Parts(maps, intercept, work.question.score(outputs, asked))


def _pooled_maps(maps: Tensor, given: Tensor, norm: nn.LayerNorm | None) -> Tensor:
    """The maps of which the head was given the averages: the layer's, or these after a functional ReLU."""
    # DenseNets rectify and pool in functions that no hook sees.
    for candidate in (maps, functional.relu(maps)):
        pooled = candidate.mean(dim=(2, 3))
        if norm is not None and norm.weight is not None and norm.weight.numel() == pooled.shape[1]:
            pooled = functional.layer_norm(pooled, pooled.shape[1:], norm.weight, norm.bias, norm.eps)
        if pooled.shape == given.shape:
            off = (pooled - given).abs().max()
            if off <= _TOLERANCE * given.abs().max().clamp_min(1e-12):
                return candidate
    raise InputError(_refusal("the head is not given the averages of this layer's maps"))


def _through_norm(norm: nn.LayerNorm, maps: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and bias of the pooled features themselves where the head sees them normalised."""
    pooled = maps.double().mean(dim=(2, 3))
    scale = (pooled.var(dim=1, unbiased=False) + norm.eps).sqrt()[:, None]
    own = weight * norm.weight.double() / scale
    shift = 0.0 if norm.bias is None else weight @ norm.bias.double()
    return own - own.mean(dim=1, keepdim=True), bias + shift


def _refusal(reason: str) -> str:
    return (
        f"The signed CAM needs a linear head on average-pooled maps; {reason}. Choose the layer before the "
        "pooling, or method='integrated_gradients' with the same layer (complete as well), or 'layer_cam'."
    )
