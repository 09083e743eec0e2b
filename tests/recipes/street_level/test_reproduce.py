"""The table from end to end, on invented data in the published layout."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.models.paper import images
from geolivelihood.recipes.street_level import Settings, open_street_level, reproduce, shaped
from geolivelihood.recipes.street_level.ours import OUR_ROWS
from geolivelihood.recipes.street_level.paper import PAPER_ROWS
from geolivelihood.recipes.street_level.published import published_figure
from geolivelihood.validation import wilson_interval

QUICK = Settings(steps=2, nodes=7, weights="random", picture_size=32, device="cpu")
LIGHT = ["random", "neighbours", "mlp", "gcn-obj", "gcn-feats", "gcn-both", "rf-50", "gcn-50", "gcn-100"]


@pytest.fixture(scope="module")
def made(street, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return reproduce(street, out, settings=QUICK, models=LIGHT, indicators=["pov", "bmi"])


def test_rows_and_columns_are_the_published_ones(made):
    accuracy, r2 = shaped(made.table, "accuracy"), shaped(made.table, "r2")
    assert accuracy.columns.tolist() == r2.columns.tolist() == ["IN pov", "IN bmi", "KE pov"]
    titles = [PAPER_ROWS[name].title for name in LIGHT]
    assert [name for name in accuracy.index if name in titles] == [
        t for t in titles if t != "Cluster-wise MLP"
    ]
    assert [name for name in r2.index if name in titles] == titles[1:]
    row = accuracy.index.get_loc("GCN feats")
    assert accuracy.index[row + 1 : row + 3].tolist() == ["after the last step", "published"]
    assert accuracy.iloc[row + 2].tolist() == ["81.1", "89.4", "76.1"]
    assert accuracy.loc["GCN 50% pooled", "IN bmi"] == ""  # Kenya has none to pool


def test_scores_lie_in_their_intervals(made):
    table = made.table
    assert (table["not_run"] == "").all() and len(table) == 42
    assert (table["lower"] <= table["value"] + 1e-9).all() and (table["value"] <= table["upper"] + 1e-9).all()
    row = table[(table["model"] == "gcn-obj") & (table["metric"] == "accuracy")].iloc[0]
    assert (row["lower"], row["upper"]) == pytest.approx(wilson_interval(row["value"] * row["n"], row["n"]))
    assert row["n"] == 10 and row["interval"] == "Wilson"
    floored = table[table["model"].str.startswith("gcn") & (table["metric"] == "r2")]
    assert (floored["value"] >= 0).all() and (floored["final"] < 0).any()
    maxima = table[table["model"].str.startswith("gcn")]
    assert (maxima["final"] <= maxima["value"] + 1e-9).all()
    coins = table[table["model"] == "random"].iloc[0]
    assert coins["n"] == 11 and "11 listed clusters" in coins["note"]


def test_the_page_says_what_it_is(made):
    page = made.markdown.read_text()
    assert "maximum over evaluations on the very clusters that are scored" in page
    assert "2 of 3,000 steps" in page and "they are not computed here" in page
    assert page.count("| *published* |") == 8 + 7
    assert pd.read_csv(made.csv)["published"].notna().any()


def test_a_second_run_keeps_every_cell_and_a_stopped_one_goes_on(made, street, tmp_path):
    shutil.copytree(made.csv.parent, tmp_path, dirs_exist_ok=True)
    before = made.csv.read_bytes()
    cells = sorted((tmp_path / "cells").glob("paper-*.json"))
    again = reproduce(street, tmp_path, settings=QUICK, models=LIGHT, indicators=["pov", "bmi"])
    assert again.kept == len(cells) and again.csv.read_bytes() == before
    for path in cells[:2]:
        path.unlink()
    again = reproduce(street, tmp_path, settings=QUICK, models=LIGHT, indicators=["pov", "bmi"])
    assert again.kept == len(cells) - 2 and again.csv.read_bytes() == before
    content = json.loads(cells[0].read_text())
    assert content["settings"]["steps"] == 2 and content["scores"]


def test_other_settings_make_other_cells(made, street, tmp_path):
    shutil.copytree(made.csv.parent, tmp_path, dirs_exist_ok=True)
    more = Settings(**{**vars(QUICK), "steps": 1})
    found = reproduce(street, tmp_path, settings=more, models=["neighbours", "gcn-obj"], indicators=["pov"])
    assert found.kept == 4  # neighbours take no steps


def test_all_five_count_models_are_tried_and_the_best_is_named(street, tmp_path):
    found = reproduce(street, tmp_path, settings=QUICK, models=["counts", "rf-100"], indicators=["pov"])
    notes = found.table.loc[found.table["model"] == "counts", "note"]
    assert notes.str.contains("best of five").all() and notes.str.contains("forest 300").all()
    assert (found.table["value"] > 0.3).all()  # wealth shows in the counts


@pytest.mark.parametrize("model", ["image", "image-18"])
def test_pictures(few, tmp_path, model):
    found = reproduce(few, tmp_path, settings=QUICK, models=[model], indicators=["bmi"])
    assert (found.table["not_run"] == "").all()
    by_metric = found.table.groupby("metric")["n"].max()
    assert by_metric["accuracy"] == 4 < by_metric["r2"]  # clusters by vote, values by photo
    assert found.table["note"].str.contains("random start").all()


@pytest.fixture
def copy(street, tmp_path):
    """A copy of the data that may be damaged."""
    return shutil.copytree(street, tmp_path / "data", ignore=shutil.ignore_patterns("pictures"))


def reasons(folder, tmp_path, *models, settings=QUICK):
    found = reproduce(folder, tmp_path / "out", settings=settings, models=models, indicators=["pov"])
    assert "## Not run" in found.markdown.read_text()
    assert "not run" in shaped(found.table, "accuracy").loc[found.table["title"].iloc[0]].tolist()
    return found.table["not_run"].unique().tolist()


def test_what_cannot_be_computed_is_listed_with_its_reason(copy, tmp_path, monkeypatch):
    (reason,) = reasons(copy, tmp_path, "image")
    assert "that data.csv names are not there" in reason
    (copy / "features_pov.hdf5").unlink()
    (reason,) = reasons(copy, tmp_path, "gcn-feats")
    assert "One HDF5 file of features is needed for pov" in reason
    for rows, said in ((5, "shorter than the table"), (5000, "longer than the table")):
        with h5py.File(copy / "features_pov.hdf5", "w") as file:
            file["features"] = np.zeros((rows, 512, 1, 1), np.float32)
        (reason,) = reasons(copy, tmp_path, "gcn-both")
        assert said in reason


def test_weights_that_are_not_on_this_machine(street, tmp_path, monkeypatch):
    def absent(*_):
        msg = "The weights resnet34.pth are not on this machine."
        raise EnvironmentMissingError(msg)

    monkeypatch.setattr(images, "published_state", absent)
    settings = Settings(**{**vars(QUICK), "weights": "IMAGENET1K_V1"})
    assert reasons(street, tmp_path, "image", settings=settings) == [
        "The weights resnet34.pth are not on this machine."
    ]


USUAL = [
    (mode, name)
    for mode, rows in (("paper", PAPER_ROWS), ("default", OUR_ROWS))
    for name, row in rows.items()
    if row.usual
]


@pytest.fixture(scope="module")
def constant(street, tmp_path_factory):
    folder = tmp_path_factory.mktemp("constant") / "data"
    shutil.copytree(street, folder)
    pd.read_csv(folder / "data.csv").assign(pov=0.5, pov_label=1).to_csv(folder / "data.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def tiny(street, tmp_path_factory):
    """Two training clusters."""
    folder = tmp_path_factory.mktemp("tiny") / "data"
    shutil.copytree(street, folder)
    there = set(pd.read_csv(folder / "data.csv")["unique_cluster"])
    for path in folder.glob("train_*.txt"):
        path.write_text("\n".join([name for name in path.read_text().split() if name in there][:2]))
    return folder


@pytest.mark.parametrize(("mode", "name"), USUAL)
@pytest.mark.parametrize("case", ["constant", "tiny"])
def test_rows_that_cannot_be_learned_are_not_run(request, tmp_path, mode, name, case):
    settings = Settings(**{**vars(QUICK), "mode": mode, "steps": 1})
    folder = request.getfixturevalue(case)
    found = reproduce(folder, tmp_path, settings=settings, models=[name], indicators=["pov"])
    assert len(found.table)
    assert found.table["not_run"].str.contains("different labels|too few|do not vary").all()


def test_all_labels_missing(copy, tmp_path):
    table = pd.read_csv(copy / "data.csv")
    table.assign(pov=np.nan).to_csv(copy / "data.csv", index=False)
    with pytest.raises(InputError, match="has no cell of neighbours for pov"):
        reproduce(copy, tmp_path / "out", settings=QUICK, models=["neighbours"], indicators=["pov"])
    labels = table["pov_label"].mask(table["unique_cluster"] == table["unique_cluster"].iloc[0])
    table.assign(pov_label=labels).to_csv(copy / "data.csv", index=False)
    found = reproduce(copy, tmp_path / "out", settings=QUICK, models=["random"], indicators=["pov"])
    assert found.table["not_run"].str.contains("1 clusters have a value but no label").any()


def test_clusters_of_few_photos_are_left_out(street, tmp_path):
    data = open_street_level(street, cluster_limit=4)
    part = data.part("ia", "train", "pov")
    assert (data.clusters.loc[part.ids, "photos"] >= 4).all()
    assert 2 <= len(part.ids) < len(open_street_level(street).part("ia", "train", "pov").ids)
    settings = Settings(**{**vars(QUICK), "cluster_limit": 4})
    found = reproduce(street, tmp_path, settings=settings, models=["neighbours"], indicators=["bmi"])
    photos = data.clusters.loc[data.part("ia", "val", "bmi").ids, "photos"]
    assert (found.table["n"] == photos.sum()).all()
    assert found.table[["macro_f1", "mae"]].notna().any().all()


def test_more_photos_than_a_graph_holds_are_sampled(copy, tmp_path):
    table = pd.read_csv(copy / "data.csv")
    first = table.iloc[[0] * 30].assign(key=[f"more{i}" for i in range(30)])
    whole = pd.concat([table, first], ignore_index=True)
    whole.to_csv(copy / "data.csv", index=False)
    found = reproduce(copy, tmp_path / "out", settings=QUICK, models=["gcn-obj"], indicators=["pov"])
    assert (found.table["not_run"] == "").all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"models": ["resnet"]}, "no model 'resnet'; there are: random"),
        ({"indicators": ["wealth"]}, "no indicator 'wealth'"),
        ({"settings": Settings(mode="fast")}, "no mode 'fast'"),
        ({"settings": Settings(steps=0)}, "at least 1 step"),
        ({"settings": Settings(cluster_limit=0)}, "clusters of 1 photo or more"),
    ],
)
def test_unknown_options(street, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        reproduce(street, tmp_path, **options)


def test_published_figures_are_those_of_the_study():
    assert published_figure("gcn-feats", "ia", "pov", "accuracy") == pytest.approx(0.8106)
    assert published_figure("graph-both", "ke", "pop", "r2") == 0.85
    assert published_figure("gcn-100", "ke", "pov", "accuracy") == pytest.approx(0.77055)
    assert np.isnan(published_figure("random", "ke", "pov", "accuracy"))
    assert np.isnan(published_figure("knn", "ia", "pov", "r2"))
    assert np.isnan(published_figure("gcn-both", "bd", "pov", "r2"))
