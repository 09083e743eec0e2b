"""Windows side by side over whole rasters: pictures to learn from where nobody has named places."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.tables.faults import Checked
from geolivelihood.tables.footprints import window_polygons
from geolivelihood.tables.geotiffs import read_geotiffs
from geolivelihood.tables.rasters import RasterHeader, read_headers
from geolivelihood.tables.schema import check_images

__all__ = ["grid_table"]

_CORNER_DECIMALS = 3  # of a pixel: rasters of one grid may differ by the digits that their headers keep


def grid_table(
    raster: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    size_px: int,
    step_px: int | None = None,
    bands: Sequence[int | str] | None = None,
    crs: Any = None,
) -> Checked:
    """Windows that cover rasters side by side, as a table of overhead pictures; no pixel is read.

    Rasters of one grid (the dates of one scene) are cut alike, and a window keeps its ``place_id`` from one
    to the other: these are the temporal positives of :mod:`geolivelihood.pretraining`.

    Parameters
    ----------
    raster
        A raster, a list of rasters, or a folder of GeoTIFFs; any CRS.
    size_px
        Width and height of a window in pixels.
    step_px
        From one window to the next; ``None`` is ``size_px``, and less lets windows overlap.
    bands
        Bands by index (from 1), description or colour; ``None`` is all but alpha.
    crs
        CRS of raster files that have none of their own.

    Returns
    -------
    Checked
        As :func:`~geolivelihood.tables.read_geotiffs` returns it, a row per window that lies whole in its
        raster; ``image_id`` is ``"<file>:<row>,<column>"`` of the window's first pixel.

    Raises
    ------
    InputError, MissingCRSError
        If no raster can be used, or none holds a window.
    """
    step = size_px if step_px is None else step_px
    if size_px < 1 or step < 1:
        msg = f"size_px={size_px}, step_px={step_px}: both are numbers of pixels, 1 or more."
        raise InputError(msg)
    whole = read_geotiffs(raster, bands=bands, crs=crs)
    headers, _ = read_headers(whole.table["path"].tolist(), crs=crs)
    parts = [
        _windows(row, header, size_px, step)
        for row, header in zip(whole.table.itertuples(index=False), headers, strict=True)
    ]  # one round per raster, not per window
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        widest = max(max(header.width, header.height) for header in headers)
        msg = f"size_px={size_px}: no raster holds such a window; the largest has {widest} pixels a side."
        raise InputError(msg)
    carried = whole.table.drop(columns=[*_OWN, "geometry"], errors="ignore")
    table = table.merge(carried, on="path")
    checked = check_images(gpd.GeoDataFrame(table, crs="EPSG:4326"))
    return Checked(checked.table, pd.concat([whole.rejected, checked.rejected], ignore_index=True))


_OWN = ("image_id", "col_off", "row_off", "width", "height", "place_id")


def _windows(row: Any, header: RasterHeader, size: int, step: int) -> gpd.GeoDataFrame:
    """Windows of one raster."""
    down = np.arange(0, header.height - size + 1, step)
    along = np.arange(0, header.width - size + 1, step)
    row_off, col_off = (axis.ravel() for axis in np.meshgrid(down, along, indexing="ij"))
    side = np.full(len(row_off), size)
    polygons = window_polygons(
        header.transform, np.column_stack([col_off, row_off, side, side]), crs=header.crs
    )
    names = [f"{row.image_id}:{i},{j}" for i, j in zip(row_off, col_off)]
    return gpd.GeoDataFrame(
        {
            "image_id": pd.Series(names, dtype="str"),
            "path": row.path,
            "place_id": pd.Series(_places(header, row_off, col_off, size), dtype="str"),
            "col_off": col_off,
            "row_off": row_off,
            "width": side,
            "height": side,
        },
        geometry=polygons,
        crs="EPSG:4326",
    )


def _places(header: RasterHeader, row_off: np.ndarray, col_off: np.ndarray, size: int) -> list[str]:
    """The spot on the ground: where a window's first corner lies, counted in its raster's own pixels."""
    t = header.transform
    grid = f"{header.crs.to_string()}@{abs(t.a):.9g}x{size}"
    x = np.round((t.c + t.a * col_off + t.b * row_off) / abs(t.a), _CORNER_DECIMALS)
    y = np.round((t.f + t.d * col_off + t.e * row_off) / abs(t.e), _CORNER_DECIMALS)
    return [f"{grid}:{i:.10g},{j:.10g}" for i, j in zip(x, y)]
