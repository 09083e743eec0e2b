"""Pass what a worker says on to a Processing feedback."""

from ..worker_client import Listener


class FeedbackListener(Listener):
    """The listener that writes to a ``QgsProcessingFeedback`` and hears its cancel button."""

    def __init__(self, feedback):
        self.feedback = feedback
        self.said = ""

    def is_cancelled(self):
        return self.feedback.isCanceled()

    def progress(self, event):
        percent, step, steps = event.get("pct"), event.get("step"), event.get("steps")
        if percent is None and steps:
            percent = 100 * step / steps
        if percent is not None:
            self.feedback.setProgress(percent)
        text = ": ".join(dict.fromkeys(filter(None, (event.get("stage"), event.get("text")))))
        if text != self.said:
            self.said = text
            self.feedback.setProgressText(text)

    def info(self, text):
        self.feedback.pushInfo(text)

    def warning(self, text):
        self.feedback.pushWarning(text)

    def console(self, line):
        self.feedback.pushConsoleInfo(line)
