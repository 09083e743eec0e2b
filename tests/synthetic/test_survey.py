from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geolivelihood.errors import InputError
from geolivelihood.synthetic import Country
from geolivelihood.synthetic.landscape import landscape
from geolivelihood.synthetic.survey import displace, draw_sites, interview


def test_dhs_points_have_the_published_columns(country: Country) -> None:
    points = gpd.read_file(country.gps)
    expected = [
        "DHSID",
        "DHSCC",
        "DHSYEAR",
        "DHSCLUST",
        "URBAN_RURA",
        "LATNUM",
        "LONGNUM",
        "SOURCE",
        "geometry",
    ]
    assert list(points.columns) == expected
    assert len(points) == 260
    assert points.crs == "EPSG:4326"
    missing = points["SOURCE"] == "MIS"
    assert missing.sum() == 2
    assert (points.loc[missing, ["LATNUM", "LONGNUM"]] == 0).all(axis=None)
    assert points["DHSID"].is_unique
    np.testing.assert_allclose(points.geometry.x, points["LONGNUM"])


def test_recode_joins_and_gives_the_cluster_means(country: Country) -> None:
    recode = pd.read_stata(country.recode, convert_categoricals=False)
    points = gpd.read_file(country.gps)
    assert set(recode["hv001"]) == set(points["DHSCLUST"].astype(int))
    assert recode.groupby("hv001").size().between(10, 25).all()
    assert len(recode[["hv001", "hv005", "hv022", "hv024", "hv025"]].drop_duplicates()) == 260
    assert (recode["hv021"] == recode["hv001"]).all()
    assert recode["hv005"].mean() / 1e6 == pytest.approx(1, abs=0.05)
    means = pd.read_csv(country.clusters)
    np.testing.assert_allclose(means["wealth"], recode.groupby("hv001")["hv271"].mean() / 1e5, atol=1e-5)
    urban = recode.groupby("hv001")["hv025"].first() == 1
    np.testing.assert_array_equal(means["urban"], urban)
    labels = pd.read_stata(country.recode)
    assert set(labels["hv025"].unique()) == {"urban", "rural"}
    assert set(labels["hv024"].unique()) <= set(gpd.read_file(country.regions)["name"])


def test_published_points_lie_in_the_district_of_the_true_site(country: Country) -> None:
    points = gpd.read_file(country.gps)
    points = points[points["SOURCE"] == "GPS"]
    regions = gpd.read_file(country.regions)
    true = pd.read_csv(country.true_sites).iloc[points.index]
    true = gpd.GeoSeries.from_xy(true["lon"], true["lat"], crs=4326, index=points.index)
    owner = np.array([[p.contains(q) for p in regions.geometry] for q in points.geometry]).argmax(axis=1)
    home = np.array([[p.contains(q) for p in regions.geometry] for q in true]).argmax(axis=1)
    np.testing.assert_array_equal(owner, home)
    moved = true.to_crs(32741).distance(points.to_crs(32741).geometry)
    urban = points["URBAN_RURA"] == "U"
    assert moved[urban].max() <= 2_005
    assert moved[~urban].max() <= 10_020
    assert (moved[~urban] <= 5_010).mean() > 0.96


def test_displacement_is_uniform_in_distance_and_redrawn_at_the_border() -> None:
    n = 20_000
    districts = gpd.GeoDataFrame(
        geometry=[shapely.box(-5e4, -5e4, 5e4, 5e4), shapely.box(0, -5e4, 5e4, 5e4)], crs=32741
    )
    here = gpd.GeoDataFrame(
        {"urban": np.arange(n) % 2 == 0, "district": 0}, geometry=[shapely.Point(10, 0)] * n, crs=32741
    )
    moved = displace(here, districts, rng=np.random.default_rng(0)) - (10, 0)
    distance = np.hypot(*moved.T)
    assert distance[::2].max() <= 2_000
    assert distance[::2].mean() == pytest.approx(1_000, rel=0.03)
    assert (distance[1::2] <= 2_000).mean() == pytest.approx(0.398, abs=0.015)
    assert (distance[1::2] <= 5_000).mean() == pytest.approx(0.995, abs=0.003)
    inside = displace(here.assign(district=1), districts, rng=np.random.default_rng(0))
    assert inside[:, 0].min() >= 0


def test_a_site_outside_its_district_is_an_error() -> None:
    districts = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=32741)
    lost = gpd.GeoDataFrame({"urban": [True], "district": 0}, geometry=[shapely.Point(9e5, 0)], crs=32741)
    with pytest.raises(InputError, match="1 sites cannot be displaced"):
        displace(lost, districts, rng=np.random.default_rng(0))


def test_sites_follow_people_and_weights_undo_the_allotment() -> None:
    land = landscape(0)
    sites = draw_sites(land, n=2_000, rng=np.random.default_rng(0))
    assert len(sites) == 2_000
    assert (sites["population"] > 0).all()
    truth = np.average(land.wealth, weights=land.population)
    assert np.average(sites["wealth"], weights=sites["weight"]) == pytest.approx(truth, abs=0.07)
    urban = land.population[land.urban].sum() / land.population.sum()
    assert np.average(sites["urban"], weights=sites["weight"]) == pytest.approx(urban, abs=0.02)


def test_households_scatter_around_their_place(rng: np.random.Generator) -> None:
    sites = draw_sites(landscape(0), n=200, rng=rng)
    households = interview(sites, rng=rng)
    means = households.groupby("hv001")["hv271"].mean() / 1e5
    gap = means.to_numpy() - sites["wealth"].to_numpy()
    assert 0.08 < gap.std() < 0.22
    assert households["hv206"].isin([0, 1]).all()
    assert households["hv012"].min() >= 1
    lit = households.groupby("hv001")["hv206"].mean()
    assert np.corrcoef(lit, sites["wealth"])[0, 1] > 0.7
