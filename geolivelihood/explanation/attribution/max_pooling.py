"""How much of the way from one picture to another each pixel is the largest of its window."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["pooling_slope"]


def pooling_slope(
    here: Tensor,
    there: Tensor,
    grad: Tensor,
    *,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
) -> Tensor:
    """Mean gradient of max-pooling along the straight way between two inputs, exactly.

    Along the way every value is a line, and the maximum of a window their upper envelope: each pixel's share
    is the length of the piece on which its line is the highest. Shares times changes sum to the change of the
    maximum, also where windows overlap.

    Parameters
    ----------
    here, there
        End and beginning of the way, shape (n, channels, height, width).
    grad
        Gradient at the pooled output.
    kernel, stride, padding
        Of the pooling, down and across.

    Returns
    -------
    torch.Tensor
        As ``here``.
    """
    n, channels, height, width = here.shape
    floor = float(torch.minimum(here.min(), there.min())) - 1
    down, across = padding
    begin, end = (
        functional.unfold(
            functional.pad(values, (across, across, down, down), value=floor), kernel, stride=stride
        ).reshape(n, channels, kernel[0] * kernel[1], -1)
        for values in (there, here)
    )
    share = _time_on_top(begin.double(), (end - begin).double()).to(grad)
    passed = (share * grad.reshape(n, channels, 1, -1)).reshape(n, -1, share.shape[-1])
    padded = (height + 2 * down, width + 2 * across)
    folded = functional.fold(passed, padded, kernel, stride=stride)
    return folded[:, :, down : down + height, across : across + width]


def _time_on_top(begin: Tensor, change: Tensor) -> Tensor:
    """Share of t in 0-1 for which ``begin + t * change`` is the largest of its window (ties: the first)."""
    shares = torch.empty_like(begin)
    # A loop over the few places of a window: all pairs at once would take its size times the memory.
    for i in range(begin.shape[2]):
        ahead = begin[:, :, i : i + 1] - begin
        faster = change[:, :, i : i + 1] - change
        crossing = -ahead / torch.where(faster == 0, 1.0, faster)
        low = torch.where(faster > 0, crossing, 0.0).amax(dim=2).clamp_min(0)
        high = torch.where(faster < 0, crossing, 1.0).amin(dim=2).clamp_max(1)
        beaten = (faster == 0) & (ahead < 0)
        beaten[:, :, :i] |= (faster == 0)[:, :, :i] & (ahead == 0)[:, :, :i]
        shares[:, :, i] = (high - low).clamp_min(0) * ~beaten.any(dim=2)
    return shares
