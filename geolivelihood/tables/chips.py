"""Windows cut around places from one or several rasters: the table of them, before any pixel is read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from affine import Affine

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.footprints import window_polygons
from geolivelihood.tables.geotiffs import crs_name
from geolivelihood.tables.rasters import RasterHeader, raster_files, read_headers
from geolivelihood.tables.schema import as_ids, check_images, unknown_column

__all__ = ["chip_table"]

_IDS = ("place_id", "cluster_id", "region_id", "image_id")
_EDGE_PX = 1e-3  # a place on the raster's edge is in it; world files carry a few digits only
_DECIMALS = 4  # of a pixel: a round trip through another CRS must not move a window
_GEOD = pyproj.Geod(ellps="WGS84")


class _Blocks(NamedTuple):
    """The block of ``grid`` x ``grid`` windows around each place, on one raster each."""

    raster: np.ndarray  # (n,) index of the header, -1 outside every raster
    col_off: np.ndarray
    row_off: np.ndarray
    width: np.ndarray  # of one window
    height: np.ndarray
    share: np.ndarray  # of the block that lies in the raster
    pixel_m: np.ndarray


def chip_table(
    places: gpd.GeoDataFrame,
    raster: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    size_px: int | None = None,
    size_m: float | None = None,
    grid: int = 1,
    bands: Sequence[int | str] | None = None,
    id_column: str | None = None,
    crs: Any = None,
) -> Checked:
    """Windows around points or polygons, as a table of overhead pictures; no pixel is read.

    Of several rasters each place takes the one that covers its windows best, of equal ones the finer. A
    window over the edge of its raster is kept and later padded with NaN, except where the raster goes once
    around the earth: there the window continues on the other side.

    Parameters
    ----------
    places
        Points or polygons, any CRS.
    raster
        A raster, a list of rasters, or a folder of GeoTIFFs; any CRS.
    size_px
        Width and height of a window in pixels.
    size_m
        Width and height of a window on the ground in metres, measured at the place; pixels are not square on
        the ground in every CRS, so windows need not be square in pixels.
    grid
        Cut ``grid`` x ``grid`` adjacent windows whose block is centred on the place.
    bands
        Bands by index (from 1), description or colour; ``None`` is all but alpha.
    id_column
        Column of ``places`` that becomes ``place_id``; ``None`` takes the first there is of ``place_id``,
        ``cluster_id``, ``region_id``, ``image_id``, else the index.
    crs
        CRS of raster files that have none of their own (a JPEG with a world file).

    Returns
    -------
    Checked
        ``image_id`` (the place's id; ``"<id>:<row><col>"`` where ``grid`` > 1), ``path``, ``kind`` overhead,
        ``place_id`` (and ``cluster_id`` where places have it), ``col_off, row_off, width, height`` (pixels,
        may reach beyond the raster), ``bands`` (``"1,2,3"``), ``raster_crs``, footprint in EPSG:4326. Places
        outside every raster, and rasters that cannot be read, are in ``rejected``.

    Raises
    ------
    InputError, MissingCRSError, MissingColumnError
        If options contradict each other, no place lies in a raster, or a CRS is missing.

    Notes
    -----
    Polygons are cut around their centroids; without ``size_px`` and ``size_m`` the window is the polygon's
    bounding box on the raster.
    """
    _check_options(places, size_px, size_m, grid)
    ids = _place_ids(places, id_column)
    headers, rejected = read_headers(raster_files(raster), crs=crs)
    used = [",".join(map(str, header.bands(bands))) for header in headers]
    blocks = _best_blocks(places, headers, size_px=size_px, size_m=size_m, grid=grid)
    _check_covered(blocks, places, headers)
    table, empty = _windows(blocks, ids, headers, grid)
    _carry(table, places, used, headers)
    lost = np.flatnonzero(blocks.raster < 0)
    asides = [rejected, *_lost_places(places, ids, lost), empty]
    checked = check_images(gpd.GeoDataFrame(table.drop(columns=["place", "raster"]), crs="EPSG:4326"))
    return Checked(checked.table, pd.concat([*asides, checked.rejected], ignore_index=True))


def _check_options(places: gpd.GeoDataFrame, size_px: int | None, size_m: float | None, grid: int) -> None:
    if places.crs is None:
        msg = (
            "The places have no CRS. Set it with places.set_crs('EPSG:4326') if they are longitude/latitude."
        )
        raise MissingCRSError(msg)
    if size_px is not None and size_m is not None:
        msg = f"size_px={size_px} and size_m={size_m} contradict each other: give one of them."
        raise InputError(msg)
    if size_px is None and size_m is None and (places.geom_type == "Point").any():
        msg = "Points have no extent: give size_px (pixels) or size_m (metres on the ground)."
        raise InputError(msg)
    if (size_px is not None and (size_px < 1 or size_px != int(size_px))) or grid < 1 or grid != int(grid):
        msg = f"size_px={size_px}, grid={grid}: both must be whole numbers from 1."
        raise InputError(msg)
    if size_m is not None and not 0 < size_m < 2e7:
        msg = f"size_m={size_m} must be a length in metres above 0 and below 20,000,000."
        raise InputError(msg)


def _place_ids(places: gpd.GeoDataFrame, column: str | None) -> pd.Series:
    if column is not None and column not in places:
        msg = f"id_column: {unknown_column(column, [str(c) for c in places.columns], what='It has')}."
        raise MissingColumnError(msg)
    name = column or next((known for known in _IDS if known in places), None)
    values = places[name] if name else places.index.to_series()
    return as_ids(values.reset_index(drop=True))


def _best_blocks(
    places: gpd.GeoDataFrame,
    headers: Sequence[RasterHeader],
    *,
    size_px: int | None,
    size_m: float | None,
    grid: int,
) -> _Blocks:
    """Blocks of windows on the raster that covers each place best."""
    best = _no_blocks(len(places))
    geometry = places.geometry.to_crs("EPSG:4326").to_numpy()
    usable = np.flatnonzero(~(shapely.is_missing(geometry) | shapely.is_empty(geometry)))
    tree = shapely.STRtree(geometry[usable])
    for number, header in enumerate(headers):  # each raster has its own grid and CRS
        rows = usable
        if len(headers) > 1:
            whole = np.array([[0, 0, header.width, header.height]])
            extent = window_polygons(header.transform, whole, crs=header.crs)[0]
            if not extent.is_empty:  # a world map whose corners are nowhere on the earth
                rows = usable[np.sort(tree.query(extent))]
        found = _blocks_on(header, number, geometry[rows], size_px=size_px, size_m=size_m, grid=grid)
        gain = found.share - best.share[rows]
        finer = (np.abs(gain) <= 1e-9) & (found.pixel_m < best.pixel_m[rows] * (1 - 1e-6))
        better = (found.raster >= 0) & ((gain > 1e-9) | finer)
        for kept, new in zip(best, found):
            kept[rows[better]] = new[better]
    return best


def _no_blocks(n: int) -> _Blocks:
    left, top, width, height = np.zeros((4, n), dtype=np.int64)
    return _Blocks(np.full(n, -1), left, top, width, height, np.zeros(n), np.full(n, np.inf))


def _blocks_on(
    header: RasterHeader,
    number: int,
    geometry: np.ndarray,
    *,
    size_px: int | None,
    size_m: float | None,
    grid: int,
) -> _Blocks:
    west, north, east, south = _pixel_bounds(header, geometry, whole=size_px is None and size_m is None)
    col, row = (west + east) / 2, (north + south) / 2
    bounded = size_px is None and size_m is None
    inside = _inside(header, col, row) | (bounded & np.isfinite(west + north + east + south))
    col, row = np.where(inside, col, 0.0), np.where(inside, row, 0.0)
    pixel = _pixel_size_m(header, col, row)
    if bounded:
        span = [
            np.where(inside, np.ceil(high) - np.floor(low), 1) for low, high in ((west, east), (north, south))
        ]
        width, height = np.maximum(np.ceil(span[0] / grid), 1), np.maximum(np.ceil(span[1] / grid), 1)
    elif size_m is not None:
        width, height = np.maximum(np.rint(size_m / np.maximum(pixel, 1e-9)), 1)
    else:
        width, height = np.full((2, len(geometry)), float(size_px or 1))
    width = np.minimum(width, max(header.width // grid, 1)) if header.wraps else width
    col_off, row_off = np.floor(col - grid * width / 2 + 0.5), np.floor(row - grid * height / 2 + 0.5)
    share = _share(col_off, grid * width, header.width, header.wraps) * _share(
        row_off, grid * height, header.height
    )
    raster = np.where(inside & (share > 0), number, -1)
    left, top, across, down = np.stack([col_off, row_off, width, height]).astype(np.int64)
    return _Blocks(raster, left, top, across, down, share, np.sqrt(pixel[0] * pixel[1]))


def _pixel_bounds(header: RasterHeader, geometry: np.ndarray, *, whole: bool) -> np.ndarray:
    """Fractional left, top, right, bottom pixel of geometries, or of their centroids unless ``whole``."""
    project = pyproj.Transformer.from_crs("EPSG:4326", header.crs, always_xy=True)
    inverse = ~header.transform
    period = 360 / abs(header.transform.a) if header.crs.is_geographic and header.upright else np.inf

    def to_pixels(lonlat: np.ndarray) -> np.ndarray:
        return np.stack(_ground(inverse, *project.transform(lonlat[:, 0], lonlat[:, 1])), axis=1)

    pixels = shapely.transform(geometry, to_pixels)
    bounds = shapely.bounds(pixels).T
    over = np.flatnonzero(bounds[2] - bounds[0] > period / 2)  # cut at the antimeridian
    if len(over):
        pixels[over] = shapely.transform(pixels[over], lambda xy: _joined(xy, period))
        bounds[:, over] = shapely.bounds(pixels[over]).T
    if not whole:
        centre = shapely.centroid(pixels)
        bounds = np.stack([shapely.get_x(centre), shapely.get_y(centre)] * 2)
    if np.isfinite(period):
        middle = (bounds[0] + bounds[2]) / 2
        bounds[[0, 2]] += _modulo(middle, period) - middle
    return np.round(bounds, _DECIMALS)


def _joined(pixels: np.ndarray, period: float) -> np.ndarray:
    """The western part moved to the east of the eastern one."""
    col = _modulo(pixels[:, 0], period)
    return np.stack([np.where(col < period / 2, col + period, col), pixels[:, 1]], axis=1)


def _modulo(columns: np.ndarray, period: float) -> np.ndarray:
    return np.mod(columns + _EDGE_PX, period) - _EDGE_PX


def _inside(header: RasterHeader, col: np.ndarray, row: np.ndarray) -> np.ndarray:
    right, bottom = header.width + _EDGE_PX, header.height + _EDGE_PX
    return (col >= -_EDGE_PX) & (col <= right) & (row >= -_EDGE_PX) & (row <= bottom)


def _pixel_size_m(header: RasterHeader, col: np.ndarray, row: np.ndarray) -> np.ndarray:
    """(2, n) width and height on the ground of the pixel at each position, in metres."""
    project = pyproj.Transformer.from_crs(header.crs, "EPSG:4326", always_xy=True)
    sizes = []
    for across, down in ((0.5, 0.0), (0.0, 0.5)):
        first = project.transform(*_ground(header.transform, col - across, row - down))
        last = project.transform(*_ground(header.transform, col + across, row + down))
        sizes.append(_GEOD.inv(*first, *last)[2])
    return np.asarray(sizes)


def _ground(affine: Affine, col: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = affine.a * col + affine.b * row + affine.c
    return x, affine.d * col + affine.e * row + affine.f


def _share(start: np.ndarray, length: np.ndarray, size: int, wraps: bool = False) -> np.ndarray:
    """Share of the stretch of pixels from ``start`` that lies in 0..size."""
    if wraps:
        return np.ones(len(start))
    return np.clip(np.minimum(start + length, size) - np.maximum(start, 0), 0, None) / length


def _check_covered(blocks: _Blocks, places: gpd.GeoDataFrame, headers: Sequence[RasterHeader]) -> None:
    if (blocks.raster >= 0).any():
        return
    if places.empty:
        msg = "There are no places: the table is empty."
        raise InputError(msg)
    bounds = ", ".join(f"{value:.3f}" for value in places.geometry.to_crs("EPSG:4326").total_bounds)
    whole = [[0, 0, headers[0].width, headers[0].height]]
    extent = window_polygons(headers[0].transform, np.array(whole), crs=headers[0].crs)[0]
    box = ", ".join(f"{value:.3f}" for value in extent.bounds)
    msg = (
        f"None of {len(places)} places ({bounds}) lies in any of {len(headers)} rasters (the first covers "
        f"{box}; west, south, east, north). Check the CRS of both."
    )
    raise InputError(msg)


def _windows(
    blocks: _Blocks, ids: pd.Series, headers: Sequence[RasterHeader], grid: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per window; windows of a block that lie wholly beyond the raster's edge are set aside."""
    used = np.flatnonzero((blocks.raster >= 0) & ids.notna().to_numpy())
    place = np.repeat(used, grid * grid)
    down, across = (np.tile(steps.ravel(), len(used)) for steps in np.indices((grid, grid)))
    raster, width, height = blocks.raster[place], blocks.width[place], blocks.height[place]
    col_off = blocks.col_off[place] + across * width
    row_off = blocks.row_off[place] + down * height
    names = ids.iloc[place].reset_index(drop=True)
    between = "" if grid <= 10 else "_"
    suffix = pd.Series(down).astype("str") + between + pd.Series(across).astype("str")
    table = pd.DataFrame({"image_id": names + ":" + suffix if grid > 1 else names, "place_id": names})
    table = table.assign(
        place=place, raster=raster, col_off=col_off, row_off=row_off, width=width, height=height
    )
    sizes = np.array([(header.width, header.height, header.wraps) for header in headers])[raster]
    beyond = (row_off + height <= 0) | (row_off >= sizes[:, 1])
    beyond |= (sizes[:, 2] == 0) & ((col_off + width <= 0) | (col_off >= sizes[:, 0]))
    reason = "this window of the place's grid lies beyond the edge of the raster"
    return table[~beyond].reset_index(drop=True), rejected_rows(
        table.loc[beyond, "image_id"], "geometry", reason
    )


def _carry(
    table: pd.DataFrame, places: gpd.GeoDataFrame, bands: Sequence[str], headers: Sequence[RasterHeader]
) -> None:
    """Add what the windows take from their places and rasters."""
    raster, windows = table["raster"].to_numpy(), table[["col_off", "row_off", "width", "height"]].to_numpy()
    if "cluster_id" in places:
        table["cluster_id"] = as_ids(places["cluster_id"]).to_numpy()[table["place"]]
    table.insert(1, "path", np.array([header.path for header in headers], dtype=object)[raster])
    table.insert(2, "kind", "overhead")
    table["bands"] = np.array(bands, dtype=object)[raster]
    table["raster_crs"] = np.array([crs_name(header) for header in headers], dtype=object)[raster]
    geometry = np.empty(len(table), dtype=object)
    for number in np.unique(raster):  # each raster has its own grid and CRS
        rows = raster == number
        header = headers[number]
        geometry[rows] = window_polygons(header.transform, windows[rows], crs=header.crs, points_per_edge=4)
    table["geometry"] = geometry


def _lost_places(places: gpd.GeoDataFrame, ids: pd.Series, lost: np.ndarray) -> list[pd.DataFrame]:
    geometry = places.geometry.to_numpy()[lost]
    none = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    names = ids.fillna(places.index.astype("str").to_series(index=ids.index)).iloc[lost]
    unnamed = places.index[ids.isna()]
    return [
        rejected_rows(names[none], "geometry", "no geometry"),
        rejected_rows(names[~none], "geometry", "outside every raster"),
        rejected_rows(unnamed, "place_id", "the id is missing"),
    ]
