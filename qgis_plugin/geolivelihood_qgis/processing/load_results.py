"""Open a results GeoPackage as a map."""

from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
)

from ..compat import tr
from ..layers.arranger import load_on_completion
from ..layers.mosaics import stored_mosaics
from ..layers.results import ResultsError, result_layers
from .base import Algorithm


class LoadResults(Algorithm):
    """Loads all layers of a results file, styled, grouped and ordered."""

    ID = "load_results"
    TITLE = "Load results"
    HELP = (
        "Opens a GeoPackage written by geolivelihood as a map: all its layers with the styles that they "
        "carry, in one group named after the file, points on top; maps of evidence that lie as rasters "
        "beside it come below them. Needs no worker Python."
    )
    TAGS = "livelihood wealth poverty geopackage open"

    def initAlgorithm(self, configuration=None):
        self.add(
            QgsProcessingParameterFile(
                "INPUT",
                tr("Results file"),
                QgsProcessingParameterFile.Behavior.File,
                fileFilter=tr("GeoPackage (*.gpkg)"),
            ),
            tr("A GeoPackage that a run has written."),
        )
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Layers")))
        self.addOutput(QgsProcessingOutputNumber("COUNT", tr("Number of layers")))
        self.addOutput(QgsProcessingOutputNumber("MISSING", tr("Number of missing maps of evidence")))

    def processAlgorithm(self, parameters, context, feedback):
        path = self.parameterAsFile(parameters, "INPUT", context)
        try:
            layers = result_layers(path)
        except ResultsError as error:
            raise QgsProcessingException(str(error)) from error
        rasters, missing = stored_mosaics(path, layers)
        sources = load_on_completion(path, layers, context, rasters)
        feedback.pushInfo(", ".join(layer.title for layer in [*layers, *(one for _, one in rasters)]))
        if missing:
            text = tr(
                "{} maps of evidence are missing: keep the folder of the result together with its file."
            )
            feedback.pushWarning(text.format(missing))
        return {"LAYERS": sources, "COUNT": len(sources), "MISSING": missing}
