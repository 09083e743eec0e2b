"""GeoImageNet: photos of ImageNet classes with the place where they were taken.

References
----------
.. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV, arXiv 2011.09980.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.door import (
    OnRejected,
    absent_files,
    admit,
    collection_folder,
    files_below,
    in_split,
    numbers,
)
from geolivelihood.tables.collections.label_lists import read_label_list
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.schema import as_ids

__all__ = ["read_geoimagenet"]

_COLUMNS = ["image_id", "latitude", "longitude", "locality", "country", "region", "county"]
_Lists: TypeAlias = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]
_MISSING = -1000.0
_CLASSES = 5150
_SPLITS = ("train", "val", "test")
_SUFFIXES = (".jpg", ".jpeg", ".png")
_LAYOUT = "metadata.csv without a header (id, lat, lon, locality, country, region, county) and the pictures"


def read_geoimagenet(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    metadata: str | os.PathLike[str] | None = None,
    files: str | None = None,
    labels: _Lists | None = None,
    extent: Extent | None = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """GeoImageNet as photos with a point.

    Every picture is a place of its own, so temporal positives do not apply.

    Parameters
    ----------
    root
        Folder with ``metadata.csv`` and, at any depth, the pictures.
    split
        ``"train"`` or ``"test"``; ``None`` is every picture.
    metadata
        Another place of ``metadata.csv``.
    files
        Where a picture is, within ``root``: ``"train/{id}.jpg"``. ``None`` looks for a JPEG or PNG named like
        the id in every folder.
    labels
        Label list (:func:`~geolivelihood.tables.collections.label_lists.read_label_list`, labels 0 to 5149),
        or one for each split: ``{"train": "train.csv", "test": "test.csv"}``. Pictures are known by the name
        of their file; those that stand in no list are left out. Without lists a folder ``train``, ``val`` or
        ``test`` says the split.
    extent
        Where the photos must lie: west, south, east, north in degrees, or a GeoDataFrame.
    max_rejected
        Share of pictures set aside above which the collection is refused. Pictures whose coordinates are
        -1000 (published as missing) do not count.
    on_rejected
        Called with ``row, column, reason`` of all of them; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` and ``place_id`` (the id), ``path, kind`` (street: seen from the ground), ``locality,
        country, region, county``, optional ``label`` and ``split``, Point in EPSG:4326.

    Raises
    ------
    InputError, TableError, TooManyRejectedError
        If the layout is another, an id repeats, coordinates are swapped, or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    photos = _read_metadata(Path(metadata) if metadata is not None else folder / "metadata.csv")
    known = photos["image_id"]
    photos, gaps, rejected = _placed(photos)
    photos, astray = _with_files(photos, folder, files)
    rejected.append(astray)
    if labels is not None:
        photos, faults = _with_labels(photos, labels, folder, known)
        rejected.append(faults)
    photos = in_split(photos, split, where=folder)
    points = gpd.points_from_xy(photos.pop("longitude"), photos.pop("latitude"))
    return admit(
        gpd.GeoDataFrame(photos, geometry=points, crs="EPSG:4326"),
        what=f"GeoImageNet in {folder}",
        rejected=rejected,
        gaps=[gaps],
        extent=extent,
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def _read_metadata(path: Path) -> pd.DataFrame:
    try:
        photos = pd.read_csv(path, header=None, dtype="str", keep_default_na=False, skipinitialspace=True)
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}. The layout is: {_LAYOUT}."
        raise InputError(msg) from error
    if photos.shape[1] != len(_COLUMNS):
        msg = f"{path} has {photos.shape[1]} columns, not {len(_COLUMNS)}. The layout is: {_LAYOUT}."
        raise InputError(msg)
    photos.columns = pd.Index(_COLUMNS)
    photos["image_id"] = as_ids(photos["image_id"])
    names = _COLUMNS[3:]
    photos[names] = photos[names].mask(photos[names] == "")
    return photos.assign(place_id=photos["image_id"], kind="street")


def _placed(photos: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[pd.DataFrame]]:
    """Photos whose coordinates are numbers, those that have none, and those that have nonsense."""
    wrong = np.zeros(len(photos), dtype=bool)
    missing = wrong.copy()
    rejected = []
    for name in ("latitude", "longitude"):
        given = photos[name].copy()
        photos[name], unread = numbers(given)
        missing |= (photos[name] == _MISSING).to_numpy() | (photos[name].isna() & ~unread).to_numpy()
        told = [f"the {name} is no finite number: {value!r}" for value in given[unread]]
        rejected.append(rejected_rows(photos["image_id"][unread], name, told))
        wrong |= unread.to_numpy()
    missing &= ~wrong
    reason = f"has no coordinates ({_MISSING:g} stands for missing)"
    gaps = rejected_rows(photos["image_id"][missing], "latitude, longitude", reason)
    return photos[~(wrong | missing)].reset_index(drop=True), gaps, rejected


def _with_files(photos: pd.DataFrame, folder: Path, files: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Photos with the file that bears their id, and the split that a folder says; the others."""
    if files is not None:
        before, found, after = files.partition("{id}")
        if not found or "{" in before + after:
            msg = f"files={files!r} must hold {{id}} once: files='train/{{id}}.jpg'."
            raise InputError(msg)
        inner = before + photos["image_id"].fillna("") + after
        photos = _with_path(photos, inner, folder)
        absent, astray = absent_files(photos["path"], photos["image_id"])
        return photos[~absent].reset_index(drop=True), astray
    there = pd.Series(files_below(folder, _SUFFIXES), dtype="str")
    if not len(there):
        msg = f"There is no picture ({', '.join(_SUFFIXES)}) in {folder}. The layout is: {_LAYOUT}."
        raise InputError(msg)
    stems = there.map(lambda name: PurePosixPath(name).stem)
    several = stems[stems.duplicated(keep=False)].unique()
    inner = photos["image_id"].map(pd.Series(there.to_numpy(), index=stems)[~stems.duplicated().to_numpy()])
    twice = photos["image_id"].isin(several).to_numpy()
    absent = inner.isna().to_numpy()
    astray = [
        rejected_rows(photos["image_id"][absent], "path", f"no picture in {folder} bears this id"),
        rejected_rows(
            photos["image_id"][twice], "path", "several pictures bear this id: name them in files="
        ),
    ]
    good = ~(absent | twice)
    return _with_path(photos[good], inner[good], folder), pd.concat(astray, ignore_index=True)


def _with_path(photos: pd.DataFrame, inner: pd.Series, folder: Path) -> pd.DataFrame:
    first = inner.str.partition("/")[0]
    table = photos.assign(path=folder.as_posix().rstrip("/") + "/" + inner)
    if first.isin(_SPLITS).any():
        table["split"] = first.where(first.isin(_SPLITS))
    return table.reset_index(drop=True)


def _with_labels(
    photos: pd.DataFrame, labels: _Lists, folder: Path, known: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The photos of the lists, with their labels; what stands in the lists and nowhere else."""
    lists = labels if isinstance(labels, Mapping) else {"": labels}
    read = {name: read_label_list(folder / path, classes=_CLASSES) for name, path in lists.items()}
    rows = pd.concat([listed.assign(split=name) for name, (listed, _) in read.items()], ignore_index=True)
    rows["image_id"] = rows["path"].map(lambda path: PurePosixPath(path).stem)
    twice, unknown = rows["image_id"].duplicated(keep=False), ~rows["image_id"].isin(known)
    if unknown.all():
        first = rows["path"].iloc[0] if len(rows) else "none"
        msg = (
            f"No picture of the label lists is in metadata.csv; the first is {first}. Pictures are known by "
            "the name of their file, which is their id in metadata.csv."
        )
        raise InputError(msg)
    rejected = [
        *(faults for _, faults in read.values()),
        rejected_rows(rows["image_id"][twice], "label", "stands in the label lists more than once"),
        rejected_rows(rows["image_id"][unknown & ~twice], "label", "has a label and is not in metadata.csv"),
    ]
    named = isinstance(labels, Mapping)
    joined = rows.loc[~twice, ["image_id", "label", *(["split"] if named else [])]]
    kept = photos.drop(columns="split", errors="ignore") if named else photos
    return kept.merge(joined, on="image_id"), pd.concat(rejected, ignore_index=True)
