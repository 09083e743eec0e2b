"""A household survey in the DHS layout: true sites, displaced points, households, files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from geolivelihood.errors import InputError
from geolivelihood.synthetic.landscape import CRS, STEP_M, Landscape

__all__ = ["COUNTRY", "YEAR", "cluster_table", "displace", "draw_sites", "interview", "write_survey"]

COUNTRY = "QZ"
YEAR = 2021
_URBAN_M, _RURAL_M, _RURAL_FAR_M, _FAR_SHARE = 2_000.0, 5_000.0, 10_000.0, 0.01
_MISSING = 2
_ROUNDS = 10_000


def draw_sites(land: Landscape, *, n: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Choose enumeration areas: districts by the root of their people, places within by their people.

    Returns
    -------
    GeoDataFrame
        ``cluster`` (1..n), ``district`` (row of ``land.districts``), ``urban``, ``wealth`` (true, at the
        site), ``population`` (per km²), ``stratum``, ``weight`` (mean 1); points in
        :data:`~geolivelihood.synthetic.landscape.CRS`.
    """
    x, y = land.centres()
    stratum = np.where(land.district >= 0, 2 * land.district + ~land.urban, -1)
    strata = np.arange(2 * len(land.districts))
    people = np.array([land.population[stratum == k].sum() for k in strata])
    allotted = _allot(np.sqrt(people), n)
    picked = [
        rng.choice(
            land.population.size,
            size,
            replace=True,
            p=np.where(stratum == k, land.population, 0).ravel() / people[k],
        )
        for k, size in zip(strata, allotted)
        if size
    ]
    pixel = np.concatenate(picked)
    chosen = stratum.ravel()[pixel]
    site = np.column_stack([x.ravel()[pixel], y.ravel()[pixel]])
    nudged = site + rng.uniform(-STEP_M / 2, STEP_M / 2, site.shape)
    stays = shapely.contains_xy(land.districts.geometry.to_numpy()[chosen // 2], *nudged.T)
    site = np.where(stays[:, None], nudged, site)
    weight = people[chosen] / allotted[chosen]
    return gpd.GeoDataFrame(
        {
            "cluster": np.arange(1, n + 1),
            "district": chosen // 2,
            "urban": chosen % 2 == 0,
            "stratum": chosen + 1,
            "wealth": land.at(land.wealth, *site.T),
            "population": land.population.ravel()[pixel] / (STEP_M / 1000) ** 2,
            "weight": weight / weight.mean(),
        },
        geometry=gpd.points_from_xy(*site.T),
        crs=CRS,
    )


def displace(
    sites: gpd.GeoDataFrame, districts: gpd.GeoDataFrame, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Move points as DHS does: uniform angle and distance, redrawn until inside the own district.

    Parameters
    ----------
    sites
        True points with ``urban`` and ``district`` (row of ``districts``), metric CRS.
    districts
        Polygons in the same CRS.
    rng
        Source of randomness.

    Returns
    -------
    ndarray
        (n, 2) easting and northing, metres.

    Raises
    ------
    InputError
        If a site lies outside its district, so that no redraw could ever bring it back.
    """
    truth = shapely.get_coordinates(sites.geometry)
    home = districts.geometry.to_numpy()[sites["district"].to_numpy()]
    far = rng.random(len(sites)) < _FAR_SHARE
    reach = np.where(sites["urban"], _URBAN_M, np.where(far, _RURAL_FAR_M, _RURAL_M))
    moved = truth.copy()
    todo = np.arange(len(sites))
    # Rejection by rounds: every round redraws, at once, the points that left their district.
    for _ in range(_ROUNDS):
        if not len(todo):
            return moved
        angle = rng.uniform(0, 2 * np.pi, len(todo))
        distance = rng.uniform(0, 1, len(todo)) * reach[todo]
        moved[todo] = truth[todo] + distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        todo = todo[~shapely.contains_xy(home[todo], *moved[todo].T)]
    msg = f"{len(todo)} sites cannot be displaced within their district; give sites that lie inside it."
    raise InputError(msg)


def interview(sites: gpd.GeoDataFrame, *, rng: np.random.Generator) -> pd.DataFrame:
    """Ten to 25 households per cluster, their wealth around that of the place.

    Returns
    -------
    DataFrame
        DHS household recode columns, one row per household.
    """
    count = rng.integers(10, 26, len(sites))
    row = np.repeat(np.arange(len(sites)), count)
    place = sites.drop(columns="geometry").iloc[row].reset_index(drop=True)
    wealth = place["wealth"].to_numpy() + rng.normal(0, 0.55, len(row))
    lit = 1 / (1 + np.exp(-(0.4 + 1.8 * wealth + 0.8 * place["urban"])))
    start = np.cumsum(count) - count
    return pd.DataFrame(
        {
            "hv001": place["cluster"].to_numpy(np.int32),
            "hv002": (np.arange(len(row)) - start[row] + 1).astype(np.int32),
            "hv005": np.round(place["weight"] * 1e6).to_numpy(np.int32),
            "hv012": (1 + rng.poisson(np.clip(3.9 - 0.6 * wealth, 1.2, 7))).astype(np.int8),
            "hv021": place["cluster"].to_numpy(np.int32),
            "hv022": place["stratum"].to_numpy(np.int16),
            "hv024": (place["district"] + 1).to_numpy(np.int8),
            "hv025": np.where(place["urban"], 1, 2).astype(np.int8),
            "hv206": (rng.random(len(row)) < lit).astype(np.int8),
            "hv271": np.round(wealth * 1e5).astype(np.int32),
        }
    )


def cluster_table(
    sites: gpd.GeoDataFrame, households: pd.DataFrame, published: gpd.GeoSeries
) -> pd.DataFrame:
    """Cluster means as a plain table: ``cluster_id``, lon, lat, urban, wealth, electricity, households, ...

    Parameters
    ----------
    sites
        Clusters, as from :func:`draw_sites`.
    households
        Recode, as from :func:`interview`.
    published
        Displaced points in EPSG:4326; missing ones at (0, 0).
    """
    by = households.groupby("hv001")
    means = by[["hv271", "hv206"]].mean()
    number = sites["cluster"].to_numpy()
    return pd.DataFrame(
        {
            "cluster_id": _dhs_id(number),
            "lon": published.x.round(6).to_numpy(),
            "lat": published.y.round(6).to_numpy(),
            "urban": sites["urban"].to_numpy(),
            "wealth": (means["hv271"] / 1e5).round(5).loc[number].to_numpy(),
            "electricity": means["hv206"].round(5).loc[number].to_numpy(),
            "households": by.size().loc[number].to_numpy(),
            "weight": sites["weight"].round(6).to_numpy(),
            "country": COUNTRY,
            "year": YEAR,
        }
    )


def write_survey(
    folder: Path, land: Landscape, *, n_clusters: int, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Write ``survey/`` (DHS layout) and ``clusters.csv`` under ``folder``.

    Returns
    -------
    GeoDataFrame
        The true sites, as from :func:`draw_sites`, in EPSG:4326.
    """
    sites = draw_sites(land, n=n_clusters, rng=rng)
    moved = displace(sites, land.districts, rng=rng)
    households = interview(sites, rng=rng)
    lost = rng.choice(n_clusters, min(_MISSING, n_clusters), replace=False)
    published = gpd.GeoSeries.from_xy(*moved.T, crs=CRS).to_crs(4326)
    published.iloc[lost] = shapely.Point(0, 0)
    _write_points(folder / "survey" / f"{COUNTRY}GE71FL.shp", sites, published)
    _write_recode(folder / "survey" / f"{COUNTRY}HR71FL.DTA", households, land)
    cluster_table(sites, households, published).to_csv(
        folder / "clusters.csv", index=False, lineterminator="\n"
    )
    return sites.to_crs(4326)


def _allot(size: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Split ``n`` in proportion to ``size``, by largest remainders."""
    share = n * size / size.sum()
    whole = np.floor(share).astype(np.int64)
    rest = n - whole.sum()
    whole[np.argsort(-(share - whole), kind="stable")[:rest]] += 1
    return whole


def _dhs_id(number: NDArray[np.int64]) -> list[str]:
    return [f"{COUNTRY}{YEAR}{k:08d}" for k in number]


def _write_points(path: Path, sites: gpd.GeoDataFrame, published: gpd.GeoSeries) -> None:
    frame = gpd.GeoDataFrame(
        {
            "DHSID": _dhs_id(sites["cluster"].to_numpy()),
            "DHSCC": COUNTRY,
            "DHSYEAR": float(YEAR),
            "DHSCLUST": sites["cluster"].to_numpy(float),
            "URBAN_RURA": np.where(sites["urban"], "U", "R"),
            "LATNUM": published.y.to_numpy(),
            "LONGNUM": published.x.to_numpy(),
            "SOURCE": np.where(published.x == 0, "MIS", "GPS"),
        },
        geometry=published.to_numpy(),
        crs=4326,
    )
    # The dBASE header carries a date; a fixed one keeps the bytes the same from day to day.
    frame.to_file(path, engine="pyogrio", DBF_DATE_LAST_UPDATE=f"{YEAR}-12-31", RESIZE="YES")


def _write_recode(path: Path, households: pd.DataFrame, land: Landscape) -> None:
    labels = {
        "hv001": "cluster number",
        "hv002": "household number",
        "hv005": "household sample weight (6 decimals)",
        "hv012": "number of de jure members",
        "hv021": "primary sampling unit",
        "hv022": "sample strata for sampling errors",
        "hv024": "region",
        "hv025": "type of place of residence",
        "hv206": "has electricity",
        "hv271": "wealth index factor score (5 decimals)",
    }
    values = {
        "hv024": dict(enumerate(land.districts["name"], start=1)),
        "hv025": {1: "urban", 2: "rural"},
        "hv206": {0: "no", 1: "yes"},
    }
    households.to_stata(
        path,
        write_index=False,
        time_stamp=dt.datetime(YEAR, 12, 31),
        data_label="Invented households",
        variable_labels=labels,
        value_labels=values,
        version=118,
    )
