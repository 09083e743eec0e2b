"""Small pictures, and tables of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import torch
from PIL import Image

torch.set_num_threads(1)

Maker = Callable[..., pd.DataFrame]


@pytest.fixture
def photos(tmp_path: Path) -> Maker:
    """A function that writes ``n`` JPEGs of noise and returns their table."""

    def make(n: int, *, size: int = 24, folder: str = "photos") -> pd.DataFrame:
        target = tmp_path / folder
        target.mkdir(exist_ok=True)
        names = [f"p{k:03d}" for k in range(n)]
        for k, name in enumerate(names):
            noise = np.random.default_rng(k).integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(noise).save(target / f"{name}.jpg", quality=95)
        return pd.DataFrame({"image_id": names, "path": [str(target / f"{name}.jpg") for name in names]})

    return make


@pytest.fixture
def write_tiff(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes an array (bands, height, width) as a GeoTIFF."""

    def write(name: str, data: np.ndarray, **profile: object) -> Path:
        path = tmp_path / name
        shape = {"count": data.shape[0], "height": data.shape[1], "width": data.shape[2]}
        affine = rasterio.transform.from_origin(30, 1, 0.001, 0.001)
        options = {"driver": "GTiff", "dtype": data.dtype, "crs": "EPSG:4326", "transform": affine}
        with rasterio.open(path, "w", **shape, **(options | profile)) as target:
            target.write(data)
        return path

    return write
