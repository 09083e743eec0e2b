import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.cells.borders import redraw_factor
from geolivelihood.cells.disc import EARTH_RADIUS_M, polygon_mass, project

RURAL = ((0.99, 5000.0), (0.01, 10_000.0))


def _rural(polygon):
    return sum(share * polygon_mass(polygon, radius=radius) for share, radius in RURAL)


def test_vectors_of_the_specification():
    square = shapely.box(-1000, -1000, 1000, 1000)
    assert polygon_mass(square, radius=2000) == pytest.approx(2 * np.arcsinh(1) / np.pi, abs=1e-12)
    assert polygon_mass(square, radius=2000) == pytest.approx(0.561100, abs=5e-7)
    corner = shapely.box(1000, 1000, 2000, 2000)
    assert polygon_mass(corner, radius=2000) == pytest.approx(0.014008, abs=5e-7)
    assert _rural(corner) == pytest.approx(0.015080, abs=5e-7)


@pytest.mark.parametrize(("km", "z"), [(0, 0.5), (1, 0.710035), (2.5, 0.876267), (4, 0.971676), (5, 1.0)])
def test_straight_border(km, z):
    half_plane = shapely.box(-1e6, -1e6, 1e6, 1000 * km)
    assert polygon_mass(half_plane, radius=5000) == pytest.approx(z, abs=5e-7)
    factor = redraw_factor(np.zeros((1, 2)), half_plane, ((1.0, 5000.0),))
    assert factor[0] == pytest.approx(z, abs=5e-7)


def test_a_site_outside_counts_as_on_the_border():
    half_plane = shapely.box(-1e6, -1e6, 1e6, 0)
    factor = redraw_factor(np.array([[0.0, 800.0], [0.0, -9000.0]]), half_plane, ((1.0, 5000.0),))
    np.testing.assert_allclose(factor, [0.5, 1.0], atol=1e-9)


def test_the_mass_falls_as_one_over_r():
    for metres, share in ((5000, 0.995), (2000, 0.398)):
        disc = shapely.Point(0, 0).buffer(metres, quad_segs=2000)
        assert _rural(disc) == pytest.approx(share, abs=1e-5)


@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(100, 4000), st.floats(500, 5000))
@settings(max_examples=50, deadline=None)
def test_parts_add_up_and_holes_are_left_out(x, y, size, radius):
    outer = shapely.box(x, y, x + size, y + size)
    inner = shapely.box(x + size / 4, y + size / 4, x + size / 2, y + size / 2)
    whole = polygon_mass(outer, radius=radius)
    assert -1e-12 <= whole <= 1 + 1e-12
    ring = polygon_mass(outer - inner, radius=radius)
    assert ring + polygon_mass(inner, radius=radius) == pytest.approx(whole, abs=1e-9)
    left, right = shapely.box(x, y, x + size / 3, y + size), shapely.box(x + size / 3, y, x + size, y + size)
    parts = shapely.MultiPolygon([left, right])
    assert polygon_mass(parts, radius=radius) == pytest.approx(whole, abs=1e-9)


def test_the_plane_keeps_distance_and_direction(rng):
    origin = np.array([179.99, -40.0])
    angle, metres = rng.uniform(0, 2 * np.pi, 100), rng.uniform(0, 20_000, 100)
    lat = np.radians(origin[1])
    arc = metres / EARTH_RADIUS_M
    to_lat = np.arcsin(np.sin(lat) * np.cos(arc) + np.cos(lat) * np.sin(arc) * np.cos(angle))
    turn = np.arctan2(np.sin(angle) * np.sin(arc) * np.cos(lat), np.cos(arc) - np.sin(lat) * np.sin(to_lat))
    lon = (origin[0] + np.degrees(turn) + 180) % 360 - 180
    plane = project(np.column_stack([lon, np.degrees(to_lat)]), origin)
    np.testing.assert_allclose(plane[:, 0], metres * np.sin(angle), atol=1e-5)
    np.testing.assert_allclose(plane[:, 1], metres * np.cos(angle), atol=1e-5)
