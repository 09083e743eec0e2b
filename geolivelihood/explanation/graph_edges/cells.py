"""The prediction of a cell, as a function of the cells around it."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch_geometric.data import Data

from geolivelihood.cells import parse_cells
from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges.neighbourhoods import edge_weights, local_graph
from geolivelihood.models.cell import CellRegressor

__all__ = ["CellSubject", "Ungraded"]


class Ungraded:
    """A subject that can only be asked with links taken away: its model averages neighbours, then learns."""

    def flow(self) -> NoReturn:
        """Not to be had."""
        msg = "A CellRegressor has no gradients, masks or attention of its links. Take method='occlusion'."
        raise InputError(msg)

    def along(self, x: Tensor, flow: Tensor) -> NoReturn:
        """Not to be had, see :meth:`flow`."""
        self.flow()

    def module(self) -> nn.Module:
        """Not to be had, see :meth:`flow`."""
        self.flow()


class CellSubject(Ungraded):
    """A cell's value by a :class:`~geolivelihood.models.CellRegressor` on a table of cells and their graph.

    Links are taken away by predicting without them: what a cell takes over from its neighbours is averaged
    anew over those that are left. A cell whose pictures are taken away has none.
    """

    blank = float("nan")

    def __init__(self, model: CellRegressor, graph: Data, node: int, *, output: int) -> None:
        if model.head_ == "graph":
            msg = (
                "The graph head learns from single pictures. Give the place graph that the model predicts "
                "from, with pos of its pictures, laid out by flat_places; not a graph of cells."
            )
            raise InputError(msg)
        self.model, self.output = model, output
        # Even without further rings, a cell takes over what it lacks from its neighbours.
        self.place, self._at, self.edge_index = local_graph(graph, node, hops=max(model.hops, 1))
        self.node: int | None = self._at
        self.x = graph.x[self.place.nodes]
        weight = edge_weights(graph)
        whole = torch.ones(graph.num_edges) if weight is None else weight
        self.edge_weight: Tensor | None = whole[self.place.edges]
        self.cells = parse_cells(np.asarray(graph.node_ids)[self.place.nodes.numpy()])

    def values(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, copies: int) -> Tensor:
        """See :class:`~geolivelihood.explanation.graph_edges.subjects.Subject`."""
        cells = len(self.cells)
        weight = np.ones(edge_index.shape[1]) if edge_weight is None else edge_weight.double().numpy()
        source, end = edge_index.numpy()
        found = []
        for copy, table in enumerate(x.double().numpy().reshape(copies, cells, -1)):  # cells are unique
            own = end // cells == copy
            ends = (end[own] - copy * cells, source[own] - copy * cells)
            near = sparse.csr_array((weight[own], ends), shape=(cells, cells))
            predicted = self.model.predict_cells(self.cells, features=table, graph=near).to_numpy()
            found.append(predicted.reshape(cells, -1)[self._at, self.output])
        return torch.tensor(np.array(found))
