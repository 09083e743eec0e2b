"""Compared maps: linked both ways, one scale of colours, and nothing left behind."""

import shutil

import pytest
from geolivelihood_qgis.compare.choices import _scales, choices, styles
from geolivelihood_qgis.gui.compare_dialog import CompareDialog
from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDialog, QFileDialog, QPushButton


@pytest.fixture
def canvases(plugin, monkeypatch):
    """Further canvases, as the desktop makes them; by name."""
    made = {}

    def create(name):
        made[name] = QgsMapCanvas()
        made[name].resize(300 + 50 * len(made), 200)
        made[name].show()
        QgsApplication.processEvents()
        return made[name]

    def close(name):
        sip.delete(made.pop(name))

    monkeypatch.setattr(plugin.iface, "createNewMapCanvas", create, raising=False)
    monkeypatch.setattr(plugin.iface, "closeMapCanvas", close, raising=False)
    plugin.iface.mapCanvas().resize(600, 400)
    plugin.iface.mapCanvas().setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    plugin.iface.mapCanvas().setExtent(QgsRectangle(32, 0, 33, 1))
    yield made
    plugin.comparison.unload()
    for name in list(made):
        close(name)


@pytest.fixture
def two_runs(results, tmp_path, opened):
    """Two results in the project."""
    second = shutil.copy(results, tmp_path / "second.gpkg")
    return [opened(path, "cells") for path in (results, second)]


def found():
    return choices(QgsProject.instance().mapLayers().values())


def units(canvas):
    center = canvas.center()
    return round(center.x(), 6), round(center.y(), 6), round(canvas.mapUnitsPerPixel(), 9)


def test_runs_of_one_indicator_share_their_classes(plugin, two_runs):
    first, second = found()
    assert (first.indicator, first.label) == ("wealth", "Wealth")
    assert [choice.path for choice in (first, second)] == [layer.source().split("|")[0] for layer in two_runs]
    one, other = styles([first, second])
    assert one.xmlData().count("<rule ") > 4
    rules = [[part for part in style.xmlData().split('"') if " AND " in part] for style in (one, other)]
    assert rules[0] == rules[1] != []


def test_a_run_without_units_is_on_the_scale_of_its_indicator(plugin, two_runs):
    first, second = found()
    grouped = _scales([first._replace(unit="m"), second, first._replace(indicator="height", unit="M")])
    assert [len(group) for group in grouped] == [3]
    assert len(_scales([first._replace(unit="m"), second._replace(unit="km")])) == 2


def test_maps_of_other_units_have_their_own_classes(plugin, two_runs):
    first, second = found()
    one, other = styles([first._replace(unit="metres"), second._replace(indicator="wealth_upper", unit="km")])
    assert "&quot;wealth_upper&quot; >" in other.xmlData().replace("&gt;", ">")
    rules = [[part for part in style.xmlData().split('"') if " AND " in part] for style in (one, other)]
    assert rules[0] != rules[1]


def test_views_follow_each_other_and_closing_takes_everything_back(plugin, two_runs, canvases):
    themes = QgsProject.instance().mapThemeCollection()
    managers = [layer.styleManager() for layer in two_runs]
    before = [(manager.styles(), manager.currentStyle()) for manager in managers]  # names differ with QGIS
    names = plugin.comparison.views.show(found())
    assert names == ["Wealth, run-0001", "Wealth, second"] == list(themes.mapThemes())
    main, (one, other) = plugin.iface.mapCanvas(), canvases.values()
    assert [canvas.theme() for canvas in (one, other)] == names
    added = [set(manager.styles()) - set(own) for manager, (own, _) in zip(managers, before)]
    assert added == [{name} for name in names]
    assert [manager.currentStyle() for manager in managers] == [current for _, current in before]
    assert [units(canvas) for canvas in (one, other)] == [units(main)] * 2
    for leader, center in ((main, 32.2), (one, 32.4), (other, 32.6)):
        leader.setCenter(QgsPointXY(center, 0.5))
        leader.zoomByFactor(0.8)
        QgsApplication.processEvents()
        assert {units(canvas) for canvas in (main, one, other)} == {units(leader)}
        assert units(leader)[0] == pytest.approx(center)
    main.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    assert one.mapSettings().destinationCrs().authid() == "EPSG:3857"

    sip.delete(canvases.pop(names[0]))  # as when its dock is closed
    QgsApplication.processEvents()
    assert list(themes.mapThemes()) == names[1:]
    assert "Wealth, run-0001" not in two_runs[0].styleManager().styles()
    main.zoomByFactor(2)
    plugin.comparison.unload()
    assert list(themes.mapThemes()) == [] and canvases == {}
    assert [(manager.styles(), manager.currentStyle()) for manager in managers] == before
    main.zoomByFactor(2)  # nobody listens


def test_a_theme_shows_one_result_only(plugin, two_runs, canvases):
    names = plugin.comparison.views.show(found())
    themes = QgsProject.instance().mapThemeCollection()
    shown = [[layer.id() for layer in themes.mapThemeVisibleLayers(name)] for name in names]
    assert shown == [[layer.id()] for layer in two_runs]
    colours = set()
    for name, canvas in zip(names, canvases.values()):
        overrides = themes.mapThemeStyleOverrides(name)
        assert len(overrides) == 1
        assert canvas.theme() == name
        colours |= set(overrides)
    assert colours == {layer.id() for layer in two_runs}


def test_layers_that_go_and_a_cleared_project_leave_no_trouble(plugin, two_runs, canvases):
    plugin.comparison.views.show(found())
    QgsProject.instance().removeMapLayer(two_runs[0].id())
    plugin.iface.mapCanvas().zoomByFactor(2)
    plugin.comparison.unload()
    assert QgsProject.instance().mapThemeCollection().mapThemes() == []


def test_the_dialog_offers_what_can_be_done(plugin, two_runs, artefacts):
    dialog = CompareDialog(found())
    views, difference = (
        dialog.findChild(QPushButton, name) for name in ("glqCompareViews", "glqCompareDifference")
    )
    assert views.isEnabled() and difference.isEnabled()
    dialog.grab().save(str(artefacts / "compare-dialog.png"))
    dialog.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    assert not views.isEnabled() and not difference.isEnabled()
    assert "at least two" in dialog.hint.text()
    assert [choice.path for choice in dialog.chosen()] == [found()[1].path]


def test_nothing_to_compare_says_what_to_do(plugin):
    plugin.comparison.start()
    (text,) = plugin.iface.messageBar().messages[Qgis.MessageLevel.Warning]
    assert "load a result" in text


def test_the_action_subtracts_two_runs(plugin, two_runs, tmp_path, monkeypatch, wait_for, tree):
    def agree(dialog):
        dialog.difference_button.click()
        return QDialog.DialogCode.Accepted

    monkeypatch.setattr(CompareDialog, "exec", agree)
    target = tmp_path / "difference"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    action = next(action for action in plugin.actions if action.objectName() == "glqActionCompare")
    bar = plugin.iface.messageBar()
    bar.clear_messages()
    action.trigger()
    wait_for(lambda: any(bar.messages.values()))
    (text,) = bar.messages[Qgis.MessageLevel.Success]
    assert "0 are only in the first run" in text
    assert target.with_suffix(".gpkg").is_file()
    assert tree()[0][0] == "Results: difference"
