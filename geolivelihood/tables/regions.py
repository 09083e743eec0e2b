"""Regions that results are reported for: polygons with a name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from geolivelihood.errors import MissingColumnError
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.schema import Checked, check_regions, unknown_column
from geolivelihood.tables.sources import read_table

__all__ = ["read_regions"]


def read_regions(
    path: str | os.PathLike[str],
    *,
    name: str,
    id: str | None = None,
    where: Mapping[str, Any] | None = None,
    crs: Any = None,
    extent: Extent | None = None,
    layer: str | None = None,
) -> Checked:
    """Polygons with a name.

    Parameters
    ----------
    path
        GeoParquet or any vector file of polygons.
    name
        Column with the names that people read.
    id
        Column with unique ids. ``None`` takes the names, which must then be unique.
    where
        Rows to keep: the file's column to a value or a list of values.
    crs
        CRS of a file that has none; we never guess one.
    extent
        Where the regions must lie: west, south, east, north in degrees, or a GeoDataFrame.
    layer
        Layer of a file with several.

    Returns
    -------
    Checked
        ``region_id``, ``name`` (both text), polygons in EPSG:4326 and all other columns; and the rows set
        aside.

    Raises
    ------
    MissingCRSError, MissingColumnError, TableError, InputError
        As :func:`~geolivelihood.tables.check_regions`, or if the file cannot be read.
    """
    frame = read_table(path, where=where, crs=crs, text=(name, id or name), layer=layer)
    for column in (name, id):
        if column is not None and column not in frame:
            others = [str(other) for other in frame.columns if other != frame.geometry.name]
            msg = f"{path}: {unknown_column(column, others, what='It has')}."
            raise MissingColumnError(msg)
    given = frame
    frame = frame.drop(columns=[column for column in ("region_id", "name") if column in frame])
    return check_regions(frame.assign(region_id=given[id or name], name=given[name]), extent=extent)
