"""From pictures to polygons: zones that tile the ground add up to the predictions."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from torch import nn

from geolivelihood.explanation.attribution import attribute
from geolivelihood.explanation.ground import image_tiles, peaks, regions, write_mosaic, zonal_sums
from geolivelihood.tables import chip_table, read_chips


@pytest.fixture
def scene(tmp_path):
    """A raster of 300 x 260 pixels of 10 m, part of it without data."""
    pixels = np.random.default_rng(0).integers(1, 255, (3, 260, 300), dtype=np.uint8)
    pixels[:, 200:, :40] = 0
    profile = {"height": 260, "width": 300, "count": 3, "dtype": "uint8", "nodata": 0, "crs": "EPSG:32636"}
    ground = Affine(10, 0, 5e5, 0, -10, 1e6)
    with rasterio.open(tmp_path / "scene.tif", "w", driver="GTiff", transform=ground, **profile) as target:
        target.write(pixels)
    return tmp_path / "scene.tif"


@pytest.fixture
def network():
    torch.manual_seed(0)
    steps = [nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=4, padding=1)]
    return nn.Sequential(*steps, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1))


def test_zones_add_up_to_the_predictions(scene, network, tmp_path):
    columns, rows = np.meshgrid(np.arange(32, 300, 48), np.arange(32, 260, 48))
    middles = gpd.points_from_xy(5e5 + 10 * columns.ravel(), 1e6 - 10 * rows.ravel())
    places = gpd.GeoDataFrame(
        {"place_id": [f"p{k}" for k in range(len(middles))]}, geometry=middles, crs=32636
    )
    images = chip_table(places, scene, size_px=64).table
    order, chips = zip(*((name, chip) for batch in read_chips(images) for name, chip in zip(*batch)))
    images = images.set_index("image_id", drop=False).loc[list(order)]
    pixels = np.stack(chips)
    assert np.isnan(pixels).any()
    found = attribute(network, torch.from_numpy(pixels), method="signed_cam")
    assert (found.start, found.jump) == (0.5, 8) and found.completeness_error < 1e-5
    weights = np.random.default_rng(1).random(len(images))
    table = write_mosaic(
        tmp_path / "sum.tif", found, image_tiles(images), mode="sum", weights=weights / weights.sum()
    )
    assert np.allclose(
        table["kept"] + table["masked"] + table["intercept"] + table["residual"], table["total"]
    )
    prediction = (weights @ found.total) / weights.sum()

    west = 5e5 + np.arange(0, 3000, 337.0)
    boxes = [shapely.box(x, y, x + 337, y + 281) for x in west for y in np.arange(1e6 - 3000, 1e6, 281)]
    zones = gpd.GeoDataFrame({"region_id": range(len(boxes))}, geometry=boxes, crs=32636)
    sums = zonal_sums(tmp_path / "sum.tif", zones)
    fixed = weights @ (found.intercept + found.residual) / weights.sum()
    whole = sums.table["sum"].sum() + sums.uncovered + sums.masked + fixed
    assert sums.masked != 0
    assert whole == pytest.approx(prediction, abs=1e-6 * np.abs(found.maps).sum())


def test_evidence_lies_on_its_ground(scene, network, tmp_path):
    images = chip_table(
        gpd.GeoDataFrame(geometry=gpd.points_from_xy([501000], [999000]), crs=32636), scene, size_px=128
    ).table
    _, chips = next(read_chips(images))
    found = attribute(network, torch.from_numpy(np.stack(chips)), method="signed_cam", bias="intercept")
    write_mosaic(tmp_path / "blend.tif", found, image_tiles(images))
    footprint = images.to_crs(32636).geometry.iloc[0].buffer(1e-3)
    points, places = peaks(tmp_path / "blend.tif", images=images), regions(tmp_path / "blend.tif")
    assert points.within(footprint).all() and (points["image_id"] == images["image_id"].iloc[0]).all()
    assert places.within(footprint).all() and places["held"].ge(places["share"] - 1e-9).all()
