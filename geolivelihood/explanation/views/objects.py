"""Objects that a detector found in street photos, and where on the ground they stand."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import Geod

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.views.bearings import ground_position
from geolivelihood.explanation.views.cameras import cameras
from geolivelihood.explanation.views.fields_of_view import upright_size
from geolivelihood.explanation.views.wedges import check_range

__all__ = ["PlacedObjects", "object_places", "photo_objects", "placed_objects"]

_GEOD = Geod(ellps="WGS84")


class PlacedObjects(NamedTuple):
    """Boxes by the camera that saw them.

    Attributes
    ----------
    camera
        Position of the photo among the cameras (m,).
    across
        Middle of the box across the picture, 0 to 1 (m,).
    name
        Class (m,).
    """

    camera: npt.NDArray[np.int64]
    across: npt.NDArray[np.float64]
    name: npt.NDArray[np.object_]


def object_places(
    images: gpd.GeoDataFrame,
    objects: pd.DataFrame,
    *,
    range_m: float = 50.0,
    camera_height_m: npt.ArrayLike = 2.0,
    pitch: npt.ArrayLike = 0.0,
    declination: npt.ArrayLike | None = None,
    tracks: bool = False,
) -> gpd.GeoDataFrame:
    """Points where objects stand, by the bottom of their boxes on flat ground.

    Rough: see :func:`ground_position`. Objects of photos without a heading have no direction and are left
    out, and so are those of cropped panoramas and fisheyes.

    Parameters
    ----------
    images
        Checked images table (EPSG:4326) with ``width`` and ``height`` in pixels.
    objects
        Boxes in pixels of the upright picture: ``image_id``, ``class``, ``left``, ``right``, ``bottom``;
        others are kept.
    range_m
        Objects farther off, or above the horizon, are put here and ``clipped``; metres, at most 100.
    camera_height_m, pitch
        As in :func:`ground_position`; one number, or one per image (pitches of panoramas are not used).
    declination, tracks
        As in :func:`headings`.

    Returns
    -------
    geopandas.GeoDataFrame
        The rows of ``objects`` that can be placed, with ``bearing``, ``distance_m``, ``clipped`` and a Point
        (EPSG:4326).

    Raises
    ------
    InputError
        If ``range_m`` is not between 0 and 100.
    MissingColumnError
        If a column is missing.
    """
    check_range(range_m)
    _need(objects, "objects", "image_id", "class", "left", "right", "bottom")
    _need(images, "images", "width", "height")
    found = cameras(images, declination=declination, tracks=tracks)
    whole = found["fov"].ge(360)
    found = found[found["heading"].notna() & (whole | ~found["linear"])].drop_duplicates("image_id")
    at = pd.Index(found["image_id"]).get_indexer(objects["image_id"])
    seen, camera = objects[at >= 0], found.iloc[at[at >= 0]]
    given = (np.broadcast_to(np.asarray(part, dtype=float), len(images)) for part in (camera_height_m, pitch))
    width, height, above, down = (part[camera["row"]] for part in (*upright_size(images), *given))
    bearing, metres = np.full(len(seen), np.nan), np.full(len(seen), np.nan)
    for around in (False, True):
        some = camera["fov"].ge(360).to_numpy() == around
        bearing[some], metres[some] = ground_position(
            (seen["left"] + seen["right"]).to_numpy(dtype=float)[some] / 2.0,
            seen["bottom"].to_numpy(dtype=float)[some],
            width=width[some],
            height=height[some],
            heading=camera["heading"].to_numpy()[some],
            fov=camera["fov"].to_numpy()[some],
            camera_height_m=above[some],
            pitch=0.0 if around else down[some],
            panorama=around,
        )
    near = np.minimum(metres, range_m)
    lon, lat, _ = _GEOD.fwd(camera["lon"].to_numpy(), camera["lat"].to_numpy(), bearing, near)
    table = seen.assign(bearing=bearing, distance_m=near, clipped=metres > range_m)
    return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(lon, lat), crs="EPSG:4326")


def photo_objects(
    images: gpd.GeoDataFrame, found: pd.DataFrame
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Camera and class of every entry of ``detections``, the class ids without boxes."""
    if "detections" not in images:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    lists = images["detections"].iloc[found["row"]].reset_index(drop=True)
    long = lists.explode().dropna()
    return long.index.to_numpy(dtype=np.int64), long.to_numpy(dtype=object)


def placed_objects(images: gpd.GeoDataFrame, objects: pd.DataFrame, found: pd.DataFrame) -> PlacedObjects:
    """Boxes with their camera; those of photos that are not there are left out.

    Raises
    ------
    MissingColumnError
        If objects lack a column, or images their ``width``.
    InputError
        If a photo that has boxes has no width.
    """
    _need(objects, "objects", "image_id", "class", "left", "right")
    _need(images, "images", "width")
    pairs = objects.assign(_box=np.arange(len(objects))).merge(
        pd.DataFrame({"image_id": found["image_id"].to_numpy(), "_camera": np.arange(len(found))}),
        on="image_id",
    )
    camera = pairs["_camera"].to_numpy(dtype=np.int64)
    width = upright_size(images)[0][found["row"].to_numpy()][camera]
    if not (width > 0).all():
        msg = f"{pairs['image_id'][~(width > 0)].iloc[0]} has objects but no width in pixels."
        raise InputError(msg)
    middle = (pairs["left"] + pairs["right"]).to_numpy(dtype=float) / 2.0
    return PlacedObjects(camera, np.clip(middle / width, 0.0, 1.0), pairs["class"].to_numpy(dtype=object))


def _need(table: pd.DataFrame, name: str, *columns: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        msg = f"The table of {name} needs the columns {', '.join(columns)}; missing: {', '.join(missing)}."
        raise MissingColumnError(msg)
