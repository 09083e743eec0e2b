"""Objects that a segmentation model found in street photos, as counts per class."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.json_lists import json_lists

__all__ = ["VISTAS_CLASSES", "count_features", "object_counts", "read_object_counts"]

VISTAS_CLASSES = (
    *("curb", "fence", "guard rail", "barrier", "wall", "bike lane", "curb cut", "parking"),
    *("pedestrian area", "rail track", "road", "service lane", "sidewalk", "bridge", "building", "tunnel"),
    *("lane marking", "mountain", "sand", "sky", "snow", "terrain", "vegetation", "water", "pothole"),
    *("on rails", "car mount", "ego vehicle"),
    *("bird", "ground animal", "crosswalk", "person", "bicyclist", "motorcyclist", "other rider"),
    *("crosswalk marking", "banner", "bench", "bike rack", "billboard", "catch basin", "CCTV camera"),
    *("fire hydrant", "junction box", "mailbox", "manhole", "phone booth", "street light", "pole"),
    *("traffic sign frame", "utility pole", "traffic light", "traffic sign (back)", "traffic sign (front)"),
    *("trash can", "bicycle", "boat", "bus", "car", "caravan", "motorcycle", "other vehicle", "trailer"),
    *("truck", "wheeled slow"),
)
"""Names of the ids 0-64 of a panoptic model of Mapillary Vistas 1.2: 28 stuff classes, then 37 things."""

_ROWS = 100_000  # photos counted at a time, so that the integer counts stay below 60 MB


def object_counts(
    images: pd.DataFrame, *, classes: int = 65, void: int = 255, paper: bool = False
) -> pd.DataFrame:
    """How often each class was detected in each photo.

    Parameters
    ----------
    images
        ``image_id`` and ``detections``: a list of class ids per photo (Mapillary Vistas: 28 stuff and 37
        thing classes, 0-64), or the JSON text of one. A photo without a list (missing, not empty) gets NaN.
    classes
        Number of classes.
    void
        Id of what the model could not name.
    paper
        Merge the last class with void, as the histogram of Lee et al. (2021) [1]_ does (its last bin is
        closed). The default counts void apart.

    Returns
    -------
    pandas.DataFrame
        float32 columns ``class_00``, ``class_01``... and, unless ``paper``, ``void``; index ``image_id``.
        :func:`count_features` brings them to the cluster.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InputError
        If an id is neither a class nor void (the paper's code drops such ids silently), or a list is none.

    References
    ----------
    .. [1] Lee et al. (2021), "Predicting Livelihood Indicators from Community-Generated Street-Level
       Imagery", AAAI.
    """
    missing = [column for column in ("image_id", "detections") if column not in images]
    if missing:
        msg = f"Counting objects needs the columns image_id and detections; missing: {', '.join(missing)}."
        raise MissingColumnError(msg)
    ids = images["image_id"].astype("str").to_numpy()
    width = len(str(classes - 1))
    names = [f"class_{k:0{width}d}" for k in range(classes)] + ([] if paper else ["void"])
    counts = np.full((len(images), len(names)), np.nan, dtype=np.float32)
    lists = _lists(images["detections"], ids)
    there = np.flatnonzero([item is not None for item in lists])
    for rows in np.split(there, range(_ROWS, len(there), _ROWS)):
        counts[rows] = _histograms([lists[row] for row in rows], ids[rows], classes, void, paper)
    return pd.DataFrame(counts, index=pd.Index(ids, name="image_id"), columns=names)


def count_features(counts: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Object counts of a cluster that do not grow with its photos: the mean of each class, and how many.

    The sum over photos, which the published models take, is mostly the number of photos. Here that number
    stands apart, and the means, whose tails are long, as logarithms.

    Parameters
    ----------
    counts
        Counts per photo, index ``image_id`` (see :func:`object_counts`); a photo with a missing count is left
        out.
    images
        ``image_id`` and ``cluster_id``; a photo of several clusters has a row for each. Rows without a
        cluster or without counts are left out.

    Returns
    -------
    pandas.DataFrame
        float32, index ``cluster_id`` in the order of the first row: log(1 + mean count per photo) in the
        columns of ``counts``, and ``log1p_photos``, log(1 + number of photos that were counted). A cluster
        without any is NaN in all classes.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InputError
        If ids of the counts repeat, or no photo of a cluster has counts.
    """
    missing = [column for column in ("image_id", "cluster_id") if column not in images]
    if missing:
        msg = f"Counts per cluster need images with image_id and cluster_id; missing: {', '.join(missing)}."
        raise MissingColumnError(msg)
    if counts.index.has_duplicates:
        repeated = counts.index[counts.index.duplicated()]
        msg = f"{len(repeated)} image ids of the counts repeat, such as {repeated[0]}."
        raise InputError(msg)
    codes, names = pd.factorize(images["cluster_id"])
    photo = counts.index.get_indexer(images["image_id"])
    values = counts.to_numpy(dtype=np.float64)
    used = np.flatnonzero((codes >= 0) & (photo >= 0))
    used = used[~np.isnan(values[photo[used]]).any(axis=1)]
    if not len(used):
        msg = "No photo has both a cluster and counts; do the image ids of both tables agree?"
        raise InputError(msg)
    uses = sparse.csr_array((np.ones(len(used)), (codes[used], photo[used])), shape=(len(names), len(counts)))
    number = np.asarray(uses.sum(axis=1)).reshape(-1, 1)
    mean = np.divide(
        uses @ np.nan_to_num(values),
        number,
        out=np.full((len(names), values.shape[1]), np.nan),
        where=number > 0,
    )
    table = np.log1p(np.column_stack([mean, number])).astype(np.float32)
    return pd.DataFrame(table, index=pd.Index(names, name="cluster_id"), columns=[*counts, "log1p_photos"])


def _lists(detections: pd.Series, ids: np.ndarray) -> list[Any]:
    """The lists of class ids, parsed where they are JSON; ``None`` where missing."""
    values = detections.to_numpy(dtype=object)
    # lists of different lengths are no array: the only look at each row is at its type
    lists = [item if isinstance(item, Sequence | np.ndarray) else None for item in values]
    texts = [row for row, item in enumerate(lists) if isinstance(item, str)]
    if texts:
        parsed = _parsed([str(lists[row]) for row in texts], ids[texts])
        for row, item in zip(texts, parsed):
            lists[row] = item
    return lists


def _parsed(texts: list[str], ids: np.ndarray) -> list[Any]:
    parsed = json_lists(texts)
    wrong = [name for name, item in zip(ids, parsed) if item is None]
    if wrong:
        msg = (
            f"The detections of {len(wrong)} photos are no JSON lists of ids, such as {', '.join(wrong[:3])}."
        )
        raise InputError(msg)
    return parsed


def _histograms(lists: Sequence[Any], ids: np.ndarray, classes: int, void: int, paper: bool) -> np.ndarray:
    """Counts (n, bins) by one bincount over photo and class at once."""
    lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
    try:
        raw = np.fromiter(chain.from_iterable(lists), dtype=np.float64, count=int(lengths.sum()))
    except (TypeError, ValueError) as error:
        msg = f"A list of detections holds something else than class ids: {error}."
        raise InputError(msg) from error
    photo = np.repeat(np.arange(len(lists)), lengths)
    known = ((raw >= 0) & (raw < classes) & (raw == np.floor(raw))) | (raw == void)
    if not known.all():
        strange = ", ".join(f"{value:g}" for value in np.unique(raw[~known])[:5])
        where = ", ".join(np.unique(ids[photo[~known]])[:3])
        msg = (
            f"Unknown class ids {strange} in photos {where}: accepted are 0 to {classes - 1}, {void} = void."
        )
        raise InputError(msg)
    last = classes - 1 if paper else classes
    bins = np.where(raw == void, last, raw).astype(np.int64)
    return np.bincount(photo * (last + 1) + bins, minlength=len(lists) * (last + 1)).reshape(-1, last + 1)


def read_object_counts(
    path: str | os.PathLike[str],
    *,
    id_column: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Counts from a CSV that has one row per photo and one column per class.

    Parameters
    ----------
    path
        The file (Global Streetscapes' ``instances.csv``, for one).
    id_column
        Column of photo ids; ``None`` takes the first.
    columns
        Columns to take, and their new names; ``None`` takes all but the ids.

    Returns
    -------
    pandas.DataFrame
        float32 counts, columns as in the file, index ``image_id``; NaN = missing.

    Raises
    ------
    MissingColumnError
        If a column is missing.
    InputError
        If the file is missing or empty, ids repeat, or a count is negative or no number.
    """
    try:
        table = pd.read_csv(path, dtype={id_column: "str"} if id_column else {0: "str"})
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        msg = f"{path} is no readable CSV file: {error}."
        raise InputError(msg) from error
    name = id_column or str(table.columns[0])
    absent = [column for column in (name, *(columns or ())) if column not in table]
    if absent or table.empty:
        msg = f"{Path(path).name} has no {'rows' if not absent else 'column ' + ', '.join(absent)}."
        raise MissingColumnError(msg) if absent else InputError(msg)
    ids = pd.Index(table[name].astype("str"), name="image_id")
    if ids.has_duplicates:
        msg = f"{Path(path).name}: {ids.duplicated().sum()} ids repeat, such as {ids[ids.duplicated()][0]}."
        raise InputError(msg)
    counts = (
        table.drop(columns=name) if columns is None else table[list(columns)].rename(columns=dict(columns))
    )
    return _checked_counts(counts.set_axis(ids), Path(path).name)


def _checked_counts(counts: pd.DataFrame, name: str) -> pd.DataFrame:
    wrong = [str(c) for c in counts if not pd.api.types.is_numeric_dtype(counts[c]) or (counts[c] < 0).any()]
    if wrong:
        msg = (
            f"{name}: {', '.join(wrong[:5])} hold something else than counts. Name the columns with columns=."
        )
        raise InputError(msg)
    return counts.astype(np.float32)
