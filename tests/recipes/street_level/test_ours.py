"""Our own rows: what is tested shares nothing with what was learned from."""

from __future__ import annotations

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.recipes.street_level import Settings, open_street_level, ours, reproduce, shaped
from geolivelihood.recipes.street_level.cells import Cell
from geolivelihood.recipes.street_level.ours import Places
from geolivelihood.validation.distances import near_any, unit_vectors

OURS = Settings(mode="default", steps=300, folds=3, buffer_km=20, weights="random", device="cpu")


@pytest.fixture(scope="module")
def data(street):
    return open_street_level(street)


@pytest.fixture(scope="module")
def places(data):
    return Places(data, "ia", "pov", OURS)


@pytest.mark.parametrize("split", ["random", "blocked"])
def test_splits(places, data, split):
    photos = data.photos.groupby("cluster_id")["image_id"].agg(set)
    tested = []
    for train, test in places.folds(split):
        ids = np.array(places.ids)
        assert set(ids[train]) <= set(data.listed("ia", "train"))
        assert set(ids[test]) <= set(data.listed("ia", "val"))
        assert not set.union(*photos[ids[train]]) & set.union(*photos[ids[test]])
        if split == "blocked":
            assert not set(places.blocks[train]) & set(places.blocks[test])
            unit = unit_vectors(data.lonlat(ids))
            assert not near_any(unit[train], unit[test], 20_000).any()
        tested += test.tolist()
    assert sorted(tested) == np.flatnonzero(places.tested).tolist()


def test_clusters_that_share_a_photo_are_one_group(places):
    shared = places.links.matrix @ places.links.matrix.T
    first, second = shared.nonzero()
    assert (places.photo_groups[first] == places.photo_groups[second]).all()
    assert len(np.unique(places.photo_groups)) < len(places.ids)


@pytest.fixture(scope="module")
def made(street, tmp_path_factory):
    models = ["baseline", "knn", "idw", "gp", "counts", "graph-identity", "graph-random", "graph-both"]
    return reproduce(street, tmp_path_factory.mktemp("out"), settings=OURS, models=models, indicators=["pov"])


def test_both_splits_and_the_maximum_beside_the_final_score(made):
    table = made.table
    assert (table["not_run"] == "").all() and len(table) == 8 * 2 * 2 * 2
    graphs = table[table["model"].str.startswith("graph")]
    np.testing.assert_allclose(graphs["value"], graphs["final"])
    assert (graphs["maximum"] >= graphs["final"] - 1e-9).sum() >= len(graphs) - 1
    assert table.loc[~table["model"].str.startswith("graph"), "maximum"].isna().all()
    shown = shaped(table, "r2")
    row = shown.index.get_loc("Graph both, blocked")
    assert shown.index[row + 1 : row + 3].tolist() == ["maximum over epochs", "published"]
    counts = table[(table["model"] == "counts") & (table["metric"] == "r2") & (table["country"] == "ia")]
    assert (counts["value"] > 0.3).all()


def test_the_page_warns_where_features_saw_the_labels(made):
    page = made.markdown.read_text()
    assert "Buffer of the blocked split: 20 km. By default 42" in page and Settings().buffer_km == 42
    assert "chose nothing" not in page and "Training clusters: random, IN: 3" in page
    assert "chose its epoch on the very clusters that are the test here" in page
    told = made.table[made.table["note"].str.contains("not an honest score")]
    both = made.table[made.table["model"] == "graph-both"]
    assert len(told) == len(both) and set(told["model"]) == {"graph-both"}
    assert set(told["split"]) == {"random", "blocked"}


def test_the_threshold_of_the_classes_is_the_median_of_the_training_clusters(data, monkeypatch):
    """Half of the training labels are of the upper class, whatever the values of the test clusters."""
    shifted = open_street_level(data.folder)
    held = shifted.clusters.index.isin(shifted.listed("ia", "val"))
    shifted.clusters.loc[held, "pov"] += 10
    learned = []
    fitted = ours._fitted

    def recorded(inputs, train, test, y, groups, *, classes):
        learned.append(y[train])
        return fitted(inputs, train, test, y, groups, classes=classes)

    monkeypatch.setattr(ours, "_fitted", recorded)
    for split in ("random", "blocked"):
        ours.our_scores(shifted, Cell("baseline", "pov", True, ("ia",), split), OURS)
    assert len(learned) >= 2
    for labels in learned:
        assert labels.mean() == pytest.approx(0.5, abs=1 / len(labels))


def test_further_scores_and_intervals(made):
    classes = made.table[made.table["metric"] == "accuracy"]
    values = made.table[made.table["metric"] == "r2"]
    kind = {"random": "Wilson", "blocked": "H3 blocks"}
    assert (classes["interval"] == classes["split"].map(kind)).all()
    assert classes[["macro_f1", "auc", "brier"]].notna().all(axis=None)
    assert classes["brier"].between(0, 1).all() and classes["mae"].isna().all()
    np.testing.assert_allclose(values["mse"], values["rmse"] ** 2)
    assert (values["mae"] <= values["rmse"] + 1e-9).all() and values["macro_f1"].isna().all()
    assert values.loc[values["model"] == "counts", "pearson_r2"].between(0, 1).all()


def test_a_table_of_nodes_is_filled_in_place(data, places):
    cell = Cell("graph-both", "pov", True, ("ia",), "random")
    rows = np.concatenate(data.photos_of(places.ids))[:9]
    table, note = ours._node_features(data, rows, cell, "both")
    assert table.dtype == np.float32 and note == ours._NOT_HONEST
    np.testing.assert_allclose(table[:, :66], np.log1p(data.counts[rows]), rtol=1e-6)
    np.testing.assert_array_equal(table[:, 66:], data.features(data.feature_file("pov", classes=True), rows))
    few = Settings(**{**vars(OURS), "nodes": 2})
    drawn = ours._sampled(data, places.ids, few)
    sizes = [min(len(some), 2) for some in data.photos_of(places.ids)]
    owner = data.photos["cluster_id"].iloc[drawn]
    assert owner.tolist() == np.repeat(places.ids, sizes).tolist()


def test_a_buffer_that_leaves_nothing_is_a_reason_not_an_end(street, tmp_path):
    settings = Settings(**{**vars(OURS), "buffer_km": 2000})
    found = reproduce(street, tmp_path, settings=settings, models=["knn"], indicators=["pov"])
    blocked = found.table["split"] == "blocked"
    assert found.table.loc[blocked, "not_run"].str.contains("under 20 %").all()
    assert (found.table.loc[~blocked, "not_run"] == "").all()


@pytest.mark.parametrize("model", ["image", "crossfitted"])
def test_pictures_of_ours(few, tmp_path, model):
    settings = Settings(**{**vars(OURS), "steps": 1, "picture_size": 32, "folds": 3, "buffer_km": 0})
    found = reproduce(few, tmp_path, settings=settings, models=[model], indicators=["bmi"])
    assert (found.table["not_run"] == "").all() and set(found.table["country"]) == {"ia"}


def test_folders_that_are_not_in_the_layout(street, tmp_path):
    with pytest.raises(InputError, match=r"has no data\.csv"):
        open_street_level(tmp_path)
    (tmp_path / "data.csv").write_bytes((street / "data.csv").read_bytes())
    with pytest.raises(InputError, match="lacks lists of clusters: train_clusters_ia"):
        open_street_level(tmp_path)
    (tmp_path / "train_clusters_ia.txt").write_text("ia_1\nia_2")
    with pytest.raises(InputError, match="lists of clusters of ia"):
        open_street_level(tmp_path)
    (tmp_path / "val_clusters_ia.txt").write_text("ia_3\nia_2")
    with pytest.raises(InputError, match="1 clusters of ia are in both lists, such as ia_2"):
        open_street_level(tmp_path)
    (tmp_path / "val_clusters_ia.txt").unlink()
    (tmp_path / "val_clusters_bd.txt").write_text("bd_3")
    (tmp_path / "train_clusters_ia.txt").rename(tmp_path / "train_clusters_bd.txt")
    with pytest.raises(InputError, match="for bd, but"):
        open_street_level(tmp_path)


def test_labels_are_cut_where_the_table_has_none(data):
    published = data.part("ia", "val", "pov").label
    data = open_street_level(data.folder)
    data.clusters = data.clusters.drop(columns="pov_label")
    np.testing.assert_array_equal(data.part("ia", "val", "pov").label, published)


@pytest.mark.parametrize(
    ("names", "classes", "expected"),
    [
        (["features_pov.hdf5", "features_pop.hdf5"], True, "features_pov.hdf5"),
        (["pretrained_on_pov.hdf5"], False, "pretrained_on_pov.hdf5"),
        (["pov_label.h5", "pov.h5"], True, "pov_label.h5"),
        (["pov_label.h5", "pov.h5"], False, "pov.h5"),
        (["features.hdf5"], True, "features.hdf5"),
        (["a_pov.hdf5", "b_pov.hdf5"], True, None),
        (["features_pop.hdf5"], True, None),
    ],
)
def test_feature_files_by_name(data, names, classes, expected):
    data = open_street_level(data.folder)
    data.files = [data.folder / name for name in names]
    if expected is None:
        with pytest.raises(InputError, match="One HDF5 file"):
            data.feature_file("pov", classes=classes)
    else:
        assert data.feature_file("pov", classes=classes).name == expected
