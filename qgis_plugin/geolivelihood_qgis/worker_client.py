"""Drive a worker process over JSON lines: one process, one job. Standard library only, no QGIS.

:func:`run_job` starts the worker, checks that both sides speak a common protocol, sends one request and
listens until the one terminal event. It never leaves a process or an unfinished file behind.
"""

import collections
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess  # the argument list is ours, without a shell
import tempfile
import threading
import time
import uuid
from pathlib import Path

PROTOCOL = (1, 1)
SCHEMA = (1, 1)
MAX_LINE = 1 << 20
POLL_S = 0.1
CANCEL_S = 3.0
EXIT_S = 5.0
BUSY_S = 10.0
CONSOLE_LINES = 200

_DROPPED = ("PYTHON", "QGIS_", "DYLD_", "QT_")
_DROPPED_NAMES = {
    "VIRTUAL_ENV",
    "PROJ_DATA",
    "PROJ_LIB",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
}


class WorkerError(Exception):
    """A job that did not end well; ``code`` is the protocol's, or the client's own (``WORKER_...``)."""

    def __init__(self, code, text, hint="", detail=""):
        super().__init__(text)
        self.code = code
        self.text = text
        self.hint = hint
        self.detail = detail

    def __str__(self):
        return " ".join(part for part in (self.text, self.hint) if part)


class Listener:
    """Hears what a job says; override what you want to hear. All calls come from the calling thread."""

    def is_cancelled(self):
        """Whether the user asked to stop."""
        return False

    def hello(self, event):
        """The ``hello`` event of a worker that speaks our protocol, as a dictionary."""

    def progress(self, event):
        """A ``progress`` event, as a dictionary."""

    def info(self, text):
        """Something worth knowing."""

    def warning(self, text):
        """Something that the user should look at."""

    def console(self, line):
        """A line of the worker's standard error, or one that is not of the protocol."""


def worker_command(program):
    """Arguments that start a worker; ``program`` is a Python, or the script ``geolivelihood-worker``."""
    if Path(program).stem == "geolivelihood-worker":
        return [str(program)]
    return [str(program), "-I", "-u", "-m", "geolivelihood.worker"]


def child_environment(environment):
    """The environment without what belongs to QGIS's own Python, Qt, GDAL and PROJ."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _DROPPED_NAMES and not name.startswith(_DROPPED)
    }


def run_job(
    program, op, params=None, *, out=None, options=None, listener=None, stall_s=120, start_s=30, log=None
):
    """Run one job and return its ``result`` event; raise :class:`WorkerError` for any other end.

    ``out`` is the absolute path of the file to be written, ``log`` a file that gets the worker's console.
    """
    job = _Job(program, listener or Listener(), out=out, log=log)
    try:
        job.start()
        job.shake_hands(start_s)
        job.request(op, params or {}, options or {})
        return job.follow(stall_s)
    finally:
        job.close()


class _Job:
    """A started worker, its three pipes and what came through them."""

    def __init__(self, program, listener, *, out, log):
        self.id = "job-" + uuid.uuid4().hex[:8]
        self.program = str(program)
        self.listener = listener
        self.out = out
        self.log = log
        self.process = None
        self.hello = {}
        self.said = collections.deque(maxlen=CONSOLE_LINES)
        self._queue = queue.Queue()
        self._readers = []
        self._log_file = None
        self._gone = None

    def start(self):
        apart = (
            {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {"start_new_session": True}
        )
        pipe = subprocess.PIPE
        if self.log:
            self._log_file = Path(self.log).open("w", encoding="utf-8")  # noqa: SIM115 - close() does
        try:
            self.process = subprocess.Popen(
                worker_command(self.program),
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd=tempfile.gettempdir(),
                env=child_environment(os.environ),
                **apart,
            )
        except OSError as error:
            raise WorkerError("WORKER_NOT_FOUND", f"The worker cannot be started: {error}") from error
        for stream, name in ((self.process.stdout, "event"), (self.process.stderr, "console")):
            reader = threading.Thread(target=self._drain, args=(stream, name), daemon=True)
            reader.start()
            self._readers.append(reader)

    def shake_hands(self, start_s):
        """Wait for ``hello``, and check that there is a common protocol and schema."""
        deadline = time.monotonic() + start_s
        while not self.hello:
            if self.listener.is_cancelled():
                raise WorkerError("CANCELLED", "Cancelled.")
            if time.monotonic() > deadline:
                self._kill()
                text = f"The worker did not answer within {start_s:g} s."
                raise WorkerError("WORKER_START_TIMEOUT", text, detail=self._tail())
            event = self._next()
            if event and event.get("event") == "hello":
                self.hello = event
        for name, ours in (("protocol", PROTOCOL), ("schema", SCHEMA)):
            self._check_version(name, ours)
        self.listener.hello(self.hello)

    def _check_version(self, name, ours):
        theirs = self.hello.get(name)
        if not (isinstance(theirs, list) and len(theirs) == 2 and all(isinstance(v, int) for v in theirs)):
            raise WorkerError("PROTOCOL_MISMATCH", f"The worker names no {name} version.")
        if theirs[1] < ours[0]:
            raise WorkerError(
                "PROTOCOL_MISMATCH",
                f"Library {self.hello.get('library')} is too old for this plugin.",
                f"Run: {self.program} -m pip install --upgrade geolivelihood",
            )
        if theirs[0] > ours[1]:
            raise WorkerError(
                "PROTOCOL_MISMATCH",
                f"This plugin is too old for library {self.hello.get('library')}.",
                "Upgrade it in Plugins > Manage and Install Plugins.",
            )

    def request(self, op, params, options):
        protocol = min(self.hello["protocol"][1], PROTOCOL[1])
        message = {"cmd": "request", "id": self.id, "protocol": protocol, "op": op, "params": params}
        if self.out:
            message["out"] = str(self.out)
        self._say(dict(message, options=options))

    def follow(self, stall_s):
        """Listen until the terminal event; cancel, or give up, when it is time to."""
        heard, cancelled, busy = time.monotonic(), None, False
        while True:
            now = time.monotonic()
            if cancelled is None and self.listener.is_cancelled():
                cancelled = now
                self._say({"cmd": "cancel", "id": self.id})
            if cancelled is not None and now - cancelled > CANCEL_S:
                self._kill()
                raise WorkerError("CANCELLED", "Cancelled.")
            if now - heard > stall_s:
                self._kill()
                text = f"The worker was silent for {stall_s:g} s and was stopped."
                raise WorkerError("WORKER_STALLED", text, detail=self._tail())
            if now - heard > BUSY_S and not busy:
                busy = True
                self.listener.info("Worker busy ...")
            event = self._next()
            if event is None:
                self._check_alive()
                continue
            heard, busy = time.monotonic(), False
            if self._handle(event):
                return event

    def close(self):
        """End the process and all that it started; leave no unfinished file."""
        clean = self.process is None
        if self.process:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            clean = self._ends_itself()
            if not clean:
                self._kill()
            for reader in self._readers:
                reader.join(EXIT_S)
            while self._next(wait=False) is not None:
                pass
            self._close_pipes()
        if self._log_file:
            self._log_file.close()
        if self.out and not clean:
            self._remove_parts()

    def _close_pipes(self):
        # A grandchild may still hold the other end; closing under a blocked reader would wait for it.
        for reader, stream in zip(self._readers, (self.process.stdout, self.process.stderr)):
            if not reader.is_alive():
                stream.close()

    def _handle(self, event):
        """Pass an event on; whether it was the result."""
        kind = event.get("event")
        if kind == "progress":
            self.listener.progress(event)
        elif kind in ("info", "warning"):
            getattr(self.listener, kind)(str(event.get("text", "")))
        elif kind == "error":
            fields = {name: str(event.get(name) or "") for name in ("code", "text", "hint", "detail")}
            raise WorkerError(**fields)
        return kind == "result"

    def _next(self, wait=True):
        """The next event, or ``None`` after a short while; console lines are passed on on the way."""
        try:
            name, line = self._queue.get(timeout=POLL_S) if wait else self._queue.get_nowait()
        except queue.Empty:
            return None
        if name == "end":
            return self._ended(wait)
        if name == "event":
            event = _parse(line)
            if event is not None:
                return event
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        self.said.append(text)
        if self._log_file:
            self._log_file.write(text + "\n")
        self.listener.console(text)
        return {}

    def _check_alive(self):
        """A child that outlives the worker may keep its output open: look at the process itself, too."""
        if self.process.poll() is not None:
            self._gone = self._gone or time.monotonic()
            if time.monotonic() - self._gone > EXIT_S:
                self._ended(wait=True)

    def _ended(self, wait):
        """Standard output is at its end without a terminal event: the worker is dead."""
        if not wait:
            return {}
        self._readers[1].join(EXIT_S)
        while self._next(wait=False) is not None:
            pass
        try:
            code = self.process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            code = None
        console = self._tail()
        if not self.hello and code == 1 and "No module named" in console:
            raise WorkerError(
                "WORKER_NOT_INSTALLED",
                "geolivelihood is not installed there.",
                f"Run: {self.program} -m pip install geolivelihood",
                console,
            )
        hint = "The system may have run out of memory." if code == -9 else ""
        raise WorkerError(
            "WORKER_CRASHED", f"The worker ended without an answer (exit code {code}).", hint, console
        )

    def _drain(self, stream, name):
        for line in iter(lambda: stream.readline(MAX_LINE + 1), b""):
            self._queue.put((name, line))
        if name == "event":
            self._queue.put(("end", b""))

    def _say(self, message):
        data = json.dumps(message, allow_nan=False).encode() + b"\n"
        # A worker that died shows itself by the end of its output.
        with contextlib.suppress(OSError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def _tail(self):
        return "\n".join(self.said)

    def _ends_itself(self):
        """Whether the process ends now that its stdin is closed; a cancelled one had its time already."""
        try:
            self.process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            return False
        return self.process.returncode == 0

    def _kill(self):
        """Kill the process group: children too."""
        with contextlib.suppress(OSError):
            if os.name == "nt":
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _remove_parts(self):
        out = Path(self.out)
        for end in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                out.with_name(f"{out.stem}.part{out.suffix}{end}").unlink()
        shutil.rmtree(out.with_name(f"{out.stem}.part"), ignore_errors=True)


def _parse(line):
    """An event, or ``None`` for a line that is not of the protocol."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
