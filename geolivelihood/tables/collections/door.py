"""The door of published collections: the checks of any table of pictures, and what they set aside."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
from affine import Affine

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.tables.coordinates import Extent
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.footprints import window_polygons
from geolivelihood.tables.schema import check_images, unknown_column

__all__ = [
    "OnRejected",
    "absent_files",
    "admit",
    "cell_polygons",
    "collection_folder",
    "files_below",
    "in_split",
    "numbers",
    "require_columns",
]

OnRejected: TypeAlias = Callable[[pd.DataFrame], None]
"""Called once with ``row``, ``column``, ``reason`` of everything that was set aside."""

_log = logging.getLogger(__name__)
_SHOWN = 5


def admit(
    frame: gpd.GeoDataFrame,
    *,
    what: str,
    rejected: Iterable[pd.DataFrame] = (),
    gaps: Iterable[pd.DataFrame] = (),
    extent: Extent | None = None,
    located: bool = True,
    max_rejected: float = 0.1,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """A collection's pictures as a table that the rooms behind may trust.

    Parameters
    ----------
    frame
        The pictures that the reader could make sense of.
    what
        What the collection is called in messages.
    rejected
        Rows that the reader set aside itself.
    gaps
        Rows that the publishers left without what is needed (-1000 for a position, no income). They are
        reported with the others and do not count towards ``max_rejected``.
    extent
        Where the pictures must lie.
    located
        Whether every picture must have a place.
    max_rejected
        Share of rows set aside above which the collection is refused.
    on_rejected
        Called with everything set aside; ``None`` logs a warning.

    Returns
    -------
    geopandas.GeoDataFrame
        EPSG:4326, index from 0.

    Raises
    ------
    InputError
        If no row is left.
    MissingCRSError, MissingColumnError, TableError
        From :func:`~geolivelihood.tables.check_images`.
    TooManyRejectedError
        If more rows than ``max_rejected`` are set aside.
    """
    faults, known = [*rejected], [*gaps]
    if not len(frame):
        _refuse_empty(what, [*faults, *known])
    checked = check_images(frame.reset_index(drop=True), extent=extent, located=located)
    faults.append(checked.rejected)
    aside = pd.concat(faults, ignore_index=True)
    _check_share(what, aside, len(checked.table), max_rejected)
    everything = pd.concat([aside, *known], ignore_index=True)
    if len(everything):
        (on_rejected or _warn)(everything)
    return checked.table.reset_index(drop=True)


def collection_folder(root: str | os.PathLike[str], *, layout: str) -> Path:
    """The root folder of a collection, which must be there.

    Raises
    ------
    InputError
        If it is not; the message says which ``layout`` it should have.
    """
    folder = Path(root)
    if folder.is_dir():
        return folder
    what = "is a file" if folder.exists() else "does not exist"
    msg = f"{folder} {what}. Give the root folder of the published layout: {layout}."
    raise InputError(msg)


def files_below(folder: Path, suffixes: Sequence[str]) -> list[str]:
    """Paths below a folder of the files that end in one of ``suffixes``, relative to it and sorted.

    Folders that are links are followed, as splits on another disk often are, unless they lead in a circle.
    """
    found = []
    # one pass; a glob per picture is what makes this slow
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _leads_back(Path(place, name))]
        inner = Path(place).relative_to(folder)
        found += [(inner / name).as_posix() for name in names if name.lower().endswith(tuple(suffixes))]
    return sorted(found)


def in_split(table: pd.DataFrame, split: str | None, *, where: str | os.PathLike[str]) -> pd.DataFrame:
    """The rows of one split; all of them for ``None``.

    Raises
    ------
    InputError
        If there is no such split.
    """
    if split is None:
        return table
    there = table["split"].dropna().unique().tolist() if "split" in table else []
    if split not in there:
        has = f"it has {', '.join(map(str, there))}" if there else "nothing there says a split"
        msg = f"split={split!r}: {where} has no such split; {has}."
        raise InputError(msg)
    return table[table["split"] == split].reset_index(drop=True)


def absent_files(paths: pd.Series, rows: pd.Series) -> tuple[np.ndarray, pd.DataFrame]:
    """Which files are not there, and the rows to set aside for it."""
    absent = np.array(
        [not Path(path).is_file() for path in paths], dtype=bool
    )  # the disk is asked file by file
    return absent, rejected_rows(rows[absent], "path", "there is no such file: " + paths[absent].astype(str))


def require_columns(table: pd.DataFrame, names: Sequence[str], *, where: str | os.PathLike[str]) -> None:
    """Check that columns are there.

    Raises
    ------
    MissingColumnError
        With every column that is not.
    """
    there = [str(name) for name in table.columns]
    missing = [unknown_column(name, there, what="It has") for name in names if name not in table]
    if missing:
        msg = f"{where}: {'; '.join(missing)}."
        raise MissingColumnError(msg)


def numbers(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Values as float64, and which of them are there but no finite number."""
    cast = pd.to_numeric(values, errors="coerce").astype("float64")
    empty = values.isna() | (values.astype("str").str.strip() == "")
    wrong = ~np.isfinite(cast) & ~empty
    return cast.mask(wrong), wrong


def cell_polygons(west: Any, south: Any, size: float, *, crs: str) -> np.ndarray:
    """Square cells of a metric grid as polygons in EPSG:4326.

    Parameters
    ----------
    west, south
        (n,) lower left corners in the units of ``crs``.
    size
        Side in the same units. Edges stay straight: over 200 m they are off by less than a millimetre.
    crs
        CRS of the grid.

    Returns
    -------
    numpy.ndarray
        (n,) shapely polygons, longitude/latitude.
    """
    x, y = np.asarray(west, dtype=float), np.asarray(south, dtype=float)
    side = np.full(len(x), float(size))
    windows = np.column_stack([x, -(y + side), side, side])
    return window_polygons(Affine.scale(1, -1), windows, crs=crs, points_per_edge=1)


def _leads_back(folder: Path) -> bool:
    """Whether a folder is a link to one that holds it."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def _refuse_empty(what: str, rejected: Sequence[pd.DataFrame]) -> None:
    told = _reasons(pd.concat(rejected)) if rejected and sum(map(len, rejected)) else "it has none"
    msg = f"Not one picture of {what} can be used: {told}."
    raise InputError(msg)


def _check_share(what: str, aside: pd.DataFrame, kept: int, most: float) -> None:
    rows = aside["row"].nunique()
    if rows <= most * (rows + kept):
        return
    msg = (
        f"{rows:,} of {rows + kept:,} pictures of {what} would be set aside, more than {most:.0%}: "
        f"{_reasons(aside)}. Mend the collection, or allow more with max_rejected."
    )
    raise TooManyRejectedError(msg)


def _reasons(rejected: pd.DataFrame) -> str:
    """The commonest reasons, how often, and one row of each."""
    kinds = rejected["reason"].str.partition(": ")[0]
    counts = kinds.value_counts().head(_SHOWN)
    first = rejected["row"].groupby(kinds).first()
    return "; ".join(f"{count:,} {kind} (such as {first[kind]})" for kind, count in counts.items())


def _warn(rejected: pd.DataFrame) -> None:
    _log.warning("%d rows were set aside: %s", len(rejected), _reasons(rejected))
