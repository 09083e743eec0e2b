"""A run that broke off goes on where it stopped: offered at once, and at the next start of QGIS."""

import json
import os
import signal

import pytest
from geolivelihood_qgis import worker_client
from geolivelihood_qgis.env import settings, unfinished
from geolivelihood_qgis.gui.run_window import RunWindow
from geolivelihood_qgis.gui.tasks import RUNNING
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QLockFile
from qgis.PyQt.QtWidgets import QLabel, QPlainTextEdit, QPushButton

from . import fake_worker
from .fake_worker import nothing_is_left

RUN = "geolivelihood:run_project"
KILLED = "hello(); hear(); os.kill(os.getpid(), 9)"


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


def test_a_run_that_ends_with_the_plugin_is_offered_the_next_time(
    qgis_iface, plugin, said, wait_for, project, results_file, tmp_path, own_profile
):
    body = """
hello(); hear()
say("progress", pct=None, stage="embed", step=1, steps=4, text="pictures")
hear(); say("error", code="CANCELLED", text="Cancelled."); sys.exit(3)
"""
    fake_worker.make(tmp_path / "worker", body, results_file)
    plugin.jobs.start(RUN, {"PROJECT": str(project), "OUTPUT": str(tmp_path / "out" / "map.gpkg")})
    (window,) = plugin.jobs.windows
    wait_for(lambda: window.findChild(QLabel, "glqRunStage").text() == "embed: pictures")
    before = said()
    plugin.unload()
    wait_for(lambda: not RUNNING)
    assert said() == before  # nobody is there any more to say it
    plugin.__init__(qgis_iface)
    plugin.initGui()
    assert "QGIS ended during the run 'Run project'" in said()[-1]


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

    fake_worker.make(tmp_path / "worker", KILLED, results_file)

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
