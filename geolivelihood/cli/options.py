"""Options that several commands share, and what their text means."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from geolivelihood.errors import InputError, ProjectError

__all__ = ["Pictures", "ProjectFile", "Set", "Target", "parse_columns", "parse_overrides", "reads_pictures"]

ProjectFile = Annotated[Path, typer.Argument(help="Project file (YAML).", metavar="PROJECT.yaml")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a setting: --set validation.folds=3. Repeatable."
    ),
]
Pictures = Annotated[
    Path,
    typer.Argument(
        help="Table of pictures (CSV, GeoJSON, GeoPackage, GeoParquet) or folder of geotagged JPEGs."
    ),
]
Target = Annotated[Path, typer.Option("--out", "-o", help="What to write.")]


class Kind(StrEnum):
    """What pictures are."""

    street = "street"
    overhead = "overhead"


def _reading(
    crs: Annotated[
        str | None,
        typer.Option(help="CRS of a table that has none, as CSV: EPSG:4326 for longitude and latitude."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PRESET|THEIRS=OURS",
            help="A published layout (global_streetscapes, street_level_livelihoods), or what a column of "
            "the table is to us: --columns id=image_id. Repeatable.",
        ),
    ] = None,
    files: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help='Where the pictures are if no column says it: "photos/{image_id}.jpeg", from the folder of '
            "the table.",
        ),
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Default: points are street photos.")] = None,
) -> dict[str, Any]:
    """How a table of pictures is to be read."""
    return {"crs": crs, "columns": parse_columns(columns), "files": files, "kind": kind and kind.value}


def reads_pictures(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of :func:`_reading`; it gets what they say as its ``reading``."""
    options = inspect.signature(_reading, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @wraps(command)
    def with_options(**given: Any) -> None:
        reading = _reading(**{name: given.pop(name) for name in options})
        command(**given, reading=reading)

    shown = [*(option for name, option in own.items() if name != "reading"), *options.values()]
    with_options.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    return with_options


def parse_overrides(pairs: list[str] | None) -> dict[str, Any]:
    """Settings of ``--set``, by their dotted names, as YAML reads their values."""
    found = {}
    for pair in pairs or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            msg = f"--set {pair}: give KEY=VALUE, for example --set validation.folds=3."
            raise ProjectError(msg)
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"--set {pair}: the value is not valid YAML."
            raise ProjectError(msg) from error
    return found


def parse_columns(given: list[str] | None) -> dict[str, str] | str | None:
    """The name of a preset, or the file's names to ours."""
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    pairs = [pair.partition("=") for pair in given]
    if not all(theirs and ours for theirs, _, ours in pairs):
        msg = (
            f"--columns {' '.join(given)}: give one preset (--columns global_streetscapes), or pairs of the "
            "table's name and ours (--columns id=image_id --columns file=path)."
        )
        raise InputError(msg)
    return {theirs: ours for theirs, _, ours in pairs}
