"""Attribution on street photos: the ground that they saw, in sectors."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from geolivelihood import cells as h3cells
from geolivelihood.explanation import view_sectors
from geolivelihood.recipes.explanations.attributions import Attributed
from geolivelihood.recipes.explanations.drawing import draw_photos
from geolivelihood.recipes.explanations.job import Job, Made
from geolivelihood.recipes.explanations.pictures import PictureModel

__all__ = ["street_layers"]

_ORIENTATION, _ON_ITS_SIDE = 0x0112, 5  # EXIF


def street_layers(job: Job, model: PictureModel, groups: list[Attributed]) -> Made:
    """Views cut into sectors that carry the evidence in them, and a picture of the strongest photos.

    Returns
    -------
    Made
        Layer ``explanations_views``.
    """
    resolution = job.data.project.cells.resolution
    parts = []
    for group in groups:
        margin = _margins(group.images) if model.fit == "crop" else np.zeros(len(group.images))
        for side in np.unique(margin):  # photos of one shape at a time
            some = group.rows(np.flatnonzero(margin == side))
            cells = h3cells.point_cells(some.images.geometry, resolution=resolution)
            images = some.images.assign(cell=h3cells.cell_names(cells))
            parts.append(view_sectors(images, some.attribution, window=(side, 1 - side)))
    views = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs="EPSG:4326")
    discs = views["sector"].eq(-1) & views["flag"].eq("no_heading")
    drawn = draw_photos(
        job.folder / f"{job.choice.key}_{model.source}_{job.method}_{job.indicator}.png",
        groups[0],
        crop=model.fit == "crop",
        label=job.data.project.output.labels.get(job.indicator, job.indicator),
        title=f"{job.choice.key}, {job.method.replace('_', ' ')}",
    )
    return Made({"explanations_views": views}, [drawn], facts={"without a heading": int(discs.sum())})


def _margins(images: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Share of each photo's width that is cut off at either side to make it square; headers are read."""
    found = []
    for path in images["path"]:
        with Image.open(path) as photo:
            width, height = photo.size
            if photo.getexif().get(_ORIENTATION, 1) >= _ON_ITS_SIDE:
                width, height = height, width
        found.append(max(0.0, (1 - height / width) / 2))
    return np.round(found, 4)
