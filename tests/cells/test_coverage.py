import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geolivelihood.cells import (
    cell_centres,
    cell_polygons,
    lonlat_cells,
    polygon_areas,
    polygon_cells,
)
from geolivelihood.errors import InputError, MissingCRSError


def _series(*polygons):
    return gpd.GeoSeries(list(polygons), crs="EPSG:4326")


def _points_in(polygon, rng, n):
    west, south, east, north = polygon.bounds
    lon, lat = rng.uniform(west, east, n), rng.uniform(south, north, n)
    inside = shapely.intersects_xy(polygon, lon, lat)
    corners = shapely.get_coordinates(polygon)
    return np.append(lon[inside], corners[:, 0]), np.append(lat[inside], corners[:, 1])


@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.floats(0.001, 3),
    st.integers(1, 6),
    st.integers(3, 9),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_no_gaps_anywhere(lon, lat, size, resolution, corners, seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    ring = np.column_stack([lon + size * np.cos(angle), np.clip(lat + size * np.sin(angle), -90, 90)])
    polygon = shapely.make_valid(shapely.Polygon(ring))
    if polygon.geom_type != "Polygon" or polygon.area == 0:
        return
    rows, cells = polygon_cells(_series(polygon), resolution=resolution)
    assert (rows == 0).all()
    assert len(np.unique(cells)) == len(cells)
    x, y = _points_in(polygon, rng, 300)
    assert np.isin(lonlat_cells(x, y, resolution=resolution), cells).all()


@pytest.mark.parametrize(
    "polygon",
    [
        shapely.MultiPolygon([shapely.box(179, -1, 180, 1), shapely.box(-180, -1, -179, 1)]),
        shapely.box(179, -1, 181, 1),
        shapely.box(-180, 85, 180, 90),
        shapely.box(-180, -90, 180, -86),
        shapely.box(10, 10, 10.0001, 10.0001),
        shapely.box(0, 0, 3, 3) - shapely.box(0.5, 0.5, 2.5, 2.5),
        shapely.box(30, -90, 30.5, 90),
    ],
)
def test_no_gaps_where_it_is_hard(polygon, rng):
    _, cells = polygon_cells(_series(polygon), resolution=4)
    lon, lat = _points_in(polygon, rng, 3000)
    assert np.isin(lonlat_cells(lon, lat, resolution=4), cells).all()


def test_no_more_cells_than_touch():
    polygon = shapely.box(10, 40, 11, 41)
    _, cells = polygon_cells(_series(polygon), resolution=6)
    assert shapely.dwithin(cell_polygons(cells).values, polygon, 1e-3).all()
    assert cells.size < 1.4 * polygon_areas(np.array([polygon]))[0] / 36.13e6


def test_centres_partition_neighbours(rng):
    left, right = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    rows, cells = polygon_cells(_series(left, right), resolution=6, mode="centre")
    assert len(np.unique(cells)) == len(cells)
    centres = cell_centres(cells)
    assert ((centres[:, 0] > 1) == rows.astype(bool)).all()
    _, together = polygon_cells(_series(shapely.box(0, 0, 2, 1)), resolution=6, mode="centre")
    assert (np.sort(cells) == together).all()


def test_rows_follow_the_polygons_of_any_size(rng):
    shapes = _series(shapely.box(0, 0, 20, 20), shapely.box(100, 10, 100.01, 10.01), shapely.box(5, 5, 6, 6))
    rows, cells = polygon_cells(shapes, resolution=4)
    for row in range(3):
        _, alone = polygon_cells(shapes.iloc[[row]], resolution=4)
        assert (cells[rows == row] == alone).all()


def test_real_regions_are_covered(shared_data, rng):
    states = gpd.read_file(shared_data / "brazil" / "brazil_states_ne50m.geojson")
    rows, cells = polygon_cells(states, resolution=4)
    for row in (0, 5, 20):
        lon, lat = _points_in(states.geometry.iloc[row], rng, 500)
        assert np.isin(lonlat_cells(lon, lat, resolution=4), cells[rows == row]).all()


def test_what_is_refused():
    with pytest.raises(InputError, match="covers"):
        polygon_cells(_series(shapely.box(0, 0, 1, 1)), resolution=4, mode="overlaps")
    with pytest.raises(InputError, match="rows 0, 2"):
        polygon_cells(_series(shapely.Point(0, 0), shapely.box(0, 0, 1, 1), None), resolution=4)
    with pytest.raises(MissingCRSError):
        polygon_cells(gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), resolution=4)
    rows, cells = polygon_cells(_series(), resolution=4)
    assert len(rows) == len(cells) == 0
