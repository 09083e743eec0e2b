"""Algorithms that are made of what the library says about its operations."""

import os
from html import escape
from pathlib import Path

from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsVectorLayer,
)

from ..compat import tr
from ..layers.arranger import load_on_completion, load_table
from ..layers.mosaics import below_mosaics, mosaics
from ..layers.sources import Source, is_for_the_library
from . import kinds
from .base import groups
from .descriptions import ENDINGS, LAYERS
from .needs import missing
from .worker_algorithm import WorkerAlgorithm, free_name


class DescribedAlgorithm(WorkerAlgorithm):
    """One operation of the library: its form, its request, and its results as layers."""

    def __init__(self, description):
        super().__init__()
        self.description = description
        self.ID = self.OPERATION = description.id
        self.TITLE, self.HELP, self.TAGS = description.title, description.help, description.tags
        self.GROUP = description.group
        self.ENDING = ENDINGS[description.output.kind]
        self.values = {}
        self.home = ""

    def createInstance(self):
        made = type(self)(self.description)
        made.watched = self.watched
        return made

    def shortHelpString(self):
        # QGIS reads it as HTML; a description is text.
        return escape(tr(self.HELP), quote=False).replace("\n", "<br>")

    def groupId(self):
        known = [name for name, titles in groups().items() if self.GROUP in titles]
        return known[0] if known else "".join(c if c.isalnum() else "_" for c in self.GROUP.lower())

    def group(self):
        return groups().get(self.groupId(), (self.GROUP, tr(self.GROUP)))[1]

    def initAlgorithm(self, configuration=None):
        for one in self.description.parameters:
            self.add(kinds.make(one), tr(one.help), advanced=one.advanced)
        kind, output = self.description.output.kind, self.description.output
        if kind == "folder":
            made = QgsProcessingParameterFolderDestination(
                "OUTPUT", tr(output.title), optional=True, createByDefault=False
            )
        else:
            ending = tr("GeoPackage (*.gpkg)") if kind == "geopackage" else tr("Table (*.csv)")
            made = QgsProcessingParameterFileDestination(
                "OUTPUT", tr(output.title), ending, optional=True, createByDefault=False
            )
        self.add(made, f"{tr(output.help)} {self._where()}".strip())
        if kind != "folder":
            self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Layers")))

    def _where(self):
        if self.ENDING:
            return tr(
                "A new file. Left empty: a new folder in the results folder of the settings, or beside the "
                "project or the first input."
            )
        if self.description.output.resumable:
            return tr("A new folder, or one that an earlier run has begun, which is gone on with.")
        return tr("A new folder; in one that is there already, a new one is made.")

    def checkParameterValues(self, parameters, context):
        parameters = dict(parameters)
        given = kinds.Given(self, parameters, context)
        try:
            for one in self.description.parameters:
                if one.kind == "choice" and one.name.upper() in parameters:
                    chosen = kinds.numbered(one, kinds.plain(parameters[one.name.upper()], context))
                    parameters[one.name.upper()] = chosen
            reason = self._wrong(given)
            good, told = super().checkParameterValues(self._stand_ins(parameters), context)
            reason = reason or (told if not good else missing(self.description, self._all(given)))
        except ValueError as error:
            reason = str(error)
        return not reason, reason

    def _wrong(self, given):
        """What is wrong with layers, fields and files, as far as can be seen from here."""
        for one in self.description.parameters:
            if one.kind in LAYERS:
                reason = kinds.check_layer(one, given)
            else:
                reason = kinds.check_fields(one, given) if one.kind == "fields" else ""
            if reason:
                return reason
        return ""

    def _stand_ins(self, parameters):
        """The parameters, where a file that only the library reads is a layer that QGIS can look at."""
        for one in self.description.parameters:
            value = parameters.get(one.name.upper())
            if one.kind in LAYERS and isinstance(value, str) and is_for_the_library(value):
                layer = QgsVectorLayer("Polygon" if one.kind == "polygons" else "Point", value, "memory")
                parameters = {**parameters, one.name.upper(): layer}
        return parameters

    def _all(self, given):
        return {one.name: kinds.value(one, given) for one in self.description.parameters}

    def named_output(self, parameters, context):
        if self.ENDING:
            return super().named_output(parameters, context)
        named = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        if not named:
            return None
        out = Path(named).absolute()
        if not os.path.lexists(out) or (self.description.output.resumable and out.is_dir()):
            return out
        if out.is_dir():
            return free_name(out, self.description.output.stem, self.ENDING)
        raise ValueError(tr("{} is a file. Choose a new folder.").format(out))

    def prepareAlgorithm(self, parameters, context, feedback):
        # This runs on the main thread, to which layers belong.
        self.asked = dict(parameters)
        given = kinds.Given(self, parameters, context)
        try:
            self.values = self._all(given)
        except ValueError as error:
            raise QgsProcessingException(str(error)) from error
        for one in self.description.parameters:
            snapshot = getattr(self.values.get(one.of), "snapshot", None)
            if snapshot and "file" in one.name and self.values[one.name]:
                snapshot.paths.add(self.values[one.name])
        self.home = self._home(context)
        return True

    def _home(self, context):
        """The folder of the project, or of the first file that was given."""
        if context.project() and context.project().absolutePath():
            return Path(context.project().absolutePath())
        for one in self.description.parameters:
            value = self.values[one.name]
            path = value.path if isinstance(value, Source) else value
            if one.kind in (*LAYERS, "raster", "file", "folder") and path:
                return Path(path).parent
        return Path.home()

    def processAlgorithm(self, parameters, context, feedback):
        stem = self.description.output.stem
        out = self.target(parameters, context, self.home / "results", stem)
        sources = {name: value for name, value in self.values.items() if isinstance(value, Source)}
        try:
            written = {name: source.write(name, feedback) for name, source in sources.items()}
            result = self.work({**self.values, **written}, out, feedback)
        except (ValueError, OSError) as error:
            raise QgsProcessingException(str(error)) from error
        finally:
            for source in sources.values():
                source.drop()
            self.values = {}
        told = {str(name).upper(): path for name, path in (result.get("outputs") or {}).items()}
        return {**told, "OUTPUT": str(out), **self._load(out, result, context)}

    def _load(self, out, result, context):
        kind = self.description.output.kind
        if kind == "folder":
            return {}
        if kind == "table":
            return {"LAYERS": [load_table(out, tr(self.description.output.title), context)]}
        layers = self.described(out, result)
        rasters = mosaics(out, layers, result.get("files") or ())
        if any(described.visible for _, described in rasters):
            layers = below_mosaics(layers)
        return {"LAYERS": load_on_completion(out, layers, context, rasters=rasters)}
