"""Detectors and segmenters of torchvision on a backbone pretrained here, elsewhere, or not at all."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import FasterRCNN, RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.resnet import ResNet
from torchvision.models.segmentation.deeplabv3 import DeepLabHead
from torchvision.models.segmentation.fcn import FCNHead
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import backbone_names, headless
from geolivelihood.features.feeding import Feeding
from geolivelihood.features.pretrained import is_pretrained, read_pretrained
from geolivelihood.features.weights import is_weights_file, load_weights, published_state, read_state

__all__ = ["DETECTORS", "NORMS", "SEGMENTERS", "Source", "detector", "dilate", "segmenter", "source_network"]

DETECTORS = ("retinanet", "faster_rcnn")
"""Architectures of detectors, both with a feature pyramid."""
SEGMENTERS = ("deeplabv3", "fcn")
"""Architectures of segmenters."""
NORMS = ("batch", "frozen", "synchronised")
"""What becomes of the backbone's batch normalisation."""

_LAYERS = ("layer1", "layer2", "layer3", "layer4")
_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Source(NamedTuple):
    """A backbone to transfer, and what it takes.

    Attributes
    ----------
    network
        Headless ResNet.
    architecture
        Its name in torchvision.
    bands
        Bands that it takes.
    mean, sd
        Per band, of values from 0 to 1; ``None`` where nothing says so, to be measured.
    value_range
        Values that are 0 and 1; ``None`` where nothing says so.
    weights
        Where the weights come from, in words.
    """

    network: ResNet
    architecture: str
    bands: int
    mean: tuple[float, ...] | None
    sd: tuple[float, ...] | None
    value_range: tuple[float, float] | None
    weights: str


def source_network(
    backbone: str | os.PathLike[str] | tuple[nn.Module, str],
    *,
    weights: str | os.PathLike[str] = "random",
    bands: int = 3,
    seed: int | None = 0,
) -> Source:
    """The backbone to transfer.

    Parameters
    ----------
    backbone
        Name of a torchvision network of the ResNet family, a folder that
        :func:`~geolivelihood.features.pretrained.save_pretrained` wrote, or a headless network with its
        architecture's name.
    weights
        For a name: ``"random"``, a weights file, torchvision's name (``"DEFAULT"``), or such a folder.
    bands
        Bands of the pictures.
    seed
        Of random weights.

    Raises
    ------
    InputError
        If it is no ResNet, takes another number of bands, or the weights do not fit.
    """
    if isinstance(backbone, tuple):
        network, name = backbone
        return _checked(
            Source(_resnet(network, name), name, _bands_of(network), None, None, None, "given"), bands
        )
    for folder in (backbone, weights):
        if is_pretrained(folder):
            source = _from_folder(folder)
            if folder is weights and source.architecture != backbone:
                msg = f"{weights} holds a {source.architecture}, not a {backbone}. Give backbone='{weights}'."
                raise InputError(msg)
            return _checked(source, bands)
    return _named(os.fspath(backbone), weights, bands, seed)


def detector(
    source: Source,
    architecture: str,
    *,
    classes: int,
    window: int,
    anchors: Sequence[int] = (32, 64, 128, 256, 512),
    channels: int = 256,
    norm: str = "batch",
    trainable_layers: int = 5,
    head_norm: bool = True,
    max_per_window: int = 300,
) -> nn.Module:
    """A torchvision detector with a feature pyramid on a backbone.

    It takes normalised pictures of the window's size, as a list, and boxes in their pixels; nothing is
    resized.

    Parameters
    ----------
    source
        The backbone; its network becomes part of the detector.
    architecture
        One of :data:`DETECTORS`.
    classes
        Number of classes; code 0 is none of them.
    window
        Side of the pictures.
    anchors
        Sides of anchors in pixels, one per level of the pyramid (five).
    channels
        Of the pyramid and the heads.
    norm
        One of :data:`NORMS`.
    trainable_layers
        Layers of the backbone that learn, counted from its end; 5 is all.
    head_norm
        Whether the head normalises by groups of channels, as torchvision's second version does.
    max_per_window
        Most detections per window.
    """
    _check_choice("architecture", architecture, DETECTORS)
    if len(anchors) != 5 or min(anchors) <= 0:
        msg = f"anchors={tuple(anchors)}: give five sides in pixels, one per level of the pyramid."
        raise InputError(msg)
    network = _prepared(source.network, norm, trainable_layers)
    widths = _widths(network, source.bands)
    # the transform of torchvision would resize to 800 pixels and normalise again
    options: dict[str, Any] = {
        "min_size": window,
        "max_size": window,
        "image_mean": [0.0] * source.bands,
        "image_std": [1.0] * source.bands,
    }
    if architecture == "faster_rcnn":
        pyramid = _pyramid(network, _LAYERS, widths, channels, LastLevelMaxPool())
        sizes: tuple[tuple[int, ...], ...] = tuple((int(side),) for side in anchors)
        made = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)
        options |= {"rpn_anchor_generator": made, "box_detections_per_img": max_per_window}
        if head_norm:
            options["box_head"] = FastRCNNConvFCHead((channels, 7, 7), [channels] * 4, [1024], _group_norm)
        return FasterRCNN(pyramid, classes + 1, **options)
    pyramid = _pyramid(network, _LAYERS[1:], widths[1:], channels, LastLevelP6P7(channels, channels))
    sizes = tuple(tuple(int(side * 2 ** (k / 3)) for k in range(3)) for side in anchors)
    made = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)
    head = RetinaNetHead(channels, 9, classes + 1, norm_layer=_group_norm if head_norm else None)
    options |= {"head": head, "anchor_generator": made, "detections_per_img": max_per_window}
    return RetinaNet(pyramid, classes + 1, **options)


def segmenter(
    source: Source, architecture: str, *, classes: int, norm: str = "batch", trainable_layers: int = 5
) -> nn.Module:
    """A torchvision segmenter on a backbone whose last two layers are dilated: it looks every 8 pixels.

    It takes normalised pictures (n, bands, height, width) and returns logits (n, classes, height, width).

    Parameters
    ----------
    source
        The backbone; its network becomes part of the segmenter.
    architecture
        One of :data:`SEGMENTERS`.
    classes
        Number of classes, background counted.
    norm, trainable_layers
        As for :func:`detector`.
    """
    _check_choice("architecture", architecture, SEGMENTERS)
    network = _prepared(source.network, norm, trainable_layers)
    width = _widths(network, source.bands)[-1]
    dilate(network)
    head = DeepLabHead(width, classes) if architecture == "deeplabv3" else FCNHead(width, classes)
    return _Segmenter(IntermediateLayerGetter(network, {"layer4": "out"}), head)


def dilate(network: ResNet) -> ResNet:
    """Keep the resolution of the last two layers, in place: their strides become dilations.

    The weights stay, and see the same distances. For bottleneck ResNets this is torchvision's
    ``replace_stride_with_dilation=[False, True, True]``, which it does not have for ResNet-18 and -34.

    References
    ----------
    .. [1] Chen et al. (2017), "Rethinking Atrous Convolution for Semantic Image Segmentation",
       arXiv 1706.05587.
    """
    for layer, first, others in ((network.layer3, 1, 2), (network.layer4, 2, 4)):
        for k, block in enumerate(layer):
            for conv in (module for module in block.modules() if isinstance(module, nn.Conv2d)):
                # a basic block's second convolution comes after its stride already
                after = k or (conv is getattr(block, "conv2", None) and conv.stride == (1, 1))
                rate = others if after else first
                if conv.kernel_size == (3, 3):
                    conv.dilation, conv.padding = (rate, rate), (rate, rate)
                conv.stride = (1, 1)
    return network


class _Segmenter(nn.Module):
    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, pixels: Tensor) -> Tensor:
        logits = self.head(self.backbone(pixels)["out"])
        return functional.interpolate(logits, pixels.shape[-2:], mode="bilinear", align_corners=False)


def _named(name: str, weights: str | os.PathLike[str], bands: int, seed: int | None) -> Source:
    known = [text for text in backbone_names() if text.startswith(("resne", "wide_resnet"))]
    if name not in known:
        msg = (
            f"backbone={name!r} cannot be transferred: detectors and segmenters need the layers of a ResNet. "
            f"Give {', '.join(known)}, or a folder that save_pretrained wrote of one of them."
        )
        raise InputError(msg)
    network, _ = headless(name, size=64, seed=seed or 0, bands=bands)
    mean, sd = _IMAGENET if bands == 3 else (None, None)
    if weights == "random":
        return Source(_resnet(network, name), name, bands, mean, sd, None, "random")
    if is_weights_file(weights):
        load_weights(network, read_state(weights), source=os.fspath(weights))
        return Source(_resnet(network, name), name, bands, mean, sd, None, os.fspath(weights))
    resolved, state = published_state(name, os.fspath(weights))
    load_weights(network, state, source=f"torchvision {resolved}", prefix="")
    return Source(_resnet(network, name), name, bands, mean, sd, None, f"torchvision {resolved}")


def _from_folder(folder: str | os.PathLike[str]) -> Source:
    network, card = read_pretrained(folder)
    name, feeding = str(card["architecture"]), Feeding.of(card)
    mean, sd = feeding.mean, feeding.sd
    # a window by its own extremes would show its edge in the map: the range of all pictures stands for them
    if feeding.normalise in ("minmax", "none"):
        unit = 1.0 if feeding.normalise == "minmax" else 1 / 255
        mean, sd = (0.0,) * feeding.n_bands, (unit,) * feeding.n_bands
    return Source(
        _resnet(network, name), name, feeding.n_bands, mean, sd, feeding.value_range, os.fspath(folder)
    )


def _checked(source: Source, bands: int) -> Source:
    if source.bands != bands:
        msg = (
            f"The backbone ({source.weights}) takes {source.bands} bands and the pictures have {bands}. "
            "Choose as many with bands=, in the order of its training."
        )
        raise InputError(msg)
    return source


def _resnet(network: nn.Module, name: str) -> ResNet:
    if not isinstance(network, ResNet):
        msg = (
            f"A {name} cannot be transferred: detectors and segmenters need the layers of a ResNet (resnet18 "
            "to resnet152, resnext, wide_resnet)."
        )
        raise InputError(msg)
    return network


def _bands_of(network: nn.Module) -> int:
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    return 0 if first is None else first.in_channels


def _prepared(network: ResNet, norm: str, trainable_layers: int) -> ResNet:
    """Freeze what is not to learn: normalisation, and the layers nearest to the pixels."""
    _check_choice("norm", norm, NORMS)
    if not 0 <= trainable_layers <= 5:
        msg = f"trainable_layers={trainable_layers}: give 0 (none of the backbone learns) to 5 (all of it)."
        raise InputError(msg)
    order = ("layer4", "layer3", "layer2", "layer1", "conv1", "bn1")
    learn = order if trainable_layers == 5 else order[:trainable_layers]
    # the running statistics of a frozen layer would move if its normalisation stayed as it is
    _freeze_norms(network, spared=() if norm == "frozen" else learn)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.split(".")[0] in learn)
    return network


def _freeze_norms(module: nn.Module, spared: Sequence[str] = ()) -> None:
    for name, child in module.named_children():
        if name in spared:
            continue
        if not isinstance(child, nn.BatchNorm2d):
            _freeze_norms(child)
            continue
        frozen = FrozenBatchNorm2d(child.num_features, eps=child.eps)
        state = {key: value for key, value in child.state_dict().items() if key != "num_batches_tracked"}
        frozen.load_state_dict(state)
        setattr(module, name, frozen)


def _widths(network: ResNet, bands: int) -> list[int]:
    """Channels that each layer gives, asked of the layers themselves."""
    training = network.training
    with torch.inference_mode():
        found = IntermediateLayerGetter(network.eval(), {name: name for name in _LAYERS})(
            torch.zeros(1, bands, 64, 64)
        )
    network.train(training)
    return [found[name].shape[1] for name in _LAYERS]


def _pyramid(
    network: ResNet, layers: Sequence[str], widths: Sequence[int], channels: int, extra: nn.Module
) -> BackboneWithFPN:
    returned = {name: str(k) for k, name in enumerate(layers)}
    return BackboneWithFPN(network, returned, list(widths), channels, extra_blocks=extra)


def _group_norm(channels: int) -> nn.GroupNorm:
    """Groups of eight channels where they divide; of one channel, a level of one pixel would be lost."""
    return nn.GroupNorm(math.gcd(channels, max(channels // 8, 1)), channels)


def _check_choice(option: str, value: str, accepted: Sequence[str]) -> None:
    if value not in accepted:
        msg = f"{option}={value!r}: choose one of {', '.join(accepted)}."
        raise InputError(msg)
