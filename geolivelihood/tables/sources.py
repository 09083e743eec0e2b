"""Files with rows: CSV, Parquet and everything GDAL reads, as GeoDataFrames before they are checked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pyogrio.errors
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError, TableError
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.schema import unknown_column

__all__ = ["known_crs", "read_rows", "read_table"]

_PLACES = (("longitude", "latitude"), ("lon", "lat"), ("lng", "lat"), ("LONGNUM", "LATNUM"))
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", ".")
_BROKEN = (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowInvalid)


def read_table(
    path: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    text: Iterable[str] = (),
    where: Mapping[str, Any] | None = None,
    crs: Any = None,
    layer: str | None = None,
    numbered: str | None = None,
) -> gpd.GeoDataFrame:
    """Rows of a file, with a geometry and the caller's column names.

    Parameters
    ----------
    path
        CSV (position in ``longitude``/``latitude`` or ``lon``/``lat``), Parquet, or any vector file.
    columns
        The file's name to the new name, ``{"id": "cluster_id"}``. A pair whose first name the file lacks is
        read the other way round. A column of the file that has a new name already gives way to it.
    text
        New names of the columns that a CSV must not turn into numbers (``"007"`` stays, ``"NA"`` is a value).
    where
        Rows to keep: the file's column to a value or a list of values.
    crs
        CRS of a file that has none.
    layer
        Layer of a file with several (a GeoPackage); files that hold one table have no need of it.
    numbered
        New name of a column that gets the numbers of the rows, from 1, where the file lacks it.

    Raises
    ------
    InputError
        If the file is absent, empty or unreadable, has no such layer, or ``crs`` contradicts the file.
    MissingCRSError
        If neither the file nor ``crs`` says which CRS.
    MissingColumnError
        If ``columns`` or ``where`` name a column that is not there, or a CSV has no position.
    TableError
        If ``where`` keeps no row.
    """
    path = Path(path)
    frame = _read(path, columns or {}, set(text), layer)
    names = _renaming(path, columns or {}, frame.columns)
    numbers = [str(number) for number in range(1, len(frame) + 1)]
    if numbered is not None and numbered not in {names.get(str(name), name) for name in frame.columns}:
        frame = frame.assign(**{numbered: numbers})
    taken = [name for name in frame.columns if name in names.values() and name not in names]
    frame = _keep(path, frame, where or {}).drop(columns=taken).rename(columns=names)
    if not isinstance(frame, gpd.GeoDataFrame):
        frame = _with_points(path, frame)
    return _with_crs(path, _single_points(frame), crs)


def read_rows(
    path: str | os.PathLike[str],
    *,
    layer: str | None = None,
    text: Iterable[str] = (),
    where: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Rows of a file as they are, wherever they lie; parameters and errors as :func:`read_table`."""
    return _keep(Path(path), _read(Path(path), {}, set(text), layer), where or {})


def _read(path: Path, columns: Mapping[str, str], text: set[str], layer: str | None) -> pd.DataFrame:
    if not path.exists():
        msg = f"{path} does not exist. Check the path; a relative one starts at {Path.cwd()}."
        raise InputError(msg)
    if path.is_file() and path.stat().st_size == 0:
        msg = f"{path} is an empty file. Give a file with a header and rows."
        raise InputError(msg)
    try:
        if path.suffix.lower() in (".csv", ".tsv", ".txt"):
            return _read_csv(path, columns, text)
        if path.suffix.lower() in (".parquet", ".geoparquet", ".pq"):
            return _read_parquet(path)
        return gpd.read_file(path, engine="pyogrio", layer=_layer(path, layer))
    except (*_BROKEN, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}. Give CSV (UTF-8), Parquet, or a vector file that GDAL reads."
        raise InputError(msg) from error


def _layer(path: Path, layer: str | None) -> str | None:
    """The layer to be read; a format that holds one alone may call it otherwise than who asks."""
    if layer is None:
        return None
    there = [str(name) for name in pyogrio.list_layers(path)[:, 0] if name != "layer_styles"]
    if layer in there or (len(there) < 2 and path.suffix.lower() != ".gpkg"):
        return layer if layer in there else None
    msg = f"{path} has no layer {layer!r}; it has: {', '.join(there)}."
    raise InputError(msg)


def _read_csv(path: Path, columns: Mapping[str, str], text: set[str]) -> pd.DataFrame:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    header = pd.read_csv(path, sep=separator, nrows=0).columns
    names = _renaming(path, columns, header)
    words = [name for name in header if names.get(name, name) in text]
    blanks: dict[str, Iterable[str]] = {name: [""] if name in words else _MISSING for name in header}
    return pd.read_csv(
        path, sep=separator, dtype=dict.fromkeys(words, "str"), keep_default_na=False, na_values=blanks
    )


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return gpd.read_parquet(path)
    except ValueError as error:
        if "geo metadata" not in str(error).lower():
            raise
        return pd.read_parquet(path)


def _renaming(path: Path, columns: Mapping[str, str], header: Iterable[object]) -> dict[str, str]:
    """The file's names to the new names, whichever way round the pairs were given."""
    there = [str(name) for name in header]
    names: dict[str, str] = {}
    for first, second in columns.items():
        if first not in there and second not in there:
            msg = f"{path}: {unknown_column(first, there, what='It has')}."
            raise MissingColumnError(msg)
        source, target = (first, second) if first in there else (second, first)
        names[source] = target
    return names


def _keep(path: Path, frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    for column, wanted in where.items():
        if column not in frame:
            others = [str(name) for name in frame.columns]
            msg = f"{path}, where: {unknown_column(column, others, what='It has')}."
            raise MissingColumnError(msg)
        values = list(wanted) if isinstance(wanted, list | tuple | set | np.ndarray) else [wanted]
        if not pd.api.types.is_numeric_dtype(frame[column]):
            values = [str(value) for value in values]
        kept = frame[column].isin(values)
        if len(frame) and not kept.any():
            some = ", ".join(map(str, frame[column].drop_duplicates().head(10)))
            reason = f"no row has {column} = {wanted!r}; it has {some}"
            msg = f"{path}, where: {reason}."
            raise TableError(msg, rejected_rows([""], column, reason))
        frame = frame[kept]
    return frame


def _with_points(path: Path, frame: pd.DataFrame) -> gpd.GeoDataFrame:
    for lon, lat in _PLACES:
        if lon in frame and lat in frame:
            x, y = (pd.to_numeric(frame[name], errors="coerce") for name in (lon, lat))
            return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(x, y))
    msg = (
        f"{path} has no position: there are no columns longitude and latitude. Name them in columns="
        f"{{'file name': 'longitude', ...}}. It has: {', '.join(map(str, frame.columns))}."
    )
    raise MissingColumnError(msg)


def _single_points(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Points for multipoints of one part, as which GIS programs like to write points."""
    shapes = frame.geometry.to_numpy()
    single = (shapely.get_type_id(shapes) == 4) & (shapely.get_num_geometries(shapes) == 1)
    if not single.any():
        return frame
    parts = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    return frame.set_geometry(gpd.GeoSeries(parts, index=frame.index, crs=frame.crs))


def _with_crs(path: Path, frame: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    if crs is None and frame.crs is None:
        msg = f"{path} has no CRS. Say it: crs='EPSG:4326' if its coordinates are longitude and latitude."
        raise MissingCRSError(msg)
    if crs is None:
        return frame
    known = known_crs(crs)
    if frame.crs is None:
        return frame.set_crs(known)
    if not known.equals(frame.crs, ignore_axis_order=True):
        msg = f"{path} says its CRS is {frame.crs.name}, crs= says {crs}. Leave crs out, or mend the file."
        raise InputError(msg)
    return frame


def known_crs(crs: Any) -> CRS:
    """The coordinate system that somebody named.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        msg = f"crs={crs!r} is no CRS that PROJ knows. Give an authority and code, such as EPSG:4326."
        raise InputError(msg) from error
