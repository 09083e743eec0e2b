"""All pictures of a table through an encoder into a feature store, resumably."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import torch

from geolivelihood import __version__
from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.features import parts
from geolivelihood.features.encoders import Encoder, fingerprint
from geolivelihood.features.lanes import in_lanes
from geolivelihood.features.loading import Loaded, Loader, reading_order, stretches
from geolivelihood.features.store import FeatureStore, claim_store, save_state, write_manifest
from geolivelihood.files import content_hash
from geolivelihood.progress import track

__all__ = ["embed"]

_BATCHES_PER_PART = 32
_SAMPLE = 128
_GPU_BATCH = 128


class _Run(NamedTuple):
    """One call of :func:`embed`."""

    images: pd.DataFrame
    ids: np.ndarray
    encoder: Encoder
    store: Path
    batch_size: int
    workers: int
    device: str
    precision: str
    root: Path | None
    max_rejected: float


def embed(
    images: gpd.GeoDataFrame | pd.DataFrame,
    encoder: Encoder,
    *,
    store: str | os.PathLike[str],
    batch_size: int | None = None,
    workers: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    root: str | os.PathLike[str] | None = None,
    max_rejected: float = 0.1,
) -> FeatureStore:
    """Embed every picture of a table; go on where an earlier run stopped.

    On a CPU several batches are read and encoded side by side, one per core; for a GPU they are read
    in worker threads. Every few batches are written as a part; a run that was killed reuses them and ends
    with the same file, byte for byte. Pictures that the store has already, and whose file (path, size,
    modification time) and window are the same, are not read again.

    Parameters
    ----------
    images
        ``image_id`` (unique) and ``path``; rows with ``col_off, row_off, width, height`` are windows of
        rasters (:func:`~geolivelihood.tables.chip_table`), the others whole files.
    encoder
        From :func:`~geolivelihood.features.encoder`. One that learns from pictures (``rcf``) does so once,
        from a seeded sample of the table, and what it learned is kept in the store.
    store
        Folder of the feature store; made if it is not there.
    batch_size
        Pictures per forward pass; ``None`` takes the encoder's own on a CPU and 128 on a GPU. The
        result differs between batch sizes by float32 rounding only.
    workers
        Threads; ``None`` takes as many as PyTorch would use on a CPU, and one per core for a GPU. The
        result does not depend on it.
    device
        ``"cpu"``, ``"cuda"``...; ``"auto"`` takes a GPU where there is one.
    precision
        ``"float32"``, ``"bfloat16"`` (autocast), or ``"auto"``: that of the store, in a new one bf16 on
        GPUs that have it.
    root
        Folder that relative paths start from.
    max_rejected
        Share of pictures that may be set aside before the run stops.

    Returns
    -------
    FeatureStore
        Its rows are in the order of the table.

    Raises
    ------
    InputError, MissingColumnError
        If the table is empty, lacks a column, repeats ids, or an option is out of range.
    StoreMismatchError
        If the store was made by another encoder.
    TooManyRejectedError
        If more than ``max_rejected`` of the pictures cannot be embedded. What was done is kept.
    Cancelled
        If somebody asked to stop; the next run goes on.
    """
    table = _checked(images)
    _check_options(batch_size, workers, precision, max_rejected)
    place = _device(device)
    folder = Path(store)
    ready, manifest = claim_store(folder, encoder, _precision(precision, encoder, place, folder))
    run = _Run(
        images=table,
        ids=table["image_id"].to_numpy(dtype=object),
        encoder=ready,
        store=folder,
        batch_size=batch_size or (ready.batch_size if place == "cpu" else _GPU_BATCH),
        workers=workers or (torch.get_num_threads() if place == "cpu" else _cores()),
        device=place,
        precision=manifest["precision"],
        root=None if root is None else Path(root),
        max_rejected=max_rejected,
    )
    if not ready.fitted:
        run = run._replace(encoder=_fitted(run))
        save_state(folder, run.encoder)
    rejected = _embed_pending(run, manifest)
    rows = parts.merge(folder, run.encoder.dim, run.ids)
    parts.write_rejected(folder, rejected)
    write_manifest(folder, manifest | _provenance(run, rows, rejected))
    return FeatureStore(folder)


def _checked(images: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in ("image_id", "path") if column not in images]
    if missing:
        msg = f"The table of images lacks {', '.join(missing)}; it has {', '.join(map(str, images.columns))}."
        raise MissingColumnError(msg)
    if images.empty:
        msg = "The table of images is empty: there is nothing to embed."
        raise InputError(msg)
    geometry = images.active_geometry_name if isinstance(images, gpd.GeoDataFrame) else None
    table = pd.DataFrame(images.drop(columns=geometry) if geometry else images).reset_index(drop=True)
    gaps = table.index[table["image_id"].isna() | table["path"].isna()]
    if len(gaps):
        msg = f"{len(gaps)} images have no image_id or no path, the first in row {images.index[gaps[0]]}."
        raise InputError(msg)
    table["image_id"] = table["image_id"].astype("str")
    double = table.loc[table["image_id"].duplicated(), "image_id"]
    if len(double):
        msg = (
            f"{len(double)} image ids appear more than once, such as {double.iloc[0]!r}; they must be unique."
        )
        raise InputError(msg)
    return table


def _check_options(batch_size: int | None, workers: int | None, precision: str, max_rejected: float) -> None:
    if (batch_size is not None and batch_size < 1) or (workers is not None and workers < 1):
        msg = f"batch_size={batch_size}, workers={workers}: both must be at least 1."
        raise InputError(msg)
    if precision not in ("auto", "float32", "bfloat16"):
        msg = f"precision={precision!r}: choose 'auto', 'float32' or 'bfloat16'."
        raise InputError(msg)
    if not 0 <= max_rejected <= 1:
        msg = f"max_rejected={max_rejected}: give a share from 0 to 1."
        raise InputError(msg)


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        msg = f"device={device!r} cannot be used: {str(error).splitlines()[0]}. Use 'cpu' or 'auto'."
        raise InputError(msg) from error
    return device


def _precision(precision: str, encoder: Encoder, device: str, store: Path) -> str:
    """The precision asked for; ``"auto"`` only where a store exists, whose own is taken."""
    if not encoder.half:
        return "float32"
    if precision != "auto" or (store / "manifest.json").exists():
        return precision
    return "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _fitted(run: _Run) -> Encoder:
    """The encoder, fitted to a seeded sample of the table."""
    rng = np.random.default_rng(getattr(run.encoder, "seed", 0))
    chosen = rng.permutation(len(run.images))[:_SAMPLE]
    order = reading_order(run.images)
    sample = order[np.isin(order, chosen)]
    loader = Loader(run.images, run.encoder, run.root)
    tasks = stretches(run.images, sample, 8)
    stream = in_lanes(loader.load, tasks, workers=run.workers)
    text = f"reading a sample to fit {run.encoder.name}"
    loaded = [item for items in track(stream, text, total=len(tasks)) for item in items]
    arrays = [item.array for item in loaded if item.array is not None]
    if not arrays:
        reasons = {run.ids[item.position]: item.reason for item in loaded}
        parts.write_rejected(run.store, reasons)
        raise _too_many(run, reasons, len(sample))
    return run.encoder.fit(arrays)


def _embed_pending(run: _Run, manifest: dict) -> dict[str, str]:
    """Embed what the store lacks, in parts; returns the reasons of the pictures set aside."""
    marks = parts.stamps(run.images, run.root)
    plan, pending = _plan(run, marks)
    stale = [path for path in parts.part_files(run.store) if not path.name.startswith(plan[:16])]
    if stale:  # of a run over another table: keep its work, then plan anew
        parts.merge(run.store, run.encoder.dim, run.ids)
        plan, pending = _plan(run, marks)
    if len(pending):
        write_manifest(run.store, manifest | {"complete": False})
    size = run.batch_size * _BATCHES_PER_PART
    files = [parts.part_path(run.store, plan, k) for k in range(-(-len(pending) // size))]
    done = np.array([path.exists() for path in files], dtype=bool)
    rejected = parts.read_rejected(path for path, there in zip(files, done) if there)
    todo = pending[~np.repeat(done, size)[: len(pending)]]
    targets = (path for path, there in zip(files, done) if not there)
    text = f"embedding pictures with {run.encoder.name}"
    batches = track(_batches(run, marks, todo), text, total=-(-len(todo) // run.batch_size))
    while group := list(_collected(run, islice(batches, _BATCHES_PER_PART), rejected)):
        rows = parts.Rows(*(np.concatenate(column) for column in zip(*(part.rows for part in group))))
        aside = {name: reason for part in group for name, reason in part.rejected.items()}
        parts.write_part(next(targets), parts.Part(rows, aside))
    _check_rejected(run, rejected)
    return rejected


def _plan(run: _Run, marks: np.ndarray) -> tuple[str, np.ndarray]:
    """What is to be embedded, in reading order, and a hash of it and of how."""
    order = reading_order(run.images)
    stored = parts.stored_rows(run.store).reindex(run.ids, fill_value=0)
    current = stored.to_numpy(dtype=np.uint64) == marks
    pending = order[~current[order]]
    ids = run.ids[pending].tolist()
    return content_hash([ids, marks[pending].tolist(), run.batch_size, _BATCHES_PER_PART]), pending


def _batches(run: _Run, marks: np.ndarray, positions: np.ndarray) -> Iterator[parts.Part]:
    """Embedded batches, in order. On a CPU each lane reads and encodes; a GPU is fed from the lanes."""
    loader = Loader(run.images, run.encoder, run.root)
    on_cpu = run.device == "cpu"

    def load(stretch: np.ndarray) -> list[list[Loaded]]:
        loaded = loader.load(stretch)
        return [loaded[k : k + run.batch_size] for k in range(0, len(loaded), run.batch_size)]

    def load_and_encode(stretch: np.ndarray) -> list[parts.Part]:
        return [_encoded(run, marks, batch) for batch in load(stretch)]

    tasks = stretches(run.images, positions, run.batch_size)
    if on_cpu:
        for done in in_lanes(load_and_encode, tasks, workers=run.workers):
            yield from done
        return
    for batches in in_lanes(load, tasks, workers=run.workers):
        for batch in batches:
            yield _encoded(run, marks, batch)


def _encoded(run: _Run, marks: np.ndarray, batch: list[Loaded]) -> parts.Part:
    """Features of a batch, and the pictures that fall out of it."""
    arrays = [item.array for item in batch if item.array is not None]
    positions = np.array([item.position for item in batch if item.array is not None], dtype=np.intp)
    values = np.empty((0, run.encoder.dim), dtype=np.float32)
    if arrays:
        values = run.encoder.encode(arrays, device=run.device, precision=run.precision)
    finite = np.isfinite(values).all(axis=1)
    aside = {run.ids[item.position]: item.reason for item in batch if item.array is None}
    aside |= dict.fromkeys(run.ids[positions[~finite]], "its features are not finite numbers")
    kept = positions[finite]
    return parts.Part(parts.Rows(run.ids[kept], marks[kept], values[finite]), aside)


def _collected(run: _Run, batches: Iterator[parts.Part], rejected: dict[str, str]) -> Iterator[parts.Part]:
    """The same batches; the pictures that they set aside are added to ``rejected`` and counted."""
    for batch in batches:
        rejected |= batch.rejected
        _check_rejected(run, rejected)
        yield batch


def _check_rejected(run: _Run, rejected: dict[str, str]) -> None:
    if len(rejected) > run.max_rejected * len(run.images):
        parts.write_rejected(run.store, rejected)
        raise _too_many(run, rejected, len(run.images))


def _too_many(run: _Run, rejected: dict[str, str], n: int) -> TooManyRejectedError:
    reason, count = Counter(rejected.values()).most_common(1)[0]
    msg = (
        f"{len(rejected)} of {n} pictures cannot be embedded, more than max_rejected={run.max_rejected:g} "
        f"allows. {count} of them: {reason} All reasons are in {run.store / parts.REJECTED}. Repair them, "
        "or raise max_rejected; the next run goes on from here."
    )
    return TooManyRejectedError(msg)


def _provenance(run: _Run, rows: int, rejected: dict[str, str]) -> dict:
    libraries = ("torch", "torchvision", "pillow", "rasterio", "numpy")
    return {
        "encoder": run.encoder.card(),
        "fingerprint": fingerprint(run.encoder),
        "dim": run.encoder.dim,
        "feature_names": getattr(run.encoder, "feature_names", None),
        "device": run.device,
        "versions": {"geolivelihood": __version__} | {name: version(name) for name in libraries},
        "rows": rows,
        "rejected": len(rejected),
        "complete": True,
    }
