"""Pack the plugin into ``geolivelihood_qgis-<version>.zip``: the same sources give the same bytes.

``python qgis_plugin/package_plugin.py [FOLDER]`` writes into FOLDER (default: ``dist`` of the checkout).
It refuses to pack what the official plugin repository would not take.
"""

import configparser
import re
import sys
import zipfile
from pathlib import Path

import translations

HERE = Path(__file__).resolve().parent
PLUGIN = HERE / "geolivelihood_qgis"
LEFT_OUT = re.compile(r"(^|/)(__pycache__|\.[^/]*)(/|$)|\.pyc$")
NEEDED_FILES = ("__init__.py", "metadata.txt", "LICENSE")
NEEDED_FIELDS = (
    "name description version qgisMinimumVersion author email about tracker repository".split()  # noqa: SIM905
)
TOO_BIG = 25 * 2**20
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP file can hold


def metadata(folder=PLUGIN):
    """The fields of ``metadata.txt``."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(folder / "metadata.txt", encoding="utf-8")
    return dict(parser["general"])


def files(folder=PLUGIN):
    """The files to pack, sorted by their path in the package."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        (path for path in found if not LEFT_OUT.search(path.relative_to(folder).as_posix())),
        key=lambda path: path.relative_to(folder).as_posix(),
    )


def faults(folder=PLUGIN):
    """Why the official repository would refuse the plugin; empty if it would not."""
    fields, names = metadata(folder), [path.relative_to(folder).as_posix() for path in files(folder)]
    found = [f"{name} is missing" for name in NEEDED_FILES if name not in names]
    found += [f"metadata.txt has no {name}" for name in NEEDED_FIELDS if not fields.get(name)]
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", folder.name):
        found.append(f"{folder.name} is no name for the top folder")
    if "/" in fields.get("author", ""):
        found.append("the author's name holds a slash")
    if not fields.get("changelog", "").startswith(fields.get("version", "?")):
        found.append("the changelog of metadata.txt does not begin with this version")
    found += [f"{name} is a binary" for name in names if name.endswith((".so", ".dll", ".dylib", ".exe"))]
    return found


def pack(target_folder, folder=PLUGIN):
    """Write the package and return its path."""
    reasons = faults(folder)
    if reasons:
        raise SystemExit("The plugin cannot be packed: " + "; ".join(reasons))
    translations.compile_all(folder)
    target = Path(target_folder) / f"{folder.name}-{metadata(folder)['version']}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as package:
        for path in files(folder):
            entry = zipfile.ZipInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}", LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            package.writestr(entry, path.read_bytes(), compresslevel=9)
    if target.stat().st_size > TOO_BIG:
        raise SystemExit(f"{target} is larger than 25 MB")
    return target


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "dist"
    sys.stdout.write(f"{pack(folder)}\n")
