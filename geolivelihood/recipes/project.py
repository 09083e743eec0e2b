"""The project file: one YAML that says what comes in, what is done with it, and what goes out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from geolivelihood.recipes.project_file import ProjectFile, read_project_file
from geolivelihood.recipes.settings import (
    FILE_MODELS,
    PICTURE_MODELS,
    CellGrid,
    Clusters,
    Displacement,
    ImageSource,
    ModelChoice,
    Output,
    Regions,
    SmallAreas,
    Uncertainty,
    Validation,
)

__all__ = ["Project", "read_project"]

_ENCODED_MODELS = PICTURE_MODELS - FILE_MODELS
_RESERVED = ("clusters", "cells", "regions", "images", "edges")


class Project(ProjectFile):
    """A whole job."""

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

    @model_validator(mode="before")
    @classmethod
    def _dhs_points_are_displaced(cls, value: Any) -> Any:
        clusters = value.get("clusters") if isinstance(value, dict) else None
        if isinstance(clusters, dict) and clusters.get("dhs") and "displacement" not in value:
            return {**value, "displacement": "dhs"}
        return value

    @classmethod
    def spelt_out(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Models given by name alone become sections, where ``--set models.0.joint=true`` finds them."""
        models = content.get("models")
        if not isinstance(models, list):
            return content
        return content | {"models": [{"name": item} if isinstance(item, str) else item for item in models]}

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


def read_project(path: str | os.PathLike[str], *, overrides: Mapping[str, Any] | None = None) -> Project:
    """Read and check the project of a livelihood map; see :func:`read_project_file`."""
    return read_project_file(path, Project, overrides=overrides)


def _one_of(names: Sequence[str]) -> str:
    return f"which is not there; there are: {', '.join(names) or 'none'}"
