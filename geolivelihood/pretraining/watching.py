"""Beside the steps of a training: progress, times, seeds, rejected pictures, a stop at a loss of NaN."""

from __future__ import annotations

import contextvars
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from geolivelihood.errors import Cancelled, InputError
from geolivelihood.files import atomic
from geolivelihood.pretraining.batch_saver import save_batch
from geolivelihood.pretraining.saving import REJECTED
from geolivelihood.pretraining.views import ViewBatch, Views
from geolivelihood.progress import checkpoint, report, stage

__all__ = ["FiniteLoss", "Progress", "Rejections", "StepSeeds", "Wire", "listening_to"]

_TEXT = "training steps"
_EVERY_S = 0.5
_STAGE_S = 5.0


class Wire:
    """Progress and the wish to stop, between this process and those that it starts."""

    def __init__(self) -> None:
        context = torch.multiprocessing.get_context("spawn")
        self.news = context.SimpleQueue()
        self.stop = context.Event()

    def report(self, done: int, total: int) -> None:
        """As :func:`geolivelihood.progress.report`."""
        self.news.put((done, total))

    def stage(self, name: str) -> None:
        """As :func:`geolivelihood.progress.stage`."""
        self.news.put(name)

    def checkpoint(self) -> None:
        """As :func:`geolivelihood.progress.checkpoint`."""
        if self.stop.is_set():
            msg = "Cancelled."
            raise Cancelled(msg)


class _Here:
    """Progress of a training in this process."""

    def report(self, done: int, total: int) -> None:
        report(done, total, _TEXT)

    def stage(self, name: str) -> None:
        stage(name)

    def checkpoint(self) -> None:
        checkpoint()


@contextmanager
def listening_to(wire: Wire | None) -> Iterator[None]:
    """Pass on, while the block lasts, what other processes report; and to them that they should stop."""
    if wire is None:
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=contextvars.copy_context().run, args=(_pass_on, wire, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _pass_on(wire: Wire, done: threading.Event) -> None:
    try:
        while not done.wait(0.1):
            checkpoint()
            _drain(wire)
        _drain(wire)
    except Cancelled:
        wire.stop.set()
        while not done.wait(0.1):  # the pipe must be emptied, or a process that writes to it waits for ever
            while not wire.news.empty():
                wire.news.get()


def _drain(wire: Wire) -> None:
    while not wire.news.empty():
        news = wire.news.get()
        if isinstance(news, str):
            stage(news)
        else:
            report(news[0], news[1], _TEXT)


class Progress(Callback):
    """Steps, loss and images per second to whoever listens, times to the loggers; asks whether to stop."""

    def __init__(self, *, epochs: int, batch_size: int, wire: Wire | None) -> None:
        self.epochs, self.batch_size = epochs, batch_size
        self.wire: Wire | _Here = wire or _Here()
        self._begun = self._ready = self._told = self._staged = 0.0
        self._images = self._since = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to count."""
        self._begun = self._since = time.perf_counter()
        self.wire.checkpoint()
        if trainer.is_global_zero:
            self.wire.stage(f"Epoch {trainer.current_epoch + 1} of {self.epochs}")
            self.wire.report(trainer.global_step, self._total(trainer))

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note when the batch was there; stop here if somebody asked to."""
        self._ready = time.perf_counter()
        self.wire.checkpoint()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log times, report, and stop here if somebody asked to."""
        now = time.perf_counter()
        times = {"pretrain/data_time": self._ready - self._begun, "pretrain/batch_time": now - self._begun}
        pl_module.log_dict(times, on_step=True, on_epoch=False)
        self._begun = now
        self._images += self.batch_size
        last = batch_idx + 1 == trainer.num_training_batches
        if trainer.is_global_zero and (last or now - self._told > _EVERY_S):
            self._tell(trainer, outputs, now)
        if not last:  # an epoch is ended, and saved, first
            self.wire.checkpoint()

    def _tell(self, trainer: pl.Trainer, outputs: Any, now: float) -> None:
        self._told = now
        self.wire.report(trainer.global_step, self._total(trainer))
        if now - self._staged > _STAGE_S:
            loss = outputs["loss"] if isinstance(outputs, dict) else outputs
            shown = "" if loss is None else f", loss {float(loss):.4g}"
            rate = self._images / max(now - self._since, 1e-9)
            epoch = f"Epoch {trainer.current_epoch + 1} of {self.epochs}"
            self.wire.stage(f"{epoch}{shown}, {rate:,.0f} images/s")
            self._staged, self._since, self._images = now, now, 0.0

    def _total(self, trainer: pl.Trainer) -> int:
        return self.epochs * int(trainer.num_training_batches)


class StepSeeds(Callback):
    """Seeds torch before each step by (seed, step, rank), so that a resumed run draws the same numbers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed the step."""
        words = np.random.SeedSequence([self.seed, trainer.global_step, trainer.global_rank])
        torch.manual_seed(int(words.generate_state(1)[0]))


class FiniteLoss(Callback):
    """Ends a training whose loss is no longer finite, before that reaches the weights; keeps the batch."""

    def __init__(self, folder: Path, images: pd.DataFrame) -> None:
        self.folder, self.images = folder, images
        self._batch: ViewBatch | None = None
        self._index = 0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Hold the batch until its loss is known."""
        self._batch, self._index = batch, batch_idx

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Stop if the loss is not finite.

        Raises
        ------
        InputError
            That says where, and what to try.
        """
        value = float(loss.detach())
        if math.isfinite(value):
            return
        where: dict[str, int | float | str] = {
            "epoch": trainer.current_epoch + 1,
            "step_of_epoch": self._index + 1,
            "step": trainer.global_step + 1,
            "rank": trainer.global_rank,
            "loss": str(value),
        }
        saved = "The batch is not one of views and was not saved."
        if isinstance(self._batch, ViewBatch):
            name = f"broken_batch_{where['step']}_{where['rank']}"
            path = save_batch(self.folder / name, self._batch, self.images, where=where)
            saved = f"Its batch is in {path}, the ids of its pictures in {path.with_suffix('.json').name}."
        rates = sorted({f"{group['lr']:.3g}" for o in trainer.optimizers for group in o.param_groups})
        msg = (
            f"The loss became {value} at step {where['step_of_epoch']} of epoch {where['epoch']} (step "
            f"{where['step']} of all). {saved} Try a lower learning_rate (it was {', '.join(rates)}), "
            "precision='32-true', a higher temperature, or look for odd values in those pictures."
        )
        raise InputError(msg)


class Rejections(Callback):
    """Writes the pictures that no process could read to ``rejected.csv``."""

    def __init__(self, folder: Path, views: Views) -> None:
        self.path, self.views = folder / REJECTED, views

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Gather from all processes and write."""
        found = [self.views.rejected]
        if trainer.world_size > 1:
            found = [pd.DataFrame()] * trainer.world_size
            torch.distributed.all_gather_object(found, self.views.rejected)
        if trainer.is_global_zero:
            self._write(found)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Write what this process knows; others than the first to files of their own."""
        if not trainer.is_global_zero:
            self.path = self.path.with_stem(f"rejected_{trainer.global_rank}")
        self._write([self.views.rejected])

    def _write(self, found: list[pd.DataFrame]) -> None:
        if not any(len(part) for part in found):
            return
        before = [pd.read_csv(self.path, dtype="str")] if self.path.exists() else []
        rows = pd.concat([*before, *found]).drop_duplicates("image_id").sort_values("image_id")
        with atomic(self.path) as part:
            rows.to_csv(part, index=False)
