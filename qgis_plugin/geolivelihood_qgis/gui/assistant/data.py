"""First page: clusters and pictures."""

from pathlib import Path

from qgis.core import QgsFieldProxyModel
from qgis.gui import QgsFieldComboBox, QgsFileWidget
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QStackedWidget, QVBoxLayout, QWidget

from ... import words
from ...compat import LAYER_FILTER, tr
from . import checks
from .choosers import LayerChooser, RasterChooser, layer_file
from .page import Page, choose, line_up, stop, warn

FIELDS = QgsFieldProxyModel.Filter.AllTypes


class DataPage(Page):
    """Where people were asked, and which pictures there are."""

    def __init__(self, description=None):
        super().__init__(
            "Data",
            tr("1 of 5: Data"),
            tr(
                "Survey clusters are the places where people were asked; pictures show what is around them. "
                "The models learn what pictures say about the survey, and fill the map between."
            ),
        )
        self._ask_clusters(description)
        self._ask_pictures(description)
        self._bind()
        self._follow()

    def _ask_clusters(self, description):
        self.clusters = LayerChooser("glqAssistantClusters", LAYER_FILTER.PointLayer)
        self.ask(tr("Survey c&lusters"), self.clusters, tr("Points with the indicator as a column."))
        self.cluster_id = _field_box("glqAssistantClusterId")
        self.ask(
            tr("Their nu&mber"),
            self.cluster_id,
            tr("The column that names a cluster. Empty: they are counted."),
        )
        self.displaced = QComboBox()
        self.displaced.setObjectName("glqAssistantDisplaced")
        for value, title in words.described(description, "displaced", words.displaced()):
            self.displaced.addItem(title, value)
        self.ask(
            tr("Were they mo&ved?"),
            self.displaced,
            tr("Surveys move published points so that nobody is found; the map then spreads them again."),
        )
        self.urban = _field_box("glqAssistantUrban")
        self.urban_label = self.ask(
            tr("&Urban or rural"),
            self.urban,
            tr("The column that says U or R (DHS: URBAN_RURA): towns were moved less far."),
        )

    def _ask_pictures(self, description):
        self.pictures = QComboBox()
        self.pictures.setObjectName("glqAssistantPictures")
        self.pictures.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pictures.setMinimumContentsLength(20)  # the longest would take a line of its own
        self.stack = QStackedWidget()
        for value, title in words.described(description, "pictures", words.pictures()):
            self.pictures.addItem(title, value)
        self.ask(tr("&Pictures"), self.pictures, tr("What the models look at."))
        self.photos = LayerChooser("glqAssistantPhotos", LAYER_FILTER.PointLayer, optional=True)
        self.photos.box.setLayer(None)
        self.photo_file = _field_box("glqAssistantPhotoFile")
        self.photos_folder = _folder("glqAssistantPhotosFolder")
        self.paths_from = _folder("glqAssistantPathsFrom")
        self.tiles = _folder("glqAssistantTiles")
        self.rasters = RasterChooser("glqAssistantRasters")
        self.window = QDoubleSpinBox()
        self.window.setObjectName("glqAssistantWindow")
        self.window.setRange(0, 500_000)
        self.window.setSpecialValueText(tr("Automatic"))
        self.window.setDecimals(0)
        self.window.setSingleStep(500)
        self.window.setSuffix(tr(" m"))
        self.panes = {
            "photos_table": self._pane(
                (tr("Ph&otos"), self.photos),
                (tr("Column with their &file"), self.photo_file),
                (tr("Paths s&tart from"), self.paths_from),
            ),
            "photos_folder": self._pane((tr("&Folder of photos"), self.photos_folder)),
            "tiles": self._pane((tr("&Folder of tiles"), self.tiles)),
            "raster": self._pane((tr("&Rasters"), self.rasters), (tr("&Width around a place"), self.window)),
        }
        self.form.addRow(self.stack)
        line_up([self.form, *(pane.findChild(QFormLayout) for pane in self.panes.values())])

    def _pane(self, *rows):
        pane = QWidget()
        column = QVBoxLayout(pane)
        column.setContentsMargins(0, 0, 0, 0)
        form = QFormLayout()
        column.addLayout(form)
        column.addStretch(1)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, widget in rows:
            widget.setAccessibleName(title.replace("&", ""))
            form.addRow(title, widget)
        self.stack.addWidget(pane)
        return pane

    def _bind(self):
        self.bind("CLUSTERS", self.clusters.value, self.clusters.set_value)
        self.bind("CLUSTER_ID", lambda: self.cluster_id.currentField() or None, self._put(self.cluster_id))
        self.bind_box("DISPLACED", self.displaced)
        self.bind(
            "URBAN", lambda: (self.moved() and self.urban.currentField()) or None, self._put(self.urban)
        )
        self.bind_box("PICTURES", self.pictures)
        self.bind("PHOTOS", self._only("photos_table", self.photos.value), self.photos.set_value)
        get = self._only("photos_table", lambda: self.photo_file.currentField() or None)
        self.bind("PHOTO_FILE", get, self._put(self.photo_file))
        self.bind("PHOTOS_FOLDER", self._folder_of_photos, self._put_folder)
        get = self._only("tiles", lambda: self.tiles.filePath().strip() or None)
        self.bind("TILES", get, lambda value: self.tiles.setFilePath(value or ""))
        get = self._only("raster", lambda: self.rasters.value() or None)
        self.bind("RASTERS", get, self.rasters.set_value)
        self.bind("RASTER_CRS", self._only("raster", self._raster_crs), lambda value: None)
        get = self._only("raster", lambda: self.window.value() or None)
        self.bind("WINDOW_M", get, lambda value: self.window.setValue(value or 0))

    def _follow(self):
        self.clusters.changed.connect(self._clusters_changed)
        self.photos.changed.connect(self._photos_changed)
        self.pictures.currentIndexChanged.connect(self._pictures_changed)
        self.displaced.currentIndexChanged.connect(self._displaced_changed)
        self.rasters.changed.connect(self.refresh)
        for widget in (self.photos_folder, self.paths_from, self.tiles):
            widget.fileChanged.connect(self.refresh)
        for box in (self.urban, self.photo_file):
            box.fieldChanged.connect(self.refresh)
        self._clusters_changed()
        self._photos_changed()
        self._pictures_changed()
        self._displaced_changed()

    def moved(self):
        """Whether the points were displaced."""
        return self.displaced.currentData() != "none"

    def initializePage(self):
        self.rasters.refresh()
        super().initializePage()

    def notices(self):
        """About the clusters, then about the pictures."""
        found = checks.points(self.clusters.layer())
        if self.moved() and not self.urban.currentField():
            found.append(
                stop(tr("Choose the column that says which clusters are urban: they were moved less far."))
            )
        return found + getattr(self, f"_{self.pictures.currentData()}_notices", list)()

    def _photos_table_notices(self):
        layer = self.photos.layer()
        if layer is None:
            return [stop(tr("Choose the layer of photos, or another kind of pictures."))]
        if layer.featureCount() == 0:
            return [stop(tr("{} has no features. Choose another layer.").format(layer.name()))]
        if self.paths_from.filePath().strip():
            found = folder_notices(self.paths_from.filePath(), "")
            if found:
                return found
        return [one for one in checks.crs(layer) if one.stops]

    def _photos_folder_notices(self):
        return folder_notices(self.photos_folder.filePath(), tr("Choose the folder with the photos."))

    def _tiles_notices(self):
        return folder_notices(self.tiles.filePath(), tr("Choose the folder with the tiles."))

    def _raster_notices(self):
        layers = self.rasters.layers()
        if not layers:
            return [stop(tr("Tick at least one raster, or choose another kind of pictures."))]
        text = tr("{} does not say where it lies; longitude and latitude (EPSG:4326) are assumed.")
        return [warn(text.format(layer.name())) for layer in layers if not layer.crs().isValid()]

    def _clusters_changed(self):
        layer = self.clusters.layer()
        for box in (self.cluster_id, self.urban):
            box.setLayer(layer)
        names = {} if layer is None else {f.name().upper(): f.name() for f in layer.fields()}
        self.cluster_id.setField(names.get("CLUSTER_ID") or names.get("DHSID") or "")
        self.urban.setField(names.get("URBAN_RURA") or names.get("URBAN") or "")
        if "URBAN_RURA" in names:
            choose(self.displaced, "dhs")
        self.refresh()

    def _photos_changed(self):
        layer = self.photos.layer()
        self.photo_file.setLayer(layer)
        names = {} if layer is None else {f.name().lower(): f.name() for f in layer.fields()}
        guess = next((names[name] for name in ("path", "file", "filename", "photo") if name in names), "")
        self.photo_file.setField(guess)
        path = "" if layer is None else layer_file(layer)
        self.paths_from.setFilePath(str(Path(path).parent) if path else "")
        self.refresh()

    def _pictures_changed(self):
        self.stack.setCurrentWidget(self.panes.get(self.pictures.currentData(), self.stack.widget(0)))
        self.refresh()

    def _displaced_changed(self):
        self.urban.setEnabled(self.moved())
        self.urban_label.setEnabled(self.moved())
        self.refresh()

    def _only(self, kind, get):
        return lambda: get() if self.pictures.currentData() == kind else None

    def _folder_of_photos(self):
        widgets = {"photos_folder": self.photos_folder, "photos_table": self.paths_from}
        widget = widgets.get(self.pictures.currentData())
        return (widget and widget.filePath().strip()) or None

    def _put_folder(self, value):
        for widget in (self.photos_folder, self.paths_from):
            widget.setFilePath(value or "")

    def _raster_crs(self):
        """What QGIS knows of the first raster; files such as JPEG cannot say it."""
        return next((layer.crs().authid() for layer in self.rasters.layers()), "") or "EPSG:4326"

    @staticmethod
    def _put(box):
        return lambda value: box.setField(value or "")


def folder_notices(path, missing):
    """Notices about a folder that is read."""
    if not path.strip():
        return [stop(missing)]
    if not Path(path).is_dir():
        return [stop(tr("There is no folder {}.").format(path))]
    return []


def _field_box(name):
    box = QgsFieldComboBox()
    box.setObjectName(name)
    box.setFilters(FIELDS)
    box.setAllowEmptyFieldName(True)
    return box


def _folder(name):
    widget = QgsFileWidget()
    widget.setObjectName(name)
    widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
    return widget
