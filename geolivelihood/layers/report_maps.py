"""Pictures of places for the report: the map, where it applies, where it errs, how far errors reach."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.layers import drawing
from geolivelihood.layers.breaks import number_text
from geolivelihood.layers.drawing import BLUE, INK, MARKS, MISS, SOFT, percent
from geolivelihood.layers.fields import with_geometry
from geolivelihood.layers.furniture import draw_colour_bar, draw_scale_bar
from geolivelihood.layers.maps import draw_outlines, map_crs
from geolivelihood.layers.palettes import HATCH, MASK, RAMPS
from geolivelihood.layers.report import Figure
from geolivelihood.validation import Variogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["applicability_figure", "map_figure", "region_figure", "residual_map_figure", "variogram_figure"]

_BINS = 40
_MAP_PX = 1400
_MOST_REGIONS = 40


def map_figure(
    path: str | os.PathLike[str],
    *,
    title: str = "The map",
    caption: str = "",
    alt: str | None = None,
) -> Figure:
    """A drawn map (``map.png``) in a size for the page.

    Parameters
    ----------
    path
        A PNG file, such as :func:`~geolivelihood.layers.draw_map` writes; wider than 1,400 pixels, it is
        scaled down.
    title, caption
        Words.
    alt
        What the map shows, in a sentence; by default its title and caption.

    Raises
    ------
    InputError
        If the file is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    held = io.BytesIO()
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except (UnidentifiedImageError, FileNotFoundError) as error:
        msg = f"{path} cannot be read as a picture: {error}. Draw it with draw_map."
        raise InputError(msg) from error
    if picture.width > _MAP_PX:
        size = (_MAP_PX, round(picture.height * _MAP_PX / picture.width))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    # 256 colours are those of the ramp and the ink; dithering would speckle the hatching
    small = picture.quantize(256, dither=Image.Dither.NONE)
    small.save(held, format="PNG", optimize=True)
    words = alt or f"Map: {title}. {caption}".strip()
    return Figure(title=title, image=held.getvalue(), alt=words, caption=caption, wide=True)


def applicability_figure(
    dissimilarity: npt.ArrayLike,
    threshold: float,
    *,
    population: npt.ArrayLike | None = None,
    title: str = "How unlike the surveyed places the map's cells are",
    caption: str = "",
) -> Figure:
    """Distribution of the dissimilarity index over the cells, the threshold, and the shares on either side.

    Parameters
    ----------
    dissimilarity
        Of each cell, shape (n,); NaN where a feature is missing, which counts as not applicable.
    threshold
        The largest index that is applicable.
    population
        Of each cell, shape (n,), for the share of people.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    InputError
        If no cell has an index or the lengths differ.
    """
    index = np.asarray(dissimilarity, dtype=float)
    people = np.ones(len(index)) if population is None else np.nan_to_num(np.asarray(population, dtype=float))
    known = index[np.isfinite(index)]
    if not known.size or len(people) != len(index):
        msg = (
            f"{known.size} of {len(index)} cells have an index, {len(people)} a population. Give one of each "
            "per cell."
        )
        raise InputError(msg)
    inside = index <= threshold  # NaN is not
    said = f"{percent(float(inside.mean()))} of cells"
    if population is not None and people.sum() > 0:
        said += f", {percent(people[inside].sum() / people.sum())} of people"
    left = len(index) - known.size
    unknown = f" {left:,} cells lack a feature and have no index." if left else ""
    explained = (
        "A cell beyond the threshold is less like any surveyed place than those were like each other across "
        f"blocks. The model has seen nothing like it, and its value is hatched on the map.{unknown}"
    )
    alt = (
        f"Histogram of dissimilarity of {len(index):,} cells; threshold {threshold:.2f}; applicable: {said}."
    )
    image = drawing.draw(lambda axes: _draw_dissimilarity(axes, index, threshold, said), height_in=3.4)
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def residual_map_figure(
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    residuals: npt.ArrayLike,
    *,
    regions: gpd.GeoDataFrame | None = None,
    label: str = "",
    title: str = "Where the model errs",
    caption: str = "",
) -> Figure:
    """Out-of-fold residuals (observed minus predicted) at their places, over outlines.

    Parameters
    ----------
    points
        Where the residuals belong, any CRS.
    residuals
        Shape (n,); NaN is left out.
    regions
        Outlines, any CRS.
    label
        The indicator with its unit.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingCRSError
        If a layer has no CRS.
    InputError
        If no residual is known, or the lengths differ.
    """
    e = np.asarray(residuals, dtype=float)
    known = np.isfinite(e)
    if len(e) != len(points) or not known.any():
        msg = f"{int(known.sum())} of {len(e)} residuals are known, for {len(points)} points. Give one each."
        raise InputError(msg)
    places = gpd.GeoDataFrame(geometry=points.geometry[known])
    crs = map_crs(with_geometry("points", places))
    drawn = places.to_crs(crs).geometry.representative_point()
    frame, words = _around(drawn), "Observed minus predicted" + (f": {label}" if label else "")
    outlines = None if regions is None else _outlines(regions, crs, (frame[2] - frame[0]) / 1000)

    def paint(axes: Axes) -> None:
        if outlines is not None:
            draw_outlines(axes, outlines)
        dots = _draw_residuals(axes, drawn, e[known])
        axes.set(xlim=frame[::2], ylim=frame[1::2], aspect="equal")
        axes.set_axis_off()
        draw_scale_bar(axes, frame[2] - frame[0])
        draw_colour_bar(axes.figure, axes, dots, label=words, extend="both")

    explained = (
        "Blue: the survey found more than the model predicted; red: less. Patches of one colour are what "
        "the model does not know about a district, and intervals for regions allow for them."
    )
    half = number_text(float(np.median(np.abs(e[known]))))
    alt = f"Map of the residuals of {int(known.sum()):,} places; half of them lie within ±{half}."
    height = 0.9 + drawing.WIDTH_IN * float(np.clip((frame[3] - frame[1]) / (frame[2] - frame[0]), 0.4, 1.5))
    image = drawing.draw(paint, height_in=height)
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def variogram_figure(
    found: Variogram, *, title: str = "How far errors resemble each other", caption: str = ""
) -> Figure:
    """Semivariance of residuals against distance, with the fitted model and its practical range.

    Parameters
    ----------
    found
        From :func:`~geolivelihood.validation.variogram`, of out-of-fold residuals.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    InputError
        If it has no bins.
    """
    lag = np.asarray(found.lag_m) / 1000
    if not lag.size:
        msg = "The variogram has no bins. Compute it from at least 10 residuals at distinct places."
        raise InputError(msg)
    range_km = found.range_m / 1000
    share = np.asarray(found.pairs) / max(int(np.max(found.pairs)), 1)

    def paint(axes: Axes) -> None:
        axes.scatter(
            lag, found.semivariance, s=12 + 50 * share, color=BLUE, linewidth=0, label="pairs of places"
        )
        at = np.linspace(0, lag.max() * 1.02, 200)
        model = found.nugget + found.partial_sill * -np.expm1(-at * 1000 / (found.scale_m or np.inf))
        axes.plot(at, model, color=INK, linewidth=1.2, label="fitted model")
        if 0 < range_km <= lag.max():
            axes.axvline(
                range_km, color=MISS, linewidth=1.1, label=f"range {number_text(round(range_km))} km"
            )
        axes.set(xlim=(0, lag.max() * 1.04), ylim=(0, max(found.semivariance.max(), model.max()) * 1.12))
        axes.set(xlabel="Distance between two places (km)", ylabel="Half mean squared difference")
        drawing.legend(axes)

    told = f"the practical range is {number_text(round(range_km))} km"
    if not found.resolved:
        told = "they do not level off within the distances seen: there is a trend, and no range"
    elif range_km == 0:
        told = "there is no structure in space"
    explained = (
        f"Low at the left means that errors of near places are alike; {told}. Held-out blocks must be wider "
        "than the range, and sums over regions must not treat errors as independent."
    )
    alt = (
        f"Variogram of residuals over {lag.size} distances up to {number_text(round(lag.max()))} km; {told}."
    )
    image = drawing.draw(paint, height_in=3.3)
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def region_figure(
    regions: pd.DataFrame,
    *,
    label: str = "",
    names: Mapping[str, str] | None = None,
    title: str = "Regions: survey, model, and both together",
    caption: str = "",
) -> Figure:
    """Estimates of each region side by side, with their intervals.

    Parameters
    ----------
    regions
        One row per region, its name in the index. For each kind of estimate a column, and where known
        ``<kind>_lower`` and ``<kind>_upper``. Of more than 40 regions, the 20 lowest and the 20 highest are
        shown.
    label
        The indicator with its unit.
    names
        Words for the kinds of estimate that are there, in the order wanted: by default ``direct``, ``model``
        and ``eblup``.
    title, caption
        Words; by default the caption explains the picture.

    Raises
    ------
    MissingColumnError
        If there is no estimate of any kind.
    """
    usual = {"direct": "survey alone", "model": "model alone", "eblup": "both (EBLUP)"}
    told = regions.columns[regions.notna().any()]
    kinds = {kind: text for kind, text in (names or usual).items() if kind in told}
    if not kinds:
        msg = f"The regions have no estimate; give columns such as {', '.join(names or usual)}."
        raise MissingColumnError(msg)
    every = [f"{kind}{end}" for kind in kinds for end in ("", "_lower", "_upper")]
    known = regions.reindex(columns=every).astype(float).dropna(subset=list(kinds), how="all")
    order = known[list(kinds)].mean(axis=1).to_numpy().argsort(kind="stable")[::-1]
    if len(order) > _MOST_REGIONS:
        order = np.concatenate([order[: _MOST_REGIONS // 2], order[-_MOST_REGIONS // 2 :]])
    table = known.iloc[order]

    def paint(axes: Axes) -> None:
        _draw_regions(axes, table, kinds)
        axes.set_xlabel(label or "Estimate")

    left = len(known) - len(table)
    more = f" {left} regions in the middle are not shown." if left else ""
    explained = (
        "The survey alone is unbiased but unsure where few clusters were drawn; the model fills in, and the "
        f"combination leans on the surer of the two.{more}"
    )
    image = drawing.draw(paint, height_in=0.9 + 0.25 * len(table))
    from_to = f"from {table.index[0]} down to {table.index[-1]}"
    alt = f"Estimates of {len(table)} regions by {', '.join(kinds.values())}, {from_to}."
    return Figure(title=title, image=image, alt=alt, caption=caption or explained)


def _draw_dissimilarity(axes: Axes, index: npt.NDArray, threshold: float, said: str) -> None:
    """Two histograms over the same bins, on either side of the threshold; the last bar holds all beyond."""
    known = index[np.isfinite(index)]
    end = max(float(np.quantile(known, 0.995)), 1.25 * threshold)
    sides = np.minimum(known[known <= threshold], end), np.minimum(known[known > threshold], end)
    looks: tuple[dict[str, Any], ...] = (
        {"color": BLUE, "label": f"applicable: {said}"},
        {
            "facecolor": MASK,
            "edgecolor": HATCH,
            "hatch": "/////",
            "linewidth": 0.4,
            "label": "not applicable",
        },
    )
    for values, look in zip(sides, looks):
        weights = np.full(len(values), 100 / len(index))
        axes.hist(values, np.linspace(0, end, _BINS + 1).tolist(), weights=weights, **look)
    axes.axvline(threshold, color=MISS, linewidth=1.4, label=f"threshold {threshold:.2f}")
    axes.set(xlim=(0, end), xlabel="Dissimilarity to the nearest surveyed place", ylabel="Cells (%)")
    drawing.legend(axes, across=1)


def _draw_regions(axes: Axes, table: pd.DataFrame, kinds: Mapping[str, str]) -> None:
    """A mark with its interval per region and kind of estimate, from the top."""
    shift = np.linspace(-0.24, 0.24, len(kinds)) if len(kinds) > 1 else [0.0]
    for (kind, text), (colour, shape), offset in zip(kinds.items(), MARKS, shift):
        at = np.arange(len(table)) + offset
        ends = table[f"{kind}_lower"], table[f"{kind}_upper"]
        axes.hlines(at, *ends, color=colour, linewidth=1.2, alpha=0.55)
        axes.plot(table[kind], at, shape, color=colour, markersize=3.6, label=text)
    axes.set_yticks(range(len(table)), [drawing.shortened(name) for name in table.index], color=INK)
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    drawing.legend(axes, across=3)


def _draw_residuals(axes: Axes, places: gpd.GeoSeries, e: npt.NDArray) -> Any:
    """Dots, the largest errors on top; the colours end where 2 % of the errors lie beyond."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    order = np.argsort(np.abs(e), kind="stable")
    reach = float(np.quantile(np.abs(e), 0.98)) or 1.0
    x, y = places.x.to_numpy(), places.y.to_numpy()
    return axes.scatter(
        x[order],
        y[order],
        c=e[order],
        s=float(np.clip(5000 / len(e), 2.5, 22)),
        cmap=LinearSegmentedColormap.from_list("RdBu", RAMPS["RdBu"], N=256),
        norm=Normalize(-reach, reach),
        edgecolors=SOFT,
        linewidths=0.15,
        rasterized=drawing.crowded(len(e)),
        zorder=2,
    )


def _outlines(regions: gpd.GeoDataFrame, crs: pyproj.CRS, tolerance_m: float) -> gpd.GeoDataFrame:
    """Regions no finer than a reader can see: a coast would fill the file."""
    drawn = with_geometry("regions", regions).to_crs(crs)
    return drawn.set_geometry(drawn.geometry.simplify(tolerance_m))


def _around(places: gpd.GeoSeries) -> tuple[float, float, float, float]:
    """Bounds of the points with a margin; never empty, also around a single point."""
    west, south, east, north = places.total_bounds
    edge = 0.05 * max(east - west, north - south) or 1000.0
    return west - edge, south - edge, east + edge, north + edge
