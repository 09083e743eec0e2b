"""Places as H3 cells, and everything that is tied to them.

A cell is a ``uint64``; hexadecimal names appear only in files and before people. :mod:`index` finds cells,
parents, neighbours and spatial blocks. :class:`Tie` is a sparse matrix with a row per thing and a column per
cell, so that averaging features, spreading displaced survey clusters and adding up districts are one sparse
product.
"""

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
from geolivelihood.cells.polygons import cell_areas, cell_centres, cell_points, cell_polygons
from geolivelihood.cells.tie import Tie

__all__ = [
    "Tie",
    "blocks",
    "cell_areas",
    "cell_centres",
    "cell_names",
    "cell_points",
    "cell_polygons",
    "cell_resolutions",
    "compact",
    "lonlat",
    "lonlat_cells",
    "neighbours",
    "parents",
    "parse_cells",
    "point_cells",
    "uncompact",
]
