"""Shapley values: they add up, agree with the definition, and survive saving."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation import shapley_summary, tree_shap
from geolivelihood.models import BoostingClassifier, BoostingRegressor, RidgeRegressor, load, save
from geolivelihood.models.boosting import Forest

pytest.importorskip("shap")
N = 300


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(N, 4)), columns=list("abcd"), index=[f"c{k}" for k in range(N)])
    y = 3 * X["a"] + X["a"] * X["b"] + 0.1 * rng.normal(size=N)
    return X, y.to_numpy()


@pytest.fixture(scope="module")
def gaps(data):
    X, _ = data
    return X.mask(np.random.default_rng(1).random(X.shape) < 0.15)


def test_values_add_up_to_the_prediction_with_gaps_too(data, gaps):
    _, y = data
    model = BoostingRegressor(max_iter=40).fit(gaps, y)
    for background in (None, gaps[:40]):
        found = tree_shap(model, gaps, background=background)
        total = found.values.sum(axis=1) + found.expected
        np.testing.assert_allclose(total, model.predict(gaps), atol=1e-6)
        assert found.values.index.equals(gaps.index) and list(found.values) == list("abcd")
    assert found.expected == pytest.approx(model.predict(gaps[:40]).mean())


def test_values_are_those_of_the_definition(data):
    X, y = data
    table, behind = X.to_numpy()[:3], X.to_numpy()[10:25]
    model = BoostingRegressor(max_iter=20, max_features=1.0).fit(X, y)

    def value(row, known):
        mixed = behind.copy()
        mixed[:, list(known)] = row[list(known)]
        return model.predict(mixed).mean()

    expected = np.zeros((3, 4))
    for i, row in enumerate(table):
        for j in range(4):
            others = [k for k in range(4) if k != j]
            for size in range(4):
                share = factorial(size) * factorial(3 - size) / factorial(4)
                for known in combinations(others, size):
                    expected[i, j] += share * (value(row, (*known, j)) - value(row, known))
    found = tree_shap(model, table, background=behind)
    np.testing.assert_allclose(found.values, expected, atol=1e-8)


def test_a_model_that_was_saved_is_explained_as_before(data, tmp_path):
    X, y = data
    model = BoostingRegressor(max_iter=15).fit(X, y)
    save(model, tmp_path / "model")
    before, after = tree_shap(model, X), tree_shap(load(tmp_path / "model"), X)
    np.testing.assert_array_equal(before.values, after.values)
    assert before.expected == after.expected


def test_trees_without_counts_need_a_background(data):
    X, y = data
    model = BoostingRegressor(max_iter=5).fit(X, y)
    model.forest_ = Forest({k: v for k, v in model.forest_.arrays.items() if k != "count"})
    with pytest.raises(InputError, match="without the number of training rows"):
        tree_shap(model, X)
    found = tree_shap(model, X, background=X[:30])
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, model.predict(X), atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_are_explained_in_log_odds(data, classes):
    X, y = data
    names = np.array(["poor", "middle", "rich"])[-classes:]
    labels = names[np.digitize(y, np.quantile(y, np.arange(1, classes) / classes))]
    model = BoostingClassifier(max_iter=10).fit(X, labels)
    share = model.predict_proba(X)
    sums = {}
    for name in model.classes_:
        found = tree_shap(model, X, output=name)
        sums[name] = (found.values.sum(axis=1) + found.expected).to_numpy()
    if classes == 2:
        first, second = model.classes_
        np.testing.assert_allclose(sums[second], np.log(share[:, 1] / share[:, 0]), atol=1e-6)
        np.testing.assert_allclose(sums[first], -sums[second])
        pd.testing.assert_frame_equal(tree_shap(model, X).values, tree_shap(model, X, output=second).values)
    else:
        logits = np.column_stack(list(sums.values()))
        odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(odds, share, atol=1e-6)
        with pytest.raises(InputError, match="Give one of middle, poor, rich"):
            tree_shap(model, X)


def test_one_of_several_targets_of_which_one_was_not_learned(data):
    X, y = data
    targets = np.column_stack([y, np.full(N, np.nan), -y])
    model = BoostingRegressor(max_iter=10).fit(X, targets)
    found = tree_shap(model, X, output=2)
    total = found.values.sum(axis=1) + found.expected
    np.testing.assert_allclose(total, model.predict(X)[:, 2], atol=1e-6)
    for wrong in (None, 1, 3):
        with pytest.raises(InputError, match="Give one of 0, 2"):
            tree_shap(model, X, output=wrong)


def test_weighted_rows_are_explained_too(data):
    X, y = data
    model = BoostingRegressor(max_iter=10).fit(X, y, np.arange(1.0, N + 1))
    found = tree_shap(model, X)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, model.predict(X), atol=1e-6)


def test_forests_of_scikit_learn(data):
    X, y = data
    for forest in (RandomForestRegressor(8, random_state=0), ExtraTreesRegressor(8, random_state=0)):
        model = forest.fit(X.to_numpy(), y)
        found = tree_shap(model, X)
        total = found.values.sum(axis=1) + found.expected
        np.testing.assert_allclose(total, model.predict(X.to_numpy()), atol=1e-6)
        behind = tree_shap(model, X, background=X[:20])
        assert behind.expected == pytest.approx(model.predict(X.to_numpy()[:20]).mean())
    gaps = X.mask(np.random.default_rng(1).random(X.shape) < 0.15)
    model = RandomForestRegressor(8, random_state=0).fit(gaps.to_numpy(), y)
    found = tree_shap(model, gaps, background=gaps[:20])
    np.testing.assert_allclose(
        found.values.sum(axis=1) + found.expected, model.predict(gaps.to_numpy()), atol=1e-6
    )
    classifier = RandomForestClassifier(8, random_state=0).fit(X.to_numpy(), y > 0)
    found = tree_shap(classifier, X, output=True)
    share = classifier.predict_proba(X.to_numpy())[:, 1]
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, share, atol=1e-6)


def test_summary_is_the_mean_size_with_an_interval_over_blocks(data):
    X, y = data
    values = tree_shap(BoostingRegressor(max_iter=30).fit(X, y), X).values
    blocks = np.arange(N) // 10
    table = shapley_summary(values, blocks).set_index("name")
    assert table.index[0] == "a" and table["importance"].is_monotonic_decreasing
    assert table["importance"]["b"] == pytest.approx(values["b"].abs().mean())
    assert (table["lower"] < table["importance"]).all() and (table["importance"] < table["upper"]).all()
    size = values["a"].abs() - values["a"].abs().mean()
    sums = size.groupby(blocks).sum() / N
    assert table["se"]["a"] == pytest.approx(np.sqrt(30 / 29 * (sums**2).sum()))
    grouped = shapley_summary(values, blocks, groups={"both": ["a", "b"]})
    assert grouped["importance"][0] == pytest.approx((values["a"] + values["b"]).abs().mean())
    with pytest.raises(MissingColumnError, match="no column z"):
        shapley_summary(values, blocks, groups={"both": ["a", "z"]})
    with pytest.raises(InputError, match="one block id per row"):
        shapley_summary(values, [1, 2])


def test_constant_target_and_one_row(data):
    X, _ = data
    model = BoostingRegressor(max_iter=3).fit(X, np.full(N, 2.5))
    found = tree_shap(model, X[:1])
    assert found.expected == pytest.approx(2.5) and not found.values.any(axis=None)


def test_bad_input(data):
    X, y = data
    model = BoostingRegressor(max_iter=2).fit(X, y)
    with pytest.raises(InputError, match="not a RidgeRegressor"):
        tree_shap(RidgeRegressor().fit(X, y), X)
    with pytest.raises(InputError, match="3 features but the model was fitted with 4"):
        tree_shap(model, X[["a", "b", "c"]])
    with pytest.raises(InputError, match="Leave it out"):
        tree_shap(model, X, output=1)
    with pytest.raises(InputError, match="no row to explain"):
        tree_shap(model, X[:0])
    with pytest.raises(InputError, match="targets"):
        tree_shap(RandomForestRegressor(2).fit(X.to_numpy(), np.column_stack([y, y])), X)


def test_values_that_do_not_add_up_are_refused(data, monkeypatch):
    import shap

    X, y = data
    monkeypatch.setattr(shap.TreeExplainer, "shap_values", lambda self, X, **_: np.zeros(X.shape))
    with pytest.raises(InputError, match="miss the predictions by up to"):
        tree_shap(BoostingRegressor(max_iter=5).fit(X, y), X)


def test_without_shap_the_extra_is_named(data, monkeypatch):
    from geolivelihood import extras
    from geolivelihood.errors import EnvironmentMissingError

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", absent)
    with pytest.raises(EnvironmentMissingError, match=r"geolivelihood\[explain\]"):
        tree_shap(RidgeRegressor(), data[0])
