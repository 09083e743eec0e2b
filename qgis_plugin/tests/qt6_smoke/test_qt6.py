"""The plugin's modules under PyQt6, of which QGIS itself has no part here: see ``import_plugin.py``.

Not run on QGIS 4. What a stub cannot know, the enums of QGIS, ``test_scoped_enums.py`` asks of a real QGIS.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import package_plugin
import pytest
from geolivelihood_qgis.worker_client import child_environment

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[2] / ".run" / "pyqt6"
ON_CI = os.environ.get("CI") == "true"
LONG_S = 600


def run(python, *arguments):
    environment = {**child_environment(os.environ), "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.run(
        [str(python), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def has_pyqt6(python):
    try:
        return run(python, "-c", "import PyQt6.QtWidgets, PyQt6.QtXml").returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def python6():
    """A Python with PyQt6: ours, or one made beside the checkout (once; 10 seconds and 290 MB)."""
    made = CACHE / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    for python in (sys.executable, made):
        if has_pyqt6(python):
            return python
    CACHE.parent.mkdir(mode=0o700, exist_ok=True)
    done = run(sys.executable, "-m", "venv", CACHE)
    if done.returncode == 0:
        done = run(made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "PyQt6")
    if not has_pyqt6(made):
        told = (done.stderr or done.stdout).strip().splitlines()
        reason = f"PyQt6 could not be installed here: {told[-1] if told else 'it does not start'}"
        (pytest.fail if ON_CI else pytest.skip)(reason)
    return made


def smoke(python, folder):
    done = run(python, HERE / "import_plugin.py", folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_imports_under_pyqt6(python6):
    found = smoke(python6, package_plugin.HERE)
    assert found["faults"] == []
    assert len(found["imported"]) == len([path for path in package_plugin.files() if path.suffix == ".py"])


def test_it_finds_what_pyqt6_has_not(python6, tmp_path):
    folder = tmp_path / "geolivelihood_qgis"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "moved.py").write_text("from qgis.PyQt.QtWidgets import QAction\n", encoding="utf-8")
    (folder / "short.py").write_text(
        "from qgis.PyQt.QtCore import Qt\n"
        "from qgis.core import QgsProject\n"
        "def late(dialog):\n"
        "    dialog.setCursor(Qt.WaitCursor)\n"
        "    dialog.setAlignment(Qt.AlignmentFlag.AlignTop)\n"
        "    QgsProject.instance().clear()\n"
        "    return dialog.exec_()\n",
        encoding="utf-8",
    )
    found = smoke(python6, tmp_path)
    assert found["imported"] == ["geolivelihood_qgis", "geolivelihood_qgis.short"]
    assert [fault.splitlines()[0] for fault in found["faults"]] == [
        "geolivelihood_qgis.moved: Traceback (most recent call last):",
        "short.py:4: PyQt6 has no Qt.WaitCursor",
        "short.py:7: exec_() is gone in PyQt6",
    ]
