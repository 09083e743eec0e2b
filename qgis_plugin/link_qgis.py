"""Link the system's QGIS packages into ``.qgis_link``, so that the isolated ``.venv`` can run QGIS's tests.

Only what PyQGIS needs is linked: the other system packages (numpy, matplotlib ...) were built against
other versions than those in ``.venv`` and must stay out of its sight. Run it with the Python of ``.venv``;
where QGIS is missing, or was built for another Python, it says so and links nothing.
"""

import importlib.machinery
import sys
from pathlib import Path

MODULES = ("qgis", "PyQt5", "osgeo", "yaml", "_yaml", "psycopg2")
SYSTEM = Path("/usr/lib/python3/dist-packages")
LINK = Path(__file__).resolve().parents[1] / ".qgis_link"


def obstacle() -> str:
    """Why QGIS cannot be linked, or an empty text."""
    if not (SYSTEM / "qgis").is_dir():
        return f"QGIS's Python packages are not in {SYSTEM} (Debian: apt-get install qgis python3-qgis xvfb)"
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    if not any((SYSTEM / "qgis" / f"_core{suffix}").exists() for suffix in suffixes):
        built = ", ".join(path.name for path in (SYSTEM / "qgis").glob("_core*.so"))
        ours = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"QGIS was built for another Python ({built}) than {ours}"
    return ""


def main() -> None:
    """Make the links, or say why not."""
    reason = obstacle()
    if reason:
        sys.stdout.write(f"QGIS tests will be skipped: {reason}.\n")
        return
    LINK.mkdir(exist_ok=True)
    for name in MODULES:
        link = LINK / name
        if link.is_symlink():
            link.unlink()
        if (SYSTEM / name).exists():
            link.symlink_to(SYSTEM / name)


if __name__ == "__main__":
    main()
