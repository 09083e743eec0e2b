"""Files that are whole or absent, and the hashes that tell whether they changed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from geolivelihood.errors import OutputError

__all__ = ["atomic", "content_hash", "file_hash"]


@contextlib.contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file (or folder) under a ``.part`` name beside its target, then move it there at once.

    Yields the temporary path ``<stem>.part<suffix>``. If the block raises, the part is removed and the
    target, where there was one, is left as it was.

    Raises
    ------
    OutputError
        If the folder cannot be written or the disk is full.
    """
    target = Path(path)
    part = target.with_name(f"{target.stem}.part{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"Cannot make the folder {target.parent}: {error.strerror}. Choose another folder."
        raise OutputError(msg) from error
    try:
        _remove(part)
        yield part
        if part.is_dir() and target.is_dir():
            _remove(target)
        part.replace(target)
    except OSError as error:
        _remove(part)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            msg = f"Cannot write {target}: {error.strerror}. Free the disk or choose another folder."
            raise OutputError(msg) from error
        raise
    except BaseException:
        _remove(part)
        raise


def file_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_hash(value: Any) -> str:
    """SHA-256 of a JSON-like value; equal values have equal hashes whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # none there, or a place that is only read
            path.unlink()
