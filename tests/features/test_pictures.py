"""Reading pictures: every mode and format comes out as bands of the right values."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from geolivelihood.errors import InputError
from geolivelihood.features import Picture, Reading, read_picture
from geolivelihood.features.pictures import three_bytes


def saved(path, array, mode=None, **options):
    Image.fromarray(array, mode).save(path, **options)
    return path


def test_rgb_png_is_read_as_it_is(tmp_path, rng):
    array = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    picture = read_picture(saved(tmp_path / "a.png", array))
    np.testing.assert_array_equal(picture.pixels, array.transpose(2, 0, 1))
    assert picture.full_scale == 255


@pytest.mark.parametrize("suffix", ["png", "webp", "bmp", "gif"])
def test_formats(tmp_path, suffix):
    array = np.full((6, 6, 3), 100, dtype=np.uint8)
    options = {"lossless": True} if suffix == "webp" else {}
    picture = read_picture(saved(tmp_path / f"a.{suffix}", array, **options))
    assert picture.pixels.shape == (3, 6, 6)
    assert (picture.pixels == 100).all()


def test_one_band_becomes_grey(tmp_path, rng):
    array = rng.integers(0, 256, (5, 7), dtype=np.uint8)
    picture = read_picture(saved(tmp_path / "a.png", array))
    np.testing.assert_array_equal(picture.pixels, np.stack([array] * 3))


def test_transparent_pixels_are_nan(tmp_path):
    array = np.full((4, 4, 4), 255, dtype=np.uint8)
    opaque = read_picture(saved(tmp_path / "opaque.png", array)).pixels
    assert opaque.dtype == np.uint8 and opaque.shape == (3, 4, 4)
    array[:2, :, 3] = 0
    pixels = read_picture(saved(tmp_path / "half.png", array)).pixels
    assert np.isnan(pixels[:, :2]).all()
    assert (pixels[:, 2:] == 255).all()


def test_palette_with_transparency(tmp_path):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "a.png", transparency=0)
    pixels = read_picture(tmp_path / "a.png").pixels
    assert np.isnan(pixels[:, 0, 0]).all()
    np.testing.assert_array_equal(pixels[:, 1, 1], [10, 20, 30])


def test_sixteen_bits_keep_their_values(tmp_path):
    array = np.full((4, 4), 40_000, dtype=np.uint16)
    picture = read_picture(saved(tmp_path / "a.png", array))
    assert picture.pixels.shape == (3, 4, 4)
    assert (picture.pixels == 40_000).all()
    assert picture.full_scale == 65_535


def test_cmyk_jpeg(tmp_path):
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.jpg")
    assert (read_picture(tmp_path / "a.jpg").pixels == 255).all()


def test_orientation_is_applied(tmp_path):
    array = np.zeros((4, 8, 3), dtype=np.uint8)
    array[:, :2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise: the left edge becomes the top
    path = saved(tmp_path / "a.png", array, exif=exif)
    pixels = read_picture(path).pixels
    assert pixels.shape == (3, 8, 4)
    assert (pixels[:, :2] == 255).all() and (pixels[:, 2:] == 0).all()


def test_scaled_decoding_is_close_to_decoding_whole(tmp_path, rng):
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    coarse.resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        whole = np.asarray(image.resize((64, 64), Image.Resampling.BOX)).transpose(2, 0, 1)
    quick = read_picture(tmp_path / "a.jpg", Reading(size=64)).pixels
    assert np.abs(quick.astype(float) - whole).mean() < 2


def test_squash_keeps_the_edges_and_crop_the_centre(tmp_path):
    array = np.zeros((10, 30, 3), dtype=np.uint8)
    array[:, :10] = 255
    path = saved(tmp_path / "a.png", array)
    assert read_picture(path, Reading(size=10)).pixels.mean() > 50
    cropped = read_picture(path, Reading(size=10, fit="crop")).pixels
    assert cropped.shape == (3, 10, 10) and (cropped == 0).all()


def test_small_pictures_are_enlarged_only_on_request(tmp_path):
    path = saved(tmp_path / "a.png", np.zeros((5, 5, 3), dtype=np.uint8))
    assert read_picture(path, Reading(size=10)).pixels.shape == (3, 5, 5)
    assert read_picture(path, Reading(size=10, enlarge=True)).pixels.shape == (3, 10, 10)


def test_geotiff_nodata_is_nan_and_units_stay(write_tiff):
    data = np.full((2, 6, 6), 1200, dtype=np.uint16)
    data[:, 0] = 0
    picture = read_picture(write_tiff("a.tif", data, nodata=0))
    assert np.isnan(picture.pixels[:, 0]).all()
    assert (picture.pixels[:, 1:] == 1200).all()
    assert picture.full_scale is None


def test_geotiff_shrinks_by_averaging_the_valid(write_tiff):
    data = np.zeros((1, 4, 4), dtype=np.float32)
    data[0, :2, :2] = [[1, 3], [np.nan, np.nan]]
    pixels = read_picture(write_tiff("a.tif", data, nodata=np.nan), Reading(size=2)).pixels
    np.testing.assert_allclose(pixels[0], [[2, 0], [0, 0]])


def test_geotiff_crop_and_bands(write_tiff):
    data = np.arange(3 * 2 * 6, dtype=np.uint8).reshape(3, 2, 6)
    path = write_tiff("a.tif", data)
    pixels = read_picture(path, Reading(size=2, fit="crop", bands=(3, 1))).pixels
    np.testing.assert_array_equal(pixels, data[[2, 0]][:, :, 2:4])


def test_alpha_band_of_a_geotiff_is_a_mask(write_tiff):
    data = np.full((4, 3, 3), 9, dtype=np.uint8)
    data[3] = 255
    data[3, 0, 0] = 0
    path = write_tiff("a.tif", data, photometric="RGB", alpha="yes")
    pixels = read_picture(path).pixels
    assert pixels.shape == (3, 3, 3)
    assert np.isnan(pixels[:, 0, 0]).all() and (pixels[:, 1:] == 9).all()


@pytest.mark.parametrize("bands", [(0,), (4,)])
def test_bands_that_are_not_there(tmp_path, write_tiff, bands):
    png = saved(tmp_path / "a.png", np.zeros((4, 4, 3), dtype=np.uint8))
    tiff = write_tiff("a.tif", np.zeros((3, 4, 4), dtype=np.uint8))
    for path in (png, tiff):
        with pytest.raises(InputError, match="count them from 1"):
            read_picture(path, Reading(bands=bands))


@pytest.mark.parametrize("options", [{"size": 0}, {"fit": "stretch"}])
def test_reading_options(options):
    with pytest.raises(InputError):
        Reading(**options)


def test_real_pictures(shared_data):
    photo = next((shared_data / "street" / "photos").glob("*.jpeg"))
    assert read_picture(photo, Reading(size=224, enlarge=True)).pixels.shape == (3, 224, 224)
    scene = read_picture(shared_data / "geotiff" / "sentinel2_patch_445.tif")
    assert scene.pixels.shape == (12, 256, 256) and scene.full_scale is None
    masked = read_picture(shared_data / "geotiff" / "RGB.byte.tif", Reading(size=100))
    assert np.isnan(masked.pixels).any() and masked.full_scale == 255


def test_pictures_for_networks_are_three_bands_of_bytes(rng):
    bytes_ = rng.integers(0, 256, (4, 2, 2), dtype=np.uint8)
    assert three_bytes(Picture(bytes_, 255.0)).tolist() == bytes_[:3].tolist()
    deep = np.full((3, 1, 2), 65535, dtype=np.float32)
    deep[:, 0, 1] = np.nan
    assert three_bytes(Picture(deep, 65535.0))[:, 0].tolist() == [[255, 128]] * 3
    with pytest.raises(InputError, match="2 bands in 8 or 16 bits"):
        three_bytes(Picture(bytes_[:2], 255.0))
    with pytest.raises(InputError, match="3 bands in physical units"):
        three_bytes(Picture(deep, None))
