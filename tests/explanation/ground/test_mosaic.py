"""Mosaics: section 1 of the specification of georeferenced explanations."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.ground import rasters
from geolivelihood.explanation.ground.grid import Tile
from geolivelihood.explanation.ground.mosaic import write_mosaic


def explained(maps, *, start=0.5, jump=1.0, size=None, intercept=0.0):
    maps = np.asarray(maps, dtype=float)
    fixed = np.full(len(maps), intercept)
    total = maps.sum(axis=(1, 2)) + fixed
    return Attribution(
        maps, total, fixed, 0 * fixed, "zero", "pov", "signed_cam", start, jump, size or maps.shape[1:]
    )


def strip(offsets, *, width=4, height=1, crs="EPSG:32636"):
    return [Tile(Affine(10, 0, 5e5 + 10 * k, 0, -10, 1e6), crs, width, height, f"t{k}") for k in offsets]


def read(path):
    with rasterio.open(path) as raster:
        return raster.read(1)


def test_two_tiles(tmp_path):
    found = explained([[[1, 2, 3, 4]], [[10, 20, 30, 40]]])
    table = write_mosaic(tmp_path / "blend.tif", found, strip([0, 2]))
    assert read(tmp_path / "blend.tif").tolist() == [[1, 2, 4.75, 16, 30, 40]]
    assert table["kept"].tolist() == [6.25, 87.5] and table["path"].unique().tolist() == ["blend.tif"]
    table = write_mosaic(tmp_path / "sum.tif", found, strip([0, 2]), mode="sum", weights=[0.5, 0.5])
    assert read(tmp_path / "sum.tif").tolist() == [[0.5, 1, 6.5, 12, 15, 20]]
    assert table["kept"].tolist() == [10, 100] and table["weight"].tolist() == [0.5, 0.5]


def test_the_sum_is_the_prediction(tmp_path):
    rng = np.random.default_rng(0)
    found = explained(rng.normal(size=(9, 7, 7)), jump=32.0, size=(224, 224), intercept=0.3)
    tiles = [
        Tile(
            Affine(2, 0, 5e5 + 150.7 * (k % 3), 0, -2, 1e6 - 333.1 * (k // 3)), "EPSG:32636", 256, 256, f"{k}"
        )
        for k in range(9)
    ]
    weights = rng.random(9)
    weights /= weights.sum()
    write_mosaic(tmp_path / "sum.tif", found, tiles, mode="sum", weights=weights)
    drawn = np.nansum(read(tmp_path / "sum.tif").astype(float))
    size = np.abs(found.maps).sum()
    assert drawn + weights @ found.intercept == pytest.approx(weights @ found.total, abs=1e-7 * size)


def test_constants_survive_and_kept_adds_up(tmp_path):
    """A blend of tiles that all say the same per ground says it everywhere, whatever their offsets."""
    tiles = strip([0, 11.3, 20, 47.9], width=32, height=32)
    found = explained(np.ones((4, 4, 4)), start=4, jump=8.0, size=(32, 32))
    table = write_mosaic(tmp_path / "blend.tif", found, tiles, pixel=1)
    drawn = read(tmp_path / "blend.tif")
    inner = drawn[:, 12:70]  # away from the ends, where pixels are cut by a tile's edge
    assert np.allclose(inner, 16 / 32**2, rtol=1e-5)
    assert table["kept"].sum() == pytest.approx(np.nansum(drawn.astype(float)), rel=1e-6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    offsets=st.lists(st.tuples(st.floats(0, 90), st.floats(0, 90)), min_size=1, max_size=5),
    pixel=st.sampled_from([0.5, 1.0, 2.0, 4.0]),
    angle=st.sampled_from([0.0, 30.0, 200.0]),
)
def test_nothing_is_lost_in_a_sum(tmp_path, offsets, pixel, angle):
    ground = Affine.translation(5e5, 1e6) * Affine.rotation(angle) * Affine.scale(3, -3)
    tiles = [Tile(ground * Affine.translation(*at), "EPSG:32636", 32, 40, "t") for at in offsets]
    maps = np.random.default_rng(0).normal(size=(len(tiles), 5, 4))
    found = explained(maps, start=0.5, jump=8.0, size=(40, 32))
    weights = np.ones(len(tiles))
    table = write_mosaic(tmp_path / "a.tif", found, tiles, mode="sum", weights=weights, pixel=pixel)
    assert np.allclose(table["kept"], maps.sum(axis=(1, 2)))
    assert np.nansum(read(tmp_path / "a.tif").astype(float)) == pytest.approx(maps.sum(), abs=1e-5)


def test_blocks_do_not_show(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    tiles = strip(range(0, 700, 90), width=128, height=100)
    found = explained(rng.normal(size=(len(tiles), 4, 4)), start=0.5, jump=32.0, size=(128, 128))
    whole = write_mosaic(tmp_path / "a.tif", found, tiles, pixel=1)
    monkeypatch.setattr("geolivelihood.explanation.ground.mosaic.BLOCK_PX", 64)
    parts = write_mosaic(tmp_path / "b.tif", found, tiles, pixel=1)
    assert np.allclose(read(tmp_path / "a.tif"), read(tmp_path / "b.tif"), rtol=1e-6)
    assert np.allclose(whole["kept"], parts["kept"])


def test_the_file_is_a_cog_that_says_what_it_is(tmp_path):
    tiles = strip([0, 400], width=800, height=800)
    found = explained(np.ones((2, 25, 25)), start=0.5, jump=32.0, size=(800, 800))
    write_mosaic(tmp_path / "a.tif", found, tiles, pixel=1, model="resnet18")
    with rasterio.open(tmp_path / "a.tif") as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG" and raster.overviews(1)
        assert raster.block_shapes == [(rasters.BLOCK_PX, rasters.BLOCK_PX)] and np.isnan(raster.nodata)
        assert raster.transform == tiles[0].transform and raster.shape == (800, 1200)
        assert raster.tags()["mosaic"] == "blend" and raster.tags()["model"] == "resnet18"
        assert float(raster.tags()["jump_px"]) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    before = (tmp_path / "a.tif").read_bytes()
    write_mosaic(tmp_path / "a.tif", found, tiles, pixel=1, model="resnet18")
    assert (tmp_path / "a.tif").read_bytes() == before


def test_gaps_and_nodata_are_masked_never_spread(tmp_path):
    pixels = np.full((1, 40, 100), 5, dtype="uint8")
    pixels[0, :, 30:50] = 0
    profile = {"height": 40, "width": 100, "count": 1, "dtype": "uint8", "nodata": 0, "crs": "EPSG:32636"}
    ground = Affine(10, 0, 5e5, 0, -10, 1e6)
    with rasterio.open(tmp_path / "scene.tif", "w", driver="GTiff", transform=ground, **profile) as target:
        target.write(pixels)
    tiles = [
        Tile(ground * Affine.translation(k, 0), "EPSG:32636", 40, 40, f"{k}", path="scene.tif", offset=(k, 0))
        for k in (0, 20, 60)
    ]
    tiles.append(None)
    found = explained(np.random.default_rng(0).normal(size=(4, 5, 5)), start=4, jump=8.0, size=(40, 40))
    table = write_mosaic(tmp_path / "blend.tif", found, tiles, pixel=1, root=tmp_path)
    drawn = read(tmp_path / "blend.tif")
    assert np.isnan(drawn[:, 30:50]).all() and not np.isnan(np.delete(drawn, range(30, 50), axis=1)).any()
    assert table["masked"].abs().gt(0).tolist() == [True, True, False] and len(table) == 3
    assert table["kept"].sum() == pytest.approx(np.nansum(drawn.astype(float)), abs=1e-5)
    weights = np.array([0.2, 0.3, 0.5, 0.0])
    table = write_mosaic(
        tmp_path / "sum.tif", found, tiles, mode="sum", weights=weights, pixel=1, root=tmp_path
    )
    assert np.allclose(table["kept"] + table["masked"], found.maps[:3].sum(axis=(1, 2)))
    with rasterio.open(tmp_path / "sum.tif") as raster:
        masked = float(raster.tags()["masked"])
        assert np.nansum(raster.read(1).astype(float)) + masked == pytest.approx(
            weights @ found.maps.sum(axis=(1, 2)), abs=1e-5
        )


def test_tiles_of_several_zooms_are_drawn_as_finely_as_the_finest(tmp_path):
    ground = Affine(10, 0, 5e5, 0, -10, 1e6)
    tiles = [
        Tile(ground, "EPSG:32636", 64, 64, "coarse"),
        Tile(ground * Affine.scale(0.5), "EPSG:32636", 64, 64, "fine"),
    ]
    found = explained(np.ones((2, 2, 2)), start=16, jump=32.0, size=(64, 64))
    table = write_mosaic(tmp_path / "a.tif", found, tiles, mode="sum", weights=[1, 1], resolution=8)
    with rasterio.open(tmp_path / "a.tif") as raster:
        assert raster.transform.a == 20 and raster.shape == (32, 32)
        assert float(raster.tags()["jump_px"]) == 8  # of the finest
        assert raster.read(1).sum() == pytest.approx(8)
        # the finer tile puts the same on a quarter of the ground
        assert np.allclose(raster.read(1)[[0, -1], [0, -1]], [4 / 1024 + 4 / 256, 4 / 1024])
        assert float(raster.tags()["limit"]) == pytest.approx(1 / 64)
    assert table.columns[0] == "cell" and table["cell"].nunique() <= 2


def test_ground_without_tiles_takes_no_space(tmp_path):
    tiles = strip([0, 3000], width=64, height=64)
    write_mosaic(tmp_path / "a.tif", explained(np.ones((2, 64, 64))), tiles)
    assert (tmp_path / "a.tif").stat().st_size < 100_000
    drawn = read(tmp_path / "a.tif")
    assert drawn.shape == (64, 3064) and np.isnan(drawn[:, 64:3000]).all() and np.nansum(drawn) == 2 * 64**2
    with pytest.raises(InputError, match="lie far apart"):
        write_mosaic(
            tmp_path / "b.tif", explained(np.ones((2, 64, 64))), strip([0, 1e8], width=64, height=64)
        )


def test_bad_input(tmp_path):
    found, path = explained(np.ones((2, 1, 4))), tmp_path / "a.tif"
    turned = Tile(Affine.rotation(10) * Affine.scale(10, -10), "EPSG:32636", 4, 1, "turned")
    other = strip([9], crs="EPSG:32637")
    cases = [
        (strip([0]) + other, {}, r"t0 and t9 lie in WGS 84 / UTM zone 36N and WGS 84 / UTM zone 37N"),
        ([*strip([0]), turned], {}, "turned against t0"),
        ([None, None], {}, "no tile to draw"),
        (strip([0]), {}, "2 maps and 1 tiles"),
        (strip([0, 2]), {"mode": "mean"}, "choose 'blend'"),
        (strip([0, 2]), {"mode": "sum"}, "Give weights"),
        (strip([0, 2]), {"weights": [1, 1]}, "Give weights"),
        (strip([0, 2]), {"mode": "sum", "weights": [1, 2, 3]}, "give 2 finite numbers"),
    ]
    for tiles, options, message in cases:
        with pytest.raises(InputError, match=message):
            write_mosaic(path, found, tiles, **options)
    assert not list(tmp_path.iterdir())


def test_sources_that_fail_are_set_aside_before_anything_is_written(tmp_path):
    rng = np.random.default_rng(0)
    profile = {"height": 64, "width": 64, "count": 1, "dtype": "uint8", "nodata": 0, "crs": "EPSG:32636"}
    tiles = []
    for k in range(4):
        ground = Affine(10, 0, 5e5 + 320 * k, 0, -10, 1e6)
        with rasterio.open(tmp_path / f"{k}.tif", "w", driver="GTiff", transform=ground, **profile) as target:
            target.write(rng.integers(0, 9, (1, 64, 64)).astype("uint8"))
        tiles.append(Tile(ground, "EPSG:32636", 64, 64, f"scene{k}", path=f"{k}.tif"))
    whole = (tmp_path / "1.tif").read_bytes()
    (tmp_path / "1.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.tif").unlink()
    found = explained(rng.normal(size=(4, 8, 8)), start=4, jump=8.0, size=(64, 64))
    said, out = [], tmp_path / "out"
    for mode, weights in (("blend", None), ("sum", [1, 1, 1, 1])):
        same = {"mode": mode, "weights": weights, "root": tmp_path}
        with pytest.raises(InputError, match=r"1\.tif cannot be read as a raster"):
            write_mosaic(out / "none.tif", found, tiles, **same)
        table = write_mosaic(out / "a.tif", found, tiles, on_rejected=said.append, **same)
        without = [tiles[0], None, tiles[2], None]
        write_mosaic(out / "b.tif", found, without, **same)
        assert table["image_id"].tolist() == ["scene0", "scene2"]
        assert (out / "a.tif").read_bytes() == (out / "b.tif").read_bytes()
    assert [part["row"].item() for part in said] == ["scene1", "scene3"] * 2
    assert sorted(path.name for path in out.iterdir()) == ["a.tif", "b.tif"]
    with pytest.raises(InputError, match="no tile to draw"):
        write_mosaic(
            out / "c.tif", found, [tiles[1], tiles[3], None, None],
            root=tmp_path, on_rejected=said.append,
        )  # fmt: skip
