"""Which pictures show the surroundings of which survey cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.progress import checkpoint
from geolivelihood.sphere import arc_m, chord, unit_vectors

__all__ = ["match_images"]

# 16 bytes each, a few times over: pairs of clusters and pictures that are looked at together.
_PAIRS_AT_ONCE = 4_000_000

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class _Pairs(NamedTuple):
    """Positions of a cluster and of a picture near it, and the metres between them."""

    cluster: Rows
    image: Rows
    distance_m: Floats

    def where(self, kept: npt.NDArray[np.generic]) -> _Pairs:
        return _Pairs(self.cluster[kept], self.image[kept], self.distance_m[kept])


def match_images(
    clusters: gpd.GeoDataFrame,
    images: gpd.GeoDataFrame,
    *,
    window_deg: float = 0.1,
    radius_m: float | None = None,
    years: float | None = 3,
    most: int | None = 300,
    seed: int = 0,
) -> pd.DataFrame:
    """Pictures that stand for each cluster: near it, and taken near the time of the survey.

    The defaults are the published rule [1]_: at most 300 pictures within 0.1 degrees of latitude *and* of
    longitude, taken within three years of the survey. A degree of longitude shrinks towards the poles (0.1
    degrees are 11.1 km at the equator and 5.6 km at 60° N); ``radius_m`` is the rule that means the same
    everywhere.

    Parameters
    ----------
    clusters
        Points with ``cluster_id``, any CRS; optional ``year`` of the survey.
    images
        Pictures with ``image_id``, any CRS; a footprint counts at a point inside. Optional ``captured_at``
        and ``sequence_id``. An id that repeats counts once.
    window_deg
        Largest difference in latitude and in longitude, degrees.
    radius_m
        Largest distance along the ground, metres, instead of the window.
    years
        Largest difference between the calendar years of picture and survey. A pair of which either date is
        missing is kept. ``None`` keeps all.
    most
        Most pictures per cluster; ``None`` keeps all. Of more, each sequence gives one before any gives a
        second, for its pictures are nearly alike; pictures without a sequence are one each.
    seed
        Seed of that choice. It goes by the picture's id alone: other rows or another order change nothing,
        and neighbouring clusters choose the same pictures, of which fewer have to be fetched.

    Returns
    -------
    pandas.DataFrame
        ``cluster_id``, ``image_id``, ``distance_m`` (along the ground); clusters in the order of their table,
        each with its nearest picture first. A picture may stand for several clusters, and a cluster without
        pictures has no row.

    Raises
    ------
    MissingColumnError, MissingCRSError
        If an id or a CRS is missing.
    InputError
        If an option makes no sense or a geometry is missing.

    References
    ----------
    .. [1] Yeh et al. (2021), "SustainBench: Benchmarks for Monitoring the Sustainable Development Goals with
       Machine Learning", NeurIPS Datasets and Benchmarks.
    """
    check_reach(window_deg, radius_m)
    _check_limits(years, most)
    for frame, what, name in ((clusters, "clusters", "cluster_id"), (images, "images", "image_id")):
        _check_table(frame, what, name)
    places = _lonlat(clusters, "clusters", "cluster_id")
    photos = images.drop_duplicates("image_id")
    draw, rows = _Draw.order(photos, seed)
    photos = photos.iloc[rows]
    points = _lonlat(photos, "images", "image_id")
    gap = _year_gap(clusters, photos)
    found = []
    for near in _near(places, points, _reach(window_deg, radius_m)):
        checkpoint()
        if radius_m is None:
            near = near.where(_in_window(places[near.cluster], points[near.image], window_deg))
        if years is not None:
            near = near.where(~(gap(near) > years))  # an unknown date compares false
        found.append(near if most is None else draw.at_most(most, near))
    pairs = _Pairs(*(np.concatenate(column) for column in zip(*found))) if found else _NOTHING
    pairs = pairs.where(np.lexsort([draw.lot[pairs.image], pairs.distance_m, pairs.cluster]))
    return pd.DataFrame(
        {
            "cluster_id": clusters["cluster_id"].to_numpy()[pairs.cluster],
            "image_id": photos["image_id"].to_numpy()[pairs.image],
            "distance_m": pairs.distance_m,
        }
    )


_NOTHING = _Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def check_reach(window: float, radius: float | None) -> None:
    """Refuse a window (degrees) or a radius (metres) that reaches nowhere or everywhere.

    Raises
    ------
    InputError
        If it does.
    """
    if not 0 < window <= 90:
        msg = f"window_deg={window}: give degrees above 0 and at most 90; the published rule has 0.1."
        raise InputError(msg)
    if radius is not None and not 0 < radius < np.inf:
        msg = f"radius_m={radius}: give a positive distance in metres, or None for the window in degrees."
        raise InputError(msg)


def _check_limits(years: float | None, most: int | None) -> None:
    if years is not None and not years >= 0:
        msg = f"years={years}: give a number of years, or None to take pictures of any date."
        raise InputError(msg)
    if most is not None and most < 1:
        msg = f"most={most}: keep at least one picture per cluster, or None for all."
        raise InputError(msg)


def _check_table(frame: gpd.GeoDataFrame, what: str, id_column: str) -> None:
    if id_column not in frame:
        msg = f"The {what} have no column {id_column!r}; pictures and clusters are told apart by their ids."
        raise MissingColumnError(msg)
    if frame.crs is None:
        msg = f"The {what} have no CRS. Set it with {what}.set_crs('EPSG:4326') if they are in degrees."
        raise MissingCRSError(msg)


def _lonlat(frame: gpd.GeoDataFrame, what: str, id_column: str) -> Floats:
    """Longitude and latitude of each row, degrees, shape (n, 2)."""
    geometry = frame.geometry.to_crs("EPSG:4326").to_numpy()
    points = shapely.get_type_id(geometry) == 0
    if not points.all():
        geometry = np.where(points, geometry, shapely.point_on_surface(geometry))
    lonlat = np.stack([shapely.get_x(geometry), shapely.get_y(geometry)], axis=1)
    lost = ~np.isfinite(lonlat).all(axis=1)
    if lost.any():
        some = ", ".join(map(str, frame[id_column].to_numpy()[lost][:5]))
        msg = f"{lost.sum()} of the {what} have no position ({some}). Drop them, or check the table first."
        raise InputError(msg)
    return lonlat


def _reach(window: float, radius: float | None) -> float:
    """Chord of the unit sphere that no pair of the rule exceeds."""
    if radius is not None:
        return float(chord(radius))
    # The corner of a window, at the equator, where it is farthest: hav = hav(window) + hav(window).
    return float(min(2.0, 2 * np.sqrt(2) * np.sin(np.radians(window) / 2)))


def _near(places: Floats, points: Floats, reach: float) -> Iterator[_Pairs]:
    """Pairs within a chord of each other, a bounded number at a time, each cluster whole."""
    if not len(places) or not len(points):
        return
    # A hair more, that rounding may not lose a pair at the very limit of a window.
    reach = np.nextafter(reach, np.inf) * (1 + 1e-12)
    tree, here = cKDTree(unit_vectors(points)), unit_vectors(places)
    counts = tree.query_ball_point(here, reach, return_length=True, workers=-1)
    share = (np.cumsum(counts) - 1) // _PAIRS_AT_ONCE
    for block in np.split(np.arange(len(places)), np.flatnonzero(np.diff(share)) + 1):
        found = cKDTree(here[block]).sparse_distance_matrix(tree, reach, output_type="ndarray")
        yield _Pairs(block[found["i"]], found["j"].astype(np.int64), arc_m(found["v"]))


def _in_window(place: Floats, point: Floats, window: float) -> npt.NDArray[np.bool_]:
    """Whether pairs differ by at most ``window`` degrees in latitude and, the short way, in longitude."""
    difference = np.abs(place - point)
    eastward = np.minimum(difference[:, 0] % 360, -difference[:, 0] % 360)
    # 36.8 + 0.1 is not 36.9 in binary; a picture on the edge is in.
    return np.maximum(eastward, difference[:, 1]) <= window + 1e-9


class _YearGap(NamedTuple):
    """Years between pictures and surveys; NaN where either is unknown."""

    survey: Floats
    taken: Floats

    def __call__(self, pairs: _Pairs) -> Floats:
        return np.abs(self.survey[pairs.cluster] - self.taken[pairs.image])


def _year_gap(clusters: gpd.GeoDataFrame, photos: gpd.GeoDataFrame) -> _YearGap:
    survey, taken = np.full(len(clusters), np.nan), np.full(len(photos), np.nan)
    if "year" in clusters:
        survey = pd.to_numeric(clusters["year"], errors="coerce").to_numpy(dtype=float)
    if "captured_at" in photos:
        times = pd.to_datetime(photos["captured_at"], utc=True, errors="coerce")
        taken = times.dt.year.to_numpy(dtype=float)
    return _YearGap(survey, taken)


class _Draw(NamedTuple):
    """The order in which pictures are drawn, for rows that stand sequence by sequence, by lot within each."""

    sequence: Rows
    lot: Rows

    @classmethod
    def order(cls, photos: gpd.GeoDataFrame, seed: int) -> tuple[_Draw, Rows]:
        """The draw, and the rows of ``photos`` in the order that it refers to.

        A lot is the hash of the id: a random number that no other picture can change.
        """
        ids = photos["image_id"].astype("str").to_numpy(dtype=object)
        chance = pd.util.hash_array(ids, hash_key=f"{seed % 16**16:016x}", categorize=False)
        alone = -1 - np.arange(len(photos))
        sequence = alone
        if "sequence_id" in photos:
            codes = pd.factorize(photos["sequence_id"])[0]
            sequence = np.where(codes < 0, alone, codes)
        lot = np.empty(len(photos), dtype=np.int64)
        lot[np.argsort(chance, kind="stable")] = np.arange(len(photos))
        rows = np.lexsort([lot, sequence])
        return cls(sequence[rows], lot[rows]), rows

    def at_most(self, most: int, pairs: _Pairs) -> _Pairs:
        """The pairs without those that a cluster has too many of."""
        clusters, place = np.unique(pairs.cluster, return_inverse=True)
        full = np.flatnonzero((np.bincount(place, minlength=len(clusters)) > most)[place])
        # One key sorts several times faster than two; pictures already stand by sequence and lot.
        full = full[np.argsort(place[full] * len(self.lot) + pairs.image[full])]
        cluster, image = place[full], pairs.image[full]
        turn = _place_in_run(cluster, self.sequence[image])
        order = np.lexsort([self.lot[image], cluster * (turn.max(initial=0) + 1) + turn])
        kept = np.ones(len(place), dtype=bool)
        kept[full[order[_place_in_run(cluster[order]) >= most]]] = False
        return pairs.where(kept)


def _place_in_run(*keys: Rows) -> Rows:
    """How many rows just above each have the same keys."""
    n = len(keys[0])
    first = np.ones(n, dtype=bool)
    first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(first)
    return np.arange(n) - np.repeat(starts, np.diff([*starts, n]))
