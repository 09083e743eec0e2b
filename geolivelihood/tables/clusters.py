"""Survey clusters with labels, from any file with points."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.schema import Checked, check_clusters
from geolivelihood.tables.sources import read_table

__all__ = ["read_clusters"]

_PRESETS: dict[str, dict[str, str]] = {
    "street_level_livelihoods": {"unique_cluster": "cluster_id", "lon": "longitude", "lat": "latitude"},
}
_TEXT = ("cluster_id", "country", "region_id")


def read_clusters(
    path: str | os.PathLike[str],
    *,
    indicators: Sequence[str],
    columns: Mapping[str, str] | str | None = None,
    where: Mapping[str, Any] | None = None,
    crs: Any = None,
    repeated: bool = False,
    extent: Extent | None = None,
    missing_codes: Sequence[float] | None = None,
    layer: str | None = None,
    numbered: bool = False,
) -> Checked:
    """Clusters and their labels.

    Parameters
    ----------
    path
        CSV (position in ``longitude``/``latitude`` or ``lon``/``lat``), Parquet, GeoParquet, or any vector
        file of points.
    indicators
        Columns that hold the labels, by their names after ``columns``.
    columns
        The file's name to the name here, ``{"codmun7": "cluster_id"}``; or ``"street_level_livelihoods"`` for
        the published image table, which has one row per photo and writes a missing BMI as 0.
    where
        Rows to keep: the file's column to a value or a list of values, ``{"year": 2010}``.
    crs
        CRS of a file that has none; we never guess one.
    repeated
        Whether the rows of a cluster repeat (one row per photo). They are folded into one; labels that differ
        are a fault.
    extent
        Where the clusters must lie: west, south, east, north in degrees, or a GeoDataFrame.
    missing_codes
        Numbers that mean "missing"; see :func:`~geolivelihood.tables.check_clusters`.
    layer
        Layer of a file with several.
    numbered
        Whether the clusters of a file without ``cluster_id`` are called by the numbers of their rows.

    Returns
    -------
    Checked
        One row per cluster: ``cluster_id`` (text; leading zeros stay), the indicators as float, Points in
        EPSG:4326, all other columns; and the rows set aside.

    Raises
    ------
    MissingCRSError, MissingColumnError, TableError, InputError
        As :func:`~geolivelihood.tables.check_clusters`, or if the file cannot be read. An unknown indicator
        is answered with the numeric columns and the nearest names.
    """
    preset = columns if isinstance(columns, str) else None
    if preset is not None and preset not in _PRESETS:
        msg = f"columns={preset!r} is no preset. Give one of {', '.join(_PRESETS)}, or a mapping of names."
        raise InputError(msg)
    names = _PRESETS[preset] if preset is not None else dict(columns or {})  # type: ignore[arg-type]
    number = "cluster_id" if numbered else None
    frame = read_table(path, columns=names, text=_TEXT, where=where, crs=crs, layer=layer, numbered=number)
    if preset == "street_level_livelihoods" and "bmi" in frame:
        frame = frame.assign(bmi=frame["bmi"].mask(pd.to_numeric(frame["bmi"], errors="coerce") == 0))
    if repeated or preset is not None:
        frame = _folded(frame, indicators)
    return check_clusters(frame, indicators=indicators, extent=extent, missing_codes=missing_codes)


def _folded(frame: gpd.GeoDataFrame, indicators: Sequence[str]) -> gpd.GeoDataFrame:
    """One row for each distinct label and place of a cluster, without the columns that are the photo's."""
    keys = [name for name in ("cluster_id", *indicators) if name in frame]
    if "cluster_id" not in keys:
        return frame
    place = frame.geometry.to_wkb()
    first = frame[~frame[keys].assign(place=place).duplicated()]
    constant = frame.drop(columns=frame.geometry.name).groupby("cluster_id").nunique(dropna=False).max() <= 1
    kept = [name for name in frame if name in (*keys, frame.geometry.name) or constant.get(name, False)]
    return first[kept]
