"""The model that is explained, whatever kind it is, and the question that is put to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.models.image_network import ImageNetwork

__all__ = ["Outputs", "Question", "Subject", "question", "subject"]

Outputs = Literal["auto", "classes", "values"]


@dataclass(frozen=True)
class Subject:
    """A network, how it is called, and what its outputs mean.

    Attributes
    ----------
    network
        Where layers are looked up.
    body
        The part of it that takes pictures and has the layers.
    forward
        From pictures (n, bands, height, width) to outputs (n, outputs); of classes their logits.
    kind
        ``"classes"``, whose logits float by a constant; ``"values"``; or ``"auto"``: classes if there is more
        than one output.
    classes
        Names of the outputs, where known.
    mean, scale
        What brings a standardised output back to the unit of its target.
    """

    network: nn.Module
    body: nn.Module
    forward: Callable[[Tensor], Tensor]
    kind: Outputs = "auto"
    classes: Sequence[Any] | None = None
    mean: float | Any = 0.0
    scale: float | Any = 1.0

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((weight.device for weight in self.network.parameters()), torch.device("cpu"))


def subject(model: Any, *, outputs: Outputs = "auto") -> Subject:
    """What can be explained of a model.

    Parameters
    ----------
    model
        A fitted :class:`~geolivelihood.models.ImageRegressor` or
        :class:`~geolivelihood.models.ImageClassifier`, which take pixels 0-255, or any torch module from
        pictures to outputs (n, outputs), which takes pictures as it was trained with.
    outputs
        Whether the outputs of a torch module are logits of classes or values; ``"auto"`` takes several
        outputs for classes.

    Raises
    ------
    InputError
        If it is neither, or not fitted.
    """
    if outputs not in ("auto", "classes", "values"):
        msg = f"outputs={outputs!r}: choose 'auto', 'classes' or 'values'."
        raise InputError(msg)
    network = model if isinstance(model, nn.Module) else getattr(model, "network_", None)
    if isinstance(network, ImageNetwork):
        scale = getattr(model, "target_scale_", None)
        return Subject(
            network,
            network.backbone,
            lambda pixels: network.head(network.embed(pixels)).float(),
            "classes" if network.probabilities else "values",
            getattr(model, "classes_", None),
            *((0.0, 1.0) if scale is None else (scale.mean, scale.scale)),
        )
    if not isinstance(model, nn.Module):
        msg = (
            f"Pictures are explained for a fitted ImageRegressor or ImageClassifier, or for a torch module; "
            f"got {type(model).__name__}."
        )
        raise InputError(msg)
    return Subject(model, model, model, outputs)


@dataclass(frozen=True)
class Question:
    """Which score of a picture is explained: a weighted sum of the outputs, and a constant.

    Attributes
    ----------
    name, unit
        Of the target.
    column
        Output that is asked about; ``None`` for each picture's predicted class.
    kind
        As in :class:`Subject`, decided.
    scale, offset
        Unit and origin of the score.
    """

    name: str
    unit: str
    column: int | None
    kind: Literal["classes", "values"]
    scale: float = 1.0
    offset: float = 0.0

    def weights(self, outputs: Tensor) -> Tensor:
        """Weights (n, outputs), float64, by which the outputs of each picture make its score.

        For classes these sum to 0: adding a constant to all logits changes no probability, and shall change
        no map. Two classes give the log-odds, more a class's logit above the mean of all.
        """
        n, count = outputs.shape
        asked = outputs.argmax(dim=1) if self.column is None else outputs.new_full((n,), self.column).long()
        weights = nn.functional.one_hot(asked, count).double()
        if self.kind == "classes":
            weights = (weights - 1 / count) * (2 if count == 2 else 1)
        return weights * self.scale

    def score(self, outputs: Tensor, weights: Tensor) -> Tensor:
        """Score (n,) without its constant, float64."""
        return (outputs.double() * weights).sum(dim=1)


def question(of: Subject, outputs: Tensor, target: Any) -> Question:
    """The question that ``target`` asks of a model with such outputs.

    Parameters
    ----------
    of
        The model.
    outputs
        Outputs (n, outputs) of some pictures.
    target
        Position of the output or name of the class; ``"predicted"`` for each picture's predicted class;
        ``None`` for the only output, the second of two classes, or the predicted of more.

    Raises
    ------
    InputError
        If there is no such target.
    """
    if outputs.ndim != 2:
        msg = f"The model returns an array of shape {tuple(outputs.shape)}; (pictures, outputs) is needed."
        raise InputError(msg)
    count = outputs.shape[1]
    kind: Literal["classes", "values"] = (
        "classes" if of.kind == "classes" or (of.kind == "auto" and count > 1) else "values"
    )
    if kind == "classes" and count == 1:
        msg = "One output is no choice between classes: leave outputs='auto' to explain its value."
        raise InputError(msg)
    column = _column(of, count, kind, target)
    name = "predicted class" if column is None else _names(of, count)[column]
    if kind == "classes":
        return Question(name, "log-odds" if count == 2 else "logit above the mean class", column, kind)
    assert column is not None
    scale, mean = (float(np.broadcast_to(moment, (count,))[column]) for moment in (of.scale, of.mean))
    return Question(name, "target", column, kind, scale, mean)


def _names(of: Subject, count: int) -> list[str]:
    return [str(name) for name in (range(count) if of.classes is None else of.classes)]


def _column(of: Subject, count: int, kind: str, target: Any) -> int | None:
    if kind == "classes" and (target == "predicted" or (target is None and count > 2)):
        return None
    if target is None and (kind == "classes" or count == 1):
        return count - 1
    names = _names(of, count)
    if target is not None and str(target) in names:
        return names.index(str(target))
    if isinstance(target, int | np.integer) and 0 <= target < count:
        return int(target)
    choice = ", ".join(names[:20]) + (", ..." if count > 20 else "")
    also = ", or 'predicted'" if kind == "classes" else ""
    msg = f"target={target!r}: the model has the targets {choice}. Give one of them{also}."
    raise InputError(msg)
