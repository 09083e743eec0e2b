"""The smallest ground that holds half, or four fifths, of the evidence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from rasterio import features
from shapely.geometry import shape

from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.areas import pixel_areas
from geolivelihood.explanation.ground.reading import Block, MapRaster, open_map

__all__ = ["regions"]

Floats = npt.NDArray[np.float64]
_HALF = 16  # bits: a threshold is found in two passes over 65,536 bins each
_BINS = 1 << _HALF
_SLACK = 1e-12


class _Threshold(NamedTuple):
    """Lowest density that a region takes in, as the bits of a float32."""

    share: float
    bits: int


def regions(
    raster: str | os.PathLike[str],
    *,
    shares: Sequence[float] = (0.5, 0.8),
    signs: Sequence[int] = (1, -1),
) -> gpd.GeoDataFrame:
    """Smallest regions that hold given shares of what raised, and of what lowered, the target.

    Pixels enter by their value per ground area until the share is reached; equal ones enter together. The
    raster is read three times, block by block, so that memory stays flat. The map should be one without a
    bias spread over it.

    Parameters
    ----------
    raster
        As :func:`explanation_rasters` or :func:`write_mosaic` wrote it.
    shares
        Of the evidence, above 0 and at most 1.
    signs
        1 for what raised the target, -1 for what lowered it.

    Returns
    -------
    geopandas.GeoDataFrame
        ``explanations_regions`` in the raster's CRS, a row per sign and share: ``target, sign, share, held``
        (share that the region really holds), ``threshold`` (value of its faintest pixel, at the size that
        pixels have in the middle of the raster), ``area_m2`` on the ground, ``sum``, ``parts`` (pieces that
        do not share an edge). Signs without evidence have no row.

    Raises
    ------
    MissingCRSError
        If the raster has no CRS.
    InputError
        If a share or a sign is out of range.
    """
    if not set(signs) <= {1, -1} or not shares or not all(0 < share <= 1 for share in shares):
        msg = (
            f"shares={tuple(shares)}, signs={tuple(signs)}: shares lie above 0 and up to 1, signs are 1, -1."
        )
        raise InputError(msg)
    with open_map(raster) as source:
        rows: list[dict[str, Any]] = []
        for sign in signs:
            found, total = _thresholds(source, sign, shares)
            rows += [_region(source, sign, threshold, total) for threshold in found]
    columns = ["target", "sign", "share", "held", "threshold", "area_m2", "sum", "parts", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=source.crs)


def _evidence(source: MapRaster, block: Block, sign: int) -> tuple[Floats, npt.NDArray[np.uint32]]:
    """Values of one sign, and the bits of their densities: positive floats sort as their bits do."""
    values = np.nan_to_num(np.maximum(sign * block.values, 0.0))
    middle = pixel_areas(source.transform, source.crs, source.shape[0] // 2, source.shape[1] // 2)
    density = values * (middle / source.areas(block))
    return values, density.astype(np.float32).view(np.uint32)


def _thresholds(source: MapRaster, sign: int, shares: Sequence[float]) -> tuple[list[_Threshold], float]:
    """Where each share is reached: first the upper half of the bits, then the lower."""
    coarse = np.zeros(_BINS)
    for block in source.blocks("weighing the evidence"):
        values, bits = _evidence(source, block, sign)
        coarse += np.bincount((bits >> _HALF).ravel(), weights=values.ravel(), minlength=_BINS)
    total = float(coarse.sum())
    if total <= 0:
        return [], 0.0
    above = np.cumsum(coarse[::-1])[::-1]  # from a bin upwards
    tops = {share: int(np.flatnonzero(above >= share * total * (1 - _SLACK)).max()) for share in shares}
    fine = {top: np.zeros(_BINS) for top in tops.values()}
    for block in source.blocks("finding the thresholds"):
        values, bits = _evidence(source, block, sign)
        for top, bins in fine.items():
            inside = (bits >> _HALF) == top
            bins += np.bincount(bits[inside] & (_BINS - 1), weights=values[inside], minlength=_BINS)
    found = []
    for share, top in tops.items():
        higher = above[top + 1] if top + 1 < _BINS else 0.0
        held = higher + np.cumsum(fine[top][::-1])[::-1]
        reached = np.flatnonzero(held >= share * total * (1 - _SLACK))
        lowest = reached.max() if len(reached) else np.flatnonzero(fine[top]).min()
        found.append(_Threshold(share, (top << _HALF) | int(lowest)))
    return found, total


def _region(source: MapRaster, sign: int, threshold: _Threshold, total: float) -> dict[str, Any]:
    held, area, faintest = 0.0, 0.0, np.iinfo(np.uint32).max
    apart: list[npt.NDArray[Any]] = []
    meeting: list[npt.NDArray[Any]] = []
    for block in source.blocks("drawing regions"):
        values, bits = _evidence(source, block, sign)
        inside = (bits >= threshold.bits) & (values > 0)
        if not inside.any():
            continue
        held += float(values[inside].sum())
        area += float(np.broadcast_to(source.areas(block), values.shape)[inside].sum())
        faintest = min(faintest, int(bits[inside].min()))
        drawn = features.shapes(inside.astype(np.uint8), mask=inside, connectivity=4)
        parts = np.array([shape(polygon) for polygon, _ in drawn], dtype=object)
        corner = np.array([block.column, block.row])
        left, upper, right, lower = shapely.bounds(parts).T
        inner = (left > 0) & (upper > 0) & (right < inside.shape[1]) & (lower < inside.shape[0])
        moved = shapely.transform(parts, lambda xy, at=corner: xy + at)
        apart.append(moved[inner])
        meeting.append(moved[~inner])
    # In whole pixels, so that edges meet exactly; only what reaches the edge of its block goes on beyond it.
    joined = shapely.get_parts(shapely.union_all(np.concatenate(meeting)))
    polygons = np.concatenate([*apart, joined])
    turn = source.transform
    matrix = np.array([[turn.a, turn.d], [turn.b, turn.e]])
    ground = shapely.transform(shapely.multipolygons(polygons), lambda xy: xy @ matrix + [turn.c, turn.f])
    return {
        "target": source.target,
        "sign": sign,
        "share": threshold.share,
        "held": held / total,
        "threshold": float(np.array(faintest, dtype=np.uint32).view(np.float32)),
        "area_m2": area,
        "sum": sign * held,
        "parts": len(polygons),
        "geometry": ground,
    }
