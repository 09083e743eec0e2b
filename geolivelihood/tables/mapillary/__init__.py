"""Street photos from Mapillary, through version 4 of its API: listed by place and time, then fetched.

The access token comes from the environment variable ``MAPILLARY_TOKEN`` or an argument, travels in the
header of requests to the API and nowhere else, and is never written, logged or part of a message.
"""

from geolivelihood.tables.mapillary.listing import list_images
from geolivelihood.tables.mapillary.pictures import download_images

__all__ = ["download_images", "list_images"]
