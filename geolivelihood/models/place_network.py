"""The network over pictures and cells: pictures are averaged into cells, and cells ask their neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.data import HeteroData
from torch_geometric.nn import GraphConv
from torch_geometric.utils import scatter

from geolivelihood.errors import InputError
from geolivelihood.graphs import place_links, place_neighbours, place_sources
from geolivelihood.models.cell_network import TieBatches, start_linear
from geolivelihood.models.ridge import ColumnScale, RidgeFit
from geolivelihood.models.rows import Floats

__all__ = ["PlaceBatches", "PlaceNetwork", "Places", "picture_scales"]


class Links(NamedTuple):
    """Edges into cells whose weights sum to 1 in every cell that has any."""

    begin: Tensor
    cell: Tensor
    share: Tensor

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Links:
        """Edges of a matrix (cells x nodes)."""
        entries = sparse.coo_array(matrix)
        total = matrix.sum(axis=1)
        share = entries.data / total[entries.row]
        begin, cell = (torch.from_numpy(ends.astype(np.int64)) for ends in (entries.col, entries.row))
        return cls(begin, cell, torch.from_numpy(share).float())

    def mean(self, values: Tensor, cells: int) -> Tensor:
        """Weighted mean into each cell, (nodes, d) to (cells, d); 0 where nothing comes in."""
        return scatter(values[self.begin] * self.share[:, None], self.cell, dim_size=cells, reduce="sum")


class Places(NamedTuple):
    """A place graph as the network takes it: standardised pictures, links, and which sources a cell has.

    Attributes
    ----------
    pictures
        Features of the pictures of each source (p, d).
    inside
        Links from the pictures of each source to cells.
    shown
        Whether a cell has pictures of a source, (cells, sources).
    near
        Links from neighbours to cells.
    """

    pictures: tuple[Tensor, ...]
    inside: tuple[Links, ...]
    shown: Tensor
    near: Links

    @classmethod
    def of(cls, data: HeteroData, scales: Mapping[str, ColumnScale]) -> Places:
        """Standardise the pictures of a place graph.

        Raises
        ------
        InputError
            If its sources, or the number of their features, are not those of ``scales``.
        """
        given = {source: data[source].x.shape[1] for source in place_sources(data)}
        known = {source: len(scale.mean) for source, scale in scales.items()}
        if given != known:
            msg = f"The model was fitted to the sources {known} (with their features), not to {given}."
            raise InputError(msg)
        ties = [place_links(data, source) for source in scales]
        shown = np.column_stack([tie.sum(axis=1) > 0 for tie in ties])
        near = place_neighbours(data)
        return cls(
            tuple(
                torch.from_numpy(scale.apply(data[source].x.double().numpy())).float()
                for source, scale in scales.items()
            ),
            tuple(Links.of(tie) for tie in ties),
            torch.from_numpy(shown).float(),
            Links.of(sparse.csr_array((len(shown),) * 2) if near is None else near),
        )


def picture_scales(data: HeteroData, cell_weight: Floats) -> dict[str, ColumnScale]:
    """Moments of each source's features, over the pictures of the cells that one learns from.

    Parameters
    ----------
    data
        A place graph.
    cell_weight
        Weight of each cell; its pictures share it.
    """
    scales = {}
    for source in place_sources(data):
        links = place_links(data, source)
        total = links.sum(axis=1)
        share = np.divide(cell_weight, total, out=np.zeros(len(total)), where=total > 0)
        scales[source] = ColumnScale.of(data[source].x.double().numpy(), weights=links.T @ share)
    return scales


class PlaceNetwork(nn.Module):
    """A linear part on the cell's table + a graph network over its pictures and its neighbours.

    Each source has an encoder of single pictures; their weighted mean, and whether there are any, make the
    state of the cell, which then takes in the mean of its neighbours' states, layer by layer, on top of
    its own (residual). The linear part can start at a ridge solution and the graph's last layer starts at
    zero, so that training begins where the linear model ends.

    Parameters
    ----------
    widths
        Features per picture of each source.
    features
        Columns of the cell table.
    outputs
        Targets.
    hidden
        Width of all layers.
    layers
        Rounds of messages between cells.
    dropout
        Share of hidden activations dropped.
    """

    def __init__(
        self,
        widths: Sequence[int],
        features: int,
        *,
        outputs: int = 1,
        hidden: int = 64,
        layers: int = 2,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if hidden < 1 or layers < 0 or not 0 <= dropout < 1:
            msg = (
                "hidden must be at least 1, layers not negative and dropout in [0, 1), got "
                f"{hidden}, {layers} and {dropout}."
            )
            raise InputError(msg)
        self.linear = nn.Linear(features, outputs)
        self.encoders = nn.ModuleList(
            nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, hidden))
            for width in widths
        )
        self.join = nn.Linear(len(widths) * (hidden + 1), hidden)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.convs = nn.ModuleList(GraphConv(hidden, hidden) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(hidden, outputs)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def start_at(self, solution: RidgeFit) -> None:
        """Set the linear part to a ridge solution."""
        start_linear(self.linear, solution)

    def state(self, places: Places) -> Tensor:
        """State of each cell, (cells, hidden)."""
        cells = len(places.shown)
        means = [
            links.mean(encoder(pictures), cells)
            for encoder, pictures, links in zip(self.encoders, places.pictures, places.inside)
        ]
        state = self.dropout(functional.gelu(self.join(torch.cat([*means, places.shown], dim=1))))
        edges, share = torch.stack([places.near.begin, places.near.cell]), places.near.share
        for norm, conv in zip(self.norms, self.convs):
            state = state + self.dropout(functional.gelu(conv(norm(state), edges, share)))
        return state

    def cell(self, table: Tensor, places: Places) -> Tensor:
        """Value of each cell: its table (cells, features) and the places to (cells, outputs)."""
        return self.linear(table) + self.last(self.state(places))

    def forward(
        self, table: Tensor, share: Tensor, row: Tensor, rows: int, cell: Tensor, places: Places
    ) -> Tensor:
        """Σ P f(c) per cluster, (rows, outputs).

        Parameters
        ----------
        table
            Of all cells (cells, features).
        share, row, cell
            Weight, row and cell of each entry of the tie (entries,).
        rows
            Number of rows.
        places
            The pictures and links of all cells.
        """
        value = self.cell(table, places)[cell]
        return scatter(value * share[:, None], row, dim=0, dim_size=rows, reduce="sum")


class PlaceBatches(TieBatches):
    """Batches of clusters, each with table and graph of all cells, for cells learn from their neighbours."""

    def __init__(self, *args: Any, places: Places, **options: Any) -> None:
        super().__init__(*args, **options)
        self.places = places

    def inputs(self, cell: Tensor, share: Tensor, row: Tensor, rows: int) -> tuple[Any, ...]:
        """The whole table, the entries of the tie, and the graph."""
        return self.table, share, row, rows, cell, self.places
