"""The map: a value for every cell, learned from cluster labels through the displacement tie."""

from __future__ import annotations

import logging
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch_geometric.data import HeteroData

from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.models.cell_heads import CellHeads
from geolivelihood.models.cell_inputs import CellInputs, check_tie, expectation, tie_to
from geolivelihood.models.label_errors import check_errors
from geolivelihood.models.propagation import location_features, missing_marks, propagate, spread_km
from geolivelihood.models.rows import Floats, check_features, check_targets, check_weights

__all__ = ["CellRegressor"]

_log = logging.getLogger(__name__)


class CellRegressor(RegressorMixin, CellHeads):
    """Predicts at every cell; trained so that the *average* over where a cluster may lie meets its label.

    A survey cluster's published point is displaced, so its label belongs to no single cell but to
    Σ_c P(c) f(φ_c), the mean of the cell predictions under the displacement tie. With a linear head this
    is regression on expected features, solved in closed form; with a network the loss is on the average,
    not on the average of the features. Prediction happens at real cells.

    Features are a table of cells, or the pictures themselves in a place graph
    (:func:`~geolivelihood.graphs.place_graph`). Linear and perceptron head reduce the graph to the table of
    each cell's mean; the graph head learns from single pictures and from the neighbours' states.

    Several targets may be learned at once, with gaps: each has its own linear solution, while a network
    shares all but its last layer between them.

    Parameters
    ----------
    head
        ``"linear"``: ridge on expected features. ``"mlp"``: a network that starts from the linear solution.
        ``"graph"``: a network over pictures and cells that starts there too; it needs a place graph.
        ``"auto"``: ``"mlp"`` from 1,000 clusters on; fewer hold out too few to tell when it should stop.
    penalty
        What chooses the penalty of the linear solution. ``"loo"``: the leave-one-out error of the labels.
        ``"evidence"``: the likelihood of the labels under random coefficients. A label is an average over
        many cells; where it is one over much more than a few cells, leaving one out says little about the
        directions along which cells differ and averages do not, and chooses too weak a penalty for the map.
    hops
        Rings of the cell graph whose mean features are added to the cell's own.
    location
        Number of location features (random Fourier features on the sphere); 0 = pictures only. With them
        the map interpolates as well, which helps between clusters and not beyond them. They also take up
        what varies smoothly beside the pictures; without them, averages over displaced clusters make many
        features do so, which goes wrong at single cells.
    location_km
        Length over which the location features vary; ``None`` takes the spread of the training cells (root
        mean square distance from their middle).
    min_covered
        Least share of a cluster's tie that must lie on cells with features. Clusters below are dropped from
        training with a warning, and predicted as NaN.
    hidden, dropout
        Of the network.
    layers
        Rounds of messages between neighbouring cells, in the graph head.
    learning_rate, weight_decay, batch_size, max_epochs, patience
        Of its training.
    validation_share
        Share of the clusters held out to choose the epoch.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    random_state
        Seed of weights, order, location features and held-out part.

    Attributes
    ----------
    head_
        The head that was fitted.
    cells_
        Cells of the tie it was fitted on, ``uint64``.
    cell_prediction_
        Prediction at each of them, shape (cells,), or (cells, targets); NaN without features in the cell or
        beside it.
    dropped_
        Row ids of the clusters that were left out of training.
    covered_
        Share of each training cluster's tie on cells with features, by row id.
    solution_
        The ridge solution on standardised features (see :meth:`design`): the model itself, or where the
        network started.
    history_
        Validation loss per epoch; ``None`` for the linear head.

    Raises
    ------
    InputError
        From ``fit``: if shapes disagree, fewer than two clusters are covered, or a target has fewer than two
        known values among them.
    """

    def fit(
        self,
        X: Tie,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        features: Any,
        graph: sparse.csr_array | None = None,
        se: npt.ArrayLike | None = None,
        groups: npt.ArrayLike | None = None,
    ) -> Self:
        """Train on cluster labels.

        Parameters
        ----------
        X
            Tie of clusters (rows) to cells (columns).
        y
            Label per cluster (clusters,), or several (clusters, targets) with NaN where one is missing.
        sample_weight
            Weight per cluster.
        features
            Shape (cells, d) in the order of ``X.cells``, NaN = no pictures; or a DataFrame indexed by cell;
            or a place graph, whose cells are then those of the model.
        graph
            Cell graph (cells x cells) in the same order; ``None`` = no neighbours. A place graph has its own.
        se
            Standard error of each label, of the shape of ``y``. Weights become w / (1 + se²/τ²) with τ² the
            model's own error variance, so that a se of 0 is not infinite trust. NaN counts as the median.
        groups
            Optional block of each cluster; blocks are held out whole.
        """
        self._check_options(X, features)
        target = check_targets(y, rows=len(X))
        weights = check_weights(sample_weight, rows=len(X))
        error = None if se is None else check_errors(se, len(X), observed=~np.isnan(target))
        inputs = CellInputs.of(features, graph, X.cells)
        tie = tie_to(inputs.cells, X)
        self.n_features_in_, self.marks_ = inputs.features.shape[1], missing_marks(inputs.features)
        used = tie.cells[np.unique(tie.matrix.indices)]
        self.location_km_ = self.location_km or (spread_km(used) if len(used) else 1.0)
        table, covered = self._table(inputs)
        kept = self._keep_covered(tie, covered)
        expected = expectation(tie, covered)[kept]
        target, weights = check_targets(target[kept], rows=int(kept.sum())), weights[kept]
        error = None if error is None else error[kept]
        names = None if groups is None else np.asarray(groups)[kept]
        self.targets_ = _target_names(y, target)
        scaled, places = self._scale(inputs, table, expected.T @ weights, rows=len(target))
        self._learn(expected, scaled, places, target, weights, error, names)
        self.cells_ = inputs.cells
        self.cell_prediction_ = self._values(scaled, covered, places)
        return self

    def predict(
        self, X: Tie, *, features: Any | None = None, graph: sparse.csr_array | None = None
    ) -> Floats:
        """Σ P f(φ_c) per cluster, over the cells with features.

        Parameters
        ----------
        X
            Tie of clusters to cells.
        features, graph
            Features and graph of ``X.cells``, where these are other cells than those of ``fit``; or a place
            graph.

        Returns
        -------
        numpy.ndarray
            Shape (clusters,), or (clusters, targets); NaN where less than ``min_covered`` of the tie lies on
            cells with features.
        """
        check_is_fitted(self)
        check_tie(X)
        if features is None:
            found = self.predict_cells().reindex(X.cells)
        else:
            found = self.predict_cells(X.cells, features=features, graph=graph)
        values = found.to_numpy()
        # A cell is predicted for all targets or for none.
        known = ~np.isnan(values.reshape(len(values), -1)[:, 0])
        result = expectation(X, known) @ np.nan_to_num(values)
        result[~(np.asarray(X.covered(known)) >= self.min_covered)] = np.nan
        return result

    def predict_cells(
        self,
        cells: npt.ArrayLike | None = None,
        *,
        features: Any | None = None,
        graph: sparse.csr_array | None = None,
    ) -> pd.Series | pd.DataFrame:
        """Predict at cells: those of ``fit``, or others with their features and graph.

        Parameters
        ----------
        cells
            Cells, shape (c,). With a place graph, ``None`` stands for all of its cells, and cells that it
            lacks are NaN.
        features, graph
            As in :meth:`fit`.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            Index ``cell``; a column per target where there are several. NaN where neither the cell nor a
            neighbour has features.
        """
        check_is_fitted(self)
        if features is None:
            if cells is not None:
                msg = "Give cells and their features together, or neither (the cells of the fit)."
                raise InputError(msg)
            return self._named(self.cells_, self.cell_prediction_)
        inputs = CellInputs.of(features, graph, cells)
        table, covered = self._fitting_table(inputs)
        values = self._values(self.scale_.apply(table), covered, self._places(inputs))
        found = self._named(inputs.cells, values)
        return found if cells is None else found.reindex(_cell_index(cells))

    def design(
        self,
        cells: npt.ArrayLike | None = None,
        *,
        features: Any,
        graph: sparse.csr_array | None = None,
    ) -> pd.DataFrame:
        """What the linear part of the model sees of each cell: where a place lies among those it knows.

        Parameters
        ----------
        cells
            Cells of the features; ``None`` for those of ``fit``, or of the place graph.
        features, graph
            As in :meth:`fit`.

        Returns
        -------
        pandas.DataFrame
            Index ``cell``; the cell's own features, which of them are known, its neighbours', its location;
            all standardised and cut to the training range. NaN where the model predicts nothing. A value that
            is missing in a cell that has others is 0, the mean.
        """
        check_is_fitted(self)
        own = self.cells_ if cells is None and not isinstance(features, HeteroData) else cells
        inputs = CellInputs.of(features, graph, own)
        table, covered = self._fitting_table(inputs)
        scaled = self.scale_.apply(table)
        scaled[~covered] = np.nan
        found = pd.DataFrame(scaled, index=_cell_index(inputs.cells))
        return found if own is None else found.reindex(_cell_index(own))

    @property
    def feature_weights_(self) -> Floats:
        """How much each column of :meth:`design` moves the linear solution, |β|, shape (columns,).

        In standard deviations of target and column, the mean over targets: weights for the area of
        applicability.
        """
        return np.abs(np.atleast_2d(self.solution_.coef)).mean(axis=0)

    def _named(self, cells: npt.NDArray[np.uint64], values: Floats) -> pd.Series | pd.DataFrame:
        if values.ndim == 1:
            return pd.Series(values, index=_cell_index(cells), name="prediction")
        return pd.DataFrame(values, index=_cell_index(cells), columns=self.targets_)

    def _table(self, inputs: CellInputs) -> tuple[Floats, npt.NDArray[np.bool_]]:
        check_features(inputs.features, expected=self.n_features_in_)
        spread = propagate(inputs.features, inputs.graph, hops=self.hops, marks=self.marks_)
        place = location_features(
            inputs.cells, count=self.location, length_km=self.location_km_, seed=self.random_state
        )
        return np.column_stack([spread.table, place]), spread.covered

    def _fitting_table(self, inputs: CellInputs) -> tuple[Floats, npt.NDArray[np.bool_]]:
        table, covered = self._table(inputs)
        if table.shape[1] != len(self.scale_.mean):
            msg = "The model was fitted with a cell graph; give the graph of these cells (or the reverse)."
            raise InputError(msg)
        return table, covered

    def _keep_covered(self, tie: Tie, covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        self.covered_ = tie.covered(covered)
        kept = np.asarray(self.covered_) >= self.min_covered
        self.dropped_ = list(tie.rows[~kept])
        if self.dropped_:
            some = ", ".join(map(str, self.dropped_[:5])) + (" ..." if len(self.dropped_) > 5 else "")
            _log.warning(
                "%d of %d clusters have less than %g of their possible places on cells with features and are "
                "not trained on: %s",
                len(self.dropped_),
                len(tie),
                self.min_covered,
                some,
            )
        if kept.sum() < 2:
            msg = (
                f"Only {kept.sum()} of {len(tie)} clusters have {self.min_covered:g} of their tie on cells "
                "with features; at least 2 are needed. Do the cells of tie and features agree?"
            )
            raise InputError(msg)
        return kept


def _target_names(y: Any, target: Floats) -> list[Any] | None:
    """Names of several targets; ``None`` where there is one."""
    if target.ndim == 1:
        return None
    return list(y.columns) if isinstance(y, pd.DataFrame) else list(range(target.shape[1]))


def _cell_index(cells: npt.ArrayLike) -> pd.Index:
    return pd.Index(np.asarray(cells, dtype=np.uint64), name="cell")
