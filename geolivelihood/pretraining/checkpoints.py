"""Published checkpoints as encoders: which layout a file has, every key accounted for, nothing random.

Layouts (keys before the network's own names): MoCo-v2 and its Geo and TP variants (``module.encoder_q.``, also
without ``module.``), Rank-N-Contrast as Lightning saves it (``model.encoder.``, after probing
``model.encoder.encoder.``), our own training runs (``backbone.``), Places365 (``module.``), torchvision and
headless files (nothing).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torchvision
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import backbone_names, headless
from geolivelihood.features.pretrained import save_pretrained
from geolivelihood.features.weights import read_content, state_in

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
_COUNTER = "num_batches_tracked"  # older versions of PyTorch had none
_CLASSES = {365: "places365", 1000: "torchvision"}
_IMAGENET = {"mean": [0.485, 0.456, 0.406], "sd": [0.229, 0.224, 0.225]}


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
        counts = f"{len(self.matched)} weights matched, {len(self.head)} of heads, {len(self.dropped)} dropped"
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

    def save(self, folder: str | os.PathLike[str], **card: Any) -> Path:
        """Save the network as an encoder (:func:`~geolivelihood.features.save_pretrained`).

        Parameters
        ----------
        folder
            Where to.
        **card
            Entries of the card. Without them the pictures are fed as those of the published training were:
            224 pixels and ImageNet's statistics, or 500 pixels and each picture's own extremes
            (Rank-N-Contrast).

        Raises
        ------
        InputError
            If the file is of no published training, so that how to feed it must be said: ``size``, and
            ``mean`` and ``sd``, or ``normalise``.
        """
        told = self.report
        made = {
            "architecture": told.architecture,
            "bands": told.bands,
            "method": {"name": told.kind, "checkpoint": Path(told.source).name},
        }
        if told.bands == 3 and not {"mean", "sd", "normalise"} & set(card):
            ranked = told.kind.startswith("rank")
            made |= {"size": 500, "normalise": "minmax"} if ranked else {"size": 224, **_IMAGENET}
        return save_pretrained(folder, self.network, made | card)


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
    bands = _bands(own)
    network, dim = headless(architecture, size=size, bands=bands)
    fit = _fit(own, network.state_dict(), _head_path(network))
    if fit.faults:
        raise InputError(_refusal(path, architecture, own, fit))
    network.load_state_dict(network.state_dict() | {key: own[key] for key in fit.matched})
    head = _head(own, fit.beside, dim) or _prediction_layer(state, dim)
    geo, geo_keys = _geo_head(content, head)
    used = {start + key for key in (*fit.matched, *(fit.beside if head is not None else ()))}
    used |= {key for key in state if head is not None and key.startswith(_PREDICTION)}
    report = CheckpointReport(
        source=str(path),
        kind=_kind(kind, own, fit.beside, content),
        architecture=architecture,
        bands=bands,
        prefix=start,
        matched=fit.matched,
        head=tuple(sorted(used - {start + key for key in fit.matched})) + geo_keys,
        dropped=tuple(sorted(set(state) - used)),
        missing=fit.missing,
        notes=tuple(_notes(content, fit, head, geo)),
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
    beside: tuple[str, ...]  # of the head
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
    beside = [key for key in extra if key.startswith((f"{head_path}.", _FOREIGN))]
    return _Fit(
        matched=tuple(there),
        missing=tuple(key for key in absent if key.endswith(_COUNTER)),
        beside=tuple(key for key in beside if not key.startswith(_FOREIGN)),
        lacking=tuple(key for key in absent if not key.endswith(_COUNTER)),
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


def _bands(own: Mapping[str, Tensor]) -> int:
    """Bands of the first convolution; of a network without one, three."""
    first = next((value for value in own.values() if value.ndim == 4), None)
    return 3 if first is None else int(first.shape[1])


def _head_path(network: nn.Module) -> str:
    """Where :func:`~geolivelihood.features.headless` took the last layer away."""
    return [path for path, module in network.named_modules() if isinstance(module, nn.Identity)][-1]


def _refusal(path: Any, architecture: str, own: Mapping[str, Tensor], fit: _Fit) -> str:
    wrong = {"lacks": fit.lacking, "has in another shape": fit.reshaped, "has beside it": fit.surplus}
    told = "; ".join(f"{what} {len(keys)} ({_some(keys)})" for what, keys in wrong.items() if keys)
    likely = _looks_like(own)
    hint = f"It looks like {likely}: give architecture={likely!r}." if likely else "Is it another network?"
    return f"{path} is no checkpoint of {architecture}, whose weights it {told}. {hint}"


def _looks_like(own: Mapping[str, Tensor]) -> str | None:
    """The torchvision network whose weights these are, but for the head."""
    shapes = {key: value.shape for key, value in own.items() if not key.endswith(_COUNTER)}
    typical = sorted(backbone_names(), key=lambda name: not name.startswith("resnet"))
    return next((name for name in typical if _is_of(shapes, name)), None)


def _is_of(shapes: Mapping[str, torch.Size], name: str) -> bool:
    try:
        with torch.device("meta"):
            network = torchvision.models.get_model(name, weights=None)
    except Exception:  # some need packages that are not here, and none of them is worth an error in an error
        return False
    wanted = {key: v.shape for key, v in network.state_dict().items() if not key.endswith(_COUNTER)}
    last = next(reversed(wanted)).rpartition(".")[0]
    body = {key: shape for key, shape in wanted.items() if not key.startswith(f"{last}.")}
    extra = [key for key in shapes if key not in body and not key.startswith((f"{last}.", *_FOREIGN))]
    # the number of bands is the pictures' affair
    return not extra and all(key in shapes and shapes[key][2:] == body[key][2:] for key in body) and all(
        shapes[key][:1] == shape[:1] for key, shape in body.items()
    )


def _head(own: Mapping[str, Tensor], keys: Iterable[str], dim: int) -> nn.Module | None:
    """One linear layer, or two with a rectifier between them, if they fit the features."""
    weights = [key for key in keys if key.endswith("weight")]
    if len(weights) not in (1, 2) or len(list(keys)) != 2 * len(weights):
        return None
    layers: list[nn.Module] = []
    for key in sorted(weights):
        weight, bias = own[key], own.get(f"{key.removesuffix('weight')}bias")
        if weight.ndim != 2 or weight.shape[1] != dim or bias is None or bias.shape != weight.shape[:1]:
            return None
        layers += [_linear(weight, bias), nn.ReLU()]
        dim = len(weight)
    return layers[0] if len(layers) == 2 else nn.Sequential(*layers[:-1]).eval()


def _prediction_layer(state: Mapping[str, Tensor], dim: int) -> nn.Module | None:
    layer = {key: value for key, value in state.items() if key.startswith(_PREDICTION)}
    return _head(layer, layer, dim)


def _geo_head(content: Any, head: nn.Module | None) -> tuple[nn.Module | None, tuple[str, ...]]:
    """Rectifier and linear layer from the projection to place clusters."""
    found = content.get("geo_dict") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(head, nn.Sequential):
        return None, ()
    weight, bias = (
        next((v for k, v in found.items() if str(k).endswith(f"layers.1.{name}")), None)
        for name in ("weight", "bias")
    )
    last = head[-1]
    fits = isinstance(weight, Tensor) and isinstance(bias, Tensor) and isinstance(last, nn.Linear)
    if not fits or weight.shape != (len(bias), last.out_features):
        return None, ()
    keys = tuple(f"geo_dict/{key}" for key in found)
    return nn.Sequential(nn.ReLU(), _linear(weight, bias)).eval(), keys


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer.eval()


def _kind(kind: str, own: Mapping[str, Tensor], beside: tuple[str, ...], content: Any) -> str:
    if kind == "moco" and isinstance(content, Mapping) and content.get("geo_dict"):
        return "moco+geo"
    if kind != "supervised":
        return kind
    classes = [len(own[key]) for key in beside if key.endswith("bias")]
    return _CLASSES.get(classes[-1], kind) if classes else "headless"


def _notes(content: Any, fit: _Fit, head: nn.Module | None, geo: nn.Module | None) -> Iterator[str]:
    if geo is not None:
        yield (
            "The geo head's classes are place clusters whose centroids are not in the file: it cannot be used "
            "on new places."
        )
    elif isinstance(content, Mapping) and content.get("geo_dict"):
        yield "The geo head does not fit the projection head and is left out."
    if fit.beside and head is None:
        yield f"The head ({_some(fit.beside)}) does not fit the features and is left out."


def _some(names: Iterable[str], most: int = 3) -> str:
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")
