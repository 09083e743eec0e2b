"""Any folder of GeoTIFFs as pictures of places at times.

Where a file lies its header says; which place it shows and when, only the one who made the folder knows. So
this is said openly: what the levels of folders are, a regular expression with named groups, a table beside
the files, or the tag that cameras and satellites write.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.collections.door import OnRejected, admit, collection_folder, in_split
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.geotiffs import header_table
from geolivelihood.tables.images import utc_times
from geolivelihood.tables.rasters import RasterHeader, raster_files, read_headers
from geolivelihood.tables.schema import as_ids
from geolivelihood.tables.sources import read_rows

__all__ = ["read_dated_geotiffs"]

_COLUMNS = ("place_id", "captured_at", "sensor", "split", "region", "label")
_KEYS = ("path", "image_id")
_TAG_FORMAT = "%Y:%m:%d %H:%M:%S"
_NO_TIME = "0000:00:00 00:00:00"


def read_dated_geotiffs(
    root: str | os.PathLike[str],
    *,
    split: str | None = None,
    folders: Sequence[str | None] = (),
    pattern: str | re.Pattern[str] | None = None,
    table: str | os.PathLike[str] | pd.DataFrame | None = None,
    date_format: str | None = None,
    date_tag: bool = True,
    bands: Sequence[int | str] | None = None,
    crs: Any = None,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    r"""Whole GeoTIFFs of a folder as overhead pictures with their place and time.

    Each of the columns ``place_id, captured_at, sensor, split, region, label`` comes from one source only.
    Pictures whose place nobody says can get one from where they lie by
    :func:`~geolivelihood.tables.places.places_by_distance`.

    Parameters
    ----------
    root
        Folder, searched recursively for ``.tif`` and ``.tiff``.
    split
        Which split to read, where a source says splits; ``None`` is every picture.
    folders
        What the levels of folders below ``root`` are, from the top: ``["split", "place_id"]`` for
        ``train/kampala_7/2021.tif``. ``None`` passes over a level. Files in fewer folders are set aside.
    pattern
        Regular expression with named groups, such as
        ``r".*/(?P<place_id>[^/]+)_(?P<captured_at>\d{8})\.tif"``. It must match the whole path below
        ``root`` (with ``/``); files that it does not match are set aside.
    table
        File or frame with ``path`` (below ``root``) or ``image_id`` and some of the columns. Files that it
        does not name stay without.
    date_format
        How ``captured_at`` of folders, pattern and table is written, as in :func:`time.strptime`; ``None`` is
        ISO 8601 (``20210605``, ``2021-06-05T10:30Z``). Without an offset it is UTC.
    date_tag
        Whether ``TIFFTAG_DATETIME`` (taken as UTC) is the time where no source says one. Some programs write
        the time of processing there.
    bands, crs
        As in :func:`~geolivelihood.tables.read_geotiffs`.
    max_rejected
        Share of files set aside above which the folder is refused.
    on_rejected
        Called with ``row, column, reason`` of the files set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        The columns of :func:`~geolivelihood.tables.read_geotiffs` and those that the sources say.

    Raises
    ------
    InputError, MissingColumnError, MissingCRSError, TableError, TooManyRejectedError
        If a source cannot be used or two say the same column, no file can be read, or too little is left.
    """
    folder = collection_folder(root, layout="a folder of GeoTIFFs")
    wanted, expression = _levels(folders), _expression(pattern)
    rows = None if table is None else _side_table(table)
    _check_sources(
        folders=[name for name in wanted if name is not None],
        pattern=[] if expression is None else list(expression.groupindex),
        table=[] if rows is None else [name for name in rows if name in _COLUMNS],
    )
    headers, damaged = read_headers(raster_files(folder), crs=crs)
    images = header_table(headers, root=folder, bands=bands)
    inner = pd.Series([Path(path).relative_to(folder).as_posix() for path in images["path"]], dtype="str")
    faults = [damaged]
    good = pd.Series(True, index=images.index)
    for told, reason in (_from_folders(inner, wanted), _from_pattern(inner, expression)):
        images = images.join(told)
        lost = reason.notna()
        faults.append(rejected_rows(images["image_id"][lost], "path", reason[lost]))
        good &= ~lost
    if rows is not None:
        images, strangers = _from_table(images, inner, rows)
        faults.append(strangers)
    times, reason = _times(images, headers, date_format, date_tag)
    lost = reason.notna() & good
    faults.append(rejected_rows(images["image_id"][lost], "captured_at", reason[lost]))
    images = images.drop(columns="captured_at", errors="ignore")
    images = images if times.isna().all() else images.assign(captured_at=times)
    return admit(
        in_split(images[good & ~lost], split, where=folder),
        what=f"the GeoTIFFs in {folder}",
        rejected=faults,
        max_rejected=max_rejected,
        on_rejected=on_rejected,
    )


def _levels(folders: Sequence[str | None]) -> list[str | None]:
    if isinstance(folders, str):
        msg = f"folders={folders!r} is one text. Give a list of levels: folders=[{folders!r}]."
        raise InputError(msg)
    _check_names([name for name in folders if name is not None], "folders")
    return list(folders)


def _expression(pattern: str | re.Pattern[str] | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        expression = re.compile(pattern)
    except re.error as error:
        msg = f"pattern={pattern!r} is no regular expression: {error}."
        raise InputError(msg) from error
    if not expression.groupindex:
        msg = f"pattern={expression.pattern!r} names no group. Write (?P<place_id>...) for what it finds."
        raise InputError(msg)
    _check_names(list(expression.groupindex), "pattern")
    return expression


def _check_names(names: Sequence[str], source: str) -> None:
    unknown = [name for name in names if name not in _COLUMNS]
    if unknown or len(set(names)) < len(names):
        what = f"{unknown[0]!r} is no column" if unknown else "a column stands there twice"
        msg = f"{source}: {what}. It can say {', '.join(_COLUMNS)}, each once."
        raise InputError(msg)


def _side_table(table: str | os.PathLike[str] | pd.DataFrame) -> pd.DataFrame:
    given = table if isinstance(table, pd.DataFrame) else read_rows(table, text=(*_KEYS, *_COLUMNS))
    key = next((name for name in _KEYS if name in given), None)
    there = [name for name in _COLUMNS if name in given]
    if key is None or not there:
        wanted = "path or image_id" if key is None else f"any of {', '.join(_COLUMNS)}"
        msg = (
            f"The table beside the files has no column {wanted}; it has {', '.join(map(str, given.columns))}."
        )
        raise MissingColumnError(msg)
    rows = pd.DataFrame(given[[key, *there]])
    for name in rows:
        if not pd.api.types.is_datetime64_any_dtype(rows[name]):  # 20210605 is a day, no seconds since 1970
            rows[name] = as_ids(rows[name])
    rows = rows.dropna(subset=[key])
    twice = rows[key][rows[key].duplicated()]
    if len(twice):
        msg = f"The table beside the files names {twice.iloc[0]} more than once; give each file one row."
        raise InputError(msg)
    return rows


def _check_sources(**sources: Sequence[str]) -> None:
    for name in _COLUMNS:
        saying = [source for source, columns in sources.items() if name in columns]
        if len(saying) > 1:
            msg = f"{' and '.join(saying)} both say {name}. Take it out of one of them."
            raise InputError(msg)


def _from_folders(inner: pd.Series, levels: Sequence[str | None]) -> tuple[pd.DataFrame, pd.Series]:
    """Columns by the folders of each file, and why some have none."""
    parts = inner.str.split("/").map(lambda names: names[:-1])
    few = parts.map(len) < len(levels)
    told = pd.DataFrame(
        {name: parts.str[level].where(~few) for level, name in enumerate(levels) if name is not None},
        index=inner.index,
    )
    reason = f"lies in fewer folders than the {len(levels)} that are named"
    return told, pd.Series(reason, index=inner.index).where(few)


def _from_pattern(inner: pd.Series, expression: re.Pattern[str] | None) -> tuple[pd.DataFrame, pd.Series]:
    """Columns by the groups of the expression, and why some files have none."""
    if expression is None:
        return pd.DataFrame(index=inner.index), pd.Series(pd.NA, index=inner.index, dtype="str")
    found = [expression.fullmatch(path) for path in inner]
    rows = [{} if match is None else match.groupdict() for match in found]
    told = pd.DataFrame(rows, index=inner.index, columns=list(expression.groupindex), dtype="str")
    missed = pd.Series([match is None for match in found], index=inner.index)
    return told, pd.Series("the pattern does not match its path", index=inner.index).where(missed)


def _from_table(
    images: gpd.GeoDataFrame, inner: pd.Series, rows: pd.DataFrame
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The pictures with the columns of the table, and rows of it that name no file."""
    key = rows.columns[0]
    names = inner if key == "path" else images["image_id"]
    strange = rows[key][~rows[key].isin(names)]
    told = rows.set_index(key).reindex(names).set_axis(images.index)
    return images.join(told), rejected_rows(strange, key, "the table names it, and no such file can be read")


def _times(
    images: gpd.GeoDataFrame, headers: Sequence[RasterHeader], date_format: str | None, date_tag: bool
) -> tuple[pd.Series, pd.Series]:
    """Time of each picture, and why some cannot be read."""
    if "captured_at" in images:
        given = images["captured_at"]
        if date_format is None:
            times, wrong = utc_times(given)
        else:
            times = pd.to_datetime(given.astype("str"), format=date_format, utc=True, errors="coerce")
            wrong = times.isna() & given.notna()
    else:
        tags = [header.taken if date_tag else "" for header in headers]
        given = pd.Series(tags, index=images.index, dtype="str").replace(_NO_TIME, "")
        times = pd.to_datetime(given, format=_TAG_FORMAT, utc=True, errors="coerce")
        wrong = times.isna() & (given != "")
    return times, ("cannot be read as a time: " + given.astype("str")).where(wrong)
