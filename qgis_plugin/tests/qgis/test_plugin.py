"""The plugin comes, shows itself, and goes without a trace."""

from types import SimpleNamespace

import pytest
from geolivelihood_qgis import classFactory
from geolivelihood_qgis.env import settings
from geolivelihood_qgis.gui.settings_dialog import SettingsDialog
from geolivelihood_qgis.processing import catalogue
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtWidgets import QFileDialog, QLabel, QPushButton

ACTIONS = [
    "glqActionAssistant",
    *("glqActionLoad", "glqActionExport", "glqActionRun", "glqActionExplain"),
    *("glqActionSettings", "glqActionPrint", "glqActionCompare"),
]


@pytest.fixture
def choose(monkeypatch):
    """Answer the file dialogs."""

    def choose(path, chosen=""):
        for name in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path), chosen))

    return choose


@pytest.fixture
def select(plugin, monkeypatch):
    """Select layers in an invented layer tree view."""

    def select(*layers):
        view = SimpleNamespace(selectedLayersRecursive=lambda: list(layers))
        monkeypatch.setattr(plugin.iface, "layerTreeView", lambda: view, raising=False)

    return select


@pytest.fixture
def answer(plugin, wait_for):
    """Trigger an action and wait for the message that ends it: its level and text."""

    def answer(name):
        bar = plugin.iface.messageBar()
        bar.clear_messages()
        next(action for action in plugin.actions if action.objectName() == f"glqAction{name}").trigger()
        wait_for(lambda: any(bar.messages.values()))
        return next((level, texts[-1]) for level, texts in bar.messages.items() if texts)

    return answer


def test_everything_has_a_name(plugin):
    assert plugin.toolbar.objectName() == "glqToolbar"
    assert [action.objectName() for action in plugin.actions] == ACTIONS
    on_toolbar = [*(name for name in ACTIONS if name != "glqActionSettings"), "glqActionEvidence"]
    assert [action.objectName() for action in plugin.toolbar.actions()] == on_toolbar
    assert all(not action.icon().isNull() for action in plugin.actions)
    assert all(not action.icon().pixmap(24, 24).toImage().isNull() for action in plugin.actions)


def test_unload_takes_everything_back_and_loading_again_works(qgis_iface, qgis_processing):
    registry = QgsApplication.processingRegistry()
    for _ in range(2):
        plugin = classFactory(qgis_iface)
        plugin.initGui()
        assert [a.id() for a in registry.providerById("geolivelihood").algorithms()] != []
        plugin.unload()
        QgsApplication.processEvents()
        assert registry.providerById("geolivelihood") is None
        assert plugin.actions == []
        assert plugin.toolbar is None


def test_the_provider_alone(qgis_processing):
    bundled = {description.id for description in catalogue.descriptions("")}
    plugin = classFactory(None)
    plugin.initProcessing()
    try:
        provider = QgsApplication.processingRegistry().providerById("geolivelihood")
        names = {"compare_runs", "explain", "export", "load_results", "print_result", "run_project"}
        assert {algorithm.name() for algorithm in provider.algorithms()} == names | bundled
        for algorithm in provider.algorithms():
            assert algorithm.displayName()
            assert len(algorithm.shortHelpString()) > 50
            assert all(parameter.help() for parameter in algorithm.parameterDefinitions())
        assert not provider.icon().isNull()
    finally:
        plugin.unload()


def test_load_results_from_the_toolbar(plugin, results, choose, answer, tree):
    choose(results)
    level, text = answer("Load")
    assert level == Qgis.MessageLevel.Success, text
    assert text.endswith("7 layers loaded.")
    assert tree()[0][0] == "Results: run-0001"


def test_a_file_that_is_no_results(plugin, tmp_path, choose, answer, tree):
    wrong = tmp_path / "wrong.gpkg"
    wrong.write_text("not a database, " * 100)
    choose(wrong)
    level, text = answer("Load")
    assert level == Qgis.MessageLevel.Critical
    assert "no GeoPackage" in text
    assert tree() == []


def test_export_without_a_selection_says_what_to_do(plugin, answer, select):
    select()
    level, text = answer("Export")
    assert level == Qgis.MessageLevel.Warning
    assert "Select the layers" in text


def test_export_from_the_toolbar(plugin, results, tmp_path, choose, answer, select, opened):
    select(opened(results, "cells"))
    choose(tmp_path / "cells", "GeoJSON (*.geojson)")
    level, text = answer("Export")
    assert level == Qgis.MessageLevel.Success, text
    assert (tmp_path / "cells.geojson").exists()

    choose(tmp_path / "cells.geojson")
    level, text = answer("Export")
    assert level == Qgis.MessageLevel.Critical
    assert "never overwritten" in text


def test_run_without_a_worker_says_what_to_do(plugin, answer):
    level, text = answer("Run")
    assert level == Qgis.MessageLevel.Warning
    assert "No worker Python is set" in text


def test_settings_check_and_store(plugin, worker_python, wait_for, artefacts):
    dialog = SettingsDialog()
    status = dialog.findChild(QLabel, "glqWorkerStatus")
    assert "No worker Python is set" in status.text()
    dialog.python.setFilePath(worker_python)
    dialog.findChild(QPushButton, "glqCheckWorker").click()
    wait_for(lambda: status.text()[0] in "✓✗")
    assert "✓ geolivelihood" in status.text()
    assert "cpu" in status.text()
    dialog.resize(640, 300)
    dialog.grab().save(str(artefacts / "settings.png"))
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    dialog.keep_log.setChecked(True)
    dialog.accept()
    assert settings.find_worker() == worker_python
    assert settings.worker_options() == {"device": "cpu"}
    assert settings.get("keep_log") is True
    assert settings.obstacle() == ""


def test_check_of_a_python_without_the_library(plugin, wait_for):
    dialog = SettingsDialog()
    dialog.python.setFilePath("/usr/bin/python3")
    dialog.findChild(QPushButton, "glqCheckWorker").click()
    status = dialog.findChild(QLabel, "glqWorkerStatus")
    wait_for(lambda: status.text()[0] in "✓✗")
    dialog.accept()
    told = "geolivelihood is not installed there. Run: /usr/bin/python3 -m pip install geolivelihood"
    assert told in status.text()
    assert settings.obstacle() == told
