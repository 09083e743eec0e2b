import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.validation import (
    classification_scores,
    per_fold,
    r2,
    regression_scores,
    worst_group,
)

Y = np.arange(1.0, 7)
P = np.array([1.5, 2.5, 2, 4.5, 4, 6.5])


def test_vectors_of_regression_scores():
    scores = regression_scores(Y, P)
    assert scores["r2"] == pytest.approx(0.828571, abs=1e-6)
    assert scores["pearson_r2"] == pytest.approx(0.835918, abs=1e-6)
    assert scores["rmse"] ** 2 == pytest.approx(0.5)
    scores = regression_scores([1, 2, 3, 4], [1.1, 1.9, 2.5, 3])
    assert scores["r2"] == pytest.approx(0.746)
    assert scores["pearson_r2"] == pytest.approx(0.988543, abs=1e-6)
    assert scores["rmse"] ** 2 == pytest.approx(0.3175)
    assert scores["mae"] == pytest.approx(0.425)
    assert scores["kendall_tau"] == 1


def test_pearson_is_blind_to_bias_and_r2_is_not():
    y = np.arange(1.0, 7)
    scores = regression_scores(y, 2 * y + 1)
    assert scores["pearson_r2"] == pytest.approx(1)
    assert scores["r2"] == pytest.approx(-6.94, abs=0.01)


def test_per_fold_and_the_training_mean():
    fold = np.repeat([0, 1, 2], 2)
    np.testing.assert_allclose(per_fold(Y, P, fold), [0, -1.5, -1.5])
    training_mean = np.array([Y[fold != k].mean() for k in fold])
    assert r2(Y, P, reference=training_mean) == pytest.approx(0.92)
    assert per_fold(Y, P, np.where(fold == 2, -1, fold)).index.tolist() == [0, 1]


def test_undefined_scores_are_nan():
    assert np.isnan(regression_scores([1, 1], [1, 2])["r2"])
    assert np.isnan(regression_scores([1, 2], [1, 1])["pearson_r2"])
    assert all(np.isnan(score) for score in regression_scores([np.nan], [1]).values())
    assert np.isnan(classification_scores([1, 1], [1, 0], [0.5, 0.4])["auc"])
    assert all(np.isnan(score) for score in classification_scores([np.nan], [1.0]).values())


def test_gaps_are_left_out():
    assert regression_scores(np.append(Y, np.nan), np.append(P, 1)) == regression_scores(Y, P)
    with pytest.raises(InputError, match="do not fit"):
        regression_scores(Y, P[:2])


def test_classes():
    scores = classification_scores([0, 0, 1, 1], [0, 1, 1, 1], [0.1, 0.6, 0.5, 0.9])
    assert scores["accuracy"] == 0.75
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert scores["auc"] == 0.75
    names = classification_scores(["poor", "rich"], ["poor", "rich"], [[0.9, 0.1], [0.2, 0.8]])
    assert names == {"accuracy": 1.0, "macro_f1": 1.0, "auc": 1.0}
    three = classification_scores([0, 1, 2], [0, 1, 1], np.eye(3))
    assert three["auc"] == 1
    assert np.isnan(classification_scores([0, 1], [0, 1])["auc"])
    with pytest.raises(InputError, match="one column per class"):
        classification_scores([0, 1, 2], [0, 1, 1], np.eye(3)[:, :2])


def test_the_worst_group_is_large_enough_to_count(rng):
    y = rng.normal(size=100)
    groups = np.repeat(["a", "b", "c"], [45, 45, 10])
    p = y + np.where(groups == "b", 1.0, np.where(groups == "c", 9.0, 0.1))
    assert worst_group(y, p, groups)[::2] == ("b", 45)
    assert worst_group(y, p, groups, score="r2", least=10).group == "c"
    with pytest.raises(InputError, match="Merge groups"):
        worst_group(y, p, groups, least=50)
    with pytest.raises(InputError, match="is unknown"):
        worst_group(y, p, groups, score="r3")
