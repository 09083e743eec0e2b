from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from geolivelihood.errors import InputError
from geolivelihood.models import BoostingClassifier, boosting, load, save
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


def test_several_targets_with_gaps_have_trees_of_their_own(data, caplog, tmp_path):
    X, y = data
    gaps = np.arange(300) % 3 == 0
    labels = np.column_stack([y, np.where(gaps, np.nan, -y), np.full(300, np.nan)])
    weight = 1 + (np.arange(300) % 2)
    model = boosting(max_iter=20).fit(X, labels, weight)
    found = model.predict(X)
    assert "predicted as NaN: 2" in caplog.text
    np.testing.assert_array_equal(found[:, 0], boosting(max_iter=20).fit(X, y, weight).predict(X))
    alone = boosting(max_iter=20).fit(X[~gaps], -y[~gaps], weight[~gaps])
    np.testing.assert_allclose(found[:, 1], alone.predict(X), atol=1e-9)
    assert np.isnan(found[:, 2]).all()
    again = load(save(model, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(X), found)
    assert model.predict(X[:0]).shape == (0, 3)


def test_unsure_labels_count_less(data, rng):
    X, y = data
    se = np.where(np.arange(300) % 2, 0.01, 30.0)
    noisy = y + rng.normal(size=300) * se
    errors = [
        ((boosting(max_iter=50).fit(X, noisy, se=given).predict(X) - y) ** 2).mean() for given in (None, se)
    ]
    assert errors[1] < 0.2 * errors[0]
    several = boosting(max_iter=5).fit(X, np.column_stack([y, y]), se=np.column_stack([se, se]))
    assert np.isfinite(several.predict(X)).all()


def test_an_indicator_that_nobody_asked(data):
    X, _ = data
    with pytest.raises(InputError, match="300 of 300 targets are NaN"):
        boosting().fit(X, np.full(300, np.nan))
    with pytest.raises(InputError, match="None of the 2 targets"):
        boosting().fit(X, np.full((300, 2), np.nan))
    with pytest.raises(InputError, match="shape"):
        boosting().fit(X, np.zeros((3, 2)))


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
    inner = ~arrays["leaf"]
    for damage in (
        {"left": arrays["left"] + 10_000},
        {"right": np.where(inner, 0, arrays["right"])},  # in a circle
        {"left": np.where(inner, len(inner) - 1, arrays["left"])},  # into another tree
        {"feature": np.where(inner, -1, arrays["feature"])},
        {"value": arrays["value"][:-1]},
        {"root": arrays["root"][::-1]},
    ):
        with pytest.raises(InputError, match="outside its tree"):
            Forest(arrays | damage)
    with pytest.raises(InputError, match="or the features"):
        Forest(arrays | {"feature": np.where(inner, 5, arrays["feature"])}).raw(X)


def test_weights_change_what_counts_and_not_where_to_cut(rng):
    x = rng.normal(size=(700, 4))  # more different values than bins
    x[:, 1] = x[:, 1].round(1)
    x[rng.random(x.shape) < 0.05] = np.nan
    y = np.nan_to_num(x[:, 0]) + rng.normal(size=700) * 0.3
    nearly_equal = np.r_[1 + 1e-9, np.ones(699)]
    plain, weighted = boosting().fit(x, y), boosting().fit(x, y, nearly_equal)
    assert np.allclose(plain.predict(x), weighted.predict(x), atol=1e-6)
    half = np.where(x[:, 2] > 0, 1.0, 1e-6)
    assert not np.allclose(plain.predict(x), boosting().fit(x, y, half).predict(x), atol=0.05)
