"""Links drawn over the map, as lines that no layer has to hold."""

from qgis.core import QgsRectangle, QgsWkbTypes
from qgis.gui import QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor

COLOURS = {1: "#b2182b", -1: "#2166ac", 0: "#6b6b6b"}
"""Raised the prediction, lowered it, does not say."""
THINNEST, WIDEST = 2, 8


class LinkMarks:
    """Rubber bands on a canvas; the stronger a link, the wider its line."""

    def __init__(self, canvas):
        self.canvas = canvas
        self.bands = []

    def show(self, found):
        """Draw these links instead of the last ones; returns the box around them, which may be empty."""
        self.hide()
        most, box = max((abs(link.importance or 0) for link in found.links), default=0), QgsRectangle()
        for link in found.links:
            if link.geometry is None or link.geometry.isEmpty():
                continue
            band = QgsRubberBand(self.canvas, QgsWkbTypes.GeometryType.LineGeometry)
            share = abs(link.importance or 0) / most if most else 0
            band.setStrokeColor(QColor(COLOURS[link.sign]))
            band.setSecondaryStrokeColor(QColor(255, 255, 255, 200))
            band.setWidth(round(THINNEST + (WIDEST - THINNEST) * share))
            band.setToGeometry(link.geometry, found.crs)
            self.bands.append(band)
            box.combineExtentWith(link.geometry.boundingBox())
        return box

    def hide(self):
        """Take the lines off."""
        for band in self.bands:
            if not sip.isdeleted(band) and not sip.isdeleted(self.canvas):
                self.canvas.scene().removeItem(band)
        self.bands = []
