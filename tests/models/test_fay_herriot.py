from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from geolivelihood.errors import InputError
from geolivelihood.models import FayHerriot

# The vectors of the specification: eight areas, one covariate.
DIRECT = np.array([0.52, 0.38, 0.91, 0.60, 0.15, 0.37, 0.76, 0.50])
X = np.array([0.50, 0.30, 0.80, 0.45, 0.20, 0.55, 0.60, 0.40])[:, None]
PSI = np.array([0.004, 0.010, 0.006, 0.020, 0.003, 0.008, 0.012, 0.005])
NO_VARIANCE = np.array([0.52, 0.38, 0.71, 0.60, 0.25, 0.47, 0.66, 0.30])


@pytest.fixture
def areas(rng):
    """120 areas that follow the model, every sixth without a survey; with the truth."""
    x = rng.normal(size=(120, 2))
    truth = 1 + x @ [0.5, -0.3] + rng.normal(size=120) * 0.4
    psi = rng.uniform(0.02, 0.6, 120)
    direct = truth + rng.normal(size=120) * np.sqrt(psi)
    direct[::6] = np.nan
    return x, direct, psi, truth


def restricted(a, x=X, d=DIRECT, psi=PSI):
    """Restricted log-likelihood, written out with matrices."""
    design = np.column_stack([np.ones(len(x)), x])
    v = np.linalg.inv(np.diag(a + psi))
    inner = design.T @ v @ design
    p = v - v @ design @ np.linalg.inv(inner) @ design.T @ v
    return -(np.log(a + psi).sum() + np.linalg.slogdet(inner)[1] + d @ p @ d) / 2


def test_vector_of_reml():
    model = FayHerriot(force=True).fit(X, DIRECT, variance=PSI)
    assert model.variance_ == pytest.approx(0.005233, abs=1e-6)
    assert model.intercept_ == pytest.approx(-0.038487, abs=1e-6)
    assert model.coef_ == pytest.approx([1.157801], abs=1e-6)
    eblup = [0.528844, 0.333295, 0.898118, 0.506887, 0.165695, 0.508020, 0.687716, 0.463175]
    np.testing.assert_allclose(model.eblup_, eblup, atol=1e-6)
    mse = [0.003946, 0.006516, 0.006408, 0.006801, 0.003610, 0.005723, 0.006706, 0.004546]
    np.testing.assert_allclose(model.mse_, mse, atol=1e-6)
    assert not model.adjusted_
    assert model.sampled_.all()


def test_reml_maximises_the_restricted_likelihood():
    a = FayHerriot(force=True).fit(X, DIRECT, variance=PSI).variance_
    assert restricted(a) > max(restricted(a * 0.99), restricted(a * 1.01))


def test_vector_of_prasad_rao():
    model = FayHerriot(method="prasad_rao", force=True).fit(X, DIRECT, variance=PSI)
    assert model.variance_ == pytest.approx(0.005888, abs=1e-6)
    # g₃ with avar = 2m⁻²Σ(A+ψ)², written out
    a, design = model.variance_, np.column_stack([np.ones(8), X])
    inverse = np.linalg.inv(design.T @ np.diag(1 / (a + PSI)) @ design)
    gamma = a / (a + PSI)
    g2 = (1 - gamma) ** 2 * np.diag(design @ inverse @ design.T)
    g3 = PSI**2 / (a + PSI) ** 3 * 2 / 64 * ((a + PSI) ** 2).sum()
    np.testing.assert_allclose(model.mse_, gamma * PSI + g2 + 2 * g3)


@pytest.mark.parametrize("method", ["reml", "prasad_rao"])
def test_vector_of_the_adjusted_variance(method):
    model = FayHerriot(method=method, force=True).fit(X, NO_VARIANCE, variance=PSI)
    assert model.adjusted_
    assert model.variance_ == pytest.approx(0.009040, abs=1e-6)
    assert (model.gamma_ > 0).all()


def test_estimates_beat_survey_and_map_alone(areas):
    x, direct, psi, truth = areas
    model = FayHerriot().fit(x, direct, variance=psi)
    at = model.sampled_
    error = {
        name: ((estimate - truth)[at] ** 2).mean()
        for name, estimate in {"direct": direct, "map": model.synthetic_, "eblup": model.eblup_}.items()
    }
    assert error["eblup"] < 0.9 * min(error["direct"], error["map"])


@pytest.mark.parametrize("method", ["reml", "prasad_rao"])
def test_mean_squared_error_is_what_repeated_surveys_show(method, rng):
    x, psi = rng.normal(size=(40, 1)), rng.uniform(0.05, 0.6, 40)
    found = []
    for _ in range(400):
        truth = 1 + x[:, 0] + rng.normal(size=40) * 0.5
        direct = truth + rng.normal(size=40) * np.sqrt(psi)
        direct[:5] = np.nan
        model = FayHerriot(method=method).fit(x, direct, variance=psi)
        found.append([(model.eblup_ - truth) ** 2, model.mse_])
    actual, claimed = np.mean(found, axis=0)
    assert claimed[5:].mean() == pytest.approx(actual[5:].mean(), rel=0.07)
    assert claimed[:5].mean() == pytest.approx(actual[:5].mean(), rel=0.1)


def test_shrinkage_lies_between_survey_and_map(areas):
    x, direct, psi, _ = areas
    model = FayHerriot().fit(x, direct, variance=psi)
    at = model.sampled_
    expected = model.gamma_ * direct + (1 - model.gamma_) * model.synthetic_
    np.testing.assert_allclose(model.eblup_[at], expected[at])
    order = np.argsort(psi[at])
    assert (np.diff(model.gamma_[at][order]) <= 0).all()


def test_areas_without_a_usable_survey_are_synthetic(areas):
    x, direct, psi, _ = areas
    psi[1], psi[2] = 0.0, np.nan  # a single sampling unit has no variance
    model = FayHerriot().fit(x, direct, variance=psi)
    unsampled = np.arange(120) % 6 == 0
    unsampled[[1, 2]] = True
    np.testing.assert_array_equal(model.sampled_, ~unsampled)
    assert (model.gamma_[unsampled] == 0).all()
    estimate, mse = model.predict(x[unsampled], return_mse=True)
    np.testing.assert_array_equal(model.eblup_[unsampled], estimate)
    np.testing.assert_array_equal(model.mse_[unsampled], mse)
    assert (mse > model.variance_).all()
    kept = FayHerriot().fit(x[~unsampled], direct[~unsampled], variance=psi[~unsampled])
    np.testing.assert_allclose(model.eblup_[~unsampled], kept.eblup_)


def test_an_area_without_cells_stays_unknown(areas):
    x, direct, psi, _ = areas
    x[5] = np.nan
    model = FayHerriot().fit(x, direct, variance=psi)
    assert np.isnan([model.eblup_[5], model.mse_[5], model.synthetic_[5]]).all()
    assert np.isfinite(np.delete(model.eblup_, 5)).all()
    assert np.isnan(model.predict([[np.nan, 1.0]])).all()


def test_units_and_order_do_not_matter(areas, rng):
    x, direct, psi, _ = areas
    model = FayHerriot().fit(x, direct, variance=psi)
    order = rng.permutation(120)
    scaled = FayHerriot().fit(x[order] * 1e4, direct[order] * 50, variance=psi[order] * 2500)
    np.testing.assert_allclose(scaled.eblup_, 50 * model.eblup_[order], rtol=1e-6)
    np.testing.assert_allclose(scaled.mse_, 2500 * model.mse_[order], rtol=1e-6)


def test_benchmark_makes_areas_add_up_to_the_survey():
    estimate = np.array([1.0, 2.0, 3.0, 5.0])
    direct, people = np.array([1.2, 2.0, 3.4, np.nan]), np.array([10.0, 20.0, 30.0, 40.0])
    scaled = FayHerriot.benchmark(estimate, direct, people)
    np.testing.assert_allclose(scaled / estimate, 154 / 140)
    assert people[:3] @ scaled[:3] == pytest.approx(people[:3] @ direct[:3])
    with pytest.raises(InputError, match="no ratio"):
        FayHerriot.benchmark([0.0, 0.0], [1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InputError, match="weight has shape"):
        FayHerriot.benchmark([0.0, 0.0], [1.0, 2.0], [1.0])


def test_too_few_areas_are_refused_unless_forced(rng):
    with pytest.raises(InputError, match=r"8 areas .* force=True"):
        FayHerriot().fit(X, DIRECT, variance=PSI)
    wide = rng.normal(size=(12, 9))
    with pytest.raises(InputError, match=r"12 areas .* 10 coefficients"):
        FayHerriot().fit(wide, rng.normal(size=12), variance=np.ones(12))
    with pytest.raises(InputError, match="too few"):
        FayHerriot(force=True).fit(wide[:10], rng.normal(size=10), variance=np.ones(10))
    with pytest.raises(InputError, match="no maximum"):
        FayHerriot(force=True).fit(wide, rng.normal(size=12) * 1e-3, variance=np.ones(12))
    with pytest.raises(InputError, match="too few"):
        FayHerriot(force=True).fit(X, np.full(8, np.nan), variance=PSI)


def test_bad_input_is_refused(areas):
    x, direct, psi, _ = areas
    with pytest.raises(InputError, match="method="):
        FayHerriot(method="ml").fit(x, direct, variance=psi)
    with pytest.raises(InputError, match="negative"):
        FayHerriot().fit(x, direct, variance=-psi)
    with pytest.raises(InputError, match="direct has shape"):
        FayHerriot().fit(x, direct[:-1], variance=psi)
    with pytest.raises(InputError, match="linearly dependent"):
        FayHerriot().fit(np.column_stack([x, x.sum(axis=1)]), direct, variance=psi)
    with pytest.raises(InputError, match="constant"):
        FayHerriot().fit(np.ones((120, 1)), direct, variance=psi)
    with pytest.raises(NotFittedError):
        FayHerriot().predict(x)
    fitted = FayHerriot().fit(x, direct, variance=psi)
    with pytest.raises(InputError, match="fitted with 2"):
        fitted.predict(x[:, :1])
    assert clone(FayHerriot(method="prasad_rao", force=True)).get_params() == {
        "method": "prasad_rao",
        "force": True,
    }


def test_equal_estimates_everywhere_are_kept():
    x = np.linspace(0, 1, 15)[:, None]
    model = FayHerriot().fit(x, np.full(15, 0.4), variance=np.full(15, 0.01))
    assert model.adjusted_
    np.testing.assert_allclose(model.eblup_, 0.4)
