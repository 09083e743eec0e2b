"""Jobs with forms of their own: the check of the library, a run, an explanation, the test of the worker."""

from __future__ import annotations

import contextlib
import logging
import platform
import re
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from geolivelihood import __version__
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.protocol import Request

__all__ = ["Job", "check", "explain", "run", "selftest", "warnings_told"]


class Job(Protocol):
    """What an operation sees of the job: what was asked for."""

    request: Request


def check(job: Job) -> dict[str, Any]:
    """Report packages, devices, extras, and the health of PROJ and GDAL.

    Raises
    ------
    EnvironmentMissingError
        If a required package is not installed.
    """
    from importlib import metadata

    found, missing = {"geolivelihood": __version__, "python": platform.python_version()}, []
    for name in _required():
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        msg = f"Not installed: {', '.join(missing)}. Run: {sys.executable} -m pip install {' '.join(missing)}"
        raise EnvironmentMissingError(msg)
    import torch

    from geolivelihood.health import extras, geography

    cuda = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    devices = [{"id": "cpu", "name": platform.processor() or platform.machine()}]
    devices += [{"id": f"cuda:{index}", "name": torch.cuda.get_device_name(index)} for index in cuda]
    return {
        "outputs": {},
        "layers": [],
        "rejected": 0,
        "versions": found,
        "devices": devices,
        "extras": {name: said for name, said in extras().items() if name not in ("dev", "bench")},
        "geography": geography(),
        "system": {"platform": platform.platform(), "executable": sys.executable},
    }


def run(job: Job) -> dict[str, Any]:
    """Run a project file.

    ``params`` are ``project`` (its path) and ``set`` (dotted keys and their new values); ``out`` is required.
    """
    project, overrides, out = _asked(job)
    from geolivelihood.recipes import run_project

    done = run_project(project, overrides=overrides, out=out)
    outputs = {"geopackage": done.geopackage, "map": done.map, "scores": done.scores}
    return {
        "outputs": {name: str(path) for name, path in outputs.items() if path is not None},
        "layers": done.layers,
        "rejected": done.rejected,
    }


def explain(job: Job) -> dict[str, Any]:
    """Explain a model of a project that was run, in a copy of its result.

    ``params`` are ``project``, ``set`` (as the run had them), ``result`` (path of the run's GeoPackage; by
    default where the project writes it), ``methods`` and ``ids`` (lists), ``model``, ``indicator``,
    ``source``, ``options`` (``zones``: path of polygons); ``out`` is required. The result is only read; files
    go to ``<stem>.explanations`` beside ``out``, where
    :func:`~geolivelihood.recipes.explanations.explain_project` puts them.
    """
    project, overrides, out = _asked(job)
    params = job.request.params
    texts: dict[str, Any] = {name: _text(params, name) for name in ("model", "indicator", "source", "result")}
    lists: dict[str, Any] = {name: _texts(params, name) for name in ("methods", "ids")}
    options = params.get("options") or {}
    if not isinstance(options, dict):
        msg = f"params.options is {options!r}; give an object of names and values."
        raise InputError(msg)
    from geolivelihood.layers import read_provenance
    from geolivelihood.recipes.explanations import explain_project

    with warnings_told():
        done = explain_project(project, overrides=overrides, out=out, options=options, **texts, **lists)
    listed = read_provenance(done.geopackage).get("layers", [])
    return {
        "outputs": {"geopackage": str(done.geopackage)},
        "layers": [layer | {"visible": True} if layer["name"] in done.layers else layer for layer in listed],
        "rejected": done.rejected,
        "files": [str(file) for file in done.files],
    }


def selftest(job: Job) -> dict[str, Any]:
    """Count to ``params.steps``, be silent for ``params.silence_s``, and write a line into ``out``.

    What :mod:`geolivelihood.selftest` asks for, to see progress, heartbeats and how soon a job stops.
    """
    from geolivelihood.files import atomic
    from geolivelihood.progress import stage, track

    steps, silence = job.request.params.get("steps", 20), job.request.params.get("silence_s", 0)
    if not isinstance(steps, int) or not isinstance(silence, int | float) or job.request.out is None:
        msg = "The self-test takes 'steps' (a whole number), 'silence_s' (seconds) and 'out'."
        raise InputError(msg)
    with atomic(job.request.out) as part:
        part.write_text("The worker writes here.\n", encoding="utf-8")
        stage("counting")
        for _ in track(range(steps), "steps"):
            time.sleep(0.02)
        stage("being silent")
        time.sleep(min(float(silence), 10.0))
    return {"outputs": {"file": str(job.request.out)}, "layers": [], "rejected": 0}


def _asked(job: Job) -> tuple[Path, dict[str, Any], Path]:
    """Project, changes of its settings, and the GeoPackage to be written."""
    project, overrides = job.request.params.get("project"), dict(job.request.params.get("set") or {})
    if not isinstance(project, str):
        msg = f"params.project is {project!r}; give the path of a project file (.yaml)."
        raise InputError(msg)
    if job.request.out is None:
        msg = "The request has no 'out'; give the absolute path of a new GeoPackage (.gpkg)."
        raise InputError(msg)
    if "seed" in job.request.options:
        overrides.setdefault("seed", job.request.options["seed"])
    return Path(project), overrides, job.request.out


def _text(params: Mapping[str, Any], name: str) -> str | None:
    value = params.get(name)
    if value is None or isinstance(value, str):
        return value or None
    msg = f"params.{name} is {value!r}; give a text."
    raise InputError(msg)


def _texts(params: Mapping[str, Any], name: str) -> list[str] | None:
    value = params.get(name)
    if value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value or None
    msg = f"params.{name} is {value!r}; give a list of texts."
    raise InputError(msg)


@contextlib.contextmanager
def warnings_told() -> Iterator[None]:
    """Warnings of the library go to its log, and so to the client; those of others to the console."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def tell(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
            if category is UserWarning:
                logging.getLogger("geolivelihood").warning("%s", message)
            else:
                shown(message, category, *where, **more)

        warnings.showwarning = tell
        yield


def _required() -> list[str]:
    """Names of the packages that the installed library declares, without those of its extras."""
    from importlib import metadata

    declared = metadata.requires("geolivelihood") or []
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in declared if "extra ==" not in line]
