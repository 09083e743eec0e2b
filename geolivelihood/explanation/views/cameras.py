"""Place, heading and field of view of each photo of a table, with where they are from."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geolivelihood.explanation.views.columns import numbers
from geolivelihood.explanation.views.fields_of_view import fields_of_view, fisheyes, panoramas, upright_size
from geolivelihood.explanation.views.headings import headings

__all__ = ["CREDITS", "cameras"]

CREDITS = ("path", "license", "creator", "captured_at")
"""Columns that go along with a photo wherever it is shown."""


def cameras(
    images: gpd.GeoDataFrame, *, declination: npt.ArrayLike | None = None, tracks: bool = False
) -> pd.DataFrame:
    """The street photos of a table as cameras.

    Parameters
    ----------
    images
        Checked images table (EPSG:4326).
    declination, tracks
        As in :func:`~geolivelihood.explanation.headings`; of all rows.

    Returns
    -------
    pandas.DataFrame
        The rows that are street photos, by their index: ``row`` (position in ``images``), ``image_id``,
        ``lon``, ``lat``, ``heading`` of the centre column, ``fov``, ``heading_source``, ``fov_source``,
        ``flag`` and ``linear`` (whether columns are evenly spaced in angle, as in panoramas).
    """
    here = (images["kind"].eq("street") & images.geometry.geom_type.eq("Point")).to_numpy()
    found = headings(images, declination=declination, tracks=tracks).join(fields_of_view(images))
    place = images.geometry.to_numpy().copy()
    computed = found["heading_source"].eq("computed_compass_angle").to_numpy()
    if computed.any():
        place[computed] = images["computed_geometry"].to_numpy(dtype=object)[computed]
    around = panoramas(images) & found["fov_source"].isin(["projection", "fov"]).to_numpy()
    found["heading"] = np.mod(found["heading"] + np.where(around, _crop_turn(images), 0.0), 360.0)
    # Perspective ends at 180 degrees; what sees more is a fisheye, near enough even in angle.
    found["linear"] = around | fisheyes(images) | (found["fov"] >= 180).to_numpy()
    found.insert(0, "row", np.arange(len(images)))
    found.insert(1, "image_id", images["image_id"])
    found = found[here]
    return found.assign(lon=shapely.get_x(place[here]), lat=shapely.get_y(place[here]))


def _crop_turn(images: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Degrees by which the centre of a cropped panorama lies right of the centre of the whole."""
    width, full = upright_size(images)[0], numbers(images, "FullPanoWidthPixels")
    left = numbers(images, "CroppedAreaLeftPixels")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(360.0 * ((left + width / 2.0) / full - 0.5), posinf=0.0, neginf=0.0)
