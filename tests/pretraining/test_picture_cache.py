from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin
from shapely.geometry import Point

from geolivelihood.errors import Cancelled, InputError, TooManyRejectedError
from geolivelihood.features.pictures import read_picture
from geolivelihood.pretraining.picture_cache import cache_pictures
from geolivelihood.progress import listening


def smooth(height, width, bands=3):
    y, x = np.mgrid[:height, :width]
    return np.stack([(40 + 20 * b + x + y) % 200 for b in range(bands)]).astype(np.uint8)


def raster(path, pixels, **options):
    profile = {"driver": "GTiff", "count": len(pixels), "dtype": pixels.dtype, "crs": "EPSG:32636"}
    profile |= {"height": pixels.shape[1], "width": pixels.shape[2], "transform": from_origin(500, 900, 2, 2)}
    with rasterio.open(path, "w", **profile | options) as target:
        target.write(pixels)


def table(*names):
    frame = {"image_id": [name.split(".")[0] for name in names], "path": names}
    return gpd.GeoDataFrame(frame, geometry=[Point(0, 0)] * len(names), crs=4326)


@pytest.fixture
def photos(tmp_path):
    for k in range(5):
        Image.fromarray(smooth(60, 90 + k).transpose(1, 2, 0)).save(tmp_path / f"{k}.jpg", quality=95)
    return tmp_path


def test_photos_become_small_jpegs(photos):
    images = table(*(f"{k}.jpg" for k in range(5)))
    cached = cache_pictures(images, folder=photos / "cache", short_side=30, root=photos)
    assert cached.rejected.empty
    assert cached.images["image_id"].tolist() == images["image_id"].tolist()
    assert isinstance(cached.images, gpd.GeoDataFrame)
    with Image.open(cached.images["path"].iloc[0]) as copy:
        assert (copy.format, copy.size) == ("JPEG", (45, 30))
    assert images["path"].iloc[0] == "0.jpg"  # the caller's table is left alone


def test_copies_look_like_the_pictures(photos):
    cached = cache_pictures(table("0.jpg"), folder=photos / "cache", short_side=30, root=photos)
    copy = read_picture(cached.images["path"].iloc[0]).pixels.astype(float)
    large = read_picture(photos / "0.jpg").pixels.astype(float)
    means = large.reshape(3, 30, 2, 45, 2).mean(axis=(2, 4))
    inner = np.abs(copy - means)[:, 2:-2, 2:-2]
    assert np.median(inner) < 3


def test_small_pictures_keep_their_size(photos):
    cached = cache_pictures(table("0.jpg"), folder=photos / "cache", short_side=200, root=photos)
    assert read_picture(cached.images["path"].iloc[0]).pixels.shape == (3, 60, 90)


def test_physical_units_become_a_geotiff_on_the_same_ground(tmp_path):
    pixels = smooth(60, 90, bands=4).astype(np.uint16) * 20
    pixels[:, :8, :8] = 0
    raster(tmp_path / "scene.tif", pixels, nodata=0)
    cached = cache_pictures(table("scene.tif"), folder=tmp_path / "cache", short_side=30, root=tmp_path)
    with (
        rasterio.open(cached.images["path"].iloc[0]) as copy,
        rasterio.open(tmp_path / "scene.tif") as source,
    ):
        assert (copy.count, copy.dtypes[0], copy.crs) == (4, "float32", source.crs)
        assert copy.bounds == source.bounds
        assert copy.compression.value == "DEFLATE"
        values = copy.read(1)
    assert np.isnan(values[:3, :3]).all()
    # no darkened rim: gaps are no zeros
    assert np.nanmin(values) > 0.9 * pixels[0][pixels[0] > 0].min()


def test_gaps_in_bytes_stay_gaps(tmp_path):
    pixels = np.dstack([smooth(40, 40).transpose(1, 2, 0), np.full((40, 40), 255, np.uint8)])
    pixels[:20, :20, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    cached = cache_pictures(table("cut.png"), folder=tmp_path / "cache", short_side=20, root=tmp_path)
    copy = read_picture(cached.images["path"].iloc[0])
    assert copy.full_scale == 255.0
    assert np.isnan(copy.pixels[:, :9, :9]).all()
    assert not np.isnan(copy.pixels[:, 11:, 11:]).any()


def test_grey_of_16_bits_keeps_them(tmp_path):
    grey = (np.arange(40 * 40).reshape(40, 40) * 40).astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    cached = cache_pictures(table("grey.png"), folder=tmp_path / "cache", short_side=40, root=tmp_path)
    copy = read_picture(cached.images["path"].iloc[0])
    assert copy.full_scale == 65535.0
    np.testing.assert_array_equal(copy.pixels[0], grey)


def test_windows_become_files(tmp_path):
    pixels = smooth(60, 90, bands=2)
    raster(tmp_path / "scene.tif", pixels)
    images = pd.concat([table("scene.tif")] * 2).assign(image_id=["a", "b"])
    images = images.assign(col_off=[0, 50], row_off=[0, 10], width=20, height=20).reset_index(drop=True)
    cached = cache_pictures(images, folder=tmp_path / "cache", short_side=20, root=tmp_path)
    assert "col_off" not in cached.images
    np.testing.assert_array_equal(read_picture(cached.images["path"].iloc[1]).pixels, pixels[:, 10:30, 50:70])
    with rasterio.open(cached.images["path"].iloc[1]) as copy:
        assert (copy.bounds.left, copy.bounds.top) == (600, 880)


def test_corrupt_pictures_are_set_aside(photos):
    (photos / "1.jpg").write_bytes(b"no picture")
    (photos / "2.jpg").unlink()
    images = table(*(f"{k}.jpg" for k in range(5)))
    cached = cache_pictures(images, folder=photos / "cache", short_side=30, root=photos, max_rejected=0.5)
    assert cached.images["image_id"].tolist() == ["0", "3", "4"]
    reasons = dict(zip(cached.rejected["image_id"], cached.rejected["reason"]))
    assert reasons == {"1": "not a picture, or its header is damaged", "2": "the file does not exist"}
    assert len(pd.read_csv(photos / "cache" / "rejected.csv")) == 2
    with pytest.raises(TooManyRejectedError, match="2 of 5"):
        cache_pictures(images, folder=photos / "cache", short_side=30, root=photos)


class Once:
    """Asks to stop after so many steps."""

    def __init__(self, after):
        self.done, self.after = 0, after

    def stage(self, name):
        pass

    def step(self, done, total, text):
        self.done = done

    def cancelled(self):
        return self.done >= self.after


def test_goes_on_where_it_was_stopped(photos):
    for k in range(5, 40):
        (photos / f"{k}.jpg").write_bytes((photos / "0.jpg").read_bytes())
    images = table(*(f"{k}.jpg" for k in range(40)))
    options = {"folder": photos / "cache", "short_side": 30, "root": photos, "workers": 1}
    with listening(Once(1)), pytest.raises(Cancelled):
        cache_pictures(images, **options)
    made = {path: path.stat().st_mtime_ns for path in (photos / "cache").glob("??/*.jpg")}
    assert 0 < len(made) < 40
    cached = cache_pictures(images, **options)
    assert len(cached.images) == 40
    assert all(path.stat().st_mtime_ns == when for path, when in made.items())


def test_changed_file_is_copied_again(photos):
    options = {"folder": photos / "cache", "short_side": 30, "root": photos}
    before = cache_pictures(table("0.jpg"), **options).images["path"].iloc[0]
    Image.fromarray(smooth(80, 80).transpose(1, 2, 0)).save(photos / "0.jpg")
    after = cache_pictures(table("0.jpg"), **options).images["path"].iloc[0]
    assert before != after
    assert read_picture(after).pixels.shape == (3, 30, 30)


def test_other_options_need_another_folder(photos):
    cache_pictures(table("0.jpg"), folder=photos / "cache", short_side=30, root=photos)
    with pytest.raises(InputError, match="Choose another folder"):
        cache_pictures(table("0.jpg"), folder=photos / "cache", short_side=40, root=photos)


@pytest.mark.parametrize(
    ("images", "options", "said"),
    [
        (table("0.jpg").drop(columns="path"), {}, "lacks path"),
        (table("0.jpg", "0.jpg"), {}, "not unique"),
        (table("0.jpg"), {"quality": 0}, "quality=0"),
        (table("0.jpg"), {"short_side": 0}, "short_side=0"),
    ],
)
def test_bad_input_says_what_to_do(tmp_path, images, options, said):
    with pytest.raises(InputError, match=said):
        cache_pictures(images, folder=tmp_path / "cache", **options)
