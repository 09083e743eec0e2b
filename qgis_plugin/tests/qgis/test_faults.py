"""What goes wrong, and what the user is told: what to do, no traceback, no half-loaded layer."""

import json
import os
import signal
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest
from geolivelihood_qgis import classFactory, worker_client
from geolivelihood_qgis.env import profile, settings, unfinished
from geolivelihood_qgis.gui import jobs
from geolivelihood_qgis.gui.assistant.wizard import Assistant
from geolivelihood_qgis.gui.run_window import RunWindow
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QLockFile, Qt
from qgis.PyQt.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from . import fake_worker

RUN = "geolivelihood:run_project"
MAP = "geolivelihood:clusters_to_map"


@pytest.fixture(autouse=True)
def own_profile(plugin, tmp_path_factory, monkeypatch):
    """A profile folder of the test's own."""
    folder = tmp_path_factory.mktemp("profile")
    monkeypatch.setattr(profile, "folder", lambda: folder)
    unfinished.BROKEN.clear()
    return folder


@pytest.fixture
def said(plugin):
    """Everything that the message bar was told."""

    def said():
        bar = plugin.iface.messageBar()
        return [text for texts in bar.messages.values() for text in texts] + [i.text() for i in bar.items()]

    yield said
    plugin.iface.messageBar().clearWidgets()


@pytest.fixture
def press(plugin):
    """Press a button in the message bar."""

    def press(name):
        buttons = plugin.iface.messageBar().findChildren(QPushButton, name)
        buttons[-1].click()

    return press


@pytest.fixture
def start(plugin, said, wait_for):
    """Start a run from the toolbar and wait for the message that ends it."""

    def start(algorithm, parameters, during=None):
        before = len(said())
        plugin.jobs.start(algorithm, parameters)
        if during:
            (window,) = plugin.jobs.windows
            wait_for(lambda: during(window))
        wait_for(lambda: len(said()) > before)
        return said()[-1]

    return start


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "a project.yaml"
    path.write_text("name: test", encoding="utf-8")
    return path


def nothing_is_left(folder):
    """No layer was loaded, and no file is there that is not whole."""
    assert QgsProject.instance().mapLayers() == {}
    assert [path.name for path in Path(folder).rglob("*.part*")] == []
    assert list(Path(folder).rglob("*.gpkg")) == []


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


def resumes(wait_for, said, press, words="7 layers"):
    """Press "Resume" and wait for the good end."""
    before = len([text for text in said() if words in text])
    press("glqResume")
    wait_for(lambda: len([text for text in said() if words in text]) > before)


TWICE = """
hello(); job = hear()
mark = pathlib.Path(job["params"]["project"]).with_name("begun")
say("progress", pct=None, stage="embed", step=1, steps=4, text="pictures")
if not mark.exists():
    mark.touch()
    BREAK
say("info", text="kept from an earlier run")
succeed(job)
"""


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("os.kill(os.getpid(), 9)", "ended without an answer"),
        ("say('error', code='OUT_OF_MEMORY', text='t'); sys.exit(5)", "ran out of memory"),
    ],
)
def test_a_broken_run_is_resumed(start, said, press, wait_for, project, results_file, tmp_path, how, words):
    fake_worker.make(tmp_path / "worker", TWICE.replace("BREAK", how), results_file)
    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    assert words in told
    nothing_is_left(tmp_path / "out")
    resumes(wait_for, said, press)
    assert (tmp_path / "out" / "map.gpkg").exists()
    assert len(QgsProject.instance().mapLayers()) == 7


def test_a_cancelled_run_is_resumed(plugin, start, said, press, wait_for, project, results_file, tmp_path):
    how = "hear(); say('error', code='CANCELLED', text='Cancelled.'); sys.exit(3)"
    fake_worker.make(tmp_path / "worker", TWICE.replace("BREAK", how), results_file)

    def cancel(window):
        if window.findChild(QLabel, "glqRunStage").text() != "embed: pictures":
            return False
        window.findChild(QPushButton, "glqRunCancel").click()
        return True

    told = start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")}, cancel)
    assert "was cancelled" in told
    nothing_is_left(tmp_path / "out")
    resumes(wait_for, said, press)


def test_a_run_is_remembered_meanwhile(plugin, start, own_profile, project, results_file, tmp_path):
    body = """
hello(); job = hear()
say("progress", pct=None, stage="embed", step=1, steps=4, text="pictures")
while not pathlib.Path(job["out"]).with_name("go").exists():
    time.sleep(0.05); say("heartbeat", uptime=1.0)
succeed(job)
"""
    fake_worker.make(tmp_path / "worker", body, results_file)
    out, found = tmp_path / "out" / "map.gpkg", []

    def look(window):
        if window.findChild(QLabel, "glqRunStage").text() != "embed: pictures":
            return False
        found.extend(json.loads(path.read_text()) for path in (own_profile / "runs").glob("*.json"))
        assert unfinished.left_behind() == []  # this QGIS is alive
        (out.parent / "go").touch()
        return True

    start(RUN, {"PROJECT": str(project), "OUTPUT": str(out)}, look)
    assert [run["algorithm"] for run in found] == [RUN]
    assert found[0]["parameters"] == {"PROJECT": str(project), "OUTPUT": str(out)}
    assert list((own_profile / "runs").iterdir()) == []


def test_a_run_of_a_qgis_that_died_is_offered_at_the_next_start(
    qgis_iface, plugin, own_profile, said, press, wait_for, project, results_file, tmp_path
):
    fake_worker.make(tmp_path / "worker", "hello(); succeed(hear())", results_file)
    run = {"algorithm": RUN, "title": "Run project", "out": str(tmp_path / "out" / "map.gpkg")}
    run["parameters"] = {"PROJECT": str(project), "OUTPUT": run["out"]}
    folder = own_profile / "runs"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(run))
    (folder / "broken.json").write_text('{"parameters": ')
    (folder / "foreign.json").write_text("[]")
    (folder / "busy.json").write_text(json.dumps(run))
    lock = QLockFile(str(folder / "busy.lock"))
    assert lock.tryLock(0)
    plugin.unload()
    plugin.__init__(qgis_iface)
    plugin.initGui()
    told = [text for text in said() if "QGIS ended during the run" in text]
    assert len(told) == 1 and "Run project" in told[0]
    assert sorted(path.name for path in folder.glob("*.json")) == ["busy.json"]
    resumes(wait_for, said, press)
    assert (tmp_path / "out" / "map.gpkg").exists()
    lock.unlock()


def test_the_toolbar_s_dialog_offers_it_too(plugin, said, project, results_file, tmp_path, monkeypatch):
    import qgis.processing
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

    fake_worker.make(tmp_path / "worker", FAULTS[0].body, results_file)

    def dialog(algorithm, parameters):
        asked = {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")}
        return algorithm.create().run(asked, QgsProcessingContext(), QgsProcessingFeedback(), {}, True)

    monkeypatch.setattr(qgis.processing, "execAlgorithmDialog", dialog)
    plugin.run_project()
    assert "The run 'Run project' broke off. The worker ended without an answer" in said()[-1]


def test_a_resumed_run_whose_algorithm_is_gone(plugin, said):
    run = {"algorithm": "geolivelihood:gone", "title": "Gone", "parameters": {}, "code": ""}
    plugin.jobs.resume(run)
    assert "'Gone' is not there any more" in said()[-1]


def test_a_run_goes_on_under_its_name_unless_that_was_taken(tmp_path):
    """What was computed is kept beside the name; a file that came there meanwhile is not touched."""
    out = tmp_path / "map.gpkg"
    run = {"parameters": {"SEED": 1}, "out": str(out)}
    assert unfinished.again(run) == {"SEED": 1, "OUTPUT": str(out)}
    out.touch()
    assert unfinished.again(run) == {"SEED": 1, "OUTPUT": str(tmp_path / "map-2.gpkg")}


def test_fresh_names(tmp_path):
    assert unfinished.fresh(tmp_path / "map.gpkg").name == "map-2.gpkg"
    (tmp_path / "map-2.gpkg").touch()
    assert unfinished.fresh(tmp_path / "map-2.gpkg").name == "map-3.gpkg"
    assert unfinished.fresh(tmp_path / "map-0001.gpkg").name == "map-0001-2.gpkg"


def test_layers_are_remembered_by_their_source(opened, results):
    layer = opened(results, "cells")
    found = unfinished.portable({"A": layer.id(), "B": layer, "C": [layer.id(), 1], "D": None})
    source = f"{results}|layername=cells"
    assert found == {"A": source, "B": source, "C": [source, 1], "D": None}
    memory = QgsProject.instance().addMapLayer(QgsVectorLayer("Point?crs=EPSG:4326", "m", "memory"))
    assert unfinished.portable({"A": memory.id()}) == {"A": memory.id()}
    assert unfinished.portable({"A": object()}) is None


def test_a_real_worker_that_is_killed_goes_on_where_it_stopped(
    plugin, start, said, press, wait_for, project_file, worker_python, tmp_path, quick
):
    """kill -9 during a real run: a message, then "Resume", and what was computed is kept."""
    settings.put("worker_python", worker_python)
    out = tmp_path / "out" / "map.gpkg"
    pids, real = [], worker_client._Job.shake_hands

    def shaken(job, *arguments):
        real(job, *arguments)
        pids.append(job.process.pid)

    worker_client._Job.shake_hands = shaken
    try:
        changes = "\n".join(f"{key} = {json.dumps(value)}" for key, value in quick.items())

        def kill(window):
            text = window.findChild(QPlainTextEdit, "glqRunLog").toPlainText()
            stage = window.findChild(QLabel, "glqRunStage").text()
            assert isinstance(window, RunWindow) and "Traceback" not in text
            if not any(word in stage.lower() for word in ("model", "valid", "score", "fold", "ridge")):
                return False
            os.kill(pids[0], signal.SIGKILL)
            return True

        parameters = {"PROJECT": str(project_file), "SET": changes, "OUTPUT": str(out)}
        told = start(RUN, parameters, kill)
        assert "ended without an answer (exit code -9)" in told
        nothing_is_left(out.parent)
        resumes(wait_for, said, press, "layers. Scores")
    finally:
        worker_client._Job.shake_hands = real
    log = "\n".join(w.findChild(QPlainTextEdit, "glqRunLog").toPlainText() for w in plugin.jobs.windows)
    assert "kept from an earlier run" in log
    assert (tmp_path / "out" / "map.gpkg").exists()
    assert classFactory
