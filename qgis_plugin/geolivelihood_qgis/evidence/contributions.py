"""What a place's prediction went by, as bars: evidence of its pictures, features, and concepts."""

from collections import namedtuple

from ..compat import is_null, tr
from ..wording import said
from ..words import model_name
from .places import cell_around
from .predictions import number

Bar = namedtuple("Bar", "name value lower upper significant")
Chart = namedtuple("Chart", "title bars remark")
"""Bars on one scale; without bars, ``remark`` says why and how to make them."""

MOST = 12
"""As many bars are shown, those that count most."""


def contributions(place):
    """Charts of what counted: sums of the maps of evidence, and contributions of features."""
    seen = _view_charts(place) if place.kind == "images" else []
    charts = _feature_charts(place) + (seen or _zonal(place))
    if charts:
        return charts
    text = tr("No contributions are stored for this place. To make them, run: {}")
    return [Chart(tr("Contributions"), [], text.format(place.book.explain_command("signed_cam")))]


def concepts(place):
    """Charts of the concept scores; bars that may be chance are not significant."""
    book = place.book
    if place.kind == "regions":
        remark = tr("Concepts are scored per cell, cluster and picture: click one of these.")
        return [Chart(tr("Concepts"), [], remark)]
    table, column = {
        "cells": ("explanations_concepts", "cell"),
        "clusters": ("explanations_concepts_clusters", "cluster_id"),
        "images": ("explanations_concepts_images", "image_id"),
    }[place.kind]
    rows = _rows(place, table, [(column, place.key)])
    charts = _charts(book, rows, tr("Concepts"), lambda get: get("name"))
    if not charts and place.kind != "cells":
        cell = cell_around(place)
        rows = _rows(cell, "explanations_concepts", [("cell", cell.key)]) if cell else []
        charts = _charts(book, rows, tr("Concepts in the cell around"), lambda get: get("name"))
    if charts:
        return charts
    if book.tables_like("explanations_concepts"):
        remark = tr("No concept was scored at this place.")
    else:
        remark = tr("No concept scores in this result. To make them, run: {}")
        remark = remark.format(book.explain_command("concepts"))
    return [Chart(tr("Concepts"), [], remark)]


def _feature_charts(place):
    cell = cell_around(place)
    rows = _rows(cell, "explanations_shap", [("cell", cell.key)]) if cell else []
    return _charts(place.book, rows, tr("Contributions of features"), lambda get: get("name"))


def _zonal(place):
    """Sums of the maps of evidence over the cell or region; by class of land where there are classes."""
    area = place if place.kind == "regions" else cell_around(place)
    if area is None or area.geometry is None:
        return []
    groups = {}
    where = [("region_id", area.key)] if area.kind == "regions" else []
    for get in _rows(area, "explanations_zonal", where):
        if not _same_area(get, area):
            continue
        bars = groups.setdefault(_group(get), [])
        if get("class") is not None:
            bars.append(Bar(str(get("class")), get("sum"), None, None, True))
        else:
            bars += _signed(get)
    title = tr("Evidence in the pictures")
    if area is not place:
        title = tr("Evidence in the pictures of the cell around")
    return [Chart(_chart_title(place.book, title, key), _strongest(bars), "") for key, bars in groups.items()]


def _view_charts(place):
    groups = {}
    for get in _rows(place, "explanations_views", [("image_id", place.key), ("sector", -1)]):
        groups.setdefault(_group(get), []).extend(_signed(get))
    title = tr("Evidence in this photo")
    return [Chart(_chart_title(place.book, title, key), bars, "") for key, bars in groups.items() if bars]


def _signed(get):
    pairs = ((tr("speaks for more"), "positive"), (tr("speaks for less"), "negative"), (tr("sum"), "sum"))
    pairs = [(name, number(get(column))) for name, column in pairs]
    if pairs[2][1] is None:
        pairs[2] = (tr("sum"), number(get("score")))
    return [Bar(name, value, None, None, True) for name, value in pairs if value is not None]


def _charts(book, rows, title, name):
    groups = {}
    for get in rows:
        value = number(get("value"))
        if value is None:
            continue
        significant = get("significant")
        bar = Bar(
            str(name(get) or ""),
            value,
            number(get("lower")),
            number(get("upper")),
            True if significant is None else bool(significant),
        )
        groups.setdefault(_group(get), []).append(bar)
    return [Chart(_chart_title(book, title, key), _strongest(bars), "") for key, bars in groups.items()]


def _strongest(bars):
    return sorted(bars, key=lambda bar: -abs(bar.value))[:MOST] if len(bars) > 3 else bars


def _chart_title(book, title, group):
    target, model, source = group
    parts = [
        book.label(target)[0] if target else "",
        tr("model {}").format(model_name(model)) if model else "",
        source,
    ]
    told = ", ".join(part for part in parts if part)
    return said(title, told) if told else title


def _group(get):
    return tuple(str(get(column) or "") for column in ("target", "model", "source"))


def _same_area(get, area):
    """Whether a sum is of this area: ids of cells may be stored as rounded numbers."""
    if area.kind == "regions":
        return get("region_id") is not None and str(get("region_id")) == area.key
    told = get("cell")
    if told is None or isinstance(told, str):
        return told == area.key
    try:
        return abs(int(told) - int(area.key, 16)) <= 128
    except ValueError:
        return False


def _rows(place, table, where):
    """Getters of the rows of a table, found by the place's box and columns."""
    if table not in place.book.tables:
        return []
    layer = place.book.layer(table)
    box = place.geometry.boundingBox().buffered(1e-6) if place.geometry else None
    if layer is None or (box is None and not where):
        return []
    if place.kind == "images":
        box = None if not box else box.buffered(0.02)  # what a photo sees, and the footprint of a tile
    names = set(layer.fields().names())
    return [
        lambda column, row=feature: None if column not in names or is_null(row[column]) else row[column]
        for feature in place.book.features(table, where=where, box=box)
    ]
