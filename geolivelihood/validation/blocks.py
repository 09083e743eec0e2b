"""Spatial blocks: how coarse they must be, and how they are dealt to folds."""

from __future__ import annotations

import heapq
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from geolivelihood import cells
from geolivelihood.errors import InputError
from geolivelihood.validation.distances import lonlat_of

__all__ = ["block_resolution", "block_width_m", "dealt"]

_DEFAULT_RESOLUTION = 4  # width 45 km; where no variogram says better
_FINEST = 10
# mean edge of H3 cells, metres, resolution 0-10 (h3geo.org/docs/core-library/restable)
_EDGES_M = (1281256.0, 483057.0, 182513.0, 68979.0, 26072.0, 9854.0, 3725.0, 1406.0, 531.0, 201.0, 75.9)

Ints = npt.NDArray[np.intp]


def block_width_m(resolution: int) -> float:
    """Width of an H3 cell between opposite edges, √3 times its mean edge, metres."""
    return float(np.sqrt(3) * _EDGES_M[min(resolution, _FINEST)])


def block_resolution(
    points: Any,
    *,
    n_splits: int = 5,
    range_m: float | None = None,
    resolution: int | None = None,
    quiet: bool = False,
) -> int:
    """H3 resolution of blocks: the finest as wide as the practical range, finer where blocks are too few.

    Parameters
    ----------
    points
        Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
    n_splits
        Number of folds; there should be twice as many blocks.
    range_m
        Practical range of out-of-fold residuals, metres. The width of a cell is √3 times its edge.
    resolution
        Where to start; ``None``: from ``range_m``, else 4.
    quiet
        Whether to leave out the warning that the blocks had to be finer.

    Returns
    -------
    int
        Between 0 and 10.

    Raises
    ------
    InputError
        If even cells of 130 m make fewer than ``2 * n_splits`` blocks.
    """
    lonlat = lonlat_of(points)
    wanted = resolution
    if wanted is None:
        wide = [r for r in range(len(_EDGES_M)) if range_m and block_width_m(r) >= range_m]
        wanted = (max(wide) if wide else 0) if range_m else _DEFAULT_RESOLUTION
    for found in range(wanted, _FINEST + 1):
        if len(np.unique(cells.blocks(lonlat, resolution=found))) >= 2 * n_splits:
            break
    else:
        distinct = len(np.unique(lonlat, axis=0))
        msg = f"{distinct} distinct places are too few for {n_splits} folds of blocks. Use fewer folds."
        raise InputError(msg)
    if found > wanted and not quiet:
        msg = (
            f"H3 resolution {wanted} leaves fewer than {2 * n_splits} blocks; resolution {found} is used. "
            "Such blocks are narrow: give a buffer_m as well"
        )
        warnings.warn(msg, stacklevel=2)
    return found


def dealt(units: Ints, n_splits: int, random_state: int) -> Ints:
    """Fold of each row: units, largest first, to the lightest fold."""
    sizes = np.bincount(units)
    shuffled = np.random.default_rng(random_state).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    load = [(0, k) for k in range(n_splits)]
    fold_of_unit = np.empty(len(sizes), dtype=np.intp)
    for unit in order:  # each deal depends on all before it
        weight, k = heapq.heappop(load)
        fold_of_unit[unit] = k
        heapq.heappush(load, (weight + int(sizes[unit]), k))
    return fold_of_unit[units]
