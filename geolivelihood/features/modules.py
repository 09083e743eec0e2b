"""Encoders as torch modules: for whoever asks not only what the features are but where they come from."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import Backbone
from geolivelihood.features.encoders import Encoder
from geolivelihood.features.rcf import RandomConvolutions

__all__ = ["encoder_module"]


def encoder_module(encoder: Encoder) -> nn.Module:
    """The network inside an encoder, from prepared pictures to features.

    Parameters
    ----------
    encoder
        A fitted encoder.

    Returns
    -------
    torch.nn.Module
        From pictures (n, bands, height, width) float32, as ``prepare`` gives them (bytes as 0 to 255), to
        features (n, dim). Its last maps are averaged over the picture. Pixels without data must have been
        filled; an encoder that leaves them out gives slightly other features for such pictures.

    Raises
    ------
    InputError
        If the encoder is no network, or has not been fitted.
    """
    if isinstance(encoder, Backbone):
        return nn.Sequential(OrderedDict(pixels=_BackbonePixels(encoder), network=encoder.network)).eval()
    if isinstance(encoder, RandomConvolutions):
        return _random_convolutions(encoder).eval()
    msg = (
        f"The encoder {encoder.name!r} is no network, so nothing in its pictures can be pointed at. Encode "
        "the source by 'rcf' or by a backbone such as 'resnet18'."
    )
    raise InputError(msg)


class _BackbonePixels(nn.Module):
    """From 0-255 to what the network was trained on."""

    def __init__(self, encoder: Backbone) -> None:
        super().__init__()
        self._encoder = encoder

    def forward(self, pixels: Tensor) -> Tensor:
        """Scale pixels (n, 3, height, width) from 0-255."""
        return self._encoder.inputs(pixels / 255)


def _random_convolutions(encoder: RandomConvolutions) -> nn.Module:
    if not encoder.fitted:
        msg = "rcf has no filters yet: fit it, or restore those of a feature store."
        raise InputError(msg)
    state = encoder.state()
    filters = state["filters"]
    convolution = nn.Conv2d(filters.shape[1], filters.shape[0], encoder.kernel, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(filters)
    return nn.Sequential(
        OrderedDict(
            bands=_Standardised(state["mean"], state["sd"]),
            filters=convolution,
            rectifier=_BothSides(encoder.bias),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
        )
    )


class _Standardised(nn.Module):
    """Pixels in standard deviations of their band."""

    mean: Tensor
    sd: Tensor

    def __init__(self, mean: Tensor, sd: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.float().view(1, -1, 1, 1))
        self.register_buffer("sd", sd.float().view(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Standardise each band of (n, bands, height, width)."""
        return (pixels - self.mean) / self.sd


class _BothSides(nn.Module):
    """How far a response exceeds the threshold, above and below."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, response: Tensor) -> Tensor:
        """From responses (n, filters, height, width) to twice as many maps."""
        both = torch.cat([response, -response], dim=1)
        return (both - self.threshold).relu()
