"""From pictures and survey clusters to a map: the data of a project, stage by stage.

:class:`Livelihood` holds what the stages make. Each part is computed when it is first asked for and kept
in the workspace, so asking for the scores of one model reads nothing that these scores do not depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood import cells as h3cells
from geolivelihood import graphs, tables
from geolivelihood.cells import Tie
from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features import Encoder, FeatureStore, embed, encoder, object_counts, read_object_counts
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.project import Project
from geolivelihood.recipes.settings import ImageSource
from geolivelihood.recipes.sources import read_source
from geolivelihood.recipes.stages import Stages
from geolivelihood.recipes.workspace import stamps

__all__ = ["Livelihood"]


class Livelihood(Stages):
    """The data of one project; the parameters are those of :class:`Stages`."""

    def __init__(self, project: Project, *, planning: bool = False) -> None:
        super().__init__(project, planning=planning)
        self._kept: dict[tuple[str, str], Any] = {}

    # -- what came in -------------------------------------------------------------------------------

    @cached_property
    def clusters(self) -> gpd.GeoDataFrame:
        """Checked survey clusters, EPSG:4326."""
        begin("reading clusters")
        path = self.space.make(self.clusters_stage, self._read_clusters)
        table = gpd.read_parquet(path / "table.parquet")
        self._refuse_swapped(table, "clusters")
        return table

    @cached_property
    def regions(self) -> gpd.GeoDataFrame:
        """Checked regions, EPSG:4326."""
        begin("reading regions")
        path = self.space.make(self.regions_stage, self._read_regions)
        return gpd.read_parquet(path / "table.parquet")

    def images(self, name: str) -> gpd.GeoDataFrame:
        """Checked pictures of a source; chips carry the ``cluster_id`` or the ``cell`` they belong to."""
        stage = self.images_stage(name)
        source = self._sources[stage.name.removeprefix("images-")]
        key = ("images", source.name)
        if key not in self._kept:
            begin(f"reading {source.name}")
            build = self._lay_chips if source.chips else self._read_images
            path = self.space.make(stage, lambda folder: build(source, folder))
            self._kept[key] = gpd.read_parquet(path / "table.parquet")
            if not source.chips:
                self._refuse_swapped(self._kept[key], source.name)
        return self._kept[key]

    def picture_files(self, name: str) -> pd.Series:
        """File of each picture of a source, by ``image_id``."""
        images = self.images(name).drop_duplicates("image_id").set_index("image_id")
        if "path" not in images:
            msg = (
                f"The pictures of {name!r} have no files: give the column 'path', or 'files' in the project."
            )
            raise InputError(msg)
        return images["path"]

    def _refuse_swapped(self, table: gpd.GeoDataFrame, what: str) -> None:
        """The regions tell a swap of longitude and latitude that the degrees alone do not."""
        if self.project.regions:
            west, south, east, north = self.regions.total_bounds
            tables.refuse_swapped(
                table, (west - 1, max(south - 1, -90), east + 1, min(north + 1, 90)), what=what
            )

    def _stamps(self, name: str) -> str | None:
        """What stands for the picture files of a table; the files of folders count with their folder."""
        source, stage = self._sources[name], self.images_stage(name)
        if source.table is None or (self.planning and not self.space.done(stage)):
            return None
        key = ("stamps", name)
        if key not in self._kept:
            self._kept[key] = stamps(self.picture_files(name).unique())
        return self._kept[key]

    # -- cells and ties -----------------------------------------------------------------------------

    @cached_property
    def cells(self) -> npt.NDArray[np.uint64]:
        """Cells of the map, ascending."""
        begin("choosing cells")
        path = self.space.make(self.cells_stage, self._choose_cells)
        return pd.read_parquet(path / "cells.parquet")["cell"].to_numpy(np.uint64)

    @cached_property
    def tie(self) -> Tie:
        """Clusters to all cells that they may lie in; rows in the order of the clusters."""
        begin("tying clusters to cells")
        path = self.space.make(self.tie_stage, self._tie_clusters)
        return _read_tie(path, pd.Index(self.clusters["cluster_id"]))

    @cached_property
    def map_tie(self) -> Tie:
        """Clusters to the cells of the map."""
        return self.tie.reindex(self.cells)

    def image_tie(self, name: str) -> Tie:
        """Pictures of a source to the cells of the map."""
        key = ("tie", self.images_stage(name).name)
        if key not in self._kept:
            images = self.images(name).drop_duplicates("image_id")
            if "cell" in images:
                images = images[images["cell"].ne("")]
                here = h3cells.parse_cells(images["cell"])
                whole = np.ones(len(here))
                made = Tie.from_arrays(np.arange(len(here)), here, whole, row_ids=images["image_id"])
            else:
                made = h3cells.image_cells(images, resolution=self.project.cells.resolution)
            self._kept[key] = made.reindex(self.cells)
        return self._kept[key]

    def pairs(self, name: str) -> pd.DataFrame:
        """Which pictures belong to which cluster: one row per ``cluster_id`` and ``image_id``.

        By the table's own ``cluster_id``; without one, the pictures in the likeliest cells that together
        hold the cluster with 95 % probability.
        """
        images = self.images(name)
        if "cluster_id" in images and images["cluster_id"].notna().any():
            own = images.loc[images["cluster_id"].notna() & images["cluster_id"].ne("")]
            return own[["cluster_id", "image_id"]].reset_index(drop=True)
        seen = self.image_tie(name)
        both = (_likely(self.map_tie.matrix) @ (seen.matrix > 0).astype(np.int32).T).tocoo()
        return pd.DataFrame(
            {"cluster_id": self.map_tie.rows[both.row], "image_id": seen.rows[both.col]}
        ).sort_values(["cluster_id", "image_id"], ignore_index=True)

    # -- features -----------------------------------------------------------------------------------

    def features(self, name: str) -> pd.DataFrame:
        """Vectors of a source's pictures, float32, indexed by ``image_id``."""
        key = ("features", name)
        if key not in self._kept:
            images = self.images(name).drop_duplicates("image_id")
            begin(f"embedding {name}")
            self._kept[key] = self._embedded(name, images)
        return self._kept[key]

    def cell_features(self, names: Sequence[str]) -> pd.DataFrame:
        """Mean vector of each cell's pictures, all sources side by side; NaN where a source shows nothing."""
        return _side_by_side(names, [self._cell_means(name) for name in names])

    def _cell_means(self, name: str) -> pd.DataFrame:
        key = ("cell features", name)
        if key not in self._kept:
            tie = self.image_tie(name)
            values = self.features(name).reindex(tie.rows)
            known = values.notna().any(axis=1).to_numpy()
            across = tie.matrix[known].T.tocsr()
            weight = across.sum(axis=1)[:, None]
            total = across @ values.to_numpy()[known].astype(float)
            mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
            index = pd.Index(self.cells, name="cell")
            self._kept[key] = pd.DataFrame(mean, index=index, columns=values.columns)
        return self._kept[key]

    def cluster_features(self, names: Sequence[str]) -> pd.DataFrame:
        """Mean vector of each cluster's own pictures, or the expected vector of the cells it may lie in."""
        parts = []
        for name in names:
            images = self.images(name)
            if "cluster_id" in images and images["cluster_id"].notna().any():
                pairs = self.pairs(name)
                values = self.features(name).reindex(pairs["image_id"])
                part = values.groupby(pairs["cluster_id"].to_numpy()).mean()
            else:
                part = self.map_tie.mean(self._cell_means(name))
            parts.append(part.reindex(self.clusters["cluster_id"]))
        return _side_by_side(names, parts)

    def graphs(self, names: Sequence[str], places: pd.DataFrame, **options: Any) -> dict[str, Any]:
        """One graph per place of its pictures.

        Parameters
        ----------
        names
            Sources of the node features; the first gives the nodes, the others are joined by ``image_id``.
        places
            One row per ``cluster_id`` (of a cluster, or the name of a cell) and ``image_id``.
        **options
            Passed to :func:`geolivelihood.graphs.cluster_graphs`.
        """
        first, *others = names
        values = self.features(first).dropna()
        parts = [values]
        for other in others:
            part = self.features(other).reindex(values.index)
            if part.isna().all(axis=None):
                msg = (
                    f"The graph model cannot join {other!r} to {first!r}: they share no image_id. Name "
                    "sources of the same pictures (object counts, or chips with the same grid)."
                )
                raise InputError(msg)
            parts.append(part)
        joined = _side_by_side(names, parts).dropna()
        pictures = self.images(first).drop_duplicates("image_id").set_index("image_id", drop=False)
        places = places[places["image_id"].isin(joined.index)]
        nodes = pictures.loc[places["image_id"]].reset_index(drop=True)
        nodes["cluster_id"] = places["cluster_id"].to_numpy()
        made = graphs.cluster_graphs(nodes, joined, seed=self.project.seed, **options)
        return {graph.cluster_id: graph for graph in made}

    def cell_pairs(self, name: str) -> pd.DataFrame:
        """Pictures by cell, as :meth:`pairs` gives them by cluster."""
        tie = self.image_tie(name)
        entries = tie.matrix.tocoo()
        names = h3cells.cell_names(tie.cells)
        return pd.DataFrame({"cluster_id": names[entries.col], "image_id": tie.rows[entries.row]})

    # -- what was set aside -------------------------------------------------------------------------

    def rejected(self) -> pd.DataFrame:
        """Rows and pictures that were set aside, with the stage and the reason."""
        found = []
        for stage in self.stages():
            file = self.space.path(stage) / "rejected.csv"
            if file.exists():
                rows = pd.read_csv(file, dtype=str).rename(columns={"image_id": "row"})
                found.append(rows.assign(stage=stage.name))
        columns = ["stage", "row", "column", "reason"]
        if not found:
            return pd.DataFrame(columns=columns, dtype=str)
        return pd.concat(found, ignore_index=True).reindex(columns=columns).fillna("")

    # -- how the stages are made --------------------------------------------------------------------

    def _read_clusters(self, folder: Path) -> None:
        settings = self.project.clusters
        assert settings is not None
        if settings.dhs:
            dhs = settings.dhs
            checked = tables.read_dhs(
                self.project.input(dhs.gps),
                recode=self.project.input(dhs.recode),
                recode_type=dhs.recode_type,
                indicators=dhs.indicators,
                stratum=dhs.stratum,
            )
        else:
            checked = tables.read_clusters(
                self.project.input(str(settings.path)),
                indicators=settings.indicators,
                columns=settings.columns or None,
                where=settings.where or None,
                crs=settings.crs,
                repeated=settings.repeated,
                layer=settings.layer,
                numbered=settings.numbered,
            )
        self._keep(checked, folder, "clusters")

    def _read_regions(self, folder: Path) -> None:
        settings = self.project.regions
        assert settings is not None
        checked = tables.read_regions(
            self.project.input(settings.path),
            name=settings.name,
            id=settings.id,
            where=settings.where or None,
            crs=settings.crs,
            layer=settings.layer,
        )
        self._keep(checked, folder, "regions")

    def _read_images(self, source: ImageSource, folder: Path) -> None:
        self._keep(read_source(self.project, source), folder, source.name)

    def _lay_chips(self, source: ImageSource, folder: Path) -> None:
        chips = source.chips
        assert chips is not None
        rasters = self.project.rasters(chips)
        options = chips.model_dump(exclude={"raster"})
        parts, rejected = [], []
        for column, places in self._chip_places(source.name).items():
            checked = tables.chip_table(places, rasters, id_column=column, **options)
            parts.append(checked.table.assign(**{column: checked.table["place_id"]}))
            rejected.append(checked.rejected)
        table = pd.concat(parts, ignore_index=True)
        table = table.assign(**{c: table[c].fillna("") for c in ("cluster_id", "cell") if c in table})
        self._keep(tables.Checked(table, pd.concat(rejected)), folder, source.name, tolerant=True)

    def _chip_places(self, name: str) -> dict[str, gpd.GeoDataFrame]:
        places = {}
        if self.cluster_chips:
            places["cluster_id"] = self.clusters[["cluster_id", "geometry"]]
        if self.needs_cells(name):
            centres = h3cells.cell_points(self.cells)
            places["cell"] = gpd.GeoDataFrame(
                {"cell": h3cells.cell_names(self.cells)}, geometry=centres.array, crs=centres.crs
            )
        return places

    def _tie_clusters(self, folder: Path) -> None:
        moved = self.project.displacement
        resolution = self.project.cells.resolution
        if moved == "none":
            tie = h3cells.cluster_cells(self.clusters, resolution=resolution)
        else:
            options = {} if moved == "dhs" else moved.model_dump()
            border = options.pop("boundary", None)
            if border:
                options["boundary"] = gpd.read_file(self.project.input(border))
            tie = h3cells.displacement_weights(self.clusters, resolution=resolution, **options)
        tie.to_frame().to_parquet(folder / "tie.parquet")

    def _choose_cells(self, folder: Path) -> None:
        grid = self.project.cells
        if grid.extent == "regions":
            _, found = h3cells.polygon_cells(self.regions, resolution=grid.resolution)
        else:
            parts = [
                h3cells.image_cells(self._unique(n), resolution=grid.resolution).cells for n in self._tabled
            ]
            parts += [self.tie.cells] if self.project.clusters else []
            touched = np.unique(np.concatenate(parts))
            found = h3cells.neighbours(touched, k=grid.rings)[1] if grid.rings else touched
            found = np.concatenate([touched, found])
        pd.DataFrame({"cell": np.unique(found)}).to_parquet(folder / "cells.parquet")

    def _unique(self, name: str) -> gpd.GeoDataFrame:
        return self.images(name).drop_duplicates("image_id")

    def _embedded(self, name: str, images: gpd.GeoDataFrame) -> pd.DataFrame:
        source, stage = self._sources[name], self.features_stage(name)
        if source.encoder is None:
            path = self.space.make(stage, lambda folder: self._count_objects(source, images, folder))
            return pd.read_parquet(path / "features.parquet")
        made = self.build_encoder(name)
        limit = self.project.max_rejected
        path = self.space.make(
            stage,
            lambda folder: _discard(embed(images, made, store=folder, max_rejected=limit)),
            resumable=True,
        )
        return FeatureStore(path).read()

    def build_encoder(self, name: str) -> Encoder:
        """The encoder of a source, as the project describes it."""
        source = self._sources[name]
        chosen = source.encoder
        if chosen is None:
            msg = f"The source {name!r} has no encoder."
            raise InputError(msg)
        options = chosen.model_dump(include={"weights", "size"}, exclude_none=True)
        folder, files = self.encoder_folder(source), self.encoder_files(source)
        if files and folder is None:
            options["weights"] = str(files[0])
        return encoder(folder or chosen.name, seed=self.project.seed, **options, **chosen.options)

    def _count_objects(self, source: ImageSource, images: gpd.GeoDataFrame, folder: Path) -> None:
        if source.counts:
            counts = read_object_counts(self.project.input(source.counts))
            counts = counts[counts.index.isin(images["image_id"])]
        else:
            counts = object_counts(images)
        counts.astype("float32").to_parquet(folder / "features.parquet")

    def _keep(self, checked: tables.Checked, folder: Path, what: str, *, tolerant: bool = False) -> None:
        bad, good = checked.rejected["row"].nunique(), len(checked.table)
        if bad > self.project.max_rejected * (bad + good) and not tolerant:
            some = "; ".join(checked.rejected["reason"].drop_duplicates().head(3))
            msg = (
                f"{bad} of {bad + good} rows of {what!r} cannot be used ({some}). Mend them, or raise "
                f"max_rejected (now {self.project.max_rejected:g})."
            )
            raise TooManyRejectedError(msg)
        checked.table.to_parquet(folder / "table.parquet")
        checked.rejected.to_csv(folder / "rejected.csv", index=False)


def _read_tie(folder: Path, ids: pd.Index) -> Tie:
    entries = pd.read_parquet(folder / "tie.parquet")
    rows = ids.get_indexer(entries["row"])
    return Tie.from_arrays(rows, entries["cell"].to_numpy(np.uint64), entries["weight"], row_ids=ids)


def _likely(matrix: sparse.csr_array, *, mass: float = 0.95) -> sparse.csr_array:
    """1 in the fewest columns of each row that together hold ``mass`` of its weight."""
    entries = matrix.tocoo()
    order = np.lexsort((-entries.data, entries.row))
    row, column, weight = entries.row[order], entries.col[order], entries.data[order]
    total = np.bincount(row, weights=weight, minlength=matrix.shape[0])
    before = np.cumsum(weight) - weight
    first = np.r_[True, row[1:] != row[:-1]] if len(row) else np.zeros(0, dtype=bool)
    before -= np.repeat(before[first], np.diff(np.r_[np.flatnonzero(first), len(row)]))
    kept = before < mass * total[row]
    return sparse.csr_array((np.ones(kept.sum(), np.int32), (row[kept], column[kept])), shape=matrix.shape)


def _side_by_side(names: Sequence[str], parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([part.add_prefix(f"{name}_") for name, part in zip(names, parts)], axis=1)


def _discard(_: object) -> None:
    """Take what a build returns; the stage's folder holds it."""
