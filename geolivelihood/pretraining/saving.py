"""Checkpoints of a training: whole or absent, plain to read, the last one and the best few."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from geolivelihood.errors import Cancelled, InputError, OutputError
from geolivelihood.files import atomic, content_hash
from geolivelihood.pretraining.views import Views

__all__ = ["PlainCheckpoints", "Saver", "differences", "read_checkpoint", "run_settings"]

LAST = "last.ckpt"
REJECTED = "rejected.csv"
OWN = "geolivelihood"
_PLAIN = (type(None), bool, int, float, str, bytes, Tensor, torch.Size, torch.device, torch.dtype)
_log = logging.getLogger(__name__)


class PlainCheckpoints(TorchCheckpointIO):
    """Writes Lightning's checkpoints atomically and reads them without executing anything in them."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write tensors and plain containers; a full disk is an OutputError, other objects an InputError."""
        odd = _not_plain(checkpoint, "checkpoint")
        if odd:
            msg = (
                f"{odd} cannot be saved: checkpoints hold tensors, numbers, text, lists and dictionaries "
                "only, so that reading one executes nothing. Keep it out of the module's hyper-parameters."
            )
            raise InputError(msg)
        with atomic(path) as part:
            try:
                torch.save(checkpoint, part)
            except RuntimeError as error:  # what PyTorch's writer says of a disk that takes no more
                msg = f"Cannot write {path}: {error}. Free the disk or choose another folder."
                raise OutputError(msg) from error

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read with ``weights_only=True``, whatever is asked for."""
        return read_checkpoint(path)


def read_checkpoint(path: str | os.PathLike[str], *, mapped: bool = False) -> dict[str, Any]:
    """A checkpoint of a training, on the CPU; with ``mapped`` its tensors stay on the disk until used.

    Raises
    ------
    InputError
        If the file is damaged, or holds more than tensors and plain containers.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged files raise anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path} is no checkpoint of ours, or damaged ({reason}). Remove it, or give resume=False."
        raise InputError(msg) from error


class Saver(Checkpoint):
    """Saves ``last.ckpt`` at intervals and after each epoch, and keeps some epochs beside it.

    Parameters
    ----------
    folder
        Where the checkpoints go.
    settings
        Noted in each, so that a resume under others can be refused.
    keep
        Epochs to keep: the best by ``monitor``, without it the latest.
    monitor, mode
        Name of a logged metric, and whether ``"min"`` or ``"max"`` is best.
    every
        Steps between saves within an epoch; ``None`` saves after epochs only.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        *,
        keep: int,
        monitor: str | None,
        mode: Literal["min", "max"],
        every: int | None,
    ) -> None:
        self.folder, self.settings = folder, settings
        self.keep, self.monitor, self.every = keep, monitor, every
        self.sign = 1.0 if mode == "max" else -1.0
        self.kept: dict[str, float] = {}
        self.epochs = 0
        self._stale: Any = None

    @property
    def best(self) -> Path | None:
        """The best epoch's checkpoint by the monitor, if any."""
        if self.monitor is None or not self.kept:
            return None
        return self.folder / max(self.kept, key=lambda name: (self.kept[name], name))

    def state_dict(self) -> dict[str, Any]:
        """Epochs done, and those that are kept with what they are ranked by."""
        return {"epochs": self.epochs, "kept": dict(self.kept)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there, with the kept epochs as far as they are still in the folder."""
        self.epochs = state_dict["epochs"]
        self.kept = {n: v for n, v in state_dict["kept"].items() if (self.folder / n).exists()}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Note settings and metrics beside the weights."""
        checkpoint[OWN] = {
            "settings": self.settings,
            "epochs": self.epochs,
            "metrics": _finite(trainer.callback_metrics),
            "best": None if self.best is None else self.best.name,
        }

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count the epochs done, and note what an earlier one has left as the monitor's value."""
        self.epochs = trainer.current_epoch
        self._stale = trainer.callback_metrics.get(self.monitor or "")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save within the epoch."""
        # the last step of an epoch is saved with the epoch, when everything that ends it has happened
        within = batch_idx + 1 < trainer.num_training_batches
        if self.every and within and trainer.global_step % self.every == 0:
            self.save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save, and keep the epoch if it is among the best."""
        self.epochs = trainer.current_epoch + 1
        name = f"epoch_{self.epochs:04d}.ckpt"
        dropped = self._choose(name, trainer)
        self.save(trainer)
        if trainer.is_global_zero:
            if name in self.kept:
                _copy(self.folder / LAST, self.folder / name)
            for old in dropped:
                (self.folder / old).unlink(missing_ok=True)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Save where somebody asked to stop, if a step has just ended and no other process must join in."""
        done: Any = trainer.fit_loop.epoch_loop.batch_progress.current
        between = done.ready == done.processed and 0 < done.ready < trainer.num_training_batches
        if isinstance(exception, Cancelled) and between and trainer.world_size == 1:
            self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Write ``last.ckpt``; every process must come here."""
        ready = getattr(trainer.lightning_module, "before_saving", None)
        if ready is not None:
            ready()
        trainer.save_checkpoint(self.folder / LAST)

    def _choose(self, name: str, trainer: pl.Trainer) -> list[str]:
        """Add an epoch to those that are kept, and return those that give way."""
        value = self._value(trainer)
        if value is None or not self.keep:
            return []
        self.kept[name] = value
        # of equal epochs the earlier stays
        ranked = sorted(self.kept, key=lambda kept: (-self.kept[kept], kept))
        dropped = ranked[self.keep :]
        for old in dropped:
            del self.kept[old]
        return dropped

    def _value(self, trainer: pl.Trainer) -> float | None:
        if self.monitor is None:
            return float(self.epochs)
        found = trainer.callback_metrics.get(self.monitor)
        # Lightning keeps the value of an earlier epoch where a metric is not logged in each
        if found is None or found is self._stale:
            if found is None:
                names = ", ".join(sorted(trainer.callback_metrics)) or "none"
                _log.warning(
                    "monitor=%r is not logged by epoch %d; there are %s.", self.monitor, self.epochs, names
                )
            return None
        value = float(found)
        return self.sign * value if math.isfinite(value) else None


def run_settings(module: pl.LightningModule, views: Views, **others: Any) -> dict[str, Any]:
    """What must be the same for a training to be resumed, as JSON."""
    shapes = [(name, list(value.shape), str(value.dtype)) for name, value in module.state_dict().items()]
    own = getattr(module, "settings", None)
    optimisation = getattr(module, "optimisation", None)
    found = {
        "module": type(module).__name__,
        "network": content_hash(shapes),
        "settings": own() if callable(own) else own or dict(module.hparams),
        "optimisation": asdict(optimisation) if is_dataclass(optimisation) else None,  # type: ignore[arg-type]
        "views": views.card(),
        "image_ids": _ids_hash(views),
        **others,
    }
    return json.loads(json.dumps(found, default=str))


def differences(before: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[str]:
    """Settings that differ, one line each: ``views.batch_size: 32 before, 64 now``."""
    lines = []
    for name in dict.fromkeys([*before, *now]):
        a, b = before.get(name, "absent"), now.get(name, "absent")
        full = f"{path}.{name}".lstrip(".")
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, full)
        elif a != b:
            lines.append(f"{full}: {_short(a)} before, {_short(b)} now")
    return lines


def clear(folder: Path) -> None:
    """Remove the checkpoints of an earlier training, and its list of rejected pictures."""
    (folder / REJECTED).unlink(missing_ok=True)
    for path in folder.glob("*.ckpt"):
        if path.name == LAST or re.fullmatch(r"epoch_\d+\.ckpt", path.name):
            path.unlink()


def _copy(source: Path, target: Path) -> None:
    with atomic(target) as part:
        try:
            os.link(source, part)
        except OSError:  # a file system without links
            shutil.copyfile(source, part)


def _finite(metrics: Mapping[str, Any]) -> dict[str, float]:
    values = {name: float(value) for name, value in metrics.items()}
    return {name: value for name, value in sorted(values.items()) if math.isfinite(value)}


def _ids_hash(views: Views) -> str:
    text = "\n".join(views.images["image_id"].astype("str"))
    return hashlib.sha256(text.encode()).hexdigest()


def _not_plain(value: Any, path: str) -> str:
    """Where something other than tensors and plain containers lies, or nothing."""
    if isinstance(value, Mapping):
        pairs = [(f"{path}[{key!r}]", item) for key, item in value.items()]
    elif type(value) in (list, tuple, set):
        pairs = [(f"{path}[{i}]", item) for i, item in enumerate(value)]
    else:
        return "" if isinstance(value, _PLAIN) else f"{path} ({type(value).__name__})"
    return next((odd for name, item in pairs if (odd := _not_plain(item, name))), "")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
