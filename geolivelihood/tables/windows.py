"""Pixels of windows: read once per stretch of a raster, in the order in which they lie in it."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.progress import checkpoint
from geolivelihood.tables.faults import rejected_rows

__all__ = ["read_chips"]

_WINDOW = ["col_off", "row_off", "width", "height"]
_READ_PX = 20_000  # what one call to GDAL costs, in pixels that it could have decoded meanwhile
_WASTE = 4  # times the pixels wanted that may be read in one go
_log = logging.getLogger(__name__)

Chip = tuple[str, np.ndarray]


def read_chips(
    images: gpd.GeoDataFrame | pd.DataFrame,
    *,
    batch_size: int = 64,
    root: str | os.PathLike[str] | None = None,
    memory_mb: float = 64.0,
    on_rejected: Callable[[pd.DataFrame], None] | None = None,
) -> Iterator[tuple[list[str], list[np.ndarray]]]:
    """Pixels of raster windows, in batches, sorted by file and by row within the file.

    Neighbouring windows are cut from one stretch of the raster that is read once; a few far windows are read
    one by one. The order of the rows of ``images`` does not change the order of the batches.

    Parameters
    ----------
    images
        ``image_id``, ``path`` and the window ``col_off, row_off, width, height`` in pixels, as made by
        :func:`~geolivelihood.tables.chip_table`; without window columns the whole raster. Optional ``bands``
        (``"1,2,3"``; all without it) and ``raster_crs``.
    batch_size
        Chips per batch; the last one may be smaller.
    root
        Folder that relative paths start from.
    memory_mb
        Most megabytes of raster held at a time, beside the batch; one single window may need more.
    on_rejected
        Called with ``row`` (image id), ``column``, ``reason`` of the windows that cannot be read. ``None``
        logs them as a warning. Either way they are left out and the run goes on.

    Yields
    ------
    tuple
        Image ids, and as many float32 arrays (bands, height, width). Pixels beyond the raster's edge, nodata
        and masked pixels are NaN; across the seam of a raster that goes once around the earth the window
        continues on the other side.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    """
    missing = [name for name in ("image_id", "path") if name not in images]
    if missing or batch_size < 1:
        msg = (
            f"The table of images has no column {missing}."
            if missing
            else f"batch_size={batch_size} is below 1."
        )
        raise (MissingColumnError if missing else InputError)(msg)
    ids: list[str] = []
    arrays: list[np.ndarray] = []
    for name, array in _chips(images, root, memory_mb * 2**20, on_rejected or _warn):
        ids.append(name)
        arrays.append(array)
        if len(ids) == batch_size:
            checkpoint()
            yield ids, arrays
            ids, arrays = [], []
    if ids:
        yield ids, arrays


def _warn(rejected: pd.DataFrame) -> None:
    first = rejected.iloc[0]
    _log.warning("%d windows cannot be read; the first, %s: %s", len(rejected), first["row"], first["reason"])


def _chips(
    images: pd.DataFrame,
    root: str | os.PathLike[str] | None,
    memory: float,
    on_rejected: Callable[[pd.DataFrame], None],
) -> Iterator[Chip]:
    columns = [name for name in ("image_id", "path", *_WINDOW, "bands", "raster_crs") if name in images]
    table = pd.DataFrame(images[columns]).reset_index(drop=True)
    if "bands" not in table:
        table["bands"] = ""
    for (path, bands), rows in table.groupby(["path", "bands"], sort=True):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                source = rasterio.open(_gdal_path(str(path), root))
        except (RasterioError, OSError) as error:
            on_rejected(rejected_rows(rows["image_id"], "path", f"cannot be opened: {error}"))
            continue
        with source:
            yield from _file_chips(source, rows, str(bands), memory, on_rejected)


def _gdal_path(path: str, root: str | os.PathLike[str] | None) -> str:
    if "://" in path or path.startswith("/vsi"):
        return path
    full = Path(root, path) if root is not None else Path(path)
    archive, bang, member = str(full).partition("!")
    return f"/vsitar/{archive}/{member}" if bang else str(full)


def _file_chips(
    source: rasterio.DatasetReader,
    rows: pd.DataFrame,
    bands: str,
    memory: float,
    on_rejected: Callable[[pd.DataFrame], None],
) -> Iterator[Chip]:
    indexes = [int(band) for band in bands.split(",")] if bands else list(source.indexes)
    wraps = _wraps(source, rows)
    windows = _window_array(source, rows)
    names = rows["image_id"].to_numpy()
    pixel = len(indexes) * max(np.dtype(kind).itemsize for kind in source.dtypes)
    for chosen in _stretches(windows, source.width, memory / pixel):
        try:
            yield from _cut(source, indexes, names[chosen], windows[chosen], wraps)
        except (RasterioError, OSError):  # the file is damaged somewhere: find the windows that are not
            yield from _one_by_one(source, indexes, names[chosen], windows[chosen], wraps, on_rejected)


def _wraps(source: rasterio.DatasetReader, rows: pd.DataFrame) -> bool:
    """Whether the file goes once around the earth; the table knows the CRS of files that do not."""
    crs = source.crs
    if not crs and "raster_crs" in rows and pd.notna(rows["raster_crs"].iloc[0]):
        crs = rasterio.crs.CRS.from_user_input(rows["raster_crs"].iloc[0])
    step = abs(source.transform.a)
    return bool(crs and crs.is_geographic) and abs(step * source.width - 360) < step / 100


def _window_array(source: rasterio.DatasetReader, rows: pd.DataFrame) -> np.ndarray:
    if not set(_WINDOW) <= set(rows.columns):
        return np.tile([0, 0, source.width, source.height], (len(rows), 1))
    return rows[_WINDOW].to_numpy(dtype=np.int64)


def _stretches(windows: np.ndarray, raster_width: int, pixels: float) -> Iterator[np.ndarray]:
    """Positions of windows that are read in one go, from top to bottom of the raster.

    Full-width stretches where the memory allows, squares where the raster is too wide; windows that lie too
    far apart to share a stretch come one by one.
    """
    col_off, row_off, width, height = windows.T
    reach = int(min(raster_width, col_off.max() + width.max() - col_off.min()))
    side_rows = pixels / max(reach, 1) - height.max()
    side_cols = reach + 1.0
    if side_rows < height.max():
        side_rows = np.sqrt(pixels) - height.max()
        side_cols = max(np.sqrt(pixels) - width.max(), 1)
    bins = np.stack([row_off // max(side_rows, 1), (col_off - col_off.min()) // side_cols])
    order = np.lexsort((col_off, row_off, bins[1], bins[0]))
    starts = np.flatnonzero((np.diff(bins[:, order], axis=1) != 0).any(axis=0)) + 1
    for chosen in np.split(order, starts):
        left, top, right, bottom = _bounds(windows[chosen])
        wanted = (width[chosen] * height[chosen]).sum()
        area = (right - left) * (bottom - top)
        if area <= _WASTE * wanted + _READ_PX * len(chosen) and (area <= pixels or len(chosen) == 1):
            yield chosen
        else:
            yield from np.split(chosen, len(chosen))


def _bounds(windows: np.ndarray) -> tuple[int, int, int, int]:
    col_off, row_off, width, height = windows.T
    right, bottom = (col_off + width).max(), (row_off + height).max()
    return int(col_off.min()), int(row_off.min()), int(right), int(bottom)


def _cut(
    source: rasterio.DatasetReader, indexes: list[int], names: np.ndarray, windows: np.ndarray, wraps: bool
) -> Iterator[Chip]:
    left, top, right, bottom = _bounds(windows)
    values, void = _stretch(source, indexes, (left, top, right, bottom), wraps)
    # one step per chip is what a list of arrays of several shapes is; the pixels were read above
    for name, (col_off, row_off, width, height) in zip(names, windows.tolist()):
        down = slice(row_off - top, row_off - top + height)
        across = slice(col_off - left, col_off - left + width)
        chip = values[:, down, across].astype(np.float32)
        if void is not None:
            chip[void[:, down, across]] = np.nan
        yield name, chip


def _stretch(
    source: rasterio.DatasetReader, indexes: list[int], bounds: tuple[int, int, int, int], wraps: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels within bounds that may reach beyond the raster, and the mask of those without a value."""
    left, top, right, bottom = bounds
    high, low = max(top, 0), min(bottom, source.height)
    pieces = list(_pieces(left, right, source.width, wraps))
    if 0 <= left < right <= source.width and (high, low) == (top, bottom):
        read = source.read(indexes, window=Window(left, top, right - left, bottom - top), masked=True)
        return read.data, (read.mask if np.ndim(read.mask) and read.mask.any() else None)
    shape = (len(indexes), bottom - top, right - left)
    values = np.zeros(shape, dtype=np.result_type(*source.dtypes))
    void = np.ones(shape, dtype=bool)
    for start, stop in pieces if high < low else []:  # two at most, or one more per turn around the earth
        window = Window(start % source.width, high, stop - start, low - high)
        read = source.read(indexes, window=window, masked=True)
        at = (slice(None), slice(high - top, low - top), slice(start - left, stop - left))
        values[at], void[at] = read.data, np.ma.getmaskarray(read)
    return values, void


def _pieces(left: int, right: int, width: int, wraps: bool) -> Iterator[tuple[int, int]]:
    """The stretch of columns from left to right, in parts that lie within one turn of the raster."""
    if not wraps:
        if max(left, 0) < min(right, width):
            yield max(left, 0), min(right, width)
        return
    for turn in range(left // width, (right - 1) // width + 1):
        yield max(left, turn * width), min(right, (turn + 1) * width)


def _one_by_one(
    source: rasterio.DatasetReader,
    indexes: list[int],
    names: np.ndarray,
    windows: np.ndarray,
    wraps: bool,
    on_rejected: Callable[[pd.DataFrame], None],
) -> Iterator[Chip]:
    for k in range(len(names)):  # after a fault only
        try:
            chips = list(_cut(source, indexes, names[k : k + 1], windows[k : k + 1], wraps))
        except (RasterioError, OSError) as error:
            on_rejected(
                rejected_rows(names[k : k + 1], "path", f"cannot be read: {error.__cause__ or error}")
            )
            continue
        yield from chips
