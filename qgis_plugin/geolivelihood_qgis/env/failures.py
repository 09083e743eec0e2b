"""The last job that failed, kept for the diagnostics."""

import contextlib
import time
from pathlib import Path

from . import profile

LINES = 200


def remember(error, operation, log):
    """Keep an error with the end of its log."""
    told = {
        "time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "operation": operation,
        "code": error.code,
        "text": str(error),
        "log": tail(log) or error.detail.splitlines()[-LINES:],
    }
    with contextlib.suppress(OSError):  # diagnostics are no reason to fail otherwise
        profile.write(_path(), told)


def last():
    """The last error: time, operation, code, text and log; or an empty dictionary."""
    return profile.read(_path())


def tail(log):
    """The last lines of a log file."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines()[-LINES:]


def _path():
    return profile.folder() / "last_error.json"
