"""What every step in the driven desktop needs: its orders, its verdict, a mouse and a camera."""

import json
import os
import time
from pathlib import Path

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QFileDialog, QLineEdit, QToolBar
from qgis.utils import iface

ORDERS = json.loads(Path(os.environ["GLQ_ORDERS"]).read_text(encoding="utf-8"))
VERDICT = {"version": Qgis.QGIS_VERSION, "errors": [], "ticks": 0}


def wait(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def drawn():
    return not iface.mapCanvas().isDrawing() and not QgsApplication.taskManager().countActiveTasks()


def grab(name):
    iface.mainWindow().grab().save(str(Path(ORDERS["artefacts"]) / f"{name}.png"))


def click(action_name):
    """Click the button of an action in our toolbar, later: its dialog has an event loop of its own."""
    toolbar = iface.mainWindow().findChild(QToolBar, "glqToolbar")
    button = toolbar.widgetForAction(iface.mainWindow().findChild(QAction, action_name))
    QTimer.singleShot(0, lambda: QTest.mouseClick(button, Qt.MouseButton.LeftButton))


def file_dialog():
    return next(
        (w for w in QgsApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible()), None
    )


def choose(path):
    dialog = file_dialog()
    dialog.findChild(QLineEdit, "fileNameEdit").setText(str(path))
    QTimer.singleShot(0, dialog.accept)


def messages():
    return [item.text() for item in iface.messageBar().items()]


def colours(canvas=None):
    """How many different colours a map shows; by default the main one."""
    image = (canvas or iface.mapCanvas()).grab().toImage()
    return len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})


def tree(group):
    return [
        {
            "name": node.name(),
            "visible": node.isVisible(),
            **(
                {"children": tree(node)}
                if hasattr(node, "findGroup")
                else {"renderer": renderer(node.layer()), "features": features(node.layer())}
            ),
        }
        for node in group.children()
    ]


def features(layer):
    return layer.featureCount() if hasattr(layer, "featureCount") else None


def renderer(layer):
    return layer.renderer().type() if layer.renderer() else ""
