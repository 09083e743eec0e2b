"""Linked map views: one per indicator or run, each with a map theme of its own."""

from pathlib import Path

from qgis.core import QgsMapThemeCollection, QgsProject
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QDockWidget

from ..compat import tr
from .choices import styles
from .linked import LinkedCanvases


class View:
    """One map view and what was added to the project for it."""

    def __init__(self, name, style, layer_id, canvas):
        self.name, self.style, self.layer_id, self.canvas = name, style, layer_id, canvas


class ComparedViews:
    """All views that are open; closing one takes its theme and style back, :meth:`close` takes all."""

    def __init__(self, iface):
        self.iface = iface
        self.views = []
        self.linked = LinkedCanvases()

    def show(self, chosen):
        """Open a view for each choice; returns their names."""
        self.close()
        self.linked.add(self.iface.mapCanvas())
        for choice, style in zip(chosen, styles(chosen)):
            self._open(choice, style, chosen)
        if not self.views:
            self.close()
        self._share_room()
        return [view.name for view in self.views]

    def _share_room(self):
        """Make all docks of one size: QGIS leaves the last one what the others do not take."""
        window = self.iface.mainWindow()
        docks = [dock for dock in map(_dock, (view.canvas for view in self.views)) if dock is not None]
        if docks:
            window.resizeDocks(docks, [window.height()] * len(docks), Qt.Orientation.Vertical)
            window.resizeDocks(docks[:1], [window.width() // 3], Qt.Orientation.Horizontal)

    def close(self):
        """Close every view."""
        for view in list(self.views):
            if view.canvas is not None and not sip.isdeleted(view.canvas):
                self.linked.remove(view.canvas)
                view.canvas.destroyed.disconnect(view.gone)
                self.iface.closeMapCanvas(view.name)
            self._take_back(view)
        self.views = []
        for canvas in list(self.linked.canvases):
            self.linked.remove(canvas, alive=not sip.isdeleted(canvas))

    def _open(self, choice, style, chosen):
        name = self._free_name(_title(choice, chosen))
        canvas = self.iface.createNewMapCanvas(name)
        if canvas is None:
            return
        view = View(name, name, choice.layer.id(), canvas)
        choice.layer.styleManager().addStyle(view.style, style)
        QgsProject.instance().mapThemeCollection().insert(name, _theme(choice, view.style))
        canvas.setTheme(name)
        view.gone = lambda *_: self._gone(view)
        canvas.destroyed.connect(view.gone)
        self.views.append(view)
        self.linked.add(canvas)

    def _gone(self, view):
        """The dock was closed by hand; its half-dead canvas would still answer a change of themes."""
        if view not in self.views:
            return
        self.views.remove(view)
        self.linked.remove(view.canvas, alive=False)
        QTimer.singleShot(0, lambda: self._take_back(view))
        if not self.views:
            self.close()

    def _take_back(self, view):
        project = QgsProject.instance()
        project.mapThemeCollection().removeMapTheme(view.name)
        layer = project.mapLayer(view.layer_id)
        if layer is not None:
            layer.styleManager().removeStyle(view.style)

    def _free_name(self, stem):
        taken = set(QgsProject.instance().mapThemeCollection().mapThemes())
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem} {number}", number + 1
        return name


def _dock(canvas):
    """The dock that a map view is in."""
    while canvas is not None and not isinstance(canvas, QDockWidget):
        canvas = canvas.parentWidget()
    return canvas


def _title(choice, chosen):
    """The indicator; with its unit where units differ, with the run where runs differ."""
    text = choice.label
    if choice.unit and len({one.unit for one in chosen}) > 1:
        text = tr("{} ({})").format(text, choice.unit)
    if len({one.path for one in chosen}) > 1:
        text = tr("{}, {}").format(text, Path(choice.path).stem)
    return text


def _theme(choice, style):
    """What is seen now, with the layer in its style on; other results' cells are off."""
    project = QgsProject.instance()
    record = QgsMapThemeCollection.MapThemeRecord()
    shown = {node.layerId(): node for node in project.layerTreeRoot().findLayers()}
    covering = _covering(project, choice)
    for layer_id, node in shown.items():
        layer = node.layer()
        if layer is None or layer_id in covering:
            continue
        if layer_id != choice.layer.id() and not node.isVisible():
            continue
        own = QgsMapThemeCollection.MapThemeLayerRecord(layer)
        own.usingCurrentStyle = True
        own.currentStyle = style if layer_id == choice.layer.id() else layer.styleManager().currentStyle()
        record.addLayerRecord(own)
    return record


def _covering(project, choice):
    """Cells and regions of any result but the one that is shown."""
    from ..evidence.book import results_of

    found = results_of(project.mapLayers().values())
    layers = [tables.get(name) for tables in found.values() for name in ("cells", "regions")]
    return {layer.id() for layer in layers if layer is not None and layer.id() != choice.layer.id()}
