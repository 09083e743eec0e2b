"""Access tokens of services, taken from the environment and checked before anything heavy is loaded."""

from __future__ import annotations

import os
import re

from geolivelihood.errors import InputError

__all__ = ["ASK_FOR_ONE", "TOKEN", "mapillary_token"]

TOKEN = "MAPILLARY_TOKEN"
"""Environment variable that holds the access token."""

ASK_FOR_ONE = "Make a client token at https://www.mapillary.com/dashboard/developers"


def mapillary_token(given: str | None = None) -> str:
    """The token; what is wrong with it is said without it, and before a library could repeat it.

    Parameters
    ----------
    given
        The token; ``None`` takes it from the environment variable ``MAPILLARY_TOKEN``.

    Raises
    ------
    InputError
        If there is none, or it cannot be one.
    """
    token = (os.environ.get(TOKEN, "") if given is None else given).strip()
    if not token:
        msg = f"Mapillary asks for an access token: set the environment variable {TOKEN}. {ASK_FOR_ONE}."
        raise InputError(msg)
    if not re.fullmatch(r"[!-~]{8,}", token):
        msg = (
            f"The Mapillary token cannot be one: tokens are at least 8 printable ASCII characters without "
            f"spaces. Check {TOKEN}. {ASK_FOR_ONE}."
        )
        raise InputError(msg)
    return token
