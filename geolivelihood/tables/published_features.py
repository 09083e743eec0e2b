"""The published features of photos: HDF5 files whose row *i* belongs to row *i* of the image table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.extras import require

__all__ = ["feature_slices", "read_published_features"]

FEATURE_WIDTH = 512
"""Pooled outputs of ResNet-18 and ResNet-34."""

_SLICE = 8192  # rows of 512 single floats: 16 MB


def read_published_features(
    path: str | os.PathLike[str],
    rows: npt.ArrayLike | None = None,
    *,
    table_rows: int,
    width: int = FEATURE_WIDTH,
    out: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Features of some rows of the published table.

    Parameters
    ----------
    path
        HDF5 file with a dataset ``features``, shape (N, width) or (N, width, 1, 1).
    rows
        Rows of the table, in any order; ``None`` takes all.
    table_rows
        Rows of the table, N: the two are joined by position, so that any other number is an error.
    width
        Features per photo (512 for ResNet-18 and -34).
    out
        Array (or part of one) to fill, float32 of shape (len(rows), width), so that features can be read
        straight to their place in a larger table.

    Returns
    -------
    numpy.ndarray
        float32, shape (len(rows), width): ``out``, where it was given. Only the wanted rows are ever
        in memory, besides one slice.

    Raises
    ------
    InputError
        If the file is not readable, has another number of rows or another width, or a wanted feature is NaN
        or infinite.
    EnvironmentMissingError
        If h5py is not installed.
    """
    wanted = np.arange(table_rows) if rows is None else np.asarray(rows, dtype=np.int64)
    if len(wanted) and (wanted.min() < 0 or wanted.max() >= table_rows):
        msg = f"rows go from {wanted.min()} to {wanted.max()}, but the table has {table_rows} rows."
        raise InputError(msg)
    shape = (len(wanted), width)
    result = np.empty(shape, dtype=np.float32) if out is None else out
    if result.shape != shape or result.dtype != np.float32:
        msg = f"out has shape {result.shape} and holds {result.dtype}; give float32 of shape {shape}."
        raise InputError(msg)
    order = np.argsort(wanted, kind="stable")
    ascending = wanted[order]
    for start, values in feature_slices(path, table_rows=table_rows, width=width):
        first, last = np.searchsorted(ascending, [start, start + len(values)])
        result[order[first:last]] = values[ascending[first:last] - start]
        _check_finite(result, order[first:last], wanted, path)
    return result


def feature_slices(
    path: str | os.PathLike[str], *, table_rows: int, width: int = FEATURE_WIDTH, size: int = _SLICE
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Stream a feature file: first row and values (rows, width) of each slice; see above for the checks."""
    h5py = require("h5py", extra="hdf5")
    try:
        file = h5py.File(Path(path), "r")
    except OSError as error:
        msg = f"{path} is no readable HDF5 file: {error}."
        raise InputError(msg) from error
    with file:
        data = _dataset(file, Path(path), table_rows, width)
        for start in range(0, table_rows, size):
            yield start, _slice(data, start, size, Path(path)).reshape(-1, width)


def _dataset(file: Any, path: Path, rows: int, width: int) -> Any:
    h5py = require("h5py", extra="hdf5")
    link = file.get("features", getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        msg = f"{path}: 'features' is a link to elsewhere. Give the file that holds the values themselves."
        raise InputError(msg)
    if link is None or not isinstance(file["features"], h5py.Dataset):
        msg = f"{path} has no dataset 'features'; it has {', '.join(file) or 'none'}."
        raise InputError(msg)
    data = file["features"]
    if data.dtype.kind not in "fiu" or data.is_virtual or data.external:
        msg = f"{path}: features are {data.dtype}; give numbers, stored in this file."
        raise InputError(msg)
    if data.ndim < 2 or any(side != 1 for side in data.shape[2:]):
        msg = f"{path}: features have shape {data.shape}; expected ({rows}, {width}, 1, 1)."
        raise InputError(msg)
    if data.shape[0] != rows:
        what = "shorter" if data.shape[0] < rows else "longer"
        msg = (
            f"{path} is {what} than the table: {data.shape[0]:,} rows of features for {rows:,} photos. Row i "
            "of one belongs to row i of the other, so give the file that was made from this table."
        )
        raise InputError(msg)
    if data.shape[1] != width:
        msg = (
            f"{path} holds {data.shape[1]} features per photo, but {width} are expected: another backbone? "
            "ResNet-18 and -34 give 512, ResNet-50 gives 2048."
        )
        raise InputError(msg)
    return data


def _slice(data: Any, start: int, size: int, path: Path) -> npt.NDArray[np.float32]:
    try:
        # What is too large for a single float becomes infinite, which is refused where it is wanted.
        with np.errstate(over="ignore"):
            return np.asarray(data[start : start + size], dtype=np.float32)
    except OSError as error:
        msg = f"{path}: rows from {start:,} on cannot be read: {error}. Fetch the file again."
        raise InputError(msg) from error


def _check_finite(
    values: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64],
    path: str | os.PathLike[str],
) -> None:
    bad = wanted[rows[~np.isfinite(values[rows]).all(axis=1)]]
    if len(bad):
        shown = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
        msg = f"{path} holds NaN or infinite features in rows {shown}. Make those features again."
        raise InputError(msg)
