import numpy as np
import pytest
import rasterio

from geolivelihood.pretraining.transfer import class_rasters
from geolivelihood.pretraining.transfer.class_rasters import class_strips, classes_cog
from geolivelihood.pretraining.transfer.scenes import open_scene

from .squares import ROTATED, write_raster


def by_value(pixels):
    """Probability of class 1 is the value of a pixel over 100: windows agree wherever they overlap."""
    share = np.nan_to_num(pixels[:, 0], nan=0.5) / 100
    return np.stack([1 - share, share], axis=1).astype(np.float32)


def assembled(scene, predict, **options):
    codes = np.full((scene.height, scene.width), 77, np.uint8)
    for strip in class_strips(scene, predict, **({"classes": 2, "size": 16, "batch_size": 3} | options)):
        height, width = strip.codes.shape
        part = codes[strip.row : strip.row + height, strip.column : strip.column + width]
        assert (part == 77).all()  # every pixel comes once
        part[:] = strip.codes
    return codes


@pytest.mark.parametrize("shape", [(50, 70), (16, 16), (9, 40), (40, 9), (5, 7), (17, 33)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
def test_every_pixel_has_its_class_once(tmp_path, shape, overlap, rng):
    values = rng.integers(1, 100, (1, *shape)).astype(np.uint8)
    values[0, 1:3, 2] = 255
    scene = open_scene(write_raster(tmp_path / "a.tif", values, nodata=255))
    expected = np.where(values[0] == 255, 255, values[0] > 50)
    np.testing.assert_array_equal(assembled(scene, by_value, overlap=overlap), expected)


def test_panels_do_not_show(tmp_path, rng, monkeypatch):
    scene = open_scene(write_raster(tmp_path / "a.tif", rng.integers(0, 99, (1, 40, 150)).astype(np.uint8)))

    def of_place(pixels):  # windows disagree where they overlap
        likely = by_value(pixels)
        likely[:, 1] += np.linspace(-0.4, 0.4, 16)
        return likely

    whole = assembled(scene, of_place, overlap=0.4)
    monkeypatch.setattr(class_rasters, "_PANEL_PX", 32)
    np.testing.assert_array_equal(assembled(scene, of_place, overlap=0.4), whole)


def test_overlapping_windows_are_blended_by_their_distance_from_the_edge(tmp_path):
    scene = open_scene(write_raster(tmp_path / "a.tif", np.ones((1, 16, 24), np.uint8)))

    def one_each(pixels):
        one_each.calls += len(pixels)
        share = np.zeros((len(pixels), 2, 16, 16), np.float32)
        share[0, 0], share[-1, 1] = 1, 1  # the first window says 0, the second 1
        return share

    one_each.calls = 0
    codes = assembled(scene, one_each, overlap=0.5)
    assert one_each.calls == 2
    np.testing.assert_array_equal(codes, np.tile([0] * 12 + [1] * 12, (16, 1)))


def test_memory_does_not_grow_with_the_raster(tmp_path):
    """What is held at a time is a row of windows of one panel."""
    widths = []
    for height in (64, 512):
        scene = open_scene(write_raster(tmp_path / f"{height}.tif", np.ones((1, height, 64), np.uint8)))
        strips = class_strips(scene, by_value, classes=2, size=16, overlap=0.25, batch_size=3)
        widths.append(max(strip.codes.size for strip in strips))
    assert widths[0] == widths[1]


def test_a_cog_on_the_grid_of_the_scene(tmp_path):
    scene = open_scene(write_raster(tmp_path / "a.tif", np.ones((1, 20, 30), np.uint8), ROTATED))
    codes = np.arange(600, dtype=np.uint8).reshape(20, 30) % 2
    with classes_cog(tmp_path / "out.tif", scene, classes=["background", "roof"], tags={"made": 1}) as cog:
        cog.write(codes, 1)
    with rasterio.open(tmp_path / "out.tif") as source:
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert source.crs == rasterio.open(scene.path).crs and source.transform.almost_equals(ROTATED)
        assert (source.nodata, source.descriptions, source.colorinterp[0].name) == (
            255,
            ("class",),
            "palette",
        )
        tags = source.tags()
        assert (tags["class_0"], tags["class_1"], tags["made"]) == ("background", "roof", "1")
        assert source.colormap(1)[0] != source.colormap(1)[1]
        np.testing.assert_array_equal(source.read(1), codes)


def test_a_failure_leaves_no_file(tmp_path):
    scene = open_scene(write_raster(tmp_path / "a.tif", np.ones((1, 20, 30), np.uint8)))
    with (
        pytest.raises(RuntimeError, match="halfway"),
        classes_cog(tmp_path / "out.tif", scene, classes=["background", "roof"], tags={}),
    ):
        msg = "halfway"
        raise RuntimeError(msg)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif"]


@pytest.mark.parametrize("classes", [2, 11, 60, 255])
def test_every_class_has_a_colour(classes):
    colours = class_rasters._colours(classes)
    assert sorted(colours) == list(range(classes))
    assert len(set(colours.values())) > 0.8 * classes
