"""Steps of the toolbar: print the result that is seen, and explain a model in the dialog of Processing."""

from pathlib import Path

import hands
from qgis.core import (
    QgsApplication,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
)
from qgis.gui import QgsProcessingAlgorithmDialogBase
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface


def print_result(path, name):
    """Click "Print result", choose a file, and look at the PDF as a picture."""
    hands.click("glqActionPrint")
    yield hands.file_dialog
    hands.choose(path)
    yield lambda: iface.messageBar().items()
    yield hands.drawn
    hands.VERDICT[name] = {
        "messages": hands.messages(),
        "layouts": [layout.name() for layout in QgsProject.instance().layoutManager().layouts()],
        "colours": picture(path, name) if Path(path).exists() else 0,
    }
    iface.messageBar().clearWidgets()


def picture(path, name):
    """Keep the first page of a PDF as a picture; how many colours it has."""
    page = QgsRasterLayer(str(path), "page")
    settings = QgsMapSettings()
    settings.setLayers([page])
    settings.setOutputSize(QSize(1240, 877))
    settings.setDestinationCrs(page.crs())
    settings.setExtent(page.extent())
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(Path(hands.ORDERS["artefacts"]) / f"{name}.png"))
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})


def processing_dialog():
    """The dialog of an algorithm that is open."""
    windows = QgsApplication.topLevelWidgets()
    return next(
        (w for w in windows if isinstance(w, QgsProcessingAlgorithmDialogBase) and w.isVisible()), None
    )


def explain(parameters, name):
    """Click "Explain a model" on the cells, fill the dialog, run it to the end, and look at what came."""
    project = QgsProject.instance()
    iface.setActiveLayer(project.mapLayersByName("Cells")[0])
    before = set(project.mapLayers())
    hands.click("glqActionExplain")
    yield processing_dialog
    dialog = processing_dialog()
    filled = dialog.mainWidget().wrappers["RESULT"].parameterValue()
    dialog.setParameters({"RESULT": filled} | parameters)
    yield hands.wait(0.5)
    dialog.grab().save(str(Path(hands.ORDERS["artefacts"]) / f"{name}_dialog.png"))
    QTest.mouseClick(dialog.runButton(), Qt.MouseButton.LeftButton)
    yield lambda: set(project.mapLayers()) - before or dialog.runButton().isEnabled()
    yield hands.wait(1)
    yield hands.drawn
    new = [layer for key, layer in project.mapLayers().items() if key not in before]
    hands.VERDICT[name] = {
        "result": filled,
        "layers": {layer.name(): layer.isValid() for layer in new},
        "groups": [group.name() for group in project.layerTreeRoot().children()],
    }
    dialog.close()
    yield hands.wait(1)
    yield hands.drawn
    hands.grab(name)
