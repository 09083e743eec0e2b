"""A plugin started in an invented QGIS window."""

import json
import stat
import sys
import time
from types import SimpleNamespace

import pytest

LONG_S = 120


@pytest.fixture(autouse=True)
def english_numbers():
    """Numbers are written as in English, whatever the language of the machine."""
    from qgis.PyQt.QtCore import QLocale

    QLocale.setDefault(QLocale.c())


@pytest.fixture
def plugin(qgis_iface, qgis_processing, qgis_new_project, monkeypatch, tmp_path):
    """The plugin, loaded; unloaded afterwards. No worker is set."""
    from geolivelihood_qgis import classFactory
    from geolivelihood_qgis.env import settings
    from geolivelihood_qgis.processing import catalogue
    from qgis.core import QgsApplication, QgsProject, QgsSettings

    catalogue.memory_file().unlink(missing_ok=True)
    monkeypatch.delenv("GEOLIVELIHOOD_PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    QgsSettings().remove(settings.PREFIX.rstrip("/"))
    plugin = classFactory(qgis_iface)
    plugin.initGui()
    yield plugin
    plugin.unload()
    QgsProject.instance().clear()
    QgsApplication.processEvents()


TELLING_WORKER = """
import json, pathlib, shutil, sys, time
HELLO, RESULTS = json.loads(HELLO), pathlib.Path(RESULTS)
def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
say("hello", protocol=[1, 1], schema=[1, 1], library="9.0.0", **HELLO)
line = sys.stdin.readline()
job = json.loads(line) if line else sys.exit(0)
if job["op"] == "check":
    say("result", versions={"geolivelihood": "9.0.0", "python": "3"}, devices=[])
    sys.exit(0)
out, params = pathlib.Path(job["out"]), job["params"]
for value in params.values():  # the files of layers are there while the job runs
    assert not (isinstance(value, dict) and "path" in value) or pathlib.Path(value["path"]).is_file()
copies = {name: value for name, value in params.items() if isinstance(value, dict) and "layer" in value}
for name, value in copies.items():
    shutil.copy(value["path"], ASKED + "." + name + pathlib.Path(value["path"]).suffix)
pathlib.Path(ASKED).write_text(json.dumps(job))
say("info", text="started")
while params.get("slow"):
    time.sleep(0.1)
if out.suffix == ".gpkg":
    shutil.copy(RESULTS, out)
elif out.suffix == ".csv":
    out.write_text("name,value\\na,1\\n")
else:
    out.mkdir(exist_ok=True)
    (out / "file.txt").write_text("done")
say("result", outputs={"table": str(out)}, layers=[], rejected=0, elapsed_s=1.0)
"""


@pytest.fixture
def telling_worker(plugin, results_file, tmp_path):
    """Set a worker without a library that tells of operations; it keeps what it was asked."""
    from geolivelihood_qgis.env import settings

    def make(*operations, ops=None):
        asked, folder = tmp_path / "asked.json", tmp_path / "worker"
        folder.mkdir(exist_ok=True)
        script = folder / "geolivelihood-worker"
        told = {"ops": [one["id"] for one in operations] if ops is None else ops, "described": operations}
        header = f"#!{sys.executable}\nHELLO, RESULTS = {json.dumps(told)!r}, {str(results_file)!r}\n"
        header += f"ASKED = {str(asked)!r}\n"
        script.write_text(header + TELLING_WORKER, encoding="utf-8")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        settings.put("worker_python", str(script))
        return SimpleNamespace(
            program=str(script), request=lambda: json.loads(asked.read_text()), asked=asked
        )

    return make


@pytest.fixture
def wait_for(qgis_app):
    """Let QGIS work until a condition holds."""

    def wait_for(condition, seconds=LONG_S):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited too long"
            qgis_app.processEvents()
            time.sleep(0.01)

    return wait_for


@pytest.fixture
def tree():
    """The layer tree as nested lists of names; a group is a pair of its name and its list."""
    from qgis.core import QgsProject

    def read(group):
        return [
            (node.name(), read(node)) if hasattr(node, "findGroup") else node.name()
            for node in group.children()
        ]

    return lambda: read(QgsProject.instance().layerTreeRoot())


@pytest.fixture
def opened(qgis_new_project):
    """Open a layer of a file, owned by the project: what is owned by Python could outlive QGIS."""
    from qgis.core import QgsProject, QgsVectorLayer

    def opened(path, name):
        return QgsProject.instance().addMapLayer(QgsVectorLayer(f"{path}|layername={name}", name, "ogr"))

    return opened


@pytest.fixture
def own_profile(plugin, tmp_path_factory, monkeypatch):
    """A profile folder of the test's own."""
    from geolivelihood_qgis.env import profile, unfinished

    folder = tmp_path_factory.mktemp("profile")
    monkeypatch.setattr(profile, "folder", lambda: folder)
    unfinished.BROKEN.clear()
    return folder


@pytest.fixture
def said(plugin):
    """Everything that people read in the message bar, which takes texts as HTML."""
    from qgis.PyQt.QtGui import QTextDocument

    def read(text):
        document = QTextDocument()
        document.setHtml(text)
        return document.toPlainText()

    def said():
        bar = plugin.iface.messageBar()
        texts = [text for texts in bar.messages.values() for text in texts] + [i.text() for i in bar.items()]
        return list(map(read, texts))

    yield said
    plugin.iface.messageBar().clearWidgets()


@pytest.fixture
def press(plugin):
    """Press a button in the message bar."""
    from qgis.PyQt.QtWidgets import QPushButton

    def press(name):
        buttons = plugin.iface.messageBar().findChildren(QPushButton, name)
        buttons[-1].click()

    return press


@pytest.fixture
def start(plugin, own_profile, said, wait_for):
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
