"""The published folder, opened once: photos, clusters, splits, and the parts that the models ask for."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.features import object_counts
from geolivelihood.graphs import cluster_rows
from geolivelihood.tables.published import (
    INDICATORS,
    PublishedPhotos,
    published_clusters,
    read_cluster_list,
    read_published_photos,
)
from geolivelihood.tables.published_features import read_published_features

__all__ = ["Part", "StreetData", "open_street_level"]

_LISTS = re.compile(r"(train|val)_clusters_(\w+)\.txt")
_HDF5 = (".hdf5", ".h5")
_TASKS = {True: {"label", "labels", "class", "classification"}, False: {"regr", "regression", "value"}}


class Part(NamedTuple):
    """Some clusters of one country that have photos and the indicator.

    Attributes
    ----------
    ids
        Cluster ids.
    value
        The indicator.
    label
        0 below the median and 1 at or above it, as published in the table; where the table has no labels,
        cut at the median of the country's listed clusters.
    """

    ids: list[str]
    value: npt.NDArray[np.float64]
    label: npt.NDArray[np.float64]

    def target(self, *, classes: bool) -> npt.NDArray[np.float64]:
        """Labels, or values.

        Raises
        ------
        InputError
            If a cluster has a value but no label.
        """
        if classes and np.isnan(self.label).any():
            lacking = [name for name, label in zip(self.ids, self.label) if np.isnan(label)]
            msg = (
                f"{len(lacking)} clusters have a value but no label, such as {lacking[0]}. Give both or none."
            )
            raise InputError(msg)
        return self.label if classes else self.value


class StreetData:
    """A folder in the published layout; see :func:`open_street_level`."""

    def __init__(
        self,
        folder: Path,
        read: PublishedPhotos,
        lists: dict[str, dict[str, list[str]]],
        files: list[Path],
        *,
        cluster_limit: int = 1,
    ) -> None:
        self.folder = folder
        self.rejected, self.rows = read.rejected, read.rows
        self.photos = read.table
        self.clusters = published_clusters(self.photos)
        self.lists = lists
        self.cluster_limit = cluster_limit
        self.files = files
        self._groups = cluster_rows(self.photos["cluster_id"])
        self._place = pd.Series(np.arange(len(self._groups.keys)), index=self._groups.keys)

    @property
    def countries(self) -> list[str]:
        """Countries that have both lists."""
        return list(self.lists)

    def indicators(self, country: str) -> list[str]:
        """Indicators that a country's clusters have."""
        own = self.clusters[self.clusters["country"] == country]
        return [name for name in INDICATORS if name in own and own[name].notna().any()]

    def listed(self, country: str, split: str) -> list[str]:
        """Clusters of a list, those without photos included: what coins are flipped for."""
        return self.lists[country][split]

    def part(self, country: str, split: str, indicator: str) -> Part:
        """Clusters of a list that can be learned from or scored.

        Raises
        ------
        InputError
            If fewer than two are left.
        """
        known = [name for name in self.listed(country, split) if name in self.clusters.index]
        there = self.clusters.loc[known]
        own = there.loc[there["photos"] >= self.cluster_limit, indicator].dropna()
        if len(own) < 2:
            enough = "photos" if self.cluster_limit == 1 else f"{self.cluster_limit} photos"
            msg = f"{len(own)} {split} clusters of {country} have {enough} and {indicator}; 2 are needed."
            raise InputError(msg)
        return Part(
            own.index.tolist(), own.to_numpy(), self._labels(country, indicator)[own.index].to_numpy()
        )

    def _labels(self, country: str, indicator: str) -> pd.Series:
        own = self.clusters[self.clusters["country"] == country]
        if f"{indicator}_label" in own:
            return own[f"{indicator}_label"].astype(float)
        listed = [name for names in self.lists[country].values() for name in names]
        values = own.loc[own.index.isin(listed), indicator].dropna()
        return (values >= values.median()).astype(float)

    def scaled(self, country: str, indicator: str, value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The indicator in −1 ... 1 over the country's clusters; r² does not change with it."""
        whole = self.clusters.loc[self.clusters["country"] == country, indicator]
        low, high = whole.min(), whole.max()
        return (value - low) / (high - low or 1.0) * 2 - 1

    # -- photos -------------------------------------------------------------------------------------

    def photos_of(self, ids: Sequence[str]) -> list[npt.NDArray[np.int64]]:
        """Positions of the photos of each cluster, in table order."""
        order, starts = self._groups.order, self._groups.starts
        return [order[starts[place] : starts[place + 1]] for place in self._place[list(ids)]]

    def lonlat(self, ids: Sequence[str]) -> npt.NDArray[np.float64]:
        """Published places of clusters: longitude and latitude, degrees."""
        return self.clusters.loc[list(ids)].get_coordinates().to_numpy()

    @cached_property
    def counts(self) -> npt.NDArray[np.float32]:
        """Objects per photo and class, void apart, shape (photos, 66)."""
        return object_counts(self.photos).to_numpy()

    @cached_property
    def paper_counts(self) -> npt.NDArray[np.float32]:
        """The same with void in the bin of the last class, as published, shape (photos, 65)."""
        counts = self.counts[:, :-1].copy()
        counts[:, -1] += self.counts[:, -1]
        return counts

    # -- features -----------------------------------------------------------------------------------

    def feature_file(self, indicator: str, *, classes: bool) -> Path:
        """The HDF5 file of features for a target: named after it, else the only one there is.

        Of two files for an indicator, one whose name says ``label`` or ``class`` serves classification and
        one that says ``regression`` serves regression.

        Raises
        ------
        InputError
            If there is none, or several fit.
        """
        words = {path: set(re.split(r"[^a-z0-9]+", path.stem.lower())) for path in self.files}
        fitting = [path for path, said in words.items() if indicator in said]
        fitting = fitting or [path for path, said in words.items() if not said & set(INDICATORS)]
        told = [path for path in fitting if words[path] & _TASKS[classes]]
        silent = [path for path in fitting if not words[path] & (_TASKS[True] | _TASKS[False])]
        # The published features were all made by classifiers, which also served the regressions.
        found = told or silent or fitting
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            msg = f"One HDF5 file of features is needed for {indicator} (features_{indicator}.hdf5): {names}."
            raise InputError(msg)
        return found[0]

    def features(
        self, path: Path, positions: npt.NDArray[np.int64], *, out: npt.NDArray[np.float32] | None = None
    ) -> npt.NDArray[np.float32]:
        """Features of photos by position, shape (n, 512); into ``out``, where it is given."""
        return read_published_features(path, self.photos.index[positions], table_rows=self.rows, out=out)

    @property
    def tables(self) -> list[Path]:
        """What every result depends on: the image table and the lists of clusters."""
        lists = sorted(path for path in self.folder.iterdir() if _LISTS.fullmatch(path.name))
        return [self.folder / "data.csv", *lists]


def open_street_level(folder: str | os.PathLike[str], *, cluster_limit: int = 1) -> StreetData:
    """Open a folder in the published layout.

    Parameters
    ----------
    folder
        With ``data.csv`` (see :func:`~geolivelihood.tables.published.read_published_photos`),
        ``train_clusters_<country>.txt`` and ``val_clusters_<country>.txt`` for each country, and HDF5 files
        of features, one per indicator (``features_pov.hdf5``).
    cluster_limit
        Clusters with fewer photos are neither learned from nor scored.

    Raises
    ------
    InputError
        If the table or the lists are missing, a country has only one list, or a cluster is in both.
    """
    folder = Path(folder)
    if not (folder / "data.csv").is_file():
        msg = (
            f"{folder} has no data.csv. Give the folder with the published table, the lists of clusters and "
            "the HDF5 features, or make an invented one (on the command line: --invent)."
        )
        raise InputError(msg)
    lists = _lists(folder)
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _HDF5)
    read = read_published_photos(folder / "data.csv")
    data = StreetData(folder, read, lists, files, cluster_limit=cluster_limit)
    unknown = sorted(set(lists) - set(data.clusters["country"]))
    if unknown:
        there = ", ".join(sorted(data.clusters["country"].unique()))
        msg = f"There are lists of clusters for {', '.join(unknown)}, but data.csv has photos of {there}."
        raise InputError(msg)
    return data


def _lists(folder: Path) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for path in sorted(folder.iterdir()):
        named = _LISTS.fullmatch(path.name)
        if named:
            found.setdefault(named[2].lower(), {})[named[1]] = read_cluster_list(path)
    if not found or any(len(lists) < 2 for lists in found.values()):
        alone = [country for country, lists in found.items() if len(lists) < 2]
        msg = (
            f"{folder} lacks lists of clusters{' of ' + ', '.join(alone) if alone else ''}: "
            "train_clusters_ia.txt and val_clusters_ia.txt, one id per line, for each country."
        )
        raise InputError(msg)
    for country, lists in found.items():
        both = sorted(set(lists["train"]) & set(lists["val"]))
        if both:
            msg = f"{len(both)} clusters of {country} are in both lists, such as {both[0]}. Keep them apart."
            raise InputError(msg)
    return found


def picture_files(photos: gpd.GeoDataFrame) -> pd.Series:
    """File of each photo.

    Raises
    ------
    InputError
        If the table names no pictures, or not one of the first is there.
    """
    if "picture" not in photos or photos["picture"].isna().all():
        msg = "no pictures: data.csv has no img_path_224x224 or img_path"
        raise InputError(msg)
    files = photos["picture"]
    if not any(Path(path).is_file() for path in files.dropna().head(20)):
        msg = f"no pictures: {files.dropna().iloc[0]} and the others that data.csv names are not there"
        raise InputError(msg)
    return files
