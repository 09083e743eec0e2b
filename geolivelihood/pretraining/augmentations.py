"""What is done to a picture before a network sees it: crops, colours, turns; as published, and from above."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from geolivelihood.errors import InputError

__all__ = [
    "Augmentation",
    "moco_augmentation",
    "overhead_augmentation",
    "plain",
    "rank_augmentation",
]

_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_PAPER_SIZE = 224


class Augmentation(Protocol):
    """From a picture to what the network takes.

    Attributes
    ----------
    size
        Side in pixels of what comes out.
    mean, sd
        Per band, in values of 0-1, or ``None`` where each picture is scaled by itself.
    """

    size: int
    mean: tuple[float, ...] | None
    sd: tuple[float, ...] | None

    def __call__(self, pixels: Tensor) -> Tensor:
        """View (bands, size, size) float32 of pixels (bands, height, width), uint8 or float in 0-1."""

    def card(self) -> dict[str, Any]:
        """What defines the augmentation, as JSON."""


class _Chain(nn.Module):
    """Steps in order, then normalisation by band or by picture."""

    def __init__(
        self,
        name: str,
        steps: Sequence[nn.Module],
        *,
        size: int,
        mean: Sequence[float] | None,
        sd: Sequence[float] | None,
        settings: dict[str, Any],
    ) -> None:
        super().__init__()
        self.name, self.size, self.settings = name, size, settings
        self.mean = None if mean is None else tuple(mean)
        self.sd = None if sd is None else tuple(sd)
        self.steps = nn.Sequential(*steps)
        self._float = v2.ToDtype(torch.float32, scale=True)
        last = None if mean is None or sd is None else v2.Normalize(list(mean), list(sd))
        self._last = last or _PictureRange()

    def forward(self, pixels: Tensor) -> Tensor:
        return self._last(self._float(self.steps(pixels)))

    def card(self) -> dict[str, Any]:
        normalise = {"mean": self.mean and list(self.mean), "sd": self.sd and list(self.sd)}
        return {"augmentation": self.name, "size": self.size, **self.settings, **normalise}


def moco_augmentation(
    size: int = _PAPER_SIZE,
    temporal: bool = False,
    *,
    mean: Sequence[float] = _MEAN,
    sd: Sequence[float] = _SD,
) -> Augmentation:
    """The published augmentation of MoCo-v2 on places, scaled to any size.

    At 224 pixels: the short side to 448 (with temporal positives then the central square of 448), a random
    crop of 0.2 to 1 (0.08 to 1) of the area to 224, colour jitter (.4, .4, .4, .1) in 8 of 10, grey in 2 of
    10, Gaussian blur of 0.1 to 2 pixels in half, mirrored in half, normalised [1]_. Other sizes scale all
    lengths.

    References
    ----------
    .. [1] Ayush et al. (2021), Geography-Aware Self-Supervised Learning, ICCV, section 5.
    """
    _check_size(size)
    least = 0.08 if temporal else 0.2
    steps: list[nn.Module] = [v2.Resize(2 * size, antialias=True)]
    if temporal:
        steps.append(v2.CenterCrop(2 * size))
    steps += [
        v2.RandomResizedCrop(size, scale=(least, 1.0), antialias=True),
        *_colours(3),
        _blur(size),
        v2.RandomHorizontalFlip(),
    ]
    settings = {"resize": 2 * size, "centre_crop": 2 * size if temporal else None, "scale": [least, 1.0]}
    return _Chain("moco", steps, size=size, mean=mean, sd=sd, settings=settings)


def overhead_augmentation(
    size: int = _PAPER_SIZE,
    *,
    bands: int = 3,
    zoom: tuple[float, float] = (0.5, 2.0),
    blur: bool = True,
    mean: Sequence[float] | None = None,
    sd: Sequence[float] | None = None,
) -> Augmentation:
    """Augmentation of pictures from above, which have no up: mirrored both ways and turned by quarters.

    The crop is chosen by ground sampling distance: its side is ``size`` pixels of the picture times a factor
    drawn from ``zoom``, so a view's pixels are at most that much finer or coarser than the picture's own, and
    a house stays the size of a house whatever the size of the file.

    Parameters
    ----------
    size
        Side in pixels of a view.
    bands
        Number of bands. With three the colours change as in MoCo-v2, else each band has a gain and an
        offset of its own.
    zoom
        Least and most ground sampling distance of a view, relative to the picture's; drawn uniformly on a
        logarithmic scale. Crops never reach beyond the picture.
    blur
        Whether half of the views are blurred.
    mean, sd
        Per band, in values of 0-1; by default ImageNet's for three bands, else 0.5 and 0.25.

    Raises
    ------
    InputError
        If an option is out of range.
    """
    _check_size(size)
    if bands < 1 or not 0 < zoom[0] <= zoom[1]:
        msg = f"bands={bands}, zoom={zoom}: give at least one band, and 0 < zoom[0] <= zoom[1]."
        raise InputError(msg)
    mean = mean or (_MEAN if bands == 3 else (0.5,) * bands)
    sd = sd or (_SD if bands == 3 else (0.25,) * bands)
    if not len(mean) == len(sd) == bands:
        msg = f"{len(mean)} means and {len(sd)} standard deviations of {bands} bands: give one per band."
        raise InputError(msg)
    steps: list[nn.Module] = [_GroundCrop(size, zoom), *_colours(bands)]
    steps += [_blur(size)] if blur else []
    steps += [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip(), _QuarterTurn()]
    settings = {"bands": bands, "zoom": list(zoom), "blur": blur}
    return _Chain("overhead", steps, size=size, mean=mean, sd=sd, settings=settings)


def rank_augmentation(size: int = 500, *, train: bool = True) -> Augmentation:
    """The published transform of Rank-N-Contrast on income and liveability.

    Squashed to ``size``, then RandAugment and RandomErasing with torchvision's defaults (``train``), then
    each picture scaled by its own least and greatest value over all bands, (x - min) / (max - min + 1e-10)
    [1]_.

    References
    ----------
    .. [1] Obadic et al. (2024), Contrastive Pretraining for Visual Concept Explanations of Socioeconomic
       Outcomes, CVPR Workshops.
    """
    _check_size(size)
    steps: list[nn.Module] = [v2.ToDtype(torch.uint8, scale=True), v2.Resize((size, size), antialias=True)]
    if train:
        steps += [v2.RandAugment(), v2.RandomErasing()]
    return _Chain("rank", steps, size=size, mean=None, sd=None, settings={"train": train})


def plain(
    size: int = _PAPER_SIZE, *, mean: Sequence[float] = _MEAN, sd: Sequence[float] = _SD
) -> Augmentation:
    """No augmentation: the short side to ``size``, the central square, normalised."""
    _check_size(size)
    steps = [v2.Resize(size, antialias=True), v2.CenterCrop(size)]
    return _Chain("plain", steps, size=size, mean=mean, sd=sd, settings={})


class _PictureRange(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        low, high = pixels.min(), pixels.max()
        return (pixels - low) / (high - low + 1e-10)


class _GroundCrop(nn.Module):
    """A square of ``size`` times a random factor, anywhere in the picture, to ``size`` pixels."""

    def __init__(self, size: int, zoom: tuple[float, float]) -> None:
        super().__init__()
        self.size, self.zoom = size, zoom

    def forward(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[-2:]
        factor = math.exp(_between(*(math.log(value) for value in self.zoom)))
        side = max(1, min(round(self.size * factor), height, width))
        top = int(torch.randint(height - side + 1, ()))
        left = int(torch.randint(width - side + 1, ()))
        return v2.functional.resized_crop(
            pixels, top, left, side, side, [self.size, self.size], antialias=True
        )


class _QuarterTurn(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return torch.rot90(pixels, int(torch.randint(4, ())), (-2, -1))


class _BandJitter(nn.Module):
    """Gain and offset of each band, in 0-1: what colour jitter is where there are no colours."""

    def __init__(self, gain: float, offset: float) -> None:
        super().__init__()
        self.gain, self.offset = gain, offset

    def forward(self, pixels: Tensor) -> Tensor:
        values = v2.functional.to_dtype(pixels, torch.float32, scale=True)
        draws = torch.rand(2, len(values), 1, 1) * 2 - 1
        return (values * (1 + self.gain * draws[0]) + self.offset * draws[1]).clamp(0, 1)


class _ColourJitter(nn.Module):
    """torchvision's ColorJitter of (.4, .4, .4, .1) in floats, the hue several times faster."""

    def __init__(self) -> None:
        super().__init__()
        self.brightness = self.contrast = self.saturation = (0.6, 1.4)
        self.hue = (-0.1, 0.1)

    def forward(self, pixels: Tensor) -> Tensor:
        values = v2.functional.to_dtype(pixels, torch.float32, scale=True)
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        change = (
            v2.functional.adjust_brightness,
            v2.functional.adjust_contrast,
            v2.functional.adjust_saturation,
            adjust_hue,
        )
        for which in torch.randperm(4).tolist():
            values = change[which](values, _between(*ranges[which]))
        return values


def adjust_hue(pixels: Tensor, turn: float) -> Tensor:
    """Colours (3, height, width) of 0-1 with the hue turned by a share of the circle.

    Through hue, value V and chroma C as six linear ramps, C |h - 3| and so on, without the table of six cases
    that torchvision gathers from.
    """
    red, green, blue = pixels
    value, low = pixels.amax(0), pixels.amin(0)
    chroma = value - low
    safe = torch.where(chroma == 0, 1.0, chroma)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = (hue + 6 * turn).remainder(6)
    ramps = ((hue - 3).abs() - 1, 2 - (hue - 2).abs(), 2 - (hue - 4).abs())
    return torch.stack([torch.addcmul(low, chroma, ramp.clamp(0, 1)) for ramp in ramps])


class _Blur(nn.Module):
    """Gaussian blur along rows, then along columns: the same as in both at once, several times faster."""

    def __init__(self, radius: int, sigma: tuple[float, float]) -> None:
        super().__init__()
        self.radius, self.sigma = radius, sigma

    def forward(self, pixels: Tensor) -> Tensor:
        values = v2.functional.to_dtype(pixels, torch.float32, scale=True)
        steps = torch.arange(-self.radius, self.radius + 1, dtype=torch.float32)
        kernel = torch.softmax(-0.5 * (steps / _between(*self.sigma)) ** 2, 0)
        padded = nn.functional.pad(values[:, None], (self.radius,) * 4, mode="replicate")
        rows = nn.functional.conv2d(padded, kernel[None, None, None])
        return nn.functional.conv2d(rows, kernel[None, None, :, None])[:, 0]


def _between(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()


class _BandMean(nn.Module):
    """All bands replaced by their mean: grey, for any number of them."""

    def forward(self, pixels: Tensor) -> Tensor:
        values = v2.functional.to_dtype(pixels, torch.float32, scale=True)
        return values.mean(0, keepdim=True).expand_as(values)


def _colours(bands: int) -> list[nn.Module]:
    if bands == 3:
        return [v2.RandomApply([_ColourJitter()], p=0.8), v2.RandomGrayscale(p=0.2)]
    return [v2.RandomApply([_BandJitter(0.4, 0.1)], p=0.8), v2.RandomApply([_BandMean()], p=0.2)]


def _blur(size: int) -> nn.Module:
    low, high = (sigma * size / _PAPER_SIZE for sigma in (0.1, 2.0))
    # three standard deviations to each side hold all but 0.3 % of a Gaussian
    return v2.RandomApply([_Blur(math.ceil(3 * high), (low, high))], p=0.5)


def _check_size(size: int) -> None:
    if size < 1:
        msg = f"size={size}: give the side of a view in pixels, at least 1."
        raise InputError(msg)
