"""What the cell model is given: clusters tied to cells, and the cells' features as table or place graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from torch_geometric.data import HeteroData

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.graphs import place_cells, place_means, place_neighbours
from geolivelihood.models.propagation import cell_table
from geolivelihood.models.rows import Floats

__all__ = ["CellInputs", "check_tie", "expectation", "tie_to"]


class CellInputs(NamedTuple):
    """Features of cells, and how the cells are linked.

    Attributes
    ----------
    cells
        Cells, ``uint64``.
    features
        Mean features of each cell's pictures (cells, d); NaN = none.
    graph
        Cell graph (cells x cells); ``None`` = no neighbours.
    places
        The place graph that they were read from, or ``None``.
    """

    cells: npt.NDArray[np.uint64]
    features: Floats
    graph: sparse.csr_array | None
    places: HeteroData | None

    @classmethod
    def of(cls, features: Any, graph: sparse.csr_array | None, cells: npt.ArrayLike | None) -> CellInputs:
        """Read a table in the order of ``cells``, or a place graph, which names its cells itself.

        Raises
        ------
        InputError
            If a place graph comes with another cell graph, or a table without its cells or of another length.
        """
        if isinstance(features, HeteroData):
            if graph is not None:
                msg = (
                    "A place graph brings its own cell graph; give that to place_graph(graph=...), not here."
                )
                raise InputError(msg)
            means = place_means(features).to_numpy()
            return cls(place_cells(features), means, place_neighbours(features), features)
        if cells is None:
            msg = "Give cells and their features together, or neither (the cells of the fit)."
            raise InputError(msg)
        names = np.asarray(cells, dtype=np.uint64)
        return cls(names, cell_table(features, names), graph, None)


def check_tie(tie: Any) -> None:
    """See that clusters come as a tie to cells.

    Raises
    ------
    InputError
        If they do not.
    """
    if not isinstance(tie, Tie):
        msg = f"X must be a Tie of clusters to cells, not a {type(tie).__name__}. See cluster_cells."
        raise InputError(msg)


def tie_to(cells: npt.NDArray[np.uint64], tie: Tie) -> Tie:
    """The tie with these cells as columns.

    Raises
    ------
    InputError
        If it has weight on other cells.
    """
    if np.array_equal(tie.cells, cells):
        return tie
    used = tie.cells[np.unique(tie.matrix.indices)]
    missing = np.setdiff1d(used, cells)
    if len(missing):
        msg = (
            f"The clusters may lie in {len(missing)} cells that the place graph does not have. Make it "
            "of np.union1d(tie.cells, cells), or leave the others out with tie.reindex(place_cells(graph))."
        )
        raise InputError(msg)
    return tie.reindex(cells)


def expectation(tie: Tie, known: npt.NDArray[np.bool_]) -> sparse.csr_array:
    """Weights over the known cells only, each row summing to 1 where it has any."""
    part = sparse.csr_array(tie.matrix @ sparse.diags_array(known.astype(float)))
    part.eliminate_zeros()
    total = part.sum(axis=1)
    scale = np.divide(1.0, total, out=np.zeros(len(total)), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ part)
