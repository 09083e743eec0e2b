"""Run a project file in the worker, and load what it has written."""

import json
import os
from pathlib import Path

from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from ..compat import tr
from ..env import settings
from ..layers.arranger import load_on_completion
from ..layers.results import ResultsError, describe, result_layers
from ..worker_client import WorkerError, run_job
from .base import Algorithm
from .listener import FeedbackListener


class RunProject(Algorithm):
    """Runs a whole job: pictures and survey clusters in, a map with honest scores out."""

    ID = "run_project"
    TITLE = "Run project"
    HELP = (
        "Runs a geolivelihood project file (.yaml): reads pictures and survey clusters, trains and scores "
        "the models under random and spatially blocked validation, writes the map and loads it. "
        "It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and "
        "can be cancelled; what was computed until then is kept for the next run."
    )
    TAGS = "livelihood wealth poverty predict map survey pictures"

    def initAlgorithm(self, configuration=None):
        self.add(
            QgsProcessingParameterFile(
                "PROJECT",
                tr("Project file"),
                QgsProcessingParameterFile.Behavior.File,
                fileFilter=tr("Project files (*.yaml *.yml);;All files (*)"),
            ),
            tr("The YAML file that says what comes in, which models are compared and what goes out."),
        )
        self.add(
            QgsProcessingParameterString("SET", tr("Changed settings"), multiLine=True, optional=True),
            tr("Changes to the project, one per line: validation.folds = 10"),
            advanced=True,
        )
        output = QgsProcessingParameterFileDestination(
            "OUTPUT", tr("Results"), tr("GeoPackage (*.gpkg)"), optional=True, createByDefault=False
        )
        self.add(
            output,
            tr("A new GeoPackage. Left empty: a new folder in the results folder, or beside the project."),
        )
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Layers")))

    def canExecute(self):
        reason = settings.obstacle()
        return not reason, reason

    def checkParameterValues(self, parameters, context):
        try:
            parse_settings(self.parameterAsString(parameters, "SET", context))
        except ValueError as error:
            return False, str(error)
        return super().checkParameterValues(parameters, context)

    def processAlgorithm(self, parameters, context, feedback):
        reason = settings.obstacle()
        if reason:
            raise QgsProcessingException(reason)
        project = Path(self.parameterAsFile(parameters, "PROJECT", context)).resolve()
        changes = parse_settings(self.parameterAsString(parameters, "SET", context))
        out = self._target(parameters, context, project)
        result = self._run(project, changes, out, feedback)
        try:
            told = {layer.get("name"): layer for layer in result.get("layers") or ()}
            layers = describe([layer.name for layer in result_layers(out)], told)
        except ResultsError as error:
            raise QgsProcessingException(str(error)) from error
        self._report(result, feedback)
        return {"OUTPUT": str(out), "LAYERS": load_on_completion(out, layers, context)}

    def _target(self, parameters, context, project):
        named = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        if named:
            out = Path(named).absolute()
            if out.suffix.lower() != ".gpkg":
                raise QgsProcessingException(tr("{}: results are written as .gpkg.").format(out))
            if os.path.lexists(out):
                text = tr("{} exists and is never overwritten. Choose a new name.")
                raise QgsProcessingException(text.format(out))
            return out
        folder = settings.get("results_dir") or project.parent / "results"
        return free_name(Path(folder), project.stem)

    def _run(self, project, changes, out, feedback):
        log = out.with_suffix(".log")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            result = run_job(
                settings.find_worker(),
                "run",
                {"project": str(project), "set": changes},
                out=out,
                options=settings.worker_options(),
                listener=FeedbackListener(feedback),
                stall_s=settings.get("stall_seconds"),
                log=log,
            )
        except WorkerError as error:
            if error.detail:
                feedback.pushConsoleInfo(error.detail)
            if error.code == "CANCELLED":
                log.unlink(missing_ok=True)
            raise QgsProcessingException(f"{error} [{error.code}]") from error
        except OSError as error:
            raise QgsProcessingException(str(error)) from error
        if not settings.get("keep_log"):
            log.unlink(missing_ok=True)
        return result

    def _report(self, result, feedback):
        for name, path in (result.get("outputs") or {}).items():
            feedback.pushInfo(f"{name}: {path}")
        if result.get("rejected"):
            feedback.pushWarning(tr("{} rows were set aside; see rejected.csv.").format(result["rejected"]))


def parse_settings(text):
    """``key = value`` lines as a dictionary; a value is JSON where it can be read so, else text."""
    changes = {}
    for line in filter(None, map(str.strip, (text or "").splitlines())):
        key, sign, value = (part.strip() for part in line.partition("="))
        if not (key and sign):
            raise ValueError(tr("'{}' is no change; write one per line: validation.folds = 10").format(line))
        try:
            changes[key] = json.loads(value)
        except ValueError:
            changes[key] = value
    return changes


def free_name(folder, stem):
    """``<stem>-0001/<stem>-0001.gpkg``, or the next number; a run writes tables and a picture beside it."""
    number = 1
    while os.path.lexists(folder / f"{stem}-{number:04d}"):
        number += 1
    return folder / f"{stem}-{number:04d}" / f"{stem}-{number:04d}.gpkg"
