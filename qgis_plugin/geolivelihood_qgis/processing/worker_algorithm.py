"""What algorithms that compute in a worker have in common: a new file, a job, and its layers."""

import contextlib
import json
import os
from pathlib import Path

from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterFileDestination,
)

from ..compat import tr
from ..env import failures, settings, unfinished
from ..layers.arranger import load_on_completion
from ..layers.results import ResultsError, describe, result_layers
from ..wording import count, said
from ..worker_client import WorkerError, run_job
from . import catalogue
from .base import Algorithm
from .listener import FeedbackListener


class WorkerAlgorithm(Algorithm):
    """An algorithm whose operation of the worker writes something new: by default a GeoPackage."""

    OPERATION = ""
    ENDING = ".gpkg"

    def __init__(self):
        super().__init__()
        self.watched = False
        self.asked = {}

    def createInstance(self):
        made = super().createInstance()
        made.watched = self.watched
        return made

    def watch(self):
        """Offer this run again when it breaks off, even when QGIS does; the toolbar asks for that."""
        self.watched = True
        return self

    def prepareAlgorithm(self, parameters, context, feedback):
        self.asked = dict(parameters)
        return super().prepareAlgorithm(parameters, context, feedback)

    def add_output(self, help_text):
        """The new GeoPackage, and its layers."""
        output = QgsProcessingParameterFileDestination(
            "OUTPUT", tr("Results"), tr("GeoPackage (*.gpkg)"), optional=True, createByDefault=False
        )
        self.add(output, help_text)
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Layers")))

    def canExecute(self):
        reason = settings.obstacle() or self._lacking()
        return not reason, reason

    def _lacking(self):
        program = settings.find_worker()
        if not catalogue.lacks(program, self.OPERATION):
            return ""
        return too_old(program) + " " + tr("Then: Plugins ▸ Geolivelihood ▸ Settings ▸ Check.")

    def checkParameterValues(self, parameters, context):
        try:
            self.named_output(parameters, context)
        except ValueError as error:
            return False, str(error)
        return super().checkParameterValues(parameters, context)

    def named_output(self, parameters, context):
        """The new file that was named, or ``None``; raises :class:`ValueError` where it cannot be."""
        named = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        if not named:
            return None
        out = Path(named).absolute()
        if out.suffix.lower() != self.ENDING:
            raise ValueError(tr("{}: results are written as {}.").format(out, self.ENDING))
        if os.path.lexists(out):
            raise ValueError(tr("{} exists and is never overwritten. Choose a new name.").format(out))
        return out

    def target(self, parameters, context, folder, stem):
        """The file to be written: the one that was named, or a new one in a new folder."""
        try:
            named = self.named_output(parameters, context)
        except ValueError as error:
            raise QgsProcessingException(str(error)) from error
        return named or free_name(Path(settings.get("results_dir") or folder), stem, self.ENDING)

    def work(self, params, out, feedback):
        """Run the operation; return its result event."""
        reason = settings.obstacle()
        if reason:
            raise QgsProcessingException(reason)
        program = settings.find_worker()
        log = out.with_suffix(".log") if self.ENDING else out.with_name(f"{out.name}.log")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with catalogue.at_work(), self._noted(out):
                result = run_job(
                    program,
                    self.OPERATION,
                    params,
                    out=out,
                    options=settings.worker_options(),
                    listener=FeedbackListener(feedback, program),
                    stall_s=settings.get("stall_seconds"),
                    log=log,
                )
        except WorkerError as error:
            failures.remember(error, self.OPERATION, log)
            raise QgsProcessingException(_told(error, log, feedback)) from error
        except OSError as error:
            text = tr("{} cannot be written to ({}). Choose another place for the results.")
            raise QgsProcessingException(text.format(out.parent, error.strerror or error)) from error
        if not settings.get("keep_log"):
            log.unlink(missing_ok=True)
        _report(result, feedback)
        return result

    def _noted(self, out):
        if not self.watched:
            return contextlib.nullcontext()
        return unfinished.noted(self.id(), self.displayName(), self.asked, out)

    def described(self, out, result):
        """The layers of the new file, named and ordered as the worker says."""
        told = {layer.get("name"): layer for layer in result.get("layers") or ()}
        try:
            return describe([layer.name for layer in result_layers(out)], told)
        except ResultsError as error:
            raise QgsProcessingException(str(error)) from error

    def load(self, out, layers, context, rasters=()):
        """Open the layers when the algorithm is done; return their sources."""
        return load_on_completion(out, layers, context, rasters=rasters)


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


def free_name(folder, stem, ending=".gpkg"):
    """``<stem>-0001/<stem>-0001.gpkg``, or the next number; a run writes tables and a picture beside it.

    Without an ending it is the folder ``<stem>-0001`` itself.
    """
    number = 1
    while os.path.lexists(folder / f"{stem}-{number:04d}"):
        number += 1
    new = folder / f"{stem}-{number:04d}"
    return new / f"{new.name}{ending}" if ending else new


def too_old(program):
    """What to do when the library does not know an operation."""
    text = tr("The library there is too old for this. Run: {} -m pip install --upgrade geolivelihood")
    return text.format(program)


def _told(error, log, feedback):
    if error.detail:
        feedback.pushConsoleInfo(error.detail)
    if error.code == "CANCELLED":
        log.unlink(missing_ok=True)
    if error.code == "UNKNOWN_OP":
        return f"{error} {too_old(settings.find_worker())} [{error.code}]"
    if error.code in unfinished.RESUMABLE:
        again = tr("Start it again and it goes on where it stopped: what was computed is kept.")
        return f"{error} {again} [{error.code}]"
    return f"{error} [{error.code}]"


def _report(result, feedback):
    for name, path in (result.get("outputs") or {}).items():
        feedback.pushInfo(said(name, path))
    if result.get("rejected"):
        text = tr("{} rows were set aside; the layer or file 'rejected' has the reasons.")
        feedback.pushWarning(text.format(count(result["rejected"])))
