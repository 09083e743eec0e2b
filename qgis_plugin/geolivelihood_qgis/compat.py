"""What differs between QGIS 3.22 and 4, Qt 5 and Qt 6, in one place; and the one way to translate."""

from qgis.core import Qgis, QgsField, QgsMapLayerProxyModel
from qgis.PyQt.QtCore import QCoreApplication, QMetaType, QVariant

try:
    from qgis.PyQt.QtGui import QAction
except ImportError:  # Qt 5
    from qgis.PyQt.QtWidgets import QAction

LAYER_FILTER = getattr(Qgis, "LayerFilter", None) or QgsMapLayerProxyModel.Filter
"""Kinds of layers that a box of layers shows; before QGIS 3.34 they were elsewhere."""

__all__ = ["LAYER_FILTER", "QAction", "is_null", "make_field", "set_label_format", "sized_font", "tr"]


def is_null(value):
    """Whether an attribute is NULL: ``None`` on Qt 6, a null ``QVariant`` on Qt 5."""
    return value is None or (isinstance(value, QVariant) and value.isNull())


def make_field(name, kind):
    """A field of ``kind`` text, number or flag; Qt 6 has no types of variants any more."""
    old, new = {"text": ("String", "QString"), "number": ("Double",) * 2, "flag": ("Bool",) * 2}[kind]
    types = getattr(QVariant, "Type", None)
    if types is not None:
        return QgsField(name, getattr(types, old))
    return QgsField(name, getattr(QMetaType.Type, new))


def set_label_format(label, text_format):
    """Font, size and colour of a label on a layout; before QGIS 3.24 it knew no text format."""
    if hasattr(label, "setTextFormat"):
        label.setTextFormat(text_format)
        return
    label.setFont(sized_font(text_format))
    label.setFontColor(text_format.color())


def sized_font(text_format):
    """The font of a text format whose size is in points."""
    font = text_format.font()
    font.setPointSizeF(text_format.size())
    return font


def tr(text):
    """Translate a text of this plugin."""
    return QCoreApplication.translate("geolivelihood_qgis", text)
