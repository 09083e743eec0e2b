"""A frozen encoder tried on labels, beside encoders that have learned nothing."""

import geopandas as gpd
import pytest
from typer.testing import CliRunner

from geolivelihood.cli import app
from geolivelihood.errors import InputError, ProjectError
from geolivelihood.features import headless, save_pretrained
from geolivelihood.recipes.pretraining import probe_project


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory):
    network, _ = headless("resnet18", size=16, seed=1)
    card = {"architecture": "resnet18", "size": 16, "bands": 3, "mean": [0.5] * 3, "sd": [0.25] * 3}
    return str(save_pretrained(tmp_path_factory.mktemp("encoder") / "one", network, card))


def test_heads_see_every_encoder_under_both_splits(project, encoder_folder):
    path = project(
        encoder_folder=encoder_folder,
        probe={"labels": {"column": "east", "table": "known.csv"}, "folds": 3, "picture": ["label"]},
    )
    made = probe_project(path)
    assert set(made.table["encoder"]) == {"pretrained", "random weights", "pixel statistics", "place alone"}
    assert set(made.table["split"]) == {"random", "blocked"}
    r2 = made.table[made.table["metric"] == "r2"].set_index(["encoder", "head", "split"])["value"]
    assert r2["place alone", "knn", "random"] > 0.8 > r2["pretrained", "ridge", "blocked"]
    layer = gpd.read_file(made.geopackage, layer="images")
    assert len(layer) == 300 and layer["predicted_blocked"].notna().all()
    assert made.picture.stat().st_size > 10_000


def test_classes_and_the_vote_of_dates(project, encoder_folder):
    probe = {"labels": {"column": "half", "table": "known.csv"}, "folds": 3, "vote": True}
    path = project(encoder_folder=encoder_folder, probe=probe | {"compare_random": False})
    found = CliRunner().invoke(app, ["probe", str(path)])
    assert found.exit_code == 0, found.output
    assert "vote of a place" in found.output and "accuracy" in found.output
    table = probe_project(path).table.query("metric == 'accuracy' and split == 'random'").set_index("head")
    assert table["value"]["logistic"] > 0.8  # only the north has houses
    assert table["n"]["logistic, vote of a place"] == 100


def test_an_encoder_with_group_normalisation_is_compared_with_one_of_its_own_kind(project, tmp_path):
    network, _ = headless("resnet18", size=16, seed=1, group_norm=32)
    card = {"architecture": "resnet18", "size": 16, "bands": 3, "mean": [0.5] * 3, "sd": [0.25] * 3}
    folder = save_pretrained(tmp_path / "grouped", network, card)
    probe = {"labels": {"column": "east", "table": "known.csv"}, "folds": 2}
    assert "random weights" in set(
        probe_project(project(encoder_folder=str(folder), probe=probe)).table["encoder"]
    )


def test_what_is_missing_is_said(project, encoder_folder):
    labels = {"column": "east", "table": "known.csv"}
    with pytest.raises(ProjectError, match="says nothing of 'probe'"):
        probe_project(project())
    with pytest.raises(InputError, match="Run 'geolivelihood pretrain' first"):
        probe_project(project(probe={"labels": labels}))
    with pytest.raises(ProjectError, match="'logistic' is no head of a regression"):
        probe_project(project(encoder_folder=encoder_folder, probe={"labels": labels, "heads": ["logistic"]}))
    with pytest.raises(ProjectError, match="have no 'colour'; there are: label"):
        probe_project(project(encoder_folder=encoder_folder, probe={"labels": labels, "picture": ["colour"]}))
    with pytest.raises(InputError, match="Run 'geolivelihood pretrain' first"):
        probe_project(project(encoder_folder="nowhere", probe={"labels": labels}))
    with pytest.raises(InputError, match="needs classes"):
        probe_project(project(encoder_folder=encoder_folder, probe={"labels": labels, "vote": True}))
