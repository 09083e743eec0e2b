"""The pictures of a project of encoders, their places and their labels."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import tables
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.features import read_picture
from geolivelihood.recipes.pretraining.options import checked_options
from geolivelihood.recipes.pretraining.settings import EncoderProject, Labels, Pictures
from geolivelihood.recipes.sources import read_source
from geolivelihood.tables.collections import COLLECTIONS
from geolivelihood.tables.images import require_paths
from geolivelihood.tables.places import places_by_distance
from geolivelihood.tables.schema import unknown_column
from geolivelihood.tables.sources import read_rows, read_table
from geolivelihood.validation import BlockKFold, RandomKFold
from geolivelihood.validation.splits import Split

__all__ = ["EncoderData", "Target", "folds", "lonlat_of"]

Task = Literal["classification", "regression"]


class Target(NamedTuple):
    """Labels of pictures.

    Attributes
    ----------
    name
        Column that they come from.
    task
        Whether they are classes or numbers.
    values
        One per row of the images table; missing where unknown.
    """

    name: str
    task: Task
    values: pd.Series

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Rows whose label is known."""
        return self.values.notna().to_numpy()


class EncoderData:
    """What a project of encoders reads, each once.

    Parameters
    ----------
    project
        The project.

    Attributes
    ----------
    rejected
        Rows of the pictures that were set aside, with their reasons; known once ``images`` was read.
    """

    def __init__(self, project: EncoderProject) -> None:
        self.project = project
        self.rejected = pd.DataFrame(columns=["row", "column", "reason"])

    @cached_property
    def images(self) -> gpd.GeoDataFrame:
        """The images table, one row per picture, in EPSG:4326; ``place_id`` where it can be told."""
        source = self.project.images
        if source.collection is not None:
            frame = self._collection(source.collection, str(source.path), source.options)
        else:
            frame, self.rejected = self._read(source)
        require_paths(frame, source.path or source.table or source.name)
        frame = frame.drop_duplicates("image_id").to_crs("EPSG:4326").reset_index(drop=True)
        if source.places_m is not None:
            frame = places_by_distance(frame, metres=source.places_m)
        return frame

    @cached_property
    def bands(self) -> int:
        """Bands of the pictures: those chosen, else those of the first one."""
        source, first = self.project.images, self.images.iloc[0]
        if source.bands is not None:
            return len(source.bands)
        if isinstance(first.get("bands"), str):  # parts of rasters, whose headers have been read
            return first["bands"].count(",") + 1
        return len(read_picture(first["path"]).pixels)

    def target(self, labels: Labels) -> Target:
        """Labels of the pictures.

        Raises
        ------
        InputError
            If no picture has one, or words are to be a regression's target.
        MissingColumnError
            If there is no such column.
        """
        frame, around = self.images, self.project.images.around
        if labels.table is None and around is not None and labels.column not in frame:
            joined = {"table": around.path, "key": "place_id", "table_key": around.id, "where": around.where}
            labels = labels.model_copy(update=joined)
        if labels.table is None:
            values = self._column(frame, labels.column, "the table of pictures")
        else:
            values = self._joined(labels)
        values = values.replace("", np.nan)
        if values.isna().all():
            msg = f"No picture has a value of {labels.column!r}. Check the column, and the ids that join it."
            raise InputError(msg)
        task = _task(values, labels)
        if task == "regression":
            numbers = pd.to_numeric(values, errors="coerce")
            if (wrong := values[numbers.isna() & values.notna()]).size:
                msg = (
                    f"{labels.column!r} is to be a number, but says {wrong.iloc[0]!r} of picture "
                    f"{frame['image_id'].iloc[wrong.index[0]]!r}. Say 'task: classification' for classes."
                )
                raise InputError(msg)
            values = numbers.astype(float).where(np.isfinite(numbers.astype(float)))
        else:
            values = _class_names(values)
        return Target(labels.column, task, values)

    def _read(self, source: Pictures) -> tables.Checked:
        if source.windows is not None:
            cut = source.windows
            raster = self.project.rasters(cut.raster)
            return tables.grid_table(raster, size_px=cut.size_px, step_px=cut.step_px, crs=cut.crs)
        if source.chips is None or source.around is None:
            return read_source(self.project, source)
        places = read_table(
            self.project.input(source.around.path),
            text=[source.around.id],
            where=source.around.where or None,
            crs=source.around.crs,
            layer=source.around.layer,
        )
        options = source.chips.model_dump(exclude={"raster"})
        return tables.chip_table(
            places, self.project.rasters(source.chips.raster), id_column=source.around.id, **options
        )

    def _collection(self, name: str, path: str, options: dict[str, Any]) -> gpd.GeoDataFrame:
        if name not in COLLECTIONS:
            msg = f"images: there is no collection {name!r}; there are: {', '.join(COLLECTIONS)}."
            raise InputError(msg)
        read = COLLECTIONS[name]
        chosen = checked_options(
            read, options, section=f"images, options of {name}", given=("root", "on_rejected")
        )
        aside: list[pd.DataFrame] = []
        table = read(self.project.input(path), on_rejected=aside.append, **chosen)
        self.rejected = pd.concat([self.rejected, *aside], ignore_index=True)
        return table

    def _joined(self, labels: Labels) -> pd.Series:
        """The column of another table, at the pictures whose key it has."""
        path, key = self.project.input(str(labels.table)), labels.table_key or labels.key
        other = read_rows(path, text=[key], where=labels.where)
        keys = self._column(other, key, str(path)).astype("str")
        if keys.duplicated().any():
            twice = keys[keys.duplicated()].iloc[0]
            msg = (
                f"{path}: {key} {twice!r} stands twice; one label each is needed. Choose rows with 'where', "
                "such as {year: 2010}."
            )
            raise InputError(msg)
        values = pd.Series(self._column(other, labels.column, str(path)).to_numpy(), index=keys)
        own = self._column(self.images, labels.key, "the table of pictures").astype("str")
        return own.map(values)

    @staticmethod
    def _column(frame: pd.DataFrame, name: str, what: str) -> pd.Series:
        if name in frame:
            return frame[name]
        there = [str(column) for column in frame.columns if column != "geometry"]
        msg = f"{what}: {unknown_column(name, there, what='there is')}."
        raise MissingColumnError(msg)


def _task(values: pd.Series, labels: Labels) -> Task:
    if labels.task != "auto":
        return labels.task
    plain = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return "regression" if plain else "classification"


def _class_names(values: pd.Series) -> pd.Series:
    """Classes as text; whole numbers without the ``.0`` that a missing one gives to the others."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("str").where(values.notna())


def lonlat_of(images: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Longitude and latitude (degrees WGS84, shape (n, 2)) of pictures, inside their footprints."""
    return h3cells.lonlat(gpd.GeoSeries(images.geometry.representative_point(), crs=images.crs))


def folds(
    images: gpd.GeoDataFrame,
    n: int,
    *,
    seed: int,
    resolution: int | None = None,
    buffer_m: float = 0.0,
) -> dict[str, list[Split]]:
    """Random and spatially blocked folds; pictures of one place are never on both sides of either.

    Parameters
    ----------
    images
        Pictures with a geometry and, where known, ``place_id``.
    n
        Number of folds.
    seed
        Seed of the draw.
    resolution, buffer_m
        Of the blocked folds; see :class:`~geolivelihood.validation.BlockKFold`.

    Raises
    ------
    InputError
        If there are fewer places than folds.
    """
    places = images["place_id"] if "place_id" in images else images["image_id"]
    codes = pd.factorize(places)[0]
    lonlat = lonlat_of(images)
    _, first = np.unique(codes, return_index=True)
    if len(first) < n:
        msg = f"{n} folds of {len(first)} places with a label: give folds from 2 up to as many as the places."
        raise InputError(msg)
    drawn = RandomKFold(n, random_state=seed).split(first)
    random = [
        (np.flatnonzero(np.isin(codes, train)), np.flatnonzero(np.isin(codes, test))) for train, test in drawn
    ]
    blocked = BlockKFold(n, resolution=resolution, buffer_m=buffer_m, random_state=seed).split(
        lonlat, groups=codes
    )
    return {"random": random, "blocked": list(blocked)}
