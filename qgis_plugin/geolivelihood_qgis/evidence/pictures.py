"""The photos and tiles of a place."""

from collections import namedtuple

from qgis.core import QgsRectangle, QgsWkbTypes

from ..compat import is_null
from .places import cell_around

Picture = namedtuple("Picture", "image_id kind path licence creator captured box crs")
"""A picture; ``box`` is what of a georeferenced ``path`` to show, or ``None`` for the whole file."""

SHOWN = 24
"""As many are shown; the rest are counted."""

COUNTED = 5000


def pictures(place):
    """The first :data:`SHOWN` pictures of a place, and how many there are."""
    found = {}
    for picture in [*_photos(place), *_tiles(place)]:
        found.setdefault(picture.image_id, picture)
    return list(found.values())[:SHOWN], len(found)


def _photos(place):
    if place.kind == "images":
        layer = place.book.layer("images")
        return [_picture(place.book, place.values.get, place.geometry, layer)]
    layer = place.book.layer("images")
    area = place if place.kind == "regions" else cell_around(place)
    if layer is None or area is None:
        return []
    where = [("cell", area.key)] if area.kind == "cells" and "cell" in layer.fields().names() else None
    if where:
        box = area.geometry.boundingBox().buffered(1e-6) if area.geometry else None
        features = place.book.features("images", where=where, box=box, limit=COUNTED)
    else:
        features = place.book.features_within("images", area.geometry, limit=COUNTED)
    return [_picture(place.book, _getter(feature), feature.geometry(), layer) for feature in features]


def _tiles(place):
    """Tiles are known from the kinds that they were sorted into, with their file and footprint."""
    area = place if place.kind == "regions" else cell_around(place)
    if place.kind == "images" or area is None or area.geometry is None:
        return []
    found = []
    for table in place.book.tables_like("explanations_feature_clusters"):
        layer = place.book.layer(table)
        spot = area.geometry if area.kind == "regions" else area.geometry.centroid()
        for feature in place.book.features_within(table, spot, limit=COUNTED):
            get = _getter(feature)
            if get("path") and get("kind") == "overhead":
                found.append(_picture(place.book, get, feature.geometry(), layer))
    return found


def _picture(book, get, geometry, layer):
    polygon = QgsWkbTypes.geometryType(geometry.wkbType()) == QgsWkbTypes.GeometryType.PolygonGeometry
    captured = get("captured_at")
    captured = captured.toString("yyyy-MM-dd") if hasattr(captured, "toString") else captured
    path = get("path")
    return Picture(
        str(get("image_id") or ""),
        str(get("kind") or ""),
        str(book.beside(path)) if path else "",
        str(get("license") or get("licence") or ""),
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
