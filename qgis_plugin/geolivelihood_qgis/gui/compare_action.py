"""The action "Compare indicators": asks what, then opens linked views or subtracts two runs."""

from pathlib import Path

from qgis.core import Qgis, QgsProject, QgsSettings
from qgis.PyQt.QtWidgets import QFileDialog

from ..compare.choices import choices
from ..compare.views import ComparedViews
from ..compat import tr
from ..env import settings
from ..wording import count
from .compare_dialog import CompareDialog
from .tasks import AlgorithmRun

LAST_FOLDER = settings.PREFIX + "last_folder"


class Comparison:
    """What the action has opened; :meth:`unload` takes it back. ``say(text, level)`` tells how it went."""

    def __init__(self, iface, say):
        self.iface, self.say = iface, say
        self.views = ComparedViews(iface)

    def unload(self):
        """Close the views."""
        self.views.close()

    def start(self):
        """Ask what to compare."""
        found = choices(QgsProject.instance().mapLayers().values())
        if len(found) < 2:
            text = tr("There is nothing to compare: load a result with two indicators, or two results.")
            self.say(text, Qgis.MessageLevel.Warning)
            return
        dialog = CompareDialog(found, self.iface.mainWindow())
        agreed, wanted, chosen = dialog.exec(), dialog.wanted, dialog.chosen()
        dialog.deleteLater()
        if agreed and wanted == "views":
            names = self.views.show(chosen)
            if not names:
                self.say(tr("QGIS opened no map view."), Qgis.MessageLevel.Warning)
        elif agreed and wanted == "difference":
            self.subtract(*chosen)

    def subtract(self, first, second):
        """Write the difference of two runs, in the background."""
        stem = f"{Path(second.path).stem}-minus-{Path(first.path).stem}"
        folder = QgsSettings().value(LAST_FOLDER, settings.get("results_dir"), type=str)
        path, _ = QFileDialog.getSaveFileName(
            self.iface.mainWindow(),
            tr("Difference of two runs"),
            str(Path(folder) / f"{stem}.gpkg"),
            tr("GeoPackage (*.gpkg)"),
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if not path:
            return
        QgsSettings().setValue(LAST_FOLDER, str(Path(path).parent))
        path = path if Path(path).suffix else f"{path}.gpkg"
        parameters = {"FIRST": first.path, "SECOND": second.path, "INDICATOR": first.indicator}
        parameters |= {"LAYER": 0 if first.layer.source().endswith("cells") else 1, "OUTPUT": path}
        AlgorithmRun("geolivelihood:compare_runs", parameters, self._subtracted)

    def _subtracted(self, successful, results, message):
        if not successful:
            self.say(message or tr("Nothing was compared."), Qgis.MessageLevel.Critical)
            return
        text = tr("Compared {} places; {} are only in the first run and {} only in the second.")
        counts = (count(results[name]) for name in ("COUNT", "ONLY_FIRST", "ONLY_SECOND"))
        self.say(text.format(*counts), Qgis.MessageLevel.Success)
