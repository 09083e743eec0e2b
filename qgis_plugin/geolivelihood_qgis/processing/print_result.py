"""Print a result as a map with everything that a map must say."""

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputString,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
    QgsProject,
)

from ..compat import tr
from ..layers.results import ResultsError
from ..printing.pdf import PrintError, print_result
from .base import Algorithm


class PrintResult(Algorithm):
    """Makes a print layout of one indicator of a result and exports it to PDF."""

    ID = "print_result"
    TITLE = "Print result"
    HELP = (
        "Prints one indicator of a GeoPackage written by geolivelihood on one A4 page: the map of its "
        "cells as its file styles them, an inset with the width of the intervals, legends, outlines of "
        "regions, scale bar, north arrow, sources and licences, a paragraph on what the map can and "
        "cannot be used for, and the run that made it. The layout stays in the project, where it can be "
        "changed. An existing file is never overwritten. Needs no worker Python. "
        "Maps of many cells are drawn in the background and can be cancelled."
    )
    TAGS = "livelihood map layout pdf paper report atlas"

    def flags(self):
        # Layouts and the project belong to the main thread.
        return super().flags() | QgsProcessingAlgorithm.Flag.FlagNoThreading

    def initAlgorithm(self, configuration=None):
        self.add(
            QgsProcessingParameterFile(
                "INPUT",
                tr("Results file"),
                QgsProcessingParameterFile.Behavior.File,
                fileFilter=tr("GeoPackage (*.gpkg)"),
            ),
            tr("A GeoPackage that a run has written; its layers are loaded where they are not yet."),
        )
        self.add(
            QgsProcessingParameterString("INDICATOR", tr("Indicator"), optional=True),
            tr("The column of the cells to map, such as wealth; empty: the first indicator of the run."),
        )
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title"), optional=True),
            tr("The title of the page; empty: the title of the project file, or the indicator's name."),
        )
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT", tr("Printed map"), tr("PDF (*.pdf)")),
            tr("A new file that ends in .pdf."),
        )
        self.addOutput(QgsProcessingOutputString("LAYOUT", tr("Name of the layout")))

    def processAlgorithm(self, parameters, context, feedback):
        path = self.parameterAsFile(parameters, "INPUT", context)
        target = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        project = context.project()
        own, failed = None if project else QgsProject(), ""
        try:
            name = print_result(
                project or own,
                path,
                target,
                indicator=self.parameterAsString(parameters, "INDICATOR", context).strip(),
                title=self.parameterAsString(parameters, "TITLE", context).strip(),
                feedback=feedback,
            )
        except (PrintError, ResultsError) as error:
            failed = str(error)
        finally:
            if own:
                own.clear()
        # Raised out here, without a cause: QGIS keeps the traceback, whose frames would keep the layers, too.
        if failed:
            raise QgsProcessingException(failed)
        feedback.pushInfo(str(target))
        return {"OUTPUT": target, "LAYOUT": name}
