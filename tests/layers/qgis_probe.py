"""Opens every layer of a GeoPackage in a QGIS without plugins and reports what it sees.

It is run by QGIS's own Python.

Usage: python3 qgis_probe.py FILE.gpkg FOLDER; writes FOLDER/verdict.json and one PNG per layer and style.
"""

import json
import sys
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtXml import QDomDocument


def picture(layer, target):
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(QSize(600, 600))
    settings.setOutputDpi(96)
    settings.setBackgroundColor(QColor(255, 0, 255))
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent().buffered(layer.extent().width() * 0.02 + 1e-6))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(str(target))
    return [error.message for error in job.errors()]


def tip(layer):
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(next(layer.getFeatures()))
    return QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)


def styles(layer, folder):
    """Every style of the layer by name: what it makes of the renderer, and what goes wrong."""
    count, ids, names, _, _ = layer.listStylesInDatabase()
    seen = {}
    for number, name in list(zip(ids, names))[:count]:
        qml, error = layer.getStyleFromDatabase(number)
        document = QDomDocument()
        document.setContent(qml)
        fine, message = layer.importNamedStyle(document)  # loadNamedStyle would take the default instead
        safe = "".join(c if c.isalnum() else "_" for c in name)
        seen[name] = {
            "fine": fine,
            "message": message,
            "error": error,
            "type": layer.renderer().type(),
            "labels": [item.label() for item in layer.renderer().legendSymbolItems()],
            "render_errors": picture(layer, folder / f"{layer.name()}-{safe}.png"),
        }
    return seen


def main():
    source, folder = sys.argv[1], Path(sys.argv[2])
    application = QgsApplication([], False)
    application.initQgis()
    log = []
    QgsApplication.messageLog().messageReceived.connect(
        lambda text, tag, level: log.append([tag, text]) if int(level) > 0 else None
    )
    verdict = {"version": Qgis.QGIS_VERSION_INT, "layers": {}}
    for name in sys.argv[3:]:
        layer = QgsVectorLayer(f"{source}|layername={name}", name, "ogr")
        renderer = layer.renderer()
        verdict["layers"][name] = {
            "valid": layer.isValid(),
            "count": layer.featureCount(),
            "type": renderer.type() if renderer else None,
            "classes": len(renderer.ranges()) if renderer and renderer.type() == "graduatedSymbol" else None,
            "title": layer.metadata().title(),
            "abstract": layer.metadata().abstract(),
            "errors": layer.error().message(),
            "tip": tip(layer) if renderer else None,
            "styles": styles(layer, folder) if renderer else {},
        }
        del layer, renderer
    verdict["log"] = log
    (folder / "verdict.json").write_text(json.dumps(verdict, default=str), encoding="utf-8")
    application.exitQgis()


main()
