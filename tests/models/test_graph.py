from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.graphs import cluster_graphs
from geolivelihood.models import GraphClassifier, GraphRegressor, load, save, take
from geolivelihood.models.targets import balanced, learnable_targets

SMALL = {"hidden": 16, "max_epochs": 25, "batch_size": 64, "device": "cpu", "learning_rate": 0.01}


def clusters(rng, count=240):
    """Clusters whose label is the mean of the first feature of their photos plus log1p of their number."""
    graphs, y = [], []
    for size in rng.integers(1, 9, count):
        x = rng.normal(size=(size, 3)) + rng.normal(size=3)
        source, target = np.indices((size, size)).reshape(2, -1)
        graphs.append(
            Data(
                x=torch.tensor(x, dtype=torch.float32),
                edge_index=torch.tensor(np.stack([source, target])),
                edge_weight=torch.ones(size * size),
            )
        )
        y.append(x[:, 0].mean() + np.log1p(size))
    return graphs, np.array(y)


@pytest.fixture(scope="module")
def data():
    return clusters(np.random.default_rng(0))


@pytest.fixture(scope="module")
def model(data):
    X, y = data
    return GraphRegressor(**SMALL).fit(X[:200], 100 + 50 * y[:200])


def test_learns_the_mean_and_the_number_in_the_targets_unit(data, model):
    X, y = data
    error = 100 + 50 * y[200:] - model.predict(X[200:])
    assert 1 - (error**2).mean() / (50**2 * y[200:].var()) > 0.8
    assert min(model.history_.validation_loss) < model.history_.validation_loss[0]


def test_the_same_seed_gives_the_same_predictions(data, model):
    X, y = data
    torch.manual_seed(123)
    again = clone(model).fit(X[:200], 100 + 50 * y[:200])
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_inputs_are_left_as_they_were(data, model):
    X, _ = data
    before = X[0].x.clone(), X[0].edge_weight.clone()
    model.predict(X[:1])
    assert torch.equal(before[0], X[0].x)
    assert torch.equal(before[1], X[0].edge_weight)


def test_graphs_without_nodes_are_dropped_with_a_warning_and_predicted_as_nan(data, caplog):
    X, y = data
    empty = Data(x=torch.full((2, 3), torch.nan), edge_index=torch.zeros(2, 0, dtype=torch.long))
    fitted = GraphRegressor(**SMALL | {"max_epochs": 1}).fit([*X[:30], empty], [*y[:30], 5.0])
    assert "1 of 31 graphs have no node" in caplog.text
    assert np.isnan(fitted.predict([empty, X[0]])).tolist() == [True, False]
    with pytest.raises(InputError, match="at least 2"):
        GraphRegressor(**SMALL).fit([X[0], empty], [1.0, 2.0])


@pytest.mark.parametrize("pooling", ["embed", "mean"])
def test_other_poolings_groups_and_weights_run(pooling, data):
    X, y = data
    fitted = GraphRegressor(pooling=pooling, **SMALL | {"max_epochs": 2})
    fitted.fit(X[:60], y[:60], np.ones(60), groups=np.arange(60) // 6)
    assert np.isfinite(fitted.predict(X[:5])).all()


def test_tiny_and_constant_targets_work(data):
    X, _ = data
    constant = GraphRegressor(**SMALL | {"max_epochs": 3}).fit(X[:50], np.full(50, 4.0))
    assert np.abs(constant.predict(X[:50]) - 4).max() < 1
    two = GraphRegressor(**SMALL | {"max_epochs": 1}).fit([X[0], X[1]], [1.0, 2.0])
    assert np.isfinite(two.predict(X[:3])).all()


def test_classes_with_their_own_names(data):
    X, y = data
    names = np.where(y > np.median(y), "rich", "poor")
    fitted = GraphClassifier(**SMALL).fit(X[:200], names[:200])
    shares = fitted.predict_proba(X[200:])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert fitted.classes_.tolist() == ["poor", "rich"]
    assert (fitted.predict(X[200:]) == names[200:]).mean() > 0.75
    empty = Data(x=torch.full((1, 3), torch.nan), edge_index=torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(InputError, match="1 graphs have no node"):
        fitted.predict([empty])


def several(y, rng):
    """Two targets that share what the graphs show, with gaps, and a third one that nobody asked."""
    both = np.column_stack([100 + 50 * y, -2 * y, np.full(len(y), np.nan)])
    both[rng.random(len(y)) < 0.4, 1] = np.nan
    return both


def test_one_network_learns_several_targets_with_gaps(data, rng, caplog):
    X, y = data
    labels = several(y, rng)
    fitted = GraphRegressor(**SMALL).fit(X[:200], labels[:200])
    assert "predicted as NaN: 2" in caplog.text
    found = fitted.predict(X[200:])
    assert found.shape == (40, 3)
    assert np.isnan(found[:, 2]).all()
    for column, truth in enumerate((100 + 50 * y[200:], -2 * y[200:])):
        assert 1 - ((found[:, column] - truth) ** 2).mean() / truth.var() > 0.75
    assert fitted.predict([]).shape == (0, 3)


def test_labels_of_weight_0_are_as_good_as_missing(data, rng):
    X, y = data
    labels = several(y, rng)[:60, :2]
    options = SMALL | {"max_epochs": 2}
    weight = np.ones(60)
    weight[:5] = 0.0
    spoilt = labels.copy()
    spoilt[:5] = 1e6
    empty = labels.copy()
    empty[:5] = labels[5]
    ones = [GraphRegressor(**options).fit(X[:60], some, weight).predict(X) for some in (spoilt, empty)]
    np.testing.assert_array_equal(*ones)


def test_a_target_with_few_labels_counts_as_much_as_one_with_many(data):
    _, y = data
    few = np.column_stack([y, np.where(np.arange(len(y)) % 8, np.nan, -y)])
    weights = np.ones(len(y))
    target, learned = learnable_targets(few, weights=weights)
    share = balanced(~np.isnan(target) * weights[:, None])
    np.testing.assert_allclose(share.sum(axis=0), share.sum() / 2)
    assert learned.tolist() == [True, True]


def test_one_column_is_one_target(data):
    X, y = data
    options = SMALL | {"max_epochs": 2}
    flat = GraphRegressor(**options).fit(X[:60], y[:60]).predict(X)
    column = GraphRegressor(**options).fit(X[:60], y[:60, None]).predict(X)
    np.testing.assert_allclose(column, flat[:, None], rtol=1e-6)


def test_unsure_labels_count_less(data, rng):
    X, y = data
    se = np.where(np.arange(240) % 2, 0.01, 30.0)
    noisy = y + rng.normal(size=240) * se
    trusting, knowing = (
        GraphRegressor(**SMALL).fit(X[:200], noisy[:200], se=given).predict(X[200:])
        for given in (None, se[:200])
    )
    errors = [((found - y[200:]) ** 2).mean() for found in (trusting, knowing)]
    assert errors[1] < 0.3 * errors[0]
    with pytest.raises(InputError, match="se must hold"):
        GraphRegressor(**SMALL).fit(X[:20], y[:20], se=-np.ones(20))
    both = np.column_stack([y, y])[:60]
    found = GraphRegressor(**SMALL | {"max_epochs": 1}).fit(X[:60], both, se=np.ones((60, 2))).predict(X)
    assert np.isfinite(found).all()


def test_survey_weights_reach_loss_scale_and_validation(data):
    """Rows of weight 0 may say anything: scale, loss and chosen epoch stay as they are."""
    X, y = data
    weight = np.where(np.arange(100) % 3, 1.0, 0.0)
    wild = np.where(weight > 0, y[:100], 1e4)
    tame, spoilt = (
        GraphRegressor(**SMALL | {"max_epochs": 4}).fit(X[:100], t, weight) for t in (y[:100], wild)
    )
    assert tame.target_scale_ == spoilt.target_scale_
    assert tame.history_ == spoilt.history_
    np.testing.assert_array_equal(tame.predict(X), spoilt.predict(X))
    twice = GraphRegressor(**SMALL | {"max_epochs": 1}).fit(X[:100], y[:100], 1 + weight)
    assert twice.target_scale_.mean == pytest.approx(np.average(y[:100], weights=1 + weight))


def photo_clusters(rng, sizes):
    n = sum(sizes)
    images = gpd.GeoDataFrame(
        {"image_id": np.arange(n).astype(str), "cluster_id": np.repeat(np.arange(len(sizes)), sizes)},
        geometry=gpd.points_from_xy(*rng.uniform(0, 0.1, (2, n))),
        crs="EPSG:4326",
    )
    return images, pd.DataFrame(rng.normal(size=(n, 4)).astype(np.float32), index=images["image_id"])


def test_a_cluster_without_photos_with_one_and_with_5000(rng):
    sizes = [5000, 1, *rng.integers(1, 6, 30)]
    images, features = photo_clusters(rng, sizes)
    nothing = Data(x=torch.full((1, 4), torch.nan), edge_index=torch.zeros(2, 0, dtype=torch.long))
    graphs = [*cluster_graphs(images, features, edges="knn", max_photos=None), nothing]
    y = rng.normal(size=len(graphs))
    fitted = GraphRegressor(**SMALL | {"max_epochs": 2}).fit(graphs[1:-1], y[1:-1])
    found = fitted.predict(graphs)
    assert np.isnan(found).tolist() == [False] * 32 + [True]
    capped = cluster_graphs(images, features, edges="exponential")
    assert capped[0].num_nodes == 200
    assert np.isfinite(fitted.fit(capped, y[:-1]).predict(capped)).all()


def test_graphs_made_when_asked_for_train_the_same_model(rng):
    images, features = photo_clusters(rng, rng.integers(1, 6, 40))
    graphs = cluster_graphs(images, features, edges="exponential")
    y = rng.normal(size=40)
    lazy, listed = (
        GraphRegressor(**SMALL | {"max_epochs": 2}).fit(some, y).predict(some)
        for some in (graphs, list(graphs))
    )
    np.testing.assert_array_equal(lazy, listed)
    assert type(take(graphs, [3, 1])) is type(graphs)


@pytest.mark.parametrize("targets", [None, 3])
def test_saved_and_loaded_it_predicts_the_same(data, targets, rng, tmp_path):
    X, y = data
    labels = y if targets is None else several(y, rng)
    fitted = GraphRegressor(**SMALL | {"max_epochs": 1}).fit(X[:60], labels[:60])
    again = load(save(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_an_indicator_that_nobody_asked(data):
    X, _ = data
    with pytest.raises(InputError, match="60 of 60 targets are NaN"):
        GraphRegressor(**SMALL).fit(X[:60], np.full(60, np.nan))
    with pytest.raises(InputError, match="None of the 2 targets"):
        GraphRegressor(**SMALL).fit(X[:60], np.full((60, 2), np.nan))


def test_bad_input(data, model):
    X, y = data
    wide = Data(x=torch.zeros(1, 7), edge_index=torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(InputError, match="7 features per node but the model was fitted with 3"):
        model.predict([wide])
    with pytest.raises(InputError, match="NaN"):
        GraphRegressor().fit(X[:3], [1, np.nan, 2])
    with pytest.raises(InputError, match="0 rows"):
        GraphRegressor().fit([], [])
    with pytest.raises(InputError, match="1 rows"):
        GraphRegressor().fit(X[:1], y[:1])
    assert model.predict([]).shape == (0,)
    assert len(take(X, [3, 1])) == 2
