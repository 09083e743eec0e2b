import geopandas as gpd
import h3
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.cells import (
    blocks,
    cell_names,
    cell_resolutions,
    compact,
    lonlat_cells,
    neighbours,
    parents,
    parse_cells,
    point_cells,
    uncompact,
)
from geolivelihood.cells.index import _POINTS_PER_TASK
from geolivelihood.errors import InputError, MissingCRSError

lons = st.floats(-180, 180)
lats = st.floats(-90, 90)


@given(st.lists(st.tuples(lons, lats), min_size=1, max_size=20), st.integers(0, 15))
@settings(max_examples=50, deadline=None)
def test_cells_are_those_of_h3(places, resolution):
    lon, lat = np.array(places).T
    expected = [h3.latlng_to_cell(y, x, resolution) for x, y in places]
    assert cell_names(lonlat_cells(lon, lat, resolution=resolution)).tolist() == expected


def test_many_points_in_threads_keep_their_order(rng):
    n = 3 * _POINTS_PER_TASK + 7
    lon, lat = rng.uniform(-180, 180, n), rng.uniform(-90, 90, n)
    cells = lonlat_cells(lon, lat, resolution=4)
    some = rng.choice(n, 500, replace=False)
    assert (cells[some] == lonlat_cells(lon[some], lat[some], resolution=4)).all()


def test_points_in_another_crs_and_across_the_antimeridian():
    points = gpd.GeoSeries(gpd.points_from_xy([36.8, -179.9], [-1.3, 10.0]), crs="EPSG:4326")
    expected = point_cells(points, resolution=7)
    assert (point_cells(points.to_crs("EPSG:3857"), resolution=7) == expected).all()
    assert (lonlat_cells([180.1], [10.0], resolution=7) == expected[1:]).all()


@pytest.mark.parametrize(
    ("lon", "lat"), [([np.nan], [0.0]), ([0.0], [np.inf]), ([1.0], [91.0]), ([1.0, 2.0], [1.0])]
)
def test_unusable_coordinates_are_refused(lon, lat):
    with pytest.raises(InputError):
        lonlat_cells(lon, lat, resolution=5)


def test_wrong_resolution_geometry_and_crs_are_refused():
    with pytest.raises(InputError, match="resolution=16"):
        lonlat_cells([0.0], [0.0], resolution=16)
    with pytest.raises(MissingCRSError, match="set_crs"):
        point_cells(gpd.GeoSeries([shapely.Point(0, 0)]), resolution=5)
    mixed = gpd.GeoSeries([shapely.Point(0, 0), shapely.box(0, 0, 1, 1), None], crs="EPSG:4326")
    with pytest.raises(InputError, match="rows 1, 2"):
        point_cells(mixed, resolution=5)


@given(lons, lats, st.integers(0, 15), st.integers(0, 15))
@settings(max_examples=50, deadline=None)
def test_parents_are_those_of_h3(lon, lat, a, b):
    fine, coarse = max(a, b), min(a, b)
    cell = lonlat_cells([lon], [lat], resolution=fine)
    expected = h3.cell_to_parent(h3.latlng_to_cell(lat, lon, fine), coarse)
    assert cell_names(parents(cell, resolution=coarse)) == [expected]
    assert cell_resolutions(cell) == [fine]


def test_finer_parents_are_refused():
    with pytest.raises(InputError, match="no parent"):
        parents(lonlat_cells([0.0], [0.0], resolution=3), resolution=4)


def test_blocks_of_points_cells_and_arrays_agree():
    lonlat = np.array([[36.8, -1.3], [36.9, -1.2], [-60.0, 5.0]])
    points = gpd.GeoSeries(gpd.points_from_xy(*lonlat.T), crs="EPSG:4326")
    assert (blocks(points, resolution=3) == blocks(lonlat, resolution=3)).all()
    cells = point_cells(points, resolution=9)
    assert (blocks(cells, resolution=3) == parents(cells, resolution=3)).all()


def test_neighbours_of_hexagons_and_pentagons():
    cells = np.concatenate([lonlat_cells([10.0], [10.0], resolution=5), parse_cells(h3.get_pentagons(5)[:1])])
    source, target = neighbours(cells, k=2)
    expected = [set(h3.grid_disk(name, 2)) - {name} for name in cell_names(cells)]
    for cell, others in zip(cells, expected):
        assert set(cell_names(target[source == cell])) == others
    with pytest.raises(InputError):
        neighbours(cells, k=0)
    assert len(neighbours(np.empty(0, np.uint64))[0]) == 0


def test_compaction_and_back():
    block = lonlat_cells([20.0], [-30.0], resolution=3)
    fine = uncompact(block, resolution=6)
    assert len(fine) == 343
    assert (compact(fine) == block).all()
    mixed = compact(np.concatenate([fine[1:], fine[1:5]]))
    assert (uncompact(mixed, resolution=6) == fine[1:]).all()
    with pytest.raises(InputError, match="cannot be split"):
        uncompact(fine, resolution=5)


def test_names_that_are_no_cells():
    with pytest.raises(InputError, match="nonsense"):
        parse_cells(["887a6e42cbfffff", "nonsense"])
    with pytest.raises(InputError, match="parse_cells"):
        parents(np.array(["887a6e42cbfffff"]), resolution=3)
