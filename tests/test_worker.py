"""The worker process, seen from outside: lines in, lines out, exit codes, nothing left behind."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WAIT_S = 120  # generous: a loaded machine is no failure

JOBS = '''
"""A worker with jobs that behave and misbehave."""
import logging, os, subprocess, sys, threading, time
from pathlib import Path
from geolivelihood import worker
from geolivelihood.errors import OutputError, ProjectError
from geolivelihood.files import atomic
from geolivelihood.progress import stage, track

DONE = {"outputs": {}, "layers": [], "rejected": 0}

def steps(job):
    stage("counting")
    for _ in track(range(3), "numbers"):
        pass
    logging.getLogger("geolivelihood.test").info("noted")
    logging.getLogger("geolivelihood.test").warning("beware")
    return DONE | {"outputs": {"score": float("nan")}}

def repeats(job):
    for text in ("kept", "made", "kept", "kept"):
        logging.getLogger("geolivelihood.test").info(text)
    return DONE

def prints(job):
    print("from Python")
    os.write(1, b"from C\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return DONE | {"stdin": sys.stdin.read()}

def endless(job):
    with atomic(job.request.out) as part:
        part.write_text("half")
        for _ in track(iter(int, 1), "for ever"):
            time.sleep(0.05)
    return DONE

def hang(job):
    job.request.parts[0].write_text("half")
    job.request.parts[-1].mkdir()
    (job.request.parts[-1] / "half.tif").write_text("half")
    stage("hanging")
    time.sleep(600)

def echo(job):
    print("grüße", job.request.params)
    return DONE | {"outputs": {"geopackage": str(job.request.out)}}

def linger(job):
    threading.Thread(target=time.sleep, args=(600,)).start()
    return DONE

def fails(job):
    raise {
        "bug": ZeroDivisionError("oops"),
        "memory": MemoryError("too big"),
        "import": ModuleNotFoundError("No module named 'nowhere'"),
        "file": FileNotFoundError(2, "No such file", "/nowhere/a.csv"),
        "disk": OSError(28, "No space left on device"),
        "foreign disk": Exception("I/O error: No space left on device (os error 28)"),
        "output": OutputError("out.gpkg is open elsewhere"),
        "project": ProjectError("wrong key"),
    }[job.request.params["how"]]

for job in (steps, prints, endless, hang, echo, fails, linger, repeats):
    worker.OPERATIONS[job.__name__] = job
sys.exit(worker.main())
'''


class Worker:
    """A worker process and the events that it has sent."""

    def __init__(self, *command: str) -> None:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self.process = subprocess.Popen([sys.executable, *command], **pipes)
        self.seen: list[dict[str, Any]] = []
        self.console: list[bytes] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._threads = [
            threading.Thread(target=drain, daemon=True) for drain in (self._events, self._console)
        ]
        for thread in self._threads:
            thread.start()

    def _events(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _console(self) -> None:
        self.console.extend(self.process.stderr)

    def say(self, message: object) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def request(self, op: str, **fields: Any) -> None:
        self.say({"cmd": "request", "id": "job-1", "protocol": 1, "op": op} | fields)

    def until(self, *events: str) -> dict[str, Any]:
        """The next event of one of these kinds."""
        while line := self._lines.get(timeout=WAIT_S):
            self.seen.append(json.loads(line))
            if self.seen[-1]["event"] in events:
                return self.seen[-1]
        pytest.fail(f"no {events} before the end; seen: {self.seen}; console: {self.console}")

    def end(self) -> int:
        """Wait for the exit code; keep all events."""
        while line := self._lines.get(timeout=WAIT_S):
            self.seen.append(json.loads(line))
        code = self.process.wait(WAIT_S)
        self._threads[1].join(WAIT_S)
        return code

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.seen]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Start workers; none outlives its test."""
    script = tmp_path / "jobs.py"
    script.write_text(JOBS, encoding="utf-8")
    started = []

    def start(*command: str) -> Worker:
        started.append(Worker(*(command or (str(script),))))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()
        for stream in (worker.process.stdin, worker.process.stdout, worker.process.stderr):
            stream.close()


_UNLOADED = "from geolivelihood import worker; worker.NEEDS = {};"  # only the request is looked at


def test_hello_comes_first_and_without_heavy_imports(start: Callable[..., Worker]) -> None:
    worker = start("-I", "-u", "-X", "importtime", "-m", "geolivelihood.worker")
    hello = worker.until("hello")
    worker.process.stdin.close()

    assert worker.end() == 0
    assert worker.kinds() == ["hello"]
    assert hello["seq"] == 1
    assert hello["id"] is None
    assert hello["protocol"] == [1, 1]
    assert hello["schema"] == [1, 1]
    assert hello["pid"] == worker.process.pid
    assert {"check", "explain", "run", "h3_summary", "clusters_to_map"} <= set(hello["ops"])
    assert {operation["id"] for operation in hello["described"]} < set(hello["ops"])
    imported = b"".join(worker.console)
    assert b"numpy" not in imported
    assert b"torch" not in imported


def test_check_reports_versions_and_devices(start: Callable[..., Worker]) -> None:
    worker = start("-I", "-u", "-m", "geolivelihood.worker")
    worker.request("check")
    assert worker.end() == 0
    result = worker.seen[-1]
    assert result["event"] == "result"
    assert {"geolivelihood", "python", "geopandas", "torch"} <= set(result["versions"])
    assert "mypy" not in result["versions"]
    assert result["devices"][0]["id"] == "cpu"
    assert {"explain", "report"} <= set(result["extras"]) and "dev" not in result["extras"]
    assert result["geography"]["PROJ"].endswith("ok")
    assert result["system"]["executable"] == sys.executable


def test_a_job_is_accepted_reported_and_numbered(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.request("steps")
    assert worker.end() == 0
    kinds = [kind for kind in worker.kinds() if kind != "heartbeat"]
    assert kinds[:3] == ["hello", "accepted", "progress"]
    assert kinds[-3:] == ["info", "warning", "result"]
    assert [event["seq"] for event in worker.seen] == list(range(1, len(worker.seen) + 1))
    assert {event["id"] for event in worker.seen[1:]} == {"job-1"}
    progress = [event for event in worker.seen if event["event"] == "progress"]
    assert progress[0]["stage"] == "counting"
    assert [progress[-1][key] for key in ("step", "steps", "text")] == [3, 3, "numbers"]
    assert worker.seen[-1]["outputs"] == {"score": None}
    assert worker.seen[-1]["elapsed_s"] >= 0


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        (b"hello?", "BAD_REQUEST", 2),
        (b"[1, 2]", "BAD_REQUEST", 2),
        (b"\xff\xfe", "BAD_REQUEST", 2),
        (b'{"cmd": "request", "protocol": 1, "op": "check"}', "BAD_REQUEST", 2),
        (b'{"cmd": "dance", "id": "a"}', "BAD_REQUEST", 2),
        (b'{"cmd": "request", "id": "a", "protocol": 1, "op": "check", "params": 3}', "BAD_REQUEST", 2),
        (b'{"cmd": "request", "id": "a", "protocol": 1, "op": "run", "out": "a.gpkg"}', "BAD_REQUEST", 2),
        (b'{"cmd": "request", "id": "a", "protocol": 1, "op": "run", "out": "/a.tif"}', "BAD_REQUEST", 2),
        (
            b'{"cmd": "request", "id": "a", "protocol": 1, "op": "run", "options": {"threads": 0}}',
            "BAD_REQUEST",
            2,
        ),
        (
            b'{"cmd": "request", "id": "a", "protocol": 1, "op": "run", "options": {"device": "npu"}}',
            "BAD_REQUEST",
            2,
        ),
        (b'{"cmd": "request", "id": "a", "protocol": 1, "op": "fly"}', "UNKNOWN_OP", 2),
        (b'{"cmd": "request", "id": "a", "protocol": 7, "op": "check"}', "PROTOCOL_MISMATCH", 2),
        (b'{"cmd": "request", "id": "a", "protocol": 1, "op": "run"}', "INPUT_INVALID", 6),
        (b'"' + b"x" * (1 << 20) + b'"', "BAD_REQUEST", 2),
    ],
)
def test_bad_requests(start: Callable[..., Worker], line: bytes, code: str, exit_code: int) -> None:
    worker = start()
    worker.say(line)
    assert worker.end() == exit_code
    assert worker.seen[-1]["event"] == "error"
    assert worker.seen[-1]["code"] == code
    assert worker.seen[-1]["text"]


def test_an_existing_target_is_refused_and_untouched(start: Callable[..., Worker], tmp_path: Path) -> None:
    target = tmp_path / "run.gpkg"
    target.write_bytes(b"mine")
    worker = start()
    worker.request("endless", out=str(target))
    assert worker.end() == 7
    assert worker.seen[-1]["code"] == "OUTPUT_FAILED"
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("how", "code", "exit_code"),
    [
        ("bug", "INTERNAL", 1),
        ("project", "BAD_REQUEST", 2),
        ("import", "ENV_MISSING", 4),
        ("memory", "OUT_OF_MEMORY", 5),
        ("file", "INPUT_INVALID", 6),
        ("output", "OUTPUT_FAILED", 7),
        ("disk", "OUTPUT_FAILED", 7),
        ("foreign disk", "OUTPUT_FAILED", 7),
    ],
)
def test_errors_carry_code_and_exit_code(
    start: Callable[..., Worker], how: str, code: str, exit_code: int
) -> None:
    worker = start()
    worker.request("fails", params={"how": how})
    assert worker.end() == exit_code
    error = worker.seen[-1]
    assert (error["event"], error["code"]) == ("error", code)
    assert error["text"]
    assert ("Traceback" in error["detail"]) == (code == "INTERNAL")


def test_prints_of_the_job_go_to_stderr_and_its_stdin_is_empty(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.request("prints")
    assert worker.end() == 0
    assert worker.seen[-1]["stdin"] == ""
    console = b"".join(worker.console)
    for text in (b"from Python", b"from C", b"from a child"):
        assert text in console


def test_paths_that_are_not_ascii(start: Callable[..., Worker], tmp_path: Path) -> None:
    target = tmp_path / "Größe été 人口" / "läuft.gpkg"
    worker = start()
    worker.request("echo", params={"project": "é.yaml"}, out=str(target))
    assert worker.end() == 0
    assert worker.seen[-1]["outputs"]["geopackage"] == str(target)
    assert "grüße {'project': 'é.yaml'}" in b"".join(worker.console).decode()


def test_cancel_stops_the_job_and_leaves_no_part(start: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start()
    worker.request("endless", out=str(tmp_path / "run.gpkg"))
    worker.until("progress")
    worker.say({"cmd": "cancel", "id": "job-1"})
    assert worker.end() == 3
    assert worker.seen[-1]["code"] == "CANCELLED"
    assert list(tmp_path.glob("*.gpkg")) == []


def test_cancel_while_libraries_load_is_answered_at_once(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start("-u", "-m", "geolivelihood.worker")
    worker.request("run", params={"project": "none.yaml"}, out=str(tmp_path / "run.gpkg"))
    assert worker.until("progress")["stage"] == "loading libraries"
    begun = time.monotonic()
    worker.say({"cmd": "cancel", "id": "job-1"})
    assert worker.end() == 3
    assert time.monotonic() - begun < 1.0
    assert worker.seen[-1]["code"] == "CANCELLED"


@pytest.mark.parametrize(
    ("op", "name", "made", "code"),
    [
        ("check_inputs", "a.gpkg", None, "BAD_REQUEST"),
        ("h3_summary", "a.csv", None, "BAD_REQUEST"),
        ("check_inputs", "a.csv", "file", "OUTPUT_FAILED"),
        ("train", "a", "file", "OUTPUT_FAILED"),
        ("train", "a", "full", "OUTPUT_FAILED"),
        ("train", "a", "empty", "INPUT_INVALID"),  # which goes on to ask for the project
        ("embed", "a", "full", "INPUT_INVALID"),
        ("embed", "a", None, "INPUT_INVALID"),
    ],
)
def test_what_an_operation_writes_is_asked_for(
    start: Callable[..., Worker], tmp_path: Path, op: str, name: str, made: str | None, code: str
) -> None:
    target = tmp_path / name
    if made == "file":
        target.write_text("mine")
    elif made:
        target.mkdir()
        (target / "mine").write_text("mine") if made == "full" else None
    worker = start("-u", "-c", f"import sys; {_UNLOADED} sys.exit(worker.main())")
    worker.request(op, out=str(target))
    worker.end()
    assert worker.seen[-1]["code"] == code, worker.seen[-1]
    assert made != "file" or target.read_text() == "mine"


def test_the_same_remark_is_told_once(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.request("repeats")
    assert worker.end() == 0
    assert [event["text"] for event in worker.seen if event["event"] == "info"] == ["kept", "made"]


def test_a_described_operation_runs_whole(start: Callable[..., Worker], tmp_path: Path) -> None:
    table, out = tmp_path / "Straßen é.csv", tmp_path / "été" / "cells.gpkg"
    table.write_text("lon,lat,rooms\n37,-1,3\n37,-1,5\n", encoding="utf-8")
    worker = start("-u", "-m", "geolivelihood.worker")
    params = {"points": {"path": str(table), "layer": None}, "fields": ["rooms"], "resolution": 7}
    worker.request("h3_summary", params=params, out=str(out))
    assert worker.end() == 0, worker.seen[-1]
    assert worker.seen[-1]["outputs"] == {"geopackage": str(out)} and out.is_file()
    assert [one["name"] for one in worker.seen[-1]["layers"]] == ["cells"]


def test_end_of_stdin_during_a_job_is_cancel(start: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start()
    worker.request("endless", out=str(tmp_path / "run.gpkg"))
    worker.until("progress")
    worker.process.stdin.close()
    assert worker.end() == 3
    assert worker.seen[-1]["code"] == "CANCELLED"
    assert list(tmp_path.glob("*.gpkg")) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_terminate_is_cancel(start: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start()
    worker.request("endless", out=str(tmp_path / "run.gpkg"))
    worker.until("progress")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.end() == 3
    assert worker.seen[-1]["code"] == "CANCELLED"


def test_a_hung_job_is_ended_by_the_watchdog(start: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start()
    worker.request("hang", out=str(tmp_path / "run.gpkg"))
    worker.until("progress")
    worker.until("heartbeat")
    worker.say({"cmd": "cancel", "id": "job-1"})
    assert worker.end() == 3
    assert worker.seen[-1]["code"] == "CANCELLED"
    assert worker.kinds().count("error") == 1
    assert list(tmp_path.glob("run*")) == []


def test_a_thread_that_lingers_does_not_keep_the_process(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.request("linger")
    assert worker.end() == 0
    assert worker.seen[-1]["event"] == "result"


def test_foreign_lines_during_a_job_are_ignored_with_a_warning(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start()
    worker.request("endless", out=str(tmp_path / "run.gpkg"))
    worker.until("progress")
    worker.say(b"what?")
    assert "JSON" in worker.until("warning")["text"]
    worker.request("steps")
    assert "one job" in worker.until("warning")["text"]
    worker.say({"cmd": "sing"})
    worker.say({"cmd": "cancel", "id": "job-1"})
    assert worker.end() == 3


def test_a_line_may_come_in_pieces(start: Callable[..., Worker]) -> None:
    worker = start()
    line = json.dumps({"cmd": "request", "id": "ä", "protocol": 1, "op": "echo"}, ensure_ascii=False).encode()
    for piece in (line[:20], line[20:23], line[23:] + b"\n"):
        worker.process.stdin.write(piece)
        worker.process.stdin.flush()
    assert worker.end() == 0
    assert worker.seen[-1]["id"] == "ä"


def test_an_unfinished_request_is_none(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.process.stdin.write(b'{"cmd": "request", "id": "a"')
    worker.process.stdin.close()
    assert worker.end() == 0
    assert worker.kinds() == ["hello"]
