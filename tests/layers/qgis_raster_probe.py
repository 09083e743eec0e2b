"""Opens a raster in a QGIS without plugins, with whatever style lies beside it, and reports what it sees.

It is run by QGIS's own Python.

Usage: python3 qgis_raster_probe.py FILE.tif FOLDER; writes FOLDER/verdict.json and FOLDER/raster.png, a pixel
of the raster to a pixel of the picture, over black.
"""

import json
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsColorRampShader,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsRasterLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def picture(layer, target):
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(QSize(layer.width(), layer.height()))
    settings.setBackgroundColor(QColor(0, 0, 0))
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(str(target))


def main():
    source, folder = sys.argv[1], Path(sys.argv[2])
    application = QgsApplication([], False)
    application.initQgis()
    log = []
    QgsApplication.messageLog().messageReceived.connect(
        lambda text, tag, level: log.append([tag, text]) if int(level) > 0 else None
    )
    layer = QgsRasterLayer(source, "raster")
    renderer = layer.renderer()
    shader = renderer.shader().rasterShaderFunction()
    verdict = {
        "valid": layer.isValid(),
        "type": renderer.type(),
        "opacity": renderer.opacity(),
        "range": [renderer.classificationMin(), renderer.classificationMax()],
        "clip": shader.clip(),
        "interpolated": shader.colorRampType() == QgsColorRampShader.Interpolated,
        "stops": [[item.value, item.color.name(), item.label] for item in shader.colorRampItemList()],
        "resampler": layer.resampleFilter().zoomedInResampler().type(),
    }
    picture(layer, folder / "raster.png")
    verdict["log"] = log
    (folder / "verdict.json").write_text(json.dumps(verdict), encoding="utf-8")
    del layer, renderer, shader
    application.exitQgis()


main()
