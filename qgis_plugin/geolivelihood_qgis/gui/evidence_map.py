"""What the evidence panel does on the map: a mark, a zoom, wedges of some photos, maps of evidence."""

from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsRubberBand
from qgis.PyQt.QtGui import QColor

from ..compat import tr
from ..evidence.book import PASSING, is_file, literal, quoted, results_of

VIEWS = "explanations_views"
NARROWEST_M = 150


class EvidenceMap:
    """Acts on one canvas, and takes back what it did."""

    def __init__(self, canvas):
        self.canvas = canvas
        self.wedges = None
        self._band = None

    def mark(self, place):
        """Draw a line around a place."""
        self.unmark()
        if place.geometry is None:
            return
        self._band = QgsRubberBand(self.canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        if place.geometry.type() == QgsWkbTypes.GeometryType.PointGeometry:
            self._band.reset(QgsWkbTypes.GeometryType.PointGeometry)
            self._band.setIconSize(16)
            self._band.setIcon(QgsRubberBand.IconType.ICON_CIRCLE)
        self._band.setStrokeColor(QColor("#ff4fd8"))
        self._band.setFillColor(QColor(0, 0, 0, 0))
        self._band.setWidth(3)
        self._band.addGeometry(place.geometry, place.crs)

    def unmark(self):
        if self._band is not None:
            self.canvas.scene().removeItem(self._band)
            self._band = None

    def zoom(self, geometry, crs):
        """Bring a geometry, or a rectangle, into view."""
        box = geometry if isinstance(geometry, QgsRectangle) else geometry.boundingBox()
        settings = self.canvas.mapSettings()
        transform = QgsCoordinateTransform(crs, settings.destinationCrs(), QgsProject.instance())
        try:
            box = transform.transformBoundingBox(box)
        except QgsCsException:
            return
        narrow = NARROWEST_M / (111_000 if settings.destinationCrs().isGeographic() else 1)
        if max(box.width(), box.height()) < narrow:
            box = box.buffered(narrow / 2)
        box.scale(1.2)
        self.canvas.setExtent(box)
        self.canvas.refresh()

    def show_wedges(self, place, image_ids):
        """Add a layer with the wedges of these photos only, and zoom to it; return a problem in words.

        A layer of its own, for QGIS 3.22 turns the whole file over when an open layer is filtered: other
        layers of it then fail to read.
        """
        self.hide_wedges()
        path = str(place.book.path)
        named = ", ".join(literal(name) for name in image_ids)
        source = f"{path}|layername={VIEWS}|subset={quoted('image_id')} IN ({named})"
        layer = QgsVectorLayer(source, tr("Wedges: {}").format(place.title), "ogr")
        if not layer.isValid():
            return tr("The layer of wedges cannot be opened.")
        if layer.featureCount() == 0:
            return tr("There are no wedges of these photos: they may have no heading.")
        layer.loadDefaultStyle()
        layer.setScaleBasedVisibility(False)
        layer.setCustomProperty(PASSING, True)
        _insert(layer, path)
        _make_visible(layer)
        self.wedges = layer.id()
        self.zoom(layer.extent(), layer.crs())
        return ""

    def hide_wedges(self):
        """Take the wedges off the map again."""
        shown, self.wedges = self.wedges, None
        if shown and QgsProject.instance().mapLayer(shown):
            QgsProject.instance().removeMapLayer(shown)
            self.canvas.refresh()

    def show_rasters(self, rasters, path):
        """Put maps of evidence on the map; return their layers, and those that are missing."""
        shown, missing = [], []
        for raster in rasters:
            layer = _loaded_raster(raster.path)
            if layer is None and is_file(raster.path):
                title = tr("Map of evidence: {}").format(raster.title)
                layer = QgsRasterLayer(raster.path, title, "gdal")
                layer = _insert(layer, path) if layer.isValid() else None
            if layer is None:
                missing.append(raster)
            else:
                _make_visible(layer)
                shown.append(layer)
        return shown, missing


def _insert(layer, path):
    """Add a layer above the polygons of the result that it belongs to."""
    project = QgsProject.instance()
    tables = results_of(project.mapLayers().values()).get(path, {})
    below = next((tables[name] for name in ("cells", "regions") if name in tables), None)
    node = project.layerTreeRoot().findLayer(below.id()) if below else None
    project.addMapLayer(layer, node is None)
    if node is not None:
        node.parent().insertLayer(node.parent().children().index(node), layer)
    return layer


def _loaded_raster(path):
    wanted = Path(path).resolve()
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal":
            source = Path(layer.source().split("|")[0])
            if source.resolve() == wanted:
                return layer
    return None


def _make_visible(layer):
    node = QgsProject.instance().layerTreeRoot().findLayer(layer.id())
    if node is not None:
        node.setItemVisibilityCheckedParentRecursive(True)
