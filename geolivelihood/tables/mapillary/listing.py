"""Which pictures Mapillary has of an area."""

from __future__ import annotations

import datetime
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.progress import track
from geolivelihood.tables.mapillary.boxes import (
    Area,
    boxes_of,
    in_rectangle,
    quarters,
    rectangles,
    tiles_of,
)
from geolivelihood.tables.mapillary.client import API, TILES, Client, Refused, checked_url
from geolivelihood.tables.mapillary.journal import Journal
from geolivelihood.tables.mapillary.records import Record, images_of, record_of, records_of_tile

__all__ = ["list_images"]

Time = str | datetime.datetime
By = Literal["boxes", "tiles"]

_log = logging.getLogger(__name__)
_LIMIT = 2000  # the most pictures that the API gives for one box
_SMALLEST_DEG = 0.009 / 2**7  # about 8 metres
_MANY = 100_000
_FIELDS = (
    "id,geometry,computed_geometry,captured_at,compass_angle,computed_compass_angle,sequence,is_pano,creator"
)


class _Query(NamedTuple):
    """What to ask for, apart from where."""

    start: pd.Timestamp | None
    end: pd.Timestamp | None
    panoramas: bool
    by: By

    def params(self) -> dict[str, Any]:
        """As parameters of the API."""
        given = {"limit": _LIMIT, "fields": _FIELDS}
        if not self.panoramas:
            given["is_pano"] = "false"
        for name, time in (("start_captured_at", self.start), ("end_captured_at", self.end)):
            if time is not None:
                given[name] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        return given

    def keeps(self, table: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
        """Which rows the question is for; tiles answer with pictures of all times and kinds."""
        kept = np.ones(len(table), dtype=bool)
        if not self.panoramas:
            kept &= ~table["is_pano"].to_numpy()
        if self.start is not None:
            kept &= (table["captured_at"] >= self.start).to_numpy()
        if self.end is not None:
            kept &= (table["captured_at"] < self.end).to_numpy()
        return kept

    def card(self) -> dict[str, Any]:
        """For the journal: answers to one question are no answers to another."""
        return {"listing": self.by} | self.params()


def list_images(
    area: Area,
    *,
    window_deg: float = 0.1,
    radius_m: float | None = None,
    start: Time | None = None,
    end: Time | None = None,
    panoramas: bool = False,
    by: By = "boxes",
    journal: str | os.PathLike[str] | None = None,
    token: str | None = None,
    base_url: str = API,
    tiles_url: str = TILES,
    concurrency: int = 8,
    retries: int = 6,
    backoff_s: float = 1.0,
) -> gpd.GeoDataFrame:
    """Photos that Mapillary has of an area, without the pictures themselves.

    The ground is cut into boxes of a fixed grid of 0.009 degrees, for the API takes only boxes below 0.01
    degrees; so surroundings that overlap are asked for once. A box with 2,000 pictures, the most that an
    answer holds, is asked for again in quarters.

    Parameters
    ----------
    area
        West, south, east, north in degrees (west > east crosses the antimeridian); or clusters, points in
        any CRS, whose surroundings are listed.
    window_deg, radius_m
        How far the surroundings of a cluster reach: degrees of latitude and longitude, or metres instead; as
        in :func:`~geolivelihood.tables.match_images`, which cuts off what boxes have beyond it.
    start, end
        Pictures taken from ``start`` to before ``end`` (ISO 8601; UTC where no offset is given).
    panoramas
        Whether spherical panoramas are listed too.
    by
        ``"boxes"``, or ``"tiles"``: vector tiles at zoom 14, a quarter of the requests and none too full, for
        wide areas. These know neither the corrected position nor the creator's name, which
        :func:`download_images` then fills in.
    journal
        File that keeps the answers, so that a listing that was stopped goes on from there; one of another
        time or kind is refused. It knows no pictures that Mapillary has got since: remove it to ask again.
    token
        Access token; ``None`` takes it from the environment variable ``MAPILLARY_TOKEN``.
    base_url, tiles_url
        Addresses of the API.
    concurrency
        Requests at the same time.
    retries, backoff_s
        How often a failed request is repeated, and the pause before the first repetition, seconds, which
        doubles each time.

    Returns
    -------
    geopandas.GeoDataFrame
        Images in EPSG:4326, by id: ``image_id``, ``kind`` street, Point (the position that Mapillary has
        computed from the pictures, else that of the camera's GPS), ``gps_longitude``, ``gps_latitude``,
        ``captured_at`` (UTC), ``heading`` (degrees clockwise from north; computed, else compass),
        ``compass_angle``, ``sequence_id``, ``is_pano``, ``creator``, ``license``, ``attribution``,
        ``source_url``.

    Raises
    ------
    InputError
        If the area or an option makes no sense, there is no token, or Mapillary does not accept it.
    EnvironmentMissingError
        If httpx is not installed, or Mapillary does not answer.
    OutputError
        If the journal cannot be written.

    Warns
    -----
    UserWarning
        If even the smallest boxes (8 m) are full, so that pictures are missing.

    References
    ----------
    Mapillary API, version 4: https://www.mapillary.com/developer/api-documentation
    """
    if by not in ("boxes", "tiles"):
        msg = f"by={by!r}: give 'boxes' or 'tiles'."
        raise InputError(msg)
    around = rectangles(area, window_deg=window_deg, radius_m=radius_m)
    query = _Query(_utc(start, "start"), _utc(end, "end"), panoramas, by)
    tiles = checked_url(tiles_url)
    with (
        Client(
            base_url, token=token, concurrency=concurrency, retries=retries, backoff_s=backoff_s
        ) as client,
        Journal(journal, of=query.card()) as kept,
    ):
        ask = _Asking(client, kept, query, tiles)
        table = images_of(ask.tiles(tiles_of(around)) if by == "tiles" else ask.boxes(boxes_of(around)))
    table = table[query.keeps(table)]
    if not isinstance(area, gpd.GeoDataFrame):
        table = table[in_rectangle(np.stack([table.geometry.x, table.geometry.y], axis=1), around[0])]
    return table.reset_index(drop=True)


class _Asking:
    """Asks for boxes or tiles, unless the journal knows the answer."""

    def __init__(self, client: Client, journal: Journal, query: _Query, tiles: str) -> None:
        self._client, self._journal = client, journal
        self._params, self._tiles = query.params(), tiles

    def boxes(self, boxes: npt.NDArray[np.float64]) -> Iterator[Record]:
        """Records of all boxes; those of full ones come from their quarters."""
        self._tell(len(boxes), "boxes")
        too_full = 0
        while len(boxes):
            full = []
            named = {",".join(f"{edge:.9f}" for edge in box): box for box in boxes}
            for name, found in self._answers(self._box, named):
                if found is None or len(found) >= _LIMIT:
                    full.append(named[name])
                yield from found or []
            small = np.array(full).reshape(-1, 4)
            smallest = small[:, 3] - small[:, 1] < 1.5 * _SMALLEST_DEG
            too_full += int(smallest.sum())
            boxes = quarters(small[~smallest])
        if too_full:
            warnings.warn(
                f"{too_full} boxes of 8 m still have {_LIMIT:,} pictures or more; some are missing. List "
                "shorter times (start, end), or by='tiles'.",
                stacklevel=4,
            )

    def tiles(self, tiles: npt.NDArray[np.int64]) -> Iterator[Record]:
        """Records of all tiles."""
        self._tell(len(tiles), "tiles")
        names = ["/".join(map(str, tile)) for tile in tiles.tolist()]
        for _, found in self._answers(self._tile, names):
            yield from found or []

    def _answers(
        self, ask: Callable[[str], list[Record] | None], names: Iterable[str]
    ) -> Iterator[tuple[str, list[Record] | None]]:
        """Each box or tile and what was found there; ``None`` where there is too much for one answer."""
        new = []
        for name in names:
            if name in self._journal:
                yield name, self._journal[name]
            else:
                new.append(name)
        for name, found in track(self._client.each(ask, new), "listing pictures", total=len(new)):
            self._journal[name] = found
            yield name, found

    def _box(self, box: str) -> list[Record] | None:
        try:
            found = self._client.json(f"{self._client.api}/images", self._params | {"bbox": box}).get("data")
        except Refused as refused:
            if refused.too_much:
                return None
            raise _no_listing(refused, box) from refused
        if not isinstance(found, list):
            raise _no_listing(Refused("the answer has no list 'data'"), box)
        return [record_of(one) for one in found if isinstance(one, dict)]

    def _tile(self, tile: str) -> list[Record]:
        try:
            body = self._client.fetch(f"{self._tiles}/maps/vtp/mly1_public/2/{tile}", with_token=True)
            return records_of_tile(body, *tile.split("/"))
        except Refused as refused:
            if refused.status == 404:  # nobody has been there
                return []
            raise _no_listing(refused, tile) from refused

    def _tell(self, n: int, what: str) -> None:
        if n > _MANY:
            _log.warning("%s %s are to be asked for; a smaller area, or tiles, ask less", f"{n:,}", what)


def _no_listing(refused: Refused, where: str) -> InputError | EnvironmentMissingError:
    """Ground that was not listed is no ground without pictures: it stops the listing."""
    if refused.status is not None and 400 <= refused.status < 500 and refused.status != 429:
        return InputError(f"Mapillary refuses to list {where}: {refused}.")
    msg = f"Mapillary gives no list of {where}: {refused}. Call again later; a journal goes on from here."
    return EnvironmentMissingError(msg)


def _utc(time: Time | None, name: str) -> pd.Timestamp | None:
    if time is None:
        return None
    try:
        found = pd.Timestamp(time)
    except ValueError as error:
        msg = f"{name}={time!r} is no time. Give ISO 8601, such as 2018-01-01 or 2018-01-01T12:00:00Z."
        raise InputError(msg) from error
    return found.tz_localize("UTC") if found.tz is None else found.tz_convert("UTC")
