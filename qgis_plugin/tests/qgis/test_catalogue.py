"""Operations that came with the plugin, and those that a worker tells of."""

import json

import processing
import pytest
from geolivelihood_qgis import classFactory
from geolivelihood_qgis.env import settings
from geolivelihood_qgis.gui.settings_dialog import SettingsDialog
from geolivelihood_qgis.processing import catalogue
from geolivelihood_qgis.processing.provider import HAND_WRITTEN, WAIT_MS
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtWidgets import QLabel, QPushButton


def operation(name, title="From a worker", **more):
    """A description with a text and a table."""
    return {
        "id": name,
        "title": title,
        "group": "Whole jobs",
        "help": "Scans what is around schools.",
        "parameters": [{"name": "words", "kind": "text", "title": "Words", "help": "h", "optional": True}],
        "output": {"kind": "table", "title": "Scan", "stem": name},
        **more,
    }


@pytest.fixture(autouse=True)
def bundled(tmp_path, monkeypatch):
    """One operation comes with the plugin."""
    path = tmp_path / "operations.json"
    path.write_text(json.dumps([operation("bundled", "As bundled")]), encoding="utf-8")
    monkeypatch.setattr(catalogue, "BUNDLED", path)
    return path


def listed():
    """Algorithms of the toolbox that no hand has written: id and title."""
    provider = QgsApplication.processingRegistry().providerById("geolivelihood")
    written = {algorithm.ID for algorithm in HAND_WRITTEN}
    return {one.name(): one.displayName() for one in provider.algorithms() if one.name() not in written}


def check(program, wait_for):
    """Press Check in the settings and close them."""
    dialog = SettingsDialog()
    dialog.python.setFilePath(program)
    dialog.findChild(QPushButton, "glqCheckWorker").click()
    status = dialog.findChild(QLabel, "glqWorkerStatus")
    wait_for(lambda: status.text()[:1] in ("✓", "✗"))
    dialog.accept()
    dialog.deleteLater()
    return status.text()


@pytest.fixture
def logged(qgis_app):
    """What comes to the log of messages."""
    texts = []
    signal = QgsApplication.messageLog().messageReceived[str, str, Qgis.MessageLevel]
    slot = lambda text, tag, level: texts.append(text)  # noqa: E731 - to be disconnected
    signal.connect(slot)
    yield texts
    signal.disconnect(slot)


def test_bundled_operations_are_listed_without_a_worker(plugin):
    assert listed() == {"bundled": "As bundled"}
    possible, reason = QgsApplication.processingRegistry().algorithmById("geolivelihood:bundled").canExecute()
    assert (possible, reason) == (False, "No worker Python is set. Plugins ▸ Geolivelihood ▸ Settings.")


def test_a_recipe_that_a_newer_library_brings_simply_works(plugin, telling_worker, wait_for, tmp_path):
    """Schools scan and perception map are not known here: the worker tells of them, and they run."""
    new = [operation("schools_scan", "Scan around schools"), operation("perception_map", "Perception map")]
    worker = telling_worker(operation("bundled", "As the worker says"), *new)
    assert listed() == {"bundled": "As bundled"}
    assert "✓" in check(worker.program, wait_for)
    wait_for(lambda: len(listed()) == 3)
    assert listed() == {
        "bundled": "As the worker says",
        "schools_scan": "Scan around schools",
        "perception_map": "Perception map",
    }
    out = tmp_path / "scan.csv"
    done = processing.run("geolivelihood:schools_scan", {"WORDS": "école", "OUTPUT": str(out)})
    assert done["OUTPUT"] == str(out) and out.exists()
    request = worker.request()
    assert (request["op"], request["params"]) == ("schools_scan", {"words": "école"})


def test_it_is_remembered_at_the_next_start_and_by_program(plugin, telling_worker, wait_for, qgis_iface):
    worker = telling_worker(operation("schools_scan"))
    check(worker.program, wait_for)
    wait_for(lambda: "schools_scan" in listed())
    plugin.unload()
    again = classFactory(qgis_iface)
    again.initGui()
    try:
        assert "schools_scan" in listed()
        settings.put("worker_python", "/another/python")
        catalogue.NEWS.changed.emit()
        wait_for(lambda: "schools_scan" not in listed())
    finally:
        again.unload()


def test_a_job_tells_too_but_nothing_changes_while_one_runs(plugin, telling_worker, wait_for, qgis_app):
    worker = telling_worker(operation("bundled"), operation("schools_scan"))
    provider = QgsApplication.processingRegistry().providerById("geolivelihood")
    with catalogue.at_work():
        processing.run("geolivelihood:bundled", {})
        assert worker.request()["op"] == "bundled"
        provider.timer.setInterval(1)
        for _ in range(50):
            qgis_app.processEvents()
        assert "schools_scan" not in listed()
    wait_for(lambda: "schools_scan" in listed(), seconds=10 + WAIT_MS / 1000)


def test_an_instance_outlives_the_renewal_of_the_list(plugin, telling_worker, wait_for, tmp_path):
    telling_worker(operation("bundled"), operation("schools_scan"))
    held = QgsApplication.processingRegistry().createAlgorithmById("geolivelihood:bundled")
    catalogue.remember(settings.find_worker(), {"ops": ["bundled"], "described": [operation("other")]})
    wait_for(lambda: "other" in listed())
    processing.run(held, {"OUTPUT": str(tmp_path / "a.csv")})
    assert (tmp_path / "a.csv").exists()


def test_an_operation_that_the_worker_lacks_says_what_to_do(plugin, telling_worker, wait_for):
    worker = telling_worker(ops=["run", "explain"])
    created = QgsApplication.processingRegistry().createAlgorithmById
    assert created("geolivelihood:bundled").canExecute() == (True, "")  # nobody has asked it yet
    check(worker.program, wait_for)
    possible, reason = created("geolivelihood:bundled").canExecute()
    assert not possible
    assert reason.startswith(
        f"The library there is too old for this. Run: {worker.program} -m pip install --upgrade geolivelihood"
    )
    assert reason.endswith("Settings ▸ Check.")
    assert created("geolivelihood:run_project").canExecute() == (True, "")
    telling_worker(operation("bundled"))
    check(worker.program, wait_for)
    assert created("geolivelihood:bundled").canExecute() == (True, "")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (operation("bad", parameters=[{"name": "a", "kind": "code", "title": "A"}]), "unknown kind"),
        (operation("__import__('os').system('true')"), "no id"),
        (operation("load_results"), "load_results is an algorithm of the plugin"),
        (operation("explain"), "form of its own"),
        (operation("huge", help="x" * 300_000), "too long"),
        (operation("half", help="half of a sign: \ud800"), "no text"),
        ("words", "no object"),
        (None, "no object"),
    ],
)
def test_what_is_malformed_or_hostile_is_left_out(plugin, logged, wait_for, told, words):
    settings.put("worker_python", "/some/python")
    before = {one.ID: one.TITLE for one in HAND_WRITTEN}
    catalogue.remember("/some/python", {"ops": [], "described": [told, operation("good")]})
    wait_for(lambda: "good" in listed())
    assert set(listed()) == {"bundled", "good"}
    assert any(words in text for text in logged), logged
    assert {one.ID: one.TITLE for one in HAND_WRITTEN} == before


@pytest.mark.parametrize("described", [{"a": 1}, "text", 7, None, [[[]]] * 1000])
def test_a_hello_that_is_nonsense_changes_nothing(plugin, described, logged):
    settings.put("worker_python", "/some/python")
    catalogue.remember("/some/python", {"ops": "run", "described": described})
    assert [one.id for one in catalogue.descriptions("/some/python")] == ["bundled"]
    assert not catalogue.lacks("/some/python", "bundled")


def test_too_much_is_not_kept(plugin):
    catalogue.remember("/p", {"ops": ["a"], "described": ["x" * (1 << 20)]})
    assert not catalogue.memory_file().exists()
    for number in range(20):
        catalogue.remember(f"/p{number}", {"ops": ["a"]})
    kept = json.loads(catalogue.memory_file().read_text(encoding="utf-8"))
    assert list(kept) == [f"/p{number}" for number in range(12, 20)]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"/p": 7}', "[" * 100_000])
def test_a_spoilt_memory_is_no_memory(plugin, content):
    catalogue.memory_file().write_text(content, encoding="utf-8")
    assert not catalogue.lacks("/p", "a")
    assert [one.id for one in catalogue.descriptions("/p")] == ["bundled"]
    catalogue.remember("/p", {"ops": ["b"]})
    assert catalogue.lacks("/p", "a")


def test_a_spoilt_bundle_is_logged(plugin, bundled, logged):
    bundled.write_text("{", encoding="utf-8")
    assert catalogue.descriptions("/p") == []
    assert str(bundled) in logged[0]


def test_a_profile_that_cannot_be_written_is_logged(plugin, monkeypatch, tmp_path, logged):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(catalogue, "memory_file", lambda: tmp_path / "file" / "memory.json")
    catalogue.remember("/p", {"ops": ["b"]})
    assert "was not kept" in logged[0]
