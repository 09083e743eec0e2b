"""What an attribution gives back: maps, what they add up to, and where their cells look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

__all__ = ["Attribution"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attribution:
    """Maps of what raised (positive) and lowered (negative) one target in each of n pictures.

    For every picture ``maps.sum() + intercept + residual`` is ``total``. Maps are not scaled per picture, so
    those of one model, transform and target compare.

    Attributes
    ----------
    maps
        Shape (n, rows, columns), float64, in the unit of the target per cell.
    total
        Score that is explained, shape (n,).
    intercept
        Part of it that lies nowhere: a bias, or the score of the baseline; shape (n,).
    residual
        What the method leaves unexplained, shape (n,): rounding for complete methods.
    baseline
        What the pictures were compared with, in words.
    target
        Name of what is explained.
    method
        One of :data:`~geolivelihood.explanation.attribution.METHODS`.
    start, jump
        Cell i looks at the input's pixel-edge coordinate ``start + i * jump``, in rows and columns alike.
    size
        Height and width of the input in pixels.
    layer
        Layer that was explained; ``None`` for the pixels.
    unit
        Unit of the maps' sum: ``"log-odds"``, ``"logit above the mean class"`` or ``"target"``.
    error
        Monte-Carlo standard error of the maps' sum, shape (n,); ``None`` for methods without chance.
    """

    maps: Floats
    total: Floats
    intercept: Floats
    residual: Floats
    baseline: str
    target: str
    method: str
    start: float
    jump: float
    size: tuple[int, int]
    layer: str | None = None
    unit: str = "target"
    error: Floats | None = None

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.maps)

    @property
    def completeness_error(self) -> float:
        """Largest residual of a picture, in the unit of the target."""
        return float(np.abs(self.residual).max(initial=0.0))

    def with_maps(self, maps: Floats) -> Self:
        """The same pictures with other maps; the residual says what these leave unexplained."""
        left = self.total - self.intercept - maps.sum(axis=(1, 2))
        return replace(self, maps=maps, residual=left)

    def normalised(self) -> Self:
        """Each map stretched to 0-1, for display only: pictures no longer compare, and sums mean nothing.

        A map that is the same everywhere becomes 0.
        """
        low, high = (end(self.maps, axis=(1, 2), keepdims=True) for end in (np.min, np.max))
        span = high - low
        return self.with_maps(np.divide(self.maps - low, span, out=np.zeros_like(self.maps), where=span > 0))

    def __repr__(self) -> str:
        """How many maps of what, and how complete they are."""
        rows, columns = self.maps.shape[1:]
        return (
            f"Attribution({len(self)} maps of {rows} x {columns}, {self.method} of {self.target}, "
            f"completeness error {self.completeness_error:.3g} {self.unit})"
        )
