"""Folds whose test places lie as far from training as the places to predict do: kNNDM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.cluster.hierarchy import linkage
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.model_selection import BaseCrossValidator

from geolivelihood.errors import InputError
from geolivelihood.progress import checkpoint
from geolivelihood.validation.distances import arc_m, lonlat_of, unit_vectors
from geolivelihood.validation.splits import RandomKFold

__all__ = ["KNNDMKFold", "fold_distances", "prediction_distances", "wasserstein"]

_CANDIDATES = 100
_LEVEL = 0.05
_NEIGHBOURS = 32

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Split = tuple[Ints, Ints]
Metric = Literal["haversine", "euclidean"]


class KNNDMKFold(BaseCrossValidator):
    """Folds that are as hard as the map: k-fold nearest neighbour distance matching.

    Random folds ask for places next door to training, blocks for places a district away. The map may ask
    for either: what matters is how far the places to be predicted lie from the surveyed ones. Here folds are
    sought whose test places have the same distances to the training places of other folds, so that the
    pooled score is an estimate of the error *of this map* [1]_.

    With F the distribution function of nearest-neighbour distances, folds are chosen for the least
    W = ∫ |F(test → training) − F(prediction → training)|. Where the training places are no closer to each
    other than the predictions are to them (one-sided Kolmogorov-Smirnov, p ≥ .05), random folds will do.
    Else the places are clustered (Ward), the tree is cut at up to 100 numbers of groups, and the groups of
    each cut are dealt to the folds along the first principal axis; groups of at least n/k places are folds
    of their own. Score the pooled out-of-fold predictions, and report ``wasserstein_`` beside them.

    Parameters
    ----------
    n_splits
        Number of folds, at least 2.
    targets
        Places to be predicted: points (any CRS), or longitudes and latitudes, degrees, shape (m, 2).
    metric
        ``"haversine"``: places on the earth, distances in metres. ``"euclidean"``: ``X`` and ``targets`` are
        arrays of coordinates in a plane, or of features, shapes (n, d) and (m, d).
    max_share
        Largest share of the places that one fold may test.
    random_state
        Seed of random folds.

    Attributes
    ----------
    wasserstein_
        W of the folds of the last :meth:`split`, metres (or in the units of the coordinates).
    n_clusters_
        Number of groups that were dealt; the number of places for random folds.
    random_
        Whether the folds are random ones.

    Notes
    -----
    Clustering holds all pairs of training places once: 4 n² bytes (125 MB for 5,600, 1.6 GB for 20,000).

    References
    ----------
    .. [1] Linnenbrink et al. (2024), kNNDM CV: k-fold nearest-neighbour distance matching cross-validation
       for map accuracy estimation. Geoscientific Model Development 17, 5897-5912.

    Examples
    --------
    Villages in three valleys, and a map of all the land between. Random folds are 112 km too easy, a valley
    a fold is 253 km too hard:

    >>> rng = np.random.default_rng(0)
    >>> valleys = np.repeat([[30, 0], [34, 1], [32, 4]], 40, axis=0) + rng.normal(0, 0.2, (120, 2))
    >>> land = np.stack(np.meshgrid(np.linspace(29, 35, 40), np.linspace(-1, 5, 40)), -1).reshape(-1, 2)
    >>> wanted = prediction_distances(valleys, land)
    >>> for fold in (np.arange(120) % 3, np.arange(120) // 40):
    ...     print(round(wasserstein(fold_distances(valleys, fold), wanted) / 1000))
    112
    253
    >>> splitter = KNNDMKFold(3, targets=land)
    >>> [len(test) for _, test in splitter.split(valleys)]
    [34, 37, 49]
    >>> print(round(splitter.wasserstein_ / 1000))
    94
    """

    wasserstein_: float
    n_clusters_: int
    random_: bool

    def __init__(
        self,
        n_splits: int = 5,
        *,
        targets: Any,
        metric: Metric = "haversine",
        max_share: float = 0.5,
        random_state: int = 0,
    ) -> None:
        self.n_splits = n_splits
        self.targets = targets
        self.metric = metric
        self.max_share = max_share
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_splits={self.n_splits}, targets={len(self.targets)} places)"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Training and test positions of each fold.

        Parameters
        ----------
        X
            Training places, of the kind of ``targets``.
        y, groups
            Ignored.

        Raises
        ------
        InputError
            If there are fewer than ``n_splits + 2`` places, no target, or no folds within ``max_share``.
        """
        vectors, ahead = _vectors(X, self.metric), _vectors(self.targets, self.metric)
        self._check(len(vectors))
        fold = self._matched(vectors, _to_nearest(vectors, ahead, self.metric))
        return ((np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(self.n_splits))

    def _matched(self, vectors: Floats, wanted: Floats) -> Ints:
        """Fold of each place: the candidate whose distances are nearest to the wanted ones."""
        places = _Places(vectors, self.metric)
        alone = places.to_other_folds(np.arange(len(vectors)))
        closer = ks_2samp(alone, wanted, alternative="greater", method="asymp").pvalue < _LEVEL
        best, least = None, np.inf
        for groups, fold in self._clustered(vectors) if closer else self._drawn(len(vectors)):
            checkpoint()
            missed = wasserstein(places.to_other_folds(fold), wanted)
            if missed < least:
                best, least, self.n_clusters_ = fold, missed, groups
        if best is None:
            msg = (
                f"No grouping keeps every fold within max_share={self.max_share:g} of the {len(vectors)} "
                "places. Raise it: folds of groups are never quite equal."
            )
            raise InputError(msg)
        self.wasserstein_, self.random_ = least, not closer
        return best

    def _drawn(self, n: int) -> Iterator[tuple[int, Ints]]:
        """Random folds: every place is a group of its own."""
        fold = np.empty(n, dtype=np.intp)
        for k, (_, test) in enumerate(RandomKFold(self.n_splits, random_state=self.random_state).split(fold)):
            fold[test] = k
        yield n, fold

    def _clustered(self, vectors: Floats) -> Iterator[tuple[int, Ints]]:
        """Number of groups and fold of each place, for every cut of the tree that keeps ``max_share``."""
        n = len(vectors)
        position, tree = _along_first_axis(vectors), linkage(vectors, "ward")
        sizes = np.geomspace(self.n_splits, n - 2, _CANDIDATES).round().astype(np.intp)
        for q in np.unique(sizes):
            fold = _dealt_along(position, _cut(tree, int(q)), self.n_splits)
            if np.bincount(fold).max() <= self.max_share * n:
                yield int(q), fold

    def _check(self, n: int) -> None:
        if not 2 <= self.n_splits <= n - 2:
            msg = f"n_splits={self.n_splits} with {n} places: give a number of folds from 2 to n − 2."
            raise InputError(msg)
        if not 1 / self.n_splits <= self.max_share <= 1:
            msg = f"max_share={self.max_share:g}: give a share from 1 / n_splits to 1."
            raise InputError(msg)


def prediction_distances(train: Any, targets: Any, *, metric: Metric = "haversine") -> Floats:
    """Distance from each place to be predicted to the nearest training place, shape (m,).

    Parameters
    ----------
    train, targets, metric
        As in :class:`KNNDMKFold`.

    Returns
    -------
    numpy.ndarray
        Metres along the ground, or the units of the coordinates.
    """
    return _to_nearest(_vectors(train, metric), _vectors(targets, metric), metric)


def fold_distances(train: Any, fold: npt.ArrayLike, *, metric: Metric = "haversine") -> Floats:
    """Distance from each training place to the nearest one of another fold, shape (n,).

    Parameters
    ----------
    train, metric
        As in :class:`KNNDMKFold`.
    fold
        Fold that tests each place, shape (n,). ``np.arange(n)`` gives the distance to the nearest other
        place, whatever its fold.

    Returns
    -------
    numpy.ndarray
        Metres along the ground, or the units of the coordinates.

    Raises
    ------
    InputError
        If the lengths differ or all places are in one fold.
    """
    vectors, labels = _vectors(train, metric), np.asarray(fold)
    if labels.shape != (len(vectors),) or len(np.unique(labels)) < 2:
        msg = f"fold has shape {labels.shape} for {len(vectors)} places: give one each, of two folds or more."
        raise InputError(msg)
    return _Places(vectors, metric).to_other_folds(labels)


def wasserstein(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """First Wasserstein distance of two samples, ∫ |F_a − F_b|, in their unit.

    Examples
    --------
    >>> print(round(wasserstein([1, 1, 4], [1, 2, 3]), 6))
    0.666667
    """
    return float(wasserstein_distance(a, b))


class _Places:
    """Training places with their nearest neighbours, looked up once for all candidate folds."""

    def __init__(self, vectors: Floats, metric: Metric) -> None:
        self.vectors, self.metric = vectors, metric
        wanted = np.arange(1, min(_NEIGHBOURS, len(vectors)) + 1)
        self.distance, self.neighbour = KDTree(vectors).query(vectors, k=wanted, workers=-1)

    def to_other_folds(self, fold: npt.NDArray) -> Floats:
        """Distance from each place to the nearest one of another fold."""
        other = fold[self.neighbour] != fold[:, None]
        found = self.distance[np.arange(len(fold)), other.argmax(axis=1)]
        inside = ~other.any(axis=1)
        for k in np.unique(fold[inside]):
            lost = inside & (fold == k)
            found[lost] = KDTree(self.vectors[fold != k]).query(self.vectors[lost], workers=-1)[0]
        return _ground(found, self.metric)


def _vectors(places: Any, metric: Metric) -> Floats:
    """Points between which the straight line grows with the distance."""
    if metric not in ("haversine", "euclidean"):
        msg = f"metric={metric!r}: use 'haversine' (places on the earth) or 'euclidean' (a plane, features)."
        raise InputError(msg)
    if not len(places):
        msg = "There are no places. Give at least one row."
        raise InputError(msg)
    if metric == "haversine":
        return unit_vectors(lonlat_of(places))
    values = np.asarray(places)
    if values.ndim != 2 or values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        msg = (
            f"Euclidean coordinates are finite numbers of shape (n, d), not a {type(places).__name__} of "
            f"shape {np.shape(places)}. Give an array, or metric='haversine' for places on the earth."
        )
        raise InputError(msg)
    return values.astype(float)


def _to_nearest(rows: Floats, points: Floats, metric: Metric) -> Floats:
    if rows.shape[1] != points.shape[1]:
        msg = f"Training places have {rows.shape[1]} coordinates, targets {points.shape[1]}. Give the same."
        raise InputError(msg)
    return _ground(KDTree(rows).query(points, workers=-1)[0], metric)


def _ground(distance: Floats, metric: Metric) -> Floats:
    return arc_m(distance) if metric == "haversine" else distance


def _along_first_axis(vectors: Floats) -> Floats:
    """Position of each place on the first principal axis, whose largest loading is positive."""
    centred = vectors - vectors.mean(axis=0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    return centred @ (axis * np.sign(axis[np.abs(axis).argmax()]))


def _cut(tree: Floats, groups: int) -> Ints:
    """Group of each leaf once all but the last ``groups − 1`` merges of a linkage are made."""
    n = len(tree) + 1
    merges = n - groups
    below, above = tree[:merges, :2].astype(np.intp), np.arange(n, n + merges)
    links = sparse.coo_array(
        (np.ones(2 * merges), (below.T.ravel(), np.tile(above, 2))), shape=(2 * n - 1, 2 * n - 1)
    )
    component = connected_components(links, directed=False)[1][:n]
    return np.unique(component, return_inverse=True)[1]


def _dealt_along(position: Floats, group: Ints, n_splits: int) -> Ints:
    """Fold of each place: large groups alone, the others in turn as they lie along the axis."""
    size = np.bincount(group)
    order = np.argsort(np.bincount(group, position) / size, kind="stable")
    large = size[order] * n_splits >= len(group)
    alone, rest = order[large], order[~large]
    fold = np.empty(len(size), dtype=np.intp)
    fold[alone] = np.arange(len(alone))
    if len(rest):
        fold[rest] = len(alone) + np.arange(len(rest)) % (n_splits - len(alone))
    return fold[group]
