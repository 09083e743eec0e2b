"""Tiles in which the evidence is known: a group of houses sets the label, and a mask says where it stands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation, gaussian_filter

from geolivelihood.errors import InputError

__all__ = ["PlantedTiles", "planted_tiles"]

_REFERENCE = 224
_ROOFS = ((196, 204, 212), (176, 92, 66), (214, 196, 160), (150, 160, 172))
_GROUNDS = ((126, 134, 82), (158, 140, 98), (98, 118, 70), (176, 158, 122))
Rng = np.random.Generator


class PlantedTiles(NamedTuple):
    """Tiles, what they are labelled with, and where that shows.

    Attributes
    ----------
    images
        Shape (n, 3, size, size), uint8.
    labels
        Shape (n,), bool: whether there is a house group.
    houses
        Shape (n,): number of houses in it, a target for regression.
    masks
        Shape (n, size, size), bool: the group's ground; empty where there is none.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.bool_]
    houses: npt.NDArray[np.int64]
    masks: npt.NDArray[np.bool_]


def planted_tiles(
    n: int, *, size: int = _REFERENCE, share: float = 0.5, decoys: bool = False, seed: int = 0
) -> PlantedTiles:
    """Overhead tiles of fields, tracks, trees and ponds, in some of which a house group has been planted.

    The group lies anywhere, so that neither the middle nor a corner gives it away; everything else is drawn
    alike whatever the label. A map of what a model relied on that does not point at the group is wrong, or
    the model is.

    Parameters
    ----------
    n
        Number of tiles.
    size
        Side in pixels; a group is about a fifth of it across.
    share
        Share of tiles with a group.
    decoys
        Put greenhouses into every tile: long strips in the colours of the roofs, which say nothing of the
        label. Without them the houses are what strikes the eye, and even a network that knows nothing points
        at them.
    seed
        The same seed gives the same tiles, also as the beginning of a longer series.

    Raises
    ------
    InputError
        If a tile is smaller than 32 pixels, or the numbers make no sense.
    """
    if n < 1 or size < 32 or not 0 <= share <= 1:
        msg = f"n={n}, size={size}, share={share:g}: give n >= 1, size >= 32 pixels and a share from 0 to 1."
        raise InputError(msg)
    images = np.empty((n, 3, size, size), np.uint8)
    masks = np.zeros((n, size, size), bool)
    houses = np.zeros(n, np.int64)
    # One tile at a time: each has its own generator.
    for k in range(n):
        rng = np.random.default_rng([seed, k])
        planted = rng.random() < share
        canvas = Image.fromarray(_ground(rng, size))
        _distractors(ImageDraw.Draw(canvas), rng, size)
        if decoys:  # by a generator of its own: the same houses stand in the same places without them
            _greenhouses(ImageDraw.Draw(canvas), np.random.default_rng([seed, k, 1]), size)
        if planted:
            houses[k], masks[k] = _group(canvas, rng, size)
        images[k] = _photographed(np.asarray(canvas), rng)
    return PlantedTiles(images, houses > 0, houses, masks)


def _ground(rng: Rng, size: int) -> npt.NDArray[np.uint8]:
    """Fields with straight borders: (size, size, 3)."""
    place = np.stack(np.meshgrid(*[np.linspace(-1, 1, size)] * 2), axis=-1)
    field = np.zeros((size, size), np.int64)
    for _ in range(3):
        angle = rng.uniform(0, np.pi)
        field = 2 * field + (place @ [np.cos(angle), np.sin(angle)] > rng.uniform(-0.7, 0.7))
    tint = rng.normal(0, 10, (8, 1)) + rng.normal(0, 4, (8, 3))
    colours = np.array(_GROUNDS)[rng.integers(len(_GROUNDS), size=8)] + tint
    rough = gaussian_filter(rng.standard_normal((size, size)), 0.015 * size)
    shade = 8 * rough / rough.std()
    return np.clip(colours[field] + shade[..., None], 0, 255).astype(np.uint8)


def _distractors(draw: ImageDraw.ImageDraw, rng: Rng, size: int) -> None:
    """A track, trees, perhaps a pond: things that are there with and without houses."""
    ends = rng.uniform(0, size, 4)
    edge = (
        [(0.0, ends[0]), (float(size), ends[1])] if rng.random() < 0.5 else [(ends[0], 0.0), (ends[1], size)]
    )
    draw.line(edge, fill=(196, 172, 136), width=max(1, round(0.022 * size)))
    if rng.random() < 0.4:
        x, y, r = *rng.uniform(0, size, 2), 0.08 * size * rng.uniform(0.6, 1.4)
        draw.ellipse((x - 1.3 * r, y - r, x + 1.3 * r, y + r), fill=(70, 96, 110))
    for _ in range(rng.integers(6, 24)):
        x, y, r = *rng.uniform(0, size, 2), 0.018 * size * rng.uniform(0.6, 1.5)
        green = (52 + int(rng.integers(20)), 78 + int(rng.integers(24)), 44)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=green)


def _greenhouses(draw: ImageDraw.ImageDraw, rng: Rng, size: int) -> None:
    """Three to five strips side by side, as bright and with as hard a shadow as houses."""
    middle, angle = rng.uniform(0.14 * size, 0.86 * size, 2), rng.uniform(0, np.pi)
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    strips = int(rng.integers(3, 6))
    for strip in range(strips):
        centre = middle + across * 0.07 * size * (strip - (strips - 1) / 2)
        half_length, half_width = 0.1 * size * rng.uniform(0.9, 1.2), 0.021 * size * rng.uniform(0.8, 1.1)
        ends = [centre + side * half_length * along for side in (-1, 1)]
        corners = [
            tuple(end + half_width * sign * across) for end, sign in zip((*ends, *ends[::-1]), (-1, -1, 1, 1))
        ]
        draw.polygon([(x + 0.01 * size, y + 0.01 * size) for x, y in corners], fill=(58, 56, 50))
        draw.polygon(corners, fill=_ROOFS[rng.integers(len(_ROOFS))])


def _group(canvas: Image.Image, rng: Rng, size: int) -> tuple[int, npt.NDArray[np.bool_]]:
    """Draw houses on a common place; returns how many and the ground they stand on."""
    count, draw = int(rng.integers(4, 10)), ImageDraw.Draw(canvas)
    plan = Image.new("L", (size, size))
    marked = ImageDraw.Draw(plan)
    middle = rng.uniform(0.14 * size, 0.86 * size, 2)
    angle, pitch = rng.uniform(0, np.pi / 2), 0.062 * size
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    slots = rng.permutation([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])[:count]
    for slot in slots:
        centre = middle + turn @ (slot * pitch + rng.normal(0, 0.006 * size, 2))
        half = 0.021 * size * rng.uniform([0.9, 0.7], [1.3, 1.0])
        corners = [tuple(centre + turn @ (half * sign)) for sign in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        shadow = [(x + 0.01 * size, y + 0.01 * size) for x, y in corners]
        roof = _ROOFS[rng.integers(len(_ROOFS))]
        draw.polygon(shadow, fill=(58, 56, 50))
        draw.polygon(corners, fill=roof)
        ridge = [tuple(centre + turn @ (half * sign)) for sign in ((-1, 0), (1, 0))]
        draw.line(ridge, fill=tuple(min(255, c + 24) for c in roof))
        marked.polygon(corners, fill=255)
    ground = binary_dilation(np.asarray(plan) > 0, iterations=max(1, round(0.02 * size)))
    return count, ground


def _photographed(picture: npt.NDArray[np.uint8], rng: Rng) -> npt.NDArray[np.uint8]:
    """Light and sensor noise; bands first."""
    light, noise = rng.uniform(0.85, 1.1), rng.normal(0, 3, picture.shape)
    return np.clip(picture * light + noise, 0, 255).astype(np.uint8).transpose(2, 0, 1)
