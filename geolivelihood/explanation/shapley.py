"""Shapley values of trees: each prediction as a sum of what every feature adds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.losses import BlockMeans, check_blocks
from geolivelihood.extras import require
from geolivelihood.models.boosting import BoostingClassifier, BoostingRegressor, Forest
from geolivelihood.models.rows import Floats, check_features

__all__ = ["ShapleyValues", "shapley_summary", "tree_shap"]

Ints = npt.NDArray[np.int64]

_FORESTS = (
    *("RandomForestRegressor", "ExtraTreesRegressor", "DecisionTreeRegressor"),
    *("RandomForestClassifier", "ExtraTreesClassifier", "DecisionTreeClassifier"),
)
_TOLERANCE = 1e-6


class ShapleyValues(NamedTuple):
    """What each feature adds to each prediction.

    Attributes
    ----------
    values
        Rows and columns of the features, in the unit of the prediction.
    expected
        What they add to: the mean prediction over the background. ``expected + values.sum(axis=1)`` is the
        prediction.
    """

    values: pd.DataFrame
    expected: float


def tree_shap(
    model: Any,
    X: Any,
    *,
    background: Any | None = None,
    output: Any | None = None,
) -> ShapleyValues:
    """Exact Shapley values of a model of trees [1]_.

    They share out the difference between a prediction and the average one. They explain the *model*: of two
    features that say the same the one that the trees happened to split on gets the credit, and a model that
    has learned where a place is will say so here as well. Needs the extra ``explain``.

    Parameters
    ----------
    model
        A fitted (or loaded) :class:`~geolivelihood.models.BoostingRegressor` or
        :class:`~geolivelihood.models.BoostingClassifier`, or a decision tree, random forest or
        extra trees of scikit-learn with one target.
    X
        Features (rows, features) to explain, as for ``predict``; NaN where the model takes it.
    background
        Features (rows, features) of what a feature is "without": its other values are put into each row, the
        others staying as they are. A hundred rows do; the time grows with them. ``None`` follows the trees
        and weighs each branch by the training rows that took it, which is faster and keeps to combinations
        that occur.
    output
        Class to explain, for classifiers; default the second of two. Boosting is explained in log-odds (for
        three classes and more: logits), forests in probabilities. Of a regressor of several targets, the
        position of the one to explain.

    Returns
    -------
    ShapleyValues
        One value per row and feature, and what they add to.

    Raises
    ------
    EnvironmentMissingError
        If ``shap`` is not installed.
    InputError
        If the model is of another kind, its trees were saved without their counts and there is no background,
        ``output`` is neither class nor target, or the values do not add up.

    References
    ----------
    .. [1] Lundberg et al. (2020), "From local explanations to global understanding with explainable AI for
       trees", Nature Machine Intelligence 2.
    """
    shap = require("shap", extra="explain")
    width = getattr(model, "n_features_in_", None)
    table = check_features(X, expected=width)
    beside = None if background is None else check_features(background, expected=width)
    if len(table) == 0 or (beside is not None and len(beside) == 0):
        msg = "There is no row to explain, or none in the background. Give at least one of each."
        raise InputError(msg)
    found = _ensemble(model, output, counted=beside is None)
    ranked = _Ranks.of(found.trees, table.shape[1], single=found.single)
    # The method follows the background: interventional with one, along the trees without.
    explainer = shap.TreeExplainer(
        {"trees": [ranked.dictionary(tree) for tree in found.trees], "base_offset": found.base},
        data=None if beside is None else ranked.apply(beside),
        feature_perturbation="tree_path_dependent" if beside is None else "interventional",
    )
    values = np.asarray(explainer.shap_values(ranked.apply(table), check_additivity=False), dtype=float)
    expected = float(np.ravel(explainer.expected_value)[0])
    _check_sum(values.sum(axis=1) + expected, found.predict(table))
    return ShapleyValues(_like(X, values), expected)


def shapley_summary(
    values: pd.DataFrame,
    blocks: npt.ArrayLike,
    *,
    groups: Mapping[str, Sequence[Hashable]] | None = None,
    coverage: float = 0.95,
    n: int = 2000,
    random_state: int = 0,
) -> pd.DataFrame:
    """Mean |Shapley value| of each feature, or of the sum over each group, with intervals over blocks.

    Parameters
    ----------
    values
        From :func:`tree_shap`.
    blocks
        Block id of each row.
    groups
        Columns of each group by name; values of a group are added before their size is taken, as Shapley
        values may be.
    coverage, n, random_state
        As in :func:`~geolivelihood.explanation.importance_table`.

    Returns
    -------
    pandas.DataFrame
        The most important first: ``name``, ``importance`` (unit of the prediction), ``lower``, ``upper``,
        ``se``, ``n_rows``, ``n_blocks``. The interval is over the places explained; the trees stay as they
        are.

    Raises
    ------
    MissingColumnError
        If a group names a column that is not there.
    InputError
        If there is not one block per row.
    """
    block = check_blocks(blocks, len(values))
    wanted = {str(name): [name] for name in values.columns} if groups is None else groups
    missing = sorted({str(c) for columns in wanted.values() for c in columns if c not in values.columns})
    if missing:
        msg = f"The values have no column {', '.join(missing[:5])}. Name columns of the explained features."
        raise MissingColumnError(msg)
    lines = []
    for name, columns in wanted.items():
        size = values[list(columns)].sum(axis=1).abs().to_numpy()
        ends = BlockMeans.of(size, block).interval(coverage=coverage, n=n, random_state=random_state)
        lines.append({"name": name, **ends})
    table = pd.DataFrame(lines).rename(columns={"mean": "importance"})
    return table.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


class _Tree(NamedTuple):
    """One tree as arrays over its nodes, the root first; children of a leaf are -1.

    ``rows`` are the training rows that came through each node.
    """

    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    missing_left: npt.NDArray[np.bool_]
    value: Floats
    rows: Floats


class _Ensemble(NamedTuple):
    """Trees that add up, from ``base``, to what is predicted; ``single`` where they read single precision."""

    trees: list[_Tree]
    base: float
    predict: Callable[[Floats], Floats]
    single: bool


class _Ranks(NamedTuple):
    """Thresholds of each feature, sorted: x ≤ t where no more thresholds lie below x than below t.

    shap compares in single precision, in which a value can end up on the wrong side of a threshold near it.
    Ranks are small integers, so that nothing is lost.
    """

    thresholds: list[Floats]
    single: bool

    @classmethod
    def of(cls, trees: Sequence[_Tree], features: int, *, single: bool) -> _Ranks:
        feature = np.concatenate([tree.feature[tree.left >= 0] for tree in trees])
        threshold = np.concatenate([tree.threshold[tree.left >= 0] for tree in trees])
        return cls([np.unique(threshold[feature == k]) for k in range(features)], single)

    def apply(self, table: Floats) -> Floats:
        read = table.astype(np.float32).astype(np.float64) if self.single else table
        ranks = np.column_stack([np.searchsorted(t, x) for t, x in zip(self.thresholds, read.T)])
        return np.where(np.isnan(table), np.nan, ranks)

    def dictionary(self, tree: _Tree) -> dict[str, Any]:
        """The tree in the words of shap."""
        splits, rank = np.flatnonzero(tree.left >= 0), np.zeros(len(tree.left))
        for k in np.unique(tree.feature[splits]):
            here = splits[tree.feature[splits] == k]
            rank[here] = np.searchsorted(self.thresholds[k], tree.threshold[here])
        return {
            "children_left": tree.left,
            "children_right": tree.right,
            "children_default": np.where(tree.missing_left, tree.left, tree.right),
            "features": tree.feature,
            "thresholds": rank,
            "values": tree.value[:, None],
            "node_sample_weight": tree.rows,
        }


def _ensemble(model: Any, output: Any, *, counted: bool) -> _Ensemble:
    if isinstance(model, BoostingRegressor | BoostingClassifier):
        return _boosted(model, _position(model, output), counted=counted)
    if type(model).__name__ in _FORESTS and type(model).__module__.startswith("sklearn."):
        return _averaged(model, _position(model, output))
    msg = (
        f"Shapley values of trees need trees, not a {type(model).__name__}. Give a BoostingRegressor, a "
        "BoostingClassifier, or a random forest, extra trees or decision tree of scikit-learn; for other "
        "models see permutation_importance."
    )
    raise InputError(msg)


def _boosted(model: BoostingRegressor | BoostingClassifier, column: int, *, counted: bool) -> _Ensemble:
    """Trees of our own boosting, which add up to a number, log-odds or logits."""
    forest: Forest = model.forest_
    part = forest.arrays
    if counted and "count" not in part:
        msg = (
            "This model was saved without the number of training rows in each branch. Give a background "
            "(a hundred training rows), or train it again."
        )
        raise InputError(msg)
    # Two classes share one forest, whose sum is the log-odds of the second.
    shared = _is_classifier(model) and len(part["base"]) == 1
    sign = -1.0 if shared and column == 0 else 1.0
    output = 0 if shared else column
    count = part["count"] if counted else np.ones(len(part["value"]))
    ends = np.append(part["root"][1:], len(part["value"]))
    trees = []
    for tree in np.flatnonzero(part["output"] == output):
        root = part["root"][tree]
        nodes = slice(root, ends[tree])
        leaf = part["leaf"][nodes]
        trees.append(
            _Tree(
                left=np.where(leaf, -1, part["left"][nodes] - root),
                right=np.where(leaf, -1, part["right"][nodes] - root),
                feature=part["feature"][nodes],
                threshold=part["threshold"][nodes],
                missing_left=part["missing_left"][nodes],
                value=sign * part["value"][nodes] * leaf,
                rows=count[nodes].astype(np.float64),
            )
        )
    base = sign * float(part["base"][output])
    return _Ensemble(trees, base, lambda table: sign * forest.raw(table)[:, output], single=False)


def _averaged(model: Any, column: int) -> _Ensemble:
    """Trees of scikit-learn, each of which gives its share of the mean."""
    if model.n_outputs_ != 1:
        msg = f"The model has {model.n_outputs_} targets; explain one that was fitted to one."
        raise InputError(msg)
    parts = [tree.tree_ for tree in getattr(model, "estimators_", [model])]
    values = [part.value[:, 0, :] for part in parts]
    if _is_classifier(model):
        values = [value / value.sum(axis=1, keepdims=True) for value in values]

    def predict(table: Floats) -> Floats:
        return model.predict_proba(table)[:, column] if _is_classifier(model) else model.predict(table)

    trees = [
        _Tree(
            left=part.children_left.astype(np.int64),
            right=part.children_right.astype(np.int64),
            feature=part.feature.astype(np.int64),
            threshold=part.threshold,
            missing_left=part.missing_go_to_left.astype(bool),
            value=value[:, column] / len(parts),
            rows=part.weighted_n_node_samples,
        )
        for part, value in zip(parts, values)
    ]
    return _Ensemble(trees, 0.0, predict, single=True)


def _is_classifier(model: Any) -> bool:
    return hasattr(model, "classes_")


def _position(model: Any, output: Any) -> int:
    """Position, among what the trees add up to, of the class or target to explain."""
    learned = getattr(model, "learned_", None)
    if _is_classifier(model):
        names = list(model.classes_)
        output = names[1] if output is None and len(names) == 2 else output
    else:
        names = [None] if learned is None else np.flatnonzero(learned).tolist()
    if output not in names:
        given = "" if names == [None] else f"Give one of {', '.join(map(str, names))}."
        msg = f"output={output!r} is no class or target of the model. {given or 'Leave it out.'}"
        raise InputError(msg)
    return names.index(output)


def _check_sum(found: Floats, wanted: Floats) -> None:
    worst = float(np.abs(found - wanted).max())
    if not worst <= _TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        msg = (
            f"The Shapley values miss the predictions by up to {worst:g}; the installed shap does not read "
            "these trees rightly. Update it: python -m pip install -U shap"
        )
        raise InputError(msg)


def _like(X: Any, values: Floats) -> pd.DataFrame:
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame(values, index=X.index, columns=X.columns)
    return pd.DataFrame(values)
