import doctest
import subprocess
import sys
import warnings

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from geolivelihood import cells
from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.validation import BlockKFold, LeaveRegionOut, RandomKFold, block_resolution, groups, splits
from geolivelihood.validation.blocks import block_width_m, dealt
from geolivelihood.validation.distances import chord, near_any, unit_vectors
from geolivelihood.validation.groups import picture_groups, picture_links, united
from geolivelihood.validation.variogram import fit_variogram, variogram


@pytest.fixture
def lonlat(rng):
    return rng.uniform([30, -5], [40, 5], (400, 2))


def distances_m(a, b):
    return (
        2
        * 6371008.8
        * np.arcsin(np.linalg.norm(unit_vectors(a)[:, None] - unit_vectors(b)[None], axis=2) / 2)
    )


@pytest.mark.parametrize("module", [splits, groups])
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_random_folds_partition_and_repeat(lonlat):
    found = list(RandomKFold(5, random_state=1).split(lonlat))
    assert sorted(np.concatenate([test for _, test in found])) == list(range(400))
    again = list(RandomKFold(5, random_state=1).split(lonlat))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(found, again, strict=True))
    assert all(not np.intersect1d(train, test).size for train, test in found)
    with pytest.raises(InputError, match="from 2 to 3"):
        list(RandomKFold(5).split(lonlat[:3]))


def test_blocks_stay_whole(lonlat):
    block = cells.blocks(lonlat, resolution=3)
    found = list(BlockKFold(5, resolution=3).split(lonlat))
    assert sorted(np.concatenate([test for _, test in found])) == list(range(400))
    for train, test in found:
        assert not np.intersect1d(block[train], block[test]).size
    sizes = [len(test) for _, test in found]
    assert max(sizes) - min(sizes) <= np.bincount(np.unique(block, return_inverse=True)[1]).max()


def test_blocks_take_points_of_any_crs(lonlat):
    points = gpd.GeoSeries(gpd.points_from_xy(*lonlat.T), crs="EPSG:4326")
    plain = [test for _, test in BlockKFold(4, resolution=3).split(lonlat)]
    for given_points in (points, gpd.GeoDataFrame(geometry=points.to_crs(3857))):
        found = [test for _, test in BlockKFold(4, resolution=3).split(given_points)]
        assert all(np.array_equal(a, b) for a, b in zip(found, plain, strict=True))
    with pytest.raises(MissingCRSError):
        list(BlockKFold(4, resolution=3).split(points.set_crs(None, allow_override=True)))


def test_splitters_serve_scikit_learn(lonlat):
    y = lonlat[:, 0] + lonlat[:, 1]
    scores = cross_val_score(LinearRegression(), lonlat, y, cv=BlockKFold(4, resolution=3))
    np.testing.assert_allclose(scores, 1)
    regions = np.where(lonlat[:, 0] < 35, "west", "east")
    scores = cross_val_score(LinearRegression(), lonlat, y, cv=LeaveRegionOut(), groups=regions)
    assert len(scores) == 2
    assert "n_splits=4" in repr(BlockKFold(4))


def test_deal_largest_first_to_the_lightest():
    units = np.repeat(np.arange(6), [6, 5, 4, 3, 2, 1])
    fold = dealt(units, 3, 0)
    assert sorted(np.bincount(fold)) == [7, 7, 7]
    assert len(np.unique(fold[units == 0])) == 1
    equal = [dealt(np.arange(40), 4, seed) for seed in (0, 0, 1)]
    assert np.array_equal(equal[0], equal[1])
    assert not np.array_equal(equal[0], equal[2])


def test_chord_of_a_buffer():
    assert chord(32_000) == pytest.approx(0.00502275, abs=1e-8)


def test_buffer_keeps_training_away(lonlat):
    for train, test in BlockKFold(5, resolution=2, buffer_m=30_000).split(lonlat):
        assert distances_m(lonlat[train], lonlat[test]).min() > 30_000
    for train, test in LeaveRegionOut(buffer_m=50_000).split(lonlat, groups=lonlat[:, 0] > 35):
        assert distances_m(lonlat[train], lonlat[test]).min() > 50_000


def test_buffer_reaches_across_the_antimeridian_and_counts_its_edge():
    here, there = np.array([[179.99, 0.0]]), np.array([[-179.99, 0.0]])
    gap = float(distances_m(here, there)[0, 0])
    assert near_any(unit_vectors(here), unit_vectors(there), gap + 1e-3)[0]
    assert not near_any(unit_vectors(here), unit_vectors(there), gap - 1e-3)[0]
    assert near_any(unit_vectors(here), unit_vectors(here), 1e-3)[0]


def test_a_buffer_that_leaves_little_is_refused(lonlat):
    with pytest.raises(InputError, match="under 20 %"):
        list(BlockKFold(5, resolution=2, buffer_m=1_000_000).split(lonlat))
    with pytest.raises(InputError, match="or 'auto'"):
        list(BlockKFold(5, resolution=2, buffer_m=-1).split(lonlat))


def test_fewer_blocks_than_folds_says_what_to_do(lonlat):
    with pytest.raises(InputError, match=r"Use resolution=\d, or n_splits=\d"):
        list(BlockKFold(5, resolution=0).split(lonlat))
    few = block_resolution(lonlat, n_splits=3, resolution=0, quiet=True) - 1
    blocks = len(np.unique(cells.blocks(lonlat, resolution=few)))
    with pytest.warns(UserWarning, match="are few"):
        list(BlockKFold(min(3, blocks), resolution=few).split(lonlat))


def test_resolution_follows_the_range(lonlat):
    assert [round(block_width_m(r)) for r in range(2, 7)] == [316122, 119475, 45158, 17068, 6452]
    assert block_resolution(lonlat) == 4
    assert block_resolution(lonlat, range_m=119_000) == 3
    assert block_resolution(lonlat, range_m=120_000) == 2
    with pytest.warns(UserWarning, match="fewer than 10 blocks"):
        assert block_resolution(lonlat / 100 + 30, range_m=119_000) > 3
    with pytest.raises(InputError, match="too few for 5 folds"):
        block_resolution(np.repeat(lonlat[:3], 9, axis=0))


def test_narrow_blocks_get_the_range_as_buffer(lonlat):
    near = lonlat / 20 + 30
    range_m = 46_000
    with pytest.warns(UserWarning, match="are narrow"):
        try:
            found = list(BlockKFold(5, range_m=range_m).split(near))
        except InputError as error:  # the buffer may well eat a place this small
            assert "46000 m" in str(error)
        else:
            assert all(distances_m(near[a], near[b]).min() > range_m for a, b in found)


def test_auto_buffer_adds_displacement_to_the_larger_reach(lonlat):
    options = {"resolution": 2, "range_m": 20_000, "window_m": 32_000, "displacement_m": 5_000}
    for train, test in BlockKFold(5, buffer_m="auto", **options).split(lonlat):
        assert distances_m(lonlat[train], lonlat[test]).min() > 42_000
    with pytest.raises(InputError, match="needs range_m"):
        list(BlockKFold(5, resolution=2, buffer_m="auto").split(lonlat))


def test_auto_buffer_estimates_the_range_from_residuals(lonlat, rng):
    noise = rng.normal(size=len(lonlat))
    found = list(BlockKFold(5, resolution=2, buffer_m="auto").split(lonlat, noise))
    assert len(found) == 5


def test_auto_buffer_refuses_a_trend(lonlat):
    assert not variogram(lonlat, lonlat[:, 0]).resolved
    with pytest.raises(InputError, match="a trend without a range"):
        list(BlockKFold(5, resolution=2, buffer_m="auto").split(lonlat, lonlat[:, 0]))


def test_groups_are_kept_together(lonlat, rng):
    # photos are shared over short distances, often across the border of two blocks
    group = np.unique((lonlat * 2).astype(int), axis=0, return_inverse=True)[1].reshape(-1)
    block = cells.blocks(lonlat, resolution=4)
    for train, test in BlockKFold(4, resolution=4).split(lonlat, groups=group):
        assert not np.intersect1d(group[train], group[test]).size
        assert not np.intersect1d(block[train], block[test]).size


def test_groups_that_percolate_are_purged(lonlat):
    group = np.where(np.arange(400) % 4 < 2, 0, np.arange(400))
    splitter = BlockKFold(5, resolution=3)
    with pytest.warns(UserWarning, match="Shared pictures tie"):
        found = list(splitter.split(lonlat, groups=group))
    for train, test in found:
        assert not np.intersect1d(group[train], group[test]).size


def test_the_matrix_of_pictures_purges_only_what_is_shared():
    n = 300
    lonlat = np.stack([np.linspace(30, 40, n), np.zeros(n)], axis=1)
    clusters = np.concatenate([[0], np.repeat(np.arange(1, n - 1), 2), [n - 1]])
    pictures = np.repeat(np.arange(n - 1), 2)  # a chain: each picture serves two neighbours
    links = picture_links(pictures, clusters)
    with pytest.warns(UserWarning, match="tie 300 of 300"):
        found = list(BlockKFold(5, resolution=3).split(lonlat, groups=links.matrix))
    dense = links.matrix.toarray()
    lost = 0
    for train, test in found:
        assert not (dense[train] @ dense[test].T).any()
        lost += n - len(train) - len(test)
    assert 0 < lost < n / 2


def test_bad_places_and_groups(lonlat):
    with pytest.raises(InputError, match="needs places"):
        list(BlockKFold(5).split(lonlat[:, :1]))
    with pytest.raises(InputError, match="longitude, then latitude"):
        list(BlockKFold(5).split(np.vstack([lonlat, [5.0, 95.0]])))
    with pytest.raises(InputError, match="one group per row"):
        list(BlockKFold(5, resolution=3).split(lonlat, groups=[1, 2]))
    with pytest.raises(InputError, match="region of each row"):
        list(LeaveRegionOut().split(lonlat))
    with pytest.raises(InputError, match="one region"):
        list(LeaveRegionOut().split(lonlat, groups=["A"] * 400))
    with pytest.raises(InputError, match="have no region"):
        list(LeaveRegionOut().split(lonlat, groups=["A"] * 399 + [None]))


def test_regions_are_each_held_out_once(lonlat):
    regions = np.array(["a", "b", "c", "d"])[np.arange(400) % 4]
    found = list(LeaveRegionOut().split(lonlat, groups=regions))
    assert LeaveRegionOut().get_n_splits(groups=regions) == 4
    assert [set(regions[test]) for _, test in found] == [{"a"}, {"b"}, {"c"}, {"d"}]
    assert all(len(train) == 300 for train, _ in found)


def test_vector_of_shared_pictures():
    links = [(0, 0), (1, 0), (1, 1), (2, 1), (3, 2), (3, 3), (4, 4)]
    found = picture_groups([p for p, _ in links], [c for _, c in links])
    assert found.index.tolist() == [0, 1, 2, 3, 4]
    assert found.tolist() == [0, 0, 1, 1, 2]
    assert picture_groups([], []).empty
    with pytest.raises(InputError, match="missing"):
        picture_groups(["a", None], [1, 2])
    with pytest.raises(InputError, match="do not fit"):
        picture_groups(["a"], [1, 2])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=30))
def test_united_splits_neither(pairs):
    first, second = map(np.array, zip(*pairs, strict=True))
    found = united(first, second)
    for values in (first, second):
        for value in np.unique(values):
            assert len(np.unique(found[values == value])) == 1
    # the smallest such sets: a plain union-find agrees
    parent = {("a", a): ("a", a) for a in first} | {("b", b): ("b", b) for b in second}

    def root(x):
        while parent[x] != x:
            x = parent[x]
        return x

    for a, b in pairs:
        parent[root(("a", a))] = root(("b", b))
    assert len({root(("a", a)) for a in first}) == len(np.unique(found))


def test_vector_of_the_variogram():
    lag, gamma = [1, 2, 4, 8, 16], [0.426775, 0.589266, 0.789122, 0.944413, 0.996138]
    found = fit_variogram(lag, gamma, [10, 20, 30, 40, 50])
    assert found.nugget == pytest.approx(0.2, abs=1e-4)
    assert found.partial_sill == pytest.approx(0.8, abs=1e-4)
    assert found.range_m == pytest.approx(9, abs=1e-3)
    assert found.resolved


def test_variogram_finds_the_range_of_a_field(rng):
    lonlat = rng.uniform(0, 3, (900, 2))
    distance = distances_m(lonlat, lonlat)
    field = np.linalg.cholesky(np.exp(-distance / 20_000) + 1e-9 * np.eye(900)) @ rng.normal(size=900)
    assert 30_000 < variogram(lonlat, field).range_m < 120_000
    found = variogram(lonlat, field)
    assert len(found.lag_m) == 15
    i, j = np.triu_indices(900, 1)
    reach = distance.max() / 2
    near = distance[i, j] <= reach / 15
    assert found.pairs[0] == near.sum()
    assert found.semivariance[0] == pytest.approx(((field[i] - field[j]) ** 2 / 2)[near].mean())


def test_variogram_needs_places_and_values(lonlat):
    with pytest.raises(InputError, match="too few"):
        variogram(lonlat[:5], np.arange(5))
    with pytest.raises(InputError, match="do not fit"):
        variogram(lonlat, np.arange(5))
    with pytest.raises(InputError, match="coincide"):
        variogram(np.zeros((20, 2)), np.arange(20))
    assert variogram(lonlat, np.zeros(400)).range_m == 0


def test_no_warning_on_ordinary_data(lonlat):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(BlockKFold(5, buffer_m=1000).split(lonlat))


def test_this_room_does_without_torch():
    code = "import sys, geolivelihood.validation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
