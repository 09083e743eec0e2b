"""What a map needs beside its data: a scale bar, a north arrow, a colour bar, a legend."""

from __future__ import annotations

from typing import Any

import numpy as np

from geolivelihood.layers.breaks import class_breaks, number_text, range_labels

__all__ = ["draw_colour_bar", "draw_north_arrow", "draw_scale_bar", "round_length"]

_INK = "#222222"


def round_length(width_m: float) -> float:
    """The longest 1, 2 or 5 times a power of ten that is at most a quarter of ``width_m``."""
    aim = width_m / 4
    power = 10.0 ** np.floor(np.log10(aim))
    return float(max(step * power for step in (1, 2, 5) if step * power <= aim * (1 + 1e-9)))


def round_ticks(low: float, high: float) -> np.ndarray:
    """At most seven round numbers between ``low`` and ``high``."""
    breaks = class_breaks([low, high], classes=6)
    return breaks[(breaks >= low) & (breaks <= high)]


def tick_labels(ticks: np.ndarray) -> list[str]:
    """Labels with the same number of decimals where the ticks are evenly spaced."""
    ranges = range_labels(ticks)
    return (
        [*[text.split(" – ")[0] for text in ranges], ranges[-1].split(" – ")[-1]]
        if len(ticks) > 1
        else ranges
    )


def draw_scale_bar(axes: Any, width_m: float) -> None:
    """A bar of a round length at the lower left; the axes are in metres."""
    length = round_length(width_m)
    text = f"{number_text(length / 1000)} km" if length >= 1000 else f"{number_text(length)} m"
    share = length / width_m
    axes.plot(
        *([0.02, 0.02 + share], [-0.035, -0.035]),
        transform=axes.transAxes,
        color=_INK,
        linewidth=2,
        solid_capstyle="butt",
        clip_on=False,
    )
    axes.text(
        0.02 + share / 2, -0.05, text, transform=axes.transAxes, ha="center", va="top", fontsize=7, color=_INK
    )


def draw_north_arrow(axes: Any) -> None:
    """An arrow to the north at the upper right."""
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.2, foreground="white")]  # legible on a dark map too
    note = axes.annotate(
        "N",
        xy=(0.97, 1.0),
        xytext=(0.97, 0.92),
        xycoords="axes fraction",
        ha="center",
        va="top",
        fontsize=8,
        color=_INK,
        arrowprops={"arrowstyle": "-|>", "color": _INK, "linewidth": 1.0},
    )
    note.set_path_effects(halo)
    note.arrow_patch.set_path_effects(halo)


def draw_colour_bar(figure: Any, axes: Any, mappable: Any, *, label: str, extend: str) -> None:
    """A slim horizontal colour bar below a map, with its title and unit."""
    bar = figure.colorbar(
        mappable,
        ax=axes,
        orientation="horizontal",
        fraction=0.035,
        pad=0.02,
        aspect=32,
        shrink=0.72,
        extend=extend,
    )
    bar.set_label(label, fontsize=8, color=_INK)
    bar.ax.tick_params(labelsize=7, color=_INK, length=2.5)
    ticks = round_ticks(*mappable.get_clim())
    bar.set_ticks(ticks, labels=tick_labels(ticks))
    bar.outline.set_visible(False)
