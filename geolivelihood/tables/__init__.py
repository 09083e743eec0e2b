"""What comes in: pictures, survey clusters and regions, checked once at the door.

Every reader ends in a :class:`Checked`: a GeoDataFrame in EPSG:4326 with the columns that the other rooms
expect, and the rows that were set aside with their reasons. What no table can live with (no CRS, a missing
column, ids that repeat) raises, with all its faults at once. The rooms behind trust these tables. Readers of
published collections, in ``tables.collections``, give the table itself and hand over what they set aside.
"""

from geolivelihood.tables.chips import chip_table
from geolivelihood.tables.clusters import read_clusters
from geolivelihood.tables.coordinates import refuse_swapped
from geolivelihood.tables.dhs import Answer, read_dhs
from geolivelihood.tables.footprints import cut_at_antimeridian, window_polygons
from geolivelihood.tables.geotiffs import read_geotiffs
from geolivelihood.tables.grids import grid_table
from geolivelihood.tables.images import PRESETS, Preset, read_images
from geolivelihood.tables.mapillary import download_images, list_images
from geolivelihood.tables.matching import match_images
from geolivelihood.tables.photos import decimal_degrees, read_photos
from geolivelihood.tables.places import places_by_distance
from geolivelihood.tables.published import (
    PublishedPhotos,
    published_clusters,
    read_cluster_list,
    read_published_photos,
)
from geolivelihood.tables.published_features import read_published_features
from geolivelihood.tables.rasters import RasterHeader, read_header, read_headers
from geolivelihood.tables.regions import read_regions
from geolivelihood.tables.schema import Checked, check_clusters, check_images, check_regions
from geolivelihood.tables.surveys import (
    cluster_means,
    noise_ceiling,
    pooled_weights,
    proportion_interval,
    region_means,
)
from geolivelihood.tables.tiles import read_tiles, tile_at, tile_bounds, tile_bounds_mercator
from geolivelihood.tables.windows import read_chips

__all__ = [
    "PRESETS",
    "Answer",
    "Checked",
    "Preset",
    "PublishedPhotos",
    "RasterHeader",
    "check_clusters",
    "check_images",
    "check_regions",
    "chip_table",
    "cluster_means",
    "cut_at_antimeridian",
    "decimal_degrees",
    "download_images",
    "grid_table",
    "list_images",
    "match_images",
    "noise_ceiling",
    "places_by_distance",
    "pooled_weights",
    "proportion_interval",
    "published_clusters",
    "read_chips",
    "read_cluster_list",
    "read_clusters",
    "read_dhs",
    "read_geotiffs",
    "read_header",
    "read_headers",
    "read_images",
    "read_photos",
    "read_published_features",
    "read_published_photos",
    "read_regions",
    "read_tiles",
    "refuse_swapped",
    "region_means",
    "tile_at",
    "tile_bounds",
    "tile_bounds_mercator",
    "window_polygons",
]
