"""The published layout, as it is and as it breaks."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError, TableError, TooManyRejectedError
from geolivelihood.tables.published import (
    class_names,
    published_clusters,
    read_cluster_list,
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
    found = read(tmp_path, table, max_rejected=1)
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


def test_lists_in_the_table_are_those_of_the_file(tmp_path):
    given = [[1, 2], [], [5] * 40, [255]]
    found = read(tmp_path, rows(features=[json.dumps(ids) for ids in given])).table
    assert found["detections"].tolist() == given


def many(**changes):
    """Enough rows that some may be set aside."""
    table = pd.DataFrame(
        {
            "key": [f"p{i}" for i in range(30)],
            "unique_cluster": [f"ia_{i // 3}" for i in range(30)],
            "ilon": 77.0,
            "ilat": 28.0,
            "lon": 77.0,
            "lat": 28.0,
            "features": "[1, 2]",
            "pov": 0.5,
        }
    ).astype({"ilon": object, "features": object})
    for column, value in changes.items():
        table.loc[4, column] = value
    return table


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lon": np.nan}, "its cluster: a coordinate is NaN"),
        ({"lat": 200.0}, "its cluster: "),
        ({"lon": 0.0, "lat": 0.0}, r"its cluster: \(0, 0\) stands for a missing position"),
        ({"ilon": "east"}, "a coordinate is NaN"),
        ({"features": "[1, 99]"}, "holds an unknown class id"),
        ({"features": "[1.5]"}, "holds an unknown class id"),
        ({"features": '["Bird"]'}, "holds an unknown class id"),
        ({"features": "[[1], [2]]"}, "holds an unknown class id"),
        ({"features": "[" * 100_000}, "is no JSON list"),
        ({"unique_cluster": "  "}, "has no cluster"),
    ],
)
def test_a_faulty_row_is_set_aside_with_its_reason(tmp_path, change, reason):
    found = read(tmp_path, many(**change))
    assert found.table.index.tolist() == [i for i in range(30) if i != 4]
    assert found.rejected["row"].tolist() == ["p4"]
    assert found.rejected["reason"].str.contains(reason).all()


def test_too_many_faulty_rows(tmp_path):
    table = many()
    table.loc[:3, "features"] = "[99]"
    with pytest.raises(TooManyRejectedError, match=r"4 of 30 rows .* 4 holds an unknown class id"):
        read(tmp_path, table)
    assert len(read(tmp_path, table, max_rejected=0.2).table) == 26


def test_kenya_in_capitals_and_ids_with_spaces(tmp_path):
    found = read(tmp_path, rows(country=["ia", "IA ", "ia", "KE"], unique_cluster=["a", " a", "b ", "ke_12"]))
    assert found.table["country"].tolist() == ["ia", "ia", "ia", "ke"]
    assert found.table["cluster_id"].tolist() == ["a", "a", "b", "ke_12"]
    assert np.isnan(found.table["bmi"].iloc[3]) and np.isnan(found.table["bmi_label"].iloc[3])
