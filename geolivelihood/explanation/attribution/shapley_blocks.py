"""Shapley values of blocks of the picture: shares that are fair whatever the network is made of."""

from __future__ import annotations

from math import comb

import numpy as np
import torch
from torch import Tensor

from geolivelihood.explanation.attribution.gradients import backgrounds
from geolivelihood.explanation.attribution.occlusion import blocks
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["shapley_blocks"]

# 2^10 subsets of a picture and of each background
_EXACT = 10


def shapley_blocks(work: Work, pictures: Tensor) -> Parts:
    """Interventional Shapley values [1]_ of blocks of ``patch`` pixels over a background.

    Up to ten blocks all subsets are scored, and the values are exact. More are drawn: ``samples``
    permutations, each also backwards and each background equally often, which keeps the sum exact. Every
    permutation costs a forward pass per block.

    References
    ----------
    .. [1] Štrumbelj and Kononenko (2014), Explaining prediction models and individual predictions with
       feature contributions, Knowledge and Information Systems 41; Mitchell et al. (2022), Sampling
       permutations for Shapley value estimation, JMLR 23.
    """
    asked, total = work.asked(pictures)
    place, shape = blocks(pictures, work.patch)
    count = shape[0] * shape[1]
    maps, intercept = [], []
    # One picture at a time: its subsets already make batches.
    for number, (picture, background, row) in enumerate(zip(pictures, backgrounds(work, pictures), asked)):
        if count <= _EXACT:
            values = _exact(work, picture, background, row[None], place, count)
        else:
            seed = [work.seed, work.first + number]
            values = _sampled(work, picture, background, row[None], place, count, seed)
        maps.append(values.reshape(shape))
        intercept.append(work.scores(background, row[None]).mean())
    return Parts(torch.stack(maps), torch.stack(intercept), total)


def _exact(work: Work, picture: Tensor, background: Tensor, asked: Tensor, place: Tensor, n: int) -> Tensor:
    """Σ over subsets S without i of |S|!(n−|S|−1)!/n! (v(S + i) − v(S))."""
    number = torch.arange(2**n, device=picture.device)
    inside = (number[:, None] >> torch.arange(n, device=picture.device)) & 1 == 1
    value = torch.stack([_scored(work, picture, empty, inside, asked, place) for empty in background]).mean(0)
    size = inside.sum(dim=1)
    share = torch.tensor([1 / (n * comb(n - 1, k)) for k in range(n)], dtype=torch.float64).to(value)
    found = torch.empty(n, dtype=torch.float64, device=picture.device)
    for i in range(n):
        without = number[~inside[:, i]]
        found[i] = (share[size[without]] * (value[without + 2**i] - value[without])).sum()
    return found


def _sampled(
    work: Work, picture: Tensor, background: Tensor, asked: Tensor, place: Tensor, n: int, seed: list[int]
) -> Tensor:
    """Mean change of the score as each block is added, over permutations there and back."""
    rng = np.random.default_rng(seed)
    draws = -(-work.samples // len(background)) * len(background)
    found = torch.zeros(n, dtype=torch.float64, device=picture.device)
    for draw in range(draws):
        order = torch.from_numpy(rng.permutation(n)).to(picture.device)
        for way in (order, order.flip(0)):
            rank = torch.empty_like(way)
            rank[way] = torch.arange(n, device=picture.device)
            inside = rank < torch.arange(n + 1, device=picture.device)[:, None]
            value = _scored(work, picture, background[draw % len(background)], inside, asked, place)
            found[way] += value.diff() / (2 * draws)
    return found


def _scored(
    work: Work, picture: Tensor, empty: Tensor, inside: Tensor, asked: Tensor, place: Tensor
) -> Tensor:
    """Scores of a picture that is there in some blocks (m, n) and the background elsewhere."""
    parts = [
        work.scores(torch.where(part[:, place][:, None], picture, empty), asked)
        for part in inside.split(work.batch_size)
    ]
    return torch.cat(parts)
