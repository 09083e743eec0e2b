"""Livelihood maps from georeferenced pictures and survey clusters, with honest scores.

The rooms, in the order in which data flows: :mod:`~geolivelihood.tables` (what comes in),
:mod:`~geolivelihood.cells` (H3 and the sparse ties), :mod:`~geolivelihood.features` (picture to vector),
:mod:`~geolivelihood.graphs`, :mod:`~geolivelihood.models`, :mod:`~geolivelihood.validation`,
:mod:`~geolivelihood.explanation`, :mod:`~geolivelihood.layers` (what goes out) and
:mod:`~geolivelihood.recipes` (whole jobs).

Importing the package loads none of them: the worker process says hello before the heavy imports.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = (
    "cells",
    "errors",
    "explanation",
    "features",
    "graphs",
    "layers",
    "models",
    "recipes",
    "synthetic",
    "tables",
    "validation",
)

__all__ = ["__version__", *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
