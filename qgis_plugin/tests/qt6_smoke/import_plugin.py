"""Import the plugin with PyQt6 behind ``qgis.PyQt`` and open stubs behind the rest of ``qgis``.

``python import_plugin.py FOLDER``, where FOLDER holds ``geolivelihood_qgis``; runs in a Python that has
PyQt6 and no QGIS. Writes what was imported, and every fault, as JSON. A stub answers any name, so that this
proves nothing about QGIS's own classes: what it finds is names that PyQt6 has not (unscoped enums, moved
classes, ``exec_``).
"""

import ast
import importlib
import json
import sys
import traceback
from pathlib import Path
from types import ModuleType

PARTS = ("QtCore", "QtGui", "QtWidgets", "QtXml", "QtNetwork", "QtSvg", "QtTest")
STUBS = ("core", "gui", "utils", "analysis", "processing", "server")
GONE = {"exec_", "print_"}  # methods that PyQt6 has no longer
QT = {}  # every class that PyQt6 has, by name


class Stub(type):
    """A class that has every attribute: another class like it."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = Stub(name, (), {"__init__": lambda self, *_, **__: None})
        setattr(cls, name, made)
        return made

    def __or__(cls, other):
        return cls

    __ror__ = __or__


class StubModule(ModuleType):
    """A module from which everything can be imported."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = Stub(name, (), {"__init__": lambda self, *_, **__: None})
        setattr(self, name, made)
        return made


def install():
    """Put PyQt6 and the stubs where QGIS would be."""
    qgis = sys.modules["qgis"] = StubModule("qgis")
    qgis.__path__ = []
    for name in STUBS:
        stub = sys.modules[f"qgis.{name}"] = StubModule(f"qgis.{name}")
        setattr(qgis, name, stub)
    qt = sys.modules["qgis.PyQt"] = qgis.PyQt = ModuleType("qgis.PyQt")
    qt.__path__ = []
    for name in PARTS:
        part = importlib.import_module(f"PyQt6.{name}")
        QT.update({key: value for key, value in vars(part).items() if isinstance(value, type)})
        sys.modules[f"qgis.PyQt.{name}"] = part
        setattr(qt, name, part)
    qt.sip = sys.modules["qgis.PyQt.sip"] = importlib.import_module("PyQt6.sip")
    # QGIS itself provides this on Qt 6, where PyQt6 has no QVariant class to construct.
    if not hasattr(qt.QtCore, "QVariant"):
        qt.QtCore.QVariant = Stub("QVariant", (), {})


def dotted(node):
    """``["Qt", "AlignmentFlag", "AlignTop"]`` of an attribute that starts at a name, else nothing."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def faults(path):
    """What PyQt6 has not, wherever it stands: attributes of its classes, and methods that are gone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr in GONE:
            yield f"{path.name}:{node.lineno}: {node.attr}() is gone in PyQt6"
        first, *rest = dotted(node) or [""]
        found = QT.get(first)
        for number, name in enumerate(rest):
            if found is None:
                break
            if not hasattr(found, name):
                told = ".".join([first, *rest[: number + 1]])
                yield f"{path.name}:{node.lineno}: PyQt6 has no {told}"
            found = getattr(found, name, None)


def main(folder):
    """Import and look at everything."""
    install()
    sys.path.insert(0, str(folder))
    imported, found = [], []
    for path in sorted((folder / "geolivelihood_qgis").rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            importlib.import_module(name)
            imported.append(name)
        except Exception:
            found.append(f"{name}: {traceback.format_exc(limit=-2)}")
        found += faults(path)
    json.dump({"imported": imported, "faults": sorted(set(found))}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
