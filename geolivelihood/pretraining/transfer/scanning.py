"""A raster seen window by window: where the windows lie, and how much each has to say at each pixel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.scenes import Scene, opened, read_window

__all__ = ["Seen", "look", "ramp", "starts"]

Floats = npt.NDArray[np.float32]


class Seen(NamedTuple):
    """Some windows of a raster, and their pixels.

    Attributes
    ----------
    corners
        (n, 2) int64, first column and first row of each window.
    pixels
        (n, bands, size, size) float32 in the file's units; NaN where there is no data.
    """

    corners: npt.NDArray[np.int64]
    pixels: Floats


def starts(extent: int, *, size: int, overlap: float) -> npt.NDArray[np.int64]:
    """First pixels of windows along one axis that cover it, none beyond its end.

    The last window ends where the axis ends; an axis shorter than a window has one, which reaches beyond it.

    Parameters
    ----------
    extent
        Length of the axis in pixels.
    size
        Side of a window in pixels.
    overlap
        Least share of a window that its neighbour sees too, from 0 to below 1.

    Raises
    ------
    InputError
        If the size or the overlap is out of its range.
    """
    if size < 1 or not 0 <= overlap < 1:
        msg = f"window={size}, overlap={overlap}: give at least 1 pixel, and a share from 0 to below 1."
        raise InputError(msg)
    last = max(extent - size, 0)
    step = max(1, round(size * (1 - overlap)))
    return np.unique(np.minimum(np.arange(0, last + step, step), last)).astype(np.int64)


def ramp(size: int, *, overlap: float) -> Floats:
    """Weight of a pixel in the mean of the windows that see it, (size,) for one axis.

    It falls towards the edges of a window, where a network sees the least around a pixel, over the part that
    the neighbour sees too; it never is 0, so that the edge of the raster keeps its only window.
    """
    part = max(1, round(size * overlap))
    edge = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5)
    return np.minimum(edge / part, 1.0).astype(np.float32)


def look(scene: Scene, corners: npt.NDArray[np.int64], *, size: int, batch_size: int) -> Iterator[Seen]:
    """Read windows of one scene in batches; those without any data are left out.

    Parameters
    ----------
    scene
        What to read.
    corners
        (n, 2) first column and row of each window.
    size
        Side of a window.
    batch_size
        Most windows at a time.
    """
    kept: list[tuple[npt.NDArray[np.int64], Floats]] = []
    with opened(scene.path) as source:
        for corner in corners:  # a window at a time is what keeps the memory flat
            pixels = read_window(source, scene, (int(corner[0]), int(corner[1]), size, size))
            if np.isfinite(pixels).all(axis=0).any():
                kept.append((corner, pixels))
            if len(kept) == batch_size:
                yield _seen(kept)
                kept = []
    if kept:
        yield _seen(kept)


def _seen(kept: list[tuple[npt.NDArray[np.int64], Floats]]) -> Seen:
    return Seen(np.stack([corner for corner, _ in kept]), np.stack([pixels for _, pixels in kept]))
