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

__all__ = ["CellNetwork", "TieBatches"]


class CellNetwork(nn.Module):
    """f(φ) = a linear part + a small perceptron on a cell's features.

    The linear part can start at a ridge solution, and the perceptron starts at zero: training begins where
    the linear model ends, and early stopping keeps it there if nothing better is found.

    Parameters
    ----------
    features
        Features per cell.
    hidden
        Width of the two hidden layers.
    dropout
        Share of hidden activations dropped.
    """

    def __init__(self, features: int, *, hidden: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        if hidden < 1 or not 0 <= dropout < 1:
            msg = f"hidden must be at least 1 and dropout in [0, 1), got {hidden} and {dropout}."
            raise InputError(msg)
        self.linear = nn.Linear(features, 1)
        last = nn.Linear(hidden, 1)
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
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(solution.coef)[None])
            self.linear.bias.fill_(solution.intercept)

    def cell(self, table: Tensor) -> Tensor:
        """Value of each cell: (cells, features) to (cells,)."""
        return (self.linear(table) + self.hidden(table))[:, 0]

    def forward(self, table: Tensor, weight: Tensor, row: Tensor, rows: int) -> Tensor:
        """Σ P f(φ_c) per cluster.

        Parameters
        ----------
        table
            Features of the cell of each entry of the tie (entries, features).
        weight, row
            Weight and row of each entry (entries,).
        rows
            Number of rows.
        """
        return scatter(self.cell(table) * weight, row, dim=0, dim_size=rows, reduce="sum")


class TieBatches:
    """Batches of clusters with the cells that each may lie in; shuffled anew each epoch on demand."""

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
            yield (self.table[cell], share, row, len(part)), self.target[part], self.weight[part]
