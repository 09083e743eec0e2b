"""What goes out: one GeoPackage that is already a map, the same tables for other programs, a picture.

:func:`write_geopackage` writes layers, their QGIS styles and the provenance atomically;
:func:`default_styles` says how each layer looks; :func:`read_provenance` tells where a file comes from.
:func:`write_geojson` (RFC 7946) and :func:`write_geoparquet` write single tables, :func:`draw_map` the figure
for the paper. Cells become hexadecimal text here, at the edge, and polygons where they have none.
"""

from geolivelihood.layers.copies import copy_layers, layer_names, read_styles
from geolivelihood.layers.geopackage import check_target, write_geopackage
from geolivelihood.layers.interchange import write_geojson, write_geoparquet
from geolivelihood.layers.maps import draw_map
from geolivelihood.layers.palettes import ramp
from geolivelihood.layers.provenance import read_provenance
from geolivelihood.layers.styles import Style, default_styles, indicator_columns

__all__ = [
    "Style",
    "check_target",
    "copy_layers",
    "default_styles",
    "draw_map",
    "indicator_columns",
    "layer_names",
    "ramp",
    "read_provenance",
    "read_styles",
    "write_geojson",
    "write_geopackage",
    "write_geoparquet",
]
