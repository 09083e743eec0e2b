"""Colour ramps as short tables, so that a style needs no plotting library.

``viridis`` and ``cividis`` can be told apart with every common colour blindness and in grey print;
``RdBu`` is for values that have a middle; turned about
(``RdBu_r``) it is for what lowered (blue) or raised (red) a prediction.
"""

from __future__ import annotations

import numpy as np

from geolivelihood.errors import InputError

__all__ = [
    "HATCH",
    "HATCH_OVER",
    "KINDS",
    "LOWERS",
    "MASK",
    "NEITHER",
    "RAISES",
    "RAMPS",
    "bivariate",
    "ramp",
    "rgb",
]

MASK, HATCH = "#ececec", "#9a9a9a"
"""Ground and lines of the hatching that covers what a model must not be trusted for, in every picture."""

HATCH_OVER = "#4d4d4d"
"""Lines over colours that stay visible."""

LOWERS, NEITHER, RAISES = "#2166ac", "#f7f7f7", "#b2182b"
"""What lowered, did not move, and raised a prediction, in every layer and raster of an explanation."""

KINDS = (
    *("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#e15759", "#76b7b2", "#edc948", "#9c755f", "#ff9da7"),
    *("#2f4b7c", "#8cd17d", "#d37295"),
)
"""Colours of kinds that have no order; Tableau's, the most different ones first."""

RAMPS: dict[str, tuple[str, ...]] = {
    "viridis": (
        *("#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e", "#21918c"),
        *("#1fa088", "#28ae80", "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219", "#fde725"),
    ),
    "cividis": (
        *("#00224e", "#002e6a", "#1a386f", "#32436d", "#434e6c", "#535a6d", "#61656f", "#6f7073", "#7d7c78"),
        *("#8c8878", "#9b9476", "#aba072", "#bcae6c", "#cdbb63", "#dec958", "#f0d846", "#fee838"),
    ),
    "Purples": (
        *("#fcfbfd", "#f2f0f7", "#e2e2ef", "#cecfe5", "#b6b6d8", "#9e9ac8", "#8683bd", "#7262ac", "#61409b"),
        *("#4f1f8b", "#3f007d"),
    ),
    "RdBu": (
        *("#67001f", "#b1182b", "#d6604d", "#f3a481", "#fddbc7", "#f6f7f7", "#d1e5f0", "#90c4dd", "#4393c3"),
        *("#2065ab", "#053061"),
    ),
}
RAMPS["RdBu_r"] = RAMPS["RdBu"][::-1]


_VALUES, _FADED, _WHITENED = ("#00429d", "#7a7a7a", "#e66101"), "#f4f4f4", (0.0, 0.4, 0.72)


def bivariate(values: int, widths: int) -> list[list[str]]:
    """Colours of values (columns, low to high) by widths of intervals (rows, narrow to wide); 3 by 3 at most.

    Blue, grey and orange say low, middle and high; the wider an interval, the more its colour fades. The nine
    stay apart by 13 or more (CIELAB) for those who see no red, no green or no blue.
    """
    if not (1 <= values <= len(_VALUES) and 1 <= widths <= len(_WHITENED)):
        msg = f"A bivariate palette has up to 3 by 3 colours, not {values} by {widths}."
        raise InputError(msg)
    colors = {1: _VALUES[1:2], 2: _VALUES[::2], 3: _VALUES}[values]
    return [[_faded(color, share) for color in colors] for share in _WHITENED[:widths]]


def _faded(color: str, share: float) -> str:
    pairs = zip(rgb(color), rgb(_FADED))
    return "#" + "".join(f"{round(own + (pale - own) * share):02x}" for own, pale in pairs)


def rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue (0-255) of ``#rrggbb``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def ramp(name: str, count: int) -> list[str]:
    """``count`` colours spread evenly over a ramp, as ``#rrggbb``.

    Raises
    ------
    InputError
        If there is no ramp of that name.
    """
    if name not in RAMPS:
        msg = f"There is no colour ramp {name!r}. Choose one of {', '.join(RAMPS)}."
        raise InputError(msg)
    table = np.array([rgb(color) for color in RAMPS[name]], dtype=float)
    at = np.linspace(0, len(table) - 1, count) if count > 1 else np.array([(len(table) - 1) / 2])
    mixed = np.column_stack([np.interp(at, np.arange(len(table)), band) for band in table.T])
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in mixed.round().astype(int)]
