import json
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from geolivelihood.errors import InputError
from geolivelihood.validation import (
    ConformalIntervals,
    conformal_quantile,
    coverage,
    cross_conformal,
    nested_coverage,
    nested_intervals,
)

RESIDUALS = np.array([0.4, 0.1, 0.9, 0.3, 0.6, 0.2, 0.8, 0.5, 0.7])
SD = np.array([0.2, 0.1, 0.3, 0.3, 0.2, 0.4, 0.2, 0.5, 0.35])
BLOCKED = np.array([0.1, 0.5, 0.9, 0.2, 0.4, 0.3, 0.6, 0.7, 0.8, 1.0])
BLOCKS = np.array(["a"] * 3 + ["b"] * 2 + ["c"] + ["d"] * 4)

# conformalised quantile regression
CQR_Y = np.arange(1.0, 12)
CQR_LOWER = CQR_Y - np.array([0.5, -0.2, 0.3, 1, 0.1, -0.4, 0.6, 0.2, 0.8, -0.1, 0.4])
CQR_UPPER = CQR_Y + np.array([0.3, 0.6, -0.5, 0.2, 0.4, 0.9, -0.2, 0.1, -0.8, 0.5, 0.7])


def fitted(y, prediction=None, **given):
    fits = {
        name: given.pop(name) for name in ("blocks", "scale", "lower", "upper", "groups") if name in given
    }
    return ConformalIntervals(**given).fit(y, np.zeros(len(y)) if prediction is None else prediction, **fits)


def test_vector_of_the_normalised_score():
    intervals = fitted(RESIDUALS, scale=SD, score="normalised", method="rows", alpha=0.2, scale_floor=0)
    assert intervals.quantiles_ == {None: pytest.approx(3)}
    lower, upper, pooled = intervals.predict([1.0], scale=[0.25])
    assert (lower[0], upper[0], pooled.tolist()) == (pytest.approx(0.25), pytest.approx(1.75), [True])
    plain = fitted(RESIDUALS, method="rows", alpha=0.2)
    assert plain.quantiles_ == {None: 0.8}


def test_epsilon_is_a_tenth_of_the_median():
    intervals = fitted(RESIDUALS, scale=SD, score="normalised", method="rows", alpha=0.2)
    assert intervals.scale_offset_ == pytest.approx(0.1 * 0.3)
    expected = conformal_quantile(RESIDUALS / (SD + 0.03), alpha=0.2)
    assert intervals.quantiles_[None] == pytest.approx(expected)
    lower, upper, _ = intervals.predict([1.0], scale=[0.0])
    assert upper[0] - lower[0] == pytest.approx(2 * expected * 0.03)


@pytest.mark.filterwarnings("ignore:4 blocks are too few")
@pytest.mark.parametrize(
    ("method", "alpha", "expected"),
    [
        ("hierarchical", 0.3, 0.9),
        ("rows", 0.3, 0.8),
        ("ecdf", 0.3, 0.6),
        ("hierarchical", 0.2, 1),
        ("hierarchical", 0.1, np.inf),
    ],
)
def test_vectors_over_blocks(method, alpha, expected):
    signed = BLOCKED * np.resize([1, -1], 10)
    assert fitted(signed, blocks=BLOCKS, method=method, alpha=alpha).quantiles_ == {None: expected}


def test_vectors_of_quantile_regression():
    ends = {"lower": CQR_LOWER, "upper": CQR_UPPER}
    symmetric = fitted(CQR_Y, **ends, score="quantile", method="rows", alpha=0.2)
    assert symmetric.quantiles_[None] == pytest.approx(0.5)
    lower, upper, _ = symmetric.predict([5.0], lower=[4.0], upper=[6.0])
    assert (lower[0], upper[0]) == (pytest.approx(3.5), pytest.approx(6.5))
    apart = fitted(CQR_Y, **ends, score="quantile_asymmetric", method="rows", alpha=0.2)
    assert apart.quantiles_[None] == pytest.approx((0.4, 0.8))
    lower, upper, _ = apart.predict([5.0], lower=[4.0], upper=[6.0])
    assert (lower[0], upper[0]) == (pytest.approx(3.6), pytest.approx(6.8))


def test_ends_that_would_cross_meet():
    y = np.zeros(20)
    wide = fitted(y, lower=y - 2, upper=y + 2, score="quantile", method="rows")
    assert wide.quantiles_[None] == -2
    lower, upper, _ = wide.predict([0, 0.0], lower=[-3, 0.0], upper=[3, 1.0])
    assert lower.tolist() == [-1, 0.5]
    assert upper.tolist() == [1, 0.5]


# x 0 ... 11, least squares without the rows of each fold of three, in turn
X = np.arange(12.0)
Y = np.array([1.1, 1.8, 3.2, 3.9, 5.3, 5.8, 7.4, 7.7, 9.2, 9.9, 11.4, 11.8])
FOLD = np.arange(12) // 3
LINES = [np.polyfit(X[k != FOLD], Y[k != FOLD], 1) for k in range(4)]
OUT_OF_FOLD = np.array([np.polyval(LINES[k], x) for x, k in zip(X, FOLD, strict=True)])


def at(*places):
    return np.array([np.polyval(line, places) for line in LINES])


def test_vectors_of_cross_conformal():
    lower, upper, _ = cross_conformal(at(5.5), Y - OUT_OF_FOLD, FOLD, alpha=0.1)
    np.testing.assert_allclose([lower[0], upper[0]], [6.144444, 6.9], atol=1e-6)
    lower, upper, _ = cross_conformal(at(20), Y - OUT_OF_FOLD, FOLD, alpha=0.2)
    np.testing.assert_allclose([lower[0], upper[0]], [20.7, 21.442222], atol=1e-6)
    lower, upper, _ = cross_conformal(at(5.5, 20), Y - OUT_OF_FOLD, FOLD, alpha=0.05)
    assert lower.tolist() == [-np.inf] * 2
    assert upper.tolist() == [np.inf] * 2
    refit = fitted(Y, OUT_OF_FOLD, method="rows", alpha=0.2)
    centre = np.polyval(np.polyfit(X, Y, 1), 20)
    np.testing.assert_allclose([centre, refit.quantiles_[None]], [21.056876, 0.322222], atol=1e-6)


def test_cross_conformal_over_blocks(rng, monkeypatch):
    error, fold, models = rng.normal(size=60), np.arange(60) % 4, rng.normal(size=(4, 7))
    block = rng.integers(0, 15, 60)
    lower, upper, _ = cross_conformal(models, error, fold, alpha=0.1, blocks=block.astype(str))
    for j in range(7):
        moved = models[fold, j]
        below = conformal_quantile(moved - np.abs(error), blocks=block, tail="lower")
        assert lower[j] == pytest.approx(below)
        assert upper[j] == pytest.approx(conformal_quantile(moved + np.abs(error), blocks=block))
    by_row = cross_conformal(models, error, fold)
    single = cross_conformal(models, error, fold, blocks=np.arange(60))
    np.testing.assert_array_equal(by_row.lower, single.lower)
    module = import_module("geolivelihood.validation.cross_conformal")  # the function has the same name
    monkeypatch.setattr(module, "_CHUNK_VALUES", 120)
    np.testing.assert_array_equal(
        cross_conformal(models, error, fold, blocks=block), np.array([lower, upper, np.ones(7)])
    )
    same = cross_conformal(np.zeros((4, 1)), error, fold, blocks=block)
    assert same.upper[0] == conformal_quantile(
        np.abs(error), blocks=block
    )  # as the refit, where models agree
    few = cross_conformal(models, error, fold, blocks=block % 8)
    assert np.isinf([few.lower, few.upper]).all()


def test_cross_conformal_gaps_and_bad_input():
    models = at(5.5, 5.5)
    models[2, 1] = np.nan
    error, fold = np.append(Y - OUT_OF_FOLD, np.nan), np.append(FOLD, -1)
    lower, upper, _ = cross_conformal(models, error, fold)
    np.testing.assert_allclose(lower, [6.144444, np.nan], atol=1e-6)
    np.testing.assert_allclose(upper, [6.9, np.nan], atol=1e-6)
    with pytest.raises(InputError, match="do not fit"):
        cross_conformal(models[0], error, fold)
    with pytest.raises(InputError, match=r"3 rows have a fold .* \(first: 3\)"):
        cross_conformal(models[:3], error, fold)
    with pytest.raises(InputError, match="No residual"):
        cross_conformal(models, [np.nan], [0])


def groups_and_errors(rng, n_blocks=40):
    block = np.repeat(np.arange(n_blocks), 12)
    urban = block % 2 == 0
    error = rng.normal(size=len(block)) * np.where(urban, 0.5, 2.0)
    return block, urban, error


def test_a_quantile_for_each_group(rng):
    block, urban, error = groups_and_errors(rng)
    intervals = fitted(error, blocks=block, groups=urban)
    for name in (True, False):
        expected = conformal_quantile(np.abs(error[urban == name]), blocks=block[urban == name])
        assert intervals.quantiles_[name] == expected
    assert intervals.quantiles_[None] == conformal_quantile(np.abs(error), blocks=block)
    assert intervals.flagged_ == []
    assert intervals.n_blocks_ == 40
    given = np.array([True, False, None, "peri-urban"], dtype=object)
    lower, upper, pooled = intervals.predict(np.zeros(4), groups=given)
    q = intervals.quantiles_
    assert upper.tolist() == [q[True], q[False], q[None], q[None]]
    np.testing.assert_array_equal(lower, -upper)
    assert pooled.tolist() == [False, False, True, True]


def test_groups_of_few_blocks_use_the_pooled_quantile(rng):
    block, _, error = groups_and_errors(rng)
    group = np.where(block < 8, "few", np.where(block < 17, "enough", "many"))
    intervals = fitted(error, blocks=block, groups=group)
    assert intervals.flagged_ == ["few"]
    assert set(intervals.quantiles_) == {"enough", "many", None}
    _, upper, pooled = intervals.predict([0.0, 0.0], groups=["few", "enough"])
    assert pooled.tolist() == [True, False]
    assert upper[0] == intervals.quantiles_[None]
    # each tail of the asymmetric score takes 19 blocks
    apart = fitted(
        error, blocks=block, groups=group, lower=error * 0, upper=error * 0, score="quantile_asymmetric"
    )
    assert apart.flagged_ == ["few", "enough"]


def test_rows_without_a_group_calibrate_the_pooled_quantile_only(rng):
    block, urban, error = groups_and_errors(rng)
    group = urban.astype(object)
    group[:12] = None
    intervals = fitted(error, blocks=block, groups=group)
    assert intervals.quantiles_[None] == conformal_quantile(np.abs(error), blocks=block)
    some = urban & (np.arange(len(error)) >= 12)
    assert intervals.quantiles_[True] == conformal_quantile(np.abs(error[some]), blocks=block[some])


def test_one_row_of_each_block(rng):
    block = np.repeat(np.arange(20), 5)
    error = block + 0.1 * rng.random(100)  # blocks do not overlap, so the rank tells the block
    found = {
        fitted(error, blocks=block, method="one_per_block", random_state=seed).quantiles_[None]
        for seed in range(20)
    }
    assert len(found) > 2
    assert found <= set(error[block == 18])  # the 19th of 20
    again = [fitted(error, blocks=block, method="one_per_block").quantiles_[None] for _ in range(2)]
    assert again[0] == again[1]


def test_clipping_and_gaps(rng):
    block = np.repeat(np.arange(20), 5)
    error = rng.normal(size=100)
    error[:3] = np.nan
    intervals = fitted(error, blocks=block, bounds=(-0.5, None))
    assert intervals.n_dropped_ == 3
    lower, upper, _ = intervals.predict([0.0, np.nan, -9])
    assert lower[0] == -0.5
    assert upper[0] == intervals.quantiles_[None]
    assert np.isnan([lower[1], upper[1]]).all()
    assert (lower[2], upper[2]) == (-0.5, -0.5)


def test_too_few_blocks_are_infinite_with_a_warning_and_clipped():
    with pytest.warns(UserWarning, match="8 blocks are too few for finite intervals of 90 %; it takes 9"):
        few = fitted(np.arange(16.0), blocks=np.arange(16) % 8, bounds=(0, 1))
    assert few.quantiles_ == {None: np.inf}
    lower, upper, _ = few.predict([0.5])
    assert (lower[0], upper[0]) == (0, 1)


@pytest.mark.filterwarnings("ignore:40 blocks are too few")
@pytest.mark.parametrize("alpha", [0.1, 0.01])
@pytest.mark.parametrize("score", ["absolute", "normalised", "quantile", "quantile_asymmetric"])
def test_through_json(alpha, score, rng):
    block, urban, error = groups_and_errors(rng)
    ends = {"scale": rng.random(480) + 1} if score == "normalised" else {}
    if score.startswith("quantile"):
        ends = {"lower": rng.random(480) - 1, "upper": rng.random(480)}
    group = np.where(block < 6, "few", np.where(urban, "urban", "rural"))
    intervals = fitted(
        error, blocks=block, groups=group, score=score, alpha=alpha, bounds=(None, 9.0), **ends
    )
    text = json.dumps(intervals.to_dict(), allow_nan=False)
    back = ConformalIntervals.from_dict(json.loads(text))
    assert back.get_params() == intervals.get_params()
    assert (back.quantiles_, back.flagged_) == (intervals.quantiles_, intervals.flagged_)
    assert back.to_dict() == intervals.to_dict()
    for one, other in zip(
        back.predict(error, groups=group, **ends), intervals.predict(error, groups=group, **ends), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_groups_that_json_keeps(rng):
    block, urban, error = groups_and_errors(rng)
    for names in (urban, urban.astype(np.int64), np.where(urban, "u", "r").astype(str)):
        back = ConformalIntervals.from_dict(
            json.loads(json.dumps(fitted(error, blocks=block, groups=names).to_dict()))
        )
        assert not back.predict(error, groups=names).pooled.any()
    pairs = np.empty(len(urban), dtype=object)
    pairs[:] = [("u", int(u)) for u in urban]
    with pytest.raises(InputError, match="cannot be written"):
        fitted(error, blocks=block, groups=pairs).to_dict()
    with pytest.raises(InputError, match="alpha, quantiles_ missing"):
        ConformalIntervals.from_dict(
            {
                k: v
                for k, v in fitted(error, blocks=block).to_dict().items()
                if k not in ("alpha", "quantiles_")
            }
        )


def test_is_an_estimator():
    intervals = ConformalIntervals(alpha=0.2, bounds=(0, 1))
    assert clone(intervals).get_params() == intervals.get_params()


# nested: by the definition, one calibration per block


def refitted(y, prediction, blocks, kept_of, groups=None, scale=None, **options):
    lower, upper = np.full((2, len(y)), np.nan)
    for i in range(len(y)):
        kept = kept_of(i)
        given = {name: v for name, v in {"groups": groups, "scale": scale}.items() if v is not None}
        intervals = ConformalIntervals(**options).fit(
            y[kept], prediction[kept], blocks=blocks[kept], **{k: v[kept] for k, v in given.items()}
        )
        band = intervals.predict(prediction[[i]], **{k: v[[i]] for k, v in given.items()})
        lower[i], upper[i] = band.lower[0], band.upper[0]
    return lower, upper


@pytest.mark.filterwarnings("ignore:.*too few for finite")
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["hierarchical", "rows", "ecdf"]),
    st.booleans(),
    st.sampled_from([None, "whole", "cut"]),
)
def test_nested_is_a_calibration_without_each_block(seed, method, grouped, folds):
    rng = np.random.default_rng(seed)
    block = rng.integers(0, 14, 40)
    y, p = rng.normal(size=(2, 40)).round(1)
    y[:4] = np.nan
    groups = rng.integers(0, 2, 40) if grouped else None
    fold = {None: block, "whole": block % 5, "cut": rng.integers(0, 5, 40)}[folds]
    found = nested_intervals(
        y, p, block, alpha=0.25, method=method, groups=groups, folds=None if folds is None else fold
    )
    lower, upper = refitted(
        y,
        p,
        block,
        lambda i: (block != block[i]) & (fold != fold[i]),
        groups=groups,
        alpha=0.25,
        method=method,
    )
    np.testing.assert_allclose(found.lower, lower)
    np.testing.assert_allclose(found.upper, upper)


def test_nested_scores_and_bounds(rng):
    block, urban, error = groups_and_errors(rng)
    scale = np.where(urban, 0.5, 2.0)
    y = 1 + error
    common = {"bounds": (0, 9.0), "folds": block % 5}
    wide = nested_coverage(y, np.ones(480), block, **common)
    narrow = nested_coverage(y, np.ones(480), block, score="normalised", scale=scale, **common)
    assert narrow.mean_width < wide.mean_width
    grouped = nested_intervals(y, np.ones(480), block, groups=urban, **common)
    assert not grouped.pooled.any()
    assert grouped.lower.min() >= 0
    assert (grouped.upper[urban] < grouped.upper[~urban].min()).all()
    ends = {"lower": 1 - scale, "upper": 1 + scale}
    for score in ("quantile", "quantile_asymmetric"):
        assert 0.87 < nested_coverage(y, np.ones(480), block, score=score, **ends).coverage < 0.95


def test_nested_coverage_counts_the_hits(rng):
    block, _, error = groups_and_errors(rng)
    error[5] = np.nan
    prediction = np.zeros(480)
    prediction[7] = np.nan
    bands = nested_intervals(error, prediction, block)
    assert np.isfinite(bands.lower[5])
    assert np.isnan(bands.lower[7])
    found = nested_coverage(error, prediction, block)
    inside = np.where(
        np.isnan(error) | np.isnan(prediction), np.nan, (bands.lower <= error) & (error <= bands.upper)
    )
    expected = coverage(inside, block, width=bands.upper - bands.lower)
    assert found[:12] == expected[:12]
    assert found.n_dropped == 2


def test_groups_too_small_without_the_tested_block_are_flagged():
    block = np.repeat(np.arange(20), 3)
    group = np.where(block < 9, "nine", "eleven")
    error = np.tile([0.1, 0.2, 0.3], 20) * np.where(block < 9, 1, 10)
    assert fitted(error, blocks=block, groups=group).flagged_ == []
    bands = nested_intervals(error, np.zeros(60), block, groups=group)
    assert bands.pooled[block < 9].all()
    assert not bands.pooled[block >= 9].any()


def test_no_block_of_the_answer_is_in_its_calibration():
    block = np.repeat(np.arange(30), 4)
    error = np.ones(120)
    error[block == 3] = 50
    bands = nested_intervals(error, np.zeros(120), block)
    assert (bands.upper[block == 3] == 1).all()
    found = nested_coverage(error, np.zeros(120), block)
    assert (found.worst, found.worst_block) == (0, 3)
    assert found.coverage == pytest.approx(29 / 30)


# coverage of new blocks, by simulation: small blocks are harder, and rows of a block err together


def drawn_blocks(rng, n_blocks):
    small = rng.random(n_blocks) < 0.5
    size = np.where(small, 4, 40)
    level = rng.normal(size=n_blocks) * np.where(small, 2.0, 0.7)
    block = np.repeat(np.arange(n_blocks), size)
    return block, level[block] + 0.5 * rng.normal(size=len(block))


def simulated(method, n_blocks, *, draws=250):
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(draws):
        block, error = drawn_blocks(rng, n_blocks)
        new, truth = drawn_blocks(rng, 50)
        intervals = fitted(error, blocks=block, method=method)
        inside = np.abs(truth) <= intervals.quantiles_[None]
        shares.append((np.bincount(new, inside) / np.bincount(new)).mean())
    return np.mean(shares)


@pytest.mark.parametrize("n_blocks", [10, 20, 50])
def test_pooled_rows_undercover_new_blocks_and_block_weights_do_not(n_blocks):
    found = {
        method: simulated(method, n_blocks) for method in ("rows", "ecdf", "one_per_block", "hierarchical")
    }
    assert found["rows"] < 0.84
    assert found["hierarchical"] >= 0.9
    assert found["hierarchical"] <= 0.9 + 2 / (n_blocks + 1) + 0.01
    assert found["one_per_block"] == pytest.approx(0.9, abs=0.02)
    assert found["ecdf"] < found["hierarchical"]


def test_nested_coverage_tells_the_methods_apart():
    shares = {"rows": [], "hierarchical": []}
    rng = np.random.default_rng(3)
    for _ in range(30):
        block, error = drawn_blocks(rng, 60)
        for method, found in shares.items():
            found.append(nested_coverage(error, np.zeros(len(error)), block, method=method).block_mean)
    assert np.mean(shares["rows"]) < 0.84
    assert 0.9 <= np.mean(shares["hierarchical"]) <= 0.94


# what is refused


@pytest.mark.parametrize(
    ("options", "given", "says"),
    [
        ({"alpha": 1.5}, {}, "alpha=1.5"),
        ({"score": "relative"}, {}, "score='relative' is unknown"),
        ({"method": "split"}, {}, "method='split' is unknown"),
        ({"bounds": (1, 0)}, {}, r"bounds=\(1, 0\)"),
        ({"scale_floor": -1}, {}, "scale_floor=-1"),
        ({}, {"blocks": None}, "blocks is missing"),
        ({}, {"blocks": np.arange(8)}, "one block id per row"),
        ({}, {"blocks": [None] + [0] * 8}, "1 rows have no block"),
        ({}, {"groups": ["a"]}, "one label per row"),
        ({}, {"scale": SD}, "scale is given"),
        ({"score": "normalised"}, {}, "scale is missing"),
        ({"score": "normalised"}, {"scale": -SD}, "9 negative"),
        ({"score": "normalised"}, {"scale": SD * 0}, "9 zeros"),
        ({"score": "normalised"}, {"scale": SD[:2]}, "one number per row"),
        ({"score": "quantile"}, {"lower": SD}, "upper is missing"),
    ],
)
def test_bad_input(options, given, says):
    with pytest.raises(InputError, match=says):
        fitted(RESIDUALS, **options, **{"blocks": np.arange(9), **given})


def test_bad_rows():
    with pytest.raises(InputError, match="None of 2 rows"):
        fitted([np.nan, np.nan], blocks=[0, 1])
    with pytest.raises(InputError, match="None of 0 rows"):
        fitted([], blocks=[])
    with pytest.raises(InputError, match="prediction has shape"):
        fitted(RESIDUALS, np.zeros((9, 1)), blocks=np.arange(9))
    with pytest.raises(InputError, match="y has shape"):
        fitted(RESIDUALS, np.zeros(8), blocks=np.arange(8))
    with pytest.raises(InputError, match="folds has shape"):
        nested_intervals(RESIDUALS, np.zeros(9), np.arange(9), folds=[0])
    grouped = fitted(RESIDUALS, blocks=np.arange(9), groups=["a"] * 9)
    with pytest.raises(InputError, match="groups is missing, unlike in fit"):
        grouped.predict([1.0])
    with pytest.warns(UserWarning, match="1 blocks are too few"):
        assert fitted([3.0], blocks=["a"]).quantiles_ == {None: np.inf}
    assert fitted(np.full(12, 3.0), blocks=np.arange(12)).quantiles_ == {None: 3}
