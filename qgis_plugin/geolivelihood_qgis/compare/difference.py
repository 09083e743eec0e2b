"""The difference of one indicator between two runs, cell by cell or region by region."""

import contextlib
import math
import sqlite3

from qgis.core import QgsFields, QgsVectorFileWriter, QgsVectorLayer

from .. import wording
from ..compat import make_field, tr
from ..evidence.book import Book
from ..layers.results import open_read_only

LAYER = "difference"
KEYS = {"cells": "cell", "regions": "region_id"}
"""Layers that can be compared, and what their rows are joined by."""

NUMBERS = ("value_a", "lower_a", "upper_a", "value_b", "lower_b", "upper_b", "difference")
TEXTS = {"cells": ("cell",), "regions": ("region_id", "name")}
FLAGS = ("intervals_overlap", "beyond_both", "applicable")


_ROWS = {"cells": "SELECT * FROM cells", "regions": "SELECT * FROM regions"}
_GEOMETRY = "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?"
_INSERT = {
    "cells": "INSERT INTO difference VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "regions": "INSERT INTO difference VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
}
"""Columns in the order of their making: fid, geometry, key, name of a region, numbers, flags."""

_BOUNDS = "SELECT min(minx), min(miny), max(maxx), max(maxy) FROM rtree_difference_geom"
_EXTENT = (
    "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? WHERE table_name = 'difference'"
)


class CompareError(Exception):
    """Two results that cannot be compared, and why."""


class Side:
    """One of the two runs: its layer and the columns of an indicator."""

    def __init__(self, path, table, indicator):
        self.book, self.table = Book(path), table
        self.layer = self.book.layer(table)
        if self.layer is None:
            raise CompareError(tr("{} has no layer '{}'.").format(path, table))
        self.names = self.layer.fields().names()
        self.key = KEYS[table]
        if self.key not in self.names:
            raise CompareError(tr("The layer '{}' of {} has no column '{}'.").format(table, path, self.key))
        self.indicator = indicator

    def indicators(self):
        """What can be compared: indicators of the run, and columns with an interval."""
        told = self.book.indicators()
        with_interval = [name for name in self.names if f"{name}_lower" in self.names]
        return [name for name in dict.fromkeys([*told, *with_interval]) if name in self.names]

    def rows(self):
        """Of each row: key, (value, lower, upper), whether the run vouches for it, name, and geometry.

        Read without QGIS, whose features cost ten times as much.
        """
        with contextlib.closing(open_read_only(self.book.path)) as base:
            shape = base.execute(_GEOMETRY, (self.table,)).fetchone()[0]
            cursor = base.execute(_ROWS[self.table])
            at = {column[0]: number for number, column in enumerate(cursor.description)}
            key, geometry, name = at[self.key], at[shape], at.get("name")
            value, lower, upper = (at.get(column) for column in self._columns())
            sure = self._applicable(at)
            for row in cursor:
                numbers = _number(row, value), _number(row, lower), _number(row, upper)
                named = None if name is None else row[name]
                yield str(row[key]), numbers, sure(row), named, row[geometry]

    def _columns(self):
        return [self.indicator, f"{self.indicator}_lower", f"{self.indicator}_upper"]

    def _applicable(self, at):
        """Whether the run vouches for a row; ``None`` where nobody assessed it."""
        if "applicable" in at:
            return lambda row: bool(row[at["applicable"]])
        if "flagged" in at:
            return lambda row: row[at["flagged"]] == 0
        return lambda row: None


def sides(first, second, table, indicator):
    """The two sides, and the indicator: the one that is named, else the first that both have."""
    pair = [Side(path, table, indicator) for path in (first, second)]
    shared = [name for name in pair[0].indicators() if name in pair[1].indicators()]
    chosen = indicator or (shared[0] if shared else "")
    if not all(chosen in side.names and side.layer.fields().field(chosen).isNumeric() for side in pair):
        told = ", ".join(shared) or tr("none")
        text = tr("The two results do not both have the indicator '{}' in '{}'. They share: {}.")
        raise CompareError(text.format(chosen or "?", table, told))
    for side in pair:
        side.indicator = chosen
    return pair[0], pair[1], chosen


def doubts(first, second):
    """Why the two sides are not quite alike, as sentences: other units, or intervals of another coverage."""
    units = [side.book.label(side.indicator)[1] for side in (first, second)]
    shares = [side.book.coverage() for side in (first, second)]
    told = []
    if all(units) and units[0] != units[1]:
        told.append(tr("The units differ ('{}' and '{}'): the difference means nothing.").format(*units))
    if all(shares) and shares[0] != shares[1]:
        text = tr("The intervals differ in what they promise: {} % in the first run, {} % in the second.")
        told.append(text.format(*(wording.number(100 * share, ".0f") for share in shares)))
    return told


def write(first, second, part, transform_context, feedback):
    """Join two :class:`Side` and write the layer ``difference`` into a new file; returns what was counted."""
    others = {}
    for number, (key, values, sure, *_) in enumerate(first.rows()):
        others[key] = (values, sure)
        _tell(feedback, number, 0, 30, first.layer)
    _check_resolution(first, second, others)
    _create(part, second, transform_context)
    tally = _Tally()
    with contextlib.closing(sqlite3.connect(part)) as base, base:
        base.executemany(_INSERT[second.table], _joined(others, second, tally, feedback))
    if not tally.matched:
        raise CompareError(tr("The two results have no cell or region in common."))
    tally.only_first = len(others)
    _index(part)
    return tally


def _joined(others, second, tally, feedback):
    """The rows of the new layer; what is left in ``others`` is only in the first run."""
    for number, (key, values, sure, name, geometry) in enumerate(second.rows()):
        _tell(feedback, number, 30, 80, second.layer)
        other = others.pop(key, None)
        if other is None:
            tally.only_second += 1
            continue
        row = _row(other[0], values, other[1], sure)
        tally.add(row)
        yield (geometry, key, *([name] if second.table == "regions" else []), *row)


class _Tally:
    """What a comparison counted; ``reach`` is the largest difference where both runs are applicable."""

    def __init__(self):
        self.matched = self.compared = self.only_first = self.only_second = 0
        self.doubtful = self.beyond = self.with_intervals = 0
        self.reach = 0.0

    def add(self, row):
        difference, _, beyond, sure = row[6:]
        self.matched += 1
        self.doubtful += sure is False
        if difference is None or sure is False:
            return
        self.compared += 1
        self.reach = max(self.reach, abs(difference))
        self.with_intervals += beyond is not None
        self.beyond += bool(beyond)


def _row(first, second, first_sure, second_sure):
    """The columns after key and name, in the order of :func:`_fields`."""
    (a, low_a, high_a), (b, low_b, high_b) = first, second
    difference = None if a is None or b is None else b - a
    overlap = beyond = None
    if None not in (low_a, high_a, low_b, high_b):
        overlap = low_a <= high_b and low_b <= high_a
        if difference is not None:
            beyond = abs(difference) > max(high_a - low_a, high_b - low_b) / 2
    if first_sure is False or second_sure is False:
        sure = False
    else:
        sure = True if first_sure or second_sure else None
    return [a, low_a, high_a, b, low_b, high_b, difference, overlap, beyond, sure]


def _check_resolution(first, second, others):
    """Cells of different sizes are not the same places, whatever they are called."""
    if first.table != "cells" or not others:
        return
    sample = next(second.rows(), None)
    sizes = {_resolution(next(iter(others)))} | ({_resolution(sample[0])} if sample else set())
    if len(sizes) > 1 and None not in sizes:
        text = tr("The cells of the two results differ in size (H3 resolutions {} and {}): run both at one.")
        told = (_resolution(next(iter(others))), _resolution(sample[0]))
        raise CompareError(text.format(*told))


def _resolution(cell):
    """The resolution in the text of an H3 cell, or ``None`` for another name."""
    try:
        number = int(cell, 16)
    except ValueError:
        return None
    return number >> 52 & 15 if number >> 59 == 1 else None


def _create(part, side, transform_context):
    """An empty layer: with an index every row would call functions that only GDAL has."""
    fields = QgsFields()
    for name in TEXTS[side.table]:
        fields.append(make_field(name, "text"))
    for name in NUMBERS:
        fields.append(make_field(name, "number"))
    for name in FLAGS:
        fields.append(make_field(name, "flag"))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", LAYER
    options.layerOptions = ["GEOMETRY_NAME=geom", "SPATIAL_INDEX=NO"]
    options.datasourceOptions = ["VERSION=1.2"]  # a newer one draws a warning in QGIS 3.22
    writer = QgsVectorFileWriter.create(
        str(part), fields, side.layer.wkbType(), side.layer.crs(), transform_context, options
    )
    if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
        raise CompareError(tr("The difference was not written: {}").format(writer.errorMessage()))
    del writer


def _index(part):
    """The spatial index and the extent."""
    layer = QgsVectorLayer(f"{part}|layername={LAYER}", LAYER, "ogr")
    made = layer.isValid() and layer.dataProvider().createSpatialIndex()
    del layer
    if not made:
        return
    with contextlib.closing(sqlite3.connect(part)) as base, base:
        base.execute(_EXTENT, base.execute(_BOUNDS).fetchone())


def _tell(feedback, number, start, end, layer):
    if number % 5000:
        return
    if feedback.isCanceled():
        raise CompareError(tr("Cancelled."))
    feedback.setProgress(start + (end - start) * number / max(layer.featureCount(), 1))


def _number(row, at):
    """A finite number of a row, or ``None``."""
    value = None if at is None else row[at]
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None
