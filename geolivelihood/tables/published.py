"""The published layout of street-level livelihood data: one CSV, lists of clusters, HDF5 features.

Lee et al. (2021) [1]_ published a row per photo *and* cluster, a text file of clusters per split, and HDF5
files whose row *i* belongs to row *i* of the table. The readers here keep that row as the index of the
table, so that rows set aside or left out never shift the features of the others.

References
----------
.. [1] Lee et al. (2021), "Predicting Livelihood Indicators from Community-Generated Street-Level Imagery",
   AAAI, arXiv 2006.08661.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError, TableError, TooManyRejectedError
from geolivelihood.tables.coordinates import check_coordinates
from geolivelihood.tables.faults import Faults, rejected_rows
from geolivelihood.tables.json_lists import json_lists
from geolivelihood.tables.schema import check_images, unknown_column

__all__ = [
    "INDICATORS",
    "PublishedPhotos",
    "class_names",
    "published_clusters",
    "read_cluster_list",
    "read_published_photos",
]

INDICATORS = ("pov", "pop", "bmi")
"""Wealth, population density and women's BMI, as the published table names them."""

_COLUMNS = {
    "key": "image_id",
    "unique_cluster": "cluster_id",
    "features": "detections",
    "features_name": "names",
    "lon": "cluster_lon",
    "lat": "cluster_lat",
}
_POSITION = ("ilon", "ilat")
_PATHS = ("img_path_224x224", "img_path")
_LABELS = tuple(f"{name}_label" for name in INDICATORS)
_CLASSES = frozenset((*range(65), 255))  # of the panoptic model, and void


class PublishedPhotos(NamedTuple):
    """The published image table and what was set aside.

    Attributes
    ----------
    table
        Points in EPSG:4326; the index is the row in the file, which is the row of its features.
    rejected
        One row per fault: ``row`` (the photo), ``column``, ``reason``.
    rows
        Rows of the file, those set aside included: what a feature file must have.
    """

    table: gpd.GeoDataFrame
    rejected: pd.DataFrame
    rows: int


def read_published_photos(
    path: str | os.PathLike[str], *, names: bool = False, max_rejected: float = 0.1
) -> PublishedPhotos:
    """The published image table, one row per photo and cluster.

    Parameters
    ----------
    path
        ``data.csv``: ``key``, ``unique_cluster``, ``ilon``, ``ilat``, ``lon``, ``lat`` (degrees),
        ``features`` (JSON list of class ids) and at least one of ``pov``, ``pop``, ``bmi``; optional
        ``country``, ``<indicator>_label`` and ``img_path_224x224`` or ``img_path``, which are taken from
        the folder of the table.
    names
        Read the names and confidences of the detections too: ``names``, ``confidence`` (lists).
    max_rejected
        Share of rows set aside above which the table is refused.

    Returns
    -------
    PublishedPhotos
        ``image_id``, ``cluster_id``, ``country``, ``kind``, ``detections`` (list of int), ``cluster_lon``,
        ``cluster_lat``, the indicators (a ``bmi`` of 0 in Kenya is missing, NaN) and labels, ``picture``
        (file; NaN without one). Rows that repeat a photo of a cluster are set aside, as are those whose
        photo or cluster has no possible place, and those without a list or with an unknown class id (0 to 64
        and 255 are known).

    Raises
    ------
    InputError
        If the file cannot be read or no row is left.
    MissingColumnError
        If a needed column is missing.
    TooManyRejectedError
        If more rows than ``max_rejected`` would be set aside.
    """
    path = Path(path)
    table = _read(path, names).rename(columns=_COLUMNS)
    table = _with_pictures(_with_values(_with_country(table)), path.parent)
    table["kind"] = "street"
    table["detections"], unreadable = _list_column(table["detections"])
    if names:
        for column in ("names", "confidence"):
            table[column] = _list_column(table[column])[0]
    places = _bad_places(table)
    faults = {
        ("unique_cluster", "has no cluster"): table["cluster_id"].isna(),
        ("features", "is no JSON list of class ids"): unreadable,
        ("features", "holds an unknown class id"): _unknown_class(table["detections"]),
        ("key", "repeats a photo of its cluster"): table.duplicated(["image_id", "cluster_id"]),
    }
    rejected = [*(rejected_rows(table["image_id"][bad], *why) for why, bad in faults.items()), places]
    good = ~np.logical_or.reduce([*faults.values(), table.index.isin(places.index)])
    if not good.any():
        reasons = ", ".join(pd.concat(rejected)["reason"].unique())
        msg = f"Not one row of {path} can be used: each {reasons}."
        raise InputError(msg)
    points = gpd.points_from_xy(table.pop(_POSITION[0]), table.pop(_POSITION[1]), crs="EPSG:4326")
    checked = check_images(gpd.GeoDataFrame(table, geometry=points)[good])
    everything = pd.concat([*rejected, checked.rejected], ignore_index=True)
    _check_rejected(path, everything, len(table) - len(checked.table), len(table), max_rejected)
    return PublishedPhotos(checked.table, everything, len(table))


def published_clusters(photos: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The clusters of a published image table, in the order of their first photo.

    Parameters
    ----------
    photos
        From :func:`read_published_photos`.

    Returns
    -------
    geopandas.GeoDataFrame
        Published (displaced) points, EPSG:4326, index ``cluster_id``: ``country``, ``photos`` (how many),
        the indicators and their labels.

    Raises
    ------
    TableError
        If an indicator, a label or the place varies within a cluster.
    """
    values = [name for name in (*INDICATORS, *_LABELS) if name in photos]
    constant = ["country", "cluster_lon", "cluster_lat", *values]
    groups = photos.groupby("cluster_id", sort=False)
    table = groups[constant].first().rename_axis("cluster_id")
    varies = groups[constant].nunique(dropna=False).gt(1)
    if varies.to_numpy().any():
        column = str(varies.columns[varies.any()][0])
        rows = varies.index[varies[column]]
        msg = (
            f"{column} varies within {len(rows)} clusters ({', '.join(map(str, rows[:3]))}); a cluster has "
            "one value. Were tables of two surveys joined by position?"
        )
        raise TableError(msg, rejected_rows(rows, column, "varies within the cluster"))
    table["photos"] = groups.size()
    points = gpd.points_from_xy(table.pop("cluster_lon"), table.pop("cluster_lat"), crs="EPSG:4326")
    return gpd.GeoDataFrame(table, geometry=points)


def read_cluster_list(path: str | os.PathLike[str]) -> list[str]:
    """Cluster ids of a split, one per line; the last line counts with or without its newline.

    Raises
    ------
    InputError
        If the file cannot be read, is empty or repeats an id.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} is no readable list of clusters: {error}."
        raise InputError(msg) from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        msg = f"{path} is empty. Give one cluster id per line, such as ia_70003."
        raise InputError(msg)
    twice = pd.Series(ids)[pd.Series(ids).duplicated()]
    if len(twice):
        msg = f"{path} repeats {len(twice)} clusters, such as {twice.iloc[0]}. List each once."
        raise InputError(msg)
    return ids


def class_names(photos: pd.DataFrame) -> pd.Series:
    """Name of each class id, from the lists of ids and of names of the detections.

    A raw instance class counted from 1 would name one id twice: then the ids are not those of the
    panoptic model (28 kinds of stuff, then 37 kinds of things), and counts by id would mix classes.

    Parameters
    ----------
    photos
        With ``detections`` and ``names``, as :func:`read_published_photos` reads them with ``names=True``.

    Returns
    -------
    pandas.Series
        Name by id, ascending.

    Raises
    ------
    InputError
        If the lists of a photo differ in length, or an id has two names.
    """
    unlike = photos["detections"].map(len) != photos["names"].map(len)
    if unlike.any():
        msg = (
            f"{int(unlike.sum())} photos have not as many names as detections (first: "
            f"{photos['image_id'][unlike].iloc[0]}). Read both from the same file."
        )
        raise InputError(msg)
    pairs = photos[["detections", "names"]].explode(["detections", "names"]).dropna().drop_duplicates()
    twice = pairs[pairs["detections"].duplicated()]
    if len(twice):
        number = twice["detections"].iloc[0]
        found = ", ".join(pairs.loc[pairs["detections"] == number, "names"])
        msg = f"Class {number} is called {found}. Map raw instance classes c to 28 + c - 1 first."
        raise InputError(msg)
    return pairs.set_index("detections")["names"].sort_index()


def _read(path: Path, names: bool) -> pd.DataFrame:
    needed = [*_COLUMNS, *_POSITION, "confidence"]
    needed = [name for name in needed if names or name not in ("features_name", "confidence")]
    optional = ("country", *INDICATORS, *_LABELS, *_PATHS)
    try:
        there = pd.read_csv(path, nrows=0).columns
        missing = [name for name in needed if name not in there]
        if missing or not set(INDICATORS) & set(there):
            _refuse(path, missing or [INDICATORS[0]], there)
        wanted = [name for name in (*needed, *optional) if name in there]
        kinds = {name: str for name in ("key", "unique_cluster", "country", *_PATHS) if name in wanted}
        table = pd.read_csv(path, usecols=wanted, dtype=kinds)
    except (OSError, pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        msg = f"{path} is no readable CSV file: {error}."
        raise InputError(msg) from error
    if table.empty:
        msg = f"{path} has no rows."
        raise InputError(msg)
    return table[wanted]


def _refuse(path: Path, missing: Sequence[str], there: pd.Index) -> None:
    msg = f"{path.name}: {unknown_column(missing[0], list(there), what='It has')}."
    raise MissingColumnError(msg)


def _with_country(table: pd.DataFrame) -> pd.DataFrame:
    """Ids without spaces around them; the country in small letters, from the id where no column says it."""
    table["cluster_id"] = table["cluster_id"].str.strip()
    table["cluster_id"] = table["cluster_id"].mask(table["cluster_id"] == "")
    country = table.get("country", table["cluster_id"].str.partition("_")[0])
    table["country"] = country.str.strip().str.lower()
    return table


def _with_values(table: pd.DataFrame) -> pd.DataFrame:
    """Indicators as numbers; a body-mass index of 0, as all of Kenya has, is a missing one."""
    for name in (*INDICATORS, *_LABELS, *_POSITION, "cluster_lon", "cluster_lat"):
        if name in table:
            table[name] = pd.to_numeric(table[name], errors="coerce").replace([np.inf, -np.inf], np.nan)
    if "bmi" in table:
        unknown = table["bmi"].isna() | ((table["bmi"] == 0) & (table["country"] == "ke"))
        table["bmi"] = table["bmi"].mask(unknown)
        if "bmi_label" in table:
            table["bmi_label"] = table["bmi_label"].mask(unknown)
    return table


def _with_pictures(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """One column ``picture``: not ``path``, for a photo without a file still has objects and features."""
    named = [name for name in _PATHS if name in table]
    if not named:
        return table
    start = folder.as_posix().rstrip("/") + "/"
    path = table[named].bfill(axis=1).iloc[:, 0]
    table = table.drop(columns=named)
    table["picture"] = (start + path).mask(path.str.startswith("/", na=False), path)
    return table


def _list_column(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Lists from their JSON text, and which rows hold none."""
    lists = json_lists(values.fillna("").astype(str).tolist())
    wrong = pd.Series([item is None for item in lists], index=values.index, dtype=bool)
    return pd.Series(lists, index=values.index, dtype=object), wrong


def _unknown_class(lists: pd.Series) -> pd.Series:
    """Rows whose list holds something else than ids of classes and void."""
    return pd.Series(
        [item is not None and not _known_ids(item) for item in lists], index=lists.index, dtype=bool
    )


def _known_ids(items: list[object]) -> bool:
    try:
        return _CLASSES.issuperset(items)
    except TypeError:  # a list in the list
        return False


def _bad_places(table: pd.DataFrame) -> pd.DataFrame:
    """Rows whose cluster cannot be where the table says, by the checks that photos go through.

    Index: the row in the file; columns ``row``, ``column``, ``reason``.
    """
    columns = ["cluster_lon", "cluster_lat"]
    names = dict(zip(columns, ("lon", "lat")))
    places = table[columns].drop_duplicates()
    points = gpd.points_from_xy(*(places[name] for name in columns), crs="EPSG:4326")
    faults = Faults("clusters", places.index)
    check_coordinates(gpd.GeoDataFrame(places, geometry=points), faults, types=("Point",))
    faults.raise_fatal()
    bad = faults.rejected().drop_duplicates("row")
    reason = places.assign(reason=pd.Series(bad["reason"].to_numpy(), index=bad["row"].astype(int)))
    found = table[columns].merge(reason, how="left", on=columns)["reason"].set_axis(table.index).dropna()
    found = "its cluster: " + found
    told = rejected_rows(table.loc[found.index, "image_id"], ", ".join(names.values()), found)
    return told.set_axis(found.index)


def _check_rejected(path: Path, rejected: pd.DataFrame, aside: int, rows: int, most: float) -> None:
    if aside <= most * rows:
        return
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in rejected["reason"].value_counts().head(5).items())
    msg = (
        f"{aside:,} of {rows:,} rows of {path} would be set aside, more than {most:.0%}: {reasons}. Mend the "
        "table, or allow more with max_rejected."
    )
    raise TooManyRejectedError(msg)
