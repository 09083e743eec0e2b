"""A linear layer behind a normalisation bears features of any scale."""

import numpy as np
import pytest
from sklearn.base import clone

from geolivelihood.errors import InputError
from geolivelihood.pretraining.normed_probe import (
    NormedProbeClassifier,
    NormedProbeRegressor,
    published_steps,
)
from geolivelihood.pretraining.probes import probe
from geolivelihood.pretraining.schedules import Optimisation


@pytest.fixture
def data(rng):
    X = rng.normal(size=(65, 4))
    return X, X @ [2.0, -1, 0, 0.5]


def test_published_schedule():
    made = published_steps(30.0, 100)
    assert [made.rate(e, epochs=100) for e in (0, 59, 60, 79, 80)] == pytest.approx([30, 30, 3, 3, 0.3])
    assert (made.momentum, made.weight_decay, made.optimiser) == (0.9, 0, "sgd")


def test_scale_of_the_features_changes_nothing(data):
    X, y = data
    names = np.where(y > 0, "rich", "poor")
    model = NormedProbeClassifier(epochs=20, batch_size=16)
    small, large = (clone(model).fit(X * scale, names) for scale in (1.0, 100.0))
    assert small.score(X, names) > 0.95
    # but for the variance that the normalisation adds for stability
    np.testing.assert_allclose(
        small.decision_function(X), large.decision_function(X * 100), rtol=1e-3, atol=1e-3
    )
    assert sum(p.numel() for p in small.network_[0].parameters()) == 0


def test_amounts_out_of_fold_with_the_last_partial_batch(data):
    X, y = data
    adamw = Optimisation("adamw", 0.05, weight_decay=0, schedule="exponential")
    model = NormedProbeRegressor(epochs=40, batch_size=32, optimisation=adamw)
    result = probe(model, X, y, folds=np.arange(65) % 2)
    assert result.scores["r2"] > 0.95 and len(result.prediction) == 65
    one, two = model.fit(X, y), clone(model).fit(X, y)
    assert np.array_equal(one.predict(X), two.predict(X)) and one.losses_[-1] < one.losses_[0]


@pytest.mark.parametrize(
    ("model", "y", "said"),
    [
        (NormedProbeClassifier(), ["a"] * 65, "two classes"),
        (NormedProbeClassifier(epochs=0), list("ab") * 32 + ["a"], "epochs=0"),
        (NormedProbeClassifier(batch_size=1), list("ab") * 32 + ["a"], "batch_size=1"),
        (NormedProbeRegressor(), [np.nan] * 65, "NaN"),
        (NormedProbeRegressor(), [1.0, 2.0], "2"),
        (NormedProbeRegressor(learning_rate=3e38, epochs=5), np.arange(65.0), "lower learning_rate"),
    ],
)
def test_bad_input(data, model, y, said):
    with pytest.raises(InputError, match=said):
        model.fit(data[0], y)


def test_a_single_row_never_makes_a_batch(data):
    X, y = data
    NormedProbeRegressor(epochs=1, batch_size=64).fit(X, y)  # 65 rows: 64 and one
