"""Cells as one graph: who is next to whom on the map."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import sparse
from torch_geometric.data import Data

from geolivelihood.cells import cell_centres, cell_names, neighbours
from geolivelihood.errors import InputError
from geolivelihood.graphs.edges import typical_km
from geolivelihood.graphs.neighbours import geodesic_m

__all__ = ["cell_graph", "cell_graph_data"]

Kind = Literal["adjacency", "distance"]


def cell_graph(
    cells: npt.ArrayLike, *, kind: Kind = "adjacency", k: int = 1, bandwidth_km: float | None = None
) -> sparse.csr_array:
    """Graph of cells that are at most ``k`` rings apart.

    Parameters
    ----------
    cells
        Unique cells of one resolution, shape (n,).
    kind
        ``"adjacency"``: weight 1; ``"distance"``: exp(−d/h) of the distance between centres.
    k
        Rings, at least 1.
    bandwidth_km
        h; ``None`` is the median distance of the linked cells.

    Returns
    -------
    scipy.sparse.csr_array
        Symmetric, shape (n, n), in the order of ``cells``; the diagonal is empty. A cell without
        neighbours among ``cells`` has an empty row.

    Raises
    ------
    InputError
        If cells repeat or the kind is unknown.
    """
    if kind not in ("adjacency", "distance"):
        msg = f"kind={kind!r}: give 'adjacency' or 'distance'."
        raise InputError(msg)
    index = pd.Index(np.asarray(cells, dtype=np.uint64))
    if not index.is_unique:
        some = ", ".join(cell_names(index[index.duplicated()][:5].to_numpy()))
        msg = f"Cells of a graph are unique, but these repeat: {some}."
        raise InputError(msg)
    source, target = neighbours(index.to_numpy(), k=k)
    row, column = index.get_indexer(source), index.get_indexer(target)
    inside = column >= 0
    row, column = row[inside], column[inside]
    weight = np.ones(len(row))
    if kind == "distance":
        centre = cell_centres(index.to_numpy())
        km = geodesic_m(centre[row], centre[column]) / 1000
        weight = np.exp(-km / (bandwidth_km or typical_km(km)))
    return sparse.coo_array((weight, (row, column)), shape=(len(index), len(index))).tocsr()


def cell_graph_data(
    cells: npt.ArrayLike,
    features: pd.DataFrame,
    *,
    kind: Kind = "adjacency",
    k: int = 1,
    bandwidth_km: float | None = None,
) -> Data:
    """The graph of :func:`cell_graph` with features, for ``torch_geometric``.

    Parameters
    ----------
    cells
        Unique cells, shape (n,).
    features
        Numeric columns, index ``cell``; joined by cell, a missing one has NaN throughout.
    kind, k, bandwidth_km
        As in :func:`cell_graph`.

    Returns
    -------
    torch_geometric.data.Data
        ``x``, ``edge_index``, ``edge_weight``, ``pos`` (longitude, latitude of the centres) and ``node_ids``
        (names of the cells).
    """
    names = np.asarray(cells, dtype=np.uint64)
    entries = cell_graph(names, kind=kind, k=k, bandwidth_km=bandwidth_km).tocoo()
    values = np.array(features.reindex(names), dtype=np.float32, order="C")
    return Data(
        x=torch.from_numpy(values),
        edge_index=torch.from_numpy(np.stack([entries.col, entries.row]).astype(np.int64)),
        edge_weight=torch.from_numpy(entries.data.astype(np.float32)),
        pos=torch.from_numpy(cell_centres(names)),
        node_ids=cell_names(names).tolist(),
    )
