"""Occlusion: how much the score falls when a block of the picture is hidden."""

from __future__ import annotations

import torch
from torch import Tensor

from geolivelihood.explanation.attribution.baselines import baseline_pictures
from geolivelihood.explanation.attribution.work import Parts, Work

__all__ = ["blocks", "occlusion"]


def occlusion(work: Work, pictures: Tensor) -> Parts:
    """Score less the score without each block of ``patch`` pixels [1]_, replaced by the baseline.

    Blocks do not overlap; those at the right and lower edge may be cut. The intercept is the score of the
    baseline: what interaction between blocks adds or hides is in the residual.

    References
    ----------
    .. [1] Zeiler and Fergus (2014), Visualizing and understanding convolutional networks, ECCV.
    """
    asked, total = work.asked(pictures)
    empty = baseline_pictures(pictures, work.baseline).expand_as(pictures)
    block, (rows, columns) = blocks(pictures, work.patch)
    left = []
    # A loop over pictures and over batches of blocks: all hidden pictures at once would not fit in memory.
    for picture, other, ask in zip(pictures, empty, asked):
        for at in range(0, rows * columns, work.batch_size):
            hidden = torch.arange(at, min(at + work.batch_size, rows * columns), device=pictures.device)
            mask = (block == hidden[:, None, None])[:, None]
            left.append(work.scores(torch.where(mask, other, picture), ask[None]))
    without = torch.cat(left).reshape(len(pictures), rows, columns)
    return Parts(total[:, None, None] - without, work.scores(empty, asked), total)


def blocks(pictures: Tensor, patch: int) -> tuple[Tensor, tuple[int, int]]:
    """Block (flat, row by row) of each pixel, shape (height, width), and rows and columns of blocks."""
    height, width = (int(side) for side in pictures.shape[2:])
    rows, columns = -(-height // patch), -(-width // patch)
    row = torch.arange(height, device=pictures.device) // patch
    column = torch.arange(width, device=pictures.device) // patch
    return row[:, None] * columns + column[None], (rows, columns)
