"""Slippy-map tiles: pictures whose file names say where they lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geolivelihood.errors import InputError
from geolivelihood.tables.faults import Checked, rejected_rows
from geolivelihood.tables.geotiffs import file_ids
from geolivelihood.tables.schema import check_images

__all__ = ["read_tiles", "tile_at", "tile_bounds", "tile_bounds_mercator"]

Scheme = Literal["z-x-y", "x-y-z", "z/x/y"]

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
_DASHED = r"^(?:.*\D)?(\d{1,10})-(\d{1,10})-(\d{1,10})(?:[^\d-].*)?$"  # any prefix, any suffix of words
_FOLDERS = r"(?:^|/|\D)(\d{1,10})/(\d{1,10})/(\d{1,10})(?:@\d+x)?\.[^./]+$"
_ORDERS: Mapping[str, tuple[str, str, str]] = {
    "z-x-y": ("zoom", "tile_x", "tile_y"),
    "x-y-z": ("tile_x", "tile_y", "zoom"),
    "z/x/y": ("zoom", "tile_x", "tile_y"),
}
_DEEPEST = 30
_RADIUS = 6378137.0
_FAR = 4.0  # times further apart than under the other scheme


def read_tiles(
    folder: str | os.PathLike[str],
    *,
    scheme: Scheme,
    tms: bool = False,
) -> Checked:
    """Slippy-map tiles of a folder as overhead pictures.

    Parameters
    ----------
    folder
        Searched recursively for jpg, png, webp and tif files.
    scheme
        How the names are to be read: ``"z-x-y"`` (``18-73703-129770.jpg``), ``"x-y-z"``, or folders
        ``"z/x/y"``. Dashed names may have a prefix and a suffix (``OAM-1238454-1046529-21.png``).
    tms
        Rows count from the south (TMS) instead of from the north (XYZ).

    Returns
    -------
    Checked
        ``image_id`` (path within the folder, without suffix), ``path``, ``kind`` overhead, ``zoom, tile_x,
        tile_y`` (from the north), footprint in EPSG:4326. Pictures whose name is no tile are in ``rejected``.

    Raises
    ------
    InputError
        If the folder has no pictures, or the names are no tiles under ``scheme``: numbers out of range, or
        tiles that fall far apart while another scheme brings them together. The message names that scheme.
    """
    if scheme not in _ORDERS:
        msg = f"scheme={scheme!r} is unknown. Give one of {', '.join(_ORDERS)}."
        raise InputError(msg)
    names = _pictures(Path(folder))
    tiles = _parsed(names, scheme)
    valid = _valid(tiles)
    _check_scheme(names, tiles, valid, scheme, folder)
    rejected = _not_tiles(names, tiles, valid, scheme)
    tiles, names = tiles[valid].astype("int64").reset_index(drop=True), names[valid].reset_index(drop=True)
    if tms:
        tiles["tile_y"] = 2 ** tiles["zoom"] - 1 - tiles["tile_y"]
    ids = file_ids([str(name) for name in names], root=".")
    table = {"image_id": ids, "path": [Path(folder, name).as_posix() for name in names], "kind": "overhead"}
    boxes = shapely.box(*tile_bounds(tiles["zoom"], tiles["tile_x"], tiles["tile_y"]).T)
    frame = gpd.GeoDataFrame(pd.DataFrame(table).join(tiles), geometry=boxes, crs="EPSG:4326")
    checked = check_images(frame)
    return Checked(checked.table, pd.concat([rejected, checked.rejected], ignore_index=True))


def tile_bounds(zoom: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """West, south, east, north of tiles in degrees (EPSG:4326).

    Parameters
    ----------
    zoom, x, y
        Integers or arrays of them; y counts from the north.

    Returns
    -------
    numpy.ndarray
        (n, 4) degrees; (4,) for scalars.
    """
    size = np.exp2(np.asarray(zoom, dtype=float))
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    west, east = 360 * x / size - 180, 360 * (x + 1) / size - 180
    north, south = (np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * edge / size)))) for edge in (y, y + 1))
    return np.stack([west, south, east, north], axis=-1)


def tile_bounds_mercator(zoom: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """West, south, east, north of tiles in metres (EPSG:3857); shapes as in :func:`tile_bounds`."""
    half = np.pi * _RADIUS
    span = 2 * half / np.exp2(np.asarray(zoom, dtype=float))
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return np.stack([x * span - half, half - (y + 1) * span, (x + 1) * span - half, half - y * span], axis=-1)


def tile_at(lon: np.ndarray, lat: np.ndarray, *, zoom: int) -> tuple[np.ndarray, np.ndarray]:
    """The x and y of the tile that holds each position.

    Parameters
    ----------
    lon, lat
        Degrees. Latitudes beyond the square of the Mercator map (85.0511 degrees) take its first or last row.
    zoom
        0 to 30.

    Returns
    -------
    tuple
        Two int64 arrays; y counts from the north.
    """
    size = 2**zoom
    lat = np.radians(np.asarray(lat, dtype=float))
    x = np.floor((np.asarray(lon, dtype=float) + 180) / 360 * size)
    y = np.floor((1 - np.arcsinh(np.tan(lat)) / np.pi) / 2 * size)
    return np.clip(x, 0, size - 1).astype(np.int64), np.clip(y, 0, size - 1).astype(np.int64)


def _pictures(folder: Path) -> pd.Series:
    if not folder.is_dir():
        msg = f"{folder} is no folder. Give the folder that holds the tiles."
        raise InputError(msg)
    found = (path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    names = sorted(path.relative_to(folder).as_posix() for path in found)
    if not names:
        msg = f"There are no pictures in {folder}. Tiles must end in {', '.join(_SUFFIXES)}."
        raise InputError(msg)
    return pd.Series(names, dtype="str")


def _parsed(names: pd.Series, scheme: str) -> pd.DataFrame:
    """Float columns ``zoom, tile_x, tile_y``; NaN where the name does not have three numbers."""
    if scheme == "z/x/y":
        numbers = names.str.extract(_FOLDERS)
    else:
        stems = names.str.replace(r"^.*/", "", regex=True).str.replace(r"\.[^.]*$", "", regex=True)
        numbers = stems.str.extract(_DASHED)
    return numbers.set_axis(_ORDERS[scheme], axis=1).astype(float)[["zoom", "tile_x", "tile_y"]]


def _valid(tiles: pd.DataFrame) -> np.ndarray:
    zoom, x, y = tiles.to_numpy().T
    size = np.exp2(np.minimum(zoom, _DEEPEST))
    return (zoom <= _DEEPEST) & (x < size) & (y < size)  # NaN compares false


def _check_scheme(
    names: pd.Series, tiles: pd.DataFrame, valid: np.ndarray, scheme: str, folder: str | os.PathLike[str]
) -> None:
    named = tiles["zoom"].notna().to_numpy()
    others = {name: _parsed(names, name) for name in _ORDERS if name != scheme}
    fits = {name: int(_valid(parsed).sum()) for name, parsed in others.items()}
    best = max(fits, key=lambda name: fits[name])
    if valid.sum() * 2 <= named.sum():
        hint = (
            f" {fits[best]} of them fit scheme={best!r}." if fits[best] else " No other scheme fits either."
        )
        msg = (
            f"Only {int(valid.sum())} of {len(names)} pictures in {folder} are {scheme} tiles "
            f"(zoom 0 to {_DEEPEST}, x and y below 2^zoom); {names.iloc[np.argmin(valid)]} is none.{hint}"
        )
        raise InputError(msg)
    for name, parsed in others.items():
        if _valid(parsed)[valid].all() and _closer(parsed[valid], tiles[valid]):
            msg = (
                f"Read as {scheme}, the {int(valid.sum())} tiles in {folder} fall far apart; read as {name} "
                f"they lie side by side. Give scheme={name!r}."
            )
            raise InputError(msg)


def _closer(other: pd.DataFrame, given: pd.DataFrame) -> bool:
    """Whether tiles under the other scheme need fewer zooms and lie much nearer to each other."""
    zooms = other["zoom"].nunique() <= given["zoom"].nunique()
    return bool(zooms and _spread(other) * _FAR < _spread(given))


def _spread(tiles: pd.DataFrame) -> float:
    """Extent of the tiles in tile widths, relative to a square block of as many tiles."""
    size = np.exp2(tiles["zoom"].to_numpy())
    x, y = (tiles["tile_x"].to_numpy() + 0.5) / size, (tiles["tile_y"].to_numpy() + 0.5) / size
    extent = max(np.ptp(x), np.ptp(y)) * np.median(size) + 1
    return float(extent / np.sqrt(len(tiles)))


def _not_tiles(names: pd.Series, tiles: pd.DataFrame, valid: np.ndarray, scheme: str) -> pd.DataFrame:
    unnamed = tiles["zoom"].isna().to_numpy()
    beyond = ~valid & ~unnamed
    other = rejected_rows(names[unnamed], "path", f"the name is no {scheme} tile")
    reason = f"zoom must be 0 to {_DEEPEST}, x and y below 2^zoom"
    return pd.concat([other, rejected_rows(names[beyond], "path", reason)], ignore_index=True)
