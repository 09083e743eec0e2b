"""Invented street-level data in the published layout, where the published data take gigabytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from geolivelihood.errors import InputError
from geolivelihood.extras import require
from geolivelihood.progress import track

__all__ = ["make_street_level"]

_BOXES = {"ia": (74.0, 15.0, 84.0, 25.0), "ke": (34.5, -3.0, 40.5, 3.0)}
_INDICATORS = ("pov", "pop", "bmi")
_NAMES = [f"class {k}" for k in range(65)]
_VOID, _WIDTH, _SIDE = 255, 512, 48
_TWINS = 0.2  # share of clusters that stand within sight of another, and share photos with it
_MOST = 7
_QUALITY = 60

Floats = NDArray[np.float64]


class _Country(NamedTuple):
    ids: list[str]
    lonlat: Floats
    values: Floats  # wealth, density and BMI, standardised


def make_street_level(
    folder: str | os.PathLike[str], *, clusters: tuple[int, int] = (120, 60), seed: int = 0
) -> Path:
    """Write ``data.csv``, cluster lists, features and tiny pictures of two invented countries.

    Wealth, density and BMI vary over some 200 km and from place to place. They show in the objects that are
    counted, in the features (more clearly) and in the colours of the pictures. Neighbouring clusters share
    photos, some listed clusters have none, and Kenya has no BMI, as in the published data.

    Parameters
    ----------
    folder
        Where to write; made if it is not there. Existing files are replaced.
    clusters
        Clusters of ``ia`` and ``ke``, at least 20 each.
    seed
        Another seed is another pair of countries.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If there are too few clusters.
    EnvironmentMissingError
        If h5py is not installed.
    """
    if len(clusters) != 2 or min(clusters) < 20:
        msg = f"clusters={clusters}: give two numbers of at least 20, for ia and ke."
        raise InputError(msg)
    h5py = require("h5py", extra="hdf5")
    folder = Path(folder)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    countries = {
        name: _country(name, size, np.random.default_rng([seed, place]))
        for place, (name, size) in enumerate(zip(_BOXES, clusters))
    }
    random = np.random.default_rng([seed, 7])
    for name, country in countries.items():
        _write_lists(folder, name, country.ids, random)
    table, latent = _photos(countries, random)
    _write_pictures(folder, table, latent, random)
    table.to_csv(folder / "data.csv", index=False, lineterminator="\n")
    for column, indicator in enumerate(_INDICATORS):
        with h5py.File(folder / f"features_{indicator}.hdf5", "w") as file:
            features = _features(latent, column, np.random.default_rng([seed, 8, column]))
            file.create_dataset("features", data=features, compression="gzip")
    return folder


def _country(name: str, size: int, random: np.random.Generator) -> _Country:
    west, south, east, north = _BOXES[name]
    lonlat = random.uniform((west, south), (east, north), (size, 2))
    twins = random.choice(np.arange(1, size), round(_TWINS * size), replace=False)
    lonlat[twins] = lonlat[twins - 1] + random.uniform(-0.04, 0.04, (len(twins), 2))
    field = np.column_stack([_field(lonlat, random) for _ in _INDICATORS])
    mixed = field @ np.array([[1.0, 0.3, 0.4], [0.0, 0.9, 0.2], [0.0, 0.0, 0.8]])
    values = mixed + random.normal(0, 0.5, mixed.shape)
    ids = [f"{name}_{number}" for number in random.permutation(np.arange(10_000, 10_000 + size))]
    return _Country(ids, lonlat.round(6), (values - values.mean(axis=0)) / values.std(axis=0))


def _field(lonlat: Floats, random: np.random.Generator) -> Floats:
    """A smooth field: waves of 4 to 12 degrees in all directions."""
    wave = 2 * np.pi / random.uniform(4, 12, 12)
    angle, phase = random.uniform(0, 2 * np.pi, (2, 12))
    along = lonlat[:, :1] * np.cos(angle) + lonlat[:, 1:] * np.sin(angle)
    return np.sin(along * wave + phase).sum(axis=1) / np.sqrt(6)


def _write_lists(folder: Path, name: str, ids: list[str], random: np.random.Generator) -> None:
    """Four fifths to train on, one to validate; a listed cluster without photos ends each list."""
    order = random.permutation(len(ids))
    cut = round(0.8 * len(ids))
    for part, rows in (("train", order[:cut]), ("val", order[cut:])):
        listed = [*(ids[row] for row in rows), f"{name}_99{len(part)}"]
        # no newline at the end: the published reader lost the last character of such a line
        (folder / f"{part}_clusters_{name}.txt").write_text("\n".join(listed))


def _photos(countries: dict[str, _Country], random: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    """The image table, shuffled, and what each photo shows: the cluster's values and its own luck."""
    parts = [_country_photos(name, country, random) for name, country in countries.items()]
    table = pd.concat([part for part, _ in parts], ignore_index=True)
    latent = np.concatenate([shown for _, shown in parts])
    order = random.permutation(len(table))
    return table.iloc[order].reset_index(drop=True), latent[order]


def _country_photos(name: str, country: _Country, random: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    count = random.integers(1, _MOST + 1, len(country.ids))
    cluster = np.repeat(np.arange(len(country.ids)), count)
    own = np.arange(len(cluster))
    near = np.linalg.norm(country.lonlat[1:] - country.lonlat[:-1], axis=1) < 0.1
    first = np.cumsum(count) - count
    lent = np.flatnonzero(near)  # the first photo of a cluster also serves the twin after it
    photo = np.concatenate([own, first[lent]])
    serves = np.concatenate([cluster, lent + 1])
    place = country.lonlat[cluster] + random.uniform(-0.05, 0.05, (len(own), 2))
    shown = country.values[cluster] + random.normal(0, 0.6, (len(own), 3))
    lists = [_detections(values, random) for values in shown]
    table = pd.DataFrame(
        {
            "key": [f"{name}{row:06d}" for row in photo],
            "country": name,
            "unique_cluster": [country.ids[row] for row in serves],
            "ilon": place[photo, 0].round(6),
            "ilat": place[photo, 1].round(6),
            "lon": country.lonlat[serves, 0],
            "lat": country.lonlat[serves, 1],
            "features": [json.dumps(lists[row]) for row in photo],
            "features_name": [json.dumps([_name(c) for c in lists[row]]) for row in photo],
            "confidence": [json.dumps([0.9] * len(lists[row])) for row in photo],
        }
    )
    return _with_labels(table, name, country.values, serves), shown[photo]


def _with_labels(table: pd.DataFrame, name: str, values: Floats, cluster: NDArray[np.int64]) -> pd.DataFrame:
    for column, indicator in enumerate(_INDICATORS):
        value = np.tanh(values[:, column] / 2).round(6)
        if (name, indicator) == ("ke", "bmi"):
            value = np.zeros(len(value))
        table[indicator] = value[cluster]
        table[f"{indicator}_label"] = (value >= np.median(value)).astype(int)[cluster]
    return table


def _detections(values: Floats, random: np.random.Generator) -> list[int]:
    """Class ids: some grow with wealth, some with density or BMI, most are chance."""
    rate = np.full(65, 0.15)
    for column in range(3):
        more = np.arange(4) + 4 * column
        rate[more] = np.exp(0.4 + 0.7 * values[column])
        rate[more + 28] = np.exp(0.2 - 0.7 * values[column])
    found = np.repeat(np.arange(65), random.poisson(rate)).tolist()
    return [*found, *[_VOID] * int(random.poisson(0.5))]


def _name(number: int) -> str:
    return "void" if number == _VOID else _NAMES[number]


def _features(latent: Floats, column: int, random: np.random.Generator) -> NDArray[np.float32]:
    """What a network tuned to one indicator would give: positive, and clearest in that indicator."""
    weight = np.full(3, 0.3)
    weight[column] = 1.0
    mixed = (latent * weight) @ random.normal(size=(3, _WIDTH)) / np.sqrt(3)
    values = np.maximum(mixed + random.normal(0, 1.0, (len(latent), _WIDTH)), 0)
    return values.astype(np.float32)[:, :, None, None]


def _write_pictures(folder: Path, table: pd.DataFrame, latent: Floats, random: np.random.Generator) -> None:
    """One tiny JPEG per photo, greener where poor and greyer where dense."""
    table["img_path_224x224"] = "pictures/" + table["key"] + ".jpg"
    fresh = np.flatnonzero(~table["key"].duplicated())
    tone = np.clip(128 + 45 * latent, 20, 235)
    for row in track(fresh, "drawing photos"):
        colour = np.array([tone[row, 0], 255 - tone[row, 0], tone[row, 1]])
        pixels = colour + random.normal(0, 20, (_SIDE, _SIDE, 3))
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        picture.save(folder / table["img_path_224x224"].iloc[row], quality=_QUALITY)
