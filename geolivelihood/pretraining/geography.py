"""Where pictures lie as something to predict: clusters of places, H3 cells, and how far apart they are.

The published recipe clusters latitudes and longitudes as if degrees were plane coordinates, which tears the
Pacific apart and stretches the poles. Here places are unit vectors, or H3 cells at several resolutions.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.cells.index import cell_names, lonlat_cells
from geolivelihood.errors import InputError
from geolivelihood.sphere import arc_m, unit_vectors

__all__ = [
    "GeoHead",
    "GeoLabels",
    "GeoLevel",
    "cell_labels",
    "degree_labels",
    "geo_loss",
    "nearest_labels",
    "sphere_labels",
    "spherical_mean",
]

Floats = npt.NDArray[np.float64]
# Fewer places than this per cluster, and a cluster is a place's name rather than a region.
_PLACES_PER_CLUSTER = 5
_SWEEPS = 100


class GeoLevel(NamedTuple):
    """One division of the earth into classes.

    Attributes
    ----------
    centroids
        Longitude and latitude of each class, degrees WGS84, shape (classes, 2).
    names
        H3 cells of the classes, or ``None`` for clusters.
    """

    centroids: Floats
    names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class GeoLabels:
    """Classes of the pictures at one or several levels, and what they stand for.

    Attributes
    ----------
    labels
        Class of each picture at each level, int64 (rows, levels).
    levels
        What the classes of each level are; they go into the card, so that the head can be used elsewhere.
    kind
        ``"sphere"``, ``"degrees"`` or ``"cells"``.
    bandwidth_m
        Where it is given, a picture belongs to its class and, the less the farther, to the others too.
    """

    labels: npt.NDArray[np.int64]
    levels: tuple[GeoLevel, ...]
    kind: Literal["sphere", "degrees", "cells"]
    bandwidth_m: float | None = None

    @property
    def classes(self) -> tuple[int, ...]:
        """Number of classes at each level."""
        return tuple(len(level.centroids) for level in self.levels)

    def smoothing(self) -> list[Floats] | None:
        """Weight of each class (columns) for pictures of each class (rows), by level; rows sum to 1.

        exp(-d²/2b²) of the great-circle distance d between centroids; ``None`` without ``bandwidth_m``.
        """
        if self.bandwidth_m is None:
            return None
        weights = []
        for level in self.levels:
            vectors = unit_vectors(level.centroids)
            apart = arc_m(np.linalg.norm(vectors[:, None] - vectors[None], axis=-1))
            near = np.exp(-0.5 * (apart / self.bandwidth_m) ** 2)
            weights.append(near / near.sum(axis=1, keepdims=True))
        return weights

    def card(self) -> dict[str, Any]:
        """What the classes are, as JSON."""
        levels = [
            {"centroids": np.round(level.centroids, 6).tolist()}
            | ({} if level.names is None else {"cells": list(level.names)})
            for level in self.levels
        ]
        return {"kind": self.kind, "bandwidth_m": self.bandwidth_m, "levels": levels}


def sphere_labels(
    lonlat: npt.ArrayLike, *, clusters: int = 100, bandwidth_m: float | None = None, seed: int = 0
) -> GeoLabels:
    """Clusters of places on the sphere: k-means on unit vectors with centroids on the sphere [1]_.

    Places count, not pictures: one that was photographed often weighs no more.

    Parameters
    ----------
    lonlat
        Degrees WGS84, shape (rows, 2).
    clusters
        Number of classes; reduced, with a warning, to a fifth of the distinct places.
    bandwidth_m
        Of labels that are smoothed by distance; ``None`` for plain classes.
    seed
        Of the first centroids.

    Raises
    ------
    InputError
        If a coordinate is missing or out of range, or there are fewer than two places.

    References
    ----------
    .. [1] Dhillon & Modha (2001), "Concept decompositions for large sparse text data", Machine Learning 42.
    """
    degrees = _checked(lonlat)
    vectors = unit_vectors(degrees)
    places = unit_vectors(np.unique(degrees, axis=0))
    k = _borne(clusters, len(places))
    start = KMeans(k, n_init=4, random_state=seed).fit(places).cluster_centers_
    centres = _swept(places, _normalised(start))
    labels = cKDTree(centres).query(vectors)[1]
    return GeoLabels(
        labels[:, None].astype(np.int64), (GeoLevel(_degrees(centres)),), "sphere", _width(bandwidth_m)
    )


def degree_labels(lonlat: npt.ArrayLike, *, clusters: int = 100, seed: int = 0) -> GeoLabels:
    """Clusters as published: k-means on latitude and longitude in degrees, every picture counting [1]_.

    Parameters
    ----------
    lonlat
        Degrees WGS84, shape (rows, 2).
    clusters
        Number of classes.
    seed
        Of the first centroids.

    Raises
    ------
    InputError
        If a coordinate is missing or out of range, or there are fewer distinct places than clusters.

    References
    ----------
    .. [1] Ayush et al. (2021), Geography-Aware Self-Supervised Learning, ICCV, section 4.3.
    """
    degrees = _checked(lonlat)
    distinct = len(np.unique(degrees, axis=0))
    if distinct < clusters:
        msg = f"clusters={clusters}, but the pictures lie at {distinct} places: choose at most {distinct}."
        raise InputError(msg)
    found = KMeans(clusters, n_init=4, random_state=seed).fit(degrees)
    level = GeoLevel(found.cluster_centers_.astype(float))
    return GeoLabels(found.labels_[:, None].astype(np.int64), (level,), "degrees")


def cell_labels(
    lonlat: npt.ArrayLike, *, resolutions: Sequence[int] = (0, 1, 2), bandwidth_m: float | None = None
) -> GeoLabels:
    """H3 cells at several resolutions, the coarse ones parents of the fine: the losses of all are summed.

    Parameters
    ----------
    lonlat
        Degrees WGS84, shape (rows, 2).
    resolutions
        H3 resolutions; only cells that hold a picture are classes.
    bandwidth_m
        Of labels that are smoothed by distance; ``None`` for plain classes.

    Raises
    ------
    InputError
        If a coordinate is missing or out of range, or all pictures lie in one cell even at the finest.
    """
    degrees = _checked(lonlat)
    vectors = unit_vectors(degrees)
    if not resolutions:
        msg = "resolutions=(): give at least one H3 resolution, 0 to 15."
        raise InputError(msg)
    columns, levels = [], []
    for resolution in sorted(set(resolutions)):
        cells, label = np.unique(
            lonlat_cells(degrees[:, 0], degrees[:, 1], resolution=resolution), return_inverse=True
        )
        if len(cells) < 2:
            continue  # one class tells nothing
        sums = _sums(vectors, label, len(cells))
        levels.append(GeoLevel(_degrees(_normalised(sums)), tuple(cell_names(cells).tolist())))
        columns.append(label.astype(np.int64))
    if not levels:
        msg = (
            f"All pictures lie in one H3 cell at resolutions {tuple(resolutions)}: there is no geography to "
            "learn. Choose finer resolutions, or train with geo=None."
        )
        raise InputError(msg)
    return GeoLabels(np.stack(columns, axis=1), tuple(levels), "cells", _width(bandwidth_m))


def nearest_labels(lonlat: npt.ArrayLike, level: GeoLevel) -> npt.NDArray[np.int64]:
    """Class of new places: that of the nearest centroid on the sphere, int64 (rows,)."""
    tree = cKDTree(unit_vectors(level.centroids))
    return tree.query(unit_vectors(_checked(lonlat)))[1].astype(np.int64)


def spherical_mean(lonlat: npt.ArrayLike) -> tuple[float, float]:
    """Longitude and latitude of the mean of places on the sphere, degrees.

    Examples
    --------
    >>> lon, lat = spherical_mean([(179, 10), (-179, 12), (178, 8)])
    >>> round(lon, 6), round(lat, 6)
    (179.327071, 10.002318)
    """
    lon, lat = _degrees(unit_vectors(_checked(lonlat)).sum(axis=0, keepdims=True))[0]
    return float(lon), float(lat)


class GeoHead(nn.Module):
    """From the features of a query, before they are normalised, to classes: ReLU, then one linear map.

    Parameters
    ----------
    dim
        Length of the features.
    classes
        Number of classes at each level.
    """

    def __init__(self, dim: int, classes: Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.linear = nn.Linear(dim, sum(classes))

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Logits per level, each (n, classes), of features (n, dim)."""
        return self.linear(functional.relu(features)).split(self.classes, dim=1)


def geo_loss(
    logits: Sequence[Tensor], labels: Tensor, smoothing: Sequence[Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the classes, summed over levels, and the accuracy at the finest level.

    Parameters
    ----------
    logits
        Per level, (n, classes).
    labels
        Classes, int64 (n, levels).
    smoothing
        Per level, the distribution (classes, classes) over classes for pictures of each class.

    Returns
    -------
    loss, accuracy
        One number each; the accuracy in 0-1.
    """
    total = logits[0].new_zeros((), dtype=torch.promote_types(logits[0].dtype, torch.float32))
    for level, values in enumerate(logits):
        label = labels[:, level]
        target = label if smoothing is None else smoothing[level][label]
        total = total + functional.cross_entropy(values.to(total.dtype), target)
    return total, (logits[-1].argmax(dim=1) == labels[:, -1]).float().mean()


def _checked(lonlat: npt.ArrayLike) -> Floats:
    degrees = np.asarray(lonlat, dtype=float)
    if degrees.ndim != 2 or degrees.shape[1] != 2 or not len(degrees):
        msg = f"lonlat has shape {degrees.shape}; it must be (rows, 2): longitude and latitude in degrees."
        raise InputError(msg)
    missing = ~np.isfinite(degrees).all(axis=1)
    outside = ~missing & ((np.abs(degrees[:, 0]) > 360) | (np.abs(degrees[:, 1]) > 90))
    bad = np.flatnonzero(missing | outside)
    if len(bad):
        msg = (
            f"{len(bad)} of {len(degrees)} pictures have no usable coordinates (the first in row {bad[0]}: "
            f"{degrees[bad[0], 0]:g}, {degrees[bad[0], 1]:g}). Geography cannot be learned from them: leave "
            "them out, or train without it (geo=None)."
        )
        raise InputError(msg)
    return degrees


def _borne(clusters: int, places: int) -> int:
    """The number of clusters that so many places bear."""
    if clusters < 2 or places < 2:
        msg = f"clusters={clusters} of {places} places: at least 2 of each are needed to tell them apart."
        raise InputError(msg)
    most = max(2, places // _PLACES_PER_CLUSTER)
    if clusters > most:
        msg = (
            f"clusters={clusters} is reduced to {most}: the pictures lie at {places} places, and a cluster "
            f"of fewer than {_PLACES_PER_CLUSTER} is hardly a region."
        )
        warnings.warn(msg, stacklevel=3)
    return min(clusters, most)


def _swept(vectors: Floats, centres: Floats) -> Floats:
    """Lloyd's sweeps with centroids that are put back on the sphere, until no place changes its cluster."""
    before = None
    for _ in range(_SWEEPS):
        label = cKDTree(centres).query(vectors)[1]
        if before is not None and (label == before).all():
            break
        before = label
        sums = _sums(vectors, label, len(centres))
        empty = np.linalg.norm(sums, axis=1) < 1e-9
        centres = _normalised(np.where(empty[:, None], centres, sums))
    return centres


def _sums(vectors: Floats, label: npt.NDArray[Any], classes: int) -> Floats:
    """Sum of the vectors of each class, shape (classes, 3)."""
    sums = [np.bincount(label, weights=axis, minlength=classes) for axis in vectors.T]
    return np.stack(sums, axis=1).astype(np.float64)


def _normalised(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-300)


def _degrees(vectors: Floats) -> Floats:
    x, y, z = vectors.T
    return np.degrees(np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1))


def _width(bandwidth_m: float | None) -> float | None:
    if bandwidth_m is not None and not bandwidth_m > 0:
        msg = f"bandwidth_m={bandwidth_m}: give a distance in metres above 0, or None for plain classes."
        raise InputError(msg)
    return bandwidth_m
