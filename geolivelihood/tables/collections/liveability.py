"""Liveability of the Netherlands: aerial patches of a 100 m grid with the scores of the Leefbaarometer.

References
----------
.. [1] Levering, Marcos, van Vliet & Tuia (2023), "Predicting the liveability of Dutch cities with aerial
   images and semantic intermediate concepts", Remote Sensing of Environment 287, 113454. Data: Zenodo
   7574211.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import pyogrio.errors
import shapely

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.door import (
    OnRejected,
    absent_files,
    admit,
    cell_polygons,
    collection_folder,
    in_split,
    numbers,
    require_columns,
)
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.schema import as_ids

__all__ = ["SCORES", "grid_cells", "read_liveability"]

SCORES = ("rlbrmtr", "rlbbev", "rlbfys", "rlbvei", "rlbvrz", "rlbwon")
"""The score, and its domains population, physical environment, safety, amenities, housing."""

_CELL_M = 100.0
_CRS = "EPSG:28992"
_REACH = (-10_000.0, 290_000.0, 300_000.0, 640_000.0)  # the grid of the Netherlands: west, south, east, north
_GRID = "grid_geosplit_not_rescaled.geojson"
_LAYOUT = f"{_GRID} and <region_name>/<gridcode>.tiff"


def grid_cells(centroid: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The grid cell around each centroid.

    Parameters
    ----------
    centroid
        (n, 2) metres in EPSG:28992.

    Returns
    -------
    numpy.ndarray
        (n, 4) west, south, east, north: the centroid floored to 100 m, plus 50, ± 50 m.

    Examples
    --------
    >>> grid_cells([[121834.7, 487266.2]]).tolist()
    [[121800.0, 487200.0, 121900.0, 487300.0]]
    """
    corner = np.floor(np.asarray(centroid, dtype=float) / _CELL_M) * _CELL_M
    return np.concatenate([corner, corner + _CELL_M], axis=-1)


def read_liveability(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    grid: str | os.PathLike[str] | None = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The Dutch liveability grid as overhead pictures.

    Parameters
    ----------
    root
        Folder with the patches ``<region_name>/<gridcode>.tiff``.
    split
        ``"train"``, ``"val"`` or ``"test"`` (geographic); ``None`` is every cell.
    grid
        The table of the grid, ``grid_geosplit_not_rescaled.geojson`` in ``root`` by default. Its coordinates
        are EPSG:28992, whatever the file claims.
    max_rejected
        Share of cells set aside above which the collection is refused.
    on_rejected
        Called with ``row, column, reason`` of the cells set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` and ``place_id`` (the grid code), ``path, kind, region`` (and ``region_name``),
        ``split``, the scores of :data:`SCORES` as float64, the other columns as they are, cell in EPSG:4326.

    Raises
    ------
    InputError, MissingColumnError, TableError, TooManyRejectedError
        If the layout is another, a column is missing, coordinates are not those of the Netherlands, a grid
        code repeats, or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    cells = _read_grid(Path(grid) if grid is not None else folder / _GRID)
    cells = in_split(cells, split, where=folder)
    centre = shapely.centroid(cells.geometry.to_numpy())
    position = np.column_stack([shapely.get_x(centre), shapely.get_y(centre)])
    outside = _outside(position, folder)
    rejected = [rejected_rows(cells["image_id"][outside], "geometry", "lies outside the Dutch grid")]
    bad = outside.copy()
    for name in SCORES:
        cells[name], wrong = numbers(cells[name])
        rejected.append(rejected_rows(cells["image_id"][wrong], name, f"{name} is no finite number"))
        bad |= wrong.to_numpy()
    cells["path"] = _paths(cells, folder)
    absent, faults = absent_files(cells["path"], cells["image_id"])
    corner = grid_cells(position)
    cells["geometry"] = gpd.GeoSeries(
        cell_polygons(corner[:, 0], corner[:, 1], _CELL_M, crs=_CRS), index=cells.index, crs="EPSG:4326"
    )
    return admit(
        cells.set_geometry("geometry", crs="EPSG:4326")[~(bad | absent)],
        what=f"the liveability grid in {folder}",
        rejected=[*rejected, faults],
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def _read_grid(path: Path) -> gpd.GeoDataFrame:
    if not path.is_file():
        msg = f"{path} does not exist. The layout is: {_LAYOUT}; give another place with grid=."
        raise InputError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # GDAL's, on metres in a file that says degrees
            cells = gpd.read_file(path, engine="pyogrio")
    except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        msg = f"{path} cannot be read: {error}. Give the published GeoJSON."
        raise InputError(msg) from error
    require_columns(cells, ["gridcode", "region_name", "split", *SCORES], where=path)
    if not isinstance(cells, gpd.GeoDataFrame) or not len(cells):
        msg = f"{path} has no cells. Give the published GeoJSON."
        raise InputError(msg)
    cells = cells.set_crs(_CRS, allow_override=True)
    ids = as_ids(cells["gridcode"])
    region = as_ids(cells["region_name"])
    return cells.assign(image_id=ids, place_id=ids, kind="overhead", region=region)


def _outside(position: npt.NDArray[np.float64], folder: Path) -> npt.NDArray[np.bool_]:
    """Which centroids lie outside the Dutch grid; most of them in degrees or swapped is another file."""
    inside = _within(position)
    known = np.isfinite(position).all(axis=1)
    if known.any() and inside[known].mean() < 0.5:
        if (np.abs(position[known]) <= 180).all():
            why = "are in degrees. Give the published file, whose numbers are metres of EPSG:28992"
        elif _within(position[:, ::-1])[known].mean() > 0.5:
            why = "have x and y swapped"
        else:
            why = "lie outside the Dutch grid (EPSG:28992)"
        msg = f"Most centroids of the cells for {folder} {why}."
        raise InputError(msg)
    return ~inside


def _within(position: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    west, south, east, north = _REACH
    x, y = position.T
    return (x >= west) & (x <= east) & (y >= south) & (y <= north)  # NaN compares false


def _paths(cells: gpd.GeoDataFrame, folder: Path) -> pd.Series:
    start = folder.as_posix().rstrip("/") + "/"
    return start + cells["region"].fillna("") + "/" + cells["image_id"].fillna("") + ".tiff"
