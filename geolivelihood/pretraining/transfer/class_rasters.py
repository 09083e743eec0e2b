"""Classes of a whole raster: probabilities of overlapping windows blended, written as a COG."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio.crs import CRS

from geolivelihood.files import atomic
from geolivelihood.pretraining.transfer.labels import IGNORED
from geolivelihood.pretraining.transfer.scanning import look, ramp, starts
from geolivelihood.pretraining.transfer.scenes import Scene
from geolivelihood.progress import track

__all__ = ["Strip", "class_strips", "classes_cog"]

Floats = npt.NDArray[np.float32]
Predict = Callable[[Floats], Floats]

_PANEL_PX = 8192  # columns at a time; a multiple of the block
_BLOCK_PX = 512
_CACHE_MB = 64  # GDAL would take a twentieth of the machine's memory
_COG = {
    "COMPRESS": "DEFLATE",
    "BLOCKSIZE": str(_BLOCK_PX),
    "OVERVIEW_RESAMPLING": "MODE",  # a mean of classes is no class
    "BIGTIFF": "IF_SAFER",
    "SPARSE_OK": "YES",
    "NUM_THREADS": "ALL_CPUS",
}


class Strip(NamedTuple):
    """Classes of a part of a raster.

    Attributes
    ----------
    row, column
        Of its first pixel in the raster.
    codes
        (height, width) uint8; 255 where there is no data.
    """

    row: int
    column: int
    codes: npt.NDArray[np.uint8]


class _Sums:
    """Weighted sums of the probabilities of the windows that see a strip of a raster."""

    def __init__(self, classes: int, size: int, width: int) -> None:
        self.probabilities = np.zeros((classes, size, width), np.float32)
        self.valid = np.zeros((size, width), dtype=bool)

    def add(self, column: int, probabilities: Floats, weight: Floats, valid: npt.NDArray[np.bool_]) -> None:
        across = slice(column, column + weight.shape[1])
        self.probabilities[:, :, across] += probabilities * weight
        self.valid[:, across] |= valid

    def codes(self, rows: int) -> npt.NDArray[np.uint8]:
        """Likeliest classes of the first rows; the weights of a pixel's windows are common to its classes."""
        likeliest = self.probabilities[:, :rows].argmax(axis=0).astype(np.uint8)
        return np.where(self.valid[:rows], likeliest, np.uint8(IGNORED))

    def advance(self, rows: int) -> None:
        for sums in (self.probabilities, self.valid[None]):
            sums[:, : sums.shape[1] - rows] = sums[:, rows:].copy()
            sums[:, sums.shape[1] - rows :] = 0


def class_strips(
    scene: Scene, predict: Predict, *, classes: int, size: int, overlap: float, batch_size: int
) -> Iterator[Strip]:
    """Classes of a raster from its top to its bottom, in panels of 8,192 columns.

    Each pixel has the class with the largest mean probability over the windows that see it, weighted by how
    far they see around it. Memory holds one row of windows of one panel whatever the size of the raster; the
    windows at the seam of two panels are looked at twice, so that panels do not show.

    Parameters
    ----------
    scene
        The raster.
    predict
        From pixels (n, bands, size, size) in the file's units to probabilities (n, classes, size, size).
    classes
        Number of classes.
    size, overlap
        Side of a window, and least share that its neighbour sees too.
    batch_size
        Windows at a time.
    """
    rows, columns = (starts(extent, size=size, overlap=overlap) for extent in (scene.height, scene.width))
    edge = ramp(size, overlap=overlap)
    weight = np.outer(edge, edge)
    panels = range(0, scene.width, _PANEL_PX)
    steps = [(left, k) for left in panels for k in range(len(rows))]
    sums = _Sums(classes, size, 0)
    for left, k in track(steps, f"looking at {scene.image_id}"):
        right = min(left + _PANEL_PX, scene.width)
        mine = columns[(columns + size > left) & (columns < right)]
        if k == 0:
            sums = _Sums(classes, size, int(mine[-1] - mine[0]) + size)
        corners = np.stack([mine, np.full(len(mine), rows[k])], axis=1)
        for seen in look(scene, corners, size=size, batch_size=batch_size):
            for corner, pixels, likely in zip(seen.corners, seen.pixels, predict(seen.pixels)):
                valid = np.isfinite(pixels).all(axis=0)
                sums.add(int(corner[0] - mine[0]), likely, weight, valid)
        done = int((rows[k + 1] if k + 1 < len(rows) else scene.height) - rows[k])
        shown = slice(int(left - mine[0]), int(right - mine[0]))
        yield Strip(int(rows[k]), left, sums.codes(done)[:, shown])
        sums.advance(min(done, size))


@contextmanager
def classes_cog(
    path: str | os.PathLike[str], scene: Scene, *, classes: Sequence[str], tags: Mapping[str, Any]
) -> Iterator[rasterio.io.DatasetWriter]:
    """A raster of bytes on the grid of a scene, with a colour per class; a COG when the block ends.

    The nodata value is 255, the tags name the classes by their codes (``class_0`` = ``background``). The file
    is whole or absent.
    """
    profile = {
        "driver": "GTiff",
        "dtype": "uint8",
        "count": 1,
        "height": scene.height,
        "width": scene.width,
        "transform": scene.transform,
        "crs": CRS.from_wkt(scene.crs.to_wkt()),
        "nodata": IGNORED,
        "tiled": True,
        "blockxsize": _BLOCK_PX,
        "blockysize": _BLOCK_PX,
        "BIGTIFF": "IF_SAFER",
    }
    names = {f"class_{code}": name for code, name in enumerate(classes)}
    with atomic(path) as part, rasterio.Env(GDAL_CACHEMAX=_CACHE_MB):
        blocks = part.with_suffix(".blocks.tif")
        try:
            with rasterio.open(blocks, "w", **profile) as target:
                target.write_colormap(1, _colours(len(classes)))
                yield target
                target.update_tags(**names, **{name: str(value) for name, value in tags.items()})
                target.set_band_description(1, "class")
            rasterio.shutil.copy(blocks, part, driver="COG", **_COG)
        finally:
            blocks.unlink(missing_ok=True)


def _colours(classes: int) -> dict[int, tuple[int, int, int, int]]:
    """Colours by code: background light grey, ten hues that differ most, then a wheel of hues."""
    hues = (
        mpl.colormaps["tab10"](np.arange(classes - 1))
        if classes <= 11
        else mpl.colormaps["hsv"](np.linspace(0, 0.95, classes - 1))
    )
    bytes_of = [tuple(round(255 * share) for share in hue[:3]) for hue in hues[: classes - 1]]
    return {0: (235, 235, 235, 255)} | {k: (*colour, 255) for k, colour in enumerate(bytes_of, start=1)}
