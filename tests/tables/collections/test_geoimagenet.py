from pathlib import Path

import pandas as pd
import pytest

from geolivelihood.errors import InputError, TableError, TooManyRejectedError
from geolivelihood.tables.collections.geoimagenet import read_geoimagenet

from .layouts import geoimagenet, picture


def test_the_table(tmp_path: Path) -> None:
    told: list[pd.DataFrame] = []
    table = read_geoimagenet(geoimagenet(tmp_path), on_rejected=told.append)
    assert table["image_id"].tolist() == ["n01440764_1", "n01440764_2", "n01443537_3"]
    assert table["place_id"].tolist() == table["image_id"].tolist()
    assert set(table["kind"]) == {"street"}
    assert table.geometry.x.tolist() == [36.82, 178.44, 2.35]
    assert table.geometry.y.tolist() == [-1.29, -18.14, 48.86]
    assert table["locality"].tolist() == ["Nairobi", "Suva, Centre", "Paris"]
    assert table["region"].tolist() == ["Nairobi Area", "Central", "Île-de-France"]
    assert table["county"].isna().tolist() == [True, False, False]
    assert table["split"].tolist() == ["train", "train", "test"]
    assert all(Path(path).is_file() for path in table["path"])
    assert told[0]["row"].tolist() == ["n01443537_4"]
    assert told[0]["reason"].tolist() == ["has no coordinates (-1000 stands for missing)"]


def test_labels_and_splits(tmp_path: Path) -> None:
    root = geoimagenet(tmp_path)
    (root / "train.csv").write_text("label,path\n7,x/n01440764_1.jpg\n7,x/n01440764_2.jpg\n8,x/other_9.jpg\n")
    (root / "test.csv").write_text("label,path\n5149,x/n01443537_3.jpg\n5150,x/n01443537_4.jpg\n")
    told: list[pd.DataFrame] = []
    lists = {"train": "train.csv", "test": "test.csv"}
    table = read_geoimagenet(root, labels=lists, max_rejected=0.8, on_rejected=told.append)
    assert table["label"].tolist() == [7, 7, 5149] and table["split"].tolist() == ["train", "train", "test"]
    reasons = dict(zip(told[0]["row"], told[0]["reason"]))
    assert reasons["other_9"] == "has a label and is not in metadata.csv"
    assert "not within 0 to 5149" in reasons["x/n01443537_4.jpg"] or "coordinates" in reasons["n01443537_4"]
    one = read_geoimagenet(root, labels="train.csv", max_rejected=0.5)
    assert one["image_id"].tolist() == ["n01440764_1", "n01440764_2"] and one["label"].tolist() == [7, 7]
    assert read_geoimagenet(root, split="test", labels=lists, max_rejected=0.8)["label"].tolist() == [5149]
    with pytest.raises(InputError, match=r"split='val'.*it has train, test"):
        read_geoimagenet(root, split="val")


def test_labels_of_another_collection_are_refused(tmp_path: Path) -> None:
    root = geoimagenet(tmp_path)
    (root / "labels.csv").write_text("label,path\n1,airport_0_0_rgb.jpg\n")
    with pytest.raises(InputError, match=r"No picture of the label lists.*airport_0_0_rgb"):
        read_geoimagenet(root, labels="labels.csv")


def test_bad_rows_are_set_aside(tmp_path: Path) -> None:
    rows = [
        ("a", 1.0, 2.0, "", "", "", ""),
        ("b", "north", 2.0, "", "", "", ""),
        ("c", "nan", 2.0, "", "", "", ""),
        ("d", 0, 0, "", "", "", ""),
        ("e", 95, 2, "", "", "", ""),
        ("f", -1000, 2, "", "", "", ""),
        ("g", 3.0, 2.0, "", "", "", ""),
        ("h", "", 2.0, "", "", "", ""),
        ("i", 3.0, 2.0, "", "", "", ""),
    ]
    root = geoimagenet(tmp_path, rows)
    picture(root / "again" / "g.jpg")
    next(root.rglob("i.jpg")).unlink()
    told: list[pd.DataFrame] = []
    table = read_geoimagenet(root, max_rejected=0.9, on_rejected=told.append)
    assert table["image_id"].tolist() == ["a"]
    reasons = dict(zip(told[0]["row"], told[0]["reason"]))
    assert reasons["b"] == "the latitude is no finite number: 'north'"
    assert reasons["c"] == "the latitude is no finite number: 'nan'"
    assert "(0, 0)" in reasons["d"] and "out of range" in reasons["e"]
    assert "has no coordinates" in reasons["f"] and "has no coordinates" in reasons["h"]
    assert "several pictures bear this id" in reasons["g"] and "no picture in" in reasons["i"]
    with pytest.raises(TooManyRejectedError):
        read_geoimagenet(root)


def test_swapped_coordinates_are_refused(tmp_path: Path) -> None:
    rows = [(f"p{k}", 150.0 + k, -33.0, "", "", "", "") for k in range(3)]
    with pytest.raises(TableError, match="swapped"):
        read_geoimagenet(geoimagenet(tmp_path, rows))
    near = [(f"q{k}", 36.8, -1.3 - k / 10, "", "", "", "") for k in range(3)]
    with pytest.raises(TableError, match="swapped"):
        read_geoimagenet(geoimagenet(tmp_path / "kenya", near), extent=(33, -5, 42, 5))


def test_files_by_template(tmp_path: Path) -> None:
    root = geoimagenet(tmp_path, pictures=False)
    for k in (1, 2):
        picture(root / "all" / f"n01440764_{k}.jpg")
    with pytest.raises(TooManyRejectedError, match=r"1 of 3 .*there is no such file"):
        read_geoimagenet(root, files="all/{id}.jpg")
    table = read_geoimagenet(root, files="all/{id}.jpg", max_rejected=0.5)
    assert [Path(path).name for path in table["path"]] == ["n01440764_1.jpg", "n01440764_2.jpg"]
    with pytest.raises(InputError, match=r"must hold \{id\} once"):
        read_geoimagenet(root, files="all.jpg")


def test_another_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_geoimagenet(tmp_path / "absent")
    with pytest.raises(InputError, match=r"metadata\.csv cannot be read"):
        read_geoimagenet(tmp_path)
    (tmp_path / "metadata.csv").write_text("a,1,2\n")
    with pytest.raises(InputError, match="has 3 columns, not 7"):
        read_geoimagenet(tmp_path)
    (tmp_path / "metadata.csv").write_text("")
    with pytest.raises(InputError, match="cannot be read"):
        read_geoimagenet(tmp_path)
    with pytest.raises(InputError, match="There is no picture"):
        read_geoimagenet(geoimagenet(tmp_path, pictures=False))
    twice = [("a", 1, 2, "", "", "", "")] * 2
    with pytest.raises(TableError, match="used more than once"):
        read_geoimagenet(geoimagenet(tmp_path, twice))
