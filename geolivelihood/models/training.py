"""What every network estimator needs once: target scaling, a held-out part, and Lightning's loop, quiet.

The loop keeps the weights of the best validation epoch in memory, stops early, reports epochs through
:mod:`geolivelihood.progress`, and stops at once when somebody asks to.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple, Protocol

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.models.rows import Floats
from geolivelihood.progress import checkpoint, track

__all__ = [
    "Batch",
    "Batches",
    "History",
    "TargetScale",
    "holdout",
    "network_arrays",
    "restore_network",
    "seeded",
    "single_thread",
    "train",
    "use_device",
    "watching",
]

# Inputs of the network, target (rows, ...), weight (rows,) or of the loss's shape (0 = target missing).
Batch = tuple[tuple[Any, ...], Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
# Below this many rows a held-out part says nothing; all rows then serve both ends.
_FEWEST_TO_SPLIT = 10


class Batches(Protocol):
    """Something that yields the batches of one epoch each time it is iterated."""

    def __iter__(self) -> Iterator[Batch]:
        """Batches of one epoch."""

    def __len__(self) -> int:
        """Batches per epoch."""


class TargetScale(NamedTuple):
    """Mean and standard deviation of the training target; networks learn it standardised.

    Of several targets, arrays with one entry per target, over the rows where it is known.
    """

    mean: float | Floats
    scale: float | Floats

    @classmethod
    def of(cls, y: Floats, *, weights: Floats | None = None) -> TargetScale:
        """Weighted moments of a target (rows,), or of several (rows, targets); a constant one has scale 1.

        Raises
        ------
        InputError
            If one of several targets has no known value with a weight above 0.
        """
        if y.ndim == 2:
            return cls(*np.transpose([_known_moments(target, weights) for target in y.T]))
        mean = float(np.average(y, weights=weights))
        scale = float(np.sqrt(np.average((y - mean) ** 2, weights=weights)))
        return cls(mean, scale if scale > 1e-10 * max(abs(mean), 1e-100) else 1.0)

    @classmethod
    def restored(cls, saved: Sequence[Any]) -> TargetScale:
        """The scale whose fields were saved, as numbers or as lists."""
        return cls(*(np.asarray(value) if np.ndim(value) else float(value) for value in saved))

    def standardise(self, y: Floats) -> Floats:
        """To zero mean and unit variance; a missing target stays NaN."""
        return (y - self.mean) / self.scale

    def restore(self, z: npt.NDArray[Any]) -> Floats:
        """Back to the target's own unit."""
        return np.asarray(z, dtype=np.float64) * self.scale + self.mean


def _known_moments(y: Floats, weights: Floats | None) -> TargetScale:
    known = ~np.isnan(y)
    part = None if weights is None else weights[known]
    if not known.any() or (part is not None and not part.sum() > 0):
        msg = f"A target has no known value with a weight above 0 in the {len(y)} rows to learn from."
        raise InputError(msg)
    return TargetScale.of(y[known], weights=part)


class History(NamedTuple):
    """How a training went: validation loss per epoch (before the first one first) and the best epoch."""

    validation_loss: list[float]
    best_epoch: int


def holdout(
    rows: int, *, share: float, seed: int | None, groups: npt.ArrayLike | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions to train on and positions to validate on.

    Parameters
    ----------
    rows
        Number of rows; below 10 nothing is held out and both parts are all rows.
    share
        Share of the rows (or groups) to hold out, between 0 and 1.
    seed
        Seed of the draw.
    groups
        Group of each row; whole groups are held out.

    Raises
    ------
    InputError
        If ``share`` is not inside (0, 1), or groups have the wrong length.
    """
    if not 0 < share < 1:
        msg = f"validation_share must lie between 0 and 1, got {share}."
        raise InputError(msg)
    names = np.arange(rows) if groups is None else np.asarray(groups)
    if names.shape != (rows,):
        msg = f"groups has shape {names.shape}, but there are {rows} rows."
        raise InputError(msg)
    unique, group = np.unique(names, return_inverse=True)
    everything = np.arange(rows)
    if rows < _FEWEST_TO_SPLIT or len(unique) < 2:
        return everything, everything
    order = np.random.default_rng(seed).permutation(len(unique))
    count = min(max(1, round(share * len(unique))), len(unique) - 1)
    held = np.isin(group, order[:count])
    return everything[~held], everything[held]


@contextlib.contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seed torch inside the block and give its generator back untouched."""
    with torch.random.fork_rng():
        if seed is not None:
            torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """Run torch on one thread inside the block.

    For small networks a second thread gives little and, on a busy machine, costs many times the work in
    waiting; with one, sums do not depend on the number of cores either.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_watcher: ContextVar[Callable[[], None] | None] = ContextVar("watcher", default=None)


@contextlib.contextmanager
def watching(look: Callable[[], None]) -> Iterator[None]:
    """Call ``look`` after each epoch of every training inside the block; it must leave the network as it is.

    For those who want to log what a training would have scored elsewhere. What they see chooses nothing.
    """
    token = _watcher.set(look)
    try:
        yield
    finally:
        _watcher.reset(token)


def use_device(device: str) -> torch.device:
    """Torch device for ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    EnvironmentMissingError
        If ``"cuda"`` is asked for and there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        msg = f"device must be 'auto', 'cpu' or 'cuda', got {device!r}."
        raise InputError(msg)
    if device == "cuda" and not torch.cuda.is_available():
        msg = "device='cuda' but torch sees no CUDA device. Use device='auto' or 'cpu'."
        raise EnvironmentMissingError(msg)
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def train(
    network: nn.Module,
    batches: Batches,
    validation: Batches,
    *,
    loss: Loss,
    max_epochs: int,
    patience: int,
    learning_rate: float,
    weight_decay: float,
    text: str,
    device: str = "auto",
    mixed: bool = False,
) -> History:
    """Train ``network`` in place and leave it with the weights of its best validation epoch.

    AdamW with a warm-up over a tenth of the steps and a cosine decay.

    Parameters
    ----------
    network
        Called with the inputs of a batch.
    batches, validation
        Batches of an epoch of training and of validation.
    loss
        Loss per row of prediction and target.
    max_epochs, patience
        Most epochs, and how many without an improvement end the training.
    learning_rate, weight_decay
        Of AdamW.
    text
        What is trained, for the progress report.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"``.
    mixed
        bfloat16 where the device has it.

    Raises
    ------
    Cancelled
        If the reporter asks to stop.
    InputError
        If the loss stops being finite.
    """
    if max_epochs < 1 or patience < 1:
        msg = f"max_epochs and patience must be at least 1, got {max_epochs} and {patience}."
        raise InputError(msg)
    where = use_device(device)
    module = _Module(network, loss, learning_rate, weight_decay, steps=max_epochs * len(batches))
    best = _KeepBest(patience)
    half = mixed and where.type == "cuda" and torch.cuda.is_bf16_supported()
    with _quiet():
        trainer = pl.Trainer(
            accelerator="gpu" if where.type == "cuda" else "cpu",
            devices=1,
            max_epochs=max_epochs,
            precision="bf16-mixed" if half else "32-true",
            gradient_clip_val=1.0,
            # One pass over the validation part before the first step: the start counts as an epoch too.
            num_sanity_val_steps=-1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[_Report(text, max_epochs), best],
        )
        trainer.fit(module, train_dataloaders=batches, val_dataloaders=validation)
    network.load_state_dict(best.weights)
    network.cpu().eval()
    return History(best.losses, best.epoch)


def network_arrays(network: nn.Module) -> dict[str, npt.NDArray[Any]]:
    """Weights of a network under names that begin with ``network.``, ready to be saved."""
    return {f"network.{name}": value.detach().cpu().numpy() for name, value in network.state_dict().items()}


def restore_network(network: nn.Module, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Put saved weights (see :func:`network_arrays`) into a network of the same shape.

    Raises
    ------
    InputError
        If a weight is missing, unknown or of another shape.
    """
    saved = {name.removeprefix("network."): a for name, a in arrays.items() if name.startswith("network.")}
    own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    wrong = sorted(
        name for name in own.keys() | saved.keys() if name not in saved or own.get(name) != saved[name].shape
    )
    if wrong:
        msg = f"The saved weights do not fit the network of the card: {', '.join(wrong[:5])}."
        raise InputError(msg)
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in saved.items()})
    network.eval()


class _Module(pl.LightningModule):
    def __init__(self, network: nn.Module, loss: Loss, rate: float, decay: float, *, steps: int) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.rate, self.decay, self.steps = rate, decay, steps
        self.total = self.weight = 0.0

    def training_step(self, batch: Batch, index: int) -> Tensor:
        losses, weight = self._losses(batch)
        return losses.sum() / weight.sum().clamp_min(1e-12)

    def on_validation_epoch_start(self) -> None:
        self.total = self.weight = 0.0

    def validation_step(self, batch: Batch, index: int) -> None:
        losses, weight = self._losses(batch)
        self.total += float(losses.sum())
        self.weight += float(weight.sum())

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        inputs, target, weight = batch
        return self.loss(self.network(*inputs).float(), target) * weight, weight

    def configure_optimizers(self) -> Any:
        optimiser = torch.optim.AdamW(self.parameters(), lr=self.rate, weight_decay=self.decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate_at)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _rate_at(self, step: int) -> float:
        warm = max(1, self.steps // 10)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, self.steps - warm))))


class _KeepBest(pl.Callback):
    """Keeps the best weights in memory and ends the training when they grow old."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.losses: list[float] = []
        self.epoch = 0
        self.weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        current = pl_module.total / max(pl_module.weight, 1e-12)
        if not math.isfinite(current):
            msg = (
                "The training diverged: the validation loss is not finite. Look for huge feature values, or "
                "lower learning_rate."
            )
            raise InputError(msg)
        if not self.losses or current < self.losses[self.epoch]:
            self.epoch = len(self.losses)
            self.weights = copy.deepcopy(pl_module.network.state_dict())
        self.losses.append(current)
        look = _watcher.get()
        if look is not None:
            look()
        if len(self.losses) - 1 - self.epoch >= self.patience:
            trainer.should_stop = True


class _Report(pl.Callback):
    """Epochs to whoever listens; every batch asks whether to stop."""

    def __init__(self, text: str, max_epochs: int) -> None:
        self.epochs = track(range(max_epochs), text)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        next(self.epochs, None)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        checkpoint()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        # Ran to the last epoch: one more step reports it; stopped early: nothing more to say.
        if trainer.current_epoch >= (trainer.max_epochs or 0):
            next(self.epochs, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's hints about hardware, loggers and data loaders to itself."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", message=".*(dataloader|num_workers|isinstance|LeafSpec).*")
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)
