"""The plugin under flake8-qgis: what breaks in QGIS (QGS1xx) and what Qt 6 has no longer (QGS4xx)."""

import subprocess
import sys

import package_plugin
import pytest

pytest.importorskip("flake8_qgis", reason="flake8-qgis is not installed (extra 'dev')")

# QGS105 would have iface imported: ours is handed on from classFactory, so that a test can hand on its own.
COMMAND = ["-m", "flake8", "--isolated", "--disable-noqa", "--select=QGS1,QGS4", "--extend-ignore=QGS105"]


def complaints(folder):
    done = subprocess.run(
        [sys.executable, *COMMAND, str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return done.stdout.splitlines()


def test_flake8_qgis_finds_nothing():
    assert complaints(package_plugin.PLUGIN) == []


def test_it_sees_what_it_should(tmp_path):
    (tmp_path / "bad.py").write_text(
        "from PyQt5.QtCore import Qt\n"
        "from qgis._core import QgsProject\n"
        "from qgis.PyQt.QtCore import QRegExp\n"
        "PATTERN = QRegExp('a')\n",
        encoding="utf-8",
    )
    found = {line.split()[1] for line in complaints(tmp_path)}
    assert {"QGS101", "QGS103", "QGS406"} <= found
