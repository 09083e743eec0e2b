"""One GeoPackage with styled layers and provenance: whole or not at all, and already a map in QGIS.

Layers go in bulk through Arrow into ``<stem>.part.gpkg`` beside the target; styles and metadata follow in
one transaction; then the part takes the target's name. Whoever is killed in between leaves the old file as it
was.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from geolivelihood import __version__
from geolivelihood.errors import InputError, OutputError
from geolivelihood.files import atomic
from geolivelihood.layers.fields import storable, with_geometry
from geolivelihood.layers.provenance import (
    LayerRecord,
    forget_layer,
    moment,
    record_layer,
    record_provenance,
)
from geolivelihood.layers.styles import (
    Style,
    default_styles,
    geometry_kind,
    indicator_columns,
    shared_classes,
)
from geolivelihood.layers.targets import (
    check_closed,
    check_free,
    check_writable,
    copy_database,
    errors_told,
    remove_side_files,
    state,
)
from geolivelihood.layers.tips import human_label
from geolivelihood.progress import track

__all__ = ["check_target", "write_geopackage"]

_RESERVED = ("gpkg_", "rtree_", "sqlite_", "layer_styles")
_STYLES_TABLE = """CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
 f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
 f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
 useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
 update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
_EMPTY_TYPES = {"point": "Point", "line": "LineString", "polygon": "Polygon"}


_REFERENCES = (
    ("layer_styles", "f_table_name"),
    ("gpkg_extensions", "table_name"),
    ("gpkg_ogr_contents", "table_name"),
    ("gpkg_geometry_columns", "table_name"),
    ("gpkg_contents", "table_name"),
)


class _Layer(NamedTuple):
    """A layer ready to be written."""

    name: str
    frame: pd.DataFrame
    styles: list[Style]
    record: LayerRecord
    kind: str | None


def write_geopackage(
    path: str | os.PathLike[str],
    layers: Mapping[str, pd.DataFrame],
    *,
    styles: Mapping[str, Sequence[Style]] | None = None,
    provenance: Mapping[str, Any] | None = None,
    mode: Literal["new", "update"] = "new",
    indicators: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
) -> Path:
    """Write layers with their styles and provenance into one GeoPackage (version 1.2).

    The file opens styled in QGIS 3.22 and later without any plugin. The same input gives the same bytes (see
    :func:`~geolivelihood.layers.provenance.moment` for the time it carries).

    Parameters
    ----------
    path
        The target, ``*.gpkg``; its folder is made if need be.
    layers
        Name to GeoDataFrame, any CRS. A DataFrame indexed by ``cell`` (uint64) is written as the polygons of
        its cells; any other DataFrame as a table without geometry.
    styles
        Styles by layer name; a layer that is not named gets :func:`default_styles`, an empty list means none.
    provenance
        What the result comes from, JSON-like: command, configuration, versions, seed, hashes, scores,
        licences, ``time`` (ISO 8601). Read it back with :func:`read_provenance`.
    mode
        ``"new"`` refuses a target that exists. ``"update"`` replaces the named layers of an existing file and
        leaves its other layers, with their styles and metadata, as they are.
    indicators
        Columns to show, the most important first; by default the numeric columns that look like indicators
        (of the cells if there are any, else of the clusters, else of each layer).
    labels
        Words for columns, with their unit, in legends and map tips.
    drop
        Layers of an existing file to take out (``"update"``): those of an earlier result that this one no
        longer has.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    MissingCRSError
        If a GeoDataFrame has no CRS.
    InputError
        If a layer's name or content cannot be written.
    OutputError
        If the target exists (``"new"``), is open elsewhere, read-only or no GeoPackage, or the disk is full.
        The old file is then as it was, and no part file is left.
    """
    target = check_target(path, mode=mode)
    _check_names(layers)
    time = moment(provenance)
    shown = _indicators(layers) if indicators is None else indicators
    classes = shared_classes(layers.values(), shown or ())
    ready = [
        _layer(name, frame, styles or {}, shown, labels or {}, classes) for name, frame in layers.items()
    ]
    old = target.exists()
    before = state(target)
    with errors_told(target), atomic(target) as part:
        remove_side_files(part)
        check_writable(part)
        try:
            if old:
                copy_database(target, part)
                _forget(part, ready)
                _take_out(part, drop)
            for layer in track(ready, "writing layers"):
                _write_layer(part, layer)
            _finish(part, ready, provenance, time)
            check_closed(part)
            _check_same(target, before)
        finally:
            remove_side_files(part)
    return target


def check_target(path: str | os.PathLike[str], *, mode: Literal["new", "update"] = "new") -> Path:
    """Refuse a target that :func:`write_geopackage` would refuse, before the work rather than after it.

    Returns
    -------
    pathlib.Path
        The target, links followed.

    Raises
    ------
    OutputError
        If it exists (``"new"``), is open elsewhere, read-only or no GeoPackage.
    """
    target = Path(path)
    if mode not in ("new", "update"):
        msg = (
            f"mode is {mode!r}; it is 'new' (refuse an existing file) or 'update' (replace the named layers)."
        )
        raise InputError(msg)
    if target.suffix.lower() != ".gpkg":
        msg = f"{target} does not end in .gpkg."
        raise InputError(msg)
    if target.is_dir() or (mode == "new" and os.path.lexists(target)):
        msg = f"{target} exists already. Choose a new name, or mode='update' to replace single layers of it."
        raise OutputError(msg)
    target = target.resolve() if target.is_symlink() else target
    if target.exists():
        check_free(target)
    return target


def _check_names(layers: Mapping[str, object]) -> None:
    if not layers:
        msg = "There is no layer to write. Give at least one, such as {'cells': cells}."
        raise InputError(msg)
    seen: set[str] = set()
    for name in layers:
        lower = str(name).lower()
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            msg = f"{name!r} cannot name a layer: a name is a printable text."
        elif lower.startswith(_RESERVED):
            msg = f"{name!r} cannot name a layer: {', '.join(_RESERVED)} begin names of GeoPackage itself."
        elif lower in seen:
            msg = f"Two layers are called {name!r} but for upper and lower case. Rename one."
        else:
            seen.add(lower)
            continue
        raise InputError(msg)


def _indicators(layers: Mapping[str, pd.DataFrame]) -> list[str] | None:
    """The indicators that the result is about; ``None`` leaves it to each layer."""
    for word in ("cells", "clusters"):
        for name, frame in layers.items():
            if name.partition("_")[0] == word and isinstance(frame, pd.DataFrame):
                return indicator_columns(frame)
    return None


def _layer(
    name: str,
    frame: pd.DataFrame,
    styles: Mapping[str, Sequence[Style]],
    indicators: Sequence[str] | None,
    labels: Mapping[str, str],
    classes: Mapping[str, np.ndarray],
) -> _Layer:
    """Everything about a layer that can be made, and can fail, before the disk is touched."""
    shaped = with_geometry(name, frame)
    plain, names = storable(shaped)
    wanted = (
        indicator_columns(plain) if indicators is None else [names.get(item, item) for item in indicators]
    )
    words = {names.get(item, item): text for item, text in labels.items()}
    kind = geometry_kind(name, plain)
    given = list(styles.get(name, ()))
    if name not in styles:
        breaks = {names.get(item, item): values for item, values in classes.items()}
        given = default_styles(name, plain, indicators=wanted, labels=words, classes=breaks)
    shown = [human_label(item, words) for item in wanted if item in plain.columns] if kind else []
    return _Layer(name, plain, _one_default(name, given), _record(name, plain, shown), kind)


def _one_default(name: str, styles: list[Style]) -> list[Style]:
    defaults = sum(style.default for style in styles)
    if defaults > 1:
        msg = (
            f"Layer {name!r} has {defaults} default styles. QGIS opens a layer with one: mark one as default."
        )
        raise InputError(msg)
    if styles and not defaults:
        first = styles[0]
        return [Style(first.name, first.qml, True, first.title), *styles[1:]]
    return styles


def _record(name: str, frame: pd.DataFrame, shown: list[str]) -> LayerRecord:
    title = human_label(name) + (f": {', '.join(shown[:3])}" if shown else "")
    texts = [f"{len(frame):,} rows, written by geolivelihood {__version__}."]
    if name.partition("_")[0] == "clusters":
        texts.append("Survey clusters stand where they were published; surveys displace them on purpose.")
    if not isinstance(frame, gpd.GeoDataFrame):
        return LayerRecord(name, title, " ".join(texts))
    bounds = tuple(map(float, frame.total_bounds)) if np.isfinite(frame.total_bounds).all() else None
    return LayerRecord(name, title, " ".join(texts), frame.crs.to_epsg(), bounds)  # type: ignore[arg-type]


def _write_layer(part: Path, layer: _Layer) -> None:
    """One layer through Arrow, which copies columns instead of visiting rows."""
    options: dict[str, Any] = {"layer_options": {"DESCRIPTION": layer.record.title}}
    if layer.kind:
        options["layer_options"]["GEOMETRY_NAME"] = "geom"
    if not part.exists():
        options["dataset_options"] = {"VERSION": "1.2"}
    if layer.kind and layer.frame.geometry.isna().all():
        options["geometry_type"] = _EMPTY_TYPES[layer.kind]
    pyogrio.write_dataframe(layer.frame, part, layer=layer.name, driver="GPKG", use_arrow=True, **options)


@contextlib.contextmanager
def _transaction(part: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(part, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    finally:
        connection.close()


def _forget(part: Path, layers: Sequence[_Layer]) -> None:
    """Take the styles and metadata of layers that are about to be replaced out of a copied file."""
    with _transaction(part) as connection:
        there = {name for (name,) in connection.execute("SELECT table_name FROM gpkg_contents")}
        cased = {name.lower(): name for name in there}
        for layer in layers:
            held = cased.get(layer.name.lower(), layer.name)
            if held != layer.name:
                msg = f"The file has a layer {held!r}; {layer.name!r} differs only by case. Use {held!r}."
                raise InputError(msg)
            forget_layer(connection, layer.name)
            if "layer_styles" in there:
                connection.execute("DELETE FROM layer_styles WHERE f_table_name = ?", (layer.name,))


def _take_out(part: Path, names: Sequence[str]) -> None:
    """Drop layers with all that refers to them."""
    with _transaction(part) as connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        listed = {name for (name,) in connection.execute("SELECT table_name FROM gpkg_contents")}
        for name in sorted(set(names) & listed):
            forget_layer(connection, name)
            for table in {f"rtree_{name}_geom", name} & tables:
                connection.execute(f"DROP TABLE {_quoted(table)}")
            for table, column in _REFERENCES:
                if table in tables:
                    connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _finish(part: Path, layers: Sequence[_Layer], provenance: Mapping[str, Any] | None, time: str) -> None:
    """Provenance, styles, metadata and times, in one transaction."""
    with _transaction(part) as connection:
        if provenance is not None:
            record_provenance(connection, provenance, time=time)
        _make_styles_table(connection, time)
        for layer in layers:
            _insert_styles(connection, layer, time)
            record_layer(connection, layer.record, time=time)
            connection.execute(
                "UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?", (time, layer.name)
            )


def _make_styles_table(connection: sqlite3.Connection, time: str) -> None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'layer_styles'").fetchone():
        return
    connection.execute(_STYLES_TABLE)
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
        (time,),
    )


def _insert_styles(connection: sqlite3.Connection, layer: _Layer, time: str) -> None:
    connection.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, "
        "styleName, styleQML, styleSLD, useAsDefault, description, owner, ui, update_time) "
        "VALUES ('', '', ?, 'geom', ?, ?, '', ?, ?, '', NULL, ?)",
        [
            (layer.name, style.name, style.qml, int(style.default), style.title or style.name, time)
            for style in layer.styles
        ],
    )


def _check_same(target: Path, before: tuple[int, ...] | None) -> None:
    """Refuse to replace a file that somebody else wrote while we did."""
    if state(target) != before:
        msg = f"{target} was written by another program in the meantime; nothing was changed. Run again."
        raise OutputError(msg)
