"""The strongest links of a place in the evidence panel: bars, and a button that shows them on the map."""

from html import escape

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from ..compat import tr
from ..evidence.contributions import Chart
from ..evidence.links import bars
from .bars import BarChart


class LinkList(QWidget):
    """A heading, the bars of the links, what is to be said of them, and the button."""

    def __init__(self):
        super().__init__()
        self.setObjectName("glqEvidenceLinks")
        self._heading = QLabel(objectName="glqEvidenceLinksTitle")
        self._heading.setWordWrap(True)
        self._heading.setContentsMargins(0, 8, 0, 0)
        self._remark = QLabel(objectName="glqEvidenceLinksRemark")
        self._remark.setWordWrap(True)
        self._remark.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._chart = None
        self.button = QPushButton(objectName="glqEvidenceShowLinks")
        self.button.setToolTip(tr("Draw them over the map: red raised the prediction, blue lowered it"))
        self._room = QVBoxLayout(self)
        self._room.setContentsMargins(0, 0, 0, 0)
        for widget in (self._heading, self._remark, self.button):
            self._room.addWidget(widget)

    def show_links(self, found):
        """Show :class:`~..evidence.links.Links`."""
        self._heading.setText(f"<b>{escape(found.title)}</b>")
        if self._chart is not None:
            self._room.removeWidget(self._chart)
            self._chart.setParent(None)
            self._chart.deleteLater()
            self._chart = None
        shown = bars(found)
        if shown:
            self._chart = BarChart(Chart(found.title, shown, ""))
            self._room.insertWidget(1, self._chart)
        listed = [] if shown else [link.title for link in found.links]
        lines = [*listed, *filter(None, [found.remark])]
        self._remark.setText("<br>".join(escape(line) for line in lines))
        self._remark.setVisible(bool(lines))
        self.button.setVisible(bool(found.links))
        self.set_active(False)

    def set_active(self, active):
        """Whether the links are on the map now."""
        self.button.setText(tr("Hide links") if active else tr("Show links on the map"))

    def text(self):
        """What is said."""
        chart = self._chart.text() if self._chart is not None else ""
        parts = [self._heading.text(), chart, self._remark.text()]
        return "\n".join(part for part in parts if part)
