"""The published layout, as it is and as it breaks."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError, TableError
from geolivelihood.tables.published import (
    class_names,
    feature_slices,
    published_clusters,
    read_cluster_list,
    read_published_features,
    read_published_photos,
)


def rows(**changes):
    table = {
        "key": ["a", "b", "b", "c"],
        "country": ["ia", "ia", "ia", "ke"],
        "unique_cluster": ["ia_70003", "ia_70003", "ia_8", "ke_12"],
        "ilon": [77.0, 77.01, 77.01, 36.8],
        "ilat": [28.0, 28.01, 28.01, -1.3],
        "lon": [77.0, 77.0, 77.02, 36.8],
        "lat": [28.0, 28.0, 28.0, -1.3],
        "features": ["[0, 0, 27, 28, 64, 255, 255]", "[]", "[]", "[3]"],
        "features_name": ['["Bird", "Bird", "Sky", "Car", "Boat", "void", "void"]', "[]", "[]", '["Dog"]'],
        "confidence": ["[1, 1, 1, 1, 1, 1, 1]", "[]", "[]", "[0.5]"],
        "pov": [0.5, 0.5, -0.25, 0.1],
        "bmi": [0.2, 0.2, 0.0, 0.0],
        "bmi_label": [1, 1, 0, 0],
        "img_path": ["p/a.jpg", None, "/abs/b.jpg", "p/c.jpg"],
    }
    return pd.DataFrame(table | changes)


def read(tmp_path, table, **options):
    table.to_csv(tmp_path / "data.csv", index=False)
    return read_published_photos(tmp_path / "data.csv", **options)


def test_photos(tmp_path):
    found = read(tmp_path, rows())
    photos = found.table
    assert found.rows == 4 and len(found.rejected) == 0
    assert photos["image_id"].tolist() == ["a", "b", "b", "c"]
    assert photos["detections"].iloc[0] == [0, 0, 27, 28, 64, 255, 255]
    assert photos["bmi"].isna().tolist() == [False, False, False, True]  # 0 is missing in Kenya only
    assert photos["bmi_label"].isna().tolist() == [False, False, False, True]
    assert photos["picture"].fillna("").tolist() == [
        f"{tmp_path}/p/a.jpg", "", "/abs/b.jpg", f"{tmp_path}/p/c.jpg"
    ]  # fmt: skip
    assert photos.geometry.iloc[3].coords[0] == (36.8, -1.3)


def test_clusters(tmp_path):
    clusters = published_clusters(read(tmp_path, rows()).table)
    assert clusters.index.tolist() == ["ia_70003", "ia_8", "ke_12"]
    assert clusters["photos"].tolist() == [2, 1, 1]
    assert clusters.geometry.iloc[1].coords[0] == (77.02, 28.0)
    assert np.isnan(clusters.loc["ke_12", "bmi"])


def test_a_label_that_varies_within_a_cluster(tmp_path):
    photos = read(tmp_path, rows(pov=[0.5, 0.6, 0.1, 0.1])).table
    with pytest.raises(TableError, match="pov varies within 1 clusters"):
        published_clusters(photos)


def test_the_country_is_in_the_cluster_where_no_column_says_it(tmp_path):
    assert read(tmp_path, rows().drop(columns="country")).table["country"].tolist() == ["ia"] * 3 + ["ke"]


def test_rows_set_aside_do_not_shift_the_others(tmp_path):
    table = pd.concat([rows().iloc[[0]], rows()], ignore_index=True)
    table.loc[2, "features"] = "[1, 2"
    table.loc[4, "unique_cluster"] = None
    found = read(tmp_path, table)
    assert found.rows == 5
    assert found.table.index.tolist() == [0, 3]
    assert set(found.rejected["reason"]) == {
        "repeats a photo of its cluster", "is no JSON list of class ids", "has no cluster"
    }  # fmt: skip
    np.testing.assert_array_equal(found.table["image_id"], ["a", "b"])


def test_names_of_classes(tmp_path):
    photos = read(tmp_path, rows(), names=True).table
    names = class_names(photos)
    assert names.to_dict() == {0: "Bird", 3: "Dog", 27: "Sky", 28: "Car", 64: "Boat", 255: "void"}
    assert photos["confidence"].iloc[3] == [0.5]
    shifted = photos.assign(names=[["Bird", "Cow", "Sky", "Car", "Boat", "void", "void"], [], [], ["Dog"]])
    with pytest.raises(InputError, match="is called Bird, Cow"):
        class_names(shifted)
    with pytest.raises(InputError, match="as many names"):
        class_names(photos.assign(names=[["Bird"], [], [], ["Dog"]]))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"drop": ["features"]}, MissingColumnError, "features"),
        ({"drop": ["lon"]}, MissingColumnError, "lon"),
        ({"drop": ["pov", "bmi"]}, MissingColumnError, "pov"),
        ({"features": ["x"] * 4}, InputError, "no JSON list"),
        ({"ilat": [95.0] * 4}, TableError, "."),
        ({"keep": 0}, InputError, "no rows"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, change, error, said):
    table = rows(**{name: value for name, value in change.items() if name in rows()})
    table = table.drop(columns=change.get("drop", [])).head(change.get("keep", 4))
    with pytest.raises(error, match=said):
        read(tmp_path, table)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no readable CSV"):
        read_published_photos(tmp_path / "data.csv")


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_list_keeps_its_last_character(tmp_path, end):
    path = tmp_path / "val.txt"
    path.write_bytes(b"ia_70003\nke_12" + end.encode())
    assert read_cluster_list(path) == ["ia_70003", "ke_12"]


@pytest.mark.parametrize(("text", "said"), [("", "empty"), ("a\nb\na\n", "repeats 1 clusters, such as a")])
def test_faulty_lists(tmp_path, text, said):
    path = tmp_path / "val.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_cluster_list(path)
    with pytest.raises(InputError, match="no readable list"):
        read_cluster_list(tmp_path / "other.txt")


@pytest.fixture
def features(tmp_path):
    values = np.random.default_rng(0).random((50, 512, 1, 1), dtype=np.float32)
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file["features"] = values
    return tmp_path / "features.hdf5", values[:, :, 0, 0]


def test_features_by_row(features):
    path, values = features
    np.testing.assert_array_equal(read_published_features(path, table_rows=50), values)
    some = [40, 3, 3, 49, 0]
    np.testing.assert_array_equal(read_published_features(path, some, table_rows=50), values[some])
    assert read_published_features(path, [], table_rows=50).shape == (0, 512)
    starts = [start for start, _ in feature_slices(path, table_rows=50, size=20)]
    assert starts == [0, 20, 40]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table_rows": 60}, "shorter than the table: 50 rows of features for 60 photos"),
        ({"table_rows": 40}, "longer than the table"),
        ({"table_rows": 50, "width": 2048}, "another backbone"),
        ({"table_rows": 50, "rows": [50]}, "the table has 50 rows"),
    ],
)
def test_features_of_something_else(features, options, said):
    with pytest.raises(InputError, match=said):
        read_published_features(features[0], **options)


def test_files_that_are_no_features(tmp_path):
    path = tmp_path / "features.hdf5"
    with pytest.raises(InputError, match="no readable HDF5"):
        read_published_features(path, table_rows=3)
    with h5py.File(path, "w") as file:
        file["other"] = np.zeros(3)
    with pytest.raises(InputError, match="it has other"):
        read_published_features(path, table_rows=3)
    with h5py.File(path, "w") as file:
        file["features"] = np.zeros((3, 512, 7, 7), np.float32)
    with pytest.raises(InputError, match="expected"):
        read_published_features(path, table_rows=3)


def test_lists_in_the_table_are_those_of_the_file(tmp_path):
    given = [[1, 2], [], [5] * 40, [255]]
    found = read(tmp_path, rows(features=[json.dumps(ids) for ids in given])).table
    assert found["detections"].tolist() == given
