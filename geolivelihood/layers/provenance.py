"""Where a result comes from, kept inside the GeoPackage: command, versions, seed, hashes, scores.

The whole story is one JSON document for the file; each layer also gets a short metadata record that QGIS
shows under Layer Properties, Metadata.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from geolivelihood.errors import InputError
from geolivelihood.layers.qml import clean

__all__ = ["LayerRecord", "moment", "read_provenance", "record_layer", "record_provenance"]

PROVENANCE_URI = "urn:geolivelihood:provenance"
_QGIS_URI = "http://mrcc.com/qgis.dtd"
_SCHEMA = 1
_EXTENSION = "http://www.geopackage.org/spec120/#extension_metadata"
_TABLES = """
CREATE TABLE IF NOT EXISTS gpkg_extensions (
 table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
 scope TEXT NOT NULL,
 CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE IF NOT EXISTS gpkg_metadata (
 id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset',
 md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml',
 metadata TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (
 reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
 timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
 md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
 CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
 CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id));
"""


class LayerRecord(NamedTuple):
    """What the metadata of a layer says: its table, title, abstract and extent (EPSG code and bounds)."""

    table: str
    title: str
    abstract: str
    epsg: int | None = None
    bounds: tuple[float, float, float, float] | None = None


def moment(provenance: Mapping[str, Any] | None) -> str:
    """The time that a file says it was made, such as ``2026-01-31T12:00:00.000Z``.

    The environment variable ``SOURCE_DATE_EPOCH`` (seconds since 1970, the convention of reproducible builds)
    goes first, then ``provenance["time"]`` (ISO 8601; UTC if it has no zone), then the start of 1970: the
    clock is never asked, so that the same input gives the same bytes.

    Raises
    ------
    InputError
        If either cannot be read as a time.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    given = epoch if epoch else str((provenance or {}).get("time", "1970-01-01"))
    try:
        when = datetime.fromtimestamp(int(given), UTC) if epoch else datetime.fromisoformat(given)
    except (ValueError, OverflowError, OSError) as error:
        where = "SOURCE_DATE_EPOCH (seconds since 1970)" if epoch else "provenance['time'] (ISO 8601)"
        example = "1767225600" if epoch else "2026-01-31T12:00:00Z"
        msg = f"{where} is {given!r}, which is no time. Write it like {example}."
        raise InputError(msg) from error
    when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def read_provenance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The provenance document of a GeoPackage that :func:`write_geopackage` wrote.

    Returns
    -------
    dict
        What was given when it was written, with ``schema`` (its version); in a file that was updated,
        ``previous`` lists the documents of the earlier runs, the latest first. Empty if the file holds none.

    Raises
    ------
    InputError
        If there is no such file or it is no GeoPackage.
    """
    if not Path(path).is_file():
        msg = f"There is no file {path}."
        raise InputError(msg)
    try:
        connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
        try:
            row = _document_row(connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        msg = f"{path} cannot be read as a GeoPackage: {error}."
        raise InputError(msg) from error
    return json.loads(row[1]) if row else {}


def record_provenance(connection: sqlite3.Connection, provenance: Mapping[str, Any], *, time: str) -> None:
    """Write the document of the whole file; an earlier one moves into its ``previous``."""
    _make_tables(connection)
    document = {"schema": _SCHEMA, **json_ready(provenance)}
    row = _document_row(connection)
    if row:
        earlier = json.loads(row[1])
        document["previous"] = [earlier, *earlier.pop("previous", [])]
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    if row:
        connection.execute("UPDATE gpkg_metadata SET metadata = ? WHERE id = ?", (text, row[0]))
        connection.execute(
            "UPDATE gpkg_metadata_reference SET timestamp = ? WHERE md_file_id = ?", (time, row[0])
        )
    else:
        _insert(connection, text, PROVENANCE_URI, "application/json", None, time)


def record_layer(connection: sqlite3.Connection, record: LayerRecord, *, time: str) -> None:
    """Write the metadata that QGIS shows of a layer."""
    _make_tables(connection)
    _insert(connection, _qgis_metadata(record, time), _QGIS_URI, "text/xml", record.table, time)


def forget_layer(connection: sqlite3.Connection, table: str) -> None:
    """Remove the metadata of a layer that is about to be replaced."""
    _make_tables(connection)
    rows = connection.execute("SELECT md_file_id FROM gpkg_metadata_reference WHERE table_name = ?", (table,))
    numbers = [number for (number,) in rows]
    connection.execute("DELETE FROM gpkg_metadata_reference WHERE table_name = ?", (table,))
    connection.executemany(
        "DELETE FROM gpkg_metadata WHERE id = ? "
        "AND id NOT IN (SELECT md_file_id FROM gpkg_metadata_reference)",
        [(number,) for number in numbers],
    )


def json_ready(value: Any) -> Any:
    """A JSON-like copy: NumPy values, paths, times and sets become plain; NaN becomes ``null``."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((json_ready(item) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [json_ready(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return json_ready(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _make_tables(connection: sqlite3.Connection) -> None:
    """The metadata tables of the standard; statement by statement, to stay inside the transaction."""
    for statement in filter(str.strip, _TABLES.split(";\n")):
        connection.execute(statement)
    for table in ("gpkg_metadata", "gpkg_metadata_reference"):
        connection.execute(
            "INSERT INTO gpkg_extensions SELECT ?, NULL, 'gpkg_metadata', ?, 'read-write' WHERE NOT EXISTS "
            "(SELECT 1 FROM gpkg_extensions WHERE table_name = ? AND extension_name = 'gpkg_metadata')",
            (table, _EXTENSION, table),
        )


def _document_row(connection: sqlite3.Connection) -> tuple[int, str] | None:
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_metadata'").fetchone()
    if not there:
        return None
    query = "SELECT id, metadata FROM gpkg_metadata WHERE md_standard_uri = ? ORDER BY id LIMIT 1"
    return connection.execute(query, (PROVENANCE_URI,)).fetchone()


def _insert(
    connection: sqlite3.Connection, text: str, uri: str, mime: str, table: str | None, time: str
) -> None:
    columns = "(md_scope, md_standard_uri, mime_type, metadata)"
    insert = f"INSERT INTO gpkg_metadata {columns} VALUES ('dataset', ?, ?, ?)"
    number = connection.execute(insert, (uri, mime, text)).lastrowid
    connection.execute(
        "INSERT INTO gpkg_metadata_reference (reference_scope, table_name, timestamp, md_file_id) "
        "VALUES (?, ?, ?, ?)",
        ("table" if table else "geopackage", table, time, number),
    )


def _qgis_metadata(record: LayerRecord, time: str) -> str:
    root = Element("qgis", version="3.22.0")
    for tag, text in (
        ("identifier", record.table),
        ("parentidentifier", ""),
        ("language", "ENG"),
        ("type", "dataset"),
        ("title", record.title),
        ("abstract", record.abstract),
        ("encoding", "UTF-8"),
    ):
        SubElement(root, tag).text = clean(text)
    dates = SubElement(root, "dates")
    SubElement(dates, "date", type="Created", value=time)
    if record.epsg is not None and record.bounds is not None:
        _add_extent(root, record.epsg, record.bounds)
    ElementTree.indent(root, " ")
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ElementTree.tostring(
        root, encoding="unicode"
    )


def _add_extent(root: Element, epsg: int, bounds: tuple[float, float, float, float]) -> None:
    names = dict(zip(("minx", "miny", "maxx", "maxy"), (f"{value:.7f}" for value in bounds)))
    extent = SubElement(root, "extent")
    SubElement(
        extent, "spatial", {"crs": f"EPSG:{epsg}", "dimensions": "2", **names, "minz": "0", "maxz": "0"}
    )
