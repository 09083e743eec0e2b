"""Values of a request, checked by what the description of their parameter promises."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from geolivelihood.errors import InputError

if TYPE_CHECKING:
    from geolivelihood.operations.described import Parameter

__all__ = ["Layer", "read", "refuse_unknown"]


class Layer(NamedTuple):
    """A layer in a file; ``name`` is ``None`` where the file holds one table only."""

    path: Path
    name: str | None


def read(parameter: Parameter, given: Any) -> Any:
    """The value of a parameter; see :meth:`~geolivelihood.operations.described.Parameter.read`."""
    if given is None or given == "" or (given == [] and parameter.kind != "choice"):
        given = parameter.default
    if given is None:
        if not parameter.optional:
            msg = f"{parameter.title} ('{parameter.name}') is missing. Give {_WANTED[parameter.kind]}."
            raise InputError(msg)
        return [] if parameter.many or parameter.kind in _LISTS else None
    return _READERS[parameter.kind](parameter, given)


def refuse_unknown(title: str, params: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse parameters that the operation does not have; a slip of the pen must not change a result."""
    for name in params:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}."
        msg = f"{title} has no parameter {name!r}. {hint}"
        raise InputError(msg)


_LISTS = ("rasters", "lines")
_WANTED = {
    "points": "a layer of points, or its file",
    "polygons": "a layer of polygons, or its file",
    "table": "a layer or a table, or its file",
    "fields": "the name of a field",
    "raster": "the path of a raster file",
    "rasters": "a list of paths of raster files",
    "file": "the path of a file",
    "folder": "the path of a folder",
    "integer": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "text": "a text",
    "lines": "a list of texts",
    "settings": "names and values",
    "choice": "one of the choices",
    "extent": "west, south, east, north in degrees (EPSG:4326)",
    "date": "a day such as 2020-12-31",
}


def _refuse(parameter: Parameter, given: Any, wanted: str | None = None) -> InputError:
    wanted = wanted or _WANTED[parameter.kind]
    return InputError(f"{parameter.title} ('{parameter.name}') is {given!r}; give {wanted}.")


def _layer(parameter: Parameter, given: Any) -> Layer:
    if isinstance(given, str):
        given = {"path": given}
    path, name = (given.get("path"), given.get("layer")) if isinstance(given, dict) else (None, None)
    if not isinstance(path, str) or not path or not (name is None or isinstance(name, str)):
        wanted = 'the file of the layer and its name there: {"path": "data.gpkg", "layer": "clusters"}'
        raise _refuse(parameter, given, wanted)
    return Layer(Path(path), name or None)


def _text(parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str):
        raise _refuse(parameter, given)
    return given


def _texts(parameter: Parameter, given: Any) -> list[str]:
    given = given.splitlines() if isinstance(given, str) else given
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise _refuse(parameter, given, "a list of texts")
    return [item.strip() for item in given if item.strip()]


def _fields(parameter: Parameter, given: Any) -> Any:
    if not parameter.many:
        return _text(parameter, given[0] if isinstance(given, list) and len(given) == 1 else given)
    found = list(dict.fromkeys(_texts(parameter, [given] if isinstance(given, str) else given)))
    if not found and not parameter.optional:
        raise _refuse(parameter, given, "the name of at least one field")
    return found


def _path(parameter: Parameter, given: Any) -> Path:
    if not isinstance(given, str):
        raise _refuse(parameter, given)
    return Path(given)


def _paths(parameter: Parameter, given: Any) -> list[Path]:
    return [Path(item) for item in _texts(parameter, [given] if isinstance(given, str) else given)]


def _integer(parameter: Parameter, given: Any) -> int:
    whole = isinstance(given, int) or (isinstance(given, float) and given.is_integer())
    if isinstance(given, bool) or not whole:
        raise _refuse(parameter, given, _range(parameter))
    return int(_within(parameter, given))


def _number(parameter: Parameter, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise _refuse(parameter, given, _range(parameter))
    return float(_within(parameter, given))


def _within(parameter: Parameter, given: float) -> float:
    low, high = parameter.min, parameter.max
    if (low is not None and given < low) or (high is not None and given > high):
        raise _refuse(parameter, given, _range(parameter))
    return given


def _range(parameter: Parameter) -> str:
    wanted, low, high = _WANTED[parameter.kind], parameter.min, parameter.max
    if low is not None and high is not None:
        return f"{wanted} from {low:g} to {high:g}"
    if low is not None:
        return f"{wanted}, {low:g} or more"
    return wanted if high is None else f"{wanted}, {high:g} or less"


def _flag(parameter: Parameter, given: Any) -> bool:
    if not isinstance(given, bool):
        raise _refuse(parameter, given)
    return given


def _settings(parameter: Parameter, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise _refuse(parameter, given, 'names and values: {"validation.folds": 3}')
    return given


def _choice(parameter: Parameter, given: Any) -> Any:
    known = [value for value, _ in parameter.choices or ()]
    several = list(given) if isinstance(given, list | tuple) else [given]
    some = [value for value in several if value not in known]
    if some or (not parameter.many and len(several) != 1):
        raise _refuse(parameter, given, f"{'some' if parameter.many else 'one'} of {', '.join(known)}")
    if parameter.many and not several and not parameter.optional:
        raise _refuse(parameter, given, f"at least one of {', '.join(known)}")
    return list(dict.fromkeys(several)) if parameter.many else several[0]


def _extent(parameter: Parameter, given: Any) -> list[float]:
    numbers = [_float(item) for item in given] if isinstance(given, list | tuple) else []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)) or numbers[1] >= numbers[3]:
        raise _refuse(parameter, given)
    return numbers


def _float(item: Any) -> float:
    return float(item) if isinstance(item, int | float) and not isinstance(item, bool) else math.nan


def _date(parameter: Parameter, given: Any) -> str:
    text = _text(parameter, given).strip()
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        raise _refuse(parameter, given) from None
    if not re.fullmatch(r"\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?", text):
        raise _refuse(parameter, given)
    return text


_READERS: dict[str, Callable[[Parameter, Any], Any]] = {
    "points": _layer,
    "polygons": _layer,
    "table": _layer,
    "fields": _fields,
    "raster": _path,
    "rasters": _paths,
    "file": _path,
    "folder": _path,
    "integer": _integer,
    "number": _number,
    "flag": _flag,
    "text": _text,
    "lines": _texts,
    "settings": _settings,
    "choice": _choice,
    "extent": _extent,
    "date": _date,
}
