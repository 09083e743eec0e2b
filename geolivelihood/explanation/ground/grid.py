"""Where a tile lies and what of it the network saw: affine products from map cells to the ground."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import rasterio
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.ground.areas import as_crs
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.footprints import window_polygons
from geolivelihood.tables.rasters import read_header
from geolivelihood.tables.tiles import tile_bounds_mercator

__all__ = ["Tile", "footprints", "image_tiles", "readable_tiles"]

Fit = Literal["squash", "crop"]
OnRejected = Callable[[pd.DataFrame], None]
_WINDOW = ("col_off", "row_off", "width", "height")
_SLIPPY = ("zoom", "tile_x", "tile_y")
_PIXELS_PER_JUMP = 8


@dataclass(frozen=True)
class Tile:
    """An overhead picture on the ground.

    Attributes
    ----------
    transform
        From the tile's (column, row) to its CRS; may be rotated or sheared.
    crs
        Of the tile. A tile without one is refused.
    width, height
        Pixels.
    image_id
        Name of the picture.
    box
        Part that the network saw: left, upper, right, lower in the tile's pixels; ``None`` for all of it.
    path
        File that the pixels come from, for its nodata; ``None`` where every pixel counts.
    offset
        Column and row of the tile within that file.
    """

    transform: Affine
    crs: Any
    width: int
    height: int
    image_id: str = ""
    box: tuple[float, float, float, float] | None = None
    path: str | None = None
    offset: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "crs", as_crs(self.crs, f"Tile {self.image_id or self.path or ''}".strip()))
        if self.transform.is_degenerate:
            msg = f"Tile {self.image_id} has the transform {tuple(self.transform)[:6]}, which is flat."
            raise InputError(msg)

    @property
    def seen(self) -> tuple[float, float, float, float]:
        """Left, upper, right, lower of what the network saw, in the tile's pixels."""
        return self.box or (0.0, 0.0, float(self.width), float(self.height))

    def scale(self, size: tuple[int, int]) -> tuple[float, float]:
        """Tile pixels per input pixel, down and across; ``size`` is the input's height and width."""
        left, upper, right, lower = self.seen
        return (lower - upper) / size[0], (right - left) / size[1]

    def input_transform(self, size: tuple[int, int]) -> Affine:
        """From the input's (column, row), at pixel edges, to the CRS: crop, then resize edge to edge."""
        down, across = self.scale(size)
        return self.transform * Affine.translation(*self.seen[:2]) * Affine.scale(across, down)

    def pixel(self, size: tuple[int, int], jump: float) -> float:
        """Side of a drawn pixel in tile pixels: a power of two, at least eight to a jump.

        Maps of the input's own resolution are drawn in the tile's pixels.
        """
        finest = min(self.scale(size)) * jump
        power = 2.0 ** np.floor(np.log2(finest / _PIXELS_PER_JUMP))
        return float(max(power, 1.0) if jump <= 1 else power)

    def grid(self, pixel: float) -> tuple[Affine, int, int]:
        """Transform, rows and columns of what is drawn of the tile."""
        left, upper, right, lower = self.seen
        rows, columns = (int(np.ceil(side / pixel - 1e-9)) for side in (lower - upper, right - left))
        return self.transform * Affine.translation(left, upper) * Affine.scale(pixel), rows, columns

    def valid(self, root: str | os.PathLike[str] | None = None) -> npt.NDArray[np.bool_] | None:
        """Pixels of the tile that have a value in its file; ``None`` if all have.

        A pixel is nodata where no band has a value, and beyond the edge of the file.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        if self.path is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with rasterio.open(Path(root, self.path) if root is not None else self.path) as source:
                    return _valid(source, (*self.offset, self.width, self.height))
        except (RasterioError, OSError) as error:
            msg = f"{self.path} cannot be read as a raster: {error.__cause__ or error}"
            raise InputError(msg) from error


def footprints(tiles: Sequence[Tile]) -> npt.NDArray[Any]:
    """Ground that the network saw of each tile, shape (n,): EPSG:4326, cut at the antimeridian."""
    found = np.empty(len(tiles), dtype=object)
    grids: dict[Any, list[int]] = {}
    for k, tile in enumerate(tiles):  # tiles of one grid are drawn at once, as windows of it
        turn = tile.transform
        grids.setdefault((id(tile.crs), turn.a, turn.b, turn.d, turn.e), []).append(k)
    for at in grids.values():
        first = tiles[at[0]]
        seen = np.array([tiles[k].seen for k in at])
        corners = np.array([(tiles[k].transform.c, tiles[k].transform.f) for k in at])
        turn = ~first.transform
        columns = turn.a * corners[:, 0] + turn.b * corners[:, 1] + turn.c
        rows = turn.d * corners[:, 0] + turn.e * corners[:, 1] + turn.f
        windows = np.column_stack(
            [columns + seen[:, 0], rows + seen[:, 1], seen[:, 2] - seen[:, 0], seen[:, 3] - seen[:, 1]]
        )
        found[at] = window_polygons(first.transform, windows, crs=first.crs)
    return found


def image_tiles(
    images: gpd.GeoDataFrame | pd.DataFrame,
    *,
    fit: Fit = "squash",
    root: str | os.PathLike[str] | None = None,
    on_rejected: OnRejected | None = None,
) -> list[Tile | None]:
    """Where the pictures of a table lie.

    Parameters
    ----------
    images
        Overhead pictures as the readers of ``tables`` give them: ``image_id``, ``path``, and either
        ``zoom, tile_x, tile_y`` of slippy tiles (then EPSG:3857), or the file's own grid with, optionally,
        the window ``col_off, row_off, width, height`` and ``raster_crs``.
    fit
        How the encoder reads them: ``"squash"`` the whole picture, or ``"crop"`` its central square.
    root
        Folder that relative paths start from.
    on_rejected
        Called with ``row`` (image id), ``column``, ``reason`` of the pictures without a place, which become
        ``None``. Without it the first one raises.

    Returns
    -------
    list
        A :class:`Tile` per row of ``images``.

    Raises
    ------
    MissingColumnError
        If ``image_id`` or ``path`` is missing.
    MissingCRSError, InputError
        If a picture has no CRS, no transform, or cannot be read, and ``on_rejected`` is ``None``.
    """
    missing = [name for name in ("image_id", "path") if name not in images]
    if missing:
        msg = f"The table of images has no column {missing}; it has {', '.join(map(str, images.columns))}."
        raise MissingColumnError(msg)
    if fit not in ("squash", "crop"):
        msg = f"fit={fit!r}: choose 'squash' (the whole picture) or 'crop' (its central square)."
        raise InputError(msg)
    names = [name for name in (*_WINDOW, *_SLIPPY, "raster_crs") if name in images]
    table = pd.DataFrame(images[["image_id", "path", *names]])
    grids: dict[tuple[str, Any], tuple[Affine, Any, int, int]] = {}
    found: list[Tile | None] = []
    for row in table.to_dict("records"):  # a file is opened once, however many windows it has
        try:
            found.append(_tile(row, fit, root, grids))
        except InputError as error:
            if on_rejected is None:
                raise
            on_rejected(rejected_rows(pd.Series([row["image_id"]]), "path", str(error)))
            found.append(None)
    return found


def readable_tiles(
    tiles: Sequence[Tile | None],
    *,
    root: str | os.PathLike[str] | None = None,
    on_rejected: OnRejected | None = None,
) -> list[Tile | None]:
    """The tiles whose nodata can be read; those that have none at all need their file no more.

    Parameters
    ----------
    tiles
        Where pictures lie; ``None`` stays.
    root
        Folder that relative paths start from.
    on_rejected
        Called with ``row`` (image id), ``column``, ``reason`` of the tiles whose file fails, which become
        ``None``. Without it the first one raises.

    Raises
    ------
    InputError
        If a file cannot be read and ``on_rejected`` is ``None``.
    """
    found: list[Tile | None] = []
    for tile in tiles:  # a file at a time
        try:
            whole = tile is not None and tile.path is not None and tile.valid(root) is None
            found.append(replace(tile, path=None) if tile is not None and whole else tile)
        except InputError as error:
            if on_rejected is None:
                raise
            name = tile.image_id if tile is not None else ""
            on_rejected(rejected_rows(pd.Series([name]), "path", str(error)))
            found.append(None)
    return found


def _tile(row: dict[Any, Any], fit: str, root: Any, grids: dict[Any, Any]) -> Tile:
    path = str(row["path"])
    file = str(Path(root, path)) if root is not None else path
    if all(pd.notna(row.get(name)) for name in _SLIPPY):
        return _slippy_tile(row, fit, file)
    assumed = row.get("raster_crs")
    key = file, str(assumed)
    if key not in grids:
        header = read_header(file, crs=assumed if pd.notna(assumed) else None, probe=False)
        grids[key] = header.transform, header.crs, header.width, header.height
    transform, crs, width, height = grids[key]
    offset = (0, 0)
    if all(pd.notna(row.get(name)) for name in _WINDOW):
        column, line, width, height = (int(row[name]) for name in _WINDOW)
        offset = column, line
    moved = transform * Affine.translation(*offset)
    return Tile(
        moved, crs, width, height, str(row["image_id"]), _box(fit, width, height), path=path, offset=offset
    )


def _slippy_tile(row: dict[Any, Any], fit: str, file: str) -> Tile:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(file) as source:
                width, height = source.width, source.height
    except (RasterioError, OSError) as error:
        msg = f"{file} cannot be read as a picture: {error}"
        raise InputError(msg) from error
    west, south, east, north = tile_bounds_mercator(row["zoom"], row["tile_x"], row["tile_y"])
    transform = Affine((east - west) / width, 0, west, 0, (south - north) / height, north)
    crs = pyproj.CRS.from_epsg(3857)
    return Tile(
        transform, crs, width, height, str(row["image_id"]), _box(fit, width, height), path=str(row["path"])
    )


def _box(fit: str, width: int, height: int) -> tuple[float, float, float, float] | None:
    if fit == "squash":
        return None
    short = min(width, height)
    left, upper = (width - short) // 2, (height - short) // 2
    return left, upper, left + short, upper + short


def _valid(source: rasterio.DatasetReader, window: tuple[int, int, int, int]) -> npt.NDArray[np.bool_] | None:
    column, line, width, height = window
    inside = column >= 0 and line >= 0 and column + width <= source.width and line + height <= source.height
    floating = any(kind.startswith(("float", "complex")) for kind in source.dtypes)
    if inside and not floating and all(MaskFlags.all_valid in flags for flags in source.mask_flag_enums):
        return None
    left, upper = max(column, 0), max(line, 0)
    right, lower = min(column + width, source.width), min(line + height, source.height)
    valid = np.zeros((height, width), dtype=bool)
    if left < right and upper < lower:
        part = Window(left, upper, right - left, lower - upper)
        known = source.dataset_mask(window=part) > 0
        if floating:
            known &= ~np.isnan(source.read(window=part)).all(axis=0)
        valid[upper - line : lower - line, left - column : right - column] = known
    return None if valid.all() else valid
