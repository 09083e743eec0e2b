"""A sparse matrix that knows whose its rows and which cells its columns are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood.cells.index import as_cells
from geolivelihood.errors import InputError

__all__ = ["Tie"]


class Tie:
    """Things (rows) tied to H3 cells (columns) by weights.

    A thin object over :class:`scipy.sparse.csr_array`: whether rows are photos, survey clusters or admin
    regions, averaging and summing over cells is one sparse product. The contract: ``rows`` are unique;
    ``cells`` are unique and ascending when built by :meth:`from_arrays`; weights are finite and ≥ 0.

    Parameters
    ----------
    matrix
        Weights, shape (rows, cells).
    rows
        Row ids (``image_id``, ``cluster_id``, ``region_id``).
    cells
        Cell of each column, ``uint64``.
    notes
        Optional remarks per row (flags such as ``outside``), indexed by ``rows``.

    Raises
    ------
    InputError
        If shapes disagree, ids repeat, or a weight is negative or not finite.
    """

    # NumPy must leave ``array @ tie`` to us, and pandas ``series == tie``.
    __array_ufunc__ = None

    def __init__(
        self,
        matrix: sparse.csr_array,
        rows: pd.Index,
        cells: npt.NDArray[np.uint64],
        *,
        notes: pd.DataFrame | None = None,
    ) -> None:
        self.matrix = sparse.csr_array(matrix)
        self.rows = pd.Index(rows)
        self.cells = as_cells(cells)
        self.notes = notes
        self._check()

    @classmethod
    def from_arrays(
        cls,
        rows: npt.ArrayLike,
        cells: npt.ArrayLike,
        weights: npt.ArrayLike,
        *,
        row_ids: Sequence[Any] | pd.Index,
        columns: npt.ArrayLike | None = None,
        notes: pd.DataFrame | None = None,
    ) -> Tie:
        """Build from one entry per (row, cell); entries that occur twice are added up.

        Parameters
        ----------
        rows
            Position in ``row_ids`` of each entry, int.
        cells
            Cell of each entry, ``uint64``.
        weights
            Weight of each entry, float.
        row_ids
            Id of each row; rows without any entry stay, empty.
        columns
            Cells of the columns, in this order; default: the cells that occur, ascending.
        """
        cells = as_cells(cells)
        if columns is None:
            names, position = np.unique(cells, return_inverse=True)
        else:
            names = as_cells(columns)
            position = pd.Index(names).get_indexer(cells)
            if (position < 0).any():
                msg = f"{(position < 0).sum()} entries name a cell that is not among the columns."
                raise InputError(msg)
        shape = (len(row_ids), len(names))
        entries = (np.asarray(weights, dtype=float), (np.asarray(rows, dtype=np.int64), position))
        matrix = sparse.coo_array(entries, shape=shape).tocsr()
        return cls(matrix, pd.Index(row_ids), names, notes=notes)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of cells."""
        return self.matrix.shape

    @property
    def T(self) -> sparse.csr_array:
        """Transposed matrix (cells x rows): ``tie.T @ values_per_row`` gives one value per cell."""
        return self.matrix.T.tocsr()

    @property
    def weight(self) -> pd.Series:
        """Sum of the weights of each row."""
        return pd.Series(self.matrix.sum(axis=1), index=self.rows, name="weight")

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        sums = self.matrix.sum(axis=1)
        span = f"{sums.min():.6g} to {sums.max():.6g}" if len(sums) else "none"
        return (
            f"<Tie: {self.shape[0]} rows x {self.shape[1]} cells, {self.matrix.nnz} weights, row sums {span}>"
        )

    def __getitem__(self, key: Any) -> Tie:
        """Rows by mask, positions or slice; all cells stay."""
        positions = np.atleast_1d(np.arange(len(self))[key])
        notes = None if self.notes is None else self.notes.iloc[positions]
        return Tie(self.matrix[positions], self.rows[positions], self.cells, notes=notes)

    def __matmul__(self, values: Any) -> Any:
        """Weighted sum over cells, per row.

        ``values`` per cell: an array in the order of ``cells``, or a Series or DataFrame indexed by cell
        (joined by cell, never by position; a missing cell counts as NaN). NaN goes through, as in NumPy;
        :meth:`sum` and :meth:`mean` leave it out.
        """
        if sparse.issparse(values):
            return self.matrix @ values
        return self._wrap(self.matrix @ self._per_cell(values), values)

    def sum(self, values: Any) -> Any:
        """Weighted sum per row over the cells that have a value; NaN where none has one."""
        array = self._per_cell(values)
        known = ~np.isnan(array)
        total = self.matrix @ np.where(known, array, 0.0)
        return self._wrap(np.where(self._weight_of(known) > 0, total, np.nan), values)

    def mean(self, values: Any) -> Any:
        """Weighted mean per row over the cells that have a value; NaN where none has one.

        The weights are renormalised over those cells; :meth:`covered` says how much they are. With features
        of cells and the tie of displaced clusters this is the expected feature of each cluster.

        Parameters
        ----------
        values
            Array in the order of ``cells``, shape (cells,) or (cells, d), or a Series or DataFrame
            indexed by cell.

        Returns
        -------
        numpy.ndarray, pandas.Series or pandas.DataFrame
            The like of ``values``, one row per row of the tie.
        """
        array = self._per_cell(values)
        known = ~np.isnan(array)
        weight = self._weight_of(known)
        total = self.matrix @ np.where(known, array, 0.0)
        mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
        return self._wrap(mean, values)

    def covered(self, mask: npt.ArrayLike | pd.Series) -> pd.Series:
        """Share of each row's weight on the cells where ``mask`` holds; NaN for rows without weight.

        Parameters
        ----------
        mask
            Boolean per cell: an array in the order of ``cells``, or a Series indexed by cell (missing
            cells count as False).
        """
        if isinstance(mask, pd.Series):
            mask = mask.reindex(self.cells, fill_value=False)
        part = self.matrix @ np.asarray(mask, dtype=bool).astype(float)
        whole = self.matrix.sum(axis=1)
        share = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
        return pd.Series(share, index=self.rows, name="covered")

    def normalised(self) -> Tie:
        """The same tie with weights that sum to 1 in every row that has any."""
        whole = self.matrix.sum(axis=1)
        scale = np.divide(1.0, whole, out=np.zeros(len(whole)), where=whole > 0)
        matrix = sparse.csr_array(self.matrix, copy=True)
        matrix.data = matrix.data * np.repeat(scale, np.diff(matrix.indptr))
        return Tie(matrix, self.rows, self.cells, notes=self.notes)

    def reindex(self, cells: npt.ArrayLike) -> Tie:
        """The same rows over other columns: new cells get no weight, dropped ones lose theirs."""
        cells = as_cells(cells)
        entries = self.matrix.tocoo()
        position = pd.Index(cells).get_indexer(self.cells)[entries.col]
        kept = position >= 0
        data = (entries.data[kept], (entries.row[kept], position[kept]))
        matrix = sparse.coo_array(data, shape=(len(self), len(cells))).tocsr()
        return Tie(matrix, self.rows, cells, notes=self.notes)

    def to_frame(self) -> pd.DataFrame:
        """Long table with one line per weight: ``row``, ``cell``, ``weight``."""
        entries = self.matrix.tocoo()
        return pd.DataFrame(
            {"row": self.rows[entries.row], "cell": self.cells[entries.col], "weight": entries.data}
        )

    def _per_cell(self, values: Any) -> npt.NDArray[np.float64]:
        if isinstance(values, pd.Series | pd.DataFrame):
            values = values.reindex(self.cells)
        array = np.asarray(values)
        array = array if array.dtype.kind == "f" else array.astype(float)
        if array.shape[:1] != (len(self.cells),):
            msg = (
                f"There are {len(self.cells)} cells but the values have shape {array.shape}. Give one row "
                "per cell, in the order of tie.cells, or a Series or DataFrame indexed by cell."
            )
            raise InputError(msg)
        return array

    def _weight_of(self, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        if known.ndim == 2 and (known == known[:, :1]).all():
            # The usual case, a cell has all features or none: one product serves every column.
            return (self.matrix @ known[:, :1].astype(float)).repeat(known.shape[1], axis=1)
        return self.matrix @ known.astype(float)

    def _wrap(self, array: npt.NDArray[Any], like: Any) -> Any:
        if isinstance(like, pd.Series):
            return pd.Series(array, index=self.rows, name=like.name)
        if isinstance(like, pd.DataFrame):
            return pd.DataFrame(array, index=self.rows, columns=like.columns)
        return array

    def _check(self) -> None:
        if self.matrix.shape != (len(self.rows), len(self.cells)):
            msg = (
                f"A matrix of shape {self.matrix.shape} does not fit {len(self.rows)} rows and "
                f"{len(self.cells)} cells."
            )
            raise InputError(msg)
        for what, ids in (("row ids", self.rows), ("cells", pd.Index(self.cells))):
            if not ids.is_unique:
                some = ", ".join(map(str, ids[ids.duplicated()][:5]))
                msg = f"The {what} of a Tie are unique, but these repeat: {some}."
                raise InputError(msg)
        weights = self.matrix.data
        if len(weights) and not (np.isfinite(weights).all() and weights.min() >= 0):
            msg = "The weights of a Tie are finite and not negative; some of these are not."
            raise InputError(msg)
