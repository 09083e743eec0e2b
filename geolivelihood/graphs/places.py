"""Pictures in cells beside cells: everything a map is learned from as one heterogeneous graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import sparse
from torch_geometric.data import HeteroData

from geolivelihood.cells import Tie, cell_centres
from geolivelihood.errors import InputError
from geolivelihood.graphs.cells import cell_graph

__all__ = ["place_cells", "place_graph", "place_links", "place_means", "place_neighbours", "place_sources"]

_CELL, _IN, _NEAR = "cell", "in", "near"
_NEIGHBOURS = (_CELL, _NEAR, _CELL)


def place_graph(
    sources: Mapping[str, tuple[Tie, pd.DataFrame]],
    cells: npt.ArrayLike,
    *,
    rings: int = 1,
    graph: sparse.csr_array | None = None,
) -> HeteroData:
    """Pictures tied to cells, and cells tied to their neighbours.

    Survey clusters are no nodes: they are tied to the cells by a :class:`~geolivelihood.cells.Tie` that stays
    beside the graph, so that the same graph serves every survey, every fold and the map.

    Parameters
    ----------
    sources
        For each source of pictures, by name: the tie of its pictures (rows) to cells, and their features,
        numeric columns indexed by picture, joined by id. Pictures without features, or outside ``cells``,
        are left out.
    cells
        Unique cells of one resolution, shape (c,).
    rings
        How many rings of cells count as near; 0 = none.
    graph
        Weights (c x c) to use in place of ``rings``, such as those of
        ``cell_graph(cells, kind="distance")``; row i holds the neighbours of cell i.

    Returns
    -------
    torch_geometric.data.HeteroData
        With p pictures of d features in a source, e entries of its tie and m links of cells:

        ==============================  ===============  ======================  =======
        store                           attribute        shape                   dtype
        ==============================  ===============  ======================  =======
        ``[source]``                    ``x``            (p, d), NaN = missing   float32
        ..                              ``node_ids``     p ids                   list
        ..                              ``columns``      d names                 list
        ``["cell"]``                    ``cell``         (c,)                    int64
        ..                              ``pos``          (c, 2) lon, lat         float64
        ``[source, "in", "cell"]``      ``edge_index``   (2, e) picture, cell    int64
        ..                              ``edge_weight``  (e,)                    float32
        ``["cell", "near", "cell"]``    ``edge_index``   (2, m) neighbour, cell  int64
        ..                              ``edge_weight``  (m,)                    float32
        ==============================  ===============  ======================  =======

        A cell without pictures of a source has no edge from it. Without rings and graph there is no
        ``near``.

    Raises
    ------
    InputError
        If there is no source, one is called ``cell`` or holds no features, a picture or cell repeats, a
        feature is infinite, or ``graph`` does not fit the cells.
    """
    names = np.asarray(cells, dtype=np.uint64)
    if rings < 0:
        msg = f"rings must not be negative, got {rings}."
        raise InputError(msg)
    if graph is None:
        graph = cell_graph(names, k=rings) if rings else None
    elif graph.shape != (len(names), len(names)):
        msg = f"The cell graph has shape {graph.shape}, but there are {len(names)} cells."
        raise InputError(msg)
    if not sources or _CELL in sources:
        msg = f"Give at least one source of pictures, by a name other than 'cell'; got {list(sources)}."
        raise InputError(msg)
    data = HeteroData()
    for name, (tie, features) in sources.items():
        _add_source(data, name, tie, features, names)
    data[_CELL].cell = torch.from_numpy(names.astype(np.int64))
    data[_CELL].pos = torch.from_numpy(cell_centres(names))
    data[_CELL].num_nodes = len(names)
    if graph is not None:
        near = sparse.coo_array(graph)
        data[_NEIGHBOURS].edge_index = _edges(near.col, near.row)
        data[_NEIGHBOURS].edge_weight = torch.from_numpy(near.data.astype(np.float32))
    return data


def place_cells(data: HeteroData) -> npt.NDArray[np.uint64]:
    """Cells of a place graph, in its order."""
    return data[_CELL].cell.numpy().astype(np.uint64)


def place_sources(data: HeteroData) -> list[str]:
    """Names of the sources of a place graph, in its order."""
    return [name for name in data.node_types if name != _CELL]


def place_links(data: HeteroData, source: str) -> sparse.csr_array:
    """Weights from each cell (rows) to its pictures of a source (columns)."""
    return _links(data, (source, _IN, _CELL))


def place_neighbours(data: HeteroData) -> sparse.csr_array | None:
    """Weights from each cell (rows) to its neighbours (columns); ``None`` where the graph links no cells."""
    return _links(data, _NEIGHBOURS) if _NEIGHBOURS in data.edge_types else None


def place_means(data: HeteroData) -> pd.DataFrame:
    """Mean features of each cell's pictures, all sources side by side.

    Returns
    -------
    pandas.DataFrame
        Index ``cell``; columns ``source`` and feature joined by a dot; NaN where a source shows nothing.
    """
    parts, columns = [], []
    for source in place_sources(data):
        values = data[source].x.numpy().astype(float)
        known = ~np.isnan(values)
        links = place_links(data, source)
        weight = links @ known.astype(float)
        total = links @ np.where(known, values, 0.0)
        parts.append(np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0))
        columns += [f"{source}.{column}" for column in data[source].columns]
    return pd.DataFrame(
        np.column_stack(parts), index=pd.Index(place_cells(data), name="cell"), columns=columns
    )


def _links(data: HeteroData, kind: tuple[str, str, str]) -> sparse.csr_array:
    begin, end = data[kind].edge_index.numpy()
    shape = (data[_CELL].num_nodes, data[kind[0]].num_nodes)
    weight = data[kind].edge_weight.numpy().astype(float)
    return sparse.coo_array((weight, (end, begin)), shape=shape).tocsr()


def _add_source(
    data: HeteroData, name: str, tie: Tie, features: pd.DataFrame, cells: npt.NDArray[np.uint64]
) -> None:
    table = _checked(name, tie, features)
    tie = tie.reindex(cells)
    kept = ~np.isnan(table).all(axis=1) & (tie.matrix.sum(axis=1) > 0)
    links = sparse.coo_array(tie.matrix[np.flatnonzero(kept)])
    there = links.data > 0
    data[name].x = torch.from_numpy(table[kept])
    data[name].node_ids = tie.rows[kept].tolist()
    data[name].columns = [str(column) for column in features.columns]
    data[name, _IN, _CELL].edge_index = _edges(links.row[there], links.col[there])
    data[name, _IN, _CELL].edge_weight = torch.from_numpy(links.data[there].astype(np.float32))


def _checked(name: str, tie: Tie, features: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Features in the order of the tie's pictures, NaN for a picture that has none."""
    if not isinstance(tie, Tie) or not isinstance(features, pd.DataFrame):
        msg = (
            f"Source {name!r} is ({type(tie).__name__}, {type(features).__name__}); give the tie of its "
            "pictures to cells (see image_cells) and a DataFrame of their features, indexed by picture."
        )
        raise InputError(msg)
    repeated = features.index[features.index.duplicated()]
    if len(repeated):
        msg = f"Features of {name!r} are given twice for {', '.join(map(str, repeated[:5]))}; keep one row."
        raise InputError(msg)
    try:
        table = features.reindex(tie.rows).to_numpy(dtype=np.float32)
    except (TypeError, ValueError) as error:
        msg = f"Features of {name!r} must be numbers, one column per feature."
        raise InputError(msg) from error
    if not table.shape[1] or np.isinf(table).any():
        msg = f"Features of {name!r} need at least one column and finite values; NaN for missing ones."
        raise InputError(msg)
    return table


def _edges(begin: npt.NDArray[np.integer], end: npt.NDArray[np.integer]) -> torch.Tensor:
    return torch.from_numpy(np.stack([begin, end]).astype(np.int64))
