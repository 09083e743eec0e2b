"""Nearest places on the earth, found on the unit sphere.

Longitudes and latitudes become points of a three-dimensional sphere, where the straight chord grows with the
distance along the ground. A k-d tree of chords therefore finds geodesic neighbours, with no trouble at the
antimeridian or the poles.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from geolivelihood import sphere
from geolivelihood.errors import InputError
from geolivelihood.sphere import EARTH_RADIUS_M

__all__ = ["EARTH_RADIUS_M", "Links", "geodesic_m", "knn", "radius", "unit_vectors"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# Farther than any chord of the unit sphere (2): keeps groups apart in the fourth dimension of the tree.
_APART = 4.0
# From here on a search in two steps pays.
_MANY = 20_000


class Links(NamedTuple):
    """Directed links between places: positions of both ends and the distance in metres."""

    source: Rows
    target: Rows
    distance_m: Floats


def knn(points: npt.ArrayLike, *, k: int, groups: npt.ArrayLike | None = None) -> Links:
    """Link each place to its ``k`` nearest others.

    Parameters
    ----------
    points
        Longitude and latitude, degrees, shape (n, 2).
    k
        Number of neighbours, at least 1; fewer where there are not so many others. Places at the same
        point are neighbours at distance 0.
    groups
        Optional whole numbers, shape (n,): only places of one group are neighbours (the photos of a
        cluster; thousands of clusters cost one search).

    Returns
    -------
    Links
        ``source``, ``target``, ``distance_m``; sorted by source, nearest first.

    Raises
    ------
    InputError
        If the shape is wrong, a coordinate is not finite, or ``k`` is less than 1.
    """
    if k < 1:
        msg = f"k={k}: ask for at least one neighbour."
        raise InputError(msg)
    place = _places(points, groups)
    n = len(place)
    most = min(k + 1, n)
    if most < 2:
        return _nothing()
    # Places in the order of the tree's leaves lie together in memory: half the time of the search.
    order = cKDTree(place, balanced_tree=False, compact_nodes=False).indices
    place = place[order]
    distance, target = _nearest(cKDTree(place, balanced_tree=False, compact_nodes=False), place, most)
    itself = target == np.arange(n)[:, None]
    # Among many coincident places a place may miss itself; then it is the last of the list that goes.
    itself[~itself.any(axis=1), -1] = True
    shape = (n, most - 1)
    back = np.empty(n, np.int64)
    back[order] = np.arange(n)
    distance, target = distance[~itself].reshape(shape)[back], order[target[~itself].reshape(shape)[back]]
    if groups is None:
        return Links(np.repeat(np.arange(n), most - 1), target.ravel(), sphere.arc_m(distance.ravel()))
    kept = distance <= 2.0
    source = np.repeat(np.arange(n), kept.sum(axis=1))
    return Links(source, target[kept], sphere.arc_m(distance[kept]))


def radius(points: npt.ArrayLike, *, distance_m: float, groups: npt.ArrayLike | None = None) -> Links:
    """Link each place to all others within a distance; places without any stay unlinked.

    Parameters
    ----------
    points
        Longitude and latitude, degrees, shape (n, 2).
    distance_m
        Largest distance along the ground, metres.
    groups
        As in :func:`knn`.

    Returns
    -------
    Links
        Both directions of every pair, sorted by source and target.

    Raises
    ------
    InputError
        If the shape is wrong, a coordinate is not finite, or the distance is not positive.
    """
    if not distance_m > 0:
        msg = f"distance_m={distance_m}: give a positive distance in metres."
        raise InputError(msg)
    place = _places(points, groups)
    if len(place) < 2:
        return _nothing()
    pairs = cKDTree(place).query_pairs(sphere.chord(distance_m), output_type="ndarray").astype(np.int64)
    length = np.linalg.norm(place[pairs[:, 0]] - place[pairs[:, 1]], axis=1)
    source = np.concatenate([pairs[:, 0], pairs[:, 1]])
    target = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.lexsort([target, source])
    return Links(source[order], target[order], sphere.arc_m(np.tile(length, 2)[order]))


def geodesic_m(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Great-circle distance in metres between places (longitude, latitude in degrees; shapes (..., 2))."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    difference = sphere.unit_vectors(a) - sphere.unit_vectors(b)
    return sphere.arc_m(np.linalg.norm(difference, axis=-1))


def unit_vectors(points: npt.ArrayLike) -> Floats:
    """Points on the unit sphere, shape (n, 3), from longitudes and latitudes in degrees, shape (n, 2).

    Raises
    ------
    InputError
        If the shape is wrong or a coordinate is not finite.
    """
    lonlat = np.asarray(points, dtype=float)
    if lonlat.size == 0:
        return np.empty((0, 3))
    if lonlat.ndim != 2 or lonlat.shape[1] != 2:
        msg = f"Places have shape (n, 2), longitude and latitude in degrees; got {lonlat.shape}."
        raise InputError(msg)
    bad = ~(np.isfinite(lonlat).all(axis=1) & (np.abs(lonlat[:, 1]) <= 90))
    if bad.any():
        some = ", ".join(map(str, np.flatnonzero(bad)[:5]))
        msg = f"{bad.sum()} of {len(bad)} places have no usable longitude and latitude (rows {some})."
        raise InputError(msg)
    return sphere.unit_vectors(lonlat)


def _places(points: npt.ArrayLike, groups: npt.ArrayLike | None) -> Floats:
    place = unit_vectors(points)
    if groups is None:
        return place
    return np.column_stack([place, _APART * np.asarray(groups, dtype=float)])


def _nearest(tree: cKDTree, place: Floats, k: int) -> tuple[Floats, Rows]:
    """The ``k`` nearest, a place itself among them."""
    if len(place) < _MANY:
        return tree.query(place, k=k, workers=-1)
    # A bound that nearly all places keep spares the search most branches; the others are asked again.
    bound = 1.5 * float(tree.query(place[:: len(place) // 1000], k=k)[0].max())
    distance, target = tree.query(place, k=k, workers=-1, distance_upper_bound=bound)
    few = np.flatnonzero(np.isinf(distance[:, -1]))
    if len(few):
        distance[few], target[few] = tree.query(place[few], k=k, workers=-1)
    return distance, target


def _nothing() -> Links:
    return Links(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
