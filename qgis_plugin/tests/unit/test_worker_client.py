"""The client against workers that behave, and against those that do not."""

import contextlib
import os
import sys
import threading
import time
from pathlib import Path

import pytest
from geolivelihood_qgis import worker_client
from geolivelihood_qgis.worker_client import Listener, WorkerError, child_environment, run_job, worker_command

START_S = 120  # a loaded machine is no failure

PRELUDE = """
import json, os, subprocess, sys, time
def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)
def hello(**fields):
    say("hello", **{"protocol": [1, 1], "schema": [1, 1], "library": "0.1.0", "ops": [], **fields})
def hear():
    return json.loads(sys.stdin.readline())
"""


class Ears(Listener):
    """Remembers everything; cancels once ``cancel_on`` was heard."""

    def __init__(self, cancel_on=None):
        self.heard = []
        self.cancel_on = cancel_on
        self.cancelled_at = None

    def _hear(self, kind, value):
        self.heard.append((kind, value))
        if kind == self.cancel_on and self.cancelled_at is None:
            self.cancelled_at = time.monotonic()

    def is_cancelled(self):
        return self.cancelled_at is not None

    def progress(self, event):
        self._hear("progress", event)

    def info(self, text):
        self._hear("info", text)

    def warning(self, text):
        self._hear("warning", text)

    def console(self, line):
        self._hear("console", line)

    def texts(self, kind):
        return [value for heard, value in self.heard if heard == kind]


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Make the client start a script of ours instead of the library's worker."""

    def make(body):
        script = tmp_path / "fake_worker.py"
        script.write_text(PRELUDE + body, encoding="utf-8")
        monkeypatch.setattr(
            worker_client, "worker_command", lambda program: [str(program), "-u", str(script)]
        )
        return sys.executable

    return make


def failure(program, **options):
    with pytest.raises(WorkerError) as caught:
        run_job(program, "run", **{"start_s": START_S, **options})
    return caught.value


def alive(pid):
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        # A killed orphan may wait for its new parent to notice.
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_a_job_from_request_to_result(worker, tmp_path):
    program = worker("""
hello()
request = hear()
say("accepted")
say("progress", pct=50, stage="s", step=1, steps=2, text="half")
say("info", text="noted")
say("warning", text="beware")
say("sparkle", colour="blue")
print("a foreign line", flush=True)
print('["no", "event"]', flush=True)
print("trouble é", file=sys.stderr, flush=True)
say("result", outputs={"request": request}, novel=1)
""")
    ears = Ears()
    out, log = tmp_path / "Größe 人口" / "run.gpkg", tmp_path / "run.log"
    result = run_job(
        program,
        "run",
        {"project": "é.yaml"},
        out=out,
        options={"device": "cpu"},
        listener=ears,
        log=log,
        start_s=START_S,
    )

    request = result["outputs"]["request"]
    assert request["cmd"] == "request"
    assert request["protocol"] == 1
    assert request["op"] == "run"
    assert request["params"] == {"project": "é.yaml"}
    assert request["out"] == str(out)
    assert request["options"] == {"device": "cpu"}
    assert [event["text"] for event in ears.texts("progress")] == ["half"]
    assert ears.texts("info") == ["noted"]
    assert ears.texts("warning") == ["beware"]
    assert sorted(ears.texts("console")) == ['["no", "event"]', "a foreign line", "trouble é"]
    assert "trouble é" in log.read_text(encoding="utf-8")


def test_a_line_may_come_in_pieces(worker):
    program = worker("""
hello(); hear()
line = json.dumps({"event": "result", "outputs": {"a": "é"}}, ensure_ascii=False).encode() + b"\\n"
for piece in (line[:10], line[10:34], line[34:]):
    sys.stdout.buffer.write(piece); sys.stdout.buffer.flush(); time.sleep(0.05)
""")
    assert run_job(program, "run", start_s=START_S)["outputs"] == {"a": "é"}


def test_a_flood_on_stderr_does_not_block(worker):
    program = worker("""
hello(); hear()
for _ in range(5000):
    print("x" * 100, file=sys.stderr)
say("result", outputs={})
""")
    ears = Ears()
    run_job(program, "run", listener=ears, start_s=START_S)
    assert len(ears.texts("console")) == 5000


CODES = (
    "INTERNAL BAD_REQUEST UNKNOWN_OP PROTOCOL_MISMATCH CANCELLED "
    "ENV_MISSING OUT_OF_MEMORY INPUT_INVALID OUTPUT_FAILED"
)


@pytest.mark.parametrize("code", CODES.split())
def test_every_code_of_the_worker(worker, code):
    program = worker(
        f"hello(); hear(); say('error', code={code!r}, text='t', hint='h', detail='d'); sys.exit(1)"
    )
    error = failure(program)
    assert (error.code, error.text, error.hint, error.detail) == (code, "t", "h", "d")
    assert str(error) == "t h"


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ("protocol=[0, 0]", "too old for this plugin"),
        ("protocol=[2, 3]", "plugin is too old"),
        ("schema=[7, 9]", "plugin is too old"),
        ("schema=None", "names no schema"),
    ],
)
def test_versions_that_do_not_meet(worker, versions, words):
    program = worker(f"hello({versions})\nsys.exit(0 if not sys.stdin.readline() else 9)")
    error = failure(program)
    assert error.code == "PROTOCOL_MISMATCH"
    assert words in str(error)


def test_the_highest_common_protocol_is_taken(worker):
    program = worker("hello(protocol=[1, 4])\nsay('result', outputs={'protocol': hear()['protocol']})")
    assert run_job(program, "run", start_s=START_S)["outputs"] == {"protocol": 1}


def test_no_such_program(tmp_path):
    assert failure(tmp_path / "no-python").code == "WORKER_NOT_FOUND"


def test_the_library_is_not_installed(worker):
    program = worker("sys.exit('/usr/bin/python: No module named geolivelihood')")
    error = failure(program)
    assert error.code == "WORKER_NOT_INSTALLED"
    assert error.hint == f"Run: {program} -m pip install geolivelihood"


def test_no_hello(worker):
    error = failure(worker("time.sleep(600)"), start_s=1)
    assert error.code == "WORKER_START_TIMEOUT"


def test_a_crash_keeps_the_last_lines(worker):
    program = worker("hello(); hear(); print('dying', file=sys.stderr, flush=True); os.abort()")
    error = failure(program)
    assert error.code == "WORKER_CRASHED"
    assert "dying" in error.detail


def test_killed_for_memory(worker):
    error = failure(worker("hello(); hear(); os.kill(os.getpid(), 9)"))
    assert error.code == "WORKER_CRASHED"
    assert "memory" in error.hint


def test_silence(worker, tmp_path):
    out = tmp_path / "run.gpkg"
    program = worker(
        "hello(); r = hear(); open(r['out'].replace('.gpkg', '.part.gpkg'), 'w'); time.sleep(600)"
    )
    error = failure(program, stall_s=1, out=out)
    assert error.code == "WORKER_STALLED"
    assert list(tmp_path.glob("*.gpkg")) == []


def test_cancel_reaches_the_worker(worker):
    program = worker("""
hello(); job = hear()
say("progress", pct=1)
cancel = hear()
assert cancel == {"cmd": "cancel", "id": job["id"]}, cancel
say("error", code="CANCELLED", text="Cancelled.")
sys.exit(3)
""")
    assert failure(program, listener=Ears(cancel_on="progress")).code == "CANCELLED"


@pytest.mark.skipif(os.name == "nt", reason="POSIX process groups")
def test_a_worker_that_does_not_hear_is_killed_with_its_children(worker, tmp_path):
    out = tmp_path / "run.gpkg"
    program = worker("""
hello(); job = hear()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(job["out"].replace(".gpkg", ".part.gpkg"), "w").close()
say("info", text=f"{os.getpid()} {child.pid}")
say("progress", pct=1)
while True:
    say("heartbeat"); time.sleep(0.2)
""")
    ears = Ears(cancel_on="progress")
    assert failure(program, listener=ears, out=out).code == "CANCELLED"
    parent, child = map(int, ears.texts("info")[0].split())
    assert wait_until(lambda: not alive(parent) and not alive(child))
    assert list(tmp_path.glob("*.gpkg")) == []


def test_a_listener_that_fails_ends_the_worker(worker):
    class Bad(Ears):
        def progress(self, event):
            raise ZeroDivisionError

    ears = Bad()
    program = worker("""
hello(); hear()
say("info", text=str(os.getpid()))
say("progress", pct=1)
sys.stdin.readline()
""")
    with pytest.raises(ZeroDivisionError):
        run_job(program, "run", listener=ears, start_s=START_S)
    pid = int(ears.texts("info")[0])
    assert wait_until(lambda: not alive(pid))


def test_the_child_s_environment_is_clean():
    dirty = {
        "PATH": "/bin",
        "HOME": "/h",
        "PYTHONHOME": "x",
        "PYTHONPATH": "x",
        "QGIS_PREFIX_PATH": "x",
        "PROJ_LIB": "x",
        "PROJ_DATA": "x",
        "GDAL_DATA": "x",
        "LD_LIBRARY_PATH": "x",
        "QT_QPA_PLATFORM": "x",
        "VIRTUAL_ENV": "x",
        "DYLD_LIBRARY_PATH": "x",
        "GDAL_NUM_THREADS": "2",
    }
    assert child_environment(dirty) == {"PATH": "/bin", "HOME": "/h", "GDAL_NUM_THREADS": "2"}


def test_command():
    assert worker_command("/v/bin/python")[1:] == ["-I", "-u", "-m", "geolivelihood.worker"]
    assert worker_command("/v/bin/geolivelihood-worker") == ["/v/bin/geolivelihood-worker"]


def test_the_real_worker_answers_check(worker_python):
    ears = Ears()
    result = run_job(worker_python, "check", listener=ears, start_s=START_S)
    assert "geopandas" in result["versions"]
    assert result["devices"][0]["id"] == "cpu"


def test_the_real_worker_names_what_is_wrong_with_a_project(worker_python, tmp_path):
    error = failure(worker_python, params={"project": str(tmp_path / "none.yaml")}, out=tmp_path / "o.gpkg")
    assert error.code in ("INPUT_INVALID", "BAD_REQUEST")
    assert "none.yaml" in error.text


def test_jobs_may_run_side_by_side(worker):
    program = worker("hello(); say('result', outputs={'id': hear()['id']})")
    ids = []
    threads = [
        threading.Thread(target=lambda: ids.append(run_job(program, "run", start_s=START_S)["outputs"]["id"]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(START_S)
    assert len(set(ids)) == 3
