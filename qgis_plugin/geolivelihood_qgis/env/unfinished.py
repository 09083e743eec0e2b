"""Runs that broke off and can go on: what was asked is kept until a run ends properly.

A run of the toolbar or the assistant is a small JSON file in the profile while it is under way, with a lock
beside it that QGIS holds. A file whose lock is free was left by a QGIS that died.
"""

import contextlib
import os
import re
import time
import uuid
from pathlib import Path

from qgis.core import QgsMapLayer, QgsProcessingUtils, QgsProject
from qgis.PyQt.QtCore import QLockFile

from ..worker_client import WorkerError
from . import profile

RESUMABLE = ("WORKER_CRASHED", "WORKER_STALLED", "OUT_OF_MEMORY", "CANCELLED")
"""How a run may end that goes on where it stopped when it is started again."""

BROKEN = []
"""Runs of this session that ended so, and were not offered again yet."""


LEAVING = set()
"""Has an entry while the plugin goes: runs that are cancelled by that are offered the next time."""


@contextlib.contextmanager
def noted(algorithm_id, title, parameters, out):
    """Remember a run while it is under way, and when it ends in a way that can be resumed."""
    asked = portable(parameters)
    if asked is None:
        yield
        return
    run = {"algorithm": algorithm_id, "title": title, "parameters": asked, "out": str(out)}
    path = _folder() / f"{uuid.uuid4().hex}.json"
    lock = _lock(path)
    try:
        lock.tryLock(0)
        with contextlib.suppress(OSError):  # a full disk is no reason not to run
            profile.write(path, {**run, "started": time.time()})
        yield
    except WorkerError as error:
        if error.code in RESUMABLE and not LEAVING:
            BROKEN.append({**run, "code": error.code, "text": str(error)})
        raise
    finally:
        if not LEAVING:
            path.unlink(missing_ok=True)
        lock.unlock()


def take_broken():
    """The runs of this session that broke off; each is given once."""
    taken = list(BROKEN)
    BROKEN.clear()
    return taken


def left_behind():
    """The runs that a QGIS which died has left; each is given once."""
    found = []
    for path in sorted(_folder().glob("*.json")):
        lock = _lock(path)
        if not lock.tryLock(0):
            continue  # another QGIS is at it
        run = profile.read(path)
        path.unlink(missing_ok=True)
        lock.unlock()
        if isinstance(run.get("parameters"), dict) and isinstance(run.get("algorithm"), str):
            found.append({**run, "code": ""})
    return found


def again(run):
    """The parameters that resume a run: the same, and the same name unless something is there by now.

    What was computed is kept beside that name.
    """
    parameters = dict(run["parameters"])
    named = parameters.get("OUTPUT") or run.get("out")
    if named:
        out = Path(named)
        parameters["OUTPUT"] = str(fresh(out) if os.path.lexists(out) else out)
    return parameters


def fresh(path):
    """A name beside ``path`` that is free: ``map.gpkg``, ``map-2.gpkg``, ``map-3.gpkg``."""
    stem, number = re.sub(r"-\d{1,3}$", "", path.stem), 2
    while path.with_name(f"{stem}-{number}{path.suffix}").exists() or f"{stem}-{number}" == path.stem:
        number += 1
    return path.with_name(f"{stem}-{number}{path.suffix}")


def portable(parameters):
    """Parameters as JSON knows them, layers as their sources; ``None`` where one cannot be told so."""
    try:
        return {name: _portable(value) for name, value in parameters.items()}
    except TypeError:
        return None


def _portable(value):
    if isinstance(value, str):
        layer = QgsProject.instance().mapLayer(value)
        return value if layer is None else source(layer)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, QgsMapLayer):
        return source(value)
    if isinstance(value, (list, tuple)):
        return [_portable(item) for item in value]
    raise TypeError(type(value))


def source(layer):
    """What names a layer to Processing in another QGIS; a layer in memory has its id only."""
    if layer.providerType() == "memory":
        return layer.id()
    if layer.providerType() in ("ogr", "gdal"):
        return layer.source()
    return QgsProcessingUtils.encodeProviderKeyAndUri(layer.providerType(), layer.source())


def _folder():
    path = profile.folder() / "runs"
    path.mkdir(exist_ok=True)
    return path


def _lock(path):
    lock = QLockFile(str(path.with_suffix(".lock")))
    lock.setStaleLockTime(0)  # a long run is not stale; one whose process is gone is
    return lock
