"""The process that QGIS, or anything else, drives over JSON lines: one process per job.

The worker speaks first (``hello``), then reads one ``request`` from stdin, answers ``accepted``, reports
``progress``, ``heartbeat``, ``info`` and ``warning``, and ends with exactly one terminal event, ``result`` or
``error``. ``cancel`` or the end of stdin (the parent died) stops the job. Standard output carries the
protocol alone: whatever the job prints, even in C or in a child process, goes to standard error.

Nothing heavy is imported before a request was accepted, so that ``hello`` comes at once.
"""

from __future__ import annotations

import contextlib
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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from geolivelihood import __version__
from geolivelihood.errors import Cancelled, EnvironmentMissingError, InputError
from geolivelihood.protocol import PROTOCOL, SCHEMA, Channel, Request, RequestError, failure, lines, message

__all__ = ["OPERATIONS", "Job", "check", "explain", "main", "run"]

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
        """Ask the job to stop, and end the process in three seconds if it does not."""
        if not self._stop.is_set():
            self._stop.set()
            watchdog = threading.Timer(WATCHDOG_S, self._kill)
            watchdog.daemon = True
            watchdog.start()

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


def check(job: Job) -> dict[str, Any]:
    """Report the versions of all required packages and the devices that can compute.

    Raises
    ------
    EnvironmentMissingError
        If a required package is not installed.
    """
    from importlib import metadata

    found, missing = {"geolivelihood": __version__, "python": platform.python_version()}, []
    for name in _required():
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        msg = f"Not installed: {', '.join(missing)}. Run: {sys.executable} -m pip install {' '.join(missing)}"
        raise EnvironmentMissingError(msg)
    import torch

    cuda = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    devices = [{"id": "cpu", "name": platform.processor() or platform.machine()}]
    devices += [{"id": f"cuda:{index}", "name": torch.cuda.get_device_name(index)} for index in cuda]
    return {"outputs": {}, "layers": [], "rejected": 0, "versions": found, "devices": devices}


def run(job: Job) -> dict[str, Any]:
    """Run a project file.

    ``params`` are ``project`` (its path) and ``set`` (dotted keys and their new values); ``out`` is required.
    """
    project, overrides, out = _asked(job)
    from geolivelihood.recipes import run_project

    done = run_project(project, overrides=overrides, out=out)
    outputs = {"geopackage": done.geopackage, "map": done.map, "scores": done.scores}
    return {
        "outputs": {name: str(path) for name, path in outputs.items() if path is not None},
        "layers": done.layers,
        "rejected": done.rejected,
    }


def explain(job: Job) -> dict[str, Any]:
    """Explain a model of a project that was run, in a copy of its result.

    ``params`` are ``project``, ``set`` (as the run had them), ``result`` (path of the run's GeoPackage; by
    default where the project writes it), ``methods`` and ``ids`` (lists), ``model``, ``indicator``,
    ``source``, ``options`` (``zones``: path of polygons); ``out`` is required. The result is only read; files
    go to ``<stem>.explanations`` beside ``out``, where
    :func:`~geolivelihood.recipes.explanations.explain_project` puts them.
    """
    project, overrides, out = _asked(job)
    params = job.request.params
    texts: dict[str, Any] = {name: _text(params, name) for name in ("model", "indicator", "source", "result")}
    lists: dict[str, Any] = {name: _texts(params, name) for name in ("methods", "ids")}
    options = params.get("options") or {}
    if not isinstance(options, dict):
        msg = f"params.options is {options!r}; give an object of names and values."
        raise InputError(msg)
    from geolivelihood.layers import read_provenance
    from geolivelihood.recipes.explanations import explain_project

    with _warnings_told():
        done = explain_project(project, overrides=overrides, out=out, options=options, **texts, **lists)
    listed = read_provenance(done.geopackage).get("layers", [])
    return {
        "outputs": {"geopackage": str(done.geopackage)},
        "layers": [layer | {"visible": True} if layer["name"] in done.layers else layer for layer in listed],
        "rejected": done.rejected,
        "files": [str(file) for file in done.files],
    }


OPERATIONS: dict[str, Callable[[Job], dict[str, Any]]] = {"check": check, "run": run, "explain": explain}
"""What a request may ask for, by name."""


def _asked(job: Job) -> tuple[Path, dict[str, Any], Path]:
    """Project, changes of its settings, and the GeoPackage to be written."""
    project, overrides = job.request.params.get("project"), dict(job.request.params.get("set") or {})
    if not isinstance(project, str):
        msg = f"params.project is {project!r}; give the path of a project file (.yaml)."
        raise InputError(msg)
    if job.request.out is None:
        msg = "The request has no 'out'; give the absolute path of a new GeoPackage (.gpkg)."
        raise InputError(msg)
    if "seed" in job.request.options:
        overrides.setdefault("seed", job.request.options["seed"])
    return Path(project), overrides, job.request.out


def _text(params: Mapping[str, Any], name: str) -> str | None:
    value = params.get(name)
    if value is None or isinstance(value, str):
        return value or None
    msg = f"params.{name} is {value!r}; give a text."
    raise InputError(msg)


def _texts(params: Mapping[str, Any], name: str) -> list[str] | None:
    value = params.get(name)
    if value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value or None
    msg = f"params.{name} is {value!r}; give a list of texts."
    raise InputError(msg)


@contextlib.contextmanager
def _warnings_told() -> Iterator[None]:
    """Warnings of the library go to its log, and so to the client; those of others to the console."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def tell(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if category is UserWarning:
                logging.getLogger("geolivelihood").warning("%s", message)
            else:
                shown(message, category, *where, **more)

        warnings.showwarning = tell
        yield


def main() -> int:
    """Serve one request on stdin and stdout.

    Returns
    -------
    int
        The exit code: 0 success (or no request at all), 1 bug, 2 bad request, 3 cancelled, 4 environment,
        5 memory, 6 input, 7 output.
    """
    commands, channel = _streams()
    hello = {"protocol": PROTOCOL, "schema": SCHEMA, "library": __version__}
    channel.send("hello", **hello, python=platform.python_version(), pid=os.getpid(), ops=sorted(OPERATIONS))
    line = next(commands, None)
    if line is None:
        return 0
    try:
        channel.id = _name(line)
        request = Request.parse(line, operations=OPERATIONS)
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
    from geolivelihood.progress import listening

    _prepare(threads=job.request.options.get("threads"), device=job.request.options.get("device", "auto"))
    with listening(job):
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
    """The library's log as ``info`` and ``warning`` events."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.INFO)
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        event = "warning" if record.levelno >= logging.WARNING else "info"
        self._channel.send(event, text=record.getMessage())


def _thread(target: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()


def _required() -> list[str]:
    """Names of the packages that the installed library declares, without those of its extras."""
    import re
    from importlib import metadata

    declared = metadata.requires("geolivelihood") or []
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in declared if "extra ==" not in line]


if __name__ == "__main__":
    sys.exit(main())
