"""A small scene on three dates, what is known of its windows, and what is drawn in it."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import torch
import yaml
from rasterio.transform import from_origin

SIDE, WINDOW, METRES = 160, 16, 500
CRS = "EPSG:32737"


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """Folder with three dates of a scene whose texture is finer to the east, and houses in the north."""
    folder = tmp_path_factory.mktemp("scene")
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    windows = (rows // WINDOW) * (SIDE // WINDOW) + columns // WINDOW
    colour = rng.uniform(60, 160, (3, windows.max() + 1))[:, windows]
    stripes = 30 * np.sin(columns * (0.2 + columns / SIDE))
    houses = (rows % 16 < 6) & (columns % 16 < 6) & (rows < SIDE // 2)
    for date in range(3):
        pixels = colour + stripes + rng.normal(0, 8, colour.shape)
        pixels[:, houses] = np.array([[230], [40], [40]])
        profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "width": SIDE, "height": SIDE}
        transform = from_origin(300_000, 9_800_000, METRES, METRES)
        path = folder / "dates" / f"date_{date}.tif"
        path.parent.mkdir(exist_ok=True)
        with rasterio.open(path, "w", **profile, crs=CRS, transform=transform) as target:
            target.write(np.clip(pixels, 0, 255).astype(np.uint8))
    boxes = [
        shapely.box(
            300_000 + c * METRES,
            9_800_000 - (r + 6) * METRES,
            300_000 + (c + 6) * METRES,
            9_800_000 - r * METRES,
        )
        for r in range(0, SIDE // 2, 16)
        for c in range(0, SIDE, 16)
    ]
    gpd.GeoDataFrame({"kind": ["house"] * len(boxes)}, geometry=boxes, crs=CRS).to_file(
        folder / "houses.gpkg"
    )
    table = pd.DataFrame(
        [
            {"image_id": f"date_{d}:{r},{c}", "east": c / SIDE, "half": "north" if r < SIDE // 2 else "south"}
            for d in range(3)
            for r in range(0, SIDE, WINDOW)
            for c in range(0, SIDE, WINDOW)
        ]
    )
    table.to_csv(folder / "known.csv", index=False)
    return folder


@pytest.fixture
def project(scene, tmp_path):
    """Write a project of encoders on the scene; sections may be added or changed."""
    content = {
        "name": "scene",
        "data": str(scene),
        "images": {"windows": {"raster": "dates", "size_px": WINDOW}},
        "encoder": {"backbone": "resnet18", "size": 16},
        "pretraining": {
            "epochs": 1,
            "batch_size": 16,
            "cache_px": WINDOW,
            "options": {"queue_size": 32, "bn_groups": 2, "dim": 16},
        },
    }

    def _write(**sections):
        path = tmp_path / "encoder.yaml"
        path.write_text(yaml.safe_dump(content | sections))
        return path

    return _write
