"""What differs between QGIS 3.22 and 4, Qt 5 and Qt 6, in one place; and the one way to translate."""

from qgis.PyQt.QtCore import QCoreApplication, QVariant

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:  # Qt 5
    from qgis.PyQt.QtWidgets import QAction

__all__ = ["QAction", "is_null", "tr"]


def is_null(value):
    """Whether an attribute is NULL: ``None`` on Qt 6, a null ``QVariant`` on Qt 5."""
    return value is None or (isinstance(value, QVariant) and value.isNull())


def tr(text):
    """Translate a text of this plugin."""
    return QCoreApplication.translate("geolivelihood_qgis", text)
