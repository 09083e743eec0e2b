"""A step of "Compare indicators": linked maps are opened, moved, closed by hand, and taken back."""

from pathlib import Path

import hands
from look import widget
from qgis.core import QgsProject
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QDockWidget, QPushButton
from qgis.utils import iface, unloadPlugin


def compare(name):
    """Click the action, show two maps side by side, zoom each, close one dock, unload the plugin."""
    told = hands.VERDICT.setdefault(name, {})
    hands.click("glqActionCompare")
    yield lambda: widget("glqCompareDialog") and widget("glqCompareDialog").isVisible()
    yield hands.wait(0.5)
    dialog = widget("glqCompareDialog")
    dialog.grab().save(str(Path(hands.ORDERS["artefacts"]) / f"{name}_dialog.png"))
    button = dialog.findChild(QPushButton, "glqCompareViews")
    QTimer.singleShot(0, lambda: QTest.mouseClick(button, Qt.MouseButton.LeftButton))
    yield lambda: len(iface.mapCanvases()) == 3
    yield hands.wait(1)
    yield rendered
    main = iface.mapCanvas()
    others = sorted((one for one in iface.mapCanvases() if one is not main), key=lambda one: one.theme())
    told["opened"] = state()
    hands.grab(f"{name}_opened")
    for leader, factor, key in ((main, 0.5, "main"), (others[0], 0.7, "view")):
        leader.zoomByFactor(factor)
        yield hands.wait(0.7)
        yield rendered
        told[f"zoomed_{key}"] = state()
    hands.grab(f"{name}_zoomed")
    dock = others[0]
    while not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    dock.close()
    yield lambda: len(iface.mapCanvases()) == 2
    yield hands.wait(0.5)
    told["closed"] = state()
    main.zoomByFactor(1.5)
    yield hands.wait(0.5)
    yield rendered
    told["zoomed_again"] = state()
    told["messages"] = hands.messages()
    unloadPlugin("geolivelihood_qgis")
    yield hands.wait(1)
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    told["unloaded"] = state()
    found = iface.mainWindow().findChildren(QAction) + iface.mainWindow().findChildren(QDockWidget)
    told["left"] = [one.objectName() for one in found if one.objectName().startswith("glq")]
    main.zoomByFactor(0.8)
    yield hands.wait(0.5)
    yield rendered
    hands.grab(f"{name}_unloaded")


def rendered():
    """No map draws any more."""
    return not any(canvas.isDrawing() for canvas in iface.mapCanvases())


def state():
    """What each map shows, and what the project keeps for it."""
    layers = QgsProject.instance().mapLayers().values()
    return {
        "maps": [
            {
                "theme": canvas.theme(),
                "middle": [canvas.center().x(), canvas.center().y()],
                "scale": canvas.mapUnitsPerPixel(),
                "size": [canvas.width(), canvas.height()],
                "colours": hands.colours(canvas),
            }
            for canvas in iface.mapCanvases()
        ],
        "themes": list(QgsProject.instance().mapThemeCollection().mapThemes()),
        "styles": sorted({style for layer in layers for style in layer.styleManager().styles()}),
    }
