"""A step of Processing's batch mode: a row for each run, and what is said and left behind."""

from pathlib import Path

import hands
from qgis.core import Qgis, QgsApplication, QgsProcessingContext, QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface

TROUBLE = "Python warning", "Python error"


def batch(algorithm, rows, layers, name, then="stay"):
    """Run an algorithm once for each row of parameters, and wait for that many layers in all.

    The dialog stays, or is closed while the first row runs; then the project is cleared.
    """
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    said, project = [], QgsProject.instance()
    log = QgsApplication.messageLog()
    log.messageReceived[str, str, Qgis.MessageLevel].connect(
        lambda text, tag, level: said.append(text) if tag in TROUBLE else None
    )
    created = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
    dialog = BatchAlgorithmDialog(created, iface.mainWindow())
    dialog.show()
    panel, context = dialog.mainWidget(), QgsProcessingContext()
    panel.checkLoadLayersOnCompletion.setChecked(True)
    panel.addRow(len(rows) - panel.batchRowCount())
    for number, row in enumerate(rows):
        for parameter, value in row.items():
            column = panel.parameter_to_column[parameter]
            cell = panel.wrappers[number][column]
            if hasattr(cell, "setParameterValue"):
                cell.setParameterValue(value, context)
            else:
                panel.tblParameters.cellWidget(number + 1, column).setValue(value)
    yield hands.wait(0.5)
    dialog.grab().save(str(Path(hands.ORDERS["artefacts"]) / f"{name}_rows.png"))
    button = dialog.cancelButton()
    QTest.mouseClick(dialog.runButton(), Qt.MouseButton.LeftButton)
    if then == "close":
        dialog.close()
        yield lambda: len(project.mapLayers()) == layers
    else:
        yield lambda: len(project.mapLayers()) == layers and not button.isEnabled()
    yield hands.wait(1)
    yield hands.drawn
    hands.VERDICT[name] = {
        "said": said,
        "messages": hands.messages(),
        "tree": hands.tree(project.layerTreeRoot()),
    }
    if then == "stay":
        dialog.grab().save(str(Path(hands.ORDERS["artefacts"]) / f"{name}_ended.png"))
    hands.grab(name)
    project.clear()
    yield hands.wait(0.5)
    yield hands.drawn
    if then == "stay":
        dialog.close()
    yield hands.wait(0.5)
