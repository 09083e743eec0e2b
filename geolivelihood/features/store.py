"""The feature store: a folder with one Parquet file of vectors and a manifest of how they came about."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file, save_file

from geolivelihood.errors import InputError, StoreMismatchError
from geolivelihood.features.encoders import Encoder
from geolivelihood.features.weights import state_hash
from geolivelihood.files import atomic

__all__ = ["FeatureStore", "claim_store"]

FEATURES, MANIFEST, REJECTED, STATE = (
    "features.parquet",
    "manifest.json",
    "rejected.csv",
    "encoder.safetensors",
)
_FORMAT = 1


class FeatureStore:
    """Features of pictures on disk, made by :func:`~geolivelihood.features.embed`.

    The folder holds ``features.parquet`` (``image_id`` and a fixed-size list of float32), ``manifest.json``
    (the encoder with the hash of its weights, its transform, library versions), ``rejected.csv``,
    ``stamps.parquet`` (by which changed pictures are noticed) and, where the encoder learned something
    from the pictures, ``encoder.safetensors``.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    InputError
        If there is no feature store.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not (self.path / MANIFEST).exists():
            msg = (
                f"There is no feature store at {self.path}: make one with embed(images, encoder, store=...)."
            )
            raise InputError(msg)

    @property
    def manifest(self) -> dict[str, Any]:
        """How the features came about: ``encoder``, ``precision``, ``versions``, ``rows``, ``complete``."""
        return json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))

    @property
    def complete(self) -> bool:
        """Whether the last run over the pictures came to its end."""
        return bool(self.manifest["complete"])

    def read(self, image_ids: Iterable[str] | None = None) -> pd.DataFrame:
        """Features, one row per picture.

        Parameters
        ----------
        image_ids
            Pictures to return, in this order; ``None`` returns all of the store.

        Returns
        -------
        pandas.DataFrame
            float32 columns ``f0000, f0001, ...``; index ``image_id``.

        Raises
        ------
        InputError
            If the run that makes the store was interrupted, or a picture is not in the store.
        """
        if not self.complete:
            msg = (
                f"The feature store {self.path} is unfinished: run embed again, it goes on where it stopped."
            )
            raise InputError(msg)
        ids, values = read_features(self.path / FEATURES)
        columns = [f"f{k:04d}" for k in range(values.shape[1])]
        frame = pd.DataFrame(values, index=pd.Index(ids, name="image_id", dtype="str"), columns=columns)
        if image_ids is None:
            return frame
        wanted = pd.Index(image_ids, name="image_id")
        absent = wanted.difference(frame.index)
        if len(absent):
            msg = (
                f"{len(absent)} of {len(wanted)} pictures are not in the feature store {self.path}, such as "
                f"{', '.join(map(str, absent[:3]))}: embed them, or see rejected() for the reason."
            )
            raise InputError(msg)
        return frame.loc[wanted]

    def rejected(self) -> pd.DataFrame:
        """Pictures that could not be embedded: ``row`` (image id), ``column``, ``reason``."""
        path = self.path / REJECTED
        if not path.exists():
            return pd.DataFrame({"row": [], "column": [], "reason": []}, dtype="str")
        return pd.read_csv(path, dtype="str", keep_default_na=False)

    def __len__(self) -> int:
        return int(self.manifest["rows"])

    def __repr__(self) -> str:
        """Rows, encoder, and whether the store is finished."""
        made = self.manifest
        state = "" if made["complete"] else ", unfinished"
        return f"FeatureStore({made['rows']} pictures, {describe(made['encoder'])}{state})"


def read_features(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Image ids (n,) and features (n, dim) float32 of a Parquet file."""
    table = pq.read_table(path, columns=["image_id", "features"])
    return table["image_id"].to_numpy(), feature_array(table)


def feature_array(table: pa.Table) -> np.ndarray:
    """The column of fixed-size lists as an array (n, dim)."""
    dim = table.schema.field("features").type.list_size
    chunks = [chunk.flatten().to_numpy() for chunk in table["features"].chunks]
    return np.concatenate(chunks or [np.empty(0, np.float32)]).reshape(-1, dim)


def feature_columns(ids: np.ndarray, values: np.ndarray) -> pa.Table:
    """Image ids and features as they stand in the file."""
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
    lists = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table({"image_id": pa.array(ids, pa.string()), "features": lists})


def describe(card: dict[str, Any]) -> str:
    """An encoder in a few words: ``"resnet18 (random, 1a2b3c4d)"``."""
    parts = [str(card["weights"])] if "weights" in card else []
    parts += [card["weights_hash"][:8]] if "weights_hash" in card else []
    return card["name"] + (f" ({', '.join(parts)})" if parts else "")


def claim_store(path: Path, encoder: Encoder, precision: str) -> tuple[Encoder, dict[str, Any]]:
    """Open the store of an encoder, or begin one.

    Returns
    -------
    tuple
        The encoder, with what it learned when the store was begun, and the manifest.

    Raises
    ------
    StoreMismatchError
        If the store was made by another encoder, or with another precision.
    """
    if path.exists() and not path.is_dir():
        msg = f"{path} is a file: a feature store is a folder."
        raise InputError(msg)
    card = json.loads(json.dumps(encoder.card()))
    if not (path / MANIFEST).exists():
        manifest = {
            "format": _FORMAT,
            "encoder": card,
            "precision": "float32" if precision == "auto" else precision,
            "rows": 0,
            "complete": False,
        }
        write_manifest(path, manifest)
        return encoder, manifest
    manifest = FeatureStore(path).manifest
    _check_same(path, manifest["encoder"], card)
    if precision not in ("auto", manifest["precision"]):
        msg = f"The feature store {path} was made in {manifest['precision']}, not in {precision}."
        raise StoreMismatchError(msg)
    return _restored(path, encoder), manifest


def _check_same(path: Path, made: dict[str, Any], asked: dict[str, Any]) -> None:
    keys = (set(made) | set(asked)) - {"weights"}
    differ = sorted(key for key in keys if made.get(key) != asked.get(key))
    if differ:
        msg = (
            f"The feature store {path} was made by {describe(made)}, not by {describe(asked)}; they differ "
            f"in {', '.join(f'{key} ({made.get(key)} / {asked.get(key)})' for key in differ)}. "
            "Choose another folder, or delete this one."
        )
        raise StoreMismatchError(msg)


def _restored(path: Path, encoder: Encoder) -> Encoder:
    file = path / STATE
    if not file.exists():
        return encoder
    state = load_file(file)
    if encoder.fitted and state_hash(state) != state_hash(encoder.state()):
        msg = (
            f"The feature store {path} was made by {encoder.name} fitted to other pictures "
            f"({state_hash(state)[:8]}, not {state_hash(encoder.state())[:8]}). Choose another folder."
        )
        raise StoreMismatchError(msg)
    return encoder.restore(state)


def save_state(path: Path, encoder: Encoder) -> None:
    """Keep what an encoder learned, if it did, so that every later run uses the same."""
    if encoder.state():
        with atomic(path / STATE) as part:
            save_file({key: value.contiguous() for key, value in encoder.state().items()}, part)


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest of a store."""
    with atomic(path / MANIFEST) as part:
        part.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
