"""Class breaks, their labels, and colour ramps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.layers.breaks import (
    class_breaks,
    number_text,
    plain_number,
    quantile_breaks,
    range_labels,
    symmetric_breaks,
)
from geolivelihood.layers.palettes import RAMPS, ramp


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=60), st.integers(2, 9))
def test_breaks_hold_every_value(values, classes):
    breaks = class_breaks(values, classes=classes)
    assert 2 <= breaks.size <= classes + 3
    assert breaks[0] <= min(values) and breaks[-1] >= max(values)
    assert np.all(np.diff(breaks) > 0) or min(values) == max(values)
    assert len(range_labels(breaks)) == breaks.size - 1


def test_pretty_breaks_ignore_what_is_not_finite():
    breaks = class_breaks([0.0, 0.31, 0.62, 0.99, np.nan, np.inf], classes=5)
    np.testing.assert_allclose(breaks, [0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert range_labels(breaks)[0] == "0.0 – 0.2"


def test_a_skewed_column_gets_quantiles(rng):
    values = np.exp(rng.normal(size=2000) * 3)
    counts = np.histogram(values, class_breaks(values, classes=5))[0]
    assert counts.max() / counts.sum() < 0.3


def test_a_stray_value_widens_only_the_last_class(rng):
    values = np.append(rng.uniform(0.2, 0.8, 999), 1.4)
    breaks = class_breaks(values)
    np.testing.assert_allclose(np.diff(breaks)[:-1], np.diff(breaks)[0])
    assert breaks[-1] == pytest.approx(1.4)


def test_constant_and_missing_columns():
    assert class_breaks([3, 3]).tolist() == [3, 3]
    assert range_labels([3, 3]) == ["3"]
    assert class_breaks([np.nan]).size == 0
    assert range_labels([]) == []


def test_symmetric_breaks_mirror_at_zero():
    breaks = symmetric_breaks([-0.2, 0.7])
    np.testing.assert_allclose(breaks, -breaks[::-1])
    assert 0 in breaks
    assert breaks[-1] >= 0.7
    assert symmetric_breaks([0.0]).size > 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (-0.25, "−0.25"),
        (0.0, "0"),
        (-1e-13, "−1e−13"),
        (12.3456, "12.35"),
        (1e15, "1e+15"),
    ],
)
def test_numbers_for_people(value, text):
    assert number_text(value) == text


def test_thousands_in_labels():
    assert range_labels([1200, 3400, 5600]) == ["1,200 – 3,400", "3,400 – 5,600"]


def test_ramps_begin_and_end_where_their_tables_do():
    for name, table in RAMPS.items():
        colours = ramp(name, 7)
        assert (colours[0], colours[-1], len(colours)) == (table[0], table[-1], 7)


def test_tables_agree_with_matplotlib():
    colormaps = pytest.importorskip("matplotlib").colormaps
    for name in RAMPS:
        ours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in ramp(name, 64)])
        theirs = colormaps[name](np.linspace(0, 1, 64))[:, :3] * 255
        assert np.abs(ours - theirs).max() < 12


def test_an_unknown_ramp_names_the_known_ones():
    with pytest.raises(InputError, match="viridis"):
        ramp("jet", 3)


def test_a_constant_width_that_arithmetic_has_blurred_is_one_class(rng):
    values = rng.normal(size=500)
    breaks = class_breaks((values + 0.4) - (values - 0.4))
    assert breaks.size == 2
    assert range_labels(breaks) == ["0.8"]
    assert class_breaks([0.8, 0.8001]).size > 2 or range_labels(class_breaks([0.8, 0.8001])) != ["0.8"]


def test_thirds_hold_as_many_values_each(rng):
    values = np.exp(rng.normal(size=900) * 2)
    counts = np.histogram(values, quantile_breaks(values))[0]
    assert counts.size == 3 and counts.min() > 280
    assert quantile_breaks([np.nan]).size == 0
    assert range_labels(quantile_breaks([5.0, 5.0])) == ["5"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(2883.4, "2,880"), (17.08, "17.1"), (0.01234, "0.0123"), (0, "0"), (-2883.4, "−2,880")],
)
def test_plain_numbers_have_no_powers_of_ten(value, text):
    assert plain_number(value) == text
