"""Tables in the form that files can hold: names, types and geometry, with nothing lost silently."""

from __future__ import annotations

import datetime
import json
from collections.abc import Hashable, Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geolivelihood.cells import cell_names, cell_polygons
from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.layers.qml import clean

__all__ = ["storable", "with_geometry"]

_TIMES = ("date", "datetime", "datetime64")


def with_geometry(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with polygons if it is indexed by cells and has no geometry; its CRS is checked.

    Parameters
    ----------
    name
        The layer's name, for messages.
    frame
        A GeoDataFrame with a CRS, or a DataFrame; one with an integer index called ``cell`` gets the polygons
        of its cells in EPSG:4326.

    Raises
    ------
    MissingCRSError
        If a GeoDataFrame has no CRS.
    InputError
        If points, lines and polygons are mixed in one layer, or the object is no frame.
    """
    if not isinstance(frame, pd.DataFrame):
        msg = f"Layer {name!r} is a {type(frame).__name__}; give a GeoDataFrame or a DataFrame."
        raise InputError(msg)
    if not isinstance(frame, gpd.GeoDataFrame):
        if not _is_cells(frame.index):
            return frame
        polygons = np.asarray(cell_polygons(frame.index.to_numpy(dtype=np.uint64)))
        frame = gpd.GeoDataFrame(frame, geometry=polygons, crs="EPSG:4326")
    if frame.active_geometry_name is None:
        msg = f"Layer {name!r} has no active geometry. Set it with gdf.set_geometry(column)."
        raise InputError(msg)
    if frame.crs is None:
        msg = (
            f"Layer {name!r} has no CRS. Set it with gdf.set_crs('EPSG:4326') if the coordinates are "
            "longitude/latitude."
        )
        raise MissingCRSError(msg)
    return _one_type(name, frame)


def storable(
    frame: pd.DataFrame, *, unique_names: bool = True, lists: bool = False
) -> tuple[pd.DataFrame, dict[str, str]]:
    """A copy whose columns any vector format can hold, and what became of their names.

    A named index becomes a column; cells become hexadecimal text; lists, dictionaries and arrays become JSON
    text; dates and times become UTC timestamps; categories become their values; a further geometry becomes
    WKT.

    Parameters
    ----------
    frame
        What :func:`with_geometry` returned.
    unique_names
        Whether names that SQLite cannot tell apart (``Wealth``, ``wealth``), and those that a GeoPackage
        keeps for itself (``fid``, ``geom``), get a number at the end: ``wealth_2``.
    lists
        Whether columns of lists stay lists, for formats that know them.

    Returns
    -------
    frame, names
        The copy with a plain index, and a dictionary from the old column name to the new one.
    """
    active = frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None
    columns = _columns(frame, active)
    names = _new_names([name for name, _ in columns], unique=unique_names)
    # a loop over columns; each is converted in bulk where its type allows
    stored = {new: _stored(values, lists=lists) for new, (_, values) in zip(names, columns)}
    plain = pd.DataFrame(stored, index=pd.RangeIndex(len(frame)))
    renamed = {str(name): new for (name, _), new in zip(columns, names)}
    if active is None:
        return plain, renamed
    shape = "geom" if unique_names else "geometry"
    plain[shape] = frame[active].array
    return gpd.GeoDataFrame(plain, geometry=shape, crs=frame.crs), renamed


def _columns(frame: pd.DataFrame, active: Hashable) -> list[tuple[Hashable, pd.Series]]:
    """Names and values of the columns without the active geometry; a named index comes first."""
    held = set(map(str, frame.columns))
    levels = [
        (name, frame.index.get_level_values(level).to_series())
        for level, name in enumerate(frame.index.names)
        if name is not None and str(name) not in held
    ]
    inner = [(name, frame.iloc[:, at]) for at, name in enumerate(frame.columns) if name != active]
    return [*levels, *inner]


def _new_names(names: Iterable[Hashable], *, unique: bool) -> list[str]:
    taken: set[str] = {"fid", "geom"} if unique else {"geometry"}
    result = []
    for name in names:
        base = clean(str(name)).strip() or "column"
        new, number = base, 2
        while (new.lower() if unique else new) in taken:
            new, number = f"{base}_{number}", number + 1
        taken.add(new.lower() if unique else new)
        result.append(new)
    return result


def _stored(values: pd.Series, *, lists: bool = False) -> Any:
    """The values of one column as an array that can be written."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _stored(values.astype(dtype.categories.dtype))
    if isinstance(dtype, gpd.array.GeometryDtype):
        return pd.array(shapely.to_wkt(values.to_numpy(), rounding_precision=7), dtype="str")
    if dtype == np.uint64:
        return _cells_or_integers(values)
    if isinstance(dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_dtype(dtype):
        return _utc(values)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return values.dt.total_seconds().array
    if isinstance(dtype, np.dtype) and dtype == np.float16:
        return values.astype(np.float32).array
    if isinstance(dtype, (pd.PeriodDtype, pd.IntervalDtype)) or pd.api.types.is_complex_dtype(dtype):
        return _text(values)
    return _stored_objects(values, lists=lists) if pd.api.types.is_object_dtype(dtype) else values.array


def _stored_objects(values: pd.Series, *, lists: bool) -> Any:
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind == "string":
        return values.astype("str").array
    if kind == "boolean":
        return values.astype("boolean").array
    if kind in {"integer", "floating", "mixed-integer-float", "decimal"}:
        return pd.to_numeric(values).convert_dtypes().array
    if kind in _TIMES:
        return _utc(pd.to_datetime(_midnights(values), utc=True))
    if kind == "bytes":
        return values.array
    if lists and all(isinstance(value, (list, np.ndarray)) or _missing(value) for value in values):
        return values.array
    # lists and the like have no bulk form: one json.dumps per value
    texts = [None if _missing(value) else _json(value) for value in values]
    return pd.array(texts, dtype="str")


def _cells_or_integers(values: pd.Series) -> Any:
    """Unsigned numbers: cells by their name, others as signed integers, or as text if too large."""
    numbers = values.to_numpy()
    if values.name is not None and str(values.name).lower().split("_")[-1] in {"cell", "cells", "h3"}:
        return pd.array(np.asarray(cell_names(numbers), dtype=object), dtype="str")
    return numbers.astype(np.int64) if not numbers.size or numbers.max() < 2**63 else _text(values)


def _text(values: pd.Series) -> Any:
    return values.astype("str").where(values.notna(), None).astype("str").array


def _utc(values: pd.Series) -> Any:
    """Times in UTC to the millisecond, as the formats keep them; times without a zone are UTC."""
    zoned = values.dt.tz_convert("UTC") if values.dt.tz is not None else values.dt.tz_localize("UTC")
    return zoned.dt.as_unit("ms").array


def _midnights(values: pd.Series) -> pd.Series:
    return values.map(lambda v: datetime.datetime(v.year, v.month, v.day) if type(v) is datetime.date else v)


def _missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _json(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_plain, allow_nan=True)


def _plain(value: Any) -> Any:
    """What the json module does not know: arrays, sets, NumPy numbers, times."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _is_cells(index: pd.Index) -> bool:
    return index.name == "cell" and pd.api.types.is_integer_dtype(index.dtype)


def _one_type(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Single and multi-part geometry of one kind become multi-part; different kinds are refused."""
    shapes = frame.geometry.to_numpy()
    types = np.unique(shapely.get_type_id(shapes[~shapely.is_missing(shapes)]))
    kinds = {_KIND.get(int(number), "collections") for number in types}
    if len(kinds) > 1:
        msg = (
            f"Layer {name!r} mixes {', '.join(sorted(kinds))}. One layer holds one kind of geometry: write "
            f"several layers, for instance {name + '_points'!r} and {name + '_polygons'!r}."
        )
        raise InputError(msg)
    if len(types) < 2 or kinds == {"collections"}:
        return frame
    single = np.isin(shapely.get_type_id(shapes), list(_MULTI))
    shapes = shapes.copy()
    shapes[single] = _MULTI[int(types[0])](shapes[single], indices=np.arange(single.sum()))
    result = frame.copy(deep=False)
    result[frame.active_geometry_name] = gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)
    return result


_KIND = {0: "points", 1: "lines", 3: "polygons", 4: "points", 5: "lines", 6: "polygons"}
_MULTI = {0: shapely.multipoints, 1: shapely.multilinestrings, 3: shapely.multipolygons}
