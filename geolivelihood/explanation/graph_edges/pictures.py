"""The prediction of a cell, as a function of single pictures in it and of the cells around it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData

from geolivelihood.cells import cell_names, parse_cells
from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges.cells import Ungraded
from geolivelihood.explanation.graph_edges.neighbourhoods import Neighbourhood, neighbourhood
from geolivelihood.graphs import place_cells, place_sources
from geolivelihood.models.cell import CellRegressor

__all__ = ["PlaceSubject", "flat_places", "is_flat"]

_NEAR = ("cell", "near", "cell")


def flat_places(places: HeteroData) -> Data:
    """A place graph as one list of nodes, which can be drawn and cut.

    Parameters
    ----------
    places
        As :func:`~geolivelihood.graphs.place_graph` makes it; each source needs ``pos`` (longitude, latitude
        of its pictures, in the order of its ``node_ids``) as its cells have.

    Returns
    -------
    torch_geometric.data.Data
        Pictures, source after source, then cells: ``x`` as wide as the widest source, NaN beyond and 0 for
        cells; ``edge_index``, ``edge_weight``; ``pos``; ``node_ids``, which are ``source/image`` and names of
        cells; ``kind``, the position of a node's source in ``sources``, or their number for cells; ``widths``
        of the sources.

    Raises
    ------
    InputError
        If pictures have no place.
    """
    sources = place_sources(places)
    lost = [source for source in sources if "pos" not in places[source]]
    if lost:
        msg = (
            f"The pictures of {', '.join(lost)} have no place. Set pos of each source of the place graph to "
            "the longitude and latitude of its node_ids, a tensor (pictures, 2)."
        )
        raise InputError(msg)
    kinds = [*sources, "cell"]
    counts = [len(places[kind].pos) for kind in kinds]
    first = dict(zip(kinds, np.cumsum([0, *counts])))
    widths = [places[source].x.shape[1] for source in sources]
    x = torch.full((sum(counts), max(widths)), torch.nan)
    for source, width, count in zip(sources, widths, counts):
        x[first[source] : first[source] + count, :width] = places[source].x
    x[first["cell"] :] = 0.0
    links = [
        places[kind].edge_index + torch.tensor([[first[kind[0]]], [first["cell"]]])
        for kind in places.edge_types
    ]
    return Data(
        x=x,
        edge_index=torch.cat(links, dim=1),
        edge_weight=torch.cat([places[kind].edge_weight for kind in places.edge_types]),
        pos=torch.cat([places[kind].pos.double() for kind in kinds]),
        node_ids=[f"{source}/{name}" for source in sources for name in places[source].node_ids]
        + cell_names(place_cells(places)).tolist(),
        kind=torch.repeat_interleave(torch.arange(len(kinds)), torch.tensor(counts)),
        sources=sources,
        widths=widths,
    )


def is_flat(graph: Data) -> bool:
    """Whether a graph was made by :func:`flat_places`."""
    return "sources" in graph and "widths" in graph


class PlaceSubject(Ungraded):
    """A cell's value by a :class:`~geolivelihood.models.CellRegressor` on a place graph.

    Links are taken away by predicting without them: pictures of a cell, and neighbours, are averaged anew
    over those that are left. A picture whose features are taken away is in no cell, and a cell that is taken
    away has no pictures.
    """

    blank = float("nan")

    def __init__(self, model: CellRegressor, graph: Data, node: int, *, output: int) -> None:
        cells = graph.kind == len(graph.sources)
        if not cells[node]:
            msg = f"{graph.node_ids[node]} is a picture, and predictions are of cells; give names of cells."
            raise InputError(msg)
        self.model, self.output = model, output
        self.sources, self.widths = graph.sources, graph.widths
        self.place = _heard(graph, cells, node, hops=max(model.hops, model.layers, 1))
        where = torch.full((graph.num_nodes,), -1, dtype=torch.long)
        where[self.place.nodes] = torch.arange(len(self.place.nodes))
        self.node: int | None = int(where[node])
        self.edge_index: Tensor = where[graph.edge_index[:, self.place.edges]]
        self.edge_weight: Tensor | None = graph.edge_weight[self.place.edges]
        self.x, self.kind = graph.x[self.place.nodes], graph.kind[self.place.nodes]
        inside = self.place.nodes[self.kind == len(self.sources)].numpy()
        names = np.asarray(graph.node_ids, dtype=object)
        self.cells, self._target = parse_cells(names[inside]), parse_cells(names[[node]])
        self._near = bool(cells[graph.edge_index[0]].any())

    def values(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None, copies: int) -> Tensor:
        """See :class:`~geolivelihood.explanation.graph_edges.subjects.Subject`."""
        count = len(self.kind)
        weight = torch.ones(edge_index.shape[1]) if edge_weight is None else edge_weight
        found = []
        for copy, table in enumerate(x.reshape(copies, count, -1)):  # cells of a place graph are unique
            own = edge_index[1] // count == copy
            places = self._places(table, edge_index[:, own] - copy * count, weight[own])
            predicted = self.model.predict_cells(self._target, features=places).to_numpy()
            found.append(predicted.reshape(1, -1)[0, self.output])
        return torch.tensor(np.array(found, dtype=float))

    def _places(self, x: Tensor, edge_index: Tensor, weight: Tensor) -> HeteroData:
        """What is left as a place graph."""
        own = torch.zeros(len(self.kind), dtype=torch.long)  # position of a node among those of its kind
        for kind in range(len(self.sources) + 1):
            mine = self.kind == kind
            own[mine] = torch.arange(int(mine.sum()))
        begin, end = edge_index
        dark = torch.isnan(x).all(dim=1)
        seen = ~(dark[begin] | dark[end])
        data = HeteroData()
        for kind, (source, width) in enumerate(zip(self.sources, self.widths)):
            data[source].x = x[self.kind == kind, :width]
            data[source].columns = list(range(width))
            _add(data, (source, "in", "cell"), own[edge_index], weight, (self.kind[begin] == kind) & seen)
        data["cell"].cell = torch.from_numpy(self.cells.astype(np.int64))
        data["cell"].num_nodes = len(self.cells)
        if self._near:
            near = self.kind[begin] == len(self.sources)
            _add(data, _NEAR, own[edge_index], weight, near)
        return data


def _heard(graph: Data, cells: Tensor, node: int, *, hops: int) -> Neighbourhood:
    """Cells within so many rings of links, the links that carry something, and the pictures in the cells."""
    near = torch.nonzero(cells[graph.edge_index[0]])[:, 0]
    inside = neighbourhood(graph.edge_index[:, near], node, hops=hops, nodes=graph.num_nodes)
    there = torch.zeros(graph.num_nodes, dtype=torch.bool)
    there[inside.nodes] = True
    heard = ~cells[graph.edge_index[0]] & there[graph.edge_index[1]]
    heard[near[inside.edges]] = True
    there[graph.edge_index[0, heard]] = True
    return Neighbourhood(torch.nonzero(there)[:, 0], torch.nonzero(heard)[:, 0])


def _add(data: HeteroData, kind: tuple[str, str, str], index: Tensor, weight: Tensor, which: Tensor) -> None:
    data[kind].edge_index, data[kind].edge_weight = index[:, which], weight[which]
