"""Drawings of feature clusters: the curve over their number, and the t-SNE picture in several colourings."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.files import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_curve", "draw_embedding"]

_TITLES = {
    "silhouette": "mean silhouette",
    "inertia": "inertia",
    "bic": "BIC",
    "aic": "AIC",
    "stability": "stability (adjusted Rand)",
}
_OUTLIER, _MISSING = "#bbbbbb", "#dcdcdc"
_TITLE_PT, _TITLE_LETTERS = 10, 44
_MANY = 12  # values above which whole numbers are drawn as an amount


def draw_curve(
    curve: pd.DataFrame, *, k: int | None = None, path: str | os.PathLike[str] | None = None
) -> Figure:
    """What each number of clusters would mean, one panel per criterion.

    Parameters
    ----------
    curve
        ``curve_`` of :class:`~geolivelihood.explanation.feature_clusters.FeatureClusters`.
    k
        Number that was chosen, marked by a line.
    path
        PNG to write as well.

    Raises
    ------
    InputError
        If the curve is empty, as with HDBSCAN or a number given beforehand.
    """
    drawn = [name for name in _TITLES if name in curve]
    if curve.empty or not drawn:
        msg = "The curve is empty: it is made where k='silhouette' or 'bic' chooses the number."
        raise InputError(msg)
    figure, panels = _panels(len(drawn), width=3.4, height=2.7)
    for panel, name in zip(panels, drawn):
        panel.plot(curve["k"], curve[name], marker="o", markersize=3.5, color="#2166ac", linewidth=1.4)
        if k is not None:
            panel.axvline(k, color="#b2182b", linewidth=1, linestyle="--")
        panel.set_title(_TITLES[name], fontsize=_TITLE_PT)
        panel.set_xlabel("clusters" if k is None else f"clusters ({k} chosen)")
        panel.set_xticks(curve["k"].to_numpy())
    return _saved(figure, path)


def draw_embedding(
    coordinates: npt.ArrayLike,
    colours: pd.DataFrame,
    *,
    palette: Sequence[str] | None = None,
    names: Mapping[Any, str] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The same layout of pictures in several colourings, such as label, cluster, concept and sensitivity.

    Parameters
    ----------
    coordinates
        Shape (n, 2) (:func:`~geolivelihood.explanation.feature_clusters.embedding_coordinates`).
    colours
        One row per picture, one panel per column. Texts and few whole numbers are classes; numbers of both
        signs get a diverging scale about 0, others plasma. Missing ones are grey.
    palette
        Colours of classes; a class that is a whole number takes the colour of that number. ``None`` takes
        matplotlib's.
    names
        Words for classes in the legend; a class that is not in it is its own word.
    path
        PNG to write as well.

    Raises
    ------
    InputError
        If the rows do not fit.
    """
    xy = np.asarray(coordinates, dtype=np.float64)
    if xy.shape != (len(colours), 2) or not len(colours.columns) or not len(xy):
        msg = f"coordinates {xy.shape} and {colours.shape} colours: give (n, 2) and at least one column of n."
        raise InputError(msg)
    figure, panels = _panels(len(colours.columns), width=3.8, height=3.2)
    for panel, name in zip(panels, colours.columns):
        _scatter(figure, panel, xy, colours[name], (palette, names or {}))
        panel.set_title("\n".join(textwrap.wrap(str(name), _TITLE_LETTERS)), fontsize=_TITLE_PT)
        panel.set(xticks=[], yticks=[])
    return _saved(figure, path)


_Legend = tuple[Sequence[str] | None, Mapping[Any, str]]


def _scatter(figure: Figure, panel: Axes, xy: npt.NDArray[Any], column: pd.Series, legend: _Legend) -> None:
    dot: dict[str, Any] = {"s": float(np.clip(4000 / len(xy), 6, 30)), "linewidths": 0}
    missing = column.isna().to_numpy()
    panel.scatter(xy[missing, 0], xy[missing, 1], color=_MISSING, **dot | {"s": dot["s"] / 3})
    known, spots = column[~missing], xy[~missing]
    whole = pd.api.types.is_integer_dtype(known) and known.nunique() <= _MANY
    if whole or pd.api.types.is_bool_dtype(known) or not pd.api.types.is_numeric_dtype(known):
        _classes(panel, spots, known.to_numpy(), dot, legend)
        return
    values = known.to_numpy(dtype=np.float64)
    options: dict[str, Any] = {"cmap": "plasma"}
    if len(values) and values.min() < 0 < values.max():
        limit = float(np.percentile(np.abs(values), 98)) or 1.0
        options = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
        dot |= {"linewidths": 0.3, "edgecolors": "#777777"}  # the middle of the scale is as white as the page
    drawn = panel.scatter(spots[:, 0], spots[:, 1], c=values, **options, **dot)
    figure.colorbar(drawn, ax=panel, shrink=0.8)


def _classes(
    panel: Axes, spots: npt.NDArray[Any], values: npt.NDArray[Any], dot: dict[str, Any], legend: _Legend
) -> None:
    import matplotlib as mpl  # heavy, and needed for drawing alone

    (palette, words), names = legend, np.unique(values)
    table = mpl.colormaps["tab10" if len(names) <= 10 else "tab20"]
    shades: Sequence[Any] = palette or table(range(table.N)).tolist()
    numbered = np.issubdtype(names.dtype, np.integer)
    last = np.argsort(names == -1, kind="stable") if numbered else np.arange(len(names))
    for k, name in enumerate(names[last]):  # one call per entry of the legend, outliers at its end
        rows = values == name
        colour = _OUTLIER if name == -1 else shades[(int(name) if numbered else k) % len(shades)]
        label = words.get(name, str(name))
        panel.scatter(spots[rows, 0], spots[rows, 1], label=label, color=colour, **dot)
    panel.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), handletextpad=0.2)


def _panels(count: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # heavy, and needed for drawing alone
    from matplotlib.figure import Figure

    across = min(count, 4)
    down = -(-count // across)
    figure = Figure(figsize=(width * across, height * down), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(down, across, squeeze=False).reshape(-1)
    for spare in axes[count:]:
        spare.set_visible(False)
    return figure, list(axes[:count])


def _saved(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    if path is not None:
        with atomic(path) as part:
            figure.savefig(part, format="png", dpi=130)
    return figure
