import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.metrics import f1_score, roc_auc_score

from geolivelihood.errors import InputError
from geolivelihood.validation import (
    block_bootstrap,
    block_se,
    intervals,
    paired_difference,
    wilson_interval,
)
from geolivelihood.validation.intervals import influence
from geolivelihood.validation.metrics import r2, regression_scores
from geolivelihood.validation.resampling import block_counts, score_functions

Y = np.arange(1.0, 7)
P = np.array([1.5, 2.5, 2, 4.5, 4, 6.5])
BLOCKS = np.repeat([0, 1, 2], 2)


def test_vector_of_the_quick_error():
    sums = np.bincount(BLOCKS, influence(Y, P, "r2"))
    np.testing.assert_allclose(sums, [0.054694, -0.066531, 0.011837], atol=1e-6)
    assert block_se(Y, P, BLOCKS) == pytest.approx(0.106474, abs=1e-6)
    assert block_se(Y, P, BLOCKS, score="mse") == pytest.approx(0.125)
    assert np.isnan(block_se(Y, P, np.zeros(6)))
    with pytest.raises(InputError, match="no quick standard error"):
        block_se(Y, P, BLOCKS, score="kendall_tau")


def test_vector_of_all_resamples():
    draws = [np.bincount(draw, minlength=3) for draw in itertools.product(range(3), repeat=3)]
    values = score_functions(Y, P, BLOCKS)["r2"]()(np.array(draws, dtype=float))
    assert np.median(values) == pytest.approx(0.670732, abs=1e-6)


def rows_of(count, block):
    return np.concatenate([np.flatnonzero(block == g).repeat(m) for g, m in enumerate(count.astype(int))])


@pytest.mark.parametrize("name", ["r2", "pearson_r2", "mae", "rmse", "kendall_tau"])
def test_sums_over_blocks_give_the_score_of_the_drawn_rows(name, rng):
    y, p = rng.normal(size=60).round(1), rng.normal(size=60).round(1) + 100
    block = rng.permutation(np.arange(60) % 7)
    counts = block_counts(7, n=20, random_state=1)
    found = score_functions(y, p, block)[name]()(counts)
    expected = [regression_scores(y[i], p[i])[name] for i in (rows_of(count, block) for count in counts)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_class_scores_of_the_drawn_rows(classes, rng):
    y, p = rng.integers(0, classes, 80), rng.integers(0, classes, 80)
    proba = rng.dirichlet(np.ones(classes), 80).round(1)
    block = np.arange(80) % 6
    counts = block_counts(6, n=20, random_state=1)
    functions = score_functions(y, p, block, proba=proba)
    for count, f1, auc in zip(
        counts, functions["macro_f1"]()(counts), functions["auc"]()(counts), strict=True
    ):
        i = rows_of(count, block)
        assert f1 == pytest.approx(f1_score(y[i], p[i], average="macro"))
        aucs = [roc_auc_score(y[i] == k, proba[i, k]) for k in range(classes)]
        assert auc == pytest.approx(aucs[1] if classes == 2 else np.mean(aucs))


def test_interval_holds_the_value_and_repeats(rng):
    y = rng.normal(size=300)
    p = y + rng.normal(size=300)
    block = np.arange(300) // 15
    found = block_bootstrap(y, p, block)
    assert found.lower < found.value < found.upper
    assert found.value == pytest.approx(r2(y, p))
    assert found.n_blocks == 20
    assert found.reliable
    assert found == block_bootstrap(y, p, block)
    assert found != block_bootstrap(y, p, block, random_state=1)
    wider = block_bootstrap(y, p, block, coverage=0.99)
    assert wider.lower < found.lower
    assert wider.upper > found.upper


def test_a_function_gives_the_same_interval_as_its_name(rng):
    y, p = rng.normal(size=(2, 40))
    block = rng.integers(0, 12, 40).astype(str)
    by_name = block_bootstrap(y, p, block, score="r2", n=200)
    by_function = block_bootstrap(y, p, block, score=r2, n=200)
    np.testing.assert_allclose(by_name[:3], by_function[:3])


def test_more_blocks_than_a_matrix_holds(rng, monkeypatch):
    y, p = rng.normal(size=(2, 50))
    labels = (y > 0).astype(int)
    proba = np.stack([1 - p, p], axis=1)
    plain = block_bootstrap(y, p, np.arange(50), score="kendall_tau", n=50)
    auc = block_bootstrap(labels, labels, np.arange(50), score="auc", n=50, proba=proba)
    monkeypatch.setattr(intervals, "_MATRIX_BLOCKS", 10)
    np.testing.assert_allclose(block_bootstrap(y, p, np.arange(50), score="kendall_tau", n=50)[:3], plain[:3])
    again = block_bootstrap(labels, labels, np.arange(50), score="auc", n=50, proba=proba)
    np.testing.assert_allclose(again[:3], auc[:3])
    assert plain.value == pytest.approx(kendalltau(y, p).statistic)


def test_few_blocks_are_unreliable_and_one_has_no_interval():
    assert not block_bootstrap(Y, P, BLOCKS).reliable
    one = block_bootstrap(Y, P, np.zeros(6))
    assert one.value == pytest.approx(0.828571, abs=1e-6)
    assert np.isnan(one.lower)


def test_rows_without_a_prediction_are_left_out():
    with_gap = block_bootstrap(np.append(Y, 3), np.append(P, np.nan), np.append(BLOCKS, 3))
    assert with_gap == block_bootstrap(Y, P, BLOCKS)


def test_neighbours_that_err_together_widen_the_interval(rng):
    block = np.repeat(np.arange(30), 20)
    y = rng.normal(size=600)
    p = y + rng.normal(size=30)[block]
    by_block = block_bootstrap(y, p, block, score="mae")
    by_row = block_bootstrap(y, p, np.arange(600), score="mae")
    assert by_block.upper - by_block.lower > 2 * (by_row.upper - by_row.lower)


def test_a_paired_difference_is_surer(rng):
    block = np.repeat(np.arange(30), 10)
    y = rng.normal(size=300)
    p = y + rng.normal(size=30)[block]
    other = p + 0.1 * rng.normal(size=300)
    found = paired_difference(y, p, other, block, score="rmse")
    alone = block_bootstrap(y, p, block, score="rmse")
    assert found.upper - found.lower < (alone.upper - alone.lower) / 2
    assert found.value < 0
    assert paired_difference(y, p, p, block).value == 0


@pytest.mark.parametrize(
    ("hits", "n", "expected"), [(1134, 1399, (0.789206, 0.830251)), (162, 213, (0.698961, 0.812934))]
)
def test_vectors_of_the_wilson_interval(hits, n, expected):
    assert wilson_interval(hits, n) == pytest.approx(expected, abs=1e-6)


def test_wilson_interval_stays_within_shares():
    assert wilson_interval(0, 7)[0] == pytest.approx(0, abs=1e-12)
    assert wilson_interval(7, 7)[1] == pytest.approx(1, abs=1e-12)
    assert wilson_interval(0, 7)[1] == pytest.approx(1 - wilson_interval(7, 7)[0])
    wide, narrow = wilson_interval(5, 9, coverage=0.99), wilson_interval(5, 9, coverage=0.5)
    assert wide[0] < narrow[0] < 5 / 9 < narrow[1] < wide[1]
    for hits, n, coverage in [(8, 7, 0.95), (0, 0, 0.95), (-1, 7, 0.95), (1, 7, 1.0), (np.nan, 7, 0.95)]:
        with pytest.raises(InputError, match="give 0 <= hits"):
            wilson_interval(hits, n, coverage=coverage)


def test_bad_input():
    with pytest.raises(InputError, match="do not fit"):
        block_bootstrap(Y, P[:3], BLOCKS)
    with pytest.raises(InputError, match="one block id per row"):
        block_bootstrap(Y, P, BLOCKS[:3])
    with pytest.raises(InputError, match="nothing to score"):
        block_bootstrap([np.nan], [1.0], [0])
    with pytest.raises(InputError, match="is unknown"):
        block_bootstrap(Y, P, BLOCKS, score="r3")
