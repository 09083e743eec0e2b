"""The lie of the land: outline, districts, towns, roads, people and wealth, all from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import cKDTree

__all__ = ["CRS", "STEP_M", "Landscape", "landscape"]

CRS = "EPSG:32741"
STEP_M = 500.0

_WEST, _NORTH = 346_000.0, 9_047_000.0
_COLUMNS, _ROWS = 176, 168
_TOWNS = 15
_URBAN_KM2 = 850
_DISTRICTS = 10
_NAMES = (
    "Avenor",
    "Belisse",
    "Corvane",
    "Dalmere",
    "Estoval",
    "Fenwara",
    "Galune",
    "Harrowe",
    "Isambel",
    "Jorunda",
)


@dataclass(frozen=True)
class Landscape:
    """The invented country on one grid of 500 m pixels.

    Attributes
    ----------
    west, north
        Outer corner of the grid, metres in :data:`CRS`.
    land
        Pixels whose centre is on land, (rows, columns) bool; ``water`` marks the lake in it.
    height
        Metres above the sea.
    moisture
        Greenness of the vegetation, 0-1, unrelated to wealth.
    wealth
        The latent indicator, mean 0 and standard deviation 1 over people.
    population
        People per pixel.
    urban
        Pixels that the statistics office calls urban.
    district
        Row of ``districts`` per pixel, -1 at sea.
    outline
        The coast, in :data:`CRS`.
    districts
        Polygons with ``region_id`` and ``name``, in :data:`CRS`.
    towns
        Points with ``people`` and ``radius_m``, in :data:`CRS`, the largest first.
    roads
        Lines between towns, in :data:`CRS`.
    """

    west: float
    north: float
    land: NDArray[np.bool_]
    water: NDArray[np.bool_]
    height: NDArray[np.float64]
    moisture: NDArray[np.float64]
    wealth: NDArray[np.float64]
    population: NDArray[np.float64]
    urban: NDArray[np.bool_]
    district: NDArray[np.int64]
    outline: shapely.Polygon
    districts: gpd.GeoDataFrame
    towns: gpd.GeoDataFrame
    roads: gpd.GeoSeries

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixel centres (easting, northing), each (rows, columns), metres."""
        return _centres()

    def at(
        self, field: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Values of a grid field at points, bilinear; ``x``, ``y`` in metres of :data:`CRS`."""
        column = (np.asarray(x) - self.west) / STEP_M - 0.5
        row = (self.north - np.asarray(y)) / STEP_M - 0.5
        return map_coordinates(field, [row, column], order=1, mode="nearest")

    def pixel(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the pixel that holds each point."""
        column = ((np.asarray(x) - self.west) // STEP_M).astype(np.int64)
        row = ((self.north - np.asarray(y)) // STEP_M).astype(np.int64)
        return row.clip(0, _ROWS - 1), column.clip(0, _COLUMNS - 1)


@lru_cache(maxsize=4)
def landscape(seed: int = 0) -> Landscape:
    """Invent a country; the same seed gives the same one.

    Parameters
    ----------
    seed
        Any non-negative integer.
    """
    rng = np.random.default_rng([seed, 1])
    outline = _outline(rng)
    x, y = _centres()
    land = shapely.contains_xy(outline, x, y)
    inland = distance_transform_edt(land) * STEP_M
    height = _height(rng, inland)
    water = land & (_lake(rng, inland))
    towns = _towns(rng, land & ~water, inland, height)
    roads = _roads(rng, towns, outline)
    districts = _district_polygons(rng, towns, outline)
    district = _district_grid(districts, land)
    population = _population(rng, towns, roads, land & ~water, height)
    wealth = _wealth(rng, towns, population)
    moisture = _unit(_smooth(rng, 6_000))
    # Cached and shared: nobody may write into it.
    for field in (land, water, height, moisture, wealth, population, district):
        field.setflags(write=False)
    return Landscape(
        west=_WEST,
        north=_NORTH,
        land=land,
        water=water,
        height=height,
        moisture=moisture,
        wealth=wealth,
        population=population,
        urban=population > _URBAN_KM2 * (STEP_M / 1000) ** 2,
        district=district,
        outline=outline,
        districts=districts,
        towns=towns,
        roads=roads,
    )


def _centres() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = _WEST + (np.arange(_COLUMNS) + 0.5) * STEP_M
    y = _NORTH - (np.arange(_ROWS) + 0.5) * STEP_M
    east, north = np.meshgrid(x, y)
    return east, north


def _smooth(rng: np.random.Generator, length_m: float) -> NDArray[np.float64]:
    """Stationary Gaussian field, mean 0, sd 1, correlation exp(−d²/4·length²)."""
    pad = int(3 * length_m / STEP_M)
    noise = rng.standard_normal((_ROWS + 2 * pad, _COLUMNS + 2 * pad))
    field = gaussian_filter(noise, length_m / STEP_M, mode="wrap")[pad : pad + _ROWS, pad : pad + _COLUMNS]
    return (field - field.mean()) / field.std()


def _unit(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squeeze a standard field into 0-1."""
    return 1 / (1 + np.exp(-1.7 * field))


def _outline(rng: np.random.Generator) -> shapely.Polygon:
    """Coast: a radius that wanders, roughest where the waves are short."""
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    order = np.arange(2, 60)
    size = 0.3 * order**-1.2 * rng.uniform(0.4, 1.2, len(order))
    phase = rng.uniform(0, 2 * np.pi, len(order))
    waves = (size[:, None] * np.cos(order[:, None] * angle + phase[:, None])).sum(axis=0)
    radius = 33_500 * np.exp(0.24 * np.tanh(waves / 0.24))
    middle = (_WEST + _COLUMNS * STEP_M / 2, _NORTH - _ROWS * STEP_M / 2)
    ring = np.column_stack(
        [middle[0] + 1.03 * radius * np.cos(angle), middle[1] + 0.95 * radius * np.sin(angle)]
    )
    return shapely.Polygon(np.round(ring))


def _height(rng: np.random.Generator, inland: NDArray[np.float64]) -> NDArray[np.float64]:
    ridge = np.sqrt(_smooth(rng, 9_000) ** 2 + 0.01)  # rounded: a crease would show as a saw
    rough = _smooth(rng, 2_500)
    rise = 1 - np.exp(-inland / 9_000)
    return np.where(inland > 0, rise * np.clip(950 * np.exp(-2.2 * ridge) + 110 * rough + 90, 2, None), 0.0)


def _lake(rng: np.random.Generator, inland: NDArray[np.float64]) -> NDArray[np.bool_]:
    """One lake well inland."""
    x, y = _centres()
    candidates = np.flatnonzero(inland.ravel() > 0.55 * inland.max())
    k = candidates[rng.integers(len(candidates))]
    dx, dy = x - x.flat[k], y - y.flat[k]
    turn = rng.uniform(0, np.pi)
    u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    return np.hypot(u / 4_200, v / 2_100) + 0.12 * _smooth(rng, 1_200) < 1


def _towns(
    rng: np.random.Generator,
    habitable: NDArray[np.bool_],
    inland: NDArray[np.float64],
    height: NDArray[np.float64],
) -> gpd.GeoDataFrame:
    """Sites at least 8 km apart, low and often by the sea; people by rank and size."""
    x, y = _centres()
    appeal = np.where(
        habitable & (inland > 1_500), np.exp(-height / 250) * (0.4 + np.exp(-inland / 5_000)), 0
    )
    sites = np.empty((0, 2))
    # A loop over a dozen towns: each choice depends on those before.
    while len(sites) < _TOWNS and appeal.sum() > 0:
        k = rng.choice(appeal.size, p=appeal.ravel() / appeal.sum())
        site = np.array([x.flat[k], y.flat[k]]) + rng.uniform(-200, 200, 2)
        sites = np.vstack([sites, site])
        appeal[np.hypot(x - site[0], y - site[1]) < 8_000] = 0
    people = 260_000 / np.arange(1, len(sites) + 1) ** 0.95 * rng.lognormal(0, 0.12, len(sites))
    return gpd.GeoDataFrame(
        {
            "people": people,
            "radius_m": 1_700 * (people / 100_000) ** 0.4,
            "standing": rng.normal(0, 0.6, len(sites)),
        },
        geometry=gpd.points_from_xy(*sites.T),
        crs=CRS,
    )


def _roads(rng: np.random.Generator, towns: gpd.GeoDataFrame, outline: shapely.Polygon) -> gpd.GeoSeries:
    """Minimum spanning tree between towns and a few shortcuts, gently curved, on land."""
    sites = shapely.get_coordinates(towns.geometry)
    gap = np.hypot(*(sites[:, None] - sites[None]).transpose(2, 0, 1))
    tree = minimum_spanning_tree(gap).toarray() > 0
    near = np.zeros_like(tree)
    np.put_along_axis(near, np.argsort(gap, axis=1)[:, 1:3], True, axis=1)
    a, b = np.nonzero(np.triu(tree | tree.T | near | near.T))
    along = np.linspace(0, 1, 33)
    bend = rng.normal(0, 0.07, (3, len(a))) * gap[a, b]
    side = np.column_stack([-(sites[b] - sites[a])[:, 1], (sites[b] - sites[a])[:, 0]]) / gap[a, b][:, None]
    shift = sum(bend[k][:, None] * np.sin((k + 1) * np.pi * along) for k in range(3))
    path = (
        sites[a][:, None] + (sites[b] - sites[a])[:, None] * along[:, None] + shift[..., None] * side[:, None]
    )
    lines = gpd.GeoSeries(list(shapely.linestrings(path)), crs=CRS)
    dry = lines.intersection(outline.buffer(-400))
    return dry[~dry.is_empty].explode(ignore_index=True)


def _district_polygons(
    rng: np.random.Generator, towns: gpd.GeoDataFrame, outline: shapely.Polygon
) -> gpd.GeoDataFrame:
    """Voronoi cells around the larger towns, clipped to the coast.

    Each is put together from many small Voronoi cells, so that borders wander as rivers and fields do.
    """
    n = min(_DISTRICTS, len(towns))
    seats = shapely.get_coordinates(towns.geometry.iloc[:n]) + rng.normal(0, 2_000, (n, 2))
    west, south, east, north = outline.bounds
    crumbs = rng.uniform((west - 4_000, south - 4_000), (east + 4_000, north + 4_000), (1_400, 2))
    voronoi = shapely.voronoi_polygons(shapely.multipoints(crumbs), extend_to=outline.buffer(9_000))
    cells = shapely.get_parts(voronoi)
    owner = cKDTree(seats).query(shapely.get_coordinates(shapely.centroid(cells)))[1]
    whole = [shapely.intersection(shapely.union_all(cells[owner == k]), outline) for k in range(n)]
    names = np.array(_NAMES)[rng.permutation(n)]
    frame = {"region_id": [f"D{k + 1:02d}" for k in range(n)], "name": names}
    return gpd.GeoDataFrame(frame, geometry=whole, crs=CRS)


def _district_grid(districts: gpd.GeoDataFrame, land: NDArray[np.bool_]) -> NDArray[np.int64]:
    x, y = _centres()
    inside = np.stack([shapely.contains_xy(polygon, x, y) for polygon in districts.geometry])
    return np.where(land & inside.any(axis=0), inside.argmax(axis=0), -1)


def _population(
    rng: np.random.Generator,
    towns: gpd.GeoDataFrame,
    roads: gpd.GeoSeries,
    habitable: NDArray[np.bool_],
    height: NDArray[np.float64],
) -> NDArray[np.float64]:
    """People per pixel: thin in the hills, thicker along roads, dense in towns."""
    x, y = _centres()
    to_road = cKDTree(shapely.get_coordinates(shapely.segmentize(roads.to_numpy(), 250.0)))
    gap = to_road.query(np.column_stack([x.ravel(), y.ravel()]))[0].reshape(x.shape)
    rural = 55 * np.exp(0.5 * _smooth(rng, 2_000) - height / 260) * (0.35 + 1.6 * np.exp(-gap / 1_800))
    sites = shapely.get_coordinates(towns.geometry)
    radius = towns["radius_m"].to_numpy()[:, None, None]
    away = np.hypot(x - sites[:, :1, None], y - sites[:, 1:, None])
    crowd = towns["people"].to_numpy()[:, None, None] / (2 * np.pi * radius**2) * np.exp(-away / radius)
    town = crowd.sum(axis=0) * STEP_M**2 * np.exp(0.35 * _smooth(rng, 900))
    people = (rural * (STEP_M / 1000) ** 2 + np.where(town > 8, town, 0)) * habitable
    return np.where(people < 0.5, 0, people)


def _wealth(
    rng: np.random.Generator, towns: gpd.GeoDataFrame, population: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A broad gradient, the standing of each town, and neighbourhoods of 2-4 km."""
    x, y = _centres()
    sites = shapely.get_coordinates(towns.geometry)
    away = np.hypot(x - sites[:, :1, None], y - sites[:, 1:, None])
    pull = np.exp(-0.5 * (away / (1.6 * towns["radius_m"].to_numpy()[:, None, None])) ** 2)
    standing = ((0.55 + towns["standing"].to_numpy()[:, None, None]) * pull).sum(axis=0)
    raw = 0.35 * _smooth(rng, 12_000) + standing + 0.85 * _smooth(rng, 1_700)
    weight = np.maximum(population, 1e-9)
    mean = np.average(raw, weights=weight)
    spread = np.sqrt(np.average((raw - mean) ** 2, weights=weight))
    return (raw - mean) / spread
