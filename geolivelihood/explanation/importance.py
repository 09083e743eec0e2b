"""What a model goes by: how much worse it predicts unseen places without some of its features."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, clone

from geolivelihood.errors import InputError, MissingColumnError
from geolivelihood.explanation.losses import check_blocks, importance_table
from geolivelihood.features import VISTAS_CLASSES
from geolivelihood.models import row_count, take
from geolivelihood.progress import track
from geolivelihood.validation import out_of_fold

__all__ = ["drop_column_importance", "feature_groups", "object_groups", "permutation_importance"]

Splits = Iterable[tuple[npt.ArrayLike, npt.ArrayLike]]
Groups = Mapping[str, Sequence[Hashable]]


def permutation_importance(
    estimator: Any,
    X: Any,
    y: npt.ArrayLike,
    splits: Splits,
    *,
    blocks: npt.ArrayLike,
    groups: Groups | None = None,
    n_repeats: int = 10,
    score: str = "r2",
    sample_weight: npt.ArrayLike | None = None,
    fit_params: Mapping[str, Any] | None = None,
    fit_rows: Mapping[str, npt.ArrayLike] | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """How much worse a fitted model predicts unseen rows when a group of features is shuffled among them.

    Every fold's model is fitted once, to its training rows; then the columns of a group are dealt to other
    test rows of the fold, all together, so that what they have in common goes with them [1]_. It tells what
    *this model* leans on. Of two features that say the same each may look useless: put them into one group,
    or see :func:`drop_column_importance`.

    The splits decide what the answer means. Under random splits a feature that merely says *where* a place is
    looks important, for the neighbours of every test row were in training; weights for an area of
    applicability must come from blocked splits.

    Parameters
    ----------
    estimator
        scikit-learn style; cloned for each fold.
    X
        Feature table (rows, features), array or DataFrame; NaN where the estimator takes it. Models of
        graphs, pictures or ties have no columns to shuffle: see :func:`drop_column_importance`, or compare
        predictions of your own by :func:`importance_table`.
    y
        Labels, shape (rows,); rows without one train nothing and are not scored.
    splits
        Training and test positions of each fold; at least two test rows in each.
    blocks
        Block id of each row, for the intervals.
    groups
        Columns of each group by name (:func:`feature_groups`); names of a DataFrame, positions of an array.
        ``None``: every column by itself.
    n_repeats
        Shuffles of each group; the mean loss counts.
    score
        ``r2``, ``mse``, ``mae`` or ``accuracy``.
    sample_weight
        Weights for the fits, shape (rows,).
    fit_params, fit_rows
        Passed to every ``fit`` as they are, or cut to the training rows.
    random_state
        Seed of shuffles and resamples.

    Returns
    -------
    pandas.DataFrame
        As from :func:`importance_table`, the most important first. A constant column has exactly 0.

    Raises
    ------
    MissingColumnError
        If a group names a column that is not there.
    InputError
        If ``X`` is no table, a group is empty, or a fold tests a single row.

    References
    ----------
    .. [1] Breiman (2001), "Random forests", Machine Learning 45.
    """
    if n_repeats < 1:
        msg = f"n_repeats={n_repeats}: shuffle at least once."
        raise InputError(msg)
    columns = _positions(X, groups)
    observed = _one_target(y)
    check_blocks(blocks, len(observed))
    shuffling = _Shuffling(estimator, columns=columns, n_repeats=n_repeats, random_state=random_state)
    answers = out_of_fold(
        shuffling,
        X,
        observed,
        splits,
        sample_weight=sample_weight,
        fit_params=fit_params,
        fit_rows=fit_rows,
    ).prediction
    shuffled = np.split(answers[:, 1:], len(columns), axis=1)
    without = {name: part.T for name, part in zip(columns, shuffled)}
    return importance_table(
        observed, answers[:, 0], without, blocks=blocks, score=score, random_state=random_state
    )


def drop_column_importance(
    estimator: Any,
    X: Any,
    y: npt.ArrayLike,
    splits: Splits,
    *,
    blocks: npt.ArrayLike,
    groups: Groups | None = None,
    score: str = "r2",
    table: str | None = None,
    sample_weight: npt.ArrayLike | None = None,
    fit_params: Mapping[str, Any] | None = None,
    fit_rows: Mapping[str, npt.ArrayLike] | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """How much worse a model predicts unseen rows when it is trained without a group of features.

    It tells what a group holds that the others do not: 0 where they can stand in for it, below 0 where it
    did harm. Each group costs a fit per fold.

    Parameters
    ----------
    estimator, X, y, splits, blocks, groups, score, sample_weight, fit_params, fit_rows, random_state
        As in :func:`permutation_importance`; a single test row is enough here.
    table
        Name of the fit parameter that holds the features, where ``X`` does not: ``"features"`` of a
        :class:`~geolivelihood.models.CellRegressor`, whose ``X`` is a tie to cells. ``None``: ``X`` itself.

    Returns
    -------
    pandas.DataFrame
        As from :func:`importance_table`, the most important first. Rows that the model cannot predict without
        a group are left out of that line.

    Raises
    ------
    MissingColumnError
        If a group names a column that is not there, or ``fit_params`` has no ``table``.
    InputError
        If there is no table, or a group is empty or holds every column.
    """
    beside = dict(fit_params or {})
    if table is not None and table not in beside:
        msg = f"fit_params has no {table!r} to drop columns of; it has {', '.join(beside) or 'nothing'}."
        raise MissingColumnError(msg)
    features = X if table is None else beside[table]
    columns = _positions(features, groups)
    observed, folds = _one_target(y), list(splits)
    check_blocks(blocks, len(observed))

    def predicted(kept: Any) -> npt.NDArray[Any]:
        rows, extra = (kept, beside) if table is None else (X, beside | {table: kept})
        return out_of_fold(
            estimator, rows, observed, folds, sample_weight=sample_weight, fit_params=extra, fit_rows=fit_rows
        ).prediction

    whole = predicted(features)
    without = {
        name: predicted(_dropped(features, dropped, name))
        for name, dropped in track(list(columns.items()), "refitting without each group of features")
    }
    return importance_table(observed, whole, without, blocks=blocks, score=score, random_state=random_state)


def feature_groups(
    columns: Iterable[Hashable], *, prefixes: Sequence[str] | None = None
) -> dict[str, list[Hashable]]:
    """Columns by their source, from names such as ``lights_mean_0``.

    Parameters
    ----------
    columns
        Names of columns.
    prefixes
        Names of sources; a column ``<source>_...`` belongs to the longest that fits, any other to none and is
        a group of its own. ``None`` takes what stands before the first underscore.

    Examples
    --------
    >>> feature_groups(["lights_mean_0", "lights_sd_0", "street_view_3"], prefixes=["lights", "street_view"])
    {'lights': ['lights_mean_0', 'lights_sd_0'], 'street_view': ['street_view_3']}
    """
    found: dict[str, list[Hashable]] = {}
    for column in columns:
        text = str(column)
        fitting = [name for name in prefixes or () if text.startswith(f"{name}_")]
        source = text.split("_", 1)[0] if prefixes is None else max(fitting, key=len, default=text)
        found.setdefault(source, []).append(column)
    return found


def object_groups(
    columns: Iterable[Hashable], *, names: Sequence[str] = VISTAS_CLASSES
) -> dict[str, list[Hashable]]:
    """Columns of each object class by its name, from columns such as ``street_class_10`` and ``street_void``.

    Columns that count no object are left out.

    Parameters
    ----------
    columns
        Names of columns, as :func:`~geolivelihood.features.object_counts` made them, whatever stands before.
    names
        Names of the class ids.

    Raises
    ------
    InputError
        If no column counts objects, or an id has no name.

    Examples
    --------
    >>> object_groups(["street_class_10", "street_void", "lights_mean_0"])
    {'road': ['street_class_10'], 'void': ['street_void']}
    """
    found: dict[str, list[Hashable]] = {}
    for column in columns:
        fitting = re.search(r"(?:^|_)(?:class_(\d+)|(void))$", str(column))
        if fitting is None:
            continue
        number = fitting[1]
        if number is not None and int(number) >= len(names):
            msg = f"Column {column!r} counts the class {int(number)}, but only {len(names)} have a name."
            raise InputError(msg)
        found.setdefault(fitting[2] or names[int(number)], []).append(column)
    if not found:
        msg = "No column counts objects: their names end in class_00, class_01 ... or void."
        raise InputError(msg)
    return found


class _Shuffling(BaseEstimator):
    """An estimator whose prediction has a column for the rows as they are, and one per shuffle of a group."""

    def __init__(
        self,
        estimator: Any,
        *,
        columns: Mapping[str, npt.NDArray[np.intp]],
        n_repeats: int,
        random_state: int,
    ) -> None:
        self.estimator = estimator
        self.columns = columns
        self.n_repeats = n_repeats
        self.random_state = random_state

    def fit(self, X: Any, y: npt.NDArray[Any], **beside: Any) -> Self:
        self.estimator_ = clone(self.estimator).fit(X, y, **beside)
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        n = row_count(X)
        if n < 2:
            msg = f"A fold tests {n} row: nothing can be shuffled. Use larger folds, or drop columns instead."
            raise InputError(msg)
        random = np.random.default_rng(self.random_state)
        # The same shuffles for every group: they differ by what they carry, not by luck.
        donors = take(X, np.concatenate([random.permutation(n) for _ in range(self.n_repeats)]))
        rows = take(X, np.tile(np.arange(n), self.n_repeats))
        answers = [np.asarray(self.estimator_.predict(X))[:, None]]
        for columns in self.columns.values():
            shuffled = self.estimator_.predict(_replaced(rows, donors, columns))
            answers.append(np.asarray(shuffled).reshape(self.n_repeats, n).T)
        return np.hstack(answers)


def _positions(table: Any, groups: Groups | None) -> dict[str, npt.NDArray[np.intp]]:
    """Positions of the columns of each group."""
    if not isinstance(table, pd.DataFrame | np.ndarray) or table.ndim != 2:
        msg = f"Features must be a table, array or DataFrame (rows, features), not {type(table).__name__}."
        raise InputError(msg)
    held = table.columns if isinstance(table, pd.DataFrame) else pd.RangeIndex(table.shape[1])
    if not held.is_unique:
        msg = f"The table has two columns {held[held.duplicated()][0]!r}. Give every column its own name."
        raise InputError(msg)
    wanted = {str(name): [name] for name in held} if groups is None else groups
    if not wanted:
        msg = "groups is empty. Name the columns of at least one group, or leave it out."
        raise InputError(msg)
    return {str(name): _found(held, list(columns), str(name)) for name, columns in wanted.items()}


def _found(held: pd.Index, columns: list[Hashable], group: str) -> npt.NDArray[np.intp]:
    if not columns:
        msg = f"The group {group!r} has no columns. Leave it out."
        raise InputError(msg)
    positions = held.get_indexer(columns)
    missing = [str(name) for name, position in zip(columns, positions) if position < 0]
    if missing:
        some = ", ".join(map(str, held[:6])) + (" ..." if len(held) > 6 else "")
        msg = f"The group {group!r} names {', '.join(missing[:5])}, but the table has {some}."
        raise MissingColumnError(msg)
    return np.unique(positions)


def _one_target(y: npt.ArrayLike) -> npt.NDArray[Any]:
    observed = np.asarray(y)
    if observed.ndim != 1:
        msg = f"y has shape {observed.shape}: explain one target at a time, shape (rows,)."
        raise InputError(msg)
    return observed


def _replaced(rows: Any, donors: Any, columns: npt.NDArray[np.intp]) -> Any:
    """Rows with some columns of others; columns keep their types."""
    made = rows.copy()
    if isinstance(made, pd.DataFrame):
        for column in columns:
            made.isetitem(int(column), donors.iloc[:, column].array)
    else:
        made[:, columns] = donors[:, columns]
    return made


def _dropped(table: Any, columns: npt.NDArray[np.intp], group: str) -> Any:
    kept = np.setdiff1d(np.arange(table.shape[1]), columns)
    if not len(kept):
        msg = f"The group {group!r} holds every column, so that no model is left without it. Leave it out."
        raise InputError(msg)
    return table.iloc[:, kept] if isinstance(table, pd.DataFrame) else table[:, kept]
