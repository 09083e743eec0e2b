"""An encoder and a new head, trained on labelled pictures: all layers, or the head alone as published.

Paper mode: SGD with momentum 0.9, no weight decay, 100 epochs, the rate divided by ten at 60 and 80, batches
of 256; in training the short side to 224 pixels and a random crop, in evaluation the central one. With
``freeze=True`` that is the linear probe (learning rate 1, of MoCo on ImageNet 30), else fine-tuning (1e-3).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.features.feeding import Feeding
from geolivelihood.features.pretrained import read_head, read_pretrained, save_pretrained
from geolivelihood.models.rows import check_labels, check_target
from geolivelihood.models.training import TargetScale, seeded, use_device
from geolivelihood.pretraining.frozen import Frozen
from geolivelihood.pretraining.head_training import Batches, HeadModule, Loss, head_of, train_head
from geolivelihood.pretraining.labelled_pictures import LabelledPictures
from geolivelihood.pretraining.normed_probe import check_training, published_steps
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.scores import amount_scores, class_scores
from geolivelihood.pretraining.starting import start_from
from geolivelihood.progress import track

__all__ = ["FineTuneClassifier", "FineTuneRegressor", "load_finetuned", "paper_probe"]

Floats = npt.NDArray[np.float64]
Pictures: TypeAlias = pd.DataFrame | Sequence[str]
_PREDICT_SIZE = 64


class _FineTuned(BaseEstimator):
    def __init__(
        self,
        encoder: str | os.PathLike[str] = "resnet50",
        *,
        architecture: str = "resnet50",
        card: Mapping[str, Any] | None = None,
        freeze: bool = False,
        learning_rate: float = 1e-3,
        epochs: int = 100,
        batch_size: int = 256,
        optimisation: Optimisation | None = None,
        root: str | os.PathLike[str] | None = None,
        max_rejected: float = 0.1,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.architecture = architecture
        self.card = card
        self.freeze = freeze
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimisation = optimisation
        self.root = root
        self.max_rejected = max_rejected
        self.device = device
        self.random_state = random_state

    def _train(self, X: Pictures, target: Tensor, *, outputs: int, loss: Loss) -> None:
        check_training(self.epochs, self.batch_size)
        network, self.card_ = start_from(
            self.encoder, architecture=self.architecture, card=self.card, seed=self.random_state
        )
        with self._pictures(X) as pictures, seeded(self.random_state):
            self.rejected_ = pictures.rejected
            known = target[torch.from_numpy(pictures.rows)]
            if len(known) < 2 or (loss == "classes" and len(known.unique()) < 2):
                msg = f"{len(known)} pictures can be read; at least two, of two classes, are needed."
                raise InputError(msg)
            body = Frozen(network) if self.freeze else network
            batches = Batches(
                lambda rows, generator: pictures.inputs(rows, generator=generator),
                known,
                batch_size=self.batch_size,
                seed=self.random_state,
            )
            with torch.no_grad():
                dim = network(pictures.inputs(np.arange(1))).shape[1]
            module = HeadModule(
                body,
                head_of(dim, outputs),
                loss=loss,
                optimisation=self.optimisation or published_steps(self.learning_rate, self.epochs),
                epochs=self.epochs,
                steps_per_epoch=len(batches),
            )
            train_head(
                module,
                batches,
                epochs=self.epochs,
                text="probing" if self.freeze else "fine-tuning",
                device=self.device,
                seed=self.random_state,
            )
        if isinstance(body, Frozen):
            body.check()
        self.network_, self.losses_ = network, module.losses
        self.head_: nn.Linear = module.head

    def _pictures(self, X: Pictures) -> LabelledPictures:
        bands = self.card_["bands"]
        return LabelledPictures(
            X,
            size=self.card_["size"],
            feeding=Feeding.of(self.card_),
            bands=None if isinstance(bands, int) else tuple(bands),
            root=self.root,
            max_rejected=self.max_rejected,
        )

    def _outputs(self, X: Pictures) -> Floats:
        """Outputs of the head for each picture, NaN where it cannot be read."""
        check_is_fitted(self)
        where = use_device(self.device)
        whole = nn.Sequential(self.network_, self.head_).eval().to(where)
        with self._pictures(X) as pictures, torch.inference_mode():
            starts = range(0, len(pictures.rows), _PREDICT_SIZE)
            parts = [
                whole(pictures.inputs(np.arange(k, min(k + _PREDICT_SIZE, len(pictures.rows)))).to(where))
                for k in track(starts, "predicting pictures")
            ]
            found = np.full((pictures.count, self.head_.out_features), np.nan)
            if parts:
                found[pictures.rows] = torch.cat(parts).double().cpu().numpy()
        whole.cpu()
        return found

    def save(self, folder: str | os.PathLike[str], **entries: Any) -> Path:
        """Save network and head as a folder, which is an encoder too; :func:`load_finetuned` reads both.

        Parameters
        ----------
        folder
            Where to.
        **entries
            Further entries of the card.
        """
        check_is_fitted(self)
        kept = {key: value for key, value in self.card_.items() if key not in ("metrics", "extent")}
        method = {"name": "probed" if self.freeze else "fine-tuned", "from": self.card_.get("method")}
        told = kept | {"method": method, "head": self._head_card()} | entries
        return save_pretrained(folder, self.network_, told, head=self.head_)

    def _head_card(self) -> dict[str, Any]:
        """What the outputs of the head stand for, as JSON."""
        raise NotImplementedError


class FineTuneClassifier(ClassifierMixin, _FineTuned):
    """An encoder with a linear head on labelled pictures; each picture has a class.

    Parameters
    ----------
    encoder, architecture, card
        What to start from (:func:`~geolivelihood.pretraining.starting.start_from`).
    freeze
        Train the head alone: the network stays in evaluation mode, and not a buffer of it moves.
    learning_rate, epochs, batch_size
        Of SGD with momentum 0.9; the rate falls to a tenth after 60 % and 80 % of the epochs.
    optimisation
        Another optimisation.
    root
        Folder that relative paths start from.
    max_rejected
        Share of pictures that may be unreadable.
    device
        ``"auto"``, ``"cpu"`` or ``"cuda"`` (bfloat16 where it has it).
    random_state
        Seed.

    Attributes
    ----------
    network_, head_, classes_
        What was learned.
    losses_
        Mean training loss of each epoch.
    rejected_
        Pictures that could not be read: ``row``, ``reason``.
    """

    def fit(self, X: Pictures, y: npt.ArrayLike) -> Self:
        """Train on pictures (their paths, or a table with ``path`` and perhaps windows) and labels (n,)."""
        self.classes_, codes = check_labels(y, rows=len(X))
        if len(self.classes_) < 2:
            msg = f"All {len(X)} labels are {str(self.classes_[0])!r}: two classes are needed."
            raise InputError(msg)
        self._train(X, torch.from_numpy(codes), outputs=len(self.classes_), loss="classes")
        return self

    def _head_card(self) -> dict[str, Any]:
        return {"classes": self.classes_.tolist(), "dtype": self.classes_.dtype.str}

    def decision_function(self, X: Pictures) -> Floats:
        """Logits, shape (n, classes), of which votes of dates are made; NaN where a picture is unreadable."""
        return self._outputs(X)

    def predict_proba(self, X: Pictures) -> Floats:
        """Probability of each class, shape (n, classes); NaN where a picture is unreadable."""
        return softmax(self._outputs(X), axis=1)

    def predict(self, X: Pictures) -> npt.NDArray[Any]:
        """Most probable class of each picture.

        Raises
        ------
        InputError
            If a picture cannot be read.
        """
        logits = self._outputs(X)
        bad = np.flatnonzero(np.isnan(logits).any(axis=1))
        if len(bad):
            msg = f"{len(bad)} pictures cannot be read (first in row {bad[0]}). Leave them out."
            raise InputError(msg)
        return self.classes_[logits.argmax(axis=1)]

    def evaluate(self, X: Pictures, y: npt.ArrayLike) -> dict[str, float]:
        """Scores (:func:`~geolivelihood.pretraining.scores.class_scores`) of other pictures, all of them."""
        return class_scores(y, self.predict(X))


class FineTuneRegressor(RegressorMixin, _FineTuned):
    """As :class:`FineTuneClassifier`, of amounts; the target is standardised for the training.

    Parameters
    ----------
    loss
        ``"l1"`` (as in the published baseline of Rank-N-Contrast) or ``"l2"``.
    """

    def __init__(
        self,
        encoder: str | os.PathLike[str] = "resnet50",
        *,
        loss: Literal["l1", "l2"] = "l1",
        architecture: str = "resnet50",
        card: Mapping[str, Any] | None = None,
        freeze: bool = False,
        learning_rate: float = 1e-3,
        epochs: int = 100,
        batch_size: int = 256,
        optimisation: Optimisation | None = None,
        root: str | os.PathLike[str] | None = None,
        max_rejected: float = 0.1,
        device: str = "auto",
        random_state: int = 0,
    ) -> None:
        super().__init__(
            encoder,
            architecture=architecture,
            card=card,
            freeze=freeze,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            optimisation=optimisation,
            root=root,
            max_rejected=max_rejected,
            device=device,
            random_state=random_state,
        )
        self.loss = loss

    def fit(self, X: Pictures, y: npt.ArrayLike) -> Self:
        """Train on pictures and amounts (n,)."""
        if self.loss not in ("l1", "l2"):
            msg = f"loss={self.loss!r}: choose 'l1' or 'l2'."
            raise InputError(msg)
        target = check_target(y, rows=len(X))
        self.target_scale_ = TargetScale.of(target)
        scaled = torch.from_numpy(self.target_scale_.standardise(target)).float()
        self._train(X, scaled, outputs=1, loss=self.loss)
        return self

    def _head_card(self) -> dict[str, Any]:
        return {"target_scale": list(self.target_scale_)}

    def predict(self, X: Pictures) -> Floats:
        """Value per picture; NaN where it cannot be read."""
        return self.target_scale_.restore(self._outputs(X)[:, 0])

    def evaluate(self, X: Pictures, y: npt.ArrayLike) -> dict[str, float]:
        """Scores (:func:`~geolivelihood.pretraining.scores.amount_scores`) of other pictures, all of them.

        Raises
        ------
        InputError
            If a picture cannot be read.
        """
        predicted = self.predict(X)
        if np.isnan(predicted).any():
            msg = f"{int(np.isnan(predicted).sum())} pictures cannot be read. Leave them out."
            raise InputError(msg)
        return amount_scores(y, predicted)


def load_finetuned(folder: str | os.PathLike[str], *, device: str = "auto") -> Any:
    """The classifier or regressor that :meth:`FineTuneClassifier.save` wrote; it predicts as it did.

    Raises
    ------
    InputError
        If the folder holds no such model, or a file is missing or damaged.
    """
    network, card = read_pretrained(folder)
    tensors, told = read_head(folder)
    model: Any
    if "classes" in told:
        model = FineTuneClassifier(os.fspath(folder), device=device)
        model.classes_ = np.asarray(told["classes"], dtype=told["dtype"])
    else:
        model = FineTuneRegressor(os.fspath(folder), device=device)
        model.target_scale_ = TargetScale.restored(told["target_scale"])
    outputs, dim = tensors["weight"].shape
    model.network_, model.card_, model.head_ = network, card, nn.Linear(dim, outputs)
    model.head_.load_state_dict(tensors)
    return model


def paper_probe(
    encoder: str | os.PathLike[str], *, learning_rate: float = 1.0, **options: Any
) -> FineTuneClassifier:
    """The published linear probe: the head alone, through the frozen network on random crops.

    Parameters
    ----------
    encoder
        As in :class:`FineTuneClassifier`.
    learning_rate
        1 for encoders of places, 30 for MoCo on ImageNet [1]_.
    **options
        Of :class:`FineTuneClassifier`.

    References
    ----------
    .. [1] Ayush et al. (2021), "Geography-Aware Self-Supervised Learning", ICCV.
    """
    return FineTuneClassifier(encoder, freeze=True, learning_rate=learning_rate, **options)
