"""The country from above: RGB GeoTIFFs with roofs, streets, fields, forest and water."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from scipy.special import ndtr

from geolivelihood.progress import track
from geolivelihood.synthetic.landscape import CRS, STEP_M, Landscape

__all__ = ["PIXEL_M", "write_tiles"]

PIXEL_M = 30.0
_ACROSS = 4
_OVERLAP = 72  # pixels that neighbours share: a chip of 2 km lies wholly in one of them
_QUALITY = 42
_MARGIN_M = 1_500.0
_PERIOD = 887  # pixels after which the noise repeats; prime, so that it never falls in with tiles or blocks
_ORIGIN = (340_000.0, 9_060_000.0)

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class _Window:
    """Part of the country in pixels: outer corner in metres and a size."""

    west: float
    north: float
    width: int
    height: int

    def metres(self) -> tuple[Plane, Plane]:
        """Pixel centres, relative to the grid so that float32 holds them."""
        x = self.west + (np.arange(self.width) + 0.5) * PIXEL_M
        y = self.north - (np.arange(self.height) + 0.5) * PIXEL_M
        east, north = np.meshgrid(x - _ORIGIN[0], y - _ORIGIN[1])
        return east.astype(np.float32), north.astype(np.float32)

    def pixels(self, coordinates: NDArray[np.float64]) -> list[tuple[float, float]]:
        """Drawing coordinates of points in metres."""
        column = (coordinates[:, 0] - self.west) / PIXEL_M
        row = (self.north - coordinates[:, 1]) / PIXEL_M
        return list(zip(column.tolist(), row.tolist()))


class _Grain:
    """Smooth noise without seams: periodic textures that all windows cut from the same ground.

    Parameters
    ----------
    window
        What the noise is for.
    seed
        The same seed gives the same ground to every window.
    """

    def __init__(self, window: _Window, seed: int) -> None:
        column = round((window.west - _ORIGIN[0]) / PIXEL_M) + np.arange(window.width)
        row = round((_ORIGIN[1] - window.north) / PIXEL_M) + np.arange(window.height)
        self._at = np.ix_(row % _PERIOD, column % _PERIOD)
        self._seed = seed

    def __call__(self, sigma: float, layer: int) -> Plane:
        """Noise of unit variance, smoothed over ``sigma`` pixels; another ``layer`` is independent."""
        return _texture(self._seed, sigma, layer)[self._at]


@lru_cache(maxsize=64)
def _texture(seed: int, sigma: float, layer: int) -> Plane:
    noise = np.random.default_rng([seed, 4, layer]).standard_normal((_PERIOD, _PERIOD), dtype=np.float32)
    smooth = gaussian_filter(noise, sigma, mode="wrap")
    return smooth / smooth.std()


def write_tiles(folder: Path, land: Landscape, *, seed: int) -> list[Path]:
    """Write 4 x 4 JPEG-compressed GeoTIFFs that cover the country, 30 m per pixel, with a little overlap.

    Returns
    -------
    list of Path
        The files, row by row from the north-west.
    """
    folder.mkdir(parents=True, exist_ok=True)
    windows = _windows(land)
    paths = []
    for k, window in enumerate(track(windows, "painting tiles")):
        picture = _paint(land, window, _Grain(window, seed))
        path = folder / f"tile_{k // _ACROSS}{k % _ACROSS}.tif"
        _write(path, picture, window)
        paths.append(path)
    return paths


def _paint(land: Landscape, window: _Window, grain: _Grain) -> NDArray[np.uint8]:
    """Sea and relief first, then fields, then towns, then roads: (height, width, 3) uint8."""
    wealth = _zoom(land, land.wealth, window)
    people = _zoom(land, np.sqrt(land.population / (STEP_M / 1000) ** 2), window) ** 2
    moisture = _zoom(land, land.moisture, window)
    height = _zoom(land, land.height, window)
    picture = _wild(moisture, height, grain)
    picture = _mix(picture, *_fields(window, wealth, people, moisture, grain))
    picture = _mix(picture, *_town(land, window, wealth, people, grain))
    picture = _mix(picture, _ink(206, 192, 172), 0.9 * _road_mask(land, window))
    picture *= _relief(height)[..., None]
    picture += np.stack([2.5 * grain(0, layer) for layer in (12, 13, 14)], axis=-1)
    picture = _mix(picture, *_sea(land, window, grain))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _windows(land: Landscape) -> list[_Window]:
    west, south, east, north = land.outline.bounds
    west, north = (
        float(np.floor((west - _MARGIN_M) / 600) * 600),
        float(np.ceil((north + _MARGIN_M) / 600) * 600),
    )
    width = int(np.ceil((east + _MARGIN_M - west) / PIXEL_M / _ACROSS / 16)) * 16
    height = int(np.ceil((north - south + _MARGIN_M) / PIXEL_M / _ACROSS / 16)) * 16
    return [
        _Window(west + j * width * PIXEL_M, north - i * height * PIXEL_M, width + _OVERLAP, height + _OVERLAP)
        for i in range(_ACROSS)
        for j in range(_ACROSS)
    ]


def _zoom(
    land: Landscape, field: NDArray[np.float64], window: _Window, *, how: int = Image.Resampling.BICUBIC
) -> Plane:
    """Part of a grid field at the pixels of a window."""
    pad = 12  # the grid must reach past every window
    grid = Image.fromarray(np.pad(field, pad, mode="edge").astype(np.float32))
    left = (window.west - land.west) / STEP_M + pad
    top = (land.north - window.north) / STEP_M + pad
    box = (left, top, left + window.width * PIXEL_M / STEP_M, top + window.height * PIXEL_M / STEP_M)
    return np.asarray(grid.resize((window.width, window.height), how, box=box))


def _ink(red: float, green: float, blue: float) -> Plane:
    return np.array([red, green, blue], dtype=np.float32)


def _mix(below: Plane, above: Plane, share: Plane) -> Plane:
    return below + share[..., None] * (above - below)


def _ramp(value: Plane, low: float, high: float) -> Plane:
    return np.clip((value - low) / (high - low), 0, 1).astype(np.float32)


def _wild(moisture: Plane, height: Plane, grain: _Grain) -> Plane:
    """Savanna that turns to bush where it is moist and to forest where it is high."""
    dry, bush, forest = np.array([[164, 150, 104], [112, 126, 72], [44, 74, 46]], dtype=np.float32)
    patch = grain(5, 1)
    picture = _mix(
        np.broadcast_to(dry, (*moisture.shape, 3)), bush, _ramp(moisture + 0.12 * patch, 0.15, 0.85)
    )
    wooded = _ramp(height + 45 * patch + 60 * (moisture - 0.5), 190, 300)
    picture = _mix(picture, forest, 0.9 * wooded)
    speckle = grain(0.7, 2)
    return picture * (1 + 0.07 * (0.4 + wooded) * speckle)[..., None]


def _fields(
    window: _Window, wealth: Plane, people: Plane, moisture: Plane, grain: _Grain
) -> tuple[Plane, Plane]:
    """Parcels around the villages; the better-off irrigate, the poor have bare soil between small plots."""
    x, y = window.metres()
    warp = 90 * grain(14, 3)
    colour = np.zeros((*x.shape, 3), np.float32)
    rich = _ramp(wealth, -1.3, 1.5)
    crops = np.array(
        [[150, 128, 84], [176, 152, 92], [126, 138, 66], [104, 140, 58], [84, 128, 60]], dtype=np.float32
    )
    # Two sizes of parcel: large ones where people are better off.
    for size, turn, share in ((170.0, 0.3, 1 - rich), (360.0, 0.9, rich)):
        u = np.floor((x * np.cos(turn) + y * np.sin(turn) + warp) / size)
        v = np.floor((y * np.cos(turn) - x * np.sin(turn) + warp) / (0.7 * size))
        luck = np.mod(np.abs(np.sin(u * 12.9898 + v * 78.233)) * 43758.5453, 1).astype(np.float32)
        green = np.clip(0.55 * rich + 0.25 * moisture + 0.7 * (luck - 0.5), 0, 0.999)
        colour += share[..., None] * crops[(green * len(crops)).astype(int)]
    fallow = grain(2, 4) > 1.1 + 1.0 * rich
    colour = _mix(colour, _ink(178, 140, 100), 0.75 * fallow)
    return colour, 0.9 * _ramp(people * (1 + 0.35 * grain(6, 5)), 6, 22)


def _town(
    land: Landscape, window: _Window, wealth: Plane, people: Plane, grain: _Grain
) -> tuple[Plane, Plane]:
    """Roofs, streets, yards and trees; where people are few, single homesteads."""
    rich = _ramp(wealth + 0.25 * grain(3, 6), -1.6, 1.8)
    roof, tree = _roofs(rich, grain), _ink(66, 94, 54)
    ground = _mix(np.broadcast_to(_ink(186, 146, 108), roof.shape), _ink(132, 134, 112), rich)
    ground = _mix(ground, tree, 0.75 * (grain(0.8, 7) > 2.1 - 1.9 * rich))
    cover = _ramp(np.sqrt(people), 4, 85) * (1.0 - 0.25 * rich)
    built = (ndtr(grain(0, 15)) < cover + 0.012).astype(np.float32)
    colour = _mix(ground, roof, built)
    dense = _ramp(people + 250 * grain(4, 8), 350, 900)
    street = _streets(land, window, rich, grain) * dense
    asphalt = _mix(
        np.broadcast_to(_ink(172, 138, 104), roof.shape),
        _ink(104, 104, 108),
        _ramp(rich, 0.3, 0.7),
    )
    colour = _mix(colour, asphalt, 0.85 * street)
    return colour, np.maximum(dense, 0.9 * built * (people > 3))


def _roofs(rich: Plane, grain: _Grain) -> Plane:
    """Thatch and rust, then bright iron, then white and tile."""
    pick = np.clip(rich + 0.22 * grain(0, 16), 0, 0.999)
    shades = np.array(
        [
            [122, 92, 68],
            [142, 98, 74],
            [150, 128, 112],
            [176, 172, 168],
            [198, 196, 194],
            [188, 112, 86],
            [236, 230, 222],
        ],
        dtype=np.float32,
    )
    return shades[(pick * len(shades)).astype(int)] + (9 * grain(0, 17))[..., None]


def _streets(land: Landscape, window: _Window, rich: Plane, grain: _Grain) -> Plane:
    """A grid turned anew in every town, straight where planned, crooked where not."""
    x, y = window.metres()
    sites = shapely.get_coordinates(land.towns.geometry) - _ORIGIN
    ordinal = cKDTree(sites).query(np.column_stack([x[::8, ::8].ravel(), y[::8, ::8].ravel()]))[1]
    nearest = np.kron(ordinal.reshape(x[::8, ::8].shape), np.ones((8, 8), int))[: x.shape[0], : x.shape[1]]
    turn = (nearest * 0.71) % (np.pi / 2)
    wobble = 65 * grain(4, 9) * (1 - rich) ** 2
    u = (x * np.cos(turn) + y * np.sin(turn) + wobble) / 150
    v = (y * np.cos(turn) - x * np.sin(turn) + wobble) / 225
    on = (np.mod(u, 1) < 0.2) | (np.mod(v, 1) < 0.14)
    return on.astype(np.float32)


def _road_mask(land: Landscape, window: _Window) -> Plane:
    """Main roads, a pixel and a half wide."""
    mask = Image.new("L", (2 * window.width, 2 * window.height))
    draw = ImageDraw.Draw(mask)
    for road in land.roads:  # a few dozen lines
        draw.line(
            [(2 * a, 2 * b) for a, b in window.pixels(shapely.get_coordinates(road))], fill=255, width=4
        )
    return np.asarray(mask.reduce(2), dtype=np.float32) / np.float32(255)


def _relief(height: Plane) -> Plane:
    """Hillshade from the north-west."""
    dy, dx = np.gradient(height / PIXEL_M)
    return np.clip(1 + 1.5 * (dx + dy), 0.6, 1.35).astype(np.float32)


def _sea(land: Landscape, window: _Window, grain: _Grain) -> tuple[Plane, Plane]:
    """Deep water that brightens to a reef, a beach, and the lake."""
    shape = (window.height, window.width)
    shore = Image.new("L", (window.width, window.height), 255)
    draw = ImageDraw.Draw(shore)
    draw.polygon(window.pixels(shapely.get_coordinates(land.outline.exterior)), fill=0)
    sea = np.asarray(shore, dtype=np.float32) / 255
    lake = _ramp(_zoom(land, gaussian_filter(land.water.astype(float), 1.0), window), 0.45, 0.52)
    depth = _zoom(land, gaussian_filter(land.land.astype(float), 2.2), window)
    shallow = _ramp(depth + 0.02 * grain(6, 10), 0.08, 0.55)
    colour = _mix(np.broadcast_to(_ink(28, 66, 98), (*shape, 3)), _ink(86, 164, 164), shallow)
    colour = _mix(colour, _ink(46, 84, 96), lake)
    return colour + (1.2 * grain(1.5, 11))[..., None], np.maximum(sea, lake)


def _write(path: Path, picture: NDArray[np.uint8], window: _Window) -> None:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=window.width,
        height=window.height,
        count=3,
        dtype="uint8",
        crs=CRS,
        transform=Affine(PIXEL_M, 0, window.west, 0, -PIXEL_M, window.north),
        compress="jpeg",
        photometric="ycbcr",
        jpeg_quality=_QUALITY,
        tiled=True,
        blockxsize=256,
        blockysize=256,
    ) as target:
        target.write(picture.transpose(2, 0, 1))
