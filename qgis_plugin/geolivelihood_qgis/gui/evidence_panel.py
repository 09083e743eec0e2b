"""The evidence tool: an action, a map tool, the panel, and what happens between them."""

from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsProject
from qgis.gui import QgsMapToolEmitPoint
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon

from ..compat import QAction, tr
from ..evidence.book import Book, is_file, results_of
from ..evidence.collect import collect
from ..evidence.places import places_at
from .bar_text import bar_text
from .evidence_dock import EvidenceDock
from .evidence_map import VIEWS, EvidenceMap
from .link_marks import LinkMarks
from .thumbnails import ThumbnailTask

ICON = Path(__file__).parents[1] / "icons" / "evidence.svg"
NEAR_PX = 8


class EvidencePanel:
    """Everything of the evidence panel that the plugin adds to QGIS; :meth:`unload` takes it back."""

    def __init__(self, iface, toolbar, menu):
        self.iface, self.toolbar, self.menu = iface, toolbar, menu
        self.canvas = iface.mapCanvas()
        self.dock = EvidenceDock(iface.mainWindow())
        self.map = EvidenceMap(self.canvas)
        self.marks = LinkMarks(self.canvas)
        self.evidence, self.places = None, []
        self._books, self._task, self._show = {}, None, 0
        self.action = QAction(QIcon(str(ICON)), tr("Evidence"), iface.mainWindow())
        self.action.setObjectName("glqActionEvidence")
        self.action.setToolTip(tr("Evidence: click a cell, cluster, photo or region"))
        self.action.setCheckable(True)
        self.tool = QgsMapToolEmitPoint(self.canvas)
        self.tool.setAction(self.action)
        toolbar.addAction(self.action)
        iface.addPluginToMenu(menu, self.action)
        iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self.action.triggered.connect(self.toggle)
        self.tool.canvasClicked.connect(self.clicked)
        self.dock.place_chosen.connect(self.choose)
        self.dock.zoom_asked.connect(self.zoom)
        self.dock.wedges_asked.connect(self.wedges)
        self.dock.rasters_asked.connect(self.rasters)
        self.dock.links_asked.connect(self.links)
        QgsProject.instance().layersRemoved.connect(self._layers_removed)

    def unload(self):
        """Take everything back."""
        QgsProject.instance().layersRemoved.disconnect(self._layers_removed)
        self._stop_reading()
        self.map.hide_wedges()
        self.map.unmark()
        self.marks.hide()
        self.canvas.unsetMapTool(self.tool)
        self.tool.deleteLater()
        self.action.triggered.disconnect(self.toggle)
        self.iface.removePluginMenu(self.menu, self.action)
        self.toolbar.removeAction(self.action)
        self.action.deleteLater()
        self.iface.removeDockWidget(self.dock)
        self.dock.deleteLater()
        self._books, self.evidence, self.places = {}, None, []

    def toggle(self, on):
        """Take the tool up, with the panel open, or lay it down."""
        if on:
            self.canvas.setMapTool(self.tool)
            self.dock.show()
            self.dock.raise_()
        else:
            self.canvas.unsetMapTool(self.tool)

    def clicked(self, point, button=Qt.MouseButton.LeftButton):
        """Show the evidence under a click."""
        if button != Qt.MouseButton.LeftButton:
            return
        layers = self.canvas.layers()
        if not results_of(layers):
            if results_of(QgsProject.instance().mapLayers().values()):
                self._nothing(tr("No layer of a result is shown on the map: tick Cells in the Layers panel."))
            else:
                self._nothing(tr("There is no result in this project. Load one first: Load results."))
            return
        crs = self.canvas.mapSettings().destinationCrs()
        tolerance = NEAR_PX * self.canvas.mapUnitsPerPixel()
        self.places = places_at(point, crs, tolerance, layers, self._book)
        if not self.places:
            self._nothing(tr("Nothing of a result lies there: click a cell, a cluster, a photo or a region."))
            return
        self.choose(0)

    def choose(self, number):
        """Show the evidence of one of the places under the click."""
        self._stop_reading()
        place = self.places[number]
        if not is_file(place.book.path):
            self._nothing(tr("The file {} is gone or cannot be reached.").format(place.book.path))
            return
        self.map.hide_wedges()
        self.marks.hide()
        self.evidence = collect(place)
        self.dock.show_evidence(self.evidence, self.places)
        self.dock.set_wedges(VIEWS in place.book.tables and bool(self.evidence.pictures), False)
        self.dock.set_rasters(bool(self.evidence.rasters))
        self.dock.show()
        self.map.mark(place)
        self._read_pictures()

    def zoom(self):
        """Bring the place into view."""
        place = self.evidence.place if self.evidence else None
        if place and place.geometry is not None:
            self.map.zoom(place.geometry, place.crs)

    def wedges(self):
        """Show the wedges of the pictures shown, or take them off again."""
        if not self.evidence:
            return
        if self.map.wedges:
            self.map.hide_wedges()
        else:
            ids = [picture.image_id for picture in self.evidence.pictures]
            self._say(self.map.show_wedges(self.evidence.place, ids))
        self.dock.set_wedges(True, bool(self.map.wedges))

    def links(self):
        """Draw the links of the place over the map, or take them off again."""
        if not self.evidence:
            return
        if self.marks.bands:
            self.marks.hide()
        else:
            found = self.evidence.links
            box = self.marks.show(found)
            if not box.isEmpty():
                self.map.zoom(box, found.crs)
        self.dock.set_links(bool(self.marks.bands))

    def rasters(self):
        """Show the maps of evidence that hold the place."""
        if not self.evidence:
            return
        path = str(self.evidence.place.book.path)
        _, missing = self.map.show_rasters(self.evidence.rasters, path)
        if missing:
            told = tr("The map of evidence {} is missing: keep the folder of the result together.")
            self._say(told.format(", ".join(raster.path for raster in missing)))

    def _book(self, path):
        if path not in self._books:
            self._books[path] = Book(path)
        return self._books[path]

    def _read_pictures(self):
        self._show += 1
        if self.evidence.pictures:
            self._task = ThumbnailTask(self._show, self.evidence.pictures)
            self._task.made.connect(self._picture_read, Qt.ConnectionType.QueuedConnection)
            QgsApplication.taskManager().addTask(self._task)

    def _picture_read(self, show, number, image, problem):
        if show == self._show and self.evidence:
            self.dock.set_thumbnail(number, image, problem)

    def _stop_reading(self):
        self._show += 1
        if self._task is not None:
            self._task.stop()
            self._task = None

    def _layers_removed(self, _ids):
        """Close the files of which nothing is left in the project."""
        left = results_of(QgsProject.instance().mapLayers().values())
        self._books = {path: book for path, book in self._books.items() if path in left}
        if self.evidence and self.evidence.place.book not in self._books.values():
            self._nothing(tr("The result was removed from the project. Load it again to see its evidence."))

    def _nothing(self, message):
        self._stop_reading()
        self.map.hide_wedges()
        self.map.unmark()
        self.marks.hide()
        self.evidence, self.places = None, []
        self.dock.say(message)
        self.dock.show()

    def _say(self, text):
        if text:
            level = Qgis.MessageLevel.Warning
            self.iface.messageBar().pushMessage("Geolivelihood", bar_text(text), level, 10)
