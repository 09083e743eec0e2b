"""Measures how long each call from Qt into the plugin takes, on the thread of the interface.

Only the outermost frame of the plugin counts: its own time and what it calls, QGIS included. Time of the
processor tells what the plugin does; time on the clock also has what a loaded machine does in between.
"""

import sys
import time
from pathlib import Path

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
