"""The writing side of a feature store: finished parts, and their merger into one file.

A run plans its batches from the table, the files' stamps and what the store has already. Every few batches
become one part, written atomically and named by the plan. A killed run plans the same again, finds its
parts, and computes the rest in the same batches: the result is the same, byte for byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from geolivelihood.features.loading import WINDOW, full_path
from geolivelihood.features.store import FEATURES, REJECTED, feature_array, feature_columns
from geolivelihood.files import atomic

__all__ = ["Part", "Rows", "merge", "part_files", "read_part", "stamps", "stored_rows", "write_part"]

STAMPS = "stamps.parquet"
_PARTS = "parts"
_WRITING = {"compression": "zstd", "use_dictionary": ["image_id"], "row_group_size": 65_536}


class Rows(NamedTuple):
    """Features of pictures, and the stamps of the files that they were made from."""

    ids: np.ndarray
    stamps: np.ndarray
    values: np.ndarray


class Part(NamedTuple):
    """What a part holds: the rows, and the reasons of the pictures set aside by their ids."""

    rows: Rows
    rejected: dict[str, str]


def stamps(images: pd.DataFrame, root: Path | None) -> np.ndarray:
    """A number (n,) uint64 for each picture that changes when its path, size, time or window does.

    The modification time stands for the content: hashing every byte of a million photos costs as much as
    reading them. A picture that is touched but not changed is embedded again, which does no harm.
    """
    codes, unique = pd.factorize(images["path"].astype(str))
    states = [_file_state(path, root) for path in unique]  # one system call per file
    text = pd.Series(states, dtype=object).iloc[codes].reset_index(drop=True)
    for column in (*WINDOW, "bands"):
        if column in images:
            text = text + "|" + images[column].astype(str).reset_index(drop=True)
    return pd.util.hash_array(text.to_numpy(dtype=object), categorize=False)


def _file_state(path: str, root: Path | None) -> str:
    try:
        found = os.stat(full_path(path, root))  # noqa: PTH116 - may be a URL
    except OSError:
        return f"{path}|not there"
    return f"{path}|{found.st_size}|{found.st_mtime_ns}"


def part_files(store: Path) -> list[Path]:
    """Finished parts of a store, in order."""
    return sorted(path for path in (store / _PARTS).glob("*.parquet") if ".part." not in path.name)


def part_path(store: Path, plan: str, number: int) -> Path:
    """Where part ``number`` of a plan is written."""
    return store / _PARTS / f"{plan[:16]}-{number:06d}.parquet"


def write_part(path: Path, part: Part) -> None:
    """Write a part, whole or not at all."""
    ids, marks, values = part.rows
    table = feature_columns(ids, values).append_column("stamp", pa.array(marks, pa.uint64()))
    table = table.replace_schema_metadata({"rejected": json.dumps(part.rejected)})
    with atomic(path) as temporary:
        pq.write_table(table, temporary, **_WRITING)


def read_part(path: Path) -> Part:
    """Read a part."""
    table = pq.read_table(path)
    rejected = json.loads((table.schema.metadata or {}).get(b"rejected", b"{}"))
    ids, marks = table["image_id"].to_numpy(), table["stamp"].to_numpy()
    return Part(Rows(ids, marks, feature_array(table)), rejected)


def read_rejected(paths: Iterable[Path]) -> dict[str, str]:
    """Reasons of the pictures that parts set aside, by their ids."""
    found: dict[str, str] = {}
    for path in paths:
        metadata = pq.read_schema(path).metadata or {}
        found |= json.loads(metadata.get(b"rejected", b"{}"))
    return found


def stored_rows(store: Path) -> pd.Series:
    """Stamps of the pictures that the merged file holds; index image id."""
    path = store / STAMPS
    if not path.exists() or not (store / FEATURES).exists():
        return pd.Series([], index=pd.Index([], dtype="str"), dtype=np.uint64)
    table = pq.read_table(path)
    return pd.Series(table["stamp"].to_numpy(), index=pd.Index(table["image_id"].to_numpy(), dtype="str"))


def merge(store: Path, dim: int, order: np.ndarray) -> int:
    """Merge the parts of a store into its one file; returns the number of rows.

    Parameters
    ----------
    store
        The folder.
    dim
        Number of features.
    order
        Image ids in the order of the table. Pictures of the store that the table does not list keep
        their rows after these, so that a run over part of a table throws no work away.

    Notes
    -----
    The features are written before the stamps, and the parts go last: whenever this is interrupted, the
    same parts are found and merged again.
    """
    files = part_files(store)
    known = stored_rows(store).index.to_numpy()
    if (
        not files
        and (store / FEATURES).exists()
        and (_final_order(known, order) == np.arange(len(known))).all()
    ):
        return len(known)
    rows = _gather(store, files, dim)
    final = _final_order(rows.ids, order)
    if len(final) != len(rows.ids) or (final != np.arange(len(final))).any():
        rows = Rows(*(values[final] for values in rows))
    with atomic(store / FEATURES) as part:
        pq.write_table(feature_columns(rows.ids, rows.values), part, **_WRITING)
    with atomic(store / STAMPS) as part:
        pq.write_table(pa.table({"image_id": pa.array(rows.ids, pa.string()), "stamp": rows.stamps}), part)
    for path in files:
        path.unlink()
    if (store / _PARTS).exists() and not any((store / _PARTS).iterdir()):
        (store / _PARTS).rmdir()
    return len(rows.ids)


def _final_order(ids: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Positions of the newest row of each picture: those of ``order`` first, then the others."""
    newest = np.flatnonzero(~pd.Index(ids).duplicated(keep="last"))
    rank = pd.Index(order).get_indexer(ids[newest])
    return newest[np.argsort(np.where(rank < 0, len(order), rank), kind="stable")]


def _gather(store: Path, files: list[Path], dim: int) -> Rows:
    """Rows of the merged file and of the parts, the newest last."""
    pieces = [Rows(np.empty(0, object), np.empty(0, np.uint64), np.empty((0, dim), np.float32))]
    known = stored_rows(store)
    if len(known):
        table = pq.read_table(store / FEATURES)
        ids = table["image_id"].to_numpy()
        marks = known.reindex(ids, fill_value=0).to_numpy(dtype=np.uint64)
        pieces.append(Rows(ids, marks, feature_array(table)))
    pieces += [read_part(path).rows for path in files]
    return Rows(*(np.concatenate(column) for column in zip(*pieces)))


def write_rejected(store: Path, rejected: dict[str, str]) -> None:
    """Write the pictures that were set aside, with their reasons."""
    table = pd.DataFrame({"row": list(rejected), "column": "path", "reason": list(rejected.values())})
    with atomic(store / REJECTED) as part:
        table.to_csv(part, index=False, lineterminator="\n")
