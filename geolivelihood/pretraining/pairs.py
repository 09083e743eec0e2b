"""Which two pictures are views of one thing: other dates of a place, or a picture and itself."""

from __future__ import annotations

import logging
from typing import Any, Literal, NamedTuple, Protocol

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError

__all__ = ["PairSampler", "Pairs", "PlacePairs", "SamePicture", "seasons"]

Ints = npt.NDArray[np.int64]
Per = Literal["place", "image"]
_DAY = 86_400  # seconds
_CANDIDATES = 10_000_000  # weighed at a time: eight bytes each, a few arrays
_log = logging.getLogger(__name__)


class Pairs(NamedTuple):
    """Pairs of pictures of one epoch, as row positions in the table of images.

    Attributes
    ----------
    query, key
        int64 (n,).
    """

    query: Ints
    key: Ints


class PairSampler(Protocol):
    """What :class:`~geolivelihood.pretraining.Views` needs of whatever chooses the pairs."""

    def epoch(self, epoch: int) -> Pairs:
        """Pairs of an epoch, in the order of training; the same for the same epoch, as many in each."""

    def card(self) -> dict[str, Any]:
        """What defines the pairs, as JSON."""


class PlacePairs:
    """Temporal positives: the key is another picture of the query's place.

    The published recipe goes through all pictures in an epoch, so that places that were often visited weigh
    more [1]_; here an epoch takes one query of every place, unless ``per="image"``. The key is drawn
    uniformly from the *other* pictures of the place. Where there is none, it is the query itself.

    Parameters
    ----------
    images
        ``place_id`` (a missing one is a place of its own), and ``captured_at`` (UTC), ``sensor`` and
        geometry where an option needs them.
    temporal
        ``False`` pairs each query with itself: epochs balanced by place, without temporal positives.
    per
        One query per ``"place"`` or per ``"image"`` and epoch.
    min_gap_days, max_gap_days
        Least and most days between the two pictures. One without a date then has no partner.
    same_season
        Whether both must be of one meteorological season, of any year (spring begins in March, south of the
        equator in September).
    same_sensor
        Whether both must be of one ``sensor``, as in the paper.
    gap_weight
        Weight of a candidate is (days between + 1) to this power: 1 prefers distant dates, -1 near ones.
        ``None`` weighs all the same.
    seed
        Of the draws.

    Attributes
    ----------
    real_share
        Share of an epoch's queries whose key is another picture.

    Raises
    ------
    MissingColumnError
        If a column that is needed is missing.
    InputError
        If the table is empty or an option is out of range.

    References
    ----------
    .. [1] Ayush et al. (2021), Geography-Aware Self-Supervised Learning, ICCV, section 4.2.
    """

    def __init__(
        self,
        images: gpd.GeoDataFrame | pd.DataFrame,
        *,
        temporal: bool = True,
        per: Per = "place",
        min_gap_days: float | None = None,
        max_gap_days: float | None = None,
        same_season: bool = False,
        same_sensor: bool = False,
        gap_weight: float | None = None,
        seed: int = 0,
    ) -> None:
        _check_gaps(min_gap_days, max_gap_days)
        self.temporal, self.per, self.seed = temporal, _checked_per(per), seed
        self.min_gap_days, self.max_gap_days = min_gap_days, max_gap_days
        self.same_season, self.same_sensor, self.gap_weight = same_season, same_sensor, gap_weight
        dated = temporal and (min_gap_days is not None or max_gap_days is not None or gap_weight is not None)
        _require(images, "place_id", "tells which pictures show one place")
        if dated or (temporal and same_season):
            _require(images, "captured_at", "tells when pictures were taken; gaps and seasons need it")
        place = _codes(images["place_id"])
        group = place
        if temporal and same_sensor:
            _require(images, "sensor", "tells which sensor took a picture; same_sensor needs it")
            group = _crossed(group, _codes(images["sensor"]))
        if temporal and same_season:
            group = _crossed(group, _codes(seasons(images)))
        self._dated = dated
        self._partners = _Partners(group, _seconds(images) if dated else None, self._gaps())
        real = self._partners.count > 0 if temporal else np.zeros(len(place), dtype=bool)
        self._queries = _Queries(place, real, per=per)
        self.real_share = float(real[self._queries.first].mean())
        self._report()

    def epoch(self, epoch: int) -> Pairs:
        """Pairs of an epoch: int64 (n,) each, n the number of places, or of pictures."""
        rng = np.random.default_rng([self.seed, epoch])
        query = self._queries.draw(rng)
        if not self.temporal:
            return Pairs(query, query.copy())
        if self.gap_weight is None:
            return Pairs(query, self._partners.draw(query, rng))
        return Pairs(query, self._partners.draw_weighted(query, rng, self.gap_weight))

    def card(self) -> dict[str, Any]:
        """What defines the pairs, as JSON."""
        names = ("temporal", "per", "min_gap_days", "max_gap_days", "same_season", "same_sensor")
        settings = {name: getattr(self, name) for name in (*names, "gap_weight", "seed")}
        return {"pairs": "place", **settings, "real_share": self.real_share}

    def __len__(self) -> int:
        return len(self._queries)

    def _gaps(self) -> tuple[int, int | None]:
        low = 0 if self.min_gap_days is None else round(self.min_gap_days * _DAY)
        return low, None if self.max_gap_days is None else round(self.max_gap_days * _DAY)

    def _report(self) -> None:
        if not self.temporal:
            return
        if self.real_share == 0:
            _log.warning(
                "No picture has another of its place to be paired with: every key is the query itself, and "
                "nothing is learned from time. Check place_id, or loosen gaps, season and sensor."
            )
            return
        _log.info("%.1f %% of the %d queries of an epoch have a real pair.", 100 * self.real_share, len(self))


class SamePicture:
    """A picture paired with itself: plain MoCo-v2, and the two views of Rank-N-Contrast.

    Parameters
    ----------
    images
        Table of images; ``per="place"`` needs its ``place_id``.
    per
        One pair per ``"image"`` and epoch, or per ``"place"``, of which one picture is drawn.
    seed
        Of the draws.
    """

    def __init__(self, images: gpd.GeoDataFrame | pd.DataFrame, *, per: Per = "image", seed: int = 0) -> None:
        self.per, self.seed = _checked_per(per), seed
        if per == "place":
            _require(images, "place_id", "tells which pictures show one place")
        place = _codes(images["place_id"]) if per == "place" else np.arange(len(images))
        self._queries = _Queries(place, np.zeros(len(images), dtype=bool), per=per)

    def epoch(self, epoch: int) -> Pairs:
        """Pairs of an epoch: int64 (n,) twice the same."""
        query = self._queries.draw(np.random.default_rng([self.seed, epoch]))
        return Pairs(query, query.copy())

    def card(self) -> dict[str, Any]:
        """What defines the pairs, as JSON."""
        return {"pairs": "same picture", "per": self.per, "seed": self.seed}

    def __len__(self) -> int:
        return len(self._queries)


def seasons(images: gpd.GeoDataFrame | pd.DataFrame) -> pd.Series:
    """Meteorological season of each picture: 0 winter (December to February) to 3 autumn.

    South of the equator, where the geometry is known, winter begins in June. Missing without a date.
    """
    month = pd.to_datetime(images["captured_at"], utc=True).dt.month
    season = (month % 12) // 3
    if isinstance(images, gpd.GeoDataFrame) and images.active_geometry_name and images.crs is not None:
        bounds = images.geometry.to_crs("EPSG:4326").bounds
        season = season + 2 * (bounds["miny"] + bounds["maxy"] < 0)
    return season % 4


class _Queries:
    """Which pictures an epoch asks about."""

    def __init__(self, place: Ints, real: npt.NDArray[np.bool_], *, per: Per) -> None:
        if not len(place):
            msg = "The table of images is empty: there is nothing to pair."
            raise InputError(msg)
        self.per = per
        # pictures that have a partner come first within their place, and only they are drawn
        self.order = np.lexsort((~real, place))
        sorted_place = place[self.order]
        self.start = np.flatnonzero(np.r_[True, sorted_place[1:] != sorted_place[:-1]])
        size = np.diff(np.r_[self.start, len(place)])
        partnered = np.add.reduceat(real[self.order].astype(np.int64), self.start)
        self.choices = np.where(partnered > 0, partnered, size)
        self.first = self.order[self.start] if per == "place" else np.arange(len(place))

    def __len__(self) -> int:
        return len(self.first)

    def draw(self, rng: np.random.Generator) -> Ints:
        if self.per == "image":
            return rng.permutation(len(self.order)).astype(np.int64)
        chosen = self.order[self.start + rng.integers(0, self.choices)]
        return rng.permutation(chosen).astype(np.int64)


class _Partners:
    """For every picture the others of its group, as at most two runs of one sorted array.

    Sorted by group and time, the partners before and after a picture are contiguous: searching their bounds
    is all that gaps cost.
    """

    def __init__(self, group: Ints, seconds: Ints | None, gaps: tuple[int, int | None]) -> None:
        n = len(group)
        known = np.ones(n, dtype=bool) if seconds is None else seconds >= 0
        time = np.zeros(n, dtype=np.int64) if seconds is None else np.where(known, seconds, 0)
        span = int(time.max(initial=0)) + 1
        low, high = gaps[0], min(span if gaps[1] is None else gaps[1], span)
        # a stride of three spans keeps bounds beyond the first and the last date within the group
        code = group * (3 * span) + time + span
        rows = np.flatnonzero(known)
        self.order = rows[np.argsort(code[rows], kind="stable")]
        self.time = time
        line = code[self.order]
        self.rank = np.zeros(n, dtype=np.int64)
        self.rank[self.order] = np.arange(len(rows))
        after = np.searchsorted(line, [code + low, code + high + 1])
        before = np.searchsorted(line, [code - high, code - low + 1])
        if low == 0:  # both runs then contain the picture's own instant: one run serves, less the picture
            after[0] = before[0]
            before[1] = before[0]
        self.before, self.after = before, after
        self.itself = (low == 0) & known
        sizes = (before[1] - before[0]) + (after[1] - after[0])
        self.count = np.where(known & (low <= span), sizes - self.itself, 0).clip(0)

    def draw(self, query: Ints, rng: np.random.Generator) -> Ints:
        """A partner of each picture, each of its partners as likely as the others."""
        count = self.count[query]
        return self._at(query, rng.integers(0, count.clip(1)), count > 0)

    def draw_weighted(self, query: Ints, rng: np.random.Generator, power: float) -> Ints:
        """A partner of each picture, with weight (days between + 1) ** power."""
        pieces = np.cumsum(self.count[query]) // _CANDIDATES
        starts = np.flatnonzero(np.r_[False, pieces[1:] != pieces[:-1]])
        # a loop over stretches of candidates, not over rows: all at once might not fit in memory
        return np.concatenate([self._weighed(part, rng, power) for part in np.split(query, starts)])

    def _weighed(self, query: Ints, rng: np.random.Generator, power: float) -> Ints:
        count = self.count[query]
        ends = np.cumsum(count)
        owner = np.repeat(np.arange(len(query)), count)
        nth = np.arange(len(owner)) - (ends - count)[owner]
        partner = self._at(query[owner], nth, np.ones(len(owner), dtype=bool))
        days = np.abs(self.time[partner] - self.time[query[owner]]) / _DAY
        # relative to the largest of its picture, so that no power overflows
        logs = power * np.log1p(days)
        top = np.full(len(query), -np.inf)
        np.maximum.at(top, owner, logs)
        total = np.r_[0.0, np.cumsum(np.exp(logs - top[owner]))]
        left, right = total[ends - count], total[ends]
        hit = np.searchsorted(total, left + rng.random(len(query)) * (right - left), side="right") - 1
        chosen = np.clip(hit, ends - count, ends - 1)
        real = count > 0
        key = query.copy()
        key[real] = partner[chosen[real]]
        return key

    def _at(self, query: Ints, nth: Ints, real: npt.NDArray[np.bool_]) -> Ints:
        """The nth partner of each picture (its position), itself where it has none."""
        (b0, b1), (a0, _) = self.before[:, query], self.after[:, query]
        place = np.where(nth < b1 - b0, b0 + nth, a0 + nth - (b1 - b0))
        # its own place in the line is left out where it would be met
        place += self.itself[query] & (place >= self.rank[query])
        key = query.copy()
        key[real] = self.order[place[real]]
        return key


def _codes(values: pd.Series) -> Ints:
    """Integers for the values; every missing one is a value of its own."""
    codes = pd.factorize(values)[0].astype(np.int64)
    missing = codes < 0
    codes[missing] = codes.max(initial=-1) + 1 + np.arange(missing.sum())
    return codes


def _crossed(a: Ints, b: Ints) -> Ints:
    return np.unique(a * (b.max(initial=0) + 1) + b, return_inverse=True)[1].astype(np.int64)


def _seconds(images: pd.DataFrame) -> Ints:
    """Seconds since the first picture; -1 without a date."""
    time = pd.to_datetime(images["captured_at"], utc=True)
    seconds = (time - time.min()) // pd.Timedelta(seconds=1)
    return seconds.fillna(-1).to_numpy(dtype=np.int64)


def _require(images: pd.DataFrame, column: str, why: str) -> None:
    if column not in images:
        msg = (
            f"The table of images has no column {column!r}, which {why}. It has "
            f"{', '.join(map(str, images.columns))}."
        )
        raise MissingColumnError(msg)


def _checked_per(per: Per) -> Per:
    if per not in ("place", "image"):
        msg = f"per={per!r}: choose 'place' (one query of each place) or 'image' (all pictures)."
        raise InputError(msg)
    return per


def _check_gaps(low: float | None, high: float | None) -> None:
    if (low or 0) < 0 or (high is not None and high < (low or 0)):
        msg = f"min_gap_days={low}, max_gap_days={high}: give 0 <= min_gap_days <= max_gap_days, in days."
        raise InputError(msg)
