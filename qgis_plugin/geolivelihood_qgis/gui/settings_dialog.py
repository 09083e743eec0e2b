"""The settings dialog: which Python computes, on what, and where results go."""

from qgis.core import QgsApplication
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
)

from ..compat import tr
from ..env import settings
from ..processing.catalogue import NEWS
from .diagnostics_view import DiagnosticsView
from .tasks import CheckTask


class SettingsDialog(QDialog):
    """Edits the settings; "Check" asks the chosen Python whether it can compute."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.setObjectName("glqSettingsDialog")
        self.setWindowTitle(tr("Geolivelihood settings"))
        self.setMinimumWidth(620)
        self.task = None
        self._make_widgets()
        self._lay_out()
        self._fill()

    def _make_widgets(self):
        self.python = QgsFileWidget()
        self.python.setObjectName("glqWorkerPython")
        self.python.setFilter(tr("All files (*)"))  # bin/python has no ending
        self.python.lineEdit().setPlaceholderText(settings.find_worker() or "/path/to/.venv/bin/python")
        self.check = QPushButton(tr("Check"))
        self.check.setObjectName("glqCheckWorker")
        self.check.clicked.connect(self._check)
        self.status = QLabel()
        self.status.setObjectName("glqWorkerStatus")
        self.status.setWordWrap(True)
        self.device = QComboBox()
        self.device.setObjectName("glqDevice")
        for value, label in (
            ("auto", tr("Automatic")),
            ("cpu", tr("CPU")),
            ("cuda", tr("NVIDIA GPU (CUDA)")),
        ):
            self.device.addItem(label, value)
        self.threads = QSpinBox()
        self.threads.setObjectName("glqThreads")
        self.threads.setRange(0, 1024)
        self.threads.setSpecialValueText(tr("Automatic"))
        self.threads.setToolTip(tr("How many threads the worker may use. Fewer leave room for other work."))
        self.stall = QSpinBox()
        self.stall.setObjectName("glqStallSeconds")
        self.stall.setRange(30, 24 * 3600)
        self.stall.setSuffix(tr(" s"))
        self.stall.setToolTip(
            tr("A worker that says nothing for so long is stopped. Heavy work may be silent.")
        )
        self.results = QgsFileWidget()
        self.results.setObjectName("glqResultsFolder")
        self.results.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.results.lineEdit().setPlaceholderText(tr("a folder 'results' beside the project file"))
        self.keep_log = QCheckBox(tr("Keep the log of successful runs"))
        self.keep_log.setObjectName("glqKeepLog")
        self.diagnostics = DiagnosticsView()

    def _lay_out(self):
        about = QLabel(
            tr(
                "Opening, styling and exporting results needs nothing here. To run projects, name a Python "
                "that has the library: <code>python -m pip install geolivelihood</code>"
            )
        )
        about.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(self.python, 1)
        row.addWidget(self.check)
        form = QFormLayout()
        form.addRow(tr("Worker Python"), row)
        form.addRow(self.status)  # across both columns: long in some languages
        form.addRow(tr("Compute on"), self.device)
        form.addRow(tr("Threads"), self.threads)
        form.addRow(tr("Give up after silence of"), self.stall)
        form.addRow(tr("Results folder"), self.results)
        form.addRow(self.keep_log)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(about)
        layout.addLayout(form)
        layout.addWidget(self.diagnostics, 1)
        layout.addStretch(0)
        layout.addWidget(buttons)

    def _fill(self):
        self.python.setFilePath(settings.get("worker_python"))
        self.device.setCurrentIndex(max(0, self.device.findData(settings.get("device"))))
        self.threads.setValue(settings.get("threads"))
        self.stall.setValue(settings.get("stall_seconds"))
        self.results.setFilePath(settings.get("results_dir"))
        self.keep_log.setChecked(settings.get("keep_log"))
        self._tell(settings.obstacle())

    def resizeEvent(self, event):
        super().resizeEvent(event)
        self._make_room()

    def _tell(self, text):
        self.status.setText(text)
        self._make_room()

    def _make_room(self):
        """A form gives a text that wraps too few lines."""
        room = self.width() - 2 * self.layout().contentsMargins().left()
        self.status.setMinimumHeight(self.status.heightForWidth(room))

    def accept(self):
        """Store the settings."""
        settings.put("worker_python", self.python.filePath().strip())
        settings.put("device", self.device.currentData())
        settings.put("threads", self.threads.value())
        settings.put("stall_seconds", self.stall.value())
        settings.put("results_dir", self.results.filePath().strip())
        settings.put("keep_log", self.keep_log.isChecked())
        NEWS.changed.emit()  # another Python may offer other algorithms
        super().accept()

    def done(self, result):
        """Closing stops a check that is under way."""
        if self.task:
            self.task.cancel()
        super().done(result)

    def _check(self):
        program = self.python.filePath().strip() or settings.find_worker()
        if not program:
            self._tell(tr("Choose a Python first."))
            return
        self.check.setEnabled(False)
        self._tell(tr("Starting {} ...").format(program))
        self.task = CheckTask(program, self._checked)
        QgsApplication.taskManager().addTask(self.task)

    def _checked(self, result, error):
        self.task = None
        self.check.setEnabled(True)
        self.diagnostics.refresh()
        if result is None:
            self._tell("✗ " + (str(error) if error else tr("Cancelled.")))
            return
        versions = result["versions"]
        devices = ", ".join(f"{device['id']} ({device['name']})" for device in result.get("devices", ()))
        text = tr("✓ geolivelihood {library} on Python {python}. Devices: {devices}")
        self._tell(text.format(library=versions["geolivelihood"], python=versions["python"], devices=devices))
