"""What is asked for: ids that are known to nobody, polygons to sum over."""

from __future__ import annotations

import os
from collections.abc import Collection

import geopandas as gpd
from pyogrio.errors import DataSourceError

from geolivelihood.errors import InputError

__all__ = ["read_zones", "refuse_unknown"]


def refuse_unknown(unknown: Collection[str], ids: Collection[str], what: str) -> None:
    """Say which ids are unknown.

    Raises
    ------
    InputError
        If there are any; ``what`` says what they would have to be.
    """
    if unknown:
        some = ", ".join(sorted(unknown)[:5]) + (" ..." if len(unknown) > 5 else "")
        msg = f"{len(unknown)} of {len(ids)} ids are {what}: {some}."
        raise InputError(msg)


def read_zones(path: str | os.PathLike[str]) -> gpd.GeoDataFrame:
    """Polygons of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        return gpd.read_file(path)
    except (DataSourceError, OSError) as error:
        msg = f"zones {os.fspath(path)}: cannot be read as polygons: {error}"
        raise InputError(msg) from error
