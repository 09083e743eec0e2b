"""The queue of negatives: keys of earlier steps, and where on earth each of them comes from.

Beside each key stand the place of its picture, its H3 cell and its position as a unit vector, so that no
picture of the same place (cell, neighbourhood) is ever called a negative of another.
"""

from __future__ import annotations

import math
import warnings
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.cells.index import lonlat_cells
from geolivelihood.errors import InputError
from geolivelihood.sphere import chord, unit_vectors

__all__ = ["KeyQueue", "Origin", "check_queue_size", "fitted_queue_size", "place_codes"]

_NOBODY = -1


class Origin(NamedTuple):
    """Where pictures come from; what is unknown matches nobody.

    Attributes
    ----------
    place
        Code of the place, int64 (n,); -1 where there is none.
    cell
        H3 cell, int64 (n,); -1 where there is none.
    vector
        Position on the unit sphere, float32 (n, 3); NaN where it is unknown. Single precision is exact
        to half a metre.
    """

    place: Tensor
    cell: Tensor
    vector: Tensor

    @classmethod
    def of(
        cls,
        rows: int,
        *,
        places: npt.ArrayLike | None = None,
        lonlat: npt.ArrayLike | None = None,
        resolution: int = 9,
    ) -> Origin:
        """Origins of the rows of an images table.

        Parameters
        ----------
        rows
            Number of pictures.
        places
            Name of each picture's place; missing ones match nobody.
        lonlat
            Degrees WGS84, shape (rows, 2); NaN where unknown.
        resolution
            H3 resolution of the cells.

        Raises
        ------
        InputError
            If an array has not one entry per row.
        """
        cell = np.full(rows, _NOBODY, np.int64)
        vector = np.full((rows, 3), np.nan, np.float32)
        if lonlat is not None:
            degrees = np.asarray(lonlat, dtype=float)
            _check_rows("lonlat", degrees.shape, (rows, 2))
            known = np.isfinite(degrees).all(axis=1)
            cells = lonlat_cells(degrees[known, 0], degrees[known, 1], resolution=resolution)
            cell[known] = cells.astype(np.int64)  # the highest bit of an H3 index is never set
            vector[known] = unit_vectors(degrees[known])
        place = np.full(rows, _NOBODY, np.int64) if places is None else place_codes(places)
        _check_rows("places", place.shape, (rows,))
        return cls(*(torch.from_numpy(values) for values in (place, cell, vector)))

    def at(self, position: Tensor | slice) -> Origin:
        """Origins of the pictures at these positions."""
        return Origin(*(values[position] for values in self))

    def to(self, device: torch.device) -> Origin:
        """The same on another device."""
        return Origin(*(values.to(device) for values in self))


class KeyQueue(nn.Module):
    """First in, first out: the last ``size`` keys with their origins, all of it saved in checkpoints.

    It begins as normalised Gaussian vectors, which come from nowhere.

    Parameters
    ----------
    size
        Number of keys, K.
    dim
        Length of a key.
    seed
        Of the Gaussian vectors.

    Attributes
    ----------
    keys
        Unit vectors, float32 (K, dim).
    pointer
        Where the next key is written, int64 (1,).
    place, cell, vector
        Of each key, as in :class:`Origin`.
    """

    keys: Tensor
    pointer: Tensor
    place: Tensor
    cell: Tensor
    vector: Tensor

    def __init__(self, size: int, dim: int = 128, *, seed: int = 0) -> None:
        super().__init__()
        if size < 1 or dim < 1:
            msg = f"A queue of {size} keys of {dim} values: both must be at least 1."
            raise InputError(msg)
        noise = torch.randn(size, dim, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("keys", functional.normalize(noise, dim=1))
        self.register_buffer("pointer", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("place", torch.full((size,), _NOBODY))
        self.register_buffer("cell", torch.full((size,), _NOBODY))
        self.register_buffer("vector", torch.full((size, 3), math.nan))
        self.next = 0

    @property
    def size(self) -> int:
        """Number of keys, K."""
        return len(self.keys)

    @torch.no_grad()
    def enqueue(self, keys: Tensor, origin: Origin) -> None:
        """Write keys over the oldest ones.

        Call it after the backward pass: the gradient of the logits needs the queue as it was, which the
        published code copies in every step instead.

        Parameters
        ----------
        keys
            Unit vectors, shape (n, dim); n divides K.
        origin
            Where they come from.

        Raises
        ------
        InputError
            If n does not divide K.
        """
        check_queue_size(self.size, len(keys))
        end = self.next + len(keys)
        for old, new in zip((self.keys, *self._origin()), (keys, *origin)):
            old[self.next : end] = new.to(old.dtype)
        # the pointer is kept twice: reading it from a GPU would wait for all work in flight
        self.next = end % self.size
        self.pointer.fill_(self.next)

    def excluded(self, origin: Origin, *, within: Literal["place", "cell"] | float | None) -> Tensor | None:
        """Which keys are no negatives of pictures from ``origin``: boolean (n, K), or ``None`` for none.

        Parameters
        ----------
        origin
            Of n queries.
        within
            ``"place"``: keys of the same place. ``"cell"``: of the same place or H3 cell. A number: of the
            same place or within so many metres. ``None`` calls every key a negative, as published.
        """
        if within is None:
            return None
        same = (origin.place[:, None] == self.place) & (origin.place[:, None] != _NOBODY)
        if within == "cell":
            return same | (origin.cell[:, None] == self.cell) & (origin.cell[:, None] != _NOBODY)
        if within == "place":
            return same
        # not by way of a matrix product, which loses all digits of small distances
        apart = torch.cdist(origin.vector, self.vector, compute_mode="donot_use_mm_for_euclid_dist")
        return same | (apart <= float(chord(float(within))))

    def _origin(self) -> Origin:
        return Origin(self.place, self.cell, self.vector)

    def _load_from_state_dict(self, *arguments: object, **options: object) -> None:
        super()._load_from_state_dict(*arguments, **options)  # type: ignore[arg-type]
        self.next = int(self.pointer)

    def extra_repr(self) -> str:
        """Size, and how many keys come from somewhere."""
        return f"{self.size} keys, {int((self.place != _NOBODY).sum())} of known places"


def check_queue_size(size: int, batch: int) -> None:
    """Refuse a queue that a batch does not fill evenly.

    Raises
    ------
    InputError
        If ``size`` is no multiple of ``batch``.
    """
    if size % batch:
        near = [k * batch for k in (size // batch, size // batch + 1) if k]
        msg = (
            f"queue_size={size} is no multiple of the {batch} keys of a step (the global batch; twice that "
            f"with symmetric=True). Choose {' or '.join(map(str, near))}."
        )
        raise InputError(msg)


def fitted_queue_size(size: int, *, batch: int, places: int, paper: bool = False) -> int:
    """Size of a queue that holds no key of the query's own place, if that can be.

    A queue larger than the places less the batch holds keys of every query's own picture; the default is
    reduced to a multiple of the batch below that, but not below one batch.

    Parameters
    ----------
    size
        What was asked for.
    batch
        Keys of one step, over all processes.
    places
        Number of distinct places in the data.
    paper
        Keep the size as published, and say what it means.

    Raises
    ------
    InputError
        If there is one place only, or ``size`` is no multiple of ``batch``.
    """
    check_queue_size(size, batch)
    if places < 2:
        msg = (
            f"The pictures come from {places} place: nothing can be told apart. Pretrain on several places, "
            "or leave place_id out if each picture is a place of its own."
        )
        raise InputError(msg)
    most = max((places - batch) // batch, 1) * batch
    if size <= places - batch or size <= most:
        return size
    if paper:
        msg = (
            f"The queue of {size} keys is larger than the {places} places less the batch of {batch}: "
            f"pictures become negatives of themselves. That is as published; {most} would not do so."
        )
        warnings.warn(msg, stacklevel=2)
        return size
    msg = (
        f"queue_size={size} is reduced to {most}: there are {places} places and {batch} keys in a step, and "
        "a larger queue would hold each query's own picture."
    )
    warnings.warn(msg, stacklevel=2)
    return most


def place_codes(places: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Whole numbers that stand for names of places, -1 for missing names."""
    return pd.factorize(np.asarray(places, dtype=object))[0].astype(np.int64)


def _check_rows(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if shape != wanted:
        msg = f"{name} has shape {shape}, but the table of images needs {wanted}: one entry per row."
        raise InputError(msg)
