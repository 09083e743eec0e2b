"""Explain a model of a project in the worker, and load what came of it."""

from pathlib import Path

from qgis.core import (
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
    QgsProviderRegistry,
)

from ..compat import tr
from ..layers.mosaics import below_mosaics, mosaics
from ..layers.results import ResultsError, result_layers
from .project_algorithm import ProjectAlgorithm
from .worker_algorithm import parse_settings


class Explain(ProjectAlgorithm):
    """Shows what a model of a project goes by, as layers in a copy of the run's results."""

    GROUP = "models"
    ID = "explain"
    OPERATION = "explain"
    TITLE = "Explain a model"
    HELP = (
        "Shows what a model goes by: what in each picture raises or lowers its prediction (red and blue maps "
        "on the ground, view sectors of street photos), which links between places counted, which concepts "
        "it has learned, which kinds of pictures there are. "
        "The results are copied and the explanations join the copy, so that a file that is open in a project "
        "is never changed; rasters, tables and pictures go to a folder beside the copy. Rasters of earlier "
        "explanations stay where they are, so keep those results. "
        "An explanation says what the model goes by, not what causes livelihoods. "
        "It runs in a separate Python that has the library (Plugins ▸ Geolivelihood ▸ Settings) and can be "
        "cancelled; what was computed until then is kept for the next time."
    )
    TAGS = "livelihood explanation attribution cam shap concepts graph evidence pictures"

    def initAlgorithm(self, configuration=None):
        self.add_project()
        self._add_result()
        self.add(
            QgsProcessingParameterEnum("METHOD", tr("Method"), [name for _, name in methods()], False, 0),
            tr("How to explain. The usual one suits the model: signed maps of evidence, for graphs links."),
        )
        self._add_text("MODEL", tr("Model"), tr("One of the project's models. Left empty: the map's."))
        self._add_text(
            "INDICATOR", tr("Indicator"), tr("What the model predicts. Left empty: the project's first.")
        )
        self._add_text(
            "SOURCE",
            tr("Source of pictures"),
            tr(
                "A source of the project, such as tiles or photos. Left empty: the first that the model sees."
            ),
        )
        ids = QgsProcessingParameterString(
            "IDS", tr("Only these pictures, clusters or cells"), multiLine=True, optional=True
        )
        self.add(ids, tr("Their ids, separated by commas or line breaks. Left empty: all, which takes long."))
        self._add_options()
        self.add_settings(
            tr("The changes that the run was started with, one per line: validation.folds = 10")
        )
        self.add_output(
            tr(
                "A new GeoPackage: the results with the explanations. Left empty: a new folder in the "
                "results folder, or beside the project."
            )
        )
        self.add(
            QgsProcessingParameterBoolean("LOAD", tr("Load the layers when done"), True),
            tr("Add the new results to the project in one group, maps of evidence in their own colours."),
        )

    def _add_result(self):
        result = QgsProcessingParameterFile(
            "RESULT", tr("Results of the run"), QgsProcessingParameterFile.Behavior.File, optional=True
        )
        result.setFileFilter(tr("GeoPackage (*.gpkg)"))
        self.add(
            result,
            tr(
                "The GeoPackage that 'Run project' has written; it is read and never changed. Left empty: "
                "the one that the project file names."
            ),
        )

    def _add_text(self, name, title, help_text):
        self.add(QgsProcessingParameterString(name, title, optional=True), help_text)

    def _add_options(self):
        concepts = QgsProcessingParameterString("CONCEPTS", tr("Concepts"), optional=True)
        self.add(
            concepts,
            tr(
                "For the method of concepts: a folder with one folder of pictures per concept, or polygons "
                "and their column (landuse.gpkg:class)."
            ),
            advanced=True,
        )
        zones = QgsProcessingParameterFile(
            "ZONES", tr("Areas to sum over"), QgsProcessingParameterFile.Behavior.File, optional=True
        )
        self.add(
            zones,
            tr("For maps of overhead pictures: a file of polygons. Left empty: cells and regions."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBoolean("CHECK", tr("Check whether the maps may be believed"), False),
            tr("For maps of pictures: compares them with random maps and with a model that learned nothing."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString("OPTIONS", tr("Further options"), multiLine=True, optional=True),
            tr("What single methods take, one per line: k = 5"),
            advanced=True,
        )

    def checkParameterValues(self, parameters, context):
        try:
            parse_settings(self.parameterAsString(parameters, "OPTIONS", context))
        except ValueError as error:
            return False, str(error)
        return super().checkParameterValues(parameters, context)

    def processAlgorithm(self, parameters, context, feedback):
        project = self.project(parameters, context)
        result = self._result(parameters, context)
        method = methods()[self.parameterAsEnum(parameters, "METHOD", context)][0]
        out = self.target(parameters, context, project.parent / "results", f"{project.stem}-explained")
        params = {
            "project": str(project),
            "set": self.changes(parameters, context),
            "result": result,
            "methods": [method] if method else None,
            "ids": parse_ids(self.parameterAsString(parameters, "IDS", context)),
            "options": self._options(parameters, context),
        }
        for name in ("MODEL", "INDICATOR", "SOURCE"):
            params[name.lower()] = self.parameterAsString(parameters, name, context).strip() or None
        done = self.work(params, out, feedback)
        layers = self.described(out, done)
        rasters = mosaics(out, layers, done.get("files") or ())
        if any(described.visible for _, described in rasters):
            layers = below_mosaics(layers)
        if self.parameterAsBoolean(parameters, "LOAD", context):
            sources = self.load(out, layers, context, rasters)
        else:
            sources = [f"{out}|layername={layer.name}" for layer in layers] + [file for file, _ in rasters]
        return {"OUTPUT": str(out), "LAYERS": sources}

    def _result(self, parameters, context):
        """The run's results, looked at before a worker is started."""
        named = self.parameterAsFile(parameters, "RESULT", context)
        if not named:
            return None
        try:
            result_layers(named)
        except ResultsError as error:
            raise QgsProcessingException(str(error)) from error
        return str(Path(named).resolve())

    def _options(self, parameters, context):
        options = parse_settings(self.parameterAsString(parameters, "OPTIONS", context))
        concepts = self.parameterAsString(parameters, "CONCEPTS", context).strip()
        zones = self.parameterAsFile(parameters, "ZONES", context)
        if concepts:
            options["concepts"] = concepts
        if zones:
            options["zones"] = str(Path(zones).resolve())
        if self.parameterAsBoolean(parameters, "CHECK", context):
            options["check"] = True
        return options


def methods():
    """The library's name of each method, and ours; an empty name leaves the choice to the library."""
    return (
        ("", tr("The usual one for the model")),
        ("signed_cam", tr("Pictures: evidence for and against, adds up to the prediction (signed CAM)")),
        ("grad_cam", tr("Pictures: where the model looks (Grad-CAM)")),
        ("grad_cam++", tr("Pictures: where the model looks, several things apart (Grad-CAM++)")),
        ("grad_cam++_exp", tr("Pictures: as Grad-CAM++, of the exponentiated score")),
        ("layer_cam", tr("Pictures: where the model looks, in finer detail (Layer-CAM)")),
        ("score_cam", tr("Pictures: where the model looks, by masking (Score-CAM, slow)")),
        ("guided_backprop", tr("Pictures: edges and textures that raise the prediction (guided backprop)")),
        ("guided_grad_cam", tr("Pictures: edges where the model looks (guided Grad-CAM)")),
        ("integrated_gradients", tr("Pictures: contribution of each pixel (integrated gradients)")),
        ("gradient_shap", tr("Pictures: contribution of each pixel beside other pictures (gradient SHAP)")),
        ("deep_shap", tr("Pictures: contribution of each pixel beside other pictures (deep SHAP)")),
        ("block_shap", tr("Pictures: contribution of each block (Shapley values, slow)")),
        ("occlusion", tr("Pictures: what changes when a patch is covered (occlusion)")),
        ("links_occlusion", tr("Links: what changes without a link (graph and cell models)")),
        ("links_integrated_gradients", tr("Links: contribution of each link (integrated gradients)")),
        ("links_gradient_weight", tr("Links: gradient times weight (fast)")),
        ("links_gnn_explainer", tr("Links: the few links that suffice (GNNExplainer)")),
        ("concepts", tr("Concepts: what the model has learned of things that you show it (TCAV)")),
        ("feature_clusters", tr("Kinds of pictures: groups of alike ones")),
    )


def parse_ids(text):
    """Ids between commas, semicolons and line breaks, or ``None`` for all."""
    parts = (text or "").replace(";", "\n").replace(",", "\n").splitlines()
    return list(dict.fromkeys(filter(None, map(str.strip, parts)))) or None


def result_of(layer):
    """The parameter that names the results file of a layer, if it comes from a GeoPackage."""
    if layer is None or layer.providerType() != "ogr":
        return {}
    path = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("path") or ""
    return {"RESULT": path} if path.lower().endswith(".gpkg") else {}
