"""What is labelled on the ground, in the pixels of each scene: boxes to find, masks to map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from rasterio.features import rasterize

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.pretraining.transfer.scenes import Scene
from geolivelihood.tables.faults import rejected_rows
from geolivelihood.tables.footprints import window_polygons

__all__ = ["BACKGROUND", "IGNORED", "Labelled", "boxes_of", "label_scenes", "mask_of"]

BACKGROUND = "background"
"""Name of class 0 of a segmenter, which every unlabelled pixel has."""
IGNORED = 255
"""Value of mask pixels without data: neither learned nor scored."""

_LEAST_PX = 1e-3  # sides below are rounding, not size


class Labelled(NamedTuple):
    """Labels of some scenes.

    Attributes
    ----------
    shapes
        One array of shapely polygons per scene, in its pixels, clipped to it.
    codes
        One int64 array per scene: class of each polygon, from 1, in the order of ``classes``.
    classes
        Names of the classes.
    rejected
        ``row``, ``column``, ``reason`` of the labels set aside.
    """

    shapes: list[npt.NDArray[Any]]
    codes: list[npt.NDArray[np.int64]]
    classes: tuple[str, ...]
    rejected: pd.DataFrame

    @property
    def total(self) -> int:
        """Number of labels in all scenes."""
        return sum(map(len, self.shapes))


def label_scenes(
    scenes: Sequence[Scene], labels: gpd.GeoDataFrame, *, classes: Sequence[str] | None = None
) -> Labelled:
    """Lay labels over scenes.

    Parameters
    ----------
    scenes
        Pictures; one without labels is all background.
    labels
        Polygons in any CRS, with ``class``; ``image_id`` says in which picture each was drawn. Without that
        column a label belongs to every picture whose ground it meets.
    classes
        Names in the order of their codes; ``None`` takes those of the labels used, sorted.

    Returns
    -------
    Labelled
        Labels of an unknown picture or class, without a shape, without an area or wholly outside their
        picture are in ``rejected``.

    Raises
    ------
    MissingColumnError, MissingCRSError
        If ``class`` or the CRS is missing.
    InputError
        If no label lies in any of the scenes, or a class is called background.
    """
    table = _checked(labels)
    by_place = "image_id" not in table
    known = pd.Series(True, table.index) if by_place else table["image_id"].isin([s.image_id for s in scenes])
    empty = table.geometry.isna() | table.geometry.is_empty
    usable = table[known & ~empty]
    rows = None if by_place else usable.groupby("image_id").indices
    parts = [_laid(scene, _of(scene, usable, rows), by_place) for scene in scenes]
    used = pd.concat([part["class"] for part, _ in parts])
    names = tuple(sorted(used.unique())) if classes is None else tuple(classes)
    strange = used[~used.isin(names)]
    _check_some(used, labels, names)
    code = {text: k for k, text in enumerate(names, start=1)}
    kept = [part[part["class"].isin(names)] for part, _ in parts]
    rejected = [
        rejected_rows(table.index[~known], "image_id", "the picture is not in the table of images"),
        rejected_rows(table.index[known & empty], "geometry", "the label has no shape"),
        *(bad for _, bad in parts),
        rejected_rows(strange.index, "class", [f"{text!r} is no class of the model" for text in strange]),
    ]
    return Labelled(
        [part["shape"].to_numpy(dtype=object) for part in kept],
        [part["class"].map(code).to_numpy(dtype=np.int64) for part in kept],
        names,
        pd.concat(rejected, ignore_index=True),
    )


def boxes_of(shapes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Upright boxes around polygons, (n, 4): first column, first row, last column, last row (exclusive)."""
    return np.reshape(shapely.bounds(shapes).astype(np.float64), (-1, 4))


def mask_of(
    shapes: npt.NDArray[Any], codes: npt.NDArray[np.int64], window: tuple[int, int, int, int]
) -> npt.NDArray[np.uint8]:
    """Classes of the pixels of a window (height, width): 0 is background, later polygons lie on top.

    A pixel has the class of the polygon that holds its centre.
    """
    column, row, width, height = window
    near = shapely.intersects(shapes, shapely.box(column, row, column + width, row + height))
    moved = shapely.transform(shapes[near], lambda points: points - (column, row))
    drawn = list(zip(moved, codes[near].tolist()))
    if not drawn:
        return np.zeros((height, width), np.uint8)
    return rasterize(drawn, out_shape=(height, width), fill=0, dtype="uint8")


def _checked(labels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if not isinstance(labels, gpd.GeoDataFrame) or "class" not in labels:
        msg = "The labels are no GeoDataFrame with a column 'class'. Name the class of each in 'class'."
        raise MissingColumnError(msg)
    if labels.crs is None:
        msg = 'The labels have no CRS. Set it with labels.set_crs("EPSG:4326") if they are in degrees.'
        raise MissingCRSError(msg)
    table = labels if labels.index.is_unique else labels.reset_index(drop=True)
    text = [name for name in ("class", "image_id") if name in table]
    table = table.assign(**{name: table[name].astype("str") for name in text})
    if (table["class"] == BACKGROUND).any():
        msg = f"A label has the class {BACKGROUND!r}; what has no label is background. Leave these out."
        raise InputError(msg)
    return table


def _of(scene: Scene, labels: gpd.GeoDataFrame, rows: Mapping[Any, Any] | None) -> gpd.GeoDataFrame:
    """Labels of one scene: those of its id, or those that meet its ground."""
    if rows is not None:
        return labels.iloc[rows.get(scene.image_id, [])]
    ground = window_polygons(scene.transform, np.array([[0, 0, scene.width, scene.height]]), crs=scene.crs)
    near = gpd.GeoSeries(ground, crs="EPSG:4326").to_crs(labels.crs)
    return labels.iloc[np.sort(labels.sindex.query(near.iloc[0], predicate="intersects"))]


def _laid(scene: Scene, labels: gpd.GeoDataFrame, by_place: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shapes in pixels of one scene, and the labels set aside."""
    shapes = scene.to_pixels(labels.geometry)
    broken = ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken])
    left, top, right, bottom = shapely.bounds(shapes).T if len(shapes) else np.zeros((4, 0))
    flat = ~((right - left > _LEAST_PX) & (bottom - top > _LEAST_PX))
    inside = np.array(
        shapely.intersection(shapes, shapely.box(0, 0, scene.width, scene.height)), dtype=object
    )
    outside = ~flat & ~(shapely.area(inside) > 0)
    bad = [rejected_rows(labels.index[flat], "geometry", "the label has no area")]
    if not by_place:  # a label that only touches the ground of a picture is not drawn in it
        bad.append(rejected_rows(labels.index[outside], "geometry", "the label lies outside its picture"))
    good = ~flat & ~outside
    table = pd.DataFrame(
        {"class": labels["class"].to_numpy()[good], "shape": inside[good]}, labels.index[good]
    )
    return table, pd.concat(bad, ignore_index=True)


def _check_some(used: pd.Series, labels: gpd.GeoDataFrame, names: tuple[str, ...]) -> None:
    if used.isin(names).any():
        return
    crs = pyproj.CRS.from_user_input(labels.crs).name
    msg = (
        f"Not one of {len(labels)} labels (CRS {crs}) lies in these pictures, so all is background. Look at "
        "the labels' image_id, class and CRS."
    )
    raise InputError(msg)
