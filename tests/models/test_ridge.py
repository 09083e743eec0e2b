from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.linear_model import Ridge

from geolivelihood.errors import InputError
from geolivelihood.models import load, ridge, save
from geolivelihood.models.ridge import ColumnScale, fit_ridge, fit_ridges


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


@pytest.fixture
def several(data, rng):
    """Three targets with gaps: none, some, and all but a few rows."""
    X, y, w = data
    Y = np.column_stack([y, 5 - 100 * y + rng.normal(size=40), X[:, 1]])
    Y[rng.random(40) < 0.3, 1] = np.nan
    Y[6:, 2] = np.nan
    return X, Y, w


def test_several_targets_are_each_solved_on_the_rows_where_they_are_known(several):
    X, Y, w = several
    together = fit_ridges(X, Y, weights=w)
    for i, target in enumerate(Y.T):
        known = ~np.isnan(target)
        alone = fit_ridge(X[known], target[known], weights=w[known])
        np.testing.assert_array_equal(together.coef[i], alone.coef)
        assert [values[i] for values in together[1:]] == list(alone[1:])
    assert len(set(together.alpha)) > 1


def test_full_targets_side_by_side_equal_one_after_the_other(data):
    X, y, w = data
    Y = np.column_stack([y, -3 * y + X[:, 0]])
    together = ridge().fit(X, Y, w).predict(X)
    np.testing.assert_allclose(together, np.column_stack([ridge().fit(X, y, w).predict(X) for y in Y.T]))
    assert ridge().fit(X, Y[:, :1]).predict(X).shape == (40, 1)


def test_several_targets_survive_saving(several, tmp_path):
    X, Y, w = several
    model = ridge().fit(X, Y, w)
    again = load(save(model, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.alpha_, model.alpha_)
    assert again.predict(X[:0]).shape == (0, 3)


def test_labels_with_errors_count_less(several, rng):
    X, Y, _ = several
    X = rng.normal(size=(300, 4))
    truth = np.column_stack([X[:, 0], X @ [1.0, 2, 3, 4]])
    se = np.where(rng.random((300, 2)) < 0.5, 0.0, [3.0, 30.0])
    Y = truth + rng.normal(size=(300, 2)) * se
    plain, careful = (np.abs(ridge().fit(X, Y, se=e).predict(X) - truth).mean(axis=0) for e in (None, se))
    assert (careful < plain).all()
    alone = ridge().fit(X, Y[:, 1], se=se[:, 1])
    np.testing.assert_allclose(ridge().fit(X, Y, se=se).predict(X)[:, 1], alone.predict(X))
    se[3, 0] = np.nan
    Y[3, 0] = np.nan
    assert np.isfinite(ridge().fit(X, Y, se=se).predict(X)).all()
    with pytest.raises(InputError, match="300 x 2 standard errors"):
        ridge().fit(X, Y, se=se[:, 0])


def test_targets_that_cannot_be_learned(several):
    X, Y, _ = several
    Y[1:, 2] = np.nan
    with pytest.raises(InputError, match=r"fewer than 2 known values cannot be learned: \[2\]"):
        ridge().fit(X, Y)
    Y[:, 2] = np.nan
    with pytest.raises(InputError, match=r"\['bmi'\]"):
        ridge().fit(X, pd.DataFrame(Y, columns=["wealth", "water", "bmi"]))
    Y[7] = np.nan
    with pytest.raises(InputError, match="1 of 40 rows have no target at all"):
        ridge().fit(X, Y[:, :2])
    with pytest.raises(InputError, match="weight above 0"):
        fit_ridges(X[:3], Y[:3], weights=np.ones(3))
    with pytest.raises(InputError, match="infinite"):
        ridge().fit(X, np.full((40, 2), np.inf))
    with pytest.raises(InputError, match="give \\(rows, targets\\)"):
        ridge().fit(X, Y[:5])


def test_the_evidence_is_the_likelihood_under_random_coefficients(data, rng):
    """Against the density of y itself, its variance at the value that makes it greatest."""
    X, y, _ = data
    y = y + 6 * rng.normal(size=40)
    n, centre = len(y), np.eye(len(y)) - 1 / len(y)
    values, basis = np.linalg.eigh(centre)
    basis = basis[:, values > 0.5]  # what is left of y when its mean is not known
    Z, z = basis.T @ X, basis.T @ y
    tried = [0.1, 1.0, 10.0, 100.0, 1e3]
    likelihood = []
    for alpha in tried:
        cov = np.eye(n - 1) + Z @ Z.T / alpha
        variance = z @ np.linalg.solve(cov, z) / (n - 1)
        likelihood.append(multivariate_normal(cov=variance * cov).logpdf(z))
    assert fit_ridge(X, y, alphas=tried, penalty="evidence").alpha == tried[int(np.argmax(likelihood))]
    assert 0 < np.argmax(likelihood) < len(tried) - 1


def test_the_evidence_knows_coefficients_that_leaving_one_out_does_not(rng):
    """Rows that hardly vary along most directions, noise in the labels; then rows that vary along all."""
    worse = 0
    for _ in range(20):
        spread = np.concatenate([np.ones(3), np.full(60, 0.05)])
        beta = rng.normal(size=63) * 0.3
        X = rng.normal(size=(80, 63)) * spread
        y = X @ beta + rng.normal(size=80)
        far = rng.normal(size=(200, 63))
        by = {name: fit_ridge(X, y, penalty=name) for name in ("loo", "evidence")}
        error = {name: np.square(far @ (fit.coef - beta)).mean() for name, fit in by.items()}
        worse += error["evidence"] > 1.05 * error["loo"]
    assert worse <= 4
    assert not fit_ridge(X, np.full(80, 3.0), penalty="evidence").coef.any()
