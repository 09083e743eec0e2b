"""What the assistant's pages have in common: a reason, controls bound to parameters, and notices."""

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWizardPage

from .checks import Notice


class Page(QWizardPage):
    """A page; its controls are bound to parameters, its notices are shown below them."""

    def __init__(self, name, title, why):
        super().__init__()
        self.setObjectName(f"glqAssistant{name}Page")
        self.setTitle(title)
        self.why = QLabel(why)
        self.why.setWordWrap(True)
        self.bound = {}
        self.said = {}
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.notice = QLabel()
        self.notice.setObjectName(f"glqAssistant{name}Notice")
        self.notice.setWordWrap(True)
        self.notice.setTextFormat(Qt.TextFormat.PlainText)
        self.notice.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.addWidget(self.why)
        layout.addSpacing(6)
        layout.addLayout(self.form)
        layout.addStretch(1)
        layout.addWidget(self.notice)

    def bind(self, parameter, get, put, say=None):
        """Say how the value of a parameter is read, set, and told in words."""
        self.bound[parameter] = (get, put)
        if say:
            self.said[parameter] = say

    def bind_box(self, parameter, box):
        """Bind a box of values with titles."""
        self.bind(parameter, box.currentData, lambda value: choose(box, value), box.currentText)

    def ask(self, title, widget, why):
        """Add a row: a title with a mnemonic, a control and what it is for."""
        widget.setToolTip(why)
        label = QLabel(title)
        label.setToolTip(why)
        label.setBuddy(widget)
        widget.setAccessibleName(title.replace("&", ""))
        widget.setAccessibleDescription(why)
        self.form.addRow(label, widget)
        return label

    def values(self):
        """The parameters of this page, by name."""
        return {name: get() for name, (get, _) in self.bound.items()}

    def restore(self, values):
        """Set the controls as they were the last time."""
        for name, (_, put) in self.bound.items():
            if name in values:
                put(values[name])

    def notices(self):
        """What the user should know about what was given on this page."""
        return []

    def refresh(self, *_):
        """Look at what is given, and say so; whether the assistant can go on."""
        found = self.notices()
        signs = {True: "✗", False: "⚠"}
        self.notice.setText("\n\n".join(f"{signs[one.stops]} {one.text}" for one in found))
        self.notice.setVisible(bool(found))
        return not any(one.stops for one in found)

    def initializePage(self):
        """The page is shown."""
        self.refresh()

    def validatePage(self):
        """Go on only when nothing stops; the notices say what does."""
        return self.refresh()


def choose(box, value):
    """Show the entry of a box that has this value, if there is one."""
    index = box.findData(value)
    if index >= 0:
        box.setCurrentIndex(index)


def stop(text):
    """A notice that stops."""
    return Notice(True, text)


def warn(text):
    """A notice that does not stop."""
    return Notice(False, text)


def line_up(forms):
    """Let the controls of several forms, one below the other, begin in one column."""
    titles = []
    for form in forms:
        items = (form.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in range(form.rowCount()))
        titles += [item.widget() for item in items if item is not None]
    widest = max(title.sizeHint().width() for title in titles)
    for title in titles:
        title.setMinimumWidth(widest)
