"""Enums of QGIS and Qt are named in full, as PyQt6 knows no other way: ``Qgis.MessageLevel.Success``."""

import ast

import package_plugin
import pytest
import qgis.core
import qgis.gui
from qgis.PyQt import QtCore, QtGui, QtWidgets

HOMES = (qgis.core, qgis.gui, QtCore, QtGui, QtWidgets)
MODULES = [path for path in package_plugin.files() if path.suffix == ".py"]


def short_enums(text):
    """Line and name of every ``Class.Member`` whose value is of an enum of that class."""
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        owner = next((getattr(home, node.value.id) for home in HOMES if hasattr(home, node.value.id)), None)
        value = getattr(owner, node.attr, None)
        if isinstance(value, int) and getattr(owner, type(value).__name__, None) is type(value):
            yield f"line {node.lineno}: {node.value.id}.{node.attr}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(package_plugin.PLUGIN)))
def test_enums_are_named_in_full(path):
    assert list(short_enums(path.read_text(encoding="utf-8"))) == []


def test_a_short_enum_is_seen():
    text = (
        "Qgis.Success\nQgis.MessageLevel.Success\nQt.AlignTop\nQgsLayoutExporter.Success\nQgsProject.instance"
    )
    assert list(short_enums(text)) == [
        "line 1: Qgis.Success",
        "line 3: Qt.AlignTop",
        "line 4: QgsLayoutExporter.Success",
    ]
