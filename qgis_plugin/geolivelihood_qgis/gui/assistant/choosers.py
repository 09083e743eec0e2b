"""Widgets that choose: a layer of the project or a file, ticks in a list, several rasters."""

import csv
import itertools
from pathlib import Path

from qgis.core import QgsProject, QgsProviderRegistry, QgsRasterLayer, QgsSettings, QgsVectorLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QSize, Qt, QUrl, QUrlQuery, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ...compat import tr
from ...env import settings
from ...env.unfinished import source

LONGITUDES = ("longitude", "lon", "lng", "long", "longnum", "x")
LATITUDES = ("latitude", "lat", "latnum", "y")
KNOWN = (("longitude", "latitude"), ("lon", "lat"), ("lng", "lat"), ("LONGNUM", "LATNUM"))
"""Pairs of columns that the library takes for places without being told."""

ID = Qt.ItemDataRole.UserRole


class LayerChooser(QWidget):
    """A layer of the project, or of a file that joins the project."""

    changed = pyqtSignal()

    def __init__(self, name, filters, *, optional=False):
        super().__init__()
        self.box = QgsMapLayerComboBox()
        self.box.setObjectName(name)
        self.box.setFilters(filters)
        self.box.setAllowEmptyLayer(optional)
        self.box.layerChanged.connect(lambda *_: self.changed.emit())
        self.browse = QPushButton(tr("From a file..."))
        self.browse.setObjectName(f"{name}Browse")
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._browse)
        _row(self, self.box, self.browse)
        self.setFocusProxy(self.box)

    def layer(self):
        """The chosen layer, or ``None``."""
        return self.box.currentLayer()

    def value(self):
        """Id of the chosen layer, or its file where that is a table that the library reads itself."""
        layer = self.layer()
        return None if layer is None else plain_table(layer) or layer.id()

    def set_value(self, named):
        """Choose the layer of the project that has this id or source, if there is one."""
        for layer in QgsProject.instance().mapLayers().values():
            if named is not None and named in (layer.id(), source(layer), plain_table(layer)):
                self.box.setLayer(layer)
                return
        if named is None:
            self.box.setLayer(None)

    def _browse(self):
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a layer"), last_folder())
        if path:
            keep_folder(path)
            layer = add_file(path)
            if layer is not None:
                self.box.setLayer(layer)


class CheckList(QListWidget):
    """Ticks in a list of values, each with a title."""

    changed = pyqtSignal()

    def __init__(self, name, choices=(), *, rows=5):
        super().__init__()
        self.setObjectName(name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.rows = rows
        self.setWordWrap(True)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.fill(choices)
        self.itemChanged.connect(lambda *_: self.changed.emit())

    def fill(self, choices, ticked=()):
        """Show other choices: pairs of a value and its title."""
        blocked = self.blockSignals(True)
        self.clear()
        for value, title in choices:
            item = QListWidgetItem(title)
            item.setData(ID, value)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if value in ticked else Qt.CheckState.Unchecked)
            self.addItem(item)
        if self.count():
            self.setCurrentRow(0)
        self.blockSignals(blocked)

    def always(self, value):
        """Tick a value for good."""
        for item in self._items():
            if item.data(ID) == value:
                item.setCheckState(Qt.CheckState.Checked)
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)

    def value(self):
        """The values that are ticked, in the order of the list."""
        return [item.data(ID) for item in self._items() if item.checkState() == Qt.CheckState.Checked]

    def set_value(self, values):
        """Tick these, and nothing else that can be ticked."""
        for item in self._items():
            if item.flags() & Qt.ItemFlag.ItemIsEnabled:
                ticked = item.data(ID) in (values or ())
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def told(self):
        """What is ticked, in words; what stands behind a colon is left out."""
        ticked = (item.text() for item in self._items() if item.checkState() == Qt.CheckState.Checked)
        return ", ".join(text.partition(":")[0].rstrip() for text in ticked)

    def sizeHint(self):
        """High enough for ``rows`` lines."""
        line = self.sizeHintForRow(0) if self.count() else self.fontMetrics().height() + 4
        return QSize(300, line * self.rows + 2 * self.frameWidth() + 2)

    def minimumSizeHint(self):
        """At least two lines."""
        return QSize(150, self.fontMetrics().height() * 3)

    def resizeEvent(self, event):
        """A short list is as high as its titles, some of which may take two lines."""
        super().resizeEvent(event)
        if 0 < self.count() <= self.rows:
            first, last = (self.visualItemRect(self.item(row)) for row in (0, self.count() - 1))
            self.setMinimumHeight(last.bottom() - first.top() + 2 * self.frameWidth() + 3)

    def _items(self):
        return [self.item(row) for row in range(self.count())]


class RasterChooser(QWidget):
    """Rasters of the project that are ticked; a file joins the project."""

    changed = pyqtSignal()

    def __init__(self, name):
        super().__init__()
        self.list = CheckList(name, rows=3)
        self.list.changed.connect(self.changed)
        self.browse = QPushButton(tr("From files..."))
        self.browse.setObjectName(f"{name}Browse")
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self._browse)
        _row(self, self.list, self.browse)
        self.setFocusProxy(self.list)
        self.refresh()

    def refresh(self):
        """Show the rasters that the project has now."""
        rasters = [
            layer
            for layer in QgsProject.instance().mapLayers().values()
            if isinstance(layer, QgsRasterLayer) and layer.providerType() == "gdal"
        ]
        ticked = self.list.value()
        self.list.fill([(layer.id(), layer.name()) for layer in rasters], ticked)

    def value(self):
        """Ids of the rasters."""
        return self.list.value()

    def layers(self):
        """The rasters."""
        found = map(QgsProject.instance().mapLayer, self.value())
        return [layer for layer in found if layer is not None]

    def set_value(self, named):
        """Tick the rasters of the project that have one of these ids or sources."""
        self.refresh()
        layers = QgsProject.instance().mapLayers().values()
        self.list.set_value(
            [layer.id() for layer in layers if {layer.id(), layer.source()} & set(named or ())]
        )

    def _browse(self):
        paths, _ = QFileDialog.getOpenFileNames(self, tr("Choose rasters"), last_folder())
        added = [layer.id() for path in paths if (layer := add_raster(path)) is not None]
        if added:
            keep_folder(paths[0])
            ticked = self.value() + added
            self.refresh()
            self.list.set_value(ticked)


def add_file(path):
    """Add the first layer of a file to the project; a table of coordinates becomes points."""
    layer = _points_of_table(path) if Path(path).suffix.lower() in (".csv", ".tsv", ".txt") else None
    if layer is None or not layer.isValid():
        layer = QgsVectorLayer(str(path), Path(path).stem, "ogr")
    return QgsProject.instance().addMapLayer(layer) if layer.isValid() else None


def add_raster(path):
    """Add a raster file to the project."""
    layer = QgsRasterLayer(str(path), Path(path).stem)
    return QgsProject.instance().addMapLayer(layer) if layer.isValid() else None


def layer_file(layer):
    """The file that a layer comes from, or an empty text."""
    parts = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    path = parts.get("path") or ""
    return path if Path(path).is_file() else ""


def plain_table(layer):
    """The file of points that were read from columns of longitude and latitude, as they are there."""
    if layer.providerType() != "delimitedtext" or layer.subsetString() or layer.crs().authid() != "EPSG:4326":
        return ""
    query = QUrlQuery(QUrl(layer.source()))
    x, y = (query.queryItemValue(name) for name in ("xField", "yField"))
    return layer_file(layer) if (x, y) in KNOWN else ""


def last_folder():
    """The folder that was used last."""
    return QgsSettings().value(settings.PREFIX + "last_folder", settings.get("results_dir"), type=str)


def keep_folder(path):
    """Begin in the folder of this file the next time."""
    QgsSettings().setValue(settings.PREFIX + "last_folder", str(Path(path).parent))


def _points_of_table(path):
    """Points of the columns that are called like coordinates, or ``None``."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as table:
            head = "".join(itertools.islice(table, 1))
    except (OSError, UnicodeDecodeError):
        return None
    delimiter = max(",;\t", key=head.count)
    columns = {name.strip().lower(): name for name in next(csv.reader([head], delimiter=delimiter), [])}
    x, y = (next((columns[n] for n in names if n in columns), None) for names in (LONGITUDES, LATITUDES))
    if not (x and y):
        return None
    query = QUrlQuery()
    told = {"type": "csv", "delimiter": delimiter.replace("\t", "\\t"), "xField": x, "yField": y}
    for key, value in {**told, "crs": "EPSG:4326", "detectTypes": "yes"}.items():
        query.addQueryItem(key, value)
    url = QUrl.fromLocalFile(str(path))
    url.setQuery(query)
    uri = bytes(url.toEncoded()).decode()
    return QgsVectorLayer(uri, Path(path).stem, "delimitedtext")


def _row(widget, first, second):
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    column = QVBoxLayout()
    column.addWidget(second)
    column.addStretch(1)
    row.addWidget(first, 1)
    row.addLayout(column)
