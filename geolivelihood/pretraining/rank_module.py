"""Training that orders an embedding by an outcome, and the supervised training that it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.models.training import TargetScale
from geolivelihood.pretraining.rank_n_contrast import rank_n_contrast_loss
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.split_norm import average_statistics
from geolivelihood.pretraining.views import ViewBatch, Views

__all__ = ["RANK_PRESETS", "RankModule", "RankPreset", "SupervisedModule"]

Floats = npt.NDArray[np.float64]


class RankPreset(NamedTuple):
    """Published settings of a training: network, side of a view in pixels, epochs, pairs per batch."""

    architecture: str
    size: int
    epochs: int
    batch_size: int
    optimisation: Optimisation


_RANK = Optimisation("adamw", 5e-4, weight_decay=1e-4, schedule="cosine")
_SUPERVISED = Optimisation("adamw", 5e-3, weight_decay=0.0, schedule="exponential", decay=0.95)
_AGE = Optimisation("sgd", 0.5, momentum=0.9, weight_decay=1e-4, schedule="cosine", final_share=0.1**3)

#: As published: outcomes of overhead pictures (Obadic et al. 2024), the supervised training beside them, and
#: the ages of faces of the original paper (Zha et al. 2023).
RANK_PRESETS: Mapping[str, RankPreset] = MappingProxyType(
    {
        "outcome": RankPreset("resnet50", 500, 400, 32, _RANK),
        "supervised": RankPreset("resnet50", 500, 100, 32, _SUPERVISED),
        "age": RankPreset("resnet18", 224, 400, 256, _AGE),
    }
)


class _OutcomeModule(pl.LightningModule):
    """A network and the outcome of every picture of the table."""

    targets: Tensor

    def __init__(self, backbone: nn.Module, targets: npt.ArrayLike, optimisation: Optimisation) -> None:
        super().__init__()
        given = np.asarray(targets, dtype=np.float64)
        if given.ndim not in (1, 2) or not given.size:
            msg = f"targets of shape {given.shape}: give one value per picture, (rows,) or (rows, targets)."
            raise InputError(msg)
        self.backbone = backbone
        self.optimisation = optimisation
        self._steps_per_epoch: int | None = None
        table = given.reshape(len(given), -1)
        self.scale = TargetScale.of(table)
        # Not saved with the weights: whoever trains brings the labels.
        self.register_buffer("targets", self._known(table), persistent=False)

    def _known(self, table: Floats) -> Tensor:
        return torch.from_numpy(self.scale.standardise(table))

    def check(self, views: Views) -> None:
        """Refuse, before the first step, what cannot be learned from.

        Raises
        ------
        InputError
            If the targets are not those of the pictures, a picture that is shown has none, all are equal, or
            a step has one picture.
        """
        if len(self.targets) != len(views.images):
            msg = (
                f"There are {len(self.targets)} targets for {len(views.images)} pictures; give one per row "
                "of the table of images, in its order."
            )
            raise InputError(msg)
        pairs = views.pairs.epoch(0)
        shown = self.targets[torch.from_numpy(np.unique(np.concatenate(pairs)))]
        missing = int((~torch.isfinite(shown)).any(dim=1).sum())
        if missing:
            msg = f"{missing} of the {len(shown)} pictures have no finite target; take them out of the table."
            raise InputError(msg)
        if bool((shown == shown[0]).all()):
            msg = f"All {len(shown)} pictures have the same target: there is no order to learn."
            raise InputError(msg)
        if views.batch_size < 2:
            msg = "batch_size=1: a step of one picture compares it with nothing. Give at least 2."
            raise InputError(msg)
        self._steps_per_epoch = len(views)

    def before_saving(self) -> None:
        """Give every process the running statistics of all; all processes must call it."""
        average_statistics(self.backbone)

    def settings(self) -> dict[str, Any]:
        """What a resumed training must find unchanged."""
        return self.card()

    def card(self) -> dict[str, Any]:
        """Method and settings, as JSON."""
        return {"targets": _moments(self.scale), "optimisation": asdict(self.optimisation)}

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule of whatever is not frozen."""
        trainer = self.trainer
        epochs = max(int(trainer.max_epochs or 1), 1)
        # asking the trainer starts an epoch, which a resume has done already
        if self._steps_per_epoch is None:
            self._steps_per_epoch = max(int(trainer.estimated_stepping_batches) // epochs, 1)
        return self.optimisation.configure(
            self._trained(), epochs=epochs, steps_per_epoch=self._steps_per_epoch
        )

    def _trained(self) -> Iterator[nn.Parameter]:
        return (parameter for parameter in self.parameters() if parameter.requires_grad)


class RankModule(_OutcomeModule):
    """Rank-N-Contrast on two views of every picture: the more outcomes differ, the farther the features.

    The features are those of the last pooling, neither projected nor normalised [1]_. Distances between
    labels are sums over targets, so several are standardised; a single one is ranked as it is.

    Over several processes the features of all are ranked together, as in one process with the whole batch;
    batch normalisation sees each process's own pictures.

    Parameters
    ----------
    backbone
        A network without its last layer: pictures to (n, features).
    targets
        Outcome per row of the table of images, (rows,) or (rows, targets); rows that no pair shows may be
        NaN.
    temperature
        τ of the loss.
    tolerance
        Label distances within this count as tied; of several targets in standard deviations.
    optimisation
        Default: AdamW at 5e-4, weight decay 1e-4, cosine to 0, as published.

    Attributes
    ----------
    scale
        Mean and standard deviation of the targets.

    Raises
    ------
    InputError
        If the targets are not numbers in one or two dimensions.

    References
    ----------
    .. [1] Obadic et al. (2024), Contrastive Pretraining for Visual Concept Explanations of Socioeconomic
       Outcomes, CVPR Workshops, arXiv:2404.09768.
    """

    def __init__(
        self,
        backbone: nn.Module,
        targets: npt.ArrayLike,
        *,
        temperature: float = 2.0,
        tolerance: float = 0.0,
        optimisation: Optimisation = _RANK,
    ) -> None:
        super().__init__(backbone, targets, optimisation)
        self.temperature, self.tolerance = temperature, tolerance

    def _known(self, table: Floats) -> Tensor:
        # Dividing by the deviation would break ties by rounding and does not change the order of one target.
        return torch.from_numpy(table.copy()) if table.shape[1] == 1 else super()._known(table)

    def training_step(self, batch: ViewBatch, index: int) -> Tensor:
        """Loss of all processes' views together."""
        features = self.backbone(torch.cat([batch.query, batch.key]))
        loss = rank_n_contrast_loss(
            features,
            self.targets[torch.cat([batch.position, batch.key_position])],
            temperature=self.temperature,
            tolerance=self.tolerance,
            across_ranks=True,
        )
        self.log("pretrain/loss", loss.detach(), batch_size=len(batch.position))
        return loss

    def card(self) -> dict[str, Any]:
        """Method and settings, as JSON."""
        own = {"method": "rank_n_contrast", "temperature": self.temperature, "tolerance": self.tolerance}
        return own | super().card()


class SupervisedModule(_OutcomeModule):
    """The baseline: the same network, views and steps, trained on the outcome itself with a linear layer.

    The loss is the mean absolute error of the standardised targets, over both views.

    Parameters
    ----------
    backbone
        A network without its last layer: pictures to (n, ``dim``).
    targets
        Outcome per row of the table of images, (rows,) or (rows, targets).
    dim
        Number of features.
    optimisation
        Default: AdamW at 5e-3 without decay, times 0.95 per epoch, as published.
    seed
        Of the linear layer's initial weights.

    Attributes
    ----------
    head
        The linear layer, (n, ``dim``) to standardised targets.
    scale
        Mean and standard deviation of the targets.
    """

    def __init__(
        self,
        backbone: nn.Module,
        targets: npt.ArrayLike,
        *,
        dim: int,
        optimisation: Optimisation = _SUPERVISED,
        seed: int = 0,
    ) -> None:
        super().__init__(backbone, targets, optimisation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = nn.Linear(dim, self.targets.shape[1])

    def training_step(self, batch: ViewBatch, index: int) -> Tensor:
        """Mean absolute error over both views."""
        made = self.head(self.backbone(torch.cat([batch.query, batch.key]))).float()
        known = self.targets[torch.cat([batch.position, batch.key_position])]
        loss = functional.l1_loss(made, known.float())
        self.log("pretrain/loss", loss.detach(), batch_size=len(batch.position), sync_dist=True)
        return loss

    def predict(self, pictures: Tensor) -> Floats:
        """Outcomes (n, targets) in their own units of pictures (n, bands, size, size)."""
        was = self.training
        try:
            with torch.inference_mode():
                made = self.eval().head(self.backbone(pictures))
        finally:
            self.train(was)
        return self.scale.restore(made.double().cpu().numpy())

    def card(self) -> dict[str, Any]:
        """Method and settings, as JSON."""
        return {"method": "supervised_l1"} | super().card()


def _moments(scale: TargetScale) -> dict[str, list[float]]:
    """Mean and standard deviation of each target, as JSON."""
    return {name: np.asarray(value).tolist() for name, value in zip(("mean", "sd"), scale)}
