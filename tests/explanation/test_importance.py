"""Importance: known answers of linear models, intervals that agree with those of scores, bad input."""

import h3
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation import (
    drop_column_importance,
    feature_groups,
    importance_table,
    object_groups,
    permutation_importance,
)
from geolivelihood.models import BoostingClassifier, BoostingRegressor, CellRegressor, RidgeRegressor
from geolivelihood.validation import RandomKFold, block_se, out_of_fold, paired_difference

N = 600


@pytest.fixture(scope="module")
def survey():
    """y = 2 a + b + noise, a's twin says the same again, c says nothing, d never varies."""
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, N))
    X = pd.DataFrame({"a": a, "twin": a, "b": b, "c": c, "d": 1.0})
    splits = list(RandomKFold(5).split(X))
    return X, 2 * a + b + 0.5 * rng.normal(size=N), splits, np.arange(N) // 15


def indexed(table):
    assert table["importance"].is_monotonic_decreasing
    return table.set_index("name")


def test_shuffling_costs_twice_the_variance_that_a_linear_model_gives_a_feature(survey):
    X, y, splits, blocks = survey
    found = permutation_importance(LinearRegression(), X[["a", "b"]], y, splits, blocks=blocks, score="mse")
    importance = indexed(found)["importance"]
    # E(βx − βx')² = 2β²var(x)
    assert importance["a"] == pytest.approx(8 * X["a"].var(), rel=0.05)
    assert importance["b"] == pytest.approx(2 * X["b"].var(), rel=0.05)
    assert (found["lower"] < found["importance"]).all() and (found["importance"] < found["upper"]).all()
    assert (found["n_rows"].eq(N) & found["n_blocks"].eq(40)).all()


def test_twins_hide_each_other_unless_they_are_one_group(survey):
    X, y, splits, blocks = survey
    groups = {"a and twin": ["a", "twin"], "a": ["a"], "b": ["b"], "c": ["c"], "d": ["d"]}
    shuffled = indexed(permutation_importance(RidgeRegressor(), X, y, splits, blocks=blocks, groups=groups))
    dropped = indexed(drop_column_importance(RidgeRegressor(), X, y, splits, blocks=blocks, groups=groups))
    assert shuffled["importance"]["a and twin"] > 3 * shuffled["importance"]["a"] > 0.2
    assert dropped["importance"]["a"] == pytest.approx(0, abs=0.01)  # its twin stands in
    assert dropped["importance"]["a and twin"] == pytest.approx(4 / 5.25, abs=0.08)
    assert shuffled["importance"]["d"] == 0.0 and shuffled["upper"]["d"] == 0.0
    for table in (shuffled, dropped):
        assert table["lower"]["c"] < 0.01 < table["lower"]["b"]


def test_one_shuffle_has_the_interval_of_a_paired_difference(survey):
    X, y, splits, blocks = survey
    table, shuffled = X[["b", "c"]].to_numpy(), np.empty(N)
    plain = out_of_fold(LinearRegression(), table, y, splits).prediction
    for train, test in splits:
        rows = table[test].copy()
        rows[:, 0] = rows[np.random.default_rng(3).permutation(len(test)), 0]
        shuffled[test] = LinearRegression().fit(table[train], y[train]).predict(rows)
    found = permutation_importance(
        LinearRegression(), table, y, splits, blocks=blocks, n_repeats=1, groups={"b": [0]}, random_state=3
    )
    expected = paired_difference(y, plain, shuffled, blocks, random_state=3)
    np.testing.assert_allclose(found.loc[0, ["importance", "lower", "upper"]].tolist(), expected[:3])


def test_error_of_a_perfect_model_is_that_of_the_score_without(survey):
    _, y, _, blocks = survey
    without = y + np.random.default_rng(0).normal(size=N)
    for score in ("r2", "mse", "mae"):
        line = importance_table(y, y, {"x": without}, blocks=blocks, score=score).loc[0]
        assert line["se"] == pytest.approx(block_se(y, without, blocks, score=score))


def test_vector_of_the_specification_for_scores():
    y, p = np.arange(1.0, 7), np.array([1.5, 2.5, 2, 4.5, 4, 6.5])
    line = importance_table(y, y, {"x": p}, blocks=[0, 0, 1, 1, 2, 2]).loc[0]
    assert line["importance"] == pytest.approx(1 - 0.828571, abs=1e-6)
    assert line["se"] == pytest.approx(0.106474, abs=1e-6)


def test_frames_and_arrays_and_any_estimator_agree(survey):
    X, y, splits, blocks = survey
    forest = RandomForestRegressor(10, random_state=0, max_depth=4)
    of_frame = permutation_importance(forest, X, y, splits, blocks=blocks, n_repeats=2)
    of_array = permutation_importance(forest, X.to_numpy(), y, splits, blocks=blocks, n_repeats=2)
    np.testing.assert_array_equal(of_frame["importance"], of_array["importance"])
    assert of_array["name"].iloc[0] in ("0", "1") and X.columns.tolist() == ["a", "twin", "b", "c", "d"]


def test_classes_missing_values_and_missing_labels(survey):
    X, y, splits, blocks = survey
    gaps = X.mask(np.random.default_rng(2).random(X.shape) < 0.2)
    poor = np.where(y < 0, "poor", "rich")
    classifier = BoostingClassifier(max_iter=15)
    options = {"blocks": blocks, "groups": {"a": ["a", "twin"], "c": ["c"]}, "n_repeats": 3}
    found = permutation_importance(classifier, gaps, poor, splits, score="accuracy", **options)
    assert found["name"].tolist() == ["a", "c"] and found["importance"][0] > 0.15
    unlabelled = np.where(np.arange(N) < 50, np.nan, y)
    found = permutation_importance(BoostingRegressor(max_iter=15), gaps, unlabelled, splits, **options)
    assert found["n_rows"].eq(N - 50).all()


def test_columns_of_the_cells_of_a_map_can_be_dropped():
    rng = np.random.default_rng(0)
    centre = h3.latlng_to_cell(0.3, 32.6, 7)
    cells = np.array([h3.str_to_int(cell) for cell in h3.grid_disk(centre, 8)][:200], dtype=np.uint64)
    features = pd.DataFrame(rng.normal(size=(200, 3)), index=cells, columns=["a", "b", "c"])
    features.loc[cells[:20]] = np.nan
    matrix = np.eye(200)[rng.integers(0, 200, 300)] / 2 + np.eye(200)[rng.integers(0, 200, 300)] / 2
    tie = Tie(sparse.csr_array(matrix), pd.RangeIndex(300), cells)
    y = matrix @ np.nan_to_num(features["a"].to_numpy()) + 0.1 * rng.normal(size=300)
    found = drop_column_importance(
        CellRegressor(head="linear", hops=0),
        tie,
        y,
        RandomKFold(3).split(tie),
        blocks=np.arange(300) // 10,
        table="features",
        fit_params={"features": features},
    )
    assert found["name"][0] == "a" and found["lower"][0] > 0.5
    assert found["importance"][1:].abs().max() < 0.02
    with pytest.raises(MissingColumnError, match="no 'feature' to drop columns of; it has features"):
        drop_column_importance(
            CellRegressor(), tie, y, [], blocks=y, table="feature", fit_params={"features": features}
        )


def test_one_block_has_no_interval(survey):
    X, y, splits, _ = survey
    found = permutation_importance(LinearRegression(), X, y, splits, blocks=np.zeros(N), n_repeats=1)
    assert found[["lower", "upper", "se"]].isna().all(axis=None) and found["importance"].notna().all()


def test_labels_that_do_not_vary_have_no_r2_but_a_loss():
    table = importance_table(np.ones(6), np.ones(6), {"x": np.zeros(6)}, blocks=[0, 0, 1, 1, 2, 2])
    assert table[["importance", "lower", "upper", "se"]].isna().all(axis=None)
    table = importance_table(np.ones(6), np.ones(6), {"x": np.zeros(6)}, blocks=range(6), score="mse")
    assert table["importance"][0] == 1.0 and table["se"][0] == 0.0


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"groups": {"x": ["a", "z"]}}, MissingColumnError, "'x' names z, but the table has a, twin, b"),
        ({"groups": {"x": []}}, InputError, "'x' has no columns"),
        ({"groups": {}}, InputError, "groups is empty"),
        ({"score": "auc"}, InputError, "Give one of r2, mse, mae, accuracy"),
        ({"blocks": np.zeros(3)}, InputError, "Give one block id per row"),
        ({"n_repeats": 0}, InputError, "at least once"),
        ({"X": [1, 2]}, InputError, "must be a table, array or DataFrame"),
        ({"y": np.zeros((N, 2))}, InputError, "one target at a time"),
        ({"splits": [(np.arange(1, N), [0])]}, InputError, "A fold tests 1 row"),
    ],
)
def test_bad_input(survey, change, error, match):
    X, y, splits, blocks = survey
    given = {"X": X, "y": y, "splits": splits, "blocks": blocks} | change
    with pytest.raises(error, match=match):
        permutation_importance(LinearRegression(), **given)


def test_bad_tables(survey):
    X, y, splits, blocks = survey
    with pytest.raises(InputError, match="holds every column"):
        drop_column_importance(
            LinearRegression(), X, y, splits, blocks=blocks, groups={"all": list(X.columns)}
        )
    with pytest.raises(InputError, match="two columns 'a'"):
        permutation_importance(LinearRegression(), X[["a", "a"]], y, splits, blocks=blocks)
    with pytest.raises(InputError, match="No row has an observation"):
        importance_table(y, y, {"x": np.full(N, np.nan)}, blocks=blocks)


def test_groups_by_name():
    columns = ["lights_mean_0", "lights_sd_0", "street_view_3", "height"]
    assert feature_groups(columns)["street"] == ["street_view_3"]
    found = feature_groups(columns, prefixes=["lights", "street", "street_view"])
    assert found == {"lights": columns[:2], "street_view": columns[2:3], "height": ["height"]}


def test_groups_by_object():
    found = object_groups(["a_class_58", "b_class_58", "class_00", "void", "lights_mean_0"])
    assert found == {"car": ["a_class_58", "b_class_58"], "curb": ["class_00"], "void": ["void"]}
    with pytest.raises(InputError, match="only 65 have a name"):
        object_groups(["class_65"])
    with pytest.raises(InputError, match="No column counts objects"):
        object_groups(["lights_mean_0"])
