"""Attribution of many pictures, kept chunk by chunk: a run that was killed goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.explanation import Attribution, attribute
from geolivelihood.files import atomic
from geolivelihood.progress import track
from geolivelihood.recipes.explanations.job import REJECTED, Job
from geolivelihood.recipes.explanations.pictures import PictureModel

__all__ = ["Attributed", "attributed"]

_CHUNK = 64  # pictures
_MAP_BYTES = 2**28  # of the widest layer of a batch
_ARRAYS = ("maps", "total", "intercept", "residual", "error")
_REFERENCE = ("baseline", "target", "method", "start", "jump", "size", "layer", "unit")


class Attributed(NamedTuple):
    """Maps of pictures of one size.

    Attributes
    ----------
    images
        Rows of the table of images.
    attribution
        Their maps, in this order; on disk, so that there may be many.
    """

    images: gpd.GeoDataFrame
    attribution: Attribution

    def rows(self, positions: npt.NDArray[np.intp]) -> Attributed:
        """Some of the pictures."""
        found = self.attribution
        cut = {name: values[positions] for name in _ARRAYS if (values := getattr(found, name)) is not None}
        return Attributed(self.images.iloc[positions].reset_index(drop=True), replace(found, **cut))


def attributed(
    job: Job, model: PictureModel, images: gpd.GeoDataFrame
) -> tuple[list[Attributed], pd.DataFrame]:
    """Attribution of every picture that can be read, in groups of one size, the most pictures first.

    Returns
    -------
    groups
        One for each size of map.
    rejected
        ``stage, row, column, reason`` of the pictures that cannot be read.
    """
    options = {key: job.options[key] for key in ("layer", "steps", "samples", "patch") if key in job.options}
    depends = [job.method, model.source, options, list(images["image_id"])]
    seen = job.data.images_stage(model.source)
    stage = job.lineup.fit_stage(f"attribute-{job.choice.key}", job.choice, job.indicator, seen, *depends)

    def build(folder: Path) -> None:
        starts = range(0, len(images), _CHUNK)
        for start in track(starts, f"explaining {model.source}"):
            target = folder / f"{start:08d}"
            if not target.exists():
                with atomic(target) as part:
                    part.mkdir()
                    _explain(job, model, images.iloc[start : start + _CHUNK], part, options)

    folder = job.data.space.make(stage, build, resumable=True)
    chunks = [_Chunk.read(part) for part in sorted(folder.iterdir()) if part.is_dir()]
    parts: dict[str, list[_Part]] = {}
    for part in (part for chunk in chunks for part in chunk.parts):
        parts.setdefault(json.dumps(part.reference), []).append(part)
    table = images.set_index("image_id", drop=False)
    table.index.name = None
    found = [_joined(some, table, folder / f"maps-{k}.npy") for k, some in enumerate(parts.values())]
    found.sort(key=lambda group: -len(group.images))
    rejected = [row for chunk in chunks for row in chunk.rejected]
    return found, pd.DataFrame(rejected, columns=list(REJECTED))


class _Part(NamedTuple):
    """Pictures of one size in a chunk: what they share, their names, and the file of their arrays."""

    reference: dict[str, Any]
    ids: list[str]
    file: Path


class _Chunk(NamedTuple):
    """What was kept of some pictures: those that were explained, and rows that were set aside."""

    parts: list[_Part]
    rejected: list[list[str]]

    @classmethod
    def read(cls, folder: Path) -> _Chunk:
        kept = json.loads((folder / "chunk.json").read_text("utf-8"))
        parts = [_Part(reference, ids, folder / file) for reference, ids, file in kept["parts"]]
        return cls(parts, kept["rejected"])


def _explain(
    job: Job, model: PictureModel, images: pd.DataFrame, folder: Path, options: dict[str, Any]
) -> None:
    """One chunk of pictures into a folder."""
    arrays, reasons = model.read(images)
    names = images["image_id"].to_numpy()
    stage = f"explain-{model.source}"
    rejected = [
        (stage, name, "path", why) for name, why, array in zip(names, reasons, arrays) if array is None
    ]
    parts = []
    shapes = pd.Series([None if array is None else array.shape for array in arrays], dtype=object).dropna()
    for number, (shape, rows) in enumerate(shapes.groupby(shapes).groups.items()):
        found = attribute(
            model.network,
            np.stack([arrays[row] for row in rows]),
            method=job.method,
            target=job.output if model.encoder is None else None,
            batch_size=_batch_size(model, shape),
            random_state=job.data.project.seed,
            **options,
        )
        file = f"{number}.npz"
        values = {name: getattr(found, name) for name in _ARRAYS if getattr(found, name) is not None}
        moved = {name: values[name] + model.base for name in ("total", "intercept")}
        np.savez(folder / file, **values | moved)
        reference = {name: getattr(found, name) for name in _REFERENCE}
        parts.append((reference | {"target": job.indicator}, list(names[rows]), file))
    (folder / "chunk.json").write_text(json.dumps({"parts": parts, "rejected": rejected}), "utf-8")


def _batch_size(model: PictureModel, shape: tuple[int, ...]) -> int:
    """Random convolutions have maps as large as the picture."""
    if model.encoder is None or model.encoder.name != "rcf":
        return 16
    return int(np.clip(_MAP_BYTES // (16 * model.encoder.dim * shape[1] * shape[2]), 1, 32))


def _joined(parts: list[_Part], images: gpd.GeoDataFrame, target: Path) -> Attributed:
    ids = [name for part in parts for name in part.ids]
    kept = [np.load(part.file) for part in parts]
    if not target.exists():
        _write_maps(kept, target)
    values = {name: np.concatenate([part[name] for part in kept]) for name in kept[0].files if name != "maps"}
    reference = parts[0].reference | {"size": tuple(parts[0].reference["size"])}
    whole: dict[str, Any] = values | reference
    made = Attribution(maps=np.load(target, mmap_mode="r"), **whole)
    return Attributed(images.loc[ids].reset_index(drop=True), made)


def _write_maps(kept: list[Any], target: Path) -> None:
    """The maps of all chunks in one file, a chunk in memory at a time."""
    pictures = sum(len(one["total"]) for one in kept)
    with atomic(target) as part:
        shape = (pictures, *kept[0]["maps"].shape[1:])
        whole = np.lib.format.open_memmap(part, "w+", dtype=np.float64, shape=shape)
        start = 0
        for one in kept:
            maps = one["maps"]
            whole[start : start + len(maps)] = maps
            start += len(maps)
        whole.flush()
