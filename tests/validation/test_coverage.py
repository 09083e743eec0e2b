import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.validation import coverage

HITS, SIZES = [9, 10, 4, 7, 20], [10, 10, 5, 10, 20]
INSIDE = np.concatenate([np.arange(size) < hit for hit, size in zip(HITS, SIZES, strict=True)])
BLOCKS = np.repeat(list("abcde"), SIZES)


def test_vector():
    found = coverage(INSIDE, BLOCKS)
    assert found.coverage == pytest.approx(0.909091, abs=1e-6)
    assert found.se == pytest.approx(0.060336, abs=1e-6)
    assert found.block_mean == pytest.approx(0.88)
    assert found.block_se == pytest.approx(0.058310, abs=1e-6)
    binomial = np.sqrt(found.coverage * (1 - found.coverage) / found.n)
    assert binomial == pytest.approx(0.038764, abs=1e-6)
    assert (found.worst, found.worst_block) == (pytest.approx(0.7), "d")
    assert (found.n, found.n_blocks, found.nominal, found.n_dropped) == (55, 5, 0.9, 0)
    assert found.lower == pytest.approx(0.909091 - 2.776445 * 0.060336, abs=1e-5)
    assert found.upper == 1  # .909 + .168, cut
    np.testing.assert_allclose(found.by_block, [0.9, 1, 0.8, 0.7, 1])
    assert found.by_block.index.tolist() == list("abcde")
    assert np.isnan(found.mean_width)


def test_the_order_of_the_rows_does_not_matter(rng):
    order = rng.permutation(55)
    width = rng.random(55)
    found, other = coverage(INSIDE, BLOCKS, width=width), coverage(INSIDE[order], BLOCKS[order], width=width)
    assert other.by_block.sort_index().equals(found.by_block)
    for name in ("coverage", "se", "lower", "upper", "block_mean", "block_se", "worst", "worst_block"):
        assert getattr(other, name) == pytest.approx(getattr(found, name))
    assert found.mean_width == pytest.approx(width.mean())


def test_without_a_miss_the_bound_is_binomial_over_blocks():
    found = coverage(np.ones(100), np.arange(100) % 10)
    assert (found.coverage, found.se, found.upper) == (1, 0, 1)
    assert found.lower == pytest.approx(0.025**0.1)
    none = coverage(np.zeros(100), np.arange(100) % 10)
    assert (none.lower, none.upper) == (0, pytest.approx(1 - 0.025**0.1))


def test_one_block_has_no_error():
    found = coverage([1, 1, 0, 1], np.zeros(4))
    assert found.coverage == 0.75
    assert np.isnan([found.se, found.lower, found.upper, found.block_se]).all()


def test_rows_without_an_interval_are_counted():
    inside = np.append(INSIDE.astype(float), [np.nan, np.nan])
    blocks = np.append(BLOCKS.astype(object), ["a", None])
    found = coverage(inside, blocks, width=np.append(np.ones(55), [np.nan, 9]))
    assert found.n_dropped == 2
    assert found.coverage == pytest.approx(0.909091, abs=1e-6)
    assert found.mean_width == 1


def test_bad_input():
    with pytest.raises(InputError, match="one block id per row"):
        coverage([1, 0], [0])
    with pytest.raises(InputError, match="no coverage to measure"):
        coverage([np.nan], [0])
    with pytest.raises(InputError, match="no block"):
        coverage([1, 0], [0, None])
    with pytest.raises(InputError, match="one width per row"):
        coverage([1, 0], [0, 1], width=[1.0])
