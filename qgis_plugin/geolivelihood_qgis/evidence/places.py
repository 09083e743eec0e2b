"""What lies under a click: a photo, a survey cluster, a cell, a region."""

from collections import namedtuple

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsGeometry, QgsProject, QgsRectangle

from ..compat import is_null, tr
from .book import results_of

Place = namedtuple("Place", "book kind key title geometry crs values")
"""A place: the file it is in, its kind (a name of a table), its id, what to call it, and its columns."""

KINDS = {"images": "image_id", "clusters": "cluster_id", "cells": "cell", "regions": "region_id"}
"""The kinds of places, nearest first, and the column of their id."""

POINTS = ("images", "clusters")
STEADY = 8
"""A cell must be as many times the tolerance of a click wide for photos in it to be clicked one by one."""

MOST = 6
"""More photos on one spot are not offered."""


def places_at(point, crs, tolerance, layers, books):
    """The places under ``point`` (in ``crs``), nearest kind first.

    On a small scale, where cells are not much larger than the hand is steady, a cell comes before its photos.
    ``layers`` are those on the map, ``tolerance`` is in units of the map, ``books`` gives the
    :class:`~.book.Book` of a path. Where only layers of evidence are shown, the cell below is found.
    """
    found, order = [], list(KINDS)
    for path, shown in results_of(layers).items():
        book = books(path)
        kinds = [kind for kind in KINDS if kind in shown] or ["cells"]
        for kind in kinds:
            hits, reach = _hits(book, kind, point, crs, tolerance)
            found += hits
            if kind == "cells" and any(_width(hit) < STEADY * reach for hit in hits):
                order = ["clusters", "cells", "images", "regions"]
    return sorted(found, key=lambda place: order.index(place.kind))


def place_of(book, kind, feature, crs):
    """The place of a feature."""
    values = {
        field.name(): None if is_null(value) else value
        for field, value in zip(feature.fields(), feature.attributes())
    }
    key = values.get(KINDS[kind])
    key = feature.id() if key is None else key
    return Place(book, kind, str(key), _title(kind, key, values), feature.geometry(), crs, values)


def cell_around(place):
    """The cell that a photo or a cluster lies in; the place itself if it is a cell, ``None`` for regions."""
    if place.kind not in POINTS:
        return place if place.kind == "cells" else None
    layer = place.book.layer("cells")
    key = place.values.get("cell")
    for feature in place.book.features_within("cells", place.geometry, limit=8):
        return place_of(place.book, "cells", feature, layer.crs())
    return Place(place.book, "cells", key, _title("cells", key, {}), None, place.crs, {}) if key else None


def _hits(book, kind, point, crs, tolerance):
    """Places of one kind, and the tolerance in the units of their layer."""
    layer = book.layer(kind)
    if layer is None:
        return [], 0
    box = QgsRectangle.fromCenterAndSize(point, 2 * tolerance, 2 * tolerance)
    transform = QgsCoordinateTransform(crs, layer.crs(), QgsProject.instance())
    try:
        box = transform.transformBoundingBox(box)
        spot = QgsGeometry.fromPointXY(transform.transform(point))
    except QgsCsException:  # a click outside the world
        return [], 0
    wanted = QgsGeometry.fromRect(box) if kind in POINTS else spot
    features = sorted(
        book.features_within(kind, wanted), key=lambda feature: feature.geometry().distance(spot)
    )
    return [place_of(book, kind, feature, layer.crs()) for feature in features[:MOST]], box.width() / 2


def _width(place):
    return place.geometry.boundingBox().width()


def _title(kind, key, values):
    if kind == "images":
        return (tr("Photo {}") if (values.get("kind") or "street") == "street" else tr("Tile {}")).format(key)
    if kind == "regions":
        return tr("Region {}").format(values.get("name") or key)
    return {"clusters": tr("Survey cluster {}"), "cells": tr("Cell {}")}[kind].format(key)
