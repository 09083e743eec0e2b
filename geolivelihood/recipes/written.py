"""What a step says of its work."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SetAside", "Written"]


class SetAside(NamedTuple):
    """How many rows or pictures could not be used, and where the reasons are."""

    number: int
    what: str
    reasons: str


class Written(NamedTuple):
    """What a step has written: rows by layer or table, and what it set aside."""

    rows: dict[str, int]
    rejected: list[SetAside]
