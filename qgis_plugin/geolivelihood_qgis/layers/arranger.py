"""Puts the layers of one result into a group of their own: styled, in order, and in view."""

import uuid
from pathlib import Path

from qgis import utils
from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingLayerPostProcessorInterface,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from ..compat import tr

WAITING = []
"""Arrangers at work: nobody holds the Python half of a post-processor, and its algorithm may be gone."""

_RUN = "geolivelihood/run"
_ORDER = "geolivelihood/order"


class Arranger:
    """Where the layers of one results file go; knows when the last one has come."""

    def __init__(self, path, layers):
        self.title = tr("Results: {}").format(Path(path).stem)
        self.run = uuid.uuid4().hex
        self.waiting = len(layers)
        self.extent = QgsRectangle()
        self.processors = [PostProcessor(self, described) for described in layers]
        WAITING.append(self)

    def arrange(self, layer, described, project):
        """Style a layer, move it to its place, and zoom to all of them after the last."""
        layer.setName(described.title)
        layer.loadDefaultStyle()
        _activate_time(layer)
        self._place(layer, described, project)
        self._include(layer, described)
        self.waiting -= 1
        if self.waiting == 0:
            self._zoom()
            WAITING.remove(self)

    def _place(self, layer, described, project):
        root = project.layerTreeRoot()
        group = self._group(root)
        if described.group:
            group = group.findGroup(described.group) or _insert(group, described.group, described.order)
        old = root.findLayer(layer.id())
        node = group.insertLayer(_position(group, described.order), layer)
        node.setCustomProperty(_ORDER, described.order)
        node.setItemVisibilityChecked(described.visible)
        node.setExpanded(described.visible)
        if described.visible and layer.isSpatial():
            group.setExpanded(True)
        if old:
            old.parent().removeChildNode(old)

    def _group(self, root):
        for node in root.children():
            if node.customProperty(_RUN) == self.run:
                return node
        group = root.insertGroup(0, self.title)
        group.setCustomProperty(_RUN, self.run)
        return group

    def _include(self, layer, described):
        if not described.visible or not layer.isSpatial() or not utils.iface:
            return
        target = utils.iface.mapCanvas().mapSettings().destinationCrs()
        transform = QgsCoordinateTransform(layer.crs(), target, QgsProject.instance())
        try:
            self.extent.combineExtentWith(transform.transformBoundingBox(layer.extent()))
        except QgsCsException:  # the layer lies outside the map's CRS
            return

    def _zoom(self):
        if utils.iface and not self.extent.isEmpty():
            self.extent.scale(1.05)
            utils.iface.mapCanvas().setExtent(self.extent)
            utils.iface.mapCanvas().refresh()


class PostProcessor(QgsProcessingLayerPostProcessorInterface):
    """Arranges one layer on the main thread. The context deletes it, so that each layer has its own."""

    def __init__(self, arranger, described):
        super().__init__()
        self.arranger = arranger
        self.described = described

    def postProcessLayer(self, layer, context, feedback):
        self.arranger.arrange(layer, self.described, context.project() or QgsProject.instance())


def load_on_completion(path, layers, context, rasters=()):
    """Open the layers of a results file and hand them to Processing; return their sources, in order.

    ``rasters`` are pairs of a file beside it and how that is called; a style beside a raster is its own.
    May run on any thread: the project is only touched by the post-processor, on the main one.
    """
    opened = [
        _opened(QgsVectorLayer(f"{path}|layername={one.name}", one.title, "ogr"), one, path) for one in layers
    ]
    opened += [_opened(QgsRasterLayer(file, one.title), one, file) for file, one in rasters]
    layers = [*layers, *(one for _, one in rasters)]
    sources = [layer.source() for layer in opened]
    if context.project() is None:
        return sources
    arranger = Arranger(path, layers)
    for layer, described, processor in zip(opened, layers, arranger.processors):
        details = QgsProcessingContext.LayerDetails(described.title, context.project(), described.name)
        details.setPostProcessor(processor)
        context.temporaryLayerStore().addMapLayer(layer)
        context.addLayerToLoadOnCompletion(layer.id(), details)
    return sources


def load_table(path, title, context):
    """Hand a table to Processing; return its source. May run on any thread."""
    layer = QgsVectorLayer(str(path), title, "ogr")
    if not layer.isValid():
        raise QgsProcessingException(tr("{} cannot be opened as a table.").format(path))
    source = layer.source()
    if context.project() is not None:
        context.temporaryLayerStore().addMapLayer(layer)
        details = QgsProcessingContext.LayerDetails(title, context.project(), title)
        context.addLayerToLoadOnCompletion(layer.id(), details)
    return source


def _opened(layer, described, path):
    if not layer.isValid():
        raise QgsProcessingException(tr("Layer {} of {} cannot be opened.").format(described.name, path))
    return layer


def _insert(parent, title, order):
    group = parent.insertGroup(_position(parent, order), title)
    group.setCustomProperty(_ORDER, order)
    group.setExpanded(False)
    group.setItemVisibilityChecked(True)
    return group


def _position(group, order):
    """Behind the last sibling that belongs above: those of smaller or equal order."""
    above = [
        index for index, node in enumerate(group.children()) if float(node.customProperty(_ORDER, 0)) <= order
    ]
    return above[-1] + 1 if above else 0


def _activate_time(layer):
    """A style brings the temporal fields, but not that they are used."""
    properties = layer.temporalProperties()
    if isinstance(layer, QgsVectorLayer) and properties is not None and properties.startField():
        properties.setIsActive(True)
