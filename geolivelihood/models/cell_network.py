"""The network behind the map: one value per cell, averaged to clusters by the tie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from torch import Tensor, nn
from torch_geometric.utils import scatter

from geolivelihood.errors import InputError
from geolivelihood.models.ridge import RidgeFit
from geolivelihood.models.training import Batch

__all__ = ["CellNetwork", "TieBatches", "start_linear"]


class CellNetwork(nn.Module):
    """f(φ) = a linear part + a small perceptron on a cell's features; one output per target.

    The linear part can start at a ridge solution, and the perceptron starts at zero: training begins where
    the linear model ends, and early stopping keeps it there if nothing better is found.

    Parameters
    ----------
    features
        Features per cell.
    outputs
        Targets.
    hidden
        Width of the two hidden layers.
    dropout
        Share of hidden activations dropped.
    """

    def __init__(self, features: int, *, outputs: int = 1, hidden: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        if hidden < 1 or not 0 <= dropout < 1:
            msg = f"hidden must be at least 1 and dropout in [0, 1), got {hidden} and {dropout}."
            raise InputError(msg)
        self.linear = nn.Linear(features, outputs)
        last = nn.Linear(hidden, outputs)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.hidden = nn.Sequential(
            nn.Linear(features, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            last,
        )

    def start_at(self, solution: RidgeFit) -> None:
        """Set the linear part to a ridge solution."""
        start_linear(self.linear, solution)

    def cell(self, table: Tensor) -> Tensor:
        """Value of each cell: (cells, features) to (cells, outputs)."""
        return self.linear(table) + self.hidden(table)

    def forward(self, table: Tensor, share: Tensor, row: Tensor, rows: int) -> Tensor:
        """Σ P f(φ_c) per cluster, (rows, outputs).

        Parameters
        ----------
        table
            Features of the cell of each entry of the tie (entries, features).
        share, row
            Weight and row of each entry (entries,).
        rows
            Number of rows.
        """
        return scatter(self.cell(table) * share[:, None], row, dim=0, dim_size=rows, reduce="sum")


def start_linear(layer: nn.Linear, solution: RidgeFit) -> None:
    """Set a linear layer to a ridge solution of one or several targets."""
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.atleast_2d(solution.coef)))
        layer.bias.copy_(torch.from_numpy(np.atleast_1d(solution.intercept)))


class TieBatches:
    """Batches of clusters with the cells that each may lie in; shuffled anew each epoch on demand.

    Parameters
    ----------
    matrix
        Clusters x cells.
    table
        Features of the cells (cells, d).
    target, weight
        Per cluster and target (clusters, t); where a target is missing, any number with a weight of 0.
    size
        Clusters per batch.
    """

    def __init__(
        self,
        matrix: sparse.csr_array,
        table: Tensor,
        target: Tensor,
        weight: Tensor,
        *,
        size: int,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> None:
        self.matrix, self.table, self.target, self.weight = matrix, table, target, weight
        self.size = size
        self.random = np.random.default_rng(seed) if shuffle else None

    def __len__(self) -> int:
        return -(-self.matrix.shape[0] // self.size)

    def __iter__(self) -> Iterator[Batch]:
        rows: npt.NDArray[Any] = np.arange(self.matrix.shape[0])
        order = rows if self.random is None else self.random.permutation(rows)
        for part in np.array_split(order, len(self)):
            some = self.matrix[part]
            row = torch.from_numpy(np.repeat(np.arange(len(part)), np.diff(some.indptr)))
            cell = torch.from_numpy(some.indices.astype(np.int64))
            share = torch.from_numpy(some.data).float()
            yield self.inputs(cell, share, row, len(part)), self.target[part], self.weight[part]

    def inputs(self, cell: Tensor, share: Tensor, row: Tensor, rows: int) -> tuple[Any, ...]:
        """What the network is called with, given cell, weight and row of each entry of the tie."""
        return self.table[cell], share, row, rows
