"""Boxes of overlapping windows as boxes of the raster: each thing once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

__all__ = ["cut_boxes", "distinct_boxes", "own_boxes"]

Floats = npt.NDArray[np.float64]
_TOUCH_PX = 1.0
_EDGE_SHARE = 0.4  # of the overlap; a half would lose things whose two boxes differ by a pixel


def own_boxes(
    boxes: Floats, *, corner: npt.ArrayLike, size: int, overlap_px: int, extent: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Boxes of a window that are its own to report rather than a neighbour's.

    What is cut by the edge of a window lies whole in the neighbour if it is no longer than the overlap, and
    a window that sees the rest of it must not report it a second time: boxes centred within two fifths of
    the overlap from an edge that has a neighbour are left to that one.

    Parameters
    ----------
    boxes
        (n, 4) first column, first row, last column, last row in pixels of the raster.
    corner
        First column and row of the window.
    size
        Its side.
    overlap_px
        Pixels that it has in common with its neighbours, at least.
    extent
        Width and height of the raster.
    """
    first = np.asarray(corner, dtype=np.float64)
    low = np.where(first > 0, first + _EDGE_SHARE * overlap_px, -np.inf)
    ends = first + size
    high = np.where(ends < np.asarray(extent), ends - _EDGE_SHARE * overlap_px, np.inf)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(((centres >= low) & (centres <= high)).all(axis=1))


def cut_boxes(
    boxes: Floats, *, corner: npt.ArrayLike, size: int, extent: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Boxes that end where their window ends and the raster does not: there may be more of the thing.

    Parameters are those of :func:`own_boxes`.
    """
    first = np.asarray(corner, dtype=np.float64)
    before = (first > 0) & (boxes[:, :2] <= first + _TOUCH_PX)
    after = (first + size < np.asarray(extent)) & (boxes[:, 2:] >= first + size - _TOUCH_PX)
    return np.asarray((before | after).any(axis=1))


def distinct_boxes(
    boxes: Floats, scores: Floats, codes: npt.NDArray[np.int64], *, most_iou: float = 0.5
) -> npt.NDArray[np.int64]:
    """Non-maximum suppression over a whole raster, class by class.

    The surest box stays and suppresses those of its class with which it shares more than ``most_iou``. Only
    boxes that meet are compared, found by a tree, so that the work grows with the boxes and not with their
    pairs.

    Returns
    -------
    numpy.ndarray
        Positions of the boxes that stay, surest first.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, kinds = boxes[order], codes[order]
    first, second = shapely.STRtree(shapely.box(*ranked.T)).query(
        shapely.box(*ranked.T), predicate="intersects"
    )
    near = (first < second) & (kinds[first] == kinds[second])
    first, second = first[near], second[near]
    close = _paired_iou(ranked[first], ranked[second]) > most_iou
    first, second = first[close], second[close]
    by_first = np.argsort(first, kind="stable")
    first, second = first[by_first], second[by_first]
    edges = np.searchsorted(first, np.arange(len(order) + 1))
    alive = np.ones(len(order), dtype=bool)
    for k in np.unique(first):  # whether a box suppresses depends on those before it
        if alive[k]:
            alive[second[edges[k] : edges[k + 1]]] = False
    return order[alive]


def _paired_iou(first: Floats, second: Floats) -> Floats:
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    areas = (first[:, 2:] - first[:, :2]).prod(axis=1) + (second[:, 2:] - second[:, :2]).prod(axis=1)
    return shared / np.maximum(areas - shared, 1e-12)
