"""Tables of pictures: one row per picture, in CSV, GeoJSON, GeoPackage or Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.schema import as_ids, check_images, unknown_column
from geolivelihood.tables.sources import known_crs, read_table

__all__ = ["PRESETS", "Preset", "read_images", "require_paths"]

_TEXT = (
    "image_id",
    "path",
    "kind",
    "cluster_id",
    "place_id",
    "sequence_id",
    "license",
    "creator",
    "projection",
)
_SPHERICAL = ("spherical", "equirectangular")
_MILLISECONDS = 1e11  # seconds since 1970 stay below it until the year 5138


class Preset(NamedTuple):
    """The layout of a published table.

    Attributes
    ----------
    columns
        Published name to our name. A name that a file lacks is left out where ours is optional.
    crs
        CRS of its positions.
    kind
        What its pictures are.
    """

    columns: Mapping[str, str]
    crs: str
    kind: str


PRESETS: Mapping[str, Preset] = {
    "street_level_livelihoods": Preset(
        {
            "key": "image_id",
            "unique_cluster": "cluster_id",
            "ilon": "longitude",
            "ilat": "latitude",
            "img_path": "path",
            "features": "detections",
        },
        "EPSG:4326",
        "street",
    ),
    "global_streetscapes": Preset(
        {
            "uuid": "image_id",
            "lon": "longitude",
            "lat": "latitude",
            "datetime_local": "captured_at",
            "hFoV": "fov",
            "projection_type": "projection",
        },
        "EPSG:4326",
        "street",
    ),
}
"""Layouts that :func:`read_images` knows by name."""

_NEEDED = ("image_id", "longitude", "latitude")


def read_images(
    path: str | os.PathLike[str],
    *,
    kind: str | None = None,
    columns: Mapping[str, str] | str | None = None,
    crs: Any = None,
    where: Mapping[str, Any] | None = None,
    root: str | os.PathLike[str] | None = None,
    files: str | None = None,
    extent: Extent | None = None,
    layer: str | None = None,
    numbered: bool = False,
) -> Checked:
    """A table of pictures from a file.

    Parameters
    ----------
    path
        CSV (position in ``longitude``/``latitude``), GeoJSON, GeoPackage, GeoParquet or any vector file.
    kind
        ``"street"`` or ``"overhead"``; ``None`` takes the column ``kind``, else points are street photos and
        polygons overhead pictures.
    columns
        The file's name to our name (``{"uuid": "image_id", "lon": "longitude"}``), or a name of
        :data:`PRESETS`: ``"street_level_livelihoods"`` (the ``data.csv`` of Lee et al. 2021),
        ``"global_streetscapes"``.
    crs
        CRS of a file that has none; presets know theirs.
    where
        Rows to keep: the file's column to a value or a list of values.
    root
        Folder that relative picture paths start from; ``None`` is the folder of the table.
    files
        Where the pictures are when the table does not say it: ``"photos/{image_id}.jpeg"``, relative to
        ``root``.
    extent
        Where the pictures must lie: west, south, east, north in degrees, or a GeoDataFrame.
    layer
        Layer of a file with several.
    numbered
        Whether the pictures of a file without ``image_id`` are called by the numbers of their rows.

    Returns
    -------
    Checked
        ``image_id``, ``kind``, geometry in EPSG:4326, ``path`` (with ``root`` before it; no such column
        where neither the file nor ``files`` says it: see :func:`require_paths`), and every other column of
        the file. Of these ``captured_at`` becomes UTC (ISO 8601; without an offset it is taken as
        UTC; numbers are seconds or milliseconds since 1970), ``heading`` is turned into 0 to 360,
        ``detections`` (JSON lists) become lists, and ``fov`` is 360 where ``projection`` is spherical or
        ``is_pano`` is true. Rows with a time, heading or list that cannot be read are in ``rejected``.

    Raises
    ------
    InputError, MissingCRSError, MissingColumnError, TableError
        With everything that is wrong with the table.

    Notes
    -----
    One photo may serve several clusters: a row is identified by (``image_id``, ``cluster_id``), so ids may
    repeat between clusters and must not within one.

    References
    ----------
    Lee et al. (2021), Predicting Livelihood Indicators from Community-Generated Street-Level Imagery, AAAI.
    """
    if crs is not None:
        known_crs(crs)
    names, preset = _layout(path, columns)
    known = crs or (preset and preset.crs)
    number = "image_id" if numbered else None
    frame = read_table(path, columns=names, text=_TEXT, where=where, crs=known, layer=layer, numbered=number)
    frame = frame.reset_index(drop=True)
    frame["kind"] = _kinds(frame, kind or (preset and preset.kind))
    paths = _paths(frame, files)
    if paths is not None:
        frame["path"] = _rooted(paths, Path(path).parent if root is None else Path(root))
    rejected = _tidy(frame)
    bad = frame.index.isin(rejected.index)
    if bad.all() and len(frame):
        reasons = "; ".join(rejected["reason"].drop_duplicates().head(5))
        msg = f"Not one row of {path} can be used: {reasons}."
        raise InputError(msg)
    checked = check_images(frame[~bad], extent=extent)
    return Checked(checked.table, pd.concat([rejected, checked.rejected], ignore_index=True))


def require_paths(images: pd.DataFrame, table: str | os.PathLike[str]) -> None:
    """Check that a table of pictures says where their files are.

    Parameters
    ----------
    images
        Checked pictures, such as :func:`read_images` gives.
    table
        Where they were read from, for the message.

    Raises
    ------
    MissingColumnError
        If there is no column ``path``.
    """
    if "path" in images:
        return
    there = [str(name) for name in images.columns if name not in ("geometry", "kind")]
    msg = (
        f"{table} does not say where the files of its pictures are: "
        f"{unknown_column('path', there, what='It has')}. Name it in columns={{...: 'path'}}, or give "
        "files='photos/{image_id}.jpg' (on the command line: --columns ...=path or "
        '--files "photos/{image_id}.jpg").'
    )
    raise MissingColumnError(msg)


def _layout(
    path: str | os.PathLike[str], columns: Mapping[str, str] | str | None
) -> tuple[dict[str, str], Preset | None]:
    """The renaming of a file's columns; a preset's optional columns that it lacks are left out."""
    if not isinstance(columns, str):
        return dict(columns or {}), None
    if columns not in PRESETS:
        msg = f"columns={columns!r} is no preset. Give a mapping, or one of: {', '.join(PRESETS)}."
        raise InputError(msg)
    preset = PRESETS[columns]
    there = _header(Path(path))
    kept = {
        name: ours
        for name, ours in preset.columns.items()
        if there is None or name in there or ours in _NEEDED
    }
    return kept, preset


def _header(path: Path) -> set[str] | None:
    """Column names of a CSV; ``None`` for other files and for those that :func:`read_table` will refuse."""
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") or not path.is_file() or not path.stat().st_size:
        return None
    return set(pd.read_csv(path, sep="\t" if path.suffix.lower() == ".tsv" else ",", nrows=0).columns)


def _kinds(frame: gpd.GeoDataFrame, kind: str | None) -> pd.Series | str | np.ndarray:
    if kind is not None:
        return kind
    if "kind" in frame:
        return frame["kind"]
    areas = frame.geom_type.isin(["Polygon", "MultiPolygon"])
    return np.where(areas, "overhead", "street")


def _paths(frame: gpd.GeoDataFrame, files: str | None) -> pd.Series | None:
    """Where the pictures are, as far as the table or ``files`` says it."""
    if files is not None:
        return _by_template(frame, files)
    return frame["path"].astype("str").str.strip() if "path" in frame else None


def _rooted(paths: pd.Series, root: Path) -> pd.Series:
    """The paths with the folder before those that are relative."""
    start = root.as_posix().rstrip("/") + "/"
    alone = paths.str.match(r"^(?:/|[A-Za-z]:[\\/]|[A-Za-z][A-Za-z0-9+.-]+://)", na=False)
    blank = paths.isna() | (paths == "")
    return paths.mask(~(alone | blank), start + paths)


def _by_template(frame: gpd.GeoDataFrame, files: str) -> pd.Series:
    before, found, after = files.partition("{image_id}")
    if not found or "{image_id}" in after:
        msg = f"files={files!r} must hold {{image_id}} once: files='photos/{{image_id}}.jpg'."
        raise InputError(msg)
    if "image_id" not in frame:  # which the check of the whole table reports with everything else
        return pd.Series(files, index=frame.index)
    return before + as_ids(frame["image_id"]) + after


def _tidy(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Bring the optional columns into shape; rows that cannot be (their positions are the index)."""
    rows = as_ids(frame["image_id"]) if "image_id" in frame else pd.Series(pd.NA, frame.index, dtype="str")
    rows = rows.fillna(frame.index.to_series().astype("str"))
    bad = [rejected_rows([], "", "")]
    for column, tidied in (("captured_at", utc_times), ("heading", _headings), ("detections", _lists)):
        if column in frame:
            given = frame[column]
            frame[column], wrong = tidied(given)
            reasons = [f"{value!r} cannot be read as {_WANTED[column]}" for value in given[wrong]]
            bad.append(rejected_rows(rows[wrong], column, reasons).set_index(frame.index[wrong]))
    _set_fov(frame)
    return pd.concat(bad)


_WANTED = {"captured_at": "a time", "heading": "degrees", "detections": "a JSON list of class ids"}


def utc_times(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Times in UTC, and which of them cannot be read.

    Text is ISO 8601, with an offset or else taken as UTC; numbers are seconds since 1970, or milliseconds
    (which what is later than the year 5138 in seconds must be).
    """
    empty = values.isna() | (values.astype("str").str.strip() == "")
    if pd.api.types.is_datetime64_any_dtype(values):
        times = pd.to_datetime(values, utc=True)
    elif pd.api.types.is_numeric_dtype(values):
        seconds = values.astype(float).where(values.abs() < _MILLISECONDS, values / 1000)
        times = pd.to_datetime(seconds, unit="s", utc=True, errors="coerce").dt.round("ms")
    else:
        times = pd.to_datetime(values.astype("str"), utc=True, format="ISO8601", errors="coerce")
    return times, times.isna() & ~empty


def _headings(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    empty = values.isna() | (values.astype("str").str.strip() == "")
    wrong = ~np.isfinite(numbers) & ~empty
    return numbers.where(~wrong) % 360, wrong


def _lists(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Lists of ints from JSON text; one parse of the whole column, row by row only if that fails."""
    text = values.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    known = values.notna().to_numpy()
    try:
        parsed = json.loads("[" + ",".join(values[text]) + "]")
        if len(parsed) != text.sum():
            raise ValueError
    except ValueError:
        parsed = [_list_or_none(value) for value in values[text]]
    result = values.astype(object)
    result[text] = pd.Series(parsed, index=values.index[text], dtype=object)
    result = result.map(_int_list)
    return result, pd.Series(known & result.isna().to_numpy(), index=values.index)


def _list_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _int_list(value: Any) -> list[int] | None:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list) or not all(isinstance(item, int) and item is not True for item in value):
        return None
    return value


def _set_fov(frame: gpd.GeoDataFrame) -> None:
    around = np.zeros(len(frame), dtype=bool)
    if "projection" in frame:
        around |= frame["projection"].astype("str").str.lower().isin(_SPHERICAL).to_numpy()
    if "is_pano" in frame:
        around |= frame["is_pano"].astype("str").str.lower().isin(["true", "1", "1.0"]).to_numpy()
    if around.any():
        known = frame["fov"] if "fov" in frame else pd.Series(np.nan, index=frame.index)
        frame["fov"] = known.mask(known.isna() & around, 360.0)
