"""Object counts with the vectors of the specification, and wide tables of counts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.features import VISTAS_CLASSES, count_features, object_counts, read_object_counts

VECTOR = [0, 0, 27, 28, 64, 255, 255]


def table(*detections):
    return pd.DataFrame(
        {"image_id": [f"p{k}" for k in range(len(detections))], "detections": list(detections)}
    )


def test_vector_of_the_paper_mode():
    counts = object_counts(table(VECTOR), paper=True)
    assert counts.shape == (1, 65)
    assert counts.loc["p0"][lambda row: row > 0].to_dict() == {
        "class_00": 2,
        "class_27": 1,
        "class_28": 1,
        "class_64": 3,
    }
    edges = np.histogram(np.where(np.array(VECTOR) == 255, 65, VECTOR), bins=np.arange(66))[0]
    np.testing.assert_array_equal(counts.loc["p0"], edges)


def test_vector_of_the_default():
    counts = object_counts(table(VECTOR))
    assert counts.shape == (1, 66)
    assert counts.loc["p0", "class_64"] == 1 and counts.loc["p0", "void"] == 2
    assert counts.dtypes.eq(np.float32).all()


def test_forms_of_lists():
    frame = table([1, 1], np.array([1, 1]), json.dumps([1, 1]), (1.0, 1.0))
    counts = object_counts(frame, classes=3)
    assert list(counts.columns) == ["class_0", "class_1", "class_2", "void"]
    assert (counts["class_1"] == 2).all() and (counts.drop(columns="class_1") == 0).all(axis=None)


def test_empty_is_zero_and_missing_is_nan():
    counts = object_counts(table([], None, np.nan, "[]"))
    assert (counts.loc[["p0", "p3"]] == 0).all(axis=None)
    assert counts.loc[["p1", "p2"]].isna().all(axis=None)


def test_many_photos_in_chunks(rng, monkeypatch):
    monkeypatch.setitem(object_counts.__globals__, "_ROWS", 7)
    lists = [rng.integers(0, 65, rng.integers(0, 9)).tolist() for _ in range(40)]
    expected = [np.bincount(ids, minlength=66) for ids in lists]
    np.testing.assert_array_equal(object_counts(table(*lists)), np.array(expected))


@pytest.mark.parametrize("paper", [True, False])
@pytest.mark.parametrize("strange", [65, -1, 70, 2.5, 1e12, float("nan")])
def test_unknown_ids_raise(paper, strange):
    with pytest.raises(InputError, match=r"Unknown class ids .* p1"):
        object_counts(table([1], [strange]), paper=paper)


@pytest.mark.parametrize("wrong", ["[1, 2", "7", '{"a": 1}', "1], [2"])
def test_texts_that_are_no_lists(wrong):
    with pytest.raises(InputError, match="p1"):
        object_counts(table("[1]", wrong))


def test_lists_of_names_and_missing_columns():
    with pytest.raises(InputError, match="something else than class ids"):
        object_counts(table(["car"]))
    with pytest.raises(MissingColumnError, match="detections"):
        object_counts(pd.DataFrame({"image_id": ["a"]}))


def test_wide_table(shared_data):
    counts = read_object_counts(shared_data / "street" / "instances.csv")
    assert counts.shape == (50, 65)
    assert counts.loc["4c41ad31-03a0-4cf4-909e-5aebae0ab19b", "Person"] == 3
    assert counts.index.name == "image_id" and counts.dtypes.eq(np.float32).all()


def test_wide_table_options_and_faults(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("city,uuid,Car\nx,01,2\ny,02,\n")
    counts = read_object_counts(path, id_column="uuid", columns={"Car": "cars"})
    assert counts.index.tolist() == ["01", "02"] and counts["cars"].isna().tolist() == [False, True]
    with pytest.raises(InputError, match="city hold something else"):
        read_object_counts(path, id_column="uuid")
    with pytest.raises(MissingColumnError, match="Bus"):
        read_object_counts(path, columns={"Bus": "bus"})
    path.write_text("uuid,Car\na,1\na,2\n")
    with pytest.raises(InputError, match="1 ids repeat"):
        read_object_counts(path)
    for content in ("", "uuid,Car\n", "uuid,Car\na,-1\n"):
        path.write_text(content)
        with pytest.raises(InputError):
            read_object_counts(path)
    with pytest.raises(InputError):
        read_object_counts(tmp_path / "absent.csv")


def test_names_of_classes_are_in_the_order_of_their_ids():
    assert len(VISTAS_CLASSES) == len(set(VISTAS_CLASSES)) == 65
    named = {0: "curb", 10: "road", 27: "ego vehicle", 28: "bird", 50: "utility pole", 64: "wheeled slow"}
    assert {k: VISTAS_CLASSES[k] for k in named} == named


def test_count_features_are_means_per_photo_with_their_number_apart():
    counts = object_counts(table([0, 0, 27], [0], [255, 255], None))
    images = pd.DataFrame(
        {
            "image_id": ["p0", "p1", "p1", "p2", "p3", "p3", "p9"],
            "cluster_id": ["a", "a", "b", "b", "b", "c", None],
        }
    )
    features = count_features(counts, images)
    assert features.index.tolist() == ["a", "b", "c"]
    assert features.shape == (3, 67) and features.dtypes.eq(np.float32).all()
    assert features.loc["a", "class_00"] == pytest.approx(np.log1p(1.5))
    assert features.loc["a", "class_27"] == pytest.approx(np.log1p(0.5))
    assert features.loc["b", "void"] == pytest.approx(np.log1p(1.0))
    np.testing.assert_allclose(features["log1p_photos"], np.log1p([2, 2, 0]), rtol=1e-6)
    assert features.drop(columns="log1p_photos").loc["c"].isna().all()


def test_count_features_do_not_grow_with_the_photos(rng):
    lists = [rng.integers(0, 65, 6).tolist() for _ in range(5000)]
    counts = object_counts(table(*lists))
    images = pd.DataFrame({"image_id": counts.index, "cluster_id": "many"})
    once = pd.DataFrame({"image_id": counts.index[:1], "cluster_id": "one"})
    features = count_features(counts, pd.concat([images, once]))
    assert features.loc["many", "class_00":"void"].max() < 0.2
    np.testing.assert_allclose(
        features.loc["one", "class_00":"void"], np.log1p(counts.iloc[0].to_numpy()), rtol=1e-6
    )


def test_count_features_refuse_what_does_not_join():
    counts = object_counts(table([1]))
    with pytest.raises(MissingColumnError, match="cluster_id"):
        count_features(counts, pd.DataFrame({"image_id": ["p0"]}))
    with pytest.raises(InputError, match="agree"):
        count_features(counts, pd.DataFrame({"image_id": ["x"], "cluster_id": ["a"]}))
    with pytest.raises(InputError, match="repeat"):
        count_features(pd.concat([counts, counts]), pd.DataFrame({"image_id": ["p0"], "cluster_id": ["a"]}))
