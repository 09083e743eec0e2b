import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.scanning import look, ramp, starts
from geolivelihood.pretraining.transfer.scenes import open_scene

from .squares import write_raster


@given(st.integers(1, 500), st.integers(1, 64), st.floats(0, 0.9))
def test_windows_cover_everything_and_overlap_enough(extent, size, overlap):
    first = starts(extent, size=size, overlap=overlap)
    seen = np.zeros(max(extent, size), dtype=int)
    for start in first:
        seen[start : start + size] += 1
    assert (seen[:extent] > 0).all() and first[0] == 0
    assert first[-1] == max(extent - size, 0)
    assert (np.diff(first) <= max(1, round(size * (1 - overlap)))).all()


def test_the_last_window_ends_where_the_raster_ends():
    assert starts(100, size=40, overlap=0.25).tolist() == [0, 30, 60]
    assert starts(101, size=40, overlap=0.25).tolist() == [0, 30, 60, 61]
    assert starts(10, size=40, overlap=0.25).tolist() == [0]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0.2), (8, 1.0), (8, -0.1)])
def test_no_such_windows(size, overlap):
    with pytest.raises(InputError, match="at least 1 pixel"):
        starts(10, size=size, overlap=overlap)


def test_weights_fall_towards_the_edge_and_are_never_nothing():
    weight = ramp(8, overlap=0.5)
    np.testing.assert_allclose(weight, [0.125, 0.375, 0.625, 0.875] * 1 + [0.875, 0.625, 0.375, 0.125])
    assert ramp(8, overlap=0.0).min() == pytest.approx(0.5)


def test_windows_are_read_in_batches_and_empty_ones_left_out(tmp_path):
    pixels = np.arange(1, 65, dtype=np.uint8).reshape(1, 8, 8)
    pixels[:, :, :4] = 0
    scene = open_scene(write_raster(tmp_path / "a.tif", pixels, nodata=0))
    corners = np.array([[0, 0], [4, 0], [4, 4], [2, 4]])
    batches = list(look(scene, corners, size=4, batch_size=2))
    assert [batch.corners.tolist() for batch in batches] == [[[4, 0], [4, 4]], [[2, 4]]]
    np.testing.assert_array_equal(batches[0].pixels[1, 0], pixels[0, 4:, 4:])
    assert np.isnan(batches[1].pixels[0, 0, :, :2]).all()
