"""Pixels to bearings and ranges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.explanation.views import ground_position, horizontal_bearing

PHOTO = {"width": 1024, "height": 768, "heading": 350, "fov": 65}
ROWS = [384, 400, 450, 500, 600, 768]


@pytest.mark.parametrize(
    ("column", "height_m", "pitch", "expected"),
    [
        (512, 2.0, 0.0, [np.inf, 100.4599, 24.3539, 13.8565, 7.4415, 4.1858]),
        (128, 2.5, 0.0, [np.inf, 139.1727, 33.7388, 19.1962, 10.3091, 5.7989]),
        (512, 2.0, 2.0, [57.2725, 36.4515, 17.0387, 11.1009, 6.5240, 3.8357]),
    ],
)
def test_range_of_rows(column, height_m, pitch, expected):
    found = ground_position(column, ROWS, **PHOTO, camera_height_m=height_m, pitch=pitch)
    np.testing.assert_allclose(found.range_m, expected, atol=5e-5)
    if pitch == 0:
        bearing = horizontal_bearing(column, width=1024, heading=350, fov=65)
        np.testing.assert_allclose(found.bearing, bearing)


def test_above_the_horizon_is_infinitely_far():
    assert np.isinf(ground_position([0, 512], [10, 383.9], **PHOTO).range_m).all()


def test_a_panorama_looks_down_by_its_rows():
    found = ground_position(512, [200, 256, 384, 512], **PHOTO | {"height": 512}, panorama=True)
    np.testing.assert_allclose(found.range_m, [np.inf, np.inf, 2.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.bearing, 350)


def test_a_degree_of_pitch_at_twenty_metres():
    v = 384 + 803.679015 * 2 / 20
    ranges = [ground_position(512, v, **PHOTO, pitch=pitch).range_m - 20 for pitch in (1, -1)]
    np.testing.assert_allclose(ranges, [-3.0, 4.3], atol=0.05)


def test_cropped_panorama():
    # a quarter of the whole, cut out a quarter from the left: it looks from 260 to 350 degrees
    cut = {"width": 256, "full_width": 1024, "left": 256}
    got = horizontal_bearing([0, 128, 256], heading=350, fov=90, panorama=True, **cut)
    np.testing.assert_allclose(got, [260, 305, 350])


@given(
    st.floats(1, 1023),
    st.floats(390, 768),
    st.floats(0, 360),
    st.floats(20, 140),
    st.floats(-5, 20),
    st.floats(0.5, 4),
)
def test_what_is_seen_from_the_ground_falls_on_the_pixel_again(u, v, heading, fov, pitch, height_m):
    options = {"width": 1024, "height": 768, "heading": heading, "fov": fov}
    found = ground_position(u, v, **options, pitch=pitch, camera_height_m=height_m)
    if not np.isfinite(found.range_m) or found.range_m > 1e4:
        return
    turn, tilt = np.radians(found.bearing - heading), np.radians(pitch)
    right, ahead = found.range_m * np.sin(turn), found.range_m * np.cos(turn)
    depth = ahead * np.cos(tilt) + height_m * np.sin(tilt)
    drop = height_m * np.cos(tilt) - ahead * np.sin(tilt)
    focal = 512 / np.tan(np.radians(fov / 2))
    np.testing.assert_allclose([512 + focal * right / depth, 384 + focal * drop / depth], [u, v], atol=1e-3)


def test_bad_input():
    with pytest.raises(InputError, match="metres above the ground"):
        ground_position(1, 1, **PHOTO, camera_height_m=0)
    with pytest.raises(InputError, match="A panorama has no pitch"):
        ground_position(1, 1, **PHOTO, panorama=True, pitch=1)
