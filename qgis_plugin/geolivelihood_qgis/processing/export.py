"""Write layers to one GeoPackage or to GeoJSON."""

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
)

from ..compat import tr
from ..layers import export
from .base import Algorithm


class Export(Algorithm):
    """Exports layers with their styles."""

    ID = "export"
    TITLE = "Export layers"
    HELP = (
        "Writes layers to one new GeoPackage (with their styles, metadata and the run's provenance), or to "
        "GeoJSON (RFC 7946: longitude and latitude, WGS 84; one file per layer). An existing file is never "
        "overwritten."
    )
    TAGS = "livelihood save geopackage geojson share style"

    def initAlgorithm(self, configuration=None):
        self.add(
            QgsProcessingParameterMultipleLayers(
                "LAYERS", tr("Layers"), QgsProcessing.SourceType.TypeVectorAnyGeometry
            ),
            tr("The vector layers to write; each is written whole, with the style that is seen now."),
        )
        self.add(
            QgsProcessingParameterBoolean("WITHOUT_CLUSTERS", tr("Leave out survey clusters"), False),
            tr("Leave out layers called 'clusters' where the survey's terms forbid to share its points."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT", tr("Exported file"), tr("GeoPackage (*.gpkg);;GeoJSON (*.geojson)")
            ),
            tr("A new file; its ending (.gpkg or .geojson) chooses the format."),
        )
        self.addOutput(QgsProcessingOutputMultipleLayers("FILES", tr("Files")))

    def prepareAlgorithm(self, parameters, context, feedback):
        layers = self.parameterAsLayerList(parameters, "LAYERS", context)
        if self.parameterAsBoolean(parameters, "WITHOUT_CLUSTERS", context):
            layers = [layer for layer in layers if (export.table_name(layer) or layer.name()) != "clusters"]
        # This runs on the main thread, to which the project's own layers belong.
        self.layers = [layer.clone() for layer in layers]
        return True

    def processAlgorithm(self, parameters, context, feedback):
        path = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        files, failed = [], ""
        try:
            files = export.write(export.plan(self.layers, path), context.transformContext(), feedback)
        except (export.ExportError, OSError) as error:
            failed = str(error)
        finally:
            self.layers.clear()
        # Raised out here, without a cause: QGIS keeps the traceback, whose frames would keep the layers, too.
        if failed:
            raise QgsProcessingException(failed)
        for file in files:
            feedback.pushInfo(str(file))
        return {"OUTPUT": str(files[0]), "FILES": [str(file) for file in files]}
