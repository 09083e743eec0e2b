"""Fixtures for the plugin's tests; those that need QGIS skip without it, but never on CI."""

import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import which_qgis
from geolivelihood_qgis.worker_client import WorkerError, child_environment, run_job

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ON_CI = os.environ.get("CI") == "true"
NEEDS_QGIS = ("qgis", "processing", "desktop")
LONG_S = 600  # a loaded machine is no failure


def _missing():
    """Why there is no QGIS here, or an empty text."""
    try:
        importlib.import_module("qgis.core")
    except ImportError as error:
        return f"QGIS cannot be imported ({error}); run qgis_plugin/link_qgis.py and `make test-qgis`"
    return ""


MISSING = _missing()
pytest_plugins = [] if MISSING else ["pytest_qgis.plugin"]


class WithoutQgis(pytest.Module):
    """A test module that is not imported, for it would import QGIS."""

    def collect(self):
        pytest.skip(MISSING, allow_module_level=True)


def pytest_sessionstart():
    if MISSING and ON_CI:
        pytest.exit(f"On CI the QGIS tests must run: {MISSING}", returncode=1)


def pytest_pycollect_makemodule(module_path, parent):
    if MISSING and module_path.relative_to(HERE).parts[0] in NEEDS_QGIS:
        return WithoutQgis.from_parent(parent, path=module_path)
    return None


@pytest.fixture(scope="session")
def worker_python():
    """A Python that has the library: the one of .venv."""
    return sys.executable


@pytest.fixture(scope="session")
def qgis_version():
    """The version of the QGIS that is tested: ``3.22``."""
    from qgis.core import Qgis

    return ".".join(Qgis.QGIS_VERSION.split(".")[:2])


@pytest.fixture(scope="session")
def artefacts(qgis_version):
    """The folder for screenshots, one for each version of QGIS."""
    folder = ROOT / "test-artefacts" / f"qgis-{qgis_version}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def results_file(tmp_path_factory, worker_python):
    """A small results GeoPackage, written by the library. Read it only, or copy it."""
    target = tmp_path_factory.mktemp("results") / "Größe 人口.gpkg"
    command = [worker_python, str(HERE / "make_results.py"), str(target)]
    subprocess.run(command, check=True, env=child_environment(os.environ), timeout=LONG_S)
    return target


@pytest.fixture(scope="session")
def evidence_file(tmp_path_factory, worker_python):
    """A results GeoPackage with explanations; photos and the map of evidence are not beside it."""
    target = tmp_path_factory.mktemp("evidence") / "Évidence.gpkg"
    command = [worker_python, str(HERE / "make_results.py"), str(target), "evidence"]
    subprocess.run(command, check=True, env=child_environment(os.environ), timeout=LONG_S)
    return target


@pytest.fixture(scope="session")
def two_indicators_file(tmp_path_factory, worker_python):
    """A small results GeoPackage whose cells have two indicators."""
    target = tmp_path_factory.mktemp("two") / "two.gpkg"
    command = [worker_python, str(HERE / "make_results.py"), str(target), "two"]
    subprocess.run(command, check=True, env=child_environment(os.environ), timeout=LONG_S)
    return target


@pytest.fixture
def results(results_file, tmp_path):
    """A copy of the results of one's own."""
    return Path(shutil.copy(results_file, tmp_path / "run-0001.gpkg"))


@pytest.fixture(scope="session")
def project_file(tmp_path_factory, worker_python):
    """The project file of a small invented country."""
    folder = tmp_path_factory.mktemp("country") / "country"
    code = "import sys; from geolivelihood.synthetic import make_country as m; m(sys.argv[1], n_clusters=40)"
    command = [worker_python, "-c", code, str(folder)]
    subprocess.run(command, check=True, env=child_environment(os.environ), timeout=LONG_S)
    return folder / "project.yaml"


QUICK = {
    "models": ["mean", "knn", "ridge"],
    "map_model": "ridge",
    "validation.folds": 3,
    "validation.bootstrap": 200,
}


BRAZIL = {
    "clusters.indicators": ["idhm"],
    "cells.resolution": 4,
    "models": ["knn", {"name": "boosting", "sources": ["lights", "marble"], "options": {"max_iter": 60}}],
    "map_model": "boosting",
    "validation.bootstrap": 200,
    "uncertainty": {"draws": 3, "range": {"idhm": [0, 1]}},
    "explanations": False,
    "output.formats": ["gpkg"],
}


def recipe(worker_python, project, changes, out):
    """Run a project in a worker."""
    params = {"project": str(project), "set": changes}
    try:
        run_job(worker_python, "run", params, out=out, options={"threads": 1}, start_s=LONG_S, stall_s=LONG_S)
    except WorkerError as error:
        pytest.fail(f"the recipe failed: {error}\n{error.detail}")
    return out


@pytest.fixture(scope="session")
def brazil_part(tmp_path_factory):
    """The municipalities of Pernambuco in 2010, and the picture of lights; skips without the data."""
    data = Path(os.environ.get("GEOLIVELIHOOD_DATA", ROOT.parent / "shared" / "data")) / "brazil"
    if not data.is_dir():
        pytest.skip("the data of Brazil is not here; GEOLIVELIHOOD_DATA names its folder")
    table = tmp_path_factory.mktemp("brazil") / "municípios 2010.csv"
    with (data / "municipalities_1991_2000_2010.csv").open(encoding="utf-8", newline="") as source:
        reader = csv.DictReader(source)
        rows = [row for row in reader if row["year"] == "2010" and row["codigo_uf"] == "26"]
    with table.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, reader.fieldnames)
        writer.writeheader()
        writer.writerows(rows)
    return table, data / "earth_lights_lrg.jpg"


@pytest.fixture(scope="session")
def country_result(project_file, worker_python, tmp_path_factory):
    """The results of the invented country."""
    return recipe(worker_python, project_file, QUICK, tmp_path_factory.mktemp("run") / "synthetic.gpkg")


@pytest.fixture(scope="session")
def recipe_file(request, worker_python, tmp_path_factory):
    """The results of a real run: those that GEOLIVELIHOOD_RESULT names, else Brazil where its data is here
    (GEOLIVELIHOOD_DATA, or shared/data beside the checkout), else the invented country."""
    named = os.environ.get("GEOLIVELIHOOD_RESULT")
    if named:
        return Path(named).resolve()
    data = Path(os.environ.get("GEOLIVELIHOOD_DATA", ROOT.parent / "shared" / "data")) / "brazil"
    if not data.is_dir():
        return request.getfixturevalue("country_result")
    folder = tmp_path_factory.mktemp("run")
    changes = {**BRAZIL, "data": str(data), "out": str(folder)}
    return recipe(worker_python, ROOT / "examples" / "brazil.yaml", changes, folder / "brazil.gpkg")


@pytest.fixture(scope="session")
def find_program():
    """Find a program, QGIS's own in the QGIS in use; without it the test skips (on CI it fails)."""

    def find(name):
        found = which_qgis.program(name, which_qgis.chosen())
        if not found:
            (pytest.fail if ON_CI else pytest.skip)(f"{name} is not installed")
        return found

    return find


@pytest.fixture(scope="session")
def lrelease(find_program):
    """The compiler of translations, which packaging needs."""
    return find_program("lrelease")


@pytest.fixture(scope="session")
def system_environment():
    """The environment for a QGIS of its own: without what leads ours into .venv."""
    return child_environment(os.environ) | which_qgis.environment(which_qgis.chosen())


@pytest.fixture(scope="session")
def quick():
    """Changes to the invented country's project that keep a run short."""
    return QUICK


@pytest.fixture(scope="session")
def qgis_process(tmp_path_factory, find_program, system_environment):
    """Run ``qgis_process`` in a fresh profile with the plugin enabled; return its JSON and what it said."""
    program = find_program("qgis_process.bin")
    environment = {
        **system_environment,
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(tmp_path_factory.mktemp("profile")),
        "QGIS_PLUGINPATH": str(HERE.parent),
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
