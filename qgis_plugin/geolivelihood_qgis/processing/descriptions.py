"""What the library says about an operation, checked before anything is made of it. Standard library only.

A description comes from a file of this plugin or from a worker's ``hello``. It is data: names, texts and
numbers. Whatever is not as it should be is refused with a reason, so that a hostile one can do nothing.
"""

import json
import math
import re
from collections import namedtuple

Description = namedtuple("Description", "id title group help tags parameters output")
Output = namedtuple("Output", "kind title help stem resumable")
Parameter = namedtuple(
    "Parameter", "name kind title help optional advanced default of many numeric filter min max choices"
)

LAYERS = ("points", "polygons", "table")
"""Kinds that are a vector layer or table."""
ENDINGS = {"geopackage": ".gpkg", "table": ".csv", "folder": ""}
"""Kinds of outputs, and what their names end in."""
RESERVED = {"run", "explain", "check"}
"""Operations that have a form of their own."""

_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}")
_STEM = re.compile(r"[A-Za-z0-9_-]{1,60}")
_TAKEN = {"output", "layers"}
_LONGEST = 200_000
_TITLE, _TEXT, _MANY = 200, 8_000, 80
_BIG = 2**31


class DescriptionError(ValueError):
    """A description that nothing can be made of; the text says why."""


def read(data):
    """The :class:`Description` in a dictionary; raises :class:`DescriptionError`."""
    _require(isinstance(data, dict), "it is no object")
    _require(_size(data) <= _LONGEST, "it is too long, or no text")
    name = data.get("id")
    _require(isinstance(name, str) and _WORD.fullmatch(name), f"{name!r:.60} is no id")
    _require(name not in RESERVED, f"{name} has a form of its own")
    listed = data.get("parameters")
    _require(isinstance(listed, list) and len(listed) <= _MANY, "'parameters' is no list of a fair length")
    parameters = []
    for entry in listed:
        parameters.append(_parameter(entry, parameters))
    tags = data.get("tags", "")
    if isinstance(tags, list):
        tags = " ".join(map(str, tags))
    return Description(
        name,
        _text(data, "title", _TITLE, needed=True),
        _text(data, "group", _TITLE),
        _text(data, "help", _TEXT),
        _text({"tags": tags}, "tags", _TEXT),
        tuple(parameters),
        _output(data.get("output"), name),
    )


def _parameter(entry, earlier):
    _require(isinstance(entry, dict), "a parameter is no object")
    name, kind = entry.get("name"), entry.get("kind")
    _require(isinstance(name, str) and _WORD.fullmatch(name), f"{name!r:.60} is no name of a parameter")
    _require(name not in _TAKEN, f"a parameter must not be called {name}")
    _require(name not in [one.name for one in earlier], f"two parameters are called {name}")
    _require(isinstance(kind, str) and kind in _DEFAULTS, f"{name} is of the unknown kind {kind!r:.60}")
    of = entry.get("of")
    layers = [one.name for one in earlier if one.kind in LAYERS]
    _require(kind != "fields" or of in layers, f"{name} names no layer whose fields they are")
    least, most = _number(entry, "min"), _number(entry, "max")
    _require(least is None or most is None or least <= most, f"min and max of {name} are no range")
    read_entry = Parameter(
        name,
        kind,
        _text(entry, "title", _TITLE, needed=True),
        _text(entry, "help", _TEXT),
        *(entry.get(flag) is True for flag in ("optional", "advanced")),
        entry.get("default"),
        of if kind == "fields" else None,
        *(entry.get(flag) is True for flag in ("many", "numeric")),
        _text(entry, "filter", _TITLE),
        least,
        most,
        _choices(entry) if kind == "choice" else (),
    )
    good = read_entry.default is None or _DEFAULTS[kind](read_entry)
    _require(good, f"the default of {name} does not suit it")
    return read_entry


def _output(entry, name):
    known = isinstance(entry, dict) and isinstance(entry.get("kind"), str) and entry["kind"] in ENDINGS
    _require(known, "its output is of no known kind")
    stem = entry.get("stem") or name
    _require(isinstance(stem, str) and _STEM.fullmatch(stem), f"{stem!r:.60} is no name of a file")
    title = _text(entry, "title", _TITLE) or "Results"
    return Output(entry["kind"], title, _text(entry, "help", _TEXT), stem, entry.get("resumable") is True)


def _choices(entry):
    listed = entry.get("choices")
    _require(isinstance(listed, list) and 0 < len(listed) <= 500, "a choice has nothing to choose from")
    for pair in listed:
        good = isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str)
        good = good and (isinstance(pair[0], str) or _is_number(pair[0])) and len(str(pair)) <= 2 * _TITLE
        _require(good, f"{pair!r:.60} is no pair of a value and its title")
    return tuple((value, title) for value, title in listed)


def _chosen(one):
    values = [value for value, _ in one.choices]
    if one.many:
        return isinstance(one.default, list) and all(item in values for item in one.default)
    return one.default in values


def _in_range(one):
    least = -math.inf if one.min is None else one.min
    most = math.inf if one.max is None else one.max
    return _is_number(one.default) and least <= one.default <= most


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _is_text(one):
    return isinstance(one.default, str)


def _is_list_of_texts(one):
    return isinstance(one.default, list) and all(isinstance(item, str) for item in one.default)


def _is_box(one):
    return isinstance(one.default, list) and len(one.default) == 4 and all(map(_is_number, one.default))


def _is_nothing(one):
    return False  # a default that is not null; files of the user cannot be known


_DEFAULTS = {
    **dict.fromkeys(("points", "polygons", "table", "raster", "rasters", "file", "folder"), _is_nothing),
    "fields": lambda one: _is_list_of_texts(one) if one.many else _is_text(one),
    "integer": lambda one: isinstance(one.default, int) and abs(one.default) < _BIG and _in_range(one),
    "number": _in_range,
    "flag": lambda one: isinstance(one.default, bool),
    "text": _is_text,
    "date": _is_text,
    "lines": _is_list_of_texts,
    "settings": lambda one: isinstance(one.default, dict),
    "choice": _chosen,
    "extent": _is_box,
}
"""Every kind, and whether a default suits it."""


def _text(entry, name, longest, *, needed=False):
    value = entry.get(name) or ""
    _require(isinstance(value, str) and len(value) <= longest, f"{name!r} is no text of a fair length")
    _require(value.strip() or not needed, f"there is no {name!r}")
    return value.strip()


def _number(entry, name):
    value = entry.get(name)
    _require(value is None or _is_number(value), f"{name!r} is no number")
    return value


def _size(data):
    try:
        return len(json.dumps(data, ensure_ascii=False).encode("utf-8"))
    except (TypeError, ValueError, RecursionError):
        return math.inf


def _require(condition, reason):
    if not condition:
        raise DescriptionError(reason)
