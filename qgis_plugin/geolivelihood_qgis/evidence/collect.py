"""Everything that a results file knows about one place, gathered for the panel."""

from collections import namedtuple

from ..words import model_name
from .contributions import concepts, contributions
from .links import links
from .pictures import pictures
from .places import cell_around
from .predictions import applicability, predictions, scores

Evidence = namedtuple(
    "Evidence",
    "place predictions applicable applicability scores pictures picture_count all_counted contributions"
    " concepts rasters links",
)

Raster = namedtuple("Raster", "path title")
"""A map of evidence: its file, and what to call it."""


def collect(place):
    """Gather the evidence of a place. Photos tell the prediction of the cell that they lie in."""
    told = place
    if place.kind == "images":
        told = cell_around(place) or place
    assessed = told
    if place.kind == "clusters" and "applicable" not in place.values:
        assessed = cell_around(place) or place
    applicable, words = applicability(assessed)
    shown, count, all_counted = pictures(place)
    return Evidence(
        place,
        predictions(told),
        applicable,
        words,
        scores(told),
        shown,
        count,
        all_counted,
        contributions(place),
        concepts(place),
        rasters(place),
        links(place),
    )


def rasters(place):
    """The maps of evidence whose footprint holds the place (of a region: that touch it)."""
    geometry = place.geometry
    if geometry is None or geometry.isEmpty():
        return []
    geometry = geometry if place.kind == "regions" else geometry.centroid()
    found = {}
    for feature in place.book.features_within("explanations_rasters", geometry, limit=500):
        names = feature.fields().names()
        values = {n: str(feature[n] or "") for n in ("path", "target", "method", "model") if n in names}
        if values.get("path"):
            path = str(place.book.beside(values["path"]))
            told = [place.book.label(values["target"])[0] if values.get("target") else ""]
            told += [values.get("method", ""), model_name(values.get("model", ""))]
            found.setdefault(path, Raster(path, ", ".join(part for part in told if part)))
    return list(found.values())
