import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_bounds

from geolivelihood.cells import (
    Tie,
    cell_areas,
    cell_centres,
    cell_polygons,
    cell_population,
    cluster_cells,
    image_cells,
    lonlat_cells,
    point_cells,
    polygon_cells,
    region_shares,
    region_weights,
)
from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError


def _regions(*polygons):
    ids = [f"r{i}" for i in range(len(polygons))]
    return gpd.GeoDataFrame({"region_id": ids}, geometry=list(polygons), crs="EPSG:4326")


@pytest.fixture
def halves():
    return _regions(shapely.box(10, 0, 10.5, 1), shapely.box(10.5, 0, 11, 1))


@pytest.fixture
def cells(halves):
    return np.unique(polygon_cells(halves, resolution=5)[1])


@pytest.fixture
def population(tmp_path, rng):
    path = tmp_path / "people.tif"
    people = rng.poisson(20, (60, 90)).astype("float32")
    people[:, :10] = -1  # sea
    place = from_bounds(9.5, -0.5, 11.5, 1.5, 90, 60)
    shape = {"height": 60, "width": 90, "count": 1, "dtype": "float32"}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:4326", transform=place, nodata=-1, **shape
    ) as out:
        out.write(people, 1)
    return path, float(people[people >= 0].sum())


def test_vector_of_the_specification():
    # The tie of section 5: people of the cells times their shares.
    people, share = np.array([100.0, 300.0, 600.0]), np.array([[1, 0.5, 0], [0, 0.5, 1]])
    row, column = np.nonzero(share)
    cells = np.array([1, 2, 3], dtype=np.uint64)
    tie = Tie.from_arrays(row, cells[column], (share * people)[row, column], row_ids=["A", "B"])
    y = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(tie.mean(y), [1.6, 3.6])
    assert (tie.weight * tie.mean(y)).sum() / tie.weight.sum() == pytest.approx(3.1)


def test_areas_add_up(halves, cells):
    tie = region_weights(cells, halves)
    assert (tie.cells == cells).all()
    assert tie.rows.tolist() == ["r0", "r1"]
    np.testing.assert_allclose(tie.notes["covered"], 1, rtol=1e-9)
    expected = 0.5 * np.pi / 180 * np.sin(np.pi / 180) * 6371008.8**2
    np.testing.assert_allclose(tie.weight, expected, rtol=1e-9)
    shares = region_shares(cells, halves)
    column = shares.matrix.sum(axis=0)
    assert column.max() <= 1 + 1e-12
    inside = shapely.within(cell_polygons(cells).values, halves.union_all())
    np.testing.assert_allclose(column[inside], 1, atol=1e-9)
    np.testing.assert_allclose(shares.matrix.multiply(cell_areas(cells)).sum(), tie.matrix.sum(), rtol=5e-3)


def test_people_add_up(halves, cells, population):
    path, _ = population
    tie = region_weights(cells, halves, population=path)
    people = cell_population(cells, path)
    whole = region_weights(cells, _regions(halves.union_all()), population=path)
    np.testing.assert_allclose(tie.matrix.sum(), whole.matrix.sum(), rtol=1e-6)
    np.testing.assert_allclose(tie.notes["covered"], 1, rtol=1e-6)
    shares = region_shares(cells, halves, population=path)
    assert shares.matrix.sum(axis=0).max() <= 1 + 1e-12
    np.testing.assert_allclose(shares @ people.to_numpy(), tie.weight, rtol=1e-6)
    ones = np.ones(len(cells))
    np.testing.assert_allclose(tie.mean(ones), 1)
    np.testing.assert_allclose(tie.normalised().weight, 1)


def test_every_person_lives_in_one_cell(population):
    path, total = population
    frame = gpd.GeoSeries([shapely.box(9, -1, 12, 2)], crs="EPSG:4326")
    _, cells = polygon_cells(frame, resolution=5)
    assert cell_population(cells, path).sum() == pytest.approx(total, rel=1e-6)


def test_missing_cells_show_as_uncovered(halves, cells):
    few = cells[cell_centres(cells)[:, 1] > 0.5]
    tie = region_weights(few, halves)
    np.testing.assert_allclose(tie.notes["covered"], 0.5, atol=0.1)


def test_overlapping_regions_divide_their_cells(halves, cells):
    twice = _regions(*halves.geometry, halves.union_all())
    assert region_shares(cells, twice).matrix.sum(axis=0).max() <= 1 + 1e-12


def test_a_region_across_the_antimeridian():
    region = _regions(shapely.MultiPolygon([shapely.box(179.5, 0, 180, 1), shapely.box(-180, 0, -179.5, 1)]))
    _, cells = polygon_cells(region, resolution=5)
    tie = region_weights(cells, region)
    np.testing.assert_allclose(tie.notes["covered"], 1, rtol=1e-9)


def test_what_regions_refuse(halves, cells, tmp_path):
    with pytest.raises(MissingColumnError, match="region_id"):
        region_weights(cells, halves.drop(columns="region_id"))
    with pytest.raises(MissingCRSError):
        region_weights(cells, halves.set_crs(None, allow_override=True))
    with pytest.raises(InputError, match="no polygon: r0"):
        region_weights(cells, _regions(shapely.Point(0, 0)))
    with pytest.raises(InputError, match="Cannot read the population raster"):
        region_weights(cells, halves, population=tmp_path / "none.tif")


def test_pictures_as_points_and_footprints():
    shapes = [
        shapely.Point(-50, -10),
        shapely.box(-50, -10, -49.9, -9.9),
        shapely.box(179.95, 0, 180.05, 0.1),
    ]
    images = gpd.GeoDataFrame({"image_id": list("abc")}, geometry=shapes, crs="EPSG:4326")
    tie = image_cells(images, resolution=7)
    np.testing.assert_allclose(tie.weight, 1, atol=1e-12)
    assert tie[0].to_frame()["cell"].tolist() == point_cells(images.iloc[[0]], resolution=7).tolist()
    inner = lonlat_cells([-49.95], [-9.95], resolution=7)
    share = tie.reindex(inner).matrix.toarray()[1, 0]
    area = 0.1 * np.pi / 180 * (np.sin(np.radians(10)) - np.sin(np.radians(9.9))) * 6371008.8**2
    assert share == pytest.approx(cell_areas(inner)[0] / area, rel=1e-3)
    west, east = tie.cells[tie.matrix[[2]].indices], cell_centres(tie.cells[tie.matrix[[2]].indices])
    assert len(west) > 20
    assert (east[:, 0] < 0).any()
    assert (east[:, 0] > 0).any()


def test_clusters_that_stay_where_they_are(rng):
    points = gpd.points_from_xy(rng.uniform(30, 31, 5), rng.uniform(0, 1, 5))
    clusters = gpd.GeoDataFrame({"cluster_id": list("vwxyz")}, geometry=points, crs="EPSG:4326")
    tie = cluster_cells(clusters, resolution=6)
    assert tie.to_frame().set_index("row")["cell"].tolist() == point_cells(clusters, resolution=6).tolist()
    with pytest.raises(MissingColumnError, match="cluster_id"):
        cluster_cells(clusters.drop(columns="cluster_id"), resolution=6)
    with pytest.raises(MissingColumnError, match="image_id"):
        image_cells(clusters, resolution=6)
