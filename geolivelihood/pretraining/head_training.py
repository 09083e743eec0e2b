"""A head on a network, trained by Lightning for some epochs: what probes and fine-tuning share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.models.training import _quiet, _Report, seeded, use_device
from geolivelihood.pretraining.schedules import Optimisation

__all__ = ["Batches", "HeadModule", "Loss", "epoch_rows", "head_of", "train_head"]

Loss = Literal["classes", "l1", "l2"]


class Rows(Protocol):
    """Where batches come from."""

    def __call__(self, rows: npt.NDArray[np.intp], generator: torch.Generator) -> Tensor:
        """Inputs of the network of some rows; random crops are drawn from the generator."""


class Batches:
    """Batches of an epoch, drawn anew each time they are iterated, by the seed alone.

    Parameters
    ----------
    inputs
        Inputs of rows.
    target
        One per row.
    batch_size
        Rows per step. The last, smaller batch is trained on too; one of a single row, of which a batch
        normalisation knows no variance, joins the batch before it.
    seed
        Of order and crops.
    """

    def __init__(self, inputs: Rows, target: Tensor, *, batch_size: int, seed: int) -> None:
        self.inputs, self.target = inputs, target
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0

    def __len__(self) -> int:
        """Steps of an epoch."""
        n = len(self.target)
        return max(1, n // self.batch_size + (n % self.batch_size > 1))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets."""
        order, generator = epoch_rows(len(self.target), seed=self.seed, epoch=self.epoch)
        self.epoch += 1
        edges = [k * self.batch_size for k in range(1, len(self))]
        for rows in np.split(order, edges):
            yield self.inputs(rows, generator), self.target[torch.from_numpy(rows)]


def epoch_rows(n: int, *, seed: int, epoch: int) -> tuple[npt.NDArray[np.intp], torch.Generator]:
    """The order of an epoch's rows, and a generator for what is random about them."""
    rng = np.random.default_rng([seed, epoch])
    return rng.permutation(n), torch.Generator().manual_seed(int(rng.integers(2**62)))


def head_of(dim: int, outputs: int) -> nn.Linear:
    """A linear layer with weights from N(0, 0.01) and no bias at first, as published for probes."""
    head = nn.Linear(dim, outputs)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return head


class HeadModule(pl.LightningModule):
    """A head on a network's features.

    Parameters
    ----------
    network, head
        From inputs to features, and on.
    loss
        ``"classes"`` (cross-entropy), ``"l1"`` or ``"l2"``.
    optimisation
        Of all parameters that learn.
    epochs, steps_per_epoch
        Length of the training.
    """

    def __init__(
        self,
        network: nn.Module,
        head: nn.Linear,
        *,
        loss: Loss,
        optimisation: Optimisation,
        epochs: int,
        steps_per_epoch: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.head: nn.Linear = head
        self._loss = _LOSSES[loss]
        self._optimisation, self._length = optimisation, (epochs, steps_per_epoch)
        self.losses: list[float] = []
        self._sum, self._rows = 0.0, 0

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        """Mean loss of a batch."""
        inputs, target = batch
        loss = self._loss(self.head(self.network(inputs)).float(), target)
        value = float(loss.detach())
        if not np.isfinite(value):
            msg = f"The loss is {value} in epoch {self.current_epoch + 1}: lower learning_rate."
            raise InputError(msg)
        self._sum, self._rows = self._sum + value * len(target), self._rows + len(target)
        return loss

    def on_train_epoch_end(self) -> None:
        """Note the epoch's mean loss."""
        self.losses.append(self._sum / max(self._rows, 1))
        self._sum, self._rows = 0.0, 0

    def configure_optimizers(self) -> Any:
        """The parameters that learn."""
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        epochs, steps = self._length
        return self._optimisation.configure(learning, epochs=epochs, steps_per_epoch=steps)


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target)


def _absolute(output: Tensor, target: Tensor) -> Tensor:
    return (output[:, 0] - target).abs().mean()


def _squared(output: Tensor, target: Tensor) -> Tensor:
    return (output[:, 0] - target).square().mean()


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "classes": _cross_entropy,
    "l1": _absolute,
    "l2": _squared,
}


def train_head(
    module: HeadModule, batches: Batches, *, epochs: int, text: str, device: str, seed: int
) -> None:
    """Train in place; network and head come back on the CPU, in evaluation mode.

    Raises
    ------
    InputError
        If the loss stops being finite.
    Cancelled
        If somebody asked to stop.
    """
    gpu = use_device(device).type == "cuda"
    with _quiet(), seeded(seed):
        trainer = pl.Trainer(
            accelerator="gpu" if gpu else "cpu",
            devices=1,
            max_epochs=epochs,
            precision="bf16-mixed" if gpu and torch.cuda.is_bf16_supported() else "32-true",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[_Report(text, epochs)],
        )
        module.train()
        trainer.fit(module, train_dataloaders=batches)
    module.cpu().eval()
