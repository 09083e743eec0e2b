"""What goes wrong, and what the user is told: what to do, no traceback, no half-loaded layer."""

import json
import os
import sqlite3
from collections import namedtuple

import pytest
from geolivelihood_qgis.env import settings, unfinished
from geolivelihood_qgis.gui import jobs
from geolivelihood_qgis.gui.assistant.wizard import Assistant
from qgis.core import QgsProject
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QPushButton

from . import fake_worker
from .fake_worker import nothing_is_left

pytestmark = pytest.mark.usefixtures("own_profile")

RUN = "geolivelihood:run_project"
MAP = "geolivelihood:clusters_to_map"

Fault = namedtuple("Fault", "name body words")

FAULTS = (
    Fault("worker killed", "hello(); hear(); os.kill(os.getpid(), 9)", ("ended", "go on where it stopped")),
    Fault("worker dies at once", "sys.exit(7)", ("ended without an answer", "exit code 7")),
    Fault("library too old", "hello(protocol=[0, 0]); hear()", ("too old for this plugin", "pip install")),
    Fault("plugin too old", "hello(protocol=[2, 3]); hear()", ("plugin is too old", "Manage and Install")),
    Fault("other results", "hello(schema=[5, 6]); hear()", ("plugin is too old", "Manage and Install")),
    Fault(
        "library without an extra",
        "hello(); hear(); say('error', code='ENV_MISSING', text='This needs timm.',"
        " hint='Run: python -m pip install geolivelihood[vision]', detail='Traceback ...'); sys.exit(4)",
        ("This needs timm.", "pip install geolivelihood[vision]"),
    ),
    Fault(
        "library not installed",
        "sys.exit('python: No module named geolivelihood')",
        ("not installed there", "pip install geolivelihood"),
    ),
    Fault(
        "a bug",
        "hello(); hear(); say('error', code='INTERNAL', text='KeyError: x', detail='Traceback ...')",
        ("KeyError: x", "INTERNAL"),
    ),
    Fault(
        "out of memory",
        "hello(); hear(); say('error', code='OUT_OF_MEMORY', text='t', hint='Take smaller batches.')",
        ("ran out of memory", "Take smaller batches", "go on where it stopped"),
    ),
    Fault(
        "killed while it writes",
        "hello(); job = hear(); part_of(job).write_bytes(b'half'); os.kill(os.getpid(), 9)",
        ("ended", "go on where it stopped"),
    ),
    Fault(
        "no results in the end",
        "hello(); job = hear(); say('result', outputs={}, layers=[], rejected=0, elapsed_s=1.0)",
        ("no file",),
    ),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_worker_that_fails(start, project, results_file, tmp_path, fault):
    fake_worker.make(tmp_path / "worker", fault.body, results_file)
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    for words in fault.words:
        assert words in told
    assert "Traceback" not in told
    nothing_is_left(tmp_path / "out")


def test_a_worker_that_is_missing(start, project, tmp_path):
    settings.put("worker_python", str(tmp_path / "gone" / "python"))
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    assert f"Worker Python not found: {tmp_path / 'gone' / 'python'}." in told
    nothing_is_left(tmp_path)


def test_a_worker_that_is_silent(start, project, results_file, tmp_path, monkeypatch):
    monkeypatch.setitem(settings.DEFAULTS, "stall_seconds", 1)
    fake_worker.make(tmp_path / "worker", "hello(); hear(); time.sleep(600)", results_file)
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    assert "silent" in told and "go on where it stopped" in told
    nothing_is_left(tmp_path / "out")


def test_the_toolbox_says_that_it_may_be_started_again(project, results_file, tmp_path):
    import processing
    from qgis.core import QgsProcessingException

    fake_worker.make(tmp_path / "worker", FAULTS[0].body, results_file)
    with pytest.raises(QgsProcessingException, match="Start it again and it goes on where it stopped"):
        processing.run(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    assert unfinished.take_broken() == []


def test_an_output_that_is_open_elsewhere(start, project, results, results_file, tmp_path, opened):
    fake_worker.make(tmp_path / "worker", "hello(); succeed(hear())", results_file)
    layer, before = opened(results, "cells"), results.read_bytes()
    other = sqlite3.connect(results)
    other.execute("BEGIN IMMEDIATE")
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(results)})
    other.close()
    assert "never overwritten" in told and "Choose a new name" in told
    assert results.read_bytes() == before
    assert layer.isValid() and len(QgsProject.instance().mapLayers()) == 1


def read_only(tmp_path):
    """A folder in which nothing can be made: for root, that is one below a file."""
    if os.geteuid() == 0:
        (tmp_path / "blocked").touch()
        return tmp_path / "blocked" / "out"
    folder = tmp_path / "read only"
    folder.mkdir(mode=0o555)
    return folder / "out"


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_folder_that_is_read_only(start, project, results_file, tmp_path):
    fake_worker.make(tmp_path / "worker", "hello(); succeed(hear())", results_file)
    folder = read_only(tmp_path)
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(folder / "map.gpkg")})
    assert f"{folder} cannot be written to" in told and "Choose another place" in told
    nothing_is_left(tmp_path)


def test_paths_with_spaces_and_accents(start, results_file, tmp_path):
    folder = tmp_path / "mes données été 人口 & co"
    fake_worker.make(folder, "hello(); succeed(hear())", results_file)
    project, out = folder / "projet à moi.yaml", folder / "sortie d'été" / "carte n°1.gpkg"
    project.write_text("name: test", encoding="utf-8")
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(out)})
    assert "7 layers" in told
    assert str(out.parent / "scores.csv") in told
    assert len(QgsProject.instance().mapLayers()) == 7
    assert all(layer.isValid() for layer in QgsProject.instance().mapLayers().values())


@pytest.fixture
def clusters(results_file, tmp_path, opened):
    """Clusters in the project, of a copy that may be removed."""
    import shutil

    return opened(shutil.copy(results_file, tmp_path / "survey é.gpkg"), "clusters")


@pytest.fixture
def gathered(plugin, clusters, tmp_path):
    """What the assistant gathers for these clusters."""
    wizard = Assistant(None, None)
    wizard.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    wizard.data.clusters.box.setLayer(clusters)
    wizard.data.pictures.setCurrentIndex(wizard.data.pictures.findData("photos_folder"))
    wizard.data.photos_folder.setFilePath(str(tmp_path))
    wizard.indicator.initializePage()
    wizard.indicator.fields.set_value(["wealth"])
    yield wizard
    wizard.deleteLater()


def test_a_project_that_is_not_saved(gathered, clusters, tmp_path):
    """Results go beside the clusters then, and the assistant says that the map would be lost."""
    assert QgsProject.instance().fileName() == ""
    gathered.output.initializePage()
    assert gathered.values()["OUTPUT"] == str(tmp_path / "results" / "map-0001" / "map-0001.gpkg")
    assert "save the project to keep the map" in gathered.output.notice.text()


def test_a_layer_that_is_removed_while_a_job_runs(
    plugin, start, gathered, clusters, results_file, tmp_path, said
):
    body = """
hello(); job = hear()
say("progress", pct=None, stage="embed", step=1, steps=4, text="pictures")
while not pathlib.Path(job["out"]).with_name("go").exists():
    time.sleep(0.05); say("heartbeat", uptime=1.0)
assert pathlib.Path(job["params"]["clusters"]["path"]).exists()
succeed(job)
"""
    script = fake_worker.make(tmp_path / "worker", body, results_file)
    fake_worker.describe(script, plugin.provider)
    out = tmp_path / "out" / "map.gpkg"
    gathered.output.output.setFilePath(str(out))

    def remove(window):
        if window.findChild(QLabel, "glqRunStage").text() != "embed: pictures":
            return False
        QgsProject.instance().removeMapLayer(clusters.id())
        (out.parent / "go").touch()
        return True

    told = start(MAP, gathered.parameters(), remove)
    assert "7 layers" in told, told
    assert len(QgsProject.instance().mapLayers()) == 7


def test_the_assistant_s_request(plugin, start, gathered, clusters, results_file, tmp_path):
    """What is gathered reaches the worker in the library's words."""
    body = "hello(); job = hear(); pathlib.Path(REQUEST).write_text(json.dumps(job['params'])); succeed(job)"
    request = tmp_path / "request.json"
    script = fake_worker.make(tmp_path / "w", body.replace("REQUEST", repr(str(request))), results_file)
    fake_worker.describe(script, plugin.provider)
    gathered.description = jobs.description_of("clusters_to_map")
    gathered.output.output.setFilePath(str(tmp_path / "out" / "map.gpkg"))
    assert gathered.parameters()["MODELS"] == [0, 1, 4]
    told = start(MAP, gathered.parameters())
    assert "7 layers" in told, told
    asked = json.loads(request.read_text())
    assert asked["clusters"] == {"path": str(tmp_path / "survey é.gpkg"), "layer": "clusters"}
    assert asked["indicators"] == ["wealth"]
    assert asked["models"] == ["mean", "knn", "ridge"]
    assert asked["splits"] == ["blocked", "random"]
    assert asked["pictures"] == "photos_folder"
    assert asked["coverage"] == 0.9
    assert asked["cluster_id"] == "cluster_id"
    assert "--MODELS=ridge" in gathered.command()


def test_what_was_refused_can_be_changed_in_the_assistant(
    plugin, start, press, gathered, results_file, tmp_path
):
    """The library's own words, and a way back to the pages, which know what was chosen."""
    body = "hello(); hear(); say('error', code='INPUT_INVALID', text='Give another buffer_m.'); sys.exit(6)"
    script = fake_worker.make(tmp_path / "w", body, results_file)
    fake_worker.describe(script, plugin.provider)
    gathered.output.output.setFilePath(str(tmp_path / "out" / "map.gpkg"))
    gathered.remember()
    told = start(MAP, gathered.parameters())
    assert "Give another buffer_m. [INPUT_INVALID]" in told
    nothing_is_left_of_results = list((tmp_path / "out").glob("*.gpkg"))
    assert nothing_is_left_of_results == []
    fake_worker.describe(script, plugin.provider)
    press("glqChange")
    assert plugin.jobs.assistant.isVisible()
    plugin.jobs.assistant.indicator.initializePage()
    assert plugin.jobs.assistant.values()["INDICATORS"] == ["wealth"]


def test_a_good_end_offers_print_and_report(plugin, start, project, results_file, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(jobs, "_open", seen.append)
    monkeypatch.setattr(jobs.printing, "start", lambda iface, say: seen.append(iface.activeLayer().source()))
    fake_worker.make(tmp_path / "worker", "hello(); succeed(hear())", results_file)
    out = tmp_path / "out" / "map.gpkg"
    start(RUN, {"PROJECT": str(project), "OUTPUT": str(out)})
    (window,) = plugin.jobs.windows
    window.findChild(QPushButton, "glqOpenReport").click()
    window.findChild(QPushButton, "glqPrintResult").click()
    assert seen[0] == out.parent / "report.html"
    assert seen[1].startswith(str(out))


def test_what_a_worker_says_is_no_markup(start, project, results_file, tmp_path):
    body = "hello(); hear(); say('error', code='INPUT_INVALID', text='<img src=x> & a\\nline', hint='')"
    fake_worker.make(tmp_path / "worker", body, results_file)
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    assert "<img src=x> & a\nline" in told
