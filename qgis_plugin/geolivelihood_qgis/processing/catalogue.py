"""Which operations there are: those that came with the plugin, and those that the worker told of.

A worker says in its ``hello`` what it can do. That is kept per program in a file of the profile, so that the
algorithms are listed at the next start without asking it, and a newer library brings its own new ones.
"""

import contextlib
import json
import os
import threading
from pathlib import Path

from qgis.core import Qgis, QgsApplication, QgsMessageLog
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..compat import tr
from .descriptions import DescriptionError, read

BUNDLED = Path(__file__).with_name("operations.json")
FILE_NAME = "geolivelihood_operations.json"
LONGEST = 1 << 20
MOST_PROGRAMS = 8
MOST_OPERATIONS = 200

_LOCK = threading.Lock()
_JOBS = []
"""One entry per job under way."""
_SEEN = {}
"""The content of the memory, by its file's state: it is asked for often."""


class News(QObject):
    """Tells, on whatever thread, that other operations may be there now."""

    changed = pyqtSignal()


NEWS = News()


def descriptions(program, taken=()):
    """The operations for a worker ``program``, checked; what it told replaces what came with the plugin.

    ``taken`` are ids of algorithms that nothing may replace. What cannot be used is logged and left out.
    """
    found = {}
    for source, listed in ((BUNDLED.name, _bundled()), (program, _told(program).get("described"))):
        if not isinstance(listed, list):
            continue
        for data in listed[:MOST_OPERATIONS]:
            try:
                description = read(data)
                if description.id in taken:
                    raise DescriptionError(tr("{} is an algorithm of the plugin").format(description.id))
                found[description.id] = description
            except DescriptionError as error:
                _log(tr("An operation of {} was left out: {}.").format(source, error))
    return list(found.values())


def lacks(program, operation):
    """Whether the worker is known, and known not to have an operation."""
    operations = _told(program).get("ops")
    return isinstance(operations, list) and bool(operations) and operation not in operations


def remember(program, hello):
    """Keep what a worker said of itself; may run on any thread."""
    told = {name: hello.get(name) for name in ("library", "ops", "described")}
    try:
        with _LOCK:
            memory = _memory()
            if memory.get(str(program)) == told or len(json.dumps(told)) > LONGEST:
                return
            memory.pop(str(program), None)
            memory[str(program)] = told
            for old in list(memory)[:-MOST_PROGRAMS]:
                del memory[old]
            _write(memory)
    except (OSError, TypeError, ValueError, RecursionError) as error:
        _log(tr("What the worker can do was not kept: {}").format(error))
        return
    NEWS.changed.emit()


@contextlib.contextmanager
def at_work():
    """While a job runs; the algorithms stay as they are until then."""
    _JOBS.append(None)
    try:
        yield
    finally:
        _JOBS.pop()


def is_at_work():
    """Whether a job runs now."""
    return bool(_JOBS)


def memory_file():
    """Where it is kept: a file in the profile."""
    return Path(QgsApplication.qgisSettingsDirPath()) / FILE_NAME


def _told(program):
    told = _memory().get(str(program))
    return told if isinstance(told, dict) else {}


def _memory():
    path = memory_file()
    try:
        state = (str(path), path.stat().st_mtime_ns, path.stat().st_size)
        if state[2] > MOST_PROGRAMS * LONGEST:
            return {}
        if state not in _SEEN:
            memory = json.loads(path.read_text(encoding="utf-8"))
            _SEEN.clear()
            _SEEN[state] = memory if isinstance(memory, dict) else {}
        return dict(_SEEN[state])
    except (OSError, ValueError, RecursionError):  # none yet, or not ours
        return {}


def _write(memory):
    path = memory_file()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(memory), encoding="utf-8")
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _bundled():
    try:
        return json.loads(BUNDLED.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _log(f"{BUNDLED}: {error}")
        return []


def _log(text):
    QgsMessageLog.logMessage(text, "Geolivelihood", Qgis.MessageLevel.Warning)
