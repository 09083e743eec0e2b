"""The door: tables of pictures, clusters and regions are checked here once, and trusted behind it.

Every fault is collected first. What no table can live with raises, all at once; a bad row is set aside with
its reason.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.tables.coordinates import Extent, check_coordinates
from geolivelihood.tables.faults import Checked, Faults

__all__ = ["Checked", "check_clusters", "check_images", "check_regions"]

_KINDS = ("street", "overhead")
_POLYGONS = ("Polygon", "MultiPolygon")
_CODES = np.array(
    [97, 98, 99, *range(994, 1000), *range(9994, 10000), 99997, 99998, 99999, 999999], dtype=float
)
_URBAN = {"u": True, "urban": True, "true": True, "1": True, "1.0": True}
_RURAL = {"r": False, "rural": False, "false": False, "0": False, "0.0": False}


def check_images(frame: gpd.GeoDataFrame, *, extent: Extent | None = None, located: bool = True) -> Checked:
    """Check a table of pictures.

    Parameters
    ----------
    frame
        ``image_id``, ``kind`` (``street`` or ``overhead``) and geometry: a Point for a street photo, a
        footprint Polygon for an overhead picture. Optional ``path`` (only what opens the pictures needs it;
        a table that has it has it in every row), ``captured_at`` (UTC), ``heading`` (degrees clockwise
        from north, 0 to 360), ``fov`` (degrees). A picture may stand once per ``cluster_id``.
    extent
        Where the pictures must lie: west, south, east, north in degrees, or a GeoDataFrame.
    located
        Whether every picture must have a place. Pictures without one can be paired by their ``place_id``, and
        nothing else.

    Returns
    -------
    Checked
        Table in EPSG:4326 with the caller's index, and the rows set aside.

    Raises
    ------
    MissingCRSError, MissingColumnError, TableError
        With every fatal fault in ``faults`` and in the message.
    """
    faults = _begin(frame, "images", "image_id", ["image_id", "kind"])
    table = _with_ids(frame, "image_id", faults)
    keys = ["image_id", "cluster_id"] if "cluster_id" in frame else ["image_id"]
    _check_unique(table, keys, faults)
    _check_text(table, "path", faults)
    _check_kind(table, faults)
    _check_times(table, faults)
    for column, top in (("heading", 360.0), ("fov", 360.0)):
        _check_range(table, column, faults, low=0.0, high=top)
    types = ("Point", *_POLYGONS)
    table = check_coordinates(table, faults, types=types, extent=extent, required=located)
    return _end(table, faults)


def check_clusters(
    frame: gpd.GeoDataFrame,
    *,
    indicators: Sequence[str],
    extent: Extent | None = None,
    missing_codes: Sequence[float] | None = None,
) -> Checked:
    """Check a table of survey clusters.

    Parameters
    ----------
    frame
        ``cluster_id``, a Point and one numeric column per indicator (NaN = missing); optional ``urban``
        (bool, 0/1, ``U``/``R``), ``<indicator>_se``, ``weight``, ``households``.
    indicators
        Columns that hold the labels.
    extent
        Where the clusters must lie: west, south, east, north in degrees, or a GeoDataFrame.
    missing_codes
        Numbers that mean "missing" in the indicators; they become NaN. ``None`` sets rows aside whose value
        looks like such a code (999, -99, 9998 ... far from all other values); ``[]`` says there are none.

    Returns
    -------
    Checked
        Table in EPSG:4326 with the caller's index, float indicators, bool ``urban``; and the rows set aside.

    Raises
    ------
    MissingCRSError, MissingColumnError, TableError
        With every fatal fault in ``faults`` and in the message: among them ids that repeat, and a label that
        varies within one cluster id.
    """
    if isinstance(indicators, str):
        msg = f"indicators={indicators!r} is one text. Give a list of columns: indicators=[{indicators!r}]."
        raise InputError(msg)
    faults = _begin(frame, "clusters", "cluster_id", ["cluster_id"])
    _check_indicators_known(frame, indicators, faults)
    table = _with_ids(frame, "cluster_id", faults)
    known = [name for name in indicators if name in table]
    for name in known:
        table[name] = _numbers(table, name, faults)
        table[name] = _without_codes(table[name], faults, missing_codes)
        _check_range(table, f"{name}_se", faults, low=0.0, strict=True)
    _check_labels_agree(table, known, faults)
    _check_range(table, "weight", faults, low=0.0, strict=True, required=True)
    _check_range(table, "households", faults, low=0.0)
    if "urban" in table:
        table["urban"] = _urban(table["urban"], faults)
    table = check_coordinates(table, faults, types=("Point",), extent=extent)
    checked = _end(table, faults)
    if "urban" in checked.table:
        return Checked(checked.table.astype({"urban": bool}), checked.rejected)
    return checked


def check_regions(frame: gpd.GeoDataFrame, *, extent: Extent | None = None) -> Checked:
    """Check a table of regions.

    Invalid rings are repaired, with a warning that names the regions.

    Parameters
    ----------
    frame
        ``region_id``, ``name`` and polygons.
    extent
        Where the regions must lie: west, south, east, north in degrees, or a GeoDataFrame.

    Returns
    -------
    Checked
        Table in EPSG:4326 with the caller's index, and the rows set aside.

    Raises
    ------
    MissingCRSError, MissingColumnError, TableError
        With every fatal fault in ``faults`` and in the message.
    """
    faults = _begin(frame, "regions", "region_id", ["region_id", "name"])
    table = _with_ids(frame, "region_id", faults)
    _check_unique(table, ["region_id"], faults)
    _check_text(table, "name", faults)
    table = check_coordinates(table, faults, types=_POLYGONS, extent=extent)
    checked = _end(table, faults)
    return Checked(_with_valid_rings(checked.table), checked.rejected)


def as_ids(values: pd.Series) -> pd.Series:
    """Ids as text: 7 and 7.0 are ``"7"``, text stays as it is (``"007"``), missing or blank stays missing."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    text = values.astype("str").str.strip()
    return text.mask(values.isna() | (text == ""))


def unknown_column(name: str, columns: Sequence[str], *, what: str) -> str:
    """Message for a column that is not there, with near matches and everything that could be meant."""
    near = difflib.get_close_matches(name, columns, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
    return f"there is no column {name!r}.{hint} {what}: {', '.join(map(str, columns)) or 'none'}"


def _begin(frame: gpd.GeoDataFrame, what: str, id_column: str, required: Sequence[str]) -> Faults:
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        msg = (
            f"The table of {what} is a {type(frame).__name__} without a geometry. Give a GeoDataFrame: "
            "gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(lon, lat), crs='EPSG:4326')."
        )
        raise InputError(msg)
    rows = frame.index.astype("str").to_series(index=frame.index)
    if id_column in frame:
        rows = as_ids(frame[id_column]).fillna(rows)
    faults = Faults(what, rows)
    if frame.empty:
        faults.fatal("table", "has no rows")
    for column in required:
        if column not in frame:
            others = [str(name) for name in frame.columns]
            reason = unknown_column(column, others, what="It has")
            faults.fatal(column, reason, kind=MissingColumnError)
    return faults


def _end(table: gpd.GeoDataFrame, faults: Faults) -> Checked:
    faults.raise_fatal()
    return Checked(table.loc[~faults.bad].copy(), faults.rejected())


def _with_ids(frame: gpd.GeoDataFrame, column: str, faults: Faults) -> gpd.GeoDataFrame:
    table = frame.copy()
    if column in table:
        ids = as_ids(table[column])
        faults.set_aside(ids.isna(), column, "the id is missing")
        table[column] = ids
    if table.active_geometry_name != "geometry":
        table = table.rename_geometry("geometry")
    return table


def _check_unique(table: gpd.GeoDataFrame, keys: list[str], faults: Faults) -> None:
    if keys[0] not in table:
        return
    twice = table.duplicated(keys, keep=False) & table[keys[0]].notna()
    if twice.any():
        faults.fatal(keys[0], "the id is used more than once; ids must be unique", mask=twice)


def _check_text(table: gpd.GeoDataFrame, column: str, faults: Faults) -> None:
    if column in table:
        blank = table[column].isna() | (table[column].astype("str").str.strip() == "")
        faults.set_aside(blank, column, f"the {column} is empty")


def _check_kind(table: gpd.GeoDataFrame, faults: Faults) -> None:
    """A street photo has a point, an overhead picture a footprint."""
    if "kind" not in table:
        return
    unknown = ~table["kind"].isin(_KINDS)
    reasons = [f"{kind!r} is no kind; it must be street or overhead" for kind in table.loc[unknown, "kind"]]
    faults.set_aside(unknown, "kind", reasons)
    shape = table.geom_type
    street = (table["kind"] == "street") & shape.isin(_POLYGONS)
    faults.set_aside(street, "geometry", "a street photo is a Point, this is a footprint")
    overhead = (table["kind"] == "overhead") & (shape == "Point")
    faults.set_aside(overhead, "geometry", "an overhead picture is a footprint Polygon, this is a Point")


def _check_times(table: gpd.GeoDataFrame, faults: Faults) -> None:
    if "captured_at" not in table or table["captured_at"].isna().all():
        return
    kind = table["captured_at"].dtype
    if not (isinstance(kind, pd.DatetimeTZDtype) and str(kind.tz) == "UTC"):
        remedy = "frame['captured_at'] = pd.to_datetime(frame['captured_at'], utc=True)"
        faults.fatal("captured_at", f"holds {kind}, must be UTC datetimes: {remedy}")


def _numbers(table: gpd.GeoDataFrame, column: str, faults: Faults) -> pd.Series:
    """The column as float64; rows whose entry is no finite number are set aside, empty ones are NaN."""
    given = table[column]
    numbers = pd.to_numeric(given, errors="coerce").astype("float64")
    empty = given.isna()
    if not pd.api.types.is_numeric_dtype(given):
        empty |= given.astype("str").str.strip() == ""
    wrong = (numbers.isna() & ~empty) | np.isinf(numbers)
    faults.set_aside(wrong, column, [f"{value!r} is no finite number" for value in given[wrong]])
    return numbers


def _without_codes(values: pd.Series, faults: Faults, codes: Sequence[float] | None) -> pd.Series:
    if codes is not None:
        return values.mask(values.isin(list(codes)))
    suspect = looks_like_code(values.to_numpy())
    reasons = [
        f"{value:g} looks like a code for missing: make it empty, or name it in missing_codes"
        for value in values[suspect]
    ]
    faults.set_aside(suspect, str(values.name), reasons)
    return values


def looks_like_code(values: np.ndarray, *, also: Sequence[float] = ()) -> np.ndarray:
    """Codes (97-99, 994-999, 9994-9999 ..., and ``also``) further from the others than these lie apart."""
    coded = np.isin(np.abs(values), _CODES) | (np.abs(values) > 1e30) | np.isin(values, also)
    others = values[~coded & np.isfinite(values)]
    if not len(others):
        return np.zeros(len(values), dtype=bool)
    low, high = others.min(), others.max()
    away = np.maximum(low - values, values - high)
    return coded & (away > max(high - low, np.abs(others).max()))


def _check_range(
    table: gpd.GeoDataFrame,
    column: str,
    faults: Faults,
    *,
    low: float,
    high: float = np.inf,
    strict: bool = False,
    required: bool = False,
) -> None:
    if column not in table:
        return
    table[column] = _numbers(table, column, faults)
    values = table[column]
    wrong = (values <= low if strict else values < low) | (values > high)
    rule = f"must be {'above' if strict else 'at least'} {low:g}" + (
        "" if np.isinf(high) else f" and at most {high:g}"
    )
    faults.set_aside(wrong, column, [f"{value:g} {rule}" for value in values[wrong]])
    if required:
        faults.set_aside(values.isna(), column, f"the {column} is missing")


def _check_indicators_known(frame: gpd.GeoDataFrame, indicators: Sequence[str], faults: Faults) -> None:
    numeric = [str(name) for name in frame.select_dtypes("number").columns if name != "cluster_id"]
    for name in indicators:
        if name not in frame:
            reason = unknown_column(name, numeric, what="Its numeric columns are")
            faults.fatal(name, reason, kind=MissingColumnError)


def _check_labels_agree(table: gpd.GeoDataFrame, indicators: Sequence[str], faults: Faults) -> None:
    if "cluster_id" not in table:
        return
    twice = table.duplicated("cluster_id", keep=False) & table["cluster_id"].notna()
    if not twice.any():
        return
    groups = table[twice].groupby("cluster_id", sort=False)
    same = np.ones(len(table), dtype=bool)
    for name in indicators:
        labels = groups[name].nunique(dropna=False)
        varies = table.loc[twice, "cluster_id"].map(labels).to_numpy() > 1
        if varies.any():
            mask = np.zeros(len(table), dtype=bool)
            mask[np.flatnonzero(twice)[varies]] = True
            same &= ~mask
            faults.fatal(name, "the label varies within one cluster_id; a cluster has one label", mask=mask)
    if (twice & same).any():
        reason = (
            "the id is used more than once; keep one row per cluster (frame.drop_duplicates('cluster_id'))"
        )
        faults.fatal("cluster_id", reason, mask=twice & same)


def _urban(given: pd.Series, faults: Faults) -> pd.Series:
    text = given.astype("str").str.strip().str.lower()
    known = text.map(_URBAN | _RURAL)
    wrong = known.isna()
    reasons = [f"{value!r} is neither urban (U, 1, true) nor rural (R, 0, false)" for value in given[wrong]]
    faults.set_aside(wrong, "urban", reasons)
    return known


def _with_valid_rings(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    broken = ~table.geometry.is_valid
    if not broken.any():
        return table
    names = ", ".join(table.loc[broken, "name"].astype("str").head(5))
    warnings.warn(f"repaired the rings of {int(broken.sum())} regions ({names})", stacklevel=3)
    mended = shapely.make_valid(table.loc[broken, "geometry"].to_numpy())
    table.loc[broken, "geometry"] = shapely.buffer(mended, 0)  # drops the lines and points that repair leaves
    return table
