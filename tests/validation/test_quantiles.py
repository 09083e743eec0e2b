import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from geolivelihood.errors import InputError
from geolivelihood.validation import conformal_quantile

BLOCKED = np.array([0.1, 0.5, 0.9, 0.2, 0.4, 0.3, 0.6, 0.7, 0.8, 1.0])
BLOCKS = np.array(["a"] * 3 + ["b"] * 2 + ["c"] + ["d"] * 4)


@pytest.mark.parametrize(
    ("n", "alpha", "k"), [(9, 0.1, 9), (8, 0.1, np.inf), (20, 0.1, 19), (99, 0.1, 90), (19, 0.05, 19)]
)
def test_vectors_of_the_index(n, alpha, k):
    ranks = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    assert conformal_quantile(ranks, alpha=alpha) == k
    assert conformal_quantile(-ranks, alpha=alpha, tail="lower") == -k


def test_the_product_is_rounded_before_the_index():
    ranks = np.arange(1.0, 10)
    assert (1 - 0.8) * 10 < 2  # in floats
    assert conformal_quantile(ranks, alpha=1 - 0.8, tail="lower") == 2
    assert conformal_quantile(ranks, alpha=0.8) == 2


@pytest.mark.parametrize(("alpha", "expected"), [(0.3, 0.9), (0.2, 1.0), (0.1, np.inf)])
def test_vectors_over_blocks(alpha, expected):
    assert conformal_quantile(BLOCKED, alpha=alpha, blocks=BLOCKS) == expected
    assert conformal_quantile(-BLOCKED, alpha=alpha, blocks=BLOCKS, tail="lower") == -expected


def test_vector_of_pooled_rows():
    assert conformal_quantile(BLOCKED, alpha=0.3) == 0.8


@pytest.mark.parametrize(("alpha", "least"), [(0.1, 9), (0.05, 19), (0.2, 4)])
def test_blocks_that_a_finite_quantile_takes(alpha, least, rng):
    scores = rng.random(7 * least)
    blocks = np.arange(7 * least) % least
    assert np.isfinite(conformal_quantile(scores, alpha=alpha, blocks=blocks))
    fewer = blocks > 0
    assert conformal_quantile(scores[fewer], alpha=alpha, blocks=blocks[fewer]) == np.inf


@pytest.mark.parametrize(("n", "sd"), [(50, 0.041), (200, 0.021), (1000, 0.009)])
def test_spread_of_the_coverage_given_the_calibration(n, sd):
    left = np.floor((n + 1) * 0.1)
    assert beta(n + 1 - left, left).std() == pytest.approx(sd, abs=5e-4)
    scores = np.random.default_rng(1).random((3000, n))
    covered = [conformal_quantile(some) for some in scores]  # of uniform scores: the quantile itself
    assert np.std(covered) == pytest.approx(sd, rel=0.1)
    assert np.mean(covered) == pytest.approx(1 - left / (n + 1), abs=0.003)


def brute_force(scores, blocks, alpha):
    """By the definition: least score at which the distribution function reaches 1 − α."""
    names, sizes = np.unique(blocks, return_counts=True)
    size = dict(zip(names, sizes, strict=True))
    for score in np.sort(scores):
        mass = sum(1 / size[b] for s, b in zip(scores, blocks, strict=True) if s <= score)
        if mass / (len(names) + 1) >= 1 - alpha - 1e-12:
            return score
    return np.inf


rows = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 6)), min_size=1, max_size=40)


@given(rows, st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.5, 0.9]), st.randoms())
def test_agrees_with_the_definition_in_any_order(some, alpha, random):
    scores, blocks = np.array(some, dtype=float).T
    expected = brute_force(scores, blocks, alpha)
    assert conformal_quantile(scores, alpha=alpha, blocks=blocks) == expected
    random.shuffle(some)
    scores, blocks = np.array(some, dtype=float).T
    assert conformal_quantile(scores, alpha=alpha, blocks=blocks) == expected


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=30), st.sampled_from([0.05, 0.1, 0.3]))
def test_rows_are_blocks_of_one(scores, alpha):
    blocks = np.arange(len(scores))
    assert conformal_quantile(scores, alpha=alpha) == conformal_quantile(scores, alpha=alpha, blocks=blocks)


def test_bad_input():
    assert conformal_quantile([0.3, np.nan, 0.1, 0.2], alpha=0.25) == 0.3
    assert conformal_quantile([], alpha=0.5) == np.inf
    assert conformal_quantile([2.0] * 12) == 2
    gap = np.array([0, None, 1], dtype=object)
    assert conformal_quantile([1, np.nan, 3], alpha=0.5, blocks=gap) == 3
    with pytest.raises(InputError, match="1 rows have no block"):
        conformal_quantile([1, 2, 3], blocks=gap)
    with pytest.raises(InputError, match="one block id per row"):
        conformal_quantile([1, 2, 3], blocks=[0, 1])
    with pytest.raises(InputError, match="alpha=90"):
        conformal_quantile([1, 2, 3], alpha=90)
    with pytest.raises(InputError, match="'upper' or 'lower'"):
        conformal_quantile([1, 2, 3], tail="both")
