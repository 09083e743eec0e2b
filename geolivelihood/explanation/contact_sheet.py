"""Contact sheet: many small pictures on one page, with a word below each."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.features import Picture, Reading, read_picture
from geolivelihood.features.loading import Loader
from geolivelihood.files import atomic

__all__ = ["Blank", "cluster_sheet", "contact_sheet", "thumbnails"]

_GAP = 6
_TITLE = 22
_CAPTION = 15
_INK, _PAPER, _MISSING = (40, 40, 40), (255, 255, 255), (225, 225, 225)
_LOW, _HIGH = 2.0, 98.0  # percentiles that become black and white in pictures of physical units
_LINE_PX = 7  # width of a letter


class Blank(NamedTuple):
    """A picture that cannot be shown, and why."""

    note: str


Shown = str | os.PathLike[str] | npt.NDArray[np.uint8] | Blank
"""A file, pixels (height, width, 3), or the reason why there are none."""


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[Shown]]],
    *,
    captions: Sequence[Sequence[str]] | None = None,
    size: int = 128,
    bands: tuple[int, int, int] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Thumbnails in rows with titles.

    Parameters
    ----------
    rows
        Title and pictures of each row: files, 8-bit pixels of shape (height, width, 3), or a :class:`Blank`.
    captions
        A word below each picture, of the same shape as the files.
    size
        Side of a thumbnail in pixels.
    bands
        Three bands of rasters, counted from 1, in the order red, green, blue; ``None`` takes the first three.
        Pictures of physical units are stretched from their 2nd to their 98th percentile.
    path
        PNG to write as well.

    Returns
    -------
    PIL.Image.Image
        A picture that cannot be read is a grey square that says so.

    Raises
    ------
    InputError
        If there is no picture, or captions do not fit.

    Examples
    --------
    >>> contact_sheet([("none", ["missing.jpg"])], size=64).size
    (76, 98)
    """
    if not any(len(shown) for _, shown in rows) or size < 8:
        msg = f"There is no picture to show, or size={size} is below 8 pixels."
        raise InputError(msg)
    words = [[""] * len(shown) for _, shown in rows] if captions is None else [list(row) for row in captions]
    if [len(row) for row in words] != [len(shown) for _, shown in rows]:
        msg = "captions must have one word for each picture, row by row."
        raise InputError(msg)
    foot = _CAPTION if captions is not None else 0
    across = max(len(shown) for _, shown in rows)
    height = sum(_TITLE + size + foot + _GAP for _ in rows) + _GAP
    sheet = Image.new("RGB", (across * (size + _GAP) + _GAP, height), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    top = _GAP
    for (title, shown), line in zip(rows, words):
        pen.text((_GAP, top + 3), title, fill=_INK, font=font)
        top += _TITLE
        for k, (picture, word) in enumerate(zip(shown, line)):  # as many as fit on a page
            left = _GAP + k * (size + _GAP)
            sheet.paste(_thumbnail(picture, size, bands, font), (left, top))
            pen.text((left, top + size), word, fill=_INK, font=font)
        top += size + foot + _GAP
    if path is not None:
        with atomic(path) as part:
            sheet.save(part, format="PNG")
    return sheet


def cluster_sheet(
    examples: pd.DataFrame,
    paths: pd.Series,
    *,
    names: Mapping[int, str] | None = None,
    size: int = 128,
    bands: tuple[int, int, int] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Image.Image:
    """Nearest and farthest pictures of each cluster, two rows per cluster.

    Parameters
    ----------
    examples
        From :func:`~geolivelihood.explanation.feature_clusters.cluster_examples`.
    paths
        File of each picture, index ``image_id``; or its pixels (:func:`thumbnails`).
    names
        What each cluster is called; by default ``cluster 0`` and so on.
    size, bands, path
        As in :func:`contact_sheet`.

    Raises
    ------
    MissingColumnError
        If ``examples`` lacks a column.
    InputError
        If a picture has no path.
    """
    missing = [name for name in ("cluster", "kind", "rank", "image_id", "distance") if name not in examples]
    if missing:
        msg = f"The table of examples has no column {', '.join(missing)}."
        raise MissingColumnError(msg)
    place = paths.index.get_indexer(examples["image_id"])
    if (place < 0).any():
        some = ", ".join(map(str, examples["image_id"][place < 0][:5]))
        msg = f"{(place < 0).sum()} examples have no path: {some}."
        raise InputError(msg)
    table = examples.assign(path=paths.to_numpy()[place])
    table["far"] = table["kind"].eq("farthest")
    rows, words = [], []
    for (cluster, far), part in table.sort_values("rank").groupby(["cluster", "far"]):
        name = f"cluster {cluster}" if names is None else names[cluster]
        side = "farthest from" if far else "nearest to"
        rows.append((f"{name}: {side} the centre, by distance", part["path"].tolist()))
        words.append([f"{distance:.2f}" for distance in part["distance"]])
    return contact_sheet(rows, captions=words, size=size, bands=bands, path=path)


def thumbnails(
    images: pd.DataFrame,
    *,
    size: int = 128,
    bands: tuple[int, int, int] | None = None,
    root: str | os.PathLike[str] | None = None,
) -> pd.Series:
    """Small pictures of a table's rows, also of those that are windows of rasters.

    Parameters
    ----------
    images
        ``image_id`` and ``path``, perhaps ``col_off, row_off, width, height, bands``.
    size
        Pictures are cropped to their central square and brought to this side, pixels.
    bands
        As in :func:`contact_sheet`.
    root
        Folder that relative paths start from.

    Returns
    -------
    pandas.Series
        Pixels (size, size, 3) uint8 by ``image_id``; a :class:`Blank` for what cannot be read.
    """
    way: Any = _Shrunk(size, bands)
    loader = Loader(images.reset_index(drop=True), way, None if root is None else Path(root))
    found = loader.load(np.arange(len(images)))
    shown = [Blank(item.reason) if item.array is None else item.array for item in found]
    return pd.Series(shown, index=pd.Index(images["image_id"], name="image_id"), dtype=object)


class _Shrunk:
    """Says to a :class:`Loader` what thumbnails are."""

    def __init__(self, size: int, bands: tuple[int, int, int] | None) -> None:
        self.reading = Reading(size=size, fit="crop", bands=bands, enlarge=True)

    def prepare(self, picture: Picture) -> npt.NDArray[np.uint8]:
        _, height, width = picture.pixels.shape
        left, upper, right, lower = self.reading.box(width, height)
        square = _colours(picture.pixels[:, upper:lower, left:right], picture.full_scale)
        return np.asarray(_scaled(square, self.reading.size or min(square.shape[:2])))


def _thumbnail(
    shown: Shown,
    size: int,
    bands: tuple[int, int, int] | None,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> Image.Image:
    if isinstance(shown, Blank):
        return _blank(shown.note, size, font)
    if isinstance(shown, np.ndarray):
        return _scaled(shown, size)
    try:
        picture = read_picture(shown, Reading(size=size, fit="crop", bands=bands, enlarge=True))
        pixels = _colours(picture.pixels, picture.full_scale)
    except Exception:  # decoders raise anything on hostile bytes; a page with a hole is still a page
        return _blank(Path(shown).name, size, font)
    return _scaled(pixels, size)


def _scaled(pixels: npt.NDArray[np.uint8], size: int) -> Image.Image:
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)


def _blank(note: str, size: int, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> Image.Image:
    blank = Image.new("RGB", (size, size), _MISSING)
    lines = textwrap.wrap(note, max(size // _LINE_PX, 4))[: max(size // _CAPTION - 1, 1)]
    ImageDraw.Draw(blank).text((4, 4), "\n".join(["no picture", *lines]), _INK, font=font)
    return blank


def _colours(pixels: npt.NDArray, full_scale: float | None) -> npt.NDArray[np.uint8]:
    """Three bands of 8 bits, height first; what has no data is grey.

    Raises
    ------
    InputError
        If nothing has data.
    """
    shown = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, axis=0)
    values = shown.astype(np.float64)
    if not np.isfinite(values).any():
        msg = "the picture has no data"
        raise InputError(msg)
    low, high = (0.0, full_scale) if full_scale else np.nanpercentile(values, [_LOW, _HIGH])
    scaled = np.clip((values - low) / max(high - low, 1e-12), 0, 1) * 255
    return np.where(np.isnan(scaled), 200, np.rint(scaled)).astype(np.uint8).transpose(1, 2, 0)
