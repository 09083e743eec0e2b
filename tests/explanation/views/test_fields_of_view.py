"""Fields of view by every rule, and which rule comes first."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.explanation.views import calibrated_fov, fields_of_view, film_fov, sensor_fov


def one(**columns):
    return fields_of_view(pd.DataFrame({name: [value] for name, value in columns.items()}, index=["a"])).loc[
        "a"
    ]


@pytest.mark.parametrize(
    ("columns", "degrees", "source"),
    [
        ({"fov": 80.0, "is_pano": True}, 80, "fov"),
        ({"fov": 0.0}, 65, "default"),
        ({"fov": 400.0}, 65, "default"),
        ({"projection": "Spherical"}, 360, "projection"),
        ({"camera_type": "equirectangular"}, 360, "projection"),
        ({"is_pano": True}, 360, "projection"),
        ({"is_pano": False}, 65, "default"),
        ({"projection": "equirectangular", "width": 1000, "FullPanoWidthPixels": 4000}, 90, "projection"),
        ({"camera_parameters": [0.85, 0, 0], "width": 4000, "height": 3000}, 60.931090, "camera_parameters"),
        ({"camera_parameters": [0.85], "width": 3000, "height": 4000}, 47.611887, "camera_parameters"),
        ({"camera_parameters": "[0.85, 0, 0]", "width": 3, "height": 4}, 47.611887, "camera_parameters"),
        ({"camera_parameters": "?", "width": 3000, "height": 4000}, 65, "default"),
        ({"camera_parameters": [None, 0, 0], "width": 3000, "height": 4000}, 65, "default"),
        ({"camera_parameters": [0, 0, 0], "width": 3000, "height": 4000}, 65, "default"),
        ({"FocalLengthIn35mmFilm": 35, "width": 4000, "height": 3000}, 52.622545, "FocalLengthIn35mmFilm"),
        (
            {"FocalLengthIn35mmFilm": 35, "width": 4000, "height": 3000, "Orientation": 6},
            40.695273,
            "FocalLengthIn35mmFilm",
        ),
        ({"FocalLengthIn35mmFilm": 0, "width": 4000, "height": 3000}, 65, "default"),
        (
            {"FocalLength": 10.2, "FocalPlaneXResolution": 6497, "width": 4000, "height": 3000},
            74.945236,
            "FocalLength",
        ),
        ({"FocalLength": 10.2, "width": 4000, "height": 3000}, 65, "default"),
        ({}, 65, "default"),
    ],
)
def test_rules_in_their_order(columns, degrees, source):
    found = one(**{"image_id": "a"} | columns)
    assert found["fov"] == pytest.approx(degrees, abs=1e-6) and found["fov_source"] == source


def test_film_uses_the_diagonal():
    got = film_fov([35, 35, 26, 0], width=[4, 3, 4, 4], height=[3, 4, 3, 3])
    np.testing.assert_allclose(got, [52.622545, 40.695273, 67.298667, np.nan], atol=1e-6)
    by_width = 2 * np.degrees(np.arctan(36 / 70))
    assert by_width == pytest.approx(54.432223, abs=1e-6) and got[0] != pytest.approx(by_width, abs=1)


def test_calibrated_lenses():
    parameters = [[0.85, 0, 0], [0.85, 0, 0], [0.6, -0.1, 0.02]]
    got = calibrated_fov(parameters, width=[4000, 3000, 4000], height=[3000, 4000, 3000])
    np.testing.assert_allclose(got, [60.931090, 47.611887, 83.544239], atol=1e-6)


def test_a_distortion_that_never_reaches_the_edge_is_left_out():
    # x(1 - x²) rises to 0.385 and no further
    got = calibrated_fov([0.6, -1.0, 0.0], width=4000, height=3000)
    np.testing.assert_allclose(got, 2 * np.degrees(np.arctan(0.5 / 0.6)))
    got = calibrated_fov([0.2, -1.0, 0.0], width=4000, height=3000, fisheye=True)
    np.testing.assert_allclose(got, 2 * np.degrees(0.5 / 0.2))


@given(st.floats(0.3, 2), st.floats(-0.3, 0.5), st.floats(-0.1, 0.2), st.booleans())
def test_the_edge_is_where_the_ray_goes(focal, k1, k2, fisheye):
    degrees = calibrated_fov([focal, k1, k2], width=4, height=3, fisheye=fisheye)[0]
    half = np.radians(degrees / 2)
    x = half if fisheye else np.tan(half)
    there = focal * x * (1 + k1 * x**2 + k2 * x**4)
    grid = np.linspace(0, np.pi if fisheye else np.tan(1.57), 20_001)
    height = focal * grid * (1 + k1 * grid**2 + k2 * grid**4)
    falls = np.flatnonzero(np.diff(height) < 0)
    if height[: falls[0] + 1 if len(falls) else None].max() > 0.5 + 1e-6:
        assert there == pytest.approx(0.5, abs=1e-9)
    assert 0 < degrees <= 360


def test_sensor_units_and_zoom():
    assert sensor_fov(10.2, width=4000, resolution=6497) == pytest.approx(74.945236, abs=1e-6)
    same = sensor_fov(10.2, width=4000, resolution=6497 / 2.54, unit=3, zoom=0)
    assert same == pytest.approx(74.945236, abs=1e-6)
    double = sensor_fov(10.2, width=4000, resolution=6497, zoom=2)
    assert double == pytest.approx(sensor_fov(20.4, width=4000, resolution=6497))
    assert np.isnan(sensor_fov(10.2, width=4000, resolution=6497, unit=1234))


def test_one_field_of_view_for_a_whole_provider_is_a_placeholder():
    table = pd.DataFrame(
        {
            "fov": [125.0] * 6 + [90.0] * 5 + [91.0],
            "source": ["KartaView"] * 6 + ["Mapillary"] * 6,
            "sequence_id": list("abcdefabcdef"),
            "FocalLengthIn35mmFilm": [np.nan] * 5 + [35] + [np.nan] * 6,
            "width": 4,
            "height": 3,
        }
    )
    found = fields_of_view(table)
    assert found["fov_source"].tolist() == ["default"] * 5 + ["FocalLengthIn35mmFilm"] + ["fov"] * 6
    assert found["fov"].tolist()[:5] == [125.0] * 5
    one_drive = table.assign(sequence_id="a", source="own")
    assert fields_of_view(one_drive)["fov_source"].eq("fov").all()
    known = fields_of_view(table.assign(sequence_id="a", FocalLengthIn35mmFilm=np.nan))
    assert known["fov_source"].tolist() == ["default"] * 6 + ["fov"] * 6


def test_real_street_photos(shared_data):
    photos = pd.read_csv(shared_data / "street" / "points.csv").rename(columns={"hFoV": "fov"})
    photos = photos.rename(columns={"projection_type": "projection"})
    found = fields_of_view(photos)
    assert found["fov_source"][photos["source"].eq("KartaView")].eq("default").all()
    assert found["fov"][photos["projection"].eq("spherical")].eq(360).all()
    assert set(found["fov_source"]) == {"default", "fov", "projection"}


def test_bad_input():
    with pytest.raises(InputError, match="f, k1, k2"):
        calibrated_fov([1.0, 2.0], width=4, height=3)


def test_nothing():
    assert fields_of_view(pd.DataFrame({"fov": []})).empty
