"""Attribution on overhead pictures: rasters, the places that stand out, and sums over polygons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio

from geolivelihood import cells as h3cells
from geolivelihood.errors import InputError
from geolivelihood.explanation import explanation_rasters, image_tiles, write_mosaic, zonal_sums
from geolivelihood.explanation.ground import peaks
from geolivelihood.explanation.ground import regions as hot_regions
from geolivelihood.layers.raster_styles import write_raster_style
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.explanations.attributions import Attributed
from geolivelihood.recipes.explanations.drawing import draw_mosaic
from geolivelihood.recipes.explanations.job import REJECTED, Job, Made
from geolivelihood.recipes.explanations.pictures import PictureModel

__all__ = ["overhead_layers"]

Floats = npt.NDArray[np.float64]
_MOST_RASTERS = 250  # of single pictures; of more there is the mosaic
_MOST_PEAKS = 100  # of each sign


def overhead_layers(job: Job, model: PictureModel, groups: list[Attributed]) -> Made:
    """Rasters of maps, and what can be read off them.

    Up to 250 pictures get a raster each. Those of one size and CRS get a mosaic, in which maps are blended,
    with its peaks and regions, and the accounts: a raster in which each picture counts as much as it does in
    its cell, so that sums over polygons are shares of the cells' predictions.

    Returns
    -------
    Made
        Layers ``explanations_rasters``, ``_peaks``, ``_regions``, ``_zonal``.
    """
    begin("drawing explanations on the ground")
    few = sum(len(group.images) for group in groups) <= _MOST_RASTERS
    sheets = [_Sheet(job, model, group, number) for number, group in enumerate(groups)]
    for sheet in sheets:
        sheet.draw(few=few)
    limit = max(sheet.limit for sheet in sheets)
    layers: dict[str, gpd.GeoDataFrame] = {}
    for name in dict.fromkeys(name for sheet in sheets for name in sheet.layers):
        parts = [sheet.layers[name].to_crs("EPSG:4326") for sheet in sheets if name in sheet.layers]
        layers[name] = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")
    rasters = [file for sheet in sheets for file in sheet.rasters]
    for file in rasters:  # one scale for the whole run
        write_raster_style(file, limit, unit=f"{job.indicator} per pixel")
    rejected = [rows for sheet in sheets for rows in sheet.rejected]
    # a picture that cannot be drawn cannot be drawn on any of the rasters
    aside = pd.concat(rejected).drop_duplicates("row") if rejected else pd.DataFrame()
    aside["stage"] = f"explain-{model.source}"
    facts = {name: told for sheet in reversed(sheets) for name, told in sheet.facts.items()}
    pictures = [sheet.picture for sheet in sheets if sheet.picture is not None]
    return Made(layers, [*rasters, *pictures], aside.reindex(columns=list(REJECTED)), facts)


class _Sheet:
    """What is drawn of the pictures of one size."""

    def __init__(self, job: Job, model: PictureModel, group: Attributed, number: int) -> None:
        self.job, self.model, self.group, self.number = job, model, group, number
        self.layers: dict[str, gpd.GeoDataFrame] = {}
        self.rasters: list[Path] = []
        self.picture: Path | None = None
        self.rejected: list[pd.DataFrame] = []
        self.facts: dict[str, Any] = {}
        self.options: dict[str, Any] = {
            "model": job.choice.key,
            "resolution": job.data.project.cells.resolution,
            "on_rejected": self.rejected.append,
        }

    @property
    def limit(self) -> float:
        """Value at which the colours of its rasters end."""
        table = self.layers.get("explanations_rasters")
        return 0.0 if table is None else float(table["limit"].max())

    def draw(self, *, few: bool) -> None:
        """Rasters, mosaic and accounts; what cannot be drawn is told in ``facts`` and ``rejected``."""
        images = self.group.images
        tiles = image_tiles(images, fit=self.model.fit, on_rejected=self.rejected.append)
        if few:
            self._draw_rasters(tiles)
        if any(tile is not None for tile in tiles):
            try:
                self._draw_mosaic(tiles)
                self._draw_accounts(tiles)
            except InputError as error:  # several CRSs, tiles turned against each other or far apart
                self.facts["no mosaic"] = str(error)

    def _draw_rasters(self, tiles: list[Any]) -> None:
        folder = f"{self.job.choice.key}/{self.model.source}"
        table = explanation_rasters(self.group.attribution, tiles, self.job.folder / folder, **self.options)
        self.rasters += [self.job.folder / folder / name for name in table["path"]]
        self._add("explanations_rasters", table.assign(path=f"{folder}/" + table["path"].astype(str)))

    def _draw_mosaic(self, tiles: list[Any]) -> None:
        mosaic, job = self._path("mosaic", ".tif"), self.job
        table = write_mosaic(mosaic, self.group.attribution, tiles, **self.options)
        if "explanations_rasters" not in self.layers:
            self._add("explanations_rasters", table.assign(path=mosaic.name))
        self.rasters.append(mosaic)
        resolution = self.options["resolution"]
        self._add("explanations_peaks", peaks(mosaic, most=_MOST_PEAKS, images=table, resolution=resolution))
        self._add("explanations_regions", hot_regions(mosaic))
        self.picture = draw_mosaic(
            self._path("mosaic", ".png"),
            mosaic,
            outlines=job.data.regions if job.data.project.regions else None,
            label=job.data.project.output.labels.get(job.indicator, job.indicator),
            title=f"{job.data.project.name}: {job.choice.key}, {job.method.replace('_', ' ')}",
        )

    def _draw_accounts(self, tiles: list[Any]) -> None:
        """Sums per polygon of a raster in which pictures count as they do in the prediction of their cell."""
        accounts, found = self._path("accounts", ".tif"), self.group.attribution
        weights = self._weights()
        if not weights.any():
            self.facts["no sums"] = "none of the pictures lies in a cell of the map"
            return
        options = self.options | {"resolution": None}
        table = write_mosaic(accounts, found, tiles, mode="sum", weights=weights, **options)
        self.rasters.append(accounts)
        parts, told = [], {}
        for name, zones in self._zones().items():
            sums = zonal_sums(accounts, zones)
            parts.append(_with_names(sums.table[sums.table["n"] > 0].to_crs("EPSG:4326")))
            told[name] = {"inside": float(sums.table["sum"].sum()), "outside": float(sums.uncovered)}
        self._add("explanations_zonal", gpd.GeoDataFrame(pd.concat(parts, ignore_index=True)))
        drawn = np.isin(self.group.images["image_id"].to_numpy(), table["image_id"].to_numpy())
        whole = float((weights * drawn) @ found.maps.reshape(len(found), -1).sum(axis=1))
        with rasterio.open(accounts) as source:
            masked = float(source.tags().get("masked") or 0.0)
        self.facts["accounts"] = {"evidence": whole, "without data": masked} | told

    def _weights(self) -> Floats:
        """Weight of each picture in the mean of its cell, of several cells their sum; 0 outside the map."""
        tie = self.job.data.image_tie(self.model.source)
        share = tie.matrix / np.maximum(np.asarray(tie.matrix.sum(axis=0)), 1e-300)
        total = pd.Series(np.asarray(share.sum(axis=1)).ravel(), index=tie.rows)
        return total.reindex(self.group.images["image_id"]).fillna(0.0).to_numpy(dtype=float)

    def _zones(self) -> dict[str, gpd.GeoDataFrame | gpd.GeoSeries]:
        """Polygons to sum over, by what they are: those asked for, or the pictures' cells and the regions."""
        asked = self.job.options.get("zones")
        if asked is not None:
            return {"zones": asked}
        tie = self.job.data.image_tie(self.model.source)
        rows = pd.Index(tie.rows).get_indexer(self.group.images["image_id"])
        seen = np.asarray(tie.matrix[rows[rows >= 0]].sum(axis=0)).ravel() > 0
        zones: dict[str, Any] = {"cells": h3cells.cell_polygons(tie.cells[seen])}
        if self.job.data.project.regions:
            zones["regions"] = self.job.data.regions
        return zones

    def _add(self, name: str, layer: gpd.GeoDataFrame) -> None:
        """Keep a layer, its cells by their names."""
        self.layers[name] = _with_names(layer)

    def _path(self, what: str, suffix: str) -> Path:
        job, more = self.job, f"_{self.number + 1}" if self.number else ""
        name = f"{what}_{job.choice.key}_{self.model.source}_{job.method}_{job.indicator}{more}"
        return job.folder / f"{name.replace(' ', '_')}{suffix}"


def _with_names(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A layer whose cells are called as files call them; numbers of 64 bits do not survive a gap."""
    if "cell" not in layer or not pd.api.types.is_integer_dtype(layer["cell"]):
        return layer
    return layer.assign(cell=h3cells.cell_names(layer["cell"].to_numpy(np.uint64)))
