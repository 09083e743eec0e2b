"""Fifth page: what comes out, and what will be run."""

import os
from pathlib import Path

from qgis.core import QgsFieldProxyModel, QgsProject
from qgis.gui import QgsFieldComboBox, QgsFileWidget
from qgis.PyQt.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
)

from ...compat import LAYER_FILTER, tr
from ...env import settings
from ...processing.worker_algorithm import free_name
from ...wording import number as written
from . import checks
from .choosers import LayerChooser, layer_file
from .page import Page, stop, warn

WIDTHS_M = (
    2_600_000,
    980_000,
    370_000,
    140_000,
    53_000,
    20_000,
    7_500,
    2_800,
    1_060,
    400,
    150,
    57,
    22,
    8,
    3,
    1,
)
"""About how wide an H3 cell is, by resolution."""


class OutputPage(Page):
    """Cells, regions, and where the results go; shows all that will be run."""

    def __init__(self, description=None):
        super().__init__(
            "Output",
            tr("5 of 5: Output"),
            tr("How fine the map is, what comes with it, and where it goes. Below is what will be run."),
        )
        self._ask_map()
        self._ask_places()
        self._show_summary()
        self._bind()

    def _ask_map(self):
        self.resolution = QComboBox()
        self.resolution.setObjectName("glqAssistantResolution")
        for number, width in enumerate(WIDTHS_M):
            far = width >= 1000
            size = tr("{} km").format(written(width / 1000, ",g")) if far else tr("{} m").format(width)
            self.resolution.addItem(tr("H3 resolution {}: cells about {} wide").format(number, size), number)
        self.resolution.setCurrentIndex(7)
        self.ask(
            tr("C&ells"),
            self.resolution,
            tr("One step finer: seven times as many cells, and slower."),
        )
        self.regions = LayerChooser("glqAssistantRegions", LAYER_FILTER.PolygonLayer, optional=True)
        self.regions.box.setLayer(None)
        self.regions.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.ask(
            tr("Re&gions"), self.regions, tr("Districts to sum over; the map then covers them. May be empty.")
        )
        self.region_name = QgsFieldComboBox()
        self.region_name.setObjectName("glqAssistantRegionName")
        self.region_name.setFilters(QgsFieldProxyModel.Filter.AllTypes)
        self.region_name.setAllowEmptyFieldName(True)
        self.ask(tr("Their n&ame"), self.region_name, tr("The column that names a region."))
        self.explanations = QCheckBox(tr("E&xplain the map: what pictures, places and features say for it"))
        self.explanations.setObjectName("glqAssistantExplanations")
        self.explanations.setChecked(True)
        self.form.addRow("", self.explanations)

    def _ask_places(self):
        self.title = QLineEdit()
        self.title.setObjectName("glqAssistantTitle")
        self.ask(tr("&Title"), self.title, tr("The title of the map and the report. May be empty."))
        self.seed = QSpinBox()
        self.seed.setObjectName("glqAssistantSeed")
        self.seed.setRange(0, 2_147_483_647)
        self.ask(tr("&Seed"), self.seed, tr("The same number gives the same map again."))
        self.output = QgsFileWidget()
        self.output.setObjectName("glqAssistantOutput")
        self.output.setStorageMode(QgsFileWidget.StorageMode.SaveFile)
        self.output.setFilter(tr("GeoPackage (*.gpkg)"))
        self.output.setConfirmOverwrite(False)
        self.ask(tr("&Results"), self.output, tr("A new GeoPackage; scores and report go beside it."))

    def _show_summary(self):
        self.summary = QPlainTextEdit()
        self.summary.setObjectName("glqAssistantSummary")
        self.summary.setReadOnly(True)
        self.summary.setTabChangesFocus(True)
        self.summary.setMinimumHeight(110)
        self.ask(tr("&What will be run"), self.summary, tr("All that was chosen on the five pages."))
        self.copy = QPushButton(tr("Cop&y as qgis_process command"))
        self.copy.setObjectName("glqAssistantCopy")
        self.copy.setAutoDefault(False)
        self.copy.clicked.connect(
            lambda: QApplication.clipboard().setText(self.wizard().command() if self.wizard() else "")
        )
        self.form.addRow("", self.copy)
        self.layout().setStretchFactor(self.form, 1)  # what will be run takes the room that is left
        self.layout().setStretch(self.layout().count() - 2, 0)

    def _bind(self):
        self.bind_box("RESOLUTION", self.resolution)
        self.bind("REGIONS", self.regions.value, self.regions.set_value)
        self.bind(
            "REGION_NAME",
            lambda: (self.regions.layer() is not None and self.region_name.currentField()) or None,
            lambda value: self.region_name.setField(value or ""),
        )
        self.bind("EXPLANATIONS", self.explanations.isChecked, self.explanations.setChecked)
        self.bind("TITLE", lambda: self.title.text().strip() or None, lambda v: self.title.setText(v or ""))
        self.bind("SEED", self.seed.value, self.seed.setValue)
        self.bind("OUTPUT", lambda: _with_ending(self.output.filePath()), lambda value: None)
        self.regions.changed.connect(self._regions_changed)
        for signal in (
            self.resolution.currentIndexChanged,
            self.region_name.fieldChanged,
            self.explanations.toggled,
            self.title.textChanged,
            self.seed.valueChanged,
            self.output.fileChanged,
        ):
            signal.connect(self.refresh)

    def initializePage(self):
        if not self.output.filePath() or Path(self.output.filePath()).exists():
            self.output.setFilePath(str(self.new_name()))
        super().initializePage()

    def new_name(self):
        """A free name: in the results folder, else beside the project, else beside the clusters."""
        folder = settings.get("results_dir")
        if not folder:
            home = QgsProject.instance().homePath() or _folder_of(self.wizard().data.clusters.layer())
            folder = Path(home) / "results"
        return free_name(Path(folder), "map")

    def validatePage(self):
        """Also ask the algorithm itself: it sees all pages together."""
        if not super().validatePage():
            return False
        refusal = self.wizard().refusal() if self.wizard() else ""
        if refusal:
            self.notice.setText(f"✗ {refusal}")
            self.notice.setVisible(True)
        return not refusal

    def refresh(self, *_):
        """Also tell what will be run."""
        if self.wizard():
            self.summary.setPlainText(self.wizard().told())
        return super().refresh()

    def notices(self):
        """Whether the results can be written, and the regions used."""
        out = _with_ending(self.output.filePath())
        found = [] if out else [stop(tr("Name a new GeoPackage for the results."))]
        if out:
            found += output_notices(Path(out))
        if not QgsProject.instance().fileName():
            text = tr(
                "This QGIS project is not saved. The results are kept in their file, but save the project to "
                "keep the map."
            )
            found.append(warn(text))
        splits = self.wizard().validation.splits.value() if self.wizard() else ()
        if "region" in splits and not self.regions.value():
            found.append(
                stop(tr("Leaving out regions was ticked: choose the layer of regions, or untick it."))
            )
        if self.regions.layer() is not None:
            found += [one for one in checks.crs(self.regions.layer()) if one.stops]
        reason = settings.obstacle()
        return [stop(reason), *found] if reason else found

    def _regions_changed(self):
        layer = self.regions.layer()
        self.region_name.setLayer(layer)
        names = {} if layer is None else {f.name().lower(): f.name() for f in layer.fields()}
        self.region_name.setField(names.get("name") or names.get("region") or "")
        self.refresh()


def output_notices(out):
    """Whether a new file can be written there."""
    if not out.is_absolute():
        return [stop(tr("{}: give the full path, with its folder.").format(out))]
    if os.path.lexists(out):
        return [stop(tr("{} exists and is never overwritten. Choose a new name.").format(out))]
    folder = next((parent for parent in out.parents if parent.exists()), out.parent)
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return [stop(tr("The folder {} cannot be written to. Choose another.").format(folder))]
    return []


def _folder_of(layer):
    path = layer_file(layer) if layer is not None else ""
    return Path(path).parent if path else Path.home()


def _with_ending(path):
    path = path.strip()
    if path and not path.lower().endswith(".gpkg"):
        path += ".gpkg"
    return path or None
