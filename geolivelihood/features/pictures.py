"""One picture file to one array: JPEG, PNG, WebP and the like through Pillow, rasters through rasterio."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp, Resampling
from rasterio.windows import Window

from geolivelihood.errors import InputError

__all__ = ["Picture", "Reading", "read_picture", "select_bands", "three_bytes"]

RASTER_SUFFIXES = frozenset({".tif", ".tiff", ".jp2", ".vrt", ".img"})
_ORIENTATION = 0x0112
# all decoders at once: loading them in several threads at a time is a race
Image.init()
# EXIF orientation -> the turn that puts the picture upright
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Picture(NamedTuple):
    """Pixels and what they are out of.

    Attributes
    ----------
    pixels
        (bands, height, width): uint8, or float32 in the file's units where NaN means no data.
    full_scale
        Largest value a pixel of this file can have (255 or 65,535); ``None`` for physical units.
    """

    pixels: np.ndarray
    full_scale: float | None


@dataclass(frozen=True)
class Reading:
    """How an encoder wants its pictures read.

    Parameters
    ----------
    size
        Side in pixels of the square that comes back; ``None`` keeps the file's own size.
    fit
        ``"squash"`` keeps the whole picture (as the published 224 x 224 copies of street photos do);
        ``"crop"`` keeps the proportions and the central square.
    bands
        Bands to take, counted from 1; ``None`` takes all but an alpha band.
    enlarge
        Whether smaller pictures are enlarged to ``size``, or left as they are.
    """

    size: int | None = None
    fit: Literal["squash", "crop"] = "squash"
    bands: tuple[int, ...] | None = None
    enlarge: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            msg = f"size={self.size}: give a number of pixels, or None for the pictures' own size."
            raise InputError(msg)
        if self.fit not in ("squash", "crop"):
            msg = f"fit={self.fit!r}: choose 'squash' (the whole picture) or 'crop' (its central square)."
            raise InputError(msg)

    def side(self, width: int, height: int) -> int | None:
        """Side of the square to make of a picture, or ``None`` to leave its size alone."""
        if self.size is None or (not self.enlarge and min(width, height) <= self.size):
            return None
        return self.size

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Part of the picture that is kept: left, upper, right, lower in pixels."""
        if self.fit == "squash":
            return 0, 0, width, height
        short = min(width, height)
        left, upper = (width - short) // 2, (height - short) // 2
        return left, upper, left + short, upper + short


def read_picture(path: str | os.PathLike[str], reading: Reading | None = None) -> Picture:
    """Read a picture file, no larger than it is needed.

    JPEGs are decoded at 1/2, 1/4 or 1/8 of their size where that is enough (DCT scaling), which makes
    decoding several times faster than a full decode. EXIF orientation is applied. Photos always have
    three bands; transparent pixels, and nodata in rasters, become NaN.

    Raises
    ------
    InputError
        If ``bands`` asks for a band that the file does not have.
    OSError, rasterio.errors.RasterioError
        If the file is missing or damaged; decoders may raise other exceptions for hostile bytes.
    """
    wanted = reading or Reading()
    if Path(path).suffix.lower() in RASTER_SUFFIXES:
        return _read_raster(path, wanted)
    return _read_photo(path, wanted)


def select_bands(pixels: np.ndarray, bands: Sequence[int] | None) -> np.ndarray:
    """Bands of an array (bands, height, width), counted from 1.

    Raises
    ------
    InputError
        If a band is not there.
    """
    if bands is None:
        return pixels
    if not bands or min(bands) < 1 or max(bands) > len(pixels):
        msg = f"bands={tuple(bands)} of a picture with {len(pixels)}: count them from 1."
        raise InputError(msg)
    return pixels[np.asarray(bands) - 1]


def three_bytes(picture: Picture) -> np.ndarray:
    """Pixels (3, height, width) uint8, as networks of pictures take them; what has no data is grey.

    Raises
    ------
    InputError
        If there are fewer than three bands, or values are in physical units.
    """
    pixels, scale = picture.pixels[:3], picture.full_scale
    if len(pixels) < 3 or scale is None:
        kind = "physical units" if scale is None else "8 or 16 bits"
        msg = f"{len(picture.pixels)} bands in {kind}; three bands of 8 or 16 bits are needed"
        raise InputError(msg)
    if pixels.dtype == np.uint8:
        return pixels
    share = np.where(np.isnan(pixels), 0.5, np.clip(pixels / scale, 0, 1))
    return np.rint(share * 255).astype(np.uint8)


def _read_photo(path: str | os.PathLike[str], reading: Reading) -> Picture:
    with Image.open(path) as image:
        if reading.size is not None:
            image.draft("RGB", (reading.size, reading.size))
        turn = _turn(image)
        image.load()
        upright = _resized(_converted(image), reading)
    if turn is not None:
        upright = upright.transpose(turn)
    picture = _as_picture(upright)
    return Picture(select_bands(picture.pixels, reading.bands), picture.full_scale)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata raise anything, and do no harm to the pixels
        return None


def _converted(image: Image.Image) -> Image.Image:
    """The picture in one of the modes RGB, RGBA, or F (16 bits and more)."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(np.asarray(image).astype(np.float32))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _resized(image: Image.Image, reading: Reading) -> Image.Image:
    box = reading.box(*image.size)
    side = reading.side(*image.size)
    if side is None:
        return image if reading.fit == "squash" else image.crop(box)
    return image.resize((side, side), Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)


def _as_picture(image: Image.Image) -> Picture:
    pixels = np.asarray(image)
    if image.mode == "F":
        return Picture(np.repeat(pixels[None], 3, axis=0), 65535.0)
    colours = np.ascontiguousarray(pixels[..., :3].transpose(2, 0, 1))
    if image.mode == "RGB" or (pixels[..., 3] == 255).all():
        return Picture(colours, 255.0)
    return Picture(np.where(pixels[..., 3] < 128, np.nan, colours).astype(np.float32), 255.0)


def _read_raster(path: str | os.PathLike[str], reading: Reading) -> Picture:
    with rasterio.open(path) as source:
        colour = [i for i, c in zip(source.indexes, source.colorinterp) if c != ColorInterp.alpha]
        bands = list(reading.bands or colour)
        if min(bands) < 1 or max(bands) > source.count:
            msg = f"bands={tuple(bands)} of a raster with {source.count}: count them from 1."
            raise InputError(msg)
        left, upper, right, lower = reading.box(source.width, source.height)
        side = reading.side(source.width, source.height)
        shrinks = side is not None and side < min(right - left, lower - upper)
        data = source.read(
            bands,
            window=Window(left, upper, right - left, lower - upper),
            out_shape=None if side is None else (len(bands), side, side),
            resampling=Resampling.average if shrinks else Resampling.bilinear,
            masked=True,
        )
        eight_bits = all(source.dtypes[band - 1] == "uint8" for band in bands)
    if eight_bits and not np.ma.is_masked(data):
        return Picture(np.asarray(data.data), 255.0)
    pixels = data.astype(np.float32).filled(np.nan)
    return Picture(pixels, 255.0 if eight_bits else None)
