"""Optional dependencies, asked for by the capability that needs them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from geolivelihood.errors import EnvironmentMissingError

__all__ = ["require"]


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional dependency, or say how to install it.

    Raises
    ------
    EnvironmentMissingError
        If ``module`` is not installed; the message names the extra that brings it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        msg = f"{module} is not installed. Run: python -m pip install 'geolivelihood[{extra}]'"
        raise EnvironmentMissingError(msg) from error
