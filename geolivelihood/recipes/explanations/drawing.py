"""Explanations as pictures: the mosaic over the country, and the photos in which most was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from rasterio.enums import Resampling

from geolivelihood.explanation import upsample
from geolivelihood.files import atomic
from geolivelihood.layers.furniture import draw_colour_bar, draw_north_arrow, draw_scale_bar
from geolivelihood.recipes.explanations.attributions import Attributed

__all__ = ["COLOURS", "draw_mosaic", "draw_photos"]

COLOURS = LinearSegmentedColormap.from_list("evidence", ["#2166ac", "#f7f7f7", "#b2182b"])
"""Blue lowered the target, red raised it; as in the rasters' QGIS style."""
_MOST_PX = 1400
_PHOTOS, _COLUMNS = 8, 4
_INK = "#1b2530"
_PHOTO_PX = 360


def draw_mosaic(
    path: Path, mosaic: Path, *, outlines: gpd.GeoDataFrame | None, label: str, title: str
) -> Path:
    """Draw a mosaic of maps as a PNG, with the outlines of regions, a scale and what the colours mean."""
    with rasterio.open(mosaic) as source:
        step = max(source.height, source.width) / _MOST_PX
        shape = (source.height, source.width) if step <= 1 else _smaller(source.height, source.width, step)
        values = source.read(1, out_shape=shape, resampling=Resampling.average, masked=True)
        limit, crs, box = float(source.tags()["limit"]), pyproj.CRS(source.crs), source.bounds
    figure = Figure(figsize=(6.5, 6.5 * np.clip(shape[0] / shape[1], 0.4, 1.5) + 0.9), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(
        values.filled(np.nan),
        extent=(box.left, box.right, box.bottom, box.top),
        **_scale(limit or float(np.nanmax(np.abs(values.filled(np.nan)), initial=0.0))),
        interpolation="nearest",
    )
    axes.set_facecolor("#e9ecee")
    axes.set(xlim=(box.left, box.right), ylim=(box.bottom, box.top), xticks=[], yticks=[])
    if outlines is not None:
        outlines.to_crs(crs).boundary.plot(ax=axes, color="#3b3b3b", linewidth=0.6)
        axes.set(xlim=(box.left, box.right), ylim=(box.bottom, box.top), xlabel="", ylabel="")
    latitude = _middle_latitude(crs, box)
    axes.set_aspect(1.0 if not crs.is_geographic else 1 / np.cos(np.radians(latitude)))
    draw_scale_bar(axes, _ground_width(crs, box))
    draw_north_arrow(axes)
    draw_colour_bar(
        figure, axes, shown, label=f"lowers (blue) or raises (red): {label}, per pixel", extend="both"
    )
    figure.suptitle(title, fontsize=9, color=_INK)
    return _saved(figure, path)


def draw_photos(path: Path, group: Attributed, *, crop: bool, label: str, title: str) -> Path:
    """Draw the photos whose maps hold most, as they are and with their maps over them."""
    found = group.attribution
    size = np.abs(found.maps).reshape(len(found), -1).sum(axis=1)
    chosen = np.argsort(-size, kind="stable")[:_PHOTOS]
    limit = float(np.percentile(np.abs(found.maps[np.sort(chosen)]), 98))
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    photos = [_photo(Path(group.images["path"].iloc[k]), crop=crop) for k in chosen]
    tall = max(photo.shape[0] / photo.shape[1] for photo in photos)
    figure = Figure(figsize=(2.4 * columns, 2 * rows * (2.4 * tall + 0.3) + 0.8), layout="constrained")
    panels = figure.subplots(2 * rows, columns, squeeze=False)
    shown: Any = None
    for number, (k, pixels) in enumerate(zip(chosen.tolist(), photos)):
        plain, over = (panels[2 * (number // columns) + line, number % columns] for line in (0, 1))
        extent = (0.0, float(pixels.shape[1]), float(pixels.shape[0]), 0.0)
        plain.imshow(pixels, extent=extent)
        over.imshow(pixels.mean(axis=2), extent=extent, cmap="gray", alpha=0.55)
        drawn = upsample(
            found.maps[k], start=found.start, jump=found.jump, size=found.size, shape=pixels.shape[:2]
        )
        per_cell = drawn * (pixels.shape[0] * pixels.shape[1] / found.maps[k].size)
        shown = over.imshow(per_cell, extent=extent, alpha=0.6, **_scale(limit))
        plain.set_title(f"{group.images['image_id'].iloc[k]}"[:24], fontsize=7, color=_INK)
        over.set_title(f"{found.total[k]:.3g}", fontsize=7, color=_INK)
    for panel in panels.flat:
        panel.set_axis_off()
    draw_colour_bar(
        figure, panels, shown, label=f"lowers (blue) or raises (red): {label}, per map cell", extend="both"
    )
    figure.suptitle(
        f"{title}: photos with the most evidence, and what is said of a place like it", fontsize=9, color=_INK
    )
    return _saved(figure, path)


def _scale(limit: float) -> dict[str, Any]:
    return {"cmap": COLOURS, "vmin": -(limit or 1.0), "vmax": limit or 1.0}


def _smaller(height: int, width: int, step: float) -> tuple[int, int]:
    return max(1, round(height / step)), max(1, round(width / step))


def _middle_latitude(crs: pyproj.CRS, box: Any) -> float:
    turn = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    return float(turn.transform((box.left + box.right) / 2, (box.bottom + box.top) / 2)[1])


def _ground_width(crs: pyproj.CRS, box: Any) -> float:
    """Metres on the ground from the left to the right of the middle row."""
    turn = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    middle = (box.bottom + box.top) / 2
    steps = np.linspace(box.left, box.right, 33)  # wide rasters bend
    lon, lat = turn.transform(steps, np.full(33, middle))
    return float(pyproj.Geod(ellps="WGS84").line_length(lon, lat))


def _photo(path: Path, *, crop: bool) -> npt.NDArray[np.uint8]:
    """Pixels of a photo, upright, small, and cut as the model saw it."""
    with Image.open(path) as opened:
        photo = ImageOps.exif_transpose(opened).convert("RGB")
    if crop:
        photo = ImageOps.fit(photo, (_PHOTO_PX, _PHOTO_PX))
    else:
        photo.thumbnail((_PHOTO_PX, _PHOTO_PX))
    return np.asarray(photo)


def _saved(figure: Figure, path: Path) -> Path:
    with atomic(path) as part:
        figure.savefig(part, format="png", dpi=150)
    return path
