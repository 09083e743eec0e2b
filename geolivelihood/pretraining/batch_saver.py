"""The batch under which a training broke down, kept so that it can be looked at."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from safetensors.torch import load_file, save_file

from geolivelihood.errors import InputError
from geolivelihood.files import atomic
from geolivelihood.pretraining.views import ViewBatch

__all__ = ["SavedBatch", "load_batch", "save_batch"]


class SavedBatch(NamedTuple):
    """A batch as it was saved.

    Attributes
    ----------
    batch
        Views and positions.
    query_ids, key_ids
        Image ids, one per row.
    where
        Epoch, step, rank and whatever else was said of it.
    """

    batch: ViewBatch
    query_ids: list[str]
    key_ids: list[str]
    where: dict[str, int | float | str]


def save_batch(
    path: str | os.PathLike[str],
    batch: ViewBatch,
    images: pd.DataFrame,
    *,
    where: dict[str, int | float | str] | None = None,
) -> Path:
    """Write a batch: tensors to ``<path>.safetensors``, ids of its pictures to ``<path>.json`` beside it.

    Parameters
    ----------
    path
        With or without the suffix.
    batch
        Positions are rows of ``images``.
    images
        With ``image_id``.
    where
        What to note of the batch: epoch, step, loss.

    Raises
    ------
    OutputError
        If the folder cannot be written or the disk is full.
    """
    target = Path(path).with_suffix(".safetensors")
    ids = images["image_id"].astype("str").to_numpy()
    named = {
        "query_ids": ids[batch.position.cpu().numpy()].tolist(),
        "key_ids": ids[batch.key_position.cpu().numpy()].tolist(),
        "where": where or {},
    }
    with atomic(target) as part:
        save_file({name: value.detach().cpu().contiguous() for name, value in batch._asdict().items()}, part)
    with atomic(target.with_suffix(".json")) as part:
        part.write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")
    return target


def load_batch(path: str | os.PathLike[str]) -> SavedBatch:
    """A batch that :func:`save_batch` wrote.

    Raises
    ------
    InputError
        If one of the two files is missing.
    """
    target = Path(path).with_suffix(".safetensors")
    for file in (target, target.with_suffix(".json")):
        if not file.exists():
            msg = f"{file} does not exist; a saved batch is a .safetensors file and a .json of the same name."
            raise InputError(msg)
    named = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    return SavedBatch(ViewBatch(**load_file(target)), **named)
