"""A window that shows how a run goes while QGIS stays usable, and what came of it."""

import time
from pathlib import Path

from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from ..compat import tr
from ..words import head
from .eta import Remaining, duration

LINES = 2000


class RunWindow(QDialog):
    """Stage, progress, time left and what the worker says; closing it leaves the run alone."""

    def __init__(self, title, run, parent=None):
        super().__init__(parent)
        self.setObjectName("glqRunWindow")
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.remaining = Remaining()
        self.started = time.monotonic()
        self.run = run
        self._make_widgets()
        self._lay_out()
        run.feedback.stage.connect(self._stage)
        run.feedback.said.connect(self._said)
        run.feedback.progressChanged.connect(self._progress)
        self.clock = QTimer(self)
        self.clock.timeout.connect(self._tick)
        self.clock.start(1000)
        self._tick()

    def _make_widgets(self):
        self.stage = QLabel(tr("The worker starts ..."))
        self.stage.setObjectName("glqRunStage")
        self.stage.setWordWrap(True)
        self.stage.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setObjectName("glqRunProgress")
        self.bar.setRange(0, 0)
        self.time = QLabel()
        self.time.setObjectName("glqRunTime")
        self.log = QPlainTextEdit()
        self.log.setObjectName("glqRunLog")
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(LINES)
        self.log.setTabChangesFocus(True)
        self.log.setAccessibleName(tr("What the worker says"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.buttons.button(QDialogButtonBox.StandardButton.Close).setObjectName("glqRunClose")
        self.buttons.rejected.connect(self.close)
        self.cancel = QPushButton(tr("&Cancel the run"))
        self.cancel.setObjectName("glqRunCancel")
        self.cancel.clicked.connect(self._cancel)
        self.buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.ActionRole)

    def _lay_out(self):
        layout = QVBoxLayout(self)
        layout.addWidget(self.stage)
        layout.addWidget(self.bar)
        layout.addWidget(self.time)
        layout.addWidget(self.log, 1)
        self.row = QHBoxLayout()
        layout.addLayout(self.row)
        layout.addWidget(self.buttons)
        self.resize(560, 360)

    def ended(self, text, actions=()):
        """The run is over: say how; ``actions`` are triples of an object name, a text and a slot."""
        self.clock.stop()
        self.run = None
        self.stage.setText(text)
        self.bar.setRange(0, 100)
        self.bar.setValue(100 if actions else 0)
        self.time.setText(tr("after {}").format(duration(time.monotonic() - self.started)))
        self.cancel.setEnabled(False)
        for name, title, slot in actions:
            button = QPushButton(title)
            button.setObjectName(name)
            button.clicked.connect(lambda *_, slot=slot: slot())
            self.row.addWidget(button)

    def _stage(self, text):
        stage = head(text)
        if stage != self.remaining.stage:
            self.remaining.begin(stage)
            self.bar.setRange(0, 0)
        if self.run:
            self.stage.setText(text)

    def _progress(self, percent):
        self.remaining.see(percent)
        if self.run:
            self.bar.setRange(0, 100)
            self.bar.setValue(round(percent))

    def _said(self, text):
        self.log.appendPlainText(text)

    def _tick(self):
        passed = tr("{} so far").format(duration(time.monotonic() - self.started))
        self.time.setText(" · ".join(filter(None, (passed, self.remaining.told()))))

    def _cancel(self):
        if self.run and self.run.task:
            self.cancel.setEnabled(False)
            self.stage.setText(tr("The run is being stopped ..."))
            self.run.task.cancel()


def written(results):
    """Scores and report of a run, where there are some: named by it, or beside its results."""
    out, found = Path(str(results.get("OUTPUT", ""))), {}
    for name, file in (("scores", "scores.csv"), ("report", "report.html")):
        named = results.get(name.upper())
        places = [Path(named)] if isinstance(named, str) else []
        places += [out.with_name(f"{out.stem}.{file}"), out.with_name(file)] if out.name else []
        there = [path for path in places if path.is_file()]
        if there:
            found[name] = there[0]
    return found
