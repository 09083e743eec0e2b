"""Geotagged photos: where, when and in which direction they were taken, by their own EXIF records."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from PIL import ExifTags, Image

from geolivelihood.errors import InputError
from geolivelihood.progress import track
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.geotiffs import file_ids
from geolivelihood.tables.schema import check_images

__all__ = ["decimal_degrees", "read_photos"]

_SUFFIXES = (".jpg", ".jpeg")
_GPS, _BASE = ExifTags.GPS, ExifTags.Base
_HALF_FRAME_MM = 21.6333  # half the diagonal of a 24 x 36 mm frame, which 35 mm equivalents refer to
_SPHERICAL = re.compile(rb"ProjectionType[^A-Za-z]{1,4}equirectangular")
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, KeyError, Image.DecompressionBombError)
_log = logging.getLogger(__name__)


def read_photos(
    folder: str | os.PathLike[str],
    *,
    kind: str = "street",
    declination: float | None = None,
    timezone: str | None = None,
) -> Checked:
    """Geotagged JPEGs of a folder, by their headers; no picture is decoded.

    Parameters
    ----------
    folder
        Searched recursively for ``.jpg`` and ``.jpeg``.
    kind
        What the pictures are; photos with a position only are ``"street"``.
    declination
        Degrees by which magnetic north lies east of true north where the photos were taken. ``None`` leaves
        the heading of photos that recorded a magnetic one empty (it is in ``heading_magnetic``), with a
        warning that counts them.
    timezone
        Zone of camera clocks (``"Africa/Nairobi"``), for photos that recorded neither GPS time nor an offset.
        ``None`` leaves their ``captured_at`` empty.

    Returns
    -------
    Checked
        ``image_id`` (path within the folder, without suffix), ``path``, ``kind``, Point in EPSG:4326;
        ``captured_at`` (UTC: GPS time, else camera time with its offset), ``heading`` (degrees clockwise from
        true north), ``heading_magnetic``, ``fov`` (degrees across, from the 35 mm equivalent focal length;
        360 for spherical panoramas), ``sequence_id``. What EXIF lacks is taken from the description that the
        Mapillary apps write. Corrupt files and photos without a position are in ``rejected``.

    Raises
    ------
    InputError
        If the folder has no JPEGs, or none of them has a position.
    """
    paths = _jpegs(Path(folder))
    ids = file_ids(paths, root=folder)
    records, faults = [], []
    for path, name in track(list(zip(paths, ids)), "reading EXIF", total=len(paths)):  # a file at a time
        try:
            records.append({"image_id": name, "path": path, **_record(path)})
        except _UNREADABLE as error:
            faults.append((name, f"cannot be read as a picture: {error}"))
    frame = pd.DataFrame(records, columns=["image_id", "path", *_FIELDS])
    lonlat, reasons = _positions(frame)
    placed = reasons == ""
    names, texts = [name for name, _ in faults], [text for _, text in faults]
    rejected = [
        rejected_rows(names, "path", texts),
        rejected_rows(frame.loc[~placed, "image_id"], "geometry", reasons[~placed]),
    ]
    if not placed.any():
        found = "; ".join(dict.fromkeys([*reasons, *texts]))
        msg = f"None of {len(paths)} photos in {folder} has a position: {found[:500]}."
        raise InputError(msg)
    table = frame[["image_id", "path"]].assign(kind=kind, captured_at=_times(frame, timezone))
    table = table.assign(**_headings(frame, declination), fov=frame["fov"], sequence_id=frame["sequence"])
    points = gpd.points_from_xy(*lonlat.T, crs="EPSG:4326")
    checked = check_images(gpd.GeoDataFrame(table, geometry=points)[placed])
    return Checked(checked.table, pd.concat([*rejected, checked.rejected], ignore_index=True))


def decimal_degrees(parts: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Degrees, minutes and seconds as signed decimal degrees.

    Parameters
    ----------
    parts
        (n, 3) degrees, minutes, seconds; any of them may have decimals, none a sign.
    negative
        (n,) true for south and west.

    Returns
    -------
    numpy.ndarray
        (n,) degrees; NaN where a part is NaN, negative or (minutes, seconds) above 60.
    """
    parts = np.asarray(parts, dtype=float).reshape(-1, 3)
    impossible = (parts < 0).any(axis=1) | (parts[:, 1:] > 60).any(axis=1)
    size = parts @ np.array([1, 1 / 60, 1 / 3600])
    return np.where(impossible, np.nan, np.where(negative, -size, size))


_FIELDS = [
    *("latitude", "latitude_ref", "longitude", "longitude_ref", "void", "direction", "direction_ref"),
    *("gps_date", "gps_time", "camera_time", "offset", "fov", "sequence", "described"),
]


def _jpegs(folder: Path) -> list[str]:
    if not folder.is_dir():
        msg = f"{folder} is no folder. Give the folder that holds the photos."
        raise InputError(msg)
    paths = sorted(path.as_posix() for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        msg = f"There are no JPEGs in {folder}. Files must end in {', '.join(_SUFFIXES)}."
        raise InputError(msg)
    return paths


def _record(path: str) -> dict[str, Any]:
    """What one file's header says, as it says it."""
    with Image.open(path) as picture:
        exif = picture.getexif()
        size, packet = picture.size, picture.info.get("xmp", b"")
    gps, camera = exif.get_ifd(ExifTags.IFD.GPSInfo), exif.get_ifd(ExifTags.IFD.Exif)
    described = _description(exif.get(_BASE.ImageDescription))
    taken = camera.get(_BASE.DateTimeOriginal) or exif.get(_BASE.DateTime)
    return {
        "latitude": _numbers(gps.get(_GPS.GPSLatitude), 3),
        "latitude_ref": _text(gps.get(_GPS.GPSLatitudeRef)).upper(),
        "longitude": _numbers(gps.get(_GPS.GPSLongitude), 3),
        "longitude_ref": _text(gps.get(_GPS.GPSLongitudeRef)).upper(),
        "void": _text(gps.get(_GPS.GPSStatus)).upper() == "V",
        "direction": _numbers(gps.get(_GPS.GPSImgDirection), 1)[0],
        "direction_ref": _text(gps.get(_GPS.GPSImgDirectionRef)).upper() or "T",
        "gps_date": _text(gps.get(_GPS.GPSDateStamp)),
        "gps_time": _numbers(gps.get(_GPS.GPSTimeStamp), 3),
        "camera_time": _text(taken) + _fraction(camera.get(_BASE.SubsecTimeOriginal)),
        "offset": _text(camera.get(_BASE.OffsetTimeOriginal)),
        "fov": _fov(camera.get(_BASE.FocalLengthIn35mmFilm), size, exif.get(_BASE.Orientation), packet),
        "sequence": _text(described.get("MAPSequenceUUID")) or None,
        "described": described,
    }


def _numbers(value: Any, count: int) -> list[float]:
    """Rationals as floats; a shorter value is filled with zeros, a missing or 0/0 one is NaN."""
    if value is None:
        return [float("nan")] * count
    values = list(value) if isinstance(value, tuple | list) else [value]
    numbers = [float(part) for part in values[:count]]
    return numbers + [0.0] * (count - len(numbers))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return "" if value is None else str(value).strip("\x00 ")


def _fraction(value: Any) -> str:
    digits = _text(value)
    return f".{digits}" if digits.isdigit() else ""


def _fov(focal_mm: Any, size: tuple[int, int], orientation: Any, packet: bytes) -> float:
    """Degrees across the picture as it is seen: 2 atan(half its width / focal length), as on 35 mm film."""
    if _SPHERICAL.search(packet):
        return 360.0
    focal = _numbers(focal_mm, 1)[0]
    if not focal > 0:
        return float("nan")
    width, height = reversed(size) if orientation in _TURNED else size
    return float(2 * np.degrees(np.arctan(_HALF_FRAME_MM * width / np.hypot(width, height) / focal)))


def _description(value: Any) -> Mapping[str, Any]:
    """The JSON that the Mapillary apps leave in the description, else nothing."""
    text = _text(value)
    if not text.startswith("{"):
        return {}
    try:
        described = json.loads(text)
    except ValueError:
        return {}
    return described if isinstance(described, dict) else {}


def _positions(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) longitude, latitude and the reason why there is none, empty where there is."""
    lat = decimal_degrees(_column(frame["latitude"], 3), (frame["latitude_ref"] == "S").to_numpy())
    lon = decimal_degrees(_column(frame["longitude"], 3), (frame["longitude_ref"] == "W").to_numpy())
    given = np.isfinite(_column(frame["latitude"], 3)).all(axis=1)
    known = frame["latitude_ref"].isin(["N", "S"]) & frame["longitude_ref"].isin(["E", "W"])
    reasons = np.full(len(frame), "", dtype=object)
    reasons[~np.isfinite(lat + lon)] = "its GPS position cannot be read"
    reasons[~known.to_numpy()] = "its GPS position does not say which hemisphere"
    reasons[frame["void"].to_numpy(dtype=bool)] = "its GPS had no fix (status V)"
    app = _described(frame, "MAPLongitude", "MAPLatitude")
    by_app = (reasons != "") & np.isfinite(app).all(axis=1)
    reasons[~given & (reasons != "")] = "it has no GPS position"
    reasons[by_app] = ""
    return np.where(by_app[:, None], app, np.stack([lon, lat], axis=1)), reasons


def _column(values: pd.Series, width: int) -> np.ndarray:
    return np.array(values.tolist(), dtype=float).reshape(-1, width)


def _described(frame: pd.DataFrame, *names: str) -> np.ndarray:
    """(n, len(names)) numbers from the app's description, NaN where it has none."""
    columns = [pd.to_numeric(frame["described"].str.get(name), errors="coerce") for name in names]
    return np.stack([column.to_numpy(dtype=float) for column in columns], axis=1)


def _headings(frame: pd.DataFrame, declination: float | None) -> dict[str, np.ndarray]:
    direction = frame["direction"].to_numpy(dtype=float) % 360
    magnetic = (frame["direction_ref"] == "M").to_numpy() & np.isfinite(direction)
    compass = frame["described"].str.get("MAPCompassHeading").str
    app = pd.to_numeric(compass.get("TrueHeading"), errors="coerce").to_numpy(dtype=float) % 360
    true = np.where(
        magnetic, np.nan if declination is None else (direction + (declination or 0)) % 360, direction
    )
    unknown = magnetic & ~np.isfinite(true) & ~np.isfinite(app)
    if unknown.any():
        _log.warning(
            "%d of %d photos recorded a magnetic heading; give declination= to turn it to true north",
            unknown.sum(),
            len(frame),
        )
    heading = np.where(np.isfinite(true), true, app)
    return {"heading": heading, "heading_magnetic": np.where(magnetic, direction, np.nan)}


def _times(frame: pd.DataFrame, timezone: str | None) -> pd.Series:
    """UTC by the first clock that is there: GPS, camera with offset, app, camera in ``timezone``."""
    date = pd.to_datetime(
        frame["gps_date"].str.replace("-", ":"), format="%Y:%m:%d", errors="coerce", utc=True
    )
    seconds = _column(frame["gps_time"], 3) @ np.array([3600.0, 60.0, 1.0])
    gps = date + pd.to_timedelta(pd.Series(seconds, index=frame.index).round(3), unit="s")
    iso = frame["camera_time"].str.replace(r"^(\d{4}):(\d\d):(\d\d)", r"\1-\2-\3", regex=True)
    offset = frame["offset"].where(frame["offset"].str.fullmatch(r"[+-]\d\d:\d\d|Z"), "")
    sure = pd.to_datetime((iso + offset).where(offset != ""), utc=True, format="ISO8601", errors="coerce")
    stamp = frame["described"].str.get("MAPCaptureTime").astype("str")
    app = pd.to_datetime(stamp, format="%Y_%m_%d_%H_%M_%S_%f", errors="coerce", utc=True)
    found = gps.fillna(sure).fillna(app)
    if timezone is None:
        return found
    return found.fillna(_in_zone(pd.to_datetime(iso, format="ISO8601", errors="coerce"), timezone))


def _in_zone(local: pd.Series, timezone: str) -> pd.Series:
    try:
        placed = local.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    except (KeyError, ValueError, TypeError) as error:
        msg = f"timezone={timezone!r} is unknown. Give an IANA name such as 'Africa/Nairobi' or 'UTC'."
        raise InputError(msg) from error
    return placed.dt.tz_convert("UTC")
