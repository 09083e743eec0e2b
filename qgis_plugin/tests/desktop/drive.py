"""Drives the real QGIS desktop from within: ``qgis.bin --code drive.py``.

Reads its orders from the JSON file that GLQ_ORDERS names, writes the verdict as JSON to the path in it, and
closes QGIS. Whatever fails is written into the verdict, for QGIS always ends with code 0.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

from qgis.core import QgsApplication, QgsCoordinateTransform, QgsProject, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication, QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QDockWidget, QPushButton, QToolBar
from qgis.utils import iface, plugins, reloadPlugin, unloadPlugin

# QGIS runs this text as its own: the folder of the other steps is told, too.
sys.path.insert(0, json.loads(Path(os.environ["GLQ_ORDERS"]).read_text(encoding="utf-8"))["here"])
import assistant_steps
import batch_steps
import compare_steps
import plain_steps
import toolbar_steps
from hands import ORDERS, VERDICT, choose, click, colours, drawn, file_dialog, grab, messages, tree, wait

STEP_S = 300
NAME = "geolivelihood_qgis"


def prepare():
    window = iface.mainWindow()
    window.resize(1600, 1000)
    window.move(0, 0)
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() == "Layers")
    yield wait(1)


def load(path, name):
    """Click "Load results", choose a file, look at what comes."""
    QgsProject.instance().clear()
    yield wait(0.2)
    click("glqActionLoad")
    yield file_dialog
    choose(path)
    yield lambda: iface.messageBar().items() and len(QgsProject.instance().mapLayers()) > 0
    yield wait(1)
    yield drawn
    VERDICT[name] = {
        "messages": messages(),
        "tree": tree(QgsProject.instance().layerTreeRoot()),
        "colours": colours(),
        "extent": iface.mapCanvas().extent().toString(4),
        "crs": iface.mapCanvas().mapSettings().destinationCrs().authid(),
    }
    iface.messageBar().clearWidgets()
    yield wait(0.5)
    yield drawn
    grab(name)


def export(path, layer_names):
    """Select layers, click "Export", choose a file."""
    root, view = QgsProject.instance().layerTreeRoot(), iface.layerTreeView()
    nodes = [node for node in root.findLayers() if node.name() in layer_names]
    selection = view.selectionModel()
    selection.clearSelection()
    for node in nodes:
        index = view.node2index(node)
        view.setCurrentIndex(index) if node is nodes[0] else None
        selection.select(index, selection.SelectionFlag.Select | selection.SelectionFlag.Rows)
    yield wait(0.2)
    click("glqActionExport")
    yield file_dialog
    choose(path)
    yield lambda: iface.messageBar().items()
    VERDICT["export"] = {"messages": messages(), "exists": Path(path).exists()}
    grab("desktop_export")


def evidence(layer_name, attribute, key, name, presses=()):
    """Take the evidence tool, click the middle of a feature on the map, press buttons, look at the panel."""
    layer = QgsProject.instance().mapLayersByName(layer_name)[0]
    wanted = next(f for f in layer.getFeatures() if f[attribute] == key)
    canvas, action = iface.mapCanvas(), iface.mainWindow().findChild(QAction, "glqActionEvidence")
    if not action.isChecked():
        click("glqActionEvidence")
        yield action.isChecked
        yield wait(0.5)
    to_map = QgsCoordinateTransform(layer.crs(), canvas.mapSettings().destinationCrs(), QgsProject.instance())
    middle = to_map.transform(wanted.geometry().centroid().asPoint())
    pixel = canvas.getCoordinateTransform().transform(middle)
    viewport, spot = canvas.viewport(), QPoint(round(pixel.x()), round(pixel.y()))
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)
    yield wait(0.5)
    yield drawn
    dock = iface.mainWindow().findChild(QDockWidget, "glqEvidenceDock")
    for press in presses:
        QTest.mouseClick(dock.findChild(QPushButton, press), Qt.MouseButton.LeftButton)
        yield wait(1)
        yield drawn
    VERDICT[name] = {
        "text": dock.text(),
        "visible": dock.isVisible(),
        "messages": messages(),
        "pictures": dock.pictures.count(),
        "layers": [other.name() for other in QgsProject.instance().mapLayers().values()],
    }
    yield wait(0.5)
    grab(name)


def install(package):
    """Install the ZIP, reload and unload the plugin."""
    import pyplugin_installer

    pyplugin_installer.instance().installFromZipFile(package)
    yield wait(1)
    VERDICT["installed"] = NAME in plugins
    reloadPlugin(NAME)
    yield wait(1)
    QCoreApplication.sendPostedEvents(None, 52)  # deferred deletes
    window = iface.mainWindow()
    VERDICT["toolbars"] = len(window.findChildren(QToolBar, "glqToolbar"))
    VERDICT["actions"] = len(window.findChildren(QAction, "glqActionLoad"))
    unloadPlugin(NAME)
    yield wait(1)
    QCoreApplication.sendPostedEvents(None, 52)
    VERDICT["left"] = [
        w.objectName() for w in window.findChildren(QAction) if w.objectName().startswith("glq")
    ]
    VERDICT["left"] += [
        w.objectName() for w in window.findChildren(QToolBar) if w.objectName() == "glqToolbar"
    ]
    docks = window.findChildren(QDockWidget)
    VERDICT["left"] += [dock.objectName() for dock in docks if dock.objectName().startswith("glq")]
    VERDICT["provider"] = QgsApplication.processingRegistry().providerById("geolivelihood") is not None


STEPS = {
    "assist": assistant_steps.assist,
    "resume": assistant_steps.resume,
    "batch": batch_steps.batch,
    "compare": compare_steps.compare,
    "load": load,
    "export": export,
    "install": install,
    "evidence": evidence,
    "plain": plain_steps.plain,
    "print": toolbar_steps.print_result,
    "explain": toolbar_steps.explain,
}


def story():
    yield from prepare()
    for order in ORDERS["steps"]:
        yield from STEPS[order[0]](*order[1:])


class Driver:
    """Goes through the story; a step waits until what it yielded is true."""

    def __init__(self):
        self.story = story()
        self.condition = lambda: True
        self.deadline = time.monotonic() + STEP_S
        self.timer = QTimer()
        self.timer.timeout.connect(self.tick)
        self.timer.start(50)

    def tick(self):
        VERDICT["ticks"] += 1
        try:
            if time.monotonic() > self.deadline:
                grab("desktop_stuck")
                windows = [w for w in QgsApplication.topLevelWidgets() if w.isVisible()]
                told = [(type(w).__name__, w.windowTitle()) for w in windows]
                raise TimeoutError(f"stuck at {self.place()}; messages: {messages()}; windows: {told}")
            if self.condition():
                self.condition = next(self.story)
                self.deadline = time.monotonic() + STEP_S
        except StopIteration:
            self.finish()
        except Exception:
            VERDICT["errors"].append(traceback.format_exc())
            self.finish()

    def place(self):
        """The line of the step that waits."""
        step = self.story
        while step.gi_yieldfrom is not None:
            step = step.gi_yieldfrom
        return step.gi_code.co_name, step.gi_frame.f_lineno

    def finish(self):
        self.timer.stop()
        Path(ORDERS["verdict"]).write_text(json.dumps(VERDICT, indent=1), encoding="utf-8")
        dialog = file_dialog()
        if dialog:
            dialog.reject()
        QTimer.singleShot(300, leave)


def leave():
    QgsProject.instance().clear()
    QgsProject.instance().setDirty(False)
    iface.actionExit().trigger()


def begin():
    QgsSettings().setValue("qgis/askToSaveProjectChanges", False)
    global driver
    driver = Driver()


driver = None
iface.initializationCompleted.connect(lambda: QTimer.singleShot(300, begin))
