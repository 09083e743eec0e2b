"""Pictures with nothing in them, to compare a picture with."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from geolivelihood.errors import InputError

__all__ = ["Baseline", "baseline_name", "baseline_pictures", "given_pictures", "whole_pictures"]

Baseline = Literal["mean", "blur", "zero"]

# Petsiuk et al. (2018): a kernel of 11 pixels, sigma 5, at 224 pixels
_SIGMA, _SIDE = 5.0, 224


def baseline_name(baseline: Any) -> str:
    """A baseline in words."""
    if isinstance(baseline, str):
        return baseline
    count = len(baseline) if np.ndim(baseline) == 4 else 1
    return f"{count} given pictures" if count > 1 else "given picture"


def baseline_pictures(pictures: Tensor, baseline: Any) -> Tensor:
    """One baseline for each picture, or the pictures of a background.

    Parameters
    ----------
    pictures
        Shape (n, bands, height, width).
    baseline
        ``"mean"`` (each picture's own mean colour), ``"blur"`` (the picture, blurred with sigma 5 px at 224
        px), ``"zero"``, or pictures (m, bands, height, width), or one picture.

    Returns
    -------
    torch.Tensor
        Shape (n, ...) for a named baseline, (m, ...) for given pictures.

    Raises
    ------
    InputError
        If the name is unknown or the pictures are of another shape.
    """
    if isinstance(baseline, str):
        if baseline == "mean":
            return pictures.mean(dim=(2, 3), keepdim=True).expand_as(pictures)
        if baseline == "zero":
            return torch.zeros_like(pictures)
        if baseline == "blur":
            sigma = _SIGMA * max(pictures.shape[2:]) / _SIDE
            return gaussian_blur(pictures, [2 * max(1, round(sigma)) + 1] * 2, [sigma] * 2)
        msg = f"baseline={baseline!r}: choose {', '.join(map(repr, get_args(Baseline)))}, or give pictures."
        raise InputError(msg)
    given = given_pictures(baseline).to(pictures)
    given = given[None] if given.ndim == pictures.ndim - 1 else given
    if given.shape[1:] != pictures.shape[1:] or not len(given):
        msg = (
            f"baseline has the shape {tuple(given.shape)}; the pictures have {tuple(pictures.shape)}. Give "
            "pictures of the same bands and size."
        )
        raise InputError(msg)
    return given


def given_pictures(baseline: Any) -> Tensor:
    """Pictures that were given as an array, a list or a tensor of any device."""
    return (baseline if isinstance(baseline, Tensor) else torch.as_tensor(np.asarray(baseline))).float()


def whole_pictures(pictures: Tensor) -> Tensor:
    """Pictures whose pixels without data (NaN) have their band's mean colour, or 0 where it has none."""
    void = torch.isnan(pictures)
    if not void.any():
        return pictures
    colour = pictures.nanmean(dim=(2, 3), keepdim=True).nan_to_num()
    return torch.where(void, colour, pictures)
