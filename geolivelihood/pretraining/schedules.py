"""How a network is optimised: the algorithm, its learning rate, and how that falls."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from geolivelihood.errors import InputError

__all__ = ["Optimisation"]

_DECAY = {"step": 0.1, "exponential": 0.95}


@dataclass(frozen=True)
class Optimisation:
    """Algorithm and learning rate of a training.

    The defaults are those of the geography-aware MoCo-v2: SGD at 0.03 under half a cosine per epoch.

    Parameters
    ----------
    optimiser
        ``"sgd"`` or ``"adamw"``.
    learning_rate
        At the start, after the warm-up.
    momentum
        Of SGD.
    weight_decay
        L2 penalty (SGD), or decoupled decay (AdamW).
    schedule
        With t in epochs out of E: ``"cosine"`` is f + (1 - f)(1 + cos(pi t / E)) / 2, f the ``final_share``;
        ``"step"`` times ``decay`` at each milestone; ``"exponential"`` ``decay`` to the power of t;
        ``"constant"``.
    milestones
        Epochs at which ``"step"`` falls.
    final_share
        Share of the learning rate at which ``"cosine"`` would end.
    decay
        Factor of ``"step"`` (``None``: 0.1) and ``"exponential"`` (0.95).
    warmup_epochs
        Epochs over which the rate rises linearly first; the schedule covers the others.
    per
        Whether the rate changes with each ``"epoch"`` (as published) or each ``"step"``.

    Raises
    ------
    InputError
        If an option is out of range.

    Examples
    --------
    >>> Optimisation().rate(100, epochs=200)
    0.015
    """

    optimiser: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = 0.03
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Literal["cosine", "step", "exponential", "constant"] = "cosine"
    milestones: tuple[int, ...] = (120, 160)
    final_share: float = 0.0
    decay: float | None = None
    warmup_epochs: float = 0.0
    per: Literal["epoch", "step"] = "epoch"

    def __post_init__(self) -> None:
        choices = {
            "optimiser": ("sgd", "adamw"),
            "schedule": ("cosine", "step", "exponential", "constant"),
            "per": ("epoch", "step"),
        }
        for name, accepted in choices.items():
            if getattr(self, name) not in accepted:
                msg = f"{name}={getattr(self, name)!r}: choose {' or '.join(map(repr, accepted))}."
                raise InputError(msg)
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            msg = f"learning_rate={self.learning_rate}: give a number above 0."
            raise InputError(msg)
        if not 0 <= self.momentum < 1 or self.weight_decay < 0 or self.warmup_epochs < 0:
            msg = (
                f"momentum={self.momentum}, weight_decay={self.weight_decay}, warmup_epochs="
                f"{self.warmup_epochs}: momentum lies in [0, 1), the others are 0 or more."
            )
            raise InputError(msg)
        if not 0 <= self.final_share <= 1:
            msg = f"final_share={self.final_share}: give a share of the learning rate from 0 to 1."
            raise InputError(msg)

    def rate(self, epoch: float, *, epochs: int) -> float:
        """Learning rate at a time in epochs (a fraction where it changes per step) of ``epochs``."""
        return self.learning_rate * self._share(epoch, epochs, tick=1.0)

    def configure(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        *,
        epochs: int,
        steps_per_epoch: int,
    ) -> dict[str, Any]:
        """What a LightningModule's ``configure_optimizers`` returns.

        On CUDA all parameters are updated by one fused kernel, elsewhere by one call per operation.
        """
        optimiser = self._optimiser(list(parameters))
        if self.schedule == "constant" and not self.warmup_epochs:
            return {"optimizer": optimiser}
        unit = 1.0 if self.per == "epoch" else 1.0 / max(1, steps_per_epoch)
        # a function and no object, so that nothing of it is saved with checkpoints
        schedule = LambdaLR(optimiser, lambda count: self._share(count * unit, epochs, tick=unit))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": self.per}}

    def _optimiser(self, parameters: list[Any]) -> Optimizer:
        flat = [p for group in parameters for p in (group["params"] if isinstance(group, dict) else [group])]
        on_gpu = bool(flat) and all(p.is_cuda for p in flat)
        how: dict[str, Any] = {"fused": True} if on_gpu else {"foreach": True}
        how |= {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        if self.optimiser == "adamw":
            return torch.optim.AdamW(parameters, **how)
        return torch.optim.SGD(parameters, momentum=self.momentum, **how)

    def _share(self, time: float, epochs: int, tick: float) -> float:
        """Share of the learning rate at a time, both in epochs; ``tick`` is the time between changes."""
        if time < self.warmup_epochs:
            return min(1.0, (time + tick) / self.warmup_epochs)
        past, left = time - self.warmup_epochs, max(epochs - self.warmup_epochs, tick)
        if self.schedule == "cosine":
            falling = 0.5 * (1 + math.cos(math.pi * min(1.0, past / left)))
            return self.final_share + (1 - self.final_share) * falling
        decay = _DECAY.get(self.schedule, 1.0) if self.decay is None else self.decay
        if self.schedule == "step":
            return decay ** sum(time >= milestone for milestone in self.milestones)
        return decay**past if self.schedule == "exponential" else 1.0
