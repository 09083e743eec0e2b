"""Where a survey cluster may really be, given where it was published."""

from __future__ import annotations

from os import PathLike
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood.cells.borders import (
    Border,
    Kernel,
    admin_units,
    find_borders,
    inside_mass,
    kernel_mass,
    redraw_factor,
)
from geolivelihood.cells.disc import project
from geolivelihood.cells.index import Cells, disks, lonlat, lonlat_cells
from geolivelihood.cells.polygons import boundaries, cell_areas, cell_centres, flat_polygons
from geolivelihood.cells.population import cell_population
from geolivelihood.cells.tie import Tie
from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.progress import track

__all__ = ["displacement_weights"]

Floats = npt.NDArray[np.float64]

# Pairs of cluster and cell worked on at once: some 50 MB.
_PAIRS_AT_ONCE = 100_000
# The same where borders cut the discs, which takes longer: a few tenths of a second.
_BOUNDED_AT_ONCE = 10_000
# Mass below which a cell is out of reach (rounding of the edge sums).
_NOTHING = 1e-13


class _Pairs(NamedTuple):
    """Candidate cells of some clusters: flat arrays, sorted by cluster."""

    row: npt.NDArray[np.int64]
    cell: Cells
    mass: Floats
    corners: Floats
    offsets: npt.NDArray[np.int64]


def displacement_weights(
    clusters: gpd.GeoDataFrame,
    *,
    resolution: int,
    boundary: gpd.GeoDataFrame | None = None,
    population: str | PathLike[str] | pd.Series | None = None,
    urban_m: float = 2_000.0,
    rural_m: float = 5_000.0,
    rural_far_m: float = 10_000.0,
    rural_far_share: float = 0.01,
    redrawn: bool = True,
) -> Tie:
    """Probability that each cluster's true site lies in each cell.

    DHS publishes a point moved by a uniform angle and a uniform distance (urban 2 km; rural 5 km, 1 % of
    rural sites 10 km), so the density falls as 1/r around the published point [1]_. The mass of a cell is
    exact, a sum over its edges. A point that left its admin unit was drawn again; sites near a border are
    therefore likelier than their mass says, by 1/Z, where Z is the share of their disc inside the unit
    (taken at the cell's centroid, or at the border nearest to a centroid outside).

    Parameters
    ----------
    clusters
        Published points with ``cluster_id`` and a boolean ``urban`` column, any CRS.
    resolution
        H3 resolution of the cells. Cells much larger than the displacement hide it.
    boundary
        Polygons that displacement never crosses: the admin level stated in the survey's displacement note.
        ``None`` lets it. A cluster outside all polygons takes the nearest within 1 km, or none.
    population
        Prior: a raster of people per pixel, or a Series of people per cell; the weight of a cell grows with
        its people per area. ``None`` is a flat prior.
    urban_m, rural_m, rural_far_m
        Largest displacements, metres.
    rural_far_share
        Share of rural clusters displaced up to ``rural_far_m``.
    redrawn
        Whether points that left the unit were drawn again. ``False`` only cuts the density off.

    Returns
    -------
    Tie
        One row per cluster, one column per cell; rows sum to 1. Its ``notes`` have per cluster ``boundary``
        (``inside``, ``nearest``, ``outside`` or, without ``boundary``, ``none``) and ``flat_prior`` (True
        where nobody lives within reach, so that the prior was left out).

    Raises
    ------
    MissingColumnError
        If ``cluster_id`` or ``urban`` is missing.
    InputError
        If there are no clusters, ``urban`` has missing values, a point lies at (0, 0), or a distance is
        not positive.

    References
    ----------
    .. [1] Burgert et al. (2013), Geographic Displacement Procedure and Georeferenced Data Release Policy
       for the Demographic and Health Surveys. DHS Spatial Analysis Reports 7.
    """
    points, urban = _checked(clusters, (urban_m, rural_m, rural_far_m), rural_far_share)
    rural = ((1 - rural_far_share, rural_m), (rural_far_share, rural_far_m))
    kernels: list[tuple[npt.NDArray[np.int64], Kernel]] = [
        (np.flatnonzero(urban), ((1.0, urban_m),)),
        (np.flatnonzero(~urban), tuple(part for part in rural if part[0] > 0)),
    ]
    place = np.full(len(points), "none", dtype=object)
    units = None if boundary is None else admin_units(boundary)
    found: list[tuple[npt.NDArray[np.int64], Cells, Floats]] = []
    most = _PAIRS_AT_ONCE if units is None else _BOUNDED_AT_ONCE
    work = [
        (some, kernel)
        for rows, kernel in kernels
        for some in _batches(rows, points, resolution, kernel, most=most)
    ]
    for some, kernel in track(work, "spreading clusters"):
        pairs = _candidates(points, some, resolution, kernel)
        weight = pairs.mass
        if units is not None:
            farthest = max(radius for _, radius in kernel)
            border = find_borders(points[some], units, reach=_reach(kernel, pairs), nearest=farthest)
            place[some] = border.place
            weight = _bounded(pairs, some, points, border, kernel, redrawn)
        found.append((pairs.row, pairs.cell, weight))
    row, cell, weight = (np.concatenate(part) for part in zip(*found))
    weight, flat = _with_prior(row, weight, _density(cell, population), len(points))
    notes = pd.DataFrame({"boundary": place, "flat_prior": flat}, index=clusters["cluster_id"].to_numpy())
    kept = weight > 0
    return Tie.from_arrays(
        row[kept], cell[kept], weight[kept], row_ids=pd.Index(clusters["cluster_id"]), notes=notes
    )


def _checked(
    clusters: gpd.GeoDataFrame, distances: tuple[float, ...], share: float
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    missing = {"cluster_id", "urban"} - set(clusters.columns)
    if missing:
        msg = (
            f"The clusters lack {', '.join(sorted(missing))}: displacement needs the id and whether a "
            "cluster is urban (boolean). For points that were not displaced use cluster_cells()."
        )
        raise MissingColumnError(msg)
    if not len(clusters):
        msg = "There are no clusters; was everything rejected by check_clusters()?"
        raise InputError(msg)
    if clusters["urban"].isna().any():
        msg = (
            f"{clusters['urban'].isna().sum()} clusters do not say whether they are urban; fill or drop them."
        )
        raise InputError(msg)
    if min(distances) <= 0 or not 0 <= share <= 1:
        msg = f"Distances are positive metres and the far share is within 0-1; got {distances} and {share}."
        raise InputError(msg)
    points = lonlat(clusters)
    if (points == 0).all(axis=1).any():
        msg = "A cluster lies at (0, 0), which means a missing position; drop it (check_clusters() does)."
        raise InputError(msg)
    return points, clusters["urban"].to_numpy(dtype=bool)


def _rings_needed(cells: Cells, kernel: Kernel) -> npt.NDArray[np.int64]:
    """Rings around each point's cell that surely hold its disc.

    A ring adds at least 1.5 edges; .85 allows for neighbours that are smaller than the cell itself.
    """
    edge = np.sqrt(cell_areas(cells) / (1.5 * np.sqrt(3)))
    farthest = max(radius for _, radius in kernel)
    return np.ceil(farthest / (1.5 * 0.85 * edge)).astype(np.int64) + 1


def _batches(
    rows: npt.NDArray[np.int64], points: Floats, resolution: int, kernel: Kernel, *, most: int
) -> list[npt.NDArray[np.int64]]:
    """Clusters that need equally many rings, in batches of bounded size."""
    if not len(rows):
        return []
    rings = _rings_needed(lonlat_cells(points[rows, 0], points[rows, 1], resolution=resolution), kernel)
    batches = []
    for k in np.unique(rings):
        alike = rows[rings == k]
        size = max(1, most // (3 * k * (k + 1) + 1))
        batches += np.split(alike, range(size, len(alike), size))
    return batches


def _candidates(points: Floats, rows: npt.NDArray[np.int64], resolution: int, kernel: Kernel) -> _Pairs:
    """Cells within reach of each cluster with their corners in its plane and their mass."""
    centre = lonlat_cells(points[rows, 0], points[rows, 1], resolution=resolution)
    k = int(_rings_needed(centre, kernel).max())
    position, cell, _ = disks(centre, k=k)
    away = np.linalg.norm(project(cell_centres(cell), points[rows[position]]), axis=1)
    radius = 1.5 * np.sqrt(cell_areas(centre).max() / (1.5 * np.sqrt(3)))
    near = away <= max(r for _, r in kernel) + radius
    position, cell = position[near], cell[near]
    corners, offsets = boundaries(cell)
    corners = project(corners, np.repeat(points[rows[position]], np.diff(offsets), axis=0))
    edges = kernel_mass(corners[:-1], corners[1:], kernel)
    edges[offsets[1:-1] - 1] = 0.0  # from the end of one ring to the start of the next
    mass = np.add.reduceat(edges, offsets[:-1])
    mass[mass < _NOTHING] = 0.0
    return _Pairs(rows[position], cell, mass, corners, offsets)


def _reach(kernel: Kernel, pairs: _Pairs) -> float:
    """Metres around a point within which a border matters: discs around the sites within its disc."""
    return 2 * max(radius for _, radius in kernel) + 2 * float(np.sqrt(cell_areas(pairs.cell[:1])[0]))


def _bounded(
    pairs: _Pairs,
    rows: npt.NDArray[np.int64],
    points: Floats,
    border: Border,
    kernel: Kernel,
    redrawn: bool,
) -> Floats:
    """Mass inside the unit, over Z; clusters far from any border keep theirs."""
    windows = pd.Series(border.window, index=rows).reindex(pairs.row).to_numpy()
    check = np.flatnonzero((windows != np.array(None)) & (pairs.mass > 0))
    if not len(check):
        return pairs.mass
    shapely.prepare(border.window[border.window != np.array(None)])
    polygons = flat_polygons(pairs.corners, pairs.offsets)[check]
    weight = pairs.mass.copy()
    weight[check] = inside_mass(polygons, windows[check], pairs.mass[check], kernel)
    weight[weight < _NOTHING] = 0.0
    if redrawn:
        inside = np.flatnonzero(weight[check] > 0)
        centres = shapely.get_coordinates(shapely.centroid(polygons[inside]))
        owner = pairs.row[check[inside]]
        for group in np.split(np.arange(len(inside)), np.flatnonzero(np.diff(owner)) + 1):
            if len(group):  # one step per cluster, for each has a border of its own
                at = check[inside[group]]
                weight[at] /= redraw_factor(centres[group], windows[at[0]], kernel)
    return weight


def _density(cells: Cells, population: str | PathLike[str] | pd.Series | None) -> Floats | None:
    """People per square metre of each cell."""
    if population is None:
        return None
    unique, position = np.unique(cells, return_inverse=True)
    if isinstance(population, pd.Series):
        people = population.reindex(unique).to_numpy(dtype=float)
    else:
        people = cell_population(unique, population).to_numpy()
    return (np.nan_to_num(people) / cell_areas(unique))[position]


def _with_prior(
    row: npt.NDArray[np.int64], mass: Floats, density: Floats | None, n: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Weights that sum to 1 per row, and which rows had to do without the prior."""
    weight = mass if density is None else mass * density
    total = np.bincount(row, weights=weight, minlength=n)
    flat = ~(total > 0)
    weight = np.where(flat[row], mass, weight)
    total = np.bincount(row, weights=weight, minlength=n)
    return weight / total[row], flat
