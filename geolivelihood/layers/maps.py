"""The figure for the paper: cells in colour, outlines, clusters, and all that makes it a map."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.files import atomic
from geolivelihood.layers.fields import with_geometry
from geolivelihood.layers.furniture import draw_colour_bar, draw_north_arrow, draw_scale_bar
from geolivelihood.layers.palettes import HATCH, MASK, RAMPS
from geolivelihood.layers.tips import human_label

__all__ = ["draw_map", "draw_outlines", "map_crs"]

_WORLD_DEGREES = 180
"""Wider than this and one azimuthal projection misleads: the Equal Earth projection takes over."""
_LINE, _DOT = "#3b3b3b", "#111111"
_Bounds = tuple[float, float, float, float]


class _Look(NamedTuple):
    """How one panel is drawn: ramp, ends of its scale, dots per inch, label, width in inches."""

    colours: str
    limits: tuple[float, float] | None
    dpi: int
    label: str
    width_in: float


_TAILS = (0.01, 0.99)  # quantiles at which the colour scale ends


def draw_map(
    path: str | os.PathLike[str],
    cells: pd.DataFrame,
    indicator: str | Sequence[str],
    *,
    regions: gpd.GeoDataFrame | None = None,
    clusters: gpd.GeoDataFrame | None = None,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    caption: str | None = None,
    colours: str = "viridis",
    limits: tuple[float, float] | None = None,
    width_in: float = 6.5,
    dpi: int = 300,
) -> Path:
    """Draw one indicator, or several side by side, over the cells, as a PNG.

    The projection has equal areas and is centred on the cells, so that a cell counts by its size on paper.
    Cells where the column ``applicable`` is not true are hatched in grey: their colour would be no evidence.

    Parameters
    ----------
    path
        The target, ``*.png``; an existing file is replaced at once or not at all.
    cells
        Polygons in any CRS, or a DataFrame indexed by ``cell``.
    indicator
        Column of ``cells``, or several for one panel each.
    regions
        Outlines to draw over the cells, any CRS.
    clusters
        Survey clusters to draw as small points, any CRS.
    title
        Above the map; the first indicator's label if there is one panel, nothing otherwise.
    labels
        Words for the colour bar, with the unit: ``{"rdpc": "Income per head (R$ per month)"}``.
    caption
        Below the map: source and score.
    colours
        ``"viridis"``, ``"cividis"``, or ``"RdBu"`` for values around a middle.
    limits
        Ends of the colour scale; by default the 1 % and 99 % quantiles, with arrows where values lie beyond.
    width_in, dpi
        Width in inches, and dots per inch.

    Returns
    -------
    pathlib.Path
        The target.

    Raises
    ------
    MissingColumnError
        If an indicator is no column of ``cells``.
    MissingCRSError
        If a layer has no CRS.
    InputError
        If there is nothing to draw, or no such colour ramp.
    OutputError
        If the target cannot be written.
    """
    import matplotlib as mpl  # heavy, and needed for this alone

    names = [indicator] if isinstance(indicator, str) else list(indicator)
    _check(cells, names, colours)
    sheet = with_geometry("cells", cells)
    crs = map_crs(sheet)
    layers = [
        None if layer is None else with_geometry("layer", layer).to_crs(crs) for layer in (regions, clusters)
    ]
    texts = [human_label(name, labels) for name in names]
    look = _Look(colours, limits, dpi, "", width_in)
    with mpl.rc_context({"text.parse_math": False}), atomic(path) as part:  # a dollar is a dollar
        figure = _figure(sheet.to_crs(crs), dict(zip(names, texts)), layers, look, caption)
        _words(figure, title or (texts[0] if len(names) == 1 else None), caption)
        figure.savefig(part, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})
    return Path(path)


def _figure(
    sheet: gpd.GeoDataFrame,
    names: Mapping[str, str],
    layers: Sequence[gpd.GeoDataFrame | None],
    look: _Look,
    caption: str | None,
) -> Any:
    """The panels, one per indicator; no window system is asked for."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # heavy, and needed for this alone
    from matplotlib.figure import Figure

    frame = _frame(sheet, layers[0])
    columns = min(len(names), 3 if len(names) != 4 else 2)
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=_size(frame, rows, columns, look.width_in, caption), layout="compressed")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, label) in zip(grid, names.items()):
        _panel(axes, sheet, name, layers, frame, look._replace(label=label, width_in=look.width_in / columns))
        if len(names) > 1:
            axes.set_title(label, fontsize=9, loc="left")
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    return figure


def map_crs(frame: gpd.GeoDataFrame) -> pyproj.CRS:
    """An equal-area projection in metres, centred on the layer (Lambert azimuthal, Equal Earth if wide).

    The centre is found on the circle of longitudes, so that a country across the antimeridian stays whole.
    """
    points = frame.geometry.representative_point().to_crs("EPSG:4326")
    points = points[~(points.is_empty | points.isna())]
    lon, lat = np.sort(np.mod(points.x.to_numpy(), 360)), points.y.to_numpy()
    gaps = np.diff(np.append(lon, lon[0] + 360))
    widest = int(gaps.argmax())
    span = 360 - gaps[widest]
    if span > _WORLD_DEGREES:
        return pyproj.CRS.from_proj4("+proj=eqearth +lon_0=0 +datum=WGS84 +units=m")
    west = lon[(widest + 1) % len(lon)]
    middle = (west + span / 2 + 180) % 360 - 180
    height = (lat.min() + lat.max()) / 2
    return pyproj.CRS.from_proj4(f"+proj=laea +lon_0={middle:.4f} +lat_0={height:.4f} +datum=WGS84 +units=m")


def _check(cells: pd.DataFrame, names: Sequence[str], colours: str) -> None:
    missing = [name for name in names if name not in cells.columns]
    if missing or not names:
        held = ", ".join(map(str, cells.columns))
        msg = f"The cells have no column {', '.join(map(repr, missing))}; they have {held}."
        raise MissingColumnError(msg)
    if len(cells) == 0:
        msg = "There are no cells to draw."
        raise InputError(msg)
    if colours not in RAMPS:
        msg = f"There is no colour ramp {colours!r}. Choose one of {', '.join(RAMPS)}."
        raise InputError(msg)


def _frame(sheet: gpd.GeoDataFrame, regions: gpd.GeoDataFrame | None) -> _Bounds:
    """What the map shows, in metres: the cells, and the regions that they touch, with a small margin."""
    west, south, east, north = sheet.total_bounds
    if regions is not None:
        near = regions.geometry.intersects(shapely.box(west, south, east, north))
        if near.any():
            outer = regions[near].total_bounds
            # a region far larger than the cells would shrink them to a speck
            margin = 0.15 * max(east - west, north - south)
            west, south = max(outer[0], west - margin), max(outer[1], south - margin)
            east, north = min(outer[2], east + margin), min(outer[3], north + margin)
            west, south = min(west, sheet.total_bounds[0]), min(south, sheet.total_bounds[1])
            east, north = max(east, sheet.total_bounds[2]), max(north, sheet.total_bounds[3])
    edge = 0.02 * max(east - west, north - south)
    return west - edge, south - edge, east + edge, north + edge


def _size(
    frame: _Bounds, rows: int, columns: int, width_in: float, caption: str | None
) -> tuple[float, float]:
    panel = width_in / columns
    shape = (frame[3] - frame[1]) / (frame[2] - frame[0])
    return width_in, min(
        rows * (panel * shape + (0.9 if columns == 1 else 1.15)) + 0.35 + (0.3 if caption else 0.0), 12.0
    )


def _panel(
    axes: Any,
    sheet: gpd.GeoDataFrame,
    name: str,
    layers: Sequence[gpd.GeoDataFrame | None],
    frame: _Bounds,
    look: _Look,
) -> None:
    """One indicator's map; furniture and legend included."""
    regions, clusters = layers
    values = pd.to_numeric(sheet[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    mappable, extend = _draw_cells(axes, sheet.geometry.to_numpy(), values, look)
    handles = _draw_masks(axes, sheet, values)
    if regions is not None:
        draw_outlines(axes, regions)
    if clusters is not None:
        handles.append(_draw_clusters(axes, clusters, look.width_in))
    west, south, east, north = frame
    axes.set(xlim=(west, east), ylim=(south, north), aspect="equal")
    axes.set_axis_off()
    draw_north_arrow(axes)
    draw_scale_bar(axes, east - west)
    if handles:
        axes.legend(
            handles=handles,
            loc="upper right",
            bbox_to_anchor=(1.0, -0.01),
            ncols=len(handles) if look.width_in > 4 else 1,
            fontsize=7,
            frameon=False,
            borderaxespad=0,
            handletextpad=0.5,
            columnspacing=1.2,
        )
    draw_colour_bar(axes.figure, axes, mappable, label=look.label, extend=extend)


def _draw_cells(axes: Any, shapes: np.ndarray, values: np.ndarray, look: _Look) -> tuple[Any, str]:
    """Filled polygons without seams, and on which side of the scale values lie beyond it."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    known = np.isfinite(values)
    colours, limits, dpi = look.colours, look.limits, look.dpi
    low, high = limits or _limits(values[known])
    paths, rows = _paths(shapes[known])
    collection = PathCollection(
        paths,
        array=values[known][rows],
        cmap=LinearSegmentedColormap.from_list(colours, RAMPS[colours], N=512),
        norm=Normalize(low, high),
        edgecolors="face",  # a line in the cell's own colour closes the seam that antialiasing leaves
        linewidths=1.5 * 72 / dpi,  # 1.5 pixels
        zorder=1,
    )
    axes.add_collection(collection, autolim=False)
    below, above = bool(np.any(values[known] < low)), bool(np.any(values[known] > high))
    return collection, {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]


def _limits(values: np.ndarray) -> tuple[float, float]:
    if values.size == 0:
        return 0.0, 1.0
    low, high = np.quantile(values, _TAILS)
    if low == high:
        low, high = values.min(), values.max()
    return (float(low), float(high)) if low < high else (float(low) - 0.5, float(high) + 0.5)


def _draw_masks(axes: Any, sheet: gpd.GeoDataFrame, values: np.ndarray) -> list[Any]:
    """Grey for cells without a value, hatching where the model must not be trusted; legend keys."""
    from matplotlib.patches import Patch

    handles = []
    if np.isnan(values).any():
        _fill_union(
            axes, sheet.geometry[np.isnan(values)], facecolor="#f4f4f4", edgecolor="none", linewidth=0
        )
        handles.append(Patch(facecolor="#f4f4f4", edgecolor="#cccccc", linewidth=0.5, label="No data"))
    if "applicable" in sheet.columns:
        applicable = sheet["applicable"].astype("boolean").fillna(False).to_numpy(dtype=bool)
        outside = ~applicable & np.isfinite(values)
        if outside.any():
            look: dict[str, Any] = {
                "facecolor": MASK,
                "edgecolor": HATCH,
                "hatch": "//////",
                "linewidth": 0.0,
            }
            _fill_union(axes, sheet.geometry[outside], **look)
            handles.append(Patch(label="Not applicable", **look))
    return handles


def _fill_union(axes: Any, shapes: gpd.GeoSeries, **look: Any) -> None:
    """One shape for many cells, so that hatching runs through and no edge shows."""
    from matplotlib.collections import PathCollection

    whole = shapely.unary_union(shapely.buffer(shapes.to_numpy(), 1.0))
    axes.add_collection(PathCollection(_paths(np.array([whole]))[0], zorder=2, **look), autolim=False)


def draw_outlines(axes: Any, regions: gpd.GeoDataFrame) -> None:
    """Borders of regions, in the CRS of the axes."""
    from matplotlib.collections import LineCollection

    lines = shapely.get_parts(shapely.boundary(regions.geometry.dropna().to_numpy()))
    lines = shapely.get_parts(lines)
    points, owner = shapely.get_coordinates(lines, return_index=True)
    parts = np.split(points, np.flatnonzero(np.diff(owner)) + 1)
    # a pale casing keeps the lines visible on the dark end of the ramp
    casing = LineCollection(parts, colors="white", linewidths=1.1, alpha=0.45, zorder=3)
    axes.add_collection(casing, autolim=False)
    axes.add_collection(LineCollection(parts, colors=_LINE, linewidths=0.45, zorder=3.1), autolim=False)


def _draw_clusters(axes: Any, clusters: gpd.GeoDataFrame, width_in: float) -> Any:
    points = clusters.geometry.dropna().representative_point()
    size = min(1.0, width_in / 5) * float(np.clip(60 / math.sqrt(max(len(points), 1)), 1.1, 2.6))
    look = {"marker": "o", "markersize": size, "markerfacecolor": _DOT, "markeredgecolor": "white"}
    label = f"Survey clusters (n = {len(points):,})"
    (handle,) = axes.plot(
        points.x, points.y, linestyle="none", markeredgewidth=0.14 * size, zorder=4, label=label, **look
    )
    return handle


def _words(figure: Any, title: str | None, caption: str | None) -> None:
    if title:
        figure.suptitle(title, x=0.02, ha="left", fontsize=12, fontweight="bold", color="#222222")
    if caption:
        figure.supxlabel(caption, x=0.02, ha="left", fontsize=7, color="#555555")


def _paths(shapes: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Drawable paths of polygons, holes included, and the row that each comes from."""
    from matplotlib.path import Path as DrawnPath

    parts, rows = shapely.get_parts(shapes, return_index=True)
    keep = (shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)
    parts, rows = parts[keep], rows[keep]
    rings, owner = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    codes = np.full(len(points), DrawnPath.LINETO, dtype=np.uint8)
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    codes[starts] = DrawnPath.MOVETO
    codes[np.append(starts[1:], len(points))[: len(starts)] - 1] = DrawnPath.CLOSEPOLY
    cuts = np.flatnonzero(np.diff(owner[ring])) + 1
    # one object per polygon is what the drawing library takes
    pieces = zip(np.split(points, cuts), np.split(codes, cuts))
    return [DrawnPath(xy, code) for xy, code in pieces], rows
