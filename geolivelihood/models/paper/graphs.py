"""Clusters as dense graphs of one size, made batch by batch."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.models.paper.counts import frobenius
from geolivelihood.models.paper.edges import inverse_distance, object_similarity, random_edges, slices

__all__ = ["NODES", "VERTICES", "DenseBatch", "DenseGraphs", "sample_photos"]

NODES = 200
"""Nodes that every graph is padded to."""

VERTICES = ("feats", "obj", "both")
"""Node features: of the network, object counts, or both."""


class DenseBatch(NamedTuple):
    """Inputs of the network: V (B, N, F), A (B, N, L, N), and which nodes are real (B, N)."""

    nodes: Tensor
    adjacency: Tensor
    real: Tensor


def sample_photos(
    order: npt.NDArray[np.int64], starts: npt.NDArray[np.int64], keys: Sequence[str], *, most: int, seed: int
) -> list[npt.NDArray[np.int64]]:
    """At most so many photos of each cluster, drawn once, before anything is made of them.

    The published code fills nodes and edges of a large cluster from different photos; here both come from
    the same ones.

    Parameters
    ----------
    order, starts
        Photos of cluster i are ``order[starts[i]:starts[i + 1]]``, as in
        :class:`~geolivelihood.graphs.Groups`.
    keys
        Name of each cluster; the draw of a cluster depends on its name and the seed alone.
    most
        Largest number of photos.
    seed
        Seed of the draws.

    Returns
    -------
    list of numpy.ndarray
        Photos of each cluster, in table order.
    """
    found = []
    for key, first, last in zip(keys, starts[:-1], starts[1:]):
        rows = order[first:last]
        if len(rows) > most:
            random = np.random.default_rng([seed, zlib.crc32(str(key).encode())])
            rows = rows[np.sort(random.choice(len(rows), most, replace=False))]
        found.append(rows)
    return found


class DenseGraphs:
    """The graphs of some clusters, padded to ``nodes`` when a batch of them is asked for.

    A padded graph of 200 nodes takes 160 kB of edges (11 MB with object similarities), so that thousands of
    them are better made anew than kept.

    Parameters
    ----------
    photos
        Rows of the photos of each cluster (see :func:`sample_photos`), at least one and at most ``nodes``.
    lonlat
        Longitude and latitude of every photo, degrees, shape (photos, 2).
    features
        Features of every photo, shape (photos, 512); may be ``None`` for ``vertices="obj"``.
    counts
        Published counts of every photo, shape (photos, 65); may be ``None`` for ``vertices="feats"``.
    classes
        Counts with void apart, shape (photos, 66), for ``edges="obj_sim"``.
    vertices
        ``feats``, ``obj`` (raw counts), or ``both`` (counts over the Frobenius norm of the cluster's).
    edges
        ``inv``, ``none`` (random) or ``obj_sim``.
    nodes
        Size of every graph.
    seed
        Seed of random edges; those of a graph stay the same in every batch.
    keys
        Name of each cluster. Random edges of a cluster depend on its name and the seed alone, so that those
        of training graph i are not those of validation graph i. Needed for ``edges="none"``.
    """

    def __init__(
        self,
        photos: Sequence[npt.NDArray[np.int64]],
        lonlat: npt.NDArray[np.float64],
        *,
        features: npt.NDArray[np.float32] | None = None,
        counts: npt.NDArray[np.float32] | None = None,
        classes: npt.NDArray[np.float32] | None = None,
        vertices: str = "both",
        edges: str = "inv",
        nodes: int = NODES,
        seed: int = 0,
        keys: Sequence[str] = (),
    ) -> None:
        self.slices = slices(edges)
        _check_parts(vertices, features, counts, classes if edges == "obj_sim" else ())
        sizes = np.array([len(rows) for rows in photos])
        if len(sizes) and (sizes.min() < 1 or sizes.max() > nodes):
            msg = f"Clusters have {sizes.min()} to {sizes.max()} photos; give 1 to {nodes}, sampled before."
            raise InputError(msg)
        if len(keys) != len(photos) and (keys or edges == "none"):
            msg = (
                f"{len(keys)} keys for {len(photos)} clusters: random edges are drawn by the cluster's name."
            )
            raise InputError(msg)
        self.chance = [zlib.crc32(str(key).encode()) for key in keys]
        self.photos, self.lonlat = list(photos), lonlat
        nothing = np.empty((0, 0), dtype=np.float32)
        self.features = nothing if features is None else features
        self.counts = nothing if counts is None else counts
        self.classes = nothing if classes is None else classes
        self.vertices, self.edges, self.nodes, self.seed = vertices, edges, nodes, seed

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def width(self) -> int:
        """Features per node."""
        return self._vertices(self.photos[0][:1]).shape[1]

    def batch(self, which: npt.NDArray[np.int64]) -> DenseBatch:
        """Padded tensors of some graphs."""
        shape = len(which), self.nodes
        values = np.zeros((*shape, self.width), dtype=np.float32)
        links = np.zeros((*shape, self.slices, self.nodes), dtype=np.float32)
        real = np.zeros(shape, dtype=bool)
        # A loop over graphs: each has its own size and its own distances.
        for place, graph in enumerate(which):
            rows = self.photos[graph]
            values[place, : len(rows)] = self._vertices(rows)
            real[place, : len(rows)] = True
            self._fill(links[place], int(graph), rows)
        return DenseBatch(*map(torch.from_numpy, (values, links, real)))

    def _vertices(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        if self.vertices == "obj":
            return self.counts[rows]
        if self.vertices == "feats":
            return self.features[rows]
        return np.concatenate([self.features[rows], frobenius(self.counts[rows])], axis=1)

    def _fill(self, links: npt.NDArray[np.float32], graph: int, rows: npt.NDArray[np.int64]) -> None:
        n = len(rows)
        if self.edges == "none":
            links[:, 0] = random_edges(self.nodes, seed=(self.seed, self.chance[graph]))
            return
        links[:n, 0, :n] = inverse_distance(self.lonlat[rows])
        if self.edges == "obj_sim":
            links[:n, 1:, :n] = object_similarity(self.classes[rows])


def _check_parts(vertices: str, features: object, counts: object, classes: object) -> None:
    if vertices not in VERTICES:
        msg = f"vertices={vertices!r}: give one of {', '.join(VERTICES)}."
        raise InputError(msg)
    needs = {
        "features": features is None and vertices != "obj",
        "counts": counts is None and vertices != "feats",
        "classes": classes is None,
    }
    lacking = [name for name, missing in needs.items() if missing]
    if lacking:
        msg = f"Graphs of {vertices!r} need {' and '.join(lacking)}, shape (photos, ...)."
        raise InputError(msg)
