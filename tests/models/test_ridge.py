from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from geolivelihood.errors import InputError
from geolivelihood.models import ridge
from geolivelihood.models.ridge import ColumnScale, fit_ridge


@pytest.fixture
def data(rng):
    X = rng.normal(size=(40, 4))
    return X, X @ [1.0, -2, 0, 0.5] + rng.normal(size=40) * 0.3, rng.uniform(0.2, 2, 40)


def test_solution_equals_scikit_learn_with_weights(data):
    X, y, w = data
    ours = fit_ridge(X, y, weights=w, alphas=[3.0])
    theirs = Ridge(alpha=3.0).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef, theirs.coef_)
    assert ours.intercept == pytest.approx(theirs.intercept_)


def test_leave_one_out_error_equals_refitting_without_each_row(data):
    X, y, w = data
    rows = np.arange(len(y))
    refits = [
        (
            y[i]
            - Ridge(alpha=3.0).fit(X[rows != i], y[rows != i], sample_weight=w[rows != i]).predict(X[[i]])[0]
        )
        for i in rows
    ]
    expected = np.average(np.square(refits), weights=w)
    assert fit_ridge(X, y, weights=w, alphas=[3.0]).loo_error == pytest.approx(expected)


def test_the_chosen_penalty_has_the_least_leave_one_out_error(data):
    X, y, w = data
    errors = {
        alpha: fit_ridge(X, y, weights=w, alphas=[alpha]).loo_error for alpha in (0.01, 1.0, 100.0, 1e4)
    }
    assert fit_ridge(X, y, weights=w, alphas=list(errors)).alpha == min(errors, key=errors.__getitem__)


def test_more_features_than_rows_and_constant_targets_work(rng):
    X = rng.normal(size=(10, 50))
    model = ridge().fit(X, X[:, 0])
    assert np.isfinite(model.predict(X)).all()
    constant = ridge().fit(X, np.full(10, 7.0))
    np.testing.assert_allclose(constant.predict(rng.normal(size=(3, 50))), 7.0)


def test_constant_columns_and_missing_values_are_harmless(rng):
    X = np.column_stack([rng.normal(size=30), np.full(30, 1e6), np.full(30, np.nan)])
    X[3, 0] = np.nan
    y = np.nan_to_num(X[:, 0])
    model = ridge().fit(X, y)
    prediction = model.predict(X)
    assert np.isfinite(prediction).all()
    assert np.corrcoef(prediction, y)[0, 1] > 0.99


def test_weighted_moments_of_known_values():
    scale = ColumnScale.of(np.array([[0.0], [2.0], [np.nan]]), weights=np.array([1.0, 3.0, 100.0]))
    assert scale.mean[0] == 1.5
    assert scale.scale[0] == pytest.approx(np.sqrt(0.75))


def test_clone_empty_predictions_and_errors(data):
    X, y, _ = data
    assert clone(ridge(alphas=[1.0])).get_params() == {"alphas": [1.0]}
    model = ridge().fit(X, y)
    assert model.predict(X[:0]).shape == (0,)
    with pytest.raises(InputError, match="2 features but the model was fitted with 4"):
        model.predict(X[:, :2])
    with pytest.raises(InputError, match="positive"):
        ridge(alphas=[0.0]).fit(X, y)
    with pytest.raises(InputError, match="NaN"):
        ridge().fit(X, np.where(np.arange(40) == 5, np.nan, y))
    with pytest.raises(InputError, match="1 rows to learn from"):
        ridge().fit(X[:1], y[:1])
