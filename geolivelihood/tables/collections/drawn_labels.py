"""Labels that people drew in pictures: polygons with a class, tied to their picture."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood.errors import InputError
from geolivelihood.tables.collections.door import OnRejected

__all__ = ["drawn_labels", "file_text", "polygons_only"]

_log = logging.getLogger(__name__)


def drawn_labels(
    columns: dict[str, Any],
    shapes: npt.NDArray[Any],
    *,
    what: str,
    rejected: Iterable[pd.DataFrame],
    on_rejected: OnRejected | None,
) -> gpd.GeoDataFrame:
    """A table of labels in EPSG:4326, and a word on those set aside.

    Parameters
    ----------
    columns
        ``image_id``, ``class`` and what else is known.
    shapes
        (n,) polygons, longitude/latitude.
    what
        What the collection is called in messages.
    rejected
        ``row``, ``column``, ``reason`` of the labels that cannot be used.
    on_rejected
        Called once with them; ``None`` logs a warning.

    Raises
    ------
    InputError
        If no label is left.
    """
    aside = pd.concat([*rejected], ignore_index=True)
    if not len(shapes):
        first = f" The first: {aside['row'].iloc[0]}: {aside['reason'].iloc[0]}." if len(aside) else ""
        msg = f"Not one label of {what} can be used.{first}"
        raise InputError(msg)
    if len(aside) and on_rejected is not None:
        on_rejected(aside)
    elif len(aside):
        counts = aside["reason"].value_counts()
        told = "; ".join(f"{count:,} {reason}" for reason, count in counts.head(5).items())
        _log.warning("%d labels of %s were set aside: %s", len(aside), what, told)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4326")


def polygons_only(shapes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Shapes flat and valid: their polygons, an empty polygon where there are none."""
    flat = shapely.force_2d(shapes)
    broken = ~shapely.is_valid(flat) & ~shapely.is_missing(flat)
    flat[broken] = shapely.buffer(shapely.make_valid(flat[broken]), 0)
    flat[~np.isin(shapely.get_type_id(flat), (3, 6))] = shapely.Polygon()
    return flat


def file_text(path: str | os.PathLike[str], *, holds: str) -> str:
    """Text of a file in UTF-8.

    Raises
    ------
    InputError
        If it is missing or no text; the message says what it ``holds``.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}, which holds {holds}, cannot be read: {error}"
        raise InputError(msg) from error
