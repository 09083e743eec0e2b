"""Shows the diagnostics, and copies them."""

from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..compat import tr
from ..env import diagnostics


class DiagnosticsView(QWidget):
    """A text for bug reports that can be read before it is copied."""

    def __init__(self):
        super().__init__()
        self.show_text = QPushButton(tr("Show &diagnostics"))
        self.show_text.setObjectName("glqShowDiagnostics")
        self.show_text.setCheckable(True)
        self.show_text.setAutoDefault(False)
        self.show_text.toggled.connect(self._toggle)
        self.copy = QPushButton(tr("Co&py diagnostics"))
        self.copy.setObjectName("glqCopyDiagnostics")
        self.copy.setAutoDefault(False)
        self.copy.setToolTip(tr("For bug reports. Paths below your home folder are shortened; no secrets."))
        self.copy.clicked.connect(self._copy)
        self.said = QLabel()
        self.said.setObjectName("glqDiagnosticsCopied")
        self.view = QPlainTextEdit()
        self.view.setObjectName("glqDiagnostics")
        self.view.setReadOnly(True)
        self.view.setTabChangesFocus(True)
        self.view.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.view.setMinimumHeight(160)
        self.view.setVisible(False)
        row = QHBoxLayout()
        row.addWidget(self.show_text)
        row.addWidget(self.copy)
        row.addWidget(self.said, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)

    def refresh(self):
        """Tell again, after a check."""
        self.said.clear()
        if self.view.isVisible():
            self.view.setPlainText(diagnostics.text())

    def _toggle(self, shown):
        self.view.setVisible(shown)
        if shown:
            self.view.setPlainText(diagnostics.text())

    def _copy(self):
        QApplication.clipboard().setText(diagnostics.text())
        self.said.setText(tr("Copied. Paste it into the bug report."))
