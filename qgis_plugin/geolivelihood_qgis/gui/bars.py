"""Bars around zero with intervals: contributions and scores, coloured as the maps of evidence are."""

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPalette, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ..compat import tr
from ..wording import number_text, said

MORE, LESS, CHANCE = QColor("#b2182b"), QColor("#2166ac"), QColor("#9a9a9a")
LIGHT_MORE, LIGHT_LESS = QColor("#ef8a62"), QColor("#67a9cf")
"""On a dark background."""


class BarChart(QWidget):
    """One chart; what may be chance is grey. ``text()`` says the same in words."""

    def __init__(self, chart, parent=None):
        super().__init__(parent)
        self.chart = chart
        ends = [end for bar in chart.bars for end in (bar.value, bar.lower, bar.upper)]
        self._limit = max((abs(end) for end in ends if end is not None), default=0) or 1.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(self._row() * len(chart.bars) + 4)
        self.setObjectName("glqEvidenceBars")
        self.setAccessibleName(chart.title)
        self.setAccessibleDescription(self.text())
        self.setToolTip(self.text())

    def sizeHint(self):
        return QSize(260, self.height())

    def text(self):
        """The bars in words, one a line."""
        return "\n".join(_words(bar) for bar in self.chart.bars)

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, row = self.fontMetrics(), self._row()
        numbers = [number_text(bar.value) for bar in self.chart.bars]
        right = max((metrics.horizontalAdvance(text) for text in numbers), default=0) + 6
        names = max((metrics.horizontalAdvance(bar.name) for bar in self.chart.bars), default=0) + 8
        left = min(names, int(self.width() * 0.5))
        area = QRectF(left, 0, max(20, self.width() - left - right), row)
        for number, bar in enumerate(self.chart.bars):
            area.moveTop(2 + number * row)
            colour = self.palette().color(QPalette.ColorRole.WindowText)
            painter.setPen(QPen(colour if bar.significant else CHANCE))
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, left - 5)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, area.top(), left, row), middle | Qt.AlignmentFlag.AlignLeft, name)
            end = QRectF(area.right(), area.top(), right, row)
            painter.drawText(end, middle | Qt.AlignmentFlag.AlignRight, numbers[number])
            self._draw(painter, bar, area)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1))
        zero = area.center().x()
        painter.drawLine(QPointF(zero, 0), QPointF(zero, self.height()))
        painter.end()

    def _draw(self, painter, bar, area):
        def at(value):
            return area.center().x() + value / self._limit * (area.width() / 2 - 3)

        thick = area.height() * 0.55
        box = QRectF(at(0), area.center().y() - thick / 2, at(bar.value) - at(0), thick).normalized()
        painter.fillRect(box, self._colour(bar))
        if bar.lower is None or bar.upper is None:
            return
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), 1.2))
        low, high, y = at(bar.lower), at(bar.upper), area.center().y()
        painter.drawLine(QPointF(low, y), QPointF(high, y))
        for end in (low, high):
            painter.drawLine(QPointF(end, y - 3), QPointF(end, y + 3))

    def _colour(self, bar):
        if not bar.significant:
            return CHANCE
        dark = self.palette().color(QPalette.ColorRole.Window).lightness() < 128
        if bar.value >= 0:
            return LIGHT_MORE if dark else MORE
        return LIGHT_LESS if dark else LESS

    def _row(self):
        return self.fontMetrics().height() + 5


def _words(bar):
    text = said(bar.name, number_text(bar.value))
    if bar.lower is not None and bar.upper is not None:
        text += tr(" ({} to {})").format(number_text(bar.lower), number_text(bar.upper))
    return text if bar.significant else text + tr(", may be chance")
