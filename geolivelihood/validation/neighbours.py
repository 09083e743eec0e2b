"""Distances between rows of features: a k-d tree while it helps, products of blocks beyond.

A k-d tree answers nearest-row questions in a few comparisons up to about 20 dimensions; above, every query
visits nearly every leaf and ‖a‖² + ‖b‖² − 2ab over blocks is faster. That form loses the last digits of small
distances, so whatever it finds is measured again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

__all__ = ["count_within", "mean_distance", "nearest_distance"]

Floats = npt.NDArray[np.float64]

_MOST_TREE_DIMENSIONS = 20
_MEASURED_AGAIN = 8
_MOST_EXACT_ROWS = 20_000
_PAIRS = 1_000_000
# Numbers in one block of products, 64 MB.
_BLOCK = 2**23


def nearest_distance(rows: Floats, points: Floats, *, rank: int = 1) -> Floats:
    """Distance of each point to its nearest row, or to the one of another rank, shape (m,).

    Parameters
    ----------
    rows, points
        Shapes (n, p) and (m, p).
    rank
        1 for the nearest, up to 8; 2 for the nearest *other* row of points that are themselves rows.
    """
    if rows.shape[1] <= _MOST_TREE_DIMENSIONS:
        return KDTree(rows).query(points, k=[rank], workers=-1)[0][:, 0]
    kept = min(_MEASURED_AGAIN, len(rows))
    distance = np.empty(len(points))
    for block, square in _squares(rows, points):
        near = np.argpartition(square, kept - 1, axis=1)[:, :kept]
        exact = np.linalg.norm(rows[near] - points[block, None], axis=2)
        distance[block] = np.partition(exact, rank - 1, axis=1)[:, rank - 1]
    return distance


def count_within(rows: Floats, points: Floats, reach: float) -> npt.NDArray[np.int64]:
    """Number of rows nearer to each point than ``reach``, shape (m,)."""
    if reach <= 0:
        return np.zeros(len(points), dtype=np.int64)
    # a hair less: a distance equal to the reach but for rounding is not nearer
    inside = reach * (1 - 1e-12)
    if rows.shape[1] <= _MOST_TREE_DIMENSIONS:
        found = KDTree(rows).query_ball_point(points, inside, return_length=True, workers=-1)
        return np.asarray(found, dtype=np.int64)
    count = np.empty(len(points), dtype=np.int64)
    for block, square in _squares(rows, points):
        point, row = np.nonzero(np.abs(square - inside**2) <= 1e-6 * inside**2)
        square[point, row] = ((rows[row] - points[block][point]) ** 2).sum(axis=1)
        count[block] = (square <= inside**2).sum(axis=1)
    return count


def mean_distance(rows: Floats, *, random_state: int = 0) -> float:
    """Mean distance over distinct pairs of rows: all of them, or a million drawn above 20,000 rows."""
    n = len(rows)
    if n > _MOST_EXACT_ROWS:
        rng = np.random.default_rng(random_state)
        first = rng.integers(n, size=_PAIRS)
        second = (first + rng.integers(1, n, size=_PAIRS)) % n
        pieces = zip(np.array_split(first, 100), np.array_split(second, 100), strict=True)
        return sum(float(np.linalg.norm(rows[a] - rows[b], axis=1).sum()) for a, b in pieces) / _PAIRS
    step = _step(rows)
    starts = range(0, n, step)
    total = sum(
        float(np.triu(np.sqrt(_square(rows[start : start + step], rows[start:])), 1).sum())
        for start in starts
    )
    return 2 * total / (n * (n - 1))


def _squares(rows: Floats, points: Floats) -> Iterator[tuple[slice, Floats]]:
    """Squared distances of blocks of points to all rows."""
    step = _step(rows)
    for start in range(0, len(points), step):
        block = slice(start, start + step)
        yield block, _square(points[block], rows)


def _square(points: Floats, rows: Floats) -> Floats:
    square = points @ rows.T
    square *= -2
    square += (rows**2).sum(axis=1)
    square += (points**2).sum(axis=1)[:, None]
    return np.maximum(square, 0.0, out=square)


def _step(rows: Floats) -> int:
    return max(1, _BLOCK // len(rows))
