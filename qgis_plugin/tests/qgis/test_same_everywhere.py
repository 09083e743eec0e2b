"""The same request gives the same result from the toolbox, a task, a model, ``qgis_process`` and Python."""

import contextlib
import os
import sqlite3
import subprocess

import processing
import pytest
from geolivelihood_qgis.env import settings
from geolivelihood_qgis.gui.tasks import AlgorithmRun
from geolivelihood_qgis.worker_client import child_environment, run_job
from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelParameter,
    QgsProcessingParameterFeatureSource,
)

LIBRARY = """
import sys
from pathlib import Path
from geolivelihood.recipes.places import Source, summarise_points
points = Source(Path(sys.argv[1]), None, "EPSG:4326")
summarise_points(points, Path(sys.argv[2]), resolution=7, fields=["height"])
"""


@pytest.fixture
def points(tmp_path):
    """A text table of places."""
    path = tmp_path / "places.csv"
    lines = [f"{32 + n * 0.01},{n * 0.013},{n % 7}" for n in range(60)]
    path.write_text("\n".join(["lon,lat,height", *lines]), encoding="utf-8")
    return path


@pytest.fixture
def chain(tmp_path):
    """A stored model with our algorithm."""
    made = QgsProcessingModelAlgorithm("Chain", "ours")
    where = QgsProcessingParameterFeatureSource("where", "Where")
    made.addModelParameter(where, QgsProcessingModelParameter("where"))
    child = QgsProcessingModelChildAlgorithm("geolivelihood:h3_summary")
    source = QgsProcessingModelChildParameterSource
    child.setChildId("ours")
    child.addParameterSources("POINTS", [source.fromModelParameter("where")])
    child.addParameterSources("RESOLUTION", [source.fromStaticValue(7)])
    child.addParameterSources("FIELDS", [source.fromStaticValue("height")])
    child.addParameterSources("OUTPUT", [source.fromStaticValue(str(tmp_path / "model.gpkg"))])
    made.addChildAlgorithm(child)
    path = tmp_path / "chain.model3"
    assert made.toFile(str(path))
    return path


def content(path):
    """Cells and their numbers, and the style."""
    with contextlib.closing(sqlite3.connect(path)) as base:
        cells = base.execute("SELECT cell, count, height, geom FROM cells ORDER BY cell").fetchall()
        return cells, base.execute("SELECT styleName, styleQML FROM layer_styles ORDER BY 1").fetchall()


def test_the_same_everywhere(plugin, worker_python, qgis_process, points, chain, tmp_path, wait_for):
    settings.put("worker_python", worker_python)
    out = {
        name: tmp_path / f"{name}.gpkg" for name in ("toolbox", "task", "model", "process", "job", "python")
    }
    asked = {"POINTS": str(points), "RESOLUTION": 7, "FIELDS": ["height"]}

    processing.run("geolivelihood:h3_summary", {**asked, "OUTPUT": str(out["toolbox"])})
    ends = []
    AlgorithmRun(
        "geolivelihood:h3_summary", {**asked, "OUTPUT": str(out["task"])}, lambda *end: ends.append(end)
    )
    wait_for(lambda: ends)
    python = {"GEOLIVELIHOOD_PYTHON": worker_python}
    given = [f"--POINTS={points}", "--RESOLUTION=7", "--FIELDS=height", f"--OUTPUT={out['process']}"]
    _, said = qgis_process("run", "geolivelihood:h3_summary", *given, **python)
    assert out["process"].exists(), said
    _, said = qgis_process("run", str(chain), f"--where={points}", **python)
    assert out["model"].exists(), said
    params = {"points": {"path": str(points), "layer": None}, "resolution": 7, "fields": ["height"]}
    run_job(worker_python, "h3_summary", params, out=out["job"], start_s=120)
    command = [worker_python, "-c", LIBRARY, str(points), str(out["python"])]
    subprocess.run(command, check=True, env=child_environment(os.environ), timeout=600)

    first = content(out["toolbox"])
    assert sum(row[1] for row in first[0]) == 60 and first[1]
    assert [name for name, path in out.items() if content(path) != first] == []
