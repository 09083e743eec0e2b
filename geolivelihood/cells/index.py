"""Points to H3 cells, and cells to their parents, neighbours and names, all in bulk.

Cells are ``uint64`` arrays; the hexadecimal names appear only at the edges (:func:`cell_names`,
:func:`parse_cells`). The work is done by h3ronpy over Arrow arrays that share memory with NumPy's, and by
integer arithmetic where the H3 index itself holds the answer.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import geopandas as gpd
import h3ronpy
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely
from h3ronpy import vector

from geolivelihood.errors import InputError, MissingCRSError

__all__ = [
    "blocks",
    "cell_names",
    "cell_resolutions",
    "compact",
    "lonlat",
    "lonlat_cells",
    "neighbours",
    "parents",
    "parse_cells",
    "point_cells",
    "uncompact",
]

Cells = npt.NDArray[np.uint64]

# Below this many points a second thread costs more than it saves.
_POINTS_PER_TASK = 50_000


def lonlat_cells(lon: npt.ArrayLike, lat: npt.ArrayLike, *, resolution: int) -> Cells:
    """H3 cell of each pair of coordinates.

    Parameters
    ----------
    lon, lat
        Degrees WGS84, shape (n,). Longitudes beyond ±180 are wrapped.
    resolution
        H3 resolution, 0-15.

    Returns
    -------
    numpy.ndarray
        Cells, shape (n,), ``uint64``.

    Raises
    ------
    InputError
        If a coordinate is not finite, a latitude lies outside ±90, or the resolution outside 0-15.
    """
    _check_resolution(resolution)
    x = np.ascontiguousarray(lon, dtype=float).ravel()
    y = np.ascontiguousarray(lat, dtype=float).ravel()
    _check_degrees(x, y)
    tasks = min(len(x) // _POINTS_PER_TASK, 64)
    if tasks < 2:
        return _index(x, y, resolution)
    # h3ronpy lets go of the interpreter lock, so threads run side by side without copies.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        parts = pool.map(_index, np.array_split(x, tasks), np.array_split(y, tasks), [resolution] * tasks)
        return np.concatenate(list(parts))


def point_cells(points: gpd.GeoSeries | gpd.GeoDataFrame, *, resolution: int) -> Cells:
    """H3 cell in which each point lies.

    Parameters
    ----------
    points
        Point geometries, any CRS.
    resolution
        H3 resolution, 0-15.

    Returns
    -------
    numpy.ndarray
        Cells in the order of ``points``, ``uint64``.

    Raises
    ------
    MissingCRSError
        If ``points`` has no CRS.
    InputError
        If a geometry is missing, empty, not a point, or out of range.
    """
    coordinates = lonlat(points)
    return lonlat_cells(coordinates[:, 0], coordinates[:, 1], resolution=resolution)


def lonlat(points: gpd.GeoSeries | gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Longitude and latitude (degrees WGS84, shape (n, 2)) of points in any CRS.

    Raises
    ------
    MissingCRSError
        If ``points`` has no CRS.
    InputError
        If a geometry is missing, empty or not a point; the message names the rows.
    """
    geometry = to_wgs84(points)
    types = shapely.get_type_id(geometry.values)
    bad = (types != 0) | shapely.is_empty(geometry.values)
    if bad.any():
        msg = (
            f"{bad.sum()} of {len(bad)} geometries are no points (rows {_some(geometry.index[bad])}). "
            "Drop them, or use the centroid of polygons: gdf.set_geometry(gdf.representative_point())."
        )
        raise InputError(msg)
    return shapely.get_coordinates(geometry.values)


def to_wgs84(places: gpd.GeoSeries | gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Geometry column in EPSG:4326, or :class:`MissingCRSError` for a layer without CRS."""
    geometry = places.geometry
    if geometry.crs is None:
        msg = (
            "The geometries have no CRS. Set it with gdf.set_crs('EPSG:4326') if the coordinates are "
            "longitude/latitude in degrees."
        )
        raise MissingCRSError(msg)
    return geometry.to_crs("EPSG:4326")


def cell_resolutions(cells: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """H3 resolution of each cell (bits 52-55 of the index)."""
    return ((as_cells(cells) >> np.uint64(52)) & np.uint64(15)).astype(np.uint8)


def parents(cells: npt.ArrayLike, *, resolution: int) -> Cells:
    """Parent of each cell at a coarser (or the same) resolution.

    Raises
    ------
    InputError
        If a cell is coarser than ``resolution``.
    """
    _check_resolution(resolution)
    cells = as_cells(cells)
    if len(cells) and (coarsest := int(cell_resolutions(cells).min())) < resolution:
        msg = (
            f"A cell of resolution {coarsest} has no parent at resolution {resolution}; "
            "parents are coarser (smaller resolution) than the cells."
        )
        raise InputError(msg)
    unused = np.uint64((1 << 3 * (15 - resolution)) - 1)
    level = np.uint64(resolution << 52)
    return (cells & ~np.uint64(15 << 52)) | level | unused


def blocks(places: gpd.GeoSeries | gpd.GeoDataFrame | npt.ArrayLike, *, resolution: int) -> Cells:
    """Spatial block of each place: the H3 cell of a coarse resolution that holds it.

    Parameters
    ----------
    places
        Points (any CRS), cells (``uint64``, shape (n,)) or longitudes and latitudes (float degrees, shape
        (n, 2)).
    resolution
        H3 resolution of the blocks.

    Returns
    -------
    numpy.ndarray
        Block ids, ``uint64``, one per place.
    """
    if isinstance(places, gpd.GeoSeries | gpd.GeoDataFrame):
        return point_cells(places, resolution=resolution)
    values = np.asarray(places)
    if values.ndim == 2 and values.shape[1] == 2:
        return lonlat_cells(values[:, 0], values[:, 1], resolution=resolution)
    return parents(values, resolution=resolution)


def neighbours(cells: npt.ArrayLike, *, k: int = 1) -> tuple[Cells, Cells]:
    """Every pair (cell, other cell) at most ``k`` rings apart.

    Parameters
    ----------
    cells
        Cells, shape (n,).
    k
        Rings, at least 1; a hexagon has 3k(k + 1) neighbours, a pentagon fewer.

    Returns
    -------
    source, target
        ``uint64`` arrays of one length, sorted as ``cells`` and by ring. Targets need not be among
        ``cells``, and never equal their source.
    """
    if k < 1:
        msg = f"k={k} rings: give at least 1."
        raise InputError(msg)
    cells = as_cells(cells)
    position, other, ring = disks(cells, k=k)
    return cells[position[ring > 0]], other[ring > 0]


def disks(cells: Cells, *, k: int) -> tuple[npt.NDArray[np.int64], Cells, npt.NDArray[np.uint32]]:
    """Discs of ``k`` rings as flat arrays: position of the centre in ``cells``, cell, ring number."""
    if not len(cells):
        return np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.uint32)
    batch = pa.record_batch(h3ronpy.grid_disk_distances(pa.array(cells), k))
    lists, rings = batch.column("cell"), batch.column("k")
    position = np.repeat(np.arange(len(cells)), np.diff(np.asarray(lists.offsets)))
    return position, np.asarray(lists.flatten()), np.asarray(rings.flatten())


def compact(cells: npt.ArrayLike) -> Cells:
    """Fewest cells, of mixed resolutions, that stand for exactly the same set of cells (sorted, unique)."""
    unique = np.unique(as_cells(cells))
    return np.sort(_numpy(h3ronpy.compact(pa.array(unique), mixed_resolutions=True)))


def uncompact(cells: npt.ArrayLike, *, resolution: int) -> Cells:
    """All cells of one resolution below the given ones: the inverse of :func:`compact` (sorted, unique).

    Raises
    ------
    InputError
        If a cell is finer than ``resolution``.
    """
    _check_resolution(resolution)
    cells = as_cells(cells)
    if len(cells) and (finest := int(cell_resolutions(cells).max())) > resolution:
        msg = f"A cell of resolution {finest} cannot be split into cells of resolution {resolution}."
        raise InputError(msg)
    return np.unique(_numpy(h3ronpy.uncompact(pa.array(cells), resolution)))


def cell_names(cells: npt.ArrayLike) -> npt.NDArray[np.str_]:
    """Hexadecimal names (``'887a6e42cbfffff'``) for files and people."""
    names = pa.array(h3ronpy.cells_to_string(pa.array(as_cells(cells))))
    return np.array(names.to_pylist(), dtype=np.str_)


def parse_cells(names: Iterable[str]) -> Cells:
    """Cells from hexadecimal names.

    Raises
    ------
    InputError
        If a name is no cell; the message shows the first ones.
    """
    texts = [str(name) for name in names]
    parsed = pa.array(h3ronpy.cells_parse(pa.array(texts, pa.string()), set_failing_to_invalid=True))
    bad = np.asarray(parsed.is_null())
    if bad.any():
        msg = f"{bad.sum()} of {len(bad)} names are no H3 cells, e.g. {_some(np.array(texts)[bad])}."
        raise InputError(msg)
    return np.asarray(parsed).astype(np.uint64)


def as_cells(cells: Any) -> Cells:
    """Flat ``uint64`` array of cells, without a copy where it is one already."""
    values = np.asarray(cells)
    if values.size == 0:
        return np.empty(0, np.uint64)
    if values.ndim != 1 or values.dtype.kind not in "ui":
        msg = (
            f"Cells are one-dimensional arrays of uint64, not {values.ndim}-dimensional {values.dtype}. "
            "Turn hexadecimal names into cells with parse_cells()."
        )
        raise InputError(msg)
    return np.ascontiguousarray(values, dtype=np.uint64)


def _index(lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64], resolution: int) -> Cells:
    return _numpy(vector.coordinates_to_cells(pa.array(lat), pa.array(lon), resolution))


def _numpy(array: Any) -> npt.NDArray[Any]:
    return np.asarray(pa.array(array))


def _check_resolution(resolution: int) -> None:
    if not 0 <= resolution <= 15:
        msg = f"resolution={resolution}: H3 resolutions are 0 (coarsest) to 15 (finest)."
        raise InputError(msg)


def _check_degrees(lon: npt.NDArray[np.float64], lat: npt.NDArray[np.float64]) -> None:
    if lon.shape != lat.shape:
        msg = f"{len(lon)} longitudes but {len(lat)} latitudes; there is one of each per place."
        raise InputError(msg)
    bad = ~(np.isfinite(lon) & (np.abs(lat) <= 90))
    if bad.any():
        rows = np.flatnonzero(bad)
        msg = (
            f"{len(rows)} of {len(bad)} places have no usable coordinates (rows {_some(rows)}): longitude "
            "must be finite, latitude within ±90 degrees. Are longitude and latitude swapped?"
        )
        raise InputError(msg)


def _some(values: Iterable[Any], most: int = 5) -> str:
    texts = [str(value) for value in pd.Index(values)[: most + 1]]
    return ", ".join(texts[:most]) + (", ..." if len(texts) > most else "")
