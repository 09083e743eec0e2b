"""What has been done so far, kept line by line, so that work that was killed goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geolivelihood.errors import InputError, OutputError

__all__ = ["Journal"]


class Journal:
    """A dictionary in a file of JSON lines that only grows; a context manager that keeps the file open.

    In memory are only the keys. The first line says what the journal is of. A last line that was cut off is
    dropped.

    Parameters
    ----------
    path
        The file; ``None`` remembers nothing.
    of
        What the entries depend on. A file that is of something else is refused.

    Raises
    ------
    InputError
        If the file is no journal, or one of something else.
    OutputError
        If it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str] | None, *, of: Mapping[str, Any]) -> None:
        self._path = None if path is None else Path(path)
        self._of = dict(of)
        self._start: dict[str, int] = {}
        self._stream: Any = None

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("a+b")
            self._open(self._path)
        except OSError as error:
            raise self._cannot(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def __len__(self) -> int:
        return len(self._start)

    def __iter__(self) -> Iterator[str]:
        return iter(self._start)

    def __contains__(self, key: object) -> bool:
        return key in self._start

    def __getitem__(self, key: str) -> Any:
        self._stream.seek(self._start[key])
        return json.loads(self._stream.readline())[1]

    def __setitem__(self, key: str, value: Any) -> None:
        if self._stream is None:
            return
        try:
            start = self._stream.seek(0, os.SEEK_END)
            self._stream.write(json.dumps([key, value], separators=(",", ":")).encode() + b"\n")
            self._stream.flush()  # from here on the entry survives a kill
        except OSError as error:
            raise self._cannot(error) from error
        self._start[key] = start

    def _open(self, path: Path) -> None:
        """Find where each entry starts, and cut off what a kill has left of the last."""
        self._stream.seek(0)
        first, start = None, 0
        try:
            for line in self._stream:
                if not line.endswith(b"\n"):
                    break
                key, value = json.loads(line)
                if first is None:
                    first = value
                else:
                    self._start[key] = start
                start += len(line)
        except (ValueError, TypeError) as error:
            msg = f"{path} is no journal of a download. Move it away, or choose another folder."
            raise InputError(msg) from error
        self._stream.truncate(start)
        if first is None:
            self["of"] = first = self._of
            del self._start["of"]
        if first != self._of:
            msg = f"{path} is of {first}, not of {self._of}. Choose another folder, or ask for the same."
            raise InputError(msg)

    def _cannot(self, error: OSError) -> OutputError:
        msg = f"Cannot write {self._path}: {error.strerror}. Free the disk or choose another folder."
        return OutputError(msg)
