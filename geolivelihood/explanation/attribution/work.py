"""What every method is given for a batch of pictures, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from geolivelihood.explanation.attribution.subject import Question, Subject

__all__ = ["Parts", "Work", "interpolation"]


class Parts(NamedTuple):
    """Maps (n, rows, columns), intercepts and scores (n,) of a batch, float64; the error where there is one.

    All in the unit of the target, but without the origin of a standardised one.
    """

    maps: Tensor
    intercept: Tensor
    total: Tensor
    error: Tensor | None = None


@dataclass(frozen=True)
class Work:
    """A model, a question, a layer and the options of all methods; see :func:`attribute` for these.

    ``first`` is the position of the batch's first picture, so that its draws do not hang on the batch size.
    """

    subject: Subject
    question: Question
    layer: nn.Module | None = None
    head: nn.Linear | None = None
    norm: nn.LayerNorm | None = None
    start: float = 0.5
    jump: float = 1.0
    baseline: Any = "mean"
    bias: str = "spread"
    rectify: bool = True
    steps: int = 32
    samples: int = 64
    patch: int = 16
    batch_size: int = 32
    seed: int = 0
    first: int = 0

    def asked(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of the outputs and score of pictures, without gradients."""
        with torch.no_grad():
            outputs = self.subject.forward(pictures)
        weights = self.question.weights(outputs)
        return weights, self.question.score(outputs, weights)

    def score(self, pictures: Tensor, weights: Tensor) -> Tensor:
        """Score (n,) of pictures, float64, for the weights of one picture or of each."""
        return self.question.score(self.subject.forward(pictures), weights)

    def scores(self, pictures: Tensor, weights: Tensor) -> Tensor:
        """As :meth:`score`, of any number of pictures and without gradients."""
        size = self.batch_size
        weights = weights.expand(len(pictures), -1)
        with torch.no_grad():
            # A loop over batches: activations of all pictures would not fit in memory.
            parts = [
                self.score(pictures[at : at + size], weights[at : at + size])
                for at in range(0, len(pictures), size)
            ]
        return torch.cat(parts)

    def gradient(self, pictures: Tensor, weights: Tensor, inside: Callable[[], Any] | None = None) -> Tensor:
        """Gradient of the score at pictures, float64, in evaluation mode each picture's own."""
        given = pictures.detach().clone().requires_grad_()
        if inside is None:
            answer = self.score(given, weights)
        else:
            with inside():
                answer = self.score(given, weights)
        (slope,) = torch.autograd.grad(answer.sum(), given)
        return slope.double()

    def bias_term(self, weights: Tensor) -> Tensor:
        """The head's bias in each score, (n,); 0 where no linear layer gives the outputs."""
        bias = None if self.head is None else self.head.bias
        return weights.new_zeros(len(weights)) if bias is None else weights @ bias.double()

    def enlarged(self, maps: Tensor, size: tuple[int, int]) -> Tensor:
        """Maps (..., rows, columns) sampled at the input's pixels, each cell where it looks."""
        rows, columns = (
            interpolation(cells, pixels, start=self.start, jump=self.jump).to(maps)
            for cells, pixels in zip(maps.shape[-2:], size)
        )
        return rows @ maps @ columns.T


def interpolation(cells: int, pixels: int, *, start: float, jump: float) -> Tensor:
    """Matrix (pixels, cells) that samples values at nodes ``start + i * jump`` at the pixels' centres.

    Linear between nodes and flat beyond the outermost; with nodes at the middles of equal parts it is
    bilinear interpolation with half-pixel centres (``align_corners=False``).
    """
    at = ((torch.arange(pixels).double() + 0.5 - start) / jump).clamp(0, cells - 1)
    return (1 - (at[:, None] - torch.arange(cells).double()).abs()).clamp_min(0)
