"""A results file opened for reading, apart from the layers that the project shows.

The panel reads through layers of its own, so that a filter or a style that somebody set on the map changes
nothing in the evidence, and evidence is found whether its layer is on the map or was taken off it.
"""

import contextlib
import re
import sqlite3
from pathlib import Path

from qgis.core import QgsFeatureRequest, QgsGeometry, QgsMapLayerType, QgsProviderRegistry, QgsVectorLayer

from ..layers.results import read_provenance

PASSING = "geolivelihood/passing"
"""A property of the layers that the panel adds for a while: they are no part of the result."""

SCAN = 5000
"""At most so many features are looked at for one question: a click must never wait for a whole country."""


class Book:
    """One results file; ``tables`` are the names of its layers."""

    def __init__(self, path):
        self.path = Path(path)
        self.tables, self.provenance = [], {}
        self._layers = {}
        with contextlib.suppress(sqlite3.DatabaseError):
            uri = self.path.resolve().as_uri() + "?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as base:
                query = "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes')"
                self.tables = [row[0] for row in base.execute(query)]
                self.provenance = read_provenance(base)

    def layer(self, table):
        """The layer of that name, or ``None``."""
        if table not in self.tables:
            return None
        if table not in self._layers:
            self._layers[table] = QgsVectorLayer(f"{self.path}|layername={table}", table, "ogr")
        layer = self._layers[table]
        return layer if layer.isValid() else None

    def tables_like(self, stem):
        """Tables of that name, or that begin with it and an underscore."""
        return [table for table in self.tables if table == stem or table.startswith(stem + "_")]

    def features(self, table, *, where=(), box=None, limit=SCAN):
        """Features whose columns equal ``where`` (pairs) inside ``box``; none where a column is missing.

        The box goes to the spatial index: a file has no index over names, and may hold 200,000 cells.
        """
        layer = self.layer(table)
        if layer is None:
            return
        names = layer.fields().names()
        if any(column not in names for column, _ in where):
            return
        request = QgsFeatureRequest().setLimit(limit)
        if box is not None and layer.isSpatial():
            request.setFilterRect(box)
        if where:
            request.setFilterExpression(" AND ".join(f"{quoted(c)} = {literal(v)}" for c, v in where))
        yield from layer.getFeatures(request)

    def features_within(self, table, geometry, limit=SCAN):
        """Features that touch a geometry."""
        if geometry is not None and not geometry.isEmpty():
            box = geometry.boundingBox().buffered(1e-9)
            yield from touching(self.features(table, box=box, limit=limit), geometry)

    def label(self, indicator):
        """What an indicator is called, and its unit: ``("Wealth index", "standard deviations")``."""
        labels = (self._configuration("output") or {}).get("labels") or {}
        text = str(labels.get(indicator) or indicator.replace("_", " ").capitalize())
        found = re.fullmatch(r"(.*\S)\s*\(([^()]+)\)", text)
        return (found[1], found[2]) if found else (text, "")

    def indicators(self):
        """The indicators that the provenance names, in order."""
        scored = [row.get("indicator") for row in self.rows("scores")]
        labels = (self._configuration("output") or {}).get("labels") or {}
        return list(dict.fromkeys([*filter(None, scored), *labels]))

    def rows(self, key):
        """A list of dictionaries in the provenance, or an empty list."""
        found = self.provenance.get(key)
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []

    def licence(self, source):
        """The licence that the project states for a source of pictures, or an empty text."""
        stated = self._configuration("images")
        for row in stated if isinstance(stated, list) else []:
            if isinstance(row, dict) and row.get("name") == source:
                return str(row.get("licence") or row.get("license") or "")
        return ""

    def map_model(self):
        """The model behind the map."""
        return str(self._configuration("map_model") or "")

    def coverage(self):
        """The share that intervals are meant to hold (0.9), or ``None``."""
        found = (self._configuration("uncertainty") or {}).get("coverage")
        return found if isinstance(found, (int, float)) else None

    def project_file(self):
        """Name of the project file as it stood on the command line."""
        words = str(self.provenance.get("command", "")).split()
        return next((word for word in words if word.endswith((".yaml", ".yml"))), "PROJECT.yaml")

    def explain_command(self, method):
        """The command that makes what is missing."""
        return f"geolivelihood explain {self.project_file()} --method {method}"

    def beside(self, path):
        """A path of the file made absolute: they are relative to the folder of the file."""
        path = Path(str(path))
        return path if path.is_absolute() else self.path.parent / path

    def _configuration(self, key):
        configuration = self.provenance.get("configuration")
        return configuration.get(key) if isinstance(configuration, dict) else None


def results_of(layers):
    """The results files that layers come from: path of the file to names of its tables to layers."""
    found = {}
    for layer in layers:
        if layer is None or layer.type() != QgsMapLayerType.VectorLayer or layer.providerType() != "ogr":
            continue
        if layer.customProperty(PASSING):
            continue
        parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
        path, table = parts.get("path") or "", parts.get("layerName") or ""
        if path.lower().endswith(".gpkg") and _is_ours(table):
            found.setdefault(path, {}).setdefault(table, layer)
    return found


def touching(features, geometry):
    """Those features that touch a geometry."""
    engine = QgsGeometry.createGeometryEngine(geometry.constGet())
    engine.prepareGeometry()
    for feature in features:
        if feature.hasGeometry() and engine.intersects(feature.geometry().constGet()):
            yield feature


def is_file(path):
    """Whether there is a file that can be seen: a folder that is closed to us raises nothing."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def quoted(name):
    """A column in an expression."""
    return '"' + name.replace('"', '""') + '"'


def literal(value):
    """A value in an expression or a filter."""
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def _is_ours(table):
    return table in ("cells", "clusters", "images", "regions", "edges") or table.startswith("explanations")
