"""Boxes and tiles cover the ground that is asked for, each once."""

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.tables import tile_bounds
from geolivelihood.tables.mapillary.boxes import boxes_of, in_rectangle, quarters, rectangles, tiles_of


def around(*lonlat, window_deg=0.1, radius_m=None, crs=4326):
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*np.array(lonlat, dtype=float).T), crs=crs)
    return rectangles(points, window_deg=window_deg, radius_m=radius_m)


def box(*edges):
    return rectangles(edges, window_deg=0.1, radius_m=None)


def area(boxes):
    return ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sum()


def test_a_window_on_the_grid_needs_as_many_boxes_as_the_specification_counts():
    """A window of 0.2 degrees is 22.2 boxes of 0.009 wide: 23 by 23 = 529 where it starts on the grid."""
    corner = np.array([36.81, -1.305])
    boxes = boxes_of(around(corner + 0.1))
    assert len(boxes) == 529
    assert np.allclose(boxes[:, 2:] - boxes[:, :2], 0.009)


def test_overlapping_windows_list_no_ground_twice():
    one, both = boxes_of(around((36.82, -1.29))), boxes_of(around((36.82, -1.29), (36.83, -1.29)))
    assert len(one) < len(both) < 1.2 * len(one)
    assert len(np.unique(both, axis=0)) == len(both)


def test_antimeridian():
    boxes = boxes_of(box(179.991, 0.0, -179.991, 0.009))
    assert boxes.tolist() == [[-180.0, 0.0, -179.991, 0.009], [179.991, 0.0, 180.0, 0.009]]
    assert len(boxes_of(box(0.0, 0.0, 0.009, 0.009))) == 1
    tiles = tiles_of(box(179.99, 0.001, -179.99, 0.002))
    assert tiles[:, 1].tolist() == [0, 2**14 - 1]
    assert tiles_of(box(179.99, 0.001, 180.0, 0.002))[:, 1].tolist() == [2**14 - 1]


def test_around_a_pole_a_radius_takes_all_longitudes():
    assert around((10.0, 89.95), radius_m=20_000)[0, 2] - around((10.0, 89.95), radius_m=20_000)[0, 0] > 359.9
    west, south, east, north = around((10.0, 60.0), radius_m=11_119.5)[0]
    assert (10 - west, east - 10) == pytest.approx((0.2, 0.2), abs=1e-3)
    assert (60 - south, north - 60) == pytest.approx((0.1, 0.1), abs=1e-6)


def test_quarters_share_the_ground():
    parts = quarters(np.array([[36.81, -1.305, 36.819, -1.296]]))
    assert len(parts) == 4 and area(parts) == pytest.approx(0.009**2)
    assert parts[:, :2].min(axis=0).tolist() == [36.81, -1.305]


def test_tiles_are_fewer_than_boxes():
    window = around((36.82, -1.29))
    tiles = tiles_of(window)
    assert 100 <= len(tiles) <= 130
    bounds = tile_bounds(*tiles.T)
    assert bounds[:, 0].min() <= window[0, 0] and bounds[:, 3].max() >= window[0, 3]


@pytest.mark.parametrize(
    "edges",
    [
        (1, 2, 3),
        (1, 2, 1, 3),
        (0, 5, 1, 4),
        (0, -91, 1, 0),
        (-1.3, 36.7, -1.2, 136.9),
        (0, 0, np.nan, 1),
        "here",
    ],
)
def test_boxes_that_are_none(edges):
    with pytest.raises((InputError, ValueError)):
        rectangles(edges, window_deg=0.1, radius_m=None)


def test_clusters_that_have_no_place():
    with pytest.raises(MissingCRSError):
        around((1, 2), crs=None)
    with pytest.raises(InputError, match="1 have no point"):
        around((1, 2), (np.nan, 3))


@settings(max_examples=60, deadline=None)
@given(st.floats(-180, 180), st.floats(-85, 84.9), st.floats(1e-4, 0.05), st.integers(0, 2**32 - 1))
def test_every_place_lies_in_one_box_and_in_one_tile(west, south, size, seed):
    east = (west + size + 180) % 360 - 180
    rectangle = box(west, south, east, south + size)
    inside = np.random.default_rng(seed).uniform(0.001, 0.999, (20, 2)) * size
    places = np.stack([(west + inside[:, 0] + 180) % 360 - 180, south + inside[:, 1]], axis=1)
    assert in_rectangle(places, rectangle[0]).all()
    for boxes in (boxes_of(rectangle), tile_bounds(*tiles_of(rectangle).T)):
        assert (boxes[:, 0] >= -180).all() and (boxes[:, 2] <= 180).all()
        west_, south_, east_, north_ = boxes.T
        held = (places[:, :1] >= west_) & (places[:, :1] <= east_)
        held &= (places[:, 1:] >= south_ - 1e-9) & (places[:, 1:] <= north_ + 1e-9)
        assert (held.sum(axis=1) >= 1).all()
