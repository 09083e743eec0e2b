"""FLAIR: aerial patches of France of 512 x 512 pixels at 0.2 m, with masks of land cover.

References
----------
.. [1] Garioud et al. (2022), "FLAIR #1: semantic segmentation and domain adaptation dataset", IGN,
   arXiv 2211.12979.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.door import (
    OnRejected,
    admit,
    collection_folder,
    files_below,
    in_split,
)
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.geotiffs import header_table
from geolivelihood.tables.images import utc_times
from geolivelihood.tables.rasters import read_headers

__all__ = ["flair_image_path", "flair_mask_path", "read_flair"]

_LAYOUT = "flair_aerial_train/<domain>/<zone>/img/IMG_<n>.tif and flair_labels_train/<domain>/<zone>/msk/"
_RULE = (("MSK", "IMG"), ("msk", "img"), ("labels", "aerial"))
_FOLDER_SPLIT = re.compile(r"(?:^|_)(train|val|test)$")


def flair_image_path(mask: str | os.PathLike[str]) -> str:
    """The picture of a mask, by the naming of the data set: MSK → IMG, msk → img, labels → aerial.

    Of several such words in a path the last one counts, so that the folders above the data set stay.

    Examples
    --------
    >>> flair_image_path("labels/flair_labels_train/D004_2021/Z1_NN/msk/MSK_000001.tif")
    'labels/flair_aerial_train/D004_2021/Z1_NN/img/IMG_000001.tif'
    """
    return _renamed(os.fspath(mask), _RULE)


def flair_mask_path(image: str | os.PathLike[str]) -> str:
    """The mask of a picture; the inverse of :func:`flair_image_path`."""
    return _renamed(os.fspath(image), [(new, old) for old, new in _RULE])


def read_flair(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    splits: Mapping[str, Collection[str]] | None = None,
    metadata: str | os.PathLike[str] | None = None,
    bands: Sequence[int | str] | None = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The aerial patches of FLAIR as overhead pictures.

    Parameters
    ----------
    root
        Folder with the patches at any depth: ``<domain>/<zone>/img/IMG_<n>.tif``, five bands (red, green,
        blue, near infrared, height).
    split
        ``"train"``, ``"val"`` or ``"test"``; ``None`` is every patch.
    splits
        Domains (``D004_2021``) or zones (``D004_2021/Z1_NN``) of each split; a zone counts more than its
        domain. Patches of others belong to the split that their folder is called after
        (``flair_aerial_train``). Neighbouring patches overlap in what they show, so they are not split.
    metadata
        ``flair-1_metadata_aerial.json``: ``date``, ``time`` (``10h30``, taken as UTC) and ``camera`` of each
        patch.
    bands
        Bands to read later, from 1: ``[1, 2, 3]`` are the colours. ``None`` is all five.
    max_rejected
        Share of patches set aside above which the collection is refused.
    on_rejected
        Called with ``row, column, reason`` of the patches set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` and ``place_id`` (``D004_2021/Z1_NN/IMG_000001``: each patch was taken once), ``path,
        kind, domain, zone`` (domain and zone), ``region`` (domain), optional ``mask`` (path of its class
        mask), ``split, captured_at, sensor`` (camera), the window and bands as in
        :func:`~geolivelihood.tables.read_geotiffs`, and the footprint by the file's header.

    Raises
    ------
    InputError, MissingCRSError, TableError, TooManyRejectedError
        If the layout is another, ``splits`` names what is not there, or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT).absolute()
    patches, rejected = _patches(folder)
    patches = _with_split(patches, splits)
    patches = in_split(patches, split, where=folder)
    headers, damaged = read_headers(patches["path"].tolist())
    table = header_table(headers, root=None, bands=bands).drop(columns="image_id")
    table = table.merge(patches, on="path").assign(place_id=lambda rows: rows["image_id"])
    masks = table["path"].map(flair_mask_path)
    there = masks.map(lambda path: Path(path).is_file())
    if there.any():
        table["mask"] = masks.where(there)
    faults = [*rejected, damaged]
    if metadata is not None:
        table, untimed = _with_metadata(table, Path(metadata))
        faults.append(untimed)
    return admit(
        table,
        what=f"FLAIR in {folder}",
        rejected=faults,
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def _renamed(path: str, words: Sequence[tuple[str, str]]) -> str:
    for old, new in words:
        before, found, after = path.rpartition(old)
        path = before + new + after if found else path
    return path


def _patches(folder: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Ids, domains and zones of the patches, by the folders that they lie in."""
    paths = [folder / name for name in files_below(folder, (".tif",))]
    paths = [path for path in paths if path.name.startswith("IMG_")]
    if not paths:
        msg = f"There is no IMG_*.tif in {folder}. The layout is: {_LAYOUT}."
        raise InputError(msg)
    good = [path for path in paths if path.parent.name == "img" and len(path.parts) > 4]
    stray = [path.relative_to(folder).as_posix() for path in paths if path not in set(good)]
    parts = [path.parts for path in good]
    table = pd.DataFrame(
        {
            "path": [path.as_posix() for path in good],
            "domain": [part[-4] for part in parts],
            "zone": ["/".join(part[-4:-2]) for part in parts],
            "image_id": ["/".join((*part[-4:-2], Path(part[-1]).stem)) for part in parts],
            "split": [_folder_split(part[-5]) for part in parts],
        }
    )
    if not len(table):
        msg = f"No IMG_*.tif in {folder} lies in <domain>/<zone>/img. The layout is: {_LAYOUT}."
        raise InputError(msg)
    reason = "lies in no <domain>/<zone>/img"
    return table.assign(region=table["domain"]), [rejected_rows(stray, "path", reason)]


def _folder_split(name: str) -> str | None:
    found = _FOLDER_SPLIT.search(name)
    return found[1] if found else None


def _with_split(patches: pd.DataFrame, splits: Mapping[str, Collection[str]] | None) -> pd.DataFrame:
    """The split of each patch: that of its zone, else of its domain, else of its folder."""
    rows = {(str(member), name) for name, members in (splits or {}).items() for member in members}
    owner = dict(sorted(rows))
    if len(owner) < len(rows):
        twice = next(member for member, name in sorted(rows) if owner[member] != name)
        msg = f"splits={splits!r}: {twice} belongs to two of them."
        raise InputError(msg)
    unknown = [name for name in owner if name not in {*patches["zone"], *patches["domain"]}]
    if unknown:
        some = ", ".join(patches["domain"].drop_duplicates().head(5))
        msg = (
            f"splits names {', '.join(unknown[:5])}, which is no domain or zone there. Domains are called "
            f"such as {some}; zones {patches['zone'].iloc[0]}."
        )
        raise InputError(msg)
    split = patches["zone"].map(owner).fillna(patches["domain"].map(owner)).fillna(patches["split"])
    return patches.assign(split=split) if split.notna().any() else patches.drop(columns="split")


def _with_metadata(table: gpd.GeoDataFrame, path: Path) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The patches with time and camera; those whose time cannot be read."""
    known = _read_metadata(path)
    stems = table["path"].map(lambda name: Path(name).stem)
    given = [known.get(stem) for stem in stems]
    entries = [entry if isinstance(entry, dict) else {} for entry in given]
    if not any(entries):
        msg = f"{path} knows none of the patches; the first is {stems.iloc[0]}. Is it of another release?"
        raise InputError(msg)
    time, unread = utc_times(pd.Series([_time_text(entry) for entry in entries], index=table.index))
    reason = "the date or time of its metadata cannot be read"
    untimed = rejected_rows(table["image_id"][unread], "captured_at", reason)
    cameras = [str(entry["camera"]) if entry.get("camera") else None for entry in entries]
    camera = pd.Series(cameras, index=table.index, dtype="str")
    return table.assign(captured_at=time, sensor=camera)[~unread], untimed


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read as JSON: {error}. Give flair-1_metadata_aerial.json."
        raise InputError(msg) from error
    if not isinstance(known, dict):
        msg = f"{path} holds no object of patches. Give flair-1_metadata_aerial.json."
        raise InputError(msg)
    return known


def _time_text(entry: Mapping[str, Any]) -> str:
    """``2021-06-05`` and ``10h30`` as one text; a patch without a date has none."""
    date, time = str(entry.get("date") or ""), str(entry.get("time") or "")
    return f"{date}T{time.replace('h', ':')}" if date and time else date
