"""Clusters of features, with the vectors of the specification of school mapping."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture

from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.explanation.feature_clusters import (
    FeatureClusters,
    cluster_examples,
    curve_knee,
    embedding_coordinates,
)

X = np.array([[0, 1, 4], [1, 0, 5], [0.5, 1.5, 4.5], [8, 7, 1], [9, 8, 0], [8.5, 6.5, 0.5]])


def groups(rng, sizes=(30, 20, 10), d=20):
    centres = 8 * np.eye(d)[: len(sizes)]
    return np.vstack([rng.normal(size=(n, d)) + centre for n, centre in zip(sizes, centres)])


def test_the_vectors():
    found = FeatureClusters(scaling="minmax", components=None, choices=[2, 3]).fit(X)
    assert found.k_ == 2 and found.labels_.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.allclose(
        found.silhouette_,
        [0.861045193, 0.841973834, 0.874208745, 0.853857417, 0.848573754, 0.874476415],
        atol=1e-9,
    )
    first = found.curve_.iloc[0]
    assert first["silhouette"] == pytest.approx(0.859022560)
    assert first["inertia"] == pytest.approx(0.088804012, abs=1e-9)
    ratios = FeatureClusters(scaling="minmax", components=3, k=2).fit(X).pipeline_[-1]
    expected = [0.985850342, 0.010001922, 0.004147737]
    assert np.allclose(ratios.explained_variance_ratio_, expected, atol=1e-9)


def test_the_knee():
    assert curve_knee([100, 60, 35, 25, 20, 17, 15, 14]) == (2, pytest.approx(0.470099668, abs=1e-9))
    with pytest.raises(InputError, match="at least three"):
        curve_knee([3, 2])


@pytest.mark.parametrize(
    ("d", "covariance", "count"),
    [(512, "full", 527_363), (512, "diag", 4_099), (64, "full", 8_579), (64, "diag", 515)],
)
def test_free_parameters_of_a_mixture(d, covariance, count):
    model = GaussianMixture(4, covariance_type=covariance)
    model.means_ = np.zeros((4, d))
    assert model._n_parameters() == count


def test_density_of_a_mixture():
    model = GaussianMixture(2, covariance_type="spherical")
    model.weights_, model.means_ = np.array([0.3, 0.7]), np.array([[0.0], [2.0]])
    model.covariances_ = np.array([1.0, 0.25])
    model.precisions_cholesky_ = 1 / np.sqrt(model.covariances_)
    assert model.score_samples([[0.5]])[0] == pytest.approx(-2.190827411)
    assert np.allclose(model.predict_proba([[0.5]])[0], [0.944514796, 0.055485204])


@pytest.mark.parametrize("method", ["kmeans", "gmm", "spectral", "hdbscan"])
def test_three_groups_are_found_and_new_pictures_join_them(rng, method):
    x = groups(rng)
    options = {"scaling": "none", "components": 5, "min_size": 5, "n_init": 3}
    found = FeatureClusters(method=method, choices=range(2, 6), **options).fit(x)
    assert found.k_ == 3
    inside = found.labels_ >= 0  # HDBSCAN leaves outliers
    expected = np.repeat([0, 1, 2], [30, 20, 10])
    assert inside.mean() > 0.6 and (found.labels_ == expected)[inside].all()  # the largest is number 0
    assert np.array_equal(found.predict(x), expected)
    assert np.nanmin(found.silhouette_) > 0.2
    again = FeatureClusters(**found.get_params()).fit(x)
    assert np.array_equal(again.labels_, found.labels_)


def test_the_curve_tells_what_each_number_would_mean(rng):
    found = FeatureClusters(
        method="gmm", k="bic", choices=range(2, 6), scaling="none", components=4, stability_draws=3
    )
    curve = found.fit(groups(rng)).curve_
    assert list(curve) == ["k", "silhouette", "bic", "aic", "stability"] and found.k_ == 3
    assert curve["stability"].iloc[1] > 0.95 > curve["stability"].iloc[3]


def test_a_number_given_beforehand(rng):
    found = FeatureClusters(k=4, n_init=2).fit(groups(rng))
    assert found.k_ == 4 and found.curve_.empty and found.centres_.shape[0] == 4


def test_noise_has_no_groups(rng):
    found = FeatureClusters(method="hdbscan", components=None, min_size=20).fit(rng.uniform(size=(60, 30)))
    assert found.k_ == 0 and set(found.labels_) == {-1}
    assert set(found.predict(rng.uniform(size=(3, 30)))) == {-1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "optics"}, "choose among kmeans, gmm"),
        ({"scaling": "log"}, "standard, minmax, none"),
        ({"k": "bic"}, "a number, or silhouette"),
        ({"k": 9}, "1 to 6 clusters"),
        ({"choices": [1]}, "Give choices from 2 on"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        FeatureClusters(**options).fit(X)


def test_bad_features():
    with pytest.raises(InputError, match="must be finite"):
        FeatureClusters().fit(X * np.nan)
    with pytest.raises(InputError, match="found with 3"):
        FeatureClusters(k=2).fit(X).predict(X[:, :2])
    with pytest.raises(InputError, match="need at least 3"):
        FeatureClusters(k=1).fit(X[:2])
    with pytest.raises(InputError, match=r"3 pictures.*at least 4"):
        embedding_coordinates(X[:3])
    with pytest.raises(InputError, match="choose 'tsne' or 'umap'"):
        embedding_coordinates(X, method="pca")


def test_coordinates_keep_groups_apart(rng):
    x = groups(rng, d=60)
    spots = embedding_coordinates(x, max_iter=300)
    assert spots.shape == (60, 2) and np.array_equal(spots, embedding_coordinates(x, max_iter=300))
    centre = [spots[:30].mean(axis=0), spots[30:50].mean(axis=0)]
    assert np.linalg.norm(centre[0] - centre[1]) > spots[:30].std(axis=0).max()


@pytest.mark.slow
def test_umap_keeps_groups_apart(rng):
    pytest.importorskip("umap")
    spots = embedding_coordinates(groups(rng), method="umap")
    assert spots.shape == (60, 2) and np.isfinite(spots).all()
    centre = [spots[:30].mean(axis=0), spots[30:50].mean(axis=0)]
    assert np.linalg.norm(centre[0] - centre[1]) > spots[:30].std(axis=0).max()


def test_umap_that_is_not_there_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(EnvironmentMissingError, match=r"umap is not installed.*geolivelihood\[explain\]"):
        embedding_coordinates(X, method="umap")


def test_examples_near_and_far():
    away = np.array([[0.3, 9], [0.1, 9], [0.2, 9], [0.1, 9], [9, 5.0], [0, 0]])
    table = cluster_examples(away, [0, 0, 0, 0, 1, -1], ids=list("abcdef"), n=1)
    assert table.to_numpy().tolist() == [
        [0, "nearest", 0, "b", 0.1], [0, "farthest", 0, "a", 0.3], [1, "nearest", 0, "e", 5.0],
    ]  # fmt: skip
    with pytest.raises(InputError, match="do not fit"):
        cluster_examples(away, [0], ids=list("abcdef"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=30), st.integers(1, 12))
def test_no_picture_is_both_near_and_far(labels, n):
    random = np.random.default_rng(len(labels))
    table = cluster_examples(random.uniform(size=(len(labels), 4)), labels, ids=np.arange(len(labels)), n=n)
    assert table["image_id"].is_unique
    for number in set(labels) - {-1}:
        assert (table["cluster"] == number).sum() == min(labels.count(number), 2 * n)
