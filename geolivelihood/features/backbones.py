"""Any torchvision classification network as an encoder: its pooled features before the last layer."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
import torchvision
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from geolivelihood.errors import InputError
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

# statistics of ImageNet, with which torchvision's weights were trained
_MEAN = (0.485, 0.456, 0.406)
_SD = (0.229, 0.224, 0.225)
_RESNET18_FLOPS = 3_628_146_688  # of a picture of 224 x 224 pixels


def backbone_names() -> list[str]:
    """Names of the classification networks that the installed torchvision has."""
    return torchvision.models.list_models(module=torchvision.models)


def headless(name: str, *, size: int = 224, seed: int = 0, bands: int = 3) -> tuple[nn.Module, int]:
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
    made = copy.deepcopy(first)
    made.in_channels = bands
    made.weight = nn.Parameter(torch.empty(first.out_channels, bands, *first.kernel_size))
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    parent, _, child = path.rpartition(".")
    setattr(network.get_submodule(parent), child, made)


class Backbone:
    """A torchvision network that turns pictures of three bands into vectors.

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
        Three bands of rasters and chips, counted from 1 in the order red, green, blue.
    value_range
        Values that become black and white in pictures of physical units, such as ``(0, 3000)`` for
        Sentinel-2. Pictures of 8 or 16 bits need none.
    normalise
        ``"imagenet"`` (as torchvision's weights expect) or ``"none"``: raw values 0-255, as the paper mode
        of street-level livelihoods has them.
    prefix
        What a weights file puts before the network's own names; found where it is unique.

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
        value_range: tuple[float, float] | None = None,
        normalise: Literal["imagenet", "none"] = "imagenet",
        prefix: str | None = None,
    ) -> None:
        _check_options(bands, value_range, normalise)
        self.name, self.size = name, size
        self.reading = Reading(
            size=size, fit=fit, bands=None if bands is None else tuple(bands), enlarge=True
        )
        self.value_range = value_range
        self.normalise = normalise
        self.network, self.dim = headless(name, size=size, seed=seed)
        self.weights, self.report = self._load(weights, prefix)
        self.weights_hash = state_hash(self.network.state_dict())
        self.batch_size = _batch_size(self.network, size)
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
                "value_range": None if self.value_range is None else list(self.value_range),
                "normalise": self.normalise,
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
        """Pixels (3, size, size) as the network takes them: uint8, or float32 in 0-1 where no data is grey.

        Raises
        ------
        InputError
            If the picture has not three bands, or physical units without ``value_range``.
        """
        pixels = picture.pixels
        if len(pixels) != 3:
            msg = (
                f"The picture has {len(pixels)} bands; {self.name} takes 3. Choose them with "
                "bands=(4, 3, 2), or use the encoder 'rcf' or 'summary', which take any number."
            )
            raise InputError(msg)
        scaled = pixels if self._is_plain(picture) else self._scaled(picture)
        return scaled if scaled.shape[1:] == (self.size, self.size) else _resize(scaled, self.size)

    def _is_plain(self, picture: Picture) -> bool:
        return picture.pixels.dtype == np.uint8 and self.value_range is None

    def _scaled(self, picture: Picture) -> np.ndarray:
        low, high = self.value_range or (0.0, picture.full_scale)
        if high is None:
            msg = (
                f"Pixels are in physical units (here {np.nanmin(picture.pixels):g} to "
                f"{np.nanmax(picture.pixels):g}). Say which values are black and white with "
                "value_range=(low, high)."
            )
            raise InputError(msg)
        scaled = np.clip((picture.pixels.astype(np.float32) - low) / (high - low), 0, 1)
        if np.isnan(scaled).all():
            msg = "The picture has no valid pixel."
            raise InputError(msg)
        grey = np.asarray(_MEAN, np.float32)[:, None, None]
        return np.where(np.isnan(scaled), grey, scaled)

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
        """What the network takes, from bytes or from values in 0-1 (n, 3, height, width)."""
        values = pixels.float() if pixels.dtype == torch.uint8 else pixels * 255
        if self.normalise == "none":
            return values
        mean, sd = (values.new_tensor(v).view(1, 3, 1, 1) * 255 for v in (_MEAN, _SD))
        return (values - mean) / sd

    def __repr__(self) -> str:
        """Name, number of features and weights."""
        return f"Backbone({self.name}: {self.dim} features, weights {self.weights} {self.weights_hash[:8]})"


def _folded(network: nn.Module) -> nn.Module:
    """The network with batch normalisation folded into its convolutions: the same, a tenth faster."""
    try:
        return fuse(network)
    except Exception:  # tracing fails in as many ways as there are networks; untraced they work as well
        return network


def _batch_size(network: nn.Module, size: int) -> int:
    """Pictures that one core encodes in about .3 s: 16 through a resnet18 at 224 pixels."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, size, size))
    return int(np.clip(16 * _RESNET18_FLOPS // max(counter.get_total_flops(), 1), 1, 64))


def _check_options(
    bands: Sequence[int] | None, value_range: tuple[float, float] | None, normalise: str
) -> None:
    if bands is not None and len(bands) != 3:
        msg = f"bands={tuple(bands)}: give three, in the order red, green, blue, counted from 1."
        raise InputError(msg)
    if value_range is not None and not value_range[0] < value_range[1]:
        msg = f"value_range={value_range}: the first value must be below the second."
        raise InputError(msg)
    if normalise not in ("imagenet", "none"):
        msg = f"normalise={normalise!r}: choose 'imagenet' or 'none'."
        raise InputError(msg)


def _resize(pixels: np.ndarray, size: int) -> np.ndarray:
    values = torch.from_numpy(pixels[None].astype(np.float32))
    resized = functional.interpolate(values, (size, size), mode="bilinear", antialias=True)[0].numpy()
    if pixels.dtype == np.uint8:
        return np.clip(np.rint(resized), 0, 255).astype(np.uint8)
    return resized
