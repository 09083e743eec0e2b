from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geolivelihood.errors import InputError
from geolivelihood.tables import read_tiles, tile_at, tile_bounds, tile_bounds_mercator

VECTORS = [  # specs/school_mapping.md, section 5
    (
        (18, 73703, 129770),
        (-8770231.751385, 198889.147598, -8770078.877328, 199042.021655),
        (-78.784332275, 1.786362132, -78.782958984, 1.787734755),
    ),
    (
        (17, 36857, 64877),
        (-8768550.136762, 201182.258447, -8768244.388649, 201488.006560),
        (-78.769226074, 1.806951370, -78.766479492, 1.809696584),
    ),
    (
        (8, 74, 126),
        (-8453323.832114, 156543.033928, -8296780.798186, 313086.067856),
        (-75.937500000, 1.406108835, -74.531250000, 2.811371193),
    ),
    (
        (18, 131072, 90000),
        (0, 6278690.377401, 152.874057, 6278843.251458),
        (0, 49.022560920, 0.001373291, 49.023461463),
    ),
    (
        (0, 0, 0),
        (-20037508.342789, -20037508.342789, 20037508.342789, 20037508.342789),
        (-180, -85.051128780, 180, 85.051128780),
    ),
]


def lay(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


@pytest.mark.parametrize(("tile", "metres", "degrees"), VECTORS)
def test_bounds_are_those_of_the_specification(tile, metres, degrees) -> None:
    np.testing.assert_allclose(tile_bounds_mercator(*tile), metres, atol=1e-6)
    np.testing.assert_allclose(tile_bounds(*tile), degrees, atol=5e-10)


def test_tile_at_a_place() -> None:
    assert tile_at(-74.0721, 4.7110, zoom=18) == (77134, 127637)
    x, y = tile_at(np.array([-180.0, 179.999999, 0]), np.array([85.06, -89.9, 90]), zoom=3)
    assert x.tolist() == [0, 7, 4]
    assert y.tolist() == [0, 7, 0]


@given(st.data(), st.integers(0, 24))
def test_the_middle_of_a_tile_lies_in_it(data: st.DataObject, zoom: int) -> None:
    x, y = (data.draw(st.integers(0, 2**zoom - 1)) for _ in range(2))
    west, south, east, north = tile_bounds(zoom, x, y)
    assert -180 <= west < east <= 180
    assert -85.06 < south < north < 85.06
    assert tile_at((west + east) / 2, (south + north) / 2, zoom=zoom) == (x, y)


@given(st.data(), st.integers(0, 20))
def test_neighbouring_tiles_share_an_edge(data: st.DataObject, zoom: int) -> None:
    x, y = (data.draw(st.integers(0, 2**zoom - 1)) for _ in range(2))
    _, south, east, north = tile_bounds(zoom, x, y)
    assert tile_bounds(zoom, x + 1, y)[0] == east
    assert tile_bounds(zoom, x, y + 1)[3] == south
    inner = tile_bounds(zoom + 1, 2 * x + 1, 2 * y)
    np.testing.assert_allclose(inner[2:], [east, north], atol=1e-9)


def test_names_with_prefix_and_suffix(tmp_path: Path) -> None:
    names = ["2021-05-OAM-18-73703-129770.jpg", "school/18-73704-129770_cam.png"]
    checked = read_tiles(lay(tmp_path, names), scheme="z-x-y")
    assert checked.table["tile_x"].tolist() == [73703, 73704]
    assert checked.table["image_id"].tolist() == ["2021-05-OAM-18-73703-129770", "school/18-73704-129770_cam"]
    assert set(checked.table["kind"]) == {"overhead"}
    np.testing.assert_allclose(checked.table.geometry.iloc[0].bounds, VECTORS[0][2], atol=5e-10)
    assert Path(checked.table["path"].iloc[1]) == tmp_path / names[1]


def test_folders_and_rows_from_the_south(tmp_path: Path) -> None:
    folder = lay(tmp_path, ["tiles/8/74/129.webp", "tiles/8/75/129@2x.webp", "notes.txt"])
    table = read_tiles(folder, scheme="z/x/y", tms=True).table
    assert table["tile_y"].tolist() == [126, 126]
    np.testing.assert_allclose(table.geometry.iloc[0].bounds, VECTORS[2][2], atol=5e-10)


def test_a_picture_that_is_no_tile_is_set_aside(tmp_path: Path) -> None:
    names = ["18-73703-129770.jpg", "18-73704-129770.jpg", "legend.png", "18-73703-9999999.jpg"]
    table, rejected = read_tiles(lay(tmp_path, names), scheme="z-x-y")
    assert len(table) == 2
    assert rejected["row"].tolist() == ["legend.png", "18-73703-9999999.jpg"]
    assert "below 2^zoom" in rejected["reason"].iloc[1]


@pytest.mark.parametrize("wrong", ["z-x-y", "z/x/y"])
def test_numbers_out_of_range_name_the_scheme_that_fits(tmp_path: Path, wrong: str) -> None:
    folder = lay(tmp_path, ["OAM-73703-129770-18.jpg", "OAM-73704-129770-18.jpg"])
    with pytest.raises(InputError, match="scheme='x-y-z'"):
        read_tiles(folder, scheme=wrong)


def test_tiles_far_apart_name_the_scheme_that_brings_them_together(tmp_path: Path) -> None:
    names = [f"{x}-{y}-5.png" for x in range(16, 20) for y in range(10, 14)]
    folder = lay(tmp_path, names)
    assert len(read_tiles(folder, scheme="x-y-z").table) == 16
    with pytest.raises(InputError, match=r"fall far apart.*scheme='x-y-z'"):
        read_tiles(folder, scheme="z-x-y")


def test_one_ambiguous_tile_is_believed(tmp_path: Path) -> None:
    assert len(read_tiles(lay(tmp_path, ["3-5-4.png"]), scheme="z-x-y").table) == 1


def test_bad_folders_and_schemes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pictures"):
        read_tiles(tmp_path, scheme="z-x-y")
    with pytest.raises(InputError, match="is no folder"):
        read_tiles(tmp_path / "absent", scheme="z-x-y")
    with pytest.raises(InputError, match="Give one of z-x-y, x-y-z, z/x/y"):
        read_tiles(tmp_path, scheme="y-x-z")
    with pytest.raises(InputError, match="No other scheme fits"):
        read_tiles(lay(tmp_path, ["a.png", "b.png"]), scheme="z-x-y")


def test_drone_tiles_cover_kampala(shared_data: Path) -> None:
    table, rejected = read_tiles(shared_data / "tiles_kampala", scheme="x-y-z")
    assert len(table) == 147
    assert rejected.empty
    assert sorted(table["zoom"].unique()) == [19, 20, 21]
    np.testing.assert_allclose(table.total_bounds, [32.5896, 0.3481, 32.5957, 0.3516], atol=1e-3)
    with pytest.raises(InputError, match="scheme='x-y-z'"):
        read_tiles(shared_data / "tiles_kampala", scheme="z-x-y")


def test_both_trees_of_real_tiles(shared_data: Path) -> None:
    folder = shared_data / "tiles_slippy"
    dashed, others = read_tiles(folder, scheme="x-y-z")
    assert (len(dashed), len(others)) == (8, 4)  # the tree of folders beside them is no x-y-z
    tree, none = read_tiles(folder / "zxy", scheme="z/x/y")
    assert (len(tree), len(none)) == (4, 0)
    assert set(tree["zoom"]) == {18}
