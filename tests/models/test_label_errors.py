from __future__ import annotations

import numpy as np
import pytest

from geolivelihood.errors import InputError
from geolivelihood.models import RidgeRegressor
from geolivelihood.models.label_errors import check_errors, label_trust

NAN = np.nan


def test_a_certain_label_counts_whole_and_a_poor_one_by_its_share_of_the_error():
    np.testing.assert_allclose(label_trust([0.0, 0.0, 0.0, 2.0], 5.0), [1, 1, 1, 0.5])  # τ² = 5 − 1
    np.testing.assert_allclose(label_trust([3.0, 3.0], 4.0), 1 / (1 + 9 / 0.2))  # at least 5 % of 4


def test_each_target_has_its_own_error():
    se = np.array([[0.0, 1.0], [2.0, NAN], [0.0, 1.0], [0.0, 1.0]])
    both = label_trust(se, [5.0, 3.0])
    np.testing.assert_allclose(both[:, 0], label_trust(se[:, 0], 5.0))
    np.testing.assert_allclose(both[:, 1], [2 / 3, 0, 2 / 3, 2 / 3])


def test_unknown_errors_take_the_median_of_their_target():
    np.testing.assert_allclose(check_errors([1.0, NAN, 3.0], 3), [1, 2, 3])
    observed = np.array([[True, True], [True, False], [True, True]])
    filled = check_errors([[1.0, NAN], [NAN, 9.0], [3.0, 4.0]], 3, observed=observed)
    np.testing.assert_allclose(filled, [[1, 4], [2, NAN], [3, 4]])


@pytest.mark.parametrize("se", [[1.0, 2.0], [1.0, -1.0, 1.0], [1.0, np.inf, 1.0], [[1.0]] * 3])
def test_errors_that_are_none(se):
    with pytest.raises(InputError, match="3 standard errors"):
        check_errors(se, 3)


def test_a_target_whose_errors_are_all_unknown_counts_whole():
    observed = np.array([[True, True], [True, False], [True, True]])
    error = check_errors([[1.0, NAN], [2.0, NAN], [3.0, NAN]], 3, observed=observed)
    np.testing.assert_allclose(error, [[1, 0], [2, NAN], [3, 0]])
    np.testing.assert_allclose(label_trust(error, [9.0, 9.0])[:, 1], [1, 0, 1])
    np.testing.assert_allclose(check_errors([NAN] * 3, 3), 0)
    with pytest.raises(InputError, match="3 x 2 standard errors"):
        check_errors([[1.0, NAN]] * 2, 3, observed=observed)


def test_one_target_without_errors_leaves_the_other_its_own(rng):
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
    error = np.column_stack([rng.uniform(0, 3, 40), np.full(40, NAN)])
    known, both = RidgeRegressor().fit(x, y[:, 0], se=error[:, 0]), RidgeRegressor().fit(x, y, se=error)
    plain = RidgeRegressor().fit(x, y[:, 1])
    np.testing.assert_allclose(both.predict(x)[:, 0], known.predict(x))
    np.testing.assert_allclose(both.predict(x)[:, 1], plain.predict(x))
