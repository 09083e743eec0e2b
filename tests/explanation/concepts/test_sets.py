"""Concept sets from folders, class masks and polygons."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.explanation.concepts import (
    class_shares,
    concept_folders,
    concepts_by_shares,
    flair_images,
    flair_rules,
    polygon_shares,
)


def write_mask(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = values.shape
    profile = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "height": height, "width": width}
    profile |= {"crs": "EPSG:2154", "transform": rasterio.Affine(0.2, 0, 0, 0, -0.2, 0)}
    with rasterio.open(path, "w", **profile) as target:
        target.write(values, 1)
    return path


def test_folders(tmp_path):
    for name in ("water/a.jpg", "water/deep/b.PNG", "city/c.tif", "chance/d.jpg", "city/notes.txt", "e.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    table = concept_folders(tmp_path, others="chance")
    assert table["concept"].tolist() == ["", "city", "water", "water"]
    assert table["image_id"].tolist() == ["chance/d", "city/c", "water/a", "water/deep/b"]
    assert table["zone"].tolist()[-1] == "water/deep"
    with pytest.raises(InputError, match="has the folders chance, city, water"):
        concept_folders(tmp_path, others="other")
    with pytest.raises(InputError, match="no folder with pictures"):
        concept_folders(tmp_path / "water" / "deep")
    with pytest.raises(InputError, match="is no folder"):
        concept_folders(tmp_path / "nothing")


def test_shares_of_a_flair_mask(tmp_path):
    values = np.full(262144, 19, np.uint8)
    values[:20000], values[20000:160000], values[160000:170000] = 1, 2, 3
    path = write_mask(tmp_path / "labels/D004/Z1/msk/MSK_1.tif", values.reshape(512, 512))
    shares = class_shares([path])
    assert (shares[1] + shares[3]).item() == pytest.approx(0.114440918, abs=1e-9)
    assert shares[2].item() == pytest.approx(0.534057617, abs=1e-9)
    rules = pd.DataFrame(
        {"concept": "park", "classes": ["1+3", "2"], "at_least": [0.1, 0.5], "at_most": [1.0, 1.0]}
    )
    found = concepts_by_shares(shares, rules)
    assert found.to_dict("list") == {"concept": ["park"], "path": [str(path)]}
    assert concepts_by_shares(shares, rules.assign(at_least=[0.12, 0.5])).empty


def test_all_rules_of_a_concept_hold_together():
    shares = pd.DataFrame({1: [0.1, 0.2, 0.3], 5: [0.5, 0.1, 0.0]}, index=pd.Index(list("abc"), name="path"))
    rules = pd.DataFrame(
        {"concept": ["x", "x", "y"], "classes": ["1", "5", "1 + 5 + 9"], "at_least": [0.15, 0.05, 0.3],
         "at_most": 1.0}
    )  # fmt: skip
    found = concepts_by_shares(shares, rules)
    assert found.to_numpy().tolist() == [["x", "b"], ["y", "a"], ["y", "b"], ["y", "c"]]
    with pytest.raises(MissingColumnError, match="no column at_most"):
        concepts_by_shares(shares, rules.drop(columns="at_most"))
    with pytest.raises(InputError, match="the smaller first"):
        concepts_by_shares(shares, rules.assign(at_least=1.5))


def test_the_rules_are_a_table_to_edit(tmp_path):
    flair_rules().to_csv(tmp_path / "rules.csv", index=False)
    read = pd.read_csv(tmp_path / "rules.csv")
    assert read["concept"].nunique() == 7
    shares = pd.DataFrame({3: [0.7], 1: [0.05]}, index=pd.Index(["a"], name="path"))
    assert concepts_by_shares(shares, read)["concept"].tolist() == ["impervious_surface"]


def test_flair_names():
    table = flair_images(["labels/D004/Z1_NN/msk/MSK_000001.tif"])
    assert table["path"].item() == "aerial/D004/Z1_NN/img/IMG_000001.tif"
    assert table["zone"].item() == "D004/Z1_NN" and table.index.name == "mask"


def test_masks_that_cannot_be_read(tmp_path):
    good = write_mask(tmp_path / "good.tif", np.ones((4, 4), np.uint8))
    bad = write_mask(tmp_path / "bad.tif", np.ones((4, 4), np.float32))
    (tmp_path / "worse.tif").write_bytes(b"none")
    with pytest.raises(InputError, match="class ids are 0 to 65535"):
        class_shares([bad])
    set_aside = []
    shares = class_shares([good, bad, tmp_path / "worse.tif"], on_rejected=set_aside.append)
    assert shares.index.tolist() == [str(good)] and len(set_aside[0]) == 2
    assert list(set_aside[0]) == ["row", "column", "reason"]


def tiles():
    boxes = shapely.box([10, 10.1, 20], 50, [10.1, 10.2, 20.1], 50.1)
    return gpd.GeoDataFrame({"image_id": list("abc")}, geometry=boxes, crs=4326)


def test_shares_of_polygons():
    shapes = gpd.GeoDataFrame(
        {"use": ["park", "park", "water"]},
        geometry=[shapely.box(10, 50, 10.15, 50.1), shapely.box(10.05, 50, 10.15, 50.1),
                  shapely.box(10.1, 50, 10.125, 50.1)],
        crs=4326,
    )  # fmt: skip
    shares = polygon_shares(tiles(), shapes.to_crs(3857), column="use")
    assert np.allclose(shares.loc["a"], [1, 0], atol=1e-9)  # overlapping parks count once
    assert np.allclose(shares.loc["b"], [0.5, 0.25], atol=1e-9)
    assert np.allclose(shares.loc["c"], 0)
    rules = pd.DataFrame({"concept": ["park"], "classes": ["park"], "at_least": [0.5], "at_most": [1.0]})
    assert concepts_by_shares(shares, rules)["image_id"].tolist() == ["a", "b"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 0.09)] * 2, *[st.floats(0.01, 0.1)] * 2), min_size=1, max_size=5))
def test_shares_lie_between_nothing_and_all(boxes):
    left, low, width, height = np.transpose(boxes)
    shapes = gpd.GeoDataFrame(
        {"use": "x"}, index=range(len(boxes)), crs=4326,
        geometry=shapely.box(10 + left, 50 + low, 10 + left + width, 50 + low + height),
    )  # fmt: skip
    share = polygon_shares(tiles(), shapes, column="use").loc["a", "x"]
    inside = shapely.intersection(shapely.union_all(shapes.geometry), tiles().geometry[0])
    assert 0 <= share <= 1 and share == pytest.approx(inside.area / 0.01, abs=2e-3)


def test_what_has_no_place():
    shapes = gpd.GeoDataFrame({"use": ["x"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    with pytest.raises(MissingCRSError, match="no CRS"):
        polygon_shares(tiles().set_crs(None, allow_override=True), shapes, column="use")
    with pytest.raises(MissingColumnError, match="no column 'kind'"):
        polygon_shares(tiles(), shapes, column="kind")
    with pytest.raises(InputError, match="Street photos have none"):
        polygon_shares(tiles().set_geometry(tiles().representative_point()), shapes, column="use")
