"""Options of a project that go as they are to something of ours: known by name, and of its kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from geolivelihood.errors import ProjectError

__all__ = ["checked_options"]


def checked_options(
    made: Callable[..., Any], options: Mapping[str, Any], *, section: str, given: Collection[str] = ()
) -> dict[str, Any]:
    """Options that a function or a class takes, of the kinds that its signature names.

    Parameters
    ----------
    made
        The function or class.
    options
        What the project says, by name.
    section
        Where it says so, for the messages.
    given
        Parameters that other settings of the project decide, and that are no options therefore.

    Returns
    -------
    dict
        The options, a list as the tuple that is wanted and so on.

    Raises
    ------
    ProjectError
        If an option is unknown or of another kind.
    """
    signature = inspect.signature(made).parameters
    known = [name for name in signature if name not in {"self", *given}]
    unknown = sorted(set(options) - set(known))
    if unknown:
        msg = f"{section}: unknown option {unknown[0]!r}; there are: {', '.join(known)}."
        raise ProjectError(msg)
    kinds = get_type_hints(made.__init__ if inspect.isclass(made) else made)
    return {name: _of_kind(kinds[name], value, f"{section}, {name}") for name, value in options.items()}


def _of_kind(kind: Any, value: Any, where: str) -> Any:
    try:
        return TypeAdapter(kind, config=_ANY).validate_python(value)
    except ValidationError as error:
        accepted = "; ".join(dict.fromkeys(fault["msg"] for fault in error.errors()))
        msg = f"{where}: {accepted} (given: {value!r})."
        raise ProjectError(msg) from error


_ANY = ConfigDict(arbitrary_types_allowed=True)
