"""What an operation takes and what comes out, in words and plain values: for whoever builds a form of it.

Nothing heavy is imported here, so that the worker can say it all in its first line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from geolivelihood.operations import values

__all__ = ["GROUPS", "Kind", "Operation", "Output", "Parameter"]

Kind = Literal[
    "points",
    "polygons",
    "table",
    "fields",
    "raster",
    "rasters",
    "file",
    "folder",
    "integer",
    "number",
    "flag",
    "text",
    "lines",
    "settings",
    "choice",
    "extent",
    "date",
]

GROUPS = ("Whole jobs", "Pictures", "Survey", "Models", "Map")


@dataclass(frozen=True)
class Parameter:
    """One thing that an operation is told.

    Attributes
    ----------
    name
        Its key in the request's ``params``.
    kind
        What it is; see the readers of :mod:`geolivelihood.operations.values`.
    title, help
        What people read.
    optional
        Whether it may be left out (``null``).
    advanced
        Whether a form may hide it at first.
    default
        What it is when it is left out.
    of
        Of ``fields``: the parameter whose layer has them.
    many
        Of ``fields`` and ``choice``: whether it is a list.
    numeric
        Of ``fields``: whether only numbers are meant.
    filter
        Of ``file``: its patterns, ``*.yaml *.yml``.
    min, max
        Of ``integer`` and ``number``.
    choices
        Of ``choice``: pairs of a value and its words.
    """

    name: str
    kind: Kind
    title: str
    help: str = ""
    optional: bool = False
    advanced: bool = False
    default: Any = None
    of: str | None = None
    many: bool | None = None
    numeric: bool | None = None
    filter: str | None = None
    min: float | None = None
    max: float | None = None
    choices: Sequence[tuple[str, str]] | None = None

    def plain(self) -> dict[str, Any]:
        """The description as JSON, without what its kind does not have."""
        always = ("name", "kind", "title", "help", "optional", "advanced", "default")
        told = {item.name: getattr(self, item.name) for item in fields(self)}
        told["choices"] = self.choices and [list(pair) for pair in self.choices]
        told["default"] = list(self.default) if isinstance(self.default, tuple) else self.default
        return {name: value for name, value in told.items() if name in always or value is not None}

    def read(self, given: Any) -> Any:
        """The value of a request, checked.

        Raises
        ------
        InputError
            If it is missing, or no such value; the message says what is accepted.
        """
        return values.read(self, given)


@dataclass(frozen=True)
class Output:
    """What an operation writes.

    Attributes
    ----------
    kind
        ``geopackage`` (.gpkg), ``table`` (.csv) or ``folder``.
    title, help
        What people read.
    stem
        How a new file of this kind is called.
    resumable
        Whether a folder that an earlier call has begun is gone on with.
    """

    kind: Literal["geopackage", "folder", "table"]
    title: str
    help: str
    stem: str
    resumable: bool = False

    def plain(self) -> dict[str, Any]:
        """The description as JSON."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass(frozen=True)
class Operation:
    """One thing that the library can be asked to do."""

    id: str
    title: str
    group: str
    help: str
    tags: str
    parameters: Sequence[Parameter]
    output: Output
    needs: str = field(default="geolivelihood", metadata={"plain": False})
    """The module that its work imports first: it takes seconds, in which nothing is written yet."""

    def plain(self) -> dict[str, Any]:
        """The description as JSON."""
        return {
            **{name: getattr(self, name) for name in ("id", "title", "group", "help", "tags")},
            "parameters": [parameter.plain() for parameter in self.parameters],
            "output": self.output.plain(),
        }

    def read(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Values of all parameters, by name; defaults where nothing was given.

        Raises
        ------
        InputError
            If a value is missing, wrong, or of a parameter that is not there.
        """
        values.refuse_unknown(self.title, params, [parameter.name for parameter in self.parameters])
        return {parameter.name: parameter.read(params.get(parameter.name)) for parameter in self.parameters}
