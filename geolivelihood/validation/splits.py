"""Train/test splits that ask for new places, new districts or new countries."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.model_selection import BaseCrossValidator

from geolivelihood import cells
from geolivelihood.errors import InputError
from geolivelihood.validation.blocks import block_resolution, block_width_m, dealt
from geolivelihood.validation.distances import lonlat_of, near_any, nearest_m, unit_vectors
from geolivelihood.validation.groups import components, united
from geolivelihood.validation.variogram import variogram

__all__ = ["BlockKFold", "LeaveRegionOut", "RandomKFold"]

_LEAST_TRAINING = 0.2

Ints = npt.NDArray[np.intp]
Split = tuple[Ints, Ints]


class RandomKFold(BaseCrossValidator):
    """Folds drawn at random, whatever the places: the split of most published scores.

    It asks how well a model fills gaps among the places that were surveyed. Neighbours of every test place
    are in training, so its score says little about a district without a survey; read it beside
    :class:`BlockKFold`.

    Parameters
    ----------
    n_splits
        Number of folds, at least 2.
    random_state
        Seed of the shuffle.

    Examples
    --------
    >>> splitter = RandomKFold(3, random_state=0)
    >>> [len(test) for _, test in splitter.split(np.zeros((7, 2)))]
    [3, 2, 2]
    """

    def __init__(self, n_splits: int = 5, *, random_state: int = 0) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield training and test positions of each fold; ``X`` only needs a length.

        Raises
        ------
        InputError
            If there are fewer rows than folds.
        """
        n = len(X)
        _check_folds(self.n_splits, n, "rows")
        order = np.random.default_rng(self.random_state).permutation(n)
        for test in np.array_split(order, self.n_splits):
            yield np.setdiff1d(np.arange(n), test, assume_unique=True), np.sort(test)


class BlockKFold(BaseCrossValidator):
    """Folds made of whole H3 cells, with a buffer around the test places.

    Villages near each other are alike, and so are the pictures of them. With
    :class:`~sklearn.model_selection.KFold` the nearest neighbour of a test village is almost always in
    training, and a model that has merely learned *where* it is looks as if it had learned what wealth looks
    like. Here a test place's whole block is out of training, so the score answers the question that a map is
    asked: how good is it where nobody surveyed? The gap between the two scores is what the neighbours were
    worth.

    Blocks are dealt, largest first, to the lightest fold (Roberts et al. 2017, Ecography 40). Two places on
    both sides of a border between blocks may still be close: the buffer drops the training ones.

    Parameters
    ----------
    n_splits
        Number of folds, at least 2.
    resolution
        H3 resolution of the blocks. ``None`` takes the finest whose cells are as wide as ``range_m``
        (4, 45 km, without one), or finer where that leaves fewer than ``2 * n_splits`` blocks: with a
        warning, and with ``range_m`` as the least buffer.
    buffer_m
        Training places within this distance (metres) of a test place are dropped. ``"auto"``: the larger of
        the practical range and ``window_m``, plus twice ``displacement_m``.
    range_m
        Practical range of the model's out-of-fold residuals, metres; see
        :func:`~geolivelihood.validation.variogram`. With ``"auto"`` and without it, the range of the ``y``
        given to :meth:`split` is taken: labels, or better residuals.
    window_m
        Largest distance over which the pictures of two places overlap (two ±0.1° windows: 32 km).
    displacement_m
        How far a published place may be moved.
    random_state
        Seed that orders blocks of one size.

    References
    ----------
    .. [1] Roberts et al. (2017), Cross-validation strategies for data with temporal, spatial, hierarchical,
       or phylogenetic structure. Ecography 40, 913-929.

    Examples
    --------
    A label that varies over 500 km, and a model that knows nothing but the place:

    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from sklearn.model_selection import KFold, cross_val_score
    >>> rng = np.random.default_rng(0)
    >>> lonlat = rng.uniform([30, -5], [40, 5], (600, 2))
    >>> y = np.sin(lonlat[:, 0]) + np.cos(lonlat[:, 1])
    >>> knn = KNeighborsRegressor(5)
    >>> shuffled = KFold(5, shuffle=True, random_state=0)
    >>> print(round(cross_val_score(knn, lonlat, y, cv=shuffled).mean(), 1))
    1.0
    >>> blocks = BlockKFold(5, resolution=2)
    >>> print(round(cross_val_score(knn, lonlat, y, cv=blocks).mean(), 1))
    0.6
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        resolution: int | None = None,
        buffer_m: float | Literal["auto"] = 0.0,
        range_m: float | None = None,
        window_m: float = 0.0,
        displacement_m: float = 0.0,
        random_state: int = 0,
    ) -> None:
        self.n_splits = n_splits
        self.resolution = resolution
        self.buffer_m = buffer_m
        self.range_m = range_m
        self.window_m = window_m
        self.displacement_m = displacement_m
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield training and test positions of each fold.

        Parameters
        ----------
        X
            Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
        y
            Labels or residuals, for ``buffer_m="auto"`` only.
        groups
            Rows that share pictures: a group id per row (:func:`picture_groups`), or the sparse matrix of
            rows and pictures (:func:`picture_links`). A group stays on one side. When that would tie more
            than ``1 / n_splits`` of the rows together, training rows that share with the test are dropped
            instead, with a warning.

        Raises
        ------
        InputError
            If there are fewer blocks than folds, or less than 20 % of the training rows are left.
        """
        lonlat = lonlat_of(X)
        _check_folds(self.n_splits, len(lonlat), "rows")
        resolution = self.resolution
        if resolution is None:
            resolution = block_resolution(lonlat, n_splits=self.n_splits, range_m=self.range_m)
        blocks = cells.blocks(lonlat, resolution=resolution)
        self._check_blocks(lonlat, blocks, resolution)
        units, shared = self._units(blocks, groups)
        fold = dealt(units, self.n_splits, self.random_state)
        buffer = self._buffer(lonlat, y, resolution)
        for k in range(self.n_splits):
            yield _training(lonlat, fold == k, buffer, shared), np.flatnonzero(fold == k)

    def _check_blocks(self, lonlat: npt.NDArray, blocks: npt.NDArray, resolution: int) -> None:
        found = len(np.unique(blocks))
        if found < self.n_splits:
            finer = block_resolution(lonlat, n_splits=self.n_splits, resolution=resolution, quiet=True)
            msg = (
                f"The places lie in {found} blocks of H3 resolution {resolution}, too few for {self.n_splits}"
                f" folds. Use resolution={finer}, or n_splits={max(found, 2)}."
            )
            raise InputError(msg)
        if self.resolution is not None and found < 2 * self.n_splits:
            msg = f"{found} blocks of H3 resolution {resolution} are few for {self.n_splits} folds"
            warnings.warn(msg, stacklevel=3)

    def _units(self, blocks: npt.NDArray, groups: Any) -> tuple[Ints, Any]:
        """What is dealt whole, and what training must not share with the test when groups cannot be kept."""
        alone = pd.factorize(blocks)[0]
        if groups is None:
            return alone, None
        rows = groups.shape[0] if sparse.issparse(groups) else len(groups)
        if rows != len(blocks):
            msg = f"groups has {rows} rows, X has {len(blocks)}. Give one group per row."
            raise InputError(msg)
        labels = components(sparse.csr_array(groups)) if sparse.issparse(groups) else np.asarray(groups)
        tied = united(alone, labels)
        largest, limit = np.bincount(tied).max(), max(np.bincount(alone).max(), len(blocks) / self.n_splits)
        if largest <= limit and len(np.unique(tied)) >= self.n_splits:
            return tied, None
        msg = (
            f"Shared pictures tie {largest} of {len(blocks)} rows into one group, too many for "
            f"{self.n_splits} folds. Training rows that share with the test are dropped instead"
        )
        warnings.warn(msg, stacklevel=3)
        return alone, groups

    def _buffer(self, lonlat: npt.NDArray, y: Any, resolution: int) -> float:
        if self.buffer_m != "auto":
            wanted = float(self.buffer_m)
            if wanted < 0:
                msg = f"buffer_m={wanted:g}: give a distance in metres, 0 or more, or 'auto'."
                raise InputError(msg)
            return max(wanted, self._missing_width(resolution))
        range_m = self.range_m
        if range_m is None and y is None:
            msg = "buffer_m='auto' needs range_m=, or residuals (or labels) as y in split(X, y)."
            raise InputError(msg)
        if range_m is None:
            found = variogram(lonlat, y, random_state=self.random_state)
            if not found.resolved:
                msg = (
                    f"buffer_m='auto': y still rises after {found.lag_m[-1] / 1000:.0f} km, a trend without "
                    "a range. Give out-of-fold residuals as y, range_m= or a buffer_m in metres."
                )
                raise InputError(msg)
            range_m = found.range_m
        return max(range_m, self.window_m) + 2 * self.displacement_m

    def _missing_width(self, resolution: int) -> float:
        """A block narrower than the range is made up for by a buffer."""
        if self.resolution is not None or self.range_m is None:
            return 0.0
        return self.range_m if block_width_m(resolution) < self.range_m else 0.0


class LeaveRegionOut(BaseCrossValidator):
    """Each region is the test once: the question of a country without a survey.

    Parameters
    ----------
    buffer_m
        Training places within this distance (metres) of a test place are dropped.

    Examples
    --------
    >>> lonlat = np.array([[0, 0], [1, 0], [2, 0], [3, 0]])
    >>> for train, test in LeaveRegionOut().split(lonlat, groups=["A", "A", "B", "C"]):
    ...     print(train, test)
    [2 3] [0 1]
    [0 1 3] [2]
    [0 1 2] [3]
    """

    def __init__(self, *, buffer_m: float = 0.0) -> None:
        self.buffer_m = buffer_m

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of regions in ``groups``."""
        return len(np.unique(_regions(groups, None)))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Split]:
        """Yield training and test positions of each region, in the order in which they first appear.

        Parameters
        ----------
        X
            Points (any CRS), or longitudes and latitudes, degrees, shape (n, 2).
        y
            Ignored.
        groups
            Region id of each row.

        Raises
        ------
        InputError
            If a row has no region, there is only one, or less than 20 % of the training rows are left.
        """
        lonlat = lonlat_of(X)
        regions = _regions(groups, len(lonlat))
        for k in range(regions.max() + 1):
            yield _training(lonlat, regions == k, float(self.buffer_m), None), np.flatnonzero(regions == k)


def _training(lonlat: npt.NDArray, test: npt.NDArray[np.bool_], buffer_m: float, shared: Any) -> Ints:
    """Rows outside the test, its buffer and its pictures."""
    train = ~test
    if shared is not None:
        train &= ~_shares(shared, test)
    if buffer_m > 0:
        unit = unit_vectors(lonlat)
        train[train] = ~near_any(unit[train], unit[test], buffer_m)
    if train.sum() < _LEAST_TRAINING * (~test).sum():
        why = f"A buffer of {buffer_m:.0f} m" + ("" if shared is None else " and shared pictures")
        apart = nearest_m(unit_vectors(lonlat[~test]), unit_vectors(lonlat[test]))
        widest = np.quantile(apart, 1 - _LEAST_TRAINING)
        msg = (
            f"{why} leaves {int(train.sum())} of {int((~test).sum())} training rows of a fold, under 20 %. "
            f"Give another buffer_m (beyond {widest:.0f} none leaves enough; 0 for "
            "none), more folds, or larger blocks (a coarser resolution)."
        )
        raise InputError(msg)
    return np.flatnonzero(train)


def _shares(groups: Any, test: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Rows that use a picture (or carry a group) of the test."""
    if sparse.issparse(groups):
        matrix = sparse.csr_array(groups)
        used = np.asarray(matrix[test].sum(axis=0)).ravel() > 0
        return matrix @ used.astype(float) > 0
    labels = np.asarray(groups)
    return np.isin(labels, labels[test])


def _regions(groups: Any, rows: int | None) -> Ints:
    if groups is None:
        msg = "LeaveRegionOut needs the region of each row: split(X, groups=region_ids)."
        raise InputError(msg)
    given = pd.Series(np.asarray(groups, dtype=object))
    if rows is not None and len(given) != rows:
        msg = f"groups has {len(given)} rows, X has {rows}. Give one region per row."
        raise InputError(msg)
    if given.isna().any():
        msg = f"{int(given.isna().sum())} rows have no region. Drop them, or give them one (the nearest)."
        raise InputError(msg)
    codes, names = pd.factorize(given)
    if len(names) < 2:
        msg = f"All rows are in one region ({names[0] if len(names) else 'none'}); at least two are needed."
        raise InputError(msg)
    return codes


def _check_folds(n_splits: int, found: int, what: str) -> None:
    if n_splits < 2 or n_splits > found:
        msg = f"n_splits={n_splits} with {found} {what}: give a number of folds from 2 to {max(found, 2)}."
        raise InputError(msg)
