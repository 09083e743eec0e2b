"""Contributions of pixels along a path from a baseline: integrated and expected gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from geolivelihood.explanation.attribution.baselines import baseline_pictures
from geolivelihood.explanation.attribution.hooks import tapped
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["backgrounds", "gradient_shap", "integrated_gradients"]


def integrated_gradients(work: Work, pictures: Tensor) -> Parts:
    """Integrated gradients [1]_ from a baseline, of the pixels or of a layer's activations.

    The path is straight, in pixels or (with a layer) between the layer's two outputs; the integral is a
    Gauss-Legendre sum of ``steps`` nodes. The intercept is the score of the baseline.

    References
    ----------
    .. [1] Sundararajan, Taly and Yan (2017), Axiomatic attribution for deep networks, ICML.
    """
    asked, total = work.asked(pictures)
    empty = baseline_pictures(pictures, work.baseline).expand_as(pictures)
    intercept = work.scores(empty, asked)
    nodes, shares = _gauss_legendre(work.steps)
    slope = _layer_slope(work, pictures, empty, asked, nodes, shares)
    if slope is None:
        # A loop over nodes: each is a batch of its own.
        slope = torch.zeros_like(pictures, dtype=torch.float64)
        for node, share in zip(nodes, shares):
            slope += share * work.gradient(empty + node * (pictures - empty), asked)
        slope *= (pictures - empty).double()
    return Parts(slope.sum(dim=1), intercept, total)


def gradient_shap(work: Work, pictures: Tensor) -> Parts:
    """Expected gradients [2]_: E[(x − b) ∇f(b + t (x − b))] over backgrounds b and t in 0-1.

    An estimate of Shapley values over a background. Each background comes equally often and t is stratified,
    which leaves less to chance than free draws; ``error`` says what it leaves (the standard error of the sum
    if draws were free, an upper bound). The intercept is the background's mean score.

    References
    ----------
    .. [2] Erion et al. (2021), Improving performance of deep learning models with axiomatic attribution
       priors and expected gradients, Nature Machine Intelligence 3.
    """
    asked, total = work.asked(pictures)
    found = [
        _expected(work, picture, background, row, score, number)
        for number, (picture, background, row, score) in enumerate(
            zip(pictures, backgrounds(work, pictures), asked, total)
        )
    ]
    maps, intercept, error = (torch.stack(part) for part in zip(*found))
    return Parts(maps, intercept, total, error)


def _expected(
    work: Work, picture: Tensor, background: Tensor, asked: Tensor, score: Tensor, number: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Map of one picture, mean score of its background, standard error of the map's sum."""
    draws = work.samples
    random = np.random.default_rng([work.seed, work.first + number])
    of = torch.from_numpy(random.permutation(np.arange(draws) % len(background))).to(picture.device)
    along = torch.from_numpy((random.permutation(draws) + random.random(draws)) / draws).to(picture)
    maps, sums = torch.zeros(picture.shape[1:], dtype=torch.float64, device=picture.device), []
    for at in range(0, draws, work.batch_size):
        empty = background[of[at : at + work.batch_size]]
        share = along[at : at + work.batch_size].reshape(-1, *[1] * picture.ndim)
        change = (picture - empty).double()
        part = change * work.gradient(empty + share * (picture - empty), asked[None])
        maps += part.sum(dim=(0, 1))
        sums.append(part.flatten(1).sum(dim=1))
    spread = torch.cat(sums).std(unbiased=True) if draws > 1 else torch.full_like(score, torch.nan)
    return maps / draws, work.scores(background, asked[None]).mean(), spread / draws**0.5


def backgrounds(work: Work, pictures: Tensor) -> list[Tensor]:
    """Background of each picture: its own named baseline, or the given pictures for all."""
    given = baseline_pictures(pictures, work.baseline)
    return [one[None] for one in given] if isinstance(work.baseline, str) else [given] * len(pictures)


def _layer_slope(
    work: Work, pictures: Tensor, empty: Tensor, asked: Tensor, nodes: list[float], shares: list[float]
) -> Tensor | None:
    """Contributions of a layer's activations; ``None`` without a layer."""
    if work.layer is None:
        return None
    with torch.no_grad(), tapped(work.layer) as seen:
        work.subject.forward(pictures)
        here = seen[0]
        work.subject.forward(empty)
        there = seen[0]
    slope = torch.zeros_like(here, dtype=torch.float64)
    for node, share in zip(nodes, shares):
        at = (there + node * (here - there)).requires_grad_()
        # Whatever the layer would have put out, the rest of the network gets the point on the path.
        hook = work.layer.register_forward_hook(lambda _layer, _inputs, _output, at=at: at.clone())
        try:
            answer = work.score(pictures, asked)
        finally:
            hook.remove()
        (gradient,) = torch.autograd.grad(answer.sum(), at)
        slope += share * gradient.double()
    return slope * (here - there).double()


def _gauss_legendre(steps: int) -> tuple[list[float], list[float]]:
    """Nodes in 0-1 and their weights, which sum to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return ((nodes + 1) / 2).tolist(), (weights / 2).tolist()
