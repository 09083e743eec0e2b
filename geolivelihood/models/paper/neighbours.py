"""Published baselines that look at no picture: the coin, and the average of the neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats, check_target

__all__ = ["average_neighbours", "coin_flips", "pooled_clusters"]

_AT_ONCE = 512  # queries; 7,117 distances each: 29 MB


def coin_flips(clusters: int, *, seed: int) -> npt.NDArray[np.int64]:
    """A fair coin per cluster: 0 or 1, shape (clusters,)."""
    return np.random.default_rng(seed).integers(0, 2, clusters)


def average_neighbours(
    train: npt.ArrayLike,
    y: npt.ArrayLike,
    photos: npt.ArrayLike,
    query: npt.ArrayLike,
    *,
    k: int = 1000,
    classes: bool = False,
) -> Floats:
    """Mean of the k nearest photo rows in degrees, as published: about ten clusters.

    Every photo of a cluster stands at its cluster and carries its label, so the rows of a cluster count
    together: the nearest clusters, each by its number of photos, until k are full. That is the same answer
    as a search among all rows, without them.

    Parameters
    ----------
    train, query
        Longitude and latitude of training clusters and of those asked for, shape (n, 2). Distances are
        Euclidean in degrees, which is what was published and is no distance on the ground.
    y
        Label of each training cluster; 0 or 1 for classes.
    photos
        Number of photos of each training cluster.
    k
        Photo rows; all, where there are fewer.
    classes
        Take the class of most rows (ties: 0) instead of the mean.

    Returns
    -------
    numpy.ndarray
        One prediction per query.

    Raises
    ------
    InputError
        If k is less than 1, or a cluster has a negative number of photos.
    """
    places, asked = np.asarray(train, dtype=float), np.asarray(query, dtype=float)
    labels = check_target(y, rows=len(places), least=1)
    size = np.asarray(photos, dtype=np.int64)
    if k < 1 or size.shape != labels.shape or (size < 0).any() or not size.sum():
        msg = f"k={k} photo rows of {size.sum()}: give k of at least 1 and a number of photos per cluster."
        raise InputError(msg)
    wanted = min(k, int(size.sum()))
    parts = np.array_split(asked, max(1, -(-len(asked) // _AT_ONCE)))
    means = np.concatenate([_means(places, labels, size, part, wanted) for part in parts])
    return (means > 0.5).astype(float) if classes else means


def _means(places: Floats, labels: Floats, size: npt.NDArray[np.int64], asked: Floats, k: int) -> Floats:
    order = np.argsort(cdist(asked, places), axis=1, kind="stable")
    rows = size[order]
    before = np.cumsum(rows, axis=1) - rows
    taken = np.clip(k - before, 0, rows)
    return (taken * labels[order]).sum(axis=1) / k


def pooled_clusters(train: Mapping[str, Sequence[str]], *, share: float, seed: int) -> dict[str, list[str]]:
    """The training clusters of a model of several countries: the same share of each.

    Parameters
    ----------
    train
        Training clusters by country.
    share
        Share of each country that is drawn, 0.5 or 1 as published.
    seed
        Seed of the draw; a country's draw does not depend on the others.

    Returns
    -------
    dict
        Clusters by country, in the order given.

    Raises
    ------
    InputError
        If ``share`` is not in (0, 1].
    """
    if not 0 < share <= 1:
        msg = f"share={share}: give a share above 0 and at most 1."
        raise InputError(msg)
    found = {}
    for country, ids in train.items():
        random = np.random.default_rng([seed, *country.encode()])
        drawn = random.permutation(len(ids))[: max(1, round(share * len(ids)))]
        found[country] = [ids[row] for row in np.sort(drawn)]
    return found
