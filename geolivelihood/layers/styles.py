"""The look that each layer of a result has by default, as QGIS styles (QML).

Cells and regions are coloured by class with viridis, points get a thin white edge, photographs point where
they looked, differences diverge around zero. Where ``applicable`` is not true, the model must not be trusted
and grey hatching takes the place of the value. Further styles of a layer show how wide the intervals are
(``uncertainty``), how unlike the surveyed places a cell is (``dissimilarity``), and the values without the
hatching (``everywhere``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.layers import bivariate, qml
from geolivelihood.layers.breaks import class_breaks, range_labels, symmetric_breaks
from geolivelihood.layers.explanation_styles import EXPLAINED
from geolivelihood.layers.names import NAME_LENGTH, short_name
from geolivelihood.layers.palettes import ramp
from geolivelihood.layers.scales import first_scale
from geolivelihood.layers.tips import human_label, map_tip

__all__ = ["Style", "default_styles", "geometry_kind", "indicator_columns", "shared_classes"]

_INK = "#33638d"
_DARK = "#3b3b3b"
_OUTLINE_MM = 0.2
_UNTRUSTED = "-1e300"  # stands for what is not applicable among the classes of a value
_KINDS = {"Point": "point", "LineString": "line", "LinearRing": "line", "Polygon": "polygon"}
_USUAL_KINDS = {"clusters": "point", "images": "point", "edges": "line"}
_NO_INDICATOR = frozenset(
    [
        *("fid", "cell", "lon", "lat", "longitude", "latitude", "x", "y", "n", "year", "fold", "urban"),
        *("weight", "households", "population", "photos", "pictures", "dissimilarity", "importance"),
        *("heading", "fov", "range_m", "col_off", "row_off", "width", "height", "applicable"),
        *("score", "value", "lower", "upper"),
    ]
)
_NO_SUFFIX = ("_lower", "_upper", "_se", "_predicted", "_residual", "_id", "_fold")


@dataclass(frozen=True)
class Style:
    """A named QGIS style of a layer.

    Attributes
    ----------
    name
        What the Style menu of QGIS shows; at most 30 characters.
    qml
        The style file's text.
    default
        Whether QGIS uses it when it opens the layer; one style per layer is the default.
    title
        What the style shows, in words.
    """

    name: str
    qml: str
    default: bool = False
    title: str = ""


def default_styles(
    name: str,
    frame: pd.DataFrame,
    *,
    indicators: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    classes: Mapping[str, np.ndarray] | None = None,
) -> list[Style]:
    """The styles that a layer gets when none are given.

    Parameters
    ----------
    name
        The layer's name, which says what it holds: ``cells``, ``regions``, ``clusters``, ``images``,
        ``edges``, ``explanations_views`` and so on; a longer name such as ``cells_2010`` counts by its first
        word. Any other name gets one plain symbol.
    frame
        The layer as it will be written, any CRS.
    indicators
        Columns to show, the most important first; those that the frame lacks are passed over.
    labels
        Words for columns in legends and map tips, with their unit: ``{"rdpc": "Income (R$ per month)"}``.
    classes
        Class breaks of indicators, so that a colour means the same in several layers
        (:func:`shared_classes`); by default each layer has its own.

    Returns
    -------
    list of Style
        The default first; empty for a table without geometry.
    """
    kind = geometry_kind(name, frame)
    if kind is None:
        return []
    shown = [indicator for indicator in indicators if indicator in frame.columns]
    sheet = _Sheet(name, kind, frame, shown, dict(labels or {}), dict(classes or {}))
    return _first_is_default(_makers(name, kind)(sheet))


def shared_classes(frames: Iterable[pd.DataFrame], indicators: Sequence[str]) -> dict[str, np.ndarray]:
    """Class breaks of each indicator over all layers that show it."""
    frames = list(frames)
    pooled = {name: np.concatenate([_values(frame, name) for frame in frames]) for name in indicators}
    return {name: class_breaks(values) for name, values in pooled.items() if np.isfinite(values).any()}


def geometry_kind(name: str, frame: pd.DataFrame) -> str | None:
    """``"point"``, ``"line"`` or ``"polygon"``; ``None`` for a plain table.

    A frame without geometry whose index is called ``cell`` is drawn as the cells' polygons; an empty layer is
    taken for what its name promises.
    """
    if not isinstance(frame, gpd.GeoDataFrame):
        return "polygon" if frame.index.name == "cell" else None
    types = frame.geometry.geom_type.dropna().unique()
    if len(types) == 0:
        return _USUAL_KINDS.get(_first_word(name), "polygon")
    return _KINDS.get(str(types[0]).removeprefix("Multi"), "polygon")


def indicator_columns(frame: pd.DataFrame) -> list[str]:
    """The numeric columns that look like indicators: no ids, coordinates, weights, bounds or errors."""
    return [
        str(name)
        for name, dtype in frame.dtypes.items()
        if pd.api.types.is_numeric_dtype(dtype)
        and not pd.api.types.is_bool_dtype(dtype)
        and str(name).lower() not in _NO_INDICATOR
        and not str(name).lower().endswith(_NO_SUFFIX)
    ]


@dataclass(frozen=True)
class _Sheet:
    """What a maker of styles needs to know about a layer."""

    name: str
    kind: str
    frame: pd.DataFrame
    indicators: list[str]
    labels: dict[str, str]
    classes: dict[str, np.ndarray]

    def has(self, *columns: str) -> bool:
        return all(name in self.frame.columns for name in columns)

    def numbers(self, column: str) -> np.ndarray:
        return pd.to_numeric(self.frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)

    def label(self, column: str) -> str:
        return human_label(column, self.labels)

    def symbol(self, color: str, *, edge: str = "#ffffff") -> Element:
        if self.kind == "point":
            return qml.marker(color, size_mm=_point_size(len(self.frame)), edge=edge)
        if self.kind == "line":
            return qml.line(color, width_mm=0.6)
        if _first_word(self.name) in {"cells", "explanations"}:
            return qml.fill(color)
        return qml.outline("#ffffff", inside=color, width_mm=_OUTLINE_MM)

    def masked(self) -> Element:
        """The symbol of what the model must not be trusted for."""
        return qml.hatched() if self.kind == "polygon" else self.symbol(qml.GREY)

    def style(
        self,
        name: str,
        renderer: Element,
        title: str = "",
        opacity: float = 1.0,
        *,
        tells: Sequence[str] | None = None,
        picture: bool = True,
    ) -> Style:
        """A style; its map tip has the columns ``tells``, by default the indicators."""
        shown = self.indicators if tells is None else tells
        tip = map_tip(self.frame, indicators=shown, labels=self.labels, picture=picture)
        moment = next((column for column in ("period_start", "captured_at") if self.has(column)), None)
        word = self.name if self.name.startswith("explanations_") else _first_word(self.name)
        scale = first_scale(word, self.frame)
        text = qml.document(renderer, tip=tip, opacity=opacity, time_field=moment, from_scale=scale)
        return Style(qml.clean(name)[:NAME_LENGTH], text, title=title)


def _point_size(count: int) -> float:
    """Millimetres; smaller where there are many."""
    return float(np.clip(9.0 / max(count, 1) ** 0.25, 0.7, 2.4))


def _makers(name: str, kind: str) -> Callable[[_Sheet], list[Style]]:
    if name.startswith("explanations_"):
        make = EXPLAINED.get(name, _signed)
        return lambda sheet: make(sheet) or _plain(sheet)
    by_word = {"cells": _mapped, "regions": _regions, "clusters": _mapped, "edges": _edges}
    if _first_word(name) == "images":
        return _photos if kind == "point" else _footprints
    return by_word.get(_first_word(name), _plain)


def _first_word(name: str) -> str:
    return name.partition("_")[0]


def _first_is_default(styles: list[Style]) -> list[Style]:
    """Unique names, cut to the column's length, and the first style as the default."""
    taken: set[str] = set()
    named: list[Style] = []
    for style in styles:
        name, number = style.name, 2
        while name.lower() in taken:
            name = f"{style.name[: NAME_LENGTH - 4]} {number}"
            number += 1
        taken.add(name.lower())
        named.append(replace(style, name=name, default=not named))
    return named


def _mapped(sheet: _Sheet) -> list[Style]:
    """One style per indicator, then what is known about its errors."""
    styles = [_value_style(sheet, name) for name in sheet.indicators]
    for number, name in enumerate(sheet.indicators):
        styles += _error_styles(sheet, name, first=number == 0)
    return [*styles, *_dissimilarity(sheet)] or _plain(sheet)


def _regions(sheet: _Sheet) -> list[Style]:
    bare = sheet.style("outline", qml.single(qml.outline(_DARK)), "Outlines")
    return [*(_mapped(sheet) if sheet.indicators else []), bare]


def _value_style(sheet: _Sheet, name: str) -> Style:
    if sheet.has("applicable"):
        renderer = _trusted(sheet, qml.column(name), _breaks(sheet, name), "viridis")
    elif sheet.has("flagged") and sheet.kind == "polygon" and sheet.numbers("flagged").any():
        shown = _class_rules(sheet, qml.column(name), _breaks(sheet, name), "viridis")
        hatched = qml.Rule('"flagged"', "Applicable to few of its people", qml.hatching())
        renderer = qml.rules([*shown, hatched])
    else:
        renderer = _graduated(sheet, name, _breaks(sheet, name), "viridis")
    return sheet.style(name, renderer, sheet.label(name))


def _error_styles(sheet: _Sheet, name: str, *, first: bool) -> list[Style]:
    styles, label, more = [], sheet.label(name), "" if first else f" {name}"
    low, high, predicted = f"{name}_lower", f"{name}_upper", f"{name}_predicted"
    if sheet.has(predicted):
        renderer = _graduated(sheet, predicted, _breaks(sheet, name), "viridis")
        styles.append(sheet.style(f"{name} predicted", renderer, f"{label}, predicted"))
        error = sheet.numbers(name) - sheet.numbers(predicted)
        difference = f"{qml.column(name)} - {qml.column(predicted)}"
        renderer = _graduated(sheet, difference, symmetric_breaks(error), "RdBu")
        styles.append(sheet.style(f"{name} residual", renderer, f"{label}, observed minus predicted"))
    if sheet.has(low, high):
        width = f"{qml.column(high)} - {qml.column(low)}"
        breaks = class_breaks(sheet.numbers(high) - sheet.numbers(low))
        draw = _trusted if sheet.has("applicable") else _graduated
        renderer = draw(sheet, width, breaks, "cividis")
        styles.append(sheet.style(f"uncertainty{more}", renderer, f"{label}, width of the interval"))
        styles += _value_and_width(sheet, name, width, more)
    if sheet.has("applicable"):
        renderer = _graduated(sheet, name, _breaks(sheet, name), "viridis")
        title = f"{label}, also where it must not be trusted"
        styles.append(sheet.style(f"{name[: NAME_LENGTH - 11]} everywhere", renderer, title))
    return styles


def _value_and_width(sheet: _Sheet, name: str, width: str, more: str) -> list[Style]:
    """Of polygons: value by colour, and the colour fades with the width of the interval."""
    if sheet.kind != "polygon":
        return []
    low, high, label = sheet.numbers(f"{name}_lower"), sheet.numbers(f"{name}_upper"), sheet.label(name)
    values, where, others = sheet.numbers(name), "", []
    if sheet.has("applicable"):
        where, others = '"applicable"', [_masked(sheet, qml.column(name))]
        values = np.where(sheet.numbers("applicable") == 1, values, np.nan)
    pair = bivariate.Pair(qml.column(name), f"({width})", values, high - low, label)
    renderer = bivariate.bivariate_renderer(pair, sheet.symbol, where=where, others=others)
    named = short_name([bivariate.NAME, name]) if more else bivariate.NAME
    return [sheet.style(named, renderer, f"{label}, paler where the interval is wide")]


def _dissimilarity(sheet: _Sheet) -> list[Style]:
    """How unlike the surveyed places each feature is, which is what applicability was decided by."""
    if not sheet.has("dissimilarity"):
        return []
    breaks = class_breaks(sheet.numbers("dissimilarity"))
    renderer = _graduated(sheet, "dissimilarity", breaks, "cividis")
    return [sheet.style("dissimilarity", renderer, "Dissimilarity to the surveyed places")]


def _breaks(sheet: _Sheet, name: str) -> np.ndarray:
    """The classes of an indicator, shared by observed and predicted values so that colours compare."""
    return sheet.classes[name] if name in sheet.classes else class_breaks(_values(sheet.frame, name))


def _values(frame: pd.DataFrame, name: str) -> np.ndarray:
    columns = [column for column in (name, f"{name}_predicted") if column in frame.columns]
    numbers = [pd.to_numeric(frame[column], errors="coerce") for column in columns]
    return np.concatenate([column.to_numpy(dtype=float, na_value=np.nan) for column in numbers] or [[]])


def _graduated(sheet: _Sheet, attribute: str, breaks: np.ndarray, colors: str) -> Element:
    if breaks.size == 0:  # no value at all: nothing to classify
        return qml.single(sheet.symbol(qml.GREY))
    diverging = colors.startswith("RdBu")  # its middle is nearly white itself
    edge = _DARK if diverging else "#ffffff"
    symbols = [sheet.symbol(color, edge=edge) for color in ramp(colors, breaks.size - 1)]
    classes = map(qml.Interval, breaks[:-1], breaks[1:], range_labels(breaks), symbols)
    return qml.graduated(attribute, list(classes))


def _trusted(sheet: _Sheet, value: str, breaks: np.ndarray, colors: str) -> Element:
    """Classes of an expression where the model may be trusted, hatching where it may not or nobody knows.

    One expression sorts a feature into its class. Rules would all be asked of every feature, which takes
    twice as long on a map of 200,000 cells.
    """
    if breaks.size == 0:  # no value at all: nothing to classify
        return qml.rules([_masked(sheet, value)])
    classes = map(
        qml.Interval,
        breaks[:-1],
        breaks[1:],
        range_labels(breaks),
        map(sheet.symbol, ramp(colors, breaks.size - 1)),
    )
    attribute = f'CASE WHEN "applicable" THEN {value} WHEN ({value}) IS NOT NULL THEN {_UNTRUSTED} END'
    marked = float(_UNTRUSTED)
    return qml.graduated(
        attribute, [*classes, qml.Interval(marked, marked, "Not applicable", sheet.masked())]
    )


def _class_rules(
    sheet: _Sheet, value: str, breaks: np.ndarray, colors: str, *, where: str = ""
) -> list[qml.Rule]:
    """A rule per class; none without a value."""
    if breaks.size == 0:
        return []
    above = [">=", *[">"] * (breaks.size - 2)]
    edges = [repr(float(edge)) for edge in breaks]
    return [
        qml.Rule(f"{where}{value} {sign} {low} AND {value} <= {high}", label, sheet.symbol(color))
        for sign, low, high, label, color in zip(
            above, edges, edges[1:], range_labels(breaks), ramp(colors, breaks.size - 1)
        )
    ]


def _masked(sheet: _Sheet, value: str) -> qml.Rule:
    untrusted = f'coalesce(NOT "applicable", true) AND ({value}) IS NOT NULL'
    return qml.Rule(untrusted, "Not applicable", sheet.masked())


def _photos(sheet: _Sheet) -> list[Style]:
    """Arrows where the camera's direction is known, dots where not."""
    if not sheet.has("heading"):
        return [sheet.style("photos", qml.single(qml.marker(_INK, size_mm=1.8)), "Photographs")]
    shape = "CASE WHEN \"heading\" IS NULL THEN 'circle' ELSE 'arrow' END"
    size = 'CASE WHEN "heading" IS NULL THEN 1.8 ELSE 3.6 END'
    defined = {"angle": 'coalesce("heading", 0)', "name": shape, "size": size}
    arrow = qml.marker(_INK, size_mm=3.6, shape="arrow", defined=defined)
    return [sheet.style("photos", qml.single(arrow), "Photographs and where they looked")]


def _footprints(sheet: _Sheet) -> list[Style]:
    return [sheet.style("footprints", qml.single(qml.outline(_INK, width_mm=0.3)), "Picture footprints")]


def _edges(sheet: _Sheet) -> list[Style]:
    """Lines as wide as their weight, and coloured by importance where that is known."""
    weights = sheet.numbers("weight") if sheet.has("weight") else np.empty(0)
    weights = weights[np.isfinite(weights)]
    width = None
    if weights.size and weights.min() < weights.max():
        low, high = float(weights.min()), float(weights.max())
        width = f'coalesce(scale_linear("weight", {low!r}, {high!r}, 0.1, 1.2), 0.1)'
    plain = qml.single(qml.line(_DARK, width_mm=0.3, width=width))
    styles = [sheet.style("weight" if width else "edges", plain, "Edges", opacity=0.7)]
    if sheet.has("importance"):
        renderer = _graduated(sheet, "importance", class_breaks(sheet.numbers("importance")), "viridis")
        styles.append(sheet.style("importance", renderer, "Importance of the edge"))
    return styles


def _signed(sheet: _Sheet) -> list[Style]:
    """Contributions to a prediction, which push it up or down."""
    if not sheet.has("value"):
        return []
    renderer = _graduated(sheet, "value", symmetric_breaks(sheet.numbers("value")), "RdBu_r")
    return [sheet.style("value", renderer, sheet.label("value"))]


def _plain(sheet: _Sheet) -> list[Style]:
    symbols: dict[str, Callable[[], Element]] = {
        "point": lambda: qml.marker(_INK),
        "line": lambda: qml.line(_INK),
        "polygon": lambda: qml.outline(_INK, inside="#dbe5ee"),
    }
    return [sheet.style(sheet.name, qml.single(symbols[sheet.kind]()), sheet.name)]
