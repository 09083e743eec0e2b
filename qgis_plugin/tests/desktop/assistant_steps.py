"""Steps that go through the assistant: filled page by page, run to the end, cancelled, or taken up again."""

import os
import signal
import time
from pathlib import Path

from hands import ORDERS, VERDICT, choose, colours, drawn, file_dialog, grab, messages, tree, wait
from look import Gaps, Meter, fill, ours, widget
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAction, QLabel, QPushButton, QToolBar, QWidget
from qgis.utils import iface


def assist(pages, name, cancel_at=None, then="cancel"):
    """Open the assistant, fill each page and press "Next"; run to the end, or cancel, or die, at a stage."""
    button = (
        iface.mainWindow()
        .findChild(QToolBar, "glqToolbar")
        .widgetForAction(iface.mainWindow().findChild(QAction, "glqActionAssistant"))
    )
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    yield lambda: widget("glqAssistant") and widget("glqAssistant").isVisible()
    wizard, notices = widget("glqAssistant"), []
    for number, page in enumerate(pages):
        for key, value in page.items():
            if key.endswith("Browse"):
                QTimer.singleShot(0, wizard.findChild(QPushButton, key).click)
                yield file_dialog
                choose(value)
                yield lambda: not file_dialog()
            else:
                fill(wizard.findChild(QWidget, key), value)
        yield wait(0.3)
        notices.append(wizard.currentPage().notice.text())
        wizard.grab().save(str(Path(ORDERS["artefacts"]) / f"{name}_page_{number + 1}.png"))
        last = number == len(pages) - 1
        if last:
            told = {"summary": widget("glqAssistantSummary").toPlainText(), "command": wizard.command()}
            meter, gaps = Meter(), Gaps()
            meter.start()
        press = wizard.findChild(QPushButton, "glqAssistantFinish" if last else "glqAssistantNext")
        QTest.mouseClick(press, Qt.MouseButton.LeftButton)
    yield lambda: widget("glqRunWindow") or ours()
    window = widget("glqRunWindow")
    VERDICT[name] = {"notices": notices, "messages": messages(), **told}
    if window:
        stage, stages = window.findChild(QLabel, "glqRunStage"), []
        yield from watch(stage, stages, cancel_at, name, gaps)
        if cancel_at and then == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if cancel_at:
            began = time.monotonic()
            QTest.mouseClick(window.findChild(QPushButton, "glqRunCancel"), Qt.MouseButton.LeftButton)
            yield ours
            VERDICT[name]["cancelled_after_s"] = time.monotonic() - began
        VERDICT[name]["stages"] = stages
        VERDICT[name]["time"] = window.findChild(QLabel, "glqRunTime").text()
    VERDICT[name] |= {"calls": meter.stop(), "gaps": gaps.stop(), "messages": messages()}
    yield wait(1)
    yield drawn
    VERDICT[name]["tree"] = tree(QgsProject.instance().layerTreeRoot())
    VERDICT[name]["colours"] = colours()
    grab(name)
    if window:
        VERDICT[name]["buttons"] = [b.objectName() for b in window.findChildren(QPushButton)]
        window.grab().save(str(Path(ORDERS["artefacts"]) / f"{name}_ended.png"))
        window.close()
    if not cancel_at:  # its message offers to resume
        iface.messageBar().clearWidgets()
    yield wait(0.3)


def watch(stage, stages, cancel_at, name, gaps):
    """Collect the stages that are shown, until the one to cancel at or the end."""

    def seen():
        if not stages or stages[-1] != stage.text():
            stages.append(stage.text())
            if len(stages) == 6:
                grab(f"{name}_running")
                stage.window().grab().save(str(Path(ORDERS["artefacts"]) / f"{name}_run_window.png"))
                gaps.last = time.monotonic()  # taking pictures is no part of the plugin
        return (cancel_at and cancel_at in stage.text()) or ours()

    yield seen


def resume(name):
    """Press "Resume" in the message bar, and wait for the good end."""
    yield ours
    yield wait(0.5)
    grab(f"{name}_offered")
    offered = messages()
    QTest.mouseClick(iface.messageBar().findChildren(QPushButton, "glqResume")[-1], Qt.MouseButton.LeftButton)
    yield lambda: widget("glqRunWindow") or ours()
    window = widget("glqRunWindow")
    yield ours
    yield wait(1)
    yield drawn
    VERDICT[name] = {
        "offered": offered,
        "messages": messages(),
        "log": window.log.toPlainText() if window else "",
    }
    grab(name)
