"""One training from start to end: on one device or several, killed and resumed, logged, and saved."""

from __future__ import annotations

import logging
import os
import re
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import lightning.pytorch as pl
import pandas as pd
import torch
from lightning.fabric.plugins.environments import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from geolivelihood import errors
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.extras import require
from geolivelihood.models.training import _quiet, seeded
from geolivelihood.pretraining.curves import Curves
from geolivelihood.pretraining.saving import (
    LAST,
    OWN,
    REJECTED,
    PlainCheckpoints,
    Saver,
    clear,
    differences,
    read_checkpoint,
    run_settings,
)
from geolivelihood.pretraining.views import Views
from geolivelihood.pretraining.watching import FiniteLoss, Progress, Rejections, StepSeeds, Wire, listening_to

__all__ = ["Precision", "TrainingResult", "run_training"]

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true"]

_LOGGERS = ("csv", "tensorboard", "wandb")


class TrainingResult(NamedTuple):
    """What a training left behind.

    Attributes
    ----------
    checkpoint
        ``last.ckpt``, from which it could be resumed.
    epochs, steps
        Done in all, those before a resume included.
    resumed_from
        Step at which this run went on, or ``None`` if it began anew.
    metrics
        Last value of each logged metric.
    best
        Checkpoint of the best epoch by ``monitor``, without it ``None``.
    """

    checkpoint: Path
    epochs: int
    steps: int
    resumed_from: int | None
    metrics: dict[str, float]
    best: Path | None


class _Place(NamedTuple):
    """Where a training runs."""

    accelerator: Literal["cpu", "gpu"]
    devices: int
    nodes: int
    launched: bool  # by torchrun, which has started all processes already

    @property
    def processes(self) -> int:
        return self.devices * self.nodes


def run_training(
    module: pl.LightningModule,
    views: Views,
    *,
    out: str | os.PathLike[str],
    epochs: int,
    devices: int = 1,
    nodes: int = 1,
    accelerator: str = "auto",
    precision: str = "auto",
    loggers: Sequence[str] = ("csv",),
    callbacks: Sequence[Callback] = (),
    keep: int = 3,
    monitor: str | None = None,
    mode: Literal["min", "max"] | None = None,
    save_every_steps: int | None = None,
    resume: bool = True,
    seed: int = 0,
    deterministic: bool = False,
) -> TrainingResult:
    """Train a module on views, and leave its weights in it.

    A run that was killed goes on from its last checkpoint, in the middle of an epoch too, and ends with the
    weights that it would have had: batches and the random numbers of each step depend on the seed and the
    step alone.

    Parameters
    ----------
    module
        Its ``training_step`` takes a :class:`~geolivelihood.pretraining.ViewBatch`. Optional:
        ``check(views)``, called before anything else; ``settings`` (JSON, or a method that returns it),
        which a resume must find unchanged; ``before_saving()``, called in all processes before weights are
        saved.
    views
        Batches; ``batch_size`` is that of all processes together.
    out
        Folder of checkpoints, logs and rejected pictures.
    epochs
        To train in all.
    devices, nodes
        Processes per machine, and machines; under ``torchrun`` its own numbers count.
    accelerator
        ``"auto"``, ``"cpu"`` or ``"gpu"``.
    precision
        One of Lightning's; ``"auto"`` is bf16-mixed on a GPU that has it, else 32-true.
    loggers
        Of ``"csv"`` (``curves.csv``), ``"tensorboard"`` and ``"wandb"`` (offline).
    callbacks
        Further ones of Lightning's.
    keep
        Epochs whose checkpoints are kept beside the last: the best by ``monitor``, else the latest.
    monitor, mode
        Name of a logged metric, and whether ``"min"`` or ``"max"`` is best; ``None`` takes the least where
        the name has ``loss`` in it.
    save_every_steps
        Steps between checkpoints within an epoch; ``None`` saves after epochs only.
    resume
        Whether to go on from the checkpoint in ``out``; ``False`` removes it and begins anew.
    seed
        Of what the module draws at random.
    deterministic
        Whether a GPU may use deterministic algorithms only.

    Raises
    ------
    InputError
        If an option does not fit, the checkpoint was made with other settings, or the loss is no longer
        finite (the batch is then saved).
    EnvironmentMissingError
        If there is no such device, or a logger is not installed.
    TooManyRejectedError
        If too many pictures cannot be read.
    OutputError
        If ``out`` cannot be written.
    Cancelled
        If somebody asked to stop.
    """
    folder = Path(out).absolute()
    _check_options(epochs, keep, save_every_steps, mode)
    place = _place(devices, nodes, accelerator)
    _check_shares(views, place)
    check: Any = getattr(module, "check", None)
    if check is not None:
        check(views)
    how = _precision(precision, place)
    settings = run_settings(module, views, epochs=epochs, processes=place.processes, precision=how, seed=seed)
    start = _start(folder, settings, resume=resume, launched=place.launched)
    if start is not None and start == epochs * len(views):
        _restore(module, folder)
        return _result(folder, start, views)
    wire = Wire() if place.processes > 1 and not place.launched else None
    best = mode or ("min" if monitor and "loss" in monitor else "max")
    saver = Saver(folder, settings, keep=keep, monitor=monitor, mode=best, every=save_every_steps)
    own = [
        StepSeeds(seed),
        FiniteLoss(folder, views.images),
        Rejections(folder, views),
        Progress(epochs=epochs, batch_size=views.batch_size, wire=wire),
        saver,
    ]
    with _quiet(), seeded(seed), listening_to(wire), _own_errors(), _interrupts():
        trainer = pl.Trainer(
            accelerator=place.accelerator,
            devices=place.devices,
            num_nodes=place.nodes,
            strategy=_strategy(place),
            precision=how,  # type: ignore[arg-type]
            max_epochs=epochs,
            logger=_loggers(loggers, folder, start or 0),
            log_every_n_steps=max(1, min(50, len(views))),
            callbacks=[*callbacks, *own],
            plugins=[PlainCheckpoints()],
            use_distributed_sampler=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            deterministic=deterministic,
            default_root_dir=folder,
        )
        trainer.fit(module, train_dataloaders=views, ckpt_path=None if start is None else folder / LAST)
    return _result(folder, start, views)


class _Processes(DDPStrategy):
    """Several processes, of which each keeps Lightning's hints to itself."""

    def setup_environment(self) -> None:
        for name in ("lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module="lightning")
        super().setup_environment()


def _strategy(place: _Place) -> Any:
    if place.processes == 1 and not place.launched:
        return "auto"
    return _Processes(
        # processes that torchrun has started need no others; else start clean ones, as threads and forks
        # do not go together
        start_method="popen" if place.launched or place.nodes > 1 else "spawn",
        process_group_backend="gloo" if place.accelerator == "cpu" else None,
        broadcast_buffers=False,
        gradient_as_bucket_view=True,
    )


def _place(devices: int, nodes: int, accelerator: str) -> _Place:
    kinds = {"auto": "gpu" if torch.cuda.is_available() else "cpu", "cpu": "cpu", "gpu": "gpu", "cuda": "gpu"}
    if accelerator not in kinds:
        msg = f"accelerator={accelerator!r}: choose 'auto', 'cpu' or 'gpu'."
        raise InputError(msg)
    kind: Any = kinds[accelerator]
    if devices < 1 or nodes < 1:
        msg = f"devices={devices}, nodes={nodes}: give at least one of each."
        raise InputError(msg)
    launched = TorchElasticEnvironment.detect()
    if launched:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    if kind == "gpu" and torch.cuda.device_count() < devices:
        msg = (
            f"{devices} GPUs are asked for and torch sees {torch.cuda.device_count()}. Use accelerator='cpu' "
            "or fewer devices."
        )
        raise EnvironmentMissingError(msg)
    return _Place(kind, devices, nodes, launched)


def _precision(precision: str, place: _Place) -> str:
    if precision not in get_args(Precision):
        msg = f"precision={precision!r}: choose {', '.join(map(repr, get_args(Precision)))}."
        raise InputError(msg)
    if precision != "auto":
        return precision
    half = place.accelerator == "gpu" and torch.cuda.is_bf16_supported()
    return "bf16-mixed" if half else "32-true"


def _start(folder: Path, settings: dict[str, Any], *, resume: bool, launched: bool) -> int | None:
    """Step to go on from, or ``None`` to begin anew."""
    first = not launched or os.environ.get("RANK") == "0"
    if not resume and first:
        clear(folder)
    if not resume or not (folder / LAST).exists():
        return None
    checkpoint = read_checkpoint(folder / LAST, mapped=True)
    if OWN not in checkpoint:
        msg = f"{folder / LAST} is no checkpoint of run_training. Choose another folder, or resume=False."
        raise InputError(msg)
    changed = differences(checkpoint[OWN]["settings"], settings)
    if changed:
        msg = (
            f"The checkpoint in {folder} was made with other settings: {'; '.join(changed)}. Use those, "
            f"choose another folder, or begin anew (remove {LAST} there, or give resume=False)."
        )
        raise InputError(msg)
    return int(checkpoint["global_step"])


def _restore(module: pl.LightningModule, folder: Path) -> None:
    """Give a module the weights of a training that was finished before."""
    checkpoint = read_checkpoint(folder / LAST)
    module.on_load_checkpoint(checkpoint)
    module.load_state_dict(checkpoint["state_dict"])


def _result(folder: Path, start: int | None, views: Views) -> TrainingResult:
    """What lies in the folder; pictures that other processes or runs set aside are told to the views."""
    if (folder / REJECTED).exists():
        views.remember(pd.read_csv(folder / REJECTED, dtype="str"))
    checkpoint = read_checkpoint(folder / LAST, mapped=True)
    own = checkpoint[OWN]
    return TrainingResult(
        checkpoint=folder / LAST,
        epochs=own["epochs"],
        steps=int(checkpoint["global_step"]),
        resumed_from=start,
        metrics=own["metrics"],
        best=None if own["best"] is None else folder / own["best"],
    )


def _loggers(names: Sequence[str], folder: Path, start: int) -> list[Logger]:
    unknown = [name for name in names if name not in _LOGGERS]
    if isinstance(names, str) or unknown:
        msg = f"loggers={names!r}: give a list of {', '.join(_LOGGERS)}."
        raise InputError(msg)
    made: list[Logger] = []
    if "csv" in names:
        made.append(Curves(folder / "curves.csv", start=start))
    if "tensorboard" in names:
        require("tensorboard", extra="track")
        made.append(pl.loggers.TensorBoardLogger(folder, name="tensorboard"))
    if "wandb" in names:
        require("wandb", extra="track")
        made.append(
            pl.loggers.WandbLogger(
                name=folder.name, project="geolivelihood", save_dir=folder, offline=True, log_model=False
            )
        )
    return made


@contextmanager
def _own_errors() -> Iterator[None]:
    """Errors of ours that ended another process are raised here as what they were."""
    try:
        yield
    except (ProcessRaisedException, ProcessExitedException) as error:
        found = re.findall(r"^geolivelihood\.errors\.(\w+): (.*?)\s*\Z", str(error), re.MULTILINE | re.DOTALL)
        if not found:
            raise
        kind, text = found[-1]
        raise getattr(errors, kind)(text) from None


@contextmanager
def _interrupts() -> Iterator[None]:
    """Ctrl-C stays what it is: Lightning makes it an exit, and ignores further ones for good."""
    try:
        before = signal.getsignal(signal.SIGINT)
        yield
    except SystemExit as stop:
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, before)


def _check_shares(views: Views, place: _Place) -> None:
    """Batches can be cut into equal shares, and each process takes its own."""
    fixed = views.rank is not None or views.world_size is not None
    if fixed and (place.processes > 1 or views.share()[1] > 1):
        msg = (
            f"The views were made with rank={views.rank}, world_size={views.world_size}, and "
            f"{place.processes} processes train. Leave both out: each process then takes its own share."
        )
        raise InputError(msg)
    views.share(0, place.processes)


def _check_options(epochs: int, keep: int, every: int | None, mode: str | None) -> None:
    if epochs < 1 or keep < 0 or (every is not None and every < 1):
        msg = (
            f"epochs={epochs}, keep={keep}, save_every_steps={every}: give at least one epoch, 0 or more to "
            "keep, and at least one step."
        )
        raise InputError(msg)
    if mode not in (None, "min", "max"):
        msg = f"mode={mode!r}: choose 'min', 'max' or None."
        raise InputError(msg)
