"""Scaling of feature columns."""

import numpy as np

from geolivelihood.models.ridge import ColumnScale, RidgeRegressor


def test_values_beyond_the_training_range_count_as_its_end(rng):
    table = rng.normal(size=(50, 3))
    scale = ColumnScale.of(table)
    assert np.allclose(scale.apply(table).std(axis=0), 1.0)
    beyond = scale.apply(np.full((1, 3), 1e6))
    assert np.allclose(beyond, (table.max(axis=0) - scale.mean) / scale.scale)


def test_an_object_that_training_hardly_shows_cannot_run_away(rng):
    table = np.column_stack([rng.normal(size=80), np.zeros(80)])
    table[0, 1] = 0.01  # once, a little
    target = table[:, 0] + 50.0 * table[:, 1]
    model = RidgeRegressor().fit(table, target)
    assert abs(model.predict(np.array([[0.0, 5.0]]))[0]) < 3.0


def test_missing_and_empty_columns(rng):
    table = np.column_stack([rng.normal(size=20), np.full(20, np.nan)])
    scale = ColumnScale.of(table)
    assert np.isfinite(scale.apply(table)).all()
    assert (scale.apply(np.array([[np.nan, 7.0]])) == 0).all()
