"""Small JSON files of ours in the user's profile: runs under way, and the last error."""

import json
from pathlib import Path

from qgis.core import QgsApplication


def folder():
    """Our folder in the profile; made when it is not there."""
    path = Path(QgsApplication.qgisSettingsDirPath()) / "geolivelihood"
    path.mkdir(parents=True, exist_ok=True)
    return path


def read(path):
    """The object in a JSON file, or an empty dictionary where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path, content):
    """Write an object as JSON, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(path)
