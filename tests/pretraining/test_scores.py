"""Scores under their own names, pinned by the spec."""

import numpy as np
import pytest
from sklearn import metrics

from geolivelihood.errors import InputError
from geolivelihood.pretraining.scores import amount_scores, class_scores


def test_amounts_of_the_spec():
    found = amount_scores([1, 2, 3, 4, 4, 6], [1.5, 1.5, 2, 3.5, 3, 4])
    wanted = {"r2": 0.559782609, "mse": 1.125, "r": 0.944173198, "r_squared": 0.891463027}
    assert {key: found[key] for key in wanted} == pytest.approx(wanted, abs=1e-9)
    assert found["kendall_tau"] == pytest.approx(0.928571429, abs=1e-9)
    assert found["mae"] == pytest.approx(np.mean([0.5, 0.5, 1, 0.5, 1, 2]))


def test_amounts_without_spread_are_not_scored():
    found = amount_scores([2, 2, 2], [1, 2, 3])
    assert np.isnan([found[key] for key in ("r2", "r", "r_squared", "kendall_tau")]).all()
    assert found["mae"] == pytest.approx(2 / 3)


def test_classes(rng):
    y, p = rng.integers(0, 4, 80), rng.integers(0, 4, 80)
    found = class_scores(y, p)
    assert found["accuracy"] == metrics.accuracy_score(y, p)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, p))
    assert found["f1"] == pytest.approx(metrics.f1_score(y, p, average="macro"))
    assert found["precision"] == pytest.approx(metrics.precision_score(y, p, average="macro"))


def test_a_class_that_is_only_predicted_costs_f1_but_no_recall():
    found = class_scores(["a", "a", "b"], ["a", "c", "b"])
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["recall"] == pytest.approx(0.5) and found["f1"] == pytest.approx((2 / 3 + 1) / 3)


@pytest.mark.parametrize(("y", "p"), [([], []), ([1, 2], [1]), ([[1]], [[1]])])
def test_lengths(y, p):
    for score in (class_scores, amount_scores):
        with pytest.raises(InputError, match="give one for each"):
            score(y, p)
