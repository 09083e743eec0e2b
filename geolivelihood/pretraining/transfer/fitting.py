"""Training of detectors and segmenters: crops as batches, and Lightning's loop around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from geolivelihood.errors import InputError
from geolivelihood.models.training import _quiet, use_device
from geolivelihood.pretraining.transfer.crops import Crops
from geolivelihood.pretraining.transfer.scaling import Scaling
from geolivelihood.pretraining.transfer.scenes import Scene, read_pixels
from geolivelihood.progress import checkpoint, track

__all__ = ["Course", "CropPictures", "fit_network", "turned"]

Floats = npt.NDArray[np.float32]
# Pixels and truth of a crop; turns are the number of quarter turns and whether it is mirrored.
Target = Callable[[int, npt.NDArray[np.int64], npt.NDArray[np.bool_], tuple[int, bool]], Any]

_KEPT_BYTES = 2**28  # crops up to this size are read once and kept


class Course(NamedTuple):
    """How a network is trained; the names and ranges are those of :class:`Detector`."""

    batch_size: int
    max_epochs: int
    learning_rate: float
    weight_decay: float
    optimiser: str
    schedule: str
    norm: str
    device: str
    devices: int
    precision: str
    workers: int
    seed: int | None

    def check(self) -> None:
        """Refuse values that no training can have, all at once."""
        wrong = [
            f"{name}={getattr(self, name)} is below 1"
            for name in ("batch_size", "max_epochs", "devices")
            if getattr(self, name) < 1
        ]
        if not self.learning_rate > 0:
            wrong.append(f"learning_rate={self.learning_rate} is not above 0")
        if self.weight_decay < 0 or self.workers < 0:
            wrong.append(f"weight_decay={self.weight_decay} or workers={self.workers} is below 0")
        for name, accepted in (("optimiser", ("adamw", "adam")), ("schedule", ("cosine", "constant"))):
            if getattr(self, name) not in accepted:
                wrong.append(f"{name}={getattr(self, name)!r} is none of {', '.join(accepted)}")
        if wrong:
            msg = f"The training cannot run: {'; '.join(wrong)}."
            raise InputError(msg)


class CropPictures(Dataset[tuple[Tensor, Any]]):
    """Crops of scenes with what is true in them, turned and mirrored at random.

    A turn depends only on the seed, the epoch and the crop, so it is the same in every worker process.

    Parameters
    ----------
    scenes, crops
        What to cut, and where.
    scaling
        From values to inputs.
    target
        Truth of a crop from the scene's position, the corner, its valid pixels (size, size) and its turn.
    size
        Side of a crop.
    turns
        Whether pictures from above are turned by quarters and mirrored.
    seed
        Of the turns.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        crops: Crops,
        scaling: Scaling,
        target: Target,
        *,
        size: int,
        turns: bool,
        seed: int | None,
    ) -> None:
        self.scenes, self.crops, self.scaling, self.target = scenes, crops, scaling, target
        self.size, self.turns, self.seed, self.epoch = size, turns, seed or 0, 0
        bytes_of_all = 4 * len(scenes[0].bands) * size**2 * len(crops.scene)
        self._kept: dict[int, Floats] | None = {} if bytes_of_all <= _KEPT_BYTES else None

    def __len__(self) -> int:
        return len(self.crops.scene)

    def __getitem__(self, k: int) -> tuple[Tensor, Any]:
        pixels = self._pixels(k)
        turn = self._turn(k)
        valid = np.asarray(np.isfinite(pixels).all(axis=0))
        truth = self.target(int(self.crops.scene[k]), self.crops.corner[k], valid, turn)
        inputs = self.scaling.apply(np.where(valid, pixels, np.nan))
        return torch.from_numpy(np.ascontiguousarray(turned(inputs, turn))), truth

    def _pixels(self, k: int) -> Floats:
        if self._kept is not None and k in self._kept:
            return self._kept[k]
        column, row = self.crops.corner[k].tolist()
        scene = self.scenes[int(self.crops.scene[k])]
        pixels = read_pixels(scene, (column, row, self.size, self.size))
        if self._kept is not None:
            self._kept[k] = pixels
        return pixels

    def _turn(self, k: int) -> tuple[int, bool]:
        if not self.turns:
            return 0, False
        drawn = int(np.random.default_rng((self.seed, self.epoch, k)).integers(8))
        return drawn % 4, bool(drawn >= 4)


def turned(pixels: npt.NDArray[Any], turn: tuple[int, bool]) -> npt.NDArray[Any]:
    """Pixels (..., size, size) turned by quarters against the clock, then mirrored left to right."""
    quarters, mirrored = turn
    rotated = np.rot90(pixels, quarters, axes=(-2, -1))
    return rotated[..., ::-1] if mirrored else rotated


def fit_network(
    network: nn.Module,
    pictures: CropPictures,
    course: Course,
    *,
    loss: Callable[[nn.Module, Any], Tensor],
    collate: Callable[[list[Any]], Any],
    text: str,
) -> list[float]:
    """Train a network in place on crops.

    Parameters
    ----------
    network
        What learns; comes back on the CPU, in evaluation mode.
    pictures
        The crops.
    course
        How.
    loss
        Scalar loss of the network and a batch.
    collate
        A batch of a list of crops.
    text
        What is trained, for the progress report.

    Returns
    -------
    list
        Mean loss of each epoch.

    Raises
    ------
    InputError
        If there are fewer than two crops, an option is out of its range, or the loss stops being finite.
    Cancelled
        If the reporter asks to stop.
    """
    course.check()
    if len(pictures) < 2 or course.batch_size < 2:
        msg = (
            f"There are {len(pictures)} crops in batches of {course.batch_size}; batch normalisation needs "
            "two at least. Give more pictures, a smaller window or a larger batch_size."
        )
        raise InputError(msg)
    where = use_device(course.device)
    alone = len(pictures) % course.batch_size == 1  # a last batch of one crop has no statistics
    loader = DataLoader(
        pictures,
        batch_size=course.batch_size,
        shuffle=True,
        drop_last=alone and len(pictures) > course.batch_size,
        collate_fn=collate,
        num_workers=course.workers,
        generator=torch.Generator().manual_seed(course.seed or 0),
    )
    module = _Learner(network.train(), course, loss, steps=course.max_epochs * len(loader))
    several = course.devices > 1
    with _quiet():
        trainer = pl.Trainer(
            accelerator="gpu" if where.type == "cuda" else "cpu",
            devices=course.devices,
            strategy="ddp" if several else "auto",
            # there is no synchronised normalisation on CPUs; there it stays plain
            sync_batchnorm=course.norm == "synchronised" and several and where.type == "cuda",
            max_epochs=course.max_epochs,
            precision=course.precision,  # type: ignore[arg-type]
            gradient_clip_val=1.0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[_Report(text, course.max_epochs, pictures)],
        )
        trainer.fit(module, train_dataloaders=loader)
    network.cpu().eval()
    return module.epochs


class _Learner(pl.LightningModule):
    def __init__(
        self, network: nn.Module, course: Course, loss: Callable[..., Tensor], *, steps: int
    ) -> None:
        super().__init__()
        self.network, self.course, self.loss, self.steps = network, course, loss, steps
        self.epochs: list[float] = []
        self._losses: list[float] = []

    def training_step(self, batch: Any, index: int) -> Tensor:
        value = self.loss(self.network, batch)
        if not torch.isfinite(value):
            msg = (
                f"The training diverged: the loss of batch {index} in epoch {self.current_epoch} is "
                f"{value.item()}. Lower learning_rate, or look at value_range."
            )
            raise InputError(msg)
        self._losses.append(float(value.detach()))
        return value

    def on_train_epoch_end(self) -> None:
        self.epochs.append(float(np.mean(self._losses)))
        self._losses = []

    def configure_optimizers(self) -> Any:
        learning = [parameter for parameter in self.parameters() if parameter.requires_grad]
        kind = torch.optim.AdamW if self.course.optimiser == "adamw" else torch.optim.Adam
        optimiser = kind(learning, lr=self.course.learning_rate, weight_decay=self.course.weight_decay)
        if self.course.schedule == "constant":
            return optimiser
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate_at)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate_at(self, step: int) -> float:
        """Up over a twentieth of the steps, then down along a cosine."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, self.steps - warm))))


class _Report(pl.Callback):
    """Epochs to whoever listens, and to the crops; every batch asks whether to stop."""

    def __init__(self, text: str, max_epochs: int, pictures: CropPictures) -> None:
        self.epochs = track(range(max_epochs), text)
        self.pictures = pictures

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.pictures.epoch = next(self.epochs, trainer.current_epoch)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        checkpoint()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        next(self.epochs, None)
