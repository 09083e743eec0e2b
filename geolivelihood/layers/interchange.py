"""The same tables for other programs: GeoJSON as RFC 7946 has it, and GeoParquet."""

from __future__ import annotations

import os
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from geolivelihood.errors import InputError, OutputError
from geolivelihood.files import atomic
from geolivelihood.layers.fields import storable, with_geometry
from geolivelihood.layers.targets import errors_told

__all__ = ["write_geojson", "write_geoparquet"]


def write_geojson(path: str | os.PathLike[str], frame: pd.DataFrame) -> Path:
    """Write a layer as GeoJSON after RFC 7946; an existing file is replaced at once or not at all.

    Longitude and latitude in WGS 84 with seven decimals (a centimetre), no ``crs`` member, outer rings
    anticlockwise, geometry cut at the antimeridian, NaN as ``null``, times in UTC, cells as hexadecimal text.

    Parameters
    ----------
    path
        The target.
    frame
        A GeoDataFrame in any CRS, or a DataFrame indexed by ``cell``.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    MissingCRSError
        If the frame has no CRS.
    InputError
        If the frame has no geometry.
    OutputError
        If the target cannot be written.
    """
    target = _target(path)
    shaped = with_geometry(target.stem, frame)
    if not isinstance(shaped, gpd.GeoDataFrame):
        msg = f"GeoJSON holds places; the table for {target} has no geometry. Write it with to_csv instead."
        raise InputError(msg)
    plain, _ = storable(shaped, unique_names=False)
    options = {"RFC7946": "YES", "COORDINATE_PRECISION": "7", "WRITE_NAME": "NO"}
    with errors_told(target), atomic(target) as part:
        wgs84 = plain.to_crs("EPSG:4326")
        pyogrio.write_dataframe(wgs84, part, driver="GeoJSON", layer=target.stem, layer_options=options)
    return target


def write_geoparquet(path: str | os.PathLike[str], frame: pd.DataFrame) -> Path:
    """Write a layer as GeoParquet 1.1 (a plain table as Parquet); an existing file is replaced at once.

    The CRS is kept, lists stay lists, cells become hexadecimal text, times are in UTC.

    Parameters
    ----------
    path
        The target.
    frame
        A GeoDataFrame in any CRS, a DataFrame indexed by ``cell``, or any other table.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    MissingCRSError
        If a GeoDataFrame has no CRS.
    OutputError
        If the target cannot be written.
    """
    target = _target(path)
    plain, _ = storable(with_geometry(target.stem, frame), unique_names=False, lists=True)
    with errors_told(target), atomic(target) as part:
        if isinstance(plain, gpd.GeoDataFrame):
            plain.to_parquet(part, index=False, schema_version="1.1.0", compression="zstd")
        else:
            plain.to_parquet(part, index=False, compression="zstd")
    return target


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.is_dir() or (target.exists() and not target.stat().st_mode & 0o222):
        msg = f"{target} is {'a folder' if target.is_dir() else 'read-only'}. Choose another name."
        raise OutputError(msg)
    return target
