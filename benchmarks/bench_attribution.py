"""Grad-CAM on overhead tiles, against pytorch-grad-cam with the same network and batches."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.models import resnet18

from benchmarks.harness import Comparison
from geolivelihood.explanation.attribution import attribute
from geolivelihood.synthetic.planted import planted_tiles

TILES = int(os.environ.get("BENCH_TILES", "500"))
BATCH = 16
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def setup() -> tuple[nn.Module, torch.Tensor]:
    """A random resnet18 of two classes and tiles as it takes them, 224 pixels."""
    torch.manual_seed(0)
    pixels = torch.from_numpy(planted_tiles(TILES, size=224).images).float() / 255
    mean, sd = (torch.tensor(moment).view(1, 3, 1, 1) for moment in (_MEAN, _SD))
    return resnet18(num_classes=2).eval(), (pixels - mean) / sd


def ours(data: Any) -> np.ndarray:
    """Maps of every tile, with what they leave unexplained and where their cells look."""
    network, tiles = data
    return attribute(
        network, tiles, method="grad_cam", target=1, outputs="values", layer="layer4", batch_size=BATCH
    ).maps


def signed(data: Any) -> np.ndarray:
    """Signed maps of every tile: no gradients, and complete."""
    network, tiles = data
    return attribute(network, tiles, target=1, batch_size=BATCH).maps


def peer(data: Any) -> np.ndarray:
    """pytorch-grad-cam, batch after batch."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, tiles = data
    with GradCAM(network, [network.layer4]) as cam:
        parts = [
            cam(input_tensor=batch, targets=[ClassifierOutputTarget(1)] * len(batch))
            for batch in tiles.split(BATCH)
        ]
    return np.concatenate(parts)


COMPARISONS = (
    Comparison(
        name="grad_cam",
        what=f"Grad-CAM on {TILES} tiles (resnet18, 224 px, CPU)",
        against="pytorch-grad-cam, same batch size",
        goal=1.0,
        setup=setup,
        ours=ours,
        peer=peer,
    ),
    Comparison(
        name="signed_cam",
        what=f"signed CAM on {TILES} tiles (resnet18, 224 px, CPU)",
        against="Grad-CAM of pytorch-grad-cam",
        goal=1.0,
        setup=setup,
        ours=signed,
        peer=peer,
    ),
)
