from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from geolivelihood.errors import InputError
from geolivelihood.models import BoostingClassifier, boosting
from geolivelihood.models.boosting import Forest


@pytest.fixture
def data(rng):
    X = rng.normal(size=(300, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, np.nan_to_num(X[:, 0]) * 2 + np.nan_to_num(X[:, 1]) ** 2


def test_arrays_predict_what_scikit_learn_predicts(data, rng):
    X, y = data
    model = HistGradientBoostingRegressor(max_iter=30, random_state=0).fit(X, y)
    new = rng.normal(size=(200, 5))
    new[rng.random(new.shape) < 0.2] = np.nan
    np.testing.assert_allclose(Forest.of(model).raw(new)[:, 0], model.predict(new), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_scikit_learn(data, classes):
    X, y = data
    labels = np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))
    ours = BoostingClassifier(max_iter=20, max_features=1.0).fit(X, labels)
    theirs = HistGradientBoostingClassifier(
        max_iter=20, learning_rate=0.05, random_state=0, early_stopping=False
    ).fit(X, labels)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-10)
    assert (ours.predict(X) == labels).mean() > 0.8


def test_fits_and_repeats(data):
    X, y = data
    first, second = (boosting(max_iter=50).fit(X, y).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert 1 - ((y - first) ** 2).mean() / y.var() > 0.8


def test_few_rows_constant_targets_and_weights(data):
    X, y = data
    np.testing.assert_allclose(boosting(max_iter=5).fit(X, np.full(300, 2.5)).predict(X), 2.5)
    assert np.ptp(boosting(max_iter=20).fit(X[:8], y[:8]).predict(X[:8])) > 0
    weighted = boosting(max_iter=50).fit(X, np.where(y > 1, 1.0, 0.0), np.where(y > 1, 1e-9, 1.0))
    assert weighted.predict(X).max() < 0.01


def test_errors_and_clone(data):
    X, y = data
    assert clone(boosting(max_iter=7)).max_iter == 7
    with pytest.raises(InputError, match="4 features but the model was fitted with 5"):
        boosting(max_iter=2).fit(X, y).predict(X[:, :4])
    with pytest.raises(InputError, match="at least two classes"):
        BoostingClassifier().fit(X, np.zeros(300))
    with pytest.raises(InputError, match="0 rows"):
        boosting().fit(X[:0], y[:0])
    assert boosting(max_iter=2).fit(X, y).predict(X[:0]).shape == (0,)


def test_damaged_trees_are_refused(data):
    X, y = data
    arrays = boosting(max_iter=2).fit(X, y).forest_.arrays
    with pytest.raises(InputError, match="outside the tree"):
        Forest(arrays | {"left": arrays["left"] + 10_000})
