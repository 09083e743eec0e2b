"""Windows side by side over rasters."""

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from geolivelihood.errors import InputError
from geolivelihood.tables import grid_table


def write(path, *, width=50, height=30, west=500_000, north=0, pixel=10, crs="EPSG:32737"):
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "width": width, "height": height, "crs": crs}
    transform = from_origin(west, north, pixel, pixel)
    with rasterio.open(path, "w", **profile, transform=transform) as target:
        target.write(np.zeros((3, height, width), np.uint8))


def test_windows_cover_the_raster_and_know_where_they_are(tmp_path):
    write(tmp_path / "a.tif")
    table, rejected = grid_table(tmp_path, size_px=10)
    assert len(table) == 15 and rejected.empty
    assert table["image_id"].tolist()[:2] == ["a:0,0", "a:0,10"]
    assert table["place_id"].nunique() == 15 and (table["width"] == 10).all()
    area = table.to_crs("EPSG:32737").area
    assert np.allclose(area, 10_000, rtol=1e-3)
    whole = table.to_crs("EPSG:32737").total_bounds
    assert np.allclose(whole, [500_000, -300, 500_500, 0], atol=0.01)


def test_dates_of_one_scene_share_their_places(tmp_path):
    write(tmp_path / "may.tif")
    write(tmp_path / "june.tif", west=500_100)  # the same grid, further east
    write(tmp_path / "other.tif", west=500_003)  # another grid
    table = grid_table(tmp_path, size_px=10).table
    held = table.assign(file=table["image_id"].str.partition(":")[0]).groupby("file")["place_id"].agg(set)
    assert len(held["may"] & held["june"]) == 12 and not held["other"] & (held["may"] | held["june"])


def test_windows_may_overlap(tmp_path):
    write(tmp_path / "a.tif", width=20, height=20)
    assert len(grid_table(tmp_path / "a.tif", size_px=10, step_px=5).table) == 9


def test_what_cannot_be_cut_is_said(tmp_path):
    write(tmp_path / "a.tif")
    with pytest.raises(InputError, match="the largest has 50 pixels"):
        grid_table(tmp_path, size_px=64)
    with pytest.raises(InputError, match="1 or more"):
        grid_table(tmp_path, size_px=0)
    (tmp_path / "b.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:100])
    table, rejected = grid_table(tmp_path, size_px=10)
    assert len(table) == 15 and rejected["row"].str.contains("b.tif").all() and len(rejected) == 1
