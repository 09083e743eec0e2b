import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood import extras
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.graphs.neighbours import geodesic_m
from geolivelihood.validation import autocorrelation, morans_i
from geolivelihood.validation.distances import unit_vectors

PLACES = np.array([[0, 0], [1, 0], [0, 1.1], [3, 3], [4, 3], [3, 4.1], [6, 0], [7, 0.2]])
Z = np.array([1, 0.8, 1.2, -0.5, -0.9, -0.4, 0.1, 0.3])


def test_moran_of_the_specification():
    found = morans_i(Z, PLACES, k=2)
    assert found.statistic == pytest.approx(0.911765, abs=1e-6)
    assert found.sd == pytest.approx(0.306582, abs=1e-6)
    assert found.expected == pytest.approx(-1 / 7)
    assert found.n == 8


def test_all_permutations_of_the_specification():
    neighbours, z = autocorrelation._nearest(unit_vectors(PLACES), 2), Z - Z.mean()
    orders = np.array(list(itertools.permutations(range(8))))
    chance = np.array([autocorrelation._statistic(z[order], neighbours) for order in orders])
    observed = autocorrelation._statistic(z, neighbours)
    # the share among all permutations, the observed one among them: leave one out, and it comes back in p
    assert autocorrelation._p_value(observed, chance[1:], False) == 144 / 40320
    assert (chance.mean(), chance.std()) == pytest.approx(morans_i(Z, PLACES, k=2)[1:3])


def test_drawn_permutations_approach_the_exact_p():
    drawn = morans_i(Z, PLACES, k=2, permutations=20_000)
    assert drawn.p == pytest.approx(144 / 40320, abs=0.0015)


def test_the_seed_decides_and_the_global_generator_is_left_alone(rng):
    lonlat, e = rng.uniform(0, 5, (40, 2)), rng.normal(size=40)
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = [morans_i(e, lonlat, random_state=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0].p != found[2].p
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_two_sides():
    checkered = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 2)
    e = np.where(checkered.sum(axis=1) % 2, 1.0, -1.0)
    one, two = (morans_i(e, checkered * 0.1, k=4, two_sided=two) for two in (False, True))
    assert one.statistic < -0.5
    assert one.p > 0.99
    assert two.p == pytest.approx(0.001)


def test_a_smooth_field_and_noise(rng):
    lonlat = rng.uniform([30, -5], [40, 5], (500, 2))
    smooth = morans_i(np.sin(lonlat).sum(axis=1), lonlat)
    assert smooth.statistic > 0.8 and smooth.p == 0.001
    noise = [morans_i(rng.normal(size=500), lonlat, permutations=99) for _ in range(40)]
    assert np.mean([found.statistic for found in noise]) == pytest.approx(-1 / 499, abs=0.01)
    assert np.mean([found.p <= 0.1 for found in noise]) < 0.3
    assert np.std([found.statistic for found in noise]) == pytest.approx(noise[0].sd, rel=0.35)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_scale_shift_and_order_do_not_matter(seed, factor, shift):
    rng = np.random.default_rng(seed)
    lonlat, e, order = rng.uniform(-20, 20, (30, 2)), rng.normal(size=30), rng.permutation(30)
    first = morans_i(e, lonlat, k=4, permutations=9)
    other = morans_i((factor * e + shift)[order], lonlat[order], k=4, permutations=9)
    assert other[:3] == pytest.approx(first[:3], abs=1e-6)


def test_nearest_along_the_ground(rng):
    lonlat = np.column_stack([rng.uniform(170, 190, 700), rng.uniform(60, 85, 700)])
    away = geodesic_m(lonlat[:, None], lonlat[None])
    np.fill_diagonal(away, np.inf)
    expected = np.argsort(away, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(autocorrelation._nearest(unit_vectors(lonlat), 5), expected)


def test_equally_near_places_count_by_row():
    ring = np.array([[10.0, 0.0], [10.1, 0.0], [9.9, 0.0], [10.0, 0.1], [10.0, -0.1]])
    for order in itertools.permutations(range(1, 5)):
        rows = ring[[0, *order]]
        found = autocorrelation._nearest(unit_vectors(rows), 2)
        assert found[0].tolist() == [1, 2]
    same = autocorrelation._nearest(unit_vectors(np.zeros((6, 2))), 3)
    assert same.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2]]


def test_missing_residuals_are_left_out(rng):
    lonlat, e = rng.uniform(0, 5, (60, 2)), rng.normal(size=60)
    gaps = np.r_[e, np.nan, np.inf]
    points = gpd.GeoSeries(gpd.points_from_xy(*np.r_[lonlat, [[1, 1], [2, 2]]].T), crs=4326)
    assert morans_i(gaps, points.to_crs(3857)) == pytest.approx(morans_i(e, lonlat))


@pytest.mark.parametrize(
    ("e", "n"), [(np.full(8, 0.1), 8), (Z[:3], 3), (np.r_[Z[:3], [np.nan] * 5], 3), (Z[:0], 0)]
)
def test_nothing_to_compare(e, n):
    found = morans_i(e, PLACES[: len(e)], k=2)
    assert np.isnan(found[:4]).all() and found.n == n


def test_three_residuals_have_no_sd():
    assert np.isnan(morans_i(Z[:3], PLACES[:3], k=1).statistic)


def test_bad_input():
    with pytest.raises(InputError, match="do not fit 8 places"):
        morans_i(Z[:4], PLACES)
    for options in ({"k": 0}, {"permutations": 0}):
        with pytest.raises(InputError, match="at least 1"):
            morans_i(Z, PLACES, **options)


def test_without_esda_it_says_how_to_get_it(monkeypatch):
    def hidden(module):
        raise ImportError(module)

    monkeypatch.setattr(extras, "import_module", hidden)
    with pytest.raises(EnvironmentMissingError, match=r"geolivelihood\[report\]"):
        morans_i(Z, PLACES, k=2)


def test_wealth_of_brazil(shared_data):
    table = pd.read_csv(shared_data / "brazil" / "municipalities_1991_2000_2010.csv").query("year == 2010")
    table = table.dropna(subset=["longitude", "latitude", "idhm"])
    found = morans_i(table["idhm"], table[["longitude", "latitude"]].to_numpy(), permutations=99)
    assert found.statistic == pytest.approx(0.784, abs=0.001)
    assert found.p == 0.01
