"""Asks what to compare: indicators of one result, or two results."""

from pathlib import Path

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
)

from ..compat import tr

MOST = 6
"""More maps than these are too small to be read."""


class CompareDialog(QDialog):
    """A list of maps to tick; ``wanted`` says afterwards whether views or the difference were asked for."""

    def __init__(self, choices, parent=None):
        super().__init__(parent)
        self.setObjectName("glqCompareDialog")
        self.setWindowTitle(tr("Compare indicators"))
        self.choices, self.wanted = choices, ""
        said = QLabel(tr("Tick two or more maps. Load a second result to compare two runs."))
        said.setWordWrap(True)
        self.list = QListWidget(objectName="glqCompareList")
        several = len({choice.path for choice in choices}) > 1
        for choice in choices:
            unit = f" ({choice.unit})" if choice.unit else ""
            run = f" – {Path(choice.path).stem}" if several else ""
            item = QListWidgetItem(f"{choice.label}{unit}{run}")
            item.setToolTip(f"{choice.path}\n{choice.indicator}")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.list.addItem(item)
        for number in range(min(2, self.list.count())):
            self.list.item(number).setCheckState(Qt.CheckState.Checked)
        self.hint = QLabel(objectName="glqCompareHint")
        self.hint.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        accept, role = buttons.addButton, QDialogButtonBox.ButtonRole.AcceptRole
        self.views_button = accept(tr("Show side by side"), role)
        self.views_button.setObjectName("glqCompareViews")
        self.difference_button = accept(tr("Difference of the two..."), role)
        self.difference_button.setObjectName("glqCompareDifference")
        self.views_button.clicked.connect(lambda *_: self._accept("views"))
        self.difference_button.clicked.connect(lambda *_: self._accept("difference"))
        buttons.rejected.connect(self.reject)
        self.list.itemChanged.connect(lambda *_: self._update())
        layout = QVBoxLayout(self)
        for widget in (said, self.list, self.hint, buttons):
            layout.addWidget(widget)
        self.resize(460, 320)
        self._update()

    def chosen(self):
        """The maps that are ticked."""
        ticked = Qt.CheckState.Checked
        return [c for k, c in enumerate(self.choices) if self.list.item(k).checkState() == ticked]

    def _accept(self, wanted):
        self.wanted = wanted
        self.accept()

    def _update(self):
        chosen = self.chosen()
        runs = len(chosen) == 2 and chosen[0].path != chosen[1].path
        same = len({choice.indicator for choice in chosen}) == 1
        self.views_button.setEnabled(2 <= len(chosen) <= MOST)
        self.difference_button.setEnabled(runs and same)
        if len(chosen) < 2:
            text = tr("Tick at least two.")
        elif len(chosen) > MOST:
            text = tr("Tick no more than {}: more maps are too small to be read.").format(MOST)
        elif runs and same:
            text = tr("Two runs of one indicator: the difference is the lower one minus the upper one.")
        else:
            text = tr("Maps of one unit get the same classes and colours.")
        self.hint.setText(text)
