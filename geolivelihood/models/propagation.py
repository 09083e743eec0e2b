"""Cell features carried over the cell graph before any learning: X, AX, A²X, with what is missing.

Scalable graph networks precompute the powers [1]_, so that training needs no graph at all.

References
----------
.. [1] Frasca et al. (2020), "SIGN: Scalable Inception Graph Neural Networks", arXiv 2004.11198.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood.cells import cell_centres
from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats, check_features
from geolivelihood.sphere import EARTH_RADIUS_M, unit_vectors

__all__ = ["Propagated", "cell_table", "location_features", "missing_marks", "propagate", "spread_km"]

_EARTH_RADIUS_KM = EARTH_RADIUS_M / 1000


class Propagated(NamedTuple):
    """Features of each cell and of its surroundings, and which cells have any.

    Attributes
    ----------
    table
        Shape (cells, columns); NaN where neither the cell nor, at that hop, any neighbour knows.
    covered
        Whether the cell itself or a neighbour has features.
    """

    table: Floats
    covered: npt.NDArray[np.bool_]


def cell_table(features: Any, cells: npt.NDArray[np.uint64]) -> Floats:
    """Features in the order of ``cells``; a DataFrame is joined by its index, cells it lacks are NaN."""
    if isinstance(features, pd.DataFrame):
        features = features.reindex(cells)
    table = check_features(features)
    if len(table) != len(cells):
        msg = (
            f"There are {len(cells)} cells but {len(table)} rows of features. Give one row per cell, "
            "in the order of tie.cells (NaN = no pictures), or a DataFrame indexed by cell."
        )
        raise InputError(msg)
    return table


def missing_marks(features: Floats) -> npt.NDArray[np.int64]:
    """One column for each way in which values are missing: a source without pictures empties its own."""
    patterns, first = np.unique(np.isnan(features), axis=1, return_index=True)
    return np.sort(first[patterns.any(axis=0)])


def propagate(
    features: Floats,
    graph: sparse.csr_array | None,
    *,
    hops: int,
    marks: npt.NDArray[np.int64] | None = None,
) -> Propagated:
    """Own features, means over the neighbours, means over the neighbours' means, and so on.

    A cell without a value takes its neighbours' mean, where there are any. Whether the columns ``marks``
    are known, in the cell and in what share of its neighbours, becomes a column of its own.

    Parameters
    ----------
    features
        Shape (cells, d), NaN = missing.
    graph
        Weights (cells x cells), not negative; row i averages its columns. ``None`` = no neighbours.
    hops
        How many powers of the graph to add.
    marks
        Columns whose absence is told to the model; default :func:`missing_marks` of these features.
    """
    if hops < 0:
        msg = f"hops must not be negative, got {hops}."
        raise InputError(msg)
    known = ~np.isnan(features[:, missing_marks(features) if marks is None else marks])
    if graph is None:
        return Propagated(np.column_stack([features, known]), _any_known(features))
    matrix = _checked(graph, len(features))
    around = _neighbour_mean(matrix, features)
    own = np.where(np.isnan(features), around, features)
    share = (matrix @ known.astype(float)) / np.maximum(matrix.sum(axis=1), 1e-300)[:, None]
    blocks = [own, known, share]
    for hop in range(hops):
        around = around if hop == 0 else _neighbour_mean(matrix, around)
        blocks.append(around)
    return Propagated(np.column_stack(blocks), _any_known(own))


def location_features(
    cells: npt.NDArray[np.uint64], *, count: int, length_km: float, seed: int | None
) -> Floats:
    """Random Fourier features of the cell centres: a smooth field over the globe as a linear model [1]_.

    Their inner products approximate exp(−c²/2ℓ²), c the chord between two places, so that nothing jumps at
    the antimeridian or the poles.

    Parameters
    ----------
    cells
        Cells, shape (n,).
    count
        Number of features; 0 gives none.
    length_km
        Length ℓ over which the field changes.
    seed
        Seed of the frequencies.

    References
    ----------
    .. [1] Rahimi & Recht (2007), "Random Features for Large-Scale Kernel Machines".
    """
    if count < 0 or not length_km > 0:
        msg = f"location must not be negative and location_km positive, got {count} and {length_km}."
        raise InputError(msg)
    if count == 0:
        return np.zeros((len(cells), 0))
    random = np.random.default_rng(0 if seed is None else seed)
    frequency = random.standard_normal((3, count)) * (_EARTH_RADIUS_KM / length_km)
    return np.cos(unit_vectors(cell_centres(cells)) @ frequency + random.uniform(0, 2 * np.pi, count))


def spread_km(cells: npt.NDArray[np.uint64]) -> float:
    """Root mean square distance (chord) of cells from their middle, at least 1 km."""
    unit = unit_vectors(cell_centres(cells))
    return float(max(1.0, _EARTH_RADIUS_KM * np.sqrt(((unit - unit.mean(axis=0)) ** 2).sum(axis=1).mean())))


def _checked(graph: sparse.csr_array, cells: int) -> sparse.csr_array:
    if not sparse.issparse(graph):
        msg = f"The cell graph must be a scipy sparse array, not a {type(graph).__name__}."
        raise InputError(msg)
    if graph.shape != (cells, cells):
        msg = f"The cell graph has shape {graph.shape}, but there are {cells} cells."
        raise InputError(msg)
    matrix = sparse.csr_array(graph)
    if matrix.nnz and not (np.isfinite(matrix.data).all() and matrix.data.min() >= 0):
        msg = "The cell graph's weights must be finite and not negative."
        raise InputError(msg)
    return matrix


def _neighbour_mean(matrix: sparse.csr_array, values: Floats) -> Floats:
    known = ~np.isnan(values)
    # Columns are often missing together; eight cells to the byte are compared several times faster.
    packed = np.packbits(known, axis=0)
    _, first, which = np.unique(packed, axis=1, return_index=True, return_inverse=True)
    weight = (matrix @ known[:, first].astype(float))[:, which.ravel()]
    total = matrix @ np.where(known, values, 0.0)
    return np.divide(total, weight, out=np.full(values.shape, np.nan), where=weight > 0)


def _any_known(table: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray((~np.isnan(table)).any(axis=1))
