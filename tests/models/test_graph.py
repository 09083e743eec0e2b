from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.models import GraphClassifier, GraphRegressor, take

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
    assert (fitted.predict(X[200:]) == names[200:]).mean() > 0.8
    empty = Data(x=torch.full((1, 3), torch.nan), edge_index=torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(InputError, match="1 graphs have no node"):
        fitted.predict([empty])


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
