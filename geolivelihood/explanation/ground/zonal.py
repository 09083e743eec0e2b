"""Maps added up over polygons: every pixel by the share of it that lies inside."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import rasterio
import shapely
from exactextract import exact_extract
from exactextract.raster import RasterSource
from rasterio.windows import Window

from geolivelihood.cells.polygons import polygonal, valid_polygons
from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.explanation.ground.areas import pixel_areas
from geolivelihood.explanation.ground.reading import MapRaster, open_map

__all__ = ["ZonalSums", "zonal_sums"]

Floats = npt.NDArray[np.float64]
Shapes = npt.NDArray[Any]
_HECTARE = 1e4
_BANDS = ("positive", "negative", "area", "count")
_IDS = ("cell", "region_id", "cluster_id")
_OVERLAP = 1e-6
_SLIVER = 1e-9
_CELLS = 4_000_000  # pixels of a zone in memory at a time
_MOST_CLASSES = 256


class ZonalSums(NamedTuple):
    """Sums over zones, and what lies outside them.

    ``table["sum"].sum() + uncovered + masked`` is the sum of the map (for zones that do not overlap).

    Attributes
    ----------
    table
        ``explanations_zonal``, see :func:`zonal_sums`.
    uncovered
        Sum of the raster outside all zones.
    masked
        What the map put on ground without data, of the raster's tags; 0 where they do not say.
    """

    table: gpd.GeoDataFrame
    uncovered: float
    masked: float


def zonal_sums(
    raster: str | os.PathLike[str],
    zones: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    classes: gpd.GeoDataFrame | str | os.PathLike[str] | None = None,
    class_column: str | None = None,
) -> ZonalSums:
    """Evidence per polygon: what raised and what lowered the target there.

    Pixels cut by an edge count by the exact share of their area inside, so zones that tile the map add up to
    it. Rotated and sheared rasters are taken in pixel space, where those shares are the same.

    Parameters
    ----------
    raster
        As :func:`explanation_rasters` or :func:`write_mosaic` wrote it.
    zones
        Polygons, any CRS: cells as :func:`~geolivelihood.cells.cell_polygons` gives them, regions, land use.
        The id is the index where it is named ``cell``, else the column ``cell``, ``region_id`` or
        ``cluster_id``, else the index as ``zone``.
    classes
        Splits each zone: polygons that do not overlap, or a raster of classes on the same grid. What has no
        class is a row of its own, without class.
    class_column
        Column of ``classes`` that names the class.

    Returns
    -------
    ZonalSums
        ``table``, in the CRS of ``zones``: the id, ``class, target, sum, positive, negative, mean`` (per
        pixel), ``share_positive`` (of positive and negative together), ``area_m2`` of ground with data,
        ``density`` (sum per hectare), ``coverage`` (share of the zone's pixels that have data), ``n``
        (pixels with data, those cut counted by their share).

    Raises
    ------
    MissingCRSError
        If raster, zones or classes have no CRS.
    MissingColumnError
        If there is no ``class_column``.
    InputError
        If the raster of classes has another grid, or polygons of different classes overlap.
    """
    with open_map(raster) as source:
        name, ids, shapes = _zones(source, zones)
        bands = _Bands(source)
        if classes is None:
            owner, labels, pieces = np.arange(len(shapes)), np.full(len(shapes), None, dtype=object), shapes
            sums = bands.sums(pieces)
        elif isinstance(classes, gpd.GeoDataFrame):
            owner, labels, pieces = _split(source, shapes, classes, class_column)
            sums = bands.sums(pieces)
        else:
            owner, labels, sums = bands.sums_by_class(shapes, classes)
            pieces = shapes[owner]
        box = shapely.box(0, 0, source.shape[1], source.shape[0])
        inside = shapely.union_all(shapely.intersection(shapes, box))
        rest = bands.sums(polygonal(np.array([shapely.difference(box, inside)], dtype=object)))
        target, masked = source.target, source.tags.get("masked") or 0.0
    table = _table(sums, shapely.area(pieces), target)
    table.insert(0, "class", labels)
    table.insert(0, name, ids[owner])
    whole = zones.geometry.to_numpy()[owner]
    if isinstance(classes, gpd.GeoDataFrame):
        whole = _on_ground(pieces, source, zones.crs)
    found = gpd.GeoDataFrame(table, geometry=whole, crs=zones.crs)
    return ZonalSums(found, float(rest["positive"].sum() + rest["negative"].sum()), float(masked))


def _zones(source: MapRaster, zones: gpd.GeoDataFrame | gpd.GeoSeries) -> tuple[str, npt.NDArray, Shapes]:
    if zones.index.name == "cell" or not isinstance(zones, gpd.GeoDataFrame):
        name, ids = zones.index.name or "zone", zones.index.to_numpy()
    else:
        name = next((column for column in _IDS if column in zones), "zone")
        ids = zones[name].to_numpy() if name in zones else zones.index.to_numpy()
    return name, ids, _pixel_space(source, zones.geometry, "The layer of zones")


def _pixel_space(source: MapRaster, shapes: gpd.GeoSeries, what: str) -> Shapes:
    """Polygons in columns, and rows counted from the bottom: where exactextract cannot see a rotation."""
    if shapes.crs is None:
        msg = f"{what} has no CRS. Set it with set_crs('EPSG:4326') if it is in longitude and latitude."
        raise MissingCRSError(msg)
    moved = valid_polygons(shapes.to_crs(source.crs).to_numpy())
    if (shapely.get_dimensions(moved) != 2).any():
        msg = f"{what} has {(shapely.get_dimensions(moved) != 2).sum()} rows that are no polygon. Drop them."
        raise InputError(msg)
    turn, height = ~source.transform, source.shape[0]
    matrix = np.array([[turn.a, -turn.d], [turn.b, -turn.e]])
    return shapely.transform(moved, lambda xy: xy @ matrix + [turn.c, height - turn.f])


def _on_ground(shapes: Shapes, source: MapRaster, crs: Any) -> gpd.GeoSeries:
    turn, height = source.transform, source.shape[0]
    matrix = np.array([[turn.a, turn.d], [-turn.b, -turn.e]])
    corner = [turn.c + turn.b * height, turn.f + turn.e * height]
    back = shapely.transform(shapes, lambda xy: xy @ matrix + corner)
    return gpd.GeoSeries(back, crs=source.crs).to_crs(crs).to_numpy()


def _split(
    source: MapRaster, zones: Shapes, classes: gpd.GeoDataFrame, column: str | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_], Shapes]:
    """Zones cut by classes: position of the zone, class and piece; what has no class comes last."""
    if column is None or column not in classes:
        msg = f"class_column={column!r}: name one of {', '.join(map(str, classes.columns))}."
        raise MissingColumnError(msg)
    shapes = _pixel_space(source, classes.geometry, "The layer of classes")
    kinds = pd.Categorical(classes[column])
    at, other = shapely.STRtree(shapes).query(zones, predicate="intersects")
    cut = polygonal(shapely.intersection(zones[at], shapes[other]))
    pairs = pd.Series(cut).groupby([at, kinds.codes[other].astype(np.int64)])
    joined = pairs.agg(lambda parts: shapely.union_all(parts.to_numpy()))  # few parts per zone and class
    joined = joined[shapely.area(joined.to_numpy()) > 0]
    owner = joined.index.get_level_values(0).to_numpy(dtype=np.int64)
    named = np.asarray(kinds.categories, dtype=object)[joined.index.get_level_values(1)]
    taken = pd.Series(joined.to_numpy()).groupby(owner).agg(lambda parts: shapely.union_all(parts.to_numpy()))
    covers = taken.reindex(range(len(zones)), fill_value=shapely.Polygon()).to_numpy()
    apart = np.bincount(owner, weights=shapely.area(joined.to_numpy()), minlength=len(zones))
    twice = np.flatnonzero(apart - shapely.area(covers) > _OVERLAP * np.maximum(shapely.area(zones), 1))
    if len(twice):
        msg = (
            f"Polygons of different classes overlap in {len(twice)} zones, so their sums would count twice. "
            "Cut them first, for instance with geopandas.overlay(first, second, how='difference')."
        )
        raise InputError(msg)
    left = polygonal(shapely.difference(zones, covers))
    bare = np.flatnonzero(shapely.area(left) > _SLIVER * shapely.area(zones))
    return (
        np.concatenate([owner, bare]),
        np.concatenate([named, np.full(len(bare), None, dtype=object)]),
        np.concatenate([joined.to_numpy(), left[bare]]),
    )


class _Bands:
    """Positive, negative, area and count of a raster, as sources that exactextract reads."""

    def __init__(self, source: MapRaster) -> None:
        self.source = source
        self.chosen: tuple[rasterio.DatasetReader, float] | None = None
        self._last: tuple[Any, dict[str, Floats]] | None = None

    def read(self, band: str, window: tuple[int, int, int, int]) -> Floats:
        """One band of a window; the other three are kept, as they are asked for next."""
        if self._last is None or self._last[0] != window:
            self._last = window, self._parts(*window)
        return self._last[1][band]

    def _parts(self, column: int, row: int, width: int, height: int) -> dict[str, Floats]:
        source = self.source
        values = source.read(row, column, height, width)
        if self.chosen is not None:
            kinds, wanted = self.chosen
            read = kinds.read(1, window=Window(column, row, width, height), masked=True)
            kind = read.astype(float).filled(np.nan)
            values[~(kind == wanted) if not np.isnan(wanted) else ~np.isnan(kind)] = np.nan
        rows, columns = np.arange(row, row + height)[:, None], np.arange(column, column + width)
        area = pixel_areas(source.transform, source.crs, rows, columns)
        known = np.where(np.isnan(values), np.nan, 1.0)
        return {
            "positive": np.maximum(values, 0.0),
            "negative": np.minimum(values, 0.0),
            "area": area * known,
            "count": known,
        }

    def sums(self, shapes: Shapes) -> pd.DataFrame:
        """A row per polygon, a column per band."""
        there = ~shapely.is_empty(shapes)
        found = pd.DataFrame(0.0, index=range(len(shapes)), columns=list(_BANDS))
        if there.any():
            frame = gpd.GeoDataFrame(geometry=shapes[there], crs=self.source.crs)
            sources = [_Band(self, band) for band in _BANDS]
            table: Any = exact_extract(sources, frame, ["sum"], output="pandas", max_cells_in_memory=_CELLS)
            sums = table[[f"{band}_sum" for band in _BANDS]].to_numpy(dtype=float)
            found.loc[there, :] = np.nan_to_num(sums)
        return found

    def sums_by_class(
        self, shapes: Shapes, path: str | os.PathLike[str]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_], pd.DataFrame]:
        """:meth:`sums` of the pixels of each class of a raster on the same grid."""
        source = self.source
        with rasterio.open(path) as kinds:
            same = (kinds.height, kinds.width) == source.shape and kinds.transform.almost_equals(
                source.transform, precision=1e-6 * abs(source.transform.a)
            )
            if not same or not kinds.crs or pyproj.CRS.from_wkt(kinds.crs.to_wkt()) != source.crs:
                msg = (
                    f"{path} has another grid than the map. Bring it there first, with gdalwarp -r near -te "
                    "and -ts of the map, or give the classes as polygons."
                )
                raise InputError(msg)
            parts = []
            for wanted in [*_classes(kinds, path), np.nan]:  # one pass per class
                self.chosen, self._last = (kinds, wanted), None
                parts.append(self.sums(shapes))
                name = None if np.isnan(wanted) else _plain(wanted)
                parts[-1].insert(0, "class", pd.Series([name] * len(shapes), dtype=object))
            self.chosen = self._last = None
        table = pd.concat(parts).sort_index(kind="stable")
        table = table[table["count"] > 0]
        return table.index.to_numpy(), table.pop("class").to_numpy(), table.reset_index(drop=True)


class _Band(RasterSource):
    """One of the bands in pixel space: columns, and rows counted from the bottom."""

    def __init__(self, bands: _Bands, band: str) -> None:
        super().__init__()
        self._bands, self._band = bands, band
        self.set_name(band)

    def res(self) -> tuple[float, float]:
        return 1.0, 1.0

    def srs_wkt(self) -> str:
        return self._bands.source.crs.to_wkt()  # that of the features, or exactextract warns

    def extent(self) -> tuple[float, float, float, float]:
        height, width = self._bands.source.shape
        return 0.0, 0.0, float(width), float(height)

    def nodata_value(self) -> None:
        return None

    def read_window(self, x0: int, y0: int, nx: int, ny: int) -> Floats:
        return self._bands.read(self._band, (x0, y0, nx, ny))


def _classes(kinds: rasterio.DatasetReader, path: str | os.PathLike[str]) -> list[float]:
    """Values that occur in a raster of classes."""
    found: set[float] = set()
    for _, window in kinds.block_windows(1):
        values = kinds.read(1, window=window, masked=True).compressed().astype(float)
        found |= set(np.unique(values[~np.isnan(values)]).tolist())
        if len(found) > _MOST_CLASSES:
            msg = f"{path} has more than {_MOST_CLASSES} values. Give a raster of classes."
            raise InputError(msg)
    return sorted(found)


def _plain(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _table(sums: pd.DataFrame, pixels: Floats, target: str) -> pd.DataFrame:
    positive, negative = sums["positive"].to_numpy(), sums["negative"].to_numpy()
    area, count = sums["area"].to_numpy(), sums["count"].to_numpy()
    total = positive + negative
    return pd.DataFrame(
        {
            "target": target,
            "sum": total,
            "positive": positive,
            "negative": negative,
            "mean": _ratio(total, count),
            "share_positive": _ratio(positive, positive - negative),
            "area_m2": area,
            "density": _ratio(total, area / _HECTARE),
            "coverage": np.minimum(_ratio(count, pixels), 1.0),
            "n": count,
        }
    )


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)
