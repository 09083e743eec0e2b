"""What can go wrong, in a few exceptions that say what to do about it.

Every message names what was given, what is accepted and what to do. Each class carries the exit code
that the command line and the worker process end with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Cancelled",
    "EnvironmentMissingError",
    "InputError",
    "MissingCRSError",
    "MissingColumnError",
    "OutputError",
    "ProjectError",
    "StoreMismatchError",
    "TableError",
    "TooManyRejectedError",
]


class InputError(ValueError):
    """Something that was given cannot be used: a file, a column, a value, an option."""

    exit_code: ClassVar[int] = 6


class MissingCRSError(InputError):
    """A layer without a coordinate reference system; we never guess one."""


class MissingColumnError(InputError):
    """A table lacks a column that the step needs."""


class TableError(InputError):
    """A table with fatal faults, all of them at once.

    Attributes
    ----------
    faults
        One row per fault: ``row`` (the row's id or position), ``column``, ``reason``.
    """

    def __init__(self, message: str, faults: pd.DataFrame) -> None:
        super().__init__(message)
        self.faults = faults


class ProjectError(InputError):
    """A project file with a wrong key or value; the message names the key and the line."""

    exit_code: ClassVar[int] = 2


class StoreMismatchError(InputError):
    """A feature store that was made by another encoder than the one asked for."""


class TooManyRejectedError(RuntimeError):
    """More rows were set aside than ``max_rejected`` allows."""

    exit_code: ClassVar[int] = 6


class OutputError(RuntimeError):
    """The target cannot be written: it exists, is open elsewhere, read-only, or the disk is full."""

    exit_code: ClassVar[int] = 7


class EnvironmentMissingError(RuntimeError):
    """A package, a weights file or a device that is needed is not there."""

    exit_code: ClassVar[int] = 4


class Cancelled(RuntimeError):
    """The user, or the process that started us, asked to stop."""

    exit_code: ClassVar[int] = 3
