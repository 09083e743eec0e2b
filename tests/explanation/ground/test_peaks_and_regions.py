"""Peaks and regions: section 2 of the specification of georeferenced explanations."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Geod, Transformer

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.explanation.ground import reading
from geolivelihood.explanation.ground.peaks import peaks
from geolivelihood.explanation.ground.regions import regions

ROWS = [
    [0.1, 0.2, 0.1, 0, -0.1],
    [0.2, 0.9, 0.5, 0.1, 0],
    [0.1, 0.4, 0.3, 0.1, 0.2],
    [-0.2, 0, 0.1, 0.6, 0.4],
    [-0.3, -0.1, 0.2, 0.3, 0.1],
]


def write(path, values, *, crs="EPSG:32636", transform=None, **tags):
    values = np.asarray(values, dtype="float32")
    profile = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": "float32"}
    transform = transform or Affine(10, 0, 5e5, 0, -10, 1e6)
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=transform, nodata=np.nan, **profile
    ) as to:
        to.write(values, 1)
        to.update_tags(target="pov", **tags)
    return path


@pytest.fixture
def example(tmp_path):
    return write(tmp_path / "example.tif", ROWS)


def smooth(shape, seed=0):
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(np.random.default_rng(seed).normal(size=shape), 3)


def test_peaks_of_the_example(example):
    found = peaks(example, min_distance_m=25, signs=[1])
    assert np.allclose(found["value"], [0.9, 0.6]) and found["rank"].tolist() == [1, 2]
    assert shapely.get_coordinates(found.geometry).tolist() == [[500015, 999985], [500035, 999965]]
    # within 12.5 m: the pixel and its four neighbours
    assert np.allclose(found["share"], [2.2 / 4.9, 1.5 / 4.9])
    assert len(peaks(example, min_distance_m=30, signs=[1])) == 1
    assert found.crs.to_epsg() == 32636 and (found["target"] == "pov").all()


def test_both_signs(example):
    found = peaks(example, min_distance_m=25)
    assert found["sign"].tolist() == [1, 1, -1, -1]
    assert np.allclose(found["value"], [0.9, 0.6, -0.3, -0.1])
    assert found["share"].between(0, 1).all()
    assert len(peaks(example, min_distance_m=5, most=1)) == 2


def test_a_plateau_has_one_peak_and_a_slope_none(tmp_path):
    flat = np.zeros((6, 9))
    flat[1:3, 1:4] = 1  # a plateau
    flat[4, 5:8] = 1
    flat[5, 8] = 2  # the second plateau climbs
    found = peaks(write(tmp_path / "a.tif", flat), min_distance_m=1, signs=[1])
    assert found["value"].tolist() == [2, 1]
    assert shapely.get_coordinates(found.geometry)[1].tolist() == [500015, 999985]  # its first pixel


def test_distance_is_on_the_ground(tmp_path):
    """At 60 degrees a Web Mercator metre is half a metre."""
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(10, 60)
    values = np.zeros((3, 30))
    values[1, 3], values[1, 13] = 2, 1
    path = write(tmp_path / "a.tif", values, crs="EPSG:3857", transform=Affine(10, 0, x, 0, -10, y))
    found = peaks(path, min_distance_m=1, signs=[1]).to_crs(4326)
    _, _, metres = Geod(ellps="WGS84").inv(*np.ravel([point.coords[0] for point in found.geometry]))
    assert 49 < metres < 51
    assert len(peaks(path, min_distance_m=metres * 0.9999, signs=[1])) == 2
    assert len(peaks(path, min_distance_m=metres * 1.0001, signs=[1])) == 1


def test_the_default_distance_is_two_cells(tmp_path):
    path = write(tmp_path / "a.tif", ROWS, jump_px=1.25)
    assert len(peaks(path, signs=[1])) == 2
    assert len(peaks(write(path, ROWS, jump_px=1.5), signs=[1])) == 1


def test_blocks_do_not_show(tmp_path, monkeypatch):
    values = smooth((80, 90))
    values[20:40, 30:60] = np.nan
    values[50, 31:34] = 3  # a plateau across blocks
    path = write(tmp_path / "a.tif", values, jump_px=4)
    whole = peaks(path), regions(path)
    monkeypatch.setattr(reading, "_BLOCK_PX", 32)
    parts = peaks(path), regions(path)
    assert whole[0].equals(parts[0]) and len(whole[0]) > 5
    for one, other in zip(whole[1].itertuples(), parts[1].itertuples()):
        assert one.geometry.equals(other.geometry) and one.parts == other.parts
        assert one.held == pytest.approx(other.held) and one.area_m2 == pytest.approx(other.area_m2)


def test_peaks_know_their_picture_and_cell(example):
    shapes = gpd.GeoSeries(
        [shapely.box(5e5, 999950, 500030, 1e6), shapely.box(500010, 999950, 500050, 1e6)], crs=32636
    )
    images = gpd.GeoDataFrame({"image_id": ["west", "east"]}, geometry=shapes).to_crs(4326)
    found = peaks(example, min_distance_m=25, signs=[1], images=images, resolution=9)
    assert found["image_id"].tolist() == ["west", "east"] and found["cell"].dtype == np.uint64
    assert found.columns.tolist() == [
        "target", "sign", "rank", "value", "share", "image_id", "cell", "geometry",
    ]  # fmt: skip


def test_regions_of_the_example(example):
    found = regions(example, signs=[1]).set_index("share")
    half, most = found.loc[0.5], found.loc[0.8]
    assert (half["parts"], half["area_m2"], most["parts"], most["area_m2"]) == (2, 500, 2, 1100)
    assert np.allclose([half["held"], most["held"]], [0.571428571, 0.857142857])
    assert np.allclose([half["threshold"], most["threshold"]], [0.4, 0.2])
    assert np.allclose([half["sum"], most["sum"]], [2.8, 4.2])
    assert half.geometry.area == 500 and len(half.geometry.geoms) == 2 and half.geometry.is_valid
    lower = regions(example, signs=[-1], shares=[1.0]).iloc[0]
    assert (lower["sign"], lower["area_m2"]) == (-1, 400) and lower["sum"] == pytest.approx(-0.7)


@pytest.mark.parametrize("share", [0.1, 0.37, 0.5, 0.9, 1.0])
def test_thresholds_are_exact(tmp_path, share):
    values = smooth((50, 60), seed=1).astype("float32")
    found = regions(write(tmp_path / "a.tif", values), shares=[share], signs=[1]).iloc[0]
    ranked = np.sort(values[values > 0].astype(float))[::-1]
    count = np.searchsorted(np.cumsum(ranked), share * ranked.sum() * (1 - 1e-12)) + 1
    assert found["area_m2"] == 100 * min(count, len(ranked)) and found["held"] >= share * (1 - 1e-9)
    assert found["threshold"] == ranked[min(count, len(ranked)) - 1]


def test_density_is_per_ground(tmp_path):
    """Of equal values the pixel on less ground is denser: in Web Mercator, the northern one."""
    values = np.zeros((3, 3))
    values[0, 1] = values[2, 1] = 1
    ground = Affine(1e5, 0, 0, 0, -1e5, 9e6)
    found = regions(write(tmp_path / "a.tif", values, crs="EPSG:3857", transform=ground), shares=[0.5]).iloc[
        0
    ]
    assert found["parts"] == 1 and found.geometry.centroid.coords[0] == (1.5e5, 8.95e6)
    ring = Transformer.from_crs(3857, 4326, always_xy=True).transform(
        *shapely.get_coordinates(shapely.segmentize(found.geometry, 100)).T
    )
    area = abs(Geod(ellps="WGS84").polygon_area_perimeter(*ring)[0])
    assert found["area_m2"] == pytest.approx(area, rel=1e-3)


def test_rotated_rasters(tmp_path):
    turned = Affine.translation(5e5, 1e6) * Affine.rotation(30) * Affine.scale(10, -10)
    path = write(tmp_path / "a.tif", ROWS, transform=turned)
    half = regions(path, signs=[1], shares=[0.5]).iloc[0]
    assert half["area_m2"] == pytest.approx(500) and half.geometry.area == pytest.approx(500)
    found = peaks(path, min_distance_m=25, signs=[1])
    assert np.allclose(shapely.get_coordinates(found.geometry)[0], turned * (1.5, 1.5))
    assert half.geometry.contains(found.geometry[0])


def test_no_evidence_no_rows(tmp_path):
    path = write(tmp_path / "a.tif", np.full((4, 4), np.nan), jump_px=1)
    assert peaks(path).empty and regions(path).empty
    assert "share" in peaks(path) and "parts" in regions(path)


def test_bad_input(tmp_path, example):
    with pytest.raises(InputError, match="Give min_distance_m"):
        peaks(example)
    with pytest.raises(InputError, match="metres above 0"):
        peaks(example, min_distance_m=-1)
    with pytest.raises(InputError, match="signs"):
        peaks(example, min_distance_m=1, signs=[2])
    with pytest.raises(InputError, match="shares lie above 0"):
        regions(example, shares=[50])
    with pytest.raises(MissingCRSError, match="has no CRS"):
        regions(write(tmp_path / "b.tif", ROWS, crs=None))
    with pytest.raises(InputError, match="cannot be read"):
        peaks(tmp_path / "absent.tif")
