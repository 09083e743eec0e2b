import doctest

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cut_tree, linkage
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.graphs.neighbours import geodesic_m
from geolivelihood.validation import (
    BlockKFold,
    KNNDMKFold,
    RandomKFold,
    fold_distances,
    knndm,
    prediction_distances,
    wasserstein,
)

BASES = np.array([[0, 0], [10, 1], [5, 9]], dtype=float)
OFFSETS = np.array([[0, 0], [1, 0], [0, 1.5], [1.2, 1.7]])
PLACES = np.concatenate([base + s * OFFSETS for base, s in zip(BASES, (1, 1.1, 1.2), strict=True)])
GRID = np.stack(np.meshgrid(np.arange(0, 11, 2), np.arange(0, 11, 2)), -1).reshape(-1, 2).astype(float)


def fold_of(splits, n):
    fold = np.full(n, -1)
    for k, (_, test) in enumerate(splits):
        fold[test] = k
    return fold


@pytest.fixture
def towns(rng):
    """Surveyed places in 12 towns of different size, longitude and latitude."""
    centre, size = rng.uniform([30, -5], [38, 3], (12, 2)), rng.integers(5, 40, 12)
    return np.repeat(centre, size, axis=0) + rng.normal(0, 0.15, (size.sum(), 2))


@pytest.fixture
def land(rng):
    return rng.uniform([29, -6], [39, 4], (2000, 2))


def test_examples_in_the_docstrings():
    assert doctest.testmod(knndm).failed == 0


def test_folds_of_the_specification():
    splitter = KNNDMKFold(3, targets=GRID, metric="euclidean")
    found = [test.tolist() for _, test in splitter.split(PLACES)]
    assert found == [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11]]
    assert (splitter.n_clusters_, splitter.random_) == (6, False)
    assert splitter.wasserstein_ == pytest.approx(1.224149, abs=1e-6)


@pytest.mark.parametrize(
    ("fold", "expected"), [(np.arange(12) % 3, 1.493429), (np.arange(12) // 4, 6.082510)]
)
def test_other_folds_of_the_specification(fold, expected):
    wanted = prediction_distances(PLACES, GRID, metric="euclidean")
    found = wasserstein(fold_distances(PLACES, fold, metric="euclidean"), wanted)
    assert found == pytest.approx(expected, abs=1e-6)


def test_wasserstein_of_the_specification():
    assert wasserstein([1, 1, 4], [1, 2, 3]) == pytest.approx(0.666667, abs=1e-6)


def test_distances_along_the_ground(towns, land):
    away = geodesic_m(land[:, None], towns[None])
    np.testing.assert_allclose(prediction_distances(towns, land), away.min(axis=1), rtol=1e-9)
    fold = np.arange(len(towns)) % 2
    between = np.where(fold[:, None] == fold, np.inf, geodesic_m(towns[:, None], towns[None]))
    np.testing.assert_allclose(fold_distances(towns, fold), between.min(axis=1), rtol=1e-9)


def test_folds_beyond_the_remembered_neighbours(rng, monkeypatch):
    points, fold = rng.normal(size=(200, 2)), rng.integers(0, 3, 200)
    whole = fold_distances(points, fold, metric="euclidean")
    monkeypatch.setattr(knndm, "_NEIGHBOURS", 2)
    np.testing.assert_array_equal(fold_distances(points, fold, metric="euclidean"), whole)


def test_matched_folds_are_nearer_the_map_than_random_or_blocks(towns, land):
    splitter = KNNDMKFold(5, targets=land)
    fold = fold_of(splitter.split(towns), len(towns))
    assert set(fold) == set(range(5)) and np.bincount(fold).max() <= 0.5 * len(towns)
    wanted = prediction_distances(towns, land)
    assert splitter.wasserstein_ == pytest.approx(wasserstein(fold_distances(towns, fold), wanted))
    for other in (RandomKFold(5), BlockKFold(5, resolution=3)):
        missed = wasserstein(fold_distances(towns, fold_of(other.split(towns), len(towns))), wanted)
        assert splitter.wasserstein_ < 0.5 * missed


def test_a_map_of_the_surveyed_land_takes_random_folds(rng):
    places, targets = rng.uniform(30, 35, (300, 2)), rng.uniform(30, 35, (3000, 2))
    splitter = KNNDMKFold(4, targets=targets, random_state=7)
    found = list(splitter.split(places))
    assert splitter.random_ and splitter.n_clusters_ == 300
    for (_, test), (_, drawn) in zip(found, RandomKFold(4, random_state=7).split(places), strict=True):
        np.testing.assert_array_equal(test, drawn)
    fold = fold_of(found, 300)
    expected = wasserstein(fold_distances(places, fold), prediction_distances(places, targets))
    assert splitter.wasserstein_ == pytest.approx(expected)


def test_points_of_any_crs_across_the_antimeridian(towns, land):
    shift = np.array([145.0, 0])
    plain = KNNDMKFold(4, targets=land)
    fold = fold_of(plain.split(towns), len(towns))
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*towns.T), crs=4326).to_crs(3857)
    from_frame = KNNDMKFold(4, targets=gpd.GeoSeries(gpd.points_from_xy(*land.T), crs=4326))
    np.testing.assert_array_equal(fold_of(from_frame.split(points), len(towns)), fold)
    moved = KNNDMKFold(4, targets=land + shift)
    list(moved.split(towns + shift))
    assert moved.wasserstein_ == pytest.approx(plain.wasserstein_, rel=1e-6)
    with pytest.raises(MissingCRSError):
        plain.split(points.set_crs(None, allow_override=True))


def test_serves_scikit_learn(towns, land):
    y = towns.sum(axis=1)
    splitter = KNNDMKFold(3, targets=land)
    np.testing.assert_allclose(cross_val_predict(LinearRegression(), towns, y, cv=splitter), y)
    assert splitter.get_n_splits() == 3
    assert repr(splitter) == "KNNDMKFold(n_splits=3, targets=2000 places)"


def test_cuts_are_those_of_the_tree(rng):
    points = rng.normal(size=(60, 3))
    tree = linkage(points, "ward")
    for q in (1, 3, 17, 58, 60):
        found, expected = knndm._cut(tree, q), cut_tree(tree, q).ravel()
        assert len(np.unique(found)) == q
        assert len(pd.Series(found).groupby(expected).unique()) == q
        assert pd.Series(found).groupby(expected).nunique().eq(1).all()


def test_large_groups_are_folds_of_their_own():
    group = np.repeat([0, 1, 2, 3], [6, 1, 3, 2])
    position = np.array([5.0, -1.0, 0.0, 1.0])[group]
    fold = knndm._dealt_along(position, group, 3)
    assert [fold[group == g][0] for g in range(4)] == [0, 1, 2, 1]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(12, 60), n_splits=st.integers(2, 6))
def test_every_place_is_tested_once(seed, n, n_splits):
    rng = np.random.default_rng(seed)
    places = np.repeat(rng.normal(size=(-(-n // 3), 2)), 3, axis=0)[:n] + rng.normal(0, 0.01, (n, 2))
    splitter = KNNDMKFold(n_splits, targets=rng.normal(size=(50, 2)), metric="euclidean", max_share=0.6)
    found = list(splitter.split(places))
    assert sorted(np.concatenate([test for _, test in found])) == list(range(n))
    assert all(len(test) and len(train) + len(test) == n for train, test in found)
    assert max(len(test) for _, test in found) <= 0.6 * n
    assert splitter.wasserstein_ >= 0


def test_the_unit_scales_w(rng):
    towns = np.repeat(rng.uniform(0, 100, (6, 2)), 8, axis=0) + rng.normal(0, 1, (48, 2))
    land = rng.uniform(0, 100, (500, 2))
    metres, kilometres = (KNNDMKFold(3, targets=land * s, metric="euclidean") for s in (1000, 1))
    a, b = fold_of(metres.split(towns * 1000), 48), fold_of(kilometres.split(towns), 48)
    np.testing.assert_array_equal(a, b)
    assert metres.wasserstein_ == pytest.approx(1000 * kilometres.wasserstein_)


def test_coincident_places(land):
    towns = np.repeat([[30.0, 0.0], [33.0, 1.0], [36.0, 2.0], [34.0, -4.0]], 10, axis=0)
    splitter = KNNDMKFold(4, targets=land)
    fold = fold_of(splitter.split(towns), 40)
    assert not splitter.random_ and set(fold) == set(range(4))
    alone = wasserstein(np.zeros(40), prediction_distances(towns, land))
    assert splitter.wasserstein_ < alone


def test_no_folds_within_the_share(towns, land):
    n = len(towns) // 3 * 3 - 1
    with pytest.raises(InputError, match="No grouping keeps every fold"):
        KNNDMKFold(3, targets=land, max_share=1 / 3).split(towns[:n])


@pytest.mark.parametrize(
    ("options", "places", "reason"),
    [
        ({"n_splits": 1}, PLACES, "number of folds from 2"),
        ({"n_splits": 11}, PLACES, "n_splits=11 with 12 places"),
        ({"max_share": 0.1}, PLACES, "max_share=0.1"),
        ({"metric": "cosine"}, PLACES, "'haversine'.*'euclidean'"),
        ({"targets": np.empty((0, 2))}, PLACES, "There are no places"),
        ({"targets": np.ones((4, 3)), "metric": "euclidean"}, PLACES, "2 coordinates, targets 3"),
        ({"metric": "euclidean"}, np.where(PLACES == 10, np.nan, PLACES), "finite numbers of shape"),
        ({}, PLACES * [1, 20], "no places in degrees"),
        ({}, PLACES[:1], "with 1 places"),
    ],
)
def test_bad_input(options, places, reason):
    with pytest.raises(InputError, match=reason):
        KNNDMKFold(**{"n_splits": 3, "targets": GRID} | options).split(places)


def test_bad_folds():
    for fold in (np.zeros(12), np.arange(3)):
        with pytest.raises(InputError, match="of two folds or more"):
            fold_distances(PLACES, fold)


def test_seats_of_brazil(shared_data):
    """Municipalities crowd the coast: a map of all the land is matched by coarser folds than random ones."""
    table = pd.read_csv(shared_data / "brazil" / "municipalities_1991_2000_2010.csv").query("year == 2010")
    seats = table[["longitude", "latitude"]].dropna().sample(2000, random_state=0).to_numpy()
    box = np.stack(np.meshgrid(np.arange(-70, -40, 0.5), np.arange(-25, -2, 0.5)), -1).reshape(-1, 2)
    splitter = KNNDMKFold(5, targets=box)
    fold = fold_of(splitter.split(seats), 2000)
    assert not splitter.random_
    wanted = prediction_distances(seats, box)
    drawn = fold_of(RandomKFold(5).split(seats), 2000)
    assert splitter.wasserstein_ < 0.6 * wasserstein(fold_distances(seats, drawn), wanted)
    assert np.bincount(fold).max() <= 1000
