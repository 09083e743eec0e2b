"""Which QGIS tests and benchmarks use: the system's, or the one unpacked at ``GLQ_QGIS_ROOT``.

``python qgis_plugin/which_qgis.py MODULE ARGUMENTS ...`` runs a module of this Python (``pytest``) with that
QGIS's packages in sight; ``--version`` starts the QGIS and says which it is. An unpacked QGIS is what
``scripts/qgis_side_by_side.sh`` makes; its root is the folder with ``bin``, ``lib`` and ``share``.
"""

import os
import shutil
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LINKS = CHECKOUT / ".qgis_link"
SYSTEM = Path("/usr")
VERSION = "from qgis.core import Qgis; print(Qgis.QGIS_VERSION.split('-')[0])"


def chosen():
    """The root of the QGIS to use."""
    named = os.environ.get("GLQ_QGIS_ROOT")
    return Path(named).resolve() if named else SYSTEM


def packages(root):
    """QGIS's own Python packages."""
    return root / "lib" / "python3" / "dist-packages"


def program(name, root):
    """The path of a program of this QGIS, or of the system, or ``None``."""
    if root != SYSTEM and name.startswith("qgis"):
        return shutil.which(name, path=str(root / "bin"))
    return shutil.which(name)


def environment(root):
    """What a program of this QGIS needs to find its own files; Qt, GDAL and PROJ are the system's."""
    if root == SYSTEM:
        return {}
    made = {
        "GLQ_QGIS_ROOT": str(root),
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, _libraries(root))),
        "QGIS_PREFIX_PATH": str(root),
        "PYTHONPATH": os.pathsep.join(map(str, [packages(root), *_scripts(root)])),
    }
    # Where backports brings its own PROJ or GDAL, their data lies beside them.
    data = {"PROJ_DATA": root / "share" / "proj", "GDAL_DATA": root / "share" / "gdal"}
    return made | {name: str(path) for name, path in data.items() if path.is_dir()}


def python_environment(root):
    """What this Python needs to import this QGIS, with ``link_qgis.py``'s links for what is the system's."""
    # The packages of an unpacked QGIS are its own and parts of PyQt5, which looks for them along the path.
    own = [] if root == SYSTEM else [packages(root)]
    return environment(root) | {
        "PYTHONPATH": os.pathsep.join(map(str, [*own, LINKS, *_scripts(root)])),
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(CHECKOUT / ".run"),
    }


def _scripts(root):
    """Folders of Processing and of the plugins that come with QGIS."""
    return [root / "share" / "qgis" / "python", root / "share" / "qgis" / "python" / "plugins"]


def _libraries(root):
    """Folders of shared libraries, those of the machine's kind in a folder of their own."""
    ends = ("", "*-linux-gnu*", "*-linux-gnu*/pulseaudio")
    return [path for end in ends for path in sorted((root / "lib").glob(end) if end else [root / "lib"])]


def main(arguments):
    """Become what is named."""
    root = chosen()
    if arguments == ["--version"]:
        command, added = [sys.executable, "-c", VERSION], environment(root)
    else:
        (CHECKOUT / ".run").mkdir(mode=0o700, exist_ok=True)
        command, added = [sys.executable, "-m", *arguments], python_environment(root)
    os.execve(command[0], command, os.environ | added)


if __name__ == "__main__":
    main(sys.argv[1:])
