from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from geolivelihood.errors import InputError
from geolivelihood.models import GeodesicKNN, InverseDistance, MajorityClassifier, MeanRegressor

# The vector of the specification: longitude, latitude, target.
POINTS = np.array([[0.0, 0.1], [0.0, 0.3], [0.2, 0.0]])
TARGET = np.array([1.0, 2.0, 4.0])
QUERY = np.array([[0.0, 0.0]])


@pytest.fixture
def field(rng):
    points = np.column_stack([rng.uniform(-10, 10, 400), rng.uniform(-10, 10, 400)])
    return points, np.sin(points[:, 0] / 3) + np.cos(points[:, 1] / 3) + rng.normal(size=400) * 0.3


def test_two_neighbours_average_to_the_vector():
    assert GeodesicKNN(k=2).fit(POINTS, TARGET).predict(QUERY)[0] == 2.5


def test_inverse_distance_gives_the_vector():
    model = InverseDistance(power=1.0, k=None).fit(POINTS, TARGET)
    assert model.predict(QUERY)[0] == pytest.approx(2.0, abs=1e-5)


def test_neighbours_are_found_across_the_antimeridian_and_near_poles():
    points = np.array([[179.9, 0.0], [-170.0, 0.0], [0.0, 89.9]])
    model = GeodesicKNN(k=1).fit(points, TARGET)
    assert model.predict([[-179.9, 0.0], [180.0, 89.9]]).tolist() == [1.0, 4.0]


def test_degrees_of_longitude_shrink_towards_the_poles():
    model = GeodesicKNN(k=1).fit([[1.5, 60.0], [0.0, 61.0]], [1.0, 2.0])
    assert model.predict([[0.0, 60.0]])[0] == 1.0


def test_k_is_tuned_to_smooth_noise_away(field):
    points, y = field
    model = GeodesicKNN().fit(points, y)
    assert 1 < model.k_ <= 50
    assert model.k_ == int(np.argmin(model.cv_error_)) + 1
    truth = np.sin(points[:, 0] / 3) + np.cos(points[:, 1] / 3)
    near = GeodesicKNN(k=1).fit(points, y)
    nudged = points + 0.05
    assert np.abs(model.predict(nudged) - truth).mean() < np.abs(near.predict(nudged) - truth).mean()


def test_blocked_tuning_asks_about_places_without_near_neighbours(rng):
    points = rng.uniform(0, 10, (600, 2))
    blocks = (np.floor(points / 2) @ [1, 10]).astype(int)
    # Every block has its own level: near neighbours know it, neighbours in other blocks know nothing.
    y = rng.normal(size=100)[blocks] + rng.normal(size=600) * 0.3
    assert GeodesicKNN().fit(points, y, groups=blocks).k_ > 2 * GeodesicKNN().fit(points, y).k_
    with pytest.raises(InputError, match="groups"):
        GeodesicKNN().fit(points, y, groups=blocks[:5])


def test_power_is_tuned_and_exact_at_training_points(field):
    points, y = field
    model = InverseDistance().fit(points, y)
    assert model.power_ in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    np.testing.assert_allclose(model.predict(points), y)
    twice = InverseDistance(power=2.0).fit([[0, 0], [0, 0], [1, 1]], [1.0, 3.0, 9.0])
    assert twice.predict([[0, 0]])[0] == 2.0


@pytest.mark.parametrize(
    "model", [GeodesicKNN(k=2), InverseDistance(power=1.0), GeodesicKNN(), InverseDistance()]
)
def test_weights_count_and_zero_weights_do_not_break(model):
    points, y = np.tile(POINTS, (4, 1)) + np.arange(12)[:, None] * 1e-3, np.tile(TARGET, 4)
    weighted = clone(model).fit(points, y, np.where(y == 4, 0.0, 1.0))
    assert weighted.predict(QUERY)[0] < clone(model).fit(points, y).predict(QUERY)[0] + 1e-9
    assert np.isfinite(weighted.predict(POINTS)).all()


def test_fewer_points_than_neighbours_give_the_mean():
    assert GeodesicKNN(k=40).fit(POINTS, TARGET).predict(QUERY)[0] == pytest.approx(TARGET.mean())
    assert GeodesicKNN().fit(POINTS[:2], TARGET[:2]).predict(QUERY).shape == (1,)


def test_all_points_in_one_place_work():
    same = np.tile([[30.0, -1.0]], (20, 1))
    y = np.arange(20.0)
    assert InverseDistance().fit(same, y).predict(same[:1])[0] == pytest.approx(9.5)
    assert np.isfinite(GeodesicKNN().fit(same, y).predict(same)).all()


def test_constant_targets_stay_constant(field):
    for model in (GeodesicKNN(), InverseDistance()):
        np.testing.assert_allclose(model.fit(field[0], np.full(400, 3.0)).predict(field[0][:9] + 0.1), 3.0)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="longitude"):
        GeodesicKNN().fit([[0, 100], [0, 1]], [1, 2])
    with pytest.raises(InputError, match="k must be at least 1"):
        GeodesicKNN(k=0).fit(POINTS, TARGET)
    with pytest.raises(InputError, match="power"):
        InverseDistance(power=-1).fit(POINTS, TARGET)
    with pytest.raises(InputError, match="cv must be at least 2"):
        GeodesicKNN(cv=1).fit(POINTS, TARGET)
    with pytest.raises(NotFittedError):
        GeodesicKNN().predict(QUERY)
    assert GeodesicKNN(k=1).fit(POINTS, TARGET).predict(np.zeros((0, 2))).shape == (0,)


def test_mean_and_majority():
    mean = MeanRegressor().fit([[0], [0], [0]], [1.0, 2.0, 6.0], [1, 1, 0])
    assert mean.predict([[1], [1]]).tolist() == [1.5, 1.5]
    majority = MajorityClassifier().fit(list("xyz"), ["poor", "rich", "poor"])
    assert majority.predict(["a", "b"]).tolist() == ["poor", "poor"]
    np.testing.assert_allclose(majority.predict_proba(["a"]), [[2 / 3, 1 / 3]])
    weighted = MajorityClassifier().fit(list("xyz"), ["poor", "rich", "poor"], [1, 5, 1])
    assert weighted.predict(["a"]).tolist() == ["rich"]
    with pytest.raises(InputError, match="0 rows"):
        MeanRegressor().fit([], [])


def test_real_places_reach_the_reference(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "brazil" / "municipalities_1991_2000_2010.csv")
    table = table[(table.year == 2010) & table.idhm.notna()]
    points, y = table[["longitude", "latitude"]].to_numpy(), table.idhm.to_numpy()
    test = np.random.default_rng(0).random(len(y)) < 0.2
    error = y[test] - GeodesicKNN().fit(points[~test], y[~test]).predict(points[test])
    assert 1 - (error**2).mean() / y[test].var() > 0.73
