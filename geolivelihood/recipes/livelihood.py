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

from geolivelihood import cells as h3cells
from geolivelihood import graphs, tables
from geolivelihood.cells import Tie
from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features import FeatureStore, embed, encoder, object_counts, read_object_counts
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.project import Displacement, ImageSource, ModelChoice, Project
from geolivelihood.recipes.sources import read_source
from geolivelihood.recipes.workspace import Stage, Workspace, fingerprint, stamps

__all__ = ["Livelihood"]

CELL_MODELS = {"cell"}
PICTURE_MODELS = {"ridge", "boosting", "graph", "image", "cell"}


class Livelihood:
    """The data of one project.

    Parameters
    ----------
    project
        A checked project file.
    planning
        Whether only the plan is wanted: then nothing is read to tell what the stages depend on.
    """

    def __init__(self, project: Project, *, planning: bool = False) -> None:
        self.project = project
        self.planning = planning
        self.space = Workspace(project.target / "stages")
        self._sources = {source.name: source for source in project.images}
        self._kept: dict[tuple[str, str], Any] = {}

    # -- what the stages depend on ------------------------------------------------------------------

    @cached_property
    def clusters_stage(self) -> Stage:
        """Reading the survey clusters."""
        settings = self.project.clusters
        if settings is None:
            msg = "The project has no 'clusters'."
            raise InputError(msg)
        dhs = settings.dhs
        paths = [dhs.gps, dhs.recode] if dhs else [str(settings.path)]
        files = [file for path in paths for file in _siblings(self.project.input(path))]
        return self.space.stage("clusters", settings.model_dump(), fingerprint(files))

    @cached_property
    def regions_stage(self) -> Stage:
        """Reading the regions."""
        settings = self.project.regions
        if settings is None:
            msg = "The project has no 'regions'."
            raise InputError(msg)
        files = _siblings(self.project.input(settings.path))
        return self.space.stage("regions", settings.model_dump(), fingerprint(files))

    def images_stage(self, name: str) -> Stage:
        """Reading the pictures of a source; for chips, laying the windows."""
        source = self._sources[name]
        if source.detections_of is not None:
            return self.images_stage(source.detections_of)
        settings = source.model_dump(exclude={"encoder", "views", "counts"})
        files = fingerprint(self._files(source))
        if source.chips is None:
            return self.space.stage(f"images-{name}", settings, files)
        places = [self.cells_stage] if self.needs_cells(name) else []
        places += [self.clusters_stage] if self.cluster_chips else []
        return self.space.stage(f"images-{name}", settings, files, *places)

    @cached_property
    def tie_stage(self) -> Stage:
        """Tying the clusters to the cells."""
        moved = self.project.displacement
        files = []
        if isinstance(moved, Displacement) and moved.boundary:
            files = fingerprint(_siblings(self.project.input(moved.boundary)))
        settings = moved if isinstance(moved, str) else moved.model_dump()
        return self.space.stage("tie", self.clusters_stage, settings, files, self.project.cells.resolution)

    @cached_property
    def cells_stage(self) -> Stage:
        """Choosing the cells of the map."""
        depends = [self.regions_stage] if self.project.cells.extent == "regions" else []
        if not depends:
            depends = [self.images_stage(name) for name in self._tabled]
            depends += [self.tie_stage] if self.project.clusters else []
        return self.space.stage("cells", self.project.cells.model_dump(), *depends)

    def features_stage(self, name: str) -> Stage:
        """Turning the pictures of a source into vectors."""
        source = self._sources[name]
        counts = fingerprint([self.project.input(source.counts)]) if source.counts else None
        chosen = source.encoder.model_dump() if source.encoder else "object counts"
        return self.space.stage(
            f"features-{name}", self.images_stage(name), chosen, counts, self.project.seed, self._stamps(name)
        )

    def _stamps(self, name: str) -> str | None:
        """What stands for the picture files of a table; the files of folders count with their folder."""
        source, stage = self._sources[name], self.images_stage(name)
        if source.table is None or source.encoder is None or (self.planning and not self.space.done(stage)):
            return None
        key = ("stamps", name)
        if key not in self._kept:
            self._kept[key] = stamps(self.images(name)["path"].unique())
        return self._kept[key]

    def stages(self) -> list[Stage]:
        """Every stage before the models, in order."""
        found = [self.images_stage(name) for name in self._tabled]
        if self.project.regions:
            found.insert(0, self.regions_stage)
        if self.project.clusters:
            found = [self.clusters_stage, *found, self.tie_stage]
        found.append(self.cells_stage)
        found += [self.images_stage(name) for name, source in self._sources.items() if source.chips]
        found += [self.features_stage(name) for name in self.encoded]
        return list(dict.fromkeys(found))

    # -- what came in -------------------------------------------------------------------------------

    @cached_property
    def clusters(self) -> gpd.GeoDataFrame:
        """Checked survey clusters, EPSG:4326."""
        begin("reading clusters")
        path = self.space.make(self.clusters_stage, self._read_clusters)
        return gpd.read_parquet(path / "table.parquet")

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
        return self._kept[key]

    @property
    def sources(self) -> list[str]:
        """Names of the sources of pictures."""
        return list(self._sources)

    @property
    def encoded(self) -> list[str]:
        """Names of the sources that have vectors."""
        return [name for name, source in self._sources.items() if source.encoder or source.detections_of]

    def source(self, name: str) -> ImageSource:
        """Settings of a source."""
        return self._sources[name]

    @property
    def displacement_m(self) -> float:
        """How far a published point may usually lie from the true site, metres."""
        moved = self.project.displacement
        if moved == "none":
            return 0.0
        return (moved if isinstance(moved, Displacement) else Displacement()).rural_m

    @property
    def cluster_chips(self) -> bool:
        """Whether chips are cut around the published points, which only makes sense if they are true."""
        return self.project.clusters is not None and self.project.displacement == "none"

    @property
    def _tabled(self) -> list[str]:
        return [n for n, source in self._sources.items() if source.chips is None and not source.detections_of]

    def needs_cells(self, name: str) -> bool:
        """Whether a model that maps cells, or the displacement of the clusters, needs this source there."""
        if not self.cluster_chips:
            return True
        return any(
            name in self.seen_by(model)
            for model in self.project.models
            if model.name in CELL_MODELS or model.key == self.map_model
        )

    @property
    def map_model(self) -> str | None:
        """Name of the model that makes the map: as the project says, else the last of the list."""
        models = self.project.models
        return self.project.map_model or (models[-1].key if models else None)

    def seen_by(self, model: ModelChoice) -> list[str]:
        """Sources that a model sees."""
        if model.name not in PICTURE_MODELS:
            return []
        if model.sources is not None:
            return model.sources
        return self.encoded[:1] if model.name in ("graph", "image") else self.encoded

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

        By the table's own ``cluster_id``; without one, the pictures that stand in a cell in which the
        cluster may lie.
        """
        images = self.images(name)
        if "cluster_id" in images and images["cluster_id"].notna().any():
            own = images.loc[images["cluster_id"].notna() & images["cluster_id"].ne("")]
            return own[["cluster_id", "image_id"]].reset_index(drop=True)
        seen = self.image_tie(name)
        both = ((self.map_tie.matrix > 0).astype(np.int32) @ (seen.matrix > 0).astype(np.int32).T).tocoo()
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
        parts = []
        for name in names:
            tie = self.image_tie(name)
            values = self.features(name).reindex(tie.rows)
            known = values.notna().any(axis=1).to_numpy()
            across = tie.matrix[known].T.tocsr()
            weight = across.sum(axis=1)[:, None]
            total = across @ values.to_numpy(dtype=float)[known]
            mean = np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
            parts.append(pd.DataFrame(mean, index=pd.Index(self.cells, name="cell"), columns=values.columns))
        return _side_by_side(names, parts)

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
                part = self.map_tie.mean(self.cell_features([name]))
                part.columns = self.features(name).columns
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
            )
        else:
            checked = tables.read_clusters(
                self.project.input(str(settings.path)),
                indicators=settings.indicators,
                columns=settings.columns or None,
                where=settings.where or None,
                crs=settings.crs,
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
        )
        self._keep(checked, folder, "regions")

    def _read_images(self, source: ImageSource, folder: Path) -> None:
        self._keep(read_source(self.project, source), folder, source.name)

    def _lay_chips(self, source: ImageSource, folder: Path) -> None:
        chips = source.chips
        assert chips is not None
        rasters = self.project.inputs(chips.raster)
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
        chosen = source.encoder
        if chosen is None:
            path = self.space.make(stage, lambda folder: self._count_objects(source, images, folder))
            return pd.read_parquet(path / "features.parquet")
        options = {
            key: getattr(chosen, key) for key in ("weights", "size") if getattr(chosen, key) is not None
        }
        made = encoder(chosen.name, seed=self.project.seed, **options, **chosen.options)
        limit = self.project.max_rejected
        path = self.space.make(
            stage,
            lambda folder: _discard(embed(images, made, store=folder, max_rejected=limit)),
            resumable=True,
        )
        return FeatureStore(path).read()

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

    def _files(self, source: ImageSource) -> list[Path]:
        if source.chips is not None:
            return self.project.inputs(source.chips.raster)
        if source.geotiffs is not None:
            return self.project.inputs(source.geotiffs)
        return _siblings(self.project.input(str(source.table or source.photos or source.tiles)))


def _read_tie(folder: Path, ids: pd.Index) -> Tie:
    entries = pd.read_parquet(folder / "tie.parquet")
    rows = ids.get_indexer(entries["row"])
    return Tie.from_arrays(rows, entries["cell"].to_numpy(np.uint64), entries["weight"], row_ids=ids)


def _side_by_side(names: Sequence[str], parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([part.add_prefix(f"{name}_") for name, part in zip(names, parts)], axis=1)


def _siblings(path: Path) -> list[Path]:
    """The file, and for a shapefile the files that belong to it."""
    if path.suffix.lower() != ".shp":
        return [path]
    return [
        path.with_suffix(end) for end in (".shp", ".dbf", ".shx", ".prj") if path.with_suffix(end).exists()
    ]


def _discard(_: object) -> None:
    """Take what a build returns; the stage's folder holds it."""
