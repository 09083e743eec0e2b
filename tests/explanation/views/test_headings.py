"""Headings: who is believed first, what is magnetic, and what is no heading at all."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.views import camera_rotation, headings, view_wedges

SOURCES = ["heading", "computed_compass_angle", "compass_angle", "PoseHeadingDegrees", "GPSImgDirection"]


def photos(count=1, lon=None, lat=None, **columns):
    lon = np.full(count, 10.0) if lon is None else lon
    lat = np.full(count, 50.0) if lat is None else lat
    table = {"image_id": [f"p{k}" for k in range(count)], "kind": "street", **columns}
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(lon, lat), crs=4326)


def test_the_first_that_is_there():
    columns = {name: [10.0 * k] for k, name in enumerate(SOURCES, 1)}
    columns["computed_geometry"] = [shapely.Point(10, 50)]
    for k, name in enumerate(SOURCES, 1):
        found = headings(photos(**columns)).iloc[0]
        assert (found["heading"], found["heading_source"], found["flag"]) == (10.0 * k, name, "")
        del columns[name]
    assert headings(photos(**columns)).iloc[0].tolist()[1:] == ["none", "no_heading"]


def test_a_computed_heading_comes_with_its_computed_place_or_not_at_all():
    table = photos(
        2,
        computed_compass_angle=[30.0, 30.0],
        compass_angle=[90.0, 90.0],
        computed_geometry=[shapely.Point(11, 51), None],
    )
    found = headings(table)
    assert found["heading"].tolist() == [30, 90]
    assert found["heading_source"].tolist() == ["computed_compass_angle", "compass_angle"]
    starts = shapely.get_coordinates(shapely.get_point(view_wedges(table).geometry.exterior, 0))
    np.testing.assert_allclose(starts, [[11, 51], [10, 50]])
    given = photos(computed_compass_angle=[30.0], computed_geometry=[shapely.Point(11, 51)], heading=[5.0])
    start = shapely.get_coordinates(shapely.get_point(view_wedges(given).geometry.exterior, 0))
    np.testing.assert_allclose(start, [[10, 50]])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(360, 0), (0, 0), (359.5, 359.5), (-1, None), (361, None), ("N", None), (None, None)],
)
def test_numbers_that_are_none(value, expected):
    found = headings(photos(heading=[value])).iloc[0]
    assert found["heading"] == expected if expected is not None else np.isnan(found["heading"])
    assert (found["flag"] == "no_heading") == (expected is None)


@pytest.mark.parametrize(
    ("reference", "declination", "heading", "flag"),
    [
        ("T", -26.0, 10.0, ""),
        (None, -26.0, 10.0, ""),
        ("M", -26.0, 344.0, ""),
        ("M", 1.6, 11.6, ""),
        ("M", [-26.0], 344.0, ""),
        ("M", None, 10.0, "magnetic"),
        ("m", np.nan, 10.0, "magnetic"),
    ],
)
def test_magnetic_north(reference, declination, heading, flag):
    table = photos(GPSImgDirection=[10.0], GPSImgDirectionRef=[reference])
    found = headings(table, declination=declination).iloc[0]
    assert found["heading"] == pytest.approx(heading) and found["flag"] == flag
    assert found["heading_source"] == "GPSImgDirection"


def test_a_true_heading_is_not_flagged_for_a_magnetic_one_beside_it():
    found = headings(photos(compass_angle=[5.0], heading_magnetic=[10.0])).iloc[0]
    assert found.tolist() == [5.0, "compass_angle", ""]
    found = headings(photos(heading_magnetic=[10.0])).iloc[0]
    assert found.tolist() == [10.0, "heading_magnetic", "magnetic"]


def test_tracks_look_where_they_go_also_across_the_antimeridian():
    table = photos(
        6,
        lon=[179.999, -179.999, -179.997, 10, 10, 20],
        lat=[0, 0, 0, 50, 50, 50],
        sequence_id=["a", "a", "a", "b", "b", None],
        captured_at=pd.to_datetime([0, 1, 2, 0, 1, 0], unit="s", utc=True),
    ).iloc[[2, 0, 5, 1, 4, 3]]
    assert headings(table)["heading"].isna().all()
    found = headings(table, tracks=True)
    np.testing.assert_allclose(found["heading"], [90, 90, np.nan, 90, np.nan, np.nan], atol=1e-6)
    assert found["heading_source"].tolist() == ["track", "track", "none", "track", "none", "none"]


def test_rotation_of_the_specification():
    heading, pitch = camera_rotation([1.522631, -0.662059, 0.628270])
    assert (heading, pitch) == (pytest.approx(46.999991, abs=1e-6), pytest.approx(2.999999, abs=1e-6))


@given(st.floats(0, 359.9), st.floats(-80, 80), st.floats(-60, 60))
def test_rotations_of_any_camera(heading, pitch, roll):
    # from the world: turned to the heading, to the axes right, down, forward, then tipped down and rolled
    turn = Rotation.from_euler("z", heading, degrees=True)
    level = Rotation.from_matrix([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    tip = Rotation.from_euler("x", pitch, degrees=True)
    vector = (Rotation.from_euler("z", roll, degrees=True) * tip * level * turn).as_rotvec()
    got = camera_rotation([vector, vector])
    assert (got[0][0] - heading + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert got[1][1] == pytest.approx(pitch, abs=1e-6)


def test_no_rotation_looks_up():
    assert camera_rotation([0.0, 0.0, 0.0])[1] == -90


def test_bad_input():
    with pytest.raises(InputError, match="one per photo"):
        headings(photos(2), declination=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="-180 to 180"):
        headings(photos(), declination=999)
    with pytest.raises(MissingColumnError, match="sequence_id and captured_at"):
        headings(photos(), tracks=True)
    with pytest.raises(InputError, match="three numbers"):
        camera_rotation([1.0, 2.0])


def test_nothing():
    assert headings(photos(0)).empty
