"""Sectors: a view wedge cut into narrow slices, each with its share of what a model saw."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError
from geolivelihood.explanation.views.cameras import CREDITS, cameras
from geolivelihood.explanation.views.objects import photo_objects, placed_objects
from geolivelihood.explanation.views.wedges import check_range, wedge_polygons

if TYPE_CHECKING:
    from geolivelihood.explanation.attribution.result import Attribution

__all__ = ["column_shares", "view_sectors"]

Floats = npt.NDArray[np.float64]


class _Slices(NamedTuple):
    """Whole views and their sectors, one after another: camera of each, number (-1 = whole), and where."""

    camera: npt.NDArray[np.int64]
    sector: npt.NDArray[np.int64]
    bearing: Floats
    width: Floats
    left: Floats
    right: Floats


def view_sectors(
    images: gpd.GeoDataFrame,
    maps: Attribution | None = None,
    *,
    objects: pd.DataFrame | None = None,
    range_m: float = 50.0,
    sector_deg: float = 15.0,
    window: tuple[float, float] = (0.0, 1.0),
    declination: npt.ArrayLike | None = None,
    tracks: bool = False,
) -> gpd.GeoDataFrame:
    """Views cut into sectors that carry what a model saw in them.

    A sector's edges are columns of the picture, so that what the map holds between them, positive and
    negative apart, is the sector's: sums are conserved. Sectors finer than the field of view over the map's
    columns are interpolation. What hides behind what is not known: evidence in a sector lies somewhere in it.

    Parameters
    ----------
    images
        Checked images table (EPSG:4326), read as in :func:`view_wedges`. ``detections`` (class ids without
        boxes) are counted per photo.
    maps
        Explanation of each row of ``images``, in their order, as
        :func:`~geolivelihood.explanation.attribution.attribute` gives it; ``None`` leaves the shares NaN.
    objects
        Boxes: ``image_id``, ``class``, ``left``, ``right`` (pixels of the upright picture, whose ``width``
        ``images`` then has), counted in the sector of the box's middle column.
    range_m
        How far the camera sees, metres; at most 100.
    sector_deg
        Sectors are equal and at most so wide.
    window
        Part of the picture's width that the model's input covers, left and right edge as shares of the
        width: (0, 1) where pictures are resized whole, the cut where their middle is taken.
    declination, tracks
        As in :func:`headings`.

    Returns
    -------
    geopandas.GeoDataFrame
        Per photo its whole view, then its sectors from left to right, EPSG:4326: ``image_id``, ``cell``
        (where known), ``target``, ``sector`` (from 0; -1 = the whole view), ``bearing`` of its middle and
        ``width`` (degrees), ``score`` (net), ``positive``, ``negative``, ``share_positive`` = positive /
        (positive + abs(negative)), ``objects`` (JSON: class to count), ``heading``, ``fov``, ``range_m``,
        ``heading_source``, ``fov_source``, ``flag`` and the columns of :func:`view_wedges`. A photo without
        a heading has its disc alone, flagged ``no_heading``.

    Raises
    ------
    InputError
        If there is not a map for each image, or range, sectors or window make no sense.
    MissingColumnError
        If objects lack a column, or images the width that they need.
    """
    check_range(range_m)
    _check(maps, images, sector_deg, window)
    found = cameras(images, declination=declination, tracks=tracks)
    slices = _slices(found, sector_deg)
    owner = found.iloc[slices.camera]
    frame = pd.DataFrame({"image_id": owner["image_id"]})
    if "cell" in images:
        frame["cell"] = images["cell"].iloc[owner["row"]].to_numpy()
    frame["target"] = "" if maps is None else maps.target
    frame = frame.assign(sector=slices.sector, bearing=slices.bearing, width=slices.width)
    frame = frame.assign(**_evidence(maps, owner["row"].to_numpy(), slices, window))
    frame["objects"] = _objects(images, objects, found, slices)
    frame = frame.assign(heading=owner["heading"], fov=owner["fov"], range_m=range_m)
    frame = frame.assign(**{name: owner[name] for name in ("heading_source", "fov_source", "flag")})
    for name in CREDITS:
        if name in images:
            frame[name] = images[name].iloc[owner["row"]].to_numpy()
    polygons = wedge_polygons(
        owner["lon"], owner["lat"], heading=slices.bearing, fov=slices.width, range_m=range_m
    )
    return gpd.GeoDataFrame(frame, geometry=polygons, crs="EPSG:4326").reset_index(drop=True)


def column_shares(
    columns: npt.ArrayLike,
    row: npt.ArrayLike,
    left: npt.ArrayLike,
    right: npt.ArrayLike,
    *,
    start: float,
    jump: float,
    width: float,
) -> Floats:
    """What lies between two places across a map, its columns split by overlap.

    Column i of a map covers what is nearest to start + i·jump; the outer ones reach to the edges of the
    input.

    Parameters
    ----------
    columns
        Sums over the rows of each map (n, k).
    row, left, right
        Map, and pixels of the input, of each stretch (m,).
    start, jump
        Registration of the map: pixels of the input, from its edge.
    width
        Pixels across the input.

    Returns
    -------
    numpy.ndarray
        Shape (m,).
    """
    values = np.asarray(columns, dtype=float)
    k, row = values.shape[1], np.asarray(row)
    inner = start + jump * (np.arange(1, k) - 0.5)
    edges = np.concatenate([[0.0], np.clip(inner, 0.0, width), [width]])
    until = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)

    def up_to(place: npt.ArrayLike) -> Floats:
        u = np.clip(np.asarray(place, dtype=float), 0.0, width)
        cell = np.clip(np.searchsorted(edges, u, side="right") - 1, 0, k - 1)
        extent = np.where(edges[cell + 1] > edges[cell], edges[cell + 1] - edges[cell], 1.0)
        return until[row, cell] + values[row, cell] * (u - edges[cell]) / extent

    return up_to(right) - up_to(left)


def _check(
    maps: Attribution | None, images: gpd.GeoDataFrame, sector_deg: float, window: tuple[float, float]
) -> None:
    if maps is not None and (np.ndim(maps.maps) != 3 or len(maps.maps) != len(images)):
        msg = f"There are maps of shape {np.shape(maps.maps)} for {len(images)} images; give one (k, k) each."
        raise InputError(msg)
    if not 0 < sector_deg <= 360:
        msg = f"sector_deg is {sector_deg}; give degrees above 0 and at most 360."
        raise InputError(msg)
    if not 0 <= window[0] < window[1] <= 1:
        msg = f"window is {window}; give left and right edge as shares of the width, 0 <= left < right <= 1."
        raise InputError(msg)


def _slices(found: pd.DataFrame, sector_deg: float) -> _Slices:
    known = found["heading"].notna().to_numpy()
    fov, heading = found["fov"].to_numpy(), found["heading"].to_numpy()
    number = np.where(known, np.ceil(fov / sector_deg - 1e-9).astype(np.int64), 0)
    count = number + 1
    camera = np.repeat(np.arange(len(found)), count)
    sector = np.arange(len(camera)) - np.repeat(np.cumsum(count) - count, count) - 1
    whole, wide = sector < 0, fov[camera]
    step = np.where(whole, np.where(known, fov, 360.0)[camera], wide / np.maximum(number, 1)[camera])
    middle = np.where(whole, 0.0, (sector + 0.5) * step - wide / 2.0)
    bearing = np.mod(heading[camera] + middle, 360.0)
    linear = found["linear"].to_numpy()[camera]
    left = np.where(whole, 0.0, _across(sector * step - wide / 2.0, wide, linear))
    right = np.where(whole, 1.0, _across((sector + 1) * step - wide / 2.0, wide, linear))
    return _Slices(camera, sector, bearing, step, left, right)


def _across(angle: Floats, fov: Floats, linear: npt.NDArray[np.bool_]) -> Floats:
    """Where across the picture, 0 to 1, one looks at an angle from its middle."""
    lens = np.where(linear, 90.0, fov)  # any that has a tangent: linear ones do not use it
    bent = np.tan(np.radians(np.where(linear, 0.0, angle))) / (2.0 * np.tan(np.radians(lens / 2.0)))
    return np.clip(0.5 + np.where(linear, angle / fov, bent), 0.0, 1.0)


def _evidence(
    maps: Attribution | None, row: npt.NDArray, slices: _Slices, window: tuple[float, float]
) -> dict[str, Floats]:
    if maps is None:
        empty = np.full(len(row), np.nan)
        return dict.fromkeys(("score", "positive", "negative", "share_positive"), empty)
    values, wide = np.asarray(maps.maps, dtype=np.float64), float(maps.size[1])
    left, right = (
        (edge - window[0]) / (window[1] - window[0]) * wide for edge in (slices.left, slices.right)
    )
    positive, negative = (
        column_shares(part.sum(axis=1), row, left, right, start=maps.start, jump=maps.jump, width=wide)
        for part in (np.maximum(values, 0.0), np.minimum(values, 0.0))
    )
    total = positive + np.abs(negative)
    share = np.divide(positive, total, out=np.full(len(row), np.nan), where=total > 0)
    return {"score": positive + negative, "positive": positive, "negative": negative, "share_positive": share}


def _objects(
    images: gpd.GeoDataFrame, objects: pd.DataFrame | None, found: pd.DataFrame, slices: _Slices
) -> list[str]:
    """Classes and counts of each slice as JSON."""
    whole = np.flatnonzero(slices.sector < 0)
    slice_of, names = photo_objects(images, found)
    places = [whole[slice_of]]
    if objects is not None:
        boxes = placed_objects(images, objects, found)
        # In one ascending row: of each camera the whole view, then its sectors by their left edges.
        key = 2.0 * slices.camera + np.where(slices.sector < 0, -0.5, slices.left)
        at = np.searchsorted(key, 2.0 * boxes.camera + boxes.across, side="right") - 1
        inside = at[slices.sector[at] >= 0]
        names = np.concatenate([names, boxes.name, boxes.name[slices.sector[at] >= 0]])
        places += [whole[boxes.camera], inside]
    counted = pd.DataFrame({"slice": np.concatenate(places), "name": names}).value_counts(sort=False)
    texts = np.full(len(slices.sector), "{}", dtype=object)
    for at, part in counted.groupby(level=0):  # one JSON text per slice that has any
        texts[at] = json.dumps({str(name): int(n) for (_, name), n in part.items()})
    return texts.tolist()
