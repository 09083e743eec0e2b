import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.pretraining.transfer.scenes import open_scene, open_scenes, read_pixels
from geolivelihood.tables import tile_bounds

from .squares import CRS, NORTH_UP, ROTATED, ground, write_raster

PIXELS = np.arange(3 * 6 * 5, dtype=np.uint8).reshape(3, 6, 5)


def table(*paths, **columns):
    shapes = [shapely.box(30, 0, 30.1, 0.1)] * len(paths)
    names = [f"p{k}" for k in range(len(paths))]
    columns = {"image_id": names, "path": [str(path) for path in paths]} | columns
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


@pytest.mark.parametrize("transform", [NORTH_UP, ROTATED])
def test_pixels_and_ground_are_each_others_way_back(tmp_path, transform):
    scene = open_scene(write_raster(tmp_path / "a.tif", PIXELS, transform))
    assert (scene.width, scene.height, scene.bands, scene.eight_bits) == (5, 6, (1, 2, 3), True)
    shapes = gpd.GeoSeries(ground(transform, np.array([[1, 2, 3, 4]])), crs=CRS)
    found = scene.to_pixels(shapes.to_crs("EPSG:4326"))
    np.testing.assert_allclose(found[0].bounds, [1, 2, 3, 4], atol=1e-6)
    np.testing.assert_allclose(scene.to_ground(found).iloc[0].bounds, shapes.iloc[0].bounds, atol=1e-5)


def test_labels_without_crs(tmp_path):
    scene = open_scene(write_raster(tmp_path / "a.tif", PIXELS))
    with pytest.raises(MissingCRSError, match="The labels have no CRS"):
        scene.to_pixels(gpd.GeoSeries([shapely.Point(0, 0)]))


def test_windows_beyond_the_picture_are_without_data(tmp_path):
    scene = open_scene(write_raster(tmp_path / "a.tif", PIXELS))
    pixels = read_pixels(scene, (-1, 4, 4, 4))
    np.testing.assert_array_equal(pixels[:, :2, 1:], PIXELS[:, 4:, :3])
    assert np.isnan(pixels[:, 2:]).all() and np.isnan(pixels[:, :, 0]).all()
    assert np.isnan(read_pixels(scene, (50, 50, 2, 2))).all()


def test_alpha_nodata_and_infinite_values_are_no_data(tmp_path):
    rgba = np.concatenate([PIXELS, np.full((1, 6, 5), 255, np.uint8)])
    rgba[3, 0] = 0
    path = write_raster(tmp_path / "a.tif", rgba, photometric="rgb", alpha="yes")
    scene = open_scene(path)
    assert scene.bands == (1, 2, 3)
    assert np.isnan(read_pixels(scene, (0, 0, 5, 6)))[:, 0].all()
    floats = PIXELS.astype(np.float32)
    floats[:, 1, 1], floats[:, 2, 2], floats[:, 3, 3] = -9999, np.inf, np.nan
    read = read_pixels(open_scene(write_raster(tmp_path / "b.tif", floats, nodata=-9999)), (0, 0, 5, 6))
    assert np.isnan(read).sum() == 9


def test_bands_are_chosen_and_checked(tmp_path):
    path = write_raster(tmp_path / "a.tif", PIXELS)
    np.testing.assert_array_equal(read_pixels(open_scene(path, bands=(3, 1)), (0, 0, 5, 6)), PIXELS[[2, 0]])
    with pytest.raises(InputError, match=r"bands=\(1, 4\): .*a.tif has 3; count them from 1"):
        open_scene(path, bands=(1, 4))


def test_a_picture_without_a_place(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(path)
    with pytest.raises(MissingCRSError, match="neither a grid nor a CRS"):
        open_scene(path)
    with pytest.raises(MissingCRSError, match="has no CRS"):
        open_scene(write_raster(tmp_path / "b.tif", PIXELS, crs=None))
    with pytest.raises(InputError, match="cannot be read as a picture"):
        open_scene(tmp_path / "none.tif")


def test_a_picture_of_a_palette_is_refused(tmp_path):
    Image.fromarray(PIXELS[0]).convert("P").save(tmp_path / "a.png")
    with pytest.raises(InputError, match="numbers of a palette"):
        open_scene(tmp_path / "a.png")


def test_pngs_lie_in_their_footprint_or_tile(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(path)
    scenes, rejected = open_scenes(table(path))
    assert not len(rejected) and scenes[0].crs == "EPSG:4326"
    np.testing.assert_allclose(scenes[0].transform @ (5, 6), (30.1, 0.0), atol=1e-12)
    tiles = table(path, zoom=[19], tile_x=[309612], tile_y=[261632])
    scene = open_scenes(tiles)[0][0]
    assert scene.crs == "EPSG:3857"
    corner = gpd.GeoSeries([shapely.Point(scene.transform @ (0, 0))], crs=3857).to_crs(4326).iloc[0]
    west, _, _, north = tile_bounds(19, 309612, 261632)
    assert (corner.x, corner.y) == pytest.approx((west, north))


def test_a_footprint_that_says_no_grid(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS.transpose(1, 2, 0)).save(path)
    triangle = table(path).set_geometry([shapely.Polygon([(0, 0), (1, 0), (0, 1)])], crs=4326)
    with pytest.raises(InputError, match="no rectangle along the axes"):
        open_scenes(triangle)


def test_unreadable_pictures_are_set_aside(tmp_path):
    good = write_raster(tmp_path / "a.tif", PIXELS)
    cut = write_raster(tmp_path / "b.tif", np.zeros((3, 200, 200), np.uint8))
    cut.write_bytes(cut.read_bytes()[:5000])
    scenes, rejected = open_scenes(table(good, cut, tmp_path / "none.tif"))
    assert [scene.image_id for scene in scenes] == ["p0"] and rejected["row"].tolist() == ["p1", "p2"]
    with pytest.raises(InputError, match="None of 1 pictures can be used"):
        open_scenes(table(cut))


def test_pictures_of_one_table_are_alike(tmp_path):
    one = write_raster(tmp_path / "a.tif", PIXELS)
    two = write_raster(tmp_path / "b.tif", PIXELS[:2])
    deep = write_raster(tmp_path / "c.tif", PIXELS.astype(np.uint16))
    with pytest.raises(InputError, match=r"b.tif has 2 bands and .*a.tif 3"):
        open_scenes(table(one, two))
    with pytest.raises(InputError, match=r"c.tif holds uint16 and .*a.tif uint8"):
        open_scenes(table(one, deep))
    assert len(open_scenes(table(one, two), bands=(2, 1))[0]) == 2


def test_tables_that_lack_something(tmp_path):
    images = table(write_raster(tmp_path / "a.tif", PIXELS))
    with pytest.raises(MissingColumnError, match="no column path"):
        open_scenes(images.drop(columns="path"))
    with pytest.raises(MissingCRSError, match="table of images has no CRS"):
        open_scenes(images.set_crs(None, allow_override=True))


def test_damage_in_the_middle_names_the_place(tmp_path):
    path = write_raster(
        tmp_path / "a.tif",
        np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8),
        compress="deflate",
        blockysize=8,
    )
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 400] = b"\x00" * 400
    path.write_bytes(raw)
    scene = open_scene(path)
    with pytest.raises(InputError, match=r"a.tif is damaged at column 0, row 0"):
        read_pixels(scene, (0, 0, 64, 64))
