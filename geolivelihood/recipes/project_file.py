"""Project files of any kind: YAML read into sections, with every fault named by key and line."""

from __future__ import annotations

import difflib
import glob
import os
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import Field, ValidationError

from geolivelihood.errors import ProjectError
from geolivelihood.recipes.settings import Section

__all__ = ["ProjectFile", "read_project_file"]


class ProjectFile(Section):
    """What every project file says: a name, a seed, where the data are and where results go.

    Paths are relative to ``data``, which is relative to the folder of the file.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    seed: int = Field(default=0, ge=0, lt=2**32)
    data: str = "."
    out: str = "out"
    licence: str | None = None
    max_rejected: float = Field(default=0.1, ge=0, le=1)
    file: Path = Field(default=Path("project.yaml"), exclude=True)

    @classmethod
    def spelt_out(cls, content: dict[str, Any]) -> dict[str, Any]:
        """The content of a file with its short forms written out."""
        return content

    @property
    def folder(self) -> Path:
        """Folder that the input paths are relative to."""
        return self.file.parent / Path(self.data).expanduser()

    @property
    def target(self) -> Path:
        """Folder that the results go to."""
        return (self.file.parent / Path(self.out).expanduser()).resolve()

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

    def rasters(self, paths: str | Sequence[str]) -> list[Path]:
        """Rasters that are named; a folder stands for the GeoTIFFs in it."""
        return [file for path in self.inputs(paths) for file in (_tifs(path) if path.is_dir() else [path])]


def _tifs(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in (".tif", ".tiff"))


P = TypeVar("P", bound=ProjectFile)


def read_project_file(
    path: str | os.PathLike[str], schema: type[P], *, overrides: Mapping[str, Any] | None = None
) -> P:
    """Read and check a project file.

    Parameters
    ----------
    path
        YAML file.
    schema
        The sections that it may have.
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
    content = schema.spelt_out(content)
    for key, value in (overrides or {}).items():
        _set(content, key, value)
    try:
        return schema.model_validate({**schema.spelt_out(content), "file": file})
    except ValidationError as error:
        lines = [_explain(fault, tree, overrides or {}, schema) for fault in error.errors()]
        msg = f"{path} has {len(lines)} fault{'s' * (len(lines) > 1)}:\n" + "\n".join(dict.fromkeys(lines))
        raise ProjectError(msg) from error


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


def _explain(fault: Any, tree: yaml.Node | None, overrides: Mapping[str, Any], schema: type[Section]) -> str:
    location = [str(part) for part in fault["loc"]]
    line, path = _line(tree, location)
    key = ".".join(path) or ".".join(location) or "project"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        key = ".".join(location)
        message = f"unknown key{_suggest(location, schema)}"
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


def _suggest(location: Sequence[str], schema: type[Section]) -> str:
    section = _section(location[:-1], schema)
    known = [name for name in section.model_fields if name != "file"] if section else []
    near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known keys: {', '.join(known)}" if known else ""


def _section(location: Sequence[str], schema: type[Section]) -> type[Section] | None:
    """The section that a location names: its last part that is one; the project itself for none."""
    known = dict(_sections(schema))
    named = [part for part in location if part in known]
    if named:
        return known[named[-1]]
    return schema if not location else None


def _sections(schema: type[Section]) -> Iterator[tuple[str, type[Section]]]:
    """Keys that hold sections, and what sections, however deep."""
    for key, field in schema.model_fields.items():
        for section in _members(field.annotation):
            yield key, section
            yield from _sections(section)


def _members(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif get_origin(annotation) in (Union, types.UnionType, list):
        for part in get_args(annotation):
            yield from _members(part)
