"""Published checkpoints as encoders: which layout a file has, every key accounted for, nothing random.

Layouts (keys before the network's own names): MoCo-v2 and its Geo and TP variants (``module.encoder_q.``,
also without ``module.``), Rank-N-Contrast as Lightning saves it (``model.encoder.``, after probing
``model.encoder.encoder.``), our own training runs (``backbone.``), Places365 (``module.``), torchvision and
headless files (nothing).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import headless
from geolivelihood.features.pretrained import save_pretrained
from geolivelihood.features.weights import read_content, state_in
from geolivelihood.pretraining.architectures import COUNTER, first_convolution, looks_like

__all__ = ["CheckpointReport", "Imported", "detectron_names", "import_checkpoint"]

# what stands before the names of the network that is wanted, the longest first
_PREFIXES = (
    ("module.encoder_q.", "moco"),
    ("encoder_q.", "moco"),
    ("model.encoder.encoder.", "rank-n-contrast, probed"),
    ("model.encoder.", "rank-n-contrast"),
    ("backbone.", "our training run"),
    ("module.", "supervised"),
    ("", "supervised"),
)
_CLASSES = {365: "places365", 1000: "torchvision"}
_IMAGENET = {"size": 224, "mean": [0.485, 0.456, 0.406], "sd": [0.229, 0.224, 0.225]}
_RANKED = {"size": 500, "normalise": "minmax"}
_FEEDING: dict[str, dict[str, Any]] = {
    "moco": _IMAGENET,
    "moco+geo": _IMAGENET,
    "places365": _IMAGENET,
    "torchvision": _IMAGENET,
    "rank-n-contrast": _RANKED,
    "rank-n-contrast, probed": _RANKED,
}


@dataclass(frozen=True)
class CheckpointReport:
    """What became of every key of a checkpoint.

    Attributes
    ----------
    source
        The file.
    kind
        Layout that it has: ``"moco"``, ``"moco+geo"``, ``"rank-n-contrast"``, ``"places365"``...
    architecture, bands
        Network that it fits, and the bands that its first convolution takes.
    prefix
        What the file puts before the network's own names.
    matched
        Keys of the network that were filled.
    head
        Keys of the file that make the heads.
    dropped
        Keys of the file that nothing was made of: key encoder, queue, heads that do not fit.
    missing
        Keys of the network that the file lacks: counters of batch normalisation only, anything else raises.
    notes
        What the file does not hold and one may look for.
    """

    source: str
    kind: str
    architecture: str
    bands: int
    prefix: str
    matched: tuple[str, ...]
    head: tuple[str, ...]
    dropped: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Counts in one sentence, then the notes."""
        counts = (
            f"{len(self.matched)} weights matched, {len(self.head)} of heads, {len(self.dropped)} dropped"
        )
        lacking = f", {len(self.missing)} counters missing" if self.missing else ""
        told = f"{self.source}: {self.kind}, {self.architecture} ({self.bands} bands): {counts}{lacking}."
        return " ".join([told, *self.notes])


class Imported(NamedTuple):
    """An encoder from a checkpoint.

    Attributes
    ----------
    network
        The network without its head, in evaluation mode.
    report
        What became of every key.
    kind
        As in the report.
    head
        What the file puts on the pooled features: MoCo's projection head, a linear layer; or ``None``.
    geo_head
        From the projection head's output, before it is normalised, to the file's place clusters; or ``None``.
    """

    network: nn.Module
    report: CheckpointReport
    kind: str
    head: nn.Module | None
    geo_head: nn.Module | None

    def card(self, **entries: Any) -> dict[str, Any]:
        """Card of the encoder, fed as the pictures of the published training were.

        Those are 224 pixels and ImageNet's statistics, or 500 pixels and each picture's own extremes
        (Rank-N-Contrast). Of no published training nothing is assumed: ``size``, and ``mean`` and ``sd`` or
        ``normalise``, must be among the entries.

        Parameters
        ----------
        **entries
            Further entries, which come first.
        """
        told = self.report
        known = told.bands == 3 and not {"size", "mean", "sd", "normalise"} & set(entries)
        return {
            "architecture": told.architecture,
            "bands": told.bands,
            "method": {"name": told.kind, "checkpoint": Path(told.source).name},
            **(_FEEDING.get(told.kind, {}) if known else {}),
            **entries,
        }

    def save(self, folder: str | os.PathLike[str], **entries: Any) -> Path:
        """Save the network as an encoder (:func:`~geolivelihood.features.save_pretrained`).

        Parameters
        ----------
        folder
            Where to.
        **entries
            Of the card, as in :meth:`card`.

        Raises
        ------
        InputError
            If it is not known how to feed the network, and the entries do not say it.
        """
        return save_pretrained(folder, self.network, self.card(**entries))


def import_checkpoint(
    path: str | os.PathLike[str],
    *,
    architecture: str = "resnet50",
    size: int = 224,
    prefix: str | None = None,
) -> Imported:
    """Read the encoder, and the heads that fit, of a published checkpoint.

    The file is read with ``weights_only=True``: nothing in it is executed. Every weight of the network must
    be there in its shape, and nothing else but a head may stand beside it, so that no part of the network
    stays random and no part of a larger network is left behind.

    Parameters
    ----------
    path
        ``.pth.tar``, ``.pth``, ``.ckpt`` or ``.safetensors``.
    architecture
        Torchvision's name of the network.
    size
        Side of the pictures in pixels, for networks that are built for one.
    prefix
        What the file puts before the network's names, where none of the known ones is right.

    Raises
    ------
    InputError
        If the file is missing, a folder, damaged, holds more than tensors, or is no checkpoint of the
        architecture; the message names the one that it looks like.

    References
    ----------
    .. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV (Zenodo 7379715).
    """
    content = read_content(path)
    state = state_in(content, path)
    start, kind = _layout(state, prefix)
    own = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
    network, dim, bands = _network(architecture, size, own)
    fit = _fit(own, network.state_dict(), _head_path(network))
    if fit.faults:
        raise InputError(_refusal(path, architecture, own, fit))
    _check_finite(path, own, fit.matched)
    network.load_state_dict(network.state_dict() | {key: own[key] for key in fit.matched})
    beside = [start + key for key in fit.beside] or [key for key in state if key.startswith(_PREDICTION)]
    head = _head({key: state[key] for key in beside}, dim)
    geo, geo_keys = _geo_head(content, head)
    used = {start + key for key in fit.matched} | set(beside if head is not None else ())
    report = CheckpointReport(
        source=str(path),
        kind=_kind(kind, [state[key] for key in beside], content),
        architecture=architecture,
        bands=bands,
        prefix=start,
        matched=fit.matched,
        head=(*(beside if head is not None else ()), *geo_keys),
        dropped=tuple(sorted(set(state) - used)),
        missing=fit.missing,
        notes=tuple(_notes(content, beside, head, geo)),
    )
    return Imported(network.eval(), report, report.kind, head, geo)


def detectron_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ResNet's tensors under the names of detectron2; its head is left out.

    Pictures for them are RGB, of 0-255, with mean [123.675, 116.28, 103.53] and standard deviation
    [58.395, 57.12, 57.375], in a network with ``STRIDE_IN_1X1: False``.

    Raises
    ------
    InputError
        If a key is none of a torchvision ResNet.
    """
    renamed = {key: value for key, value in state.items() if not key.startswith("fc.")}
    foreign = [key for key in renamed if not _RESNET_KEY.match(key)]
    if foreign or not renamed:
        told = f"{len(foreign)} keys are not, such as {foreign[0]}" if foreign else "there are none"
        msg = f"detectron2's names are those of ResNets: keys like layer1.0.conv1.weight; {told}."
        raise InputError(msg)
    return {_detectron_name(key): value for key, value in renamed.items()}


_RESNET_KEY = re.compile(r"(?:layer\d\.\d+\.)?(?:conv\d|bn\d|downsample\.[01])\.\w+$")


def _detectron_name(key: str) -> str:
    # the stem before everything else: its conv1 and bn1 are those of blocks too
    name = key if key.startswith("layer") else f"stem.{key}"
    name = re.sub(r"^layer(\d)", lambda found: f"res{int(found[1]) + 1}", name)
    name = re.sub(r"\bbn(\d)\b", r"conv\1.norm", name)
    return name.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")


class _Fit(NamedTuple):
    """How a state dict meets a network's."""

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    beside: tuple[str, ...]
    lacking: tuple[str, ...]
    reshaped: tuple[str, ...]
    surplus: tuple[str, ...]

    @property
    def faults(self) -> bool:
        return bool(self.lacking or self.reshaped or self.surplus)


def _fit(own: Mapping[str, Tensor], wanted: Mapping[str, Tensor], head_path: str) -> _Fit:
    absent = [key for key in wanted if key not in own]
    there = [key for key in wanted if key in own]
    extra = [key for key in own if key not in wanted]
    beside = [key for key in extra if key.startswith((f"{head_path}.", *_FOREIGN))]
    return _Fit(
        matched=tuple(there),
        missing=tuple(key for key in absent if key.endswith(COUNTER)),
        beside=tuple(key for key in beside if not key.startswith(_FOREIGN)),
        lacking=tuple(key for key in absent if not key.endswith(COUNTER)),
        reshaped=tuple(key for key in there if own[key].shape != wanted[key].shape),
        surplus=tuple(key for key in extra if key not in beside),
    )


_PREDICTION = "model.prediction_layer."
# what training puts beside an encoder whose names have no prefix of their own
_FOREIGN = ("queue", "prediction_layer.")


def _layout(state: Mapping[str, Tensor], prefix: str | None) -> tuple[str, str]:
    """What stands before the names of the network, and what the file is."""
    known = dict(_PREFIXES)
    if prefix is not None:
        if not any(key.startswith(prefix) for key in state):
            msg = f"prefix={prefix!r}: no key of the file begins so. It has {_some(state)}."
            raise InputError(msg)
        return prefix, known.get(prefix, "supervised")
    return next((start, kind) for start, kind in _PREFIXES if any(key.startswith(start) for key in state))


def _network(architecture: str, size: int, own: Mapping[str, Tensor]) -> tuple[nn.Module, int, int]:
    """The network to fill, its features, and the bands that the file's first convolution takes."""
    network, dim = headless(architecture, size=size)
    first = first_convolution(network.state_dict())
    if first is None or first not in own or own[first].ndim != 4 or own[first].shape[1] == 3:
        return network, dim, 3
    bands = int(own[first].shape[1])
    return *headless(architecture, size=size, bands=bands), bands


def _check_finite(path: Any, own: Mapping[str, Tensor], keys: Iterable[str]) -> None:
    broken = [key for key in keys if own[key].is_floating_point() and not own[key].isfinite().all()]
    if broken:
        msg = f"{path}: {len(broken)} weights are not finite ({_some(broken)}): the training diverged."
        raise InputError(msg)


def _head_path(network: nn.Module) -> str:
    """Where :func:`~geolivelihood.features.headless` took the last layer away."""
    return [path for path, module in network.named_modules() if isinstance(module, nn.Identity)][-1]


def _refusal(path: Any, architecture: str, own: Mapping[str, Tensor], fit: _Fit) -> str:
    wrong = {"lacks": fit.lacking, "has in another shape": fit.reshaped, "has beside it": fit.surplus}
    told = "; ".join(f"{what} {len(keys)} ({_some(keys)})" for what, keys in wrong.items() if keys)
    likely = looks_like(own, beside=_FOREIGN)
    hint = f"It looks like {likely}: give architecture={likely!r}." if likely else "Is it another network?"
    return f"{path} is no checkpoint of {architecture}, whose weights it {told}. {hint}"


def _head(layers: Mapping[str, Tensor], dim: int) -> nn.Module | None:
    """One linear layer, or two with a rectifier between them, if they fit the features."""
    weights = sorted(key for key in layers if key.endswith("weight"))
    if len(weights) not in (1, 2) or len(layers) != 2 * len(weights):
        return None
    made: list[nn.Module] = []
    for key in weights:
        weight, bias = layers[key], layers.get(f"{key.removesuffix('weight')}bias")
        if weight.ndim != 2 or weight.shape[1] != dim or bias is None or bias.shape != weight.shape[:1]:
            return None
        made += [_linear(weight, bias), nn.ReLU()]
        dim = len(weight)
    return made[0] if len(weights) == 1 else nn.Sequential(*made[:-1]).eval()


def _geo_head(content: Any, head: nn.Module | None) -> tuple[nn.Module | None, tuple[str, ...]]:
    """Rectifier and linear layer from the projection to place clusters."""
    found = content.get("geo_dict") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(head, nn.Sequential):
        return None, ()
    tensors = {str(key).rpartition(".")[2]: v for key, v in found.items() if isinstance(v, Tensor)}
    last = head[-1]
    if set(tensors) != {"weight", "bias"} or not isinstance(last, nn.Linear):
        return None, ()
    weight, bias = tensors["weight"], tensors["bias"]
    if weight.shape != (len(bias), last.out_features):
        return None, ()
    keys = tuple(f"geo_dict/{key}" for key in found)
    return nn.Sequential(nn.ReLU(), _linear(weight, bias)).eval(), keys


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer.eval()


def _kind(kind: str, beside: Sequence[Tensor], content: Any) -> str:
    if kind == "moco" and isinstance(content, Mapping) and content.get("geo_dict"):
        return "moco+geo"
    if kind != "supervised":
        return kind
    return _CLASSES.get(len(beside[-1]), kind) if beside else "headless"


def _notes(
    content: Any, beside: Sequence[str], head: nn.Module | None, geo: nn.Module | None
) -> Iterator[str]:
    if geo is not None:
        yield (
            "The geo head's classes are place clusters whose centroids are not in the file: it cannot be "
            "used on new places."
        )
    elif isinstance(content, Mapping) and content.get("geo_dict"):
        yield "The geo head does not fit the projection head and is left out."
    if beside and head is None:
        yield f"The head ({_some(beside)}) does not fit the features and is left out."


def _some(names: Iterable[str], most: int = 3) -> str:
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")
