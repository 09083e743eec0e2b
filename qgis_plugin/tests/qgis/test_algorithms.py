"""The algorithms, as the toolbox runs them."""

import contextlib
import json
import sqlite3
import sys
from pathlib import Path

import processing
import pytest
from geolivelihood_qgis.env import settings
from geolivelihood_qgis.gui.tasks import AlgorithmRun
from geolivelihood_qgis.layers.results import result_layers
from geolivelihood_qgis.processing.worker_algorithm import free_name, parse_settings
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsGraduatedSymbolRenderer,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QTimer

ORDER = [
    (
        "Results: run-0001",
        [
            ("Survey", ["Survey clusters"]),
            ("Pictures", ["Pictures", "Links between pictures", "What the photos see"]),
            ("Map", ["Cells", "Regions"]),
            ("Tables", ["Set aside"]),
        ],
    )
]


def layer_named(name):
    (layer,) = QgsProject.instance().mapLayersByName(name)
    return layer


def query(path, text):
    with contextlib.closing(sqlite3.connect(path)) as base:
        return base.execute(text).fetchall()


def test_load_results_groups_orders_and_styles(plugin, results, tree):
    done = processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(results)})
    assert done["COUNT"] == 7
    assert tree() == ORDER
    cells = layer_named("Cells")
    assert isinstance(cells.renderer(), QgsGraduatedSymbolRenderer)
    assert cells.renderer().classAttribute() == "wealth"
    assert cells.mapTipTemplate()
    root = QgsProject.instance().layerTreeRoot()
    shown = {node.name() for node in root.findLayers() if node.isVisible()}
    assert shown == {"Survey clusters", "Pictures", "Cells", "Regions", "Set aside"}
    assert layer_named("Pictures").temporalProperties().isActive()
    seen = plugin.iface.mapCanvas().extent()
    assert seen.contains(cells.extent())


def test_loading_twice_gives_two_groups(plugin, results, tree):
    for _ in range(2):
        processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(results)})
    assert tree() == ORDER * 2


def test_a_background_task_loads_the_same(plugin, results, tree, wait_for):
    ends = []
    AlgorithmRun("geolivelihood:load_results", {"INPUT": str(results)}, lambda *end: ends.append(end))
    wait_for(lambda: ends)
    assert ends[0][0], ends
    assert tree() == ORDER
    assert isinstance(layer_named("Cells").renderer(), QgsGraduatedSymbolRenderer)


def test_layers_without_provenance_are_ordered_by_name(results):
    with contextlib.closing(sqlite3.connect(results)) as base, base:
        base.execute("DROP TABLE gpkg_metadata")
    layers = result_layers(results)
    assert [layer.name for layer in layers] == [
        "explanations_views",
        "edges",
        "clusters",
        "images",
        "cells",
        "regions",
        "rejected",
    ]
    assert layers[0].group == "Evidence"


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no file"), (b"junk " * 200, "no GeoPackage"), (b"", "no GeoPackage")]
)
def test_bad_results(plugin, tmp_path, content, words):
    path = tmp_path / "bad.gpkg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(QgsProcessingException, match=words):
        processing.run("geolivelihood:load_results", {"INPUT": str(path)})


def test_export_to_geopackage_keeps_styles_and_provenance(plugin, results, tmp_path):
    processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(results)})
    cells, clusters = layer_named("Cells"), layer_named("Survey clusters")
    out = tmp_path / "für alle.gpkg"
    done = processing.run("geolivelihood:export", {"LAYERS": [cells, clusters], "OUTPUT": str(out)})

    assert done["FILES"] == [str(out)]
    assert sorted(name for (name,) in query(out, "SELECT table_name FROM gpkg_geometry_columns")) == [
        "cells",
        "clusters",
    ]
    written = QgsVectorLayer(f"{out}|layername=cells", "Cells", "ogr")
    assert written.featureCount() == cells.featureCount()
    assert [field.name() for field in written.fields()] == [field.name() for field in cells.fields()]
    assert isinstance(written.renderer(), QgsGraduatedSymbolRenderer)
    ranges, expected = written.renderer().ranges(), cells.renderer().ranges()
    assert [r.label() for r in ranges] == [r.label() for r in expected]
    styles = query(out, "SELECT f_table_name, styleName, useAsDefault FROM layer_styles ORDER BY id")
    assert [row[2] for row in styles if row[0] == "cells"].count(1) == 1
    assert "uncertainty" in [row[1] for row in styles if row[0] == "cells"]
    told = query(out, "SELECT metadata FROM gpkg_metadata WHERE mime_type = 'application/json'")
    assert json.loads(told[0][0])["run_id"] == "test"
    assert query(out, "PRAGMA integrity_check") == [("ok",)]
    assert list(tmp_path.glob("*.part*")) == []
    described = {layer.name: layer.title for layer in result_layers(out)}
    assert described == {"cells": "Cells", "clusters": "Survey clusters"}


def test_export_takes_the_style_that_is_seen(plugin, results, tmp_path, opened):
    layer = opened(results, "cells")
    layer.setOpacity(0.5)
    out = tmp_path / "out.gpkg"
    processing.run("geolivelihood:export", {"LAYERS": [layer], "OUTPUT": str(out)})
    assert QgsVectorLayer(f"{out}|layername=cells", "Cells", "ogr").opacity() == 0.5


def test_export_can_leave_out_clusters(plugin, results, tmp_path, opened):
    layers = [opened(results, n) for n in ("clusters", "regions")]
    out = tmp_path / "public.gpkg"
    processing.run("geolivelihood:export", {"LAYERS": layers, "WITHOUT_CLUSTERS": True, "OUTPUT": str(out)})
    assert query(out, "SELECT table_name FROM gpkg_geometry_columns") == [("regions",)]


def test_export_to_geojson_is_rfc_7946(plugin, tmp_path):
    layer = QgsVectorLayer("Point?crs=EPSG:32636&field=name:string", "Some places!", "memory")
    feature = QgsFeature(layer.fields())
    feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(500000, 0)))
    feature.setAttribute("name", "é")
    layer.dataProvider().addFeature(feature)
    out = tmp_path / "out.geojson"
    done = processing.run("geolivelihood:export", {"LAYERS": [layer], "OUTPUT": str(out)})
    assert done["FILES"] == [str(out)]
    text = json.loads(out.read_text(encoding="utf-8"))
    assert "crs" not in text
    (found,) = text["features"]
    assert found["geometry"]["coordinates"] == pytest.approx([33, 0], abs=1e-6)
    assert found["properties"] == {"name": "é"}


def test_several_layers_to_geojson_are_several_files(plugin, results, tmp_path, opened):
    layers = [opened(results, n) for n in ("cells", "regions")]
    done = processing.run("geolivelihood:export", {"LAYERS": layers, "OUTPUT": str(tmp_path / "a.geojson")})
    assert [Path(file).name for file in done["FILES"]] == ["a_cells.geojson", "a_regions.geojson"]
    assert all(Path(file).exists() for file in done["FILES"])


def test_an_existing_target_is_refused_and_untouched(plugin, results, tmp_path, opened):
    layer = opened(results, "cells")
    out = tmp_path / "mine.gpkg"
    out.write_bytes(b"mine")
    with pytest.raises(QgsProcessingException, match="never overwritten"):
        processing.run("geolivelihood:export", {"LAYERS": [layer], "OUTPUT": str(out)})
    assert out.read_bytes() == b"mine"


def test_an_unknown_format_is_refused(plugin, results, tmp_path, opened):
    layer = opened(results, "cells")
    with pytest.raises(QgsProcessingException, match=r"one of: \.gpkg, \.geojson"):
        processing.run("geolivelihood:export", {"LAYERS": [layer], "OUTPUT": str(tmp_path / "a.docx")})


def reason():
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geolivelihood:run_project")
    possible, text = algorithm.canExecute()
    assert possible == (not text)
    return text


def test_messages_of_can_execute(plugin, tmp_path, monkeypatch):
    assert reason() == "No worker Python is set. Plugins ▸ Geolivelihood ▸ Settings."
    settings.put("worker_python", str(tmp_path / "none"))
    assert reason() == f"Worker Python not found: {tmp_path / 'none'}."
    settings.put("worker_python", sys.executable)
    assert reason() == ""
    settings.remember_check(sys.executable, code="WORKER_NOT_INSTALLED")
    told = f"geolivelihood is not installed there. Run: {sys.executable} -m pip install geolivelihood"
    assert reason() == told
    settings.remember_check(sys.executable, library="0.0.9")
    assert reason() == "Library 0.0.9 is too old; need ≥ 0.1.0."
    settings.remember_check(sys.executable, library="0.1.0")
    assert reason() == ""
    settings.put("worker_python", "")
    monkeypatch.setenv("GEOLIVELIHOOD_PYTHON", str(tmp_path / "named"))
    assert reason() == f"Worker Python not found: {tmp_path / 'named'}."


def test_load_and_export_need_no_worker(plugin):
    registry = QgsApplication.processingRegistry()
    for name in ("load_results", "export"):
        assert registry.createAlgorithmById(f"geolivelihood:{name}").canExecute()[0]


def test_settings_of_a_run():
    assert parse_settings("") == {}
    text = 'validation.folds = 10\n\n name=a = b\nmodels = ["mean"]'
    assert parse_settings(text) == {"validation.folds": 10, "name": "a = b", "models": ["mean"]}
    with pytest.raises(ValueError, match="no change"):
        parse_settings("folds")


def test_free_names(tmp_path):
    assert free_name(tmp_path, "a") == tmp_path / "a-0001" / "a-0001.gpkg"
    (tmp_path / "a-0001").mkdir()
    assert free_name(tmp_path, "a") == tmp_path / "a-0002" / "a-0002.gpkg"


FAKE = """
import json, pathlib, shutil, sys, time
def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
say("hello", protocol=[1, 1], schema=[1, 1], library="0.1.0")
job = json.loads(sys.stdin.readline())
if "wrong" in job["params"]["project"]:
    say("error", code="INPUT_INVALID", text="clusters.csv has no column wealth", detail="the detail")
    sys.exit(6)
out = pathlib.Path(job["out"])
part = out.with_name(out.stem + ".part.gpkg")
say("info", text="started")
shutil.copy(RESULTS, part)
for step in range(5):
    say("progress", pct=None, stage="embedding", step=step, steps=5, text="pictures")
    if "slow" in job["params"]["project"]:
        time.sleep(600)
print("a line of the console", file=sys.stderr)
part.rename(out)
say("warning", text="beware")
say("result", outputs={"geopackage": str(out)}, layers=LAYERS, rejected=3, elapsed_s=1.0)
"""


@pytest.fixture
def fake_worker(plugin, results_file, tmp_path):
    """Set a worker that needs no library: it copies ready results."""
    layers = [
        {"name": layer.name, "title": layer.title.upper(), "order": 1}
        for layer in result_layers(results_file)
    ]
    script = tmp_path / "geolivelihood-worker"
    header = f"#!{sys.executable}\nRESULTS, LAYERS = {str(results_file)!r}, {layers!r}\n"
    script.write_text(header + FAKE, encoding="utf-8")
    script.chmod(0o755)
    settings.put("worker_python", str(script))
    for name in ("right", "wrong", "slow"):
        (tmp_path / f"{name}.yaml").write_text("name: test")
    return tmp_path


class Heard(QgsProcessingFeedback):
    """Feedback that can be asked what it heard, and may cancel at the first progress."""

    def __init__(self, cancel=False):
        super().__init__(False)
        self.texts = []
        self.cancels = cancel

    def setProgressText(self, text):
        self.texts.append(text)
        if self.cancels:
            self.cancel()


def test_run_project_runs_and_loads(fake_worker, tree):
    feedback, out = Heard(), fake_worker / "new" / "out.gpkg"
    done = processing.runAndLoadResults(
        "geolivelihood:run_project",
        {"PROJECT": str(fake_worker / "right.yaml"), "OUTPUT": str(out)},
        feedback=feedback,
    )
    assert done["OUTPUT"] == str(out)
    assert len(done["LAYERS"]) == 7
    assert tree()[0][0] == "Results: out"
    assert "CELLS" in [layer.name() for layer in QgsProject.instance().mapLayers().values()]
    assert "embedding: pictures" in feedback.texts
    log = feedback.textLog()
    for words in ("a line of the console", "beware", "3 rows were set aside"):
        assert words in log
    assert not out.with_suffix(".log").exists()


def test_run_project_finds_a_new_name(fake_worker):
    for number in (1, 2):
        done = processing.run("geolivelihood:run_project", {"PROJECT": str(fake_worker / "right.yaml")})
        name = f"right-000{number}"
        assert done["OUTPUT"] == str(fake_worker / "results" / name / f"{name}.gpkg")


def test_run_project_tells_what_was_wrong(fake_worker):
    out = fake_worker / "out.gpkg"
    with pytest.raises(QgsProcessingException, match=r"no column wealth.*INPUT_INVALID"):
        processing.run(
            "geolivelihood:run_project", {"PROJECT": str(fake_worker / "wrong.yaml"), "OUTPUT": str(out)}
        )
    assert not out.exists()


def test_run_project_can_be_cancelled(fake_worker):
    out = fake_worker / "out.gpkg"
    parameters = {"PROJECT": str(fake_worker / "slow.yaml"), "OUTPUT": str(out)}
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geolivelihood:run_project")
    context = QgsProcessingContext()
    _, successful = algorithm.run(parameters, context, Heard(cancel=True), {}, True)
    assert not successful
    assert list(fake_worker.glob("out*")) == []


def test_the_interface_stays_live_during_a_run_that_can_be_cancelled(fake_worker, wait_for):
    ticks, ends = [], []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(10)
    parameters = {"PROJECT": str(fake_worker / "slow.yaml"), "OUTPUT": str(fake_worker / "out.gpkg")}
    run = AlgorithmRun("geolivelihood:run_project", parameters, lambda *end: ends.append(end))
    wait_for(lambda: "started" in run.feedback.textLog() and len(ticks) > 20)
    assert ends == []
    run.task.cancel()
    wait_for(lambda: ends)
    timer.stop()
    assert not ends[0][0]
    assert list(fake_worker.glob("out*")) == []


def test_run_project_refuses_an_existing_target(fake_worker, results):
    before = results.read_bytes()
    with pytest.raises(QgsProcessingException, match="never overwritten"):
        processing.run(
            "geolivelihood:run_project", {"PROJECT": str(fake_worker / "right.yaml"), "OUTPUT": str(results)}
        )
    assert results.read_bytes() == before


def test_a_real_result_is_a_map(plugin, recipe_file, tree):
    done = processing.runAndLoadResults("geolivelihood:load_results", {"INPUT": str(recipe_file)})
    assert done["COUNT"] >= 2
    assert tree()[0][0] == f"Results: {recipe_file.stem}"
    cells = layer_named("Cells")
    classes = cells.renderer().legendSymbolItems()  # of values, and grey hatching where none applies
    assert classes[-1].label() == "Not applicable" and len(classes) > 3
    assert cells.crs() == QgsCoordinateReferenceSystem("EPSG:4326")
