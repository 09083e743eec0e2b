import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geolivelihood.pretraining.transfer import outlines
from geolivelihood.pretraining.transfer.outlines import class_polygons

from .squares import NORTH_UP, ROTATED, write_raster

NAMES = ["background", "roof", "tree"]


def codes_file(path, codes, transform=NORTH_UP):
    return write_raster(path, codes[None].astype(np.uint8), transform, nodata=255)


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED])
def test_patches_with_holes_in_the_crs_of_the_raster(tmp_path, transform):
    codes = np.zeros((12, 12))
    codes[2:8, 3:9], codes[4:6, 5:7], codes[10, 10], codes[0, 0] = 1, 255, 2, 255
    found = class_polygons(codes_file(tmp_path / "a.tif", codes, transform), classes=NAMES)
    assert found["class"].tolist() == ["roof", "tree"] and found.crs == "EPSG:32736"
    np.testing.assert_allclose(found.area, [4 * 32, 4], rtol=1e-9)
    np.testing.assert_allclose(found["area_m2"], found.area, rtol=2e-3)  # UTM is off by up to a thousandth
    assert len(found.geometry.iloc[0].interiors) == 1
    corner = shapely.Point(transform @ (3, 2))
    assert found.geometry.iloc[0].exterior.distance(corner) < 1e-6


def test_small_patches_are_left_out(tmp_path):
    codes = np.zeros((12, 12))
    codes[2:8, 3:9], codes[10, 10] = 1, 2
    path = codes_file(tmp_path / "a.tif", codes)
    assert class_polygons(path, classes=NAMES, min_area_m2=10)["class"].tolist() == ["roof"]
    empty = class_polygons(path, classes=NAMES, min_area_m2=1e9)
    assert not len(empty) and list(empty) == ["class", "area_m2", "geometry"] and empty.crs is not None


def test_nothing_but_background(tmp_path):
    found = class_polygons(codes_file(tmp_path / "a.tif", np.zeros((5, 5))), classes=NAMES)
    assert not len(found) and found.crs == "EPSG:32736"


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 100_000))
def test_blocks_do_not_show(tmp_path, seed):
    codes = np.random.default_rng(seed).choice([0, 1, 1, 2, 255], (13, 17))
    path = codes_file(tmp_path / "a.tif", codes)
    whole = class_polygons(path, classes=NAMES)
    before, outlines._BLOCK_PX = outlines._BLOCK_PX, 5
    try:
        pieces = class_polygons(path, classes=NAMES)
    finally:
        outlines._BLOCK_PX = before
    assert len(pieces) == len(whole) and pieces.is_valid.all()
    for name in NAMES[1:]:
        expected, found = (table[table["class"] == name].union_all() for table in (whole, pieces))
        assert found.symmetric_difference(expected).area < 1e-6
    np.testing.assert_allclose(sorted(pieces["area_m2"]), sorted(whole["area_m2"]), rtol=1e-6)
