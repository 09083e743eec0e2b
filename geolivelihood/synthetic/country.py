"""A folder with a whole invented country in it: survey, photos, tiles, districts, people, project."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from h3ronpy.vector import coordinates_to_cells
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from geolivelihood.errors import InputError
from geolivelihood.files import atomic
from geolivelihood.progress import stage
from geolivelihood.synthetic.landscape import CRS, STEP_M, Landscape, landscape
from geolivelihood.synthetic.photos import write_photos
from geolivelihood.synthetic.survey import COUNTRY, write_survey
from geolivelihood.synthetic.tiles import write_tiles

__all__ = ["Country", "make_country"]

_MARKER = "country.json"
_FORMAT = 1
_RESOLUTION = 7
_FINEST = 8


@dataclass(frozen=True)
class Country:
    """Paths of an invented country, and what is true in it.

    Attributes
    ----------
    folder
        Where everything lies.
    seed
        What it was made from.
    project
        ``project.yaml``, ready for ``geolivelihood run``.
    photos
        Table of street photos; their paths are relative to ``folder``.
    tiles
        Overhead GeoTIFFs.
    gps, recode
        The survey in the DHS layout: shapefile of displaced points, Stata household recode.
    clusters
        The same survey as a table of cluster means.
    regions
        Districts, GeoJSON with ``region_id`` and ``name``.
    population
        People per pixel, GeoTIFF.
    true_sites
        Where the clusters really are, with their true wealth: for evaluation, the project does not read it.
    """

    folder: Path
    seed: int
    project: Path
    photos: Path
    tiles: tuple[Path, ...]
    gps: Path
    recode: Path
    clusters: Path
    regions: Path
    population: Path
    true_sites: Path

    def truth(self, cells: ArrayLike) -> pd.DataFrame:
        """What is true in H3 cells.

        Parameters
        ----------
        cells
            Cells of one resolution, 8 or coarser, as unsigned 64-bit integers.

        Returns
        -------
        DataFrame
            Index ``cell`` in the order given: ``wealth`` (mean over people, over land where nobody lives, NaN
            off the land) and ``population`` (people).

        Raises
        ------
        InputError
            If the cells are finer than the 500 m on which the country is known, or of several resolutions.
        """
        return _truth(landscape(self.seed), np.asarray(cells, dtype=np.uint64))


def make_country(
    folder: str | os.PathLike[str], *, n_clusters: int = 260, photos_per_cluster: int = 3, seed: int = 0
) -> Country:
    """Invent a country and write everything that a project needs: about 2 MB, in seconds.

    Wealth varies over 2-4 km, within and between towns: what neighbours do not tell but pictures do. The
    same arguments give the same bytes. The folder appears whole or not at all; a second call finds it.

    Parameters
    ----------
    folder
        A new or empty folder, or one that this function made with the same arguments.
    n_clusters
        Survey clusters, 10 to 5000. Two of them lose their position, as happens in real surveys.
    photos_per_cluster
        Photos on each walk, on average, 1 to 50; walks start near four in five of the clusters, and
        elsewhere among the people.
    seed
        Any non-negative integer.

    Returns
    -------
    Country
        Paths, and :meth:`Country.truth`.

    Raises
    ------
    InputError
        If the folder holds anything else, or an option is out of its range.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> country = make_country("demo")  # doctest: +SKIP
    >>> country.project.name  # doctest: +SKIP
    'project.yaml'
    """
    target = Path(folder).resolve()
    made_of = {
        "format": _FORMAT,
        "n_clusters": _whole("n_clusters", n_clusters, 10, 5_000),
        "photos_per_cluster": _whole("photos_per_cluster", photos_per_cluster, 1, 50),
        "seed": _whole("seed", seed, 0, 2**63 - 1),
    }
    if not _is_made(target, made_of):
        stage("inventing a country")
        with atomic(target) as part:
            _write(part, made_of)
    return _country(target, seed)


def _whole(name: str, value: int, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        msg = f"{name} is {value!r}; give a whole number from {low} to {high}."
        raise InputError(msg)
    return int(value)


def _is_made(folder: Path, made_of: dict[str, int]) -> bool:
    """Whether the folder is ours and complete; an error if it is something else."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        msg = f"{folder} is a file; give a folder."
        raise InputError(msg)
    if not any(folder.iterdir()):
        return False
    try:
        found = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
        files = found.pop("files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{folder} is not empty and was not made by make_country; give a new or an empty folder."
        raise InputError(msg) from error
    if found != made_of:
        msg = f"{folder} holds a country made with {found}, not {made_of}; give another folder."
        raise InputError(msg)
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        msg = f"{folder} lacks {missing[0]} and {len(missing) - 1} more files; remove it and make it again."
        raise InputError(msg)
    return True


def _write(folder: Path, made_of: dict[str, int]) -> None:
    seed = made_of["seed"]
    for name in ("survey", "photos", "tiles", "truth"):
        (folder / name).mkdir(parents=True)
    land = landscape(seed)
    sites = write_survey(folder, land, n_clusters=made_of["n_clusters"], rng=np.random.default_rng([seed, 2]))
    write_tiles(folder / "tiles", land, seed=seed)
    write_photos(folder, land, sites, photos=made_of["photos_per_cluster"], seed=seed)
    _write_districts(folder / "districts.geojson", land)
    _write_population(folder / "population.tif", land)
    _write_truth(folder / "truth", land, sites)
    (folder / "project.yaml").write_text(_PROJECT.format(seed=seed, country=COUNTRY), encoding="utf-8")
    (folder / "README.txt").write_text(_README.format(**made_of), encoding="utf-8")
    files = sorted(str(path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file())
    text = json.dumps({**made_of, "files": files}, indent=1)
    (folder / _MARKER).write_text(text + "\n", encoding="utf-8")


def _country(folder: Path, seed: int) -> Country:
    return Country(
        folder=folder,
        seed=seed,
        project=folder / "project.yaml",
        photos=folder / "photos.csv",
        tiles=tuple(sorted((folder / "tiles").glob("*.tif"))),
        gps=folder / "survey" / f"{COUNTRY}GE71FL.shp",
        recode=folder / "survey" / f"{COUNTRY}HR71FL.DTA",
        clusters=folder / "clusters.csv",
        regions=folder / "districts.geojson",
        population=folder / "population.tif",
        true_sites=folder / "truth" / "sites.csv",
    )


def _write_districts(path: Path, land: Landscape) -> None:
    frame = land.districts.to_crs(4326)
    frame.to_file(path, driver="GeoJSON", engine="pyogrio", RFC7946="YES", COORDINATE_PRECISION=6)


def _write_population(path: Path, land: Landscape) -> None:
    rows, columns = land.population.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype="float32",
        crs=CRS,
        transform=Affine(STEP_M, 0, land.west, 0, -STEP_M, land.north),
        compress="deflate",
        predictor=3,
    ) as target:
        target.write(land.population.astype(np.float32), 1)
        target.set_band_description(1, "people per pixel")


def _write_truth(folder: Path, land: Landscape, sites: gpd.GeoDataFrame) -> None:
    _, _, cell = _samples(land, _RESOLUTION)
    cells = _truth(land, np.unique(cell)).round(5)
    cells.insert(0, "cell", [f"{one:x}" for one in cells.index.to_numpy()])
    cells.to_csv(folder / "cells.csv", index=False, lineterminator="\n")
    table = pd.DataFrame(
        {
            "DHSCLUST": sites["cluster"],
            "lon": sites.geometry.x.round(6),
            "lat": sites.geometry.y.round(6),
            "urban": sites["urban"],
            "wealth": sites["wealth"].round(5),
            "population_km2": sites["population"].round(2),
        }
    )
    table.to_csv(folder / "sites.csv", index=False, lineterminator="\n")


def _samples(
    land: Landscape, resolution: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint64]]:
    """Wealth, people and cell of a point every 250 m on land."""
    quarter = STEP_M / 4
    x, y = (np.repeat(np.repeat(axis, 2, 0), 2, 1) for axis in land.centres())
    x = x + np.where(np.arange(x.shape[1]) % 2, quarter, -quarter)
    y = y + np.where(np.arange(y.shape[0]) % 2, -quarter, quarter)[:, None]
    inside = shapely.contains_xy(land.outline, x, y)
    x, y = x[inside], y[inside]
    row, column = land.pixel(x, y)
    lon, lat = Transformer.from_crs(CRS, 4326, always_xy=True).transform(x, y)
    cell = np.asarray(coordinates_to_cells(lat, lon, resolution)).astype(np.uint64)
    # A coastal pixel's people live on the part of it that is land.
    dry = np.bincount(row * land.land.shape[1] + column, minlength=land.land.size)
    people = land.population[row, column] / np.maximum(dry[row * land.land.shape[1] + column], 1)
    return land.at(land.wealth, x, y), people, cell


def _truth(land: Landscape, cells: NDArray[np.uint64]) -> pd.DataFrame:
    resolution = _resolution(cells)
    wealth, people, cell = _samples(land, resolution)
    frame = pd.DataFrame({"cell": cell, "wealth": wealth, "population": people, "product": wealth * people})
    by = frame.groupby("cell")
    total = by[["population", "product"]].sum()
    mean = (total["product"] / total["population"]).where(total["population"] > 0, by["wealth"].mean())
    known = pd.DataFrame({"wealth": mean, "population": total["population"]})
    found = known.reindex(pd.Index(cells, name="cell"))
    found["population"] = found["population"].fillna(0.0)
    return found


def _resolution(cells: NDArray[np.uint64]) -> int:
    if not len(cells):
        return _RESOLUTION
    resolution = (cells >> np.uint64(52)) & np.uint64(15)
    if not h3.is_valid_cell(h3.int_to_str(int(cells[0]))) or (resolution != resolution[0]).any():
        msg = "cells must be H3 cells of one resolution, as unsigned 64-bit integers."
        raise InputError(msg)
    if resolution[0] > _FINEST:
        finest = f"the truth is known every 500 m, so give {_FINEST} or coarser"
        msg = f"cells have resolution {resolution[0]}; {finest}."
        raise InputError(msg)
    return int(resolution[0])


_PROJECT = """\
# An invented country: see README.txt. Run it with: geolivelihood run project.yaml
name: synthetic
seed: {seed}
out: out
clusters:
  dhs:
    gps: survey/{country}GE71FL.shp
    recode: survey/{country}HR71FL.DTA
    recode_type: HR
    indicators: {{wealth: hv271}}
    stratum: hv022
displacement: {{urban_m: 2000, rural_m: 5000, boundary: districts.geojson}}
images:
  - {{name: photos, table: photos.csv, crs: EPSG:4326, kind: street, encoder: {{name: rcf}}}}
  - {{name: tiles, chips: {{raster: tiles/*.tif, size_m: 2000, grid: 1}}, encoder: {{name: rcf}}}}
  - {{name: objects, detections_of: photos}}
cells: {{resolution: 7, extent: regions}}
regions: {{path: districts.geojson, name: name, population: population.tif}}
models:
  - mean
  - knn
  - idw
  - gp
  - ridge
  - {{name: boosting, options: {{max_iter: 100}}}}
  - {{name: graph, sources: [photos, objects], options: {{max_photos: 40}}}}
  - cell
map_model: cell
validation: {{folds: 5, block_resolution: 5, buffer_m: 0, splits: [random, blocked, region]}}
uncertainty: {{coverage: 0.9, draws: 20}}
applicability: true
small_areas: {{fay_herriot: true}}
licence: CC0
output:
  title: Household wealth on an invented island
  labels: {{wealth: "Wealth index (standard deviations)"}}
  formats: [gpkg, geojson, geoparquet]
"""

_README = """\
Everything in this folder is invented: the island, its districts, its people, the survey and the pictures.
Nothing describes a real place or a real person. geolivelihood.synthetic.make_country made it with
n_clusters={n_clusters}, photos_per_cluster={photos_per_cluster}, seed={seed}; the same give the same files.

project.yaml        what to do with it: geolivelihood run project.yaml
survey/             a household survey in the layout of the DHS programme: points, moved within their
                    district by up to 2 km in towns, 5 km elsewhere (10 km for one in a hundred), and the
                    household recode in Stata format. Two clusters have no position: (0, 0), SOURCE = MIS
clusters.csv        the same survey as cluster means
photos.csv, photos/ drawn street photos with position, heading and time (also in EXIF), and the objects that a
                    detector reports (Mapillary Vistas classes, JSON list). Two files are broken on purpose
tiles/              the island from above, RGB GeoTIFFs that overlap a little, 30 m per pixel, EPSG:32741
districts.geojson   districts
population.tif      people per pixel of 500 m
truth/              what is really so, for judging results; the project does not read it:
                    sites.csv (true sites of the clusters), cells.csv (H3 cells, resolution 7)

Public domain (CC0).
"""
