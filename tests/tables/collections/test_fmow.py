import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from geolivelihood.errors import InputError, TableError, TooManyRejectedError
from geolivelihood.tables.collections.fmow import read_fmow

from .layouts import PLACES, fmow, fmow_crops, geotiff, picture, ring, sidecar


def rewrite(path: Path, **changes: object) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


def test_stock_names_and_sidecars(tmp_path: Path) -> None:
    table = read_fmow(fmow(tmp_path))
    assert len(table) == 2 * 3 * 2 * 2 and table["image_id"].is_unique
    row = table.set_index("image_id").loc["train/airport/airport_0/airport_0_3_msrgb"]
    assert row["place_id"] == "train/airport_0" and row["label"] == row["category"] == "airport"
    assert (row["sensor"], row["platform"], row["visit"], row["split"]) == ("msrgb", "GEOEYE01", 3, "train")
    assert row["captured_at"] == pd.Timestamp("2013-05-06T07:08:09Z")
    assert (row["gsd"], row["cloud_cover"], row["country"], row["utm"]) == (0.5, 3, "KEN", "37M")
    np.testing.assert_allclose(row["geometry"].bounds, [36.8, -1.3, 36.81, -1.29])
    assert str(table["captured_at"].dt.tz) == "UTC" and set(table["kind"]) == {"overhead"}
    assert "box" not in table and all(Path(path).is_file() for path in table["path"])


def test_a_number_is_another_place_in_another_split(tmp_path: Path) -> None:
    table = read_fmow(fmow(tmp_path))
    places = table.groupby("place_id")["geometry"].agg(lambda shapes: shapely.union_all(shapes).centroid)
    assert len(places) == 6
    assert places["train/airport_0"].distance(places["val/airport_0"]) == pytest.approx(1)
    assert set(read_fmow(tmp_path, split="val")["split"]) == {"val"}
    with pytest.raises(InputError, match=r"split='test'.*it has train, val"):
        read_fmow(tmp_path, split="test")
    inner = read_fmow(tmp_path / "train")  # a split by itself says none
    assert "split" not in inner and set(inner["place_id"]) == set(PLACES)
    with pytest.raises(InputError, match="nothing there says a split"):
        read_fmow(tmp_path / "train", split="train")


def test_full_with_its_bands(tmp_path: Path) -> None:
    root = fmow(tmp_path, endings=("rgb.tif", "ms.tif", "pan.tif", "rgb.jpg", "msrgb.jpg"))
    table = read_fmow(root, split="train")
    assert table["sensor"].value_counts().to_dict() == {"rgb": 6, "ms": 6, "pan": 6, "msrgb": 6}
    assert {Path(path).suffix for path in table.loc[table["sensor"] == "rgb", "path"]} == {".tif"}
    assert set(read_fmow(root, sensors=["ms", "pan"])["sensor"]) == {"ms", "pan"}


def test_sensors_that_are_not_there(tmp_path: Path) -> None:
    root = fmow(tmp_path)
    with pytest.raises(InputError, match=r"has none of them; it has .*rgb"):
        read_fmow(root, sensors=["pan"])
    for wrong in ("rgb", ["red"]):
        with pytest.raises(InputError, match="give a list of rgb, msrgb, ms, pan"):
            read_fmow(root, sensors=wrong)


def test_crops_with_a_folder_of_sidecars(tmp_path: Path) -> None:
    root = fmow_crops(tmp_path / "crops", metadata=tmp_path / "gt")
    table = read_fmow(root, metadata=tmp_path / "gt").set_index("image_id")
    assert len(table) == 3 * 2 * 2
    own = table.loc["train/airport/airport_0/airport_0_3_rgb_crop_0"]
    assert own["place_id"] == "train/airport_0/crop_0" and own["box"] == 0
    np.testing.assert_allclose(own["geometry"].bounds, [36.8, -1.3, 36.805, -1.295])
    pixels = table.loc["train/airport/airport_0/airport_0_3_rgb_crop_1"]  # right half, upper fifth
    np.testing.assert_allclose(pixels["geometry"].bounds, [36.805, -1.292, 36.81, -1.29])
    pairs = table.groupby(["place_id", "sensor"]).size()
    assert len(pairs) == 6 and (pairs == 2).all()


def test_boxes_with_two_digits_pair(tmp_path: Path) -> None:
    for visit in (0, 1):
        for name in (f"zoo_0_{visit}_rgb_crop_10.jpg", f"zoo_0_{visit}_msrgb_crop_0.jpg"):
            picture(tmp_path / "train" / "zoo" / "zoo_0" / name, size=4)
    table = read_fmow(tmp_path, located=False)
    assert (table.groupby(["place_id", "sensor"]).size() == 2).all()


def test_crops_alone_say_what_to_give(tmp_path: Path) -> None:
    root = fmow_crops(tmp_path / "crops")
    with pytest.raises(InputError, match=r"metadata=: it must hold .*airport_0_0_rgb\.json.*located=False"):
        read_fmow(root)
    (tmp_path / "gt").mkdir()
    with pytest.raises(InputError, match=r"has a side-car.*gt \(metadata=\)"):
        read_fmow(root, metadata=tmp_path / "gt")
    with pytest.raises(InputError, match="does not exist"):
        read_fmow(root, metadata=tmp_path / "absent")
    table = read_fmow(root, located=False)
    assert len(table) == 12 and table.geometry.isna().all() and table.crs.to_epsg() == 4326
    assert "captured_at" not in table and table["place_id"].nunique() == 6


def test_sidecars_of_the_challenge_have_no_coordinates(tmp_path: Path) -> None:
    root = fmow(tmp_path / "challenge")
    for path in root.rglob("*.json"):
        rewrite(path, raw_location=None, bounding_boxes=None)
    with pytest.raises(InputError, match="has coordinates in its side-car"):
        read_fmow(root)
    truth = fmow(tmp_path / "truth")
    table = read_fmow(root, metadata=truth)
    assert len(table) == 24 and all(path.startswith(str(root)) for path in table["path"])
    unsplit = read_fmow(root, split="val", metadata=truth / "val")
    assert unsplit.geometry.tolist() == table.loc[table["split"] == "val", "geometry"].tolist()


def test_label_lists(tmp_path: Path) -> None:
    root = fmow(tmp_path)
    names = [f"train/{p.rpartition('_')[0]}/{p}/{p}_{t}_rgb.jpg" for p in PLACES for t in (0, 3)]
    (root / "csvs").mkdir()
    rows = [f"{k % 62},{name}" for k, name in enumerate(names)]
    (root / "csvs" / "train.csv").write_text("\n".join(["label,path", *rows]))
    table = read_fmow(root, csv="csvs/train.csv")
    assert table["label"].tolist() == list(range(6)) and set(table["sensor"]) == {"rgb"}
    assert table["image_id"].tolist() == [name.removesuffix(".jpg") for name in names]
    clusters = read_fmow(root, csv="csvs/train.csv", labels="cluster")
    assert clusters["geo_label"].tolist() == list(range(6)) and clusters["label"].iloc[0] == "airport"
    ignored = read_fmow(root, csv="csvs/train.csv", labels="any")
    assert "geo_label" not in ignored and set(ignored["label"]) == {"airport", "zoo"}
    with pytest.raises(InputError, match="Give one of class, cluster, any"):
        read_fmow(root, csv="csvs/train.csv", labels="place")


def test_label_lists_of_another_machine(tmp_path: Path) -> None:
    root = fmow(tmp_path)
    name = "train/zoo/zoo_0/zoo_0_0_rgb.jpg"
    for before, given in (
        ("/atlas/fmow-rgb", "/atlas/fmow-rgb/"),
        (None, ""),
        (None, f"{root}/"),
        (None, "./"),
    ):
        (root / "a.csv").write_text(f"label,path\n1,{given}{name}\n")
        table = read_fmow(root, csv="a.csv", csv_root=before)
        assert table["place_id"].tolist() == ["train/zoo_0"] and table["label"].tolist() == [1]
    (root / "a.csv").write_text(f"label,path\n1,/atlas/fmow-rgb/{name}\n")
    with pytest.raises(InputError, match=r"Not one picture of .*a\.csv is there.*csv_root"):
        read_fmow(root, csv="a.csv")


def test_bad_rows_of_label_lists(tmp_path: Path) -> None:
    root = fmow(tmp_path)
    name = "train/zoo/zoo_0/zoo_0_{}_rgb.jpg"
    rows = [f"1,{name.format(0)}", f"62,{name.format(3)}", "x,a.jpg", "1,", f"2,{name.format(0)}", "2,b.jpg"]
    (root / "a.csv").write_text("\n".join(["label,path", *rows]))
    told: list[pd.DataFrame] = []
    table = read_fmow(root, csv="a.csv", max_rejected=0.9, on_rejected=told.append)
    assert table["visit"].tolist() == [0]
    assert told[0]["reason"].str.partition(":")[0].tolist() == [
        "the path is empty",
        "the label is no integer",
        "the label is not within 0 to 61",
        "the path stands in the list more than once",
        "there is no such file",
    ]
    for text, message in (
        ("0,train/a.jpg\n1,b.jpg\n", "which is no header"),
        ("label\n1\n", "has one column"),
        ("label,path\n", "has no rows"),
        ("", "no readable label list"),
    ):
        (root / "a.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            read_fmow(root, csv="a.csv")
    with pytest.raises(InputError, match="no readable label list"):
        read_fmow(root, csv="absent.csv")


def test_damaged_sidecars_are_set_aside(tmp_path: Path) -> None:
    root = fmow(tmp_path, endings=("rgb.jpg",))
    folder = root / "train" / "airport" / "airport_0"
    cases = {
        "train/airport/airport_0/airport_0_0_rgb": ({}, "its side-car cannot be read"),
        "train/airport/airport_0/airport_0_3_rgb": ({"timestamp": "spring"}, "timestamp cannot be read"),
        "train/airport/airport_1/airport_1_0_rgb": ({"raw_location": "POLYGON (("}, "no polygon"),
        "train/airport/airport_1/airport_1_3_rgb": ({"raw_location": None}, "no raw_location"),
        "train/zoo/zoo_0/zoo_0_0_rgb": ({"epsg": "32637"}, "is in EPSG:32637"),
        "val/airport/airport_0/airport_0_0_rgb": ({"raw_location": "POINT (1 2)"}, "no polygon"),
        "val/airport/airport_0/airport_0_3_rgb": (
            {"raw_location": "POLYGON ((0 0, 0 0, 0 0, 0 0))"},
            "(0, 0) stands for a missing position",
        ),
        "val/airport/airport_1/airport_1_0_rgb": (
            {"raw_location": "POLYGON ((nan 1, 2 1, 2 2, nan 2, nan 1))"},
            "no polygon",
        ),
        "val/airport/airport_1/airport_1_3_rgb": ({"raw_location": ring(200, 10)}, "out of range"),
    }
    for name, (changes, _) in cases.items():
        rewrite(root / f"{name}.json", **changes)
    (folder / "airport_0_0_rgb.json").write_text("{")
    (root / "train/zoo/zoo_0/zoo_0_3_rgb.json").unlink()
    picture(root / "train" / "zoo" / "thumbnail.jpg", size=4)
    told: list[pd.DataFrame] = []
    table = read_fmow(root, max_rejected=0.95, on_rejected=told.append)
    assert set(table["image_id"]) == {f"val/zoo/zoo_0/zoo_0_{t}_rgb" for t in (0, 3)}
    reasons = dict(zip(told[0]["row"], told[0]["reason"]))
    for name, (_, reason) in cases.items():
        assert reason in reasons[name], name
    assert reasons["train/zoo/zoo_0/zoo_0_3_rgb"].startswith("has no side-car")
    assert reasons["train/zoo/thumbnail.jpg"] == "the name is none of an fMoW picture"
    with pytest.raises(TooManyRejectedError, match=r"11 of 13"):
        read_fmow(root)


def test_a_box_that_the_sidecar_lacks(tmp_path: Path) -> None:
    root = fmow_crops(tmp_path / "crops", metadata=tmp_path / "gt")
    picture(root / "train" / "zoo" / "zoo_0" / "zoo_0_0_rgb_crop_7.jpg", size=4)
    told: list[pd.DataFrame] = []
    table = read_fmow(root, metadata=tmp_path / "gt", on_rejected=told.append)
    assert len(table) == 12
    assert told[0]["reason"].tolist() == ["its side-car has no box 7: it has 2"]


def test_a_place_across_the_antimeridian(tmp_path: Path) -> None:
    root = fmow(tmp_path, endings=("rgb.jpg",))
    across = "POLYGON ((179.99 -18, -179.99 -18, -179.99 -17.98, 179.99 -17.98, 179.99 -18))"
    for path in (root / "train" / "airport" / "airport_1").glob("*.json"):
        rewrite(path, raw_location=across)
    table = read_fmow(root)
    shape = table.loc[table["place_id"] == "train/airport_1", "geometry"].iloc[0]
    assert shape.geom_type == "MultiPolygon" and shape.area == pytest.approx(0.02 * 0.02)
    assert shape.bounds[0] == -180 and shape.bounds[2] == 180


def test_swapped_coordinates_are_refused(tmp_path: Path) -> None:
    for k in range(3):
        folder = tmp_path / "train" / "zoo" / f"zoo_{k}"
        path = picture(folder / f"zoo_{k}_0_rgb.jpg", size=4)
        path.with_suffix(".json").write_text(json.dumps(sidecar((-18.0, 178.0 - k))))
    with pytest.raises(TableError, match="swapped"):
        read_fmow(tmp_path)
    with pytest.raises(TableError, match="swapped"):
        read_fmow(fmow(tmp_path / "b", endings=("rgb.jpg",)), extent=(-20, 0, 50, 180))


def test_the_test_set_has_numbers_for_names(tmp_path: Path) -> None:
    for visit in (0, 1):
        path = picture(tmp_path / "test" / "0012345" / f"0012345_{visit}_rgb.jpg", size=4)
        content = sidecar((2.3, 48.8), bounding_boxes=[{"ID": 1, "box": [0, 0, 9, 9]}])
        path.with_suffix(".json").write_text(json.dumps(content))
    table = read_fmow(tmp_path)
    assert table["place_id"].tolist() == ["test/0012345"] * 2 and set(table["split"]) == {"test"}
    assert "label" not in table


def test_another_layout_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_fmow(tmp_path / "absent")
    with pytest.raises(InputError, match=r"is a file\. Give the root folder"):
        read_fmow(geotiff(tmp_path / "a" / "one.tif"))
    with pytest.raises(InputError, match=r"Not one name in .* is one of fMoW"):
        read_fmow(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="There is no picture"):
        read_fmow(tmp_path / "empty")
