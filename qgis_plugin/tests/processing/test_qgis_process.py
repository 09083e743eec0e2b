"""The algorithms through ``qgis_process``: a QGIS without windows, and with the plugin alone."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2]
LONG_S = 600


@pytest.fixture(scope="module")
def qgis_process(tmp_path_factory, find_program, system_environment):
    """Run ``qgis_process`` in a fresh profile with the plugin enabled; return its JSON and what it said."""
    program = find_program("qgis_process.bin")
    environment = {
        **system_environment,
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path_factory.mktemp("profile")),
        "QGIS_PLUGINPATH": str(PLUGINS),
    }

    def run(*arguments, **variables):
        done = subprocess.run(
            [program, *arguments],
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )
        start = done.stdout.find("{")
        return json.loads(done.stdout[start:]) if start >= 0 else {}, done.stdout + done.stderr

    run("plugins", "enable", "geolivelihood_qgis")
    return run


def test_the_algorithms_are_listed(qgis_process, qgis_version):
    listed, said = qgis_process("--json", "list")
    assert listed["qgis_version"].startswith(f"{qgis_version}."), "another QGIS than the one that is tested"
    found = listed["providers"]["geolivelihood"]["algorithms"]
    names = ("explain", "export", "load_results", "print_result", "run_project")
    assert sorted(found) == [f"geolivelihood:{name}" for name in names], said


def test_load_results(qgis_process, results):
    done, said = qgis_process("--json", "run", "geolivelihood:load_results", f"--INPUT={results}")
    assert done["results"]["COUNT"] == 7, said
    assert f"{results}|layername=cells" in done["results"]["LAYERS"]


def test_export(qgis_process, results, tmp_path):
    out = tmp_path / "läuft.gpkg"
    cells, regions = (f"--LAYERS={results}|layername={name}" for name in ("cells", "regions"))
    done, said = qgis_process("--json", "run", "geolivelihood:export", cells, regions, f"--OUTPUT={out}")
    assert done["results"]["FILES"] == [str(out)], said
    base = sqlite3.connect(out)
    styles = base.execute("SELECT f_table_name FROM layer_styles WHERE useAsDefault ORDER BY 1").fetchall()
    base.close()
    assert styles == [("cells",), ("regions",)]


def test_print_result(qgis_process, results, tmp_path):
    out = tmp_path / "carte imprimée.pdf"
    done, said = qgis_process(
        "--json", "run", "geolivelihood:print_result", f"--INPUT={results}", f"--OUTPUT={out}"
    )
    assert done["results"]["OUTPUT"] == str(out), said
    assert out.read_bytes().startswith(b"%PDF")
    assert out.stat().st_size > 20_000  # the map, not a white page


def test_run_project(qgis_process, project_file, worker_python, tmp_path, quick):
    out = tmp_path / "out" / "run.gpkg"
    changes = "\n".join(f"{key} = {json.dumps(value)}" for key, value in quick.items())
    done, said = qgis_process(
        "--json",
        "run",
        "geolivelihood:run_project",
        f"--PROJECT={project_file}",
        f"--SET={changes}",
        f"--OUTPUT={out}",
        GEOLIVELIHOOD_PYTHON=worker_python,
    )
    assert done.get("results", {}).get("OUTPUT") == str(out), said
    assert f"{out}|layername=cells" in done["results"]["LAYERS"]
    assert out.exists()
    assert not list(out.parent.glob("*.part*"))


def test_explain(qgis_process, project_file, worker_python, tmp_path, quick):
    """After a run: the results stay as they are, the copy has the evidence of three photos."""
    run, out = tmp_path / "run.gpkg", tmp_path / "für später" / "explained.gpkg"
    common = [f"--PROJECT={project_file}"]
    common += ["--SET=" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in quick.items())]
    python = {"GEOLIVELIHOOD_PYTHON": worker_python}
    _, said = qgis_process("run", "geolivelihood:run_project", *common, f"--OUTPUT={run}", **python)
    assert run.exists(), said
    before, base = run.read_bytes(), sqlite3.connect(run)
    ids = [row[0] for row in base.execute("SELECT image_id FROM images LIMIT 3")]
    base.close()
    asked = [f"--RESULT={run}", "--METHOD=1", "--SOURCE=photos", f"--IDS={','.join(ids)}"]
    done, said = qgis_process(
        "--json", "run", "geolivelihood:explain", *common, *asked, f"--OUTPUT={out}", **python
    )
    assert done.get("results", {}).get("OUTPUT") == str(out), said
    assert f"{out}|layername=explanations_views" in done["results"]["LAYERS"]
    base = sqlite3.connect(out)
    query = "SELECT DISTINCT image_id FROM explanations_views WHERE method = 'signed_cam'"
    assert {row[0] for row in base.execute(query)} == set(ids)
    base.close()
    assert run.read_bytes() == before
    assert sorted(path.name for path in out.parent.iterdir()) == ["explained.explanations", out.name]


def test_run_project_without_a_worker(qgis_process, project_file, tmp_path):
    arguments = (
        "run",
        "geolivelihood:run_project",
        f"--PROJECT={project_file}",
        f"--OUTPUT={tmp_path / 'o.gpkg'}",
    )
    _, said = qgis_process(*arguments, PATH=os.defpath, GEOLIVELIHOOD_PYTHON="")
    assert "No worker Python is set" in said
    assert not (tmp_path / "o.gpkg").exists()
