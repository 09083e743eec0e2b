"""Some layers of a result in a file of their own, styles and provenance kept."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyogrio

from geolivelihood.errors import InputError
from geolivelihood.layers.geopackage import write_geopackage
from geolivelihood.layers.provenance import read_provenance
from geolivelihood.layers.styles import Style

__all__ = ["copy_layers", "layer_names", "read_styles"]


def layer_names(path: str | os.PathLike[str]) -> list[str]:
    """Names of the layers with geometry.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        found = pyogrio.list_layers(path)
    except Exception as error:  # GDAL's own errors differ between versions
        msg = f"{path} cannot be read as a GeoPackage: {error}. Give the result of 'geolivelihood run'."
        raise InputError(msg) from error
    return [str(name) for name, geometry in found if geometry is not None]


def read_styles(path: str | os.PathLike[str], layer: str) -> list[Style]:
    """Styles that a GeoPackage holds for a layer."""
    query = "SELECT styleName, styleQML, useAsDefault, description FROM layer_styles WHERE f_table_name = ?"
    with closing(sqlite3.connect(Path(path).resolve().as_uri() + "?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute(query, (layer,)).fetchall()
        except sqlite3.OperationalError:  # no table of styles
            return []
    return [Style(name, qml, default=bool(default), title=title or "") for name, qml, default, title in rows]


def copy_layers(source: str | os.PathLike[str], target: str | os.PathLike[str], names: Sequence[str]) -> Path:
    """Write the named layers of a result into a new GeoPackage.

    Raises
    ------
    OutputError
        If the target exists or cannot be written.
    """
    return write_geopackage(
        target,
        {name: pyogrio.read_dataframe(source, layer=name) for name in names},
        styles={name: read_styles(source, name) for name in names},
        provenance=read_provenance(source),
    )
