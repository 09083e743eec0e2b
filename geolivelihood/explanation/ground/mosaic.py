"""Overlapping maps as one seamless raster, block by block, in memory that does not grow with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.windows import Window

from geolivelihood.errors import InputError
from geolivelihood.explanation.ground.grid import OnRejected, Tile, readable_tiles
from geolivelihood.explanation.ground.rasters import (
    BLOCK_PX,
    band_name,
    check_count,
    cog,
    colour_limit,
    map_tags,
    overlaps,
    raster_table,
    valid_share,
)
from geolivelihood.explanation.ground.upsampling import conserving_weights, kernel_of
from geolivelihood.progress import track

if TYPE_CHECKING:
    from geolivelihood.explanation.attribution.result import Attribution

__all__ = ["write_mosaic"]

Floats = npt.NDArray[np.float64]
Mode = Literal["blend", "sum"]
_SNAP_PX = 1e-6
_LARGEST_PX = 1e9
_THINNEST = 0.01  # share of the mosaic that tiles must cover beyond that
_FAINTEST = 1e-9  # a pixel whose centre lies just outside a tile still belongs to it


class _Layout(NamedTuple):
    """Where tiles lie in the pixels of the mosaic; one entry per tile in ``at``."""

    transform: Affine
    crs: Any
    shape: tuple[int, int]
    at: npt.NDArray[np.int64]  # position among all tiles
    low: Floats  # (n, 2) first row and column, fractions of pixels
    high: Floats
    scale: Floats  # (n, 2) mosaic pixels per input pixel


class _Axis(NamedTuple):
    """A tile along one axis of the mosaic, from its first pixel on."""

    weights: Floats  # (pixels, cells)
    window: Floats  # (pixels,)


class _Piece(NamedTuple):
    """The part of a tile that lies in a block."""

    tile: int
    place: tuple[slice, slice]  # in the block
    down: Floats  # (pixels, cells)
    across: Floats
    window: tuple[Floats, Floats]
    share: Floats | None  # of each pixel that has data


def write_mosaic(
    path: str | os.PathLike[str],
    attribution: Attribution,
    tiles: Sequence[Tile | None],
    *,
    mode: Mode = "blend",
    weights: npt.ArrayLike | None = None,
    pixel: float | None = None,
    root: str | os.PathLike[str] | None = None,
    model: str = "",
    resolution: int | None = None,
    on_rejected: OnRejected | None = None,
) -> gpd.GeoDataFrame:
    """Write the maps of tiles that overlap, or lie side by side, as one COG.

    Each block of 512 pixels is drawn from the tiles that meet it, in double precision, and written once.

    Parameters
    ----------
    path
        The raster.
    attribution
        Maps of n pictures.
    tiles
        Where each lies, in the same order; ``None`` leaves one out. They must share a CRS and the direction
        of their rows; offsets and resolutions may differ.
    mode
        ``"blend"``: a picture. Mean of the maps, each weighted by a pyramid over its tile; the shares
        ``w`` of a pixel sum to 1, so that constants survive. ``"sum"``: accounts. Sum of the maps times
        ``weights``; with the weights of a cell's or cluster's tie, the raster's sum plus ``masked`` plus the
        weighted intercepts and residuals is the prediction.
    weights
        Of the tiles, shape (n,), for ``"sum"``; normally they sum to 1.
    pixel
        Side of a mosaic pixel in pixels of the finest tile (the first of several); ``None`` takes a power
        of two with at least 8 to a jump.
    root
        Folder that the tiles' paths start from.
    model
        Name of the model, for the tags.
    resolution
        H3 resolution of the column ``cell``; ``None`` leaves it out.
    on_rejected
        Called with ``row`` (image id), ``column``, ``reason`` of the tiles whose file fails as its nodata is
        read, which happens before anything is written; they are left out. Without it the first one raises.

    Returns
    -------
    geopandas.GeoDataFrame
        ``explanations_rasters`` with a row per tile, see :func:`explanation_rasters`. ``kept`` is what the
        mosaic shows of a tile: Σ w·U of a blend, the sum on valid ground else; ``weight`` is that of a sum.

    Raises
    ------
    InputError
        If tiles lie in several CRSs, are turned against each other or lie far apart, weights do not fit, or a
        source cannot be read and ``on_rejected`` is ``None``.
    """
    check_count(attribution, tiles)
    share = _weights(mode, weights, len(tiles))
    tiles = readable_tiles(tiles, root=root, on_rejected=on_rejected)
    layout = _layout(tiles, attribution.size, attribution.jump, pixel)
    limit = colour_limit(
        attribution.maps, jump=attribution.jump, pixel=1 / layout.scale.prod(axis=1), rows=layout.at
    )
    kept, masked = np.zeros((2, len(tiles)))
    tags = map_tags(attribution, limit, model) | {
        "mosaic": mode,
        "intercept": float(share[layout.at] @ attribution.intercept[layout.at]) if mode == "sum" else "",
        "jump_px": attribution.jump * float(np.sqrt(layout.scale.prod(axis=1).min())),
    }
    with cog(
        path,
        shape=layout.shape,
        transform=layout.transform,
        crs=layout.crs,
        description=band_name(attribution),
        units=f"{attribution.unit} per pixel",
        tags=tags,
    ) as target:
        pieces = _Pieces(layout, attribution, tiles, root)
        for window in track(list(_windows(layout.shape)), "drawing the mosaic"):
            found = list(pieces.meeting(window))
            if mode == "sum":
                block = _summed(found, attribution.maps, window, share, kept, masked)
            else:
                block = _blended(found, attribution.maps, window, kept, masked)
            if found:
                target.write(block.astype(np.float32), 1, window=window)
        target.update_tags(masked=float(masked @ share) if mode == "sum" else "")
    names = [Path(path).name] * len(tiles)
    table = raster_table(
        attribution, tiles, names, masked=masked, kept=kept, limit=limit, resolution=resolution
    )
    return table.assign(weight=share[layout.at]) if mode == "sum" else table


def _weights(mode: str, weights: npt.ArrayLike | None, count: int) -> Floats:
    if mode not in ("blend", "sum"):
        msg = f"mode={mode!r}: choose 'blend' (a picture) or 'sum' (accounts)."
        raise InputError(msg)
    if (weights is None) == (mode == "sum"):
        msg = "Give weights, one per tile, with mode='sum', and none with mode='blend'."
        raise InputError(msg)
    share = np.ones(count) if weights is None else np.asarray(weights, dtype=float)
    if share.shape != (count,) or not np.isfinite(share).all():
        msg = f"weights have the shape {share.shape}: give {count} finite numbers, one per tile."
        raise InputError(msg)
    return share


def _layout(tiles: Sequence[Tile | None], size: tuple[int, int], jump: float, pixel: float | None) -> _Layout:
    at = [k for k, tile in enumerate(tiles) if tile is not None]
    if not at:
        msg = "There is no tile to draw: every picture was left out."
        raise InputError(msg)
    known = [tile for tile in tiles if tile is not None]
    first = _finest(known, size)
    other = next((tile for tile in known if tile.crs is not first.crs and tile.crs != first.crs), None)
    if other is not None:
        msg = (
            f"Tiles {first.image_id} and {other.image_id} lie in {first.crs.name} and {other.crs.name}. "
            "Make a mosaic of each, or warp the rasters to one CRS first."
        )
        raise InputError(msg)
    step = pixel or first.pixel(size, jump)
    ground = first.transform * Affine.translation(*first.seen[:2]) * Affine.scale(step)
    relative = np.array([tuple(~ground * tile.input_transform(size))[:6] for tile in known])
    across, turned_x, left, turned_y, down, upper = relative.T
    turned = np.maximum(np.abs(turned_x) * size[0], np.abs(turned_y) * size[1]) > 1e-3
    bad = np.flatnonzero(turned | (across <= 0) | (down <= 0))
    if len(bad):
        msg = (
            f"{len(bad)} tiles, {known[bad[0]].image_id} the first, are turned against {first.image_id}. "
            "Make a mosaic of each raster, or warp them to one grid first."
        )
        raise InputError(msg)
    low, scale = np.column_stack([upper, left]), np.column_stack([down, across])
    low = _snapped(low)
    high = _snapped(low + scale * size)
    corner = np.floor(low.min(axis=0))
    rows, columns = (np.ceil(high.max(axis=0)) - corner).astype(int)
    transform = ground * Affine.translation(corner[1], corner[0])
    filled = float((high - low).prod(axis=1).sum()) / (float(rows) * float(columns))
    if float(rows) * float(columns) > _LARGEST_PX and filled < _THINNEST:
        msg = (
            f"The tiles lie far apart: a mosaic of {columns:,} x {rows:,} pixels would be {1 - filled:.1%} "
            "empty. Make one of each place, or a raster per tile with explanation_rasters."
        )
        raise InputError(msg)
    places = low - corner, high - corner
    return _Layout(transform, first.crs, (int(rows), int(columns)), np.array(at), *places, scale)


def _finest(tiles: Sequence[Tile], size: tuple[int, int]) -> Tile:
    """The first of the tiles whose input pixels are smallest on the map."""
    areas = np.array([abs(tile.transform.determinant) * np.prod(tile.scale(size)) for tile in tiles])
    return tiles[int(np.flatnonzero(areas <= areas.min() * (1 + 1e-6))[0])]


def _snapped(places: Floats) -> Floats:
    whole = np.round(places)
    return np.where(np.abs(places - whole) < _SNAP_PX, whole, places)


def _windows(shape: tuple[int, int]) -> Iterator[Window]:
    for row in range(0, shape[0], BLOCK_PX):
        for column in range(0, shape[1], BLOCK_PX):
            yield Window(column, row, min(BLOCK_PX, shape[1] - column), min(BLOCK_PX, shape[0] - row))


class _Pieces:
    """Finds the tiles that meet a block, and their weights there."""

    def __init__(
        self,
        layout: _Layout,
        attribution: Attribution,
        tiles: Sequence[Tile | None],
        root: str | os.PathLike[str] | None,
    ) -> None:
        self._layout, self._tiles, self._size = layout, tiles, attribution.size
        self._first = np.floor(layout.low).astype(np.int64)
        self._last = np.ceil(layout.high).astype(np.int64)
        self._cells = attribution.maps.shape[1:]
        self._steps = attribution.start, attribution.jump
        # tiles of a regular grid share their weights; a few rows of tiles share their masks
        self._axis: Callable[..., _Axis] = lru_cache(maxsize=1024)(self._make_axis)
        self._share: Callable[[int], Floats | None] = lru_cache(maxsize=128)(
            lambda tile: self._make_share(tile, root)
        )

    def meeting(self, window: Window) -> Iterator[_Piece]:
        """Pieces of the tiles that meet a window, in the order of the tiles."""
        start = np.array([window.row_off, window.col_off])
        stop = start + np.array([window.height, window.width])
        meets = ((self._first < stop) & (self._last > start)).all(axis=1)
        for k in np.flatnonzero(meets):  # tiles have offsets and resolutions of their own
            low, high = np.maximum(self._first[k], start), np.minimum(self._last[k], stop)
            inner = [slice(a - o, b - o) for a, b, o in zip(low, high, self._first[k])]
            place = slice(low[0] - start[0], high[0] - start[0]), slice(low[1] - start[1], high[1] - start[1])
            axes = self._axes(int(k))
            share = self._share(int(k))
            yield _Piece(
                int(self._layout.at[k]),
                place,
                axes[0].weights[inner[0]],
                axes[1].weights[inner[1]],
                (axes[0].window[inner[0]], axes[1].window[inner[1]]),
                None if share is None else share[inner[0], inner[1]],
            )

    def _axes(self, k: int) -> tuple[_Axis, _Axis]:
        phase = np.round(self._layout.low[k] - self._first[k], 9)
        pixels = self._last[k] - self._first[k]
        down, across = (
            self._axis(axis, float(phase[axis]), float(np.round(self._layout.scale[k, axis], 12)), int(count))
            for axis, count in enumerate(pixels)
        )
        return down, across

    def _make_axis(self, axis: int, phase: float, scale: float, pixels: int) -> _Axis:
        side, (start, jump) = self._size[axis], self._steps
        edges = (np.arange(pixels + 1) - phase) / scale
        weights = conserving_weights(
            edges, cells=self._cells[axis], start=start, jump=jump, extent=side, kernel=kernel_of(jump)
        )
        middle = (edges[:-1] + edges[1:]) / 2
        return _Axis(weights, np.maximum(1 - np.abs(2 * middle / side - 1), _FAINTEST))

    def _make_share(self, k: int, root: str | os.PathLike[str] | None) -> Floats | None:
        tile = self._tiles[self._layout.at[k]]
        valid = tile.valid(root) if tile is not None else None
        if tile is None or valid is None:
            return None
        covers = []
        for axis, (first, pixels) in enumerate(zip(tile.seen[1::-1], (tile.height, tile.width))):
            count = self._last[k, axis] - self._first[k, axis]
            edges = (np.arange(count + 1) + self._first[k, axis] - self._layout.low[k, axis]) / (
                self._layout.scale[k, axis]
            )
            seen = np.clip(edges, 0, self._size[axis]) * tile.scale(self._size)[axis]
            covers.append(overlaps(first + seen, pixels))
        return valid_share(valid, *covers)


def _blended(pieces: Sequence[_Piece], maps: Floats, window: Window, kept: Floats, masked: Floats) -> Floats:
    """Mean of the pieces under their windows; adds to what is kept of each tile and what is masked."""
    value, weight = np.zeros((2, window.height, window.width))
    for piece in pieces:
        down, across = piece.window
        if piece.share is None:
            value[piece.place] += (
                (down[:, None] * piece.down) @ maps[piece.tile] @ (across[:, None] * piece.across).T
            )
            weight[piece.place] += np.outer(down, across)
        else:
            drawn = piece.down @ maps[piece.tile] @ piece.across.T
            pyramid = np.outer(down, across) * (piece.share > 0)
            value[piece.place] += pyramid * piece.share * drawn
            weight[piece.place] += pyramid
            masked[piece.tile] += (drawn * (1 - piece.share)).sum()
    inverse = np.divide(1.0, weight, out=np.zeros_like(weight), where=weight > 0)
    for piece in pieces:
        part = inverse[piece.place]
        if piece.share is not None:
            part = part * piece.share
        down, across = piece.window
        inner = (down[:, None] * piece.down).T @ part @ (across[:, None] * piece.across)
        kept[piece.tile] += (inner * maps[piece.tile]).sum()
    return np.where(weight > 0, value * inverse, np.nan)


def _summed(
    pieces: Sequence[_Piece], maps: Floats, window: Window, weights: Floats, kept: Floats, masked: Floats
) -> Floats:
    """Sum of the pieces times the weights of their tiles; adds to what is kept of each tile and masked."""
    value = np.zeros((window.height, window.width))
    there = np.zeros(value.shape, dtype=bool)
    for piece in pieces:
        drawn = piece.down @ maps[piece.tile] @ piece.across.T
        if piece.share is not None:
            masked[piece.tile] += (drawn * (1 - piece.share)).sum()
            drawn = drawn * piece.share
        value[piece.place] += weights[piece.tile] * drawn
        there[piece.place] |= True if piece.share is None else piece.share > 0
        kept[piece.tile] += drawn.sum()
    return np.where(there, value, np.nan)
