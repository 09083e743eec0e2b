"""The database file that is about to be replaced: whether it is ours to write and nobody else is in it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyogrio import errors as pyogrio_errors

from geolivelihood.errors import OutputError

__all__ = [
    "check_closed",
    "check_free",
    "check_writable",
    "copy_database",
    "errors_told",
    "remove_side_files",
    "state",
]

_WRITE_ERRORS = (
    pyogrio_errors.DataLayerError,
    pyogrio_errors.DataSourceError,
    pyogrio_errors.FeatureError,
    pyogrio_errors.FieldError,
    sqlite3.Error,
    pa.ArrowException,
)
_SIDE_FILES = ("-journal", "-wal", "-shm")


def check_free(target: Path) -> None:
    """Refuse a GeoPackage that is read-only, open elsewhere or none.

    QGIS keeps a ``-wal`` file beside a GeoPackage that is loaded in a project, so its presence is enough.

    Raises
    ------
    OutputError
        With the reason and the remedy.
    """
    if not target.stat().st_mode & 0o222:
        msg = f"{target} is read-only. Make it writable, or write to a new file."
        raise OutputError(msg)
    left = [suffix for suffix in ("-wal", "-journal") if _side_file(target, suffix).exists()]
    if left:
        msg = (
            f"{target} is open in another program, or one crashed while writing it: "
            f"{target.name}{left[0]} lies beside it. Close it there (in QGIS: remove its layers), or write "
            "to a new file."
        )
        raise OutputError(msg)
    _check_lock(target)


def check_writable(part: Path) -> None:
    """Raise ``PermissionError`` at once, before any work, where the folder takes no file."""
    part.touch(exist_ok=False)
    part.unlink()


def check_closed(part: Path) -> None:
    """Refuse to move a database that still has part of its content in a side file.

    Raises
    ------
    OutputError
        If a ``-wal`` or ``-journal`` file is left.
    """
    left = [suffix for suffix in ("-wal", "-journal") if _side_file(part, suffix).exists()]
    if left:
        msg = (
            f"{part}{left[0]} is left after writing: another program has {part} open. Close it and run again."
        )
        raise OutputError(msg)


def copy_database(source: Path, part: Path) -> None:
    """A consistent copy in rollback-journal mode, so that it is one file; the permissions are kept."""
    reading = sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=0)
    writing = sqlite3.connect(part)
    try:
        reading.backup(writing)
        writing.execute("PRAGMA journal_mode = DELETE")
    finally:
        writing.close()
        reading.close()
    shutil.copymode(source, part)


@contextlib.contextmanager
def errors_told(target: Path) -> Iterator[None]:
    """Whatever the writing libraries raise, told as what it means for the target.

    Raises
    ------
    OutputError
        With the library's own words, the space that is free, and the remedy.
    """
    try:
        yield
    except _WRITE_ERRORS as error:
        free = shutil.disk_usage(target.parent).free / 1e6
        msg = (
            f"Cannot write {target}: {error}. {free:,.0f} MB are free there. Free the disk or choose another "
            "folder; a file that was there is unchanged."
        )
        raise OutputError(msg) from error


def remove_side_files(part: Path) -> None:
    """Remove the journals of a part file: one left by a kill would be played back into its successor."""
    for suffix in _SIDE_FILES:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            _side_file(part, suffix).unlink()


def state(target: Path) -> tuple[int, ...] | None:
    """What changes when somebody writes the file; ``None`` if there is none."""
    try:
        now = target.stat()
    except OSError:
        return None
    return now.st_ino, now.st_size, now.st_mtime_ns


def _check_lock(target: Path) -> None:
    try:
        connection = sqlite3.connect(f"{target.resolve().as_uri()}?mode=rw", uri=True, timeout=0)
        try:
            connection.isolation_level = None
            connection.execute("BEGIN EXCLUSIVE")
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_contents'").fetchone()
            connection.execute("ROLLBACK")
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        msg = (
            f"{target} cannot be opened for writing: {error}. Close it in other programs (in QGIS: "
            "remove its layers), or write to a new file."
        )
        raise OutputError(msg) from error
    except sqlite3.DatabaseError as error:
        msg = f"{target} is no GeoPackage: {error}. Write to a new file."
        raise OutputError(msg) from error
    if not known:
        msg = f"{target} is no GeoPackage: it has no gpkg_contents. Write to a new file."
        raise OutputError(msg)


def _side_file(target: Path, suffix: str) -> Path:
    return target.with_name(target.name + suffix)
