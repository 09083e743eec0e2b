"""Concept scores of many images: one product against captum, image by image."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from typing import Any

import numpy as np
import torch
import torchvision
from captum.attr import LayerIntegratedGradients
from captum.concept import TCAV, Classifier, Concept

from benchmarks.harness import Comparison
from geolivelihood.explanation.concepts import concept_values, layer_activations, linear_head

_N, _CONCEPTS, _SIZE = 1000, 7, 128
_PEER = int(os.environ.get("GEOLIVELIHOOD_BENCH_PEER_IMAGES", "50"))
_STEPS = 5  # of integrated gradients, as published
_DIM = 512


class _Given(Classifier):
    """A classifier that has its answer already: learning vectors is no part of the comparison."""

    def __init__(self) -> None:
        self.weight = torch.zeros(1, _DIM)
        self.ids: list[int] = []

    def train_and_eval(self, dataloader: Any, **_options: Any) -> dict[str, float]:
        self.ids = sorted({int(label) for _, labels in dataloader for label in labels})
        seed = int(max(self.ids))
        self.weight = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, _DIM))).float()
        return {"accs": 1.0}

    def weights(self) -> torch.Tensor:
        return torch.cat([-self.weight, self.weight])

    def classes(self) -> list[int]:
        return self.ids


def _setup() -> dict[str, Any]:
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None, num_classes=1).eval()
    images = torch.rand(_N, 3, _SIZE, _SIZE)
    folder = tempfile.mkdtemp(prefix="bench_tcav_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    chance = Concept(0, "chance", [images[:2]])
    sets = [[chance, Concept(k + 1, f"concept{k}", [images[:2]])] for k in range(_CONCEPTS)]
    tcav = TCAV(
        model,
        "avgpool",
        model_id="bench",
        classifier=_Given(),
        layer_attr_method=LayerIntegratedGradients(model, None, multiply_by_inputs=True),
        save_path=folder,
    )
    tcav.compute_cavs(sets)
    directions = np.stack([np.random.default_rng(k + 1).normal(size=_DIM) for k in range(_CONCEPTS)])
    # what a product costs does not depend on its numbers: some features, many times over
    some = layer_activations(model, images[:_PEER], layer="avgpool")
    features = np.resize(some, (_N, _DIM))
    baseline = layer_activations(model, torch.zeros(1, 3, _SIZE, _SIZE), layer="avgpool")[0]
    return {
        "model": model,
        "images": images,
        "tcav": tcav,
        "sets": sets,
        "directions": directions,
        "features": features,
        "baseline": baseline,
    }


def _closed(data: dict[str, Any]) -> np.ndarray:
    """The features are at hand: the prediction itself had to make them."""
    weights = linear_head(data["model"]).weights
    return concept_values(data["features"], data["baseline"], weights, data["directions"])


def _with_forward(data: dict[str, Any]) -> np.ndarray:
    features = layer_activations(data["model"], data["images"], layer="avgpool")
    baseline = layer_activations(data["model"], torch.zeros(1, 3, _SIZE, _SIZE), layer="avgpool")[0]
    weights = linear_head(data["model"]).weights
    return concept_values(features, baseline, weights, data["directions"])


def _captum(data: dict[str, Any]) -> np.ndarray:
    found = np.empty((_PEER, _CONCEPTS))
    black = torch.zeros(1, 3, _SIZE, _SIZE)
    for k in range(_PEER):
        image = data["images"][k : k + 1]
        scores = data["tcav"].interpret(image, data["sets"], n_steps=_STEPS, baselines=black)
        for c in range(_CONCEPTS):
            found[k, c] = scores[f"0-{c + 1}"]["avgpool"]["magnitude"][1]
    return found


_AGAINST = f"captum's TCAV.interpret image by image (integrated gradients, {_STEPS} steps)"

COMPARISONS = (
    Comparison(
        name="tcav",
        what=f"concept values of {_N:,} images x {_CONCEPTS} concepts (linear head, features at hand)",
        against=_AGAINST,
        goal=100,
        setup=_setup,
        ours=_closed,
        peer=_captum,
        peer_share=_PEER / _N,
    ),
    Comparison(
        name="tcav_forward",
        what=f"the same, with the forward pass of all images (resnet18, CPU, {_SIZE} px)",
        against=_AGAINST,
        goal=5,
        setup=_setup,
        ours=_with_forward,
        peer=_captum,
        peer_share=_PEER / _N,
    ),
)
