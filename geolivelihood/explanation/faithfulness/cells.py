"""Maps at the resolution at which pictures are changed, and which pixels a cell stands for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from geolivelihood.explanation.attribution.result import Attribution

__all__ = ["at_cells", "cell_of_pixels"]


def at_cells(attribution: Attribution, *, most: int = 28, cells: int = 14) -> Attribution:
    """Maps of pixels summed over square blocks, ``cells`` along the longer side; small maps stay.

    Sums are kept, so that total, intercept and residual are too. Maps of up to ``most`` cells along a side
    are small.
    """
    _, rows, columns = attribution.maps.shape
    if max(rows, columns) <= most:
        return attribution
    jump = max(attribution.size) / cells
    down, across = _blocks(attribution, rows, jump), _blocks(attribution, columns, jump)
    return replace(attribution, maps=down.T @ attribution.maps @ across, start=jump / 2, jump=jump)


def cell_of_pixels(attribution: Attribution) -> npt.NDArray[np.intp]:
    """Cell (flat, row by row) to which each pixel is nearest, shape (height, width)."""
    rows, columns = attribution.maps.shape[1:]
    down, across = (
        np.clip(np.rint((np.arange(side) + 0.5 - attribution.start) / attribution.jump), 0, count - 1)
        for side, count in zip(attribution.size, (rows, columns))
    )
    return (down[:, None] * columns + across[None]).astype(np.intp)


def _blocks(attribution: Attribution, count: int, jump: float) -> npt.NDArray[np.float64]:
    """Matrix (count, blocks) with a 1 for the block in which each row (or column) of a map lies."""
    block = ((attribution.start + attribution.jump * np.arange(count)) / jump + 1e-9).astype(int)
    return np.eye(block[-1] + 1)[block]
