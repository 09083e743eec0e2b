"""Pictures from disk, as an encoder takes them, the unreadable ones with their reasons."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import rasterio
from PIL import UnidentifiedImageError

from geolivelihood.errors import InputError
from geolivelihood.features.pictures import Picture, Reading, read_picture, select_bands
from geolivelihood.tables.windows import read_chips

__all__ = ["Loaded", "Loader", "full_path", "reading_order", "stretches"]

WINDOW = ["col_off", "row_off", "width", "height"]
_SLAB_BYTES = 64_000_000


class Loaded(NamedTuple):
    """A picture as the encoder takes it, or the reason why there is none."""

    position: int
    array: np.ndarray | None
    reason: str


class Reader(Protocol):
    """What a :class:`Loader` needs of an encoder: how pictures are read, and made ready."""

    reading: Reading

    def prepare(self, picture: Picture) -> np.ndarray:
        """The array that the encoder takes."""


def reading_order(images: pd.DataFrame) -> np.ndarray:
    """Positions of the rows in the order in which they are read best.

    Whole files in the table's order; then windows of rasters, sorted by file and from top to bottom.
    """
    windowed = _windowed(images)
    chips = images.loc[windowed]
    if chips.empty:
        return np.arange(len(images))
    keys = [chips[name].to_numpy() for name in ("col_off", "row_off")]
    keys += [
        pd.factorize(chips[name].astype(str), sort=True)[0] for name in ("bands", "path") if name in chips
    ]
    positions = np.flatnonzero(windowed)
    return np.concatenate([np.flatnonzero(~windowed), positions[np.lexsort(keys)]])


def _windowed(images: pd.DataFrame) -> np.ndarray:
    if not set(WINDOW) <= set(images.columns):
        return np.zeros(len(images), dtype=bool)
    return images[WINDOW].notna().all(axis=1).to_numpy()


def stretches(images: pd.DataFrame, positions: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Positions in pieces that are best read in one go, each of whole batches but the last.

    Photos come batch by batch; neighbouring windows of rasters as many at a time as 64 MB hold, so that
    a stretch of raster is decoded once.
    """
    starts = np.arange(0, len(positions), batch_size)
    windowed = _windowed(images)[positions]
    if windowed.any():
        largest = images.iloc[positions[windowed]][WINDOW[2:]].prod(axis=1).max()
        slab = int(np.clip(_SLAB_BYTES // (max(largest, 1) * 4 * 4), 1, 4096)) // batch_size * batch_size
        first = int(np.argmax(windowed))
        starts = starts[
            (starts <= first) | ((starts - -(-first // batch_size) * batch_size) % max(slab, batch_size) == 0)
        ]
    return np.split(positions, starts[1:])


class Loader:
    """Reads and prepares rows of a table; one serves all threads.

    Parameters
    ----------
    images
        ``image_id``, ``path``, perhaps windows.
    encoder
        Says how pictures are to be read, and prepares them.
    root
        Folder that relative paths start from.
    """

    def __init__(self, images: pd.DataFrame, encoder: Reader, root: Path | None) -> None:
        self.images, self.encoder, self.root = images, encoder, root
        self.paths = images["path"].astype(str).to_numpy(dtype=object)
        self.windowed = _windowed(images)

    def load(self, positions: np.ndarray) -> list[Loaded]:
        """The pictures at ``positions``, in this order."""
        chips = positions[self.windowed[positions]]
        found = {item.position: item for item in self._chips(chips)} if len(chips) else {}
        return [found.get(position) or self._file(position) for position in positions.tolist()]

    def _file(self, position: int) -> Loaded:
        path = full_path(self.paths[position], self.root)
        try:
            picture = read_picture(path, self.encoder.reading)
        except Exception as error:  # decoders raise anything on hostile bytes
            return Loaded(position, None, _reason(error, path))
        return self._prepared(position, picture)

    def _prepared(self, position: int, picture: Picture) -> Loaded:
        try:
            return Loaded(position, self.encoder.prepare(picture), "")
        except InputError as error:
            return Loaded(position, None, str(error))

    def _chips(self, positions: np.ndarray) -> list[Loaded]:
        table = self.images.iloc[positions].assign(image_id=positions.astype(str))
        table[WINDOW] = table[WINDOW].astype(np.int64)
        reasons: dict[str, str] = {}
        arrays: dict[str, np.ndarray] = {}
        scales = {path: _full_scale(path, self.root) for path in table["path"].astype(str).unique()}
        batches = read_chips(
            table,
            root=self.root,
            on_rejected=lambda rows: reasons.update(zip(rows["row"], rows["reason"])),
        )
        for ids, pixels in batches:
            arrays.update(zip(ids, pixels))
        return [
            self._chip(position, arrays.get(str(position)), reasons, scales[self.paths[position]])
            for position in positions.tolist()
        ]

    def _chip(
        self, position: int, pixels: np.ndarray | None, reasons: dict[str, str], full_scale: float | None
    ) -> Loaded:
        if pixels is None:
            path = full_path(self.paths[position], self.root)
            reason = reasons.get(str(position), "the window cannot be read")
            return Loaded(position, None, reason.replace(str(path), Path(path).name))
        try:
            chosen = select_bands(pixels, self.encoder.reading.bands)
        except InputError as error:
            return Loaded(position, None, str(error))
        return self._prepared(position, Picture(chosen, full_scale))


def full_path(path: str, root: Path | None) -> str:
    """Where a picture is: relative paths start from ``root``; URLs and GDAL's own paths stay."""
    if root is None or "://" in path or path.startswith("/vsi"):
        return path
    return os.fspath(root / path)


def _full_scale(path: str, root: Path | None) -> float | None:
    """255 for rasters of 8 bits, ``None`` for others and for those that cannot be opened."""
    try:
        with rasterio.open(full_path(path, root)) as source:
            return 255.0 if set(source.dtypes) == {"uint8"} else None
    except rasterio.errors.RasterioError:
        return None


def _reason(error: Exception, path: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    if isinstance(error, UnidentifiedImageError):
        empty = os.path.getsize(path) == 0  # noqa: PTH202 - a plain string
        return "the file is empty" if empty else "not a picture, or its header is damaged"
    text = str(error).replace(path, Path(path).name)
    return text or type(error).__name__
