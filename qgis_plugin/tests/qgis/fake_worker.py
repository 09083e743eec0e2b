"""Workers that need no library: scripts that behave, or do not, as a test wants."""

import sys
from pathlib import Path

from geolivelihood_qgis.env import settings
from geolivelihood_qgis.layers.results import result_layers
from geolivelihood_qgis.processing import catalogue
from qgis.core import QgsProject

PRELUDE = """
import json, os, pathlib, shutil, sys, time
def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
def hello(**fields):
    say("hello", **{"protocol": [1, 1], "schema": [1, 1], "library": "0.9.0", "ops": OPS, **fields})
def hear():
    return json.loads(sys.stdin.readline())
def part_of(job):
    out = pathlib.Path(job["out"])
    return out.with_name(out.stem + ".part.gpkg")
def succeed(job):
    shutil.copy(RESULTS, part_of(job))
    part_of(job).rename(job["out"])
    folder = pathlib.Path(job["out"]).parent
    (folder / "scores.csv").write_text("model,r2\\n")
    (folder / "report.html").write_text("<p>report</p>")
    say("result", outputs={"geopackage": job["out"]}, layers=LAYERS, rejected=0, elapsed_s=1.0)
"""

OPERATIONS = ["check", "run", "explain", "clusters_to_map"]


def make(folder, body, results_file):
    """Write a worker into a folder and set it as the one to use; return its path."""
    layers = [{"name": layer.name, "title": layer.title} for layer in result_layers(results_file)]
    head = f"#!{sys.executable}\nRESULTS, LAYERS, OPS = {str(results_file)!r}, {layers!r}, {OPERATIONS!r}\n"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "geolivelihood-worker"
    script.write_text(head + PRELUDE + body, encoding="utf-8")
    script.chmod(0o755)
    settings.put("worker_python", str(script))
    return script


def describe(script, provider):
    """Let the plugin know the assistant's operation, as this worker would tell it."""
    catalogue.remember(script, {"library": "0.9.0", "ops": OPERATIONS, "described": [CLUSTERS_TO_MAP]})
    provider.refreshAlgorithms()


def nothing_is_left(folder):
    """No layer was loaded, and no file is there that is not whole."""
    assert QgsProject.instance().mapLayers() == {}
    assert [path.name for path in Path(folder).rglob("*.part*")] == []
    assert list(Path(folder).rglob("*.gpkg")) == []


def _one(name, kind, **more):
    return {"name": name, "kind": kind, "title": name, "help": name, "optional": True, **more}


def _choice(name, values, **more):
    return _one(name, "choice", choices=[[value, value.title()] for value in values], **more)


CLUSTERS_TO_MAP = {
    "id": "clusters_to_map",
    "title": "From clusters and photos to a map",
    "group": "Whole jobs",
    "help": "Makes a map.",
    "parameters": [
        _one("clusters", "points", optional=False),
        _one("cluster_id", "fields", of="clusters"),
        _choice("displaced", ["none", "dhs"]),
        _choice("pictures", ["photos_table", "photos_folder", "tiles", "raster"]),
        _one("photos_folder", "folder"),
        _one("indicators", "fields", of="clusters", many=True, numeric=True),
        _choice("models", ["mean", "knn", "idw", "gp", "ridge", "boosting"], many=True),
        _choice("splits", ["random", "blocked"], many=True),
        _one("folds", "integer", min=2, max=50),
        _one("coverage", "number", min=0.5, max=0.99),
        _one("resolution", "integer", min=0, max=15),
        _one("explanations", "flag"),
        _one("seed", "integer"),
    ],
    "output": {"kind": "geopackage", "title": "Results", "help": "", "stem": "map"},
}
