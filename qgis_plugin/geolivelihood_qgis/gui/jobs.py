"""Runs in the background from the toolbar: start them, show them, say how they ended, offer to go on."""

import re

from qgis.core import Qgis, QgsApplication, QgsProject
from qgis.PyQt.QtCore import QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QPushButton

from ..compat import tr
from ..env import settings, unfinished
from ..layers.results import ResultsError
from ..printing import action as printing
from ..processing import catalogue
from .assistant import command
from .assistant.wizard import Assistant
from .bar_text import bar_text
from .run_window import RunWindow, written
from .tasks import AlgorithmRun

LATER_MS = 300
CODE = re.compile(r"\[([A-Z_]+)\]\s*$")


class Jobs:
    """The assistant's runs, and those that are resumed; holds what it shows until ``close``."""

    def __init__(self, iface, say):
        self.iface = iface
        self.say = say
        self.windows = set()
        self.assistant = None
        self.later = None
        self.told = []
        self.closed = False
        unfinished.LEAVING.clear()

    def close(self):
        """Take back windows; the plugin cancels the runs, which are offered at the next start."""
        unfinished.LEAVING.add(id(self))
        self.closed = True
        self.later = None
        for bar, item, _ in self.told:
            if item in bar.items():
                bar.popWidget(item)
        self.told.clear()
        for window in [*self.windows, self.assistant]:
            if window is not None:
                window.close()
        self.windows.clear()
        self.assistant = None

    def open_assistant(self):
        """Show the assistant, or say what is in the way."""
        reason = settings.obstacle()
        if QgsApplication.processingRegistry().algorithmById(command.ALGORITHM) is None:
            reason = reason or tr(
                "This library cannot do that yet. Upgrade it: Plugins ▸ Geolivelihood ▸ Settings."
            )
        if reason:
            self.say(reason, Qgis.MessageLevel.Warning)
            return
        if self.assistant is None:
            self.assistant = Assistant(self.iface.mainWindow(), description_of("clusters_to_map"))
            self.assistant.start.connect(lambda parameters: self.start(command.ALGORITHM, parameters))
            self.assistant.finished.connect(self._assistant_closed)
        self.assistant.show()
        self.assistant.raise_()

    def start(self, algorithm_id, parameters):
        """Run an algorithm in the background, with a window of its own."""
        shown = []
        run = AlgorithmRun(
            algorithm_id,
            parameters,
            lambda *end: self._ended(algorithm_id, shown[0] if shown else None, *end),
            watch=True,
        )
        if run.task is None:
            return
        algorithm = QgsApplication.processingRegistry().algorithmById(algorithm_id)
        window = RunWindow(algorithm.displayName(), run, self.iface.mainWindow())
        shown.append(window)
        self.windows.add(window)
        window.finished.connect(lambda *_: self.windows.discard(window))
        window.show()

    def offer_resume(self, runs):
        """Offer each run that broke off in the message bar."""
        for run in runs:
            reasons = {
                "": tr("QGIS ended during the run '{}'."),
                "CANCELLED": tr("The run '{}' was cancelled."),
                "OUT_OF_MEMORY": tr("The run '{}' ran out of memory."),
            }
            text = reasons.get(run["code"], tr("The run '{}' broke off.")).format(run.get("title", ""))
            if run["code"] not in ("", "CANCELLED"):
                text += " " + run.get("text", "")
            text += " " + tr("What was computed is kept: it can go on where it stopped.")
            level = Qgis.MessageLevel.Info if run["code"] == "CANCELLED" else Qgis.MessageLevel.Warning
            self.tell(text, level, [("glqResume", tr("Resume"), lambda run=run: self.resume(run))])

    def resume(self, run):
        """Start a run again, under a fresh name."""
        if QgsApplication.processingRegistry().algorithmById(run["algorithm"]) is None:
            text = tr("'{}' is not there any more. Check the worker in Plugins ▸ Geolivelihood ▸ Settings.")
            self.say(text.format(run.get("title", "")), Qgis.MessageLevel.Warning)
            return
        self.start(run["algorithm"], unfinished.again(run))

    def tell(self, text, level, actions=()):
        """A message that stays until it is closed, with buttons: triples of object name, title and slot."""
        bar = self.iface.messageBar()
        item = bar.createMessage("Geolivelihood", bar_text(text))
        # Python forgets what only the bar holds, and with it what its buttons do.
        self.told = [(bar, other, held) for bar, other, held in self.told if other in bar.items()]
        buttons = [_button(bar, item, *action) for action in actions]
        self.told.append((bar, item, buttons))
        bar.pushWidget(item, level, 0)

    def _ended(self, algorithm_id, window, successful, results, message):
        if self.closed:
            return
        window = window if window in self.windows else None
        if successful:
            self._succeeded(window, results)
            return
        broken = unfinished.take_broken()
        text = CODE.sub("", message).strip() or tr("The run did not end well.")
        if window:
            window.ended(text)
        if broken:
            self.offer_resume(broken)
        elif algorithm_id == command.ALGORITHM:
            change = ("glqChange", tr("Change..."), self.open_assistant)
            self.tell(message or text, Qgis.MessageLevel.Critical, [change])
        else:
            self.say(message or text, Qgis.MessageLevel.Critical)

    def _succeeded(self, window, results):
        out = str(results.get("OUTPUT", ""))
        files = written(results)
        text = tr("The map is there: {} layers.").format(len(results.get("LAYERS") or ()))
        if "scores" in files:
            text += " " + tr("Scores: {}").format(files["scores"])
        actions = [("glqPrintResult", tr("Print..."), lambda: self._print(out))]
        if "report" in files:
            actions.append(("glqOpenReport", tr("Open report"), lambda: _open(files["report"])))
        if window:
            window.ended(text, actions)
        # QGIS has a message of its own about a task that is complete: ours comes on top.
        self.later = QTimer()
        self.later.setSingleShot(True)
        self.later.timeout.connect(lambda: self.tell(text, Qgis.MessageLevel.Success, actions))
        self.later.start(LATER_MS)

    def _print(self, out):
        """Print these results: the active layer tells which they are."""
        for layer in QgsProject.instance().mapLayers().values():
            if layer.source().startswith(out):
                self.iface.setActiveLayer(layer)
                break
        try:
            printing.start(self.iface, self.say)
        except ResultsError as error:
            self.say(str(error), Qgis.MessageLevel.Critical)

    def _assistant_closed(self, *_):
        self.assistant = None


def description_of(operation):
    """What the library says about an operation, or ``None``."""
    known = catalogue.descriptions(settings.find_worker())
    return next((description for description in known if description.id == operation), None)


def _button(bar, item, name, title, slot):
    """Add a button to a message; return it with what it does."""

    def pressed(*_):
        bar.popWidget(item)
        slot()

    button = QPushButton(title)
    button.setObjectName(name)
    button.clicked.connect(pressed)
    item.layout().addWidget(button)
    return button, pressed


def _open(path):
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
