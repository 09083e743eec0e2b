"""The look of the layers that explain: peaks, regions, zones, views, rasters, kinds, links and concepts.

Red raised the prediction and blue lowered it, in every one of them as in the rasters. A layer keeps the rows
of several runs (method, model, target), whose numbers do not compare: where there are several, each has
styles of its own that leave the others out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element

import numpy as np
import pandas as pd

from geolivelihood.layers import qml
from geolivelihood.layers.breaks import class_breaks, number_text, range_labels, symmetric_breaks
from geolivelihood.layers.names import short_name
from geolivelihood.layers.palettes import KINDS, LOWERS, RAISES, ramp

if TYPE_CHECKING:
    from geolivelihood.layers.styles import Style, _Sheet

__all__ = ["EXPLAINED"]

_DARK = "#3b3b3b"
_INK = "#33638d"
_SIGNS = {1: (RAISES, "raised"), -1: (LOWERS, "lowered")}
_RUN = ("target", "method", "model", "source")
_ZONES = ("cell", "region_id", "cluster_id", "zone")
_SMALLEST_MM, _LARGEST_MM = 1.6, 7.0
_METHODS = {
    "links_occlusion": "occlusion",
    "links_integrated_gradients": "gradients",
    "links_gradient_weight": "gradient x weight",
    "links_gnn_explainer": "GNNExplainer",
    "integrated_gradients": "int. gradients",
    "guided_grad_cam": "guided CAM",
    "guided_backprop": "guided backprop",
}
"""Methods as names of styles call them, which have little room."""
_FEW = 10
"""Classes of each diverging scale at most."""


def _peaks(sheet: _Sheet) -> list[Style]:
    """Points as large as their share of the evidence."""
    if not sheet.has("sign", "share"):
        return []
    styles = []
    for run in _runs(sheet):
        most = float(np.nanmax(sheet.numbers("share")[run.rows], initial=0.0))
        size = {}
        if most > 0:  # the exponent makes the area, not the diameter, follow the share
            scale = f'scale_exp("share", 0, {most!r}, {_SMALLEST_MM}, {_LARGEST_MM}, 0.5)'
            size = {"size": f"coalesce({scale}, {_SMALLEST_MM})"}
        where = f"{run.condition} AND " if run.condition else ""
        rules = [
            qml.Rule(
                f'{where}"sign" = {sign}',
                f"{words.capitalize()} the prediction",
                qml.marker(color, size_mm=3.0, defined=size),
            )
            for sign, (color, words) in _SIGNS.items()
        ]
        title, tells = run.title("Where evidence peaks, sized by its share"), ["rank", "share"]
        styles.append(sheet.style(run.name("peaks"), qml.rules(rules), title, 0.85, tells=tells))
    return styles


def _regions(sheet: _Sheet) -> list[Style]:
    """Outlines; the heart of the evidence is bold, the wider regions thin and dashed."""
    if not sheet.has("sign", "share"):
        return []
    shares = np.unique(sheet.numbers("share"))
    shares = shares[np.isfinite(shares)]
    tells = [name for name in ("share", "held", "sum", "area_m2", "parts") if sheet.has(name)]
    styles = []
    for run in _runs(sheet):
        where = f"{run.condition} AND " if run.condition else ""
        rules = []
        for sign, (color, words) in _SIGNS.items():
            for rank, share in enumerate(shares):
                line = qml.outline(color, width_mm=0.35 if rank else 0.7, dashed=rank > 0)
                label = f"{number_text(100 * share)} % of what {words} the prediction"
                test = f'{where}"sign" = {sign} AND abs("share" - {float(share)!r}) < 1e-6'
                rules.append(qml.Rule(test, label, line))
        title = run.title("Where most of the evidence lies")
        styles.append(sheet.style(run.name("regions"), qml.rules(rules), title, tells=tells))
    return styles


def _zonal(sheet: _Sheet) -> list[Style]:
    """Zones by the evidence in them, as a sum and per hectare."""
    titles = {"sum": "Sum of the evidence", "density": "Evidence per hectare"}
    found = ("class", "sum", "positive", "negative", "density", "coverage")
    tells = [name for name in found if sheet.has(name)]
    styles = []
    for column, title in titles.items():
        for run in _zone_runs(sheet) if sheet.has(column) else ():
            renderer = _diverging(sheet, column, run)
            styles.append(sheet.style(run.name(column), renderer, run.title(title), 0.8, tells=tells))
    return styles


def _views(sheet: _Sheet) -> list[Style]:
    """The ground that photographs saw: sectors by their score, the whole view as an outline."""
    if not sheet.has("score"):
        wedge = qml.outline(_INK, inside="#84d44b", width_mm=0.2)
        return [sheet.style("views", qml.single(wedge), "What the photographs saw", opacity=0.5)]
    found = ("positive", "negative", "share_positive", "objects", "heading_source", "flag")
    tells = [name for name in found if sheet.has(name)]
    styles = []
    for run in _runs(sheet):
        if sheet.has("sector"):
            renderer = _sectors(sheet, run)
        elif (sheet.numbers("score") < 0).any():
            renderer = _diverging(sheet, "score", run)
        else:
            breaks = class_breaks(sheet.numbers("score")[run.rows])
            renderer = _classed(sheet, "score", run, breaks, "viridis")
        title = run.title("Score of the view")
        styles.append(sheet.style(run.name("score"), renderer, title, 0.7, tells=tells))
    return styles


def _sectors(sheet: _Sheet, run: _Run) -> Element:
    """Sectors in classes of their score; whole views as thin outlines, dashed without a heading."""
    where = f"{run.condition} AND " if run.condition else ""
    inside = run.rows & (sheet.numbers("sector") >= 0)
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
    for run in _runs(sheet):
        numbers, counts = np.unique(sheet.numbers("cluster")[run.rows], return_counts=True)
        classes = [
            qml.Category(int(number), _size(int(number), count), _spot(sheet, int(number)))
            for number, count in zip(numbers, counts)
            if np.isfinite(number)
        ]
        classes.sort(key=lambda item: (item.value == -1, item.value))  # outliers come last
        renderer = qml.categorized(run.of("cluster"), classes)
        title = run.title("Kinds of pictures")
        opacity = 1.0 if sheet.kind == "point" else 0.7  # what the kinds are of should show below
        told = ["cluster", "distance"]
        styles.append(sheet.style(run.name("kinds"), renderer, title, opacity, tells=told))
    return styles


def _edges(sheet: _Sheet) -> list[Style]:
    """Lines as wide as their importance."""
    return _links(sheet, "edges", "Links that the prediction rests on", ["start", "end", "rank", "flag"])


def _nodes(sheet: _Sheet) -> list[Style]:
    """Points as large as their importance."""
    found = ["node", "pooling_mass", "gradient_input", "occlusion"]
    return _links(sheet, "nodes", "Places that the prediction rests on", found)


def _links(sheet: _Sheet, name: str, title: str, tells: list[str]) -> list[Style]:
    """Red raised, blue lowered, and grey does not say."""
    if not sheet.has("importance", "sign"):
        return []
    tells = ["importance", *(column for column in tells if sheet.has(column))]
    styles = []
    for run in _runs(sheet):
        most = float(np.nanmax(sheet.numbers("importance")[run.rows], initial=0.0))
        where = f"{run.condition} AND " if run.condition else ""
        classes = [('NOT coalesce("sign", 0) IN (1, -1)', "Neither, or does not say", qml.GREY)]
        for sign, (color, words) in _SIGNS.items():
            classes.append((f'"sign" = {sign}', f"{words.capitalize()} the prediction", color))
        rules = [qml.Rule(where + test, label, _sized(sheet, color, most)) for test, label, color in classes]
        styles.append(sheet.style(run.name(name), qml.rules(rules), run.title(title), 0.85, tells=tells))
    return styles


def _sized(sheet: _Sheet, color: str, most: float) -> Element:
    """A line or point that grows with its importance."""
    low, high, power = (0.1, 2.2, 1.0) if sheet.kind == "line" else (_SMALLEST_MM, _LARGEST_MM, 0.5)
    scale = f'coalesce(scale_exp("importance", 0, {most!r}, {low}, {high}, {power}), {low})'
    size = scale if most > 0 else None
    if sheet.kind == "line":
        return qml.line(color, width_mm=0.6, width=size)
    return qml.marker(color, size_mm=3.0, defined={"size": size} if size else None)


def _size(number: int, count: int) -> str:
    name = "Of no kind" if number < 0 else f"Kind {number}"
    return f"{name} ({count:,} {'picture' if count == 1 else 'pictures'})"


def _spot(sheet: _Sheet, number: int) -> Element:
    color = qml.GREY if number < 0 else KINDS[number % len(KINDS)]
    return sheet.symbol(color) if sheet.kind == "point" else qml.outline(color, inside=color, width_mm=0.3)


def _concepts(sheet: _Sheet) -> list[Style]:
    """A style per concept, the most significant first; concepts no better than chance are hatched or grey."""
    if not sheet.has("name", "value", "significant", "q"):
        return []
    found = ("value", "lower", "upper", "n", "q", "cav_accuracy")
    tells = [name for name in found if sheet.has(name)]
    made: list[tuple[float, float, Style]] = []
    for run in _runs(sheet):
        # one scale for all concepts of a model: a weak one looks weak
        breaks = symmetric_breaks(sheet.numbers("value")[run.rows], classes=_FEW)
        shown = pd.DataFrame({"name": sheet.frame["name"], "q": sheet.numbers("q")})[run.rows]
        shown["size"] = np.abs(sheet.numbers("value")[run.rows])
        for name, q, size in shown.groupby("name", sort=False).mean().itertuples():  # a handful
            renderer = _of_concept(sheet, str(name), run, breaks)
            title = run.title(f"What {name} does to the prediction")
            made.append((q, -size, sheet.style(run.name(str(name)), renderer, title, 0.85, tells=tells)))
    return [style for *_, style in sorted(made, key=lambda item: item[:2])]


def _of_concept(sheet: _Sheet, name: str, run: _Run, breaks: np.ndarray) -> Element:
    where = " AND ".join([f'"name" = {qml.literal(name)}', *filter(None, [run.condition])])
    sure, shown = 'coalesce("significant", false)', []
    colors = ramp("RdBu_r", breaks.size - 1) if breaks.size else []
    for low, high, label, color in zip(breaks, breaks[1:], range_labels(breaks), colors):
        above = ">=" if low == breaks[0] else ">"
        test = f'{where} AND {sure} AND "value" {above} {float(low)!r} AND "value" <= {float(high)!r}'
        shown.append(qml.Rule(test, label, sheet.symbol(color, edge=_DARK)))
    return qml.rules([*shown, qml.Rule(f"{where} AND NOT {sure}", "Not significant", sheet.masked())])


def _diverging(sheet: _Sheet, column: str, run: _Run) -> Element:
    """Classes mirrored at 0, blue below and red above."""
    breaks = symmetric_breaks(sheet.numbers(column)[run.rows], classes=_FEW)
    return _classed(sheet, column, run, breaks, "RdBu_r")


def _classed(sheet: _Sheet, column: str, run: _Run, breaks: np.ndarray, colors: str) -> Element:
    if breaks.size == 0:  # no value at all: nothing to classify
        return qml.single(qml.outline(qml.GREY))
    symbols = [sheet.symbol(color, edge=_DARK) for color in ramp(colors, breaks.size - 1)]
    classes = map(qml.Interval, breaks, breaks[1:], range_labels(breaks), symbols)
    return qml.graduated(run.of(column), list(classes))


# -- several runs in one layer ----------------------------------------------------------------------


class _Run(NamedTuple):
    """Rows of a layer that belong together: what tells them from the others, in words and as a condition."""

    words: tuple[str, ...]
    condition: str
    rows: np.ndarray

    def of(self, column: str) -> str:
        """A column's values in these rows, and nothing in the others."""
        return f"CASE WHEN {self.condition} THEN {qml.column(column)} END" if self.condition else column

    def name(self, column: str) -> str:
        """Name of a style."""
        return short_name([column, *(_METHODS.get(word, word) for word in self.words if word)])

    def title(self, title: str) -> str:
        """Title of a style."""
        return ": ".join([title, *filter(None, [", ".join(filter(None, self.words))])])


def _runs(sheet: _Sheet) -> list[_Run]:
    """The runs whose rows a layer has; one of all rows where there is but one."""
    names = [name for name in _RUN if sheet.has(name) and len(sheet.frame[name].drop_duplicates()) > 1]
    if not names:
        return [_Run((), "", np.ones(len(sheet.frame), dtype=bool))]
    table = sheet.frame[names].astype(object).fillna("").astype(str)
    runs = []
    for values in table.drop_duplicates().itertuples(index=False):  # a handful of runs
        tests = (f"coalesce({qml.column(k)}, '') = {qml.literal(v)}" for k, v in zip(names, values))
        rows = (table == pd.Series(values, index=names)).all(axis=1).to_numpy()
        runs.append(_Run(tuple(values), " AND ".join(tests), rows))
    return runs


def _zone_runs(sheet: _Sheet) -> list[_Run]:
    """The runs, each kind of zone by itself: the sums of regions would drown those of cells."""
    there = [name for name in _ZONES if sheet.has(name) and sheet.frame[name].notna().any()]
    if len(there) < 2:
        return _runs(sheet)
    known = sheet.frame[there].notna().to_numpy()
    first = np.where(known.any(axis=1), known.argmax(axis=1), -1)
    found = []
    for k, name in enumerate(there):
        tests = [f"{qml.column(name)} IS NOT NULL", *(f"{qml.column(o)} IS NULL" for o in there[:k])]
        for run in _runs(sheet):
            rows = run.rows & (first == k)
            if rows.any():
                condition = " AND ".join([*filter(None, [run.condition]), *tests])
                found.append(_Run((name.removesuffix("_id"), *run.words), condition, rows))
    return found


EXPLAINED: dict[str, Callable[[_Sheet], list[Style]]] = {
    "explanations_peaks": _peaks,
    "explanations_regions": _regions,
    "explanations_zonal": _zonal,
    "explanations_views": _views,
    "explanations_rasters": _rasters,
    "explanations_feature_clusters": _kinds,
    "explanations_edges": _edges,
    "explanations_nodes": _nodes,
    "explanations_concepts": _concepts,
    "explanations_concepts_clusters": _concepts,
    "explanations_concepts_images": _concepts,
}
