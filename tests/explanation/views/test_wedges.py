"""Wedges: the rings of the specification, and geometry that holds everywhere."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from geolivelihood.explanation.views import wedge_polygons

GEOD = Geod(ellps="WGS84")


def area(geometry):
    return GEOD.geometry_area_perimeter(geometry)[0]


@pytest.mark.parametrize(
    ("camera", "view", "ring", "square_metres"),
    [
        (
            (32.5825, 0.3476),
            (47, 65, 50),
            [
                (32.5829416, 0.3476824),
                (32.5829011, 0.3478035),
                (32.5828285, 0.3479084),
                (32.5827297, 0.3479886),
                (32.5826125, 0.3480378),
            ],
            1399.145,
        ),
        (
            (13.195, 55.698),
            (350, 70, 100),
            [
                (13.1956721, 55.6988140),
                (13.1952076, 55.6988905),
                (13.1947238, 55.6988845),
                (13.1942656, 55.6987967),
                (13.1938754, 55.6986351),
            ],
            6014.116,
        ),
    ],
)
def test_rings_of_four_segments(camera, view, ring, square_metres):
    heading, fov, range_m = view
    wedge = wedge_polygons(*camera, heading=heading, fov=fov, range_m=range_m, segments=4)[0]
    np.testing.assert_allclose(shapely.get_coordinates(wedge), [camera, *ring, camera], atol=5.1e-8)
    assert area(wedge) == pytest.approx(square_metres, abs=1e-3)


def test_ring_at_the_antimeridian():
    wedge = wedge_polygons(179.9998, -16.8, heading=90, fov=60, range_m=50, segments=4)[0]
    west, east = sorted(wedge.geoms, key=lambda part: part.bounds[0])
    expected = [
        (-179.9997938, -16.8002259),
        (-179.9997469, -16.8001169),
        (-179.9997309, -16.8),
        (-179.9997469, -16.7998831),
        (-179.9997938, -16.7997741),
        (-180, -16.7998888),
        (-180, -16.8001112),
    ]
    for point in expected:
        assert shapely.distance(shapely.Point(point), shapely.MultiPoint(west.exterior.coords)) < 2e-7
    assert east.bounds == pytest.approx((179.9998, -16.8001112, 180, -16.7998888), abs=1e-7)
    assert area(west) + area(east) == pytest.approx(1294.095, abs=2e-3)
    assert west.exterior.is_ccw and east.exterior.is_ccw


@pytest.mark.parametrize(("fov", "range_m", "points"), [(65, 50, 11), (65, 100, 15), (360, 50, 50)])
def test_segments_keep_the_chord_near_the_arc(fov, range_m, points):
    wedge = wedge_polygons(10, 50, heading=0, fov=fov, range_m=range_m)[0]
    assert len(wedge.exterior.coords) - 1 == points


@settings(max_examples=200)
@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(0, 360), st.floats(1, 400), st.floats(0.05, 100))
def test_wedges_anywhere(lon, lat, heading, fov, range_m):
    wedge = wedge_polygons(lon, lat, heading=heading, fov=fov, range_m=range_m)[0]
    assert wedge.is_valid and (np.abs(shapely.get_coordinates(wedge)[:, 0]) <= 180).all()
    assert all(part.exterior.is_ccw for part in shapely.get_parts(wedge))
    whole = np.pi * range_m**2 * min(fov, 360) / 360
    if range_m > 1:
        assert area(wedge) == pytest.approx(whole, rel=0.14)


def test_many_at_once_are_the_same_as_one_by_one():
    rng = np.random.default_rng(0)
    lon, lat, heading = rng.uniform(-180, 180, 40), rng.uniform(-60, 60, 40), rng.uniform(0, 360, 40)
    fov = rng.choice([5.0, 65.0, 200.0, 360.0], 40)
    together = wedge_polygons(lon, lat, heading=heading, fov=fov)
    alone = [wedge_polygons(*row[:2], heading=row[2], fov=row[3])[0] for row in zip(lon, lat, heading, fov)]
    assert shapely.equals_exact(together, alone).all()
    assert len(wedge_polygons([], [], heading=[], fov=[])) == 0
