"""What is installed and whether it works: for ``geolivelihood info`` and bug reports."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, requires, version

from geolivelihood import __version__

__all__ = ["extras", "geography", "report"]

_LIBRARIES = (
    "geopandas",
    "shapely",
    "pyproj",
    "rasterio",
    "pyogrio",
    "pyarrow",
    "h3",
    "h3ronpy",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "exactextract",
    "torch",
    "torchvision",
    "torch-geometric",
    "lightning",
)


def report() -> dict[str, dict[str, str]]:
    """Versions, devices, extras and the health of PROJ and GDAL, by title."""
    return {
        "geolivelihood": {
            "geolivelihood": __version__,
            "Python": f"{platform.python_version()} ({sys.executable})",
            "system": platform.platform(),
        },
        "Libraries": {name: _version(name) for name in _LIBRARIES},
        "Devices": _devices(),
        "Extras": extras(),
        "PROJ and GDAL": geography(),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> dict[str, str]:
    import torch

    found = {"CPU": f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"}
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        found[f"cuda:{number}"] = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if torch.backends.mps.is_available():
        found["mps"] = "available"
    return found


def extras() -> dict[str, str]:
    """Each extra with the packages of it that are missing."""
    missing: dict[str, list[str]] = {}
    for line in _requirements():
        name, _, marker = line.partition(";")
        if "extra ==" not in marker:
            continue
        extra = marker.split("extra ==")[1].strip(" '\"()")
        package = name.split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip()
        missing.setdefault(extra, [])
        if _version(package) == "not installed":
            missing[extra].append(package)
    return {extra: "missing: " + ", ".join(names) if names else "ok" for extra, names in missing.items()}


def _requirements() -> list[str]:
    try:
        return requires("geolivelihood") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return []


def geography() -> dict[str, str]:
    """Versions of PROJ and GDAL, and whether they work: a known place is moved, drivers are looked for."""
    import pyogrio
    import pyproj
    import rasterio

    moved = pyproj.Transformer.from_crs(4326, 32630, always_xy=True).transform(-3.0, 0.0)
    works = abs(moved[0] - 500000.0) < 1e-3 and abs(moved[1]) < 1e-3
    set_ = {name: os.environ[name] for name in ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA") if name in os.environ}
    return {
        "PROJ": f"{pyproj.proj_version_str}, {'ok' if works else 'BROKEN: 4326 to 32630 is wrong'}",
        "PROJ data": pyproj.datadir.get_data_dir(),
        "GDAL (rasters)": rasterio.__gdal_version__,
        "GDAL (vectors)": pyogrio.__gdal_version_string__,
        "GeoPackage driver": "ok" if "w" in pyogrio.list_drivers().get("GPKG", "") else "cannot write",
        "set from outside": ", ".join(f"{k}={v}" for k, v in set_.items()) or "nothing",
    }
