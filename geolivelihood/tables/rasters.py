"""What a raster file says about itself: grid, CRS, bands; read from its header only."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyproj
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.progress import track
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.sources import known_crs

__all__ = ["RasterHeader", "raster_files", "read_header", "read_headers"]

_SUFFIXES = (".tif", ".tiff", ".gtiff")


class RasterHeader(NamedTuple):
    """The grid of one raster file.

    Attributes
    ----------
    path
        As it was given.
    crs
        The file's own, else the caller's.
    transform
        Affine from (column, row) to the CRS.
    width, height
        Pixels.
    names
        Per band: its description, else its colour (``"red"``), else empty.
    alpha
        Per band: whether it is a transparency mask.
    taken
        The file's ``TIFFTAG_DATETIME`` as it is written (``2021:06:05 10:30:00``); empty without one. Some
        programs write the time of processing there.
    """

    path: str
    crs: pyproj.CRS
    transform: Affine
    width: int
    height: int
    names: tuple[str, ...]
    alpha: tuple[bool, ...]
    taken: str = ""

    @property
    def wraps(self) -> bool:
        """Whether the raster goes once around the earth, so that its last column touches its first."""
        around = abs(self.transform.a) * self.width
        return self.upright and self.crs.is_geographic and abs(around - 360) < abs(self.transform.a) / 100

    @property
    def upright(self) -> bool:
        """Whether rows run along x and columns along y, without rotation or shear."""
        return self.transform.b == 0 and self.transform.d == 0

    def bands(self, wanted: Sequence[int | str] | None = None) -> tuple[int, ...]:
        """Indices (from 1) of the bands wanted by index, description or colour; ``None`` is all but alpha.

        Raises
        ------
        InputError
            If a band is not there, or two bands bear the name.
        """
        if wanted is None:
            every = tuple(k for k, alpha in enumerate(self.alpha, start=1) if not alpha)
            return every or tuple(range(1, len(self.names) + 1))
        return tuple(self._band(band) for band in wanted)

    def _band(self, band: int | str) -> int:
        lower = [name.lower() for name in self.names]
        count = len(lower)
        if isinstance(band, str):
            found = [k for k, name in enumerate(lower, start=1) if name == band.lower()]
            if len(found) == 1:
                return found[0]
            named = ", ".join(f"{k} {name!r}" for k, name in enumerate(self.names, start=1) if name)
            what = "more than one band" if found else "no band"
            msg = (
                f"{self.path} has {what} named {band!r}. Give an index from 1 to {count}, or one of: {named}."
            )
            raise InputError(msg)
        if isinstance(band, bool) or not 1 <= int(band) <= count:
            msg = f"{self.path} has no band {band!r}. Bands count from 1 to {count}."
            raise InputError(msg)
        return int(band)


def raster_files(source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """Paths of a folder's GeoTIFFs (recursively, sorted), or of the file or files given.

    Raises
    ------
    InputError
        If the path does not exist or the folder has no GeoTIFF.
    """
    if not isinstance(source, str | os.PathLike):
        paths = [os.fspath(path) for path in source]
    elif Path(source).is_dir():
        found = (path for path in Path(source).rglob("*") if path.suffix.lower() in _SUFFIXES)
        paths = sorted(path.as_posix() for path in found if path.is_file())
    else:
        paths = [os.fspath(source)]
        if "://" not in paths[0] and not paths[0].startswith("/vsi") and not Path(paths[0]).exists():
            msg = f"{paths[0]} does not exist. Give a raster file, a list of them, or a folder of GeoTIFFs."
            raise InputError(msg)
    if not paths:
        msg = f"There is no GeoTIFF in {source}. Files must end in {', '.join(_SUFFIXES)}."
        raise InputError(msg)
    return paths


def read_header(path: str, *, crs: Any = None, probe: bool = True) -> RasterHeader:
    """The header of one raster.

    Parameters
    ----------
    path
        Anything GDAL opens.
    crs
        For a file that has none of its own, such as a JPEG with a world file.
    probe
        Read the last block too, so that a file that was cut off is found here.

    Raises
    ------
    MissingCRSError
        If neither the file nor the caller knows the CRS.
    InputError
        If the file cannot be read, or has no geotransform.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as source:
                header = _header(source, path, crs)
                if probe:
                    _probe(source)
    except (RasterioError, OSError) as error:
        msg = f"{path} cannot be read as a raster: {error.__cause__ or error}"
        raise InputError(msg) from error
    return header


def read_headers(
    paths: Sequence[str], *, crs: Any = None, probe: bool = True
) -> tuple[list[RasterHeader], pd.DataFrame]:
    """Headers of the rasters that can be read, and the others with their reasons.

    Returns
    -------
    tuple
        The headers in the order of ``paths``; ``row`` (the path), ``column``, ``reason`` of the others.

    Raises
    ------
    InputError, MissingCRSError
        If no raster is left; the first one's own error where there is one only.
    """
    headers: list[RasterHeader] = []
    faults: list[InputError] = []
    bad: list[str] = []
    for path in track(paths, "reading raster headers"):  # one file at a time is how files are opened
        try:
            headers.append(read_header(path, crs=crs, probe=probe))
        except InputError as error:
            faults.append(error)
            bad.append(path)
    if not headers:
        if len(faults) == 1:
            raise faults[0]
        kind = MissingCRSError if all(isinstance(f, MissingCRSError) for f in faults) else InputError
        shown = "\n".join(f"  - {fault}" for fault in faults[:5])
        msg = f"None of {len(paths)} rasters can be used:\n{shown}"
        raise kind(msg)
    columns = ["crs" if isinstance(fault, MissingCRSError) else "path" for fault in faults]
    return headers, rejected_rows(bad, "path", [str(fault) for fault in faults]).assign(column=columns)


def _header(source: rasterio.DatasetReader, path: str, crs: Any) -> RasterHeader:
    own = source.crs
    if not own and source.gcps[1] and source.gcps[0]:
        msg = f"{path} has ground control points but no grid. Warp it first: gdalwarp {path} warped.tif"
        raise InputError(msg)
    if source.transform.is_identity:
        msg = f"{path} has no geotransform and no world file beside it, so its place is unknown."
        raise InputError(msg)
    if not own and crs is None:
        msg = f"{path} has no CRS. Give crs='EPSG:4326' if its world file is in longitude/latitude."
        raise MissingCRSError(msg)
    colours = [colour.name if colour in _COLOURS else "" for colour in source.colorinterp]
    names = tuple(text or colour for text, colour in zip(source.descriptions, colours))
    alpha = tuple(colour == ColorInterp.alpha for colour in source.colorinterp)
    known = pyproj.CRS.from_user_input(own.to_wkt()) if own else known_crs(crs)
    taken = str(source.tags().get("TIFFTAG_DATETIME", "")).strip()
    return RasterHeader(path, known, source.transform, source.width, source.height, names, alpha, taken)


_COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.gray, ColorInterp.alpha)


def _probe(source: rasterio.DatasetReader) -> None:
    """Read the last pixel of the last band: files that were cut off end before it."""
    if source.driver in ("GTiff", "COG"):  # a JPEG would be decoded whole for it
        last = Window(source.width - 1, source.height - 1, 1, 1)
        np.asarray(source.read(source.count, window=last))
