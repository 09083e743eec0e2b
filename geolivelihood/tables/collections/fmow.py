"""Functional Map of the World: satellite pictures of places of 62 categories, each visited several times.

References
----------
.. [1] Christie et al. (2018), "Functional Map of the World", CVPR, arXiv 1711.07846.
.. [2] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV, arXiv 2011.09980.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

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
)
from geolivelihood.tables.collections.fmow_names import NAME, paper_pair_key, parse_fmow_name
from geolivelihood.tables.collections.fmow_sidecars import read_sidecars, sidecar_paths
from geolivelihood.tables.collections.label_lists import read_label_list
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.images import utc_times

__all__ = ["paper_pair_key", "parse_fmow_name", "read_fmow"]

Labels = Literal["class", "cluster", "any"]

_SUFFIXES = (".jpg", ".jpeg", ".tif", ".tiff")
_SENSORS = ("rgb", "msrgb", "ms", "pan")
_CLASSES = 62
# what a label list's numbers are, and the column that they become
_LABELS: dict[str, str | None] = {"class": "label", "cluster": "geo_label", "any": None}
_LAYOUT = (
    "<split>/<category>/<category>_<n>/<category>_<n>_<t>_rgb.jpg with a JSON side-car of the same stem, or "
    "box crops ..._rgb_crop_<b>.jpg"
)


def read_fmow(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    csv: str | os.PathLike[str] | None = None,
    labels: Labels = "class",
    csv_root: str | None = None,
    metadata: str | os.PathLike[str] | None = None,
    sensors: Sequence[str] | None = None,
    located: bool = True,
    extent: Extent | None = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """The pictures of fMoW-full or fMoW-rgb, whole or as crops of their boxes.

    Parameters
    ----------
    root
        Folder of the layout: ``<split>/<category>/<category>_<n>/`` with stock names or crops, or one of its
        splits. The test set, whose places have numbers only, is read too.
    split
        ``"train"``, ``"val"`` ...: the folder above the categories. ``None`` is every picture.
    csv
        Label list to go by instead of the folders, relative to ``root``, such as ``csvs/fmow-train.csv``:
        a header row, then an integer label and a path.
    labels
        What its labels are: ``"class"`` (0 to 61, which become ``label``), ``"cluster"`` (of places, which
        become ``geo_label``), ``"any"`` (ignored).
    csv_root
        What the paths of the list begin with on the machine that wrote it; ``root`` takes its place.
    metadata
        Folder of side-cars in the same layout, which count more than those beside the pictures: for crops,
        which have none, and pictures of the challenge, whose own lack coordinates (the ground truth has
        them).
    sensors
        ``rgb``, ``msrgb``, ``ms``, ``pan``: which to read; ``None`` is all of them.
    located
        ``False`` reads no side-car. Without coordinates and dates pictures can still be paired by
        ``place_id`` and ``sensor``, as the published recipe does.
    extent
        Where the pictures must lie: west, south, east, north in degrees, or a GeoDataFrame.
    max_rejected
        Share of pictures set aside above which the collection is refused.
    on_rejected
        Called with ``row, column, reason`` of the pictures set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        ``image_id`` (path without suffix), ``path, kind``; ``place_id``: split, category, number, and for
        crops the box (``train/airport_0/crop_1``; numbers start anew in every split); ``visit`` (an index,
        not a date), ``sensor`` (``rgb`` ...; what must agree in the published recipe), ``box``, ``label``
        (category, or the class of the list), ``category, split``; from the side-car ``captured_at`` (UTC),
        ``platform`` (satellite), ``gsd`` (metres), ``cloud_cover`` (%), ``country, utm`` and the footprint:
        of a crop that of its box. A picture that is there as TIFF and as JPEG is read once, as TIFF.

    Raises
    ------
    InputError, TableError, TooManyRejectedError
        If the layout is another, no picture has coordinates, coordinates are swapped, or too little is left.
    """
    folder = collection_folder(root, layout=_LAYOUT)
    _check_options(labels, sensors)
    if csv is None:
        pictures, rejected = _from_folders(folder)
    else:
        pictures, rejected = _from_list(folder, folder / csv, labels, csv_root)
    pictures, strangers = _named(pictures)
    pictures = _only(pictures, sensors, folder)
    pictures = in_split(pictures, split, where=folder)
    faults = [*rejected, strangers]
    if located:
        aside = Path(metadata) if metadata is not None else None
        if aside is not None:
            collection_folder(aside, layout="side-cars <split>/<category>/<category>_<n>/<stem>.json")
        pictures, untold = _with_sidecars(pictures, aside, folder)
        faults.append(untold)
    return admit(
        _as_table(pictures),
        what=f"fMoW in {folder}",
        rejected=faults,
        extent=extent,
        located=located,
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def _check_options(labels: str, sensors: Sequence[str] | None) -> None:
    if labels not in _LABELS:
        msg = f"labels={labels!r} is unknown. Give one of {', '.join(_LABELS)}."
        raise InputError(msg)
    if isinstance(sensors, str) or (sensors is not None and not set(sensors) <= set(_SENSORS)):
        msg = f"sensors={sensors!r}: give a list of {', '.join(_SENSORS)}, such as ['rgb']."
        raise InputError(msg)


def _from_folders(folder: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    inner = pd.Series(files_below(folder, _SUFFIXES), dtype="str")
    if not len(inner):
        msg = f"There is no picture ({', '.join(_SUFFIXES)}) in {folder}. The layout is: {_LAYOUT}."
        raise InputError(msg)
    start = folder.as_posix().rstrip("/") + "/"
    return pd.DataFrame({"inner": inner, "path": start + inner}), []


def _from_list(
    folder: Path, csv: Path, labels: str, csv_root: str | None
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Pictures of a label list, with its labels under the name of what they are."""
    listed, rejected = read_label_list(csv, classes=_CLASSES if labels == "class" else None)
    inner = listed["path"].str.replace("\\", "/")
    start = folder.as_posix().rstrip("/") + "/"
    for before in (csv_root, start):
        if before is not None:
            inner = inner.str.removeprefix(before.rstrip("/") + "/")
    inner = inner.str.removeprefix("./")
    pictures = pd.DataFrame({"inner": inner, "path": (start + inner).mask(inner.str.startswith("/"), inner)})
    column = _LABELS[labels]
    if column is not None:
        pictures[column] = listed["label"]
    absent, lost = absent_files(pictures["path"], pictures["inner"])
    if len(absent) and absent.all():
        msg = (
            f"Not one picture of {csv} is there; the first would be {pictures['path'].iloc[0]}. Say in "
            f"csv_root what its paths begin with before the layout ({_LAYOUT})."
        )
        raise InputError(msg)
    return pictures[~absent].reset_index(drop=True), [rejected, lost]


def _named(pictures: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pictures with what their names and folders say, one row per picture."""
    paths = [PurePosixPath(name) for name in pictures["inner"]]
    parts = pd.Series([path.stem for path in paths], dtype="str").str.extract(f"^{NAME}$")
    strange = parts["number"].isna().to_numpy()
    strangers = rejected_rows(pictures["inner"][strange], "path", "the name is none of an fMoW picture")
    table = pd.concat([pictures, parts.drop(columns="visit")], axis=1)
    table["visit"], table["box"] = parts["visit"].astype("Int64"), parts["box"].astype("Int64")
    table["place"] = parts["number"].where(
        parts["category"].isna(), parts["category"] + "_" + parts["number"]
    )
    table["whole"] = table["place"] + "_" + parts["visit"] + "_" + parts["sensor"]
    table["folder"] = [path.parent.as_posix() for path in paths]
    table["image_id"] = [path.with_suffix("").as_posix() for path in paths]
    table = table[~strange]
    table["split"] = [_split(*row) for row in zip(table["folder"], table["category"], table["place"])]
    tiff = table["path"].str.lower().str.endswith((".tif", ".tiff"))
    order = (~tiff).sort_values(kind="stable").index  # of one picture in two formats the first one stays
    once = ~table.loc[order].duplicated("image_id").reindex(table.index)
    return table[once].reset_index(drop=True), strangers


def _split(folder: str, category: str | None, place: str) -> str | None:
    """The folder above that of the category (of the place, where there are no categories)."""
    parts = [part for part in folder.split("/") if part not in ("", ".")]
    for name in (place, category):
        if parts and parts[-1] == name:
            parts.pop()
    return parts[-1] if parts else None


def _only(pictures: pd.DataFrame, sensors: Sequence[str] | None, folder: Path) -> pd.DataFrame:
    if not len(pictures):
        msg = f"Not one name in {folder} is one of fMoW. The layout is: {_LAYOUT}."
        raise InputError(msg)
    if sensors is None:
        return pictures
    chosen = pictures["sensor"].isin(list(sensors))
    if not chosen.any():
        there = ", ".join(pictures["sensor"].unique())
        msg = f"sensors={list(sensors)!r}: {folder} has none of them; it has {there}."
        raise InputError(msg)
    return pictures[chosen].reset_index(drop=True)


def _with_sidecars(
    pictures: pd.DataFrame, metadata: Path | None, folder: Path
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The pictures with time, satellite and footprint; those of which nobody says them."""
    paths = sidecar_paths(pictures["path"], pictures["whole"], pictures["folder"], metadata=metadata)
    alone = paths.isna()
    if alone.all():
        _refuse_unlocated(folder, metadata, "has a side-car", pictures)
    told, reasons = read_sidecars(paths[~alone], pictures["box"][~alone])
    told["captured_at"], unread = utc_times(told["captured_at"])
    reasons = reasons.mask(reasons.isna() & unread, "its timestamp cannot be read")
    nowhere = told["geometry"].isna() & reasons.isna()
    if nowhere.all():
        _refuse_unlocated(folder, metadata, "has coordinates in its side-car", pictures)
    reasons = reasons.mask(nowhere, "its side-car has no raw_location (coordinates)")
    reasons = reasons.reindex(pictures.index).mask(alone, "has no side-car (give its folder in metadata=)")
    bad = reasons.notna()
    category = told.pop("category").reindex(pictures.index)
    table = pictures.join(told)[~bad]
    table["category"] = table["category"].fillna(category)
    return table, rejected_rows(pictures["image_id"][bad], "geometry", reasons[bad])


def _refuse_unlocated(folder: Path, metadata: Path | None, what: str, pictures: pd.DataFrame) -> None:
    row = pictures.iloc[0]
    wanted = f"{row['folder']}/{row['whole']}.json"
    where = f"{metadata} (metadata=)" if metadata is not None else "metadata="
    msg = (
        f"Not one picture in {folder} {what}, so that time and place are unknown. Give the folder of the "
        f"JSON files with coordinates in {where}: it must hold {wanted}. Or say located=False: "
        "pictures are then paired by place_id alone, and cannot be put on a map."
    )
    raise InputError(msg)


def _as_table(pictures: pd.DataFrame) -> gpd.GeoDataFrame:
    """The columns that the rooms know, places named by split, number and box."""
    split = pictures["split"].fillna("")
    place = (split + "/").mask(split == "", "") + pictures["place"]
    box = pictures["box"].astype("str")
    whole = pictures["box"].isna()
    table = pictures.assign(place_id=place.where(whole, place + "/crop_" + box), kind="overhead")
    if "label" not in table:
        table["label"] = table["category"]
    for name in ("split", "box", "label"):
        if table[name].isna().all():
            table = table.drop(columns=name)
    geometry = table.pop("geometry") if "geometry" in table else np.full(len(table), None)
    first = ["image_id", "path", "kind", "place_id"]
    rest = [name for name in table if name not in (*first, "inner", "folder", "whole", "place", "number")]
    return gpd.GeoDataFrame(table[[*first, *rest]], geometry=geometry, crs="EPSG:4326")
