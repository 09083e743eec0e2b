"""Published picture collections, each read from its own layout into one table of pictures.

The readers take the root folder of the layout as it was published and give ``image_id, path, kind, geometry``
(EPSG:4326) and, where the collection knows them, ``place_id`` (text), ``captured_at`` (UTC), ``sensor``,
``label``, ``split``, ``region``. What makes two pictures a pair is ``place_id`` and ``captured_at``, never
how their files are called. Rows that cannot be used go to ``on_rejected`` with their reasons.
"""

from collections.abc import Callable

import geopandas as gpd

from geolivelihood.tables.collections.dated_geotiffs import read_dated_geotiffs
from geolivelihood.tables.collections.flair import flair_image_path, flair_mask_path, read_flair
from geolivelihood.tables.collections.fmow import paper_pair_key, parse_fmow_name, read_fmow
from geolivelihood.tables.collections.geoimagenet import read_geoimagenet
from geolivelihood.tables.collections.income_squares import (
    income_classes,
    parse_square_id,
    read_income_squares,
)
from geolivelihood.tables.collections.liveability import grid_cells, read_liveability
from geolivelihood.tables.collections.spacenet import read_spacenet, read_spacenet_labels
from geolivelihood.tables.collections.xview import read_xview, read_xview_labels

__all__ = [
    "COLLECTIONS",
    "LABELS",
    "flair_image_path",
    "flair_mask_path",
    "grid_cells",
    "income_classes",
    "paper_pair_key",
    "parse_fmow_name",
    "parse_square_id",
    "read_dated_geotiffs",
    "read_flair",
    "read_fmow",
    "read_geoimagenet",
    "read_income_squares",
    "read_liveability",
    "read_spacenet",
    "read_spacenet_labels",
    "read_xview",
    "read_xview_labels",
]

COLLECTIONS: dict[str, Callable[..., gpd.GeoDataFrame]] = {
    "fmow": read_fmow,
    "geoimagenet": read_geoimagenet,
    "income_squares": read_income_squares,
    "liveability": read_liveability,
    "flair": read_flair,
    "geotiffs": read_dated_geotiffs,
    "xview": read_xview,
    "spacenet": read_spacenet,
}
"""The readers by the names that project files call them; each takes the root folder first."""

LABELS: dict[str, Callable[..., gpd.GeoDataFrame]] = {
    "xview": read_xview_labels,
    "spacenet": read_spacenet_labels,
}
"""Readers of what was drawn in the pictures of a collection; each takes the root folder and the pictures."""
