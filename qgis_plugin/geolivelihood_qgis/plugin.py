"""The plugin: a toolbar, a menu and a Processing provider."""

from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsMapLayerType, QgsSettings
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QFileDialog

from .compat import QAction, tr
from .env import language, settings, unfinished
from .gui.bar_text import bar_text
from .gui.compare_action import Comparison
from .gui.evidence_panel import EvidencePanel
from .gui.export_choice import only_selected
from .gui.jobs import Jobs
from .gui.settings_dialog import SettingsDialog
from .gui.tasks import RUNNING, AlgorithmRun
from .layers.arranger import WAITING
from .layers.export import file_filter
from .printing import action as printing
from .processing.explain import result_of
from .processing.provider import GeolivelihoodProvider

MENU = "Geolivelihood"
HERE = Path(__file__).parent


class GeolivelihoodPlugin:
    """What QGIS loads; ``iface`` is ``None`` in ``qgis_process``, which calls ``initProcessing`` only."""

    def __init__(self, iface):
        self.iface = iface
        self.translator = language.install()
        self.provider = None
        self.toolbar = None
        self.actions = []
        self.evidence = None
        self.jobs = None
        self.comparison = None

    def initProcessing(self):
        self.provider = GeolivelihoodProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        self.initProcessing()
        self.toolbar = self.iface.addToolBar("Geolivelihood")
        self.toolbar.setObjectName("glqToolbar")
        self.jobs = Jobs(self.iface, self._say)
        self._add(
            "Assistant", tr("From clusters and photos to a map..."), "assistant", self.jobs.open_assistant
        )
        self._add("Load", tr("Load results..."), "load", self.load_results)
        self._add("Export", tr("Export selected layers..."), "export", self.export)
        self._add("Run", tr("Run project..."), "run", self.run_project)
        self._add("Explain", tr("Explain a model..."), "explain", self.explain)
        self._add("Settings", tr("Settings..."), "settings", self.show_settings, toolbar=False)
        self._add("Print", tr("Print result..."), "print", lambda: printing.start(self.iface, self._say))
        self.comparison = Comparison(self.iface, self._say)
        self._add("Compare", tr("Compare indicators..."), "compare", self.comparison.start)
        self.evidence = EvidencePanel(self.iface, self.toolbar, MENU)
        self.jobs.offer_resume(unfinished.left_behind())

    def unload(self):
        """Take back everything that was added."""
        if self.evidence:
            self.evidence.unload()
            self.evidence = None
        if self.jobs:
            self.jobs.close()
            self.jobs = None
        if self.comparison:
            self.comparison.unload()
            self.comparison = None
        for action in self.actions:
            action.triggered.disconnect()
            self.iface.removePluginMenu(MENU, action)
            if self.toolbar:
                self.toolbar.removeAction(action)
            action.deleteLater()
        self.actions = []
        if self.toolbar:
            self.iface.mainWindow().removeToolBar(self.toolbar)
            self.toolbar.deleteLater()
            self.toolbar = None
        if self.provider:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        printing.cancel()
        for run in list(RUNNING):
            run.task.cancel()
        WAITING.clear()
        language.remove(self.translator)
        self.translator = None

    def load_results(self):
        """Ask for a results file and load it."""
        path, _ = QFileDialog.getOpenFileName(
            self.iface.mainWindow(), tr("Load results"), _folder(), tr("GeoPackage (*.gpkg)")
        )
        if path:
            _remember_folder(path)
            AlgorithmRun("geolivelihood:load_results", {"INPUT": path}, self._loaded)

    def export(self):
        """Ask for a new file and write the selected layers into it."""
        layers = [
            layer
            for layer in self.iface.layerTreeView().selectedLayersRecursive()
            if layer.type() == QgsMapLayerType.VectorLayer
        ]
        if not layers:
            self._say(tr("Select the layers to export in the Layers panel first."), Qgis.MessageLevel.Warning)
            return
        path, chosen = QFileDialog.getSaveFileName(
            self.iface.mainWindow(),
            tr("Export {} layers").format(len(layers)),
            str(Path(_folder()) / "export.gpkg"),
            file_filter(),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        selected = only_selected(layers, self.iface.mainWindow()) if path else None
        if selected is not None:
            if not Path(path).suffix:
                path += next((end for end in (".geojson", ".parquet") if end in chosen), ".gpkg")
            _remember_folder(path)
            parameters = {"LAYERS": layers, "OUTPUT": path, "SELECTED": selected}
            AlgorithmRun("geolivelihood:export", parameters, self._exported)

    def run_project(self):
        """Open the dialog of "Run project", or say what it needs."""
        self._open("geolivelihood:run_project")

    def explain(self):
        """Open the dialog of "Explain a model" for the results that the active layer comes from."""
        self._open("geolivelihood:explain", result_of(self.iface.activeLayer()))

    def show_settings(self):
        """Open the settings."""
        dialog = SettingsDialog(self.iface.mainWindow())
        dialog.exec()
        dialog.deleteLater()

    def _open(self, algorithm, parameters=None):
        from qgis import processing

        reason = settings.obstacle()
        if reason:
            self._say(reason, Qgis.MessageLevel.Warning)
            return
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
        processing.execAlgorithmDialog(algorithm.watch(), parameters or {})
        if self.jobs:
            self.jobs.offer_resume(unfinished.take_broken())

    def _loaded(self, successful, results, message):
        if successful and results.get("MISSING"):
            text = tr("{} layers loaded; {} maps of evidence are missing: keep the result's folder together.")
            self._say(text.format(results["COUNT"], results["MISSING"]), Qgis.MessageLevel.Warning)
        elif successful:
            self._say(tr("{} layers loaded.").format(results["COUNT"]), Qgis.MessageLevel.Success)
        else:
            self._say(message or tr("Nothing was loaded."), Qgis.MessageLevel.Critical)

    def _exported(self, successful, results, message):
        if successful:
            text = tr("Exported to {}").format(", ".join(results["FILES"]))
            self._say(text, Qgis.MessageLevel.Success)
        else:
            self._say(message or tr("Nothing was exported."), Qgis.MessageLevel.Critical)

    def _add(self, name, text, icon, slot, *, toolbar=True):
        action = QAction(QIcon(str(HERE / "icons" / f"{icon}.svg")), text, self.iface.mainWindow())
        action.setObjectName(f"glqAction{name}")
        action.triggered.connect(lambda *_: slot())
        self.iface.addPluginToMenu(MENU, action)
        if toolbar:
            self.toolbar.addAction(action)
        self.actions.append(action)

    def _say(self, text, level):
        self.iface.messageBar().pushMessage("Geolivelihood", bar_text(text), level, 10)


def _folder():
    return QgsSettings().value(settings.PREFIX + "last_folder", settings.get("results_dir"), type=str)


def _remember_folder(path):
    QgsSettings().setValue(settings.PREFIX + "last_folder", str(Path(path).parent))
