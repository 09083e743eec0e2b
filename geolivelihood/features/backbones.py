"""Any torchvision classification network as an encoder: its pooled features before the last layer."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torch.utils.flop_counter import FlopCounterMode

from geolivelihood.errors import InputError
from geolivelihood.features.feeding import Feeding, Normalise, resize
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.features.weights import (
    WeightReport,
    is_weights_file,
    load_weights,
    published_state,
    read_state,
    state_hash,
)

__all__ = ["Backbone", "backbone_names", "headless"]

_RESNET18_FLOPS = 3_628_146_688  # of a picture of 224 x 224 pixels


def backbone_names() -> list[str]:
    """Names of the classification networks that the installed torchvision has."""
    return torchvision.models.list_models(module=torchvision.models)


def headless(
    name: str, *, size: int = 224, seed: int = 0, bands: int = 3, group_norm: int | None = None
) -> tuple[nn.Module, int]:
    """A randomly initialised classification network without its last layer.

    The last layer is found by what it does, not by its name: it is the last linear layer (or convolution)
    with one output per class. It is replaced by the identity, so the network returns the pooled features
    that fed it.

    Parameters
    ----------
    name
        One of :func:`backbone_names`.
    size
        Side of the input in pixels.
    seed
        Seed of the initial weights; the global generator is left as it was.
    bands
        Bands of the input; with another number than 3 the first convolution is made anew.
    group_norm
        Groups of channels of group normalisations in the place of batch normalisations (where they do not
        divide the channels of a layer, the greatest common divisor); ``None`` leaves these.

    Returns
    -------
    tuple
        The network in evaluation mode and the number of features.

    Raises
    ------
    InputError
        If the name is unknown or the network cannot take pictures of that size.
    """
    if name not in backbone_names():
        msg = f"Unknown backbone {name!r}. torchvision has {', '.join(backbone_names())}."
        raise InputError(msg)
    if bands < 1:
        msg = f"bands={bands}: give the number of bands of the pictures, at least 1."
        raise InputError(msg)
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
            network = _built(name, size, seed)
            _cut_head(network)
            if bands != 3:
                _widen(network, bands)
            if group_norm is not None:
                _group(network, group_norm)
        with torch.inference_mode():
            features = network(torch.zeros(1, bands, size, size))
    except (RuntimeError, ValueError, AssertionError) as error:
        msg = f"{name} does not take pictures of {size} x {size} pixels and {bands} bands: {error}"
        raise InputError(msg) from error
    return network, int(features.shape[-1])


def _built(name: str, size: int, seed: int) -> nn.Module:
    """The network with its head; some networks must be told the size of their input at birth."""
    told: tuple[dict[str, Any], ...] = ({"image_size": size}, {"input_size": (size, size)}, {})
    for options in told:
        torch.manual_seed(seed)
        # networks that need no such option refuse it
        with contextlib.suppress(TypeError), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return torchvision.models.get_model(name, weights=None, **options).eval()
    msg = f"torchvision cannot build {name}."
    raise InputError(msg)


def _cut_head(network: nn.Module, n_classes: int = 1000) -> None:
    heads = [
        path
        for path, module in network.named_modules()
        if (isinstance(module, nn.Linear) and module.out_features == n_classes)
        or (isinstance(module, nn.Conv2d) and module.out_channels == n_classes)
    ]
    parent, _, child = heads[-1].rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())


def _widen(network: nn.Module, bands: int) -> None:
    """Give the first convolution another number of bands, with the usual initial weights."""
    path, first = next((path, m) for path, m in network.named_modules() if isinstance(m, nn.Conv2d))
    same: dict[str, Any] = {
        name: getattr(first, name) for name in ("kernel_size", "stride", "padding", "dilation")
    }
    made = nn.Conv2d(bands, first.out_channels, bias=first.bias is not None, **same)
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    parent, _, child = path.rpartition(".")
    setattr(network.get_submodule(parent), child, made)


def _group(network: nn.Module, groups: int) -> None:
    """Put group normalisations in the place of batch normalisations."""
    for path, norm in list(network.named_modules()):
        if isinstance(norm, nn.BatchNorm2d):
            made = nn.GroupNorm(math.gcd(groups, norm.num_features), norm.num_features, norm.eps)
            parent, _, child = path.rpartition(".")
            setattr(network.get_submodule(parent), child, made.eval())


class Backbone:
    """A torchvision network that turns pictures into vectors.

    Parameters
    ----------
    name
        One of :func:`backbone_names`: ``"resnet18"``, ``"vit_b_16"``, ``"convnext_tiny"``...
    weights
        ``"random"`` (seeded), a local file (``.safetensors``, or a PyTorch state dict), or torchvision's own
        name (``"IMAGENET1K_V1"``, ``"DEFAULT"``), used when cached or downloadable.
    size
        Side in pixels of the square that the network sees.
    seed
        Seed of random weights.
    fit
        ``"squash"`` the whole picture into the square, or ``"crop"`` its central square.
    bands
        Bands of rasters and chips that are taken, counted from 1; of networks for photos in the order red,
        green, blue.
    n_bands
        How many bands the network takes; ``None`` takes the number of ``bands``, or three.
    value_range
        Values that become black and white in pictures of physical units, such as ``(0, 3000)`` for
        Sentinel-2. Pictures of 8 or 16 bits need none.
    normalise
        ``"imagenet"`` (as torchvision's weights expect); ``"channels"``, by ``mean`` and ``sd``;
        ``"minmax"``, each picture from 0 to 1 by its own extremes over all bands, as Rank-N-Contrast has it;
        or ``"none"``: raw values 0-255, as the paper mode of street-level livelihoods has them.
    mean, sd
        Of each band, of values in 0-1, for ``normalise="channels"``.
    prefix
        What a weights file puts before the network's own names; found where it is unique.
    group_norm
        As in :func:`headless`.

    Attributes
    ----------
    report
        What became of each key of the weights.

    Raises
    ------
    InputError
        If the name, an option or the weights file does not fit.
    EnvironmentMissingError
        If torchvision's weights can be had neither from the cache nor from the network.
    """

    # networks bear bf16 autocast: features change by about 1 %
    half = True
    fitted = True

    def __init__(
        self,
        name: str,
        *,
        weights: str | Path = "random",
        size: int = 224,
        seed: int = 0,
        fit: Literal["squash", "crop"] = "squash",
        bands: Sequence[int] | None = None,
        n_bands: int | None = None,
        value_range: tuple[float, float] | None = None,
        normalise: Normalise = "imagenet",
        mean: Sequence[float] | None = None,
        sd: Sequence[float] | None = None,
        prefix: str | None = None,
        group_norm: int | None = None,
    ) -> None:
        self.n_bands = n_bands or (3 if bands is None else len(bands))
        if bands is not None and len(bands) != self.n_bands:
            msg = f"bands={tuple(bands)}: give {self.n_bands} of the files' bands, counted from 1."
            raise InputError(msg)
        statistics = (None if values is None else tuple(values) for values in (mean, sd))
        self.feeding = Feeding(self.n_bands, value_range, normalise, *statistics)
        self.name, self.size = name, size
        self.reading = Reading(
            size=size, fit=fit, bands=None if bands is None else tuple(bands), enlarge=True
        )
        self.network, self.dim = headless(
            name, size=size, seed=seed, bands=self.n_bands, group_norm=group_norm
        )
        self.weights, self.report = self._load(weights, prefix)
        self.weights_hash = state_hash(self.network.state_dict())
        self.batch_size = _batch_size(self.network, size, self.n_bands)
        # convolutions on CPUs are up to twice as fast with the channels last
        self.network = _folded(self.network).to(memory_format=torch.channels_last)

    def _load(self, weights: str | Path, prefix: str | None) -> tuple[str, WeightReport]:
        if weights == "random":
            return "random", WeightReport("random", matched=tuple(self.network.state_dict()))
        if is_weights_file(weights):
            return "file", load_weights(self.network, read_state(weights), source=str(weights), prefix=prefix)
        resolved, state = published_state(self.name, str(weights))
        return resolved, load_weights(self.network, state, source=f"torchvision {resolved}", prefix="")

    def card(self) -> dict[str, Any]:
        """What defines the features, as JSON: network, weights hash, transform."""
        return {
            "name": self.name,
            "dim": self.dim,
            "weights": self.weights,
            "weights_hash": self.weights_hash,
            "transform": {
                "size": self.reading.size,
                "fit": self.reading.fit,
                "bands": None if self.reading.bands is None else list(self.reading.bands),
                **self.feeding.card(),
            },
        }

    def fit(self, pictures: Iterable[np.ndarray]) -> Self:
        """Nothing to learn from the pictures; returns the encoder itself."""
        return self

    def state(self) -> dict[str, Tensor]:
        """What was learned from the pictures: nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> Self:
        """Return the encoder itself, as there is no state."""
        return self

    def prepare(self, picture: Picture) -> np.ndarray:
        """Pixels (bands, size, size) as the network takes them: uint8, or float32 in 0-1; no data is grey.

        Raises
        ------
        InputError
            If the picture has another number of bands, or physical units without ``value_range``.
        """
        scaled = self.feeding.unit(picture, name=self.name)
        return (
            scaled if scaled.shape[1:] == (self.size, self.size) else resize(scaled, (self.size, self.size))
        )

    def encode(
        self, batch: Sequence[np.ndarray], *, device: str = "cpu", precision: str = "float32"
    ) -> np.ndarray:
        """Features (n, dim) float32 of prepared pictures.

        Parameters
        ----------
        batch
            Arrays from :meth:`prepare`.
        device
            ``"cpu"``, ``"cuda"``...
        precision
            ``"float32"`` or ``"bfloat16"`` (autocast).
        """
        if len({array.dtype for array in batch}) > 1:
            batch = [a.astype(np.float32) / 255 if a.dtype == np.uint8 else a for a in batch]
        pixels = torch.from_numpy(np.stack(batch)).to(device, non_blocking=True)
        network = self.network.to(device)
        with (
            torch.inference_mode(),
            torch.autocast(device.partition(":")[0], torch.bfloat16, precision != "float32"),
        ):
            inputs = self.inputs(pixels).contiguous(memory_format=torch.channels_last)
            return network(inputs).float().cpu().numpy()

    def inputs(self, pixels: Tensor) -> Tensor:
        """What the network takes, from bytes or from values in 0-1 (n, bands, height, width)."""
        return self.feeding.inputs(pixels)

    def __repr__(self) -> str:
        """Name, number of features and weights."""
        return f"Backbone({self.name}: {self.dim} features, weights {self.weights} {self.weights_hash[:8]})"


def _folded(network: nn.Module) -> nn.Module:
    """The network with batch normalisation folded into its convolutions: the same, a tenth faster."""
    try:
        return fuse(network)
    except Exception:  # tracing fails in as many ways as there are networks; untraced they work as well
        return network


def _batch_size(network: nn.Module, size: int, bands: int) -> int:
    """Pictures that one core encodes in about .3 s: 16 through a resnet18 at 224 pixels."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, bands, size, size))
    return int(np.clip(16 * _RESNET18_FLOPS // max(counter.get_total_flops(), 1), 1, 64))
