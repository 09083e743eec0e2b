"""Embedding: what decoding, resizing and storing cost on top of the network itself."""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from benchmarks.harness import Comparison
from geolivelihood.features import Backbone, Picture, embed, headless

# fewer pictures for a quick look; the promise is about 2,000
_N = int(os.environ.get("GEOLIVELIHOOD_BENCH_PHOTOS", "2000"))
_WIDTH, _HEIGHT, _SIZE = 640, 480, 224


def _photo(seed: int) -> bytes:
    """A JPEG (640 x 480, about 65 kB) with as many bytes per pixel as Mapillary's photos, or a few more."""
    rng = np.random.default_rng(seed)
    shapes = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
    smooth = np.asarray(shapes.resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC), dtype=np.float32)
    noisy = smooth + rng.normal(0, 4, (_HEIGHT, _WIDTH, 1)).astype(np.float32)
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _setup() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="bench_features_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    distinct = [_photo(seed) for seed in range(200)]
    for k in range(_N):
        (folder / f"{k:06d}.jpg").write_bytes(distinct[k % len(distinct)])
    images = pd.DataFrame({"image_id": [f"{k:06d}" for k in range(_N)]})
    images["path"] = [str(folder / f"{name}.jpg") for name in images["image_id"]]
    encoder = Backbone("resnet18", size=_SIZE)
    pixels = np.random.default_rng(0).integers(0, 256, (3, _SIZE, _SIZE), dtype=np.uint8)
    tensors = [encoder.prepare(Picture(pixels, 255.0))] * encoder.batch_size
    network = headless("resnet18", size=_SIZE)[0].to(memory_format=torch.channels_last)
    inputs = torch.rand(encoder.batch_size, 3, _SIZE, _SIZE).contiguous(memory_format=torch.channels_last)
    encoder.encode(tensors)  # the first passes choose kernels
    with torch.inference_mode():
        network(inputs)
    return {"folder": folder, "images": images, "encoder": encoder, "network": network, "inputs": inputs}


def _embed(data: dict[str, Any]) -> None:
    embed(data["images"], data["encoder"], store=data["folder"] / "store", device="cpu")


def _forward(data: dict[str, Any]) -> None:
    """Torchvision's network at its fastest (channels last, the same batches), fed with a tensor in memory."""
    with torch.inference_mode():
        for _ in range(-(-_N // len(data["inputs"]))):
            data["network"](data["inputs"])


def _forward_folded(data: dict[str, Any]) -> None:
    """The network that embedding itself uses (batch normalisation folded away), fed from memory."""
    network = data["encoder"].network
    with torch.inference_mode():
        for _ in range(-(-_N // len(data["inputs"]))):
            network(data["inputs"])


COMPARISONS = (
    Comparison(
        name="embedding",
        what=f"embed {_N:,} JPEGs of {_WIDTH} x {_HEIGHT} (resnet18, CPU, {_SIZE} px) into a store",
        against="forward passes of torchvision's network (channels last) on tensors in memory",
        goal=round(1 / 0.9, 3),
        goal_is_most=True,
        setup=_setup,
        ours=_embed,
        peer=_forward,
    ),
    Comparison(
        name="embedding_folded",
        what="the same",
        against="forward passes of the same network (folded) on tensors in memory",
        goal=round(1 / 0.9, 3),
        goal_is_most=True,
        setup=_setup,
        ours=_embed,
        peer=_forward_folded,
    ),
)
