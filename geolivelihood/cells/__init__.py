"""Places as H3 cells, and everything that is tied to them.

A cell is a ``uint64``; hexadecimal names appear only in files and before people. :mod:`index` finds cells,
parents, neighbours and spatial blocks. :class:`Tie` is a sparse matrix with a row per thing and a column per
cell, so that averaging features, spreading displaced survey clusters and adding up districts are one sparse
product: :func:`image_cells`, :func:`cluster_cells`, :func:`displacement_weights` and :func:`region_weights`
make them. Everything works on whole arrays; the antimeridian and the poles need no care.
"""

from geolivelihood.cells.coverage import polygon_cells
from geolivelihood.cells.displacement import displacement_weights
from geolivelihood.cells.index import (
    blocks,
    cell_names,
    cell_resolutions,
    compact,
    lonlat,
    lonlat_cells,
    neighbours,
    parents,
    parse_cells,
    point_cells,
    uncompact,
)
from geolivelihood.cells.polygons import cell_areas, cell_centres, cell_points, cell_polygons, polygon_areas
from geolivelihood.cells.population import cell_population
from geolivelihood.cells.regions import region_shares, region_weights
from geolivelihood.cells.tie import Tie
from geolivelihood.cells.ties import cluster_cells, image_cells

__all__ = [
    "Tie",
    "blocks",
    "cell_areas",
    "cell_centres",
    "cell_names",
    "cell_points",
    "cell_polygons",
    "cell_population",
    "cell_resolutions",
    "cluster_cells",
    "compact",
    "displacement_weights",
    "image_cells",
    "lonlat",
    "lonlat_cells",
    "neighbours",
    "parents",
    "parse_cells",
    "point_cells",
    "polygon_areas",
    "polygon_cells",
    "region_shares",
    "region_weights",
    "uncompact",
]
