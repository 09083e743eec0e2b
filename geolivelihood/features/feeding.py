"""How the values of a picture become what a network was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.features.pictures import Picture

__all__ = ["Feeding", "Normalise", "resize"]

Normalise = Literal["imagenet", "channels", "minmax", "none"]

# statistics of ImageNet, with which torchvision's weights were trained
_MEAN = (0.485, 0.456, 0.406)
_SD = (0.229, 0.224, 0.225)
_ROOM = 1e-10  # keeps the normalisation of a picture of one value finite, as published


@dataclass(frozen=True)
class Feeding:
    """Number of bands, the range of physical values, and the normalisation of a network's pictures.

    Parameters
    ----------
    n_bands
        Bands that the network takes.
    value_range
        Values that become 0 and 1 in pictures of physical units.
    normalise
        ``"imagenet"``, ``"channels"`` (``mean`` and ``sd``), ``"minmax"`` (each picture by its own extremes
        over all bands) or ``"none"`` (values 0-255).
    mean, sd
        Of each band, of values in 0-1. What is left out is filled in; without data a pixel has the mean.

    Raises
    ------
    InputError
        If an option is unknown, or does not fit the number of bands.
    """

    n_bands: int = 3
    value_range: tuple[float, float] | None = None
    normalise: Normalise = "imagenet"
    mean: tuple[float, ...] | None = None
    sd: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            msg = f"value_range={self.value_range}: the first value must be below the second."
            raise InputError(msg)
        mean, sd = _statistics(self.normalise, self.mean, self.sd, self.n_bands)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "sd", sd)

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Self:
        """The feeding that the card of a pretrained encoder describes."""
        bands, limits = card["bands"], card.get("value_range")
        own = card["normalise"] == "channels"
        return cls(
            n_bands=bands if isinstance(bands, int) else len(bands),
            value_range=None if limits is None else (float(limits[0]), float(limits[1])),
            normalise=card["normalise"],
            mean=tuple(card["mean"]) if own else None,
            sd=tuple(card["sd"]) if own else None,
        )

    def card(self) -> dict[str, Any]:
        """The feeding as entries of a card."""
        own = (
            {"mean": list(self.mean or ()), "sd": list(self.sd or ())} if self.normalise == "channels" else {}
        )
        limits = None if self.value_range is None else list(self.value_range)
        return {"value_range": limits, "normalise": self.normalise, **own}

    def unit(self, picture: Picture, *, name: str = "the network") -> np.ndarray:
        """Pixels (bands, height, width): uint8 as they are, all else float32 in 0-1, where no data is grey.

        Raises
        ------
        InputError
            If the picture has another number of bands, no valid pixel, or physical units without
            ``value_range``.
        """
        pixels = picture.pixels
        if len(pixels) != self.n_bands:
            msg = (
                f"The picture has {len(pixels)} bands; {name} takes {self.n_bands}. Choose them with "
                "bands=(4, 3, 2), or use the encoder 'rcf' or 'summary', which take any number."
            )
            raise InputError(msg)
        if pixels.dtype == np.uint8 and self.value_range is None:
            return pixels
        low, high = self.value_range or (0.0, picture.full_scale)
        if high is None:
            msg = (
                f"Pixels are in physical units (here {np.nanmin(pixels):g} to {np.nanmax(pixels):g}). Say "
                "which values are black and white with value_range=(low, high)."
            )
            raise InputError(msg)
        scaled = np.clip((pixels.astype(np.float32) - low) / (high - low), 0, 1)
        if np.isnan(scaled).all():
            msg = "The picture has no valid pixel."
            raise InputError(msg)
        # of a picture that is normalised by itself, no data is its own mean: it must not move the extremes
        filling = np.nanmean(scaled) if self.normalise == "minmax" else self.mean
        grey = np.asarray(filling, np.float32).reshape(-1, 1, 1)
        return np.where(np.isnan(scaled), grey, scaled)

    def inputs(self, pixels: Tensor) -> Tensor:
        """What the network takes, from bytes or from values in 0-1 (n, bands, height, width)."""
        values = pixels.float() if pixels.dtype == torch.uint8 else pixels * 255
        if self.normalise == "none":
            return values
        if self.normalise == "minmax":
            low, high = (extreme(values, dim=(1, 2, 3), keepdim=True) for extreme in (torch.amin, torch.amax))
            return (values - low) / (high - low + _ROOM)
        mean, sd = (values.new_tensor(v).view(1, -1, 1, 1) * 255 for v in (self.mean, self.sd))
        return (values - mean) / sd


def _statistics(
    normalise: str, mean: tuple[float, ...] | None, sd: tuple[float, ...] | None, n_bands: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each band; normalisations without them need a mean as grey."""
    if normalise not in get_args(Normalise):
        msg = f"normalise={normalise!r}: choose {', '.join(map(repr, get_args(Normalise)))}."
        raise InputError(msg)
    if normalise == "channels":
        given = [() if values is None else tuple(float(v) for v in values) for values in (mean, sd)]
        if {len(values) for values in given} != {n_bands} or not min(given[1]) > 0:
            msg = f"mean={mean}, sd={sd}: give {n_bands} of each, one per band, and sd above 0."
            raise InputError(msg)
        return given[0], given[1]
    if mean is not None or sd is not None:
        msg = f"mean and sd are for normalise='channels', not {normalise!r}."
        raise InputError(msg)
    if n_bands == 3:
        return _MEAN, _SD
    if normalise == "imagenet":
        msg = (
            f"ImageNet's statistics are those of 3 bands, the network takes {n_bands}: "
            "give normalise='channels' with mean and sd, or normalise='minmax'."
        )
        raise InputError(msg)
    return (0.5,) * n_bands, (1.0,) * n_bands


def resize(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Pixels (bands, height, width) in another height and width, bilinear without aliasing, of their type."""
    values = torch.from_numpy(pixels[None].astype(np.float32))
    resized = functional.interpolate(values, shape, mode="bilinear", antialias=True)[0].numpy()
    if pixels.dtype == np.uint8:
        return np.clip(np.rint(resized), 0, 255).astype(np.uint8)
    return resized
