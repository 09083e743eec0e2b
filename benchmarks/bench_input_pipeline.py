"""The input of pretraining: small copies against large pictures, sorted arrays against a search of files."""

from __future__ import annotations

import atexit
import io
import os
import random
import shutil
import tempfile
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torchvision import transforms

from benchmarks.harness import Comparison
from geolivelihood.pretraining.augmentations import moco_augmentation
from geolivelihood.pretraining.pairs import PlacePairs
from geolivelihood.pretraining.picture_cache import cache_pictures
from geolivelihood.pretraining.views import Views

# fewer pictures for a quick look
_N = int(os.environ.get("GEOLIVELIHOOD_BENCH_PICTURES", "128"))
_WIDTH, _HEIGHT = 1600, 1200
_VISITS = 4
_FILES, _ASKED = 2_000, 200


def _picture(seed: int) -> bytes:
    """A JPEG of two megapixels (about 0.6 MB), with as many bytes per pixel as pictures from above have."""
    rng = np.random.default_rng(seed)
    shapes = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    smooth = np.asarray(shapes.resize((_WIDTH, _HEIGHT), Image.Resampling.BICUBIC), dtype=np.float32)
    noisy = smooth + rng.normal(0, 6, (_HEIGHT, _WIDTH, 1)).astype(np.float32)
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bench_input_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _table(n: int, folder: Path) -> pd.DataFrame:
    """Pictures under the names of fMoW: place, visit, box."""
    place, visit = np.divmod(np.arange(n), _VISITS)
    names = [f"airport_{p}_{v}_rgb_crop_0.jpg" for p, v in zip(place, visit)]
    ids = [name.removesuffix(".jpg") for name in names]
    paths = [str(folder / name) for name in names]
    return pd.DataFrame({"image_id": ids, "path": paths, "place_id": place.astype(str)})


def _setup_decode() -> dict[str, Any]:
    folder = _folder()
    images = _table(_N, folder)
    distinct = [_picture(seed) for seed in range(8)]
    for k, path in enumerate(images["path"]):
        Path(path).write_bytes(distinct[k % len(distinct)])
    cached = cache_pictures(images, folder=folder / "cache").images
    torch.set_num_threads(1)
    batches = {"small": _views(cached), "large": images["path"].tolist()}
    next(iter(batches["small"]))  # the first one chooses kernels
    return batches


def _views(images: pd.DataFrame) -> Views:
    return Views(images, PlacePairs(images, per="image"), moco_augmentation(temporal=True), batch_size=32)


def _cached(data: dict[str, Any]) -> None:
    """An epoch of two views per picture from the cache, on one core."""
    for _ in data["small"]:
        pass


def _literal(data: dict[str, Any]) -> None:
    """The published pipeline: each view decodes and resizes a large picture, on one core."""
    mean, sd = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    augment = transforms.Compose(
        [
            transforms.Resize(448),
            transforms.CenterCrop(448),
            transforms.RandomResizedCrop(224, scale=(0.08, 1.0)),
            transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
            transforms.RandomGrayscale(p=0.2),
            transforms.RandomApply([transforms.GaussianBlur(13, sigma=(0.1, 2.0))], p=0.5),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, sd),
        ]
    )
    for path in data["large"]:
        for _ in range(2):
            with Image.open(path) as image:
                augment(image.convert("RGB"))


def _setup_pairs() -> dict[str, Any]:
    folder = _folder()
    images = _table(_FILES, folder)
    for path in images["path"]:
        Path(path).touch()
    return {"images": images, "paths": images["path"].tolist()}


def _arrays(data: dict[str, Any]) -> None:
    """Keys of all pictures, grouping included."""
    PlacePairs(data["images"], per="image").epoch(0)


def _glob(data: dict[str, Any]) -> None:
    """The published rule: the suffix is the last 15 characters, the rest is cut at its last underscore."""
    for path in data["paths"][:_ASKED]:
        prefix, suffix = path[:-15].rpartition("_")[0], path[-15:]
        others = [other for other in glob(f"{prefix}_*{suffix}") if other != path]
        random.choice(others or [path])


COMPARISONS = (
    Comparison(
        name="input_pipeline",
        what=f"two views of {_N} pictures of {_WIDTH} x {_HEIGHT} on one core, from a cache of 448 px",
        against="decoding and resizing the large JPEGs for each view, as published",
        goal=3.0,
        setup=_setup_decode,
        ours=_cached,
        peer=_literal,
    ),
    Comparison(
        name="pairing",
        what=f"a key for each of {_FILES:,} pictures in one folder",
        against="a search of the folder per picture, as published",
        goal=100.0,
        setup=_setup_pairs,
        ours=_arrays,
        peer=_glob,
        peer_share=_ASKED / _FILES,
    ),
)
