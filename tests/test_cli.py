"""The command line as a user types it."""

import shutil
import subprocess
import sys

import geopandas as gpd
import pandas as pd
import pytest

from geolivelihood import __version__
from geolivelihood.cli import main
from geolivelihood.synthetic import make_country

pytestmark = pytest.mark.xdist_group("recipes")

QUICK = [
    *("--set", "models=[mean, knn, ridge]"),
    *("--set", "map_model=ridge"),
    *("--set", "validation.folds=3"),
    *("--set", "validation.bootstrap=200"),
]


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    return make_country(tmp_path_factory.mktemp("cli") / "country", n_clusters=80, seed=1).folder


@pytest.fixture
def call(capsys):
    """Run the command line; gives exit code, standard output and standard error."""

    def _call(*arguments):
        try:
            main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return _call


@pytest.mark.parametrize(
    "command",
    ["run", "check", "demo", "info", "index", "embed", "graph", "train", "predict", "validate", "export"],
)
def test_help_has_an_example(call, command):
    code, said, _ = call(command, "--help")
    assert code == 0
    assert command == "info" or "Example:" in said


def test_info(call):
    code, said, _ = call("info")
    assert code == 0 and __version__ in said and "PROJ" in said


def test_unknown_command_ends_with_2(call):
    code, _, said = call("mapp")
    assert code == 2 and "mapp" in said


def test_faulty_project_ends_with_2(call, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("name: x\nimages: []\ncells: {resolutoin: 7}\n")
    code, _, said = call("run", path)
    assert code == 2 and "did you mean 'resolution'" in said and "line 3" in said


def test_missing_input_ends_with_6(call, country, tmp_path):
    shutil.copy(country / "project.yaml", tmp_path / "project.yaml")
    code, _, said = call("check", tmp_path / "project.yaml")
    assert code == 6 and "does not exist" in said


def test_dry_run_computes_nothing(call, country):
    code, said, _ = call("run", country / "project.yaml", "--dry-run", *QUICK)
    assert code == 0 and "to do" in said and "validate-ridge-blocked-wealth" in said
    assert not (country / "out").exists()


def test_check_says_what_was_set_aside(call, country):
    code, said, _ = call("check", country / "project.yaml", *QUICK)
    assert code == 0 and "Set aside" in said and "can be run" in said


def test_the_stages_one_by_one(call, country, tmp_path):
    project = country / "project.yaml"
    scores = tmp_path / "scores.csv"
    assert call("validate", project, "-o", scores, *QUICK)[0] == 0
    assert set(pd.read_csv(scores)["split"]) == {"random", "blocked"}

    model = tmp_path / "model"
    code, said, _ = call("train", project, "--model", "ridge", "-o", model, *QUICK)
    assert code == 0 and "wealth" in said

    predictions = tmp_path / "predictions.gpkg"
    assert call("predict", model, project, "-o", predictions, *QUICK)[0] == 0
    assert gpd.read_file(predictions, layer="cells")["wealth"].notna().any()

    code, said, _ = call("export", predictions, "-o", tmp_path / "shared", "--format", "geojson")
    assert code == 0 and (tmp_path / "shared" / "cells.geojson").exists()
    code, _, said = call("export", predictions, "-o", tmp_path / "shared", "--layer", "nothing")
    assert code == 6 and "cells" in said


def test_index_embed_and_graph_of_pictures(call, country, tmp_path):
    photos = country / "photos.csv"
    table = pd.read_csv(photos).head(40)
    table.to_csv(country / "few.csv", index=False)
    few = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs=4326)
    few.drop(columns=["lon", "lat"]).to_file(country / "few.gpkg")

    assert call("index", country / "few.gpkg", "-r", "8", "-o", tmp_path / "cells.gpkg")[0] == 0
    cells = gpd.read_file(tmp_path / "cells.gpkg", layer="cells")
    assert cells["pictures"].sum() == 40
    assert call("graph", country / "few.gpkg", "-k", "3", "-o", tmp_path / "graph.gpkg")[0] == 0
    assert len(gpd.read_file(tmp_path / "graph.gpkg", layer="edges")) >= 40
    code, said, _ = call("embed", country / "few.gpkg", "--encoder", "summary", "-o", tmp_path / "store")
    assert code == 0 and "vectors" in said


def test_the_command_is_installed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "geolivelihood.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "demo" in done.stdout and "run" in done.stdout
