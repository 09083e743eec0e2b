"""The algorithms through ``qgis_process``: a QGIS without windows, and with the plugin alone."""

import contextlib
import json
import os
import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

PLUGINS = Path(__file__).resolve().parents[2]
DESCRIBED = PLUGINS / "geolivelihood_qgis" / "processing" / "operations.json"
HAND_WRITTEN = ["compare_runs", "explain", "export", "load_results", "print_result", "run_project"]


def described():
    """Ids of the operations that come with the plugin."""
    return [one["id"] for one in json.loads(DESCRIBED.read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def ask(qgis_process, worker_python):
    """Run an algorithm with a worker, given its parameters; return its results."""

    def ask(name, **given):
        arguments = [f"--{key}={item}" for key, value in given.items() for item in listed(value)]
        done, said = qgis_process(
            "--json", "run", f"geolivelihood:{name}", *arguments, GEOLIVELIHOOD_PYTHON=worker_python
        )
        assert "results" in done, said
        assert not list(Path(done["results"]["OUTPUT"]).parent.glob("*.part*"))
        return done["results"]

    return ask


def listed(value):
    return value if isinstance(value, list) else [value]


def rows(path, query):
    with contextlib.closing(sqlite3.connect(path)) as base:
        return base.execute(query).fetchall()


def settings(changes):
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in changes.items())


PHOTOS = {"name": "photos", "table": "photos.csv", "crs": "EPSG:4326", "encoder": {"name": "rcf"}}
SHORT = {
    "images": [PHOTOS],
    "models": ["mean", "ridge"],
    "map_model": "ridge",
    "cells.resolution": 6,
    "validation.folds": 3,
    "validation.bootstrap": 100,
    "validation.splits": ["blocked"],
    "uncertainty.draws": 2,
    "explanations": False,
    "output.formats": ["gpkg"],
}


@pytest.fixture(scope="module")
def country(project_file, tmp_path_factory):
    """The invented country, a quick way through it, and a place for what comes of it."""
    return SimpleNamespace(
        project=project_file,
        folder=project_file.parent,
        quick=settings(SHORT),
        out=tmp_path_factory.mktemp("für später"),
    )


@pytest.fixture(scope="module")
def done_run(ask, country):
    """The country, run."""
    out = country.out / "run" / "run.gpkg"
    return ask("run_project", PROJECT=country.project, SET=country.quick, OUTPUT=out)


@pytest.fixture(scope="module")
def few_photos(country):
    """Twenty of its photos: a filter that QGIS alone knows, so that a copy is what the worker reads."""
    return f"{country.folder / 'photos.csv'}|subset=image_id < 'p00020'"


def test_all_algorithms_are_listed(qgis_process, qgis_version):
    found, said = qgis_process("--json", "list")
    assert found["qgis_version"].startswith(f"{qgis_version}."), "another QGIS than the one that is tested"
    algorithms = found["providers"]["geolivelihood"]["algorithms"]
    names = sorted([*HAND_WRITTEN, *described()])
    assert sorted(algorithms) == [f"geolivelihood:{name}" for name in names], said


def test_every_algorithm_is_run_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in [*HAND_WRITTEN, *described()] if f"def test_{name}(" not in text] == []


def test_compare_runs(qgis_process, results, tmp_path):
    later, target = Path(shutil.copy(results, tmp_path / "run-0002.gpkg")), tmp_path / "difference.gpkg"
    with contextlib.closing(sqlite3.connect(later)) as base, base:
        # The index of places is kept by functions that SQLite alone does not have.
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'cells'"
        for (name,) in base.execute(query).fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("UPDATE cells SET wealth = wealth + 2")
    asked = [f"--FIRST={results}", f"--SECOND={later}", f"--OUTPUT={target}"]
    done, said = qgis_process("--json", "run", "geolivelihood:compare_runs", *asked)
    assert "results" in done, said
    query = "SELECT DISTINCT round(difference, 9) FROM difference WHERE difference IS NOT NULL"
    assert rows(target, query) == [(2.0,)]


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


def test_run_project(done_run, country):
    out = country.out / "run" / "run.gpkg"
    assert done_run["OUTPUT"] == str(out)
    assert f"{out}|layername=cells" in done_run["LAYERS"]
    assert out.exists()


def test_explain(ask, done_run, country):
    """After a run: the results stay as they are, the copy has the evidence of three photos."""
    run, out = Path(done_run["OUTPUT"]), country.out / "explained" / "explained.gpkg"
    before = run.read_bytes()
    ids = [row[0] for row in rows(run, "SELECT image_id FROM images LIMIT 3")]
    asked = {"RESULT": run, "METHOD": 1, "SOURCE": "photos", "IDS": ",".join(ids)}
    done = ask("explain", PROJECT=country.project, SET=country.quick, **asked, OUTPUT=out)
    assert done["OUTPUT"] == str(out)
    assert f"{out}|layername=explanations_views" in done["LAYERS"]
    query = "SELECT DISTINCT image_id FROM explanations_views WHERE method = 'signed_cam'"
    assert {row[0] for row in rows(out, query)} == set(ids)
    assert run.read_bytes() == before
    assert sorted(path.name for path in out.parent.iterdir()) == ["explained.explanations", out.name]


def test_check_inputs(ask, country):
    done = ask("check_inputs", PROJECT=country.project, SET=country.quick, OUTPUT=country.out / "check.csv")
    assert Path(done["OUTPUT"]).read_text(encoding="utf-8").startswith("stage,row,column,reason")
    assert len(done["LAYERS"]) == 1


def test_h3_summary(ask, country):
    out = country.out / "cells.gpkg"
    photos = country.folder / "photos.csv"
    ask("h3_summary", POINTS=photos, RESOLUTION=6, FIELDS="fov", OUTPUT=out)
    with photos.open(encoding="utf-8") as lines:
        count = sum(1 for _ in lines) - 1
    ((total, mean),) = rows(out, "SELECT sum(count), sum(fov * count) / sum(count) FROM cells")
    assert total == count and 60 < mean < 80


def test_displacement_surface(ask, country):
    out = country.out / "displaced.gpkg"
    clusters = country.folder / "survey" / "QZGE71FL.shp"
    done = ask(
        "displacement_surface",
        CLUSTERS=clusters,
        CLUSTER_ID="DHSCLUST",
        URBAN="URBAN_RURA",
        ONLY="1\n2",
        RESOLUTION=7,
        OUTPUT=out,
    )
    assert done["LAYERS"]
    (name,) = [row[0] for row in rows(out, TABLES) if row[0] not in ("clusters", "rejected")][:1]
    columns = [row[1] for row in rows(out, f"PRAGMA table_info({name})")]
    assert "cell" in columns, columns


TABLES = "SELECT table_name FROM gpkg_contents WHERE table_name <> 'layer_styles'"


def test_embed(ask, country, few_photos):
    out = country.out / "features"
    done = ask("embed", PICTURES=few_photos, ENCODER="summary", OUTPUT=out)
    assert done["OUTPUT"] == str(out)
    assert list(out.rglob("*.parquet"))


def test_build_graph(ask, country, few_photos):
    out = country.out / "links.gpkg"
    ask("build_graph", PICTURES=few_photos, ID="image_id", NEIGHBOURS=3, OUTPUT=out)
    assert rows(out, "SELECT count(*) FROM images") == [(20,)]
    ((links, longest),) = rows(out, "SELECT count(*), max(distance_m) FROM edges")
    assert links >= 30 and longest > 0


def test_train(trained):
    assert trained.is_dir() and list(trained.iterdir())


@pytest.fixture(scope="module")
def trained(ask, country, done_run):
    out = country.out / "model"
    done = ask("train", PROJECT=country.project, SET=country.quick, MODEL="ridge", OUTPUT=out)
    assert done["OUTPUT"] == str(out)
    return out


def test_predict(ask, country, trained):
    out = country.out / "prediction.gpkg"
    done = ask("predict", MODEL=trained, PROJECT=country.project, SET=country.quick, OUTPUT=out)
    assert f"{out}|layername=cells" in done["LAYERS"]
    ((count, spread),) = rows(out, "SELECT count(wealth), max(wealth) - min(wealth) FROM cells")
    assert count > 10 and spread > 0


def test_validate(ask, country, done_run):
    done = ask("validate", PROJECT=country.project, SET=country.quick, OUTPUT=country.out / "scores.csv")
    text = Path(done["OUTPUT"]).read_text(encoding="utf-8")
    assert "blocked" in text and "ridge" in text


def test_aggregate_regions(ask, country, done_run):
    out = country.out / "regions.gpkg"
    ask(
        "aggregate_regions",
        CELLS=f"{done_run['OUTPUT']}|layername=cells",
        VALUES="wealth",
        REGIONS=country.folder / "districts.geojson",
        REGION_NAME="name",
        OUTPUT=out,
    )
    ((count, least, most),) = rows(out, "SELECT count(wealth), min(wealth), max(wealth) FROM regions")
    assert count >= 3 and least < most


def test_clusters_to_map(ask, country, done_run):
    """Some answers of the assistant: survey clusters of the run, and rasters as pictures."""
    out = country.out / "map" / "map.gpkg"
    done = ask(
        "clusters_to_map",
        CLUSTERS=f"{done_run['OUTPUT']}|layername=clusters",
        CLUSTER_ID="cluster_id",
        DISPLACED="none",
        PICTURES="raster",
        RASTERS=[country.folder / "population.tif"],
        INDICATORS="wealth",
        LABEL="Wealth (é)",
        MODELS="mean,knn,ridge",
        FOLDS=3,
        RESOLUTION=5,
        EXPLANATIONS="false",
        OUTPUT=out,
    )
    assert f"{out}|layername=cells" in done["LAYERS"]
    ((count, missing),) = rows(out, "SELECT count(*), sum(wealth_lower IS NULL) FROM cells")
    assert count > 3 and missing < count
    assert Path(done["PROJECT"]).is_file()


def test_download_photos(qgis_process, country, worker_python):
    """As far as it goes without a token, and without leaving this computer."""
    out = country.out / "mapillary"
    given = ["--EXTENT=61.79,61.8,-8.84,-8.83 [EPSG:4326]", "--START=2024-01-31", f"--OUTPUT={out}"]
    python = {"GEOLIVELIHOOD_PYTHON": worker_python, "MAPILLARY_TOKEN": ""}
    _, said = qgis_process("run", "geolivelihood:download_photos", *given, **python)
    assert "access token" in said and "[ENV_MISSING]" in said
    assert not out.exists()


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
