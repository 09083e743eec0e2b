from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.transform import from_origin

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.tables import chip_table, read_chips

UTM = "EPSG:32737"
WORLD = Affine(1.0, 0, -180, 0, -1.0, 90)


def save(
    path: Path, values: np.ndarray, transform: Affine, *, crs: str | None = UTM, names=(), **more
) -> Path:
    count, height, width = values.shape
    shape = {"count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape, **more) as target:
        target.write(values)
        for k, name in enumerate(names, start=1):
            target.set_band_description(k, name)
    return path


def places(x, y, crs: str = UTM, **columns) -> gpd.GeoDataFrame:
    frame = pd.DataFrame({"place_id": [f"p{k}" for k in range(len(x))]} | columns)
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(x, y), crs=crs)


def pixels(table: pd.DataFrame, **options) -> dict[str, np.ndarray]:
    return {name: chip for ids, chips in read_chips(table, **options) for name, chip in zip(ids, chips)}


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """100 x 80 pixels of 10 m; the value is 1000 row + column, in a second band the negative of it."""
    rows, cols = np.indices((80, 100))
    values = (1000 * rows + cols).astype("float32")
    path = tmp_path / "grid.tif"
    return save(
        path, np.stack([values, -values]), from_origin(250_000, 9_860_000, 10, 10), names=("height", "depth")
    )


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """The earth by degrees; the value is the column."""
    values = np.broadcast_to(np.arange(360, dtype="int16"), (1, 180, 360))
    return save(tmp_path / "world.tif", values, WORLD, crs="EPSG:4326")


def test_windows_are_centred(grid: Path) -> None:
    table, rejected = chip_table(places([250_205], [9_859_595]), grid, size_px=3)
    assert rejected.empty
    row = table.iloc[0]
    assert row[["col_off", "row_off", "width", "height"]].tolist() == [19, 39, 3, 3]
    assert row["image_id"] == row["place_id"] == "p0"
    assert row["bands"] == "1,2"
    assert row["kind"] == "overhead"
    chip = pixels(table)["p0"]
    assert chip.dtype == np.float32
    expected = 1000 * np.arange(39, 42)[:, None] + np.arange(19, 22)
    np.testing.assert_array_equal(chip, [expected, -expected])


def test_even_windows_are_centred_on_the_nearest_corner(grid: Path) -> None:
    table = chip_table(places([250_204, 250_206], [9_859_596, 9_859_594]), grid, size_px=4).table
    assert table[["col_off", "row_off"]].to_numpy().tolist() == [[18, 38], [19, 39]]


def test_the_footprint_is_the_window(grid: Path) -> None:
    table = chip_table(places([250_205], [9_859_595]), grid, size_px=3).table
    metric = table.to_crs(UTM).geometry.iloc[0]
    np.testing.assert_allclose(metric.bounds, [250_190, 9_859_580, 250_220, 9_859_610], atol=1e-2)


def test_blocks_of_adjacent_windows(grid: Path) -> None:
    table = chip_table(places([250_505], [9_859_595]), grid, size_px=3, grid=3, bands=[1]).table
    assert table["image_id"].tolist() == [f"p0:{r}{c}" for r in range(3) for c in range(3)]
    assert table["place_id"].unique().tolist() == ["p0"]
    chips = pixels(table)
    block = np.block([[chips[f"p0:{r}{c}"][0] for c in range(3)] for r in range(3)])
    single = chip_table(places([250_505], [9_859_595]), grid, size_px=9, bands=[1]).table
    np.testing.assert_array_equal(block, pixels(single)["p0"][0])


def test_bands_by_name(grid: Path) -> None:
    table = chip_table(places([250_205], [9_859_595]), grid, size_px=1, bands=["Depth"]).table
    assert pixels(table)["p0"].tolist() == [[[-40020]]]
    with pytest.raises(InputError, match=r"no band named 'width'.*'height'"):
        chip_table(places([250_205], [9_859_595]), grid, size_px=1, bands=["width"])


def test_over_the_edge_is_nan(grid: Path) -> None:
    chip = pixels(chip_table(places([250_005], [9_859_995]), grid, size_px=5, bands=[1]).table)["p0"][0]
    assert np.isnan(chip[:2]).all() and np.isnan(chip[:, :2]).all()
    np.testing.assert_array_equal(chip[2:, 2:], 1000 * np.arange(3)[:, None] + np.arange(3))


def test_windows_of_a_block_beyond_the_edge_are_set_aside(grid: Path) -> None:
    table, rejected = chip_table(places([250_005], [9_859_995]), grid, size_px=9, grid=3)
    assert table["image_id"].tolist() == ["p0:11", "p0:12", "p0:21", "p0:22"]
    assert len(rejected) == 5


def test_nodata_is_nan(tmp_path: Path) -> None:
    values = np.arange(100, dtype="uint8").reshape(1, 10, 10)
    path = save(tmp_path / "a.tif", values, from_origin(0, 100, 10, 10), nodata=55)
    chip = pixels(chip_table(places([55], [45]), path, size_px=3).table)["p0"][0]
    assert np.isnan(chip[1, 1])
    assert np.isnan(chip).sum() == 1


def test_ground_size_in_any_crs(tmp_path: Path, grid: Path) -> None:
    table = chip_table(places([250_205], [9_859_595]), grid, size_m=50).table
    assert table[["width", "height"]].to_numpy().tolist() == [[5, 5]]
    degrees = save(
        tmp_path / "north.tif",
        np.zeros((1, 400, 400), "uint8"),
        from_origin(10, 62, 0.01, 0.01),
        crs="EPSG:4326",
    )
    row = chip_table(places([12.0], [60.0], "EPSG:4326"), degrees, size_m=10_000).table.iloc[0]
    assert (row["width"], row["height"]) == (18, 9)  # a degree of longitude is half as long at 60 degrees


def test_places_in_another_crs(grid: Path) -> None:
    here = places([250_205], [9_859_595])
    table = chip_table(here.to_crs("EPSG:3857"), grid, size_px=3).table
    assert table[["col_off", "row_off"]].to_numpy().tolist() == [[19, 39]]


def test_polygons_by_bounding_box_or_around_the_centroid(grid: Path) -> None:
    frame = places([0], [0]).assign(geometry=[shapely.box(250_105, 9_859_405, 250_195, 9_859_595)])
    row = chip_table(frame, grid).table.iloc[0]
    assert row[["col_off", "row_off", "width", "height"]].tolist() == [10, 40, 10, 20]
    assert chip_table(frame, grid, size_px=3).table[["col_off", "row_off"]].to_numpy().tolist() == [[14, 49]]


def test_each_place_takes_the_raster_that_covers_it_best(tmp_path: Path) -> None:
    ones = np.ones((1, 100, 100), "uint8")
    west = save(tmp_path / "west.tif", ones, from_origin(250_000, 9_860_000, 10, 10))
    east = save(tmp_path / "east.tif", 2 * ones, from_origin(250_900, 9_860_000, 10, 10))
    fine = save(tmp_path / "fine.tif", 3 * ones, from_origin(250_300, 9_859_500, 1, 1))
    here = places([250_910, 250_985, 250_350, 300_000], [9_859_450] * 4)
    table, rejected = chip_table(here, [west, east, fine], size_px=7)
    assert [Path(path).stem for path in table["path"]] == ["west", "east", "fine"]
    assert rejected[["row", "reason"]].to_numpy().tolist() == [["p3", "outside every raster"]]
    values = {name: np.unique(chip).tolist() for name, chip in pixels(table).items()}
    assert values == {"p0": [1], "p1": [2], "p2": [3]}


def test_a_raster_around_the_earth_has_no_seam(world: Path) -> None:
    here = places([-179.5, 180.0, 179.5, 0.5], [10.5, 10.5, 10.5, 89.5], "EPSG:4326")
    table, rejected = chip_table(here, world, size_px=5)
    assert rejected.empty
    chips = pixels(table)
    assert chips["p0"][0, 0].tolist() == [358, 359, 0, 1, 2]
    assert chips["p1"][0, 0].tolist() == [358, 359, 0, 1, 2]
    assert chips["p2"][0, 0].tolist() == [357, 358, 359, 0, 1]
    assert np.isnan(chips["p3"][0, :2]).all()
    assert table.geometry.iloc[0].geom_type == "MultiPolygon"
    assert table.geometry.iloc[0].area == pytest.approx(25)
    assert table.geometry.iloc[3].bounds == pytest.approx((-2, 87, 3, 90))


def test_a_world_map_whose_corners_are_nowhere(tmp_path: Path, world: Path) -> None:
    metres = from_origin(-17_100_000, 8_700_000, 50_000, 50_000)
    path = save(tmp_path / "robinson.tif", np.ones((1, 348, 684), "uint8"), metres, crs="ESRI:54030")
    here = places([10.0, -60.0], [45.0, -20.0], "EPSG:4326")
    assert len(chip_table(here, path, size_px=3).table) == 2
    both = chip_table(here, [path, world], size_px=3).table
    assert {Path(name).stem for name in both["path"]} == {"robinson"}  # 50 km is finer than a degree


def test_a_raster_from_0_to_360(tmp_path: Path) -> None:
    values = np.broadcast_to(np.arange(360, dtype="int16"), (1, 180, 360))
    path = save(tmp_path / "a.tif", values, Affine(1, 0, 0, 0, -1, 90), crs="EPSG:4326")
    chips = pixels(chip_table(places([-0.5, 0.5, -70.5], [0.5] * 3, "EPSG:4326"), path, size_px=3).table)
    assert chips["p0"][0, 0].tolist() == [358, 359, 0]
    assert chips["p1"][0, 0].tolist() == [359, 0, 1]
    assert chips["p2"][0, 0].tolist() == [288, 289, 290]


def test_a_polygon_across_the_antimeridian(world: Path) -> None:
    parts = shapely.MultiPolygon([shapely.box(177, 0, 180, 2), shapely.box(-180, 0, -178, 2)])
    frame = places([0], [0], "EPSG:4326").assign(geometry=[parts])
    row = chip_table(frame, world).table.iloc[0]
    assert row[["col_off", "row_off", "width", "height"]].tolist() == [357, 88, 5, 2]


def test_a_jpeg_with_a_world_file(tmp_path: Path) -> None:
    Image.fromarray(np.full((90, 180, 3), 200, "uint8")).save(tmp_path / "earth.jpg")
    (tmp_path / "earth.jgw").write_text("2.0\n0.0\n0.0\n-2.0\n-179.0\n89.0\n")
    here = places([-179.0], [0.0], "EPSG:4326")
    with pytest.raises(MissingCRSError, match="Give crs="):
        chip_table(here, tmp_path / "earth.jpg", size_px=3)
    table = chip_table(here, tmp_path / "earth.jpg", size_px=5, crs="EPSG:4326", bands=["red", "blue"]).table
    assert table["bands"].tolist() == ["1,3"]
    assert pixels(table)["p0"].shape == (2, 5, 5)
    assert np.isfinite(pixels(table)["p0"]).all()  # the table remembers the CRS, so the window wraps
    (tmp_path / "earth.jgw").unlink()
    with pytest.raises(InputError, match="no world file"):
        chip_table(here, tmp_path / "earth.jpg", size_px=3, crs="EPSG:4326")


def test_ids_and_clusters(grid: Path) -> None:
    here = places([250_205, 250_305], [9_859_595] * 2, cluster_id=[7.0, 8.0], code=["x", "y"])
    table = chip_table(here, grid, size_px=1, id_column="code").table
    assert table["image_id"].tolist() == ["x", "y"]
    assert table["cluster_id"].tolist() == ["7", "8"]
    unnamed = here[["geometry"]].set_axis(["u", "v"])
    assert chip_table(unnamed, grid, size_px=1).table["place_id"].tolist() == ["u", "v"]
    with pytest.raises(MissingColumnError, match="id_column"):
        chip_table(here, grid, size_px=1, id_column="cod")


def test_bad_places_and_rasters_are_set_aside(grid: Path, tmp_path: Path) -> None:
    here = places([250_205, 250_305, 0], [9_859_595] * 3)
    here.loc[1, "geometry"] = None
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    table, rejected = chip_table(here, [grid, tmp_path / "broken.tif"], size_px=3)
    assert table["place_id"].tolist() == ["p0"]
    reasons = rejected.set_index("row")["reason"]
    assert reasons["p1"] == "no geometry"
    assert reasons["p2"] == "outside every raster"
    assert "cannot be read" in reasons[str(tmp_path / "broken.tif")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give size_px"),
        ({"size_px": 3, "size_m": 30}, "contradict"),
        ({"size_px": 0}, "whole numbers from 1"),
        ({"size_px": 3, "grid": 0}, "whole numbers from 1"),
        ({"size_m": -5}, "above 0"),
    ],
)
def test_options_that_make_no_window(grid: Path, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        chip_table(places([250_205], [9_859_595]), grid, **options)


def test_places_without_crs_or_elsewhere(grid: Path) -> None:
    here = places([250_205], [9_859_595])
    with pytest.raises(MissingCRSError):
        chip_table(here.set_crs(None, allow_override=True), grid, size_px=3)
    with pytest.raises(InputError, match="None of 1 places"):
        chip_table(places([10], [50], "EPSG:4326"), grid, size_px=3)
    with pytest.raises(InputError, match="no places"):
        chip_table(here.iloc[:0], grid, size_px=3)
    with pytest.raises(InputError, match="more than once"):
        chip_table(pd.concat([here, here]), grid, size_px=3)


def test_batches_follow_the_file_not_the_table(grid: Path, rng: np.random.Generator) -> None:
    x, y = rng.uniform(250_000, 251_000, 50), rng.uniform(9_859_200, 9_860_000, 50)
    table = chip_table(places(x, y), grid, size_px=3).table
    batches = list(read_chips(table, batch_size=16))
    assert [len(ids) for ids, _ in batches] == [16, 16, 16, 2]
    order = [name for ids, _ in batches for name in ids]
    assert table.set_index("image_id").loc[order, "row_off"].is_monotonic_increasing
    shuffled = table.sample(frac=1, random_state=1)
    assert [name for ids, _ in read_chips(shuffled) for name in ids] == order


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([0.0005, 0.01, 64.0]))
def test_memory_changes_nothing(tmp_path_factory, seed: int, n: int, memory_mb: float) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path_factory.getbasetemp() / "memory.tif"
    truth = np.arange(2 * 60 * 90, dtype="int32").reshape(2, 60, 90)
    if not path.exists():
        save(
            path,
            truth,
            Affine(4, 0, -180, 0, -3, 90),
            crs="EPSG:4326",
            tiled=True,
            blockxsize=16,
            blockysize=16,
        )
    windows = rng.integers([-100, -10, 1, 1], [190, 65, 12, 12], size=(n, 4))
    table = pd.DataFrame(windows, columns=["col_off", "row_off", "width", "height"])
    table = table.assign(image_id=[str(k) for k in range(n)], path=str(path), bands="2,1")
    chips = pixels(table, memory_mb=memory_mb)
    assert len(chips) == n
    for k, (col, row, width, height) in enumerate(windows.tolist()):
        rows, cols = np.arange(row, row + height), np.arange(col, col + width) % 90
        there = (rows >= 0) & (rows < 60)
        expected = np.full((2, height, width), np.nan)
        expected[:, there] = truth[::-1][:, rows[there]][:, :, cols]
        np.testing.assert_array_equal(chips[str(k)], expected)


def test_damaged_windows_are_left_out_and_the_rest_read(tmp_path: Path, rng: np.random.Generator) -> None:
    noise = rng.integers(0, 255, (1, 512, 512), dtype="uint8")
    path = save(
        tmp_path / "a.tif", noise, from_origin(0, 5120, 10, 10), tiled=True, blockxsize=64, blockysize=64
    )
    here = places(np.arange(50, 5120, 320), np.arange(5070, 0, -320))
    table = chip_table(here, path, size_px=5).table
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    rejected: list[pd.DataFrame] = []
    chips = pixels(table, on_rejected=rejected.append)
    lost = pd.concat(rejected)["row"].tolist()
    assert 0 < len(chips) < len(table)
    assert sorted([*chips, *lost]) == sorted(table["image_id"])
    path.unlink()
    assert not pixels(table, on_rejected=rejected.append)
    assert "cannot be opened" in rejected[-1]["reason"].iloc[0]


def test_unread_windows_are_logged(grid: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = chip_table(places([250_205], [9_859_595]), grid, size_px=3).table
    assert not pixels(table.assign(path="absent.tif"))
    assert "1 windows cannot be read" in caplog.text


def test_whole_rasters_and_roots(grid: Path) -> None:
    table = pd.DataFrame({"image_id": ["a"], "path": [grid.name]})
    assert pixels(table, root=grid.parent)["a"].shape == (2, 80, 100)
    with pytest.raises(MissingColumnError):
        list(read_chips(table[["image_id"]]))
    with pytest.raises(InputError, match="batch_size"):
        list(read_chips(table, batch_size=0))


def test_real_rasters_around_brazilian_seats(shared_data: Path) -> None:
    folder = shared_data / "brazil"
    seats = pd.read_csv(folder / "municipalities_1991_2000_2010.csv").query("year == 2010")
    frame = gpd.GeoDataFrame(
        {"place_id": seats["codmun7"]},
        geometry=gpd.points_from_xy(seats["longitude"], seats["latitude"]),
        crs=4326,
    )
    lights, rejected = chip_table(frame, folder / "earth_lights_lrg.jpg", size_px=7, crs=4326, bands=[1])
    assert len(lights) == 5565
    assert rejected.empty
    chips = pixels(lights, batch_size=512)
    sao_paulo, jacareacanga = chips["3550308"], chips["1503754"]
    assert sao_paulo.mean() > 150 > 60 > jacareacanga.mean()
    assert (lights.geometry.contains(frame.geometry.reset_index(drop=True))).all()
    marble = chip_table(frame, folder / "bmng.jpg", size_px=9, grid=3, crs=4326).table
    assert len(marble) == 9 * 5565
    assert sum(len(ids) for ids, _ in read_chips(marble)) == len(marble)
