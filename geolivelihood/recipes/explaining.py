"""How a run measures what its models go by: on the folds and cells that it has, at a bounded cost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import explanation, validation
from geolivelihood.errors import InputError
from geolivelihood.explanation import SurrogateTree
from geolivelihood.progress import track
from geolivelihood.recipes.blanks import WithAverages, blanked
from geolivelihood.recipes.builders import build_estimator
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.named import (
    Followed,
    counted_choice,
    counted_sources,
    followed,
    named_columns,
    named_sources,
)
from geolivelihood.recipes.people import People
from geolivelihood.recipes.settings import ModelChoice

__all__ = [
    "averaged_losses",
    "cell_weights",
    "counted_losses",
    "dropped_losses",
    "grown_tree",
    "map_curves",
    "shapley_sizes",
    "without_source",
]

Floats = npt.NDArray[np.float64]
_CURVES, _GRID = 4, 6
_MOST_CELLS = 300  # draws that a curve averages over: the same for all values, so that its shape is sure
_SHAPLEY_ROWS = 300


# -- importances ------------------------------------------------------------------------------------


def without_source(data: Livelihood, choice: ModelChoice, name: str) -> ModelChoice:
    """The same model on its other sources."""
    rest = [other for other in data.seen_by(choice) if other != name]
    return choice.model_copy(update={"sources": rest, "label": f"{choice.key} without {name}"})


def dropped_losses(lineup: LineUp, choice: ModelChoice, indicator: str) -> pd.DataFrame:
    """What a model loses on unseen blocks when it is trained without each of its sources (drop-column).

    Returns
    -------
    pandas.DataFrame
        As from :func:`~geolivelihood.explanation.importance_table`.
    """
    whole = lineup.out_of_fold(choice, "blocked", indicator)
    without = {}
    for name in track(lineup.data.seen_by(choice), "scoring the map's model without each source"):
        other = without_source(lineup.data, choice, name)
        without[name] = lineup.out_of_fold(other, "blocked", indicator)["predicted"]
    return explanation.importance_table(
        whole["observed"],
        whole["predicted"],
        without,
        blocks=whole["block"],
        random_state=lineup.project.seed,
    )


def averaged_losses(lineup: LineUp, choice: ModelChoice, indicator: str) -> pd.DataFrame:
    """What a network, fitted once per fold, loses when it is told a source's average everywhere.

    Returns
    -------
    pandas.DataFrame
        As from :func:`~geolivelihood.explanation.importance_table`, with ``indicator``: all that it learns.
    """
    job, names = lineup.job(choice, indicator), lineup.data.seen_by(choice)
    learned = lineup.learned_with(choice, indicator)
    answers = validation.out_of_fold(
        WithAverages(job.estimator, variants=blanked(lineup, choice)),
        job.X,
        job.labels.y,
        lineup.splits.of("blocked"),
        fit_params=job.beside,
        fit_rows=job.per_row,
    ).prediction.reshape(len(job.labels.y), 1 + len(names), len(learned))
    y = job.labels.y.reshape(len(job.labels.y), -1)
    parts = []
    for at, one in enumerate(learned):
        found = explanation.importance_table(
            y[:, at],
            answers[:, 0, at],
            dict(zip(names, answers[:, 1:, at].T)),
            blocks=lineup.sample.blocks,
            random_state=lineup.project.seed,
        )
        parts.append(found.assign(indicator=one))
    return pd.concat(parts)


def counted_losses(lineup: LineUp, indicator: str) -> pd.DataFrame:
    """What a linear model of object counts alone loses when those of a class are dealt to other places.

    Returns
    -------
    pandas.DataFrame
        As from :func:`~geolivelihood.explanation.importance_table`, with ``indicator``, and ``r2`` of the
        model on unseen blocks.
    """
    choice = counted_choice(lineup.data)
    job, named = lineup.job(choice, indicator), named_columns(lineup.data, counted_sources(lineup.data))
    columns = lineup.data.cluster_features(lineup.data.seen_by(choice)).columns
    X = pd.DataFrame(job.X, columns=columns)[list(named.values())].set_axis(list(named), axis=1)
    estimator, folds = build_estimator(choice, seed=lineup.project.seed), lineup.splits.of("blocked")
    found = explanation.permutation_importance(
        estimator,
        X,
        job.labels.y,
        folds,
        blocks=lineup.sample.blocks,
        fit_rows=job.per_row,
        random_state=lineup.project.seed,
    )
    whole = validation.out_of_fold(estimator, X, job.labels.y, folds, fit_rows=job.per_row).prediction
    r2 = validation.r2(job.labels.y, whole)
    return found.assign(indicator=indicator, r2=r2)


def shapley_sizes(lineup: LineUp, choice: ModelChoice, indicator: str) -> pd.DataFrame:
    """Mean |Shapley value| of each class of objects and of each other source, at surveyed places.

    Returns
    -------
    pandas.DataFrame
        As from :func:`~geolivelihood.explanation.shapley_summary`, with ``indicator``.

    Raises
    ------
    EnvironmentMissingError
        If shap is not installed.
    """
    job, data = lineup.job(choice, indicator), lineup.data
    names, learned = data.seen_by(choice), lineup.learned_with(choice, indicator)
    columns = data.cluster_features(names).columns
    random = np.random.default_rng(lineup.project.seed)
    size = min(_SHAPLEY_ROWS, len(job.labels.y))
    rows = np.sort(random.choice(len(job.labels.y), size, replace=False))
    model, X = job.fitted(), pd.DataFrame(job.X, columns=columns).iloc[rows]
    counted = [name for name in names if name in counted_sources(data)]
    spoken = {column: said for said, column in named_columns(data, counted).items()}
    groups: dict[str, list[str]] = {}
    for source, own in explanation.feature_groups(columns, prefixes=names).items():
        for column in map(str, own):
            groups.setdefault(spoken.get(column, source), []).append(column)
    parts = []
    for at, one in enumerate(learned):
        output = {"output": at} if len(learned) > 1 else {}
        values = explanation.tree_shap(model, X, **output).values
        found = explanation.shapley_summary(
            values, lineup.sample.blocks[rows], groups=groups, random_state=lineup.project.seed
        )
        parts.append(found.assign(indicator=one))
    return pd.concat(parts)


# -- curves and tree --------------------------------------------------------------------------------


def cell_weights(lineup: LineUp, people: People) -> Floats:
    """Weight of each cell: its people where they are known, else the surveyed places expected there."""
    if people.known:
        return people.of_cells.reindex(lineup.data.cells).fillna(0.0).to_numpy(dtype=float)
    return np.asarray(lineup.data.map_tie.matrix.sum(axis=0), dtype=float).ravel()


def map_curves(
    lineup: LineUp, choice: ModelChoice, strongest: dict[str, list[str] | None], weights: Floats
) -> pd.DataFrame:
    """Partial dependence of the map on what its model sees and a reader can name.

    Parameters
    ----------
    lineup
        The project's models.
    choice
        A model on a table of features.
    strongest
        For each indicator that it learns, classes of objects, the strongest first; see :func:`followed`.
    weights
        Of the cells; a cell without the feature counts nothing.

    Returns
    -------
    pandas.DataFrame
        As from :func:`~geolivelihood.explanation.partial_dependence`, with ``indicator``. No band: over
        blocks it would be of the level, which differs between districts by far more than a curve moves.
    """
    data, learned = lineup.data, list(strongest)
    names = data.seen_by(choice)
    rows, counts = _sampled(lineup, choice, weights)
    model, table = lineup.fit(choice, learned[0]), data.cell_features(names).iloc[rows]
    surveyed = data.cluster_features(names).iloc[lineup.sample.rows]
    parts = []
    for at, indicator in enumerate(learned):
        predict = _predictor(lineup, choice, model, rows, at)
        for one in followed(data, surveyed, strongest[indicator], most=_CURVES):
            found = explanation.partial_dependence(
                partial(_led, one, predict),
                table,
                one.lead,
                grid=one.grid(_GRID),
                weights=counts * table[one.lead].notna().to_numpy(),
            )
            parts.append(found.assign(feature=one.name, indicator=indicator))
    return pd.concat(parts, ignore_index=True)


def _led(one: Followed, predict: Callable[[pd.DataFrame], Floats], table: pd.DataFrame) -> Floats:
    return predict(one.led(table))


def _sampled(
    lineup: LineUp, choice: ModelChoice, weights: Floats
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Positions of cells drawn by weight, with those that the model sees around them; how often each came."""
    data = lineup.data
    seen = data.cell_features(data.seen_by(choice)).notna().any(axis=1).to_numpy()
    likely = weights * (seen if choice.name == "cell" else lineup.inputs.known_cells(data.seen_by(choice)))
    if not likely.any():
        msg = "no cell where people (or surveyed places) are is predicted."
        raise InputError(msg)
    random = np.random.default_rng(lineup.project.seed)
    counts = random.multinomial(_MOST_CELLS, likely / likely.sum())
    rows = np.flatnonzero(counts)
    if choice.name == "cell":
        hops = build_estimator(choice, seed=0).hops
        # one ring more than it averages over: a cell without a value takes its neighbours'
        around = h3cells.neighbours(data.cells[rows], k=hops + 1)[1]
        rows = np.flatnonzero(np.isin(data.cells, around) | (counts > 0))
    return rows, counts[rows]


def _predictor(
    lineup: LineUp, choice: ModelChoice, model: Any, rows: npt.NDArray[np.intp], at: int
) -> Callable[[pd.DataFrame], Floats]:
    """The map's prediction of one of its indicators from a table of these cells."""
    cells, graph = lineup.data.cells[rows], None
    if choice.name == "cell":
        graph = lineup.inputs.cells(choice)[1][rows][:, rows]

    def predict(table: pd.DataFrame) -> Floats:
        X = table.to_numpy()
        found = model.predict(X) if graph is None else model.predict_cells(cells, features=X, graph=graph)
        return np.asarray(found, dtype=float).reshape(len(X), -1)[:, at]

    return predict


def grown_tree(lineup: LineUp, indicator: str, people: People) -> SurrogateTree:
    """The map in three questions about what the pictures show in each cell.

    Raises
    ------
    InputError
        If too few cells have both.
    """
    data = lineup.data
    sources = named_sources(data, data.seen_by(lineup.map_choice))
    table, named = data.cell_features(sources), named_columns(data, sources)
    shown = table.notna().any(axis=1)
    return explanation.surrogate_tree(
        table[list(named.values())].set_axis(list(named), axis=1),
        lineup.cell_predictions(indicator).reindex(table.index).where(shown),
        weights=people.of_cells.reindex(table.index).fillna(0.0) if people.known else None,
        target=lineup.project.output.labels.get(indicator, indicator),
        random_state=lineup.project.seed,
    )
