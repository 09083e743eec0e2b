"""Pictures and undisplaced clusters tied to the cells they stand in."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood.cells.coverage import polygon_cells
from geolivelihood.cells.index import point_cells, to_wgs84
from geolivelihood.cells.polygons import cell_polygons, cut_polygons, polygon_areas, valid_polygons
from geolivelihood.cells.tie import Tie
from geolivelihood.errors import InputError, MissingColumnError

__all__ = ["cluster_cells", "image_cells"]


def image_cells(images: gpd.GeoDataFrame, *, resolution: int) -> Tie:
    """Cells that each picture shows.

    Parameters
    ----------
    images
        Table with ``image_id``; geometry Point (weight 1 where the photo stands) or Polygon (the share of
        the footprint's area in each cell), any CRS.
    resolution
        H3 resolution.

    Returns
    -------
    Tie
        One row per picture; rows sum to 1.

    Raises
    ------
    MissingColumnError
        If ``image_id`` is missing.
    InputError
        If a geometry is neither point nor polygon, or empty.
    """
    ids = _ids(images, "image_id")
    geometry = to_wgs84(images)
    kind = shapely.get_type_id(geometry.values)
    bad = ~np.isin(kind, (0, 3, 6)) | shapely.is_empty(geometry.values)
    if bad.any():
        some = ", ".join(map(str, ids[bad][:5]))
        msg = f"{bad.sum()} pictures have neither a point nor a footprint polygon: {some}. Drop them."
        raise InputError(msg)
    points, footprints = np.flatnonzero(kind == 0), np.flatnonzero(kind != 0)
    rows, cells = polygon_cells(geometry.iloc[footprints], resolution=resolution)
    share = _area_shares(geometry.iloc[footprints], rows, cells)
    return Tie.from_arrays(
        np.concatenate([points, footprints[rows]]),
        np.concatenate([point_cells(geometry.iloc[points], resolution=resolution), cells]),
        np.concatenate([np.ones(len(points)), share]),
        row_ids=ids,
    )


def cluster_cells(clusters: gpd.GeoDataFrame, *, resolution: int) -> Tie:
    """Cell of each cluster's published point, with weight 1: for clusters that were not displaced.

    Parameters
    ----------
    clusters
        Points with ``cluster_id``, any CRS.
    resolution
        H3 resolution.

    Raises
    ------
    MissingColumnError
        If ``cluster_id`` is missing.
    """
    ids = _ids(clusters, "cluster_id")
    cells = point_cells(clusters, resolution=resolution)
    return Tie.from_arrays(np.arange(len(ids)), cells, np.ones(len(ids)), row_ids=ids)


def _ids(table: gpd.GeoDataFrame, column: str) -> pd.Index:
    if column not in table.columns:
        msg = f"The table has no column {column!r}; it has {', '.join(map(str, table.columns))}."
        raise MissingColumnError(msg)
    return pd.Index(table[column])


def _area_shares(
    polygons: gpd.GeoSeries, rows: npt.NDArray[np.int64], cells: npt.NDArray[np.uint64]
) -> npt.NDArray[np.float64]:
    """Share of each polygon's area in each of its cells."""
    if not len(rows):
        return np.empty(0)
    shapes = cut_polygons(valid_polygons(polygons.to_numpy()))
    shapely.prepare(shapes)
    unique, position = np.unique(cells, return_inverse=True)
    drawn = cell_polygons(unique).to_numpy()[position]
    area = polygon_areas(shapely.intersection(shapes[rows], drawn))
    # A footprint so thin that it has no area counts by its cells.
    whole = np.bincount(rows, weights=area, minlength=len(shapes))
    area = np.where(whole[rows] > 0, area, 1.0)
    return area / np.bincount(rows, weights=area, minlength=len(shapes))[rows]
