"""A tree of questions as an SVG file, drawn by hand: nothing but text, boxes and curves."""

from __future__ import annotations

from typing import Any, NamedTuple
from xml.etree import ElementTree as xml

import numpy as np
import pandas as pd

__all__ = ["number_text", "tree_svg"]

_INK, _SOFT, _LINE, _BRANCH = "#1b2530", "#5b6773", "#c9d1d8", "#d5dbe1"
_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', Arial, 'DejaVu Sans', sans-serif"
_CARD, _GAP, _LEAF, _QUESTION, _ROW = 184, 84, 36, 44, 50  # px
_EDGE, _FOOT, _MISSING = 14, 58, 13
_WIDEST = 15.0  # px of the branch that holds all rows
_LETTERS = 19  # that fit into a card at 12.5 px
_STEPS = 9  # stops of the ramp in the legend


class _Place(NamedTuple):
    """Left edge and vertical middle of a node's card."""

    x: float
    y: float


def tree_svg(nodes: pd.DataFrame, *, target: str, note: str) -> bytes:
    """Draw a tree from left to right.

    Parameters
    ----------
    nodes
        As in :class:`~geolivelihood.explanation.SurrogateTree`.
    target
        What the leaves give, with its unit.
    note
        A line below the tree.

    Returns
    -------
    bytes
        An SVG file in UTF-8. Leaves are coloured by their mean from the smallest to the largest (viridis),
        branches are as wide as their share of the rows.
    """
    row = _ROW + _MISSING * int(nodes["missing"].notna().any())
    places = _places(nodes, row)
    leaves = nodes[nodes["left"].lt(0)]
    low, high = float(leaves["mean"].min()), float(leaves["mean"].max())
    width = 2 * _EDGE + (_CARD + _GAP) * int(nodes["depth"].max()) + _CARD
    width = max(width, 2 * _EDGE + 3 * _CARD)
    height = 2 * _EDGE + row * len(leaves) + _FOOT
    size = {"width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"}
    root = xml.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
    root.set("font-family", _FONT)
    xml.SubElement(root, "title").text = _clean(f"A tree with {len(leaves)} leaves for {target}")
    for node, line in nodes[nodes["left"].ge(0)].iterrows():
        for side in ("left", "right"):
            _branch(root, nodes.loc[line[side]], places[node], places[line[side]])
    for node, line in nodes.iterrows():
        colour = _viridis((line["mean"] - low) / (high - low) if high > low else 0.5)
        mean = number_text(line["mean"], of=(high - low) or None)
        (_leaf if line["left"] < 0 else _question)(root, line, places[node], colour, mean)
    for _, line in nodes[nodes["left"].ge(0)].iterrows():
        for side in ("left", "right"):
            _condition(root, line, side, places[line[side]])
    _legend(root, (low, high), target, note, width, height)
    return xml.tostring(root, encoding="utf-8")


def number_text(value: float, *, of: float | None = None) -> str:
    """Three significant digits, thousands set apart, a true minus.

    With ``of``, as many decimals as tell apart numbers that differ by a hundredth of it.
    """
    size = abs(value) if of is None else abs(of)
    if not np.isfinite(value) or size >= 1e9 or 0 < size < 1e-4:
        return f"{value:.3g}".replace("-", "−")
    decimals = max(0, int(2 - np.floor(np.log10(size)))) if size else 0
    text = f"{value:,.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text and of is None else text
    return text.replace("-", "−")


def _places(nodes: pd.DataFrame, pitch: int) -> dict[int, _Place]:
    """Leaves one below the other, the lower branch above; every question midway between its branches."""
    places: dict[int, _Place] = {}
    left, right, depth = (nodes[name].to_numpy() for name in ("left", "right", "depth"))
    row = 0

    def put(node: int) -> float:
        nonlocal row
        if left[node] < 0:
            y = _EDGE + pitch * (row + 0.5)
            row += 1
        else:
            y = (put(left[node]) + put(right[node])) / 2
        places[node] = _Place(_EDGE + depth[node] * (_CARD + _GAP), y)
        return y

    put(0)
    return places


def _branch(root: xml.Element, child: pd.Series, start: _Place, end: _Place) -> None:
    x, middle = start.x + _CARD, (start.x + _CARD + end.x) / 2
    path = f"M{x:g} {start.y:g} C{middle:g} {start.y:g} {middle:g} {end.y:g} {end.x:g} {end.y:g}"
    width = max(1.5, _WIDEST * child["share"])
    _add(root, "path", d=path, fill="none", stroke=_BRANCH, stroke_width=f"{width:.1f}")


def _condition(root: xml.Element, line: pd.Series, side: str, end: _Place) -> None:
    """The answer that leads to a branch, at its end."""
    said = f"{'≤' if side == 'left' else '>'} {number_text(line['threshold'])}"
    halo: dict[str, Any] = {"stroke": "#fff", "stroke_width": "3.5", "stroke_linejoin": "round"}
    halo |= {"paint_order": "stroke", "text_anchor": "end", "x": end.x - 9}
    # Upper branches come from below and lower ones from above: the words stand on the free side.
    missing = line["missing"] == side
    top = end.y + 18 if side == "right" else end.y - 10 - _MISSING * missing
    _text(root, said, y=top, size=11.5, fill=_INK, **halo)
    if missing:
        _text(root, "or missing", y=top + _MISSING, size=10, fill=_SOFT, **halo)


def _question(root: xml.Element, line: pd.Series, at: _Place, colour: str, mean: str) -> None:
    top = at.y - _QUESTION / 2
    card = _add(root, "g")
    xml.SubElement(card, "title").text = _clean(f"{line['feature']} ≤ {number_text(line['threshold'])}?")
    box = {"x": at.x, "y": top, "width": _CARD, "height": _QUESTION, "rx": 6}
    _add(card, "rect", **box, fill="#fff", stroke=_LINE)
    _add(card, "rect", x=at.x + 8, y=top + 9, width=4, height=_QUESTION - 18, rx=2, fill=colour)
    _text(card, _short(str(line["feature"])), x=at.x + 21, y=at.y - 3, size=12.5, fill=_INK, bold=True)
    said = f"mean {mean} · {_percent(line['share'])}"
    _text(card, said, x=at.x + 21, y=at.y + 13, size=10.5, fill=_SOFT)


def _leaf(root: xml.Element, line: pd.Series, at: _Place, colour: str, mean: str) -> None:
    card, ink = _add(root, "g"), "#fff" if _luminance(colour) < 0.4 else _INK
    spread = f"{mean} ± {number_text(line['sd'])} (standard deviation)"
    xml.SubElement(card, "title").text = _clean(f"{spread}, {line['n']:,} rows")
    box = {"x": at.x, "y": at.y - _LEAF / 2, "width": _CARD, "height": _LEAF, "rx": 6}
    _add(card, "rect", **box, fill=colour)
    _text(card, mean, x=at.x + 14, y=at.y + 5, size=15, fill=ink, bold=True)
    said = f"{_percent(line['share'])} · n {line['n']:,}"
    _text(card, said, x=at.x + _CARD - 12, y=at.y + 4, size=10.5, fill=ink, text_anchor="end")


def _legend(
    root: xml.Element, ends: tuple[float, float], target: str, note: str, width: float, height: float
) -> None:
    """The ramp with its ends and what it shows, and the note."""
    ramp = xml.SubElement(_add(root, "defs"), "linearGradient", {"id": "ramp"})
    for stop in np.linspace(0, 1, _STEPS):
        _add(ramp, "stop", offset=f"{stop:g}", stop_color=_viridis(stop))
    top = height - _FOOT + 16
    _add(root, "rect", x=_EDGE, y=top, width=_CARD, height=9, rx=4.5, fill="url(#ramp)")
    low, high = (number_text(end, of=(ends[1] - ends[0]) or None) for end in ends)
    _text(root, low, x=_EDGE, y=top + 24, size=10.5, fill=_SOFT)
    _text(root, high, x=_EDGE + _CARD, y=top + 24, size=10.5, fill=_SOFT, text_anchor="end")
    _text(root, _short(target, 60), x=_EDGE + _CARD + 14, y=top + 9, size=12, fill=_INK)
    _text(root, note, x=_EDGE + _CARD + 14, y=top + 24, size=10.5, fill=_SOFT)


def _add(parent: xml.Element, tag: str, **attributes: Any) -> xml.Element:
    values = {name: f"{v:g}" if isinstance(v, float) else str(v) for name, v in attributes.items()}
    return xml.SubElement(parent, tag, {name.replace("_", "-"): v for name, v in values.items()})


def _text(parent: xml.Element, said: str, *, size: float, bold: bool = False, **attributes: Any) -> None:
    weight = {"font_weight": "600"} if bold else {}
    _add(parent, "text", font_size=size, **weight, **attributes).text = _clean(said)


def _clean(text: str) -> str:
    """Text without characters that XML cannot hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _short(name: str, letters: int = _LETTERS) -> str:
    """A name that fits, cut in its middle: both ends tell columns apart."""
    if len(name) <= letters:
        return name
    tail = (letters - 1) // 2
    return f"{name[: letters - 1 - tail]}…{name[-tail:]}"


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _viridis(share: float) -> str:
    from matplotlib import colormaps  # heavy, and needed for drawings alone
    from matplotlib.colors import to_hex

    return to_hex(colormaps["viridis"](float(share)))


def _luminance(colour: str) -> float:
    """How bright a colour looks, 0 to 1 (ITU-R BT.601 weights of the encoded values)."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue
