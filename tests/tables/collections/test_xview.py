import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.collections.xview import read_xview, read_xview_classes, read_xview_labels

from .layouts import geotiff

PIXEL = 1e-5  # degrees
WEST, NORTH = 36.8, -1.2


def feature(bounds, type_id=73, image="2355.tif"):
    ring = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]  # the published longitudes are not looked at
    properties = {"bounds_imcoords": bounds, "type_id": type_id, "image_id": image, "feature_id": 7}
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def xview(root: Path, features: list | None = None) -> Path:
    """Two labelled scenes of 40 pixels and one of the validation part."""
    for k, name in enumerate(["train_images/2355", "train_images/8", "val_images/9"]):
        grid = from_origin(WEST + k * 0.01, NORTH, PIXEL, PIXEL)
        geotiff(root / f"{name}.tif", crs="EPSG:4326", transform=grid, bands=3, size=9)
    drawn = [feature("1,2,4,6"), feature("0,0,3,3", 11, "8.tif")] if features is None else features
    (root / "xView_train.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": drawn}))
    (root / "xview_class_labels.txt").write_text("11:Fixed-wing Aircraft\n73:Building\n")
    return root


def test_scenes_of_both_splits(tmp_path):
    table = read_xview(xview(tmp_path))
    assert table.set_index("image_id")["split"].to_dict() == {"2355": "train", "8": "train", "9": "val"}
    assert set(table["kind"]) == {"overhead"} and table.crs == "EPSG:4326"
    assert read_xview(tmp_path, split="val")["image_id"].tolist() == ["9"]
    with pytest.raises(InputError, match="split='test': xView has train and val"):
        read_xview(tmp_path, split="test")


def test_boxes_lie_where_they_were_drawn(tmp_path):
    images = read_xview(xview(tmp_path))
    labels = read_xview_labels(tmp_path, images)
    assert labels["class"].tolist() == ["Building", "Fixed-wing Aircraft"]
    expected = [WEST + PIXEL, NORTH - 6 * PIXEL, WEST + 4 * PIXEL, NORTH - 2 * PIXEL]
    np.testing.assert_allclose(labels.geometry.iloc[0].bounds, expected, atol=1e-8)
    assert labels.geometry.iloc[1].bounds[0] == pytest.approx(WEST + 0.01)


def test_boxes_of_a_projected_scene_are_placed_by_its_grid(tmp_path):
    xview(tmp_path, [feature("1,2,4,6")])
    geotiff(tmp_path / "train_images" / "2355.tif", bands=3, size=9)
    labels = read_xview_labels(tmp_path, read_xview(tmp_path, split="train"))
    with rasterio.open(tmp_path / "train_images" / "2355.tif") as source:
        metric = labels.to_crs(source.crs.to_wkt())
    np.testing.assert_allclose(
        metric.geometry.iloc[0].bounds, [250_001, 9_859_994, 250_004, 9_859_998], atol=0.01
    )


def test_what_cannot_be_used_is_set_aside_with_its_reason(tmp_path):
    known_traps = [
        feature("1,2,4,6"),
        feature("1,2,4,6", type_id=75),
        feature("1,2,4,6", type_id=82),
        feature("1,2,4,6", image="1395.tif"),
        feature("4,2,4,6"),
        feature("4,2"),
        feature("20,20,30,30"),
        feature("-5,-5,3,100"),
    ]
    told = []
    images = read_xview(xview(tmp_path, known_traps))
    labels = read_xview_labels(tmp_path, images, on_rejected=told.append)
    assert len(labels) == 2
    counts = told[0]["reason"].str.partition(":")[0].value_counts().to_dict()
    assert counts == {
        "the type has no class": 2,
        "the scene is not among the images": 1,
        "is no box": 2,
        "the box lies outside its scene": 1,
    }
    cut = labels.geometry.iloc[1].bounds
    np.testing.assert_allclose(cut, [WEST, NORTH - 9 * PIXEL, WEST + 3 * PIXEL, NORTH], atol=1e-8)


def test_scenes_without_boxes_stay_among_the_images(tmp_path):
    images = read_xview(xview(tmp_path, [feature("1,2,4,6")]), split="train")
    labels = read_xview_labels(tmp_path, images)
    assert set(images["image_id"]) - set(labels["image_id"]) == {"8"}


def test_a_scene_that_was_cut_off_is_set_aside(tmp_path):
    xview(tmp_path)
    path = tmp_path / "train_images" / "8.tif"
    path.write_bytes(path.read_bytes()[:300])
    told = []
    images = read_xview(tmp_path, max_rejected=0.5, on_rejected=told.append)
    assert set(images["image_id"]) == {"2355", "9"} and "8.tif" in told[0]["row"].iloc[0]


def test_files_that_are_not_there_or_something_else(tmp_path):
    with pytest.raises(InputError, match="has no folder train_images or val_images"):
        read_xview(tmp_path)
    images = read_xview(xview(tmp_path))
    with pytest.raises(InputError, match=r"none.txt, which holds the classes of xView, cannot be read"):
        read_xview_labels(tmp_path, images, classes="none.txt")
    (tmp_path / "bad.geojson").write_text('{"type": "FeatureCollection", "features": [')
    with pytest.raises(InputError, match=r"bad.geojson cannot be read"):
        read_xview_labels(tmp_path, images, labels="bad.geojson")
    gpd.GeoDataFrame({"type_id": [1]}, geometry=gpd.points_from_xy([0], [0])).to_file(
        tmp_path / "other.geojson"
    )
    with pytest.raises(MissingColumnError, match="bounds_imcoords"):
        read_xview_labels(tmp_path, images, labels="other.geojson")
    with pytest.raises(InputError, match=r"Not one label of xView.*the scene is not among the images"):
        read_xview_labels(tmp_path, images[images["split"] == "val"])


def test_a_line_that_names_no_class(tmp_path):
    (tmp_path / "classes.txt").write_text("11:Aircraft\nBuilding\n")
    with pytest.raises(InputError, match="has the line 'Building'"):
        read_xview_classes(tmp_path / "classes.txt")
