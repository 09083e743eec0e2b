"""The Processing provider: toolbar, toolbox, modeler, qgis_process and Python all go through it."""

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QIcon

from ..compat import tr
from ..env import settings
from . import catalogue
from .catalogue import NEWS
from .compare_runs import CompareRuns
from .described import DescribedAlgorithm
from .explain import Explain
from .export import Export
from .load_results import LoadResults
from .print_result import PrintResult
from .run_project import RunProject

HAND_WRITTEN = (LoadResults, RunProject, Explain, Export, PrintResult, CompareRuns)
WAIT_MS = 300


class GeolivelihoodProvider(QgsProcessingProvider):
    """Our algorithms."""

    def id(self):
        return "geolivelihood"

    def name(self):
        return "Geolivelihood"

    def longName(self):
        return tr("Geolivelihood: livelihood maps with honest scores")

    def icon(self):
        return QIcon(str(Path(__file__).parents[1] / "icon.svg"))

    def load(self):
        self.timer = QTimer()
        self.timer.setSingleShot(True)
        self.timer.setInterval(WAIT_MS)
        self.timer.timeout.connect(self._renew)
        NEWS.changed.connect(self.timer.start, Qt.ConnectionType.QueuedConnection)
        return super().load()

    def unload(self):
        NEWS.changed.disconnect(self.timer.start)
        self.timer.stop()
        super().unload()

    def loadAlgorithms(self):
        for algorithm in HAND_WRITTEN:
            self.addAlgorithm(algorithm())
        self.operations = self._operations()
        for description in self.operations:
            self.addAlgorithm(DescribedAlgorithm(description))

    def _operations(self):
        return catalogue.descriptions(settings.find_worker(), [algorithm.ID for algorithm in HAND_WRITTEN])

    def _renew(self):
        """List other operations, if there are others; not while a job of ours runs."""
        if catalogue.is_at_work():
            self.timer.start()
        elif self._operations() != self.operations:
            self.refreshAlgorithms()
