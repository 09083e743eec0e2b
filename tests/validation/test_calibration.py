import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from geolivelihood.errors import InputError
from geolivelihood.validation import Temperature, brier_parts, flagged, recall_threshold, reliability_curve

Y = np.array([0, 0, 0, 1, 0, 1, 0, 1, 1, 1])
P = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.6, 0.7, 0.8, 0.9, 0.95])
Z = np.array([-4, -3, -2, 2, 1, 3, -1, 4, 2, 5])
LABEL = np.repeat([0, 1], 5)
POSITIVES = np.array([0.15, 0.3, 0.35, 0.4, 0.55, 0.6, 0.7, 0.8, 0.85, 0.95])


def test_vector_of_brier():
    found = brier_parts(Y, P, bins=5)
    assert found.brier == pytest.approx(0.136750)
    assert found.ece == pytest.approx(0.135)
    assert found.reliability == pytest.approx(0.027375)
    assert found.resolution == pytest.approx(0.1)
    assert found.uncertainty == pytest.approx(0.25)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=60), st.randoms())
def test_the_parts_sum_for_binned_probabilities(rows, random):
    y, p = np.array(rows, dtype=float).T
    found = brier_parts(y, p / 3, bins=len(rows))
    assert found.reliability - found.resolution + found.uncertainty == pytest.approx(found.brier)
    random.shuffle(rows)
    y, p = np.array(rows, dtype=float).T
    assert brier_parts(y, p / 3, bins=len(rows)) == pytest.approx(found)


def test_equal_probabilities_share_a_bin():
    found = brier_parts(Y, np.full(10, 0.5), bins=5)
    assert found == pytest.approx((0.25, 0, 0, 0.25, 0))
    assert len(reliability_curve(Y, np.full(10, 0.5), np.arange(10))) == 1


def test_curve_of_honest_probabilities(rng):
    p = rng.random(4000)
    y = rng.random(4000) < p
    curve = reliability_curve(y, p, np.arange(4000) // 40, bins=8, n=500)
    assert curve["n"].tolist() == [500] * 8
    assert curve["predicted"].is_monotonic_increasing
    assert (curve["lower"] < curve["observed"]).all()
    assert (curve["observed"] < curve["upper"]).all()
    assert ((curve["lower"] < curve["predicted"]) & (curve["predicted"] < curve["upper"])).sum() >= 6
    assert curve.equals(reliability_curve(y, p, np.arange(4000) // 40, bins=8, n=500))


def test_the_band_resamples_blocks(rng):
    p = np.tile([0.3, 0.7], 500)
    block = np.repeat(np.arange(25), 40)
    y = rng.random(1000) < p + rng.choice([-0.25, 0.25], 25)[block]
    by_block = reliability_curve(y, p, block, bins=2)
    by_row = reliability_curve(y, p, np.arange(1000), bins=2)
    assert ((by_block["upper"] - by_block["lower"]) > 1.5 * (by_row["upper"] - by_row["lower"])).all()


def test_the_band_of_all_resamples_of_two_blocks():
    curve = reliability_curve([0, 1, 1, 1], [0.5] * 4, ["a", "a", "b", "b"], coverage=0.6, n=4000)
    # a mean of .5, .75 or 1 with chances 1/4, 1/2, 1/4
    assert curve.loc[0, ["lower", "observed", "upper"]].tolist() == [0.5, 0.75, 1]
    curve = reliability_curve([0, 1, 1, 1], [0.1, 0.1, 0.9, 0.9], ["a", "a", "b", "b"], bins=2)
    assert curve["n_blocks"].tolist() == [1, 1]
    assert curve[["lower", "upper"]].isna().all(axis=None)


def test_vector_of_the_temperature():
    before = log_loss(LABEL, 1 / (1 + np.exp(-Z)))
    scaler = Temperature().fit(Z, LABEL)
    assert scaler.temperature_ == pytest.approx(1.716570, abs=1e-6)
    assert before == pytest.approx(0.514750, abs=1e-6)
    assert log_loss(LABEL, scaler.transform(Z)) == pytest.approx(0.459173, abs=1e-6)


def test_two_classes_are_two_columns_with_one_zero():
    columns = np.stack([np.zeros(10), Z], axis=1)
    both = Temperature().fit(columns, LABEL)
    assert both.temperature_ == pytest.approx(1.716570, abs=1e-6)
    np.testing.assert_allclose(both.transform(columns)[:, 1], Temperature().fit(Z, LABEL).transform(Z))
    doubled = Temperature().fit(np.stack([-Z, Z], axis=1), LABEL)
    assert doubled.temperature_ == pytest.approx(2 * 1.716570, abs=1e-5)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_temperature_of_drawn_classes_is_found(scale, rng):
    z = rng.normal(size=(20_000, 4)) * 2
    label = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    scaler = Temperature().fit(z * scale, label)
    assert scaler.temperature_ == pytest.approx(scale, rel=0.05)
    proba = scaler.transform(z * scale)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    for other in (0.98, 1.02):
        worse = Temperature()
        worse.temperature_ = scaler.temperature_ * other
        assert log_loss(label, worse.transform(z * scale)) > log_loss(label, proba)


def test_the_cap_of_the_temperature():
    with pytest.warns(UserWarning, match="separate the classes"):
        assert Temperature().fit([-1, -2, 3], [0, 0, 1]).temperature_ == 1 / 20
    with pytest.warns(UserWarning, match="do not rise"):
        assert Temperature().fit([1, 2, -3], [0, 0, 1]).temperature_ == 20
    with pytest.warns(UserWarning, match="do not rise"):
        assert Temperature().fit(np.zeros(4), [0, 1, 0, 1]).temperature_ == 20


def test_gaps_and_bad_logits():
    gap = Temperature().fit(np.append(Z, [np.nan, 3]), np.append(LABEL, [1, np.nan]))
    assert gap.temperature_ == Temperature().fit(Z, LABEL).temperature_
    with pytest.raises(InputError, match="one class per row"):
        Temperature().fit(Z, [0, 1])
    with pytest.raises(InputError, match="y holds 2"):
        Temperature().fit(Z, LABEL + 1)
    with pytest.raises(InputError, match="both logits and a class"):
        Temperature().fit([np.nan], [1])
    with pytest.raises(InputError, match="logits has shape"):
        Temperature().fit(np.zeros((2, 2, 2)), [0, 1])


@pytest.mark.parametrize(("recall", "expected"), [(0.9, 0.15), (0.8, 0.3), (0.95, -np.inf)])
def test_vectors_of_the_recall(recall, expected):
    assert recall_threshold(POSITIVES, recall=recall) == expected


def test_the_empirical_cut_undershoots(rng):
    positives, new = rng.random((4000, 20)), rng.random(4000)
    # the cut that finds 18 of these 20
    empirical = np.quantile(positives, 0.1, axis=1, method="higher")
    ours = np.array([recall_threshold(some, recall=0.9) for some in positives])
    assert (1 - ours).mean() == pytest.approx(0.905, abs=0.005)  # the recall of uniform scores
    assert (1 - empirical).mean() == pytest.approx(0.857, abs=0.005)
    assert (new >= ours).mean() == pytest.approx(0.905, abs=0.015)


def test_recall_over_blocks():
    scores = [0.1, 0.5, 0.9, 0.2, 0.4, 0.3, 0.6, 0.7, 0.8, 1.0]
    blocks = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3]
    # of the mass 5 (one for the block to come) 3.167 lie at .3 or above, 3.667 at .2: .7 needs 3.5
    assert recall_threshold(scores, recall=0.7, blocks=blocks) == 0.2
    assert recall_threshold(scores, recall=0.9, blocks=blocks) == -np.inf


def test_what_a_threshold_costs():
    found = flagged(Y, P, 0.3)
    assert found == pytest.approx((1, 5 / 7, 0.7))
    assert flagged(Y, P, -np.inf) == pytest.approx((1, 0.5, 1))
    nothing = flagged(Y, P, 2)
    assert (nothing.recall, nothing.share) == (0, 0)
    assert np.isnan(nothing.precision)
    assert np.isnan(flagged([0, 0], [0.1, 0.2], 0).recall)
    assert flagged([0, 1], [-3.0, 7.0], 0) == (1, 1, 0.5)


def test_bad_input():
    with pytest.raises(InputError, match="one number each per row"):
        brier_parts(Y, P[:3])
    with pytest.raises(InputError, match="Give probabilities"):
        brier_parts(Y, 2 * P)
    with pytest.raises(InputError, match="y holds 2"):
        brier_parts(Y * 2, P)
    with pytest.raises(InputError, match="held-out rows"):
        brier_parts([np.nan], [0.5])
    with pytest.raises(InputError, match="bins=0"):
        brier_parts(Y, P, bins=0)
    with pytest.raises(InputError, match="no block"):
        reliability_curve([0, 1], [0.2, 0.8], [0, None])
    with pytest.raises(InputError, match="recall=1"):
        recall_threshold(POSITIVES, recall=1)
    assert brier_parts(np.append(Y, np.nan), np.append(P, 1), bins=5) == brier_parts(Y, P, bins=5)
