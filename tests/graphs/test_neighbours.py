import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.graphs import geodesic_m, knn, radius
from geolivelihood.graphs import neighbours as module
from geolivelihood.sphere import chord

RADIUS = 6_371_008.8


def _matrix(points):
    lon, lat = np.radians(np.asarray(points, float)).T
    a = np.sin((lat[:, None] - lat) / 2) ** 2
    a = a + np.cos(lat[:, None]) * np.cos(lat) * np.sin((lon[:, None] - lon) / 2) ** 2
    return 2 * RADIUS * np.arcsin(np.sqrt(np.clip(a, 0, 1)))


@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=25), st.integers(1, 6)
)
@settings(max_examples=60, deadline=None)
def test_nearest_by_haversine(points, k):
    points = np.array(points)
    source, target, distance = knn(points, k=k)
    n, most = len(points), min(k, len(points) - 1)
    assert (source == np.repeat(np.arange(n), most)).all()
    assert (source != target).all()
    matrix = _matrix(points)
    np.fill_diagonal(matrix, np.inf)
    expected = np.sort(matrix, axis=1)[:, :most].ravel()
    np.testing.assert_allclose(distance, expected, rtol=1e-6, atol=0.2)
    pairs = set(zip(source.tolist(), target.tolist()))
    assert len(pairs) == len(source)


def test_many_points_of_uneven_density(rng, monkeypatch):
    crowd = rng.normal(0, 0.01, (21_000, 2)) + np.array([30, 0])
    points = np.concatenate([crowd, rng.uniform(-80, 80, (9, 2))])
    bounded = knn(points, k=5)
    monkeypatch.setattr(module, "_MANY", 1_000_000)
    whole = knn(points, k=5)
    assert (whole.target == bounded.target).all()
    np.testing.assert_allclose(whole.distance_m, bounded.distance_m)


def test_across_the_antimeridian_and_over_the_pole():
    points = np.array([[179.9, 0], [-179.9, 0], [170, 0], [0, 89.9], [180, 89.9], [0, 80]])
    _, target, distance = knn(points, k=1)
    assert target.tolist() == [1, 0, 0, 4, 3, 3]
    assert distance[0] == pytest.approx(np.radians(0.2) * RADIUS, rel=1e-9)
    assert distance[3] == pytest.approx(np.radians(0.2) * RADIUS, rel=1e-9)


def test_coincident_points_are_neighbours_but_not_of_themselves():
    points = np.tile([[10.0, 10.0]], (30, 1))
    source, target, distance = knn(points, k=3)
    assert (source != target).all()
    assert (np.bincount(source) == 3).all()
    np.testing.assert_array_equal(distance, 0)
    assert len(radius(points, distance_m=1.0).source) == 30 * 29


def test_groups_keep_apart(rng):
    points = rng.uniform(0, 1, (60, 2))
    groups = np.repeat([0, 7, 3, 9], [30, 25, 4, 1])
    source, target, _ = knn(points, k=5, groups=groups)
    assert (groups[source] == groups[target]).all()
    assert np.bincount(source, minlength=60).tolist() == [5] * 55 + [3] * 4 + [0]
    for group in (0, 7, 3):
        rows = np.flatnonzero(groups == group)
        alone = knn(points[rows], k=5)
        mine = np.isin(source, rows)
        assert (rows[alone.target] == target[mine]).all()
    near = radius(points, distance_m=40_000, groups=groups)
    assert (groups[near.source] == groups[near.target]).all()


def test_radius_against_all_pairs(rng):
    points = rng.uniform(-1, 1, (80, 2)) + np.array([180, 60])
    source, target, distance = radius(points, distance_m=20_000)
    matrix = _matrix(points)
    np.fill_diagonal(matrix, np.inf)
    expected = np.argwhere(matrix <= 20_000)
    assert (np.column_stack([source, target]) == expected).all()
    np.testing.assert_allclose(distance, matrix[source, target], rtol=1e-6)


def test_isolated_and_lone_places_have_no_links():
    assert len(radius([[0, 0], [90, 0]], distance_m=1000).source) == 0
    assert len(knn([[0, 0]], k=3).source) == 0
    assert len(knn(np.empty((0, 2)), k=3).source) == 0
    assert len(radius([[0, 0]], distance_m=5).source) == 0


def test_chord_of_the_specification():
    assert chord(32_000) == pytest.approx(0.00502275, abs=5e-9)
    assert geodesic_m([0, 0], [0, 0.1]) == pytest.approx(11_119.508, abs=1e-3)


def test_what_is_refused():
    with pytest.raises(InputError, match="k=0"):
        knn([[0, 0], [1, 1]], k=0)
    with pytest.raises(InputError, match="rows 1"):
        knn([[0, 0], [np.nan, 1]], k=1)
    with pytest.raises(InputError, match="rows 0"):
        knn([[0, 100], [1, 1]], k=1)
    with pytest.raises(InputError, match="shape"):
        knn([0, 1, 2], k=1)
    with pytest.raises(InputError, match="positive"):
        radius([[0, 0], [1, 1]], distance_m=-1)
