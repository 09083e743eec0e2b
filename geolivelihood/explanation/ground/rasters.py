"""Maps as rasters: one cloud-optimised GeoTIFF per tile, in the tile's own CRS and transform."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from rasterio.crs import CRS

from geolivelihood.cells import point_cells
from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.grid import OnRejected, Tile, footprints, readable_tiles
from geolivelihood.explanation.ground.registration import Registration
from geolivelihood.explanation.ground.upsampling import conserving_weights, kernel_of
from geolivelihood.files import atomic, content_hash
from geolivelihood.progress import track

if TYPE_CHECKING:
    from geolivelihood.explanation.attribution.result import Attribution

__all__ = ["Drawn", "cog", "colour_limit", "draw_tile", "explanation_rasters"]

Floats = npt.NDArray[np.float64]

BLOCK_PX = 512
_CACHE_MB = 64  # GDAL would take a twentieth of the machine's memory
_PERCENTILE = 98.0
_LOOKED_AT = 20_000_000  # cells, 160 MB
_COG = {
    "COMPRESS": "DEFLATE",
    "PREDICTOR": "YES",
    "BLOCKSIZE": str(BLOCK_PX),
    "OVERVIEW_RESAMPLING": "AVERAGE",
    "BIGTIFF": "IF_SAFER",
    "SPARSE_OK": "YES",  # ground without tiles takes no space
    "NUM_THREADS": "ALL_CPUS",  # compresses blocks side by side; the file is the same
}


class Drawn(NamedTuple):
    """A tile's map in pixels.

    Attributes
    ----------
    values
        (rows, columns) float64, share of the score per pixel; NaN where the source has no data.
    transform
        From (column, row) to the tile's CRS.
    masked
        What the map put on ground without data: ``nansum(values) + masked`` is the map's sum.
    """

    values: Floats
    transform: Affine
    masked: float


def draw_tile(
    values: npt.ArrayLike,
    tile: Tile,
    *,
    start: float,
    jump: float,
    size: tuple[int, int],
    pixel: float | None = None,
    valid: npt.NDArray[np.bool_] | None = None,
) -> Drawn:
    """One map on the ground of its tile, by integrals, so that its sum stays.

    Parameters
    ----------
    values
        Map, shape (rows, columns), value per cell.
    tile
        Where the picture lies.
    start, jump
        Where the cells look, in input pixels.
    size
        Height and width of the input.
    pixel
        Side of a drawn pixel in tile pixels; ``None`` takes the power of two with at least 8 to a jump.
    valid
        Tile pixels that have data, shape (height, width) of the tile. What the map puts on others goes to
        ``masked`` and is never spread.

    Raises
    ------
    InputError
        If the map is not finite, or its cells lie outside the picture.
    """
    cells = np.asarray(values, dtype=float)
    if not np.isfinite(cells).all():
        msg = (
            f"The map of {tile.image_id or 'a tile'} has {np.sum(~np.isfinite(cells))} cells without a value."
        )
        raise InputError(msg)
    step = pixel or tile.pixel(size, jump)
    transform, *shape = tile.grid(step)
    weights, covers = [], []
    for count, side, scale, cell_count, first, whole in zip(
        shape, size, tile.scale(size), cells.shape, tile.seen[1::-1], (tile.height, tile.width)
    ):
        edges = np.minimum(np.arange(count + 1) * step / scale, side)
        weights.append(
            conserving_weights(
                edges, cells=cell_count, start=start, jump=jump, extent=side, kernel=kernel_of(jump)
            )
        )
        covers.append(overlaps(first + edges * scale, whole) if valid is not None else np.empty(0))
    drawn = weights[0] @ cells @ weights[1].T
    if valid is None:
        return Drawn(drawn, transform, 0.0)
    share = valid_share(valid, *covers)
    kept = np.where(share > 0, drawn * share, np.nan)
    return Drawn(kept, transform, float(drawn.sum() - np.nansum(kept)))


def overlaps(edges: Floats, pixels: int) -> Floats:
    """Length that each interval between ``edges`` shares with each of ``pixels`` unit pixels."""
    unit = np.arange(pixels)
    low, high = np.maximum(edges[:-1, None], unit), np.minimum(edges[1:, None], unit + 1)
    return np.maximum(high - low, 0.0)


def valid_share(valid: npt.NDArray[np.bool_], down: Floats, across: Floats) -> Floats:
    """Share of each drawn pixel that has data."""
    area = np.outer(down.sum(axis=1), across.sum(axis=1))
    covered = down @ valid @ across.T
    share = np.divide(covered, area, out=np.zeros_like(covered), where=area > 0)
    return np.where(share > 1 - 1e-9, 1.0, np.where(share < 1e-9, 0.0, share))


def colour_limit(
    maps: npt.ArrayLike,
    *,
    jump: float,
    pixel: npt.ArrayLike,
    rows: Sequence[int] | npt.NDArray[np.int64] | None = None,
) -> float:
    """Value at which colours end, over a run: 98th percentile of sizes, per drawn pixel.

    Of more than 20 million cells, only every k-th map is looked at.

    Parameters
    ----------
    maps
        Shape (n, rows, columns), value per cell; may lie on disk.
    jump
        Input pixels per cell.
    pixel
        Area of a drawn pixel in input pixels, one or one per map.
    rows
        Which maps; ``None`` for all. ``pixel`` is in their order.
    """
    whole = maps if isinstance(maps, np.ndarray) else np.asarray(maps, dtype=float)
    chosen = np.arange(len(whole)) if rows is None else np.asarray(rows, dtype=np.int64)
    step = max(1, -(-len(chosen) * whole[0].size // _LOOKED_AT)) if len(whole) else 1
    area = np.broadcast_to(np.asarray(pixel, dtype=float), len(chosen))[::step]
    share = np.abs(whole[chosen[::step]]) * (area / jump**2)[:, None, None]
    return float(np.percentile(share, _PERCENTILE)) if share.size else 0.0


@contextmanager
def cog(
    path: str | os.PathLike[str],
    *,
    shape: tuple[int, int],
    transform: Affine,
    crs: Any,
    description: str,
    units: str,
    tags: Mapping[str, Any],
) -> Iterator[rasterio.io.DatasetWriter]:
    """A float32 raster with NaN as nodata, to be written in 512-pixel windows; a COG when the block ends.

    Tags, description and units survive the copy from the tiled file that is written to. The COG is whole or
    absent, and memory stays flat whatever its size.
    """
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": shape[0],
        "width": shape[1],
        "transform": transform,
        "crs": CRS.from_wkt(crs.to_wkt()),
        "nodata": np.nan,
        "tiled": True,
        "SPARSE_OK": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "BIGTIFF": "IF_SAFER",
    }
    with atomic(path) as part, rasterio.Env(GDAL_CACHEMAX=_CACHE_MB):
        blocks = part.with_suffix(".blocks.tif")
        try:
            with rasterio.open(blocks, "w", **profile) as target:
                yield target
                target.update_tags(**{name: _text(value) for name, value in tags.items()})
                target.set_band_description(1, description)
                target.units = (units,)
            rasterio.shutil.copy(blocks, part, driver="COG", **_COG)
        finally:
            blocks.unlink(missing_ok=True)


def explanation_rasters(
    attribution: Attribution,
    tiles: Sequence[Tile | None],
    folder: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    pixel: float | None = None,
    model: str = "",
    resolution: int | None = None,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """Write one COG per picture, and the layer of their footprints.

    Values are shares of the score per pixel: positive raises the target. What a map put on nodata is in
    ``masked``. Each raster's tags have ``target model registration intercept limit`` and ``jump_px`` (drawn
    pixels per cell, from which :func:`~geolivelihood.explanation.ground.peaks` takes its distance).

    Parameters
    ----------
    attribution
        Maps of n pictures.
    tiles
        Where each lies, in the same order; ``None`` leaves a picture out.
    folder
        Where the rasters go, ``<image_id>_<method>_<target>.tif``.
    root
        Folder that the tiles' paths start from.
    pixel
        Side of a drawn pixel in tile pixels.
    model
        Name of the model, for the tags.
    resolution
        H3 resolution of the column ``cell``, the cell of each footprint's middle; ``None`` leaves it out.
    on_rejected
        Called with ``row`` (image id), ``column``, ``reason`` of the tiles whose file fails as its nodata is
        read; they are left out. Without it the first one raises.

    Returns
    -------
    geopandas.GeoDataFrame
        ``explanations_rasters``: ``image_id, kind`` (the method), ``path`` (relative to ``folder``),
        ``target, total, intercept, residual, masked, kept, limit, registration``; footprints in EPSG:4326.
        ``kept + masked + intercept + residual`` is ``total``.

    Raises
    ------
    InputError
        If there are not as many tiles as maps, or a source cannot be read and ``on_rejected`` is ``None``.
    """
    check_count(attribution, tiles)
    tiles = readable_tiles(tiles, root=root, on_rejected=on_rejected)
    limit = _run_limit(attribution, tiles, pixel)
    names = file_names(attribution, tiles)
    masked, kept = np.zeros((2, len(tiles)))
    for k, tile in enumerate(track(tiles, "writing explanation rasters")):  # a file at a time
        if tile is None:
            continue
        drawn = draw_tile(
            attribution.maps[k],
            tile,
            start=attribution.start,
            jump=attribution.jump,
            size=attribution.size,
            pixel=pixel,
            valid=tile.valid(root),
        )
        tags = map_tags(attribution, limit, model) | {
            "image_id": tile.image_id,
            "intercept": attribution.intercept[k],
            "masked": drawn.masked,
            "jump_px": _drawn_jump(attribution, tile, pixel),
        }
        with cog(
            Path(folder, names[k]),
            shape=(drawn.values.shape[0], drawn.values.shape[1]),
            transform=drawn.transform,
            crs=tile.crs,
            description=band_name(attribution),
            units=f"{attribution.unit} per pixel",
            tags=tags,
        ) as target:
            target.write(drawn.values.astype(np.float32), 1)
        masked[k], kept[k] = drawn.masked, float(np.nansum(drawn.values))
    return raster_table(
        attribution, tiles, names, masked=masked, kept=kept, limit=limit, resolution=resolution
    )


def raster_table(
    attribution: Attribution,
    tiles: Sequence[Tile | None],
    names: Sequence[str],
    *,
    masked: Floats,
    kept: Floats,
    limit: float,
    resolution: int | None = None,
) -> gpd.GeoDataFrame:
    """The layer ``explanations_rasters``: a row per tile that was drawn."""
    at = np.array([k for k, tile in enumerate(tiles) if tile is not None], dtype=int)
    table = pd.DataFrame(
        {
            "image_id": [tile.image_id for tile in tiles if tile is not None],
            "kind": attribution.method,
            "path": np.asarray(names, dtype=object)[at],
            "target": attribution.target,
            "total": attribution.total[at],
            "intercept": attribution.intercept[at],
            "residual": attribution.residual[at],
            "masked": masked[at],
            "kept": kept[at],
            "limit": limit,
            "registration": Registration(attribution.start, attribution.jump).kind,
        }
    )
    shapes = footprints([tile for tile in tiles if tile is not None])
    frame = gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")
    if resolution is not None:
        middles = gpd.GeoSeries(shapely.point_on_surface(shapes), crs="EPSG:4326")
        frame.insert(0, "cell", point_cells(middles, resolution=resolution))
    return frame


def check_count(attribution: Attribution, tiles: Sequence[Tile | None]) -> None:
    """Refuse tiles that are not as many as the maps."""
    maps = len(attribution.maps)
    if len(tiles) != maps:
        msg = f"There are {maps} maps and {len(tiles)} tiles. Give one tile per map, in order."
        raise InputError(msg)


def _run_limit(attribution: Attribution, tiles: Sequence[Tile | None], pixel: float | None) -> float:
    """:func:`colour_limit` of the maps that have a tile."""
    there = [k for k, tile in enumerate(tiles) if tile is not None]
    area = [
        (pixel or tile.pixel(attribution.size, attribution.jump)) ** 2 / np.prod(tile.scale(attribution.size))
        for tile in tiles
        if tile is not None
    ]
    return colour_limit(attribution.maps, jump=attribution.jump, pixel=area, rows=there)


def _drawn_jump(attribution: Attribution, tile: Tile, pixel: float | None) -> float:
    """Drawn pixels from one cell to the next."""
    step = pixel or tile.pixel(attribution.size, attribution.jump)
    return attribution.jump * float(np.sqrt(np.prod(tile.scale(attribution.size)))) / step


def map_tags(attribution: Attribution, limit: float, model: str) -> dict[str, Any]:
    """What every raster of a run says of itself."""
    return {
        "target": attribution.target,
        "method": attribution.method,
        "model": model,
        "baseline": attribution.baseline,
        "registration": Registration(attribution.start, attribution.jump).kind,
        "kernel": kernel_of(attribution.jump),
        "limit": limit,
    }


def band_name(attribution: Attribution) -> str:
    """Description of the band: ``pov: signed CAM``."""
    return f"{attribution.target}: {attribution.method.replace('_', ' ')}"


def file_names(attribution: Attribution, tiles: Sequence[Tile | None]) -> list[str]:
    """File names that differ wherever the ids differ."""
    ids = [tile.image_id if tile is not None else "" for tile in tiles]
    plain = pd.Series([_plain(name) for name in ids], dtype="str")
    twice = plain.duplicated(keep=False)
    ends = f"_{_plain(attribution.method)}_{_plain(attribution.target)}.tif"
    return [
        f"{name}_{content_hash([k, full])[:8]}{ends}" if same else f"{name}{ends}"
        for k, (name, full, same) in enumerate(zip(plain, ids, twice))
    ]


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).strip("_") or "tile"


def _text(value: Any) -> str:
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
