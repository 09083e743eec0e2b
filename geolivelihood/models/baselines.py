"""Baselines that look at no picture: the mean, the majority, and the neighbours on the sphere.

A model on pictures that does not beat them has learned geography, not what the pictures show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.models.rows import (
    Floats,
    check_labels,
    check_lonlat,
    check_target,
    check_weights,
    row_count,
)
from geolivelihood.sphere import EARTH_RADIUS_M, unit_vectors

__all__ = ["GeodesicKNN", "InverseDistance", "MajorityClassifier", "MeanRegressor"]

State = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]
_POWERS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


class MeanRegressor(RegressorMixin, BaseEstimator):
    """Predict the (weighted) mean of the training targets, whatever ``X`` is."""

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Learn the mean; ``X`` only has to have as many rows as ``y``."""
        target = check_target(y, rows=row_count(X))
        self.mean_ = float(np.average(target, weights=check_weights(sample_weight, rows=len(target))))
        return self

    def predict(self, X: Any) -> Floats:
        """Repeat the mean, once per row."""
        check_is_fitted(self)
        return np.full(row_count(X), self.mean_)

    def _state(self) -> State:
        return {"mean": np.array([self.mean_])}, {}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.mean_ = float(arrays["mean"][0])


class MajorityClassifier(ClassifierMixin, BaseEstimator):
    """Predict the class with the largest (weighted) share of the training labels, whatever ``X`` is."""

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Learn the shares; ``X`` only has to have as many rows as ``y``."""
        self.classes_, codes = check_labels(y, rows=row_count(X))
        weights = check_weights(sample_weight, rows=len(codes))
        self.shares_ = np.bincount(codes, weights=weights, minlength=len(self.classes_)) / weights.sum()
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Repeat the largest class, once per row."""
        check_is_fitted(self)
        return np.repeat(self.classes_[self.shares_.argmax()], row_count(X))

    def predict_proba(self, X: Any) -> Floats:
        """Repeat the shares of the classes, shape (rows, classes)."""
        check_is_fitted(self)
        return np.tile(self.shares_, (row_count(X), 1))

    def _state(self) -> State:
        return {"shares": self.shares_}, {"classes": self.classes_}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.shares_, self.classes_ = arrays["shares"], meta["classes"]


class _Neighbours(RegressorMixin, BaseEstimator):
    """Shared by the two neighbour baselines: a k-d tree on the unit sphere, tuned by inner folds."""

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Remember the points and tune what is ``None``.

        Parameters
        ----------
        X
            Longitude and latitude in degrees, shape (rows, 2), or a GeoDataFrame of points in EPSG:4326.
        y
            Target, one per row.
        sample_weight
            Weight of each point in the averages of its neighbours.
        groups
            Optional block of each row; inner folds then keep blocks whole, so that the tuning answers the
            same question as a blocked outer split.
        """
        points = check_lonlat(X)
        self.target_ = check_target(y, rows=len(points))
        self.weight_ = check_weights(sample_weight, rows=len(points))
        self.unit_ = unit_vectors(points)
        self._tune(groups)
        return self

    def predict(self, X: Any) -> Floats:
        """Predict one value per point (longitude, latitude in degrees)."""
        check_is_fitted(self)
        if row_count(X) == 0:
            return np.zeros(0)
        distance, index = _nearest(self.unit_, unit_vectors(check_lonlat(X)), self._reach(len(self.target_)))
        return self._combine(distance, self.target_[index], self.weight_[index])[:, 0]

    def _reach(self, points: int) -> int:
        raise NotImplementedError

    def _combine(self, distance: Floats, target: Floats, weight: Floats) -> Floats:
        """Prediction per row (rows) and setting under trial (columns)."""
        raise NotImplementedError

    def _tune(self, groups: npt.ArrayLike | None) -> None:
        raise NotImplementedError

    def _inner_errors(self, groups: npt.ArrayLike | None, reach: int) -> Floats:
        """Weighted squared error of every setting, summed over the inner folds."""
        errors: list[Floats] = []
        for train, test in _inner_folds(len(self.target_), self.cv, groups, self.random_state):
            distance, index = _nearest(self.unit_[train], self.unit_[test], reach)
            predicted = self._combine(distance, self.target_[train][index], self.weight_[train][index])
            errors.append(self.weight_[test] @ (predicted - self.target_[test][:, None]) ** 2)
        return np.sum(errors, axis=0)

    def _state(self) -> State:
        return {"unit": self.unit_, "target": self.target_, "weight": self.weight_}, self._tuned()

    def _tuned(self) -> dict[str, Any]:
        raise NotImplementedError

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.unit_, self.target_, self.weight_ = arrays["unit"], arrays["target"], arrays["weight"]
        for name, value in meta.items():
            setattr(self, name, value)


class GeodesicKNN(_Neighbours):
    """Mean of the k nearest training points by great-circle distance.

    Parameters
    ----------
    k
        Number of neighbours; ``None`` takes the best of 1 ... ``max_k`` by inner cross-validation.
    max_k
        Largest k tried.
    cv
        Number of inner folds.
    random_state
        Seed of the inner folds.

    Attributes
    ----------
    k_
        Neighbours used.
    cv_error_
        Mean squared inner error of every k tried; ``None`` where k was given.
    """

    def __init__(self, *, k: int | None = None, max_k: int = 50, cv: int = 5, random_state: int = 0) -> None:
        self.k = k
        self.max_k = max_k
        self.cv = cv
        self.random_state = random_state

    def _tune(self, groups: npt.ArrayLike | None) -> None:
        _check_count("k" if self.k is not None else "max_k", self.k if self.k is not None else self.max_k)
        self.k_, self.cv_error_ = self.k or 0, None
        if self.k is None:
            errors = self._inner_errors(groups, self.max_k) / self.weight_.sum()
            self.k_, self.cv_error_ = int(np.argmin(errors)) + 1, errors.tolist()

    def _reach(self, points: int) -> int:
        return min(self.k_, points)

    def _combine(self, distance: Floats, target: Floats, weight: Floats) -> Floats:
        total = np.cumsum(weight, axis=1)
        # Neighbours of weight 0 say nothing: until one with weight comes, their plain mean stands in.
        plain = np.cumsum(target, axis=1) / np.arange(1, target.shape[1] + 1)
        means = np.divide(np.cumsum(weight * target, axis=1), total, out=plain, where=total > 0)
        if self.k_:
            return means[:, -1:]
        missing = self.max_k - means.shape[1]
        return np.pad(means, ((0, 0), (0, missing)), mode="edge") if missing > 0 else means

    def _tuned(self) -> dict[str, Any]:
        return {"k_": self.k_, "cv_error_": self.cv_error_}


class InverseDistance(_Neighbours):
    """Mean of the k nearest training points, each weighted by 1/distance^power.

    At a training point itself the prediction is its target (the mean, where several coincide).

    Parameters
    ----------
    power
        Exponent; ``None`` takes the best of 0.5, 1, 1.5, 2, 3 and 4 by inner cross-validation.
    k
        Number of nearest points that count; ``None`` lets all count.
    cv
        Number of inner folds.
    random_state
        Seed of the inner folds.

    Attributes
    ----------
    power_
        Exponent used.
    """

    def __init__(
        self, *, power: float | None = None, k: int | None = 50, cv: int = 5, random_state: int = 0
    ) -> None:
        self.power = power
        self.k = k
        self.cv = cv
        self.random_state = random_state

    def _tune(self, groups: npt.ArrayLike | None) -> None:
        if self.k is not None:
            _check_count("k", self.k)
        if self.power is not None and not self.power > 0:
            msg = f"power must be positive, got {self.power}."
            raise InputError(msg)
        self.power_ = self.power
        if self.power is None:
            errors = self._inner_errors(groups, self._reach(len(self.target_)))
            self.power_ = _POWERS[int(np.argmin(errors))]

    def _reach(self, points: int) -> int:
        return points if self.k is None else min(self.k, points)

    def _combine(self, distance: Floats, target: Floats, weight: Floats) -> Floats:
        powers = _POWERS if self.power_ is None else (self.power_,)
        # Half a millimetre: nearer than that two coordinates of this precision are one place.
        here = np.asarray(distance < 5e-4 / EARTH_RADIUS_M)
        exact = np.asarray(here.any(axis=1))
        # Relative to the nearest, so that high powers of tiny distances stay finite.
        ratio = distance[:, :1].clip(1e-300) / distance.clip(1e-300)
        return np.column_stack(
            [_weighted_mean(np.where(exact[:, None], here, ratio**power), weight, target) for power in powers]
        )

    def _tuned(self) -> dict[str, Any]:
        return {"power_": self.power_}


def _weighted_mean(kernel: Floats, weight: Floats, target: Floats) -> Floats:
    share = kernel * weight
    total = share.sum(axis=1)
    silent = total <= 0
    share[silent], total[silent] = kernel[silent], kernel[silent].sum(axis=1)
    return (share * target).sum(axis=1) / total


def _nearest(train: Floats, query: Floats, k: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Great-circle distance (radians) and position of the k nearest, nearest first."""
    wanted = np.arange(1, min(k, len(train)) + 1)
    chord, index = cKDTree(train).query(query, k=wanted)
    return 2 * np.arcsin(np.clip(chord / 2, 0, 1)), index


def _inner_folds(rows: int, cv: int, groups: npt.ArrayLike | None, seed: int) -> list[tuple[Any, Any]]:
    if cv < 2:
        msg = f"cv must be at least 2 inner folds, got {cv}."
        raise InputError(msg)
    blocks = np.zeros(rows) if groups is None else np.asarray(groups)
    if blocks.shape != (rows,):
        msg = f"groups must name a block for every row: there are {rows} rows and {blocks.shape} groups."
        raise InputError(msg)
    if len(np.unique(blocks)) < 2:  # nothing to hold out whole
        return list(KFold(min(cv, rows), shuffle=True, random_state=seed).split(np.zeros(rows)))
    folds = min(cv, len(np.unique(blocks)))
    return list(GroupKFold(folds, shuffle=True, random_state=seed).split(np.zeros(rows), groups=blocks))


def _check_count(name: str, value: int) -> None:
    if value < 1:
        msg = f"{name} must be at least 1, got {value}."
        raise InputError(msg)
