"""The places that counted most, as points."""

from __future__ import annotations

import os
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy import ndimage
from scipy.spatial import cKDTree

from geolivelihood.cells import point_cells
from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.reading import MapRaster, open_map

__all__ = ["peaks"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_JUMPS = 2.0
_AROUND = np.ones((3, 3), dtype=int)
_WIDEST_HALO = 512


def peaks(
    raster: str | os.PathLike[str],
    *,
    min_distance_m: float | None = None,
    signs: Sequence[int] = (1, -1),
    most: int | None = None,
    images: gpd.GeoDataFrame | None = None,
    resolution: int | None = None,
) -> gpd.GeoDataFrame:
    """Highest and lowest places of a map that lie well apart on the ground.

    Pixels above their eight neighbours are taken by value (then row, then column), each if it lies at least
    ``min_distance_m`` from all taken before. Of equal neighbours the first one counts. The map should be one
    without a bias spread over it.

    Parameters
    ----------
    raster
        As :func:`explanation_rasters` or :func:`write_mosaic` wrote it; read block by block.
    min_distance_m
        Metres on the ground; ``None`` takes two cells of the map, where the raster's tags know their size.
    signs
        1 for what raised the target, -1 for what lowered it.
    most
        At most so many of each sign.
    images
        ``explanations_rasters``: gives each peak the ``image_id`` whose footprint holds it, of several the
        one whose middle is nearest.
    resolution
        H3 resolution of ``cell``.

    Returns
    -------
    geopandas.GeoDataFrame
        ``explanations_peaks`` in the raster's CRS: ``target, sign, rank`` (from 1 within its sign),
        ``value``, ``share`` (evidence within half the distance, of all evidence of that sign), ``image_id``,
        ``cell``.

    Raises
    ------
    MissingCRSError
        If the raster has no CRS.
    InputError
        If the distance is unknown or not positive, or a sign is not 1 or -1.
    """
    if not set(signs) <= {1, -1}:
        msg = f"signs={tuple(signs)}: give 1 (raised the target), -1 (lowered it), or both."
        raise InputError(msg)
    with open_map(raster) as source:
        distance = _distance(source, min_distance_m, raster)
        halo = int(np.clip(np.ceil(distance / source.ground_step()), 1, _WIDEST_HALO))
        candidates, totals = _candidates(source, halo, signs)
        parts = []
        for sign in signs:
            found = _apart(source, candidates[sign], distance, most)
            shares = [_within(source, row, column, distance / 2, sign) for _, row, column in found]
            parts.append(
                _frame(source, found, sign).assign(share=np.array(shares) / max(totals[sign], 1e-300))
            )
        table = pd.concat(parts, ignore_index=True)
    return _named(table, images, resolution)


def _distance(source: MapRaster, given: float | None, raster: str | os.PathLike[str]) -> float:
    if given is None and "jump_px" not in source.tags:
        msg = f"{raster} does not say how large its cells are. Give min_distance_m, in metres."
        raise InputError(msg)
    distance = (
        _JUMPS * float(source.tags["jump_px"]) * source.ground_step() if given is None else float(given)
    )
    if not distance > 0:
        msg = f"min_distance_m={given}: give metres above 0."
        raise InputError(msg)
    return distance


def _candidates(
    source: MapRaster, halo: int, signs: Sequence[int]
) -> tuple[dict[int, Floats], dict[int, float]]:
    """Value, row and column of all local maxima, and the sum of all evidence, per sign."""
    found: dict[int, list[Floats]] = {sign: [np.empty((0, 3))] for sign in signs}
    totals = dict.fromkeys(signs, 0.0)
    for block in source.blocks("looking for peaks", halo=halo):
        for sign in signs:
            values = sign * block.values
            totals[sign] += np.nansum(np.maximum(values[block.core], 0.0))
            rows, columns = _maxima(values)
            inside = np.ones(len(rows), dtype=bool)
            for at, core in zip((rows, columns), block.core):
                inside &= (at >= core.start) & (at < core.stop)
            rows, columns = rows[inside], columns[inside]
            found[sign].append(
                np.column_stack([values[rows, columns], rows + block.row, columns + block.column])
            )
    return {sign: np.concatenate(parts) for sign, parts in found.items()}, totals


def _maxima(values: Floats) -> tuple[Integers, Integers]:
    """Rows and columns of positive pixels that no neighbour exceeds; of a plateau its first pixel."""
    known = np.where(np.isnan(values), -np.inf, values)
    highest = ndimage.maximum_filter(known, footprint=_AROUND, mode="constant", cval=-np.inf)
    top = (known == highest) & (known > 0)
    labels, count = ndimage.label(top, structure=_AROUND)
    # a pixel that is higher than itself beside an equal one: the plateau goes on there and climbs
    climbing = (known > 0) & ~top
    beside = ndimage.maximum_filter(np.where(climbing, known, -np.inf), footprint=_AROUND, mode="nearest")
    dead = np.zeros(count + 1, dtype=bool)
    dead[labels[top & (beside == known)]] = True
    names, first = np.unique(labels, return_index=True)
    first = first[(names > 0) & ~dead[names]]
    rows, columns = np.unravel_index(first, values.shape)
    return rows.astype(np.int64), columns.astype(np.int64)


def _apart(
    source: MapRaster, candidates: Floats, distance: float, most: int | None
) -> list[tuple[float, int, int]]:
    """Candidates by value, then row, then column, without those too near to a better one."""
    order = np.lexsort((candidates[:, 2], candidates[:, 1], -candidates[:, 0]))
    ranked = candidates[order]
    if not len(ranked):
        return []
    tree = cKDTree(source.earth_centred(ranked[:, 2], ranked[:, 1]))
    alive = np.ones(len(ranked), dtype=bool)
    kept: list[tuple[float, int, int]] = []
    for k, (value, row, column) in enumerate(ranked):  # each depends on those before
        if alive[k]:
            kept.append((float(value), int(row), int(column)))
            alive[tree.query_ball_point(tree.data[k], distance * (1 - 1e-9))] = False
            if most is not None and len(kept) >= most:
                break
    return kept


def _within(source: MapRaster, row: int, column: int, radius: float, sign: int) -> float:
    """Evidence of one sign in the pixels whose centre lies within ``radius`` metres of a pixel's."""
    centre, right, down = source.earth_centred([column, column + 1, column], [row, row, row + 1])
    steps = np.stack([down - centre, right - centre])  # metres per row and per column
    metric = steps @ steps.T
    reach = np.ceil(radius * np.sqrt(np.diag(np.linalg.inv(metric)))).astype(int)
    top, left = max(row - int(reach[0]), 0), max(column - int(reach[1]), 0)
    values = source.read(top, left, row + int(reach[0]) + 1 - top, column + int(reach[1]) + 1 - left)
    away = np.indices(values.shape) + np.array([top - row, left - column])[:, None, None]
    squared = np.einsum("aij,ab,bij->ij", away, metric, away)
    return float(np.nansum(np.maximum(sign * values, 0.0)[squared <= radius**2]))


def _frame(source: MapRaster, found: Sequence[tuple[float, int, int]], sign: int) -> gpd.GeoDataFrame:
    value, row, column = np.array(found, dtype=float).reshape(-1, 3).T
    turn = source.transform
    x = turn.a * (column + 0.5) + turn.b * (row + 0.5) + turn.c
    y = turn.d * (column + 0.5) + turn.e * (row + 0.5) + turn.f
    table = {
        "target": source.target,
        "sign": sign,
        "rank": np.arange(1, len(found) + 1),
        "value": sign * value,
    }
    return gpd.GeoDataFrame(
        pd.DataFrame(table, index=range(len(found))), geometry=shapely.points(x, y), crs=source.crs
    )


def _named(
    table: gpd.GeoDataFrame, images: gpd.GeoDataFrame | None, resolution: int | None
) -> gpd.GeoDataFrame:
    places = table.geometry.to_crs("EPSG:4326")
    table["image_id"] = _image_ids(places, images)
    if resolution is not None:
        table["cell"] = point_cells(places, resolution=resolution)
    columns = ["target", "sign", "rank", "value", "share", "image_id", "cell", "geometry"]
    return table[[name for name in columns if name in table]]


def _image_ids(places: gpd.GeoSeries, images: gpd.GeoDataFrame | None) -> npt.NDArray[np.object_]:
    found = np.full(len(places), None, dtype=object)
    if images is None or not len(places):
        return found
    shapes = images.geometry.to_crs("EPSG:4326").to_numpy()
    at, image = shapely.STRtree(shapes).query(places.to_numpy(), predicate="intersects")
    away = shapely.distance(shapely.centroid(shapes[image]), places.to_numpy()[at])
    order = np.lexsort((image, away, at))
    rows, first = np.unique(at[order], return_index=True)
    found[rows] = images["image_id"].to_numpy()[image[order][first]]
    return found
