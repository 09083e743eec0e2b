"""Write layers to one GeoPackage, to GeoJSON or to GeoParquet."""

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
        "GeoJSON (RFC 7946: longitude and latitude, WGS 84; one file per layer, its style, metadata and "
        "provenance in files beside it), or to GeoParquet likewise, where this QGIS can write it. An "
        "existing file is never overwritten."
    )
    TAGS = "livelihood save geopackage geojson share style"

    def initAlgorithm(self, configuration=None):
        self.add(
            QgsProcessingParameterMultipleLayers(
                "LAYERS", tr("Layers"), QgsProcessing.SourceType.TypeVectorAnyGeometry
            ),
            tr("The vector layers to write, with the style that is seen now."),
        )
        self.add(
            QgsProcessingParameterBoolean("SELECTED", tr("Only selected features"), False),
            tr("Write what is selected; layers in which nothing is selected are left out."),
        )
        self.add(
            QgsProcessingParameterBoolean("WITHOUT_CLUSTERS", tr("Leave out survey clusters"), False),
            tr("Leave out layers called 'clusters' where the survey's terms forbid to share its points."),
        )
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT", tr("Exported file"), export.file_filter()),
            tr("A new file; its ending (.gpkg, .geojson or .parquet) chooses the format."),
        )
        self.addOutput(QgsProcessingOutputMultipleLayers("FILES", tr("Files")))

    def prepareAlgorithm(self, parameters, context, feedback):
        layers = self.parameterAsLayerList(parameters, "LAYERS", context)
        if self.parameterAsBoolean(parameters, "WITHOUT_CLUSTERS", context):
            layers = [layer for layer in layers if (export.table_name(layer) or layer.name()) != "clusters"]
        self.selected = self.parameterAsBoolean(parameters, "SELECTED", context)
        if self.selected:
            layers = [layer for layer in layers if layer.selectedFeatureCount()]
            if not layers:
                raise QgsProcessingException(tr("Nothing is selected in these layers."))
        # This runs on the main thread, to which the project's own layers belong.
        self.layers = [layer.clone() for layer in layers]
        for layer, copied in zip(layers, self.layers):
            copied.selectByIds(layer.selectedFeatureIds())  # a copy has no selection
        return True

    def processAlgorithm(self, parameters, context, feedback):
        path = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        files, failed = [], ""
        try:
            targets = export.plan(self.layers, path)
            files = export.write(targets, context.transformContext(), feedback, only_selected=self.selected)
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
