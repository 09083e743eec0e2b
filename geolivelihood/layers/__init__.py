"""What goes out: one GeoPackage that is already a map, the same tables for other programs, a picture.

:func:`write_geopackage` writes layers, their QGIS styles and the provenance atomically;
:func:`default_styles` says how each layer looks; :func:`read_provenance` tells where a file comes from.
:func:`write_geojson` (RFC 7946) and :func:`write_geoparquet` write single tables, :func:`draw_map` the figure
for the paper, :func:`write_report` the page that says how far to trust it. Cells become hexadecimal text
here, at the edge, and polygons where they have none.
"""

from geolivelihood.layers.copies import copy_layers, layer_names, read_styles
from geolivelihood.layers.geopackage import check_target, write_geopackage
from geolivelihood.layers.interchange import write_geojson, write_geoparquet
from geolivelihood.layers.maps import draw_map
from geolivelihood.layers.palettes import ramp
from geolivelihood.layers.provenance import read_provenance
from geolivelihood.layers.raster_styles import explanation_qml, write_raster_style
from geolivelihood.layers.report import Figure, Section, Summary, Table, write_report
from geolivelihood.layers.report_figures import (
    coverage_figure,
    predicted_observed_figure,
    reliability_figure,
)
from geolivelihood.layers.report_maps import (
    applicability_figure,
    map_figure,
    region_figure,
    residual_map_figure,
    variogram_figure,
)
from geolivelihood.layers.report_scores import dependence_figure, importance_figure, score_figure
from geolivelihood.layers.styles import Style, default_styles, indicator_columns

__all__ = [
    "Figure",
    "Section",
    "Style",
    "Summary",
    "Table",
    "applicability_figure",
    "check_target",
    "copy_layers",
    "coverage_figure",
    "default_styles",
    "dependence_figure",
    "draw_map",
    "explanation_qml",
    "importance_figure",
    "indicator_columns",
    "layer_names",
    "map_figure",
    "predicted_observed_figure",
    "ramp",
    "read_provenance",
    "read_styles",
    "region_figure",
    "reliability_figure",
    "residual_map_figure",
    "score_figure",
    "variogram_figure",
    "write_geojson",
    "write_geopackage",
    "write_geoparquet",
    "write_raster_style",
    "write_report",
]
