"""Maps of what a model went by, put where it lies on the ground.

:func:`registration` says which input pixels the cells of a layer look at. :func:`explanation_rasters` writes
a raster per tile in the tile's own CRS, :func:`write_mosaic` one seamless raster of tiles that overlap; both
draw by integrals, so that what a map sums to stays. :func:`peaks` and :func:`regions` are the places that
counted most. :func:`zonal_sums` adds up over cells, regions and land use: with a signed CAM, zones that tile
the ground add up to the prediction.
"""

from geolivelihood.explanation.ground.areas import mercator_area_factor, pixel_areas
from geolivelihood.explanation.ground.grid import Tile, image_tiles
from geolivelihood.explanation.ground.mosaic import write_mosaic
from geolivelihood.explanation.ground.peaks import peaks
from geolivelihood.explanation.ground.rasters import Drawn, colour_limit, draw_tile, explanation_rasters
from geolivelihood.explanation.ground.regions import regions
from geolivelihood.explanation.ground.registration import Registration, extent, registration
from geolivelihood.explanation.ground.upsampling import conserving_weights, upsample
from geolivelihood.explanation.ground.zonal import ZonalSums, zonal_sums

__all__ = [
    "Drawn",
    "Registration",
    "Tile",
    "ZonalSums",
    "colour_limit",
    "conserving_weights",
    "draw_tile",
    "explanation_rasters",
    "extent",
    "image_tiles",
    "mercator_area_factor",
    "peaks",
    "pixel_areas",
    "regions",
    "registration",
    "upsample",
    "write_mosaic",
    "zonal_sums",
]
