"""Partial dependence: slopes of models that are known, bands, densities, odd features."""

import h3
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation import individual_dependence, partial_dependence
from geolivelihood.models import BlockEnsemble, BoostingClassifier, CellRegressor, RidgeRegressor

N = 400


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=N), "b": rng.normal(size=N), "kind": rng.integers(0, 3, N), "same": 7.0}
    X = pd.DataFrame(columns)
    return X, (2 * X["a"] + X["a"] * X["b"] + X["kind"]).to_numpy(), np.arange(N) // 10


def truth(X):
    return (2 * X["a"] + X["a"] * X["b"] + X["kind"]).to_numpy()


def test_curve_of_a_known_function(data):
    X, _, blocks = data
    curve = partial_dependence(truth, X, "a", blocks=blocks)
    expected = curve["value"] * (2 + X["b"].mean()) + X["kind"].mean()
    np.testing.assert_allclose(curve["mean"], expected)
    low, high = X["a"].quantile([0.02, 0.98])
    assert (curve["value"].iloc[0], curve["value"].iloc[-1]) == (low, high) and len(curve) == 20
    assert (curve["lower"] < curve["mean"]).all() and (curve["mean"] < curve["upper"]).all()
    # the spread over blocks of the mean of value·(2 + b) + kind
    rows = curve["value"][0] * (2 + X["b"]) + X["kind"]
    means = rows.groupby(blocks).mean()
    half = (curve["upper"][0] - curve["lower"][0]) / 2
    assert half == pytest.approx(1.96 * means.std(ddof=0) / np.sqrt(40), rel=0.1)
    assert curve["share"].sum() == pytest.approx(1) and curve["share"][10] > 3 * curve["share"][1]


def test_curves_of_single_rows(data):
    X, _, _ = data
    curves = individual_dependence(truth, X, "a", grid=[0.0, 1.0])
    np.testing.assert_allclose(curves[1.0] - curves[0.0], 2 + X["b"])
    assert curves.index.equals(X.index) and curves.columns.name == "a"


def test_categories_and_constants_are_tried_at_their_own_values(data):
    X, _, _ = data
    curves = partial_dependence(truth, X, ["kind", "same"])
    assert curves["value"].tolist() == [0, 1, 2, 7.0] and curves["feature"].tolist() == ["kind"] * 3 + [
        "same"
    ]
    np.testing.assert_allclose(np.diff(curves["mean"][:3]), 1)
    np.testing.assert_allclose(curves["share"][:3], X["kind"].value_counts(normalize=True).sort_index())
    assert curves["share"][3] == 1 and curves["lower"].isna().all()
    words = pd.DataFrame({"road": np.array(["dirt", "tar"])[X["kind"] % 2]})
    of_words = partial_dependence(lambda t: (t["road"] == "tar").to_numpy(float), words, "road")
    assert of_words["value"].tolist() == ["dirt", "tar"] and of_words["mean"].tolist() == [0.0, 1.0]


def test_weights_move_the_average_and_blocks_of_weight_nothing_do_no_harm(data):
    X, _, blocks = data
    weights = np.where(blocks < 5, 0.0, 1.0 + (X["b"] > 0))
    curve = partial_dependence(truth, X, "a", weights=weights, blocks=blocks, grid=[1.0])
    expected = 2 + np.average(X["b"] + X["kind"], weights=weights)
    assert curve["mean"][0] == pytest.approx(expected) and curve["lower"][0] < expected < curve["upper"][0]


def test_refits_have_a_band_of_their_own(data):
    X, y, blocks = data
    table = X[["a", "b"]].to_numpy()
    ensemble = BlockEnsemble(RidgeRegressor(), n_draws=12).fit(table, y, groups=blocks)
    curve = partial_dependence(ensemble, table, 0, draws=ensemble.draws_, grid=[-1.0, 1.0])
    high = [draw.predict(np.column_stack([np.ones(N), table[:, 1]])).mean() for draw in ensemble.draws_]
    np.testing.assert_allclose(curve.loc[1, ["lower", "upper"]].tolist(), np.quantile(high, [0.025, 0.975]))
    with pytest.raises(InputError, match="not both"):
        partial_dependence(ensemble, table, 0, draws=ensemble.draws_, blocks=blocks)


def test_missing_values_and_rows_without_any(data):
    X, y, blocks = data
    gaps = X.copy()
    gaps.loc[:49, "a"] = np.nan
    gaps.loc[:9] = np.nan
    model = RidgeRegressor().fit(gaps, y)
    curves = individual_dependence(model, gaps, "a")
    assert curves.isna().all(axis=1).sum() == 10 and curves.notna().all(axis=1).sum() == N - 10
    curve = partial_dependence(model, gaps, "a", blocks=blocks)
    np.testing.assert_allclose(curve["mean"], curves.mean())
    assert curve["share"].sum() == pytest.approx(1)


def test_the_map_itself():
    rng = np.random.default_rng(0)
    disc = sorted(h3.grid_disk(h3.latlng_to_cell(0.3, 32.6, 7), 7))
    cells = np.array([h3.str_to_int(cell) for cell in disc], dtype=np.uint64)
    features = pd.DataFrame(rng.normal(size=(len(cells), 2)), index=cells, columns=["a", "b"])
    features.iloc[:30] = np.nan
    tie = Tie(sparse.csr_array(np.eye(len(cells))), pd.Index(cells), cells)
    y = 3 * np.nan_to_num(features["a"].to_numpy())
    model = CellRegressor(head="linear", hops=0).fit(tie, y, features=features)
    found = partial_dependence(
        lambda table: model.predict_cells(cells, features=table), features, "a", grid=[-1.0, 1.0]
    )
    assert found["mean"][1] - found["mean"][0] == pytest.approx(6, rel=0.01)


def test_classes_by_their_probability_and_forests(data):
    X, y, _ = data
    classifier = BoostingClassifier(max_iter=20).fit(X, y > 0)
    share = partial_dependence(lambda table: classifier.predict_proba(table)[:, 1], X, "a")
    assert share["mean"].iloc[-1] > 0.8 > 0.5 > share["mean"].iloc[0]
    forest = RandomForestRegressor(10, random_state=0).fit(X, y)
    assert partial_dependence(forest, X, "a", grid=5)["mean"].is_monotonic_increasing


def test_bad_input(data):
    X, y, _ = data
    with pytest.raises(MissingColumnError, match="no feature 'z'; the table has a, b"):
        partial_dependence(truth, X, "z")
    with pytest.raises(MissingColumnError, match="position, 0-3"):
        partial_dependence(truth, X.to_numpy(), 4)
    with pytest.raises(InputError, match="has no known value"):
        partial_dependence(truth, X.assign(a=np.nan), "a")
    with pytest.raises(InputError, match="must be a table"):
        partial_dependence(truth, y, 0)
    with pytest.raises(InputError, match=r"gives shape \(400, 2\)"):
        partial_dependence(lambda table: np.zeros((len(table), 2)), X, "a")
    with pytest.raises(InputError, match="predicts no row"):
        partial_dependence(lambda table: np.full(len(table), np.nan), X, "a")
    with pytest.raises(InputError, match="one block id per row"):
        partial_dependence(truth, X, "a", blocks=[1])
    with pytest.raises(InputError, match="grid is empty"):
        partial_dependence(truth, X, "a", grid=[])
