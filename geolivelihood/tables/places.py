"""Places: which pictures show the same spot, by where they lie."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from geolivelihood.errors import InputError, MissingColumnError, MissingCRSError
from geolivelihood.sphere import chord, unit_vectors
from geolivelihood.tables.footprints import unfolded

__all__ = ["places_by_distance"]

_PREFIX = "at:"


def places_by_distance(images: gpd.GeoDataFrame, *, metres: float) -> gpd.GeoDataFrame:
    """Pictures with the place that they show, where the table does not say it.

    Pictures within ``metres`` of each other show one place, and so do those that are linked through others:
    places are the connected components of the graph of near pictures. Distances are great circles between
    points and centres of footprints, so that nothing happens at the antimeridian or the poles.

    Parameters
    ----------
    images
        ``image_id`` and geometry, any CRS. Pictures that have a ``place_id`` keep it and take no part: a
        survey's own places are not joined. So do pictures without a geometry, whose place stays unknown.
    metres
        Largest distance of a link, 0 and more; 0 joins pictures at the very same spot only.

    Returns
    -------
    geopandas.GeoDataFrame
        A copy with ``place_id`` (str): ``at:`` and the first ``image_id`` of the place in the order of text,
        whatever the order of the rows.

    Raises
    ------
    InputError
        If ``metres`` is no distance.
    MissingColumnError
        If there is no ``image_id``.
    MissingCRSError
        If the table has no CRS.

    Notes
    -----
    Time is O(n log n + links), memory O(links) over distinct positions; pictures of one position count once.

    Examples
    --------
    >>> points = gpd.points_from_xy([179.9999, -179.9999, 0], [0, 0, 0], crs="EPSG:4326")
    >>> images = gpd.GeoDataFrame({"image_id": ["b", "a", "c"]}, geometry=points)
    >>> places_by_distance(images, metres=30)["place_id"].tolist()
    ['at:a', 'at:a', 'at:c']
    """
    _check(images, metres)
    shapes = images.geometry.to_crs("EPSG:4326").to_numpy()
    known = images["place_id"] if "place_id" in images else pd.Series(index=images.index, dtype="str")
    blank = known.isna() | (known.astype("str").str.strip() == "")
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    rows = np.flatnonzero(blank.to_numpy() & ~empty)
    names = images["image_id"].astype("str").to_numpy()[rows]
    first = pd.Series(names).groupby(_components(_centres(shapes[rows]), metres)).transform("min")
    places = known.astype(object).mask(blank, None).to_numpy(copy=True)
    places[rows] = (_PREFIX + first).to_numpy()
    return images.assign(place_id=pd.Series(places, index=images.index, dtype="str"))


def _check(images: gpd.GeoDataFrame, metres: float) -> None:
    if not np.isfinite(metres) or metres < 0:
        msg = f"metres={metres} is no distance. Give how far apart pictures of one place may lie, such as 30."
        raise InputError(msg)
    if "image_id" not in images:
        msg = f"The table of images has no column 'image_id'; it has {', '.join(map(str, images.columns))}."
        raise MissingColumnError(msg)
    if images.crs is None:
        msg = "images has no CRS. Set it with images.set_crs('EPSG:4326') if it is longitude/latitude."
        raise MissingCRSError(msg)


def _centres(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Longitude and latitude of each shape's centre, wherever the antimeridian cuts it."""
    centre = shapely.centroid(unfolded(shapes))
    return np.column_stack([shapely.get_x(centre), shapely.get_y(centre)])


def _components(lonlat: npt.NDArray[np.float64], metres: float) -> npt.NDArray[np.int64]:
    """Number of the component of each position."""
    spots, spot = np.unique(unit_vectors(lonlat), axis=0, return_inverse=True)
    if not len(spots):
        return np.empty(0, dtype=np.int64)
    pairs = cKDTree(spots).query_pairs(float(chord(metres)), output_type="ndarray")
    links = coo_array((np.ones(len(pairs), dtype=np.int8), pairs.T), shape=(len(spots), len(spots)))
    _, part = connected_components(links, directed=False)
    return part.astype(np.int64)[spot.ravel()]
