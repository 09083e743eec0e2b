"""Zonal sums: section 4 of the specification of georeferenced explanations."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio import features

from geolivelihood.cells import cell_polygons, point_cells
from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.explanation.ground.areas import pixel_areas
from geolivelihood.explanation.ground.zonal import zonal_sums

ROWS = np.array([[0.4, -0.1, 0.2, 0], [0.3, 0.5, -0.2, 0.1], [-0.3, 0.1, 0.6, 0.2], [0, -0.4, 0.1, 0.3]])
TRIANGLE = shapely.Polygon([(3, 2), (37, 8), (14, 35)])
GROUND = Affine(10, 0, 0, 0, -10, 40)
UTM = "EPSG:32636"


def write(path, values, *, crs=UTM, transform=GROUND, dtype="float32", nodata=np.nan, **tags):
    values = np.asarray(values, dtype=dtype)
    profile = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": dtype}
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **profile
    ) as to:
        to.write(values, 1)
        to.update_tags(target="pov", **tags)
    return path


@pytest.fixture
def example(tmp_path):
    return write(tmp_path / "example.tif", ROWS)


def zones(*shapes, crs=UTM, **columns):
    columns = columns or {"region_id": [f"r{k}" for k in range(len(shapes))]}
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def test_triangle(example):
    found = zonal_sums(example, zones(TRIANGLE))
    row = found.table.iloc[0]
    assert row["n"] == pytest.approx(5.28, abs=1e-6) and row["coverage"] == pytest.approx(1)
    expected = [0.858137160, 1.242173629, -0.384036469]
    assert np.allclose([row["sum"], row["positive"], row["negative"]], expected, atol=1e-6)
    assert found.uncovered == pytest.approx(0.941862840, abs=1e-6)
    assert row["sum"] + found.uncovered + found.masked == pytest.approx(1.8, abs=1e-6 * np.abs(ROWS).sum())
    assert row["share_positive"] == pytest.approx(1.242173629 / (1.242173629 + 0.384036469), abs=1e-6)
    assert row["density"] == pytest.approx(0.858137160 / 0.0528, rel=1e-6)
    assert row["mean"] == pytest.approx(0.858137160 / 5.28, rel=1e-6)
    assert found.table.columns.tolist() == [
        "region_id", "class", "target", "sum", "positive", "negative", "mean", "share_positive", "area_m2",
        "density", "coverage", "n", "geometry",
    ]  # fmt: skip


def test_rules_of_whole_pixels_give_other_sums():
    inside = features.geometry_mask([TRIANGLE], (4, 4), GROUND, invert=True)
    touched = features.geometry_mask([TRIANGLE], (4, 4), GROUND, invert=True, all_touched=True)
    assert np.allclose([ROWS[inside].sum(), ROWS[touched].sum()], [0.8, 1.1])


def test_classes_as_polygons(example):
    sides = zones(shapely.box(-9, -9, 15, 60), shapely.box(15, -9, 60, 60), use=["west", "east"])
    found = zonal_sums(example, zones(TRIANGLE), classes=sides, class_column="use").table.set_index("class")
    assert np.allclose(found.loc[["west", "east"], "sum"], [0.048616368, 0.809520792], atol=1e-6)
    assert np.allclose(found.loc[["west", "east"], "area_m2"], [201.207161, 326.792839], atol=1e-4)
    assert len(found) == 2 and found.loc["west"].geometry.area == pytest.approx(201.207161)
    half = zonal_sums(example, zones(TRIANGLE), classes=sides.head(1), class_column="use").table
    assert half["class"].isna().tolist() == [False, True]
    assert np.allclose(half["sum"], [0.048616368, 0.809520792], atol=1e-6)


def test_classes_as_a_raster(tmp_path, example):
    kinds = np.array([[1, 1, 2, 2]] * 4)
    kinds[0, 0] = 0
    path = write(tmp_path / "use.tif", kinds, dtype="uint8", nodata=0)
    found = zonal_sums(example, zones(shapely.box(0, 0, 40, 40)), classes=path).table
    assert found["class"].tolist() == [1, 2, None] and np.allclose(found["sum"], [0.1, 1.3, 0.4], atol=1e-6)
    assert np.allclose(found["n"], [7, 8, 1])


def test_rotated_rasters_are_taken_in_pixel_space(tmp_path, example):
    turned = Affine.translation(5e5, 1e6) * Affine.rotation(30) * Affine.shear(10) * GROUND
    path = write(tmp_path / "turned.tif", ROWS, transform=turned)
    turn = turned * ~GROUND
    moved = shapely.transform(
        TRIANGLE, lambda xy: xy @ [[turn.a, turn.d], [turn.b, turn.e]] + [turn.c, turn.f]
    )
    plain, rotated = (
        zonal_sums(raster, zones(shape)) for raster, shape in ((example, TRIANGLE), (path, moved))
    )
    for name in ("sum", "positive", "negative", "n", "area_m2"):
        assert plain.table[name][0] == pytest.approx(rotated.table[name][0], abs=1e-4)
    assert plain.uncovered == pytest.approx(rotated.uncovered, abs=1e-6)
    sides = zones(moved.buffer(99), use=["all"])
    split = zonal_sums(path, zones(moved), classes=sides, class_column="use").table
    assert (
        split.geometry[0].equals_exact(moved, 1e-6)
        or split.geometry[0].symmetric_difference(moved).area < 1e-3
    )


def test_cells_add_up_to_the_map(tmp_path):
    """Hexagons in longitude and latitude over a Web Mercator raster with holes: nothing counts twice."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(120, 150))
    values[30:50, 40:70] = np.nan
    ground = Affine(2.4, 0, 3627000, 0, -2.4, 38700)
    path = write(tmp_path / "a.tif", values, crs="EPSG:3857", transform=ground, masked=0.25)
    middle = gpd.GeoSeries(gpd.points_from_xy([3627180], [38550]), crs=3857)
    cells = _disc(middle)
    found = zonal_sums(path, cell_polygons(cells))
    table = found.table
    assert table.columns[0] == "cell" and table["cell"].dtype == np.uint64 and len(table) == len(cells)
    size = np.nansum(np.abs(values))
    assert table["sum"].sum() + found.uncovered + found.masked == pytest.approx(
        np.nansum(values.astype("float32").astype(float)) + 0.25, abs=1e-6 * size
    )
    assert (table["coverage"] < 1).any() and table["coverage"].max() <= 1
    whole = table[table["coverage"] > 0.999]
    equal = cell_polygons(whole["cell"].to_numpy()).to_crs("EPSG:6933").area.to_numpy()
    assert np.allclose(whole["area_m2"], equal, rtol=2e-3)
    assert table["area_m2"].sum() < pixel_areas(ground, "EPSG:3857", 60) * np.sum(~np.isnan(values))


def _disc(middle):
    import h3

    names = h3.grid_disk(h3.int_to_str(int(point_cells(middle, resolution=11)[0])), 4)
    return np.array(sorted(h3.str_to_int(name) for name in names), dtype=np.uint64)


def test_zones_outside_and_empty(example):
    found = zonal_sums(example, zones(shapely.box(100, 100, 110, 110), shapely.box(0, 0, 40, 40)))
    row = found.table.iloc[0]
    assert row["sum"] == 0 and row["n"] == 0 and np.isnan(row["mean"]) and row["coverage"] == 0
    assert found.table["sum"][1] == pytest.approx(1.8, abs=1e-6) and found.uncovered == pytest.approx(0)


def test_bad_input(tmp_path, example):
    with pytest.raises(MissingCRSError, match="zones has no CRS"):
        zonal_sums(example, zones(TRIANGLE, crs=None))
    with pytest.raises(MissingCRSError, match="has no CRS"):
        zonal_sums(write(tmp_path / "b.tif", ROWS, crs=None), zones(TRIANGLE))
    with pytest.raises(InputError, match="1 rows that are no polygon"):
        zonal_sums(example, zones(shapely.Point(1, 1)))
    with pytest.raises(MissingColumnError, match="region_id, geometry"):
        zonal_sums(example, zones(TRIANGLE), classes=zones(TRIANGLE), class_column="use")
    both = zones(TRIANGLE, TRIANGLE, use=["a", "b"])
    with pytest.raises(InputError, match="overlap in 1 zones"):
        zonal_sums(example, zones(TRIANGLE), classes=both, class_column="use")
    with pytest.raises(InputError, match="another grid"):
        zonal_sums(example, zones(TRIANGLE), classes=write(tmp_path / "c.tif", np.ones((2, 2))))
