"""Pass what a worker says on to a Processing feedback."""

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QThread

from ..wording import said
from ..worker_client import Listener
from . import catalogue


class FeedbackListener(Listener):
    """The listener that writes to a ``QgsProcessingFeedback`` and hears its cancel button.

    What the worker ``program`` says that it can do goes to the catalogue.
    """

    def __init__(self, feedback, program):
        self.feedback = feedback
        self.program = program
        self.said = ""

    def hello(self, event):
        catalogue.remember(self.program, event)

    def is_cancelled(self):
        if QThread.currentThread() == QgsApplication.instance().thread():
            QgsApplication.processEvents()  # batch mode runs on the main thread: its Cancel must be heard
        return self.feedback.isCanceled()

    def progress(self, event):
        percent, step, steps = event.get("pct"), event.get("step"), event.get("steps")
        if percent is None and steps:
            percent = 100 * step / steps
        if percent is not None:
            self.feedback.setProgress(percent)
        told = list(dict.fromkeys(filter(None, (event.get("stage"), event.get("text")))))
        text = said(*told) if len(told) > 1 else "".join(told)
        if text != self.said:
            self.said = text
            self.feedback.setProgressText(text)

    def info(self, text):
        self.feedback.pushInfo(text)

    def warning(self, text):
        self.feedback.pushWarning(text)

    def console(self, line):
        self.feedback.pushConsoleInfo(line)
