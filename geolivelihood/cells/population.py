"""People per cell, or per any polygon, from a population raster."""

from __future__ import annotations

from os import PathLike
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
from exactextract import exact_extract

from geolivelihood.cells.index import as_cells
from geolivelihood.cells.polygons import cell_polygons
from geolivelihood.errors import InputError

__all__ = ["cell_population", "polygon_population"]


def cell_population(cells: npt.ArrayLike, raster: str | PathLike[str]) -> pd.Series:
    """Number of people in each cell: pixels cut by a cell count by the share of their area inside.

    Parameters
    ----------
    cells
        Cells, shape (n,).
    raster
        Raster of people per pixel (not per area), any CRS; its first band is read, nodata counts as nobody.

    Returns
    -------
    pandas.Series
        ``population``, index ``cell``.

    Raises
    ------
    InputError
        If the raster cannot be read or has no CRS.
    """
    cells = as_cells(cells)
    people = polygon_population(cell_polygons(cells), raster)
    return pd.Series(people, index=pd.Index(cells, name="cell"), name="population")


def polygon_population(polygons: gpd.GeoSeries, raster: str | PathLike[str]) -> npt.NDArray[np.float64]:
    """Number of people in each polygon (shape (n,)); see :func:`cell_population`."""
    if not len(polygons):
        return np.empty(0)
    try:
        with rasterio.open(raster) as source:
            crs = source.crs
    except rasterio.errors.RasterioIOError as error:
        msg = f"Cannot read the population raster {raster}: {error}"
        raise InputError(msg) from error
    if crs is None:
        msg = f"{raster} has no CRS. Assign one with: gdal_edit.py -a_srs EPSG:4326 {raster}"
        raise InputError(msg)
    frame = gpd.GeoDataFrame(geometry=polygons.to_crs(crs).reset_index(drop=True))
    # exactextract reads rasters through GDAL by path and wants plain features
    table: Any = exact_extract(str(raster), frame, ["sum"], output="pandas")
    return np.maximum(np.nan_to_num(table["sum"].to_numpy(dtype=float)), 0.0)
