"""The command line as a user types it."""

import json
import shlex
import shutil
import subprocess
import sys

import geopandas as gpd
import pandas as pd
import pytest
import yaml

from geolivelihood import __version__
from geolivelihood.cells import parse_cells
from geolivelihood.cli import main
from geolivelihood.features import FeatureStore
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
    assert set(pd.read_csv(scores)["split"]) == {"random", "blocked", "region"}

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


@pytest.fixture
def photo_tables(country, tmp_path, monkeypatch):
    """A working folder with the tables and pictures that the printed examples name."""
    photos = tmp_path / "photos"
    photos.mkdir()
    table = pd.read_csv(country / "photos.csv").head(6)
    for name, path in zip(table["image_id"], table["path"]):
        shutil.copy(country / path, photos / f"{name}.jpeg")
    table["path"] = "photos/" + table["image_id"] + ".jpeg"
    table.to_csv(tmp_path / "photos.csv", index=False)
    bare = table[["image_id", "lon", "lat"]]
    bare.rename(columns={"image_id": "uuid"}).to_csv(tmp_path / "points.csv", index=False)
    points = gpd.GeoDataFrame(bare, geometry=gpd.points_from_xy(bare["lon"], bare["lat"]), crs=4326)
    points[["image_id", "geometry"]].to_file(tmp_path / "photos.gpkg")
    points.rename(columns={"image_id": "id"})[["id", "geometry"]].to_file(tmp_path / "mapillary.geojson")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "n"), [("index", 2), ("embed", 2), ("graph", 1)])
def test_the_printed_examples_run(call, photo_tables, command, n):
    _, said, _ = call(command, "--help")
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith("geolivelihood ")]
    assert len(lines) == n
    for line in lines:
        arguments = shlex.split(line)[1:]
        code, _, complaint = call(*arguments)
        assert code == 0, complaint
        assert (photo_tables / arguments[-1]).exists()


def test_pictures_without_files(call, photo_tables):
    named = ["mapillary.geojson", "--columns", "id=image_id"]
    assert call("index", *named, "-r", "8", "-o", "cells.gpkg")[0] == 0
    images = gpd.read_file("cells.gpkg", layer="images").set_index("image_id")
    cells = gpd.read_file("cells.gpkg", layer="cells").set_index("cell")
    assert cells["pictures"].to_dict() == images["cell"].value_counts().to_dict()
    assert len(parse_cells(images["cell"])) == 6
    inside = images.geometry.within(cells.geometry.loc[images["cell"]].set_axis(images.index))
    assert inside.all()
    assert call("graph", *named, "-k", "2", "-o", "graph.gpkg")[0] == 0
    code, _, said = call("embed", *named, "-o", "store")
    assert code == 6 and "--files" in said and "path" in said
    files = ["--files", "photos/{image_id}.jpeg", "--encoder", "summary"]
    assert call("embed", *named, *files, "-o", "store")[0] == 0
    assert len(FeatureStore("store")) == 6


def test_a_footprint_stands_in_the_cell_that_holds_most_of_it(call, photo_tables):
    points = gpd.read_file("photos.gpkg")
    points.assign(geometry=points.to_crs(3857).buffer(200).to_crs(4326)).to_file("tiles.gpkg")
    assert call("index", "tiles.gpkg", "-r", "9", "-o", "cells.gpkg")[0] == 0
    images = gpd.read_file("cells.gpkg", layer="images").to_crs(6933)
    cells = gpd.read_file("cells.gpkg", layer="cells").to_crs(6933)
    assert cells["pictures"].sum() == pytest.approx(6)
    shared = gpd.overlay(images[["image_id", "geometry"]], cells[["cell", "geometry"]])
    shared = shared.assign(area=shared.area).sort_values("area").drop_duplicates("image_id", keep="last")
    assert shared.set_index("image_id")["cell"].to_dict() == images.set_index("image_id")["cell"].to_dict()


def test_a_picture_of_two_clusters_counts_once(call, photo_tables):
    table = pd.read_csv("photos.csv").assign(cluster_id="a")
    pd.concat([table, table.assign(cluster_id="b")]).to_csv("twice.csv", index=False)
    named = ["twice.csv", "--crs", "EPSG:4326"]
    assert call("index", *named, "-o", "cells.gpkg")[0] == 0
    assert gpd.read_file("cells.gpkg", layer="cells")["pictures"].sum() == 6
    assert len(gpd.read_file("cells.gpkg", layer="images")) == 12
    assert call("embed", *named, "--encoder", "summary", "-o", "store")[0] == 0
    assert call("graph", *named, "-k", "2", "-o", "graph.gpkg")[0] == 0
    assert len(gpd.read_file("graph.gpkg", layer="images")) == 6


def test_what_was_set_aside_is_told_with_the_place(call, photo_tables, country):
    table = pd.read_csv(country / "photos.csv").head(24)
    table["path"] = [str(country / path) for path in table["path"]]
    table.loc[0, "path"] = "photos/broken.jpeg"
    (photo_tables / "photos" / "broken.jpeg").write_bytes(b"no picture")
    table.loc[1, "lat"] = float("nan")
    table.loc[2, "captured_at"] = "noon"
    table.to_csv("some.csv", index=False)
    named = ["some.csv", "--crs", "EPSG:4326"]
    code, said, _ = call("index", *named, "-o", "cells.gpkg")
    assert code == 0 and "2 rows of the table, reasons in the layer 'rejected' of cells.gpkg" in said
    assert len(gpd.read_file("cells.gpkg", layer="rejected")) == 2
    code, said, _ = call("embed", *named, "--encoder", "summary", "-o", "store")
    assert code == 0 and "vectors 21" in said
    assert "2 rows of the table, reasons in store/table_rejected.csv" in said
    assert "1 pictures, reasons in store/rejected.csv" in said
    assert set(pd.read_csv("store/table_rejected.csv")["column"]) == {"geometry", "captured_at"}
    assert len(pd.read_csv("store/rejected.csv")) == 1


def test_options_that_do_not_fit_pictures_are_refused(call, photo_tables):
    for given, told in (
        (["photos.csv"], "CRS"),
        (["photos.csv", "--crs", "here"], "no CRS"),
        (["points.csv", "--columns", "streetscapes"], "global_streetscapes"),
        (["photos.csv", "--columns", "a=b", "--columns", "global_streetscapes"], "pairs"),
        (["photos", "--crs", "EPSG:4326"], "leave out crs"),
    ):
        code, _, said = call("index", *given, "-o", "cells.gpkg")
        assert code == 6 and told in said
    code, _, said = call("index", "photos.csv", "--kind", "aerial", "-o", "cells.gpkg")
    assert code == 2 and "overhead" in said


def test_real_street_records_by_preset(call, shared_data, tmp_path):
    points = shared_data / "street" / "points.csv"
    preset = ["--columns", "global_streetscapes"]
    assert call("index", points, *preset, "-o", tmp_path / "cells.gpkg")[0] == 0
    assert gpd.read_file(tmp_path / "cells.gpkg", layer="cells")["pictures"].sum() == 2319


@pytest.fixture
def copy(country, tmp_path):
    """Projects on the photos of the country: settings of the source go in, the project file comes out."""
    table = pd.read_csv(country / "photos.csv")

    def _copy(name, *, rows=slice(None), **source):
        folder = tmp_path / name
        folder.mkdir()
        settings = yaml.safe_load((country / "project.yaml").read_text())
        here = table.assign(path=[str(country / path) for path in table["path"]])[rows]
        here.to_csv(folder / "photos.csv", index=False)
        settings["images"] = [{"name": "photos", "table": "photos.csv", "crs": "EPSG:4326"} | source]
        for key in ("survey", "districts.geojson", "population.tif"):
            (folder / key).symlink_to(country / key)
        settings |= {"models": ["mean", "ridge"], "map_model": "ridge", "seed": 1}
        settings["validation"] |= {"folds": 3, "bootstrap": 200}
        (folder / "project.yaml").write_text(yaml.safe_dump(settings))
        return folder / "project.yaml"

    return _copy


def test_a_model_predicts_only_from_the_features_it_knows(call, copy, tmp_path):
    rcf, summary = {"name": "rcf", "size": 32, "options": {"n_features": 16}}, {"name": "summary", "size": 32}
    first = copy("first", encoder=rcf)
    model, target = tmp_path / "model", tmp_path / "predictions.gpkg"
    code, _, said = call("train", first, "-o", model)
    assert code == 0, said
    made = json.loads((model / "card.json").read_text())["trained"]["features"]["photos"]
    store = next((first.parent / "out" / "stages").glob("features-photos-*"))
    assert made["fingerprint"] == FeatureStore(store).manifest["fingerprint"]
    assert made["encoder"]["name"] == "rcf" and len(made["learned"]) == 64

    code, _, said = call("predict", model, copy("other", encoder=rcf, rows=slice(50, None)), "-o", target)
    assert code == 6 and made["learned"][:8] in said
    assert "filters" in said and "summary" in said and "backbone" in said and str(model) in said
    code, _, said = call("predict", model, copy("another", encoder=summary), "-o", target)
    assert code == 6 and "rcf" in said and "by summary" in said and "encoder" in said
    assert not target.exists()
    code, _, said = call("predict", model, first, "-o", target)
    assert code == 0, said

    transferable = tmp_path / "transferable"
    assert call("train", copy("second", encoder=summary), "-o", transferable)[0] == 0
    third = copy("third", encoder=summary, rows=slice(50, None))
    assert call("predict", transferable, third, "-o", tmp_path / "third.gpkg")[0] == 0


def test_a_card_without_its_training_is_refused(call, copy, tmp_path):
    project = copy("plain", encoder={"name": "summary", "size": 32})
    assert call("train", project, "-o", tmp_path / "model")[0] == 0
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    del card["trained"]["features"]
    (tmp_path / "model" / "card.json").write_text(json.dumps(card))
    code, _, said = call("predict", tmp_path / "model", project, "-o", tmp_path / "p.gpkg")
    assert code == 6 and "geolivelihood train" in said


def test_the_command_is_installed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "geolivelihood.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert "demo" in done.stdout and "run" in done.stdout


def test_ctrl_c_ends_with_3(country, tmp_path):
    """The first progress report stands for the user's hand."""
    program = (
        "import sys, geolivelihood.terminal as t, geolivelihood.cli as c\n"
        "def stop(*_): raise KeyboardInterrupt\n"
        "t.Terminal.stage = stop\n"
        "c.main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, "check", str(country / "project.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "Cancelled" in done.stderr


def test_a_target_that_cannot_be_written_ends_with_7(call, country, tmp_path):
    (tmp_path / "r.gpkg").write_text("mine")
    code, _, said = call("run", country / "project.yaml", "-o", tmp_path / "r.gpkg", *QUICK)
    assert code == 7 and "exists" in said and (tmp_path / "r.gpkg").read_text() == "mine"


def test_clusters_are_spread_and_cells_summed_up(call, country, tmp_path):
    clusters, spread = country / "clusters.csv", tmp_path / "spread.gpkg"
    code, said, _ = call("displacement", clusters, "--crs", "EPSG:4326", "-r", "7", "-o", spread)
    assert code == 0 and "cells_clusters" in said
    districts = country / "districts.geojson"
    code, said, _ = call("aggregate", spread, districts, "--value", "expected", "-o", tmp_path / "r.gpkg")
    frame = gpd.read_file(tmp_path / "r.gpkg", layer="regions")
    assert code == 0 and "regions 10" in said and frame["expected"].notna().any()


@pytest.mark.parametrize("command", ["displacement", "aggregate", "worker"])
def test_help_of_the_later_commands_has_examples(call, command):
    code, said, _ = call(command, "--help")
    assert code == 0 and "Examples:" in said
