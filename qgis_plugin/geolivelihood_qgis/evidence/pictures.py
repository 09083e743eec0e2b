"""The photos and tiles of a place."""

from collections import namedtuple

from qgis.core import QgsRectangle, QgsWkbTypes

from ..compat import is_null
from .book import touching
from .places import cell_around

Picture = namedtuple("Picture", "image_id kind path licence creator captured box crs")
"""A picture; ``box`` is what of a georeferenced ``path`` to show, or ``None`` for the whole file."""

SHOWN = 24
"""As many are shown; the rest are counted."""

COUNTED = 1000
"""As many are looked at: a region may hold a million, and a click must not wait for them."""


def pictures(place):
    """The first :data:`SHOWN` pictures of a place, how many there are, and whether that is all of them."""
    photos, all_photos = _photos(place)
    tiles, all_tiles = _tiles(place)
    found = {}
    for picture in photos + tiles:
        found.setdefault(picture.image_id, picture)
    return list(found.values())[:SHOWN], len(found), all_photos and all_tiles


def _photos(place):
    book, layer = place.book, place.book.layer("images")
    if place.kind == "images":
        return [_picture(book, place.values.get, place.geometry, layer)], True
    area = place if place.kind == "regions" else cell_around(place)
    if layer is None or area is None:
        return [], True
    if area.kind == "cells" and "cell" in layer.fields().names():
        box = area.geometry.boundingBox().buffered(1e-6) if area.geometry else None
        features = list(book.features("images", where=[("cell", area.key)], box=box, limit=COUNTED))
        complete = len(features) < COUNTED
    else:
        features, complete = _within(book, "images", area.geometry)
    return [_picture(book, _getter(feature), feature.geometry(), layer) for feature in features], complete


def _tiles(place):
    """Tiles are known from the kinds that they were sorted into, with their file and footprint."""
    area = place if place.kind == "regions" else cell_around(place)
    if place.kind == "images" or area is None or area.geometry is None:
        return [], True
    found, complete = [], True
    for table in place.book.tables_like("explanations_feature_clusters"):
        layer = place.book.layer(table)
        spot = area.geometry if area.kind == "regions" else area.geometry.centroid()
        features, whole = _within(place.book, table, spot)
        complete = complete and whole
        for feature in features:
            get = _getter(feature)
            if get("path") and get("kind") == "overhead":
                found.append(_picture(place.book, get, feature.geometry(), layer))
    return found, complete


def _within(book, table, geometry):
    """Features that touch a geometry, and whether all that could were looked at."""
    if geometry is None or geometry.isEmpty():
        return [], True
    near = list(book.features(table, box=geometry.boundingBox().buffered(1e-9), limit=COUNTED))
    return list(touching(near, geometry)), len(near) < COUNTED


def _picture(book, get, geometry, layer):
    polygon = QgsWkbTypes.geometryType(geometry.wkbType()) == QgsWkbTypes.GeometryType.PolygonGeometry
    captured = get("captured_at")
    captured = captured.toString("yyyy-MM-dd") if hasattr(captured, "toString") else captured
    path = get("path")
    return Picture(
        str(get("image_id") or ""),
        str(get("kind") or ""),
        str(book.beside(path)) if path else "",
        str(get("license") or get("licence") or book.licence(get("image_source") or get("source"))),
        str(get("creator") or ""),
        str(captured or ""),
        QgsRectangle(geometry.boundingBox()) if polygon else None,
        layer.crs(),
    )


def _getter(feature):
    names = feature.fields().names()

    def get(name):
        value = feature[name] if name in names else None
        return None if is_null(value) else value

    return get
