"""Fixtures for the plugin's tests; those that need QGIS skip without it, but never on CI."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEEDS_QGIS = ("qgis", "processing", "desktop")


def _missing():
    """Why there is no QGIS here, or an empty text."""
    if importlib.util.find_spec("qgis") is None:
        return "QGIS is not importable; run qgis_plugin/link_qgis.py and set PYTHONPATH as the Makefile does"
    try:
        importlib.import_module("qgis.core")
    except ImportError as error:
        return f"QGIS cannot be imported: {error}"
    return ""


MISSING = _missing()
pytest_plugins = [] if MISSING else ["pytest_qgis.plugin"]


def pytest_collection_modifyitems(items):
    if not MISSING or os.environ.get("CI") == "true":
        return
    for item in items:
        if set(NEEDS_QGIS) & set(item.path.relative_to(Path(__file__).parent).parts[:1]):
            item.add_marker(pytest.mark.skip(reason=MISSING))


def pytest_sessionstart():
    if MISSING and os.environ.get("CI") == "true":
        pytest.exit(f"On CI the QGIS tests must run: {MISSING}", returncode=1)


@pytest.fixture(scope="session")
def worker_python():
    """A Python that has the library: the one of .venv."""
    return sys.executable


@pytest.fixture(scope="session")
def artefacts():
    """The folder for screenshots."""
    folder = ROOT / "test-artefacts"
    folder.mkdir(exist_ok=True)
    return folder


def program(name):
    """The path of a program, or skip (fail on CI)."""
    found = shutil.which(name)
    if not found:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed")
    return found
