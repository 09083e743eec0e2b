"""The photos of each survey cluster as one graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple, get_args, overload

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
import torch
from torch_geometric.data import Data

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.graphs.edges import (
    KERNELS,
    Kernel,
    Normalise,
    chance_weights,
    complete_edges,
    kernel_weights,
    normalised,
    pair_km,
    typical_km,
)
from geolivelihood.graphs.neighbours import knn, radius, unit_vectors

__all__ = ["ClusterGraphs", "Groups", "cluster_graphs", "cluster_rows"]

Edges = Literal[
    "inverse_distance", "exponential", "gaussian", "reciprocal", "knn", "radius", "identity", "random"
]

_GRAPHS_AT_ONCE = 64  # dense ones of 150 photos: 6 MB


class Groups(NamedTuple):
    """Rows of a table by key: those of ``keys[i]`` are ``order[starts[i]:starts[i + 1]]``, in table order."""

    keys: pd.Index
    order: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Rule:
    """How the edges of every graph are weighed."""

    kernel: Kernel
    max_km: float
    bandwidth_km: float | None
    epsilon_km: float
    normalise: Normalise | None
    seed: int | None = None  # of weights by chance, instead of the kernel's

    def weigh(
        self, distance_km: npt.NDArray[np.floating], *, out: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        width = self.bandwidth_km or 1.0
        if self.bandwidth_km is None and self.kernel in ("exponential", "gaussian"):
            dense = distance_km.ndim == 2
            others = distance_km[~np.eye(len(distance_km), dtype=bool)] if dense else distance_km
            width = typical_km(others)
        return kernel_weights(
            distance_km,
            self.kernel,
            max_km=self.max_km,
            bandwidth_km=width,
            epsilon_km=self.epsilon_km,
            out=out,
        )


class _Links(NamedTuple):
    """Sparse edges of all graphs: nodes counted within their graph, cut into graphs by ``starts``."""

    neighbour: npt.NDArray[np.int64]
    node: npt.NDArray[np.int64]
    distance_km: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]


def cluster_rows(keys: npt.ArrayLike | pd.Series) -> Groups:
    """Find the rows of every cluster at once, instead of one scan of the table per cluster.

    Parameters
    ----------
    keys
        Cluster of each row, shape (n,); missing values belong to none.

    Returns
    -------
    Groups
        Keys in the order of their first row.
    """
    codes, names = pd.factorize(pd.Series(keys))
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    # Sorting small integers is a counting sort, linear in the rows.
    small = codes.astype(np.int16) if len(names) < 2**15 else codes
    order = np.argsort(small, kind="stable")[len(codes) - counts.sum() :]
    return Groups(pd.Index(names, dtype=object), order, np.concatenate([[0], np.cumsum(counts)]))


class ClusterGraphs(Sequence[Data]):
    """Graphs of many clusters, each made when it is asked for.

    A sequence: it has a length, can be indexed (by an array of positions too), sliced and gone through again
    and again, and holds little more than the positions of the photos. Dense graphs of equally many photos
    share one ``edge_index``, so that a list of all of them costs four bytes per edge; do not write into it.

    Attributes
    ----------
    cluster_ids
        Cluster of each graph, in order.
    """

    def __init__(
        self,
        photos: _Photos,
        which: npt.NDArray[np.int64],
        rule: _Rule,
        links: _Links | None,
    ) -> None:
        self._photos, self._which, self._rule, self._links = photos, which, rule, links

    @property
    def cluster_ids(self) -> pd.Index:
        """Cluster of each graph."""
        return self._photos.groups.keys[self._which]

    def __len__(self) -> int:
        return len(self._which)

    def __repr__(self) -> str:
        nodes = int(np.diff(self._photos.groups.starts)[self._which].sum())
        return f"<ClusterGraphs: {len(self)} graphs, {nodes} photos, {self._photos.values.shape[1]} features>"

    @overload
    def __getitem__(self, key: int) -> Data: ...
    @overload
    def __getitem__(self, key: slice | npt.NDArray[np.integer]) -> ClusterGraphs: ...
    def __getitem__(self, key: int | slice | npt.NDArray[np.integer]) -> Data | ClusterGraphs:
        if isinstance(key, slice | np.ndarray):
            return ClusterGraphs(self._photos, self._which[key], self._rule, self._links)
        return next(self._made(self._which[[key]]))

    def __iter__(self) -> Iterator[Data]:
        blocks = np.array_split(self._which, max(1, len(self) // _GRAPHS_AT_ONCE))
        return chain.from_iterable(map(self._made, blocks))

    def _made(self, which: npt.NDArray[np.int64]) -> Iterator[Data]:
        """Some graphs. Their features and dense weights lie in two large arrays, cheaper than many small."""
        photos, links = self._photos, self._links
        first, last = photos.groups.starts[which], photos.groups.starts[which + 1]
        sizes = last - first
        x = photos.values[np.concatenate([photos.rows[a:b] for a, b in zip(first, last)])]
        room = np.empty(int((sizes**2).sum()) if links is None else 0, dtype=np.float32)
        x_end, room_end = np.cumsum(sizes), np.cumsum(sizes**2)
        for i, a, b, n, at, to in zip(which, first, last, sizes, x_end, room_end):
            if links is None:
                index, weight = self._dense(a, b, room[to - n * n : to].reshape(n, n))
            else:
                index, weight = self._sparse(links, i, n)
            yield Data(
                x=torch.from_numpy(x[at - n : at]),
                edge_index=index,
                edge_weight=weight,
                pos=torch.from_numpy(photos.lonlat[a:b]),
                node_ids=photos.ids[a:b].tolist(),
                cluster_id=photos.groups.keys[i],
            )

    def _dense(
        self, first: int, last: int, room: npt.NDArray[np.float32]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        n = last - first
        if self._rule.seed is not None:
            matrix = chance_weights(self._photos.ids[first:last], seed=self._rule.seed)
        else:
            distance = pair_km(self._photos.vectors[first:last], out=room)
            matrix = self._rule.weigh(distance, out=distance)
        weight, index = matrix.ravel(), complete_edges(n)
        if self._rule.normalise is not None:
            source, target = index.numpy()
            weight = normalised(weight, source, target, n, self._rule.normalise)
        return index, torch.from_numpy(weight)

    def _sparse(self, links: _Links, i: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        part = slice(links.starts[i], links.starts[i + 1])
        source, target = links.neighbour[part], links.node[part]
        weight = self._rule.weigh(links.distance_km[part])
        if self._rule.normalise is not None:
            weight = normalised(weight, source, target, n, self._rule.normalise)
        return torch.from_numpy(np.stack([source, target])), torch.from_numpy(weight)


def cluster_graphs(
    images: gpd.GeoDataFrame,
    features: pd.DataFrame,
    *,
    edges: Edges = "inverse_distance",
    kernel: Kernel = "exponential",
    max_km: float = 19.890915,
    k: int = 8,
    radius_km: float = 1.0,
    bandwidth_km: float | None = None,
    epsilon_km: float = 0.1,
    normalise: Normalise | None = None,
    max_photos: int | None = 200,
    seed: int = 0,
) -> ClusterGraphs:
    """One graph per cluster: its photos are the nodes, the distances between them weigh the edges.

    Parameters
    ----------
    images
        Photos with ``image_id`` and ``cluster_id``, any CRS; a photo of several clusters has a row for each.
        Footprints count at a point inside. Rows without cluster or features are left out.
    features
        Numeric columns, index ``image_id``; joined by id.
    edges
        A kernel, for edges between all pairs and of each photo to itself: ``"inverse_distance"``
        (1 − d/``max_km``, the published edges [1]_), ``"exponential"`` (exp(−d/h)), ``"gaussian"``
        (exp(−d²/2h²)) or ``"reciprocal"`` (1/(d + ε)); or ``"knn"`` (each photo hears its ``k`` nearest) or
        ``"radius"`` (all within ``radius_km``), weighed by ``kernel``, without edges to itself. Two show what
        geography is worth: ``"identity"`` (each photo hears only itself, weight 1) and ``"random"`` (all
        pairs, weights uniform on [0, 1), drawn by ``seed``, other ones each way).
    kernel
        Weights of the sparse edges.
    max_km, bandwidth_km, epsilon_km
        Parameters of the kernels, kilometres. A ``bandwidth_km`` of ``None`` is the median distance of each
        graph.
    k, radius_km
        Parameters of the sparse edges.
    normalise
        ``"row"``: the weights into a node sum to 1; ``"sym"``: D^−½AD^−½; ``None``: as they are.
    max_photos
        At most so many photos per cluster. They are drawn by ``seed``; where there is a ``sequence_id`` each
        sequence gives one photo before any gives a second, for its photos are nearly alike.
    seed
        Seed of the sample and of random edges. What is drawn from a cluster depends on no other cluster
        and no row order.

    Returns
    -------
    ClusterGraphs
        Sequence of :class:`torch_geometric.data.Data` with ``x`` (photos, features), ``edge_index``
        (2, edges; from neighbour to node), ``edge_weight``, ``pos`` (longitude, latitude), ``node_ids``
        (``image_id`` of each node) and ``cluster_id``; clusters in the order of their first row. Dense
        weights are the matrix A row by row: ``edge_weight.reshape(n, n)``.

    Raises
    ------
    MissingColumnError, MissingCRSError
        If a column or the CRS is missing.
    InputError
        If an option is unknown, a geometry empty, ids of features repeat, or no photo has features.

    References
    ----------
    .. [1] Lee et al. (2021), "Predicting Livelihood Indicators from Community-Generated Street-Level
       Imagery", AAAI.
    """
    _check_options(edges, kernel, normalise, max_photos)
    photos = _photos(images, features, max_photos, seed)
    links = None
    if edges == "knn" or edges == "radius":
        links = _links(photos, k=k if edges == "knn" else None, radius_km=radius_km)
    elif edges == "identity":
        links, kernel = _loops(photos), "inverse_distance"
    elif edges != "random":
        kernel = edges
    rule = _Rule(kernel, max_km, bandwidth_km, epsilon_km, normalise, seed if edges == "random" else None)
    return ClusterGraphs(photos, np.arange(len(photos.groups.keys)), rule, links)


class _Photos(NamedTuple):
    """Photos of all clusters, cluster after cluster, with the row of their features."""

    groups: Groups
    rows: npt.NDArray[np.int64]
    ids: npt.NDArray[np.object_]
    lonlat: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float64]
    values: npt.NDArray[np.float32]


def _photos(images: gpd.GeoDataFrame, features: pd.DataFrame, most: int | None, seed: int) -> _Photos:
    missing = {"image_id", "cluster_id"} - set(images.columns)
    if missing:
        msg = f"The images have no column {', '.join(sorted(missing))}; graphs join photos to clusters by id."
        raise MissingColumnError(msg)
    row = _positions(features.index, images["image_id"])
    known = np.flatnonzero((row >= 0) & images["cluster_id"].notna().to_numpy())
    if not len(known):
        msg = "No photo has both a cluster and features; do the image ids of both tables agree?"
        raise InputError(msg)
    groups = cluster_rows(images["cluster_id"].iloc[known])
    if most is not None and np.diff(groups.starts).max() > most:
        groups = _sampled(groups, images.iloc[known], most, seed)
    order = known[groups.order]
    lonlat = _anchors(images)[order]
    ids = images["image_id"].to_numpy(dtype=object)[order]
    values = np.ascontiguousarray(features.to_numpy(dtype=np.float32))
    return _Photos(groups, row[order], ids, lonlat, unit_vectors(lonlat), values)


def _anchors(images: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    if images.crs is None:
        msg = "The images have no CRS. Set it with images.set_crs('EPSG:4326') if they are in degrees."
        raise MissingCRSError(msg)
    geometry = images.geometry.to_crs("EPSG:4326").to_numpy()
    lonlat = np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)])
    rest = np.flatnonzero(np.isnan(lonlat[:, 0]))  # footprints have no x of their own
    if len(rest):
        inside = shapely.point_on_surface(geometry[rest])
        lonlat[rest] = np.column_stack([shapely.get_x(inside), shapely.get_y(inside)])
    if np.isnan(lonlat[rest]).any():
        msg = f"{np.isnan(lonlat[rest, 0]).sum()} images have no geometry; drop them."
        raise InputError(msg)
    return lonlat


def _positions(index: pd.Index, ids: pd.Series) -> npt.NDArray[np.int64]:
    """Row of each id in a unique index, -1 where there is none."""
    try:
        # Arrow compares the bytes of strings; pandas would make a Python object of each.
        known = pa.array(index)
        unique = len(pc.unique(known)) == len(index)
        row = pc.index_in(pa.array(ids, type=known.type), value_set=known).fill_null(-1).to_numpy()
    except pa.ArrowException:
        unique = index.is_unique
        row = index.get_indexer(pd.Index(ids)) if unique else np.empty(0)
    if not unique:
        repeated = ", ".join(map(str, index[index.duplicated()][:5]))
        msg = f"The index of the features repeats image ids: {repeated}."
        raise InputError(msg)
    return row.astype(np.int64)


def _sampled(groups: Groups, images: pd.DataFrame, most: int, seed: int) -> Groups:
    """At most so many rows per cluster, drawn in turn from its sequences; rows stay in table order."""
    cluster = np.repeat(np.arange(len(groups.keys)), np.diff(groups.starts))
    full = np.flatnonzero((np.diff(groups.starts) > most)[cluster])
    rows = images.iloc[groups.order[full]]
    # A hash of the id is a random number that no other photo can change.
    chance = pd.util.hash_array(rows["image_id"].to_numpy(dtype=object), hash_key=f"{seed % 16**16:016x}")
    draw = pd.DataFrame({"cluster": cluster[full], "chance": chance, "at": full})
    draw["sequence"] = 0
    if "sequence_id" in rows:
        codes = pd.factorize(rows["sequence_id"])[0]
        # A photo of unknown sequence is a sequence of its own.
        draw["sequence"] = np.where(codes < 0, -1 - np.arange(len(rows)), codes)
    draw = draw.sort_values("chance", kind="stable")
    draw["turn"] = draw.groupby(["cluster", "sequence"]).cumcount()
    draw = draw.sort_values(["cluster", "turn", "chance"], kind="stable")
    dropped = draw.loc[draw.groupby("cluster").cumcount() >= most, "at"].to_numpy()
    kept = np.ones(len(cluster), dtype=bool)
    kept[dropped] = False
    counts = np.bincount(cluster[kept], minlength=len(groups.keys))
    return Groups(groups.keys, groups.order[kept], np.concatenate([[0], np.cumsum(counts)]))


def _links(photos: _Photos, *, k: int | None, radius_km: float) -> _Links:
    sizes = np.diff(photos.groups.starts)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    if k is not None:
        node, neighbour, metres = knn(photos.lonlat, k=k, groups=cluster)
    else:
        node, neighbour, metres = radius(photos.lonlat, distance_m=radius_km * 1000, groups=cluster)
    starts, first = np.searchsorted(node, photos.groups.starts), photos.groups.starts[cluster[node]]
    return _Links(neighbour - first, node - first, metres / 1000, starts)


def _loops(photos: _Photos) -> _Links:
    """An edge of length 0 from each photo to itself."""
    starts = photos.groups.starts
    node = np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))
    return _Links(node, node, np.zeros(len(node)), starts)


def _check_options(edges: str, kernel: str, how: str | None, most: int | None) -> None:
    choices: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "edges": (edges, get_args(Edges)),
        "kernel": (kernel, KERNELS),
        "normalise": (how, (None, "row", "sym")),
    }
    for name, (given, accepted) in choices.items():
        if given not in accepted:
            msg = f"{name}={given!r}: give one of {', '.join(map(str, accepted))}."
            raise InputError(msg)
    if most is not None and most < 1:
        msg = f"max_photos={most}: keep at least one photo per cluster, or None for all."
        raise InputError(msg)
