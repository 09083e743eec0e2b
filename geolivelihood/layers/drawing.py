"""One look for every chart, drawn without a window system, as SVG that stays small.

Text stays text in the reader's own typeface, and marks by the thousand become a picture inside the SVG.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.layers.breaks import number_text
from geolivelihood.layers.qml import clean

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
    "brief",
    "columns",
    "crowded",
    "draw",
    "legend",
    "percent",
    "shortened",
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
_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', Arial, 'DejaVu Sans', sans-serif"
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
    "text.parse_math": False,  # a dollar is a dollar
    "svg.fonttype": "none",
    "svg.hashsalt": "geolivelihood",
}


def draw(
    paint: Callable[[Any], None],
    *,
    width_in: float = WIDTH_IN,
    height_in: float = 3.5,
    panels: tuple[int, int] | None = None,
) -> bytes:
    """An SVG file of what ``paint`` puts on a pair of axes; the same strokes give the same bytes.

    With ``panels`` (rows, columns) it gets that many axes with one vertical scale, row by row.
    """
    import matplotlib as mpl  # heavy, and needed for pictures alone
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context(_LOOK):
        canvas = Canvas(figsize=(width_in, height_in), layout="constrained")
        if panels is None:
            paint(canvas.subplots())
        else:
            paint(canvas.subplots(*panels, sharey=True, squeeze=False).ravel())
        return as_svg(canvas)


def as_svg(canvas: Canvas) -> bytes:
    """The drawing as an SVG file without a date, in the reader's own typeface."""
    held = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with warnings.catch_warnings():  # a letter that our typeface lacks is in the reader's
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas.savefig(held, format="svg", dpi=180, transparent=True, metadata=nothing)
    return re.sub(r"'DejaVu Sans'(?:, [^;\"]*)?(?=[;\"])", _FONT, clean(held.getvalue().decode())).encode()


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
    """A share in words, ``"91 %"``, that no line breaks apart."""
    return f"{100 * share:z.0f}\N{NO-BREAK SPACE}%"


def brief(value: float) -> str:
    """A number in words: two decimals, or four significant digits where these say too little."""
    return number_text(value, digits=2) if 0.01 <= abs(value) < 10 else number_text(value)


def shortened(name: object, most: int = 32) -> str:
    """A name that leaves room for the chart."""
    text = str(name)
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def columns(frame: pd.DataFrame, *names: str, optional: tuple[str, ...] = ()) -> pd.DataFrame:
    """The named columns of the rows that have them all; an optional one that is not there is NaN.

    Raises
    ------
    MissingColumnError
        If a column is not there.
    InputError
        If no row is left.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        held = ", ".join(map(str, frame.columns))
        msg = f"The table has no column {', '.join(map(repr, missing))}; it has {held}."
        raise MissingColumnError(msg)
    kept = frame.reindex(columns=[*names, *optional]).dropna(subset=list(names))
    if kept.empty:
        msg = f"No row of the table has {', '.join(names)}; there is nothing to draw."
        raise InputError(msg)
    return kept
