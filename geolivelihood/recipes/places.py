"""Places alone, from files to files: points summed up by cell, and cells by region."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import tables
from geolivelihood.cells import Tie
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.written import Written, write_layers
from geolivelihood.tables.coordinates import check_coordinates
from geolivelihood.tables.faults import Faults
from geolivelihood.tables.schema import unknown_column
from geolivelihood.tables.sources import read_rows, read_table

__all__ = ["Source", "aggregate_cells", "first_few", "summarise_points"]

logger = logging.getLogger(__name__)

_POLYGONS = ("Polygon", "MultiPolygon")
_WHOLE = 0.95  # regions whose cells cover less of them are told


class Source(NamedTuple):
    """A table in a file.

    Attributes
    ----------
    path
        CSV, Parquet, or any vector file.
    layer
        Layer of a file with several.
    crs
        CRS of a file that has none.
    """

    path: str | os.PathLike[str]
    layer: str | None = None
    crs: str | None = None


def summarise_points(
    points: Source,
    target: str | os.PathLike[str],
    *,
    resolution: int,
    fields: Sequence[str] = (),
    labels: dict[str, str] | None = None,
) -> Written:
    """Write the H3 cells that have points: their number, and the mean of some fields.

    A polygon counts in the cell that holds its representative point.

    Parameters
    ----------
    points
        Pictures, clusters, or any other points or polygons.
    target
        GeoPackage to write: the layer ``cells`` with ``count`` and the means under the names of the fields.
    resolution
        H3 resolution.
    fields
        Numeric fields; entries that are no numbers are left out of the mean.
    labels
        Words for the fields in the legend.
    """
    begin("reading points")
    frame = read_table(points.path, layer=points.layer, crs=points.crs).reset_index(drop=True)
    _require(frame, fields, points)
    faults = Faults("points", [str(number) for number in range(1, len(frame) + 1)])
    if frame.empty:
        faults.fatal("table", "has no rows")
    placed = check_coordinates(frame, faults, types=("Point", "MultiPoint", *_POLYGONS))
    faults.raise_fatal()
    placed = placed[~faults.bad]
    if placed.empty:
        msg = f"Not one row of {points.path} has a place: {first_few(faults.rejected()['reason'])}."
        raise InputError(msg)
    begin("indexing to cells")
    anchors = placed.geometry.representative_point()
    numbers = pd.DataFrame({name: _numbers(placed, name, points) for name in fields}, index=placed.index)
    groups = numbers.groupby(h3cells.point_cells(anchors, resolution=resolution))
    made = groups.mean().assign(count=groups.size()).rename_axis("cell")
    taken = ["count", *fields]
    begin("writing results")
    return write_layers(
        target,
        {"cells": made[taken]},
        faults.rejected(),
        {"command": "h3_summary", "points": os.fspath(points.path), "resolution": resolution},
        indicators=[*fields, "count"],
        labels={"count": "Number of points"} | (labels or {}),
    )


def aggregate_cells(
    cells: Source,
    regions: Source,
    target: str | os.PathLike[str],
    *,
    values: Sequence[str],
    cell: str = "cell",
    name: str,
    population: str | os.PathLike[str] | None = None,
    labels: dict[str, str] | None = None,
) -> Written:
    """Write the means of cells over regions, weighted by the people, else by the area, that they share.

    Parameters
    ----------
    cells
        Table with the names of H3 cells, such as the layer ``cells`` of a result; each cell once.
    regions
        Polygons.
    target
        GeoPackage to write: ``regions`` with the means under the names of ``values``, ``cells`` (how many
        touch the region) and ``covered`` (share of its people, else area, in cells with a value).
    values
        Numeric fields of ``cells``.
    cell
        Field with the names of the cells.
    name
        Field with the names of the regions.
    population
        Raster of people per pixel.
    labels
        Words for the values in the legend.
    """
    begin("reading cells")
    table = _cell_values(cells, cell, values)
    begin("reading regions")
    checked = _regions(regions, name)
    places = checked.table
    begin("adding up cells")
    tie = h3cells.region_weights(table.index.to_numpy(np.uint64), places, population=population)
    means = _means(tie, table)
    frame = places[["region_id", "name", "geometry"]].merge(means, left_on="region_id", right_index=True)
    partly = frame[(frame["covered"] > 0) & (frame["covered"] < _WHOLE)]
    if frame["covered"].fillna(0).eq(0).all():
        msg = f"No cell of {cells.path} lies in a region of {regions.path}. Check that they belong together."
        raise InputError(msg)
    _tell_coverage(frame, partly, "people" if population else "area")
    begin("writing results")
    return write_layers(
        target,
        {"regions": frame},
        checked.rejected,
        {
            "command": "aggregate",
            "cells": os.fspath(cells.path),
            "regions": os.fspath(regions.path),
            "weights": "people" if population else "area",
        },
        indicators=list(values),
        labels=labels,
    )


def _cell_values(source: Source, cell: str, values: Sequence[str]) -> pd.DataFrame:
    """Values by cell, checked."""
    if not values:
        msg = "Say which values are to be summed up: one field of the cells or several."
        raise InputError(msg)
    rows = read_rows(source.path, layer=source.layer, text=[cell])
    _require(rows, [cell, *values], source)
    rows = rows[rows[cell].notna()]
    if rows.empty:
        msg = f"{source.path} has no cells: its field {cell!r} is empty. Give a table with one row per cell."
        raise InputError(msg)
    names = rows[cell].astype("str").str.strip()
    twice = names[names.duplicated()]
    if len(twice):
        msg = (
            f"The cells of {source.path} repeat ({first_few(twice)}). Give a table with one row per cell, "
            "such as the layer 'cells' of a result."
        )
        raise InputError(msg)
    index = pd.Index(h3cells.parse_cells(names), name="cell")
    _check_apart(index, source)
    found = pd.DataFrame({name: _numbers(rows, name, source).to_numpy() for name in values}, index=index)
    if found.isna().all(axis=None):
        msg = f"The fields {', '.join(values)} of {source.path} have no number at all. Choose others."
        raise InputError(msg)
    return found


def _check_apart(cells: pd.Index, source: Source) -> None:
    """Refuse cells that lie in coarser ones of the same table: their places would count twice."""
    sizes = h3cells.cell_resolutions(cells)
    for size in np.unique(sizes)[:-1]:
        above = h3cells.parents(cells[sizes > size].to_numpy(), resolution=int(size))
        twice = np.intersect1d(above, cells[sizes == size])
        if len(twice):
            msg = (
                f"The cells of {source.path} overlap: some of a finer H3 resolution lie in "
                f"{first_few(h3cells.cell_names(twice))}. Give cells of one resolution."
            )
            raise InputError(msg)


def _regions(source: Source, name: str) -> tables.Checked:
    """Polygons by name; where names repeat, by number."""
    frame = read_table(source.path, layer=source.layer, crs=source.crs, text=(name,)).reset_index(drop=True)
    _require(frame, [name], source)
    names = frame[name].astype("str").str.strip().mask(frame[name].isna())
    numbers = [str(number) for number in range(1, len(frame) + 1)]
    ids = numbers if names.duplicated().any() else names
    shapes = gpd.GeoDataFrame({"region_id": ids, "name": names}, geometry=frame.geometry.array, crs=frame.crs)
    return tables.check_regions(shapes)


def _means(tie: Tie, table: pd.DataFrame) -> pd.DataFrame:
    known = table.notna().any(axis=1)
    held = tie.notes["covered"] if tie.notes is not None else 1.0
    means = tie.mean(table)
    counts = np.diff(tie.matrix.indptr)
    covered: Any = (held * tie.covered(known)).fillna(0.0)
    return means.assign(cells=counts.astype(np.int64), covered=covered)


def _tell_coverage(frame: gpd.GeoDataFrame, partly: gpd.GeoDataFrame, what: str) -> None:
    empty = int(frame["covered"].eq(0).sum())
    if empty:
        logger.warning("%d of %d regions have no cell with a value; they stay empty.", empty, len(frame))
    if len(partly):
        logger.warning(
            "%d of %d regions are covered in part only (field 'covered', share of their %s): %s. Their means "
            "are those of the part.",
            len(partly),
            len(frame),
            what,
            first_few(
                f"{row.name} {row.covered:.0%}" for row in partly[["name", "covered"]].itertuples(index=False)
            ),
        )


def _require(frame: pd.DataFrame, columns: Sequence[str], source: Source) -> None:
    there = [str(name) for name in frame.columns if str(name) != "geometry"]
    for column in columns:
        if column not in there:
            msg = f"{source.path}: {unknown_column(column, there, what='It has')}."
            raise MissingColumnError(msg)


def _numbers(frame: pd.DataFrame, name: str, source: Source) -> pd.Series:
    numbers = pd.to_numeric(frame[name], errors="coerce").astype(float)
    lost = int((numbers.isna() & frame[name].notna()).sum())
    if lost and numbers.isna().all():
        msg = f"The field {name!r} of {source.path} has no numbers. Choose a field with numbers."
        raise InputError(msg)
    if lost:
        logger.warning("%d entries of %r are no numbers and are left out.", lost, name)
    return numbers.where(np.isfinite(numbers))


def first_few(texts: Any) -> str:
    """The first few of some texts, each once."""
    found = list(dict.fromkeys(map(str, texts)))
    return ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
