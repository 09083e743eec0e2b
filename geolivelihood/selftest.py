"""The worker tried against itself: what a program that drives it relies on, in a few seconds.

Each trial starts a worker of its own, as a client does, and looks at its lines, its exit code and its times.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Trial", "trials"]

_HELLO_S = 2.0
_CANCEL_S = 0.5
_WAIT_S = 120.0


class Trial(NamedTuple):
    """One thing that was tried.

    Attributes
    ----------
    name
        What.
    passed
        Whether the worker did as the protocol says.
    seconds
        How long the answer took.
    said
        What was seen; of a failure, what was wrong.
    """

    name: str
    passed: bool
    seconds: float
    said: str


class _Wrong(Exception):
    """The worker did not do as it should."""


class _Worker:
    """A worker process and what it says."""

    def __init__(self) -> None:
        # Isolated and elsewhere, as QGIS starts it: a library that only this folder has is not found.
        command = [sys.executable, "-I", "-u", "-m", "geolivelihood.worker"]
        pipe, elsewhere = subprocess.PIPE, tempfile.gettempdir()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, cwd=elsewhere
        )
        self.seen: list[dict[str, Any]] = []
        self._watchdog = threading.Timer(_WAIT_S, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    def say(self, message: object) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, op: str, **fields: Any) -> None:
        self.say({"cmd": "request", "id": "trial", "protocol": 1, "op": op} | fields)

    def until(self, *events: str) -> dict[str, Any]:
        """The next event of one of these kinds."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.seen.append(json.loads(line))
            except ValueError:
                raise _Wrong(f"stdout carries what is no protocol: {line[:80]!r}") from None
            if self.seen[-1].get("event") in events:
                return self.seen[-1]
        last = self.seen[-1] if self.seen else "nothing"
        raise _Wrong(f"ended without {' or '.join(events)}; the last it said: {last}")

    def end(self, event: str, code: str | None, exit_code: int) -> dict[str, Any]:
        """Wait for the terminal event and the exit code, which must be these."""
        found = self.until("result", "error")
        left = self.process.wait(_WAIT_S)
        if (found["event"], found.get("code"), left) != (event, code, exit_code):
            raise _Wrong(f"{found.get('code') or found['event']}, exit {left}: {found.get('text', '')}")
        return found

    def close(self) -> None:
        self._watchdog.cancel()
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]


def trials() -> Iterator[Trial]:
    """Try everything, one thing after the other; the results come as they are known."""
    with tempfile.TemporaryDirectory(prefix="geolivelihood été 人口 ") as folder:
        for name, attempt in _ATTEMPTS.items():
            worker, started = _Worker(), time.monotonic()
            try:
                seconds, said = attempt(worker, Path(folder) / "größe.gpkg")
                yield Trial(name, True, seconds, said)
            except (_Wrong, OSError, subprocess.TimeoutExpired) as error:
                yield Trial(name, False, time.monotonic() - started, str(error))
            finally:
                worker.close()


def _handshake(worker: _Worker, out: Path) -> tuple[float, str]:
    hello = worker.until("hello")
    seconds = time.monotonic() - worker.started
    if seconds > _HELLO_S:
        raise _Wrong(f"hello took {seconds:.1f} s; it is to come within {_HELLO_S:.0f} s")
    low, high = hello["protocol"]
    said = f"protocol {low} to {high}, {len(hello['ops'])} operations, library {hello['library']}"
    return seconds, said


def _bad_request(worker: _Worker, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    worker.say(b"this is no request")
    worker.end("error", "BAD_REQUEST", 2)
    return time.monotonic() - started, "refused with BAD_REQUEST, exit 2"


def _unknown(worker: _Worker, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    worker.ask("fly")
    worker.end("error", "UNKNOWN_OP", 2)
    return time.monotonic() - started, "refused with UNKNOWN_OP, exit 2"


def _other_version(worker: _Worker, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    worker.ask("check", protocol=999)
    worker.end("error", "PROTOCOL_MISMATCH", 2)
    return time.monotonic() - started, "refused with PROTOCOL_MISMATCH, exit 2"


def _taken(worker: _Worker, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    out.write_text("somebody's", encoding="utf-8")
    worker.ask("selftest", params={"steps": 1}, out=str(out))
    worker.end("error", "OUTPUT_FAILED", 7)
    if out.read_text(encoding="utf-8") != "somebody's":
        raise _Wrong(f"{out} was overwritten")
    out.unlink()
    return time.monotonic() - started, "refused with OUTPUT_FAILED, exit 7, the file untouched"


def _check(worker: _Worker, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    worker.ask("check")
    found = worker.end("result", None, 0)
    devices = ", ".join(device["id"] for device in found["devices"])
    return time.monotonic() - started, f"{len(found['versions'])} packages, devices: {devices}"


def _job(worker: _Worker, out: Path) -> tuple[float, str]:
    started = time.monotonic()
    worker.ask("selftest", params={"steps": 20, "silence_s": 1.6}, out=str(out))
    worker.end("result", None, 0)
    kinds = [event["event"] for event in worker.seen]
    numbers = [event["seq"] for event in worker.seen]
    if kinds.count("progress") < 3 or "heartbeat" not in kinds:
        raise _Wrong(f"progress or heartbeat is missing: {', '.join(kinds)}")
    if numbers != list(range(1, len(numbers) + 1)):
        raise _Wrong(f"events are not numbered one by one: {numbers}")
    if not out.exists():
        raise _Wrong(f"{out} was not written")
    out.unlink()
    said = f"{kinds.count('progress')} progress, {kinds.count('heartbeat')} heartbeat, path not ASCII"
    return time.monotonic() - started, said


def _cancel(worker: _Worker, out: Path) -> tuple[float, str]:
    return _stopped(worker, out, lambda: worker.say({"cmd": "cancel", "id": "trial"}))


def _parent_gone(worker: _Worker, out: Path) -> tuple[float, str]:
    assert worker.process.stdin is not None
    return _stopped(worker, out, worker.process.stdin.close)


def _loading(worker: _Worker, out: Path) -> tuple[float, str]:
    """Cancel while libraries are imported, when nothing can answer."""
    worker.ask("run", params={"project": "none.yaml"}, out=str(out))
    worker.until("progress")
    started = time.monotonic()
    worker.say({"cmd": "cancel", "id": "trial"})
    worker.end("error", "CANCELLED", 3)
    return _soon(time.monotonic() - started, out)


def _stopped(worker: _Worker, out: Path, stop: Callable[[], object]) -> tuple[float, str]:
    worker.ask("selftest", params={"steps": 10_000}, out=str(out))
    while worker.until("progress").get("step") in (None, 0):
        pass
    started = time.monotonic()
    stop()
    worker.end("error", "CANCELLED", 3)
    return _soon(time.monotonic() - started, out)


def _soon(seconds: float, out: Path) -> tuple[float, str]:
    left = [path.name for path in out.parent.iterdir()]
    if left:
        raise _Wrong(f"left behind: {', '.join(left)}")
    if seconds > _CANCEL_S:
        raise _Wrong(f"stopped after {seconds:.2f} s; it is to stop within {_CANCEL_S} s")
    return seconds, "stopped with CANCELLED, exit 3, nothing left behind"


_ATTEMPTS: dict[str, Callable[[_Worker, Path], tuple[float, str]]] = {
    "handshake": _handshake,
    "bad request": _bad_request,
    "unknown operation": _unknown,
    "other version of the protocol": _other_version,
    "target that exists": _taken,
    "check": _check,
    "job with progress and heartbeat": _job,
    "cancel": _cancel,
    "cancel while libraries load": _loading,
    "end of stdin is cancel": _parent_gone,
}
