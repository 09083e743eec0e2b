"""The look of the layers that explain pictures: peaks, regions, zones, views, rasters and kinds.

Red raised the prediction and blue lowered it, in every one of them as in the rasters. A layer keeps the rows
of several runs (method, model, target), whose numbers do not compare: where there are several, each has
styles of its own that leave the others out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

import numpy as np
import pandas as pd

from geolivelihood.layers import qml
from geolivelihood.layers.breaks import class_breaks, number_text, range_labels, symmetric_breaks
from geolivelihood.layers.palettes import KINDS, LOWERS, RAISES, ramp

if TYPE_CHECKING:
    from geolivelihood.layers.styles import Style, _Sheet

__all__ = ["EXPLAINED"]

_DARK = "#3b3b3b"
_INK = "#33638d"
_SIGNS = {1: (RAISES, "raised"), -1: (LOWERS, "lowered")}
_RUN = ("target", "method", "model", "source")
_SMALLEST_MM, _LARGEST_MM = 1.6, 7.0
_FEW = 10
"""Classes of each diverging scale at most."""


def _peaks(sheet: _Sheet) -> list[Style]:
    """Points as large as their share of the evidence."""
    if not sheet.has("sign", "share"):
        return []
    most = np.nanmax(sheet.numbers("share"), initial=0.0)
    size = {}
    if most > 0:  # the exponent makes the area, not the diameter, follow the share
        scale = f'scale_exp("share", 0, {float(most)!r}, {_SMALLEST_MM}, {_LARGEST_MM}, 0.5)'
        size = {"size": f"coalesce({scale}, {_SMALLEST_MM})"}
    rules = [
        qml.Rule(
            f'"sign" = {sign}',
            f"{words.capitalize()} the prediction",
            qml.marker(color, size_mm=3.0, defined=size),
        )
        for sign, (color, words) in _SIGNS.items()
    ]
    title = "Where evidence peaks, sized by its share"
    return [sheet.style("peaks", qml.rules(rules), title, 0.85, tells=["rank", "share"])]


def _regions(sheet: _Sheet) -> list[Style]:
    """Outlines; the heart of the evidence is bold, the wider regions thin and dashed."""
    if not sheet.has("sign", "share"):
        return []
    shares = np.unique(sheet.numbers("share"))
    shares = shares[np.isfinite(shares)]
    rules = []
    for sign, (color, words) in _SIGNS.items():
        for rank, share in enumerate(shares):
            line = qml.outline(color, width_mm=0.35 if rank else 0.7, dashed=rank > 0)
            label = f"{number_text(100 * share)} % of what {words} the prediction"
            rules.append(qml.Rule(f'"sign" = {sign} AND abs("share" - {float(share)!r}) < 1e-6', label, line))
    tells = [name for name in ("share", "held", "sum", "area_m2", "parts") if sheet.has(name)]
    return [sheet.style("regions", qml.rules(rules), "Where most of the evidence lies", tells=tells)]


def _zonal(sheet: _Sheet) -> list[Style]:
    """Zones by the evidence in them, as a sum and per hectare."""
    titles = {"sum": "Sum of the evidence", "density": "Evidence per hectare"}
    found = ("class", "sum", "positive", "negative", "density", "coverage")
    tells = [name for name in found if sheet.has(name)]
    styles = []
    for column, title in titles.items():
        for run, rows in _runs(sheet) if sheet.has(column) else ():
            renderer = _diverging(sheet, column, run, rows)
            styles.append(sheet.style(_named(column, run), renderer, _titled(title, run), 0.8, tells=tells))
    return styles


def _views(sheet: _Sheet) -> list[Style]:
    """The ground that photographs saw: sectors by their score, the whole view as an outline."""
    if not sheet.has("score"):
        wedge = qml.outline(_INK, inside="#84d44b", width_mm=0.2)
        return [sheet.style("views", qml.single(wedge), "What the photographs saw", opacity=0.5)]
    found = ("positive", "negative", "share_positive", "objects", "heading_source", "flag")
    tells = [name for name in found if sheet.has(name)]
    styles = []
    for run, rows in _runs(sheet):
        if sheet.has("sector"):
            renderer = _sectors(sheet, run, rows)
        elif (sheet.numbers("score") < 0).any():
            renderer = _diverging(sheet, "score", run, rows)
        else:
            renderer = _rising(sheet, run, rows)
        title = _titled("Score of the view", run)
        styles.append(sheet.style(_named("score", run), renderer, title, 0.7, tells=tells))
    return styles


def _sectors(sheet: _Sheet, run: Mapping[str, str], rows: np.ndarray) -> Element:
    """Sectors in classes of their score; whole views as thin outlines, dashed without a heading."""
    where = " AND ".join([_chosen(run), ""]) if run else ""
    inside = rows & (sheet.numbers("sector") >= 0)
    breaks = symmetric_breaks(sheet.numbers("score")[inside], classes=_FEW)
    shown = []
    colors = ramp("RdBu_r", breaks.size - 1) if breaks.size else []
    for low, high, label, color in zip(breaks, breaks[1:], range_labels(breaks), colors):
        above = ">=" if low == breaks[0] else ">"
        test = f'"sector" >= 0 AND "score" {above} {float(low)!r} AND "score" <= {float(high)!r}'
        shown.append(qml.Rule(where + test, label, qml.fill(color)))
    whole, lost = f'{where}"sector" = -1', "coalesce(\"flag\", '') = 'no_heading'"
    seen, unsure = (qml.above(qml.outline(_DARK, dashed=dashed)) for dashed in (False, True))
    if not sheet.has("flag"):
        return qml.rules([*shown, qml.Rule(whole, "Whole view", seen)])
    outlines = [
        qml.Rule(f"{whole} AND NOT {lost}", "Whole view", seen),
        qml.Rule(f"{whole} AND {lost}", "Heading unknown", unsure),
    ]
    return qml.rules([*shown, *outlines])


def _rasters(sheet: _Sheet) -> list[Style]:
    """Footprints; the rasters themselves bring their styles along."""
    found = ("path", "kind", "target", "total", "intercept", "residual", "masked")
    tells = [name for name in found if sheet.has(name)]
    renderer = qml.single(qml.outline(_INK, width_mm=0.3))
    title = "Where there are rasters of explanations"
    return [sheet.style("footprints", renderer, title, tells=tells, picture=False)]


def _kinds(sheet: _Sheet) -> list[Style]:
    """A colour per kind of picture; pictures of no kind are grey."""
    if not sheet.has("cluster"):
        return []
    styles = []
    for run, rows in _runs(sheet):
        numbers, counts = np.unique(sheet.numbers("cluster")[rows], return_counts=True)
        classes = [
            qml.Category(int(number), _size(int(number), count), _spot(sheet, int(number)))
            for number, count in zip(numbers, counts)
            if np.isfinite(number)
        ]
        classes.sort(key=lambda item: (item.value == -1, item.value))  # outliers come last
        renderer = qml.categorized(_of("cluster", run), classes)
        title = _titled("Kinds of pictures", run)
        styles.append(sheet.style(_named("kinds", run), renderer, title, tells=["cluster", "distance"]))
    return styles


def _size(number: int, count: int) -> str:
    name = "Of no kind" if number < 0 else f"Kind {number}"
    return f"{name} ({count:,} {'picture' if count == 1 else 'pictures'})"


def _spot(sheet: _Sheet, number: int) -> Element:
    color = qml.GREY if number < 0 else KINDS[number % len(KINDS)]
    return sheet.symbol(color) if sheet.kind == "point" else qml.outline(color, inside=color, width_mm=0.3)


def _diverging(sheet: _Sheet, column: str, run: Mapping[str, str], rows: np.ndarray) -> Element:
    """Classes mirrored at 0, blue below and red above."""
    return _classed(sheet, column, run, symmetric_breaks(sheet.numbers(column)[rows], classes=_FEW), "RdBu_r")


def _rising(sheet: _Sheet, run: Mapping[str, str], rows: np.ndarray) -> Element:
    return _classed(sheet, "score", run, class_breaks(sheet.numbers("score")[rows]), "viridis")


def _classed(sheet: _Sheet, column: str, run: Mapping[str, str], breaks: np.ndarray, colors: str) -> Element:
    if breaks.size == 0:  # no value at all: nothing to classify
        return qml.single(qml.outline(qml.GREY))
    symbols = [sheet.symbol(color, edge=_DARK) for color in ramp(colors, breaks.size - 1)]
    classes = map(qml.Interval, breaks, breaks[1:], range_labels(breaks), symbols)
    return qml.graduated(_of(column, run), list(classes))


# -- several runs in one layer ----------------------------------------------------------------------


def _runs(sheet: _Sheet) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """What tells each run from the others, and its rows; nothing where there is but one."""
    names = [name for name in _RUN if sheet.has(name) and len(sheet.frame[name].drop_duplicates()) > 1]
    if not names:
        yield {}, np.ones(len(sheet.frame), dtype=bool)
        return
    table = sheet.frame[names].astype(object).fillna("").astype(str)
    for values in table.drop_duplicates().itertuples(index=False):  # a handful of runs
        yield dict(zip(names, values)), (table == pd.Series(values, index=names)).all(axis=1).to_numpy()


def _chosen(run: Mapping[str, str]) -> str:
    """A run as a QGIS condition."""
    parts = (f"coalesce({qml.column(name)}, '') = {qml.literal(value)}" for name, value in run.items())
    return " AND ".join(parts)


def _of(column: str, run: Mapping[str, str]) -> str:
    """A column's values in a run, and nothing in the others."""
    return f"CASE WHEN {_chosen(run)} THEN {qml.column(column)} END" if run else column


def _named(column: str, run: Mapping[str, str]) -> str:
    return " ".join([column, *filter(None, run.values())])


def _titled(title: str, run: Mapping[str, str]) -> str:
    return f"{title}: {', '.join(filter(None, run.values()))}" if run else title


EXPLAINED: dict[str, Callable[[_Sheet], list[Style]]] = {
    "explanations_peaks": _peaks,
    "explanations_regions": _regions,
    "explanations_zonal": _zonal,
    "explanations_views": _views,
    "explanations_rasters": _rasters,
    "explanations_feature_clusters": _kinds,
}
