"""What is asked for and what comes back: one cell of the table, its settings and its score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from geolivelihood.errors import InputError
from geolivelihood.validation import (
    block_bootstrap,
    classification_scores,
    regression_scores,
    wilson_interval,
)

__all__ = [
    "Cell",
    "Row",
    "Score",
    "Settings",
    "accuracy_score",
    "block_score",
    "check_learnable",
    "share_score",
]

Mode = Literal["paper", "default"]
Floats = npt.NDArray[np.float64]

PUBLISHED = "published"
"""The published split: train and validation lists as they are."""

_RESAMPLES = 2000
_FEWEST = 3  # clusters: as many as the nearest neighbours of the published classifier


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
        42 km: two photo windows of ±0.1 degrees overlap up to 32 km, and two rural points are displaced by up
        to 5 km each.
    cluster_limit
        Clusters with fewer photos are left out.
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
    buffer_km: float = 42.0
    cluster_limit: int = 1
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
    features, pictures
        Whether it reads the features, or the pictures, of the photos.
    """

    title: str
    make: Callable[..., Any]
    pooled: bool = False
    only: str | None = None
    usual: bool = True
    steps: bool = True
    features: bool = False
    pictures: bool = False


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
    macro_f1, auc, brier
        Further scores of classes; the last two where the model gives probabilities. NaN elsewhere.
    mae, rmse, mse, pearson_r2
        Further scores of values, as they were learned (published models: scaled to −1 ... 1). NaN elsewhere.
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
    macro_f1: float = np.nan
    auc: float = np.nan
    brier: float = np.nan
    mae: float = np.nan
    rmse: float = np.nan
    mse: float = np.nan
    pearson_r2: float = np.nan


def check_learnable(y: npt.ArrayLike, where: str) -> None:
    """Refuse a training target that says nothing.

    Raises
    ------
    InputError
        If there are fewer than three clusters, or all have the same label.
    """
    labels = np.asarray(y)
    if len(labels) < _FEWEST or len(np.unique(labels)) < 2:
        msg = (
            f"{len(labels)} training clusters of {where} have {len(np.unique(labels))} different labels; "
            f"{_FEWEST} clusters and 2 labels are needed."
        )
        raise InputError(msg)


def accuracy_score(y: Floats, p: Floats, *, proba: Floats | None = None, **about: Any) -> Score:
    """Accuracy over clusters with Wilson's interval; ``about`` are the other fields of the score."""
    return share_score(float((y == p).sum()), len(y), **_of_classes(y, p, proba), **about)


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
    proba: Floats | None = None,
    **about: Any,
) -> Score:
    """1 − SSE/SST (or accuracy) with an interval from resampled blocks.

    Raises
    ------
    InputError
        If r² is asked for of values that do not vary.
    """
    if metric == "r2" and len(np.unique(y)) < 2:
        msg = f"r² is not defined: the {len(y)} scored values do not vary."
        raise InputError(msg)
    about |= _of_classes(y, p, proba) if metric == "accuracy" else _of_values(y, p)
    found = block_bootstrap(y, p, blocks, score=metric, n=_RESAMPLES)
    return Score(
        value=found.value, lower=found.lower, upper=found.upper, interval=interval, n=len(y), **about
    )


def _of_classes(y: Floats, p: Floats, proba: Floats | None) -> dict[str, float]:
    found = classification_scores(y, p, proba if len(np.unique(y)) > 1 else None)
    brier = np.nan if proba is None else float(((proba - y) ** 2).mean())
    return {"macro_f1": found["macro_f1"], "auc": found["auc"], "brier": brier}


def _of_values(y: Floats, p: Floats) -> dict[str, float]:
    found = regression_scores(y, p)
    return {name: found[name] for name in ("mae", "rmse", "pearson_r2")} | {"mse": found["rmse"] ** 2}
