"""The project file: one YAML that says what comes in, what is done with it, and what goes out."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from geolivelihood.errors import ProjectError
from geolivelihood.recipes.settings import (
    FILE_MODELS,
    PICTURE_MODELS,
    CellGrid,
    Chips,
    Clusters,
    DhsFiles,
    Displacement,
    EncoderChoice,
    ImageSource,
    ModelChoice,
    Output,
    Regions,
    Section,
    SmallAreas,
    Uncertainty,
    Validation,
)

__all__ = ["Project", "read_project"]

_ENCODED_MODELS = PICTURE_MODELS - FILE_MODELS
_RESERVED = ("clusters", "cells", "regions", "images", "edges")


class Project(Section):
    """A whole job. Paths are relative to ``data``, which is relative to the folder of the file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    seed: int = 0
    data: str = "."
    out: str = "out"
    clusters: Clusters | None = None
    displacement: Literal["dhs", "none"] | Displacement = "none"
    images: list[ImageSource] = Field(min_length=1)
    cells: CellGrid
    regions: Regions | None = None
    models: list[ModelChoice] = Field(default_factory=list)
    map_model: str | None = None
    validation: Validation = Validation()
    uncertainty: Uncertainty | Literal["none"] = Uncertainty()
    applicability: bool = True
    explanations: bool = True
    small_areas: SmallAreas = SmallAreas()
    output: Output = Output()
    licence: str | None = None
    max_rejected: float = Field(default=0.1, ge=0, le=1)
    file: Path = Field(default=Path("project.yaml"), exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _dhs_points_are_displaced(cls, value: Any) -> Any:
        clusters = value.get("clusters") if isinstance(value, dict) else None
        if isinstance(clusters, dict) and clusters.get("dhs") and "displacement" not in value:
            return {**value, "displacement": "dhs"}
        return value

    @field_validator("models", mode="before")
    @classmethod
    def _names_are_models(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [{"name": item} if isinstance(item, str) else item for item in value]
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for fault in self._faults():
            raise ValueError(fault)
        return self

    def _faults(self) -> Iterator[str]:
        names = [source.name for source in self.images]
        keys = [model.key for model in self.models]
        for what, values in (("images", names), ("models", keys)):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                yield f"{what}: the name {twice[0]!r} stands twice; give one of them another (label)"
        sources = {source.name: source for source in self.images}
        tables = [source.name for source in self.images if source.detections_of is None and not source.chips]
        for source in self.images:
            if source.name in _RESERVED:
                yield f"images: a source cannot be called {source.name!r}, as a layer of the map is"
            if source.detections_of is not None and source.detections_of not in tables:
                yield f"images: {source.name!r} counts what is in {source.detections_of!r}, {_one_of(tables)}"
            if source.counts is not None and source.detections_of is None:
                yield f"images: 'counts' of {source.name!r} needs 'detections_of', the photos counted"
        if self.cells.extent == "data" and self.clusters is None and all(s.chips for s in self.images):
            yield "cells: 'extent: data' needs pictures with places of their own, or clusters"
        encoded = [source.name for source in self.images if source.encoder or source.detections_of]
        for model in self.models:
            if model.name in _ENCODED_MODELS and not encoded:
                yield f"models: {model.key!r} learns from pictures, but no source has an encoder"
            seen = [sources[name] for name in model.sources or () if name in sources]
            if model.name in FILE_MODELS and (
                len(seen) > 1 or not {s.name for s in seen or self.images} & set(tables)
            ):
                yield f"models: {model.key!r} is trained on the picture files of one source, one of {tables}"
            if model.name in _ENCODED_MODELS:
                for blind in (source.name for source in seen if source.name not in encoded):
                    yield f"models: {model.key!r} sees {blind!r}, which has no encoder"
            for missing in set(model.sources or ()) - set(names):
                yield f"models: {model.key!r} names the source {missing!r}, {_one_of(names)}"
        if self.models and self.clusters is None:
            yield "models: there is nothing to learn from without 'clusters'"
        if self.map_model is not None and self.map_model not in keys:
            yield f"map_model: {self.map_model!r} is not among the models, {_one_of(keys)}"
        if self.cells.extent == "regions" and self.regions is None:
            yield "cells: 'extent: regions' needs 'regions'"
        yield from self._trust_faults()

    def _trust_faults(self) -> Iterator[str]:
        if self.validation.regions == "regions" and self.regions is None:
            yield "validation: 'regions: regions' holds out the polygons of 'regions', which are not given"
        if isinstance(self.uncertainty, Uncertainty):
            population = self.regions.population if self.regions else None
            if self.uncertainty.groups == "density" and population is None:
                yield "uncertainty: 'groups: density' needs 'regions.population', a raster of people"
            known = self.clusters.targets if self.clusters else []
            for unknown in sorted(set(self.uncertainty.range) - set(known)):
                yield f"uncertainty: 'range' names {unknown!r}, {_one_of(known)}"

    @property
    def folder(self) -> Path:
        """Folder that the input paths are relative to."""
        return self.file.parent / Path(self.data).expanduser()

    @property
    def target(self) -> Path:
        """Folder that the results go to."""
        return (self.file.parent / Path(self.out).expanduser()).resolve()

    def rasters(self, chips: Chips) -> list[Path]:
        """Rasters that chips are cut from; a folder stands for the GeoTIFFs in it."""
        paths = self.inputs(chips.raster)
        return [file for path in paths for file in (_tifs(path) if path.is_dir() else [path])]

    def input(self, path: str) -> Path:
        """Absolute path of an input file."""
        return (self.folder / Path(path).expanduser()).resolve()

    def inputs(self, paths: str | Sequence[str]) -> list[Path]:
        """Absolute paths of input files; ``*`` and ``**`` stand for what they stand for in a shell."""
        found: list[Path] = []
        for path in [paths] if isinstance(paths, str) else paths:
            whole = self.folder / Path(path).expanduser()
            hits = [str(whole)]
            if glob.has_magic(path) and not whole.exists():
                found_here = sorted(glob.glob(path, root_dir=self.folder, recursive=True))
                hits = [str(self.folder / hit) for hit in found_here]
            if not hits:
                msg = f"No file matches {whole}. Check 'data' and the pattern in {self.file}."
                raise ProjectError(msg)
            found += [Path(hit).resolve() for hit in hits]
        return found


def _tifs(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in (".tif", ".tiff"))


def read_project(path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None) -> Project:
    """Read and check a project file.

    Parameters
    ----------
    path
        YAML file.
    overrides
        Values by dotted key, ``{"validation.folds": 3, "images.0.encoder.name": "rcf"}``.

    Raises
    ------
    ProjectError
        With every fault: the key, the line and what is accepted.
    """
    file = Path(path).resolve()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"Cannot read the project {path}: {error}. Give the path of a YAML file."
        raise ProjectError(msg) from error
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        msg = f"{path} is not valid YAML: {error}"
        raise ProjectError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} must hold keys and values ('name: ...'), not {type(content).__name__}."
        raise ProjectError(msg)
    if isinstance(content.get("models"), list):
        content["models"] = [{"name": m} if isinstance(m, str) else m for m in content["models"]]
    for key, value in (overrides or {}).items():
        _set(content, key, value)
    try:
        return Project.model_validate({**content, "file": file})
    except ValidationError as error:
        lines = [_explain(fault, tree, overrides or {}) for fault in error.errors()]
        msg = f"{path} has {len(lines)} fault{'s' * (len(lines) > 1)}:\n" + "\n".join(dict.fromkeys(lines))
        raise ProjectError(msg) from error


def _one_of(names: Sequence[str]) -> str:
    return f"which is not there; there are: {', '.join(names) or 'none'}"


def _set(content: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    place: Any = content
    try:
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        msg = f"--set {dotted}: there is no such key in the project ({error})."
        raise ProjectError(msg) from error


def _explain(fault: Any, tree: yaml.Node | None, overrides: Mapping[str, Any]) -> str:
    location = [str(part) for part in fault["loc"]]
    line, path = _line(tree, location)
    key = ".".join(path) or ".".join(location) or "project"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        key = ".".join(location)
        message = f"unknown key{_suggest(location)}"
    elif fault["type"] == "missing":
        key = ".".join(location)
        message = "is missing"
    elif fault["type"] not in ("value_error",):
        message += f" (given: {fault['input']!r})"
    changed = next((name for name in overrides if ".".join(location).startswith(name)), None)
    if changed is not None:
        return f"  --set, {key if key.startswith(changed) else changed}: {message}"
    return f"  line {line}, {key}: {message}"


def _line(node: yaml.Node | None, location: Sequence[str]) -> tuple[int, list[str]]:
    """Line of the deepest part of ``location`` that stands in the file, and that part."""
    line, path = 1, []
    for part in location:
        if isinstance(node, yaml.MappingNode):
            hit = next((pair for pair in node.value if pair[0].value == part), None)
            if hit is None:
                continue  # the name of a union's member, or a key that is missing
            line, node = hit[0].start_mark.line + 1, hit[1]
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            continue
        path.append(part)
    return line, path


def _suggest(location: Sequence[str]) -> str:
    section = _section(location[:-1])
    known = [name for name in section.model_fields if name != "file"] if section else []
    near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known keys: {', '.join(known)}" if known else ""


_SECTIONS: dict[str, type[Section]] = {
    "clusters": Clusters,
    "dhs": DhsFiles,
    "displacement": Displacement,
    "images": ImageSource,
    "chips": Chips,
    "encoder": EncoderChoice,
    "cells": CellGrid,
    "regions": Regions,
    "models": ModelChoice,
    "validation": Validation,
    "uncertainty": Uncertainty,
    "small_areas": SmallAreas,
    "output": Output,
}


def _section(location: Sequence[str]) -> type[Section] | None:
    named = [part for part in location if part in _SECTIONS]
    if named:
        return _SECTIONS[named[-1]]
    return Project if not location else None
