"""What a street photo says, put on the ground that it shows.

A photo has a place, a direction and a field of view: :func:`headings` and :func:`fields_of_view` find them
in what providers and cameras record, and :func:`view_wedges` draws the ground that can be seen.
:func:`view_sectors` cuts it into narrow slices that carry their share of an explanation and the objects in
them; :func:`ground_position` and :func:`object_places` follow single pixels to the ground.
"""

from geolivelihood.explanation.views.bearings import GroundPosition, ground_position, horizontal_bearing
from geolivelihood.explanation.views.fields_of_view import (
    calibrated_fov,
    fields_of_view,
    film_fov,
    sensor_fov,
)
from geolivelihood.explanation.views.headings import camera_rotation, headings
from geolivelihood.explanation.views.objects import object_places
from geolivelihood.explanation.views.sectors import view_sectors
from geolivelihood.explanation.views.sharing import view_cells, without_clusters
from geolivelihood.explanation.views.wedges import view_wedges, wedge_polygons

__all__ = [
    "GroundPosition",
    "calibrated_fov",
    "camera_rotation",
    "fields_of_view",
    "film_fov",
    "ground_position",
    "headings",
    "horizontal_bearing",
    "object_places",
    "sensor_fov",
    "view_cells",
    "view_sectors",
    "view_wedges",
    "wedge_polygons",
    "without_clusters",
]
