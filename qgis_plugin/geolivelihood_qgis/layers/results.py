"""What is inside a results GeoPackage, read without opening it as layers."""

import contextlib
import json
import sqlite3
from collections import namedtuple
from pathlib import Path

from ..compat import tr
from . import titles

ResultLayer = namedtuple("ResultLayer", "name title group order visible")


class ResultsError(Exception):
    """A file that is no results GeoPackage."""


def catalogue():
    """The layers that results have, from top to bottom: first word of the name, title, group, visible."""
    evidence = tr("Evidence")
    return (
        ("explanations_views", tr("View wedges"), evidence, False),
        ("explanations_rasters", tr("Activation maps"), evidence, False),
        ("explanations_shap", tr("Feature contributions"), evidence, False),
        ("explanations_concepts", tr("Concept scores"), evidence, False),
        ("explanations", tr("Explanations"), evidence, False),
        ("edges", tr("Graph edges"), evidence, False),
        ("clusters", tr("Survey clusters"), "", True),
        ("images", tr("Pictures"), "", True),
        ("cells", tr("Cells"), "", True),
        ("regions", tr("Regions"), "", True),
    )


def result_layers(path):
    """The layers of a results file, from top to bottom.

    Title, group and order come from the file's provenance where it names them, else from :func:`catalogue`.
    Raises :class:`ResultsError` for a file that is no GeoPackage or has no layers.
    """
    if not Path(path).is_file():
        raise ResultsError(tr("There is no file {}.").format(path))
    try:
        with contextlib.closing(open_read_only(path)) as base:
            names = _layer_names(base)
            told = {layer.get("name"): layer for layer in read_provenance(base).get("layers") or ()}
    except sqlite3.DatabaseError as error:
        raise ResultsError(tr("{} is no GeoPackage ({}).").format(path, error)) from error
    if not names:
        raise ResultsError(tr("{} has no layers.").format(path))
    return describe(names, told)


def describe(names, told):
    """:class:`ResultLayer` of each name, in order; ``told`` are dictionaries with what the library says."""
    layers = [_describe(name, told.get(name) or {}) for name in names]
    return sorted(layers, key=lambda layer: (layer.order, layer.name))


def read_provenance(base):
    """The JSON that the library stored about the whole file, or an empty dictionary."""
    query = "SELECT metadata FROM gpkg_metadata WHERE mime_type = 'application/json' ORDER BY id"
    try:
        row = base.execute(query).fetchone()
        found = json.loads(row[0]) if row else {}
    except (sqlite3.OperationalError, ValueError):  # no such table; no JSON
        return {}
    return found if isinstance(found, dict) else {}


def copy_provenance(source, target):
    """Copy what is known about the whole file ``source`` into ``target``, where there is something."""
    with contextlib.closing(open_read_only(source)) as base:
        try:
            rows = base.execute(
                "SELECT md_scope, md_standard_uri, mime_type, metadata FROM gpkg_metadata AS m"
                " JOIN gpkg_metadata_reference AS r ON r.md_file_id = m.id"
                " WHERE r.reference_scope = 'geopackage'"
            ).fetchall()
        except sqlite3.OperationalError:  # no such table
            rows = []
    if rows:
        _write_metadata(target, rows)


def write_provenance(target, document):
    """Store what is known about the whole file, as the library does."""
    text = json.dumps(document, ensure_ascii=False)
    _write_metadata(target, [("dataset", "https://json.org", "application/json", text)])


def _write_metadata(target, rows):
    with contextlib.closing(sqlite3.connect(target)) as base, base:
        for statement in _METADATA_TABLES:
            base.execute(statement)
        for row in rows:
            number = base.execute(
                "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata)"
                " VALUES (?, ?, ?, ?)",
                row,
            ).lastrowid
            base.execute(
                "INSERT INTO gpkg_metadata_reference (reference_scope, timestamp, md_file_id)"
                " VALUES ('geopackage', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?)",
                (number,),
            )


def open_read_only(path):
    """A connection that cannot change the file."""
    return sqlite3.connect(Path(path).resolve().as_uri() + "?mode=ro", uri=True)


def _layer_names(base):
    query = (
        "SELECT table_name FROM gpkg_contents"
        " WHERE data_type IN ('features', 'attributes') AND table_name <> 'layer_styles'"
    )
    return [row[0] for row in base.execute(query)]


def _describe(name, told):
    number, (_, title, group, visible) = next(
        (
            (number, entry)
            for number, entry in enumerate(catalogue())
            if name == entry[0] or name.startswith(entry[0] + "_")
        ),
        (len(catalogue()), (name, name, "", True)),
    )
    if name not in [entry[0] for entry in catalogue()]:
        title = name
    return ResultLayer(
        name,
        titles.title(str(told.get("title") or title)),
        titles.title(str(told.get("group") or group)),
        told.get("order", number),
        bool(told.get("visible", visible)),
    )


_METADATA_TABLES = (
    """CREATE TABLE IF NOT EXISTS gpkg_metadata (
 id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL, md_scope TEXT NOT NULL DEFAULT 'dataset',
 md_standard_uri TEXT NOT NULL, mime_type TEXT NOT NULL DEFAULT 'text/xml',
 metadata TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (
 reference_scope TEXT NOT NULL, table_name TEXT, column_name TEXT, row_id_value INTEGER,
 timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
 md_file_id INTEGER NOT NULL, md_parent_id INTEGER,
 CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
 CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id))""",
    """CREATE TABLE IF NOT EXISTS gpkg_extensions (
 table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
 scope TEXT NOT NULL,
 CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name))""",
    """INSERT INTO gpkg_extensions (table_name, extension_name, definition, scope)
 SELECT name, 'gpkg_metadata', 'http://www.geopackage.org/spec121/#extension_metadata', 'read-write'
 FROM (SELECT 'gpkg_metadata' AS name UNION ALL SELECT 'gpkg_metadata_reference')
 WHERE name NOT IN (SELECT table_name FROM gpkg_extensions
 WHERE extension_name = 'gpkg_metadata' AND table_name IS NOT NULL)""",
)
