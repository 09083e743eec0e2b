"""What is asked for and what comes back: one cell of the table, its settings and its score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.validation import block_bootstrap, wilson_interval

__all__ = ["Cell", "Row", "Score", "Settings", "accuracy_score", "block_score", "share_score"]

Mode = Literal["paper", "default"]
Floats = npt.NDArray[np.float64]

PUBLISHED = "published"
"""The published split: train and validation lists as they are."""

_RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a table is made.

    Attributes
    ----------
    mode
        ``paper``: as published, the maximum over evaluations on the validation clusters. ``default``: ours,
        the final score of models that never saw the scored clusters.
    steps
        Batches of training of a published network, 3,000 as published; of others the same share of their
        epochs. Fewer are a quick run; the table says so.
    seed
        Of everything random.
    folds
        Folds of the blocked split (``default``).
    buffer_km
        Training clusters this near to a test cluster are left out under the blocked split (``default``).
    weights
        Start of the image-wise networks: torchvision's name, a file, or ``random``.
    device
        ``auto``, ``cpu`` or ``cuda``.
    nodes
        Photos that published graphs are padded to, and the most that a graph of ours has.
    picture_size
        Side of the pictures in pixels.
    """

    mode: Mode = "paper"
    steps: int = 3000
    seed: int = 0
    folds: int = 5
    buffer_km: float = 32.0
    weights: str = "IMAGENET1K_V1"
    device: str = "auto"
    nodes: int = 200
    picture_size: int = 224

    def scaled(self, epochs: int) -> int:
        """Epochs of a network that has so many of them at 3,000 steps."""
        return max(1, -(-epochs * min(self.steps, 3000) // 3000))


class Cell(NamedTuple):
    """One piece of work: a model for an indicator as classes or values, in one country or several at once."""

    model: str
    indicator: str
    classes: bool
    countries: tuple[str, ...]
    split: str = PUBLISHED

    @property
    def metric(self) -> str:
        """What the cell is scored by."""
        return "accuracy" if self.classes else "r2"

    @property
    def name(self) -> str:
        """Name of the cell's file."""
        return "-".join([self.model, self.indicator, self.metric, self.split, *self.countries])


class Row(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    title
        As the published table names it, where it has it.
    make
        What makes the row's scores, or its model.
    pooled
        Whether one model serves all countries.
    only
        The only metric that it is scored by.
    usual
        Whether it is in the table without being asked for.
    steps
        Whether fewer steps make another model.
    """

    title: str
    make: Callable[..., Any]
    pooled: bool = False
    only: str | None = None
    usual: bool = True
    steps: bool = True


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of a cell in one country under one split.

    Attributes
    ----------
    country, split
        Where and how: ``published`` lists, ``random`` or ``blocked``.
    value, lower, upper
        The score and its 95 % interval.
    interval
        How the interval was found: ``Wilson``, ``clusters`` or ``H3 blocks`` (resampled).
    n
        Clusters (or photos) that were scored.
    final, maximum
        Score after the last step, and the largest over evaluations on the scored set: one of them is the
        value (the maximum where it was published so), the other for comparison; NaN where there are none.
    trained
        Clusters that were trained on, of how many.
    note
        What else one has to know.
    """

    country: str
    split: str
    value: float
    lower: float
    upper: float
    interval: str
    n: int
    final: float = np.nan
    maximum: float = np.nan
    trained: str = ""
    note: str = ""


def accuracy_score(y: Floats, p: Floats, **about: Any) -> Score:
    """Accuracy over clusters with Wilson's interval; ``about`` are the other fields of the score."""
    return share_score(float((y == p).sum()), len(y), **about)


def share_score(hits: float, n: int, **about: Any) -> Score:
    """Hits of trials with Wilson's interval."""
    lower, upper = wilson_interval(hits, n)
    return Score(value=hits / n, lower=lower, upper=upper, interval="Wilson", n=n, **about)


def block_score(
    y: Floats,
    p: Floats,
    blocks: npt.ArrayLike,
    *,
    metric: str = "r2",
    interval: str = "clusters",
    **about: Any,
) -> Score:
    """1 − SSE/SST (or another metric) with an interval from resampled blocks."""
    found = block_bootstrap(y, p, blocks, score=metric, n=_RESAMPLES)
    return Score(
        value=found.value, lower=found.lower, upper=found.upper, interval=interval, n=len(y), **about
    )
