"""Street photos and overhead tiles: that they are well made, and that they show what they should."""

from __future__ import annotations

import json

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer
from rasterio.windows import from_bounds
from scipy.spatial import cKDTree
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from geolivelihood.synthetic import Country
from geolivelihood.synthetic.street import Place, Shot, draw_street


def decoded(country: Country) -> dict[str, np.ndarray]:
    """Pixels of every photo that can be read."""
    pixels = {}
    for row in pd.read_csv(country.photos).itertuples():
        try:
            pixels[row.image_id] = np.asarray(Image.open(country.folder / row.path), dtype=float)
        except OSError:
            continue
    return pixels


def statistics(pixels: np.ndarray) -> np.ndarray:
    bands = pixels.reshape(-1, pixels.shape[-1])
    return np.concatenate(
        [bands.mean(0), bands.std(0), *np.quantile(bands, [0.05, 0.25, 0.75, 0.95], axis=0)]
    )


def blocked_r2(model: object, features: np.ndarray, wealth: np.ndarray, lonlat: np.ndarray) -> float:
    block = [h3.latlng_to_cell(lat, lon, 5) for lon, lat in lonlat]
    return r2_score(wealth, cross_val_predict(model, features, wealth, cv=GroupKFold(5), groups=block))


def ridge() -> object:
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 4, 11)))


def test_photo_table(country: Country) -> None:
    photos = pd.read_csv(country.photos)
    expected = [
        "image_id",
        "path",
        "lon",
        "lat",
        "heading",
        "fov",
        "captured_at",
        "sequence_id",
        "license",
        "creator",
        "detections",
    ]
    assert list(photos.columns) == expected
    assert photos["image_id"].is_unique
    assert photos["heading"].between(0, 360).all()
    assert pd.to_datetime(photos["captured_at"], utc=True).dt.year.between(2019, 2022).all()
    lists = photos["detections"].map(json.loads)
    assert lists.map(lambda ids: all(0 <= one < 65 or one == 255 for one in ids)).all()
    assert 4 < lists.map(len).mean() < 30
    island = gpd.read_file(country.regions).union_all()
    points = gpd.GeoSeries.from_xy(photos["lon"], photos["lat"], crs=4326)
    assert points.within(island.buffer(1e-4)).all()
    assert photos.groupby("sequence_id")["fov"].nunique().max() == 1


def test_two_photos_are_broken_and_the_others_carry_exif(country: Country) -> None:
    photos = pd.read_csv(country.photos).set_index("image_id")
    pixels = decoded(country)
    assert len(photos) - len(pixels) == 2
    row = photos.loc[next(iter(pixels))]
    exif = Image.open(country.folder / row["path"]).getexif()
    gps = exif.get_ifd(0x8825)
    south, east = ([float(part) for part in gps[tag]] for tag in (2, 4))
    assert (gps[1], gps[3], gps[16]) == ("S", "E", "T")
    assert -(south[0] + south[1] / 60 + south[2] / 3600) == pytest.approx(row["lat"], abs=2e-6)
    assert east[0] + east[1] / 60 + east[2] / 3600 == pytest.approx(row["lon"], abs=2e-6)
    assert float(gps[17]) == pytest.approx(row["heading"], abs=0.05)
    utc = pd.to_datetime(row["captured_at"])
    assert gps[29] == utc.strftime("%Y:%m:%d")
    assert [float(part) for part in gps[7]] == [utc.hour, utc.minute, utc.second]
    local = exif.get_ifd(0x8769)
    assert pd.to_datetime(f"{local[36867].replace(':', '-', 2)}{local[36881]}") == utc


def test_a_street_is_drawn_the_same_from_the_same_seed() -> None:
    place, shot = Place(0.3, 0.6, 0.5, 0.4), Shot(size=(64, 48))
    one, two = (draw_street(place, shot, rng=np.random.default_rng(4)) for _ in range(2))
    assert one[0].size == (64, 48)
    assert one[0].tobytes() == two[0].tobytes()
    assert one[1] == two[1]
    assert draw_street(place, shot, rng=np.random.default_rng(5))[0].tobytes() != one[0].tobytes()


def test_the_rich_have_cars_and_the_poor_have_carts() -> None:
    def seen(wealth: float) -> np.ndarray:
        rng = np.random.default_rng(1)
        lists = [draw_street(Place(wealth, 0.6, 0.5, 0.2), Shot(), rng=rng)[1] for _ in range(60)]
        return np.bincount([one for ids in lists for one in ids], minlength=256)

    poor, rich = seen(-1.5), seen(1.5)
    car, lamp, cart = 58, 47, 64
    assert rich[car] > 3 * poor[car]
    assert rich[lamp] > poor[lamp]
    assert rich[cart] < poor[cart]
    assert poor[19] > 50  # sky, nearly always


def test_light_differs_more_than_wealth_does(country: Country) -> None:
    """One number per photo, its brightness, must not give wealth away."""
    sites = pd.read_csv(country.true_sites)
    photos = pd.read_csv(country.photos).set_index("image_id")
    bright = pd.Series({name: one.mean() for name, one in decoded(country).items()})
    near = cKDTree(sites[["lon", "lat"]]).query(photos.loc[bright.index, ["lon", "lat"]])[1]
    assert abs(np.corrcoef(bright, sites["wealth"].iloc[near])[0, 1]) < 0.5


def test_tiles_cover_the_island_without_gaps_or_seams(country: Country) -> None:
    island = gpd.read_file(country.regions).to_crs(32741).total_bounds
    with rasterio.open(country.tiles[0]) as first, rasterio.open(country.tiles[-1]) as last:
        assert first.crs == "EPSG:32741"
        assert first.dtypes == ("uint8",) * 3
        assert first.bounds.left < island[0]
        assert first.bounds.top > island[3]
        assert last.bounds.right > island[2]
        assert last.bounds.bottom < island[1]
    with rasterio.open(country.tiles[5]) as left, rasterio.open(country.tiles[6]) as right:
        shared = left.bounds.right - right.bounds.left
        assert shared > 2_000
        width = round(shared / left.res[0])
        a, b = left.read().astype(float)[:, :, -width:], right.read().astype(float)[:, :, :width]
    assert np.abs(a - b).mean() < 6  # only JPEG differs
    assert np.abs(a - np.roll(b, 1, axis=2)).mean() > np.abs(a - b).mean()


def test_tiles_tell_wealth_where_neighbours_do_not(country: Country) -> None:
    clusters, sites = pd.read_csv(country.clusters), pd.read_csv(country.true_sites)
    wealth, lonlat = clusters["wealth"].to_numpy(), sites[["lon", "lat"]].to_numpy()
    x, y = Transformer.from_crs(4326, 32741, always_xy=True).transform(*lonlat.T)
    features = np.zeros((len(sites), 18))
    for path in country.tiles:
        with rasterio.open(path) as tile:
            west, south, east, north = tile.bounds
            for k in np.flatnonzero((x >= west) & (x < east) & (y >= south) & (y < north)):
                window = from_bounds(x[k] - 900, y[k] - 900, x[k] + 900, y[k] + 900, tile.transform)
                inside = window.intersection(rasterio.windows.Window(0, 0, tile.width, tile.height))
                features[k] = statistics(tile.read(window=inside).transpose(1, 2, 0))
    pictures = blocked_r2(ridge(), features, wealth, lonlat)
    neighbours = max(blocked_r2(KNeighborsRegressor(k), lonlat, wealth, lonlat) for k in (3, 5, 10, 20))
    assert pictures > 0.65
    assert neighbours < 0.4


def test_photos_and_objects_tell_wealth_too(country: Country) -> None:
    clusters, sites = pd.read_csv(country.clusters), pd.read_csv(country.true_sites)
    photos = pd.read_csv(country.photos).set_index("image_id")
    pixels = decoded(country)
    photos = photos.loc[list(pixels)]
    # Thirds from top to bottom: sky, houses, ground.
    looks = np.array(
        [np.concatenate([statistics(part) for part in np.split(one, 3)]) for one in pixels.values()]
    )
    counts = np.array([np.bincount(json.loads(one), minlength=256)[:65] for one in photos["detections"]])
    metres = Transformer.from_crs(4326, 32741, always_xy=True)
    tree = cKDTree(np.column_stack(metres.transform(photos["lon"].to_numpy(), photos["lat"].to_numpy())))
    near = tree.query_ball_point(np.column_stack(metres.transform(sites["lon"], sites["lat"])), 1_000)
    seen = np.array([len(one) > 0 for one in near])
    assert seen.mean() > 0.75
    wealth, lonlat = clusters["wealth"].to_numpy()[seen], sites[["lon", "lat"]].to_numpy()[seen]
    for features in (looks, counts):
        average = np.array([features[one].mean(axis=0) for one in near if one])
        assert blocked_r2(ridge(), average, wealth, lonlat) > 0.55
