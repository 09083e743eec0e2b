import shutil
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.tables import cut_at_antimeridian, read_geotiffs, read_header, window_polygons
from geolivelihood.tables.footprints import unfolded


def save(
    path: Path, *, crs: str | None = "EPSG:32637", transform=None, count: int = 1, names=(), **more
) -> Path:
    transform = from_origin(250_000, 9_860_000, 10, 10) if transform is None else transform
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"height": 40, "width": 60, "count": count, "dtype": "uint16"}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape, **more) as target:
        target.write(np.arange(count * 2400, dtype="uint16").reshape(count, 40, 60))
        for k, name in enumerate(names, start=1):
            target.set_band_description(k, name)
    return path


def test_footprints_windows_and_bands(tmp_path: Path) -> None:
    save(tmp_path / "north" / "a.tif", count=3, names=("red", "nir", "swir"))
    save(tmp_path / "south" / "a.tiff", crs="EPSG:4326", transform=from_origin(36, -1, 0.001, 0.001), count=3)
    table, rejected = read_geotiffs(tmp_path)
    assert rejected.empty
    assert table["image_id"].tolist() == ["north/a", "south/a"]
    assert table["bands"].tolist() == ["1,2,3", "1,2,3"]
    assert table[["col_off", "row_off", "width", "height"]].to_numpy().tolist() == [[0, 0, 60, 40]] * 2
    assert table["raster_crs"].tolist() == ["EPSG:32637", "EPSG:4326"]
    np.testing.assert_allclose(table.geometry.iloc[1].bounds, [36, -1.04, 36.06, -1], atol=1e-8)
    project = pyproj.Transformer.from_crs("EPSG:32637", "EPSG:4326", always_xy=True)
    inner = shapely.Point(project.transform(250_300, 9_859_999))
    assert table.geometry.iloc[0].contains(inner)
    assert not table.geometry.iloc[0].contains(shapely.Point(project.transform(250_300, 9_860_001)))


def test_bands_by_name(tmp_path: Path) -> None:
    save(tmp_path / "a.tif", count=3, names=("red", "nir", "swir"))
    assert read_geotiffs(tmp_path, bands=["NIR", 1]).table["bands"].tolist() == ["2,1"]
    with pytest.raises(InputError, match=r"no band named 'blue'.*'nir'"):
        read_geotiffs(tmp_path, bands=["blue"])
    with pytest.raises(InputError, match="count from 1 to 3"):
        read_geotiffs(tmp_path, bands=[0])


def test_bad_files_are_set_aside(tmp_path: Path) -> None:
    good = save(tmp_path / "good.tif", count=4)
    (tmp_path / "cut.tif").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "header.tif").write_bytes(good.read_bytes()[:40])
    (tmp_path / "empty.tif").write_bytes(b"")
    save(tmp_path / "nowhere.tif", crs=None)
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        save(tmp_path / "no_grid.tif", transform=Affine.identity())
    table, rejected = read_geotiffs(tmp_path)
    assert table["image_id"].tolist() == ["good"]
    reasons = {Path(row).stem: reason for row, reason in zip(rejected["row"], rejected["reason"])}
    assert set(reasons) == {"cut", "header", "empty", "nowhere", "no_grid"}
    assert "has no CRS" in reasons["nowhere"]
    assert "cannot be read" in reasons["cut"]
    assert "no geotransform" in reasons["no_grid"]
    assert set(read_geotiffs(tmp_path, crs="EPSG:32637").table["image_id"]) == {"good", "nowhere"}


def test_nothing_usable_raises(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no GeoTIFF"):
        read_geotiffs(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_geotiffs(tmp_path / "absent.tif")
    with pytest.raises(MissingCRSError, match="Give crs="):
        read_geotiffs(save(tmp_path / "nowhere.tif", crs=None))


def test_a_list_of_files_of_one_name(tmp_path: Path) -> None:
    paths = [save(tmp_path / folder / "a.tif") for folder in ("x", "y")]
    assert read_geotiffs(paths).table["image_id"].is_unique


def test_footprints_around_the_poles() -> None:
    grid = Affine(50_000, 0, -2e6, 0, -50_000, 2e6)
    whole = np.array([[0, 0, 80, 80]])
    for crs, pole in (("EPSG:3413", 90), ("EPSG:3031", -90)):
        polygon = window_polygons(grid, whole, crs=crs)[0]
        assert polygon.is_valid
        assert polygon.contains(shapely.Point(12.3, pole * 0.999))
        assert polygon.contains(shapely.Point(-170, pole * 0.95))
        assert np.abs(polygon.bounds).max() == 180


@given(st.floats(-540, 540), st.floats(1, 300), st.integers(-80, 60), st.integers(1, 30))
def test_any_longitude_comes_home(west: float, span: float, south: int, height: int) -> None:
    grid = Affine(span / 10, 0, west, 0, -1, south + height)
    polygon = window_polygons(grid, np.array([[0, 0, 10, height]]), crs="EPSG:4326")[0]
    assert polygon.is_valid
    assert polygon.bounds[0] >= -180
    assert polygon.bounds[2] <= 180
    assert polygon.area == pytest.approx(span * height, rel=1e-5)


@settings(deadline=None)
@given(st.floats(-179.9, 180), st.floats(0.001, 100), st.integers(-80, 79))
def test_unfolding_undoes_the_cut(west: float, span: float, south: int) -> None:
    box = shapely.box(west, south, west + span, south + 1)
    there = unfolded(cut_at_antimeridian(np.array([box])))[0]
    assert there.area == pytest.approx(span, rel=1e-6)
    off = (there.centroid.x - box.centroid.x + 180) % 360 - 180
    assert off == pytest.approx(0, abs=1e-6) and there.centroid.y == pytest.approx(south + 0.5)


def test_the_time_that_a_file_says(tmp_path: Path) -> None:
    assert read_header(str(save(tmp_path / "a.tif"))).taken == ""
    with rasterio.open(tmp_path / "a.tif", "r+") as target:
        target.update_tags(TIFFTAG_DATETIME="2021:06:05 10:30:00")
    assert read_header(str(tmp_path / "a.tif")).taken == "2021:06:05 10:30:00"
    assert "captured_at" not in read_geotiffs(tmp_path).table  # it may be that of processing


def test_real_files_of_five_kinds(shared_data: Path, tmp_path: Path) -> None:
    table, rejected = read_geotiffs(shared_data / "geotiff")
    assert rejected.empty
    assert len(table) == 5
    assert table.geometry.is_valid.all()
    dateline = table.set_index("image_id").loc["cog_dateline", "geometry"]
    assert dateline.geom_type == "MultiPolygon"
    assert dateline.area < 12  # not the whole way around the earth
    assert dateline.contains(shapely.Point(179.5, 52)) and dateline.contains(shapely.Point(-179.5, 52))
    cut = tmp_path / "cut.tif"
    whole = (shared_data / "geotiff" / "s2a_l2a_fishbourne.tif").read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    shutil.copy(shared_data / "geotiff" / "L7_ETMs.tif", tmp_path)
    table, rejected = read_geotiffs(tmp_path)
    assert table["image_id"].tolist() == ["L7_ETMs"]
    assert rejected["row"].tolist() == [cut.as_posix()]
