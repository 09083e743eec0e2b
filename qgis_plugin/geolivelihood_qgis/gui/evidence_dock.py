"""The panel that shows the evidence of a place."""

from html import escape

from qgis.PyQt.QtCore import QSize, Qt, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QColor, QDesktopServices, QIcon, QPainter, QPixmap
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDockWidget,
    QFrame,
    QGridLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from ..compat import tr
from ..wording import count, number, number_text, said
from .bars import BarChart
from .link_list import LinkList
from .thumbnails import SIZE

APPLICABLE = {True: "#1b7837", False: "#b35806", None: "#6b6b6b"}


class EvidenceDock(QDockWidget):
    """Shows an :class:`~..evidence.collect.Evidence`; what its buttons do is done by whoever listens."""

    place_chosen = pyqtSignal(int)
    zoom_asked = pyqtSignal()
    wedges_asked = pyqtSignal()
    rasters_asked = pyqtSignal()
    links_asked = pyqtSignal()

    def __init__(self, parent=None):
        super().__init__(tr("Evidence"), parent)
        self.setObjectName("glqEvidenceDock")
        self._body = QVBoxLayout()
        self._title = _label("glqEvidenceTitle")
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        font = self._title.font()
        font.setBold(True)
        self._title.setFont(font)
        self._places = QComboBox(objectName="glqEvidencePlaces")
        self._places.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._places.setMinimumContentsLength(12)
        self._places.setToolTip(tr("What else lies under the click"))
        self._places.activated.connect(self.place_chosen)
        self.pictures = QListWidget(objectName="glqEvidencePictures")
        self._texts = {
            name: _label(f"glqEvidence{name}")
            for name in ("Message", "Predictions", "Applicable", "Scores", "Count")
        }
        self._charts = QVBoxLayout()
        self._arrange()
        self.say(
            tr("Choose the Evidence tool and click a cell, cluster, photo or region of a loaded result.")
        )

    def say(self, message):
        """Show a message instead of evidence."""
        self._title.setText("")
        self._title.hide()
        self._places.hide()
        self._texts["Message"].setText(escape(message))
        self._texts["Message"].show()
        self._body_widget.hide()
        self.pictures.clear()
        self._clear_charts()

    def show_evidence(self, evidence, places):
        """Show the evidence of a place; ``places`` are all that lie there."""
        self._texts["Message"].hide()
        self._title.setText(evidence.place.title)
        self._title.show()
        self._places.clear()
        self._places.addItems([place.title for place in places])
        if evidence.place in places:
            self._places.setCurrentIndex(places.index(evidence.place))
        self._places.setVisible(len(places) > 1)
        self._title.setVisible(len(places) < 2)
        self._texts["Predictions"].setText(_predictions(evidence))
        colour = APPLICABLE[evidence.applicable]
        self._texts["Applicable"].setText(
            f'<span style="color:{colour}">\N{BLACK CIRCLE}</span> {escape(evidence.applicability)}'
        )
        self._texts["Scores"].setText("<br>".join(escape(line) for line in evidence.scores))
        self._show_pictures(evidence)
        self._show_charts(evidence)
        self._links.show_links(evidence.links)
        self._body_widget.show()
        self._widen()

    def set_thumbnail(self, number, image, problem):
        """Put a picture that was read into its place."""
        item = self.pictures.item(number)
        if item is None:
            return
        if problem:
            item.setText(f"{problem}\n{item.text()}")
        else:
            item.setIcon(QIcon(_framed(QPixmap.fromImage(image))))

    def set_wedges(self, possible, active):
        """Whether there are wedges to show, and whether only those of this place are shown now."""
        self._wedges.setEnabled(possible)
        self._wedges.setText(tr("Hide wedges") if active else tr("Show wedges"))
        self._widen()

    def set_links(self, active):
        """Whether the links of this place are on the map now."""
        self._links.set_active(active)

    def set_rasters(self, possible):
        self._rasters.setEnabled(possible)

    def text(self):
        """Everything that is said, for tests and for those who copy."""
        parts = [
            self._title.text(),
            *(label.text() for label in self._texts.values() if label.isVisibleTo(self)),
        ]
        parts += [label.text() for label in self._charts_widget.findChildren(QLabel)]
        parts += [chart.text() for chart in self._charts_widget.findChildren(BarChart)]
        parts.append(self._links.text() if self._links.isVisibleTo(self) else "")
        return "\n".join(part for part in parts if part)

    def _arrange(self):
        pictures = self.pictures
        pictures.setViewMode(QListView.ViewMode.IconMode)
        pictures.setFlow(QListView.Flow.LeftToRight)
        pictures.setWrapping(False)
        pictures.setMovement(QListView.Movement.Static)
        pictures.setIconSize(SIZE)
        pictures.setWordWrap(True)
        pictures.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        pictures.setFixedHeight(self._item_size().height() + 24)
        pictures.itemActivated.connect(_open)
        body = QVBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        self._zoom = _button("glqEvidenceZoom", tr("Zoom to"), self.zoom_asked)
        self._wedges = _button("glqEvidenceWedges", tr("Show wedges"), self.wedges_asked)
        self._wedges.setToolTip(tr("Show on the map what these photos see, and only these"))
        self._rasters = _button("glqEvidenceRasters", tr("Show map of evidence"), self.rasters_asked)
        self._rasters.setToolTip(tr("Add the map of what in the pictures spoke for more and for less"))
        buttons = QGridLayout()
        buttons.addWidget(self._zoom, 0, 0)
        buttons.addWidget(self._wedges, 0, 1)
        buttons.addWidget(self._rasters, 1, 0, 1, 2)
        body.addWidget(self._texts["Predictions"])
        body.addWidget(self._texts["Applicable"])
        body.addLayout(buttons)
        for title, widgets in (
            (tr("Tested"), [self._texts["Scores"]]),
            (tr("Pictures"), [self._texts["Count"], pictures]),
        ):
            body.addWidget(_heading(title))
            for widget in widgets:
                body.addWidget(widget)
        self._links = LinkList()
        self._links.button.clicked.connect(lambda *_: self.links_asked.emit())
        self._charts_widget = QWidget()
        self._charts.setContentsMargins(0, 0, 0, 0)
        self._charts_widget.setLayout(self._charts)
        body.addWidget(self._charts_widget)
        body.addWidget(self._links)
        self._body_widget = QWidget()
        self._body_widget.setLayout(body)
        for widget in (self._places, self._title, self._texts["Message"], self._body_widget):
            self._body.addWidget(widget)
        self._body.addStretch(1)
        self._inside, scroll = QWidget(), QScrollArea()
        self._inside.setLayout(self._body)
        scroll.setWidget(self._inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(scroll)
        self.setMinimumWidth(340)

    def _widen(self):
        """As wide as its buttons need in this language: it never scrolls sideways."""
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent)
        self.setMinimumWidth(max(340, self._inside.minimumSizeHint().width() + bar + 8))

    def _show_pictures(self, evidence):
        self.pictures.clear()
        for picture in evidence.pictures:
            lines = [picture.licence or tr("no licence stated"), picture.creator, picture.captured]
            item = QListWidgetItem(_empty(), "\n".join(filter(None, lines)))
            item.setSizeHint(self._item_size())
            item.setToolTip("\n".join(filter(None, [picture.image_id, *lines, picture.path])))
            item.setData(Qt.ItemDataRole.UserRole, picture.path)
            self.pictures.addItem(item)
        found, shown = evidence.picture_count, len(evidence.pictures)
        told = count(found) if evidence.all_counted else tr("{} or more").format(count(found))
        if not found:
            text = tr("No pictures lie here.")
        elif shown < found:
            text = tr("{} of {} pictures; double-click one to open it").format(shown, told)
        else:
            text = tr("Pictures: {}; double-click one to open it").format(told)
        self._texts["Count"].setText(escape(text))
        self.pictures.setVisible(shown > 0)

    def _item_size(self):
        """A picture, and four lines: a problem, the licence, the creator, the day."""
        return QSize(SIZE.width() + 16, SIZE.height() + 5 * self.fontMetrics().lineSpacing() + 10)

    def _show_charts(self, evidence):
        self._clear_charts()
        for chart in evidence.contributions + evidence.concepts:
            self._charts.addWidget(_heading(chart.title))
            if chart.bars:
                self._charts.addWidget(BarChart(chart))
            if chart.remark:
                remark = _label("glqEvidenceRemark")
                remark.setText(escape(chart.remark))
                self._charts.addWidget(remark)

    def _clear_charts(self):
        while self._charts.count():
            widget = self._charts.takeAt(0).widget()
            widget.setParent(None)
            widget.deleteLater()


def _predictions(evidence):
    lines = []
    for told in evidence.predictions:
        unit = f" {escape(told.unit)}" if told.unit else ""
        line = f"<b>{said(escape(told.label), number_text(told.value))}</b>{unit} ({escape(told.what)})"
        if told.lower is not None and told.upper is not None:
            if told.coverage:
                name = tr("{} % interval").format(number(100 * told.coverage, ".0f"))
            else:
                name = tr("interval")
            ends = tr("{} to {}").format(number_text(told.lower), number_text(told.upper))
            line += f"<br>&nbsp;&nbsp;{said(escape(name), ends)}"
        lines.append(line)
    if evidence.place.kind == "images" and lines:
        lines.insert(0, escape(tr("The cell around this photo:")))
    return "<br>".join(lines) or escape(tr("No prediction is stored for this place."))


def _label(name):
    label = QLabel(objectName=name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _heading(text):
    label = QLabel(f"<b>{escape(text)}</b>")
    label.setWordWrap(True)
    label.setContentsMargins(0, 8, 0, 0)
    return label


def _button(name, text, signal):
    button = QPushButton(text, objectName=name)
    button.clicked.connect(lambda *_: signal.emit())
    return button


def _framed(pixmap):
    """A picture in the middle of a frame as large as all others."""
    frame = QPixmap(SIZE)
    frame.fill(Qt.GlobalColor.transparent)
    painter = QPainter(frame)
    scaled = pixmap.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio)
    painter.drawPixmap((SIZE.width() - scaled.width()) // 2, (SIZE.height() - scaled.height()) // 2, scaled)
    painter.end()
    return frame


def _empty():
    pixmap = QPixmap(SIZE)
    pixmap.fill(QColor(128, 128, 128, 60))
    return QIcon(pixmap)


def _open(item):
    path = item.data(Qt.ItemDataRole.UserRole)
    if path:
        QDesktopServices.openUrl(QUrl.fromLocalFile(path))
