"""The contrastive loss: one positive against a queue of negatives, without ever putting them side by side.

With the positive logit p and the negative logits n the cross-entropy of MoCo is

    -log(eᵖ / (eᵖ + Σ eⁿ)) = -log sigmoid(p - logsumexp(n)),

so the N x (1 + K) matrix that the published code concatenates is not needed, and rounding is that of two
numbers per row.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from geolivelihood.errors import InputError

__all__ = ["Logits", "alpha_at", "contrast_logits", "info_nce", "ml_cpc", "rank_accuracy", "top_n"]


class Logits(NamedTuple):
    """Cosines divided by the temperature.

    Attributes
    ----------
    positive
        Of each query with its key, shape (n,).
    negative
        Of each query with each key of the queue, shape (n, K); where the two are no negatives, the lowest
        number there is, which unlike minus infinity has gradients also where a row holds nothing else.
    """

    positive: Tensor
    negative: Tensor


def contrast_logits(
    query: Tensor, key: Tensor, queue: Tensor, *, temperature: float, excluded: Tensor | None = None
) -> Logits:
    """Logits of queries with their own keys and with those of the queue.

    They are at least float32 also inside autocast: at a temperature of 0.02 a cosine in bfloat16 would be
    off by up to a tenth of a logit.

    Parameters
    ----------
    query, key
        Unit vectors, shape (n, dim); gradients flow into both.
    queue
        Unit vectors of earlier keys, shape (K, dim).
    temperature
        By which cosines are divided: 0.02 in the recipe with geography, 0.07 and 0.2 elsewhere.
    excluded
        Boolean, shape (n, K): pairs that are no negatives, such as two pictures of one place.

    Raises
    ------
    InputError
        If the temperature is not above 0.
    """
    if not temperature > 0:
        msg = f"temperature={temperature}: it must be above 0; 0.02 to 0.2 are usual."
        raise InputError(msg)
    with torch.autocast(query.device.type, enabled=False):
        query, key, queue = (_at_least_single(each) for each in (query, key, queue))
        positive = (query * key).sum(dim=1) / temperature
        # scaling n x dim values costs less than scaling n x K logits
        negative = (query / temperature) @ queue.T
        if excluded is not None:
            negative = negative.masked_fill(excluded, torch.finfo(negative.dtype).min)
    return Logits(positive, negative)


def info_nce(logits: Logits) -> Tensor:
    """Cross-entropy of each query's own key among all keys, shape (n,) [1]_.

    A query whose negatives are all excluded has nothing to be told from: its loss and gradient are 0.

    References
    ----------
    .. [1] He et al. (2020), "Momentum Contrast for Unsupervised Visual Representation Learning", eq. 1.
    """
    # log-sigmoid is exact everywhere; torch's softplus is the identity above 20
    return -functional.logsigmoid(logits.positive - torch.logsumexp(logits.negative, dim=1))


def ml_cpc(logits: Logits, *, alpha: float = 1.0) -> Tensor:
    """Multi-label contrastive prediction: one softmax over the logits of all queries together [1]_.

    With k = K + 1 keys per query, ln α is added to positives and ln β = ln((k - α) / (k - 1)) to negatives;
    the loss is the divergence of 1/n on each of the n positives from the softmax, divided by α.

    Parameters
    ----------
    logits
        Of n queries.
    alpha
        Between 0 and k; 1 leaves the logits as they are, less tightens the bound on mutual information at the
        cost of variance.

    Returns
    -------
    Tensor
        One number.

    Raises
    ------
    InputError
        If ``alpha`` is not between 0 and k.

    References
    ----------
    .. [1] Song & Ermon (2020), "Multi-label Contrastive Predictive Coding", NeurIPS.
    """
    n, others = logits.negative.shape
    if not 0 < alpha < others + 1:
        msg = f"alpha={alpha}: it must lie above 0 and below the {others + 1} keys of a query."
        raise InputError(msg)
    beta = (others + 1 - alpha) / others
    positive = logits.positive + math.log(alpha)
    negative = torch.logsumexp(logits.negative + math.log(beta), dim=(0, 1))
    every = torch.logaddexp(torch.logsumexp(positive, dim=0), negative)
    return (every - positive.mean() - math.log(n)) / alpha


def alpha_at(epoch: float, *, epochs: int, alpha: float, lowest: float) -> float:
    """α of :func:`ml_cpc` that falls geometrically from ``alpha`` to ``lowest`` over a training.

    α(e) = exp((ln α − ln α_low)(1 − e/E) + ln α_low).
    """
    left = 1 - epoch / epochs
    return math.exp((math.log(alpha) - math.log(lowest)) * left + math.log(lowest))


def rank_accuracy(logits: Logits, *, first: int = 1) -> Tensor:
    """Share of queries whose own key is among the ``first`` of all K + 1 keys, as one number in 0-1."""
    ahead = (logits.negative > logits.positive[:, None]).sum(dim=1)
    return (ahead < first).to(logits.positive.dtype).mean()


def top_n(logits: Logits) -> Tensor:
    """Share of the n positives among the n largest of all n (K + 1) logits, as one number in 0-1."""
    n = len(logits.positive)
    every = torch.cat([logits.positive, logits.negative.reshape(-1)])
    largest = every.topk(n).indices
    return (largest < n).to(logits.positive.dtype).mean()


def _at_least_single(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()
