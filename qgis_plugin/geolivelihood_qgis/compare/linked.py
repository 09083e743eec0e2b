"""Maps that move together."""

from qgis.core import QgsRectangle


class LinkedCanvases:
    """Canvases with one middle, one scale and one CRS, whichever of them is moved.

    A canvas that is resized, as docks are, follows the others instead of leading them: else each resize
    would move all maps.
    """

    def __init__(self):
        self.canvases = []
        self._sizes, self._slots, self._busy = {}, {}, False

    def add(self, canvas):
        """Link one more canvas; the first one leads."""
        slots = (lambda: self._moved(canvas), lambda: self._changed_crs(canvas))
        canvas.extentsChanged.connect(slots[0])
        canvas.destinationCrsChanged.connect(slots[1])
        self._slots[id(canvas)] = slots
        self._sizes[id(canvas)] = _size(canvas)
        self.canvases.append(canvas)
        if len(self.canvases) > 1:
            self._follow(canvas, self.canvases[0])

    def remove(self, canvas, *, alive=True):
        """Let go of a canvas."""
        if canvas not in self.canvases:
            return
        self.canvases.remove(canvas)
        self._sizes.pop(id(canvas))
        slots = self._slots.pop(id(canvas))
        if alive:
            canvas.extentsChanged.disconnect(slots[0])
            canvas.destinationCrsChanged.disconnect(slots[1])

    def _moved(self, canvas):
        if self._busy or canvas not in self.canvases:
            return
        resized = self._sizes[id(canvas)] != _size(canvas)
        self._sizes[id(canvas)] = _size(canvas)
        others = [other for other in self.canvases if other is not canvas]
        if resized and others and canvas is not self.canvases[0]:
            self._follow(canvas, others[0])
        else:
            for other in others:
                self._follow(other, canvas)

    def _changed_crs(self, canvas):
        if self._busy:
            return
        for other in self.canvases:
            if other is not canvas:
                self._follow(other, canvas)

    def _follow(self, canvas, leader):
        """Show the same middle at the same scale."""
        self._busy = True
        try:
            crs = leader.mapSettings().destinationCrs()
            if canvas.mapSettings().destinationCrs() != crs:
                canvas.setDestinationCrs(crs)
            (wide, high), unit = _size(canvas), leader.mapUnitsPerPixel()
            canvas.setExtent(QgsRectangle.fromCenterAndSize(leader.center(), unit * wide, unit * high))
            canvas.refresh()
        finally:
            self._busy = False


def _size(canvas):
    """Pixels of the map, which lag behind those of the widget while it is being resized."""
    size = canvas.mapSettings().outputSize()
    return size.width(), size.height()
