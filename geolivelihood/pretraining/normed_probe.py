"""A linear layer behind a batch normalisation without parameters: a probe that bears one learning rate.

The learning rate of a linear probe spans 1 to 30 by encoder, because features differ in scale. Normalised
first, they do not.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.models.rows import check_features, check_labels, check_target
from geolivelihood.models.training import TargetScale, seeded
from geolivelihood.pretraining.head_training import Batches, HeadModule, Loss, head_of, train_head
from geolivelihood.pretraining.schedules import Optimisation

__all__ = ["NormedProbeClassifier", "NormedProbeRegressor", "check_training", "published_steps"]

Floats = npt.NDArray[np.float64]
_ROOM = 1e-6  # added to variances; pooled features have small ones


def published_steps(learning_rate: float, epochs: int) -> Optimisation:
    """SGD with momentum 0.9 whose rate falls to a tenth after 60 % and after 80 % of the epochs [1]_.

    References
    ----------
    .. [1] He et al. (2020), "Momentum Contrast", CVPR; Ayush et al. (2021), ICCV.
    """
    milestones = (round(0.6 * epochs), round(0.8 * epochs))
    return Optimisation(
        optimiser="sgd",
        learning_rate=learning_rate,
        momentum=0.9,
        weight_decay=0.0,
        schedule="step",
        milestones=milestones,
    )


def check_training(epochs: int, batch_size: int) -> None:
    """InputError unless there is an epoch and a batch has two rows."""
    if epochs < 1 or batch_size < 2:
        msg = f"epochs={epochs}, batch_size={batch_size}: give at least 1 epoch and 2 rows a batch."
        raise InputError(msg)


class _NormedProbe(BaseEstimator):
    def __init__(
        self,
        *,
        learning_rate: float = 0.1,
        epochs: int = 100,
        batch_size: int = 256,
        optimisation: Optimisation | None = None,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimisation = optimisation
        self.device = device
        self.random_state = random_state

    def _train(self, table: Floats, target: Tensor, *, outputs: int, loss: Loss) -> None:
        check_training(self.epochs, self.batch_size)
        features = torch.from_numpy(table).float()
        self.n_features_in_ = table.shape[1]
        batches = Batches(
            lambda rows, _: features[torch.from_numpy(rows)],
            target,
            batch_size=self.batch_size,
            seed=self.random_state,
        )
        with seeded(self.random_state):
            head = head_of(table.shape[1], outputs)
        module = HeadModule(
            nn.BatchNorm1d(table.shape[1], eps=_ROOM, affine=False),
            head,
            loss=loss,
            optimisation=self.optimisation or published_steps(self.learning_rate, self.epochs),
            epochs=self.epochs,
            steps_per_epoch=len(batches),
        )
        train_head(
            module,
            batches,
            epochs=self.epochs,
            text="training a probe",
            device=self.device,
            seed=self.random_state,
        )
        self.network_, self.losses_ = nn.Sequential(module.network, module.head), module.losses

    def _outputs(self, X: Any) -> Floats:
        check_is_fitted(self)
        table = _features(X, self.n_features_in_)
        with torch.no_grad():
            return self.network_(torch.from_numpy(table).float()).double().numpy()


class NormedProbeClassifier(ClassifierMixin, _NormedProbe):
    """Batch normalisation without parameters, then a linear layer, by SGD on cached features.

    Parameters
    ----------
    learning_rate, epochs, batch_size
        Of SGD with momentum; the rate falls to a tenth after 60 % and 80 % of the epochs.
    optimisation
        Another optimisation.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    random_state
        Seed.

    Attributes
    ----------
    network_
        The normalisation and the layer.
    losses_
        Mean training loss of each epoch.
    """

    def fit(self, X: Any, y: npt.ArrayLike) -> Self:
        """Fit to features (n, d) and labels (n,)."""
        table = _features(X)
        self.classes_, codes = check_labels(y, rows=len(table))
        if len(self.classes_) < 2:
            msg = (
                f"All {len(table)} labels are {self.classes_[0]!r}: a probe needs two classes to tell apart."
            )
            raise InputError(msg)
        self._train(table, torch.from_numpy(codes), outputs=len(self.classes_), loss="classes")
        return self

    def decision_function(self, X: Any) -> Floats:
        """Logits, shape (n, classes)."""
        return self._outputs(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Class with the greatest logit of each row."""
        return self.classes_[self._outputs(X).argmax(axis=1)]


class NormedProbeRegressor(RegressorMixin, _NormedProbe):
    """As :class:`NormedProbeClassifier`, of amounts: the loss is absolute (L1) on the standardised target.

    Parameters as there. The published probe of Rank-N-Contrast is ``Optimisation("adamw", 5e-3,
    weight_decay=0, schedule="exponential")`` with ``batch_size=32``.
    """

    def fit(self, X: Any, y: npt.ArrayLike) -> Self:
        """Fit to features (n, d) and amounts (n,)."""
        table = _features(X)
        target = check_target(y, rows=len(table))
        self.target_scale_ = TargetScale.of(target)
        scaled = torch.from_numpy(self.target_scale_.standardise(target)).float()
        self._train(table, scaled, outputs=1, loss="l1")
        return self

    def predict(self, X: Any) -> Floats:
        """Value per row."""
        return self.target_scale_.restore(self._outputs(X)[:, 0])


def _features(X: Any, expected: int | None = None) -> Floats:
    table = check_features(X, expected=expected)
    if np.isnan(table).any():
        msg = f"{int(np.isnan(table).any(axis=1).sum())} rows have features that are NaN. Drop them first."
        raise InputError(msg)
    return table
