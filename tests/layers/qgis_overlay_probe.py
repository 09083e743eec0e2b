"""Lays rasters and vector layers over each other in a QGIS without plugins and reports where each lies.

It is run by QGIS's own Python.

Usage: python3 qgis_overlay_probe.py JOB.json, which has ``crs``, ``extent`` (or null: that of the first
layer), ``size`` in pixels, ``layers`` from the lowest to the highest (``name, path``; vector layers may have
an ``outline`` colour, else they keep their own style, and a filter ``where``), ``pictures`` (file to the
names of the layers in it) and ``verdict``, the file that is written.
"""

import json
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRasterLayer,
    QgsRectangle,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def opened(item):
    if item["path"].split("|")[0].endswith((".tif", ".vrt")):
        return QgsRasterLayer(item["path"], item["name"])
    layer = QgsVectorLayer(item["path"], item["name"], "ogr")
    if "where" in item:
        layer.setSubsetString(item["where"])
    if "outline" in item:
        look = {"style": "no", "outline_color": item["outline"], "outline_width": "0.35"}
        layer.setRenderer(QgsSingleSymbolRenderer(QgsFillSymbol.createSimple(look)))
    return layer


def where(layer):
    box = layer.extent()
    found = {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "extent": [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()],
    }
    if isinstance(layer, QgsRasterLayer):
        found["size"] = [layer.width(), layer.height()]
        found["pixel"] = [layer.rasterUnitsPerPixelX(), layer.rasterUnitsPerPixelY()]
    return found


def picture(layers, job, target):
    settings = QgsMapSettings()
    settings.setLayers(layers[::-1])  # QGIS draws the first on top
    settings.setOutputSize(QSize(*job["size"]))
    settings.setOutputDpi(96)
    settings.setBackgroundColor(QColor(255, 255, 255))
    settings.setDestinationCrs(QgsCoordinateReferenceSystem(job["crs"]))
    settings.setExtent(QgsRectangle(*job["extent"]) if job["extent"] else layers[0].extent())
    rendering = QgsMapRendererParallelJob(settings)
    rendering.start()
    rendering.waitForFinished()
    rendering.renderedImage().save(str(target))
    return [error.message for error in rendering.errors()]


def main():
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    application = QgsApplication([], False)
    application.initQgis()
    log = []
    QgsApplication.messageLog().messageReceived.connect(
        lambda text, tag, level: log.append([tag, text]) if int(level) > 0 else None
    )
    layers = {item["name"]: opened(item) for item in job["layers"]}
    verdict = {"layers": {name: where(layer) for name, layer in layers.items()}, "errors": {}}
    for target, names in job["pictures"].items():
        verdict["errors"][target] = picture([layers[name] for name in names], job, target)
    verdict["log"] = log
    Path(job["verdict"]).write_text(json.dumps(verdict), encoding="utf-8")
    layers.clear()
    application.exitQgis()


main()
