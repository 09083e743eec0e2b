"""Maps of a few cells drawn out to many pixels, by integrals: what a map sums to does not change."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError

__all__ = ["Kernel", "conserving_weights", "kernel_of", "upsample"]

Floats = npt.NDArray[np.float64]
Kernel = Literal["hat", "box"]


def conserving_weights(
    edges: npt.ArrayLike,
    *,
    cells: int,
    start: float,
    jump: float,
    extent: float,
    kernel: Kernel = "hat",
) -> Floats:
    """Share of each cell's value that falls into each pixel, along one axis.

    Cell i has the hat function on its neighbours' places, flat beyond the first and the last; a pixel gets
    the integral of the hat over it, divided by the hat's integral over the picture. Columns sum to 1 for
    pixels that cover the picture, whatever their size and offset.

    Parameters
    ----------
    edges
        Edges of the pixels in input pixels, shape (pixels + 1,), ascending; may reach beyond the picture.
    cells
        Cells of the map.
    start, jump
        Places of the cells: :class:`~geolivelihood.explanation.ground.Registration`.
    extent
        Size of the picture in input pixels.
    kernel
        ``"hat"``, or ``"box"``: each cell is spread evenly over its own jump, which is right for maps whose
        cells are the input's pixels.

    Returns
    -------
    numpy.ndarray
        Shape (pixels, cells).

    Raises
    ------
    InputError
        If a cell lies so far outside that none of its hat is in the picture.
    """
    nodes = start + jump * np.arange(cells, dtype=np.float64)
    clipped = np.clip(np.asarray(edges, dtype=float), 0.0, extent)
    integrals = _hat_integrals if kernel == "hat" else _box_integrals
    total = np.diff(integrals(np.array([0.0, extent]), nodes, jump), axis=0)
    if total.min() <= 1e-9 * extent:
        msg = (
            f"{cells} cells from {start:g} by {jump:g} pixels do not fit a picture of {extent:g} pixels: "
            "cells lie outside it. Give the registration of this layer, or registration='extent'."
        )
        raise InputError(msg)
    return np.diff(integrals(clipped, nodes, jump), axis=0) / total


def upsample(
    maps: npt.ArrayLike,
    *,
    start: float,
    jump: float,
    size: tuple[int, int],
    shape: tuple[int, int] | None = None,
) -> Floats:
    """Maps drawn out to pixels that cover the picture; every sum stays what it was.

    Parameters
    ----------
    maps
        Shape (..., rows, columns), value per cell.
    start, jump
        Places of the cells in input pixels.
    size
        Height and width of the input.
    shape
        Rows and columns of the result; ``None`` for ``size``.

    Returns
    -------
    numpy.ndarray
        Shape (..., *shape), float64, value per pixel.

    Raises
    ------
    InputError
        If cells lie outside the picture.
    """
    values = np.asarray(maps, dtype=float)
    down, across = (
        conserving_weights(
            np.linspace(0.0, side, count + 1), cells=cells, start=start, jump=jump, extent=side
        )
        for side, count, cells in zip(size, shape or size, values.shape[-2:])
    )
    return down @ values @ across.T


def kernel_of(jump: float) -> Kernel:
    """Kernel of a map: cells of a layer share their ground with their neighbours, input pixels do not."""
    return "box" if jump <= 1 else "hat"


def _box_integrals(places: Floats, nodes: Floats, jump: float) -> Floats:
    """Integral of each cell's box from its own place to each of ``places``, shape (places, cells)."""
    return np.clip(places[:, None] - nodes, -jump / 2, jump / 2)


def _hat_integrals(places: Floats, nodes: Floats, jump: float) -> Floats:
    """Integral of each cell's hat from its own place to each of ``places``, shape (places, cells)."""
    distance = (places[:, None] - nodes) / jump
    within = np.clip(distance, -1.0, 1.0)
    integral = within - np.sign(within) * within**2 / 2
    # flat beyond the ends: the first hat to the left, the last to the right
    integral[:, 0] = np.where(distance[:, 0] < 0, distance[:, 0], integral[:, 0])
    integral[:, -1] = np.where(distance[:, -1] > 0, distance[:, -1], integral[:, -1])
    return integral * jump
