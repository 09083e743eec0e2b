"""What turns pictures into vectors, by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from torch import Tensor

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import Backbone, backbone_names
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.features.pretrained import pretrained_backbone
from geolivelihood.features.rcf import RandomConvolutions
from geolivelihood.features.summary import BandSummary
from geolivelihood.features.weights import state_hash
from geolivelihood.files import content_hash

__all__ = ["Encoder", "encoder", "fingerprint"]


class Encoder(Protocol):
    """What :func:`~geolivelihood.features.embed` needs of an encoder; any object that has it will do.

    Attributes
    ----------
    name
        Short name.
    reading
        How pictures are to be read.
    batch_size
        Pictures that a CPU encodes in a few tenths of a second, between which a run can be cancelled.
    half
        Whether bf16 autocast may be used.
    """

    name: str
    reading: Reading
    batch_size: int
    half: bool

    @property
    def fitted(self) -> bool:
        """Whether everything that is learned from pictures is there."""

    @property
    def dim(self) -> int:
        """Number of features, once fitted."""

    def card(self) -> dict[str, Any]:
        """What defines the encoder, as JSON."""

    def fit(self, pictures: Iterable[np.ndarray]) -> Self:
        """A fitted encoder, from a sample of prepared pictures."""

    def state(self) -> dict[str, Tensor]:
        """What was learned from pictures."""

    def restore(self, state: Mapping[str, Tensor]) -> Self:
        """An encoder with that state."""

    def prepare(self, picture: Picture) -> np.ndarray:
        """Array that ``encode`` takes; called in workers; InputError if the picture does not fit."""

    def encode(
        self, batch: Sequence[np.ndarray], *, device: str = "cpu", precision: str = "float32"
    ) -> np.ndarray:
        """Features (n, dim) float32."""


def encoder(
    name: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] = "random",
    size: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Encoder:
    """An encoder by name.

    Parameters
    ----------
    name
        ``"rcf"`` (random convolutional features), ``"summary"`` (moments and quantiles of each band), any
        torchvision classification network (``"resnet18"``, ``"vit_b_16"``, ``"convnext_tiny"``...), or the
        folder of a pretrained encoder (:func:`~geolivelihood.features.save_pretrained`).
    weights
        For networks: ``"random"``, a local file, or torchvision's own name (``"DEFAULT"``).
    size
        Side in pixels of the square that is encoded, by default 224 or what the folder's card says; ``rcf``
        and ``summary`` leave smaller pictures alone.
    seed
        Seed of whatever is random.
    **options
        Those of :class:`~geolivelihood.features.Backbone`, of
        :func:`~geolivelihood.features.pretrained.pretrained_backbone`,
        :class:`~geolivelihood.features.RandomConvolutions` or :class:`~geolivelihood.features.BandSummary`.

    Raises
    ------
    InputError
        If the name or an option is unknown, or the weights do not fit.
    EnvironmentMissingError
        If published weights cannot be had.

    Examples
    --------
    >>> encoder("summary", quantiles=(0.5,))
    BandSummary(0 features of a number of bands)
    """
    if not isinstance(name, str) or name not in ("rcf", "summary", *backbone_names()):
        return _from_folder(name, weights, {"size": size, **options})
    if name in ("rcf", "summary") and weights != "random":
        msg = f"weights={str(weights)!r}: {name} takes none."
        raise InputError(msg)
    side = 224 if size is None else size
    try:
        if name == "rcf":
            return RandomConvolutions(size=side, seed=seed, **options)
        if name == "summary":
            return BandSummary(size=side, **options)
        return Backbone(name, weights=os.fspath(weights), size=side, seed=seed, **options)
    except TypeError as error:
        raise _wrong_options(name, options, error) from error


def _from_folder(
    name: str | os.PathLike[str], weights: str | os.PathLike[str], options: dict[str, Any]
) -> Encoder:
    """The pretrained encoder of a folder, or the error that there is nothing of that name."""
    if not Path(name).is_dir():
        msg = (
            f"Unknown encoder {os.fspath(name)!r}. There are rcf, summary, folders of pretrained encoders "
            f"(none is here), {', '.join(backbone_names())}."
        )
        raise InputError(msg)
    if weights != "random":
        msg = f"weights={str(weights)!r}: the pretrained encoder {name} has its own."
        raise InputError(msg)
    try:
        return pretrained_backbone(name, **options)
    except TypeError as error:
        raise _wrong_options(os.fspath(name), options, error) from error


def _wrong_options(name: str, options: Mapping[str, Any], error: TypeError) -> InputError:
    return InputError(f"Options {', '.join(options)} of encoder {name!r}: {error}.")


def fingerprint(encoder: Encoder) -> str:
    """SHA-256 of everything that defines the features of an encoder, including what it learned.

    The name under which weights were asked for does not count, only the weights.
    """
    card = {key: value for key, value in encoder.card().items() if key != "weights"}
    return content_hash([card, state_hash(encoder.state()) if encoder.fitted else None])
