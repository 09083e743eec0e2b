"""Folds of a project: the same for all models, apart where they must be, and errors that name the key."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from geolivelihood.cells import cell_points, lonlat
from geolivelihood.errors import InputError, ProjectError
from geolivelihood.recipes import open_project

pytestmark = pytest.mark.xdist_group("recipes")


def rows_tested(splits):
    return np.sort(np.concatenate([test for _, test in splits]))


def test_region_is_among_the_splits_where_there_are_three(geographic):
    _, lineup = open_project(geographic(validation={"folds": 3}))
    assert lineup.splits.names == ["random", "blocked", "region"]


def test_every_split_tests_every_cluster_once(opened):
    _, lineup = opened(**{"validation.splits": ["random", "blocked", "region", "knndm"]})
    for name in lineup.splits.names:
        assert np.array_equal(rows_tested(lineup.splits.of(name)), np.arange(len(lineup.sample.rows)))


def test_a_region_is_left_out_whole(opened):
    _, lineup = opened(**{"validation.folds": 5})
    region = lineup.sample.regions.iloc[lineup.sample.rows].to_numpy()
    folds = lineup.splits.of("region")
    assert len(folds) == len(np.unique(region))
    for train, test in folds:
        assert len(set(region[test])) == 1 and not set(region[test]) & set(region[train])


def test_many_regions_are_held_out_together_and_whole(geographic):
    _, lineup = open_project(geographic(validation={"folds": 2, "splits": ["blocked", "region"]}))
    region = lineup.sample.regions.iloc[lineup.sample.rows].to_numpy()
    folds = lineup.splits.of("region")
    assert len(folds) == 4 < len(np.unique(region))
    assert np.array_equal(rows_tested(folds), np.arange(len(region)))
    assert all(not set(region[test]) & set(region[train]) for train, test in folds)


@pytest.mark.parametrize("split", ["random", "blocked", "region", "knndm"])
def test_distances_of_a_split_are_those_of_the_folds_as_they_are_used(opened, split):
    _, lineup = opened(**{"validation.splits": ["random", "blocked", "region", "knndm"]})
    points, cells = lonlat(lineup.sample.clusters), lonlat(cell_points(lineup.data.cells))
    nearest = [great_circle(points[train], points[test]) for train, test in lineup.splits.of(split)]
    ahead = great_circle(points, cells)
    found = lineup.splits.wasserstein_m(split)
    assert found == pytest.approx(wasserstein_distance(np.concatenate(nearest), ahead), rel=1e-6)


def great_circle(places, targets):
    """Metres from each target to the nearest place."""
    return haversine(places, targets).min(axis=1)


def haversine(places, targets):
    """Metres from each target to each place."""
    (lon, lat), (to_lon, to_lat) = np.radians(places).T[:, None], np.radians(targets).T[:, :, None]
    half = np.sin((to_lat - lat) / 2) ** 2 + np.cos(lat) * np.cos(to_lat) * np.sin((to_lon - lon) / 2) ** 2
    return 2 * 6371008.8 * np.arcsin(np.sqrt(half))


def test_models_that_never_saw_a_region_saw_no_picture_of_it(opened):
    _, lineup = opened()
    links = lineup.splits.shared_pictures
    folds = lineup.splits.held_out_regions()
    assert np.array_equal(rows_tested(folds), np.arange(len(lineup.sample.rows)))
    assert all((links[train] @ links[test].T).nnz == 0 for train, test in folds)


@pytest.mark.parametrize("split", ["blocked", "region", "knndm"])
def test_no_picture_on_both_sides(opened, split):
    _, lineup = opened(**{"validation.splits": ["blocked", "region", "knndm"]})
    links = lineup.splits.shared_pictures
    for train, test in lineup.splits.of(split):
        assert (links[train] @ links[test].T).nnz == 0


def test_countries_come_before_regions(geographic):
    def two(table):
        return table.assign(country=np.where(table["lon"] > table["lon"].median(), "A", "B"))

    _, lineup = open_project(
        geographic(two, validation={"folds": 3, "splits": ["blocked", "region"]}),
    )
    assert lineup.splits.region_kind == "country"
    assert len(lineup.splits.of("region")) == 2


def test_region_without_country_or_regions(geographic):
    project = geographic(
        regions=None, cells={"resolution": 6}, validation={"folds": 3, "splits": ["blocked", "region"]}
    )
    _, lineup = open_project(project)
    with pytest.raises(InputError, match="column 'country' with at least two countries"):
        lineup.splits.of("region")


def test_fewer_blocks_than_folds(geographic):
    _, lineup = open_project(geographic(validation={"folds": 5, "block_resolution": 2}))
    with pytest.raises(InputError, match=r"blocks of H3 resolution 2, too few for 5 folds.*block_resolution"):
        lineup.splits.of("blocked")


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"validation": {"splits": ["random"]}}, "'blocked' cannot be left out"),
        ({"validation": {"splits": ["blocked", "blocked"]}}, "a split stands twice"),
        ({"validation": {"splits": ["blocked", "kndm"]}}, "validation.splits.1"),
        ({"uncertainty": {"draws": 1}}, "one refit tells nothing"),
        ({"uncertainty": {"score": "normalised", "draws": 0}}, "is made of refits"),
        ({"uncertainty": {"range": {"welth": [0, 1]}}}, "'range' names 'welth'"),
        (
            {"regions": {"path": "districts.geojson", "name": "name"}, "uncertainty": {"groups": "density"}},
            "raster",
        ),
        ({"models": [{"name": "knn", "joint": True}]}, "'joint'"),
    ],
)
def test_faults_of_the_new_keys(geographic, sections, said):
    with pytest.raises(ProjectError, match=said):
        open_project(geographic(**sections))


AUTO = {
    "validation.buffer_m": "auto",
    "validation.block_resolution": 4,
    "models": ["knn"],
    "map_model": "knn",
}


def test_the_automatic_buffer_is_the_reach_of_errors_and_both_displacements(opened):
    _, lineup = opened(**AUTO)
    splits, points = lineup.splits, lonlat(lineup.sample.clusters)
    smooth = np.linalg.cholesky(np.exp(-haversine(points, points) / 3000) + 1e-9 * np.eye(len(points)))
    field = smooth @ np.random.default_rng(0).normal(size=len(points))
    splits._residuals = lambda indicator: field
    assert splits._ranges[0] > 1000
    assert splits.buffer_used_m == splits._ranges[0] + 2 * lineup.data.displacement_m
    assert not splits.remarks
    with pytest.raises(InputError, match=f"A buffer of {splits.buffer_used_m:.0f} m leaves"):
        splits.of("blocked")  # the island is too small for it


def test_the_possible_buffer_leaves_half_of_each_fold_and_it_is_said(opened):
    _, lineup = opened(**AUTO | {"validation.buffer_m": "possible"})
    splits, rows = lineup.splits, len(lineup.sample.clusters)
    splits._residuals = lambda indicator: np.zeros(rows)
    splits.__dict__["window_m"] = 500_000.0
    assert 0 < splits.buffer_used_m < 500_000
    shares = [len(train) / (rows - len(test)) for train, test in splits.of("blocked")]
    assert min(shares) >= 0.5
    assert "the widest that leaves them half" in splits.remarks[0]


def test_the_possible_buffer_is_no_wider_than_asked_for(opened):
    _, lineup = opened(**AUTO | {"validation.buffer_m": "possible", "displacement": "none"})
    splits = lineup.splits
    splits.__dict__["_ranges"] = np.array([100.0])
    splits.__dict__["window_m"] = 0.0
    assert splits.buffer_used_m == 100
    assert not any("widest" in remark for remark in splits.remarks)


def test_errors_with_a_trend_have_no_range_and_it_is_said(opened):
    _, lineup = opened(**AUTO)
    splits = lineup.splits
    splits._residuals = lambda indicator: lonlat(lineup.sample.clusters)[:, 0]
    assert splits.buffer_used_m == 2 * lineup.data.displacement_m
    assert "a trend without a range" in splits.remarks[0]


def test_a_buffer_that_leaves_too_few_names_what_would_do(opened):
    _, lineup = opened(**AUTO | {"validation.buffer_m": 200_000})
    with pytest.raises(InputError, match=r"under 20 %. Give another buffer_m \(beyond [1-9]\d+ none"):
        lineup.splits.of("blocked")
