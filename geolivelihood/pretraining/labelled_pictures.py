"""Pictures read once, their short side brought to the network's size, kept in a temporary file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.features.feeding import Feeding, resize
from geolivelihood.features.loading import WINDOW, Loader
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.progress import track

__all__ = ["LabelledPictures"]

_CHUNK = 64


class _Kept(NamedTuple):
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class LabelledPictures:
    """Inputs of a network from a table of pictures, cropped anew as often as one likes.

    A training of a hundred epochs decodes every picture once. Use it as a context manager, which gives the
    temporary file back.

    Parameters
    ----------
    pictures
        Paths, or a table with ``path`` and perhaps windows of rasters.
    size
        Side of the network's pictures in pixels.
    feeding
        How values become inputs.
    bands
        Bands of rasters to take, counted from 1.
    root
        Folder that relative paths start from.
    max_rejected
        Share of pictures that may be unreadable.

    Attributes
    ----------
    count
        Pictures of the table.
    rows
        Rows of those that could be read, in order.
    rejected
        The others: ``row``, ``reason``.

    Raises
    ------
    InputError, MissingColumnError
        If there are no pictures or no paths.
    TooManyRejectedError
        If more than ``max_rejected`` cannot be read.
    """

    def __init__(
        self,
        pictures: pd.DataFrame | Sequence[str],
        *,
        size: int,
        feeding: Feeding,
        bands: tuple[int, ...] | None = None,
        root: str | os.PathLike[str] | None = None,
        max_rejected: float = 0.1,
    ) -> None:
        table = _table(pictures)
        self.size, self.feeding, self.count = size, feeding, len(table)
        loader = Loader(table, _Reader(size, feeding, bands), None if root is None else Path(root))
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open until close()
        try:
            self._kept, reasons = self._read(loader)
        except BaseException:
            self._file.close()
            raise
        self.rows = np.array([row for row in range(self.count) if row not in reasons], dtype=np.intp)
        self.rejected = pd.DataFrame({"row": list(reasons), "reason": list(reasons.values())})
        if len(reasons) > max_rejected * self.count:
            self.close()
            msg = (
                f"{len(reasons)} of {self.count} pictures cannot be read, more than "
                f"max_rejected={max_rejected:g} allows; the first: {next(iter(reasons.values()))}."
            )
            raise TooManyRejectedError(msg)

    def inputs(self, which: npt.NDArray[np.intp], *, generator: torch.Generator | None = None) -> Tensor:
        """Inputs (n, bands, size, size) of some of the readable pictures.

        Parameters
        ----------
        which
            Positions in :attr:`rows`.
        generator
            Crops are drawn from it; without one they are central.
        """
        crops = [self._crop(self._picture(self._kept[k]), generator) for k in which.tolist()]
        if len({crop.dtype for crop in crops}) > 1:
            crops = [crop.astype(np.float32) / 255 if crop.dtype == np.uint8 else crop for crop in crops]
        return self.feeding.inputs(torch.from_numpy(np.stack(crops)))

    def close(self) -> None:
        """Give the temporary file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, loader: Loader) -> tuple[list[_Kept], dict[int, str]]:
        kept, reasons, offset = [], {}, 0
        chunks = [np.arange(k, min(k + _CHUNK, self.count)) for k in range(0, self.count, _CHUNK)]
        for positions in track(chunks, "reading pictures"):
            for item in loader.load(positions):
                if item.array is None:
                    reasons[item.position] = item.reason
                    continue
                self._file.write(np.ascontiguousarray(item.array).tobytes())
                kept.append(_Kept(offset, item.array.shape, item.array.dtype))
                offset += item.array.nbytes
        self._file.flush()
        return kept, reasons

    def _picture(self, kept: _Kept) -> npt.NDArray[Any]:
        count = int(np.prod(kept.shape))
        self._file.seek(kept.offset)
        return np.frombuffer(self._file.read(count * kept.dtype.itemsize), dtype=kept.dtype).reshape(
            kept.shape
        )

    def _crop(self, pixels: npt.NDArray[Any], generator: torch.Generator | None) -> npt.NDArray[Any]:
        room = [side - self.size for side in pixels.shape[1:]]
        if generator is None:
            top, left = (round(free / 2) for free in room)
        else:
            top, left = (int(torch.randint(free + 1, (), generator=generator)) for free in room)
        return pixels[:, top : top + self.size, left : left + self.size]


class _Reader:
    """Whole pictures, their short side brought to the network's size."""

    def __init__(self, size: int, feeding: Feeding, bands: tuple[int, ...] | None) -> None:
        self.reading = Reading(bands=bands)
        self.size, self.feeding = size, feeding

    def prepare(self, picture: Picture) -> np.ndarray:
        """(bands, height, width), uint8 or float32 in 0-1; InputError if the picture does not fit."""
        pixels = self.feeding.unit(picture, name="the encoder")
        height, width = pixels.shape[1:]
        scale = self.size / min(height, width)
        shape = max(self.size, round(height * scale)), max(self.size, round(width * scale))
        return pixels if shape == (height, width) else resize(pixels, shape)


def _table(pictures: pd.DataFrame | Sequence[str]) -> pd.DataFrame:
    if not isinstance(pictures, pd.DataFrame):
        pictures = pd.DataFrame({"path": [os.fspath(path) for path in pictures]})
    if "path" not in pictures:
        msg = f"The table of pictures lacks path; it has {', '.join(map(str, pictures.columns))}."
        raise MissingColumnError(msg)
    if pictures.empty:
        msg = "There are no pictures."
        raise InputError(msg)
    columns = [column for column in ("image_id", "path", *WINDOW) if column in pictures]
    return pd.DataFrame(pictures[columns]).reset_index(drop=True)
