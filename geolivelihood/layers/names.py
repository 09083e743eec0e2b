"""Names of styles, for which a GeoPackage has thirty characters."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["NAME_LENGTH", "short_name"]

NAME_LENGTH = 30
"""Of ``layer_styles.styleName``."""
_LEAST = 6


def short_name(words: Sequence[str]) -> str:
    """Words in one name; where they are too long, the longest are shortened until all can be recognised."""
    parts = [word.replace("_", " ").strip() for word in words]
    while len(name := " ".join(parts)) > NAME_LENGTH:
        longest = max(range(len(parts)), key=lambda k: len(parts[k]))
        if len(parts[longest]) <= _LEAST:
            return name[: NAME_LENGTH - 1].rstrip() + "…"
        parts[longest] = parts[longest].rstrip("…")[:-2].rstrip(" -.") + "…"
    return name
