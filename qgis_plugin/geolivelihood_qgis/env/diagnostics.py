"""A text about this QGIS, the plugin and the worker that can be pasted into a bug report.

It names versions, settings and the end of the last log; paths below the home folder begin with ``~``, and
what looks like a password or token is left out. Nothing of the environment is in it.
"""

import configparser
import platform
import re
from pathlib import Path

from qgis.core import Qgis
from qgis.PyQt.QtCore import PYQT_VERSION_STR, QT_VERSION_STR, QSysInfo

from ..compat import tr
from . import failures, settings

SECRET = re.compile(
    r"(?i)((?:access[_-]?)?token|secret|password|passwd|api[_-]?key|authorization)(['\"]?\s*[=:]\s*)"
    r"(?:bearer\s+)?['\"]?[^\s'\",&]+"
)
TOKEN = re.compile(r"\bMLY\|[\w|.-]+|(?i:bearer)\s+[\w.~+/-]{12,}=*|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")


def text():
    """All that is known, as lines of ``name: value``."""
    lines = [f"{name}: {value}" for name, value in [*_here(), *_worker(), *_last_check()]]
    return private("\n".join([*lines, *_last_error()]) + "\n")


def plugin_version():
    """The version that ``metadata.txt`` names."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(Path(__file__).parents[1] / "metadata.txt", encoding="utf-8")
    return parser.get("general", "version", fallback="?")


def private(words):
    """Shorten the home folder to ``~``, and leave out what looks like a secret."""
    home = str(Path.home())
    if len(home) > 1:
        words = re.sub(re.escape(home) + r"(?![\w.-])", "~", words)
    return TOKEN.sub("…", SECRET.sub(r"\1\2…", words))


def _here():
    return [
        ("QGIS", Qgis.version() if hasattr(Qgis, "version") else Qgis.QGIS_VERSION),
        ("Qt", f"{QT_VERSION_STR} (PyQt {PYQT_VERSION_STR})"),
        ("Python", platform.python_version()),
        ("System", f"{QSysInfo.prettyProductName()}, {platform.machine()}"),
        ("Plugin", plugin_version()),
    ]


def _worker():
    options = ", ".join(f"{name} {settings.get(name)}" for name in ("device", "threads", "stall_seconds"))
    return [
        ("Worker", settings.find_worker() or tr("none")),
        ("Obstacle", settings.obstacle() or tr("none")),
        ("Settings", options),
    ]


def _last_check():
    found = settings.last_check()
    if not found:
        return [("Last check", tr("none"))]
    result = found.get("code") or tr("good")
    lines = [("Last check", f"{found.get('time', '')} {result} ({found.get('program', '')})")]
    versions = found.get("versions") or {}
    if found.get("library"):
        lines.append(("Library", found["library"]))
    if versions.get("python"):
        lines.append(("Worker's Python", versions["python"]))
    others = {name: v for name, v in versions.items() if name not in ("geolivelihood", "python")}
    if others:
        lines.append(("Packages", ", ".join(f"{name} {version}" for name, version in others.items())))
    for name, title in (("devices", "Devices"), ("extras", "Extras"), ("health", "Health")):
        if found.get(name):
            lines.append((title, _plain(found[name])))
    return lines


def _last_error():
    found = failures.last()
    if not found:
        return [f"Last error: {tr('none')}"]
    head = (
        f"Last error: {found.get('time')} {found.get('operation')} [{found.get('code')}] {found.get('text')}"
    )
    log = found.get("log") or []
    return [head, f"Log, last {len(log)} lines:", *(f"  {line}" for line in log)]


def _plain(value):
    if isinstance(value, dict):
        if set(value) >= {"id", "name"}:
            return f"{value['id']} ({value['name']})"
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return "; ".join(map(_plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
