"""The difference of two runs: joined by cell, honest about intervals and applicability, styled by itself."""

import contextlib
import json
import re
import shutil
import sqlite3
import time

import processing
import pytest
from geolivelihood_qgis.compare.classes import LESS_TO_MORE, colours, labels, mirrored, pretty
from geolivelihood_qgis.layers.results import open_read_only, read_provenance
from qgis.core import (
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def rewrite(path, *statements):
    """Change a results file that nobody has open; its triggers need functions that plain SQLite lacks."""
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            base.execute(statement)


@pytest.fixture
def runs(evidence_file, tmp_path):
    """Two runs: in the second some cells rise by 2, some by 0.1, one is doubtful, two others are missing."""
    first, second = (
        shutil.copy(evidence_file, tmp_path / f"{name}.gpkg") for name in ("vorher é", "nachher")
    )
    columns = ("wealth", "wealth_lower", "wealth_upper")
    rise = "UPDATE cells SET " + ", ".join(f"{name} = {name} + {{0}}" for name in columns)
    rewrite(
        second,
        rise.format(2.0) + " WHERE fid <= 10",
        rise.format(0.1) + " WHERE fid > 10",
        "UPDATE cells SET applicable = 1",
        "UPDATE cells SET applicable = 0 WHERE fid = 4",
        "DELETE FROM cells WHERE fid IN (20, 21)",
    )
    rewrite(first, "UPDATE cells SET applicable = 1", "DELETE FROM cells WHERE fid = 22")
    return first, second


def compare(first, second, out, feedback=None, **more):
    parameters = {"FIRST": str(first), "SECOND": str(second), "OUTPUT": str(out)} | more
    return processing.run("geolivelihood:compare_runs", parameters, feedback=feedback)


def test_differences_are_joined_by_cell_and_judged_by_their_intervals(plugin, runs, tmp_path, opened):
    done = compare(*runs, tmp_path / "d.gpkg")
    kept = {row["cell"]: row for row in opened(runs[0], "cells").getFeatures()}
    assert (done["COUNT"], done["ONLY_FIRST"], done["ONLY_SECOND"]) == (len(kept) - 2, 2, 1)
    layer = opened(done["OUTPUT"], "difference")
    rows = {row["cell"]: row for row in layer.getFeatures()}
    for cell, row in rows.items():
        before = kept[cell]
        assert row["value_a"] == before["wealth"]
        assert row.geometry().equals(before.geometry())
        rise = 2.0 if before["fid"] <= 10 else 0.1
        assert row["difference"] == pytest.approx(rise)
        assert row["value_b"] - row["value_a"] == pytest.approx(rise)
        assert row["intervals_overlap"] == (rise < 1)
        assert row["beyond_both"] == (rise > 1)
        assert row["applicable"] == (before["fid"] != 4)


def test_other_units_and_other_coverage_are_told(plugin, runs, tmp_path):
    said = []

    class Feedback(QgsProcessingFeedback):
        def pushWarning(self, text):
            said.append(text)

    compare(*runs, tmp_path / "alike.gpkg", Feedback())
    assert said == []
    query = "UPDATE gpkg_metadata SET metadata = ? WHERE mime_type = 'application/json'"
    with contextlib.closing(sqlite3.connect(runs[1])) as base, base:
        told = read_provenance(base)
        told["configuration"]["uncertainty"] = {"coverage": 0.5}
        told["configuration"]["output"] = {"labels": {"wealth": "Wealth index (0 to 1)"}}
        base.execute(query, (json.dumps(told),))
    compare(*runs, tmp_path / "unlike.gpkg", Feedback())
    assert said == [
        "The units differ ('standard deviations' and '0 to 1'): the difference means nothing.",
        "The intervals differ in what they promise: 90 % in the first run, 50 % in the second.",
    ]


def test_the_layer_is_styled_and_tells_where_it_comes_from(plugin, runs, tmp_path, artefacts):
    out = tmp_path / "d.gpkg"
    compare(*runs, out, LOAD=True)
    layer = QgsVectorLayer(f"{out}|layername=difference", "d", "ogr")
    told = [item.label() for item in layer.renderer().legendSymbolItems()]
    assert told[-1] == "Not applicable in one of the runs"
    assert "0.0 – 0.5" in told and "1.5 – 2.0" in told and "−2.0 – −1.5" in told
    _, _, names, *_ = layer.listStylesInDatabase()
    assert names == ["difference", "beyond both intervals"]
    metadata = layer.metadata()
    assert metadata.title() == "Wealth index: nachher minus vorher é"
    assert "2 are only in the first run and 1 only in the second" in metadata.abstract()
    assert "In 1 one of the runs is not applicable." in metadata.abstract()
    assert [line.partition(",")[0] for line in metadata.history()] == [
        "First: vorher é.gpkg",
        "Second: nachher.gpkg",
    ]
    with contextlib.closing(open_read_only(out)) as base:
        told = read_provenance(base)
    assert [run["run_id"] for run in told["runs"]] == ["test", "test"]
    assert told["comparison"]["beyond_both_intervals"] == 9
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    context.setFeature(next(layer.getFeatures()))
    tip = QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
    assert "<b>2.000</b>" in tip and "the intervals do not overlap" in tip and "[%" not in tip
    image = picture(layer)
    assert image.save(str(artefacts / "difference.png"))
    seen = {image.pixelColor(x, y).name() for x in range(0, 400, 2) for y in range(0, 400, 2)}
    assert {LESS_TO_MORE[-1], LESS_TO_MORE[4], "#ececec"} <= seen


def picture(layer):
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(QSize(400, 400))
    settings.setBackgroundColor(QColor("#ff00ff"))
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(layer.extent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    return job.renderedImage()


def test_it_loads_as_a_result(plugin, runs, tmp_path, tree):
    out = tmp_path / "d.gpkg"
    done = processing.runAndLoadResults(
        "geolivelihood:compare_runs",
        {"FIRST": str(runs[0]), "SECOND": str(runs[1]), "OUTPUT": str(out)},
    )
    assert done["LAYERS"]
    assert tree()[0] == ("Results: d", ["Wealth index: nachher minus vorher é"])


def test_regions_are_joined_by_their_id(plugin, results, tmp_path, opened):
    second = shutil.copy(results, tmp_path / "second.gpkg")
    rewrite(second, "UPDATE regions SET wealth = wealth - 0.5 WHERE region_id = 'w'")
    done = compare(results, second, tmp_path / "d.gpkg", LAYER=1, INDICATOR="wealth")
    rows = {row["region_id"]: row for row in opened(done["OUTPUT"], "difference").getFeatures()}
    assert rows["w"]["difference"] == pytest.approx(-0.5) and rows["e"]["difference"] == 0
    assert rows["w"]["name"] == "West <&>"


@pytest.mark.parametrize("wrong", ["size", "indicator", "same", "exists", "ending", "layer"])
def test_what_cannot_be_compared_says_why(plugin, runs, results, tmp_path, wrong):
    first, second, out, more = *runs, tmp_path / "d.gpkg", {}
    words = {
        "size": "differ in size (H3 resolutions 6 and 5)",
        "indicator": "do not both have the indicator 'bmi'",
        "same": "Both results are the same file",
        "exists": "never overwritten",
        "ending": "ends in .gpkg",
        "layer": "has no layer 'cells'",
    }[wrong]
    if wrong == "size":
        rewrite(second, "UPDATE cells SET cell = '85' || substr(cell, 3)")
    elif wrong == "indicator":
        more = {"INDICATOR": "bmi"}
    elif wrong == "same":
        second = first
    elif wrong == "exists":
        out.write_text("mine")
    elif wrong == "ending":
        out = tmp_path / "d.shp"
    else:
        rewrite(second, "DELETE FROM gpkg_contents WHERE table_name = 'cells'")
    with pytest.raises(QgsProcessingException, match=re.escape(words)):
        compare(first, second, out, **more)
    assert not list(tmp_path.glob("*.part*"))
    assert wrong != "exists" or out.read_text() == "mine"


def test_cancelling_leaves_nothing(plugin, runs, tmp_path):
    feedback = QgsProcessingFeedback()
    feedback.cancel()
    with pytest.raises(QgsProcessingException):
        compare(*runs, tmp_path / "d.gpkg", feedback=feedback)
    assert not list(tmp_path.glob("d*"))


def test_two_hundred_thousand_cells_take_seconds(plugin, results, tmp_path):
    big = tmp_path / "big.gpkg"
    shutil.copy(results, big)
    with contextlib.closing(sqlite3.connect(results)) as base:
        count = base.execute("SELECT count(*) FROM cells").fetchone()[0]
    copies = 200_000 // count + 1
    numbers = f"WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {copies})"
    rewrite(
        big,
        "INSERT INTO cells (geom, cell, wealth, wealth_lower, wealth_upper) "
        f"{numbers} SELECT geom, substr(cell, 1, 9) || printf('%06x', k), wealth, wealth_lower, wealth_upper "
        "FROM cells, n",
        "DROP TABLE gpkg_ogr_contents",
    )
    other = shutil.copy(big, tmp_path / "other.gpkg")

    begun = time.monotonic()
    done = compare(big, other, tmp_path / "d.gpkg")
    taken = time.monotonic() - begun
    assert done["COUNT"] > 200_000
    assert taken < 60  # some five seconds on an idle machine


def test_classes_are_round_and_mirrored():
    assert pretty(0.03, 0.97) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert pretty(5, 5) == [5, 5]
    assert mirrored(1.7) == [-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0]
    assert mirrored(0)[0] == -1.0
    assert labels([-0.5, 0.0, 0.25]) == ["−0.50 – 0.00", "0.00 – 0.25"]
    assert labels([5, 5]) == ["5"]
    assert colours(LESS_TO_MORE, 8) == list(LESS_TO_MORE)
    assert len(colours(LESS_TO_MORE, 1)) == 1
    assert json.dumps(labels([1000, 2000, 3000])) == json.dumps(["1,000 – 2,000", "2,000 – 3,000"])
