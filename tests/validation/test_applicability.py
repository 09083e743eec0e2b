import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist, pdist
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor

from geolivelihood.errors import InputError
from geolivelihood.validation import (
    AreaOfApplicability,
    BlockKFold,
    RandomKFold,
    applicability,
    dissimilarity_index,
    dissimilarity_threshold,
    neighbours,
    out_of_fold,
)
from geolivelihood.validation.distances import unit_vectors

TRAIN = np.array([[0, 0], [1, 0], [0, 2], [2, 1], [4, 4], [6, 4], [4, 5], [7, 7]], dtype=float)
NEW = np.array([[0.5, 0.5], [2.5, 2.5], [9, 9], [4.2, 4.9]])
WEIGHTS = [1, 0.5]


def folds_of(size, n=8):
    fold = np.arange(n) // size
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in np.unique(fold)]


@pytest.fixture
def tables(rng):
    """Features that hang together, as features do."""
    mixed = rng.normal(size=(30, 30))
    return rng.normal(size=(120, 30)) @ mixed, 1.5 * rng.normal(size=(60, 30)) @ mixed


def test_examples_in_the_docstrings():
    assert doctest.testmod(applicability).failed == 0


def test_training_rows_of_the_specification():
    area = AreaOfApplicability().fit(TRAIN, splits=folds_of(2), weights=WEIGHTS)
    assert area.mean_distance_ == pytest.approx(1.379577, abs=1e-6)
    expected = [0.286287, 0.306674, 0.286287, 0.306674, 0.143143, 0.507907, 0.143143, 0.507907]
    np.testing.assert_allclose(area.train_dissimilarity_, expected, atol=1e-6)
    assert area.threshold_ == pytest.approx(0.507907, abs=1e-6)
    coarse = AreaOfApplicability().fit(TRAIN, splits=folds_of(4), weights=WEIGHTS)
    assert coarse.threshold_ == pytest.approx(1.605185, abs=1e-6)


def test_new_rows_of_the_specification():
    area = AreaOfApplicability().fit(TRAIN, splits=folds_of(2), weights=WEIGHTS)
    np.testing.assert_allclose(area.dissimilarity(NEW), [0.153337, 0.253953, 0.613349, 0.056100], atol=1e-6)
    np.testing.assert_allclose(
        dissimilarity_index(TRAIN, NEW, weights=WEIGHTS), area.dissimilarity(NEW), rtol=1e-12
    )
    assert area.applicable(NEW).tolist() == [True, True, False, True]
    assert area.density(NEW).tolist() == [4, 2, 0, 3]


def test_thresholds_of_the_specification():
    index = [0.1, 0.12, 0.15, 0.2, 0.22, 0.25, 0.3, 0.9]
    assert dissimilarity_threshold(index) == pytest.approx(0.4425, abs=1e-12)
    assert dissimilarity_threshold(index, rule="paper") == 0.3
    assert dissimilarity_threshold([0.1, 0.2, np.nan, 0.3]) == 0.3
    with pytest.raises(InputError, match="'whisker' or 'paper'"):
        dissimilarity_threshold(index, rule="q95")
    with pytest.raises(InputError, match="test at least one row"):
        dissimilarity_threshold([np.nan])


def test_the_threshold_rule_reaches_the_area(tables):
    train, _ = tables
    index = AreaOfApplicability().fit(train).train_dissimilarity_
    for rule in ("whisker", "paper"):
        area = clone(AreaOfApplicability(threshold=rule)).fit(train)
        assert area.threshold_ == dissimilarity_threshold(index, rule=rule)


def test_without_folds_a_row_is_held_out_alone(tables):
    train, _ = tables
    alone = AreaOfApplicability().fit(train)
    each = AreaOfApplicability().fit(train, splits=folds_of(1, len(train)))
    np.testing.assert_allclose(alone.train_dissimilarity_, each.train_dissimilarity_, rtol=1e-12)


def test_the_buffer_of_the_splits_counts():
    near = AreaOfApplicability().fit(TRAIN, splits=folds_of(2))
    buffered = [(train[np.abs(train - test[0]) > 3], test) for train, test in folds_of(2)]
    assert AreaOfApplicability().fit(TRAIN, splits=buffered).threshold_ > 1.5 * near.threshold_


def test_rows_that_no_fold_tests_have_no_index():
    area = AreaOfApplicability().fit(TRAIN, splits=folds_of(2)[:3])
    assert np.isnan(area.train_dissimilarity_).tolist() == [False] * 6 + [True] * 2
    assert np.isfinite(area.threshold_)


def test_a_missing_feature_is_not_applicable(tables):
    train, _ = tables
    area = AreaOfApplicability().fit(train, weights=np.r_[0, np.ones(29)])
    new = train[:3].copy()
    new[1, 5], new[2, 0] = np.nan, np.nan
    assert np.isnan(area.dissimilarity(new)).tolist() == [False, True, False]
    assert area.applicable(new).tolist() == [True, False, True]
    assert area.density(new)[1] == 0 < area.density(new)[0]


def test_a_constant_feature_is_dropped_with_a_warning():
    wide = pd.DataFrame(TRAIN, columns=["a", "b"]).assign(flat=0.1, tenth=0.3)
    wide.loc[3, "tenth"] = 0.1 + 0.2
    with pytest.warns(UserWarning, match=r"2 features are constant .*\['flat', 'tenth'\]") as caught:
        area = AreaOfApplicability().fit(wide)
    assert caught[0].filename == __file__
    assert area.columns_.tolist() == [0, 1]
    assert area.mean_distance_ == AreaOfApplicability().fit(TRAIN).mean_distance_


def test_a_frame_is_matched_by_name():
    train, new = pd.DataFrame(TRAIN, columns=["a", "b"]), pd.DataFrame(NEW, columns=["a", "b"])
    area = AreaOfApplicability().fit(train, weights=pd.Series({"b": 0.5, "a": 1.0}))
    shuffled = new.assign(other="text")[["other", "b", "a"]]
    np.testing.assert_array_equal(area.dissimilarity(shuffled), area.dissimilarity(new))
    np.testing.assert_allclose(
        area.dissimilarity(new), dissimilarity_index(TRAIN, NEW, weights=WEIGHTS), rtol=1e-12
    )
    with pytest.raises(InputError, match=r"lacks 1 of the training features: \['b'\]"):
        area.dissimilarity(new[["a"]])


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ([0, 0], "constant or of weight 0"),
        ([1, -0.1], r"first: -0.1, feature 1.*clip\(0\)"),
        ([1, np.nan], "negative or missing"),
        ([1, 1, 1], "there are 2 features"),
    ],
)
def test_bad_weights(weights, reason):
    with pytest.raises(InputError, match=reason):
        AreaOfApplicability().fit(TRAIN, weights=weights)


@pytest.mark.parametrize(
    ("splits", "reason"),
    [
        ([(np.arange(8), np.arange(2))], "trains on 2 rows that it tests"),
        ([([4, 5], [0]), ([6, 7], [0])], "a second time"),
        ([([], [0])], "has no training row"),
        ([([0], [8])], "position 8, but there are 8 rows"),
        ([], "test at least one row"),
    ],
)
def test_bad_folds(splits, reason):
    with pytest.raises(InputError, match=reason):
        AreaOfApplicability().fit(TRAIN, splits=splits)


def test_bad_tables():
    for table, reason in [
        (np.where(TRAIN == 7, np.nan, TRAIN), r"1 of 8 training rows .*row 7"),
        (TRAIN[:1], "Give at least 2"),
        (np.ones((5, 2)), "Every feature is constant"),
        (TRAIN[:, 0], "shape"),
    ]:
        with pytest.raises(InputError, match=reason), np.testing.suppress_warnings() as quiet:
            quiet.filter(UserWarning)
            AreaOfApplicability().fit(table)
    with pytest.raises(InputError, match="3 features"):
        AreaOfApplicability().fit(TRAIN).dissimilarity(np.ones((2, 3)))
    assert AreaOfApplicability().fit(TRAIN).applicable(np.empty((0, 2))).shape == (0,)


def test_twins_across_folds_leave_only_twins_applicable():
    twins = np.repeat(TRAIN, 2, axis=0)
    area = AreaOfApplicability().fit(twins)
    assert area.threshold_ == 0
    assert area.applicable(np.r_[TRAIN[:1], NEW[:1]]).tolist() == [True, False]
    assert area.density(TRAIN).tolist() == [0] * 8


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_units_and_the_order_of_rows_do_not_matter(seed, scale, shift):
    rng = np.random.default_rng(seed)
    train, new, order = rng.normal(size=(20, 3)), rng.normal(size=(5, 3)), rng.permutation(20)
    factor = np.array([scale, 1, 1 / scale])
    area = AreaOfApplicability().fit(train)
    other = AreaOfApplicability().fit((train * factor + shift)[order])
    np.testing.assert_allclose(other.dissimilarity(new * factor + shift), area.dissimilarity(new), rtol=1e-6)
    np.testing.assert_allclose(other.threshold_, area.threshold_, rtol=1e-6)


def test_products_of_blocks_agree_with_all_distances(tables, monkeypatch):
    train, new = tables
    monkeypatch.setattr(neighbours, "_BLOCK", 1000)
    distance = cdist(new, train)
    np.testing.assert_allclose(neighbours.nearest_distance(train, new), distance.min(axis=1), rtol=1e-12)
    second = np.sort(cdist(train, train), axis=1)[:, 1]
    np.testing.assert_allclose(neighbours.nearest_distance(train, train, rank=2), second, rtol=1e-12)
    reach = np.median(distance)
    np.testing.assert_array_equal(neighbours.count_within(train, new, reach), (distance < reach).sum(axis=1))
    assert neighbours.mean_distance(train) == pytest.approx(pdist(train).mean(), rel=1e-12)


def test_tree_and_products_agree(tables, monkeypatch):
    train, new = tables[0][:, :6], tables[1][:, :6]
    tree = AreaOfApplicability().fit(train, splits=folds_of(20, 120))
    monkeypatch.setattr(neighbours, "_MOST_TREE_DIMENSIONS", 0)
    products = AreaOfApplicability().fit(train, splits=folds_of(20, 120))
    np.testing.assert_allclose(products.train_dissimilarity_, tree.train_dissimilarity_, rtol=1e-12)
    np.testing.assert_array_equal(products.density(new), tree.density(new))
    # a distance that is the reach itself is not nearer, whichever way it was found
    rows, point = np.array([[3.0, 4.0], [0.3, 0.4], [10.0, 0.0]]), np.zeros((1, 2))
    for most in (0, 20):
        monkeypatch.setattr(neighbours, "_MOST_TREE_DIMENSIONS", most)
        assert neighbours.count_within(rows, point, 5.0).tolist() == [1]


def test_close_rows_far_from_the_origin_keep_their_digits():
    rows = 100 + np.arange(40.0)[:, None] * np.full(25, 1e-5)
    points = rows[:5] + 2e-6
    products = np.sqrt(neighbours._square(points, rows).min(axis=1))
    assert np.abs(products / 1e-5 - 1).max() > 0.1
    np.testing.assert_allclose(neighbours.nearest_distance(rows, points), 1e-5, rtol=1e-6)


def test_a_million_pairs_stand_for_all(rng, monkeypatch):
    rows = rng.normal(size=(400, 4))
    exact = neighbours.mean_distance(rows)
    monkeypatch.setattr(neighbours, "_MOST_EXACT_ROWS", 100)
    drawn = [neighbours.mean_distance(rows, random_state=seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    np.testing.assert_allclose(drawn, exact, rtol=3e-3)


def test_an_embedding_is_reduced(rng):
    hidden = rng.normal(size=(300, 3)) * [5, 3, 2]
    mixed = np.linalg.qr(rng.normal(size=(200, 200)))[0][:3]
    train = hidden @ mixed + 0.01 * rng.normal(size=(300, 200))
    whole, reduced = AreaOfApplicability().fit(train), AreaOfApplicability(embedding=True).fit(train)
    assert reduced._axes.shape == (200, 3)
    new = 1.2 * hidden[:50] @ mixed
    assert np.corrcoef(whole.dissimilarity(new), reduced.dissimilarity(new))[0, 1] > 0.9
    noise = AreaOfApplicability(embedding=True).fit(rng.normal(size=(400, 100)))
    assert noise._axes.shape == (100, 50)
    assert AreaOfApplicability(embedding=True).fit(TRAIN[:2]).dissimilarity(NEW).shape == (4,)


def test_errors_are_larger_outside(rng):
    """What the area is for: a forest that never saw high values of a feature errs there."""
    lonlat = rng.uniform([30, -5], [36, 1], (600, 2))
    climate = np.column_stack([lonlat @ [0.5, 0.2], np.sin(lonlat[:, 0]), rng.normal(size=600)])
    y = climate[:, 0] ** 2 / 50 + climate[:, 1]
    seen = lonlat.sum(axis=1) < 32
    splits = list(BlockKFold(4, resolution=3).split(lonlat[seen]))
    model = RandomForestRegressor(60, random_state=0)
    validated = np.abs(y[seen] - out_of_fold(model, climate[seen], y[seen], splits).prediction)
    model.fit(climate[seen], y[seen])
    area = AreaOfApplicability().fit(climate[seen], splits=splits, weights=model.feature_importances_)
    error, applicable = np.abs(y[~seen] - model.predict(climate[~seen])), area.applicable(climate[~seen])
    assert 50 < applicable.sum() < (~seen).sum() - 50
    assert error[applicable].mean() < 2.5 * validated.mean() < error[~applicable].mean() / 2


def test_folds_of_a_blocked_score_allow_more(rng):
    lonlat = rng.uniform([30, -5], [36, 1], (400, 2))
    features = np.column_stack([lonlat, np.sin(lonlat)])
    thresholds = [
        AreaOfApplicability().fit(features, splits=splits).threshold_
        for splits in (None, RandomKFold(5).split(lonlat), BlockKFold(5, resolution=2).split(lonlat))
    ]
    assert thresholds[0] <= thresholds[1] < thresholds[2]


@pytest.mark.parametrize("where", [(0.0, 0.0), (90.0, 0.0), (36.8, -1.3)])
def test_of_unit_vectors_distances_are_those_along_the_ground(where):
    rng = np.random.default_rng(0)
    train, new = (np.asarray(where) + rng.uniform(-1, 1, (n, 2)) for n in (30, 50))
    area = AreaOfApplicability(scaled=False).fit(unit_vectors(train))
    pairs = great_circle(train[:, None], train[None])[np.triu_indices(30, 1)]
    nearest = great_circle(new[:, None], train[None]).min(axis=1)
    np.testing.assert_allclose(area.dissimilarity(unit_vectors(new)), nearest / pairs.mean(), rtol=1e-3)


def test_an_axis_along_which_training_does_not_differ_counts_for_new_places():
    equator = unit_vectors(np.column_stack([np.linspace(0, 3, 4), np.zeros(4)]))
    area = AreaOfApplicability(scaled=False).fit(equator)
    assert area.dissimilarity(unit_vectors([[0.0, 50.0]]))[0] > 10


def great_circle(one, other):
    """Radians between places, by the haversine formula."""
    (lon, lat), (to_lon, to_lat) = (np.moveaxis(np.radians(places), -1, 0) for places in (one, other))
    half = np.sin((to_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(to_lat) * np.sin((to_lon - lon) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(half))
