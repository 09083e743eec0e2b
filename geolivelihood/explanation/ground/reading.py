"""Rasters of explanations, read block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.areas import as_crs, earth_centred, pixel_areas
from geolivelihood.progress import track

__all__ = ["Block", "MapRaster", "open_map"]

Floats = npt.NDArray[np.float64]
_BLOCK_PX = 1024


class Block(NamedTuple):
    """A window of a raster with a halo around it.

    Attributes
    ----------
    values
        float64, halo included, cut off at the raster's edge; NaN where there is no data.
    row, column
        Of the first value in the raster.
    core
        The window itself within ``values``.
    """

    values: Floats
    row: int
    column: int
    core: tuple[slice, slice]


class MapRaster:
    """An open raster with one band of shares of a score per pixel."""

    def __init__(self, source: rasterio.DatasetReader, path: str) -> None:
        self._source = source
        self.crs: pyproj.CRS = as_crs(source.crs, path)
        self.transform: Affine = source.transform
        self.shape: tuple[int, int] = source.height, source.width
        self.tags: dict[str, str] = source.tags()

    @property
    def target(self) -> str:
        """What is explained."""
        return self.tags.get("target", "")

    def read(self, row: int, column: int, height: int, width: int) -> Floats:
        """Values of a window, clipped to the raster; NaN where there is no data."""
        top, left = max(row, 0), max(column, 0)
        bottom, right = min(row + height, self.shape[0]), min(column + width, self.shape[1])
        window = Window(left, top, max(right - left, 0), max(bottom - top, 0))
        return self._source.read(1, window=window, masked=True).astype(np.float64).filled(np.nan)

    def blocks(self, text: str, *, halo: int = 0) -> Iterator[Block]:
        """All windows of 1,024 pixels, row by row."""
        height, width = self.shape
        corners = [(r, c) for r in range(0, height, _BLOCK_PX) for c in range(0, width, _BLOCK_PX)]
        for row, column in track(corners, text):
            top, left = max(row - halo, 0), max(column - halo, 0)
            bottom, right = min(row + _BLOCK_PX, height), min(column + _BLOCK_PX, width)
            values = self.read(top, left, min(bottom + halo, height) - top, min(right + halo, width) - left)
            core = slice(row - top, bottom - top), slice(column - left, right - left)
            yield Block(values, top, left, core)

    def areas(self, block: Block) -> Floats:
        """Square metres of ground of a block's pixels, to be broadcast over its values."""
        rows, columns = (np.arange(count) for count in block.values.shape)
        straight = self.transform.d == 0
        return pixel_areas(
            self.transform,
            self.crs,
            rows[:, None] + block.row,
            0 if straight else columns + block.column,
        )

    def ground_step(self) -> float:
        """Metres on the ground of a pixel in the middle of the raster: the root of its area."""
        middle = self.shape[0] // 2, self.shape[1] // 2
        return float(np.sqrt(pixel_areas(self.transform, self.crs, *middle)))

    def earth_centred(self, columns: npt.ArrayLike, rows: npt.ArrayLike) -> Floats:
        """Centres of pixels as metres from the centre of the earth, shape (..., 3)."""
        across, down = np.asarray(columns, dtype=float) + 0.5, np.asarray(rows, dtype=float) + 0.5
        return earth_centred(self.transform, self.crs, across, down)


@contextmanager
def open_map(path: str | os.PathLike[str]) -> Iterator[MapRaster]:
    """Open a raster that :func:`explanation_rasters` or :func:`write_mosaic` wrote, or any of one band.

    Raises
    ------
    MissingCRSError
        If it has no CRS.
    InputError
        If it cannot be read.
    """
    try:
        source = rasterio.open(path)
    except (RasterioError, OSError) as error:
        msg = f"{path} cannot be read as a raster: {error}"
        raise InputError(msg) from error
    with source:
        yield MapRaster(source, os.fspath(path))
