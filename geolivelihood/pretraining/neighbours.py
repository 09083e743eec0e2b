"""Nearest neighbours among embeddings: the classifier that watches pretraining, and its kin for amounts."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.models.rows import check_features, check_labels, check_target
from geolivelihood.progress import checkpoint

__all__ = ["EmbeddingNeighboursClassifier", "EmbeddingNeighboursRegressor", "nearest_neighbours"]

Floats = npt.NDArray[np.float64]


def nearest_neighbours(
    queries: npt.ArrayLike, bank: npt.ArrayLike, *, k: int, chunk_bytes: int = 64_000_000
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Cosine similarity and position of the k most similar rows of a bank, chunk by chunk.

    Parameters
    ----------
    queries, bank
        Embeddings (n, d) and (m, d); their lengths do not matter.
    k
        Neighbours, at most m.
    chunk_bytes
        Size of the block of similarities that is held at a time.

    Returns
    -------
    similarity, position
        Shape (n, k), the most similar first; of equal ones the first of the bank.

    Raises
    ------
    InputError
        If the widths differ, k is out of range, or an embedding is zero or not finite.
    """
    asked, known = _directions(queries, "queries"), _directions(bank, "bank")
    if asked.shape[1] != known.shape[1] or not 1 <= k <= len(known):
        msg = (
            f"k={k} neighbours of {asked.shape} queries in a bank of {known.shape}: k lies between 1 and the "
            "rows of the bank, and both have the same columns."
        )
        raise InputError(msg)
    rows = max(1, chunk_bytes // (8 * len(known)))
    parts = []
    for start in range(0, len(asked), rows):
        checkpoint()
        parts.append(_most_similar(asked[start : start + rows] @ known.T, k))
    similarity, position = (np.concatenate(column) for column in zip(*parts))
    return similarity, position


def _most_similar(similarity: Floats, k: int) -> tuple[Floats, npt.NDArray[np.intp]]:
    cut = np.arange(similarity.shape[1])[None].repeat(len(similarity), 0)
    if k < similarity.shape[1]:
        # sorted by position first, so that the stable sort below breaks ties by it
        cut = np.sort(np.argpartition(-similarity, k - 1, axis=1)[:, :k], axis=1)
    found = np.take_along_axis(similarity, cut, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(cut, order, axis=1)


class _Neighbours(BaseEstimator):
    """The parameters of both estimators, and the weights of the neighbours."""

    def __init__(self, *, k: int = 200, temperature: float = 0.1) -> None:
        self.k = k
        self.temperature = temperature

    def _check(self, rows: int) -> None:
        if not self.temperature > 0:
            msg = f"temperature={self.temperature}: give a number above 0."
            raise InputError(msg)
        if self.k < 1:
            msg = f"k={self.k}: at least one neighbour is needed; a bank of fewer than k rows gives all."
            raise InputError(msg)
        if not rows:
            msg = "There are no labelled pictures to be neighbours."
            raise InputError(msg)

    def _weighted(self, X: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Weight exp(similarity / temperature), up to a factor per row, and position of each neighbour."""
        check_is_fitted(self)
        table = check_features(X, expected=self.n_features_in_)
        similarity, position = nearest_neighbours(table, self.bank_, k=min(self.k, len(self.bank_)))
        return np.exp((similarity - similarity[:, :1]) / self.temperature), position


class EmbeddingNeighboursClassifier(ClassifierMixin, _Neighbours):
    """The k most similar pictures vote, each with weight exp(cosine similarity / temperature) [1]_.

    It needs no training, so it tells during pretraining whether neighbours in the embedding are of one
    class.

    Parameters
    ----------
    k
        Neighbours; of a smaller bank all.
    temperature
        The lower, the more the nearest decide.

    Attributes
    ----------
    classes_
        Sorted classes.

    References
    ----------
    .. [1] Wu et al. (2018), "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR.
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Keep embeddings (n, d) and their labels (n,)."""
        table = check_features(X)
        self._check(len(table))
        self.classes_, self.codes_ = check_labels(y, rows=len(table))
        self.bank_, self.n_features_in_ = _directions(table, "X"), table.shape[1]
        return self

    def predict_proba(self, X: npt.ArrayLike) -> Floats:
        """Share of the weights that each class has, shape (n, classes)."""
        weight, position = self._weighted(X)
        codes = self.codes_[position]
        total = np.stack([(weight * (codes == k)).sum(axis=1) for k in range(len(self.classes_))], axis=1)
        return total / total.sum(axis=1, keepdims=True)

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[Any]:
        """Class with the greatest share of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class EmbeddingNeighboursRegressor(RegressorMixin, _Neighbours):
    """Mean of the k most similar pictures, each with weight exp(cosine similarity / temperature).

    Parameters
    ----------
    k
        Neighbours; of a smaller bank all.
    temperature
        The lower, the more the nearest decide.
    """

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Keep embeddings (n, d) and their values (n,)."""
        table = check_features(X)
        self._check(len(table))
        self.values_ = check_target(y, rows=len(table), least=1)
        self.bank_, self.n_features_in_ = _directions(table, "X"), table.shape[1]
        return self

    def predict(self, X: npt.ArrayLike) -> Floats:
        """Weighted mean of each row, shape (n,)."""
        weight, position = self._weighted(X)
        return (weight * self.values_[position]).sum(axis=1) / weight.sum(axis=1)


def _directions(values: npt.ArrayLike, what: str) -> Floats:
    """Rows of length 1."""
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not len(table):
        msg = f"{what} has shape {table.shape}: give embeddings (n, d), at least one."
        raise InputError(msg)
    length = np.linalg.norm(table, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(length[:, 0]) | (length[:, 0] == 0))
    if len(bad):
        msg = f"{what}: {len(bad)} embeddings have no direction: zero, or not finite (first in row {bad[0]})."
        raise InputError(msg)
    return table / length
