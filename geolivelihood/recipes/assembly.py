"""A project file from a few answers: which clusters, which pictures, which models, which map."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import yaml

from geolivelihood.errors import InputError, MissingColumnError, ProjectError
from geolivelihood.files import atomic
from geolivelihood.recipes.places import Source
from geolivelihood.recipes.project import read_project
from geolivelihood.tables.rasters import RasterHeader, read_headers
from geolivelihood.tables.schema import unknown_column
from geolivelihood.tables.sources import read_rows, read_table
from geolivelihood.tables.tiles import read_tiles

__all__ = ["Answers", "write_project"]

Pictures = Literal["photos_table", "photos_folder", "tiles", "raster"]
Scheme = Literal["z-x-y", "x-y-z", "z/x/y"]

_HEAD = "# {title}\n# Run it again with: geolivelihood run {name}\n"
_SCHEMES: tuple[Scheme, ...] = ("z-x-y", "x-y-z", "z/x/y")
_MAPPERS = ("ridge", "boosting", "cell", "graph", "gp", "idw", "knn", "mean")
_MOST_CELLS = 300_000
_URBAN = "URBAN_RURA"
_LEAST_M, _PIXELS = 2000.0, 7
_DEGREE_M = 111_320.0
_EQUAL_AREA = "EPSG:6933"


@dataclass(frozen=True)
class Answers:
    """What somebody wants mapped; the fields are those of the operation ``clusters_to_map``."""

    clusters: Source
    pictures: Pictures
    indicators: Sequence[str]
    resolution: int
    models: Sequence[str]
    cluster_id: str | None = None
    displaced: Literal["none", "dhs"] = "none"
    urban: str | None = None
    photos: Source | None = None
    photo_file: str | None = None
    photos_folder: Path | None = None
    tiles: Path | None = None
    rasters: Sequence[Path] = ()
    raster_crs: str | None = None
    window_m: float | None = None
    label: str | None = None
    encoder: str = "auto"
    map_model: str = "auto"
    folds: int = 5
    splits: Sequence[str] = ()
    buffer_m: float | None = None
    coverage: float = 0.9
    regions: Source | None = None
    region_name: str | None = None
    explanations: bool = True
    title: str | None = None
    max_rejected: float = 0.1
    seed: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


def write_project(answers: Answers, result: Path) -> Path:
    """Write the project file of a map beside the GeoPackage that is to hold it.

    Paths are relative where the inputs lie near; inputs in the folder for temporary files, as GIS programs
    write for selections, are copied beside it, so that the project can be run again later.

    Parameters
    ----------
    answers
        What is wanted.
    result
        GeoPackage to come; the project is called ``<stem>.project.yaml``, with a number where another one
        of that name is there.

    Returns
    -------
    pathlib.Path
        The project file.

    Raises
    ------
    InputError
        If the answers do not fit together.
    ProjectError
        If they make no project.
    """
    content = _content(answers, _Files(result))
    target = result.with_name(f"{result.stem}.project.yaml")
    title = " ".join((answers.title or f"A map of {answers.indicators[0]}").split())
    body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    number = 1
    while target.exists() and target.read_text(encoding="utf-8").partition("\nname:")[2] != body[5:]:
        number += 1
        target = result.with_name(f"{result.stem}.project-{number}.yaml")
    with atomic(target) as part:
        part.write_text(_HEAD.format(title=title, name=target.name) + body, encoding="utf-8")
        try:
            read_project(part)
        except ProjectError as error:
            raise ProjectError(str(error).replace(str(part), "The project")) from error
    return target


class _Files:
    """Paths as a project beside ``result`` names them."""

    def __init__(self, result: Path) -> None:
        self.folder = result.parent.resolve()
        self.copies = result.with_name(f"{result.stem}.inputs")
        self.temporary = Path(tempfile.gettempdir()).resolve()

    def name(self, path: str | os.PathLike[str]) -> str:
        """Relative if the file lies in the folder or up to two folders above, else absolute."""
        whole = self._kept(Path(path).absolute())
        try:
            near = Path(os.path.relpath(whole, self.folder))
        except ValueError:  # another drive
            return whole.as_posix()
        return whole.as_posix() if near.parts[:3] == ("..",) * 3 else near.as_posix()

    def copied(self, path: str | os.PathLike[str]) -> bool:
        """Whether the project names a copy of the file."""
        whole = Path(path).absolute()
        return self._kept(whole) != whole

    def _kept(self, path: Path) -> Path:
        """The file, or its copy where it would soon be gone."""
        passing = path.resolve().is_relative_to(self.temporary)
        if not passing or not path.is_file() or self.folder.is_relative_to(self.temporary):
            return path
        target = self.copies / path.name
        number = 1
        while target.exists() and target.read_bytes() != path.read_bytes():
            number += 1
            target = self.copies / f"{path.stem}-{number}{path.suffix}"
        self.copies.mkdir(parents=True, exist_ok=True)
        for part in path.parent.glob(f"{path.stem}.*"):  # a shapefile has several
            if part.is_file():
                shutil.copy2(part, target.with_name(target.stem + part.name[len(path.stem) :]))
        return target


def _content(answers: Answers, files: _Files) -> dict[str, Any]:
    models = list(dict.fromkeys(answers.models))
    if answers.map_model not in ("auto", *models):
        models.append(answers.map_model)
    mapper = answers.map_model
    if mapper == "auto":
        order = ("cell", *_MAPPERS) if answers.displaced == "dhs" else _MAPPERS
        mapper = next(name for name in [*order, *models] if name in models)
    content: dict[str, Any] = {
        "name": _plain_name(files.copies.stem),
        "seed": answers.seed,
        "data": ".",
        "out": files.copies.with_suffix(".run").name,
        "clusters": _clusters(answers, files),
        "displacement": answers.displaced,
        "images": _images(answers, files),
        "cells": _cells(answers),
        "regions": _regions(answers, files),
        "models": models,
        "map_model": mapper,
        "validation": _validation(answers),
        "uncertainty": {"coverage": answers.coverage},
        "explanations": answers.explanations,
        "max_rejected": answers.max_rejected,
        "output": _output(answers),
        **answers.extra,
    }
    return {key: value for key, value in content.items() if value is not None}


def _plain_name(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", stem).strip("_.-") or "map"


def _clusters(answers: Answers, files: _Files) -> dict[str, Any]:
    if not answers.indicators:
        msg = "Choose at least one indicator: a field of the clusters with numbers."
        raise InputError(msg)
    source, there = answers.clusters, _columns(answers.clusters)
    for name in answers.indicators:
        if name not in there:
            msg = f"{source.path}: {unknown_column(name, there, what='It has')}."
            raise MissingColumnError(msg)
    columns = {}
    if answers.cluster_id and answers.cluster_id != "cluster_id":
        columns[answers.cluster_id] = "cluster_id"
    urban = answers.urban
    if answers.displaced == "dhs" and urban is None and "urban" not in there:
        if _URBAN not in there:
            msg = (
                "Displaced clusters need the field that says whether they are urban (U or R, 1 or 0, true or "
                f"false; in DHS files {_URBAN}). Choose it, or say that the clusters were not displaced. "
                f"There are: {', '.join(there)}."
            )
            raise InputError(msg)
        urban = _URBAN
    if urban and urban != "urban":
        columns[urban] = "urban"
    told: dict[str, Any] = {"path": files.name(source.path), "layer": source.layer}
    told["indicators"] = list(answers.indicators)
    told |= {"columns": columns, "numbered": "cluster_id" not in {*there, *columns.values()}}
    return _short(told | {"crs": source.crs})


def _columns(source: Source) -> list[str]:
    return [str(name) for name in read_rows(source.path, layer=source.layer).columns]


def _short(section: dict[str, Any]) -> dict[str, Any]:
    """A section without what it does not say."""
    return {key: value for key, value in section.items() if value not in (None, {}, [], False)}


def _images(answers: Answers, files: _Files) -> list[dict[str, Any]]:
    make = {
        "photos_table": _photos,
        "photos_folder": _photos_folder,
        "tiles": _tiles,
        "raster": _rasters,
    }[answers.pictures]
    usual = "summary" if answers.pictures == "raster" else "rcf"
    encoder = {"name": usual if answers.encoder == "auto" else answers.encoder}
    return [_short(source | {"encoder": dict(encoder)}) for source in make(answers, files)]


def _given(value: Any, what: str) -> Any:
    if not value:
        msg = f"The pictures are missing: choose {what}, or another kind of pictures."
        raise InputError(msg)
    return value


def _photos(answers: Answers, files: _Files) -> list[dict[str, Any]]:
    source: Source = _given(answers.photos, "the table of photos")
    there = _columns(source)
    file = answers.photo_file
    if not file and "path" not in there:
        msg = (
            "Choose the field of the photos with the paths of their files; there is no field 'path'. There "
            f"are: {', '.join(there)}."
        )
        raise InputError(msg)
    columns = {file: "path"} if file and file != "path" else {}
    root = files.name(answers.photos_folder) if answers.photos_folder else None
    if root is None and files.copied(source.path):
        root = files.name(Path(source.path).absolute().parent)
    told = {"name": "photos", "table": files.name(source.path), "layer": source.layer, "columns": columns}
    return [told | {"numbered": "image_id" not in there, "crs": source.crs, "root": root}]


def _photos_folder(answers: Answers, files: _Files) -> list[dict[str, Any]]:
    folder = _given(answers.photos_folder, "the folder of photos")
    return [{"name": "photos", "photos": files.name(folder)}]


def _tiles(answers: Answers, files: _Files) -> list[dict[str, Any]]:
    folder: Path = _given(answers.tiles, "the folder of tiles")
    told = {"name": "tiles", "tiles": files.name(folder)}
    fault: InputError | None = None
    for scheme in _SCHEMES:
        try:
            read_tiles(folder, scheme=scheme)
        except InputError as error:
            fault = fault or error
            continue
        return [told | {"scheme": scheme}]
    if any(file.suffix.lower() in (".tif", ".tiff") for file in folder.rglob("*")):
        return [{"name": "tiles", "geotiffs": files.name(folder)}]  # which say themselves where they lie
    assert fault is not None
    raise fault


def _rasters(answers: Answers, files: _Files) -> list[dict[str, Any]]:
    """One source per kind of raster: those of one grid and as many bands are pieces of one picture."""
    paths = [str(path) for path in _given(list(answers.rasters), "one raster or several")]
    headers, rejected = read_headers(paths, crs=answers.raster_crs)
    if len(rejected):
        raise InputError("; ".join(f"{row.row}: {row.reason}" for row in rejected.itertuples()))
    kinds: dict[tuple[Any, ...], list[RasterHeader]] = {}
    for header in headers:
        step = round(abs(header.transform.a), 9), round(abs(header.transform.e), 9)
        kinds.setdefault((header.crs.to_wkt(), len(header.names), step), []).append(header)
    sources, taken = [], set[str]()
    for group in kinds.values():
        named = [files.name(header.path) for header in group]
        chips = {"raster": named[0] if len(named) == 1 else named, "size_m": _window(answers, group[0])}
        sources.append({"name": _source_name(group, taken), "chips": chips | {"crs": answers.raster_crs}})
    return sources


def _window(answers: Answers, header: RasterHeader) -> float:
    """Metres: as was asked for, else seven pixels, and not less than two kilometres."""
    if answers.window_m is not None:
        return answers.window_m
    unit = _DEGREE_M if header.crs.is_geographic else header.crs.axis_info[0].unit_conversion_factor
    return max(_LEAST_M, float(round(_PIXELS * abs(header.transform.a) * unit)))


def _source_name(group: Sequence[RasterHeader], taken: set[str]) -> str:
    stem = re.sub(r"\W+", "_", Path(group[0].path).stem, flags=re.ASCII).strip("_")
    name = "raster" if len(group) > 1 or not re.match("[A-Za-z]", stem) else stem
    name = f"raster_{name}" if name in ("clusters", "cells", "regions", "images", "edges") else name
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def _cells(answers: Answers) -> dict[str, Any]:
    """The cells of the regions where pictures are everywhere, else those that the data touch."""
    if answers.pictures != "raster" or answers.regions is None:
        return {"resolution": answers.resolution, "extent": "data", "rings": 1}
    regions = answers.regions
    shapes = read_table(regions.path, layer=regions.layer, crs=regions.crs)
    count = _area(shapes) / (4.25e12 / 7.0**answers.resolution)
    if count > _MOST_CELLS:
        msg = (
            f"The regions hold some {count:,.0f} cells of resolution {answers.resolution}. Take a coarser "
            "resolution (each step has a seventh of the cells), or fewer regions."
        )
        raise InputError(msg)
    return {"resolution": answers.resolution, "extent": "regions"}


def _area(shapes: gpd.GeoDataFrame) -> float:
    return float(shapes.geometry.to_crs(_EQUAL_AREA).area.sum())


def _regions(answers: Answers, files: _Files) -> dict[str, Any] | None:
    regions = answers.regions
    if regions is None:
        return None
    if not answers.region_name:
        msg = "Choose the field of the regions with their names."
        raise InputError(msg)
    told = {"path": files.name(regions.path), "layer": regions.layer, "name": answers.region_name}
    return _short(told | {"crs": regions.crs})


def _validation(answers: Answers) -> dict[str, Any]:
    told: dict[str, Any] = {"folds": answers.folds}
    if answers.splits:
        told["splits"] = _with_blocked(answers.splits)
    return told | {"buffer_m": "possible" if answers.buffer_m is None else answers.buffer_m}


def _with_blocked(splits: Iterable[str]) -> list[str]:
    """The splits asked for; blocked is always among them, for intervals are measured on it."""
    asked = set(splits) | {"blocked"}
    return [name for name in ("random", "blocked", "region", "knndm") if name in asked]


def _output(answers: Answers) -> dict[str, Any] | None:
    labels = {answers.indicators[0]: answers.label} if answers.label else {}
    return _short({"title": answers.title, "labels": labels}) or None
