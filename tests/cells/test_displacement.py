import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geolivelihood.cells import (
    cell_centres,
    cell_names,
    displacement_weights,
    lonlat_cells,
    parse_cells,
    uncompact,
)
from geolivelihood.cells.borders import inside_mass, redraw_factor
from geolivelihood.cells.disc import EARTH_RADIUS_M, edge_mass, project
from geolivelihood.cells.displacement import _with_prior
from geolivelihood.cells.index import disks
from geolivelihood.cells.polygons import boundaries, flat_polygons
from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError

NAIROBI = (36.8219, -1.2921)
CENTRE = "887a6e42cbfffff"


def _clusters(lon, lat, urban):
    points = gpd.points_from_xy(lon, lat)
    ids = [f"c{i}" for i in range(len(points))]
    return gpd.GeoDataFrame({"cluster_id": ids, "urban": urban}, geometry=points, crs="EPSG:4326")


def _units(*polygons):
    return gpd.GeoDataFrame(geometry=list(polygons), crs="EPSG:4326")


def _sorted(tie):
    return tie.to_frame().sort_values("weight", ascending=False)


def test_urban_vector():
    tie = displacement_weights(_clusters(*[[x] for x in NAIROBI], [True]), resolution=8)
    weights = _sorted(tie)
    assert tie.shape == (1, 24)
    assert cell_names(weights["cell"].to_numpy()[:1]) == [CENTRE]
    np.testing.assert_allclose(weights["weight"][:2], [0.250308, 0.079726], atol=5e-7)
    assert tie.notes.loc["c0"].to_dict() == {"boundary": "none", "flat_prior": False}


def test_rural_vector():
    tie = displacement_weights(_clusters(*[[x] for x in NAIROBI], [False]), resolution=7)
    weights = _sorted(tie)
    assert tie.shape == (1, 71)
    assert cell_names(weights["cell"].to_numpy()[:1]) == ["877a6e42cffffff"]
    assert weights["weight"].iloc[0] == pytest.approx(0.221203, abs=5e-7)


def test_border_vector_in_the_plane():
    origin = np.array(NAIROBI)
    kernel = ((1.0, 2000.0),)
    _, cells, _ = disks(lonlat_cells(*origin[:, None], resolution=8), k=4)
    corners, offsets = boundaries(cells)
    corners = project(corners, origin)
    polygons = flat_polygons(corners, offsets)
    edges = edge_mass(corners[:-1], corners[1:], radius=2000.0)
    edges[offsets[1:-1] - 1] = 0
    whole = np.add.reduceat(edges, offsets[:-1])
    assert whole.sum() == pytest.approx(1, abs=1e-12)
    unit = shapely.box(-1e5, -1e5, 1e5, 500)
    mass = inside_mass(polygons, np.full(len(cells), unit), whole, kernel)
    assert mass.sum() == pytest.approx(0.744634, abs=5e-7)
    assert (mass > 1e-12).sum() == 19
    assert mass.max() / mass.sum() == pytest.approx(0.325331, abs=5e-7)
    cells_in = mass > 1e-12
    centroids = shapely.get_coordinates(shapely.centroid(polygons[cells_in]))
    weight = mass[cells_in] / redraw_factor(centroids, unit, kernel)
    assert weight.max() / weight.sum() == pytest.approx(0.356315, abs=5e-7)


@pytest.mark.parametrize(("redrawn", "largest"), [(False, 0.325331), (True, 0.356315)])
def test_border_vector_on_the_map(redrawn, largest):
    # The border here is a parallel: within the disc it bends away from the straight line by some 6 cm.
    north = NAIROBI[1] + np.degrees(500 / EARTH_RADIUS_M)
    units = _units(shapely.box(36, north, 38, 2), shapely.box(36, -3, 38, north))
    clusters = _clusters(*[[x] for x in NAIROBI], [True])
    tie = displacement_weights(clusters, resolution=8, boundary=units, redrawn=redrawn)
    assert tie.shape == (1, 19)
    assert tie.matrix.max() == pytest.approx(largest, abs=1e-5)
    assert cell_names(_sorted(tie)["cell"].to_numpy()[:1]) == [CENTRE]
    assert tie.notes["boundary"].tolist() == ["inside"]


def test_sites_nearer_the_border_are_likelier_than_their_mass(rng):
    # Simulate the release: sites anywhere in the unit, moved, drawn again where they left it (R 5 km).
    north = 0.0
    n = 400_000
    site = rng.uniform(-12_000, 0, n)  # metres from the border; only north-south matters
    moved = site + rng.uniform(0, 5000, n) * np.cos(rng.uniform(0, 2 * np.pi, n))
    for _ in range(60):
        out = moved > 0
        moved[out] = site[out] + rng.uniform(0, 5000, out.sum()) * np.cos(
            rng.uniform(0, 2 * np.pi, out.sum())
        )
    seen = np.abs(moved + 500) < 60
    truth = (site[seen] > -500).mean()
    units = _units(shapely.box(30, -2, 40, north))
    cluster = _clusters([35.0], [np.degrees(-500 / EARTH_RADIUS_M)], [False])
    nearer = {}
    for redrawn in (True, False):
        tie = displacement_weights(
            cluster, resolution=10, boundary=units, rural_far_share=0.0, redrawn=redrawn
        )
        metres = -np.radians(cell_centres(tie.cells)[:, 1]) * EARTH_RADIUS_M
        nearer[redrawn] = tie.matrix.toarray()[0][metres < 500].sum()
    assert truth == pytest.approx(0.2585, abs=0.02)
    # The cell at the published point, where the density peaks, counts as a whole: 1.5 % of the mass.
    assert nearer[True] == pytest.approx(0.2596, abs=0.012)
    assert nearer[False] == pytest.approx(0.2027, abs=0.012)


def test_rows_sum_to_one_anywhere_on_earth(rng):
    lon = np.append(rng.uniform(-180, 180, 40), [180.0, -179.999, 10.0, 20.0])
    lat = np.append(np.degrees(np.arcsin(rng.uniform(-1, 1, 40))), [5.0, -60.0, 89.99, -90.0])
    clusters = _clusters(lon, lat, np.arange(44) % 2 == 0)
    for resolution in (5, 7, 8):
        tie = displacement_weights(clusters, resolution=resolution)
        np.testing.assert_allclose(tie.weight, 1, atol=1e-12)
        assert tie.rows.tolist() == clusters["cluster_id"].tolist()


def test_the_antimeridian_changes_nothing():
    # The same place under two names of its longitude, and a unit cut at the antimeridian or not.
    east = shapely.box(179, 0, 180, 1.01)
    west = shapely.box(-180, 0, -179, 1.01)
    cut = _units(shapely.MultiPolygon([east, west]))
    whole = _units(shapely.box(179, 0, 181, 1.01))
    clusters = _clusters([179.999], [1.0], [False])
    one = displacement_weights(clusters, resolution=7, boundary=cut)
    two = displacement_weights(clusters, resolution=7, boundary=whole)
    assert (one.cells == two.cells).all()
    np.testing.assert_allclose(one.matrix.toarray(), two.matrix.toarray(), atol=1e-9)
    assert len(one.cells) < len(displacement_weights(clusters, resolution=7).cells)


def test_points_off_the_coast(rng):
    units = _units(shapely.box(10, 0, 11, 1))
    metre = np.degrees(1 / EARTH_RADIUS_M)
    clusters = _clusters([10.5, 10.5, 10.5], [1 - 900 * metre, 1 + 900 * metre, 1 + 1500 * metre], [True] * 3)
    tie = displacement_weights(clusters, resolution=8, boundary=units)
    assert tie.notes["boundary"].tolist() == ["inside", "nearest", "outside"]
    centres = cell_centres(tie.cells)
    beyond = centres[:, 1] > 1 + 600 * metre
    share = tie.covered(beyond)
    assert share["c0"] == share["c1"] == 0
    assert share["c2"] > 0.5
    np.testing.assert_allclose(tie.weight, 1, atol=1e-12)


def test_a_unit_out_of_reach_cuts_nothing():
    metre = np.degrees(1 / EARTH_RADIUS_M)
    cluster = _clusters([10.5], [1 + 900 * metre], [True])
    tie = displacement_weights(cluster, resolution=9, urban_m=500, boundary=_units(shapely.box(10, 0, 11, 1)))
    assert tie.notes["boundary"].tolist() == ["outside"]
    np.testing.assert_allclose(tie.weight, 1, atol=1e-12)


def test_prior_vector():
    row, mass = np.zeros(3, int), np.array([0.5, 0.3, 0.2])
    weight, flat = _with_prior(row, mass, np.array([0.0, 100.0, 300.0]), 1)
    np.testing.assert_allclose(weight, [0, 1 / 3, 2 / 3])
    assert not flat.any()
    weight, flat = _with_prior(row, mass, np.zeros(3), 1)
    np.testing.assert_allclose(weight, mass)
    assert flat.all()


def test_the_prior_counts_people_per_area_in_their_cells():
    clusters = _clusters(*[[x] for x in NAIROBI], [True])
    cells = displacement_weights(clusters, resolution=8).cells
    people = pd.Series(0.0, index=cells)
    people[parse_cells([CENTRE])[0]] = 50.0
    tie = displacement_weights(clusters, resolution=8, population=people)
    assert tie.shape == (1, 1)
    assert tie.matrix.max() == 1
    empty = displacement_weights(clusters, resolution=8, population=people * 0)
    assert empty.notes["flat_prior"].all()
    assert empty.matrix.max() == pytest.approx(0.250308, abs=5e-7)


def test_a_mixed_table_keeps_its_order_and_is_not_changed(rng):
    clusters = _clusters(rng.uniform(30, 31, 9), rng.uniform(0, 1, 9), rng.random(9) < 0.5)
    before = clusters.copy()
    tie = displacement_weights(clusters, resolution=7)
    pd.testing.assert_frame_equal(clusters, before)
    for i in range(9):
        alone = displacement_weights(clusters.iloc[[i]], resolution=7)
        assert tie[i].covered(np.isin(tie.cells, alone.cells)).iloc[0] == pytest.approx(1)
        reference = alone.reindex(tie.cells).matrix.toarray()
        np.testing.assert_allclose(tie[i].matrix.toarray(), reference, atol=1e-12)


def test_against_monte_carlo(rng):
    n = 200_000
    origin = np.array(NAIROBI)
    metres, angle = rng.uniform(0, 2000, n), rng.uniform(0, 2 * np.pi, n)
    step = np.degrees(metres / EARTH_RADIUS_M)
    lat = origin[1] + step * np.cos(angle)
    lon = origin[0] + step * np.sin(angle) / np.cos(np.radians(origin[1]))
    cells, count = np.unique(lonlat_cells(lon, lat, resolution=8), return_counts=True)
    tie = displacement_weights(_clusters(*origin[:, None], [True]), resolution=8).reindex(cells)
    np.testing.assert_allclose(tie.matrix.toarray()[0], count / n, atol=0.004)


def test_what_is_refused():
    good = _clusters([10.0], [1.0], [True])
    with pytest.raises(MissingColumnError, match="urban"):
        displacement_weights(good.drop(columns="urban"), resolution=7)
    with pytest.raises(InputError, match="whether they are urban"):
        displacement_weights(good.assign(urban=[None]), resolution=7)
    with pytest.raises(InputError, match=r"\(0, 0\)"):
        displacement_weights(_clusters([0.0], [0.0], [True]), resolution=7)
    with pytest.raises(InputError, match="no clusters"):
        displacement_weights(good.iloc[:0], resolution=7)
    with pytest.raises(InputError, match="positive metres"):
        displacement_weights(good, resolution=7, urban_m=0)
    with pytest.raises(MissingCRSError):
        displacement_weights(
            good, resolution=7, boundary=gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)])
        )
    with pytest.raises(InputError, match="must be polygons"):
        displacement_weights(good, resolution=7, boundary=_units(shapely.Point(0, 0)))


def test_cells_of_every_resolution_share_one_law():
    # The mass of a coarse cell is that of the fine cells at its place, up to the children that stick out.
    clusters = _clusters([10.0], [10.0], [False])
    coarse = displacement_weights(clusters, resolution=5)
    fine = displacement_weights(clusters, resolution=8)
    for cell, weight in zip(coarse.cells, coarse.matrix.toarray()[0]):
        below = uncompact([cell], resolution=8)
        assert fine.reindex(below).matrix.sum() == pytest.approx(weight, abs=0.05)
