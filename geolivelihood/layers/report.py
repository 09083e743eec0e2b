"""The report of a result: one HTML file for the people who decide by the map and those who check it.

:func:`write_report` renders what it is given and computes nothing. The file asks for nothing from any network
(its own security policy forbids it), works without scripts, in light and dark, on a telephone and on paper.
"""

from __future__ import annotations

import base64
import json
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from geolivelihood import __version__
from geolivelihood.errors import InputError, OutputError
from geolivelihood.extras import require
from geolivelihood.files import atomic
from geolivelihood.layers.report_tables import Table, table_grid

__all__ = ["Figure", "Section", "Summary", "Table", "write_report"]

_PNG = b"\x89PNG\r\n\x1a\n"
_PX_PER_UNIT = {"pt": 4 / 3, "in": 96.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "px": 1.0, "": 1.0}
_SHORT = 120  # characters that a nested entry of the provenance may take in a table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture with the words that it needs.

    Attributes
    ----------
    title
        Above the picture.
    image
        The bytes of an SVG or PNG file.
    alt
        What the picture shows, for those who do not see it; it must not be empty.
    caption
        Below the picture: how to read it.
    wide
        Whether the picture takes the whole width of the page.
    """

    title: str
    image: bytes = field(repr=False)
    alt: str
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """A chapter: paragraphs of plain text, then pictures, then tables."""

    title: str
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a reader must take along who reads nothing else, in plain language.

    Attributes
    ----------
    says
        What this map says.
    sure
        How sure it is.
    not_for
        What it must not be used for.
    facts
        A few figures by name, such as ``{"Survey clusters": "5,565"}``; shown large.
    """

    says: str
    sure: str
    not_for: str
    facts: Mapping[str, str] = field(default_factory=dict)


class _Picture(NamedTuple):
    """A picture as the page holds it: where it is from, and its size in CSS pixels."""

    source: str
    width: int
    height: int


def write_report(
    path: str | os.PathLike[str],
    *,
    title: str,
    summary: Summary,
    sections: Sequence[Section],
    warnings: Sequence[str] = (),
    provenance: Mapping[str, Any] | None = None,
    licences: pd.DataFrame | None = None,
) -> Path:
    """Write a report as one self-contained HTML file; an existing file is replaced at once or not at all.

    All text is plain: markup in it is shown, not obeyed. The same input gives the same bytes.

    Parameters
    ----------
    path
        The target, ``*.html``.
    title
        Of the page.
    summary
        What the map says, how sure it is, what it must not be used for.
    sections
        Chapters in their order; figures and tables are numbered through.
    warnings
        What went wrong or was not possible, a sentence each; shown before the chapters.
    provenance
        Where the result comes from, JSON-like; ``time`` (ISO 8601) is shown at the top as well.
    licences
        One row per data set: provider, licence, creator, link. Addresses become links.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    InputError
        If there is no section, a part of the summary or an ``alt`` is empty, a picture neither SVG nor PNG.
    EnvironmentMissingError
        If jinja2 is not installed.
    OutputError
        If the target cannot be written.
    """
    target = _target(path)
    _check(title, summary, sections)
    text = _template().render(
        title=title,
        summary=summary,
        sections=sections,
        warnings=warnings,
        provenance=_story(provenance or {}),
        time=(provenance or {}).get("time"),
        licences=None if licences is None else Table(title="Data and licences", frame=licences),
        version=__version__,
    )
    text = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)  # no line ends between a number and its unit
    with atomic(target) as part:
        part.write_bytes(text.encode("utf-8", "replace"))
    return target


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        msg = f"{target} does not end in .html."
        raise InputError(msg)
    if target.is_dir():
        msg = f"{target} is a folder. Choose another name."
        raise OutputError(msg)
    return target


def _check(title: str, summary: Summary, sections: Sequence[Section]) -> None:
    """A report without its limits, or a picture without words, is not written."""
    parts = {"title": title, **{name: getattr(summary, name) for name in ("says", "sure", "not_for")}}
    empty = [name for name, words in parts.items() if not words.strip()]
    if empty:
        msg = f"The report has no text for {', '.join(empty)}. Say it in plain language."
        raise InputError(msg)
    if not sections:
        msg = "The report has no sections. Give at least one Section(title=..., text=[...])."
        raise InputError(msg)
    for figure in (figure for section in sections for figure in section.figures):
        if not figure.alt.strip():
            msg = f"Figure {figure.title!r} has no alt text. Say in a sentence what it shows."
            raise InputError(msg)


def _template() -> Any:
    jinja2 = require("jinja2", extra="report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("geolivelihood", "layers"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"picture": _picture, "grid": table_grid}
    return environment.get_template("report.html.j2")


def _picture(figure: Figure) -> _Picture:
    """The picture as a data URI. An SVG goes in as a picture too: nothing inside it can run or be fetched."""
    kind, (width, height) = _kind_and_size(figure)
    data = base64.b64encode(figure.image).decode("ascii")
    return _Picture(f"data:{kind};base64,{data}", round(width), round(height))


def _kind_and_size(figure: Figure) -> tuple[str, tuple[float, float]]:
    image = figure.image
    if image.startswith(_PNG) and len(image) > 24:
        return "image/png", struct.unpack(">II", image[16:24])
    root = re.search(rb"<svg\b[^>]*>", image[:4000])
    if root is None:
        msg = f"Figure {figure.title!r} is neither SVG nor PNG; it begins with {image[:12]!r}."
        raise InputError(msg)
    return "image/svg+xml", _svg_size(root.group().decode("utf-8", "replace"))


def _svg_size(tag: str) -> tuple[float, float]:
    """Width and height in CSS pixels, from the tag's own or its ``viewBox``; else as browsers do."""
    sizes = [re.search(rf'\s{name}="([\d.]+)(pt|in|mm|cm|px|)"', tag) for name in ("width", "height")]
    if all(sizes):
        width, height = (float(size[1]) * _PX_PER_UNIT[size[2]] for size in sizes if size)
        return width, height
    box = re.search(r'viewBox="\s*\S+[\s,]+\S+[\s,]+([\d.]+)[\s,]+([\d.]+)', tag)
    return (float(box[1]), float(box[2])) if box else (300.0, 150.0)


def _story(provenance: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The provenance in two parts: ``short`` entries for a table, ``long`` ones as JSON to unfold."""
    parts: dict[str, dict[str, str]] = {"short": {}, "long": {}}
    for name, value in provenance.items():
        short = _one_line(value)
        if short is not None:
            parts["short"][str(name)] = short
        else:
            parts["long"][str(name)] = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return parts


def _one_line(value: Any) -> str | None:
    """A value in a line, if it fits."""
    if isinstance(value, Mapping) and not any(isinstance(item, Mapping | list) for item in value.values()):
        value = ", ".join(f"{name} {item}" for name, item in value.items())
    elif isinstance(value, list | tuple) and not any(isinstance(item, Mapping | list) for item in value):
        value = ", ".join(map(str, value))
    elif isinstance(value, Mapping | list | tuple):
        return None
    text = "none" if value is None or value == "" else str(value)
    return text if len(text) <= 2 * _SHORT else None
