"""Features of pictures by networks that have not seen their place: what a second model may learn from."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from geolivelihood.errors import InputError
from geolivelihood.models.rows import Floats, take
from geolivelihood.progress import track

__all__ = ["CrossFitted"]

_log = logging.getLogger(__name__)
Pictures = Sequence[Sequence[str]]


class CrossFitted(BaseEstimator):
    """A picture network, and a second model on its features that is not fooled by them.

    A fine-tuned network knows its training pictures: features that it makes of them tell the label better
    than those of any new picture will, and a model fitted to these learns to trust them too much. Here the
    training features of every place come from a network fitted without it (cross-fitting, as in
    double machine learning [1]_); places that share a picture, directly or through others, stay together. The
    network that makes the features of new places is fitted to all.

    Every network starts from the same weights, so that a feature of one is about the same feature of the
    others: they drift apart the longer they are trained, least from published weights or with ``freeze``.

    Parameters
    ----------
    image_estimator
        :class:`~geolivelihood.models.ImageRegressor` or
        :class:`~geolivelihood.models.ImageClassifier`; it is cloned and stays as it is.
    estimator
        What learns from the features, a table: ridge, boosting. Cloned too.
    n_splits
        Number of inner folds; fewer where there are fewer groups of places.
    random_state
        Seed of the folds.

    Attributes
    ----------
    image_
        The network fitted to all places.
    estimator_
        The second model, fitted to the cross-fitted features.
    fold_
        Inner fold of each training place, shape (places,).
    training_features_
        Cross-fitted features of each training place, shape (places, dim); NaN without a readable picture.

    References
    ----------
    .. [1] Chernozhukov et al. (2018), "Double/debiased machine learning for treatment and structural
       parameters", Econometrics Journal 21(1).
    """

    def __init__(
        self, image_estimator: Any, estimator: Any, *, n_splits: int = 5, random_state: int | None = 0
    ) -> None:
        self.image_estimator = image_estimator
        self.estimator = estimator
        self.n_splits = n_splits
        self.random_state = random_state

    def fit(
        self,
        X: Pictures,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        se: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit one network per fold, the second model on their features, and the network that stays.

        Parameters
        ----------
        X
            For each place the paths of its pictures. Places without a readable one teach nothing.
        y
            Label per place.
        sample_weight
            Weight per place.
        se
            Standard error of each label, for a second model that takes it.
        groups
            Optional block of each place; blocks are held out whole, in the folds and inside the models.

        Raises
        ------
        InputError
            If shapes disagree, all places belong together, or as the two estimators raise.
        """
        labels = np.asarray(y)
        rows = {"sample_weight": sample_weight, "se": se, "groups": groups}
        beside = {name: np.asarray(given) for name, given in rows.items() if given is not None}
        wrong = [name for name, given in {"y": labels, **beside}.items() if len(given) != len(X)]
        if wrong:
            msg = f"{', '.join(wrong)} must have one entry for each of the {len(X)} places."
            raise InputError(msg)
        self.fold_ = self._folds(X, groups)
        features = []
        for fold in track(range(int(self.fold_.max()) + 1), "cross-fitting picture features"):
            unseen = self._fitted_image(X, labels, beside, self.fold_ != fold)
            features.append(unseen.features(take(X, self.fold_ == fold)))
        self.training_features_ = np.empty((len(X), features[0].shape[1]))
        self.training_features_[np.argsort(self.fold_, kind="stable")] = np.concatenate(features)
        known = ~np.isnan(self.training_features_).all(axis=1)
        taken = {name: given[known] for name, given in beside.items() if _takes(self.estimator, name)}
        self.estimator_ = clone(self.estimator).fit(self.training_features_[known], labels[known], **taken)
        self.image_ = self._fitted_image(X, labels, beside, np.ones(len(X), dtype=bool))
        return self

    def features(self, X: Pictures) -> Floats:
        """Features of new places by the network that was fitted to all; NaN without a readable picture."""
        check_is_fitted(self)
        return self.image_.features(X)

    def predict(self, X: Pictures) -> npt.NDArray[Any]:
        """Predict per place; NaN without a readable picture (where a class is predicted, an error)."""
        return self._predicted(X, "predict")

    def predict_proba(self, X: Pictures) -> Floats:
        """Probability of each class, shape (places, classes); NaN without a readable picture."""
        return self._predicted(X, "predict_proba")

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Classes of the second model."""
        return self.estimator_.classes_

    def _parts(self) -> dict[str, Any]:
        """The fitted models by the parameter that they came from."""
        return {"image_estimator": self.image_, "estimator": self.estimator_}

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        check_is_fitted(self)
        return {}, {}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.image_, self.estimator_ = meta["parts"]["image_estimator"], meta["parts"]["estimator"]

    def _folds(self, X: Pictures, groups: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
        group = linked_places(X, groups)
        there = len(np.unique(group))
        folds = min(self.n_splits, there)
        if folds < 2:
            msg = (
                f"{len(X)} places in {there} groups (places that share pictures, or a block, are one) "
                f"cannot be split into {self.n_splits} folds; at least 2 of each are needed."
            )
            raise InputError(msg)
        splitter = GroupKFold(folds, shuffle=True, random_state=self.random_state)
        fold = np.zeros(len(X), dtype=np.int64)
        for number, (_, test) in enumerate(splitter.split(group, groups=group)):
            fold[test] = number
        return fold

    def _fitted_image(
        self, X: Pictures, y: npt.NDArray[Any], beside: dict[str, Any], rows: npt.NDArray[np.bool_]
    ) -> Any:
        taken = {name: given[rows] for name, given in beside.items() if _takes(self.image_estimator, name)}
        return clone(self.image_estimator).fit(take(X, rows), y[rows], **taken)

    def _predicted(self, X: Pictures, method: str) -> npt.NDArray[Any]:
        table = self.features(X)
        known = ~np.isnan(table).all(axis=1)
        found = np.asarray(getattr(self.estimator_, method)(table[known]))
        if known.all():
            return found
        if found.dtype.kind != "f":
            first = int(np.flatnonzero(~known)[0])
            msg = f"{(~known).sum()} places have no readable picture (first at row {first}). Leave them out."
            raise InputError(msg)
        whole = np.full((len(table), *found.shape[1:]), np.nan)
        whole[known] = found
        return whole


def linked_places(X: Pictures, groups: npt.ArrayLike | None = None) -> npt.NDArray[np.int64]:
    """Group of each place: places that share a picture or a block, directly or through others, are one.

    Parameters
    ----------
    X
        For each place the paths of its pictures.
    groups
        Block of each place.
    """
    places = len(X)
    pictures = np.unique([str(path) for paths in X for path in paths], return_inverse=True)[1]
    blocks = np.arange(places) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    # One graph of places, their blocks and their pictures; what hangs together is one group.
    user = np.concatenate([np.arange(places), np.repeat(np.arange(places), [len(paths) for paths in X])])
    used = np.concatenate([blocks, places + pictures]).astype(np.int64)
    size = places + int(used.max(initial=-1)) + 1
    links = sparse.csr_array((np.ones(len(used)), (user, places + used)), shape=(size, size))
    return connected_components(links, directed=False)[1][:places].astype(np.int64)


def _takes(estimator: Any, name: str) -> bool:
    return has_fit_parameter(estimator, name)
