"""Where explanations are written, and where they lie once that is done: in a result, or in a copy of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from geolivelihood import layers
from geolivelihood.errors import OutputError
from geolivelihood.layers.provenance import PROVENANCE_URI
from geolivelihood.layers.targets import copy_database, errors_told

__all__ = ["Place", "copied", "in_place"]

_FUNCTIONS = ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY")


@dataclass(frozen=True)
class Place:
    """A GeoPackage, and a folder beside it.

    Attributes
    ----------
    geopackage
        What the layers are written into.
    folder
        What rasters, tables and pictures are written into.
    result
        Where the GeoPackage lies in the end.
    name
        How the folder is called there.
    """

    geopackage: Path
    folder: Path
    result: Path
    name: str

    def path(self, file: Path) -> str:
        """How a file of the folder is called from the GeoPackage."""
        return f"{self.name}/{file.relative_to(self.folder).as_posix()}"

    def final(self, file: Path) -> Path:
        """Where a file of the folder lies in the end."""
        return self.result.parent / self.path(file)


@contextlib.contextmanager
def in_place(result: Path) -> Iterator[Place]:
    """Explanations join a result, their files the folder ``explanations`` beside it."""
    yield Place(result, result.parent / "explanations", result, "explanations")


@contextlib.contextmanager
def copied(result: Path, out: Path) -> Iterator[Place]:
    """Explanations join a copy of a result, their files a new folder ``<stem>.explanations`` beside the copy.

    The result and what lies beside it are only read, as they may be loaded in a project. The files of its
    earlier explanations are not copied: the copy names them where they lie, from its own folder. All is
    written into ``<stem>.part`` and moved at the end; if the block raises, that is removed.

    Raises
    ------
    OutputError
        If the copy or its folder exists or cannot be written.
    """
    work, folder = out.with_name(f"{out.stem}.part"), out.with_name(f"{out.stem}.explanations")
    _check_new(out, folder)
    try:
        with errors_told(out):
            _make(work)
            place = Place(work / "result.gpkg", work / "explanations", out, folder.name)
            copy_database(result, place.geopackage)
            place.geopackage.chmod(place.geopackage.stat().st_mode | 0o200)
            _move_paths(place.geopackage, lambda path: _seen_from(out.parent, result.parent / path))
        yield place
        _check_new(out, folder)
        if place.folder.exists():
            place.folder.replace(folder)
        place.geopackage.replace(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check_new(out: Path, folder: Path) -> None:
    layers.check_target(out, mode="new")
    if os.path.lexists(folder):
        msg = f"{folder} exists already, and its files are never overwritten. Choose a new name than {out}."
        raise OutputError(msg)


def _make(work: Path) -> None:
    try:
        shutil.rmtree(work, ignore_errors=True)  # what a killed explanation has left
        work.mkdir(parents=True)
    except OSError as error:
        msg = f"Cannot write {work}: {error.strerror}. Free the disk or choose another folder."
        raise OutputError(msg) from error


def _seen_from(folder: Path, path: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return path.as_posix()


def _move_paths(geopackage: Path, moved: Callable[[str], str]) -> None:
    """Change the paths of rasters, and those that the provenance names; in one transaction."""
    with contextlib.closing(sqlite3.connect(geopackage)) as connection, connection:
        connection.create_function("moved", 1, lambda path: path and moved(path))
        for name in _FUNCTIONS:  # named by triggers of the spatial index, which a path does not concern
            connection.create_function(name, 1, lambda _: None)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "explanations_rasters" in tables:
            connection.execute("UPDATE explanations_rasters SET path = moved(path)")
        if "gpkg_metadata" not in tables:
            return
        query = "SELECT id, metadata FROM gpkg_metadata WHERE md_standard_uri = ?"
        for number, text in connection.execute(query, (PROVENANCE_URI,)).fetchall():
            document = json.loads(text)
            for entry in document.get("explanations", []):
                entry["files"] = [moved(file) for file in entry.get("files", [])]
            connection.execute(
                "UPDATE gpkg_metadata SET metadata = ? WHERE id = ?",
                (json.dumps(document, ensure_ascii=False), number),
            )
