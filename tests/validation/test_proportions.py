from __future__ import annotations

import pytest

from geolivelihood.errors import InputError
from geolivelihood.validation.proportions import wilson_interval


@pytest.mark.parametrize(
    ("hits", "n", "expected"), [(1134, 1399, (0.789206, 0.830251)), (162, 213, (0.698961, 0.812934))]
)
def test_vectors(hits, n, expected):
    assert wilson_interval(hits, n) == pytest.approx(expected, abs=1e-6)


def test_ends_stay_inside():
    lower, upper = wilson_interval(0, 10)
    assert lower == pytest.approx(0, abs=1e-12) and 0.2 < upper < 0.35
    assert wilson_interval(10, 10)[1] == pytest.approx(1)
    assert wilson_interval(5, 10, coverage=0.5)[0] > wilson_interval(5, 10)[0]


@pytest.mark.parametrize(("hits", "n"), [(0, 0), (3, 2), (-1, 4)])
def test_refuses_impossible_counts(hits, n):
    with pytest.raises(InputError, match="hits"):
        wilson_interval(hits, n)
