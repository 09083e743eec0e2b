"""Run our algorithms, and the check of the worker, in the background with the interface alive."""

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingUtils,
    QgsProject,
    QgsTask,
)
from qgis.PyQt.QtCore import pyqtSignal

from ..compat import tr
from ..env import failures, settings
from ..processing import catalogue
from ..worker_client import Listener, WorkerError, run_job

RUNNING = set()
"""The runs under way; nobody else holds them."""


class AlgorithmRun:
    """One run of an algorithm as a background task.

    ``QgsProcessingAlgRunnerTask`` runs it, but loads no layers: that is done here, on the main thread.
    ``done(successful, results, message)`` is called last. With ``watch``, a run that breaks off is kept in
    mind (see :mod:`..env.unfinished`).
    """

    def __init__(self, algorithm_id, parameters, done, *, watch=False):
        self.done = done
        self.task = None
        self.context = QgsProcessingContext()
        self.context.setProject(QgsProject.instance())
        self.feedback = Feedback()
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(algorithm_id)
        possible, reason = algorithm.canExecute()
        if possible:
            possible, reason = algorithm.checkParameterValues(parameters, self.context)
        if not possible:
            done(False, {}, reason)
            return
        if watch:
            algorithm.watch()
        RUNNING.add(self)
        self.task = QgsProcessingAlgRunnerTask(algorithm, parameters, self.context, self.feedback)
        self.task.executed.connect(self._executed)
        QgsApplication.taskManager().addTask(self.task)

    def _executed(self, successful, results):
        RUNNING.discard(self)
        if successful:
            self._load_layers()
        self.done(successful, results, self.feedback.last_error)

    def _load_layers(self):
        for source, details in self.context.layersToLoadOnCompletion().items():
            layer = QgsProcessingUtils.mapLayerFromString(source, self.context)
            if layer is None:
                continue
            details.project.addMapLayer(self.context.temporaryLayerStore().takeMapLayer(layer))
            if details.postProcessor():
                details.postProcessor().postProcessLayer(layer, self.context, self.feedback)


class Feedback(QgsProcessingFeedback):
    """Remembers the last error: the task itself only says that there was one. Passes texts on as signals."""

    said = pyqtSignal(str)
    stage = pyqtSignal(str)

    def __init__(self):
        super().__init__(False)
        self.last_error = ""

    def reportError(self, error, fatalError=False):
        self.last_error = error
        self.said.emit(error)
        super().reportError(error, fatalError)

    def setProgressText(self, text):
        self.stage.emit(text)
        super().setProgressText(text)

    def pushInfo(self, info):
        self.said.emit(info)
        super().pushInfo(info)

    def pushWarning(self, warning):
        self.said.emit(warning)
        super().pushWarning(warning)

    def pushConsoleInfo(self, info):
        self.said.emit(info)
        super().pushConsoleInfo(info)


class CheckTask(QgsTask):
    """Asks the worker for its versions and devices; calls ``done(result, error)`` on the main thread."""

    def __init__(self, program, done):
        super().__init__(tr("Checking the worker Python"), QgsTask.Flag.CanCancel)
        self.program = program
        self.done = done
        self.result = None
        self.error = None

    def run(self):
        listener = Listener()
        listener.is_cancelled = self.isCanceled
        listener.hello = lambda event: catalogue.remember(self.program, event)
        try:
            self.result = run_job(self.program, "check", listener=listener)
        except WorkerError as error:
            self.error = error
        return self.error is None

    def finished(self, successful):
        if successful:
            told = {name: self.result.get(name) for name in ("versions", "devices", "extras", "health")}
            library = told["versions"]["geolivelihood"]
            settings.remember_check(self.program, library=library, **told)
        elif self.error:
            settings.remember_check(self.program, code=self.error.code)
            failures.remember(self.error, "check", "")
        self.done(self.result, self.error)
