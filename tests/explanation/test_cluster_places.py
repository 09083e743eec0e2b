"""Clusters on the ground: their layer, and what rasters say of them."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.explanation.cluster_places import cluster_covariates, cluster_layer, picture_covariate
from geolivelihood.explanation.feature_clusters import FeatureClusters


def write(path, values, *, crs="EPSG:32636", transform=None, bands=1):
    grid = transform or rasterio.Affine(10, 0, 500000, 0, -10, 40040)
    profile = {"driver": "GTiff", "count": bands, "dtype": "float64", "nodata": -9999, "crs": crs}
    profile |= {"height": values.shape[0], "width": values.shape[1], "transform": grid}
    with rasterio.open(path, "w", **profile) as target:
        for band in range(bands):
            target.write(values + 100 * band, band + 1)
    return path


def footprints(*shapes):
    return gpd.GeoDataFrame(
        {"image_id": [f"i{k}" for k in range(len(shapes))]}, geometry=list(shapes), crs="EPSG:32636"
    )


def test_pixels_count_by_their_share(tmp_path):
    # values 3, 5, nodata, 8 with coverage .25, 1, .5, .1
    raster = write(tmp_path / "r.tif", np.array([[3, 5, -9999, 8.0]]))
    parts = [(7.5, 10), (10, 20), (20, 25), (30, 31)]
    shape = shapely.union_all([shapely.box(500000 + a, 40030, 500000 + b, 40040) for a, b in parts])
    pictures = footprints(shape, shapely.Point(500015, 40035), shapely.Point(500025, 40035),
                          shapely.box(600000, 0, 600010, 10))  # fmt: skip
    mean = picture_covariate(pictures, raster)
    assert mean.iloc[0] == pytest.approx(4.851851852) and mean.iloc[1] == 5
    assert mean.iloc[2:].isna().all() and mean.index.name == "image_id"
    assert picture_covariate(pictures, raster, statistic="sum").iloc[0] == pytest.approx(6.55)


def test_another_band_and_another_crs(tmp_path):
    raster = write(tmp_path / "r.tif", np.full((4, 4), 2.0), bands=2)
    pictures = footprints(shapely.box(500005, 40005, 500025, 40025)).to_crs(4326)
    assert picture_covariate(pictures, raster, band=2).item() == pytest.approx(102)


def test_rasters_that_say_nothing(tmp_path):
    pictures = footprints(shapely.box(500005, 40005, 500025, 40025))
    flat = write(tmp_path / "a.tif", np.ones((4, 4)), crs=None)
    turned = write(tmp_path / "b.tif", np.ones((4, 4)), transform=rasterio.Affine(8, 6, 0, 6, -8, 0))
    good = write(tmp_path / "c.tif", np.ones((4, 4)))
    with pytest.raises(MissingCRSError, match="has no CRS"):
        picture_covariate(pictures, flat)
    with pytest.raises(MissingCRSError, match="no CRS"):
        picture_covariate(pictures.set_crs(None, allow_override=True), good)
    with pytest.raises(InputError, match="is rotated"):
        picture_covariate(pictures, turned)
    with pytest.raises(InputError, match="no band 2"):
        picture_covariate(pictures, good, band=2)
    with pytest.raises(InputError, match="'mean' or 'sum'"):
        picture_covariate(pictures, good, statistic="max")
    with pytest.raises(InputError, match="Cannot read"):
        picture_covariate(pictures, tmp_path / "none.tif")


def test_what_sets_a_cluster_apart(rng):
    labels = np.repeat([0, 1, -1], [200, 100, 20])
    values = pd.DataFrame({"lights": rng.normal(size=320) + 2 * (labels == 1), "noise": rng.normal(size=320)})
    values.loc[0, "lights"] = np.nan
    table = cluster_covariates(values, labels, n_resamples=500).set_index(["cluster", "covariate"])
    bright = table.loc[(1, "lights")]
    x = values["lights"].to_numpy()
    gap = x[labels == 1].mean() - np.nanmean(x[labels != 1])
    assert bright["difference"] == pytest.approx(gap / np.nanstd(x)) and bright["n"] == 100
    assert bright["lower"] > 1 and table.loc[(0, "lights"), "n"] == 199
    assert table.loc[(0, "noise"), "lower"] < 0 < table.loc[(0, "noise"), "upper"]


def test_neighbours_widen_the_interval(rng):
    block = np.repeat(np.arange(20), 15)
    values = pd.DataFrame({"x": rng.normal(size=20)[block] + 0.1 * rng.normal(size=300)})
    labels = (block % 2).astype(int)
    width = [
        (table["upper"] - table["lower"]).iloc[0]
        for table in (cluster_covariates(values, labels, blocks=given) for given in (None, block))
    ]
    assert width[1] > 2.5 * width[0]


def test_one_block_has_no_interval():
    table = cluster_covariates(pd.DataFrame({"x": [1.0, 2, 3, np.nan]}), [0, 0, 1, 1], blocks=["b"] * 4)
    assert table["lower"].isna().all() and table["blocks"].eq(1).all() and table["n"].tolist() == [2, 1]
    with pytest.raises(InputError, match="one of each per row"):
        cluster_covariates(pd.DataFrame({"x": [1.0]}), [0, 1])


def test_the_layer(rng):
    features = pd.DataFrame(rng.normal(size=(20, 5)), index=[f"i{k}" for k in range(20)])
    features.iloc[:8] += 9
    clusters = FeatureClusters(k=2, components=3, n_init=2).fit(features.to_numpy())
    images = footprints(*shapely.points(500000 + np.arange(12) * 100, 0)).iloc[::-1].assign(path="p.jpg")
    layer = cluster_layer(images, clusters, features, coordinates=rng.normal(size=(20, 2)))
    assert list(layer) == ["image_id", "cluster", "distance", "pc_1", "pc_2", "tsne_1", "tsne_2", "path",
                           "geometry"]  # fmt: skip
    assert layer["image_id"].tolist() == [f"i{k}" for k in range(12)] and layer.crs == "EPSG:4326"
    assert layer["cluster"].tolist() == [1] * 8 + [0] * 4
    assert layer.to_crs(32636).geometry.iloc[3].x == pytest.approx(500300)
    with pytest.raises(InputError, match="same image_id"):
        cluster_layer(images.assign(image_id=range(12)), clusters, features)
    with pytest.raises(InputError, match="one row per feature row"):
        cluster_layer(images, clusters, features, coordinates=np.ones((3, 2)))
    with pytest.raises(MissingColumnError, match="no column 'image_id'"):
        cluster_layer(images.drop(columns="image_id"), clusters, features)
