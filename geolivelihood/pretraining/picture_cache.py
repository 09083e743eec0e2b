"""Small copies of large pictures, made once, so that epochs decode no more than they look at."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import torch
from affine import Affine
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from torchvision.transforms.v2 import functional

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features.lanes import in_lanes
from geolivelihood.features.loading import WINDOW, Loaded, Loader, full_path, reading_order, stretches
from geolivelihood.features.parts import stamps
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.files import atomic
from geolivelihood.progress import track

__all__ = ["CachedPictures", "cache_pictures"]

_SETTINGS, _REJECTED = "cache.json", "rejected.csv"
_SUFFIXES = (".jpg", ".tif", ".png")
_PER_TASK = 8


class CachedPictures(NamedTuple):
    """What is in a cache.

    Attributes
    ----------
    images
        The readable rows of the table, their ``path`` leading to the copies; windows have become files.
    rejected
        ``image_id``, ``reason`` of those that could not be read; also in ``rejected.csv``.
    """

    images: gpd.GeoDataFrame | pd.DataFrame
    rejected: pd.DataFrame


def cache_pictures(
    images: gpd.GeoDataFrame | pd.DataFrame,
    *,
    folder: str | os.PathLike[str],
    short_side: int = 448,
    quality: int = 95,
    bands: tuple[int, ...] | None = None,
    root: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    max_rejected: float = 0.1,
) -> CachedPictures:
    """Copy every picture of a table at the size that training looks at; go on where an earlier call stopped.

    Three bands of 8 bits become a JPEG; grey of 16 bits a PNG; everything else (other numbers of bands,
    physical units, pixels without data) a deflated GeoTIFF, with the raster's coordinate system where it
    has one. Smaller pictures keep their size. A copy is made again when the file (path, size, modification
    time) or the window has changed.

    Parameters
    ----------
    images
        ``image_id`` (unique) and ``path``; rows with ``col_off, row_off, width, height`` are windows of
        rasters.
    folder
        Of the cache; made if it is not there.
    short_side
        Pixels of the shorter side; the published augmentation crops 224 out of 448.
    quality
        Of JPEGs, 1 to 95.
    bands
        Bands of rasters to take, counted from 1.
    root
        Folder that relative paths start from.
    workers
        Threads; ``None`` takes one per core.
    max_rejected
        Share of the pictures that may be unreadable.

    Raises
    ------
    InputError
        If an option is out of range, or the folder is a cache made with other options.
    TooManyRejectedError
        If more than ``max_rejected`` of the pictures cannot be read. The copies that were made are kept.
    OutputError
        If the folder cannot be written or the disk is full.
    Cancelled
        If somebody asked to stop; the next call goes on.
    """
    _check_options(images, short_side, quality, max_rejected)
    target = Path(folder).absolute()
    _claim(target, {"short_side": short_side, "quality": quality, "bands": bands and list(bands)})
    table = pd.DataFrame(images.drop(columns="geometry", errors="ignore")).reset_index(drop=True)
    source = None if root is None else Path(root)
    names = [f"{mark:016x}" for mark in stamps(table, source).tolist()]
    found = _copies(target)
    order = reading_order(table)
    todo = order[[names[k] not in found for k in order]]
    writer = _Writer(table, target, names, quality, source)
    loader = Loader(table, _Shrinker(short_side, bands), source)
    reasons: dict[int, str] = {}
    tasks = stretches(table, todo, _PER_TASK)
    stream = in_lanes(lambda rows: writer.write(loader.load(rows)), tasks, workers=workers or _cores())
    for done in track(stream, "caching pictures", total=len(tasks)):
        reasons |= done
    return _cached(images, target, names, reasons, max_rejected)


class _Shrinker:
    """Reads pictures whole and makes them as small as they are needed."""

    def __init__(self, short_side: int, bands: tuple[int, ...] | None) -> None:
        self.reading = Reading(bands=bands)
        self.short_side = short_side

    def prepare(self, picture: Picture) -> npt.NDArray[Any]:
        """Pixels (bands, height, width): uint8 (masked where there is no data), uint16 grey, or float32."""
        pixels, scale = picture.pixels, picture.full_scale
        if min(pixels.shape[1:]) > self.short_side:
            pixels = _shrunk(pixels, self.short_side)
        if scale is None or pixels.dtype == np.uint8:
            return pixels
        if scale > 255:
            return np.rint(np.nan_to_num(pixels[:1])).astype(np.uint16)
        gaps = np.isnan(pixels)
        return np.ma.array(np.rint(np.where(gaps, 0, pixels)).astype(np.uint8), mask=gaps)


class _Writer:
    """Writes prepared pictures to files of their own."""

    def __init__(
        self, table: pd.DataFrame, folder: Path, names: list[str], quality: int, root: Path | None
    ) -> None:
        self.table, self.folder, self.names, self.quality, self.root = table, folder, names, quality, root

    def write(self, loaded: list[Loaded]) -> dict[int, str]:
        """Write the readable ones; reasons of the others by position."""
        for item in loaded:
            if item.array is not None:
                self._write(item.position, item.array)
        return {item.position: item.reason for item in loaded if item.array is None}

    def _write(self, position: int, pixels: npt.NDArray[Any]) -> None:
        stem = _place(self.folder, self.names[position])
        masked = isinstance(pixels, np.ma.MaskedArray)
        if pixels.dtype == np.uint8 and len(pixels) == 3 and not masked:
            with atomic(stem.with_suffix(".jpg")) as part:
                Image.fromarray(pixels.transpose(1, 2, 0)).save(part, "JPEG", quality=self.quality)
        elif pixels.dtype == np.uint16:
            with atomic(stem.with_suffix(".png")) as part:
                Image.fromarray(pixels[0]).save(part, "PNG")
        else:
            with atomic(stem.with_suffix(".tif")) as part:
                self._write_raster(part, position, pixels)

    def _write_raster(self, path: Path, position: int, pixels: npt.NDArray[Any]) -> None:
        count, height, width = pixels.shape
        profile = {"count": count, "height": height, "width": width, "dtype": pixels.dtype, "driver": "GTiff"}
        profile |= {"compress": "deflate", **self._ground(position, width, height)}
        if pixels.dtype != np.uint8:
            profile |= {"nodata": np.nan, "predictor": 3}
        with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", **profile) as target:
                target.write(np.ma.getdata(pixels))
                if isinstance(pixels, np.ma.MaskedArray):
                    target.write_mask(~np.ma.getmaskarray(pixels).any(axis=0))

    def _ground(self, position: int, width: int, height: int) -> dict[str, Any]:
        """CRS and transform of the copy, where the picture is a raster that has them."""
        row = self.table.iloc[position]
        with contextlib.suppress(RasterioError), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(full_path(str(row["path"]), self.root)) as source:
                if source.crs is None:
                    return {}
                left, top, across, down = 0.0, 0.0, source.width, source.height
                if set(WINDOW) <= set(self.table.columns) and row[WINDOW].notna().all():
                    left, top, across, down = (float(row[name]) for name in WINDOW)
                shift = Affine.translation(left, top) * Affine.scale(across / width, down / height)
                return {"crs": source.crs, "transform": source.transform * shift}
        return {}


def _shrunk(pixels: npt.NDArray[Any], short_side: int) -> npt.NDArray[Any]:
    """Smaller, antialiased; where there is no data in float pixels, the mean of what there is nearby."""
    tensor = torch.from_numpy(pixels)
    if pixels.dtype == np.uint8:
        return functional.resize(tensor, [short_side], antialias=True).numpy()
    gaps = torch.isnan(tensor)
    if not gaps.any():
        return functional.resize(tensor, [short_side], antialias=True).numpy()
    weight = functional.resize((~gaps).float(), [short_side], antialias=True)
    total = functional.resize(torch.where(gaps, 0.0, tensor), [short_side], antialias=True)
    return torch.where(weight > 0.5, total / weight, torch.nan).numpy()


def _place(folder: Path, name: str) -> Path:
    """Files in 256 folders: a million in one would make each slow to find."""
    return folder / name[:2] / name


def _copies(folder: Path) -> dict[str, Path]:
    """Copies that are there, by name."""
    files: Iterator[Path] = chain.from_iterable(folder.glob(f"??/*{suffix}") for suffix in _SUFFIXES)
    return {path.stem: path for path in files if ".part" not in path.stem}


def _cached(
    images: pd.DataFrame, folder: Path, names: list[str], reasons: dict[int, str], max_rejected: float
) -> CachedPictures:
    rows = sorted(reasons)
    ids = images["image_id"].iloc[rows].astype("str").to_numpy()
    rejected = pd.DataFrame({"image_id": ids, "reason": [reasons[row] for row in rows]}, dtype="str")
    with atomic(folder / _REJECTED) as part:
        rejected.to_csv(part, index=False)
    if len(rejected) > max_rejected * len(images):
        first = rejected.iloc[0]
        msg = (
            f"{len(rejected)} of {len(images)} pictures cannot be read, more than max_rejected="
            f"{max_rejected:g} allows. The first, {first.image_id}: {first.reason}. All are in "
            f"{folder / _REJECTED}. Repair them, or raise max_rejected; the copies that were made are kept."
        )
        raise TooManyRejectedError(msg)
    found = _copies(folder)
    good = np.array([name in found for name in names])
    table = images.loc[good].copy()
    table["path"] = [str(found[name]) for name in np.array(names)[good]]
    return CachedPictures(table.drop(columns=[*WINDOW, "bands"], errors="ignore"), rejected)


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Note what a new cache is made with; an old one must have been made with the same."""
    path = folder / _SETTINGS
    if not path.exists():
        with atomic(path) as part:
            part.write_text(json.dumps(settings) + "\n", encoding="utf-8")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    if before != settings:
        msg = f"{folder} is a cache made with {before}, not {settings}. Choose another folder."
        raise InputError(msg)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_options(images: pd.DataFrame, short_side: int, quality: int, max_rejected: float) -> None:
    missing = [name for name in ("image_id", "path") if name not in images]
    if missing or images.empty or images["image_id"].duplicated().any():
        msg = (
            f"The table of images lacks {', '.join(missing)}."
            if missing
            else "The table of images is empty, or its image ids are not unique."
        )
        raise InputError(msg)
    if short_side < 1 or not 1 <= quality <= 95 or not 0 <= max_rejected <= 1:
        msg = (
            f"short_side={short_side}, quality={quality}, max_rejected={max_rejected}: give at least 1 "
            "pixel, a quality from 1 to 95, a share from 0 to 1."
        )
        raise InputError(msg)
