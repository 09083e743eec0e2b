"""The plugin's settings, and where the worker's Python is found."""

import json
import os
import shutil
import time
from pathlib import Path

from qgis.core import QgsSettings

from ..compat import tr

PREFIX = "geolivelihood_qgis/"
OLDEST_LIBRARY = (0, 1, 0)
DEFAULTS = {
    "worker_python": "",
    "device": "auto",
    "threads": 0,
    "stall_seconds": 120,
    "results_dir": "",
    "keep_log": False,
}


def get(name):
    """A setting, of the type of its default."""
    default = DEFAULTS[name]
    return QgsSettings().value(PREFIX + name, default, type=type(default))


def put(name, value):
    """Store a setting; ``name`` is one of ``DEFAULTS``."""
    QgsSettings().setValue(PREFIX + name, type(DEFAULTS[name])(value))


def find_worker():
    """The program that starts a worker, or an empty text.

    The setting comes first, then ``$GEOLIVELIHOOD_PYTHON``, then ``geolivelihood-worker`` on PATH. Never
    ``sys.executable``: inside QGIS it may name another program.
    """
    named = get("worker_python") or os.environ.get("GEOLIVELIHOOD_PYTHON", "")
    return named or shutil.which("geolivelihood-worker") or ""


def worker_options():
    """The ``options`` of a request."""
    options = {"device": get("device")}
    if get("threads") > 0:
        options["threads"] = get("threads")
    return options


def remember_check(program, *, library="", code="", **told):
    """Keep what a check of ``program`` found: the library's version, or the error's code.

    ``told`` is more of what the worker said: versions, devices, extras.
    """
    found = {**told, "program": program, "library": library, "code": code}
    found["time"] = time.strftime("%Y-%m-%d %H:%M:%S")
    QgsSettings().setValue(PREFIX + "worker_check", json.dumps(found))


def last_check():
    """What the last check found, or an empty dictionary."""
    try:
        found = json.loads(QgsSettings().value(PREFIX + "worker_check", "{}", type=str))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def obstacle():
    """Why nothing can be computed now, or an empty text. Cheap: no process is started."""
    program = find_worker()
    if not program:
        return tr("No worker Python is set. Plugins ▸ Geolivelihood ▸ Settings.")
    if not Path(program).is_file():
        return tr("Worker Python not found: {}.").format(program)
    checked = last_check()
    if checked.get("program") != program:
        return ""
    if checked.get("code") == "WORKER_NOT_INSTALLED":
        return tr("geolivelihood is not installed there. Run: {} -m pip install geolivelihood").format(
            program
        )
    library = checked.get("library", "")
    if library and _numbers(library) < OLDEST_LIBRARY:
        oldest = ".".join(map(str, OLDEST_LIBRARY))
        return tr("Library {} is too old; need ≥ {}.").format(library, oldest)
    return ""


def _numbers(version):
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
