"""A folder of GeoTIFFs as a table of overhead pictures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.tables.faults import Checked
from geolivelihood.tables.footprints import window_polygons
from geolivelihood.tables.rasters import RasterHeader, raster_files, read_headers
from geolivelihood.tables.schema import check_images

__all__ = ["crs_name", "file_ids", "header_table", "read_geotiffs"]


def read_geotiffs(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    bands: Sequence[int | str] | None = None,
    crs: Any = None,
) -> Checked:
    """Whole GeoTIFFs as overhead pictures, with their footprints.

    Parameters
    ----------
    source
        Folder (searched recursively for ``.tif``, ``.tiff``), one file, or a list of files of any format that
        GDAL opens. Any CRS.
    bands
        Bands to read later, by index (from 1), description or colour; ``None`` is all but alpha.
    crs
        For files that have no CRS of their own.

    Returns
    -------
    Checked
        ``image_id`` (path within the folder, without suffix), ``path``, ``kind`` overhead, footprint in
        EPSG:4326 with densified edges, cut at the antimeridian; the window that is the whole file
        (``col_off, row_off, width, height``, pixels), ``bands`` (``"1,2,3"``), ``raster_crs``. Files without
        CRS, cut off or unreadable are in ``rejected``.

    Raises
    ------
    InputError, MissingCRSError
        If no file can be used, or a band is missing.
    """
    paths = raster_files(source)
    headers, rejected = read_headers(paths, crs=crs)
    root = source if isinstance(source, str | os.PathLike) and Path(source).is_dir() else None
    checked = check_images(header_table(headers, root=root, bands=bands))
    return Checked(checked.table, pd.concat([rejected, checked.rejected], ignore_index=True))


def header_table(
    headers: Sequence[RasterHeader],
    *,
    root: str | os.PathLike[str] | None,
    bands: Sequence[int | str] | None = None,
) -> gpd.GeoDataFrame:
    """Whole rasters as overhead pictures, with the columns of :func:`read_geotiffs`, not checked yet.

    Parameters
    ----------
    headers
        Rasters that can be read.
    root
        Folder that ids start from; ``None`` takes the names of the files.
    bands
        As in :func:`read_geotiffs`.
    """
    used = [header.path for header in headers]
    windows = np.array([[0, 0, header.width, header.height] for header in headers], dtype=np.int64)
    return gpd.GeoDataFrame(
        {
            "image_id": file_ids(used, root=root),
            "path": used,
            "kind": "overhead",
            "col_off": windows[:, 0],
            "row_off": windows[:, 1],
            "width": windows[:, 2],
            "height": windows[:, 3],
            "bands": [",".join(map(str, header.bands(bands))) for header in headers],
            "raster_crs": [crs_name(header) for header in headers],
        },
        geometry=_footprints(headers, windows),
        crs="EPSG:4326",
    )


def file_ids(paths: Sequence[str], *, root: str | os.PathLike[str] | None) -> list[str]:
    """Ids of files: the path below ``root`` (the name where there is none) without its suffix.

    Files that differ only by suffix keep it; files of one name in several folders keep their folders.
    """
    names = [
        Path(path).relative_to(root).as_posix() if root is not None else Path(path).name for path in paths
    ]
    if len(set(names)) < len(names):
        names = [Path(path).as_posix() for path in paths]
    stems = pd.Series([str(Path(name).with_suffix("").as_posix()) for name in names], dtype="str")
    return stems.mask(stems.duplicated(keep=False), pd.Series(names, dtype="str")).tolist()


def crs_name(header: RasterHeader) -> str:
    """CRS of a raster as ``EPSG:4326`` where it has a code, else as WKT."""
    authority = header.crs.to_authority()
    return ":".join(authority) if authority else header.crs.to_wkt()


def _footprints(headers: Sequence[RasterHeader], windows: np.ndarray) -> np.ndarray:
    polygons = [  # each file has its own grid and CRS
        window_polygons(header.transform, window[None, :], crs=header.crs)[0]
        for header, window in zip(headers, windows)
    ]
    return np.array(polygons, dtype=object)
