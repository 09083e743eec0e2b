"""Cluster-wise models: objects counted over all photos of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn import ensemble, neighbors
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.models.paper.divergence import check_finite
from geolivelihood.models.rows import Floats, check_features, check_target
from geolivelihood.models.training import seeded, single_thread
from geolivelihood.progress import track

__all__ = ["CountsMLP", "cluster_vectors", "count_models", "frobenius", "mlp"]

_INPUTS = 66


def cluster_vectors(counts: npt.ArrayLike, cluster: npt.ArrayLike, *, clusters: int) -> Floats:
    """Object counts summed over the photos of each cluster, and the number of photos.

    Parameters
    ----------
    counts
        Published counts per photo, shape (photos, 65): ``object_counts(..., paper=True)``, whose last bin
        holds class 64 and void.
    cluster
        Cluster of each photo, 0 ... clusters − 1.
    clusters
        Number of clusters; one without photos is all 0.

    Returns
    -------
    numpy.ndarray
        Shape (clusters, 66).
    """
    table, which = np.asarray(counts, dtype=np.float64), np.asarray(cluster, dtype=np.int64)
    if table.ndim != 2 or len(table) != len(which):
        msg = f"counts have shape {table.shape} for {len(which)} photos. Give one row of counts per photo."
        raise InputError(msg)
    result = np.zeros((clusters, table.shape[1] + 1))
    np.add.at(result, which, np.column_stack([table, np.ones(len(table))]))
    return result


def frobenius(counts: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Counts of one cluster (photos, classes) over their Frobenius norm; all 0 stay 0."""
    table = np.asarray(counts, dtype=np.float32)
    norm = float(np.linalg.norm(table))
    return table / norm if norm > 0 else table


def count_models(*, classes: bool, seed: int = 0) -> dict[str, Any]:
    """The published classifiers or regressors on cluster vectors, unfitted, by name.

    Which of them gave the published row is not said; the table reports the best and names it.
    """
    kind = "Classifier" if classes else "Regressor"
    knn: Callable[..., Any] = getattr(neighbors, f"KNeighbors{kind}")
    forest: Callable[..., Any] = getattr(ensemble, f"RandomForest{kind}")
    boosting: Callable[..., Any] = getattr(ensemble, f"GradientBoosting{kind}")
    trees, depths = (100, (7, 10)) if classes else (300, (5, 7))
    return {
        "kNN(3)": knn(3),
        **{f"forest {n}": forest(n, random_state=seed) for n in (100, 300)},
        **{
            f"boosting depth {depth}": boosting(
                learning_rate=0.1, n_estimators=trees, max_depth=depth, random_state=seed
            )
            for depth in depths
        },
    }


def mlp() -> nn.Sequential:
    """66-256-256-1 with ReLU and dropout of 0.4 after each hidden layer: 83,201 parameters."""
    layers: list[nn.Module] = []
    for inputs in (_INPUTS, 256):
        layers += [nn.Linear(inputs, 256), nn.ReLU(), nn.Dropout(0.4)]
    return nn.Sequential(*layers, nn.Linear(256, 1))


class CountsMLP(RegressorMixin, BaseEstimator):
    """The published multilayer perceptron on cluster vectors: Adam 3e-4, squared error.

    Parameters
    ----------
    epochs
        Passes over the clusters.
    batch_size
        Clusters per step.
    learning_rate
        Of Adam.
    random_state
        Seed of weights, dropout and order.

    Attributes
    ----------
    network_
        The network after the last epoch.
    """

    def __init__(
        self,
        *,
        epochs: int = 300,
        batch_size: int = 512,
        learning_rate: float = 3e-4,
        random_state: int | None = 0,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state

    def fit(self, X: Any, y: npt.ArrayLike) -> Self:
        """Fit to cluster vectors (clusters, 66) and a target (clusters,).

        Raises
        ------
        InputError
            If shapes disagree, a value is missing, or the training diverges.
        """
        table = torch.tensor(check_features(X, expected=_INPUTS), dtype=torch.float32)
        target = torch.tensor(check_target(y, rows=len(table)), dtype=torch.float32)
        # A plain loop, as for the graph network: fixed epochs, no held-out part, nothing to choose.
        with seeded(self.random_state), single_thread():
            self.network_ = mlp().train()
            optimiser = torch.optim.Adam(self.network_.parameters(), lr=self.learning_rate)
            for _ in track(range(self.epochs), "training the perceptron"):
                for rows in torch.randperm(len(table)).split(self.batch_size):
                    optimiser.zero_grad()
                    loss = functional.mse_loss(self.network_(table[rows])[:, 0], target[rows])
                    check_finite(loss.detach(), "the loss")
                    loss.backward()
                    optimiser.step()
        self.network_.eval()
        return self

    def predict(self, X: Any) -> Floats:
        """Predict one value per cluster."""
        check_is_fitted(self)
        table = torch.tensor(check_features(X, expected=_INPUTS), dtype=torch.float32)
        with torch.inference_mode(), single_thread():
            return self.network_(table)[:, 0].double().numpy()
