"""Rank-N-Contrast: a loss that orders an embedding by a continuous outcome, without the n³ of its formula."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from geolivelihood.errors import InputError

__all__ = ["gather_ranks", "label_distances", "rank_n_contrast_loss"]

# Squared distances below this share of the squared norms are computed anew from differences: 2⁻⁵² / 1e-6
# leaves nine digits of the others.
_CLOSE = 1e-6
# e^±600 and its sums are within float64; farther features are summed as logarithms, which takes longer.
_SPAN = 600.0
_ROWS = 32  # whose intermediate values stay in a core's cache


def rank_n_contrast_loss(
    features: Tensor,
    labels: Tensor,
    *,
    temperature: float = 2.0,
    tolerance: float = 0.0,
    across_ranks: bool = False,
) -> Tensor:
    """How far the distances between features are from the order of the distances between labels.

    With s_ij = −‖v_i − v_j‖₂, d_ij = Σ_c |y_ic − y_jc| and S_ij = {k ≠ i : d_ik ≥ d_ij − tolerance}, the
    pictures whose labels are at least as far from i as that of j, the loss is [1]_

    L = −1/(n(n−1)) Σ_i Σ_{j≠i} ln( e^{s_ij/τ} / Σ_{k∈S_ij} e^{s_ik/τ} ).

    Sorted by d_i descending, every S_ij is the beginning of row i up to the end of j's ties, so one
    cumulative sum per row serves all j: O(n² log n + n²·d) time and O(n²) memory, forwards and backwards,
    where the formula as it stands takes O(n³) of both. The gradient is that of the formula, and 0 between
    equal features.

    Parameters
    ----------
    features
        (n, d), or (views, n, d) of several views of the same n pictures; they are neither projected nor
        normalised. Of any floating type: distances and sums are float64, under autocast too.
    labels
        (n,) or (n, targets), finite, without gradient. Targets of different units must be standardised.
    temperature
        τ, above 0.
    tolerance
        Label distances that exceed another's by no more than this count as tied with it.
    across_ranks
        Rank against the rows of all processes of the default group, as many in each. Every process returns
        the same loss; the gradients flow back to where the features came from, summed over the processes,
        which DDP averages: parameters move as they would in one process.

    Returns
    -------
    Tensor
        The loss, a scalar of the features' type (float32 at least).

    Raises
    ------
    InputError
        If there are fewer than two rows, the lengths differ, a label is not finite, or an option is out of
        its range.

    References
    ----------
    .. [1] Zha et al. (2023), "Rank-N-Contrast", NeurIPS, arXiv:2210.01189.

    Examples
    --------
    >>> features = torch.tensor([[0.0], [300.0], [650.0], [1000.0]])
    >>> float(rank_n_contrast_loss(features, torch.tensor([0, 1, 2, 3])).round(decimals=4))
    2.1989
    """
    _check_options(temperature, tolerance)
    rows, known = _paired(features, labels)
    if across_ranks:
        rows, known = gather_ranks(rows), gather_ranks(known)
    _check_rows(rows, known)
    distances = _Distances.apply(rows.double())
    loss = _RankLoss.apply(distances, known, temperature, tolerance)
    return loss.to(torch.promote_types(features.dtype, torch.float32))


def label_distances(labels: Tensor, others: Tensor | None = None) -> Tensor:
    """Σ_c |y_ic − y_jc| of labels (n, targets) and others (m, targets): (n, m) float64."""
    one = labels.double()
    other = one if others is None else others.double()
    # One target after the other: they are few, and (n, m, targets) would not fit for large n.
    total = (one[:, None, 0] - other[None, :, 0]).abs()
    for target in range(1, one.shape[1]):
        total += (one[:, None, target] - other[None, :, target]).abs()
    return total


def gather_ranks(rows: Tensor) -> Tensor:
    """Rows of all processes in the order of their ranks, with gradient; alone, the rows themselves.

    Parameters
    ----------
    rows
        (n, ...), the same shape in every process.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    return _Gather.apply(rows)


class _Gather(torch.autograd.Function):
    """Concatenation over processes; a row's gradient is the sum over the processes that used it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]


def _check_options(temperature: float, tolerance: float) -> None:
    if not (temperature > 0 and np.isfinite(temperature)):
        msg = f"temperature={temperature}: give a positive number; the published one is 2."
        raise InputError(msg)
    if not (tolerance >= 0 and np.isfinite(tolerance)):
        msg = f"tolerance={tolerance}: give 0 or the label distance below which labels count as tied."
        raise InputError(msg)


def _paired(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Features (rows, d) and labels (rows, targets) float64, the labels repeated for every view."""
    views, flat = (features.shape[0], features.flatten(0, 1)) if features.ndim == 3 else (1, features)
    known = (labels[:, None] if labels.ndim == 1 else labels).detach().to(features.device).double()
    if flat.ndim != 2 or known.ndim != 2 or len(flat) != views * len(known):
        msg = (
            f"features of shape {tuple(features.shape)} and labels of shape {tuple(labels.shape)} do not "
            "fit; give features (n, d) or (views, n, d) and labels (n,) or (n, targets)."
        )
        raise InputError(msg)
    return flat, known.repeat(views, 1)


def _check_rows(rows: Tensor, labels: Tensor) -> None:
    if len(rows) < 2:
        msg = f"Rank-N-Contrast compares pictures with each other: it needs 2 rows, and got {len(rows)}."
        raise InputError(msg)
    if not bool(torch.isfinite(labels).all()):
        bad = int((~torch.isfinite(labels)).any(dim=1).sum())
        msg = f"{bad} of {len(labels)} labels are not finite; leave pictures without a label out."
        raise InputError(msg)


class _Distances(torch.autograd.Function):
    """‖v_i − v_j‖₂ from one matrix product, exact where it would cancel: (n, d) float64 to (n, n).

    ‖v_i‖² + ‖v_j‖² − 2 v_i·v_j loses all digits of the distance of two nearly equal views, and its root has
    no gradient at 0. Such pairs are few, and are taken from the differences.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        centred = features - features.mean(dim=0)
        squares = centred.square().sum(dim=1)
        norms = squares + squares[:, None]
        squared = (centred @ centred.T).mul_(-2).add_(norms)
        close = (squared <= norms.mul_(_CLOSE)).triu_(1).nonzero()
        found = squared.clamp_(min=0).sqrt_()
        found.fill_diagonal_(0)
        for i, j, gap in _gaps(features, close):
            found[i, j] = found[j, i] = gap.square().sum(dim=1).sqrt()
        ctx.save_for_backward(features, centred, found, close)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        features, centred, found, close = ctx.saved_tensors
        pull = (gradient + gradient.T).div_(found).masked_fill_(found == 0, 0)
        apart = pull.clone() if len(close) else pull
        apart[close[:, 0], close[:, 1]] = apart[close[:, 1], close[:, 0]] = 0
        total = apart.sum(dim=1, keepdim=True) * centred - apart @ centred
        for i, j, gap in _gaps(features, close):
            push = gap * pull[i, j, None]
            total.index_add_(0, i, push).index_add_(0, j, push, alpha=-1)
        return total


def _gaps(features: Tensor, pairs: Tensor) -> Any:
    """Pairs and the differences of their features, so many at a time that memory stays at O(n²)."""
    at_once = max(1, len(features) ** 2 // max(1, features.shape[1]))
    for part in pairs.split(at_once) if len(pairs) else ():
        i, j = part.unbind(1)
        yield i, j, features[i] - features[j]


class _Ranking(NamedTuple):
    """What the labels alone say; rows with equal labels share it.

    ``order`` (labels, n): columns by label distance, farthest first. ``closing`` (labels, n): how many
    columns have their last tie at each position. ``row`` (n,): label of each row.
    """

    order: Tensor
    closing: Tensor
    row: Tensor

    @classmethod
    def of(cls, labels: Tensor, tolerance: float) -> _Ranking:
        """Ranking of all rows by the labels (n, targets)."""
        unique, row = labels.unique(dim=0, return_inverse=True)
        nearness = label_distances(unique, labels).neg_()
        order = _argsort(nearness)
        closing = _closing(nearness.gather(1, order), tolerance)
        closing[:, -1] -= 1  # a row does not rank itself, and nothing is nearer to it
        return cls(order, closing, row)


def _argsort(values: Tensor) -> Tensor:
    if values.is_cuda:
        return values.argsort(dim=1)
    # NumPy sorts with the CPU's vector instructions, several times faster.
    return torch.from_numpy(np.argsort(values.numpy(), axis=1))


def _closing(ascending: Tensor, tolerance: float) -> Tensor:
    """How many elements of each row have their last tie at each position."""
    counts = torch.zeros_like(ascending)
    if tolerance:
        ends = torch.searchsorted(ascending, ascending + tolerance, right=True).sub_(1)
        return counts.scatter_add_(1, ends, torch.ones_like(ascending))
    # Without a tolerance the ties of an element are a group; the last of a row ends one.
    last = torch.ones_like(ascending, dtype=torch.bool)
    torch.ne(ascending[:, 1:], ascending[:, :-1], out=last[:, :-1])
    ends = last.flatten().nonzero()[:, 0]
    counts.view(-1)[ends] = ends.diff(prepend=ends.new_tensor([-1])).double()
    return counts


class _RankLoss(torch.autograd.Function):
    """The loss from the distances of features (n, n); its gradient is found on the way."""

    @staticmethod
    def forward(ctx: Any, distances: Tensor, labels: Tensor, temperature: float, tolerance: float) -> Tensor:
        ranking = _Ranking.of(labels, tolerance)
        n = len(distances)
        logits = (distances / -temperature).fill_diagonal_(-torch.inf)
        terms = _terms if distances.amax() <= _SPAN * temperature else _terms_in_logarithms
        total = distances.sum() / temperature
        at_once = n if distances.is_cuda else _ROWS
        for start in range(0, n, at_once):
            rows = slice(start, start + at_once)
            order, closing = (part[ranking.row[rows]] for part in (ranking.order, ranking.closing))
            here = logits[rows]
            part, slope = terms(here.gather(1, order), closing)
            total += part
            here.scatter_(1, order, slope)
        ctx.save_for_backward(logits.mul_(-1 / (temperature * n * (n - 1))).fill_diagonal_(0))
        return total / (n * (n - 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return gradient * slope, None, None, None


def _terms(logits: Tensor, closing: Tensor) -> tuple[Tensor, Tensor]:
    """Σ_j ln Σ_{k∈S_ij} e^{x_k} over sorted logits (rows, n), and d/dx_k of Σ_j (that − x_j).

    The derivative is e^{x_k} Σ_{j: k∈S_ij} 1/Σ_{S_ij} − 1: a second cumulative sum, from the end.
    """
    powers = logits.exp_()
    sums = powers.cumsum(dim=1).clamp_min_(torch.finfo(powers.dtype).tiny)
    shares = _from_the_end(closing / sums, torch.cumsum)
    return closing.flatten() @ sums.log_().flatten(), powers.mul_(shares).sub_(1)


def _terms_in_logarithms(logits: Tensor, closing: Tensor) -> tuple[Tensor, Tensor]:
    """The same where e^x could underflow."""
    # The row itself, −∞, can come first where all labels are tied; nothing closes there.
    sums = logits.logcumsumexp(dim=1).clamp_min_(torch.finfo(logits.dtype).min)
    shares = _from_the_end(closing.log() - sums, torch.logcumsumexp)
    return closing.flatten() @ sums.flatten(), (logits + shares).exp_().sub_(1)


def _from_the_end(values: Tensor, cumulate: Any) -> Tensor:
    return cumulate(values.flip(1), dim=1).flip(1)
