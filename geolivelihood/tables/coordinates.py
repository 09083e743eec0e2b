"""Where the rows of a table lie, and whether that can be true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import shapely

from geolivelihood.errors import InputError, MissingCRSError
from geolivelihood.tables.faults import Faults

__all__ = ["Extent", "check_coordinates", "refuse_swapped"]

Extent: TypeAlias = Sequence[float] | gpd.GeoDataFrame | gpd.GeoSeries
"""West, south, east, north in degrees; or anything with a geometry and a CRS."""

_SWAP = "shapely.transform(frame.geometry.values, lambda xy: xy[:, ::-1])"
_SLACK = 1e-6  # degrees; what a round trip through another CRS may add beyond 180 or 90


def check_coordinates(
    frame: gpd.GeoDataFrame,
    faults: Faults,
    *,
    types: Sequence[str],
    extent: Extent | None = None,
    required: bool = True,
) -> gpd.GeoDataFrame:
    """The table in EPSG:4326, its impossible places noted in ``faults``.

    Parameters
    ----------
    frame
        Any CRS; without one the fault is fatal and the table comes back as it is.
    faults
        Where the faults go.
    types
        Geometry types that are accepted (``"Point"``).
    extent
        Where the rows must lie. Rows outside are set aside; when most rows lie outside as they are and inside
        with their coordinates swapped, the table is refused.
    required
        Whether a row without a place is at fault.
    """
    if frame.crs is None:
        reason = (
            f"{faults.what} has no CRS. Set it with frame.set_crs('EPSG:4326') if it is longitude/latitude"
        )
        faults.fatal("geometry", reason, kind=MissingCRSError)
        return frame
    missing = (frame.geometry.isna() | frame.geometry.is_empty).to_numpy()
    if required:
        faults.set_aside(missing, "geometry", "no geometry")
    wrong = ~missing & ~frame.geom_type.isin(types).to_numpy()
    kinds = [f"is a {kind}, must be a {' or '.join(types)}" for kind in frame.geom_type[wrong]]
    faults.set_aside(wrong, "geometry", kinds)
    bounds = _bounds(frame)
    nan = ~missing & ~np.isfinite(bounds).all(axis=1)
    faults.set_aside(nan, "geometry", "a coordinate is NaN or infinite")
    known = ~missing & ~nan
    if not (_check_unit(frame, bounds, known, faults) and _check_order(frame, bounds, known, faults)):
        return frame
    null = known & (bounds == 0).all(axis=1)
    faults.set_aside(null, "geometry", "(0, 0) stands for a missing position")
    return _check_degrees(frame.to_crs("EPSG:4326"), known & ~null, faults, extent)


def refuse_swapped(table: gpd.GeoDataFrame, extent: Extent, *, what: str) -> None:
    """Refuse a table whose rows mostly lie outside an extent and would lie in it the other way round.

    For the swaps that no range of degrees can tell: 36, -1 and -1, 36 are both places.

    Raises
    ------
    TableError
        With the rows and the remedy.
    """
    bounds, box = _bounds(table), _extent_bounds(extent)
    faults = Faults(what, table.iloc[:, 0])
    swapped = ~_within(bounds, box) & _within(bounds[:, [1, 0, 3, 2]], box)
    if swapped.sum() > len(table) / 2:
        _swapped_fault(faults, swapped, box)
    faults.raise_fatal()


def _bounds(frame: gpd.GeoDataFrame) -> np.ndarray:
    """West, south, east, north; a point's own coordinates, since GEOS drops half-NaN points from bounds."""
    geometry = frame.geometry.to_numpy()
    bounds = shapely.bounds(geometry)
    points = shapely.get_type_id(geometry) == 0
    x, y = shapely.get_x(geometry[points]), shapely.get_y(geometry[points])
    bounds[points] = np.stack([x, y, x, y], axis=1)
    return bounds


def _reach(bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest absolute x and y of each row."""
    size = np.abs(bounds)
    return size[:, [0, 2]].max(axis=1), size[:, [1, 3]].max(axis=1)


def _check_unit(frame: gpd.GeoDataFrame, bounds: np.ndarray, known: np.ndarray, faults: Faults) -> bool:
    x, y = _reach(bounds[known & (bounds != 0).any(axis=1)])
    if not len(x):
        return True
    if frame.crs.is_geographic and np.mean(np.maximum(x, y) > 360) > 0.5:
        reason = f"the CRS {frame.crs.name} is in degrees, most coordinates are not: set the CRS they are in"
    elif frame.crs.is_projected and np.all((x <= 180) & (y <= 90)):
        reason = (
            f"the CRS {frame.crs.name} is projected, the coordinates look like degrees: "
            "frame.set_crs('EPSG:4326', allow_override=True) if they are longitude/latitude"
        )
    else:
        return True
    faults.fatal("geometry", reason)
    return False


def _check_order(frame: gpd.GeoDataFrame, bounds: np.ndarray, known: np.ndarray, faults: Faults) -> bool:
    """Latitudes that are none, on most rows, are longitudes."""
    if not frame.crs.is_geographic:
        return True
    x, y = _reach(bounds)
    swapped = known & (y > 90 + _SLACK) & (y <= 180 + _SLACK) & (x <= 90 + _SLACK)
    if not known.any() or swapped.sum() <= known.sum() / 2:
        return True
    reason = f"longitude and latitude are swapped: latitudes beyond 90 degrees. Swap them with {_SWAP}"
    faults.fatal("geometry", reason, mask=swapped)
    return False


def _check_degrees(
    frame: gpd.GeoDataFrame, known: np.ndarray, faults: Faults, extent: Extent | None
) -> gpd.GeoDataFrame:
    bounds = _bounds(frame)
    x, y = _reach(bounds)
    lost = known & ~np.isfinite(bounds).all(axis=1)
    faults.set_aside(lost, "geometry", "the position does not exist in EPSG:4326")
    far = known & ~lost & ((x > 180 + _SLACK) | (y > 90 + _SLACK))
    reasons = [
        f"longitude {lon:g}, latitude {lat:g} is out of range (-180 to 180, -90 to 90)"
        for lon, lat in bounds[far][:, [0, 1]]
    ]
    faults.set_aside(far, "geometry", reasons)
    if extent is not None:
        _check_extent(bounds, known & ~lost & ~far, faults, _extent_bounds(extent))
    return frame


def _check_extent(bounds: np.ndarray, known: np.ndarray, faults: Faults, extent: np.ndarray) -> None:
    outside = known & ~_within(bounds, extent)
    swapped = outside & _within(bounds[:, [1, 0, 3, 2]], extent)
    if swapped.sum() > known.sum() / 2:
        _swapped_fault(faults, swapped, extent)
    else:
        faults.set_aside(outside, "geometry", f"outside the extent {_text(extent)}")


def _swapped_fault(faults: Faults, swapped: np.ndarray, extent: np.ndarray) -> None:
    reason = (
        f"longitude and latitude are swapped: the rows lie in the extent {_text(extent)} the other way "
        f"round. Swap them with {_SWAP}"
    )
    faults.fatal("geometry", reason, mask=swapped)


def _within(bounds: np.ndarray, extent: np.ndarray) -> np.ndarray:
    west, south, east, north = extent
    x = (bounds[:, 2] >= west) & (bounds[:, 0] <= east)
    if west > east:  # across the antimeridian
        x = (bounds[:, 2] >= west) | (bounds[:, 0] <= east)
    return x & (bounds[:, 3] >= south) & (bounds[:, 1] <= north)


def _extent_bounds(extent: Extent) -> np.ndarray:
    if isinstance(extent, gpd.GeoDataFrame | gpd.GeoSeries):
        if extent.crs is None:
            msg = (
                "The extent has no CRS. Set it with extent.set_crs('EPSG:4326') if it is longitude/latitude."
            )
            raise MissingCRSError(msg)
        return np.asarray(extent.to_crs("EPSG:4326").total_bounds)
    bounds = np.asarray(extent, dtype=float)
    if bounds.shape != (4,) or not np.isfinite(bounds).all() or bounds[1] > bounds[3]:
        msg = f"extent={extent!r} is no box: give west, south, east, north in degrees, or a GeoDataFrame."
        raise InputError(msg)
    return bounds


def _text(extent: np.ndarray) -> str:
    return "(" + ", ".join(f"{value:g}" for value in extent) + ")"
