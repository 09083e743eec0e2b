"""Activations of picture files, a stretch at a time, the unreadable ones set aside."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.explanation.concepts.activations import Pool, layer_activations
from geolivelihood.features import Reading, read_picture
from geolivelihood.features.pictures import three_bytes

__all__ = ["PictureActivations", "picture_activations"]

_STRETCH = 256  # pictures in memory at a time
_THREADS = 4


class PictureActivations(NamedTuple):
    """Activations of the pictures that could be read, and the others.

    Attributes
    ----------
    table
        Index ``image_id``, one column per activation.
    rejected
        ``row`` (image id), ``column``, ``reason``.
    """

    table: pd.DataFrame
    rejected: pd.DataFrame


def picture_activations(
    model: Any,
    images: pd.DataFrame,
    *,
    layer: str,
    size: int,
    prepare: Callable[[Tensor], Tensor] | None = None,
    bands: tuple[int, int, int] | None = None,
    pool: Pool = "mean",
    inputs: bool = False,
    batch_size: int = 32,
    cache: str | os.PathLike[str] | None = None,
    max_rejected: float = 0.1,
) -> PictureActivations:
    """Activations of a layer for a table of picture files.

    Parameters
    ----------
    model, layer, pool, inputs, batch_size, cache
        As in :func:`~geolivelihood.explanation.concepts.layer_activations`.
    images
        ``image_id, path``; ids may repeat (a picture of several concepts), each is read once.
    size
        Side in pixels of the square that the model sees; the whole picture is squeezed into it.
    prepare
        From pixels, uint8 (n, 3, size, size), to what the model takes, such as the transform of torchvision's
        weights. ``None`` for estimators of pictures, which take pixels; a plain module gets [0, 1].
    bands
        Three bands of rasters, counted from 1, in the order red, green, blue.
    max_rejected
        Share of unreadable pictures above which everything stops.

    Returns
    -------
    PictureActivations

    Raises
    ------
    MissingColumnError
        If ``image_id`` or ``path`` is missing.
    TooManyRejectedError
        If more pictures than that cannot be read.
    InputError
        If there is none, or the layer is not there.
    """
    missing = [name for name in ("image_id", "path") if name not in images]
    if missing:
        msg = f"The table of pictures has no column {', '.join(missing)}."
        raise MissingColumnError(msg)
    once = images.drop_duplicates("image_id")
    if once.empty:
        msg = "There is no picture in the table."
        raise InputError(msg)
    reading = Reading(size=size, bands=bands or None, enlarge=True)
    ready = prepare or _default(model)
    parts: list[pd.DataFrame] = []
    bad: list[tuple[str, str, str]] = []
    for start in range(0, len(once), _STRETCH):
        rows = once.iloc[start : start + _STRETCH]
        with ThreadPoolExecutor(_THREADS) as threads:
            read = list(threads.map(lambda path: _read(path, reading), rows["path"]))
        good = [pixels for pixels in read if not isinstance(pixels, str)]
        known = np.array([not isinstance(pixels, str) for pixels in read])
        names = rows["image_id"].to_numpy()
        bad += [(name, "path", text) for name, text in zip(names, read) if isinstance(text, str)]
        if good:
            pixels = ready(torch.from_numpy(np.stack(good)))
            values = layer_activations(
                model, pixels, layer=layer, pool=pool, inputs=inputs, batch_size=batch_size, cache=cache
            )
            parts.append(pd.DataFrame(values, index=pd.Index(names[known], name="image_id")))
    if len(bad) > max_rejected * len(once) or not parts:
        msg = (
            f"{len(bad)} of {len(once)} pictures cannot be read; the first, {bad[0][0]}: {bad[0][2]}. "
            f"max_rejected is {max_rejected:g}."
        )
        raise TooManyRejectedError(msg)
    return PictureActivations(pd.concat(parts), pd.DataFrame(bad, columns=["row", "column", "reason"]))


def _default(model: Any) -> Callable[[Tensor], Tensor]:
    plain = isinstance(model, torch.nn.Module)
    return (lambda pixels: pixels.float() / 255) if plain else (lambda pixels: pixels)


def _read(path: str | os.PathLike[str], reading: Reading) -> np.ndarray | str:
    """Pixels (3, size, size), or why there are none."""
    try:
        return np.ascontiguousarray(three_bytes(read_picture(path, reading)))
    except Exception as error:  # decoders raise anything on hostile bytes
        return str(error) or type(error).__name__
