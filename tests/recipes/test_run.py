"""The main job from its file to its results: whole, killed half-way, and with bad input."""

import json
import os
import signal
import sqlite3
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import yaml

from geolivelihood.errors import InputError, MissingCRSError, OutputError, TableError, TooManyRejectedError
from geolivelihood.layers import read_provenance
from geolivelihood.recipes import open_project, plan_project, run_project

pytestmark = pytest.mark.xdist_group("recipes")


def contents(path):
    """Every layer as a frame, for comparing files."""
    found = {name: pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)}
    found.pop("layer_styles")  # carries the time of writing
    return found


def assert_same(first, second):
    ours, theirs = contents(first), contents(second)
    assert ours.keys() == theirs.keys()
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(theirs[name]), obj=name)


def change(project, **sections):
    """Rewrite top-level keys of a project file."""
    content = yaml.safe_load(project.read_text()) | sections
    project.write_text(yaml.safe_dump(content))


# the map and its scores alone
BARE = {
    "validation.splits": ["blocked"],
    "uncertainty": "none",
    "applicability": False,
    "explanations": False,
    "output.report": False,
}

# -- whole ----------------------------------------------------------------------------------------


def test_layers_scores_and_map(result):
    names = {name for name, _ in pyogrio.list_layers(result.geopackage)}
    assert {"cells", "clusters", "images", "edges", "regions", "explanations_views"} <= names
    assert result.map.stat().st_size > 20_000
    scores = pd.read_csv(result.scores)
    assert set(scores["split"]) == {"random", "blocked", "region"}
    assert set(scores["model"]) == {"mean", "knn", "ridge", "cell"}
    assert (scores["lower"] <= scores["upper"]).all()


def test_pictures_beat_geography(result):
    r2 = result.table.query("metric == 'r2' and split == 'blocked'").set_index("model")["value"]
    assert r2["mean"] < 0.1
    assert min(r2["cell"], r2["ridge"]) > r2["knn"]


def test_cells_carry_the_prediction(result):
    cells = gpd.read_file(result.geopackage, layer="cells")
    assert cells.crs.to_epsg() == 4326
    assert cells["cell"].str.fullmatch("[0-9a-f]{15}").all()
    assert cells["wealth"].notna().mean() > 0.9


def test_clusters_carry_out_of_fold_predictions(result):
    clusters = gpd.read_file(result.geopackage, layer="clusters")
    known = clusters[clusters["wealth_predicted"].notna()]
    assert len(known) > 60 and known["fold"].between(0, 2).all()
    assert np.allclose(known["wealth_residual"], known["wealth"] - known["wealth_predicted"])


def test_rejected_rows_are_named(result):
    rejected = pd.read_csv(result.geopackage.parent / "rejected.csv")
    assert len(rejected) == result.rejected > 0
    assert rejected["reason"].notna().all()


def test_provenance_says_how_it_was_made(result):
    said = read_provenance(result.geopackage)
    assert said["seed"] == 0
    assert said["configuration"]["map_model"] == "cell"
    assert {row["split"] for row in said["scores"]} == {"random", "blocked", "region"}


def test_a_second_run_computes_nothing(result, small):
    file = result.geopackage.parents[1] / "project.yaml"
    assert all(done for _, done in plan_project(file, overrides=small))
    changed = plan_project(file, overrides={**small, "validation.folds": 4})
    todo = {stage.name.split("-")[0] for stage, done in changed if not done}
    by_folds = {"validate", "applicability", "draws", "unseen", "explain"}
    assert {"validate"} <= todo <= by_folds


def test_a_changed_picture_is_noticed(result, small):
    file = result.geopackage.parents[1] / "project.yaml"
    picture = next((file.parent / "photos").glob("*.jpg"))
    before = picture.stat()
    os.utime(picture, ns=(0, 0))
    todo = {stage.name for stage, done in plan_project(file, overrides=small) if not done}
    os.utime(picture, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "features-photos" in todo and "features-tiles" not in todo
    assert all(done for _, done in plan_project(file, overrides=small))


def test_layers_that_a_user_added_stay(result, small):
    own = gpd.GeoDataFrame({"note": ["mine"]}, geometry=gpd.points_from_xy([36.0], [-1.0]), crs=4326)
    own.to_file(result.geopackage, layer="notes", driver="GPKG")
    run_project(result.geopackage.parents[1] / "project.yaml", overrides=small)
    assert gpd.read_file(result.geopackage, layer="notes")["note"].tolist() == ["mine"]


def test_all_models_are_scored_on_the_same_rows_after_any_change(project, small):
    overrides = {**small, **BARE, "models": ["mean", "knn"], "map_model": "knn"}
    run_project(project, overrides=overrides)
    sparse = {"name": "cell", "sources": ["photos"], "options": {"hops": 0}}
    changed = {**overrides, "models": ["mean", "knn", sparse]}
    grown = run_project(project, overrides=changed).table
    assert len(set(grown["n"])) == 1
    fresh = run_project(project, overrides={**changed, "out": "fresh"}).table
    pd.testing.assert_frame_equal(grown, fresh)


@pytest.mark.parametrize("mapped", ["image", "graph", "knn"])
def test_any_model_can_make_the_map(project, small, mapped):
    options = {"image": {"max_epochs": 1, "size": 64}, "graph": {"max_epochs": 3, "max_photos": 10}}
    models = [{"name": mapped, "options": options.get(mapped, {})}]
    made = run_project(project, overrides={**small, **BARE, "models": models, "map_model": mapped})
    cells = gpd.read_file(made.geopackage, layer="cells")
    with_photos = cells["photos_count"] > 0
    assert cells.loc[with_photos, "wealth"].notna().mean() > 0.9
    assert (mapped == "knn") == cells["wealth"].notna().all()


def test_layers_that_the_project_no_longer_makes_go(project, small):
    overrides = {**small, **BARE, "models": ["knn"], "map_model": "knn"}
    first = run_project(project, overrides=overrides).geopackage
    assert (first.parent / "geojson" / "clusters.geojson").exists()
    run_project(project, overrides={**overrides, "output.clusters": False, "output.edges": False})
    names = {name for name, _ in pyogrio.list_layers(first)}
    assert "cells" in names and not {"clusters", "edges"} & names
    assert not (first.parent / "geojson" / "clusters.geojson").exists()
    assert (first.parent / "geojson" / "cells.geojson").exists()


def test_dhs_points_are_taken_as_displaced(project, small):
    content = yaml.safe_load(project.read_text())
    del content["displacement"]
    project.write_text(yaml.safe_dump(content))
    data, _ = open_project(project, overrides=small)
    assert data.project.displacement == "dhs" and data.displacement_m == 5000


# -- killed ---------------------------------------------------------------------------------------

RUN = """
import sys, os, signal, json
from geolivelihood.progress import listening
from geolivelihood.recipes import run_project

class Killer:
    def stage(self, name):
        pass
    def step(self, done, total, text):
        if text.startswith(sys.argv[2]) and done >= int(sys.argv[4]): os.kill(os.getpid(), signal.SIGKILL)
    def cancelled(self): return False

with listening(Killer()):
    run_project(sys.argv[1], overrides=json.loads(sys.argv[3]))
"""


def kill(project, settings, *, at, step):
    """Run a project in a process that dies at this step of its progress."""
    command = [sys.executable, "-c", RUN, str(project), at, json.dumps(settings), str(step)]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]


def test_a_run_killed_while_writing_leaves_what_was_there(result, small):
    project = result.geopackage.parents[1] / "project.yaml"
    before = result.geopackage.read_bytes()
    kill(project, small, at="writing layers", step=2)
    assert result.geopackage.read_bytes() == before
    run_project(project, overrides=small)
    assert not list(project.parent.rglob("*.part*"))


def test_a_killed_run_goes_on_to_the_same_result(project, small):
    overrides = {**small, **BARE, "models": ["ridge"], "map_model": "ridge"}
    kill(project, overrides, at="embedding pictures", step=12)
    finished = run_project(project, overrides=overrides)
    at_once = run_project(project, overrides={**overrides, "out": "at_once"})
    assert_same(finished.geopackage, at_once.geopackage)
    assert not list(project.parent.rglob("*.part*"))


# -- bad input ------------------------------------------------------------------------------------


def test_unknown_indicator(project, small):
    change(project, clusters={"path": "clusters.csv", "indicators": ["welth"], "crs": "EPSG:4326"})
    with pytest.raises(InputError, match="wealth"):
        run_project(project, overrides=small)


def test_no_crs(project, small):
    change(project, clusters={"path": "clusters.csv", "indicators": ["wealth"]})
    with pytest.raises(MissingCRSError, match="crs"):
        run_project(project, overrides=small)


def test_swapped_coordinates(project, small):
    path = project.parent / "clusters.csv"
    table = pd.read_csv(path)
    table[["lon", "lat"]] = table[["lat", "lon"]].to_numpy()  # both are places on earth either way
    table.to_csv(path, index=False)
    change(project, clusters={"path": "clusters.csv", "indicators": ["wealth"], "crs": "EPSG:4326"})
    with pytest.raises(TableError, match="swapped"):
        run_project(project, overrides=small)


def test_nan_and_duplicate_ids(project, small):
    path = project.parent / "clusters.csv"
    table = pd.read_csv(path)
    table.loc[3, "lon"] = np.nan
    table.to_csv(path, index=False)
    change(project, clusters={"path": "clusters.csv", "indicators": ["wealth"], "crs": "EPSG:4326"})
    data, _ = open_project(project, overrides=small)
    assert table["cluster_id"][3] not in set(data.clusters["cluster_id"])
    assert table["cluster_id"][3] in set(data.rejected()["row"])
    table.loc[4, "cluster_id"] = table.loc[5, "cluster_id"]
    table.to_csv(path, index=False)
    with pytest.raises(TableError, match="QZ"):
        run_project(project, overrides=small)


def test_too_much_set_aside_stops_the_run(project, small):
    path = project.parent / "clusters.csv"
    table = pd.read_csv(path)
    table.loc[:20, ["lon", "lat"]] = 0.0
    table.to_csv(path, index=False)
    change(project, clusters={"path": "clusters.csv", "indicators": ["wealth"], "crs": "EPSG:4326"})
    with pytest.raises(TooManyRejectedError, match="max_rejected"):
        run_project(project, overrides=small)


def test_too_few_clusters(project, small):
    with pytest.raises(InputError, match="folds need at least"):
        run_project(project, overrides={**small, "validation.folds": 60})


def test_unknown_model_option(project, small):
    with pytest.raises(InputError, match="unknown option 'neighbours'; there are: k"):
        run_project(
            project,
            overrides={
                **small,
                "models": [{"name": "knn", "options": {"neighbours": 3}}],
                "map_model": "knn",
            },
        )


def test_target_exists(result, small):
    file = result.geopackage.parents[1] / "project.yaml"
    before = result.geopackage.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        run_project(file, overrides=small, out=result.geopackage)
    assert result.geopackage.read_bytes() == before


def test_target_open_elsewhere(result, small):
    file = result.geopackage.parents[1] / "project.yaml"
    with sqlite3.connect(result.geopackage) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OutputError, match="open"):
            run_project(file, overrides=small)
        other.rollback()
    other.close()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_target_read_only(result, small):
    file = result.geopackage.parents[1] / "project.yaml"
    result.geopackage.chmod(0o444)
    try:
        with pytest.raises(OutputError, match=r"read-only"):
            run_project(file, overrides=small)
    finally:
        result.geopackage.chmod(0o644)


def test_missing_file_is_named(project, small):
    change(project, regions={"path": "none.geojson", "name": "name"})
    with pytest.raises(InputError, match=r"none\.geojson does not exist"):
        run_project(project, overrides=small)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("regions.population", "nope.tif"),
        ("images.0.encoder.name", "resnet19"),
        ("models", [{"name": "knn", "options": {"kk": 3}}]),
    ],
)
def test_what_cannot_work_is_refused_before_any_work(project, small, key, value):
    with pytest.raises(InputError):
        open_project(project, overrides={**small, "map_model": None, key: value})
    assert not (project.parent / "out").exists()


def test_nothing_is_computed_by_opening(project, small):
    data, _ = open_project(project, overrides=small)
    assert not data.space.folder.exists()
