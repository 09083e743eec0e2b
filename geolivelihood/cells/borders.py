"""Admin borders that displacement never crosses: which one holds for a cluster, and what it cuts off.

A displaced point that fell outside its admin unit A was drawn again, so the published point of a site x near
the border has the density k(|u − x|)/Z(x) with Z(x) the share of x's disc inside A. Both the mass of a cell
inside A and Z are edge sums (:mod:`~geolivelihood.cells.disc`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from geolivelihood.cells.disc import EARTH_RADIUS_M, edge_mass, project, rings_of
from geolivelihood.cells.index import to_wgs84
from geolivelihood.cells.polygons import cut_polygons, polygonal, valid_polygons
from geolivelihood.errors import InputError

__all__ = ["Border", "Kernel", "admin_units", "find_borders", "inside_mass", "kernel_mass", "redraw_factor"]

Floats = npt.NDArray[np.float64]

# Shares of the sites with their largest displacement in metres.
Kernel = Sequence[tuple[float, float]]

# A published point outside every unit belongs to the nearest one up to this far (coasts are drawn coarsely).
_NEAREST_M = 1_000.0


class Border(NamedTuple):
    """The borders near a set of points.

    ``place`` says for each point ``inside``, ``nearest`` (within 1 km of a unit) or ``outside`` (no unit,
    no truncation). ``window`` holds, in the plane around the point (metres), the part of its unit within
    reach; ``None`` where no border is near.
    """

    place: npt.NDArray[np.object_]
    window: npt.NDArray[np.object_]


def kernel_mass(start: Floats, end: Floats, kernel: Kernel) -> Floats:
    """Signed edge mass of a mixture of discs."""
    return sum((share * edge_mass(start, end, radius=radius) for share, radius in kernel), np.zeros(1))


def admin_units(boundary: gpd.GeoDataFrame) -> npt.NDArray[Any]:
    """Valid, prepared polygons in degrees within ±180, from polygons in any CRS.

    Raises
    ------
    MissingCRSError
        If ``boundary`` has no CRS.
    InputError
        If there are no polygons in it, or something else.
    """
    geometry = to_wgs84(boundary)
    polygons = geometry[~(geometry.isna() | geometry.is_empty)].to_numpy()
    if not len(polygons) or not (shapely.get_dimensions(polygons) == 2).all():
        msg = "The boundary must be polygons (the admin units that displacement never crosses)."
        raise InputError(msg)
    units = cut_polygons(valid_polygons(polygons))
    shapely.prepare(units)
    return units


def find_borders(
    points: Floats, units: npt.NDArray[Any], *, reach: float, nearest: float = _NEAREST_M
) -> Border:
    """Find the unit of each point and the part of it within ``reach`` metres.

    Parameters
    ----------
    points
        Longitude and latitude, degrees, shape (n, 2).
    units
        Polygons from :func:`admin_units`.
    reach
        Half the side of the window that matters, metres.
    nearest
        Metres up to which a point outside every unit belongs to the nearest one.
    """
    unit, place = _unit_of(points, units, min(nearest, _NEAREST_M))
    window = np.full(len(points), None, dtype=object)
    rows = np.flatnonzero(unit >= 0)
    frames = cut_polygons(_frames(points[rows], reach))
    near = ~shapely.covers(units[unit[rows]], frames)
    rows, frames = rows[near], frames[near]
    parts = polygonal(shapely.intersection(units[unit[rows]], frames))
    for row, part in zip(rows, parts):  # each window has a plane of its own
        window[row] = shapely.transform(part, lambda xy, origin=points[row]: project(xy, origin))
    return Border(place, window)


def inside_mass(cells: npt.NDArray[Any], window: npt.NDArray[Any], whole: Floats, kernel: Kernel) -> Floats:
    """Mass of each cell within its border.

    Parameters
    ----------
    cells
        Cell polygons in the plane around their point, shape (n,).
    window
        The unit of each in the same plane, shape (n,).
    whole
        Mass of each whole cell, shape (n,).
    """
    mass = np.where(shapely.covers(window, cells), whole, 0.0)
    cut = np.flatnonzero((mass == 0) & shapely.intersects(window, cells))
    pieces = polygonal(shapely.intersection(cells[cut], window[cut]))
    corners, starts, owner = rings_of(pieces)
    edges = kernel_mass(corners[starts], corners[starts + 1], kernel)
    mass[cut] = np.maximum(np.bincount(owner, weights=edges, minlength=len(cut)), 0.0)
    return mass


def redraw_factor(centres: Floats, window: Any, kernel: Kernel) -> Floats:
    """Z: share of the disc around each site that lies within the unit.

    Parameters
    ----------
    centres
        Sites in the plane, metres, shape (n, 2); one outside the unit is moved to its border.
    window
        The unit in that plane.
    """
    points = shapely.points(centres)
    sites = shapely.get_point(shapely.shortest_line(window, points), 0)
    border = shapely.boundary(window)
    factor = np.ones(len(centres))
    near = np.flatnonzero(shapely.distance(border, sites) < max(radius for _, radius in kernel))
    corners, starts, _ = rings_of(np.array([window], dtype=object))
    at = shapely.get_coordinates(sites[near])[:, None, :]
    factor[near] = kernel_mass(corners[starts] - at, corners[starts + 1] - at, kernel).sum(axis=1)
    return factor


def _unit_of(
    points: Floats, units: npt.NDArray[Any], limit: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Position of each point's unit (-1: none) and how it was found."""
    tree = shapely.STRtree(units)
    unit = np.full(len(points), -1)
    place = np.full(len(points), "outside", dtype=object)
    row, found = tree.query(shapely.points(points), predicate="intersects")
    unit[row[::-1]] = found[::-1]  # the first of several units that overlap
    place[row] = "inside"
    lost = np.flatnonzero(unit < 0)
    frames = cut_polygons(_frames(points[lost], limit))
    row, found = tree.query(frames, predicate="intersects")
    best = np.full(len(lost), limit)
    for i, candidate in zip(row, found):  # the few points off the coast
        origin = points[lost[i]]
        near = shapely.intersection(units[candidate], frames[i])
        distance = shapely.distance(
            shapely.transform(near, lambda xy, origin=origin: project(xy, origin)), shapely.Point(0, 0)
        )
        if distance < best[i]:
            best[i], unit[lost[i]], place[lost[i]] = distance, candidate, "nearest"
    return unit, place


def _frames(points: Floats, reach: float) -> npt.NDArray[Any]:
    """Boxes in degrees that hold everything within ``reach`` metres of each point."""
    step = np.degrees(reach / EARTH_RADIUS_M) * 1.01
    south, north = points[:, 1] - step, points[:, 1] + step
    narrow = np.cos(np.radians(np.minimum(np.maximum(np.abs(south), np.abs(north)), 89.9)))
    wide = np.minimum(step / narrow, 180.0)
    return shapely.box(
        points[:, 0] - wide, np.maximum(south, -90), points[:, 0] + wide, np.minimum(north, 90)
    )
