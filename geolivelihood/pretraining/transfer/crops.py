"""Random crops of scenes that overlap little; the paper cuts 100 of 416 x 416 pixels from each of xView."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.pretraining.transfer.scenes import Scene

__all__ = ["Crops", "cropped_boxes", "random_crops", "turned_boxes"]

_DRAWN, _ROUNDS = 256, 40  # positions drawn at a time, and how often before a picture counts as full


class Crops(NamedTuple):
    """Squares of scenes.

    Attributes
    ----------
    scene
        (n,) int64, position of the scene.
    corner
        (n, 2) int64, first column and first row.
    """

    scene: npt.NDArray[np.int64]
    corner: npt.NDArray[np.int64]


def random_crops(
    scenes: Sequence[Scene], *, size: int, per_image: int, max_overlap: float = 0.25, seed: int | None = 0
) -> Crops:
    """Squares at random places, each pair of one scene overlapping in less than a share of its area.

    Parameters
    ----------
    scenes
        Where to cut. One smaller than a crop gives one crop, which reaches beyond it.
    size
        Side of a crop in pixels.
    per_image
        Crops per scene; fewer where no more fit.
    max_overlap
        Share of a crop that any other crop may have in common with it; 1 lets all of it be.
    seed
        Of the places.

    Raises
    ------
    InputError
        If an option is out of its range.

    References
    ----------
    .. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV, section 5.2.
    """
    if size < 1 or per_image < 1 or not 0 < max_overlap <= 1:
        msg = (
            f"window={size}, crops_per_image={per_image}, max_overlap={max_overlap}: give at least 1 pixel, "
            "at least 1 crop, and a share above 0 and up to 1."
        )
        raise InputError(msg)
    rng = np.random.default_rng(seed)
    corners = [_corners(scene, size, per_image, max_overlap, rng) for scene in scenes]
    counts = [len(part) for part in corners]
    return Crops(np.repeat(np.arange(len(scenes)), counts), np.concatenate(corners))


def cropped_boxes(
    boxes: npt.NDArray[np.float64],
    corner: npt.ArrayLike,
    *,
    size: int,
    least_share: float = 0.25,
    least_px: float = 2.0,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Boxes within a crop, and which ones they are.

    Parameters
    ----------
    boxes
        (n, 4) first column, first row, last column, last row in the scene.
    corner
        First column and row of the crop.
    size
        Its side.
    least_share
        Boxes of whose area less than this share is inside are dropped: what remains no longer shows what
        it is.
    least_px
        Boxes of which a side shorter than this remains are dropped.

    Returns
    -------
    tuple
        (m, 4) float32 boxes in pixels of the crop, clipped to it; positions (m,) int64 in ``boxes``.
    """
    moved = boxes - np.tile(np.asarray(corner, dtype=np.float64), 2)
    clipped = np.clip(moved, 0, size)
    sides = clipped[:, 2:] - clipped[:, :2]
    whole = np.maximum(moved[:, 2:] - moved[:, :2], 1e-12).prod(axis=1)
    kept = np.flatnonzero((sides >= least_px).all(axis=1) & (sides.prod(axis=1) >= least_share * whole))
    return clipped[kept].astype(np.float32), kept.astype(np.int64)


def turned_boxes(
    boxes: npt.NDArray[np.float32], turn: tuple[int, bool], size: int
) -> npt.NDArray[np.float32]:
    """Boxes of a crop that was turned by :func:`~geolivelihood.pretraining.transfer.fitting.turned`."""
    quarters, mirrored = turn
    left, top, right, bottom = boxes.T
    for _ in range(quarters):
        left, top, right, bottom = top, size - right, bottom, size - left
    if mirrored:
        left, right = size - right, size - left
    return np.stack([left, top, right, bottom], axis=1).astype(np.float32)


def _corners(
    scene: Scene, size: int, count: int, max_overlap: float, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    room = np.maximum([scene.width - size, scene.height - size], 0)
    if max_overlap == 1:
        return rng.integers(0, room + 1, size=(count, 2))
    kept = rng.integers(0, room + 1, size=(1, 2))
    for _ in range(_ROUNDS):  # each choice depends on those before it
        drawn = rng.integers(0, room + 1, size=(_DRAWN, 2))
        for corner in drawn[_apart(drawn, kept, size, max_overlap)]:
            if len(kept) < count and _apart(corner[None], kept, size, max_overlap)[0]:
                kept = np.vstack([kept, corner])
        if len(kept) == count:
            break
    return kept


def _apart(
    drawn: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], size: int, max_overlap: float
) -> npt.NDArray[np.bool_]:
    """Which drawn corners share little enough with all that are kept."""
    shared = np.maximum(size - np.abs(drawn[:, None] - kept[None]), 0).prod(axis=2)
    return np.asarray((shared < max_overlap * size**2).all(axis=1))
