from __future__ import annotations

import tracemalloc

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.cells import Tie, cell_centres, lonlat_cells
from geolivelihood.cells.index import disks
from geolivelihood.errors import InputError
from geolivelihood.validation import ResidualField, areas, region_conformal, region_errors

KM = 1 / 111.1950802335329  # degrees per kilometre at the equator
FIELD = ResidualField(sigma=0.3, nugget=0.2, range_km=10.0)


def grid(size):
    """Square of ``size`` x ``size`` places one kilometre apart, at the equator."""
    axis = (np.arange(size) - size / 2) * KM
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def disc(rings, *, resolution=7):
    """Cells within some rings of Nairobi."""
    middle = lonlat_cells([36.8], [-1.3], resolution=resolution)
    return np.sort(disks(middle, k=rings)[1])


def one_region(cells, weights=None):
    weights = np.ones(len(cells)) if weights is None else weights
    return Tie.from_arrays(np.zeros(len(cells), int), cells, weights, row_ids=["all"])


@pytest.fixture
def country():
    """37 cells in three overlapping regions, and one region without cells."""
    cells = disc(3)
    rows = np.concatenate([np.zeros(20, int), np.ones(17, int), np.full(37, 2)])
    columns = np.concatenate([cells[:20], cells[20:], cells])
    weights = np.random.default_rng(1).uniform(1, 900, len(rows))
    return Tie.from_arrays(rows, columns, weights, row_ids=["west", "east", "both", "sea"])


def simulated(field, places, draws, rng):
    """Residuals with exactly the field's covariance, shape (draws, places)."""
    identity = np.eye(len(places))
    pair = np.array([[field.sd_of_mean(i + j, places) ** 2 for j in identity] for i in identity])
    own = np.array([field.sd_of_mean(i, places) ** 2 for i in identity])
    covariance = (pair - own[:, None] - own[None]) / 2
    np.fill_diagonal(covariance, own)
    return rng.standard_normal((draws, len(places))) @ np.linalg.cholesky(covariance).T


def test_vector_of_three_places():
    places, weights, sigma = np.array([[0, 0], [3, 0], [0, 4]]) * KM, [0.5, 0.3, 0.2], [0.4, 0.5, 0.3]
    field = ResidualField(sigma=1.0, nugget=0.2, range_km=5.0)
    assert field.sd_of_mean(weights, places, sigma=sigma) == pytest.approx(0.326140, abs=1e-6)
    independent = ResidualField(sigma=1.0, nugget=1.0, range_km=5.0)
    assert independent.sd_of_mean(weights, places, sigma=sigma) == pytest.approx(0.257099, abs=1e-6)


@pytest.mark.parametrize(("size", "expected", "independent"), [(10, 0.702, 0.100), (50, 0.339, 0.020)])
def test_correlated_cells_average_out_slowly(size, expected, independent):
    weights, places = np.full(size**2, 1 / size**2), grid(size)
    assert FIELD.sd_of_mean(weights, places) / FIELD.sigma == pytest.approx(expected, abs=5e-4)
    alone = FIELD._replace(range_km=0.0)
    assert alone.sd_of_mean(weights, places) / FIELD.sigma == pytest.approx(independent, abs=5e-4)


def test_vector_of_the_population_weighted_tie():
    cells, y, people = disc(1)[:3], np.array([1.0, 2.0, 4.0]), np.array([100.0, 300.0, 600.0])
    share = np.array([[1, 0.5, 0], [0, 0.5, 1]])
    tie = Tie(share * people, pd.Index(["A", "B"]), cells)
    np.testing.assert_allclose(tie.mean(y), [1.6, 3.6])
    whole = one_region(cells, people)
    assert whole.mean(y)[0] == pytest.approx(3.1)
    held = tie.weight.to_numpy()
    assert held @ tie.mean(y) / held.sum() == pytest.approx(3.1)


def test_residual_part_of_a_region_is_the_double_sum(country):
    table = region_errors(country, field=FIELD)
    for row, name in enumerate(["west", "east", "both"]):
        entries = country.normalised()[row].matrix.tocoo()
        expected = FIELD.sd_of_mean(entries.data, cell_centres(country.cells[entries.col]))
        assert table.loc[name, "residual_sd"] == pytest.approx(expected, rel=1e-12)
    assert table["parameter_sd"].isna().all()
    assert table["sd"].isna().all()  # half of an error is no error


def test_the_double_sum_is_what_simulated_fields_do(rng):
    places = grid(6)
    errors = simulated(FIELD, places, 4000, rng)
    weights = rng.dirichlet(np.ones(len(places)))
    expected = FIELD.sd_of_mean(weights, places)
    assert np.std(errors @ weights) == pytest.approx(expected, rel=0.05)


def test_parameter_part_aggregates_draws_before_the_variance(country, rng):
    draws = rng.normal(size=(50, len(country.cells))) + rng.normal(size=(50, 1))
    table = region_errors(country, draws=draws, field=FIELD)
    means = np.stack([country.mean(draw) for draw in draws])
    np.testing.assert_allclose(table["parameter_sd"].iloc[:3], means.std(axis=0, ddof=1)[:3])
    both = table["parameter_sd"] ** 2 + table["residual_sd"] ** 2
    np.testing.assert_allclose(table["sd"] ** 2, both)
    by_cell = pd.DataFrame(draws, columns=country.cells).iloc[:, ::-1]
    pd.testing.assert_frame_equal(region_errors(country, draws=by_cell, field=FIELD), table)


def test_a_region_without_cells_is_nan(country, rng):
    row = region_errors(country, draws=rng.normal(size=(5, 37)), field=FIELD).loc["sea"]
    assert row[["parameter_sd", "residual_sd", "sd", "covered"]].isna().all()
    assert row["cells"] == 0
    empty = Tie.from_arrays([], np.empty(0, np.uint64), [], row_ids=["a", "b"])
    assert region_errors(empty, field=FIELD)["residual_sd"].isna().all()
    assert region_errors(country[:0], field=FIELD).empty


def test_cells_without_a_value_are_renormalised_and_counted(country, rng):
    draws = rng.normal(size=(8, 37))
    draws[:, 5] = np.nan
    draws[3, 30] = np.nan
    sigma = pd.Series(0.5, index=country.cells).drop(country.cells[7])
    table = region_errors(country, draws=draws, field=FIELD, sigma=sigma)
    known = ~np.isin(np.arange(37), [5, 7, 30])
    kept = country.reindex(country.cells[known])
    again = region_errors(kept, draws=draws[:, known], field=FIELD, sigma=np.full(34, 0.5))
    columns = ["parameter_sd", "residual_sd", "sd", "cells"]
    pd.testing.assert_frame_equal(table[columns], again[columns])
    pd.testing.assert_series_equal(table["covered"], country.covered(known))
    assert (table["covered"].iloc[:3] < 1).all()
    nothing = region_errors(country, draws=np.full((2, 37), np.nan), field=FIELD)
    assert nothing["sd"].isna().all()
    assert (nothing["covered"].iloc[:3] == 0).all()


@pytest.mark.parametrize("range_km", [8.0, 30.0, 100.0, 600.0])
def test_parents_stand_for_many_cells_within_one_per_cent(range_km, rng, monkeypatch):
    cells = disc(44)
    tie = one_region(cells, rng.gamma(0.3, size=len(cells)))  # people crowd into few cells
    assert len(cells) > 5000
    field = FIELD._replace(range_km=range_km)
    merged = region_errors(tie, field=field).loc["all", "residual_sd"]
    monkeypatch.setattr(areas, "_EXACT_CELLS", 10**9)
    assert merged == pytest.approx(region_errors(tie, field=field).loc["all", "residual_sd"], rel=0.01)


def test_memory_stays_small(rng):
    cells = disc(58)  # 10,267 cells: all pairs would take 843 MB
    tie = one_region(cells)
    tracemalloc.start()
    region_errors(tie, field=FIELD._replace(range_km=3.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 12), st.floats(0, 1), st.floats(0.5, 500), st.integers(0, 2**32 - 1), st.floats(0.1, 100)
)
def test_sd_lies_between_independent_and_identical_errors(n, nugget, range_km, seed, scale):
    rng = np.random.default_rng(seed)
    places, weights, sigma = rng.uniform(-2, 2, (n, 2)), rng.dirichlet(np.ones(n)), rng.uniform(0, 2, n)
    field = ResidualField(1.0, nugget, range_km)
    sd = field.sd_of_mean(weights, places, sigma=sigma)
    assert np.sqrt(((weights * sigma) ** 2).sum()) - 1e-9 <= sd <= weights @ sigma + 1e-9
    order = rng.permutation(n)
    assert field.sd_of_mean(weights[order], places[order], sigma=sigma[order]) == pytest.approx(sd)
    assert field.sd_of_mean(weights, places, sigma=scale * sigma) == pytest.approx(scale * sd)


def test_field_of_residuals_finds_what_made_them(rng):
    places = rng.uniform(0, 2, (900, 2))
    km = np.linalg.norm(places[:, None] - places[None], axis=2) / KM
    smooth = np.linalg.cholesky(np.exp(-km / 15) + 1e-9 * np.eye(900)) @ rng.standard_normal(900)
    noise, se = rng.standard_normal(900) * np.sqrt(0.5), np.full(900, 0.6)
    sampling = rng.standard_normal(900) * se
    truth = ResidualField(np.sqrt(1.5), 1 / 3, 15.0)
    clean = ResidualField.of(smooth + noise, places)
    assert clean.sigma == pytest.approx(truth.sigma, rel=0.15)
    assert clean.nugget == pytest.approx(truth.nugget, abs=0.15)
    assert 7 < clean.range_km < 30
    noisy = smooth + noise + sampling
    without = ResidualField.of(noisy, places, se=se)
    blind = ResidualField.of(noisy, places)
    assert without.sigma**2 == pytest.approx(blind.sigma**2 - 0.36)
    assert without.nugget < blind.nugget
    assert without.range_km == blind.range_km
    overstated = ResidualField.of(noisy, places, se=np.full(900, 9.0))
    assert (overstated.sigma, overstated.nugget) == (0, 0)


def test_field_takes_points_and_leaves_nan_out(rng):
    places, e = rng.uniform(0, 2, (60, 2)), rng.normal(size=60)
    e[[3, 8]] = np.nan
    se = np.where(np.arange(60) % 7 == 0, np.nan, 0.1)
    points = gpd.GeoSeries(gpd.points_from_xy(*places.T), crs="EPSG:4326").to_crs(32631)
    known = np.isfinite(e)
    given = ResidualField.of(e, points, se=se)
    np.testing.assert_allclose(given, ResidualField.of(e[known], places[known], se=se[known]), rtol=1e-6)


def test_residuals_without_structure_are_independent(rng):
    constant = ResidualField.of(np.full(20, 2.0), rng.uniform(0, 1, (20, 2)))
    assert constant == (2.0, 1.0, 0.0)


def test_a_trend_is_said(rng):
    places = rng.uniform(0, 3, (200, 2))
    with pytest.warns(UserWarning, match="there is a trend"):
        ResidualField.of(places[:, 0], places)


def test_vector_of_the_region_quantile():
    # scores .1 ... .9 with V + ψ = 1
    score = np.arange(1, 10) / 10
    half = np.full(9, 0.5)
    assert region_conformal(score, np.zeros(9), half, half, alpha=0.1) == pytest.approx(0.9)
    assert region_conformal(score, np.zeros(9), half, half, alpha=0.2) == pytest.approx(0.8)
    assert region_conformal(score, np.zeros(9), half, half, alpha=0.05) == np.inf
    assert region_conformal(score[:8], np.zeros(8), half[:8], half[:8], alpha=0.1) == np.inf


def test_region_quantile_scales_by_both_errors_and_skips_unknown_regions(rng):
    theta, direct = rng.normal(size=40), rng.normal(size=40)
    own, sampling = rng.uniform(0.1, 1, 40), rng.uniform(0, 1, 40)
    q = region_conformal(theta, direct, own, sampling)
    inside = np.abs(theta - direct) <= q * np.sqrt(own + sampling) + 1e-12
    assert inside.sum() == 37  # ceil(41 * .9)
    with_gaps = [np.append(values, extra) for values, extra in ((theta, np.nan), (direct, 1.0))]
    assert region_conformal(*with_gaps, np.append(own, 1.0), np.append(sampling, 1.0)) == q
    assert region_conformal([], [], [], []) == np.inf


def test_bad_input_is_refused(country, rng):
    with pytest.raises(InputError, match="a residual field, or both"):
        region_errors(country)
    with pytest.raises(InputError, match="at least 2 rows"):
        region_errors(country, draws=rng.normal(size=(1, 37)))
    with pytest.raises(InputError, match="each of the 37 cells"):
        region_errors(country, draws=rng.normal(size=(5, 36)))
    with pytest.raises(InputError, match="sigma alone"):
        region_errors(country, draws=rng.normal(size=(5, 37)), sigma=np.ones(37))
    with pytest.raises(InputError, match="one sd, not negative"):
        region_errors(country, field=FIELD, sigma=-np.ones(37))
    with pytest.raises(InputError, match="is no field"):
        region_errors(country, field=FIELD._replace(nugget=1.2))
    with pytest.raises(InputError, match="is no field"):
        region_errors(country, field=FIELD._replace(range_km=np.nan))
    with pytest.raises(InputError, match="standard errors, not negative"):
        ResidualField.of(rng.normal(size=20), rng.uniform(size=(20, 2)), se=np.full(20, -1.0))
    with pytest.raises(InputError, match="do not fit"):
        ResidualField.of(rng.normal(size=20), rng.uniform(size=(19, 2)))
    with pytest.raises(InputError, match="never both 0"):
        region_conformal([1.0], [1.0], [0.0], [0.0])
    with pytest.raises(InputError, match="one value per region"):
        region_conformal([1.0], [1.0, 2.0], [0.0], [0.0])
    with pytest.raises(InputError, match="alpha="):
        region_conformal([1.0], [1.0], [1.0], [1.0], alpha=1.0)
