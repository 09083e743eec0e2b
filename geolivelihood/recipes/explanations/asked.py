"""Ids that are asked for and known to nobody."""

from __future__ import annotations

from collections.abc import Collection

from geolivelihood.errors import InputError

__all__ = ["refuse_unknown"]


def refuse_unknown(unknown: Collection[str], ids: Collection[str], what: str) -> None:
    """Say which ids are unknown.

    Raises
    ------
    InputError
        If there are any; ``what`` says what they would have to be.
    """
    if unknown:
        some = ", ".join(sorted(unknown)[:5]) + (" ..." if len(unknown) > 5 else "")
        msg = f"{len(unknown)} of {len(ids)} ids are {what}: {some}."
        raise InputError(msg)
