"""The text for bug reports: what is in it, and what must not be."""

from pathlib import Path

import pytest
from geolivelihood_qgis.env import diagnostics, failures, profile, settings
from geolivelihood_qgis.gui.settings_dialog import SettingsDialog
from geolivelihood_qgis.worker_client import WorkerError
from qgis.core import Qgis
from qgis.PyQt.QtWidgets import QApplication, QPlainTextEdit, QPushButton, QSpinBox


@pytest.fixture(autouse=True)
def own_profile(plugin, tmp_path, monkeypatch):
    folder = tmp_path / "profile"
    folder.mkdir()
    monkeypatch.setattr(profile, "folder", lambda: folder)
    return folder


def test_it_says_what_a_maintainer_asks_for(tmp_path):
    settings.put("worker_python", str(Path.home() / "env" / "bin" / "python"))
    settings.remember_check(
        settings.find_worker(),
        library="0.3.1",
        versions={"geolivelihood": "0.3.1", "python": "3.11.2", "torch": "2.4"},
        devices=[{"id": "cpu", "name": "x86_64"}],
        extras={"viz": True, "pano": False},
    )
    log = tmp_path / "run.log"
    log.write_text("\n".join(f"line {number}" for number in range(500)))
    failures.remember(WorkerError("WORKER_CRASHED", "It ended.", "Why?"), "run", log)
    text = diagnostics.text()
    for words in (
        f"QGIS: {Qgis.QGIS_VERSION}",
        "Qt: ",
        "Python: 3.",
        "System: ",
        f"Plugin: {diagnostics.plugin_version()}",
        "Worker: ~/env/bin/python",
        "Worker Python not found: ~/env/bin/python.",
        "Library: 0.3.1",
        "Worker's Python: 3.11.2",
        "torch 2.4",
        "Devices: cpu (x86_64)",
        "Extras: viz yes, pano no",
        "[WORKER_CRASHED] It ended. Why?",
        "Log, last 200 lines:",
        "line 499",
    ):
        assert words in text
    assert "line 299" not in text
    assert str(Path.home()) + "/" not in text


@pytest.mark.parametrize(
    "secret",
    [
        "MLY|1234|abcdef",
        "access_token=abc123def",
        '"api_key": "abc123def"',
        "Authorization: Bearer abc123def456ghi",
        "PASSWORD = abc123def",
        "https://user:abc123def@tiles.example.org/1/2",
    ],
)
def test_no_secret_is_in_it(tmp_path, secret):
    log = tmp_path / "run.log"
    log.write_text(f"asking with {secret} now")
    failures.remember(WorkerError("INTERNAL", f"asked with {secret} now"), "run", log)
    text = diagnostics.text()
    assert "asking with" in text and "now" in text
    assert "abc" not in text


def test_nothing_of_the_environment_is_in_it(monkeypatch):
    monkeypatch.setenv("GLQ_PRIVATE", "a value that nobody should see")
    assert "nobody should see" not in diagnostics.text()


def test_without_a_check_or_an_error(plugin):
    text = diagnostics.text()
    assert "Worker: none" in text
    assert "Last check: none" in text
    assert "Last error: none" in text


def test_it_is_shown_and_copied_in_the_settings(plugin, artefacts):
    dialog = SettingsDialog()
    dialog.show()
    dialog.findChild(QPushButton, "glqShowDiagnostics").click()
    shown = dialog.findChild(QPlainTextEdit, "glqDiagnostics")
    assert shown.isVisible()
    assert shown.toPlainText() == diagnostics.text()
    dialog.findChild(QPushButton, "glqCopyDiagnostics").click()
    assert QApplication.clipboard().text() == diagnostics.text()
    dialog.resize(680, 560)
    dialog.grab().save(str(artefacts / "settings_diagnostics.png"))
    dialog.reject()


def test_threads_and_silence_are_settings(plugin):
    dialog = SettingsDialog()
    threads, stall = (dialog.findChild(QSpinBox, name) for name in ("glqThreads", "glqStallSeconds"))
    assert threads.text() == "Automatic"
    assert stall.value() == 120
    assert stall.minimum() >= 30
    threads.setValue(2)
    stall.setValue(300)
    dialog.accept()
    assert settings.worker_options() == {"device": "auto", "threads": 2}
    assert settings.get("stall_seconds") == 300
