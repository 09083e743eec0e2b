"""What comes in: pictures, survey clusters and regions, checked once at the door.

Every reader ends in a :class:`Checked`: a GeoDataFrame in EPSG:4326 with the columns that the other rooms
expect, and the rows that were set aside with their reasons. What no table can live with (no CRS, a missing
column, ids that repeat) raises, with all its faults at once. The rooms behind trust these tables.
"""

from geolivelihood.tables.clusters import read_clusters
from geolivelihood.tables.regions import read_regions
from geolivelihood.tables.schema import Checked, check_clusters, check_images, check_regions

__all__ = [
    "Checked",
    "check_clusters",
    "check_images",
    "check_regions",
    "read_clusters",
    "read_regions",
]
