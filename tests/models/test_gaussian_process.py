from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from geolivelihood.errors import InputError
from geolivelihood.graphs.neighbours import unit_vectors
from geolivelihood.models import GaussianProcess, MeanRegressor, gaussian_process, load, save

EARTH_KM = 6371.0088


@pytest.fixture
def field(rng):
    """300 places of a Matérn field (ℓ 200 km, variance 4, noise variance 0.5, mean 10)."""
    points = rng.uniform(-5, 5, (300, 2))
    z = np.sqrt(3) * cdist(unit_vectors(points), unit_vectors(points)) * EARTH_KM / 200
    smooth = 2 * np.linalg.cholesky((1 + z) * np.exp(-z) + 1e-9 * np.eye(300)) @ rng.standard_normal(300)
    return points, 10 + smooth + rng.normal(size=300) * np.sqrt(0.5), 10 + smooth


def test_hyper_parameters_are_found(field):
    points, y, _ = field
    model = GaussianProcess().fit(points, y)
    assert 120 < model.length_km_ < 350
    assert model.variance_ * model.noise_ == pytest.approx(0.5, rel=0.4)
    assert model.mean_ == pytest.approx(10, abs=3)


def test_posterior_is_that_of_scikit_learn(field, rng):
    points, y, _ = field
    model = GaussianProcess().fit(points, y)
    kernel = ConstantKernel(model.variance_) * Matern(model.length_km_ / EARTH_KM, nu=1.5)
    kernel += WhiteKernel(model.variance_ * model.noise_)
    peer = GaussianProcessRegressor(kernel, optimizer=None).fit(unit_vectors(points), y - model.mean_)
    places = rng.uniform(-6, 6, (40, 2))
    expected, sd = peer.predict(unit_vectors(places), return_std=True)
    mean, std = model.predict(places, return_std=True)
    np.testing.assert_allclose(mean, expected + model.mean_, rtol=1e-5)
    # ours knows that the mean is estimated as well
    assert (std >= sd - 1e-6).all()
    near = np.abs(places).max(axis=1) < 4
    np.testing.assert_allclose(std[near], sd[near], rtol=0.02)


def test_likelihood_gradient(field, rng):
    points, y, _ = field
    unit = unit_vectors(points[:50])
    distance, weights = cdist(unit, unit) * EARTH_KM, rng.uniform(0.2, 3, 50)
    at = np.array([5.0, -0.5])
    gradient = gaussian_process._loss(at, distance, y[:50], weights)[1]
    numeric = approx_fprime(at, lambda x: gaussian_process._loss(x, distance, y[:50], weights)[0], 1e-6)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4)


def test_standard_deviation_covers_new_labels(field):
    points, y, truth = field
    model = GaussianProcess().fit(points[:200], y[:200])
    mean, std = model.predict(points[200:], return_std=True)
    assert 0.8 <= (np.abs(y[200:] - mean) < 1.645 * std).mean() <= 0.98
    assert np.corrcoef(mean, truth[200:])[0, 1] ** 2 > 0.7
    far, far_std = model.predict([[120.0, 60.0]], return_std=True)
    assert far[0] == pytest.approx(model.mean_)
    assert far_std[0] > np.sqrt(model.variance_ * (1 + model.noise_))


def test_a_weight_of_two_is_two_rows(field):
    points, y, _ = field
    double = np.arange(300) % 3 == 0
    model = GaussianProcess().fit(points, y, sample_weight=1.0 + double)
    again = GaussianProcess()
    rows = np.repeat(np.arange(300), 1 + double)
    again._restore(*_state(model, points[rows], y[rows]))
    np.testing.assert_allclose(model.predict(points[:20] + 0.1), again.predict(points[:20] + 0.1), rtol=1e-5)


def _state(model, points, y):
    """State of a model with the same ℓ, τ but repeated rows in place of weights."""
    arrays, meta = model._state()
    arrays = arrays | {"unit": unit_vectors(points), "weight": np.full(len(y), arrays["weight"].min())}
    arrays["dual"] = y
    other = GaussianProcess()
    other._restore(arrays, meta)
    solved = other._solve(y)
    return arrays | {"dual": solved.dual}, meta | {"mean_": solved.mean}


def test_rows_of_weight_zero_do_not_count(field):
    points, y, _ = field
    weight = (np.arange(300) < 150).astype(float)
    wild = np.where(weight > 0, y, 1e6)
    model = GaussianProcess().fit(points, wild, sample_weight=weight)
    assert len(model.dual_) == 150
    assert np.abs(model.predict(points)).max() < 100


def test_large_tables_are_sampled_and_it_is_logged(field, caplog):
    points, y, truth = field
    with caplog.at_level("INFO", logger="geolivelihood"):
        model = GaussianProcess(most_rows=120, tuning_rows=80).fit(points, y)
    assert "120 of 300 rows" in caplog.text
    assert model.unit_.shape == (120, 3)
    same = GaussianProcess(most_rows=120, tuning_rows=80).fit(points, y)
    np.testing.assert_array_equal(same.predict(points), model.predict(points))
    other = GaussianProcess(most_rows=120, tuning_rows=80, random_state=1).fit(points, y)
    assert not np.array_equal(other.predict(points), model.predict(points))
    assert np.corrcoef(model.predict(points), truth)[0, 1] > 0.8


def test_places_across_the_antimeridian_are_neighbours(rng):
    points = rng.uniform(-2, 2, (80, 2))
    y = np.sin(points[:, 0]) + points[:, 1] + rng.normal(size=80) * 0.1
    there = (points + [180, 0] + 180) % [360, 1e9] - 180
    here = GaussianProcess().fit(points, y).predict([[0.0, 0.0]])
    assert GaussianProcess().fit(there, y).predict([[180.0, 0.0]])[0] == pytest.approx(here[0], rel=1e-3)


@pytest.mark.parametrize("rows", [2, 3, 40])
def test_a_constant_target_is_repeated(rows, rng):
    model = GaussianProcess().fit(rng.uniform(-1, 1, (rows, 2)), np.full(rows, 3.0))
    mean, std = model.predict([[0.0, 0.0], [50.0, 50.0]], return_std=True)
    np.testing.assert_allclose(mean, 3.0)
    np.testing.assert_allclose(std, 0.0, atol=1e-6)


def test_places_that_coincide_are_averaged():
    model = GaussianProcess().fit(np.tile([[10.0, 5.0]], (4, 1)), [1.0, 2.0, 3.0, 4.0])
    assert model.predict([[10.0, 5.0]])[0] == pytest.approx(2.5)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 15), st.integers(0, 2**32 - 1), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_units_of_the_target_do_not_matter(rows, seed, shift, scale):
    rng = np.random.default_rng(seed)
    points, y = rng.uniform(-20, 20, (rows, 2)), rng.normal(size=rows)
    model = GaussianProcess().fit(points, y)
    model.length_km_, model.noise_ = 800.0, 0.3  # the optimum may be flat; the rest must be exact
    other = clone(model).fit(points, shift + scale * y)
    other.length_km_, other.noise_ = 800.0, 0.3
    first, second = model._solve(y), other._solve(shift + scale * y)
    assert second.mean == pytest.approx(shift + scale * first.mean, rel=1e-6, abs=1e-4 * scale)
    assert second.variance == pytest.approx(scale**2 * first.variance, rel=1e-3)


def test_it_is_saved_and_loaded(field, tmp_path):
    points, y, _ = field
    model = GaussianProcess(most_rows=150).fit(points, y, sample_weight=np.linspace(0.5, 2, 300))
    again = load(save(model, tmp_path / "gp"))
    assert again.get_params() == model.get_params()
    for ours, theirs in zip(again.predict(points, return_std=True), model.predict(points, return_std=True)):
        np.testing.assert_array_equal(ours, theirs)


def test_points_in_a_frame_and_no_rows(field):
    points, y, _ = field
    frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*points.T), crs="EPSG:4326")
    model = GaussianProcess(tuning_rows=100).fit(frame, y)
    assert model.predict(frame.iloc[:3]).shape == (3,)
    mean, std = model.predict(np.empty((0, 2)), return_std=True)
    assert mean.shape == std.shape == (0,)


def test_bad_input_is_refused(field):
    points, y, _ = field
    with pytest.raises(InputError, match="NaN or infinite"):
        GaussianProcess().fit(points, np.where(y > 10, np.nan, y))
    with pytest.raises(InputError, match="rows to learn from"):
        GaussianProcess().fit(points[:1], y[:1])
    with pytest.raises(InputError, match="longitude"):
        GaussianProcess().fit(points + np.array([0, 100]), y)
    with pytest.raises(InputError, match="give at least 2"):
        GaussianProcess(most_rows=1).fit(points, y)
    with pytest.raises(InputError, match="weight above 0"):
        GaussianProcess().fit(points, y, sample_weight=np.arange(300) == 7)
    with pytest.raises(NotFittedError):
        GaussianProcess().predict(points)


def test_geography_alone_on_real_municipalities(shared_data):
    table = pd.read_csv(shared_data / "brazil" / "municipalities_1991_2000_2010.csv")
    table = table[table["year"] == 2010].sample(1200, random_state=0)
    points, y = table[["longitude", "latitude"]].to_numpy(), table["idhm"].to_numpy()
    model = GaussianProcess(tuning_rows=400).fit(points[:900], y[:900])
    error = ((model.predict(points[900:]) - y[900:]) ** 2).mean()
    plain = ((MeanRegressor().fit(points[:900], y[:900]).predict(points[900:]) - y[900:]) ** 2).mean()
    assert 1 - error / plain > 0.6
