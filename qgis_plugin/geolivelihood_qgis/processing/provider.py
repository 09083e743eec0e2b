"""The Processing provider: toolbar, toolbox, modeler, qgis_process and Python all go through it."""

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..compat import tr
from .compare_runs import CompareRuns
from .explain import Explain
from .export import Export
from .load_results import LoadResults
from .print_result import PrintResult
from .run_project import RunProject


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

    def loadAlgorithms(self):
        for algorithm in (LoadResults, RunProject, Explain, Export, PrintResult, CompareRuns):
            self.addAlgorithm(algorithm())
