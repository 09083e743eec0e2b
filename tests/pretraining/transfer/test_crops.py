import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.crops import cropped_boxes, random_crops
from geolivelihood.pretraining.transfer.scenes import Scene


def scene(width, height):
    return Scene("a", "a.tif", CRS("EPSG:3857"), Affine.identity(), width, height, (1, 2, 3), "uint8")


@settings(deadline=None, max_examples=30)
@given(st.integers(20, 200), st.integers(20, 200), st.integers(5, 40), st.integers(1, 12), st.integers(0, 99))
def test_crops_lie_inside_and_hardly_overlap(width, height, size, count, seed):
    crops = random_crops([scene(width, height)], size=size, per_image=count, seed=seed)
    assert 1 <= len(crops.corner) <= count
    assert (crops.corner >= 0).all()
    assert (crops.corner <= np.maximum([width - size, height - size], 0)).all()
    apart = np.abs(crops.corner[:, None] - crops.corner[None])
    shared = np.maximum(size - apart, 0).prod(axis=2) / size**2
    np.fill_diagonal(shared, 0)
    assert (shared < 0.25).all()


def test_a_hundred_crops_of_an_xview_scene():
    crops = random_crops([scene(3200, 3000)] * 2, size=416, per_image=100, seed=3)
    counts = np.bincount(crops.scene)
    assert (counts > 45).all()  # so many fit with so little overlap
    again = random_crops([scene(3200, 3000)] * 2, size=416, per_image=100, seed=3)
    np.testing.assert_array_equal(crops.corner, again.corner)
    other = random_crops([scene(3200, 3000)] * 2, size=416, per_image=100, seed=4)
    assert crops.corner[:5].tolist() != other.corner[:5].tolist()


def test_where_everything_may_overlap_all_crops_come():
    assert len(random_crops([scene(50, 50)], size=40, per_image=30, max_overlap=1).corner) == 30


def test_a_scene_smaller_than_a_crop_has_one():
    assert random_crops([scene(30, 20)], size=40, per_image=5).corner.tolist() == [[0, 0]]


@pytest.mark.parametrize("options", [{"size": 0}, {"per_image": 0}, {"max_overlap": 0.0}])
def test_options_out_of_range(options):
    with pytest.raises(InputError, match="at least 1 pixel"):
        random_crops([scene(9, 9)], **({"size": 4, "per_image": 1} | options))


def test_boxes_are_clipped_and_small_remains_dropped():
    boxes = np.array(
        [
            [12, 22, 16, 26],  # inside
            [5, 20, 15, 30],  # half inside
            [0, 20, 12, 30],  # a sixth inside
            [11, 11, 19, 21],  # a stripe of one pixel
            [40, 40, 50, 50],  # elsewhere
            [10, 20, 20, 30],  # all of the crop
        ],
        dtype=float,
    )
    clipped, kept = cropped_boxes(boxes, [10, 20], size=10)
    assert kept.tolist() == [0, 1, 5]
    assert clipped.tolist() == [[2, 2, 6, 6], [0, 0, 5, 10], [0, 0, 10, 10]]
    assert cropped_boxes(boxes, [10, 20], size=10, least_share=0.0)[1].tolist() == [0, 1, 2, 5]
    assert cropped_boxes(np.zeros((0, 4)), [0, 0], size=10)[0].shape == (0, 4)
