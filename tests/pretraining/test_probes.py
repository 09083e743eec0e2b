"""Linear probes on cached features, out of fold."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold

from geolivelihood.errors import InputError
from geolivelihood.pretraining.probes import (
    AbsoluteProbe,
    LogisticProbe,
    RidgeProbe,
    fold_positions,
    probe,
    probe_splits,
)


@pytest.fixture
def amounts(rng):
    X = rng.normal(size=(60, 5))
    return X, X @ [1.0, -2, 0.5, 0, 0] + 3 + 0.1 * rng.normal(size=60)


@pytest.fixture
def classes(rng):
    X = rng.normal(size=(61, 4))
    return X, np.where(X[:, 0] + 0.3 * rng.normal(size=61) > 0, "dense", "sparse")


def test_ridge_of_the_spec():
    X, y = [[1, 0.5], [0.2, 1.5], [2, -0.3], [0.7, 0.7]], [1, 2, 0.5, 1.4]
    model = RidgeProbe(alpha=0.1, standardise=False).fit(X, y)
    assert model.coef_ == pytest.approx([-0.302066251, 0.512408440], abs=1e-9)
    intercept = model.intercept_ - model.coef_ @ model.columns_.mean
    assert intercept == pytest.approx(1.212069531, abs=1e-9)
    assert model.predict(X) == pytest.approx(np.asarray(X) @ model.coef_ + 1.212069531)


def test_ridge_of_several_targets_is_that_of_each(amounts):
    X, y = amounts
    both = RidgeProbe().fit(X, np.column_stack([y, -3 * y]))
    assert both.predict(X).shape == (60, 2)
    assert both.predict(X)[:, 0] == pytest.approx(RidgeProbe().fit(X, y).predict(X))


@pytest.mark.parametrize("alpha", [0, 2.0])
def test_least_absolute_deviations_are_the_optimum(rng, alpha):
    X = rng.normal(size=(40, 3))
    y = X @ [1.0, 2, 3] + rng.standard_t(1.5, 40)
    model = AbsoluteProbe(alpha=alpha, max_iter=2000, tol=1e-12).fit(X, y)
    scaled = model.columns_.apply(X)

    def loss(w):
        return np.abs(y - scaled @ w[:3] - w[3]).sum() + alpha * w[:3] @ w[:3] / 2

    found = loss(np.append(model.coef_, model.intercept_))
    if alpha == 0:  # a linear programme: |r| = u + v, r = u - v
        A = np.hstack([scaled, np.ones((40, 1))])
        cost = np.concatenate([np.zeros(4), np.ones(80)])
        whole = np.hstack([A, np.eye(40), -np.eye(40)])
        best = optimize.linprog(cost, A_eq=whole, b_eq=y, bounds=[(None, None)] * 4 + [(0, None)] * 80).fun
    else:
        start = np.append(model.coef_, model.intercept_)
        best = optimize.minimize(loss, start, method="Powell", options={"ftol": 1e-12}).fun
    assert found == pytest.approx(best, rel=1e-4)


def test_absolute_deviations_bear_outliers_and_more_features_than_rows(rng, amounts):
    X, y = amounts
    wild = y.copy()
    wild[:6] += 500
    error = [
        np.abs(model.fit(X, wild).predict(X)[6:] - y[6:]).mean() for model in (AbsoluteProbe(), RidgeProbe())
    ]
    assert error[0] < error[1] / 10
    wide = rng.normal(size=(12, 40))
    assert np.isfinite(AbsoluteProbe().fit(wide, wide[:, 0]).predict(wide)).all()


def test_logistic_is_that_of_standardised_features(classes):
    X, y = classes
    model = LogisticProbe(C=0.5).fit(X * [1, 100, 0.01, 1], y)
    scaled = (X - X.mean(0)) / X.std(0)
    peer = LogisticRegression(C=0.5).fit(scaled, y)
    np.testing.assert_allclose(
        model.predict_proba(X * [1, 100, 0.01, 1]), peer.predict_proba(scaled), atol=1e-4
    )
    assert model.score(X * [1, 100, 0.01, 1], y) > 0.85


def test_out_of_fold_predictions_are_those_of_the_other_folds(amounts):
    X, y = amounts
    folds = np.arange(60) % 3
    result = probe(RidgeProbe(alpha=1.0), X, y, folds=folds)
    for k in range(3):
        by_hand = RidgeProbe(alpha=1.0).fit(X[folds != k], y[folds != k]).predict(X[folds == k])
        assert result.prediction[folds == k] == pytest.approx(by_hand)
    assert np.array_equal(result.fold, folds) and result.scores["r2"] > 0.95
    assert list(result.per_fold["n"]) == [20, 20, 20]
    assert result.per_fold["kendall_tau"].between(0.8, 1).all()


def test_cross_validators_and_rows_that_are_never_tested(classes):
    X, y = classes
    shuffled = probe(LogisticProbe(), X, y, folds=KFold(4, shuffle=True, random_state=0))
    assert set(shuffled.fold) == {0, 1, 2, 3} and shuffled.prediction.dtype == y.dtype
    assert set(shuffled.scores) == {"accuracy", "balanced_accuracy", "precision", "recall", "f1"}
    folds = np.r_[np.full(11, -1), np.arange(50) % 2]
    part = probe(LogisticProbe(), X, y, folds=folds)
    assert (part.fold[:11] == -1).all() and (part.prediction[:11] == None).all()  # noqa: E711
    assert part.per_fold["n"].sum() == 50


def test_blocked_beside_random(rng):
    # the label is of the place, and rows of a place are alike: random folds flatter
    place = np.repeat(np.arange(12), 10)
    X = rng.normal(size=(12, 6))[place] + 0.1 * rng.normal(size=(120, 6))
    y = rng.normal(size=12)[place]
    splits = {"random": KFold(4, shuffle=True, random_state=0), "blocked": GroupKFold(4)}
    table = probe_splits(RidgeProbe(), X, y, splits=splits, groups=place)
    r2 = table[table["metric"] == "r2"].set_index("split")["value"]
    assert r2["random"] > r2["blocked"] + 0.3
    assert (
        set(table.columns) == {"split", "metric", "value", "sd", "folds", "n"} and (table["n"] == 120).all()
    )


def test_several_targets_are_scored_each(amounts):
    X, y = amounts
    result = probe(RidgeProbe(), X, np.column_stack([y, -y]), folds=np.arange(60) % 2)
    assert result.scores["r2[0]"] == pytest.approx(result.scores["r2[1]"])


@pytest.mark.parametrize("model", [RidgeProbe(alpha=2.0), AbsoluteProbe(max_iter=7), LogisticProbe(C=3.0)])
def test_clones(model):
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("model", "y", "said"),
    [
        (LogisticProbe(), ["a"] * 6, "needs two classes"),
        (LogisticProbe(), ["a", "b", None, "a", "b", "a"], "missing"),
        (LogisticProbe(C=0), list("aabbab"), "C=0"),
        (RidgeProbe(), [1, 2, np.nan, 4, 5, 6], "1 of 6 targets are NaN"),
        (RidgeProbe(), [[1, 2], [2, np.nan], [3, 3], [4, 4], [5, 5], [6, 6]], "1 labels are missing"),
        (RidgeProbe(alpha=0), [1, 2, 3, 4, 5, 6], "must be positive"),
        (RidgeProbe(), [1, 2, 3], "3 labels for 6 rows"),
        (AbsoluteProbe(alpha=-1), [1, 2, 3, 4, 5, 6], "alpha=-1"),
        (AbsoluteProbe(), list("ababab"), "number"),
    ],
)
def test_bad_labels_and_options(rng, model, y, said):
    with pytest.raises(InputError, match=said):
        probe(model, rng.normal(size=(6, 2)), y, folds=[0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ([0, 0, 0, 0, 0, 0], "1 folds"),
        ([0, 1], "shape"),
        ([0.5, 1, 0, 1, 0, 1], "whole number"),
        (KFold(7), "do not fit 6 rows"),
        ([0, 0, 0, 1, 1, 1], "one class among its training rows"),
    ],
)
def test_bad_folds(rng, folds, said):
    with pytest.raises(InputError, match=said):
        probe(LogisticProbe(), rng.normal(size=(6, 2)), list("aaabbb"), folds=folds)


def test_folds_that_overlap_are_refused():
    class Leaky:
        def split(self, X, y=None, groups=None):
            yield [0, 1, 2], [2, 3]

    with pytest.raises(InputError, match="none in both"):
        fold_positions(Leaky(), 4)


def test_features_that_are_nan_or_of_another_width(amounts):
    X, y = amounts
    X[3, 2] = np.nan
    with pytest.raises(InputError, match="1 rows have features that are NaN"):
        RidgeProbe().fit(X, y)
    with pytest.raises(InputError, match="2 features"):
        RidgeProbe().fit(X[10:], y[10:]).predict([[1.0, 2.0]])


def test_amounts_that_are_all_the_same_are_refused():
    with pytest.raises(InputError, match=r"All 12 labels are 1\.0"):
        probe(RidgeProbe(), np.random.default_rng(0).normal(size=(12, 3)), np.ones(12), folds=KFold(3))
