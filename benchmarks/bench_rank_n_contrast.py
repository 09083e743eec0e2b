"""Rank-N-Contrast, forwards and backwards, against its formula as published.

One step of training each: the loss of two views of n/2 pictures and its gradient. The first call of a process
also asks the system for its memory, of which the formula needs gigabytes; the warm call does not. Training
starts once and goes on warm, so that the warm ratio is the one to expect of it.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from benchmarks.harness import Comparison
from geolivelihood.pretraining.rank_n_contrast import rank_n_contrast_loss

TEMPERATURE = 2.0
SIZES = ((256, 2048), (512, 2048), (1024, 128))  # rows and features; more rows of 2048 do not fit the formula


def setup(rows: int, width: int) -> dict[str, Tensor]:
    """Features and labels of two views of half as many pictures."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randn(rows // 2, generator=generator)
    return {"features": torch.randn(rows, width, generator=generator), "labels": labels}


def ours(data: dict[str, Tensor]) -> Tensor:
    """Loss and gradient in O(n² log n)."""
    features = data["features"].clone().requires_grad_()
    rank_n_contrast_loss(features.view(2, -1, features.shape[1]), data["labels"]).backward()
    assert features.grad is not None
    return features.grad


def peer(data: dict[str, Tensor]) -> Tensor:
    """Loss by the formula, column after column, and its gradient by autograd."""
    features = data["features"].clone().requires_grad_()
    literal_loss(features, data["labels"].repeat(2)[:, None]).backward()
    assert features.grad is not None
    return features.grad


def literal_loss(features: Tensor, labels: Tensor) -> Tensor:
    """The published steps: all differences at once, then a mask of the denominator for each column."""
    n = len(features)
    apart = (labels[:, None] - labels[None]).abs().sum(dim=-1)
    logits = -(features[:, None] - features[None]).norm(2, dim=-1) / TEMPERATURE
    logits = logits - logits.amax(dim=1, keepdim=True).detach()
    others = ~torch.eye(n, dtype=torch.bool)
    logits, apart = (square[others].view(n, n - 1) for square in (logits, apart))
    powers = logits.exp()
    loss = torch.zeros(())
    for column in range(n - 1):
        farther = (apart >= apart[:, column, None]).float()
        loss = loss - (logits[:, column] - (farther * powers).sum(dim=1).log()).sum() / (n * (n - 1))
    return loss


def comparison(rows: int, width: int, *, warm: bool) -> Comparison:
    """A row of the table; sizes at which the formula needs many gigabytes are measured once."""
    when = "warm" if warm else "first call"
    return Comparison(
        name=f"rank_n_contrast_{rows}{'_warm' * warm}",
        what=f"Rank-N-Contrast, {rows} rows of {width} features, loss and gradient, {when}",
        against="the formula as published, autograd",
        goal=50.0 if rows == 1024 else 20.0,
        setup=partial(setup, rows, width),
        ours=ours,
        peer=peer,
        runs=1 if rows == 1024 else 3,
        # a warm process holds on to what it took before
        peak_share=None if warm else 0.1,
        warm_calls=int(warm),
    )


COMPARISONS = tuple(comparison(*size, warm=warm) for size in SIZES for warm in (False, True))
