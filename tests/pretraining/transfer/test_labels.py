import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import CRS as ProjCRS

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.pretraining.transfer.labels import boxes_of, label_scenes, mask_of
from geolivelihood.pretraining.transfer.scenes import Scene

from .squares import CRS, NORTH_UP, ROTATED, ground


def scene(name="a", transform=NORTH_UP, side=20):
    return Scene(name, f"{name}.tif", ProjCRS(CRS), transform, side, side, (1, 2, 3), "uint8")


def labels(boxes, transform=NORTH_UP, **columns):
    shapes = ground(transform, np.array(boxes))
    return gpd.GeoDataFrame({"class": ["roof"] * len(boxes)} | columns, geometry=shapes, crs=CRS)


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED])
@pytest.mark.parametrize("crs", [CRS, "EPSG:4326"])
def test_labels_of_any_crs_in_pixels_of_any_grid(transform, crs):
    table = labels([[2, 3, 6, 9]], transform, image_id=["a"]).to_crs(crs)
    found = label_scenes([scene(transform=transform)], table)
    np.testing.assert_allclose(boxes_of(found.shapes[0]), [[2, 3, 6, 9]], atol=1e-4)
    assert found.codes[0].tolist() == [1] and found.classes == ("roof",) and found.total == 1


def test_labels_without_an_image_belong_to_every_scene_that_they_meet():
    beside = scene("b", NORTH_UP @ Affine.translation(20, 0))
    found = label_scenes([scene(), beside], labels([[15, 2, 25, 6], [1, 1, 4, 4]]))
    assert boxes_of(found.shapes[0]).round(6).tolist() == [[15, 2, 20, 6], [1, 1, 4, 4]]
    assert boxes_of(found.shapes[1]).round(6).tolist() == [[0, 2, 5, 6]]
    assert not len(found.rejected)


def test_scenes_without_labels_are_background():
    found = label_scenes([scene(), scene("b")], labels([[1, 1, 4, 4]], image_id=["a"]))
    assert [len(shapes) for shapes in found.shapes] == [1, 0]
    assert boxes_of(found.shapes[1]).shape == (0, 4)
    assert not mask_of(found.shapes[1], found.codes[1], (0, 0, 20, 20)).any()


def test_labels_that_cannot_be_used_are_set_aside():
    table = labels(
        [[1, 1, 4, 4], [1, 1, 4, 4], [30, 30, 40, 40], [5, 5, 5, 9], [1, 1, 2, 2]],
        image_id=["a", "other", "a", "a", "a"],
    )
    table.loc[4, "geometry"] = shapely.Polygon()
    found = label_scenes([scene()], table)
    assert found.total == 1
    reasons = dict(zip(found.rejected["row"], found.rejected["reason"]))
    assert reasons == {
        "1": "the picture is not in the table of images",
        "2": "the label lies outside its picture",
        "3": "the label has no area",
        "4": "the label has no shape",
    }


def test_classes_of_a_model_keep_their_codes():
    table = labels([[1, 1, 4, 4], [5, 5, 9, 9], [10, 10, 12, 12]], image_id=["a"] * 3)
    table["class"] = ["tank", "roof", "tree"]
    assert label_scenes([scene()], table).codes[0].tolist() == [2, 1, 3]
    found = label_scenes([scene()], table, classes=("tree", "roof"))
    assert found.codes[0].tolist() == [2, 1]
    assert found.rejected["reason"].tolist() == ["'tank' is no class of the model"]


def test_nothing_to_learn():
    with pytest.raises(
        InputError, match=r"Not one of 1 labels.*lies in these pictures, so all is background"
    ):
        label_scenes([scene()], labels([[1, 1, 4, 4]], image_id=["b"]))
    with pytest.raises(InputError, match="so all is background"):
        label_scenes([scene()], labels([[1, 1, 4, 4]]).iloc[:0])
    with pytest.raises(InputError, match="class 'background'"):
        label_scenes([scene()], labels([[1, 1, 4, 4]]).assign(**{"class": "background"}))
    with pytest.raises(MissingColumnError, match="column 'class'"):
        label_scenes([scene()], labels([[1, 1, 4, 4]]).drop(columns="class"))
    with pytest.raises(MissingCRSError, match="The labels have no CRS"):
        label_scenes([scene()], labels([[1, 1, 4, 4]]).set_crs(None, allow_override=True))


def test_masks_of_windows_with_later_labels_on_top():
    shapes = np.array([shapely.box(2, 2, 8, 8), shapely.box(5, 5, 8, 8), shapely.box(90, 90, 99, 99)])
    mask = mask_of(shapes, np.array([1, 2, 3]), (4, 4, 6, 6))
    expected = np.zeros((6, 6), np.uint8)
    expected[:4, :4], expected[1:4, 1:4] = 1, 2
    np.testing.assert_array_equal(mask, expected)


def test_labels_with_a_repeated_index_are_no_trouble():
    table = labels([[1, 1, 4, 4], [5, 5, 9, 9]], image_id=["a", "b"])
    table.index = [7, 7]
    found = label_scenes([scene(), scene("b")], table)
    assert [len(shapes) for shapes in found.shapes] == [1, 1]
