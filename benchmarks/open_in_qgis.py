"""Open a result as the plugin does and time each step; runs inside QGIS's Python, see ``plugin_speed.py``.

load      the algorithm "Load results": reads what is in the file and opens its layers
style     the layers take their styles, their groups and their places in the project
classify  QGIS sorts the first indicator into eight classes of equal numbers, as its button "Classify" does
draw      the map of all cells, 1600 x 1000 pixels, every cell drawn
"""

import json
import sys
import time
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsClassificationQuantile,
    QgsGraduatedSymbolRenderer,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProcessingContext,
    QgsProcessingUtils,
    QgsProject,
)
from qgis.PyQt.QtCore import QT_VERSION_STR, QSize
from qgis.PyQt.QtGui import QColor

SIZE = QSize(1600, 1000)
PLUGIN = Path(__file__).resolve().parents[1] / "qgis_plugin"


def load(path, context):
    """Run "Load results"; the layers wait in the context."""
    from geolivelihood_qgis.gui.tasks import Feedback

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geolivelihood:load_results")
    _, successful = algorithm.run({"INPUT": path}, context, feedback := Feedback())
    if not successful:
        raise SystemExit(f"nothing was loaded: {feedback.last_error}")
    return feedback


def style(context, feedback):
    """Put the layers into the project, as Processing does on the main thread."""
    for source, details in context.layersToLoadOnCompletion().items():
        layer = QgsProcessingUtils.mapLayerFromString(source, context)
        details.project.addMapLayer(context.temporaryLayerStore().takeMapLayer(layer))
        details.postProcessor().postProcessLayer(layer, context, feedback)


def classify(layer):
    """Eight classes of equal numbers."""
    renderer = QgsGraduatedSymbolRenderer("wealth")
    renderer.setClassificationMethod(QgsClassificationQuantile())
    renderer.updateClasses(layer, 8)
    if len(renderer.ranges()) != 8:
        raise SystemExit(f"{len(renderer.ranges())} classes")


def draw(layer):
    """Draw the whole layer in its own style, and see that something is there."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(SIZE)
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    settings.setBackgroundColor(QColor("white"))
    settings.setFlag(QgsMapSettings.Flag.UseRenderingOptimization, True)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    seen = {image.pixel(x, y) for x in range(0, 1600, 7) for y in range(0, 1000, 7)}
    if len(seen) < 9 or job.errors():
        raise SystemExit(f"{len(seen)} colours; {[error.message for error in job.errors()]}")


def timed(step, *arguments):
    """Seconds that a step takes, and what it returns."""
    start = time.perf_counter()
    made = step(*arguments)
    return time.perf_counter() - start, made


def main(path):
    """All steps, told as one line of JSON."""
    sys.path.insert(0, str(PLUGIN))
    application = QgsApplication([], False)
    application.initQgis()
    from geolivelihood_qgis import classFactory

    plugin = classFactory(None)
    plugin.initProcessing()
    project, context = QgsProject.instance(), QgsProcessingContext()
    context.setProject(project)
    seconds = {}
    seconds["load"], feedback = timed(load, path, context)
    seconds["style"], _ = timed(style, context, feedback)
    (layer,) = project.mapLayers().values()
    seconds["classify"], _ = timed(classify, layer)
    seconds["draw"], _ = timed(draw, layer)
    told = {"qgis": Qgis.QGIS_VERSION, "qt": QT_VERSION_STR, "cells": layer.featureCount()}
    print(json.dumps(told | {"pixels": [SIZE.width(), SIZE.height()]} | seconds), flush=True)
    plugin.unload() if plugin.iface else QgsApplication.processingRegistry().removeProvider(plugin.provider)
    del layer, context
    project.clear()
    application.exitQgis()


if __name__ == "__main__":
    main(sys.argv[1])
