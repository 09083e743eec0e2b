"""Published edges between the photos of one cluster, as dense matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.graphs.edges import pair_km
from geolivelihood.graphs.neighbours import unit_vectors

__all__ = ["EDGES", "MAX_KM", "inverse_distance", "object_similarity", "random_edges", "slices"]

EDGES = ("inv", "none", "obj_sim")
"""Inverse distance, random, and inverse distance with one slice per object class."""

MAX_KM = 19.890915
"""The largest distance within a published cluster: an edge is 1 − d / MAX_KM."""

CLASSES = 66  # 65 kinds of objects, and void

Singles = npt.NDArray[np.float32]


def slices(edges: str) -> int:
    """Number L of adjacency matrices of a kind of edges.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    if edges not in EDGES:
        msg = f"edges={edges!r}: give one of {', '.join(EDGES)}."
        raise InputError(msg)
    return 1 + CLASSES if edges == "obj_sim" else 1


def inverse_distance(lonlat: npt.ArrayLike) -> Singles:
    """1 − d / 19.890915 km between all photos; 1 on the diagonal, negative beyond, not normalised.

    Parameters
    ----------
    lonlat
        Longitude and latitude, degrees, shape (n, 2). Distances are haversine, R = 6371 km.

    Returns
    -------
    numpy.ndarray
        float32, shape (n, n).
    """
    return np.float32(1) - pair_km(unit_vectors(lonlat)) / np.float32(MAX_KM)


def random_edges(nodes: int, *, seed: tuple[int, ...]) -> Singles:
    """Independent uniform weights on all pairs, padding and diagonal included, not symmetric."""
    return np.random.default_rng(seed).random((nodes, nodes), dtype=np.float32)


def object_similarity(counts: npt.ArrayLike) -> Singles:
    """How many objects of a class two photos share, a slice per class, over the cluster's largest.

    Parameters
    ----------
    counts
        Objects per photo and class with void apart, shape (n, 66).

    Returns
    -------
    numpy.ndarray
        min(count_i, count_j) of each class over the largest of the cluster, float32, shape (n, 66, n); all
        0 where nothing was detected.
    """
    table = np.asarray(counts, dtype=np.float32)
    if table.ndim != 2 or table.shape[1] != CLASSES:
        msg = f"counts have shape {table.shape}; give (photos, {CLASSES}), void in the last column."
        raise InputError(msg)
    shared = np.minimum(table[:, :, None], table.T[None])
    return np.asarray(shared / max(table.max(initial=0.0), 1.0), dtype=np.float32)
