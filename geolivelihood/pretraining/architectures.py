"""Which network a state dict belongs to, by the names and shapes in it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
import torchvision
from torch import Tensor

from geolivelihood.features.backbones import backbone_names

__all__ = ["COUNTER", "first_convolution", "looks_like"]

_FEWEST = 10  # tensors; the smallest network, AlexNet, has 16
COUNTER = "num_batches_tracked"  # which older versions of PyTorch did not keep


def first_convolution(state: Mapping[str, Tensor]) -> str | None:
    """Name of the weight that sees the bands of the picture; ``None`` without a convolution."""
    return next((key for key, value in state.items() if value.ndim == 4), None)


def looks_like(own: Mapping[str, Tensor], *, beside: tuple[str, ...] = ()) -> str | None:
    """The torchvision network whose weights these are, whatever its head and its number of bands.

    Parameters
    ----------
    own
        Tensors under the network's own names.
    beside
        What names of tensors begin with that are no part of the network.

    Returns
    -------
    str or None
        The name, ResNets first; ``None`` if it is none of them.
    """
    shapes = {key: value.shape for key, value in own.items() if not key.endswith(COUNTER)}
    if len(shapes) < _FEWEST:
        return None
    residual = any(key.startswith("layer1.0.") for key in shapes)
    # to build every network takes seconds; those with these names are ten
    family = [name for name in backbone_names() if ("resne" in name) == residual]
    ordered = sorted(family, key=lambda name: not name.startswith("resnet"))
    return next((name for name in ordered if _is_of(shapes, name, beside)), None)


def _is_of(shapes: Mapping[str, torch.Size], name: str, beside: tuple[str, ...]) -> bool:
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            network = torchvision.models.get_model(name, weights=None)
    except Exception:  # some need packages that are not here, and none of them is worth an error in an error
        return False
    full = network.state_dict()
    wanted = {key: value.shape for key, value in full.items() if not key.endswith(COUNTER)}
    head = next(reversed(wanted)).rpartition(".")[0]
    body = [key for key in wanted if not key.startswith(f"{head}.")]
    first = first_convolution(full)
    if any(key not in wanted and not key.startswith((f"{head}.", *beside)) for key in shapes):
        return False
    return all(key in shapes and (key == first or shapes[key] == wanted[key]) for key in body)
