"""The action "Print result": finds the result, asks for what it cannot know, and prints."""

from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsProcessingContext, QgsProject, QgsSettings
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QProgressDialog

from ..compat import tr
from ..env import settings
from ..gui.tasks import Feedback
from ..layers.results import ResultsError
from . import facts as told
from . import map_layers

LAST_FOLDER = settings.PREFIX + "last_folder"
RUNNING = []
"""The feedback of the map that is being printed; the interface stays alive meanwhile."""


def start(iface, say):
    """Print the result that is seen; ``say(text, level)`` tells how it went."""
    if RUNNING:
        say(tr("A map is being printed: wait for it, or cancel it first."), Qgis.MessageLevel.Warning)
        return
    path = _result(iface)
    if not path:
        return
    try:
        facts = told.read(path)
    except ResultsError as error:
        say(str(error), Qgis.MessageLevel.Critical)
        return
    indicator = _indicator(iface, facts)
    target = indicator and _target(iface, facts, indicator)
    if not target:
        return
    parameters = {"INPUT": str(path), "INDICATOR": indicator, "OUTPUT": target}
    successful, results, message = _run(parameters, iface.mainWindow())
    if successful:
        text = tr("Printed to {}. The layout '{}' is in Project > Layouts.")
        say(text.format(results["OUTPUT"], results["LAYOUT"]), Qgis.MessageLevel.Success)
    else:
        say(message or tr("Nothing was printed."), Qgis.MessageLevel.Critical)


def cancel():
    """Cancel what is being printed."""
    for feedback in RUNNING:
        feedback.cancel()


def _run(parameters, parent):
    """Run the algorithm here, for layouts belong to the main thread; it answers events while it draws."""
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geolivelihood:print_result")
    possible, reason = algorithm.checkParameterValues(parameters, context)
    if not possible:
        return False, {}, reason
    dialog = QProgressDialog(tr("Printing the map..."), tr("Cancel"), 0, 100, parent)
    dialog.setObjectName("glqPrintProgress")
    dialog.setMinimumDuration(500)
    dialog.canceled.connect(feedback.cancel)
    feedback.progressChanged.connect(lambda value: dialog.setValue(int(value)))
    RUNNING.append(feedback)
    try:
        results, successful = algorithm.run(parameters, context, feedback)
    finally:
        RUNNING.remove(feedback)
        dialog.canceled.disconnect()
        dialog.close()
        dialog.deleteLater()
    return successful, results, feedback.last_error


def _result(iface):
    """The file of the active layer, else the only result of the project, else one that is asked for."""
    files = {
        path
        for path, name in map(map_layers.source_file, QgsProject.instance().mapLayers().values())
        if name == "cells"
    }
    active = map_layers.source_file(iface.activeLayer())[0]
    if active in files:
        return active
    if len(files) == 1:
        return files.pop()
    path, _ = QFileDialog.getOpenFileName(
        iface.mainWindow(), tr("Print which results?"), _folder(), tr("GeoPackage (*.gpkg)")
    )
    return path


def _indicator(iface, facts):
    """The indicator to print, or an empty text where the user turned back."""
    if len(facts.indicators) == 1:
        return facts.indicator
    chosen, agreed = QInputDialog.getItem(
        iface.mainWindow(), tr("Print result"), tr("Indicator"), facts.indicators, 0, False
    )
    return chosen if agreed else ""


def _target(iface, facts, indicator):
    """The new PDF, or an empty text where the user turned back."""
    path, _ = QFileDialog.getSaveFileName(
        iface.mainWindow(),
        tr("Print result"),
        str(Path(_folder()) / f"{facts.path.stem}_{indicator}.pdf"),
        tr("PDF (*.pdf)"),
        options=QFileDialog.Option.DontConfirmOverwrite,
    )
    if not path:
        return ""
    QgsSettings().setValue(LAST_FOLDER, str(Path(path).parent))
    return path if Path(path).suffix else f"{path}.pdf"


def _folder():
    return QgsSettings().value(LAST_FOLDER, settings.get("results_dir"), type=str)
