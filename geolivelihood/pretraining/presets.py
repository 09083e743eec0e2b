"""Settings that belong together: as published, and for data of thousands rather than millions of pictures."""

from __future__ import annotations

from typing import Any, NamedTuple

from geolivelihood.pretraining.schedules import Optimisation

__all__ = ["PAPER", "SMALL_DATA", "Preset"]


class Preset(NamedTuple):
    """Settings of a pretraining.

    Attributes
    ----------
    module
        Keyword options of :class:`~geolivelihood.pretraining.moco_module.MoCoModule`.
    optimisation
        How the network is optimised.
    batch_size
        Pictures of one step, over all processes.
    epochs
        Length of the training.
    """

    module: dict[str, Any]
    optimisation: Optimisation
    batch_size: int
    epochs: int


PAPER = Preset(
    module={
        "dim": 128,
        "queue_size": 65_536,
        "momentum": 0.999,
        "temperature": 0.02,
        "within": None,
        "paper": True,
        "bn_groups": 8,
        "symmetric": False,
    },
    optimisation=Optimisation(
        optimiser="sgd", learning_rate=0.03, momentum=0.9, weight_decay=1e-4, schedule="cosine", per="epoch"
    ),
    batch_size=256,
    epochs=200,
)
"""Geography-aware self-supervised learning as published (Ayush et al. 2021), on eight groups."""

SMALL_DATA = Preset(
    module={
        "dim": 128,
        "queue_size": 4096,
        "momentum": 0.99,
        "temperature": 0.1,
        "within": "place",
        "paper": False,
        "bn_groups": 8,
        "symmetric": False,
    },
    optimisation=Optimisation(learning_rate=0.03, per="step"),
    batch_size=128,
    epochs=200,
)
"""A queue that turns over fast, a key encoder that follows fast, and no negatives of the same place."""
