"""Gradient boosting on features, kept as arrays of tree nodes so that it can be saved without pickle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.utils.validation import check_is_fitted

from geolivelihood.errors import InputError
from geolivelihood.models.ridge import ColumnScale, label_weights
from geolivelihood.models.rows import Floats, check_features, check_labels, check_weights, row_count
from geolivelihood.models.targets import (
    learnable_errors,
    learnable_targets,
    restored_learned,
    spread_targets,
)

__all__ = ["BoostingClassifier", "BoostingRegressor", "Forest", "boosting"]

_BINS = 255
_FIELDS = (
    *("feature_idx", "num_threshold", "left", "right"),
    *("missing_go_to_left", "is_leaf", "value", "count"),
)
# what scikit-learn calls what stands in the arrays as it is
_SAME = (
    *(("feature_idx", "feature"), ("num_threshold", "threshold")),
    *(("missing_go_to_left", "missing_left"), ("is_leaf", "leaf"), ("value", "value")),
)
_PER_NODE = (*(ours for _, ours in _SAME), "left", "right")


class Forest:
    """Regression trees as flat arrays, one entry per node of all trees.

    Parameters
    ----------
    arrays
        ``feature``, ``threshold``, ``left``, ``right`` (node positions), ``missing_left``, ``leaf``,
        ``value``, ``count`` (training rows) per node; ``root`` and ``output`` (the class it adds to) per
        tree; ``base`` per output. Predicting does without ``count``.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.arrays = dict(arrays)
        self._check()

    @classmethod
    def of(cls, model: Any) -> Forest:
        """Copy the trees out of a fitted histogram gradient boosting of scikit-learn."""
        trees = [(output, tree.nodes) for step in model._predictors for output, tree in enumerate(step)]
        sizes = np.array([len(nodes) for _, nodes in trees])
        root = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        shift = np.repeat(root, sizes)
        columns = {name: np.concatenate([nodes[name] for _, nodes in trees]) for name in _FIELDS}
        leaf = columns["is_leaf"].astype(bool)
        own = np.arange(len(leaf))
        return cls(
            {
                "feature": columns["feature_idx"].astype(np.int64),
                "threshold": columns["num_threshold"].astype(np.float64),
                # A leaf leads to itself: every row may then take the same number of steps.
                "left": np.where(leaf, own, columns["left"] + shift).astype(np.int64),
                "right": np.where(leaf, own, columns["right"] + shift).astype(np.int64),
                "missing_left": columns["missing_go_to_left"].astype(bool),
                "leaf": leaf,
                "value": columns["value"].astype(np.float64),
                "count": columns["count"].astype(np.int64),
                "root": root,
                "output": np.array([output for output, _ in trees], dtype=np.int64),
                "base": np.ravel(model._baseline_prediction).astype(np.float64),
            }
        )

    def uncoded(self, edges: Sequence[Floats]) -> Forest:
        """The forest for values, of one that was grown on the codes of their bins (k + ½ is edge k)."""
        part, threshold = self.arrays, self.arrays["threshold"].copy()
        inner = np.flatnonzero(~part["leaf"] & np.isfinite(threshold))
        for node in inner:  # each node asks one column, and each column has edges of its own
            cuts, at = edges[part["feature"][node]], int(threshold[node])
            threshold[node] = cuts[at] if at < len(cuts) else np.inf
        return Forest(part | {"threshold": threshold})

    @classmethod
    def side_by_side(cls, forests: Sequence[Forest]) -> Forest:
        """Several forests as one, whose outputs follow one another."""
        parts = [forest.arrays for forest in forests]
        nodes = _starts([len(part["value"]) for part in parts])
        outputs = _starts([len(part["base"]) for part in parts])
        for name, shift in (("left", nodes), ("right", nodes), ("root", nodes), ("output", outputs)):
            parts = [part | {name: part[name] + first} for part, first in zip(parts, shift)]
        return cls({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def raw(self, X: Floats) -> Floats:
        """Sum of the trees, shape (rows, outputs)."""
        part = self.arrays
        self._check(features=X.shape[1])
        rows, no_categories = np.ascontiguousarray(X, dtype=np.float64), np.zeros((0, 8), dtype=np.uint32)
        total = np.tile(part["base"], (len(rows), 1))
        for tree, output in zip(self._trees, part["output"]):
            grown = TreePredictor(tree, no_categories, no_categories)
            total[:, output] += grown.predict(rows, no_categories, np.zeros(0, dtype=np.uint32), n_threads=1)
        return total

    @cached_property
    def _trees(self) -> list[npt.NDArray[Any]]:
        """Nodes of each tree as scikit-learn's compiled walk takes them, positions counted from its root."""
        part, nodes = self.arrays, np.zeros(len(self.arrays["value"]), dtype=PREDICTOR_RECORD_DTYPE)
        first = np.repeat(part["root"], self._sizes)
        fields = (*_SAME, ("left", part["left"] - first), ("right", part["right"] - first))
        for name, values in fields:
            nodes[name] = part[values] if isinstance(values, str) else values
        return np.split(nodes, part["root"][1:])

    @property
    def _sizes(self) -> npt.NDArray[np.int64]:
        """Nodes of each tree."""
        return np.diff(np.append(self.arrays["root"], len(self.arrays["value"])))

    def _check(self, features: int | None = None) -> None:
        """See that every walk ends, in its own tree: compiled code goes where it is told.

        Raises
        ------
        InputError
            If it does not, or a node asks for a feature that is not there.
        """
        if not (self._whole() and self._descends(features)):
            msg = "The trees of this model are damaged: a node points outside its tree or the features."
            raise InputError(msg)

    def _whole(self) -> bool:
        """Whether every node has all of its values, and every tree its nodes."""
        part, nodes = self.arrays, len(self.arrays["value"])
        root = part["root"]
        if len(part["output"]) != len(root) or any(len(part[name]) != nodes for name in _PER_NODE):
            return False
        return not len(root) or bool(root[0] == 0 and root[-1] < nodes and (np.diff(root) > 0).all())

    def _descends(self, features: int | None) -> bool:
        """Whether every question leads to later nodes of its own tree, and asks a feature that is there."""
        part = self.arrays
        inner = ~part["leaf"].astype(bool)
        own, end = np.flatnonzero(inner), np.repeat(part["root"] + self._sizes, self._sizes)[inner]
        asked = part["feature"][inner]
        inside = [(part[name][inner] > own) & (part[name][inner] < end) for name in ("left", "right")]
        return bool(np.all(inside) and (asked >= 0).all() and (features is None or (asked < features).all()))


def _starts(lengths: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.cumsum(lengths, dtype=np.int64) - np.array(lengths, dtype=np.int64)


def _bin_edges(values: Floats) -> Floats:
    """Upper edges of the at most 255 bins of a column, by how many rows each holds.

    As scikit-learn makes them of rows without weights. Of rows with weights it takes one weighted percentile
    after the other, which for a thousand columns takes longer than growing the trees.
    """
    known = np.unique(values[~np.isnan(values)])
    if len(known) <= _BINS:
        return (known[1:] + known[:-1]) / 2
    shares = np.linspace(0, 100, _BINS + 1)[1:-1]
    found = np.percentile(values[~np.isnan(values)], shares, method="averaged_inverted_cdf")
    return np.unique(found)


def _bin_codes(values: Floats, edges: Floats) -> Floats:
    """Bin of each value, 0 ... len(edges); NaN stays."""
    return np.where(np.isnan(values), np.nan, np.searchsorted(edges, values).astype(float))


class _Boosting(BaseEstimator):
    """What the regressor and the classifier share: hyper-parameters and the forest."""

    def __init__(
        self,
        *,
        max_iter: int = 300,
        learning_rate: float = 0.05,
        max_leaf_nodes: int = 31,
        min_samples_leaf: int = 20,
        l2: float = 0.0,
        max_features: float = 0.5,
        random_state: int | None = 0,
    ) -> None:
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2 = l2
        self.max_features = max_features
        self.random_state = random_state

    def _options(self, rows: int) -> dict[str, Any]:
        # Small surveys: leaves of 20 would leave no split at all below 40 rows.
        leaf = min(self.min_samples_leaf, max(1, rows // 4))
        options = self.get_params(deep=False) | {"min_samples_leaf": leaf, "l2_regularization": self.l2}
        options.pop("l2")
        return options | {"early_stopping": False}

    def _raw(self, X: Any) -> Floats:
        check_is_fitted(self)
        outputs = len(self.forest_.arrays["base"])
        if row_count(X) == 0:
            return np.zeros((0, outputs))
        return self.forest_.raw(check_features(X, expected=self.n_features_in_))


class BoostingRegressor(RegressorMixin, _Boosting):
    """Gradient-boosted trees on features; a strong baseline that takes missing values as they are.

    The trees are grown by scikit-learn's histogram gradient boosting and then kept as plain arrays, so the
    model can be saved without pickle and predicts the same after loading. Several targets each have trees of
    their own, grown on the rows where the target is known.

    Parameters
    ----------
    max_iter
        Number of trees.
    learning_rate
        Shrinkage of each tree.
    max_leaf_nodes
        Most leaves per tree.
    min_samples_leaf
        Fewest rows per leaf; lowered to a quarter of the rows on tiny tables.
    l2
        Penalty on leaf values.
    max_features
        Share of the features tried at each split.
    random_state
        Seed of the feature sampling.

    Attributes
    ----------
    forest_
        The trees, as arrays; of several targets those of each that was learned, as its outputs.
    learned_
        Which of several targets had labels to learn from; ``None`` for a single one.
    """

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        se: npt.ArrayLike | None = None,
    ) -> Self:
        """Fit on features and one or several targets.

        Parameters
        ----------
        X
            Features (rows, d); NaN = missing.
        y
            Target (rows,); or several (rows, targets), NaN where one is missing. A target without two known
            values is predicted as NaN, with a warning.
        sample_weight
            Weight per row.
        se
            Standard error of each label, of the shape of ``y``; NaN counts as the median. Weights become
            w / (1 + se²/τ²) with τ² the error variance of a ridge on the same features.

        Raises
        ------
        InputError
            If shapes disagree, a value cannot be used, or there is too little to learn from.
        """
        table = check_features(X)
        weights = check_weights(sample_weight, rows=len(table))
        target, self.learned_ = learnable_targets(y, weights=weights)
        error = learnable_errors(se, target, self.learned_)
        scaled = np.empty((len(table), 0))
        if error is not None:
            scaled = ColumnScale.of(table, weights=weights).apply(table)
        each = label_weights(scaled, target, weights=weights, se=error)
        rows = len(table)
        columns = zip(target.reshape(rows, -1).T, each.reshape(rows, -1).T)
        self.forest_ = Forest.side_by_side([self._grown(table, values, w) for values, w in columns])
        self.n_features_in_ = table.shape[1]
        return self

    def _grown(self, table: Floats, target: Floats, weights: Floats) -> Forest:
        known = ~np.isnan(target)
        model = HistGradientBoostingRegressor(**self._options(int(known.sum())))
        # All equal is none: the trees are then those of unweighted rows to the last bit.
        if not np.ptp(weights[known]):
            return Forest.of(model.fit(table[known], target[known]))
        edges = [_bin_edges(column) for column in table[known].T]
        codes = np.column_stack([_bin_codes(x, cuts) for x, cuts in zip(table[known].T, edges)])
        return Forest.of(model.fit(codes, target[known], sample_weight=weights[known])).uncoded(edges)

    def predict(self, X: Any) -> Floats:
        """Predict one value per row, or one per row and target."""
        return spread_targets(self._raw(X), self.learned_)

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return self.forest_.arrays, {"n_features_in_": self.n_features_in_, "learned": self.learned_}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.forest_, self.n_features_in_ = Forest(arrays), int(meta["n_features_in_"])
        self.learned_ = restored_learned(meta.get("learned"))


class BoostingClassifier(ClassifierMixin, _Boosting):
    """Gradient-boosted trees for classes; parameters and storage as in :class:`BoostingRegressor`."""

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Fit on features (rows, d) and labels (rows,)."""
        table = check_features(X)
        self.classes_, codes = check_labels(y, rows=len(table))
        if len(self.classes_) < 2:
            msg = f"All labels are {self.classes_[0]!r}; a classifier needs at least two classes."
            raise InputError(msg)
        weights = None if sample_weight is None else check_weights(sample_weight, rows=len(table))
        model = HistGradientBoostingClassifier(**self._options(len(table)))
        self.forest_ = Forest.of(model.fit(table, codes, sample_weight=weights))
        self.n_features_in_ = table.shape[1]
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Probability of each class, shape (rows, classes)."""
        raw = self._raw(X)
        if raw.shape[1] == 1:
            raw = np.column_stack([np.zeros(len(raw)), raw[:, 0]])
        share = np.exp(raw - raw.max(axis=1, keepdims=True)) if len(raw) else raw
        return share / share.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        return self.forest_.arrays, {"n_features_in_": self.n_features_in_, "classes": self.classes_}

    def _restore(self, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> None:
        self.forest_, self.n_features_in_ = Forest(arrays), int(meta["n_features_in_"])
        self.classes_ = meta["classes"]


def boosting(**options: Any) -> BoostingRegressor:
    """Gradient boosting on features; options as in :class:`BoostingRegressor`."""
    return BoostingRegressor(**options)
