"""Published edges, counts, votes and baselines: vectors of the specification."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from geolivelihood.errors import InputError
from geolivelihood.models.paper import (
    CountsMLP,
    average_neighbours,
    cluster_vectors,
    coin_flips,
    count_models,
    frobenius,
    inverse_distance,
    majority_vote,
    object_similarity,
    pooled_clusters,
    random_edges,
)
from geolivelihood.models.paper.counts import mlp

KM = 180 / (np.pi * 6371)  # degrees of latitude per kilometre


@pytest.mark.parametrize(
    ("km", "weight"), [(0.1, 0.994973), (1, 0.949726), (5, 0.748629), (10, 0.497258), (25, -0.256855)]
)
def test_edges_by_distance(km, weight):
    found = inverse_distance([[36.8, 0.0], [36.8, km * KM]])
    assert found[0, 1] == pytest.approx(weight, abs=1e-6)
    np.testing.assert_array_equal(np.diag(found), 1)


@pytest.mark.parametrize(
    ("points", "weight"),
    [
        ([[0, 0], [0.1, 0]], 0.440976),
        ([[36.8219, -1.2921], [36.8300, -1.3000]], 0.936757),
    ],
)
def test_edges_between_places(points, weight):
    assert inverse_distance(points)[0, 1] == pytest.approx(weight, abs=1e-6)


def test_random_edges_are_on_all_pairs_and_the_same_for_a_seed():
    found = random_edges(200, seed=(0, 3))
    assert found.shape == (200, 200) and 0 <= found.min() < 0.01 and 0.99 < found.max() < 1
    assert not np.array_equal(found, found.T)
    np.testing.assert_array_equal(found, random_edges(200, seed=(0, 3)))
    assert not np.array_equal(found, random_edges(200, seed=(0, 4)))


def test_object_similarity_is_shared_objects_over_the_largest():
    counts = np.zeros((2, 66))
    counts[0, 3], counts[1, 3], counts[1, 65] = 2, 5, 8
    found = object_similarity(counts)
    assert found.shape == (2, 66, 2)
    np.testing.assert_allclose(found[:, 3], [[2 / 8, 2 / 8], [2 / 8, 5 / 8]])
    np.testing.assert_allclose(found[:, 65], [[0, 0], [0, 1]])
    np.testing.assert_array_equal(object_similarity(np.zeros((2, 66))), 0)
    with pytest.raises(InputError, match="66"):
        object_similarity(np.zeros((2, 65)))


def test_frobenius():
    np.testing.assert_allclose(frobenius([[3, 0], [0, 4]]), [[0.6, 0], [0, 0.8]])
    np.testing.assert_array_equal(frobenius(np.zeros((2, 3))), 0)


def test_cluster_vectors_are_sums_and_a_number_of_photos():
    counts = np.arange(3 * 65).reshape(3, 65)
    found = cluster_vectors(counts, [1, 0, 1], clusters=3)
    assert found.shape == (3, 66)
    np.testing.assert_array_equal(found[1, :65], counts[0] + counts[2])
    assert found[:, 65].tolist() == [1, 2, 0]
    with pytest.raises(InputError, match="one row of counts per photo"):
        cluster_vectors(counts, [0, 1], clusters=2)


def test_published_models_of_counts():
    assert sum(value.numel() for value in mlp().parameters()) == 83_201
    classifiers, regressors = count_models(classes=True), count_models(classes=False)
    assert list(classifiers) == [
        "kNN(3)", "forest 100", "forest 300", "boosting depth 7", "boosting depth 10"
    ]  # fmt: skip
    assert list(regressors)[3:] == ["boosting depth 5", "boosting depth 7"]
    assert [regressors["boosting depth 5"].n_estimators, classifiers["boosting depth 7"].n_estimators] == [
        300,
        100,
    ]


def test_the_perceptron_learns_and_repeats_itself(rng):
    X = rng.poisson(2, (200, 66)).astype(float)
    y = X[:, 0] - X[:, 1]
    model = CountsMLP(epochs=60, batch_size=64).fit(X[:150], y[:150])
    error = ((model.predict(X[150:]) - y[150:]) ** 2).mean()
    assert error < 0.5 * y.var()
    again = CountsMLP(epochs=60, batch_size=64).fit(X[:150], y[:150])
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    with pytest.raises(InputError, match="66"):
        model.predict(X[:, :5])
    with pytest.raises(InputError, match="diverged"):
        CountsMLP(epochs=1).fit(X, 1e30 * y)


def test_vote():
    assert majority_vote([1, 0, 0, 1], [0, 0, 0, 0], clusters=1).tolist() == [1]
    assert majority_vote([0, 1, 1, 0], [0, 0, 0, 0], clusters=1).tolist() == [0]
    assert majority_vote([1, 0, 0], [0, 0, 0], clusters=1).tolist() == [0]
    found = majority_vote([1, 0, np.nan, 1, 0], [2, 0, 1, 0, 2], clusters=4)
    np.testing.assert_array_equal(found, [0, np.nan, 1, np.nan])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.booleans())
def test_neighbours_are_those_of_a_search_among_all_photo_rows(seed, k, classes):
    random = np.random.default_rng(seed)
    places, query = random.uniform(0, 1, (12, 2)), random.uniform(0, 1, (5, 2))
    size = random.integers(1, 9, 12)
    y = random.integers(0, 2, 12).astype(float) if classes else random.normal(size=12)
    found = average_neighbours(places, y, size, query, k=k, classes=classes)
    rows = np.repeat(np.arange(12), size)
    model = (KNeighborsClassifier if classes else KNeighborsRegressor)(min(k, len(rows)))
    expected = model.fit(places[rows], y[rows]).predict(query)
    np.testing.assert_allclose(found, expected)


def test_neighbours_refuse_what_makes_no_sense():
    with pytest.raises(InputError, match="k=0"):
        average_neighbours([[0, 0]], [1.0], [3], [[0, 0]], k=0)
    with pytest.raises(InputError, match="number of photos"):
        average_neighbours([[0, 0]], [1.0], [-1], [[0, 0]])


def test_coins_are_fair_and_seeded():
    flips = coin_flips(4000, seed=1)
    assert set(flips) == {0, 1} and abs(flips.mean() - 0.5) < 0.03
    np.testing.assert_array_equal(flips, coin_flips(4000, seed=1))


def test_pooling_draws_the_same_share_of_each_country():
    train = {"ia": [f"ia_{i}" for i in range(10)], "ke": [f"ke_{i}" for i in range(5)]}
    half = pooled_clusters(train, share=0.5, seed=3)
    assert {country: len(ids) for country, ids in half.items()} == {"ia": 5, "ke": 2}
    assert half["ia"] == pooled_clusters({"ia": train["ia"]}, share=0.5, seed=3)["ia"]
    assert pooled_clusters(train, share=1, seed=0) == train
    with pytest.raises(InputError, match="share=0"):
        pooled_clusters(train, share=0, seed=0)
