"""How much of a displaced point's probability falls into a polygon, exactly.

A point moved by a uniform angle and a uniform distance up to R has the density k(r) = 1/(2πrR) around
where it was: the mass within radius ρ is ρ/R, not (ρ/R)². By Green's theorem the mass of a polygon is a sum
over its edges, in closed form, so neither sampling nor a grid is needed.

The plane is the azimuthal-equidistant one around the point: distances and directions from the point, which
are all that the density knows, are exact there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

__all__ = ["EARTH_RADIUS_M", "edge_mass", "polygon_mass", "project", "rings_of"]

Floats = npt.NDArray[np.float64]
EARTH_RADIUS_M = 6_371_008.8


def edge_mass(start: Floats, end: Floats, *, radius: float | Floats) -> Floats:
    """Signed mass of the triangles between the origin and each edge.

    Parameters
    ----------
    start, end
        Ends of the edges in the plane, metres, shape (..., 2).
    radius
        Largest displacement R, metres; a number or one per edge.

    Returns
    -------
    numpy.ndarray
        Mass, shape (...); positive where the edge runs counter-clockwise around the origin. The sum over
        the edges of a polygon is its mass.
    """
    along = end - start
    length = np.hypot(along[..., 0], along[..., 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        h = (start[..., 0] * end[..., 1] - start[..., 1] * end[..., 0]) / length
        t1 = (start * along).sum(-1) / length
        t2 = t1 + length
        distance = np.abs(h)
        half = np.sqrt(np.maximum(np.square(radius) - h * h, 0.0))
        a, b = np.clip(t1, -half, half), np.clip(t2, -half, half)
        inner = distance * (np.arcsinh(b / distance) - np.arcsinh(a / distance))
        angle = np.arctan(t2 / distance) - np.arctan(t1 / distance)
        angle += np.arctan(a / distance) - np.arctan(b / distance)
        mass = np.sign(h) * (inner / radius + angle) / (2 * np.pi)
    # Edges through the origin (h = 0) and edges of no length sweep no area.
    return np.where(np.isfinite(mass), mass, 0.0)


def polygon_mass(polygon: shapely.Polygon | shapely.MultiPolygon, *, radius: float) -> float:
    """Mass of one polygon in the plane around the origin (metres), holes and parts included."""
    corners, starts, _ = rings_of(np.array([polygon], dtype=object))
    return float(edge_mass(corners[starts], corners[starts + 1], radius=radius).sum())


def rings_of(
    polygons: npt.NDArray[Any],
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Edges of polygons as flat arrays, shells counter-clockwise and holes clockwise.

    Returns
    -------
    corners
        Coordinates of all rings, shape (m, 2).
    starts
        Position in ``corners`` of the first end of each edge; its other end is the next corner.
    owner
        Polygon to which each edge belongs, ascending.
    """
    parts, part_owner = shapely.get_parts(shapely.orient_polygons(polygons), return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    corners, corner_ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.flatnonzero(np.diff(corner_ring) == 0)
    return corners, starts, part_owner[ring_part[corner_ring[starts]]]


def project(lonlat: Floats, origin: Floats) -> Floats:
    """Azimuthal-equidistant coordinates (metres east and north) around each origin.

    Parameters
    ----------
    lonlat, origin
        Degrees, shape (..., 2); broadcast against each other. The antimeridian needs no care.
    """
    longitude = np.radians(lonlat[..., 0] - origin[..., 0])
    latitude, centre = np.radians(lonlat[..., 1]), np.radians(origin[..., 1])
    sin_lat, cos_lat = np.sin(latitude), np.cos(latitude)
    sin_0, cos_0 = np.sin(centre), np.cos(centre)
    # 1 - cos of the difference in longitude, without cancellation for places metres apart.
    turn = 2 * np.square(np.sin(longitude / 2))
    east = cos_lat * np.sin(longitude)
    north = np.sin(latitude - centre) + sin_0 * cos_lat * turn
    sine = np.hypot(east, north)
    cosine = sin_0 * sin_lat + cos_0 * cos_lat * (1 - turn)
    angle = np.arctan2(sine, cosine)
    scale = np.divide(angle, sine, out=np.ones_like(sine), where=sine > 0)
    return EARTH_RADIUS_M * np.stack([east * scale, north * scale], axis=-1)
