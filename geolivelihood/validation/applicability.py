"""Where a model has seen anything like the place: the dissimilarity index and the area of applicability."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.validation.neighbours import count_within, mean_distance, nearest_distance
from geolivelihood.validation.out_of_fold import checked_folds

__all__ = ["AreaOfApplicability", "dissimilarity_index", "dissimilarity_threshold"]

Floats = npt.NDArray[np.float64]
Splits = Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]
Rule = Literal["whisker", "paper"]

# A spread below this share of the values is rounding, not a feature.
_ROUNDING = 1e-12
_VARIANCE_KEPT = 0.95
_MOST_COMPONENTS = 50


class AreaOfApplicability(BaseEstimator):
    """The places whose features resemble those that the model was validated on.

    A score says how good a model is for places like the tested ones. Anywhere else it says nothing, and a
    model will predict a desert as calmly as a town. The dissimilarity index (DI) of a place is the distance
    of its features to the nearest training row, in units of the mean distance between training rows; a
    training row's own DI goes to the nearest row *that its fold was allowed to learn from*. New places are
    applicable where their DI is none that validation has not met [1]_.

    The folds decide how strict that is, so give those of the score that is claimed: without folds a training
    row's neighbour is its twin next door and nearly everything is refused; with random folds the area is
    that of a claim about places among the surveyed.

    Parameters
    ----------
    threshold
        ``"whisker"``: Q75 + 1.5 IQR of the training DI, or their largest where that is less.
        ``"paper"``: the largest training DI not beyond that whisker.
    embedding
        Reduce the features to principal components that keep 95 % of the variance, at most 50: for
        embeddings, whose hundreds of correlated columns make all distances alike.
    scaled
        Measure each feature in its own standard deviations. Not so where the axes share a unit already, as
        those of unit vectors do: distances are then those along the ground.
    random_state
        Seed of the million pairs that stand for all pairs above 20,000 training rows.

    Attributes
    ----------
    columns_
        Positions of the features that count: neither constant nor of weight 0.
    mean_distance_
        Mean distance between two training rows, in weighted standard deviations.
    train_dissimilarity_
        DI of each training row, shape (n,); NaN for rows that no fold tests.
    threshold_
        Largest DI that is applicable.

    References
    ----------
    .. [1] Meyer & Pebesma (2021), Predicting into unknown space? Estimating the area of applicability of
       spatial prediction models. Methods in Ecology and Evolution 12, 1620-1633.
    .. [2] Schumacher et al. (2025), Assessing the area of applicability of spatial prediction models through
       a local data point density approach. Geoscientific Model Development 18, 10185-10202.

    Examples
    --------
    >>> train = np.array([[0, 0], [1, 0], [0, 2], [2, 1], [4, 4], [6, 4], [4, 5], [7, 7]])
    >>> folds = [(np.r_[4:8], np.r_[0:4]), (np.r_[0:4], np.r_[4:8])]
    >>> area = AreaOfApplicability().fit(train, splits=folds, weights=[1, 0.5])
    >>> area.applicable([[0.5, 0.5], [30, 30], [1, np.nan]])
    array([ True, False, False])
    """

    def __init__(
        self,
        *,
        threshold: Rule = "whisker",
        embedding: bool = False,
        scaled: bool = True,
        random_state: int = 0,
    ) -> None:
        self.threshold = threshold
        self.embedding = embedding
        self.scaled = scaled
        self.random_state = random_state

    def fit(self, X: Any, *, splits: Splits | None = None, weights: npt.ArrayLike | None = None) -> Self:
        """Measure the training rows.

        Parameters
        ----------
        X
            Features of the training rows, shape (n, p), without gaps: an array, or a DataFrame whose columns
            new tables are then matched to by name.
        splits
            Training and test positions of each fold, the buffer already taken out of training. ``None``
            holds each row out alone.
        weights
            How much each feature counts, at least 0, shape (p,) (a Series is matched to a DataFrame's
            columns): an importance, or the absolute coefficients of standardised features. ``None``: all 1.

        Raises
        ------
        InputError
            If a value is missing, there are fewer than two rows, no feature counts, a weight is negative, a
            fold has no training row, trains on what it tests, or a row is tested twice.
        """
        self._names = X.columns if isinstance(X, pd.DataFrame) else None
        table = _complete(self._table(X))
        self._place_axes(table, _checked_weights(weights, self._names, table.shape[1]))
        self._train = self._coordinates(table)
        self.mean_distance_ = mean_distance(self._train, random_state=self.random_state)
        self.train_dissimilarity_ = _held_out_distance(self._train, splits) / self.mean_distance_
        self.threshold_ = dissimilarity_threshold(self.train_dissimilarity_, rule=self.threshold)
        return self

    def dissimilarity(self, X: Any) -> Floats:
        """DI of each row, shape (m,); NaN where a feature that counts is missing.

        Raises
        ------
        InputError
            If the features are not those of the training rows.
        """
        points, known = self._known(X)
        index = np.full(len(known), np.nan)
        index[known] = nearest_distance(self._train, points) / self.mean_distance_
        return index

    def applicable(self, X: Any) -> npt.NDArray[np.bool_]:
        """Whether each row's DI is at most the threshold, shape (m,); not so where a feature is missing.

        Raises
        ------
        InputError
            If the features are not those of the training rows.
        """
        return self.dissimilarity(X) <= self.threshold_

    def density(self, X: Any) -> npt.NDArray[np.int64]:
        """Training rows nearer than the threshold (local point density [2]_), shape (m,); 0 with a gap.

        Raises
        ------
        InputError
            If the features are not those of the training rows.
        """
        points, known = self._known(X)
        count = np.zeros(len(known), dtype=np.int64)
        count[known] = count_within(self._train, points, self.threshold_ * self.mean_distance_)
        return count

    def _known(self, X: Any) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """Coordinates of the rows without a gap, and which rows these are."""
        check_is_fitted(self, "threshold_")
        table = self._table(X, expected=self._features)
        known = np.asarray(np.isfinite(table[:, self.columns_]).all(axis=1))
        return self._coordinates(table[known]), known

    def _table(self, X: Any, expected: int | None = None) -> Floats:
        # the models bring torch with them, which the rest of this room does without
        from geolivelihood.models.rows import check_features

        if self._names is not None and isinstance(X, pd.DataFrame):
            missing = self._names.difference(X.columns)
            if len(missing):
                msg = f"X lacks {len(missing)} of the training features: {list(missing[:5])}. Give them all."
                raise InputError(msg)
            X = X[self._names]
        return check_features(X, expected=expected)

    def _place_axes(self, table: Floats, weights: Floats) -> None:
        """Origin, unit and direction of the axes along which distances are measured."""
        spread = table.std(axis=0, ddof=1)
        constant = spread <= _ROUNDING * np.abs(table).max(axis=0)
        if not self.scaled and not constant.all():  # a new place may differ along any axis
            constant, spread = np.zeros_like(constant), np.ones_like(spread)
        _warn_of_constant(np.flatnonzero(constant & (weights > 0)), self._names)
        self._features = table.shape[1]
        self.columns_ = np.flatnonzero(~constant & (weights > 0))
        if not len(self.columns_):
            msg = "Every feature is constant or of weight 0. Give at least one that varies, and a weight."
            raise InputError(msg)
        self._origin = table[:, self.columns_].mean(axis=0)
        self._unit = weights[self.columns_] / spread[self.columns_]
        self._axes = None
        if self.embedding:
            self._axes = _principal_axes(self._coordinates(table))

    def _coordinates(self, table: Floats) -> Floats:
        scaled = (table[:, self.columns_] - self._origin) * self._unit
        return scaled if self._axes is None else scaled @ self._axes


def dissimilarity_index(train: Any, new: Any, *, weights: npt.ArrayLike | None = None) -> Floats:
    """Distance of each row to its nearest training row, over the mean distance between training rows.

    Parameters
    ----------
    train, new
        Features, shapes (n, p) and (m, p); only ``new`` may have gaps.
    weights
        As in :meth:`AreaOfApplicability.fit`.

    Returns
    -------
    numpy.ndarray
        Shape (m,); NaN where a feature is missing.

    Raises
    ------
    InputError
        As in :meth:`AreaOfApplicability.fit`.
    """
    return AreaOfApplicability().fit(train, weights=weights).dissimilarity(new)


def dissimilarity_threshold(dissimilarity: npt.ArrayLike, *, rule: Rule = "whisker") -> float:
    """Largest dissimilarity that counts as met in validation.

    Parameters
    ----------
    dissimilarity
        DI of the training rows, each against its fold's training set; NaN are left out.
    rule
        See :class:`AreaOfApplicability`.

    Raises
    ------
    InputError
        If there is no value, or the rule is unknown.

    Examples
    --------
    >>> index = [0.1, 0.12, 0.15, 0.2, 0.22, 0.25, 0.3, 0.9]
    >>> print(round(dissimilarity_threshold(index), 4), dissimilarity_threshold(index, rule="paper"))
    0.4425 0.3
    """
    index = np.asarray(dissimilarity, dtype=float)
    index = index[~np.isnan(index)]
    if not len(index):
        msg = "No training row has a dissimilarity. Give splits that test at least one row."
        raise InputError(msg)
    lower, upper = np.quantile(index, [0.25, 0.75])
    whisker = upper + 1.5 * (upper - lower)
    if rule == "whisker":
        return float(min(whisker, index.max()))
    if rule == "paper":
        return float(index[index <= whisker].max())
    msg = f"threshold={rule!r}: use 'whisker' or 'paper'."
    raise InputError(msg)


def _held_out_distance(train: Floats, splits: Splits | None) -> Floats:
    """Distance of each row to the nearest one that its fold learns from."""
    if splits is None:
        return nearest_distance(train, train, rank=2)
    distance = np.full(len(train), np.nan)
    for k, (allowed, test) in enumerate(checked_folds(splits, len(train))):
        if not len(allowed):
            msg = f"Fold {k} has no training row. Use larger folds or a smaller buffer."
            raise InputError(msg)
        distance[test] = nearest_distance(train[allowed], train[test])
    return distance


def _complete(table: Floats) -> Floats:
    if len(table) < 2:
        msg = f"{len(table)} training rows have no mean distance. Give at least 2."
        raise InputError(msg)
    gaps = np.isnan(table).any(axis=1)
    if gaps.any():
        msg = (
            f"{int(gaps.sum())} of {len(table)} training rows have missing features (first at row "
            f"{int(np.flatnonzero(gaps)[0])}). Give them as the model saw them, filled in, or drop them."
        )
        raise InputError(msg)
    return table


def _checked_weights(weights: npt.ArrayLike | None, names: pd.Index | None, features: int) -> Floats:
    if weights is None:
        return np.ones(features)
    if isinstance(weights, pd.Series) and names is not None:
        weights = weights.reindex(names)
    values = np.asarray(weights, dtype=float)
    if values.shape != (features,):
        msg = f"weights have shape {values.shape}, but there are {features} features. Give one per feature."
        raise InputError(msg)
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        msg = (
            f"{len(bad)} weights are negative or missing (first: {values[bad[0]]:g}, feature {bad[0]}). "
            "An importance below 0 is noise around 0: weights.clip(0)."
        )
        raise InputError(msg)
    return values


def _warn_of_constant(columns: npt.NDArray[np.intp], names: pd.Index | None) -> None:
    if len(columns):
        some = (columns if names is None else names[columns]).tolist()[:5]
        msg = f"{len(columns)} features are constant in training and say nothing of distance, dropped: {some}"
        warnings.warn(msg, stacklevel=4)


def _principal_axes(centred: Floats) -> Floats:
    """Directions of most variance, shape (p, m): 95 % of it, at most 50. Distances need no sign."""
    variance, axes = np.linalg.eigh(centred.T @ centred)
    share = np.cumsum(variance[::-1]) / variance.sum()
    kept = min(int(np.searchsorted(share, _VARIANCE_KEPT)) + 1, _MOST_COMPONENTS)
    return axes[:, ::-1][:, :kept]
