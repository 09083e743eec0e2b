import h3
import numpy as np
import pytest
import shapely

from geolivelihood.cells import (
    cell_areas,
    cell_centres,
    cell_points,
    cell_polygons,
    lonlat_cells,
    parse_cells,
    point_cells,
    polygon_areas,
    uncompact,
)
from geolivelihood.cells.polygons import _CELLS_PER_TASK, cut_polygons

EVERYWHERE = parse_cells(h3.get_res0_cells())


@pytest.mark.parametrize("resolution", [0, 1, 2])
def test_cells_tile_the_map_without_gap_or_overlap(resolution):
    polygons = cell_polygons(uncompact(EVERYWHERE, resolution=resolution))
    assert polygons.is_valid.all()
    assert shapely.area(polygons.values).sum() == pytest.approx(360 * 180)
    assert polygons.union_all().area == pytest.approx(360 * 180)
    assert polygons.total_bounds.tolist() == [-180, -90, 180, 90]


def test_corners_are_those_of_h3(rng):
    cells = lonlat_cells(rng.uniform(20, 40, 50), rng.uniform(-40, 40, 50), resolution=6)
    for name, polygon in zip(map(h3.int_to_str, cells.tolist()), cell_polygons(cells)):
        corners = shapely.Polygon([(lon, lat) for lat, lon in h3.cell_to_boundary(name)])
        assert polygon.symmetric_difference(corners).area < 1e-9 * polygon.area


def test_many_cells_in_threads_keep_their_order():
    cells = uncompact(lonlat_cells([10.0], [10.0], resolution=1), resolution=6)
    assert len(cells) > 3 * _CELLS_PER_TASK
    polygons = cell_polygons(cells)
    assert polygons.index.name == "cell"
    assert shapely.contains_properly(polygons.values, shapely.points(cell_centres(cells))).all()


def test_pentagons_and_hexagons_with_extra_corners_together():
    cells = np.concatenate([parse_cells(h3.get_pentagons(3)), lonlat_cells([10.0], [10.0], resolution=3)])
    polygons = cell_polygons(cells)
    assert polygons.is_valid.all()
    np.testing.assert_allclose(polygon_areas(polygons.values), cell_areas(cells), rtol=0.02)


def test_a_cell_across_the_antimeridian_has_two_parts():
    polygon = cell_polygons(lonlat_cells([180.0], [0.0], resolution=4)).iloc[0]
    assert polygon.geom_type == "MultiPolygon"
    assert polygon.bounds[0] == -180
    assert polygon.bounds[2] == 180
    area = cell_areas(lonlat_cells([180.0], [0.0], resolution=4))
    np.testing.assert_allclose(polygon_areas(np.array([polygon])), area, rtol=1e-4)


def test_every_cell_on_the_antimeridian_keeps_its_area(rng):
    cells = np.unique(lonlat_cells(np.full(3000, 180.0), rng.uniform(-80, 80, 3000), resolution=5))
    polygons = cell_polygons(cells)
    assert polygons.is_valid.all()
    np.testing.assert_allclose(polygon_areas(polygons.values), cell_areas(cells), rtol=2e-3)


def test_a_cell_around_a_pole_reaches_it():
    for latitude in (90.0, -90.0):
        polygon = cell_polygons(lonlat_cells([0.0], [latitude], resolution=3)).iloc[0]
        assert polygon.is_valid
        assert polygon.covers(shapely.linestrings([[-180, latitude], [180, latitude]]))


def test_centres_lie_in_their_cells(rng):
    cells = lonlat_cells(rng.uniform(-180, 180, 200), rng.uniform(-90, 90, 200), resolution=5)
    assert (point_cells(cell_points(cells), resolution=5) == cells).all()


def test_nothing_in_nothing_out():
    assert len(cell_polygons(np.empty(0, np.uint64))) == 0
    assert len(cell_points(np.empty(0, np.uint64))) == 0


def test_areas_on_the_sphere():
    world = np.array([shapely.box(-180, -90, 180, 90)])
    assert polygon_areas(world)[0] == pytest.approx(4 * np.pi * 6371008.8**2)


def test_polygons_beyond_the_map_are_brought_back():
    out = cut_polygons(np.array([shapely.box(179, 0, 181, 1), shapely.box(0, 0, 1, 1)]))
    assert out[0].equals(shapely.MultiPolygon([shapely.box(179, 0, 180, 1), shapely.box(-180, 0, -179, 1)]))
    assert out[1].equals(shapely.box(0, 0, 1, 1))
