"""Whether the score follows the map, as blocks are taken away or put back in its order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution.baselines import baseline_pictures
from geolivelihood.explanation.attribution.result import Attribution
from geolivelihood.explanation.attribution.scoring import Scorer
from geolivelihood.explanation.faithfulness.cells import at_cells, cell_of_pixels
from geolivelihood.progress import track

__all__ = ["Curves", "curve_area", "deletion_insertion"]

Floats = npt.NDArray[np.float64]
_FLOOR = 0.05


class Curves(NamedTuple):
    """How the score falls and rises as blocks are changed, 1 = the picture's, 0 = the baseline's.

    Attributes
    ----------
    deletion, insertion
        Shape (n, steps + 1), over equal shares of the blocks; NaN where picture and baseline hardly differ.
    deletion_area, insertion_area
        Areas under them, shape (n,). Good maps have little deletion and much insertion; a random order has
        about a half each.
    """

    deletion: Floats
    insertion: Floats
    deletion_area: Floats
    insertion_area: Floats


def deletion_insertion(
    scorer: Scorer,
    attribution: Attribution,
    *,
    baseline: Any = "blur",
    steps: int | None = None,
    spread: float | None = None,
    random_state: int = 0,
) -> Curves:
    """Deletion and insertion curves [1]_ in feature cells, the highest signed value first.

    Parameters
    ----------
    scorer
        The model and the pictures that were explained.
    attribution
        Their maps; those of pixels are summed over 14 x 14 blocks.
    baseline
        What taken-away blocks are replaced by, as for :func:`attribute`. A curve can hang on it: report more
        than one.
    steps
        Points of a curve; ``None`` is one per block, at most 49.
    spread
        Standard deviation of predictions: pictures whose score is within 5 % of it of the baseline's have
        nothing to explain and give NaN. ``None`` takes that of the pictures.
    random_state
        Seed of the order among equal values.

    Raises
    ------
    InputError
        If maps and pictures are of different numbers.

    References
    ----------
    .. [1] Petsiuk, Das and Saenko (2018), RISE: randomized input sampling for explanation, BMVC.
    """
    coarse = at_cells(attribution)
    n, blocks = len(coarse), coarse.maps[0].size
    if n != len(scorer.pictures):
        msg = f"There are {n} maps for {len(scorer.pictures)} pictures; give the maps of these pictures."
        raise InputError(msg)
    points = min(blocks, 49) if steps is None else max(1, min(steps, blocks))
    pictures = scorer.pictures
    empty = baseline_pictures(pictures, baseline).expand_as(pictures)
    base = scorer(empty, np.arange(n))
    rank = _ranks(coarse.maps.reshape(n, -1), random_state)
    place = torch.from_numpy(cell_of_pixels(coarse))
    changed = torch.from_numpy(np.round(np.linspace(0, blocks, points + 1)).astype(np.int64))
    curves = np.empty((2, n, points + 1))
    # One picture at a time: its changed versions already make a batch.
    for k in track(range(n), "taking blocks away"):
        first = torch.from_numpy(rank[k])[place] < changed[:, None, None]
        curves[0, k] = scorer(_mixed(first, empty[k], pictures[k]), k)
        curves[1, k] = scorer(_mixed(first, pictures[k], empty[k]), k)
    way = scorer.scores - base
    sd = float(scorer.scores.std()) if spread is None else spread
    unclear = (np.abs(way) < _FLOOR * sd) | (way == 0)
    scaled = (curves - base[:, None]) / np.where(unclear, np.nan, way)[:, None]
    return Curves(*scaled, *curve_area(scaled))


def curve_area(curve: npt.ArrayLike) -> Floats:
    """Area under curves over 0-1 by the trapezoidal rule, along the last axis."""
    return np.trapezoid(np.asarray(curve, dtype=np.float64), axis=-1) / (np.shape(curve)[-1] - 1)


def _mixed(mask: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    return torch.where(mask[:, None].to(there.device), there, elsewhere)


def _ranks(values: Floats, seed: int) -> npt.NDArray[np.int64]:
    """Rank of each block, 0 = highest; equals in random order."""
    chance = np.random.default_rng(seed).random(values.shape)
    order = np.lexsort((chance, -values), axis=-1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(values.shape[1]), order.shape), axis=1)
    return rank.astype(np.int64)
