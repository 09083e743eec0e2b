"""From which scale on a layer is drawn: where its features would only be one blot, the cells speak alone."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

__all__ = ["first_scale"]

_MANY = 2_000
"""Fewer features than these are drawn on every scale: nobody should look for what is there."""
_USUAL = 250_000
_SHORTEST_MM = 0.4
"""A line or a view sector shorter than this on the screen says nothing."""
_APART_MM = 0.8
_DEGREE_M = 111_320.0
_STEPS = np.array([1, 2.5, 5, 10])


def first_scale(word: str, frame: pd.DataFrame) -> int | None:
    """The scale (as a denominator) from which on photographs, their views and edges are drawn.

    About 1 : 250,000, or what suits how far apart or how long the features are; ``None`` for few features and
    for any other layer: these are drawn on every scale.

    Parameters
    ----------
    word
        What the layer holds: ``images``, ``edges`` or ``explanations_views``.
    frame
        The layer, any CRS.
    """
    drawn = word in ("images", "edges", "explanations_views")
    if not drawn or not isinstance(frame, gpd.GeoDataFrame) or len(frame) <= _MANY:
        return None
    shapes = frame.geometry.array
    boxes = shapely.bounds(np.asarray(shapes))
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes):
        return None
    west, south, east, north = boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()
    metres = _metres(frame, (south + north) / 2)
    if word == "images":
        size, least = np.sqrt((east - west) * (north - south) / len(boxes)), _APART_MM
    else:
        sides = np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        size, least = float(np.median(sides)), _SHORTEST_MM
    return _round(max(_USUAL if word == "images" else 1, float(size) * metres / (least / 1000)))


def _metres(frame: gpd.GeoDataFrame, latitude: float) -> float:
    """Metres in a unit of the layer, about its middle."""
    if frame.crs is None or frame.crs.is_geographic:
        return _DEGREE_M * float(np.sqrt(max(np.cos(np.radians(latitude)), 0.01)))
    return float(frame.crs.axis_info[0].unit_conversion_factor)


def _round(scale: float) -> int:
    """The next larger scale of 1, 2.5 or 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(scale))
    return int(power * _STEPS[np.searchsorted(_STEPS * power, scale * (1 - 1e-9))])
