"""Polygons around the pixels of a class, block by block, whole across the seams."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import shapely
from affine import Affine
from rasterio.features import shapes
from rasterio.windows import Window

from geolivelihood.progress import track

__all__ = ["class_polygons"]

_BLOCK_PX = 2048
_EQUAL_AREA = "EPSG:6933"


def class_polygons(
    raster: str | os.PathLike[str], *, classes: Sequence[str], min_area_m2: float = 0.0
) -> gpd.GeoDataFrame:
    """Polygons of every class but the first, one per patch of pixels that share sides.

    Parameters
    ----------
    raster
        Codes of classes, one band; nodata belongs to none.
    classes
        Names by code; the first is background.
    min_area_m2
        Smaller patches are left out.

    Returns
    -------
    geopandas.GeoDataFrame
        ``class``, ``area_m2`` (on the ellipsoid, in an equal-area projection), polygons in the CRS of the
        raster with holes where there are.
    """
    codes: list[int] = []
    patches: list[Any] = []
    with rasterio.open(raster) as source:
        crs, transform = pyproj.CRS.from_user_input(source.crs.to_wkt()), source.transform
        corners = [
            (r, c) for r in range(0, source.height, _BLOCK_PX) for c in range(0, source.width, _BLOCK_PX)
        ]
        for row, column in track(corners, "drawing outlines"):
            window = Window(
                column, row, min(_BLOCK_PX, source.width - column), min(_BLOCK_PX, source.height - row)
            )
            block = source.read(1, window=window)
            wanted = (block > 0) & (block < len(classes))
            # outlines in pixels of the raster, where seams are whole numbers and join without slivers
            found = shapes(block, mask=wanted, connectivity=4, transform=Affine.translation(column, row))
            for outline, code in found:
                patches.append(shapely.geometry.shape(outline))
                codes.append(int(code))
    drawn, kinds = _joined(np.array(patches, dtype=object), np.array(codes, dtype=np.int64))
    frame = gpd.GeoDataFrame(
        {"class": np.asarray(classes, dtype=object)[kinds]}, geometry=_placed(drawn, transform), crs=crs
    )
    frame.insert(1, "area_m2", frame.to_crs(_EQUAL_AREA).area.to_numpy() if len(frame) else np.zeros(0))
    return frame[frame["area_m2"] >= min_area_m2].reset_index(drop=True)


def _joined(
    patches: npt.NDArray[Any], codes: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Patches with those that a seam cut joined again."""
    if not len(patches):
        return patches, codes
    bounds = shapely.bounds(patches)
    cut = ((bounds % _BLOCK_PX == 0) & (bounds > 0)).any(axis=1)
    parts, kinds = [patches[~cut]], [codes[~cut]]
    for code in np.unique(codes[cut]):
        whole = shapely.get_parts(shapely.union_all(patches[cut & (codes == code)]))
        parts.append(whole)
        kinds.append(np.full(len(whole), code))
    return np.concatenate(parts), np.concatenate(kinds)


def _placed(patches: npt.NDArray[Any], transform: Affine) -> npt.NDArray[Any]:
    matrix = np.array([[transform.a, transform.d], [transform.b, transform.e]])
    return shapely.transform(patches, lambda points: points @ matrix + (transform.c, transform.f))
