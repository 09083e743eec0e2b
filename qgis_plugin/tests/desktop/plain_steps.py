"""Steps of a QGIS that has no plugin of ours: results are opened as any file is."""

import hands
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsProject,
    QgsProviderRegistry,
)
from qgis.utils import iface, plugins

# What 3.40 says in every fresh profile of a system without that font.
QGIS_SAYS = ("Open Sans font installation failed",)
GRAVE = (Qgis.MessageLevel.Warning, Qgis.MessageLevel.Critical)


def plain(path, name):
    """Add all layers of a file, one after the other, and look at what each came with."""
    warned = []
    log = QgsApplication.messageLog()
    log.messageReceived[str, str, Qgis.MessageLevel].connect(
        lambda text, tag, level: warned.append(f"{tag}: {text}") if level in GRAVE else None
    )
    QgsProject.instance().clear()
    registry = QgsProviderRegistry.instance()
    tables = [found.name() for found in registry.querySublayers(str(path))]
    # What comes later lies on top.
    for table in sorted(tables, key=lambda table: ("regions", "cells", table).index(table)):
        iface.addVectorLayer(f"{path}|layername={table}", table, "ogr")
    yield hands.wait(1)
    yield hands.drawn
    layers = QgsProject.instance().mapLayers().values()
    hands.VERDICT[name] = {
        "ours": "geolivelihood_qgis" in plugins,
        "layers": {layer.name(): look(layer) for layer in layers},
        "colours": hands.colours(),
        "warnings": warned + [text for text in hands.messages() if text not in QGIS_SAYS],
    }
    cells = QgsProject.instance().mapLayersByName("cells")[0]
    iface.setActiveLayer(cells)
    yield hands.wait(0.5)
    yield hands.drawn
    hands.grab(name)


def look(layer):
    """What QGIS shows of a layer without being asked: style, tip of its first feature, metadata."""
    metadata = layer.metadata()
    own, _, styles, _, _ = layer.listStylesInDatabase()
    return {
        "renderer": layer.renderer().type() if layer.renderer() else "",
        "styles": styles[:own],
        "tip": tip(layer),
        "title": metadata.title(),
        "abstract": metadata.abstract(),
    }


def tip(layer):
    """What hovering over the first feature shows, with every expression in it evaluated."""
    feature = next(layer.getFeatures(), None)
    if feature is None or not layer.mapTipTemplate():
        return ""
    scopes = QgsExpressionContextUtils.globalProjectLayerScopes(layer)
    context = QgsExpressionContext(scopes)
    context.setFeature(feature)
    return QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
