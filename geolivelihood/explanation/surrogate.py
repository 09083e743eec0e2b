"""A small tree that repeats a model: a few questions that a reader can follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from geolivelihood.errors import InputError
from geolivelihood.explanation.tree_drawing import number_text, tree_svg
from geolivelihood.models.rows import Floats, check_features, check_weights
from geolivelihood.validation import RandomKFold, out_of_fold, r2

__all__ = ["SurrogateTree", "surrogate_tree"]

_LEAST_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class SurrogateTree:
    """Questions that lead to about the answer that a model gives.

    Attributes
    ----------
    nodes
        One row per node, the root first and every node before its branches: ``feature`` and ``threshold`` of
        its question (``None`` and NaN at a leaf), ``left`` (the node where the value is at most the
        threshold) and ``right`` (-1 at a leaf), ``missing`` (``"left"``, ``"right"`` or ``None``: where rows
        without the value go, if there were any), ``depth``, ``n`` rows, ``share`` of their weight, ``mean``
        and ``sd`` of the model's prediction.
    fidelity
        R² of the tree's answers against the model's predictions, on rows that the tree had not seen. The
        drawing explains no more of the model than this.
    target
        What is predicted, with its unit.
    """

    nodes: pd.DataFrame
    fidelity: float
    target: str
    _tree: DecisionTreeRegressor = field(repr=False)

    @property
    def leaves(self) -> pd.DataFrame:
        """Leaves from left to right: ``rule`` in words, ``n``, ``share``, ``mean``, ``sd``."""
        rules, found = self._rules(), self.nodes[self.nodes["left"].lt(0)]
        found = found.assign(rule=[rules[node] for node in found.index])
        return found[["rule", "n", "share", "mean", "sd"]].reset_index(drop=True)

    def predict(self, X: Any) -> Floats:
        """The tree's answer for rows of features (rows, features); NaN = missing."""
        return self._tree.predict(check_features(X, expected=self._tree.n_features_in_))

    def to_svg(self) -> bytes:
        """An SVG file: questions from left to right, branches as wide as their share, leaves by colour."""
        said = f"repeats {self.fidelity:.0%} of the model (R², out of fold)"
        said = "the model hardly varies" if np.isnan(self.fidelity) else said
        return tree_svg(self.nodes, target=self.target, note=f"{self.nodes['n'].iloc[0]:,} rows · {said}")

    def _rules(self) -> dict[int, str]:
        rules = {0: ""}
        for node, line in self.nodes[self.nodes["left"].ge(0)].iterrows():
            for side, sign in (("left", "≤"), ("right", ">")):
                missing = " or missing" if line["missing"] == side else ""
                said = f"{line['feature']} {sign} {number_text(line['threshold'])}{missing}"
                rules[line[side]] = f"{rules[node]} and {said}" if rules[node] else said
        return rules


def surrogate_tree(
    X: Any,
    prediction: npt.ArrayLike,
    *,
    max_depth: int = 3,
    feature_names: Sequence[str] | None = None,
    min_share: float = 0.05,
    weights: npt.ArrayLike | None = None,
    splits: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]] | None = None,
    target: str = "prediction",
    random_state: int = 0,
) -> SurrogateTree:
    """Fit a shallow tree to what a model predicts, so that it can be read [1]_.

    The tree explains the model, not the world, and only as much of it as its fidelity says.

    Parameters
    ----------
    X
        Features (rows, features) in words that mean something to a reader; they need not be those that the
        model sees. NaN = missing.
    prediction
        What the model predicts for these rows, shape (rows,); rows without are left out.
    max_depth
        Most questions in a row.
    feature_names
        Names to show; ``None`` takes the columns of a DataFrame, or numbers them.
    min_share
        Least share of the rows (of their weight) in a leaf.
    weights
        Weight of each row (population), shape (rows,).
    splits
        Training and test positions of the folds that measure the fidelity; ``None``: five random ones.
    target
        What is predicted, with its unit, for the drawing.
    random_state
        Seed of folds, and of ties between equally good questions.

    Returns
    -------
    SurrogateTree
        A single leaf where the model predicts the same everywhere; its fidelity is then NaN.

    Raises
    ------
    InputError
        If lengths differ, fewer than ten rows have a prediction, or an option is out of range.

    References
    ----------
    .. [1] Craven & Shavlik (1996), "Extracting tree-structured representations of trained networks", NIPS.
    """
    if max_depth < 1 or not 0 < min_share <= 0.5:
        msg = f"max_depth={max_depth}, min_share={min_share}: give at least 1, and a share up to 0.5."
        raise InputError(msg)
    table, answer = check_features(X), np.asarray(prediction, dtype=np.float64)
    names = _names(X, table.shape[1], feature_names)
    if answer.shape != (len(table),):
        msg = f"prediction has shape {answer.shape} for {len(table)} rows. Give one number per row."
        raise InputError(msg)
    weight = check_weights(weights, rows=len(table))
    known = np.isfinite(answer) & (weight > 0)
    if known.sum() < _LEAST_ROWS:
        msg = f"{known.sum()} rows have a prediction (and a weight); a tree needs at least {_LEAST_ROWS}."
        raise InputError(msg)
    tree = DecisionTreeRegressor(
        max_depth=max_depth, min_weight_fraction_leaf=min_share, random_state=random_state
    )
    folds = RandomKFold(5, random_state=random_state).split(table) if splits is None else splits
    unseen = out_of_fold(tree, table, np.where(known, answer, np.nan), folds, sample_weight=weight).prediction
    tested = known & np.isfinite(unseen)
    tree.fit(table[known], answer[known], sample_weight=weight[known])
    return SurrogateTree(
        nodes=_nodes(tree, table[known], names),
        fidelity=r2(answer[tested], unseen[tested]) if np.ptp(answer[known]) > 0 else np.nan,
        target=target,
        _tree=tree,
    )


def _names(X: Any, width: int, given: Sequence[str] | None) -> list[str]:
    numbered = [f"feature {k}" for k in range(width)]
    own = list(map(str, X.columns)) if isinstance(X, pd.DataFrame) else numbered
    names = own if given is None else list(map(str, given))
    if len(names) != width:
        msg = f"{len(names)} feature_names do not fit {width} features. Give one each."
        raise InputError(msg)
    return names


def _nodes(tree: DecisionTreeRegressor, table: Floats, names: list[str]) -> pd.DataFrame:
    part = tree.tree_
    split = part.children_left >= 0
    here = tree.decision_path(table).tocsc()
    depth = np.zeros(part.node_count, dtype=int)
    missing: list[str | None] = [None] * part.node_count
    for node in np.flatnonzero(split):
        depth[[part.children_left[node], part.children_right[node]]] = depth[node] + 1
        rows = here.indices[here.indptr[node] : here.indptr[node + 1]]
        if np.isnan(table[rows, part.feature[node]]).any():
            missing[node] = "left" if part.missing_go_to_left[node] else "right"
    return pd.DataFrame(
        {
            "feature": [names[k] if k >= 0 else None for k in part.feature],
            "threshold": np.where(split, part.threshold, np.nan),
            "left": part.children_left,
            "right": part.children_right,
            "missing": missing,
            "depth": depth,
            "n": part.n_node_samples,
            "share": part.weighted_n_node_samples / part.weighted_n_node_samples[0],
            "mean": part.value[:, 0, 0],
            "sd": np.sqrt(np.maximum(part.impurity, 0.0)),
        }
    )
