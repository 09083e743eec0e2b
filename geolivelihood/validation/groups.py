"""Clusters that share pictures: one such group must not lie on both sides of a split."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from geolivelihood.errors import InputError

__all__ = ["PictureLinks", "components", "picture_groups", "picture_links", "united"]


class PictureLinks(NamedTuple):
    """Which cluster uses which picture.

    Attributes
    ----------
    matrix
        1 where a cluster (row) uses a picture (column).
    clusters
        Cluster ids, one per row.
    """

    matrix: sparse.csr_array
    clusters: pd.Index


def picture_links(image_ids: npt.ArrayLike, cluster_ids: npt.ArrayLike) -> PictureLinks:
    """Sparse matrix of clusters and their pictures.

    Parameters
    ----------
    image_ids, cluster_ids
        One entry per use of a picture by a cluster, shape (n,).

    Returns
    -------
    PictureLinks
        Rows in the order in which the clusters first appear.

    Raises
    ------
    InputError
        If the two differ in length or an id is missing.
    """
    pictures, clusters = pd.Series(image_ids), pd.Series(cluster_ids)
    if len(pictures) != len(clusters):
        msg = f"{len(pictures)} image ids do not fit {len(clusters)} cluster ids. Give one of each per row."
        raise InputError(msg)
    if pictures.isna().any() or clusters.isna().any():
        msg = "An image_id or cluster_id is missing. Drop the rows without: images.dropna(subset=...)."
        raise InputError(msg)
    columns = pd.factorize(pictures)[0]
    rows, names = pd.factorize(clusters)
    shape = (len(names), int(columns.max(initial=-1)) + 1)
    matrix = sparse.csr_array((np.ones(len(rows), dtype=np.int64), (rows, columns)), shape=shape)
    matrix.data[:] = 1
    return PictureLinks(matrix, pd.Index(names, name="cluster_id"))


def picture_groups(image_ids: npt.ArrayLike, cluster_ids: npt.ArrayLike) -> pd.Series:
    """Group of each cluster: clusters joined by shared pictures, directly or through others, are one.

    Parameters
    ----------
    image_ids, cluster_ids
        One entry per use of a picture by a cluster, shape (n,).

    Returns
    -------
    pandas.Series
        Group number, index ``cluster_id`` in the order in which the clusters first appear.

    Examples
    --------
    >>> picture_groups(["a", "b", "b", "c"], ["x", "x", "y", "z"]).tolist()
    [0, 0, 1]
    """
    links = picture_links(image_ids, cluster_ids)
    return pd.Series(components(links.matrix), index=links.clusters, name="group")


def united(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Number of the smallest set of rows that splits no value of ``first`` and none of ``second``."""
    rows, columns = pd.factorize(np.asarray(first))[0], pd.factorize(np.asarray(second))[0]
    matrix = sparse.csr_array((np.ones(len(rows)), (np.arange(len(rows)), columns)))
    blocks = sparse.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))))
    component = components(blocks @ matrix)
    return component[rows]


def components(matrix: sparse.csr_array) -> npt.NDArray[np.intp]:
    """Component of each row of a bipartite graph, numbered by first appearance."""
    n, m = matrix.shape
    graph = sparse.block_array([[None, matrix], [sparse.csr_array((m, n)), None]], format="csr")
    component = connected_components(graph, directed=False)[1][:n]
    return pd.factorize(component)[0]
