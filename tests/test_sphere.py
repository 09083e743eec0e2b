"""Chords and arcs of the sphere, and places as unit vectors."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.sphere import EARTH_RADIUS_M, arc_m, chord, unit_vectors


def test_corners_of_the_sphere():
    corners = unit_vectors([[0, 0], [90, 0], [180, 0], [-180, 0], [17, 90], [0, -90]])
    expected = [[1, 0, 0], [0, 1, 0], [-1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]]
    np.testing.assert_allclose(corners, expected, atol=1e-15)
    assert unit_vectors(np.empty((0, 2))).shape == (0, 3) and unit_vectors(np.zeros((4, 5, 2))).shape == (
        4,
        5,
        3,
    )


def test_a_quarter_and_half_of_the_globe():
    quarter = np.pi / 2 * EARTH_RADIUS_M
    np.testing.assert_allclose(chord([0, quarter, 2 * quarter, 9 * quarter]), [0, np.sqrt(2), 2, 2])
    np.testing.assert_allclose(arc_m([0, np.sqrt(2), 2, 2 + 1e-9]), [0, quarter, 2 * quarter, 2 * quarter])
    east, pole = unit_vectors([[90, 0], [0, 90]])
    np.testing.assert_allclose(arc_m(np.linalg.norm(east - pole)), quarter)


@given(st.floats(0, 1.9e7))
def test_arc_and_chord_undo_each_other(metres):
    np.testing.assert_allclose(arc_m(chord(metres)), metres, rtol=1e-7, atol=1e-6)


@given(st.tuples(st.floats(-180, 180), st.floats(-90, 90)))
def test_vectors_have_length_one_whatever_turn_the_longitude_is_on(place):
    vector = unit_vectors([place])
    np.testing.assert_allclose(np.linalg.norm(vector), 1, rtol=1e-14)
    np.testing.assert_allclose(unit_vectors([(place[0] + 360, place[1])]), vector, atol=1e-13)
