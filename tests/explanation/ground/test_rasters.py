"""Tiles on the ground and their rasters: section 1 of the specification of georeferenced explanations."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.ground.areas import mercator_area_factor, pixel_areas
from geolivelihood.explanation.ground.grid import Tile, footprints, image_tiles, readable_tiles
from geolivelihood.explanation.ground.rasters import colour_limit, draw_tile, explanation_rasters
from geolivelihood.explanation.ground.registration import Registration, extent
from geolivelihood.tables import read_geotiffs, read_tiles, tile_bounds_mercator


def explained(maps, *, start=0.5, jump=32.0, size=(224, 224), intercept=0.5):
    maps = np.asarray(maps, dtype=float)
    fixed = np.full(len(maps), intercept)
    left = np.full(len(maps), 0.01)
    total = maps.sum(axis=(1, 2)) + fixed + left
    return Attribution(
        maps, total, fixed, left, "zero", "pov", "signed_cam", start, jump, size, unit="log-odds"
    )


def school_tile():
    west, south, east, north = tile_bounds_mercator(18, 73703, 129770)
    return Tile(
        Affine((east - west) / 256, 0, west, 0, (south - north) / 256, north), "EPSG:3857", 256, 256, "school"
    )


def test_nodes_on_the_ground():
    ground = school_tile().input_transform((224, 224))
    places = [ground * (node, node) for node in Registration(0.5, 32.0).nodes(7)[[0, 3, 6]]]
    expected = [
        (-8770231.410148, 199041.680418),
        (-8770165.892695, 198976.162965),
        (-8770100.375242, 198910.645512),
    ]
    assert np.allclose(places, expected, atol=2e-6, rtol=0)
    moved = ground * (extent(224, 7).start, extent(224, 7).start)
    assert np.allclose(np.subtract(moved, places[0]), [10.578339, -10.578339], atol=1e-6)


def test_rotation_needs_nothing_more():
    turned = Affine.translation(500000, 9990000) * Affine.rotation(30) * Affine.scale(0.5, -0.5)
    tile = Tile(turned, "EPSG:32636", 224, 224)
    assert np.allclose(
        tile.input_transform((224, 224)) * (3 * 32 + 0.5, 6 * 32 + 0.5),
        (500089.910726, 9989940.770055),
        atol=1e-6,
        rtol=0,
    )
    drawn = draw_tile(np.ones((7, 7)), tile, start=0.5, jump=32, size=(224, 224))
    assert np.allclose([drawn.transform.a, drawn.transform.d], [2 * np.cos(np.pi / 6), 2 * np.sin(np.pi / 6)])


def test_area_of_mercator_pixels():
    expected = [0.993305620, 0.878486271, 0.430415472, 0.250838898]
    assert np.allclose(mercator_area_factor([0, 20, 49.023011, 60]), expected, atol=1e-9)
    row = pixel_areas(school_tile().transform, "EPSG:3857", 128)
    assert row == pytest.approx(0.597164283**2 * mercator_area_factor(1.787), rel=1e-5)
    strip = pixel_areas(Affine(0.1, 0, 10, 0, -0.1, 50), "EPSG:4326", 0)
    assert strip == pytest.approx(79828488.9624, rel=1e-9)  # pyproj.Geod of the same, densified
    turned = pixel_areas(Affine(0.1, 1e-4, 10, 1e-4, -0.1, 50), "EPSG:4326", 0, 0)
    assert turned == pytest.approx(strip, rel=1e-4)
    assert pixel_areas(Affine(10, 0, 0, 0, -10, 40), "EPSG:32636", [0, 1]).tolist() == [100, 100]


@pytest.mark.parametrize(("pixel", "jump"), [(4.0, 32.0), (0.5, 4.0), (1.0, 1.0)])
def test_side_of_a_drawn_pixel(pixel, jump):
    assert school_tile().pixel((224, 224), jump) == pixel


def test_crop_then_resize():
    tile = Tile(Affine(2, 0, 100, 0, -2, 900), "EPSG:32636", 300, 200, box=(50, 0, 250, 200))
    assert tile.input_transform((100, 100)) * (0, 0) == (200, 900)
    assert tile.input_transform((100, 100)) * (100, 100) == (600, 500)
    drawn = draw_tile(np.ones((4, 4)), tile, start=12.5, jump=25, size=(100, 100))
    assert drawn.transform * (0, 0) == (200, 900) and drawn.values.sum() == pytest.approx(16)


def test_nodata_takes_its_share_and_nothing_is_spread():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(7, 7))
    valid = np.ones((256, 256), dtype=bool)
    valid[:100, :57] = False
    whole = draw_tile(values, school_tile(), start=0.5, jump=32, size=(224, 224))
    drawn = draw_tile(values, school_tile(), start=0.5, jump=32, size=(224, 224), valid=valid)
    assert np.isnan(drawn.values[:25, :14]).all() and np.isnan(drawn.values).sum() == 25 * 14
    assert np.allclose(drawn.values[:25, 14], 0.75 * whole.values[:25, 14])
    assert np.allclose(drawn.values[:, 15:], whole.values[:, 15:])
    assert np.nansum(drawn.values) + drawn.masked == pytest.approx(values.sum(), abs=1e-12)
    assert abs(drawn.masked) > 0.01


def test_rasters_say_what_they_are(tmp_path):
    rng = np.random.default_rng(0)
    found = explained(rng.normal(size=(2, 7, 7)))
    table = explanation_rasters(found, [school_tile(), None], tmp_path, model="resnet18")
    assert table.columns.tolist() == [
        "image_id", "kind", "path", "target", "total", "intercept", "residual", "masked", "kept", "limit",
        "registration", "geometry",
    ]  # fmt: skip
    row = table.iloc[0]
    assert len(table) == 1 and (row["path"], row["kind"]) == ("school_signed_cam_pov.tif", "signed_cam")
    assert row["kept"] + row["masked"] + row["intercept"] + row["residual"] == pytest.approx(row["total"])
    assert np.allclose(
        row.geometry.bounds, [-78.784332275, 1.786362132, -78.782958984, 1.787734755], atol=1e-8
    )
    with rasterio.open(tmp_path / row["path"]) as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and raster.dtypes == ("float32",)
        assert raster.crs.to_epsg() == 3857 and np.isnan(raster.nodata)
        assert raster.transform.almost_equals(school_tile().transform * Affine.scale(4), precision=1e-6)
        assert raster.descriptions == ("pov: signed cam",) and raster.units == ("log-odds per pixel",)
        tags = raster.tags()
        kept = {name: tags[name] for name in ("target", "model", "registration", "kernel")}
        assert kept == {
            "target": "pov", "model": "resnet18", "registration": "receptive_field", "kernel": "hat",
        }  # fmt: skip
        assert float(tags["limit"]) == row["limit"] and float(tags["intercept"]) == 0.5
        assert raster.read(1).sum() == pytest.approx(found.maps[0].sum(), abs=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == [row["path"]]


def test_overviews_average(tmp_path):
    """The sum of an overview times 4^level is the sum of the raster."""
    tile = Tile(Affine(1, 0, 5e5, 0, -1, 1e6), "EPSG:32636", 1024, 1024, "wide")
    rng = np.random.default_rng(0)
    found = explained(rng.normal(size=(1, 8, 8)) + 1, start=64, jump=128, size=(1024, 1024))
    table = explanation_rasters(found, [tile], tmp_path, pixel=1)
    with rasterio.open(tmp_path / table["path"][0], overview_level=0) as raster:
        assert raster.shape == (512, 512)
        assert raster.read(1).sum(dtype=float) * 4 == pytest.approx(found.maps.sum(), rel=1e-5)


def test_limit_of_the_colours():
    maps = np.arange(-50, 51, dtype=float).reshape(1, 1, 101)
    assert colour_limit(maps, jump=32, pixel=16.0) == pytest.approx(49 * 16 / 1024)


def test_equal_names_are_told_apart(tmp_path):
    first, second = school_tile(), school_tile()
    tiles = [
        Tile(first.transform, first.crs, 256, 256, "a/b"),
        Tile(second.transform, second.crs, 256, 256, "a b"),
    ]
    table = explanation_rasters(explained(np.ones((2, 7, 7))), tiles, tmp_path)
    assert table["path"].is_unique and all((tmp_path / name).exists() for name in table["path"])


def write(path, *, crs="EPSG:32636", nodata=None, dtype="uint8", values=None, transform=None):
    pixels = np.full((1, 40, 60), 7, dtype=dtype) if values is None else values
    profile = {"height": pixels.shape[1], "width": pixels.shape[2], "count": len(pixels), "dtype": dtype}
    transform = transform or Affine(10, 0, 5e5, 0, -10, 1e6)
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, nodata=nodata, transform=transform, **profile
    ) as to:
        to.write(pixels)


def test_tiles_of_windows_and_their_nodata(tmp_path):
    values = np.full((1, 40, 60), 7, dtype="uint8")
    values[0, :10] = 0
    write(tmp_path / "scene.tif", nodata=0, values=values)
    images = read_geotiffs(tmp_path / "scene.tif").table
    two = pd.concat([images, images.assign(image_id="right", col_off=40, width=30, row_off=5, height=20)])
    tiles = image_tiles(two)
    assert tiles[1].transform * (0, 0) == (5e5 + 400, 1e6 - 50) and tiles[1].crs.to_epsg() == 32636
    assert tiles[0].valid().sum() == 30 * 60
    assert tiles[1].valid()[:, :20].sum() == 15 * 20 and not tiles[1].valid()[:, 20:].any()  # past the edge


def test_nan_is_nodata_too(tmp_path):
    values = np.zeros((1, 40, 60), dtype="float32")
    values[0, 3, 4] = np.nan
    write(tmp_path / "a.tif", values=values, dtype="float32")
    tile = image_tiles(read_geotiffs(tmp_path / "a.tif").table)[0]
    assert np.argwhere(~tile.valid()).tolist() == [[3, 4]]
    write(tmp_path / "b.tif")
    assert image_tiles(read_geotiffs(tmp_path / "b.tif").table)[0].valid() is None


def test_no_crs_is_refused(tmp_path):
    with pytest.raises(MissingCRSError, match="Tile a has no CRS"):
        Tile(Affine.identity(), None, 10, 10, "a")
    write(tmp_path / "a.tif", crs=None)
    images = pd.DataFrame({"image_id": ["a", "b"], "path": [str(tmp_path / "a.tif"), "absent.tif"]})
    with pytest.raises(MissingCRSError, match="has no CRS"):
        image_tiles(images)
    said = []
    assert image_tiles(images, on_rejected=said.append) == [None, None]
    assert pd.concat(said)["row"].tolist() == ["a", "b"]
    given = image_tiles(images[:1].assign(raster_crs="EPSG:32636"))
    assert given[0].crs.to_epsg() == 32636


def test_bad_input(tmp_path):
    with pytest.raises(MissingColumnError, match="path"):
        image_tiles(pd.DataFrame({"image_id": []}))
    with pytest.raises(InputError, match="'squash'"):
        image_tiles(pd.DataFrame({"image_id": [], "path": []}), fit="pad")
    with pytest.raises(InputError, match="which is flat"):
        Tile(Affine(1, 1, 0, 1, 1, 0), "EPSG:32636", 4, 4)
    with pytest.raises(InputError, match="2 maps and 1 tiles"):
        explanation_rasters(explained(np.ones((2, 7, 7))), [school_tile()], tmp_path)
    with pytest.raises(InputError, match="1 cells without a value"):
        draw_tile([[np.nan]], school_tile(), start=112, jump=224, size=(224, 224))


def test_real_slippy_tiles_line_up_with_their_source(shared_data, tmp_path):
    images = read_tiles(shared_data / "tiles_slippy", scheme="x-y-z").table.head(2)
    tiles = image_tiles(images, fit="crop")
    table = explanation_rasters(explained(np.ones((2, 7, 7))), tiles, tmp_path)
    assert isinstance(table, gpd.GeoDataFrame)
    for row, footprint in zip(table.itertuples(), images.geometry):
        with rasterio.open(tmp_path / row.path) as raster:
            assert np.allclose(raster.bounds, raster_bounds(row.image_id), atol=1e-6, rtol=0)
        assert row.geometry.symmetric_difference(footprint).area < 1e-5 * footprint.area


def raster_bounds(name):
    x, y, zoom = map(int, name.split("-"))
    return tile_bounds_mercator(zoom, x, y)


def test_real_geotiff_lines_up_with_its_source(shared_data, tmp_path):
    images = read_geotiffs(shared_data / "geotiff" / "RGB.byte.tif").table
    tile = image_tiles(images)[0]
    found = explained(np.random.default_rng(0).normal(size=(1, 7, 7)))
    row = explanation_rasters(found, [tile], tmp_path).iloc[0]
    with rasterio.open(tmp_path / row["path"]) as ours, rasterio.open(images["path"][0]) as source:
        assert ours.crs == source.crs
        assert np.allclose(ours.bounds[:1] + ours.bounds[3:], source.bounds[:1] + source.bounds[3:])
        assert ours.transform.a / source.transform.a == tile.pixel((224, 224), 32)
        assert 0 < np.isnan(ours.read(1)).mean() < 0.5  # its slanted edges have no data
    assert row["kept"] + row["masked"] == pytest.approx(found.maps.sum(), abs=1e-9)


def test_footprints_of_many_grids_at_once():
    turned = Affine.translation(500000, 9990000) * Affine.rotation(30) * Affine.scale(0.5, -0.5)
    tiles = [Tile(turned * Affine.translation(40 * k, 0), "EPSG:32636", 40, 40) for k in range(3)]
    shapes = footprints([school_tile(), *tiles])
    assert np.allclose(shapes[0].centroid.coords[0], [-78.7836456, 1.7870484], atol=1e-6)
    assert all(shapes[k].touches(shapes[k + 1]) or shapes[k].distance(shapes[k + 1]) < 1e-8 for k in (1, 2))
    alone = [footprints([tile])[0] for tile in tiles]
    assert all(a.equals_exact(b, 1e-7) for a, b in zip(shapes[1:], alone))


def scenes_with_faults(folder):
    """Tiles of four rasters that may have nodata: the second is cut short, the third has gone."""
    values = np.random.default_rng(0).integers(1, 255, (1, 256, 256)).astype("uint8")
    values[0, :40] = 0
    for k in range(4):
        ground = Affine(1, 0, 5e5 + 200 * k, 0, -1, 1e6)
        write(folder / f"{k}.tif", nodata=0, values=values, transform=ground)
    images = pd.concat([read_geotiffs(folder / f"{k}.tif").table for k in range(4)])
    tiles = image_tiles(images.assign(image_id=[f"scene{k}" for k in range(4)]))
    whole = (folder / "1.tif").read_bytes()
    (folder / "1.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "2.tif").unlink()
    return tiles


def test_sources_that_fail_are_set_aside(tmp_path):
    tiles = scenes_with_faults(tmp_path)
    found = explained(np.random.default_rng(0).normal(size=(4, 7, 7)) * [[[1]], [[1e6]], [[1]], [[1]]])
    said = []
    table = explanation_rasters(found, tiles, tmp_path / "out", on_rejected=said.append)
    rejected = pd.concat(said)
    assert rejected["row"].tolist() == ["scene1", "scene2"] and rejected["column"].eq("path").all()
    assert rejected["reason"].str.contains(r"[12]\.tif cannot be read as a raster: ").all()
    assert table["image_id"].tolist() == ["scene0", "scene3"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == table["path"].tolist()
    assert table["limit"].lt(1).all()  # what was set aside has no say in the colours
    assert np.allclose(table["kept"] + table["masked"], found.maps[[0, 3]].sum(axis=(1, 2)))
    with pytest.raises(InputError, match=r"1\.tif cannot be read as a raster"):
        explanation_rasters(found, tiles, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_tiles_without_nodata_need_their_file_no_more(tmp_path):
    write(tmp_path / "a.tif")
    values = np.full((1, 40, 60), 7, dtype="uint8")
    values[0, 0] = 0
    write(tmp_path / "b.tif", nodata=0, values=values)
    tiles = image_tiles(pd.concat([read_geotiffs(tmp_path / name).table for name in ("a.tif", "b.tif")]))
    readable = readable_tiles([None, *tiles])
    assert readable[0] is None and [tile.path is None for tile in readable[1:]] == [True, False]
    assert readable[1].crs is tiles[0].crs and readable[1].image_id == tiles[0].image_id
