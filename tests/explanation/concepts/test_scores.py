"""Concept scores: vectors of the specification, section 5, and tests against chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts import (
    benjamini_hochberg,
    concept_scores,
    concept_test,
    concept_values,
    concept_vectors,
    mean_sensitivity,
    positive_magnitude_share,
    sign_count,
    symmetric_scale,
)

A = np.array([[1.2, 0, 0.7, 2], [0.3, 1.5, 0.2, 0.4], [0.9, 0.6, 1.1, 0]])
BASE = np.array([0.1, 0.2, 0, 0.3])
W = np.array([0.5, -1, 0.8, 0.25])
V = np.array([0.6, 0.4, -0.2, -0.5])
RANDOM = [0.52, 0.44, 0.61, 0.39, 0.55, 0.47, 0.58, 0.50, 0.42, 0.49]


def test_values_of_a_linear_head():
    values = concept_values(A, BASE, W, V[None])
    assert np.allclose(values[:, 0], [0.0855, -0.5045, -0.0585])
    assert sign_count(values)[0] == pytest.approx(1 / 3, abs=1e-6)
    assert mean_sensitivity(values)[0] == pytest.approx(-0.159166667)
    assert positive_magnitude_share(values)[0] == pytest.approx(0.0855 / 0.6485)
    assert np.isclose(W @ V, -0.385)
    attributions = (A - BASE) * W
    assert np.allclose(attributions.sum(axis=1), [1.735, -1.015, 0.805])
    assert np.allclose(attributions.sum(axis=1), A @ W - BASE @ W)


def test_the_share_of_nothing_is_unknown():
    assert np.isnan(positive_magnitude_share(np.zeros((3, 1)))[0])


@pytest.mark.parametrize(
    ("concept", "t", "df", "p_t", "p_emp"),
    [
        ([0.71, 0.68, 0.75, 0.66, 0.73, 0.70, 0.64, 0.77, 0.69, 0.72],
         8.147297226, 14.236569436, 9.864783e-7, 0.090909),
        ([0.55, 0.41, 0.63, 0.58, 0.49, 0.60, 0.46, 0.57, 0.52, 0.61],
         1.424846749, None, 0.171312047, 0.636364),
    ],
)  # fmt: skip
def test_against_random_vectors(concept, t, df, p_t, p_emp):
    found = concept_test(concept, RANDOM)
    assert found.t == pytest.approx(t, abs=1e-9)
    assert df is None or found.df == pytest.approx(df, abs=1e-9)
    assert found.p_t == pytest.approx(p_t, rel=1e-6) and found.p_emp == pytest.approx(p_emp, abs=1e-6)


def test_the_test_is_two_sided():
    mirrored = concept_test(1 - np.array(RANDOM) - 0.3, 1 - np.array(RANDOM))
    assert mirrored.t < 0 and mirrored.p_t < 0.05
    assert concept_test(1 - np.array(RANDOM) + 0.3, 1 - np.array(RANDOM)).p_t == pytest.approx(mirrored.p_t)


def test_what_does_not_vary():
    assert concept_test([1, 1], [1, 1])[0::2] == (0.0, 1.0)
    assert concept_test([1, 1], [0, 0]).p_t == 0
    with pytest.raises(InputError, match="at least two"):
        concept_test([1.0], RANDOM)


def test_false_discoveries():
    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074]
    assert np.allclose(benjamini_hochberg(p), [0.007, 0.028, 0.0588, 0.0588, 0.0588, 0.07, 0.074])
    assert np.allclose(benjamini_hochberg([np.nan, 0.01]), [np.nan, 0.01], equal_nan=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_q_is_no_less_than_p_and_keeps_the_order(p):
    q = benjamini_hochberg(p)
    assert (q >= np.array(p) - 1e-12).all() and (q <= 1).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()


def test_one_symmetric_scale():
    assert np.allclose(symmetric_scale([-4, -1, 0.5, 2]), [-1, -0.25, 0.125, 0.5])
    assert np.allclose(symmetric_scale([0, 0]), 0)


def learned(rng, n=50, d=40):
    """Two concepts, of which the prediction knows one; and a set of random pictures that is none."""
    others = rng.normal(size=(400, d))
    sets = {
        "known": rng.normal(size=(n, d)) + 2 * np.eye(d)[0],
        "unknown": rng.normal(size=(n, d)) + 2 * np.eye(d)[1],
        "chance": rng.normal(size=(n, d)),
    }
    return concept_vectors(sets, others, method="ridge", n_repeats=10, n_random=80)


def test_a_concept_that_moves_the_prediction_is_significant_and_chance_is_not(rng):
    vectors = learned(rng)
    images = rng.normal(size=(30, 40))
    slope = 3.0 * np.eye(40)[0] + 0.5 * np.eye(40)[5]
    scores = concept_scores(images, vectors, gradients=slope, target="wealth", layer="avgpool")
    table = scores.table.set_index("concept")
    assert table.loc["known", "significant"] and table.loc["known", "mean"] > 1
    assert not table.loc["chance", "significant"] and table.loc["chance", "weak"]
    assert table.loc["known", "ci_lower"] < table.loc["known", "mean"] < table.loc["known", "ci_upper"]
    assert table.loc["known", "sign_count"] == 1
    assert list(scores.table)[:3] == ["concept", "target", "layer"]
    assert scores.values.shape == scores.cosines.shape == (30, 3)
    # the mean picture is the baseline: values are what sets a picture apart
    assert np.allclose(scores.values.mean(), 0)
    assert np.corrcoef(scores.values["known"], images[:, 0])[0, 1] > 0.8


def test_the_repeats_of_one_set_are_no_sample(rng):
    # sets of random pictures are no concepts; Welch's test alone would find most of them significant
    sets = {f"set {k}": rng.normal(size=(40, 24)) for k in range(30)}
    vectors = concept_vectors(sets, rng.normal(size=(300, 24)), method="mean", n_repeats=20, n_random=100)
    table = concept_scores(rng.normal(size=(5, 24)), vectors, gradients=rng.normal(size=24)).table
    assert (table["p_t"] < 0.05).mean() > 0.25
    assert (table["p_emp"] < 0.05).mean() < 0.15 and not table["significant"].any()


def test_layers_without_a_linear_head(rng):
    vectors = learned(rng)
    images = rng.normal(size=(30, 40))
    slopes = np.tile(np.eye(40)[0], (30, 1)) * rng.uniform(0.5, 1, size=(30, 1))
    scores = concept_scores(images, vectors, gradients=slopes, statistic="positive_share")
    assert np.allclose(scores.values["known"], slopes @ vectors.mean_directions[0])
    assert scores.table["sign_count"].iloc[0] == 1
    given = concept_scores(images, vectors, gradients=slopes, attributions=images * slopes)
    assert np.allclose(given.values, (images * slopes) @ vectors.mean_directions.T)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gradients": np.ones(40), "statistic": "positive_share"}, "one slope per concept"),
        ({"gradients": np.ones(40), "statistic": "median"}, "'mean' or 'positive_share'"),
        ({"gradients": np.ones((3, 40))}, "one per picture"),
        ({"gradients": np.ones(7)}, "a layer with 40"),
    ],
)
def test_scores_that_are_not_to_be_had(rng, options, message):
    vectors = learned(rng)
    with pytest.raises(InputError, match=message):
        concept_scores(np.ones((5, 40)), vectors, **options)


def test_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="Shapes do not fit"):
        concept_values(A, BASE, W, V)
