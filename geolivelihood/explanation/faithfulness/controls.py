"""Attributions by chance, through the same pipeline: what a map must beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.explanation.attribution.result import Attribution

__all__ = ["Difference", "paired_difference", "random_attributions"]

Floats = npt.NDArray[np.float64]
_RESAMPLES = 2_000


class Difference(NamedTuple):
    """A mean difference over pictures with its 95 % interval."""

    mean: float
    lower: float
    upper: float


def random_attributions(
    like: Attribution, *, draws: int = 10, random_state: int = 0
) -> Iterator[Attribution]:
    """Maps of independent normal noise on the cells of ``like``, ``draws`` times."""
    for draw in range(draws):
        rng = np.random.default_rng([random_state, draw])
        noise = like.with_maps(rng.standard_normal(like.maps.shape))
        yield replace(noise, method="random", error=None)


def paired_difference(ours: Floats, controls: Floats, *, random_state: int = 0) -> Difference:
    """How much better a method does than chance, picture by picture.

    Parameters
    ----------
    ours
        Score of each picture, shape (n,); NaN where there is none.
    controls
        The same of the random maps, shape (draws, n).
    random_state
        Seed of the 2,000 resamples of pictures behind the percentile interval.

    Returns
    -------
    Difference
        NaN throughout without a picture that has a score, without interval for one.
    """
    gaps = ours - np.mean(controls, axis=0)
    gaps = gaps[np.isfinite(gaps)]
    if len(gaps) < 2:
        return Difference(float(gaps.mean()) if len(gaps) else np.nan, np.nan, np.nan)
    rng = np.random.default_rng(random_state)
    counts = rng.multinomial(len(gaps), np.full(len(gaps), 1 / len(gaps)), size=_RESAMPLES)
    means = counts @ gaps / len(gaps)
    return Difference(float(gaps.mean()), *(float(q) for q in np.quantile(means, (0.025, 0.975))))
