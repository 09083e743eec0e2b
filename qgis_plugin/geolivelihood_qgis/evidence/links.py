"""The links between places that a prediction rests on, the strongest first."""

from collections import namedtuple

from ..compat import is_null, tr
from ..wording import number as written
from ..words import model_name
from .contributions import Bar
from .places import KINDS
from .predictions import number

Link = namedtuple("Link", "start end importance sign title geometry")
"""A link: its ends, how much it counted, whether it raised (1) or lowered (-1), what to call it, its line."""

Links = namedtuple("Links", "title links remark crs")
"""The strongest links of a place; ``remark`` says what else there is to know, or how to make them."""

MOST = 10
SCORED, PLAIN = "explanations_edges", "edges"


def links(place):
    """The strongest links of a cell, a cluster or a photo; links of the graph where none are scored."""
    if place.kind == "regions":
        return Links(tr("Links"), [], tr("Links are between cells, clusters and pictures."), None)
    found = _scored(place) or _plain(place)
    if found:
        return found
    if place.book.tables_like(SCORED):
        remark = tr("No link of this place was scored.")
    else:
        remark = tr("No links are scored in this result. To score them, run: {}")
        remark = remark.format(place.book.explain_command("links_occlusion"))
    return Links(tr("Links"), [], remark, None)


def bars(found):
    """The links as bars: as long as their importance, on the side to which they pushed the prediction."""
    return [
        Bar(link.title, link.importance * (link.sign or 1), None, None, bool(link.sign))
        for link in found.links
        if link.importance is not None
    ]


def _scored(place):
    """The strongest links of the first run that scored any at the place."""
    runs = {}
    for table in place.book.tables_like(SCORED):
        for feature in _of_place(place, table):
            get = _getter(feature)
            run = (table, get("method"), get("model"), get("target"))
            runs.setdefault(run, []).append(feature)
    if not runs:
        return None
    (table, method, model, target), features = next(iter(runs.items()))
    features.sort(key=lambda feature: -(number(_getter(feature)("importance")) or 0))
    strongest = {}
    for feature in features:
        link = _link(place, feature)
        strongest.setdefault((link.start, link.end), link)
    label = place.book.label(target)[0] if target else ""
    told = [
        label,
        tr("model {}").format(model_name(model)) if model else "",
        str(method or "").replace("_", " "),
    ]
    title = tr("Strongest links: {}").format(", ".join(filter(None, told)))
    remark = tr("Several ways of scoring are stored; this is the first.") if len(runs) > 1 else ""
    return Links(title, list(strongest.values())[:MOST], remark, place.book.layer(table).crs())


def _of_place(place, table):
    """Links of the place's own prediction; else, such as for photos, those that end at the place."""
    own = []
    if place.kind in ("clusters", "cells"):
        own = list(place.book.features(table, where=[(KINDS[place.kind], place.key)]))
    return own or _ending(place, table, ("start", "end"))


def _plain(place):
    """Edges of the graph that end at the place, the nearest first: these are not scored."""
    layer = place.book.layer(PLAIN)
    found = _ending(place, PLAIN, ("source", "target")) if layer else []
    if not found:
        return None
    found.sort(key=lambda feature: number(_getter(feature)("distance_m")) or 0)
    remark = tr("These links are not scored. To score them, run: {}")
    remark = remark.format(place.book.explain_command("links_occlusion"))
    made = [_link(place, feature)._replace(importance=None) for feature in found[:MOST]]
    return Links(tr("Links in the graph"), made, remark, layer.crs())


def _ending(place, table, ends):
    """Links with an end of the place's name, looked for around it."""
    if place.geometry is None:
        return []
    box = place.geometry.boundingBox().buffered(1e-6)
    return [f for end in ends for f in place.book.features(table, where=[(end, place.key)], box=box)]


def _getter(feature):
    names = feature.fields().names()
    return lambda column: None if column not in names or is_null(feature[column]) else feature[column]


def _link(place, feature):
    get = _getter(feature)
    start, end = str(get("start") or get("source") or "?"), str(get("end") or get("target") or "?")
    title = f"{start} – {end}"
    if place.key in (start, end):
        title = tr("to {}").format(end if start == place.key else start)
    distance, sign = number(get("distance_m")), get("sign")
    if distance is not None:
        far = distance >= 1000
        told = tr("{} km").format(written(distance / 1000, ",.1f")) if far else ""
        title = f"{title}, {told or tr('{} m').format(written(distance, '.0f'))}"
    importance = number(get("importance"))
    return Link(start, end, importance, sign if sign in (1, -1) else 0, title, feature.geometry())
