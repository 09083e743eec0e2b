"""Finds widgets of the desktop, and measures how long calls from Qt into the plugin take.

Only the outermost frame of the plugin counts: its own time and what it calls, QGIS included. Time of the
processor tells what the plugin does; time on the clock also has what a loaded machine does in between.
"""

import sys
import time
from pathlib import Path

from qgis.core import QgsApplication, QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QLabel, QWidget
from qgis.utils import iface

OURS = f"{Path('geolivelihood_qgis')}"


class Meter:
    """Between ``start`` and ``stop`` collects (name, seconds on the clock, seconds of the processor)."""

    def __init__(self):
        self.calls = []
        self.outer = None
        self.began = None

    def start(self):
        """Look at every Python call of this thread from now on."""
        sys.setprofile(self._see)

    def stop(self):
        """Look no more; return what was collected."""
        sys.setprofile(None)
        return self.calls

    def _see(self, frame, event, _):
        if event == "call" and self.outer is None and OURS in frame.f_code.co_filename:
            self.outer, self.began = frame, (time.perf_counter(), time.thread_time())
        elif event == "return" and frame is self.outer:
            clock, processor = (now - then for now, then in zip(_now(), self.began))
            code = frame.f_code
            name = f"{Path(code.co_filename).stem}.{code.co_qualname}"
            self.calls.append((name, round(clock, 4), round(processor, 4)))
            self.outer = None


def _now():
    return time.perf_counter(), time.thread_time()


class Gaps:
    """The longest times between two ticks of a timer of 10 ms, with what was shown at the end of each."""

    def __init__(self):
        self.last, self.found = time.monotonic(), []
        self.timer = QTimer()
        self.timer.timeout.connect(self._tick)
        self.timer.start(10)

    def _tick(self):
        now = time.monotonic()
        if now - self.last > 0.05:
            window = widget("glqRunWindow")
            shown = window.findChild(QLabel, "glqRunStage").text() if window else ""
            self.found.append((round(now - self.last, 3), shown))
        self.last = now

    def stop(self):
        self.timer.stop()
        return sorted(self.found, reverse=True)[:10]


def ours():
    """Messages of the plugin, not of QGIS."""
    return [item for item in iface.messageBar().items() if item.title() == "Geolivelihood"]


def widget(name):
    """The widget of ours that has this name, wherever it is.

    Qt looks for it: asked for all its widgets, PyQt wraps thousands, each time more slowly.
    """
    windows = [window for window in QgsApplication.topLevelWidgets() if window.objectName().startswith("glq")]
    for window in [*windows[::-1], iface.mainWindow()]:
        found = window if window.objectName() == name else window.findChild(QWidget, name)
        if found is not None:
            return found
    return None


def fill(control, value):
    """Set a control as a user would."""
    if hasattr(control, "setLayer") and hasattr(control, "currentLayer"):
        control.setLayer(QgsProject.instance().mapLayersByName(value)[0])
    elif hasattr(control, "setField"):
        control.setField(value)
    elif hasattr(control, "set_value"):
        control.set_value(value)
    elif hasattr(control, "setFilePath"):
        control.setFilePath(value)
    elif hasattr(control, "findData"):
        control.setCurrentIndex(control.findData(value))
    elif hasattr(control, "setChecked"):
        control.setChecked(value)
    elif hasattr(control, "setValue"):
        control.setValue(value)
    else:
        control.setText(value)
