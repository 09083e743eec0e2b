"""What goes over the wire between the worker process and whoever drives it: version 1.

One JSON object per line, UTF-8, at most 1 MiB, no NaN. The client sends one ``request`` and perhaps
``cancel``; the worker sends events (see :mod:`geolivelihood.worker`). Bulk data goes through files.
"""

from __future__ import annotations

import errno
import json
import math
import os
import threading
import time
import traceback
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geolivelihood.errors import Cancelled, EnvironmentMissingError, InputError, OutputError, TableError

__all__ = ["CODES", "PROTOCOL", "SCHEMA", "Channel", "Request", "RequestError", "failure", "lines", "message"]

PROTOCOL = (1, 1)
"""Oldest and newest version of the protocol that is spoken."""
SCHEMA = (1, 1)
"""Oldest and newest version of the results' schema that is written."""
MAX_LINE = 1 << 20

CODES = {
    1: "INTERNAL",
    2: "BAD_REQUEST",
    3: "CANCELLED",
    4: "ENV_MISSING",
    5: "OUT_OF_MEMORY",
    6: "INPUT_INVALID",
    7: "OUTPUT_FAILED",
}
"""The ``code`` of an error event, by exit code."""

_HINTS = {
    "OUT_OF_MEMORY": "Use a smaller batch, fewer pictures or a coarser cell resolution.",
    "INTERNAL": "This is a bug. Please report it with the detail and the log.",
}


class RequestError(ValueError):
    """A request that cannot be served.

    Attributes
    ----------
    code
        The protocol's word for it: ``BAD_REQUEST``, ``UNKNOWN_OP``, ``PROTOCOL_MISMATCH``, ``OUTPUT_FAILED``.
    exit_code
        What the process ends with.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.exit_code = 7 if code == "OUTPUT_FAILED" else 2


@dataclass(frozen=True)
class Request:
    """What the client asks for.

    Attributes
    ----------
    id
        The client's name of the job; every event repeats it.
    op
        Name of the operation.
    params
        Parameters of the operation.
    out
        Absolute path of the GeoPackage, table or folder to be written; it does not exist yet, or is a folder
        that the operation goes on with.
    options
        ``device`` (``auto``, ``cpu``, ``cuda``, ``cuda:1``), ``threads``, ``seed``.
    """

    id: str
    op: str
    params: Mapping[str, Any] = field(default_factory=dict)
    out: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, line: bytes, *, operations: Container[str], outputs: Mapping[str, tuple[str, bool]] | None = None
    ) -> Request:
        """Read and check the line of a request.

        Parameters
        ----------
        line
            What the client sent.
        operations
            Names of the operations that there are.
        outputs
            By operation, the kind of what it writes (``geopackage``, ``table``, ``folder``; others write a
            GeoPackage), and whether a folder that is there is gone on with.

        Raises
        ------
        RequestError
            If anything in it is wrong; it carries the ``id`` where there is one.
        """
        fields = message(line)
        name = fields.get("id")
        if fields.get("cmd") != "request" or not isinstance(name, str) or not name:
            raise RequestError("BAD_REQUEST", "The first line must be a request: cmd 'request', id a text.")
        version = fields.get("protocol")
        if not isinstance(version, int) or not PROTOCOL[0] <= version <= PROTOCOL[1]:
            text = f"Protocol {version!r} was asked for; this worker speaks {PROTOCOL[0]} to {PROTOCOL[1]}."
            raise RequestError("PROTOCOL_MISMATCH", text)
        if fields.get("op") not in operations:
            raise RequestError("UNKNOWN_OP", f"This worker has no operation {fields.get('op')!r}.")
        params, options = _object(fields, "params"), _object(fields, "options")
        _check_options(options)
        kind, resumable = (outputs or {}).get(fields["op"], ("geopackage", False))
        return cls(name, fields["op"], params, _target(fields.get("out"), kind, resumable), options)

    @property
    def parts(self) -> list[Path]:
        """The unfinished files, and a folder, that a job that was killed may leave behind."""
        if self.out is None:
            return []
        part = self.out.with_name(f"{self.out.stem}.part{self.out.suffix}")
        if self.out.suffix != ".gpkg":
            return [part]
        files = [part.with_name(part.name + end) for end in ("", "-wal", "-shm", "-journal")]
        return [*files, part.with_suffix("")]


class Channel:
    """Writes events, one JSON object per line, numbered, from any thread, and only one that is terminal.

    Attributes
    ----------
    id
        Id of the job, repeated in every event; ``None`` before the request.
    closed
        Set once a terminal event was sent.
    last
        Monotonic time of the last event.
    """

    def __init__(self, descriptor: int) -> None:
        self.id: str | None = None
        self.closed = threading.Event()
        self.last = time.monotonic()
        self._descriptor = descriptor
        self._process = os.getpid()
        self._seq = 0
        self._lock = threading.Lock()

    def send(self, event: str, **fields: Any) -> None:
        """Send an event; after a terminal one, and from forked children, nothing is sent any more."""
        if os.getpid() != self._process:
            return
        with self._lock:
            if self.closed.is_set():
                return
            if event in ("result", "error"):
                self.closed.set()
            self._seq += 1
            self._write({"event": event, "seq": self._seq, "id": self.id, **fields})
            self.last = time.monotonic()

    def _write(self, event: dict[str, Any]) -> None:
        data = json.dumps(_plain(event), allow_nan=False, default=str).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            # The client is gone. The end of stdin, which comes with it, stops the job.
            self._descriptor = os.open(os.devnull, os.O_WRONLY)


def lines(descriptor: int) -> Iterator[bytes]:
    """Lines as they come in.

    An unfinished last line is dropped, for its writer died. A line that is too long comes as a piece that
    :func:`message` refuses.
    """
    rest = b""
    while chunk := os.read(descriptor, 1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE:
            yield rest
            rest = b""


def message(line: bytes) -> dict[str, Any]:
    """Parse one line.

    Raises
    ------
    RequestError
        If it is too long or not a JSON object.
    """
    if len(line) > MAX_LINE:
        raise RequestError("BAD_REQUEST", f"A line is longer than {MAX_LINE} bytes; pass bulk data as files.")
    try:
        fields = json.loads(line)
    except ValueError as error:
        raise RequestError("BAD_REQUEST", f"A line is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise RequestError("BAD_REQUEST", "A line must hold one JSON object.")
    return fields


def failure(error: BaseException) -> tuple[int, dict[str, str]]:
    """Exit code, and the fields of the error event, for an exception.

    What carries an ``exit_code`` (the classes of :mod:`geolivelihood.errors`) knows its code; memory,
    imports, files and a full disk are recognised; anything else is a bug, with its traceback in ``detail``.
    """
    exit_code = _exit_code(error)
    code = error.code if isinstance(error, RequestError) else CODES[exit_code]
    text, detail = str(error) or type(error).__name__, ""
    if isinstance(error, TableError):
        detail = error.faults.head(100).to_string()
    elif exit_code == 1:
        detail = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) or exit_code == 1:
        text = f"{type(error).__name__}: {error}"
    if exit_code == OutputError.exit_code and not isinstance(error, OutputError | RequestError):
        text = f"Cannot write: {error}. Free the disk or choose another folder."
    return exit_code, {"code": code, "text": text, "hint": _HINTS.get(code, ""), "detail": detail}


def _exit_code(error: BaseException) -> int:
    known = getattr(error, "exit_code", None)
    if isinstance(known, int) and known in CODES:
        return known
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return 5  # torch has its own class, which is only there once torch is
    if isinstance(error, ImportError):
        return EnvironmentMissingError.exit_code
    if isinstance(error, KeyboardInterrupt):
        return Cancelled.exit_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return OutputError.exit_code
    if os.strerror(errno.ENOSPC) in str(error):
        return OutputError.exit_code  # as writers in other languages say it, with classes of their own
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError):
        return InputError.exit_code
    return 1


def _object(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name, {})
    if not isinstance(value, dict):
        raise RequestError("BAD_REQUEST", f"{name!r} must be an object, not {value!r}.")
    return value


_SUFFIXES = {"geopackage": ".gpkg", "table": ".csv"}


def _target(out: object, kind: str, resumable: bool) -> Path | None:
    if out is None:
        return None
    suffix = _SUFFIXES.get(kind)
    what = f"a new {suffix} file" if suffix else "a folder"
    if not isinstance(out, str) or not Path(out).is_absolute() or (suffix and Path(out).suffix != suffix):
        raise RequestError("BAD_REQUEST", f"'out' is {out!r}; give the absolute path of {what}.")
    path = Path(out)
    if os.path.lexists(out) and not (kind == "folder" and path.is_dir() and (resumable or _empty(path))):
        raise RequestError("OUTPUT_FAILED", f"{out} exists and is never overwritten. Choose a new name.")
    return path


def _empty(folder: Path) -> bool:
    return next(folder.iterdir(), None) is None


def _check_options(options: Mapping[str, Any]) -> None:
    threads, device = options.get("threads"), options.get("device", "auto")
    if threads is not None and not (type(threads) is int and threads > 0):
        raise RequestError("BAD_REQUEST", f"options.threads is {threads!r}; give a whole number from 1.")
    kind, colon, number = str(device).partition(":")
    if kind not in ("auto", "cpu", "cuda") or (colon and not (kind == "cuda" and number.isdigit())):
        raise RequestError("BAD_REQUEST", f"options.device is {device!r}; give auto, cpu, cuda or cuda:1.")


def _plain(value: Any) -> Any:
    """Cut long texts, and replace NaN and infinity, which JSON does not have, by null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) and len(value) > 100_000:
        return value[:100_000] + " ... (cut)"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
