"""What a training with labels starts from: an encoder by any of its names, and few labels."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import backbone_names, headless
from geolivelihood.features.pretrained import is_pretrained, read_pretrained
from geolivelihood.pretraining.checkpoints import import_checkpoint

__all__ = ["few_labels", "start_from"]


def start_from(
    encoder: str | os.PathLike[str],
    *,
    architecture: str = "resnet50",
    card: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> tuple[nn.Module, dict[str, Any]]:
    """The network to start with, without a head, and its card.

    Parameters
    ----------
    encoder
        Folder of a pretrained encoder, file of a published checkpoint, or the name of a torchvision network,
        which then starts at random.
    architecture
        Of a checkpoint.
    card
        How the pictures of a checkpoint or of a random network are fed, as in
        :func:`~geolivelihood.features.save_pretrained`; by default as published, and 224 pixels with
        ImageNet's statistics.
    seed
        Of random weights.

    Raises
    ------
    InputError
        If the encoder is none of these, or what it names cannot be used.
    """
    entries = dict(card or {})
    if is_pretrained(encoder):
        if entries:
            msg = f"card={sorted(entries)}: the pretrained encoder {encoder} has its own."
            raise InputError(msg)
        return read_pretrained(encoder)
    if isinstance(encoder, str) and encoder in backbone_names():
        given = {"mean", "sd", "normalise"} & set(entries)
        made = {"architecture": encoder, "bands": 3, "size": 224} | entries
        made.setdefault("normalise", "channels" if given else "imagenet")
        bands = made["bands"] if isinstance(made["bands"], int) else len(made["bands"])
        return headless(encoder, size=made["size"], seed=seed, bands=bands)[0], made
    if Path(encoder).is_file():
        found = import_checkpoint(encoder, architecture=architecture, size=entries.get("size", 224))
        made = found.card(**entries)
        if "size" not in made or not {"mean", "normalise"} & set(made):
            msg = f"How {encoder} is fed is not known: say size, and normalise or mean and sd, in card=."
            raise InputError(msg)
        return found.network, {"normalise": "channels"} | made
    msg = (
        f"encoder={os.fspath(encoder)!r} is neither the folder of a pretrained encoder, nor the file of a "
        "checkpoint, nor the name of a torchvision network."
    )
    raise InputError(msg)


def few_labels(
    y: npt.ArrayLike, *, share: float | None = None, per_class: int | None = None, random_state: int = 0
) -> npt.NDArray[np.intp]:
    """Positions of a few labelled rows, to see what an encoder is worth where labels are rare.

    Parameters
    ----------
    y
        Labels (n,).
    share
        Share of the rows, at least two; of classes the same of each, and at least one.
    per_class
        Rows of each class instead.
    random_state
        Seed; the rows of a smaller share are among those of a larger one.

    Raises
    ------
    InputError
        If not exactly one of both is given, or it is out of range.
    """
    labels = np.asarray(y)
    if (share is None) == (per_class is None) or (share is not None and not 0 < share <= 1):
        msg = (
            f"share={share}, per_class={per_class}: give one of them, a share in (0, 1] or a number of rows."
        )
        raise InputError(msg)
    order = np.random.default_rng(random_state).permutation(len(labels))
    if np.issubdtype(labels.dtype, np.floating) and share is not None:
        return np.sort(order[: max(2, round(share * len(labels)))])
    groups = [order[labels[order] == name] for name in np.unique(labels)]
    counts = [per_class or 0 if share is None else max(1, round(share * len(group))) for group in groups]
    short = [len(group) for group, count in zip(groups, counts) if not 1 <= count <= len(group)]
    if short:
        msg = f"per_class={per_class}, but a class has {min(short)} rows: give a number from 1 to that."
        raise InputError(msg)
    return np.sort(np.concatenate([group[:count] for group, count in zip(groups, counts)]))
