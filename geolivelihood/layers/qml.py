"""The part of QGIS's style language (QML) that our layers need, as small XML builders.

Everything that comes from data (column names, labels) goes through :mod:`xml.etree.ElementTree`, which
escapes it, and through :func:`clean`, which drops the characters that XML cannot hold. The subset loads in
QGIS 3.22 and later.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from geolivelihood.layers.palettes import HATCH, HATCH_OVER, MASK, rgb

__all__ = [
    "GREY",
    "Category",
    "Group",
    "Interval",
    "Rule",
    "above",
    "categorized",
    "clean",
    "column",
    "document",
    "fill",
    "graduated",
    "hatched",
    "hatching",
    "line",
    "literal",
    "marker",
    "outline",
    "rules",
    "single",
    "text",
]

GREY = "#bdbdbd"
"""The colour of points and lines that a model must not be trusted for, and of what has no value."""

_HEADER = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_CATEGORIES = "Symbology|MapTips|Rendering|Temporal"
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEYS = uuid.UUID("6f0c1f5e-6c1b-4a52-9d3e-6c5a0e2b7f11")


class Interval(NamedTuple):
    """One class of a graduated style: bounds, the legend's words and the symbol."""

    lower: float
    upper: float
    label: str
    symbol: Element


class Category(NamedTuple):
    """One class of a categorised style: the value it stands for, the legend's words and the symbol."""

    value: int | str
    label: str
    symbol: Element


class Rule(NamedTuple):
    """One rule of a rule-based style: a QGIS expression, the legend's words and the symbol."""

    expression: str
    label: str
    symbol: Element


class Group(NamedTuple):
    """Rules that share a condition, under a heading in the legend."""

    expression: str
    label: str
    rules: Sequence[Rule]


def clean(text: object) -> str:
    """Text without the control characters that no XML file can hold."""
    return _UNWRITABLE.sub("", str(text))


def column(name: str) -> str:
    """A column as a QGIS expression; quotes inside the name are doubled."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a QGIS expression; in its literals a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def fill(color: str) -> Element:
    """A polygon with an outline in its own colour, so that neighbours leave no white seam.

    The outline is two lines of one pixel: Qt draws these three times as fast as one of 1.5 pixels, and what
    still shines through is at most four levels of 255.
    """
    options = {
        "color": _color(color),
        "style": "solid",
        "outline_color": _color(color),
        "outline_style": "solid",
        "outline_width": "1",
        "outline_width_unit": "Pixel",
        "joinstyle": "bevel",
    }
    again = {"line_color": _color(color), "line_width": "1", "line_width_unit": "Pixel", "joinstyle": "bevel"}
    symbol = _symbol("fill", "SimpleFill", options)
    symbol.append(_layer("SimpleLine", again))
    return symbol


def hatched() -> Element:
    """A grey polygon under diagonal lines; no outline, so the hatching runs on into its neighbour."""
    symbol = fill(MASK)
    symbol.append(_layer("SimpleFill", _LINES))
    return symbol


def hatching() -> Element:
    """Diagonal lines alone, to be drawn over what is coloured."""
    return above(_symbol("fill", "SimpleFill", _LINES | {"color": _color(HATCH_OVER)}))


def outline(
    color: str, *, inside: str | None = None, width_mm: float = 0.26, dashed: bool = False
) -> Element:
    """A polygon with a line around it and ``inside``, a colour, in it (``None`` = nothing)."""
    options = {
        "color": _color(inside or "#ffffff"),
        "style": "solid" if inside else "no",
        "outline_color": _color(color),
        "outline_style": "dash" if dashed else "solid",
        "outline_width": f"{width_mm:g}",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }
    return _symbol("fill", "SimpleFill", options)


def line(color: str, *, width_mm: float = 0.4, width: str | None = None) -> Element:
    """A line; ``width`` is a QGIS expression in millimetres that replaces ``width_mm``."""
    options = {
        "line_color": _color(color),
        "line_style": "solid",
        "line_width": f"{width_mm:g}",
        "line_width_unit": "MM",
        "capstyle": "round",
        "joinstyle": "round",
    }
    return _symbol("line", "SimpleLine", options, {"outlineWidth": width} if width else {})


def marker(
    color: str,
    *,
    size_mm: float = 2.2,
    shape: str = "circle",
    edge: str = "#ffffff",
    defined: Mapping[str, str] | None = None,
) -> Element:
    """A point symbol with a thin edge; ``defined`` sets properties (``angle``, ``name``) by expressions."""
    options = {
        "name": shape,
        "color": _color(color),
        "size": f"{size_mm:g}",
        "size_unit": "MM",
        "outline_color": _color(edge),
        "outline_style": "solid",
        "outline_width": "0.15",
        "outline_width_unit": "MM",
    }
    return _symbol("marker", "SimpleMarker", options, defined or {})


def above(symbol: Element) -> Element:
    """The same symbol, drawn after those of all other rules; for a renderer of :func:`rules`."""
    for layer in symbol.iter("layer"):
        layer.set("pass", "1")
    return symbol


def single(symbol: Element) -> Element:
    """A renderer that draws everything alike."""
    renderer = Element("renderer-v2", type="singleSymbol", symbollevels="0", enableorderby="0")
    _add_symbols(renderer, [symbol])
    return renderer


def graduated(attribute: str, classes: Sequence[Interval]) -> Element:
    """A renderer that colours by the value of a column or a QGIS expression."""
    renderer = Element(
        "renderer-v2",
        type="graduatedSymbol",
        attr=clean(attribute),
        graduatedMethod="GraduatedColor",
        symbollevels="0",
        enableorderby="0",
    )
    ranges = SubElement(renderer, "ranges")
    for number, item in enumerate(classes):
        bounds = {"lower": repr(float(item.lower)), "upper": repr(float(item.upper))}
        SubElement(ranges, "range", bounds, symbol=str(number), label=clean(item.label), render="true")
    _add_symbols(renderer, [item.symbol for item in classes])
    return renderer


def categorized(attribute: str, classes: Sequence[Category]) -> Element:
    """A renderer with one symbol per value of a column or a QGIS expression."""
    renderer = Element(
        "renderer-v2", type="categorizedSymbol", attr=clean(attribute), symbollevels="0", enableorderby="0"
    )
    holder = SubElement(renderer, "categories")
    for number, item in enumerate(classes):
        kind = "long" if isinstance(item.value, int) else "string"
        words = {"value": clean(item.value), "type": kind, "label": clean(item.label)}
        SubElement(holder, "category", words, symbol=str(number), render="true")
    _add_symbols(renderer, [item.symbol for item in classes])
    return renderer


def rules(items: Sequence[Rule | Group]) -> Element:
    """A renderer with one symbol per rule."""
    renderer = Element("renderer-v2", type="RuleRenderer", symbollevels="0", enableorderby="0")
    root = SubElement(renderer, "rules", key=_key("root"))
    symbols: list[Element] = []
    for item in items:
        if isinstance(item, Rule):
            _add_rule(root, item, symbols)
            continue
        words = {"filter": clean(item.expression), "label": clean(item.label)}
        held = SubElement(root, "rule", words, key=_key(f"group {len(symbols)} {item.expression}"))
        for rule in item.rules:
            _add_rule(held, rule, symbols)
    _add_symbols(renderer, symbols)
    return renderer


def _add_rule(parent: Element, item: Rule, symbols: list[Element]) -> None:
    number = len(symbols)
    words = {"filter": clean(item.expression), "label": clean(item.label)}
    SubElement(parent, "rule", words, symbol=str(number), key=_key(f"{number} {item.expression}"))
    symbols.append(item.symbol)


def document(
    renderer: Element,
    *,
    tip: str = "",
    opacity: float = 1.0,
    time_field: str | None = None,
    from_scale: int | None = None,
) -> str:
    """A whole QML file.

    Parameters
    ----------
    renderer
        What :func:`single`, :func:`graduated` or :func:`rules` returned.
    tip
        The map tip, HTML with QGIS expressions in ``[% %]``.
    opacity
        Of the layer as a whole, 0-1: transparent colours would show where symbols overlap.
    time_field
        Column of the instant that a feature is for. The temporal switch itself stays off.
    from_scale
        The layer is drawn from 1 : ``from_scale`` on; ``None`` draws it on every scale.
    """
    root = Element("qgis", version="3.22.0", styleCategories=_CATEGORIES)
    if from_scale:
        root.attrib |= {"hasScaleBasedVisibilityFlag": "1", "minScale": str(from_scale), "maxScale": "0"}
    if time_field:
        moment = {"mode": "1", "enabled": "0", "startField": clean(time_field), "durationUnit": "min"}
        SubElement(root, "temporal", moment, fixedDuration="0", accumulate="0")
    root.append(renderer)
    SubElement(root, "layerOpacity").text = f"{opacity:g}"
    SubElement(root, "mapTip", enabled="1").text = clean(tip)
    return text(root)


def text(root: Element) -> str:
    """The file of a whole document."""
    ElementTree.indent(root, " ")
    return _HEADER + ElementTree.tostring(root, encoding="unicode") + "\n"


def _symbol(
    kind: str, layer_class: str, options: Mapping[str, str], defined: Mapping[str, str] | None = None
) -> Element:
    symbol = Element("symbol", type=kind, alpha="1", clip_to_extent="1", force_rhr="0")
    symbol.append(_layer(layer_class, options, defined))
    return symbol


def _layer(layer_class: str, options: Mapping[str, str], defined: Mapping[str, str] | None = None) -> Element:
    """One layer of a symbol; ``defined`` holds its data-defined properties."""
    layer = Element("layer", {"class": layer_class, "enabled": "1", "locked": "0", "pass": "0"})
    _map(layer, "", ((key, value) for key, value in options.items()))
    if defined:
        holder = SubElement(layer, "data_defined_properties")
        outer = SubElement(holder, "Option", type="Map")
        properties = SubElement(outer, "Option", name="properties", type="Map")
        for key, expression in defined.items():
            option = SubElement(properties, "Option", name=key, type="Map")
            SubElement(option, "Option", name="active", value="true", type="bool")
            SubElement(option, "Option", name="expression", value=clean(expression), type="QString")
            SubElement(option, "Option", name="type", value="3", type="int")
        SubElement(outer, "Option", name="type", value="collection", type="QString")
    return layer


def _map(parent: Element, name: str, pairs: Iterable[tuple[str, str]]) -> None:
    holder = SubElement(parent, "Option", {"type": "Map"} | ({"name": name} if name else {}))
    for key, value in pairs:
        SubElement(holder, "Option", name=key, type="QString", value=value)


def _add_symbols(renderer: Element, symbols: Sequence[Element]) -> None:
    holder = SubElement(renderer, "symbols")
    for number, symbol in enumerate(symbols):
        symbol.set("name", str(number))
        holder.append(symbol)


def _color(color: str) -> str:
    return ",".join(map(str, (*rgb(color), 255)))


def _key(text: str) -> str:
    """A rule key that is the same in every run."""
    return "{" + str(uuid.uuid5(_KEYS, text)) + "}"


_LINES = {"color": _color(HATCH), "style": "b_diagonal", "outline_style": "no"}
