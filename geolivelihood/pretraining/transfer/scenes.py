"""Pictures with a place: which pixel lies where, and pixels as numbers in which no data is NaN."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import rasterio
import shapely
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.transform import from_bounds
from rasterio.windows import Window

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.rasters import read_header
from geolivelihood.tables.sources import known_crs
from geolivelihood.tables.tiles import tile_bounds_mercator

__all__ = ["Scene", "open_scene", "open_scenes", "read_pixels"]

Floats = npt.NDArray[np.float32]
_TILE = ("zoom", "tile_x", "tile_y")


class Scene(NamedTuple):
    """A picture file and the ground that its pixels cover.

    Attributes
    ----------
    image_id, path
        Of the images table; the path is one that GDAL opens.
    crs
        Of the transform.
    transform
        From (column, row) to the CRS; may be rotated.
    width, height
        Pixels.
    bands
        Bands to read, counted from 1.
    dtype
        Of these bands in the file.
    """

    image_id: str
    path: str
    crs: pyproj.CRS
    transform: Affine
    width: int
    height: int
    bands: tuple[int, ...]
    dtype: str

    @property
    def eight_bits(self) -> bool:
        """Whether the values are bytes."""
        return self.dtype == "uint8"

    def to_pixels(self, geometries: gpd.GeoSeries) -> npt.NDArray[Any]:
        """Geometries in pixels of the scene: x is the column, y the row; a corner of a pixel is whole.

        Raises
        ------
        MissingCRSError
            If the geometries have no CRS.
        """
        if geometries.crs is None:
            msg = (
                "The labels have no CRS, so they cannot be laid over the pictures. Set it with "
                'labels.set_crs("EPSG:4326") if the coordinates are longitude/latitude.'
            )
            raise MissingCRSError(msg)
        return _affine(geometries.to_crs(self.crs).to_numpy(), ~self.transform)

    def to_ground(self, pixels: npt.NDArray[Any]) -> gpd.GeoSeries:
        """Geometries in pixels as geometries in the CRS of the scene."""
        return gpd.GeoSeries(_affine(pixels, self.transform), crs=self.crs)


def open_scene(
    path: str | os.PathLike[str],
    *,
    bands: Sequence[int] | None = None,
    crs: Any = None,
    image_id: str | None = None,
    placed: tuple[Affine, pyproj.CRS] | None = None,
) -> Scene:
    """The grid, bands and depth of one picture, from its header.

    Parameters
    ----------
    path
        Anything GDAL opens.
    bands
        Bands to read, counted from 1; ``None`` takes all but an alpha band.
    crs
        For a raster with a grid (a world file) and no CRS.
    image_id
        ``None`` takes the file's name.
    placed
        Transform and CRS of a picture that has no grid of its own, such as a PNG tile.

    Raises
    ------
    MissingCRSError
        If nothing says where the picture lies.
    InputError
        If it is missing, cut off or unreadable, has a palette, or lacks a band.
    """
    name = Path(path).stem if image_id is None else image_id
    with opened(os.fspath(path)) as source:
        own = not source.transform.is_identity
        size = source.width, source.height
        chosen = _bands(source, bands, os.fspath(path))
        dtype = np.result_type(*(source.dtypes[band - 1] for band in chosen)).name
    if own:
        header = read_header(os.fspath(path), crs=crs)
        return Scene(name, os.fspath(path), header.crs, header.transform, *size, chosen, dtype)
    if placed is None:
        msg = (
            f"{path} has neither a grid nor a CRS, so its pixels have no place. Give a GeoTIFF, write a "
            "world file beside it and name its crs, or give its footprint in the table of images."
        )
        raise MissingCRSError(msg)
    return Scene(name, os.fspath(path), placed[1], placed[0], *size, chosen, dtype)


def open_scenes(
    images: gpd.GeoDataFrame,
    *,
    bands: Sequence[int] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> tuple[list[Scene], pd.DataFrame]:
    """The scenes of a table of images, and the rows set aside.

    Parameters
    ----------
    images
        ``image_id``, ``path`` and footprints. A picture with a grid of its own lies where its file says. One
        without lies in its tile (``zoom, tile_x, tile_y``, Web Mercator), else in its footprint, which must
        then be a rectangle along the axes of the table's CRS.
    bands
        Bands to read, counted from 1; ``None`` takes all but an alpha band.
    root
        Folder that relative paths start from.

    Returns
    -------
    tuple
        Scenes in the order of the table; ``row`` (image id), ``column``, ``reason`` of the others.

    Raises
    ------
    MissingColumnError, MissingCRSError
        If a column, or the table's CRS, is missing.
    InputError
        If no picture is left, or the pictures differ in their number of bands or are of 8 bits only in part.
    """
    missing = [name for name in ("image_id", "path") if name not in images]
    if missing:
        msg = f"The table of images has no column {', '.join(missing)}. It has: {', '.join(images)}."
        raise MissingColumnError(msg)
    if images.crs is None:
        msg = 'The table of images has no CRS. Set it with images.set_crs("EPSG:4326") if it is in degrees.'
        raise MissingCRSError(msg)
    scenes, bad, reasons = [], [], []
    for row in images.itertuples(index=False):  # a file at a time
        path = row.path if root is None else Path(root, row.path)
        try:
            placed = _place(row, path, images.crs)
            scenes.append(open_scene(path, bands=bands, image_id=str(row.image_id), placed=placed))
        except InputError as error:
            bad.append(str(row.image_id))
            reasons.append(str(error))
    if not scenes:
        first = f" The first: {reasons[0]}" if reasons else ""
        msg = f"None of {len(images)} pictures can be used.{first}"
        raise InputError(msg)
    check_alike(scenes)
    return scenes, rejected_rows(bad, "path", reasons)


def check_alike(scenes: Sequence[Scene]) -> None:
    """Refuse scenes of which one network cannot see all: other numbers of bands, bytes and other values."""
    first = scenes[0]
    for scene in scenes:
        if len(scene.bands) != len(first.bands):
            msg = (
                f"{scene.path} has {len(scene.bands)} bands and {first.path} {len(first.bands)}. Name the "
                "bands that all have, such as bands=(1, 2, 3)."
            )
            raise InputError(msg)
        if scene.eight_bits != first.eight_bits:
            msg = (
                f"{scene.path} holds {scene.dtype} and {first.path} {first.dtype}: values of one are not "
                "those of the other. Convert them to one type."
            )
            raise InputError(msg)


def read_pixels(scene: Scene, window: tuple[int, int, int, int]) -> Floats:
    """Pixels of a window, NaN where there is no data or the window reaches beyond the picture.

    Parameters
    ----------
    scene
        What to read from.
    window
        First column, first row, width, height in pixels.

    Returns
    -------
    numpy.ndarray
        (bands, height, width) float32 in the file's units.

    Raises
    ------
    InputError
        If the file is damaged there.
    """
    with opened(scene.path) as source:
        return read_window(source, scene, window)


def read_window(source: rasterio.DatasetReader, scene: Scene, window: tuple[int, int, int, int]) -> Floats:
    """:func:`read_pixels` of a file that is open."""
    column, row, width, height = window
    left, top = max(column, 0), max(row, 0)
    right, bottom = min(column + width, scene.width), min(row + height, scene.height)
    pixels = np.full((len(scene.bands), height, width), np.nan, np.float32)
    if left >= right or top >= bottom:
        return pixels
    try:
        read = source.read(
            list(scene.bands), window=Window(left, top, right - left, bottom - top), masked=True
        )
    except (RasterioError, OSError) as error:
        msg = f"{scene.path} is damaged at column {left}, row {top}: {error.__cause__ or error}"
        raise InputError(msg) from error
    values = read.astype(np.float32).filled(np.nan)
    values[~np.isfinite(values)] = np.nan
    pixels[:, top - row : bottom - row, left - column : right - column] = values
    return pixels


def opened(path: str) -> rasterio.DatasetReader:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(path)
    except (RasterioError, OSError) as error:
        msg = f"{path} cannot be read as a picture: {error.__cause__ or error}"
        raise InputError(msg) from error


def _bands(source: rasterio.DatasetReader, bands: Sequence[int] | None, path: str) -> tuple[int, ...]:
    colours = [colour.name for colour in source.colorinterp]
    if "palette" in colours:
        msg = f"{path} holds numbers of a palette, not colours. Convert it: gdal_translate -expand rgb"
        raise InputError(msg)
    if bands is None:
        return tuple(k for k, colour in enumerate(colours, start=1) if colour != "alpha")
    wrong = [band for band in bands if not 1 <= band <= source.count]
    if wrong or not bands:
        msg = f"bands={tuple(bands)}: {path} has {source.count}; count them from 1."
        raise InputError(msg)
    return tuple(int(band) for band in bands)


def _place(row: Any, path: Any, crs: pyproj.CRS) -> tuple[Affine, pyproj.CRS] | None:
    """Transform and CRS that the table gives a picture without a grid."""
    with opened(os.fspath(path)) as source:
        if not source.transform.is_identity:
            return None
        size = source.width, source.height
    if all(hasattr(row, name) and pd.notna(getattr(row, name)) for name in _TILE):
        bounds = tile_bounds_mercator(*(np.asarray(getattr(row, name)) for name in _TILE))
        return from_bounds(*bounds, *size), known_crs("EPSG:3857")
    shape = getattr(row, "geometry", None)
    if shape is None or not shape.equals(shapely.box(*shape.bounds)) or shape.area == 0:
        msg = (
            f"{path} has no grid of its own, and its footprint is no rectangle along the axes. Give a "
            "GeoTIFF, or write a world file beside it."
        )
        raise MissingCRSError(msg)
    return from_bounds(*shape.bounds, *size), crs


def _affine(geometries: npt.NDArray[Any], matrix: Affine) -> npt.NDArray[Any]:
    def moved(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        x, y = points.T
        return np.stack([matrix.a * x + matrix.b * y + matrix.c, matrix.d * x + matrix.e * y + matrix.f], 1)

    return shapely.transform(np.asarray(geometries, dtype=object), moved)
