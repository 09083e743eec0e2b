"""What the API says of pictures becomes a table of images.

One record in millions may hold anything; it must not cost the others. So each value is read on its own:
what is no number, text or place counts as unknown, and a picture without an id or a place is left out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pyogrio.errors

from geolivelihood.tables.mapillary.client import Refused
from geolivelihood.tables.schema import check_images

__all__ = [
    "LICENSE",
    "Record",
    "creator_of",
    "images_of",
    "record_of",
    "records_of_tile",
    "text",
    "with_credit",
]

LICENSE = "CC BY-SA 4.0"

Record = dict[str, Any]

_log = logging.getLogger(__name__)
_AT_ONCE = 100_000
_POSITIONS = ("longitude", "latitude", "gps_longitude", "gps_latitude")
_NUMBERS = (*_POSITIONS, "captured_at", "heading", "compass_angle")
_TEXTS = ("image_id", "sequence_id", "creator")
_COLUMNS = ("image_id", *_NUMBERS, "sequence_id", "is_pano", "creator")
_LATEST_MS = 9e12  # in the year 2255; what lies beyond is no date, and soon none that pandas can hold


def record_of(found: Mapping[str, Any]) -> Record:
    """One picture of the API, as flat as the table will be."""
    gps = _position(found.get("geometry"))
    computed = _position(found.get("computed_geometry"))
    best = gps if computed is None else computed
    # A computed direction belongs to the computed place, never to the camera's own.
    heading = None if computed is None else found.get("computed_compass_angle")
    return {
        "image_id": found.get("id"),
        **dict(zip(_POSITIONS[:2], best or (None, None))),
        **dict(zip(_POSITIONS[2:], gps or (None, None))),
        "captured_at": found.get("captured_at"),
        "heading": found.get("compass_angle") if heading is None else heading,
        "compass_angle": found.get("compass_angle"),
        "sequence_id": found.get("sequence"),
        "is_pano": found.get("is_pano") is True,
        "creator": creator_of(found),
    }


def records_of_tile(body: bytes, zoom: str, x: str, y: str) -> list[Record]:
    """All pictures of a vector tile, placed to a few decimetres.

    Raises
    ------
    Refused
        If the bytes are no tile of pictures.
    """
    if not body:
        return []
    try:
        frame = pyogrio.read_dataframe(body, layer="image", X=x, Y=y, Z=zoom, CLIP="NO")
        ids = frame["id"].astype("str")
    except pyogrio.errors.DataLayerError:  # a tile with sequences, but no pictures
        return []
    except (pyogrio.errors.DataSourceError, KeyError, ValueError) as error:
        reason = f"the answer is no vector tile of pictures ({error})"
        raise Refused(reason, 200) from error
    points = frame.geometry.to_crs("EPSG:4326").representative_point()
    lon, lat = points.x.round(7), points.y.round(7)
    table = pd.DataFrame({"image_id": ids, "longitude": lon, "latitude": lat})
    table = table.assign(gps_longitude=lon, gps_latitude=lat, heading=frame.get("compass_angle"))
    for name in ("captured_at", "compass_angle", "sequence_id"):
        table[name] = frame.get(name)
    table["is_pano"] = frame["is_pano"].eq(True) if "is_pano" in frame else False
    return table.astype(object).where(table.notna(), None).assign(creator=None).to_dict("records")


def images_of(records: Iterable[Record]) -> gpd.GeoDataFrame:
    """The images of all records, each once, in the order of their ids; those that are none are left out."""
    todo, parts = iter(records), [_frame([])]
    while some := list(islice(todo, _AT_ONCE)):  # a record is ten times as large as its row
        parts.append(_frame(some))
    frame = pd.concat(parts)
    # (0, 0) is how a camera without a position says so.
    placed = frame[list(_POSITIONS[:2])].notna().all(axis=1) & frame[list(_POSITIONS[:2])].any(axis=1)
    usable = placed & frame["image_id"].notna()
    if not usable.all():
        _log.warning("%d pictures without a usable id or position were left out", (~usable).sum())
    frame = frame[usable].sort_values("image_id").drop_duplicates("image_id", ignore_index=True)
    frame.insert(1, "kind", "street")
    points = gpd.points_from_xy(frame.pop("longitude"), frame.pop("latitude"), crs="EPSG:4326")
    table = with_credit(gpd.GeoDataFrame(frame, geometry=points))
    return table if table.empty else check_images(table).table


def with_credit(images: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The images with ``license``, ``attribution`` and ``source_url``, which must go with every picture."""
    creator = images["creator"].fillna("a contributor")
    return images.assign(
        license=LICENSE,
        attribution=creator + " / Mapillary, " + LICENSE,
        source_url="https://www.mapillary.com/app/?pKey=" + images["image_id"],
    )


def creator_of(found: Mapping[str, Any]) -> str | None:
    """Name of the contributor; ``None`` where it is not known."""
    creator = found.get("creator")
    return text(creator.get("username")) if isinstance(creator, dict) else None


def text(value: object) -> str | None:
    """A text or whole number as text that every format can hold; ``None`` for anything else."""
    if isinstance(value, str):
        # JSON may carry half a surrogate pair, which no file format takes.
        return value.encode("utf-8", "replace").decode().strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float:
    """A finite number, or a text that is one; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _position(point: object) -> tuple[float, float] | None:
    """Longitude and latitude of a GeoJSON point; ``None`` if it is no place on earth."""
    coordinates = point.get("coordinates") if isinstance(point, dict) else None
    if not isinstance(coordinates, list) or len(coordinates) < 2:
        return None
    lon, lat = _number(coordinates[0]), _number(coordinates[1])
    return (lon, lat) if abs(lon) <= 180 and abs(lat) <= 90 else None


def _frame(records: list[Record]) -> pd.DataFrame:
    frame = pd.DataFrame(records, columns=list(_COLUMNS), dtype=object)
    # Value by value, for a journal may be of any age, and one odd value fails a whole column.
    for name in _NUMBERS:
        frame[name] = pd.Series(map(_number, frame[name]), frame.index, dtype=float)
    for name in _TEXTS:
        frame[name] = pd.Series(map(text, frame[name]), frame.index, dtype="str")
    for name, limit in zip(_POSITIONS, (180, 90, 180, 90)):
        frame[name] = frame[name].where(frame[name].abs() <= limit)
    time = frame["captured_at"].where(frame["captured_at"].abs() < _LATEST_MS)
    frame["captured_at"] = pd.to_datetime(time, unit="ms", utc=True).dt.round("ms")
    frame[["heading", "compass_angle"]] %= 360
    frame["is_pano"] = frame["is_pano"].eq(True).astype(bool)
    return frame
