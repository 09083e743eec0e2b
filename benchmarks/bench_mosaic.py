"""A seamless mosaic of a large raster's maps: blocks against whole arrays, and against a small raster."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from affine import Affine

from benchmarks.harness import Comparison
from geolivelihood.explanation.attribution import Attribution
from geolivelihood.explanation.ground import Tile, upsample, write_mosaic

SIDE = int(os.environ.get("BENCH_MOSAIC_SIDE", "20000"))
SMALL = SIDE // 4
TILE, STRIDE, CELLS, JUMP = 256, 128, 8, 32.0


class Data(NamedTuple):
    """Maps and tiles of the large raster, and of one with a sixteenth of its pixels."""

    large: tuple[Attribution, list[Tile]]
    small: tuple[Attribution, list[Tile]]


def setup() -> Data:
    return Data(raster_of(SIDE), raster_of(SMALL))


def raster_of(side: int) -> tuple[Attribution, list[Tile]]:
    offsets = np.arange(0, side - TILE + 1, STRIDE)
    ground = Affine(0.5, 0, 500_000, 0, -0.5, 40_000)
    tiles: list[Tile] = [
        Tile(
            ground * Affine.translation(float(column), float(row)),
            "EPSG:32636",
            TILE,
            TILE,
            f"{row}_{column}",
        )
        for row in offsets
        for column in offsets
    ]
    maps = np.random.default_rng(0).normal(size=(len(tiles), CELLS, CELLS))
    nothing = np.zeros(len(tiles))
    found = Attribution(
        maps, maps.sum(axis=(1, 2)), nothing, nothing, "none", "y", "signed_cam", 0.5, JUMP, (TILE, TILE)
    )
    return found, tiles


def ours(data: Data) -> None:
    written(*data.large)


def ours_small(data: Data) -> None:
    written(*data.small)


def written(found: Attribution, tiles: list[Tile]) -> None:
    with tempfile.TemporaryDirectory(prefix="bench_mosaic_") as folder:
        write_mosaic(Path(folder, "mosaic.tif"), found, tiles, pixel=1)


def whole_arrays(data: Data) -> None:
    """The plain way: every tile into two arrays of the whole raster, then one file."""
    found, tiles = data.small
    value, weight = np.zeros((2, SMALL, SMALL))
    ramp = 1 - np.abs(2 * (np.arange(TILE) + 0.5) / TILE - 1)
    window = np.outer(ramp, ramp)
    for cells, tile in zip(found.maps, tiles):
        row, column = map(int, tile.image_id.split("_"))
        at = slice(row, row + TILE), slice(column, column + TILE)
        value[at] += window * upsample(cells, start=0.5, jump=JUMP, size=(TILE, TILE))
        weight[at] += window
    blend = np.divide(value, weight, out=np.full_like(value, np.nan), where=weight > 0).astype("float32")
    profile = {"height": SMALL, "width": SMALL, "count": 1, "dtype": "float32", "crs": "EPSG:32636"}
    options = {"COMPRESS": "DEFLATE", "PREDICTOR": "YES", "OVERVIEW_RESAMPLING": "AVERAGE"}
    with tempfile.TemporaryDirectory(prefix="bench_mosaic_") as folder:
        path = Path(folder, "mosaic.tif")
        with rasterio.open(path, "w", driver="COG", transform=tiles[0].transform, **profile, **options) as to:
            to.write(blend, 1)


COMPARISONS = (
    Comparison(
        name="mosaic",
        what=f"mosaic of {SIDE:,} x {SIDE:,} px as a COG",
        against=f"arrays of the whole raster, on {SMALL:,} x {SMALL:,} px",
        goal=0.7,  # blocks are written twice, which is what flat memory costs
        setup=setup,
        ours=ours,
        peer=whole_arrays,
        peer_share=(SMALL / SIDE) ** 2,
        runs=1,
        peak_limit_mb=2000,
    ),
    Comparison(
        name="mosaic_flat",
        what=f"mosaic of {SIDE:,} x {SIDE:,} px: time per pixel, and memory",
        against=f"the same of {SMALL:,} x {SMALL:,} px",
        goal=0.8,
        setup=setup,
        ours=ours,
        peer=ours_small,
        peer_share=(SMALL / SIDE) ** 2,
        runs=1,
        peak_limit_mb=2000,
    ),
)
