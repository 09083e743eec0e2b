"""``explain``, as the toolbox runs it, with a worker that needs no library: it copies ready results."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import processing
import pytest
from geolivelihood_qgis.env import settings
from geolivelihood_qgis.layers.mosaics import below_mosaics, mosaics
from geolivelihood_qgis.layers.results import ResultLayer, result_layers
from geolivelihood_qgis.processing.explain import methods, parse_ids, result_of
from geolivelihood_qgis.worker_client import child_environment
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
)

FAKE = """
import contextlib, json, pathlib, shutil, sqlite3, sys, time
def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
say("hello", protocol=[1, 1], schema=[1, 1], library="0.1.0")
job = json.loads(sys.stdin.readline())
params, out = job["params"], pathlib.Path(job["out"])
if job["op"] != "explain" or params["model"] == "old":
    say("error", code="UNKNOWN_OP", text="This worker has no operation 'explain'.")
    sys.exit(2)
if params["model"] == "forest":
    say("error", code="INPUT_INVALID", text="There is no model 'forest'; there are: ridge", detail="")
    sys.exit(6)
part = out.with_name(out.stem + ".part")
part.mkdir()
for step in range(5):
    say("progress", pct=None, stage="explaining", step=step, steps=5, text="pictures")
    if params["model"] == "slow":
        time.sleep(600)
files = out.with_name(out.stem + ".explanations")
shutil.copytree(RASTERS, part / "explanations")
shutil.copy(RESULTS, part / "result.gpkg")
with contextlib.closing(sqlite3.connect(part / "result.gpkg")) as base, base:
    query = "SELECT id, metadata FROM gpkg_metadata WHERE mime_type = 'application/json'"
    number, text = base.execute(query).fetchone()
    made = {"method": "signed_cam", "model": "ridge", "target": "wealth", "source": "tiles"}
    names = ["mosaic_new.tif", "accounts_new.tif", "mosaic_gone.tif"]
    made["files"] = [files.name + "/" + name for name in names]
    document = json.loads(text) | {"explanations": [made], "asked": params}
    base.execute("UPDATE gpkg_metadata SET metadata = ? WHERE id = ?", (json.dumps(document), number))
(part / "explanations").rename(files)
(part / "result.gpkg").rename(out)
part.rmdir()
layers = [dict(layer, visible=True) if "views" in layer["name"] else layer for layer in LAYERS]
new = [str(file) for file in files.glob("*.tif")]
say("result", outputs={"geopackage": str(out)}, layers=layers, rejected=0, files=new, elapsed_s=1.0)
"""


RASTERS = """
import sys
from pathlib import Path
import numpy as np
import rasterio
from geolivelihood.layers import write_raster_style
for name in ("mosaic_new.tif", "accounts_new.tif"):
    path = Path(sys.argv[1]) / name
    shape = {"height": 4, "width": 4, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", transform=rasterio.Affine(0.1, 0, 32.2, 0, -0.1, 0.6), **shape) as raster:
        raster.write(np.ones((1, 4, 4), dtype=np.float32))
    write_raster_style(path, 2.0, unit="wealth per pixel")
"""


def run_python(program, code, *arguments):
    """Run code in the worker's Python; return what it prints."""
    ran = subprocess.run(
        [program, "-W", "ignore", "-c", code, *arguments],
        env=child_environment(os.environ),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return ran.stdout


@pytest.fixture(scope="module")
def rasters(tmp_path_factory, worker_python):
    """A folder of two rasters with styles beside them."""
    folder = tmp_path_factory.mktemp("rasters")
    run_python(worker_python, RASTERS, str(folder))
    return folder


@pytest.fixture
def explaining(plugin, results_file, rasters, tmp_path):
    """A project file, its results, and a worker that copies them beside ready rasters."""
    layers = [layer._asdict() for layer in result_layers(results_file)]
    script = tmp_path / "geolivelihood-worker"
    header = f"#!{sys.executable}\nRESULTS, RASTERS, LAYERS = "
    header += f"{str(results_file)!r}, {str(rasters)!r}, {layers!r}\n"
    script.write_text(header + FAKE, encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    settings.put("worker_python", str(script))
    project = tmp_path / "größe 1.yaml"
    project.write_text("name: test")
    return {
        "PROJECT": str(project),
        "RESULT": str(results_file),
        "OUTPUT": str(tmp_path / "new" / "out.gpkg"),
    }


def asked(out):
    """What the worker was asked."""
    base = sqlite3.connect(out)
    query = "SELECT metadata FROM gpkg_metadata WHERE mime_type = 'application/json'"
    (text,) = base.execute(query).fetchone()
    base.close()
    return json.loads(text)["asked"]


def test_it_asks_the_worker_and_loads_layers_and_mosaics(explaining, tree):
    done = processing.runAndLoadResults("geolivelihood:explain", explaining)
    out = Path(explaining["OUTPUT"])
    assert done["OUTPUT"] == str(out)
    assert asked(out) == {
        "project": explaining["PROJECT"],
        "set": {},
        "result": explaining["RESULT"],
        "methods": None,
        "model": None,
        "indicator": None,
        "source": None,
        "ids": None,
        "options": {},
    }
    (raster,) = [
        layer for layer in QgsProject.instance().mapLayers().values() if isinstance(layer, QgsRasterLayer)
    ]
    assert raster.name() == "Evidence for wealth: signed cam, ridge, tiles"
    assert Path(raster.source()) == out.parent / "out.explanations" / "mosaic_new.tif"
    assert raster.renderer().type() == "singlebandpseudocolor"  # the style beside it
    ((title, groups),) = tree()
    assert title == "Results: out"
    names = ["Pictures", "Links between pictures", "What the photos see", raster.name()]
    assert dict(groups)["Pictures"] == names
    root = QgsProject.instance().layerTreeRoot()
    assert root.findLayer(raster.id()).isVisible()
    assert not list(out.parent.glob("*.part*")) and not out.with_suffix(".log").exists()


def test_everything_that_is_given_reaches_the_worker(explaining, tmp_path):
    zones = tmp_path / "zones.gpkg"
    zones.write_bytes(b"")
    given = {
        "METHOD": [name for name, _ in methods()].index("concepts"),
        "MODEL": " ridge ",
        "INDICATOR": "wealth",
        "SOURCE": "tiles",
        "IDS": "a, b\nc;a",
        "CONCEPTS": "landuse.gpkg:class",
        "ZONES": str(zones),
        "CHECK": True,
        "OPTIONS": "k = 5",
        "SET": 'models = ["ridge"]',
        "LOAD": False,
    }
    done = processing.runAndLoadResults("geolivelihood:explain", explaining | given)
    told = asked(explaining["OUTPUT"])
    assert told["methods"] == ["concepts"] and told["ids"] == ["a", "b", "c"]
    assert [told[name] for name in ("model", "indicator", "source")] == ["ridge", "wealth", "tiles"]
    assert told["set"] == {"models": ["ridge"]}
    options = {"k": 5, "concepts": "landuse.gpkg:class", "zones": str(zones), "check": True}
    assert told["options"] == options
    assert QgsProject.instance().mapLayers() == {}
    assert len(done["LAYERS"]) == 8


def test_without_a_name_it_finds_a_new_one(explaining, tmp_path):
    explaining.pop("OUTPUT")
    for number in (1, 2):
        name = f"größe 1-explained-000{number}"
        done = processing.run("geolivelihood:explain", explaining)
        assert done["OUTPUT"] == str(tmp_path / "results" / name / f"{name}.gpkg")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"MODEL": "forest"}, r"no model 'forest'.*INPUT_INVALID"),
        ({"MODEL": "old"}, r"too old for this\. Run: .* --upgrade geolivelihood \[UNKNOWN_OP\]"),
        ({"RESULT": "/none.gpkg"}, "no file /none.gpkg"),
        ({"OPTIONS": "k"}, "'k' is no change"),
    ],
)
def test_it_tells_what_is_wrong(explaining, given, words):
    with pytest.raises(QgsProcessingException, match=words):
        processing.run("geolivelihood:explain", explaining | given)
    assert not Path(explaining["OUTPUT"]).exists()
    assert QgsProject.instance().mapLayers() == {}


def test_an_existing_target_is_refused_and_untouched(explaining, results):
    before = results.read_bytes()
    with pytest.raises(QgsProcessingException, match="never overwritten"):
        processing.run("geolivelihood:explain", explaining | {"OUTPUT": str(results)})
    assert results.read_bytes() == before


class Cancelling(QgsProcessingFeedback):
    """Cancels at the first progress."""

    def setProgressText(self, text):
        self.cancel()


def test_it_can_be_cancelled_and_leaves_nothing(explaining):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geolivelihood:explain")
    given = explaining | {"MODEL": "slow"}
    _, successful = algorithm.run(given, QgsProcessingContext(), Cancelling(False), {}, True)
    assert not successful
    assert list(Path(explaining["OUTPUT"]).parent.iterdir()) == []


def test_ids():
    assert parse_ids("a, b;c\n\n a") == ["a", "b", "c"]
    assert parse_ids(" ,\n") is None
    assert parse_ids(None) is None


def test_the_active_layer_tells_the_results(results, opened):
    assert result_of(opened(results, "cells")) == {"RESULT": str(results)}
    assert result_of(None) == {}


def test_what_would_cover_mosaics_is_off():
    names = ("explanations_rasters", "explanations_regions", "explanations_zonal", "explanations_peaks")
    layers = [ResultLayer(name, name, "Explanations", 0, True) for name in (*names, "cells")]
    assert [layer.name for layer in below_mosaics(layers) if layer.visible] == ["explanations_peaks", "cells"]


def test_results_without_explanations_have_no_mosaics(results):
    assert mosaics(results, result_layers(results)) == []


def test_all_methods_of_the_library_can_be_chosen(worker_python):
    code = "from geolivelihood.recipes.explanations import METHODS; print(*METHODS)"
    assert run_python(worker_python, code).split() == [name for name, _ in methods() if name]


def test_without_a_worker_the_action_says_what_to_do(plugin):
    action = next(action for action in plugin.actions if action.objectName() == "glqActionExplain")
    bar = plugin.iface.messageBar()
    bar.clear_messages()
    action.trigger()
    assert any("No worker Python is set" in text for texts in bar.messages.values() for text in texts)
