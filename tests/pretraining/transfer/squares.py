"""A tiny country of bright squares on dull ground: what the tests of transfer learn."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

CRS = "EPSG:32736"
NORTH_UP = Affine(2.0, 0, 500_000, 0, -2.0, 9_000_000)
ROTATED = Affine.translation(500_000, 9_000_000) @ Affine.rotation(30) @ Affine.scale(2, -2)


def write_raster(path: Path, pixels: np.ndarray, transform: Affine = NORTH_UP, **profile) -> Path:
    options = {"crs": CRS, "nodata": None} | profile
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype=pixels.dtype,
        count=len(pixels),
        height=pixels.shape[1],
        width=pixels.shape[2],
        transform=transform,
        **options,
    ) as target:
        target.write(pixels)
    return path


def scene_pixels(
    rng: np.random.Generator, *, side: int = 64, squares: int = 3, sides: tuple[int, int] = (10, 20)
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (3, side, side) uint8, and boxes (n, 4) of squares that do not touch."""
    pixels = rng.integers(40, 90, (3, side, side))
    boxes: list[np.ndarray] = []
    while len(boxes) < squares:
        length = int(rng.integers(*sides))
        left, top = rng.integers(1, side - length - 1, 2)
        box = np.array([left, top, left + length, top + length])
        apart = [shapely.box(*box).distance(shapely.box(*other)) > 3 for other in boxes]
        if all(apart):
            boxes.append(box)
            pixels[:, top : top + length, left : left + length] = rng.integers(170, 230, (3, 1, 1))
    return pixels.astype(np.uint8), np.array(boxes)


def country(
    folder: Path, *, scenes: int = 12, transform: Affine = NORTH_UP, seed: int = 0, **options
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Images and labels of some scenes side by side."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows, footprints, owners, shapes = [], [], [], []
    for k in range(scenes):
        pixels, boxes = scene_pixels(rng, **options)
        here = transform @ Affine.translation(k * 100, 0)
        name = f"scene_{seed}_{k}"
        rows.append({"image_id": name, "path": str(write_raster(folder / f"{name}.tif", pixels, here))})
        footprints.append(ground(here, np.array([[0, 0, *pixels.shape[:0:-1]]]))[0])
        shapes.extend(ground(here, boxes))
        owners.extend([name] * len(boxes))
    images = gpd.GeoDataFrame(rows, geometry=footprints, crs=CRS).assign(kind="overhead").to_crs("EPSG:4326")
    labels = gpd.GeoDataFrame({"image_id": owners, "class": "roof"}, geometry=shapes, crs=CRS)
    return images, labels


def ground(transform: Affine, boxes: np.ndarray) -> list[shapely.Polygon]:
    """Boxes in pixels as polygons in the CRS."""
    corners = [[(b[0], b[1]), (b[2], b[1]), (b[2], b[3]), (b[0], b[3])] for b in boxes]
    return [shapely.Polygon([transform * corner for corner in some]) for some in corners]
