"""What two runs say differently about one indicator, as a layer."""

import os
from pathlib import Path

from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputMultipleLayers,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterString,
)

from ..compare import difference, look
from ..compat import tr
from ..layers.arranger import load_on_completion
from ..layers.results import ResultsError, result_layers
from .base import Algorithm

TABLES = tuple(difference.KEYS)


class CompareRuns(Algorithm):
    """Subtracts one run from another and says where that is more than their intervals."""

    ID = "compare_runs"
    TITLE = "Compare two runs"
    HELP = (
        "Joins the cells (or regions) of two GeoPackages written by geolivelihood and writes a new one with "
        "the layer 'difference': both values and their intervals, second minus first, whether the intervals "
        "overlap, whether the difference is larger than half of both intervals, and whether both runs are "
        "applicable there. Cells in only one of the runs are counted and left out. Cells must have one "
        "size. A difference of two maps is no change on the ground unless it is larger than both their "
        "errors. Needs no worker Python."
    )
    TAGS = "livelihood difference change two maps runs subtract"

    def initAlgorithm(self, configuration=None):
        for name, title, text in (
            ("FIRST", tr("First results"), tr("The GeoPackage of a run, which is subtracted.")),
            ("SECOND", tr("Second results"), tr("The GeoPackage of another run.")),
        ):
            self.add(
                QgsProcessingParameterFile(
                    name,
                    title,
                    QgsProcessingParameterFile.Behavior.File,
                    fileFilter=tr("GeoPackage (*.gpkg)"),
                ),
                text,
            )
        self.add(
            QgsProcessingParameterString("INDICATOR", tr("Indicator"), optional=True),
            tr("The column to compare, such as wealth; empty: the first indicator that both runs have."),
        )
        self.add(
            QgsProcessingParameterEnum("LAYER", tr("Compare"), [tr("Cells"), tr("Regions")], False, 0),
            tr("Cells are joined by their H3 name, regions by their id."),
        )
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT", tr("Difference"), tr("GeoPackage (*.gpkg)")),
            tr("A new GeoPackage; an existing file is never overwritten."),
        )
        self.add(
            QgsProcessingParameterBoolean("LOAD", tr("Load the layer when done"), True),
            tr("Add the layer of differences to the project."),
        )
        self.addOutput(QgsProcessingOutputMultipleLayers("LAYERS", tr("Layers")))
        for name, title in (
            ("COUNT", tr("Number in both runs")),
            ("ONLY_FIRST", tr("Number only in the first run")),
            ("ONLY_SECOND", tr("Number only in the second run")),
        ):
            self.addOutput(QgsProcessingOutputNumber(name, title))

    def processAlgorithm(self, parameters, context, feedback):
        paths = [self.parameterAsFile(parameters, name, context) for name in ("FIRST", "SECOND")]
        table = TABLES[self.parameterAsEnum(parameters, "LAYER", context)]
        indicator = self.parameterAsString(parameters, "INDICATOR", context).strip()
        target = Path(self.parameterAsFileOutput(parameters, "OUTPUT", context))
        tally, failed = None, ""
        try:
            tally = _compare(paths, table, indicator, target, context, feedback)
        except (difference.CompareError, ResultsError) as error:
            failed = str(error)
        except OSError as error:
            failed = tr("{} was not written: {}").format(target, error.strerror)
        # Raised out here, without a cause: QGIS keeps the traceback, whose frames would keep the layers, too.
        if failed:
            raise QgsProcessingException(failed)
        for text in look.sentences(tally):
            feedback.pushInfo(text)
        described = result_layers(str(target))
        if self.parameterAsBoolean(parameters, "LOAD", context):
            sources = load_on_completion(str(target), described, context)
        else:
            sources = [f"{target}|layername={one.name}" for one in described]
        found = {"OUTPUT": str(target), "LAYERS": sources, "COUNT": tally.matched}
        return found | {"ONLY_FIRST": tally.only_first, "ONLY_SECOND": tally.only_second}


def _compare(paths, table, indicator, target, context, feedback):
    """Write the whole file or none."""
    if target.suffix.lower() != ".gpkg":
        raise difference.CompareError(tr("{}: choose a name that ends in .gpkg.").format(target))
    if os.path.lexists(target):
        text = tr("{} exists and is never overwritten. Choose a new name.")
        raise difference.CompareError(text.format(target))
    for path in paths:
        result_layers(path)  # says what is wrong with a file that is no result
    if Path(paths[0]).resolve() == Path(paths[1]).resolve():
        raise difference.CompareError(tr("Both results are the same file: choose two runs."))
    part = target.with_name(f"{target.stem}.part.gpkg")
    try:
        first, second, chosen = difference.sides(*paths, table, indicator)
        for text in difference.doubts(first, second):
            feedback.pushWarning(text)
        tally = difference.write(first, second, part, context.transformContext(), feedback)
        look.finish(part, first, second, chosen, tally)
        del first, second
        part.replace(target)
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            part.with_name(part.name + end).unlink(missing_ok=True)
    return tally
