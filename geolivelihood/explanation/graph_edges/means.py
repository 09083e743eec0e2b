"""Means over many predictions, each of which knows only some of the things."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["RunningMean"]

Floats = npt.NDArray[np.float64]


class RunningMean:
    """Mean and mean absolute value of things, over those who know them; NaN is not knowing.

    Parameters
    ----------
    count
        Number of things.
    """

    def __init__(self, count: int) -> None:
        self._sums = np.zeros((3, count))

    def add(self, at: npt.NDArray[np.int64], values: npt.ArrayLike) -> None:
        """Values of some things (m,), by their positions, each at most once."""
        given = np.broadcast_to(np.asarray(values, dtype=float), at.shape)
        known = ~np.isnan(given)
        self._sums[:, at[known]] += given[known], np.abs(given[known]), np.ones(known.sum())

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which things anybody knows."""
        return self._sums[2] > 0

    @property
    def mean(self) -> Floats:
        """Mean of each thing, NaN where nobody knows it."""
        return self._over(self._sums[0])

    @property
    def absolute(self) -> Floats:
        """Mean absolute value of each thing, NaN where nobody knows it."""
        return self._over(self._sums[1])

    def _over(self, sums: Floats) -> Floats:
        return np.divide(sums, self._sums[2], out=np.full(len(sums), np.nan), where=self.known)
