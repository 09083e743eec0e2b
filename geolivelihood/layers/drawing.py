"""One look for every chart, drawn without a window system, as SVG that stays small.

Text stays text in the reader's own typeface, and marks by the thousand become a picture inside the SVG.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

__all__ = [
    "BLUE",
    "GRID",
    "INK",
    "MARKS",
    "MISS",
    "SOFT",
    "WIDTH_IN",
    "as_svg",
    "columns",
    "crowded",
    "draw",
    "legend",
    "percent",
]

INK, SOFT, GRID = "#1b2530", "#5b6773", "#e3e7ea"
BLUE, MISS = "#31688e", "#c2500f"
"""The middle of viridis for what is as it should be, and an orange that no colour blindness takes for it."""

MARKS = (
    *(("#440154", "o"), ("#31688e", "s"), ("#1f948c", "D"), ("#8a8f2a", "^")),
    *(("#8b95a1", "v"), ("#7b4a8f", "P"), ("#0b3d54", "X"), ("#54a868", "<")),
)
"""Colour and shape of each series: each tells them apart without the other."""

WIDTH_IN = 4.1
"""Width of a chart, so that its text can be read on a telephone as well."""

_CROWD = 1500  # marks above which they become a picture
_FONT = b"system-ui, 'Segoe UI', Roboto, 'Noto Sans', Arial, 'DejaVu Sans', sans-serif"
_LOOK: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": "#9aa4ad",
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "geolivelihood",
}


def draw(paint: Callable[[Axes], None], *, width_in: float = WIDTH_IN, height_in: float = 3.5) -> bytes:
    """An SVG file of what ``paint`` puts on a pair of axes; the same strokes give the same bytes."""
    import matplotlib as mpl  # heavy, and needed for pictures alone
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(_LOOK):
        canvas = Canvas(figsize=(width_in, height_in), layout="constrained")
        paint(canvas.subplots())
        return as_svg(canvas)


def as_svg(canvas: Canvas) -> bytes:
    """The drawing as an SVG file without a date, in the reader's own typeface."""
    held = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    canvas.savefig(held, format="svg", dpi=180, transparent=True, metadata=nothing)
    return re.sub(rb"'DejaVu Sans'(?:, [^;\"]*)?(?=[;\"])", _FONT, held.getvalue())


def crowded(marks: int) -> bool:
    """Whether so many marks are smaller as a picture than as shapes."""
    return marks > _CROWD


def legend(axes: Axes, *, across: int = 2, **options: Any) -> None:
    """A legend above the axes, where it covers nothing; ``across`` entries to a line."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        look = {"handletextpad": 0.5, "columnspacing": 1.4, "borderaxespad": 0.1} | options
        axes.figure.legend(loc="outside upper left", ncols=min(len(handles), across), **look)


def percent(share: float) -> str:
    """A share in words: ``"91 %"``."""
    return f"{100 * share:.0f} %"


def columns(frame: pd.DataFrame, *names: str, optional: tuple[str, ...] = ()) -> pd.DataFrame:
    """The named columns; numbers as floats, missing as NaN.

    Raises
    ------
    MissingColumnError
        If one is not there.
    InputError
        If the frame has no rows.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        held = ", ".join(map(str, frame.columns))
        msg = f"The table has no column {', '.join(map(repr, missing))}; it has {held}."
        raise MissingColumnError(msg)
    if len(frame) == 0:
        msg = f"The table of {', '.join(names)} has no rows; there is nothing to draw."
        raise InputError(msg)
    kept = frame[[*names, *(name for name in optional if name in frame.columns)]]
    numbers = kept.select_dtypes("number").columns
    return kept.astype(dict.fromkeys(numbers, np.float64))
