"""Street photos along short walks: where they stand, what they show, files with EXIF and their table."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational
from pyproj import Transformer

from geolivelihood.progress import track
from geolivelihood.synthetic.landscape import CRS, STEP_M, Landscape
from geolivelihood.synthetic.street import Place, Shot, draw_street

__all__ = ["walks", "write_photos"]

_QUALITY = 64
_AT_SITES = 0.8
_ELSEWHERE = 0.25
_CORRUPT = 2
_LOCAL = dt.timezone(dt.timedelta(hours=4))


def walks(land: Landscape, sites: gpd.GeoDataFrame, *, photos: int, rng: np.random.Generator) -> pd.DataFrame:
    """Places of photos: walks that start near most of the sites, and others where people live.

    Parameters
    ----------
    land
        The country.
    sites
        True cluster sites, any CRS.
    photos
        Photos per walk, on average.
    rng
        Source of randomness.

    Returns
    -------
    DataFrame
        One row per photo: ``sequence`` (int), ``x``, ``y`` (metres of the country's CRS), ``heading``
        (degrees clockwise from north), ``fov``, ``captured_at`` (local time), ``gain``, ``cloud``, ``mood``
        (what this street has over its neighbourhood, in standard deviations of wealth).
    """
    start = np.vstack(
        [_near_sites(land, sites, rng), _among_people(land, round(_ELSEWHERE * len(sites)), rng)]
    )
    count = np.maximum(photos + rng.integers(-1, 2, len(start)), 1)
    row = np.repeat(np.arange(len(start)), count)
    step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    course = rng.uniform(0, 360, len(start))[row] + rng.normal(0, 8, len(row))
    pace = rng.uniform(40, 120, len(start))[row] * step
    ahead = np.column_stack([np.sin(np.radians(course)), np.cos(np.radians(course))])
    spot = start[row] + pace[:, None] * ahead
    dry = shapely.contains_xy(land.outline, *spot.T) & (land.at(land.water.astype(float), *spot.T) < 0.5)
    spot = np.where(dry[:, None], spot, start[row])
    day, hour = rng.integers(0, 1_200, len(start)), rng.uniform(7, 18, len(start))
    second = np.floor(hour[row] * 3_600 + 20 * step)
    begin = np.datetime64("2019-03-01T00:00:00")
    return pd.DataFrame(
        {
            "sequence": row,
            "x": spot[:, 0],
            "y": spot[:, 1],
            "heading": np.mod(course + rng.choice([0, 180], len(start))[row], 360),
            "fov": rng.choice([58.0, 64.0, 70.0, 76.0], len(start))[row],
            "captured_at": begin + day[row].astype("timedelta64[D]") + second.astype("timedelta64[s]"),
            "gain": rng.lognormal(0, 0.1, len(start))[row],
            "cloud": rng.beta(1.2, 2.0, len(start))[row],
            "mood": rng.normal(0, 0.22, len(start))[row] + rng.normal(0, 0.18, len(row)),
        }
    )


def write_photos(
    folder: Path,
    land: Landscape,
    sites: gpd.GeoDataFrame,
    *,
    photos: int,
    seed: int,
    size: tuple[int, int] = (96, 72),
) -> pd.DataFrame:
    """Draw the photos into ``folder/photos`` and their table into ``folder/photos.csv``.

    A few files are broken on purpose (see ``_CORRUPT``), never more than one in twenty: what sets bad
    pictures aside should have something to do.

    Returns
    -------
    DataFrame
        The table as written.
    """
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 5])
    shots = walks(land, sites, photos=photos, rng=rng)
    x, y = shots["x"].to_numpy(), shots["y"].to_numpy()
    lon, lat = Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)
    table = _table(shots, np.round(lon, 6), np.round(lat, 6), rng)
    broken = rng.choice(len(table), min(_CORRUPT, len(table) // 20), replace=False).tolist()
    found = []
    columns = zip(
        _places(land, shots), _shots(shots, size), table.itertuples(index=False), shots["captured_at"]
    )
    for k, (place, shot, row, when) in enumerate(track(columns, "drawing photos", total=len(table))):
        picture, detections = draw_street(place, shot, rng=np.random.default_rng([seed, 6, k]))
        picture.save(
            folder / row.path,
            "JPEG",
            quality=_QUALITY,
            optimize=True,
            exif=_exif(row.lon, row.lat, row.heading, when),
        )
        found.append(json.dumps(detections, separators=(",", ":")))
        if k in broken:
            _break(folder / row.path, how=broken.index(k))
    table["detections"] = found
    table.to_csv(folder / "photos.csv", index=False, lineterminator="\n")
    return table


def _near_sites(land: Landscape, sites: gpd.GeoDataFrame, rng: np.random.Generator) -> NDArray[np.float64]:
    site = shapely.get_coordinates(sites.to_crs(CRS).geometry)
    site = site[rng.random(len(site)) < _AT_SITES]
    near = site + rng.normal(0, 180, site.shape)
    return np.where(shapely.contains_xy(land.outline, *near.T)[:, None], near, site)


def _among_people(land: Landscape, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    x, y = land.centres()
    pixel = rng.choice(land.population.size, n, p=(land.population / land.population.sum()).ravel())
    centre = np.column_stack([x.ravel()[pixel], y.ravel()[pixel]])
    near = centre + rng.uniform(-STEP_M / 2, STEP_M / 2, centre.shape)
    return np.where(shapely.contains_xy(land.outline, *near.T)[:, None], near, centre)


def _places(land: Landscape, shots: pd.DataFrame) -> list[Place]:
    x, y = shots["x"].to_numpy(), shots["y"].to_numpy()
    density = land.at(land.population, x, y) / (STEP_M / 1000) ** 2
    crowded = np.clip((np.log10(np.maximum(density, 1)) - 1.6) / 2.1, 0, 1)
    hills = np.clip(land.at(land.height, x, y) / 420, 0, 1)
    wealth = land.at(land.wealth, x, y) + shots["mood"].to_numpy()
    moisture = land.at(land.moisture, x, y)
    return [Place(*row) for row in np.column_stack([wealth, crowded, moisture, hills]).tolist()]


def _shots(shots: pd.DataFrame, size: tuple[int, int]) -> list[Shot]:
    when = shots["captured_at"].dt
    hour = (when.hour + when.minute / 60).to_numpy()
    rows = np.column_stack([shots["fov"], hour, shots["gain"], shots["cloud"]]).tolist()
    return [Shot(size, *row) for row in rows]


def _table(
    shots: pd.DataFrame, lon: NDArray[np.float64], lat: NDArray[np.float64], rng: np.random.Generator
) -> pd.DataFrame:
    name = [f"p{k:05d}" for k in range(len(shots))]
    walker = rng.integers(1, 13, shots["sequence"].max() + 1)[shots["sequence"]]
    taken = shots["captured_at"].dt.tz_localize(_LOCAL).dt.tz_convert("UTC")
    return pd.DataFrame(
        {
            "image_id": name,
            "path": [f"photos/{one}.jpg" for one in name],
            "lon": lon,
            "lat": lat,
            "heading": shots["heading"].round(1).to_numpy(),
            "fov": shots["fov"].to_numpy(),
            "captured_at": taken.dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_numpy(),
            "sequence_id": [f"s{k:04d}" for k in shots["sequence"]],
            "license": "CC0-1.0",
            "creator": [f"walker_{k:02d}" for k in walker],
        }
    )


def _exif(lon: float, lat: float, heading: float, local: pd.Timestamp) -> Image.Exif:
    """Position, direction and time, as a phone writes them."""
    utc = local.tz_localize(_LOCAL).tz_convert("UTC")
    gps: dict[int, object] = {
        ExifTags.GPS.GPSLatitudeRef: "S" if lat < 0 else "N",
        ExifTags.GPS.GPSLatitude: _sexagesimal(lat),
        ExifTags.GPS.GPSLongitudeRef: "W" if lon < 0 else "E",
        ExifTags.GPS.GPSLongitude: _sexagesimal(lon),
        ExifTags.GPS.GPSImgDirectionRef: "T",
        ExifTags.GPS.GPSImgDirection: IFDRational(round(heading * 10), 10),
        ExifTags.GPS.GPSDateStamp: utc.strftime("%Y:%m:%d"),
        ExifTags.GPS.GPSTimeStamp: tuple(IFDRational(part, 1) for part in (utc.hour, utc.minute, utc.second)),
    }
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: local.strftime("%Y:%m:%d %H:%M:%S"),
            ExifTags.Base.OffsetTimeOriginal: "+04:00",
        }
    )
    return exif


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    hundredths = round(abs(degrees) * 360_000)
    minutes, second = divmod(hundredths, 6_000)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(second, 100)


def _break(path: Path, *, how: int) -> None:
    """Leave half a JPEG, or something that never was one."""
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3] if how == 0 else b"<html>404 Not Found</html>\n")
