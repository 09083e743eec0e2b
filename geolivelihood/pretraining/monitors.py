"""What pretraining is worth while it runs: labelled pictures, probed every few epochs under given folds.

The loss of a contrastive task says little about the features, so epochs are better chosen by a probe. Folds
that are blocks in space keep the probe honest; the labels choose among epochs and are not learned from.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.features.feeding import Feeding
from geolivelihood.features.loading import WINDOW, Loader
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.pretraining.augmentations import Augmentation
from geolivelihood.pretraining.frozen import as_it_was
from geolivelihood.pretraining.neighbours import EmbeddingNeighboursClassifier, EmbeddingNeighboursRegressor
from geolivelihood.pretraining.probes import LogisticProbe, ProbeResult, RidgeProbe, fold_positions, probe
from geolivelihood.progress import checkpoint

__all__ = ["KnnMonitor", "ProbeMonitor"]

Task = Literal["auto", "classes", "amounts"]


class _Monitor(Callback):
    """Embeds labelled pictures with the network as it is, and logs what an estimator makes of them."""

    name: str

    def __init__(
        self,
        images: pd.DataFrame,
        folds: npt.ArrayLike,
        *,
        augmentation: Augmentation,
        label: str = "label",
        every: int = 1,
        task: Task = "auto",
        batch_size: int = 64,
        root: str | os.PathLike[str] | None = None,
        bands: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
        max_rejected: float = 0.1,
    ) -> None:
        _check_options(images, label, every=every, task=task, batch_size=batch_size)
        self.labels = images[label].to_numpy()
        if pd.isna(self.labels).any():
            msg = f"{int(pd.isna(self.labels).sum())} of {len(images)} monitored pictures have no {label!r}."
            raise InputError(msg)
        self.folds = np.asarray(folds)
        fold_positions(self.folds, len(images))
        numbers = np.issubdtype(self.labels.dtype, np.floating)
        self.classes = task == "classes" or (task == "auto" and not numbers)
        self._check_classes(label)
        self.augmentation, self.every, self.batch_size = augmentation, every, batch_size
        self.max_rejected = max_rejected
        columns = [column for column in ("image_id", "path", *WINDOW) if column in images]
        table = pd.DataFrame(images[columns]).reset_index(drop=True)
        reader = _Reader(augmentation, bands, value_range)
        self.loader = Loader(table, reader, None if root is None else Path(root))
        self.rejected: dict[str, str] = {}

    @abstractmethod
    def estimator(self) -> Any:
        """What is fitted to the embeddings of the other folds."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Probe, after every ``every``-th epoch and after the last."""
        done = trainer.current_epoch + 1
        if done % self.every and done != trainer.max_epochs:
            return
        scores = self.probe(pl_module.backbone).scores  # type: ignore[arg-type]
        # each process has the same pictures; the mean of what they find is one value for all
        pl_module.log_dict(
            {f"val/{self.name}_{metric}": value for metric, value in _short(scores).items()},
            sync_dist=trainer.world_size > 1,
        )

    def probe(self, network: nn.Module) -> ProbeResult:
        """Out-of-fold predictions and scores of the network's embeddings; the network stays as it is."""
        with _untouched(network):
            embeddings, rows = self._embedded(network)
        return probe(self.estimator(), embeddings, self.labels[rows], folds=self.folds[rows])

    def _embedded(self, network: nn.Module) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
        """Embeddings of the readable pictures, and which rows they are."""
        device = next(network.parameters()).device
        parts, rows = [], []
        for start in range(0, len(self.labels), self.batch_size):
            checkpoint()
            positions = np.arange(start, min(start + self.batch_size, len(self.labels)))
            loaded = self.loader.load(positions)
            self.rejected |= {str(item.position): item.reason for item in loaded if item.array is None}
            good = [item for item in loaded if item.array is not None]
            if good:
                pixels = torch.from_numpy(np.stack([item.array for item in good if item.array is not None]))
                parts.append(network(pixels.to(device)).float().cpu().numpy())
                rows += [item.position for item in good]
        if len(self.rejected) > self.max_rejected * len(self.labels):
            reason = next(iter(self.rejected.values()))
            msg = (
                f"{len(self.rejected)} of {len(self.labels)} monitored pictures cannot be read, more than "
                f"max_rejected={self.max_rejected:g} allows; the first: {reason}."
            )
            raise TooManyRejectedError(msg)
        return np.concatenate(parts), np.array(rows, dtype=np.intp)

    def _check_classes(self, label: str) -> None:
        if self.classes and len(np.unique(self.labels.astype(str))) < 2:
            msg = f"All monitored pictures have the same {label!r}: there is nothing to tell apart."
            raise InputError(msg)


class KnnMonitor(_Monitor):
    """Logs how many labelled pictures their nearest neighbours of other folds classify rightly.

    ``val/knn_acc`` (and ``val/knn_f1``...), of labels that are amounts ``val/knn_r2`` and
    ``val/knn_kendall_tau`` and so on. It is a callback of
    :func:`~geolivelihood.pretraining.training.run_training`, and one of these names its ``monitor``.

    Parameters
    ----------
    images
        ``path``, the label, perhaps windows of rasters; other than those of the pretraining, or the same.
    folds
        Fold of each picture, shape (n,); blocks in space, if the probe is to speak of other places.
    augmentation
        What makes a picture ready: :func:`~geolivelihood.pretraining.augmentations.plain` with the mean and
        standard deviation of the pretraining.
    label
        Column of the labels. Text and whole numbers are classes, other numbers amounts.
    every
        Epochs between two probes; the last epoch is probed in any case.
    task
        ``"classes"`` or ``"amounts"`` whatever the type of the label.
    batch_size
        Pictures that are embedded at a time.
    root
        Folder that relative paths start from.
    bands, value_range
        As in :class:`~geolivelihood.pretraining.views.Views`.
    max_rejected
        Share of the pictures that may be unreadable.
    k, temperature
        Of :class:`~geolivelihood.pretraining.neighbours.EmbeddingNeighboursClassifier`.

    Raises
    ------
    InputError, MissingColumnError
        If there is no label column, a label is missing, all are the same, or the folds do not fit.
    """

    name = "knn"

    def __init__(
        self,
        images: pd.DataFrame,
        folds: npt.ArrayLike,
        *,
        augmentation: Augmentation,
        k: int = 200,
        temperature: float = 0.1,
        **options: Any,
    ) -> None:
        super().__init__(images, folds, augmentation=augmentation, **options)
        self.k, self.temperature = k, temperature

    def estimator(self) -> Any:
        """Nearest neighbours by cosine similarity."""
        kind = EmbeddingNeighboursClassifier if self.classes else EmbeddingNeighboursRegressor
        return kind(k=self.k, temperature=self.temperature)


class ProbeMonitor(_Monitor):
    """Logs how well a linear probe in closed form predicts labelled pictures of other folds.

    ``val/probe_acc``, ``val/probe_f1`` and so on for classes (logistic regression), ``val/probe_r2``,
    ``val/probe_kendall_tau`` and so on for amounts (ridge). Parameters as in :class:`KnnMonitor`, but for:

    Parameters
    ----------
    probe_estimator
        Another scikit-learn estimator of the same kind.
    """

    name = "probe"

    def __init__(
        self,
        images: pd.DataFrame,
        folds: npt.ArrayLike,
        *,
        augmentation: Augmentation,
        probe_estimator: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(images, folds, augmentation=augmentation, **options)
        self.probe_estimator = probe_estimator

    def estimator(self) -> Any:
        """The probe."""
        return self.probe_estimator or (LogisticProbe() if self.classes else RidgeProbe())


class _Reader:
    """Pictures as the augmentation makes them."""

    def __init__(
        self,
        augmentation: Augmentation,
        bands: tuple[int, ...] | None,
        value_range: tuple[float, float] | None,
    ) -> None:
        self.reading = Reading(bands=bands)
        self.augmentation, self.value_range = augmentation, value_range

    def prepare(self, picture: Picture) -> np.ndarray:
        """(bands, size, size) float32; InputError if the picture does not fit."""
        mean = self.augmentation.mean
        n = len(picture.pixels) if mean is None else len(mean)
        own: dict[str, Any] = {"normalise": "minmax"}
        if mean is not None:  # the fill of pixels without data; the augmentation itself normalises
            own = {"normalise": "channels", "mean": mean, "sd": self.augmentation.sd}
        pixels = Feeding(n, self.value_range, **own).unit(picture, name="the augmentation")
        with torch.no_grad():
            return self.augmentation(torch.from_numpy(pixels)).numpy()


@contextmanager
def _untouched(network: nn.Module) -> Iterator[None]:
    """Evaluate inside the block; afterwards modes and random numbers go on as if nothing had been."""
    before = np.random.get_state()  # noqa: NPY002 - the global one is whose state must be kept
    with as_it_was(network), torch.random.fork_rng(), torch.no_grad():
        network.eval()
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002


def _short(scores: dict[str, float]) -> dict[str, Tensor]:
    """Scores under the short names of curves: ``acc`` for accuracy."""
    return {
        name.replace("accuracy", "acc"): torch.tensor(value, dtype=torch.float32)
        for name, value in scores.items()
    }


def _check_options(images: pd.DataFrame, label: str, *, every: int, task: str, batch_size: int) -> None:
    missing = [column for column in ("path", label) if column not in images]
    if missing:
        msg = f"The table of monitored pictures lacks {', '.join(missing)}; it has {', '.join(images)}."
        raise MissingColumnError(msg)
    if every < 1 or batch_size < 1 or task not in ("auto", "classes", "amounts"):
        msg = (
            f"every={every}, batch_size={batch_size}, task={task!r}: at least 1, and 'auto', 'classes' or "
            "'amounts'."
        )
        raise InputError(msg)
