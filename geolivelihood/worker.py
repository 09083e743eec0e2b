"""The process that QGIS, or anything else, drives over JSON lines: one process per job.

The worker speaks first (``hello``), then reads one ``request`` from stdin, answers ``accepted``, reports
``progress``, ``heartbeat``, ``info`` and ``warning``, and ends with exactly one terminal event, ``result`` or
``error``. ``cancel`` or the end of stdin (the parent died) stops the job. Standard output carries the
protocol alone: whatever the job prints, even in C or in a child process, goes to standard error.

Nothing heavy is imported before a request was accepted, so that ``hello`` comes at once.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import os
import platform
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NoReturn

from geolivelihood import __version__
from geolivelihood.errors import Cancelled, EnvironmentMissingError
from geolivelihood.operations import DESCRIBED, NEEDS, OPERATIONS, descriptions
from geolivelihood.progress import checkpoint, listening
from geolivelihood.protocol import PROTOCOL, SCHEMA, Channel, Request, RequestError, failure, lines, message

__all__ = ["OPERATIONS", "Job", "main"]

HEARTBEAT_S = 1.0
PROGRESS_S = 0.1
WATCHDOG_S = 3.0


class Job:
    """One running job: listens to the library's progress and knows whether it was asked to stop.

    It is the :class:`~geolivelihood.progress.Reporter` of the work done for ``request``.
    """

    def __init__(self, request: Request, channel: Channel) -> None:
        self.request = request
        self._channel = channel
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._stage = ""
        self._reported = -math.inf
        self._loading = False

    def stage(self, name: str) -> None:
        """Report that a named stage begins."""
        self._stage = name
        self._channel.send("progress", pct=None, stage=name, step=0, steps=None, text=name)

    def step(self, done: int, total: int | None, text: str) -> None:
        """Report steps of the present stage, at most ten times a second (the first and last always)."""
        now = time.monotonic()
        if 0 < done != total and now - self._reported < PROGRESS_S:
            return
        self._reported = now
        self._channel.send("progress", pct=None, stage=self._stage, step=done, steps=total, text=text)

    def cancelled(self) -> bool:
        """Whether the client asked to stop, or is gone."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Ask the job to stop, and end the process in three seconds if it does not.

        While libraries are loaded, when nothing could answer and nothing is written yet, it ends at once.
        """
        if not self._stop.is_set():
            self._stop.set()
            if self._loading:
                self._kill()
            watchdog = threading.Timer(WATCHDOG_S, self._kill)
            watchdog.daemon = True
            watchdog.start()

    def load(self, module: str) -> None:
        """Import what the work needs, which may take seconds."""
        self._loading = True
        self.stage("loading libraries")
        checkpoint()
        import_module(module)
        self._loading = False
        checkpoint()

    def elapsed_s(self) -> float:
        """Seconds since the job was accepted."""
        return round(time.monotonic() - self._started, 3)

    def _kill(self) -> None:
        if self._channel.closed.is_set():
            return
        for part in self.request.parts:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)
        exit_code, fields = failure(Cancelled("Cancelled."))
        self._channel.send("error", **fields)
        _leave(exit_code)


OUTPUTS = {name: (operation.output.kind, operation.output.resumable) for name, operation in DESCRIBED.items()}
"""What an operation writes, where it is no GeoPackage, and whether it goes on in a folder that is there."""


def main() -> int:
    """Serve one request on stdin and stdout.

    Returns
    -------
    int
        The exit code: 0 success (or no request at all), 1 bug, 2 bad request, 3 cancelled, 4 environment,
        5 memory, 6 input, 7 output.
    """
    commands, channel = _streams()
    hello: dict[str, Any] = {"protocol": PROTOCOL, "schema": SCHEMA, "library": __version__}
    hello |= {"python": platform.python_version(), "pid": os.getpid()}
    channel.send("hello", **hello, ops=sorted(OPERATIONS), described=descriptions())
    line = next(commands, None)
    if line is None:
        return 0
    try:
        channel.id = _name(line)
        request = Request.parse(line, operations=OPERATIONS, outputs=OUTPUTS)
    except RequestError as error:
        exit_code, fields = failure(error)
        channel.send("error", **fields)
        return exit_code
    _serve(Job(request, channel), commands, channel)


def _streams() -> tuple[Iterator[bytes], Channel]:
    """Keep stdin and stdout for the protocol; give the job an empty stdin, and stderr for its prints."""
    commands, events = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    return lines(commands), Channel(events)


def _name(line: bytes) -> str | None:
    name = message(line).get("id")
    return name if isinstance(name, str) else None


def _serve(job: Job, commands: Iterator[bytes], channel: Channel) -> NoReturn:
    channel.send("accepted", op=job.request.op)
    _thread(_listen, job, commands, channel)
    _thread(_beat, job, channel)
    signal.signal(signal.SIGTERM, lambda *_: job.cancel())
    # What other packages will change one day is for their users, not for those who read a job's log.
    warnings.simplefilter("ignore", FutureWarning)
    log = logging.getLogger("geolivelihood")
    log.addHandler(_Notes(channel))
    log.setLevel(logging.INFO)
    exit_code = 0
    try:
        channel.send("result", **_work(job), elapsed_s=job.elapsed_s())
    except BaseException as error:
        exit_code, fields = failure(error)
        channel.send("error", **fields)
    _leave(exit_code)


def _leave(exit_code: int) -> NoReturn:
    """End at once: the answer is out, and tearing down torch takes seconds, a lingering thread for ever."""
    for child in multiprocessing.active_children():
        child.kill()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(exit_code)


def _work(job: Job) -> dict[str, Any]:
    _prepare(threads=job.request.options.get("threads"), device=job.request.options.get("device", "auto"))
    with listening(job):
        if job.request.op in NEEDS:
            job.load(NEEDS[job.request.op])
        return OPERATIONS[job.request.op](job)


def _prepare(*, threads: int | None, device: str) -> None:
    """Set what NumPy and torch read when they are imported: threads and visible devices."""
    if threads:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(threads)
    kind, _, number = device.partition(":")
    if kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif number:
        os.environ["CUDA_VISIBLE_DEVICES"] = number
    if kind == "cuda":
        import torch

        if not torch.cuda.is_available():
            msg = f"Device {device} was asked for, but there is none here. Choose auto or cpu."
            raise EnvironmentMissingError(msg)


def _listen(job: Job, commands: Iterator[bytes], channel: Channel) -> None:
    """Wait for ``cancel``; the end of stdin means that the parent died, which is the same."""
    for line in commands:
        try:
            command = message(line).get("cmd")
        except RequestError as error:
            channel.send("warning", text=f"Ignored: {error}")
            continue
        if command == "cancel":
            job.cancel()
        elif command == "request":
            channel.send("warning", text="Ignored: a process does one job; start another for the next.")
    job.cancel()


def _beat(job: Job, channel: Channel) -> None:
    while not channel.closed.wait(HEARTBEAT_S / 4):
        if time.monotonic() - channel.last >= HEARTBEAT_S:
            channel.send("heartbeat", uptime=job.elapsed_s())


class _Notes(logging.Handler):
    """The library's log as ``info`` and ``warning`` events, each text once."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.INFO)
        self._channel = channel
        self._told: set[tuple[str, str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        event = "warning" if record.levelno >= logging.WARNING else "info"
        text = record.getMessage()
        if (event, text) not in self._told:
            self._told.add((event, text))
            self._channel.send(event, text=text)


def _thread(target: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
