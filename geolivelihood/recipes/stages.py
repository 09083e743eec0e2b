"""What each stage of a project depends on: the names under which its results are kept."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from geolivelihood.errors import InputError
from geolivelihood.recipes.project import Project
from geolivelihood.recipes.settings import (
    FILE_MODELS,
    PICTURE_MODELS,
    Displacement,
    ImageSource,
    ModelChoice,
    Section,
)
from geolivelihood.recipes.workspace import Stage, Workspace, fingerprint

__all__ = ["Stages"]

CELL_MODELS = {"cell"}


class Stages:
    """The stages of a project before its models.

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

    @property
    def sources(self) -> list[str]:
        """Names of the sources of pictures."""
        return list(self._sources)

    @property
    def encoded(self) -> list[str]:
        """Names of the sources that have vectors."""
        return [name for name, source in self._sources.items() if source.encoder or source.detections_of]

    def origin(self, name: str) -> str:
        """Source whose pictures these are: that of the photos for their object counts."""
        return self._sources[name].detections_of or name

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
        if model.name in FILE_MODELS:
            return self._tabled[:1]
        return self.encoded[:1] if model.name == "graph" else self.encoded

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
        limit = self.project.max_rejected
        return self.space.stage("clusters", _told(settings), limit, fingerprint(files))

    @cached_property
    def regions_stage(self) -> Stage:
        """Reading the regions."""
        settings = self.project.regions
        if settings is None:
            msg = "The project has no 'regions'."
            raise InputError(msg)
        files = _siblings(self.project.input(settings.path))
        return self.space.stage("regions", _told(settings, "population"), fingerprint(files))

    def images_stage(self, name: str) -> Stage:
        """Reading the pictures of a source; for chips, laying the windows."""
        source = self._sources[name]
        if source.detections_of is not None:
            return self.images_stage(source.detections_of)
        # The tables that are kept hold whole paths, so another folder is another table.
        settings: list[Any] = [_told(source, "encoder", "views", "counts", "licence")]
        settings += [str(self.project.folder), self.project.max_rejected]
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
        chosen: Any = source.encoder.model_dump() if source.encoder else "object counts"
        files = self.encoder_files(source)
        if files:
            chosen = [chosen, fingerprint(files)]
        return self.space.stage(
            f"features-{name}", self.images_stage(name), chosen, counts, self.project.seed, self._stamps(name)
        )

    def _stamps(self, name: str) -> str | None:
        """What stands for the picture files of a source, where its table alone does not say."""
        raise NotImplementedError

    def encoder_folder(self, source: ImageSource) -> Path | None:
        """Folder of a pretrained encoder that the source names, relative to the project's data."""
        folder = self.project.input(source.encoder.name) if source.encoder else None
        return folder if folder is not None and (folder / "card.json").is_file() else None

    def encoder_files(self, source: ImageSource) -> list[Path]:
        """Files that the encoder of a source is made from: a pretrained encoder's own, or weights."""
        folder = self.encoder_folder(source)
        if folder is not None:
            return [file for file in sorted(folder.iterdir()) if file.is_file()]
        if source.encoder is None or source.encoder.weights is None:
            return []
        weights = self.project.input(source.encoder.weights)
        return [weights] if weights.is_file() else []

    @property
    def used(self) -> list[str]:
        """Sources whose vectors a model or the map asks for."""
        seen = {name for model in self.project.models for name in self.seen_by(model)}
        return [n for n in self.encoded if n in seen or self._sources[n].detections_of is not None]

    def stages(self) -> list[Stage]:
        """Every stage before the models, in order."""
        found = [self.images_stage(name) for name in self._tabled]
        if self.project.regions:
            found.insert(0, self.regions_stage)
        if self.project.clusters:
            found = [self.clusters_stage, *found, self.tie_stage]
        found.append(self.cells_stage)
        found += [self.images_stage(name) for name, source in self._sources.items() if source.chips]
        found += [self.features_stage(name) for name in self.used]
        return list(dict.fromkeys(found))

    def check_paths(self) -> None:
        """Refuse a project that names a file which is not there, before any work."""
        project, moved = self.project, self.project.displacement
        named = [source.counts for source in project.images]
        named += [project.regions.population] if project.regions else []
        named += [moved.boundary] if isinstance(moved, Displacement) else []
        fingerprint(project.input(path) for path in named if path)

    def _files(self, source: ImageSource) -> list[Path]:
        if source.chips is not None:
            return [file for raster in self.project.rasters(source.chips) for file in _siblings(raster)]
        if source.geotiffs is not None:
            return self.project.inputs(source.geotiffs)
        return _siblings(self.project.input(str(source.table or source.photos or source.tiles)))


def _told(section: Section, *without: str) -> dict[str, Any]:
    """Settings that a stage depends on; ways to read a table that are not used leave its name as it was."""
    idle = {name for name in ("layer", "numbered") if not getattr(section, name, None)}
    return section.model_dump(exclude={*without, *idle})


_SIDE_FILES = (".dbf", ".shx", ".prj", ".cpg", ".jgw", ".pgw", ".tfw", ".wld")


def _siblings(path: Path) -> list[Path]:
    """The file and those beside it that say how it is to be read (parts of a shapefile, world files)."""
    beside = [path.with_suffix(end) for end in _SIDE_FILES] + [path.with_name(f"{path.name}.aux.xml")]
    return [path, *(file for file in beside if file.exists() and file != path)]
