"""Momentum contrast: a query encoder, its slow copy that makes the keys, and the queue of earlier keys.

One step, in the order of the published code [1]_: encode the queries; move the key encoder towards the query
encoder (its parameters, not the buffers of its normalisation); encode the keys, shuffled; compare. The queue
takes the new keys after the backward pass.

References
----------
.. [1] He et al. (2020), Momentum Contrast, CVPR; Chen et al. (2020), arXiv 2003.04297 (MLP head).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import headless
from geolivelihood.pretraining.contrast import Logits, contrast_logits, info_nce, ml_cpc
from geolivelihood.pretraining.geography import GeoHead, geo_loss
from geolivelihood.pretraining.queue import KeyQueue, Origin
from geolivelihood.pretraining.split_norm import (
    SplitBatchNorm2d,
    gathered,
    group_norm,
    key_order,
    processes,
    routed,
    split_norm,
)

__all__ = ["Encoder", "MoCo", "MoCoStep", "follow"]

Norm = Literal["split", "group", "batch"]
Within = Literal["place", "cell"] | float | None


class Encoder(nn.Module):
    """A backbone and its head: Linear, ReLU, Linear.

    Parameters
    ----------
    backbone
        From pictures (n, bands, size, size) to features (n, features).
    features
        Length of the features.
    dim
        Length of what the head returns, the space of queries and keys.
    """

    def __init__(self, backbone: nn.Module, features: int, *, dim: int = 128) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, dim))

    @classmethod
    def of(
        cls,
        network: str | nn.Module,
        *,
        size: int = 224,
        bands: int = 3,
        dim: int = 128,
        norm: Norm = "split",
        seed: int = 0,
    ) -> Encoder:
        """An encoder of a torchvision network by its name, or of any headless network.

        Parameters
        ----------
        network
            One of :func:`geolivelihood.features.backbones.backbone_names`, or a network that turns pictures
            into features (n, d).
        size, bands
            Side in pixels, and bands, of the pictures.
        dim
            Length of queries and keys.
        norm
            ``"split"``: batch normalisation in groups. ``"group"``: group normalisation. ``"batch"``: as it
            is, which on one device lets queries and keys leak into each other.
        seed
            Of the weights of the head, and of a network given by name.

        Raises
        ------
        InputError
            If the network does not turn such pictures into vectors, or an option is unknown.
        """
        if norm not in ("split", "group", "batch"):
            msg = f"norm={norm!r}: choose 'split', 'group' or 'batch'."
            raise InputError(msg)
        if isinstance(network, str):
            network, features = headless(network, size=size, seed=seed, bands=bands)
        else:
            features = _features(network, bands, size)
        if norm != "batch":
            network = group_norm(network) if norm == "group" else split_norm(network, groups=1)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return cls(network, features, dim=dim)

    def forward(self, pictures: Tensor) -> Tensor:
        """Vectors (n, dim), not normalised, of pictures (n, bands, size, size)."""
        return self.head(self.backbone(pictures))


class MoCoStep(NamedTuple):
    """What one step came to.

    Attributes
    ----------
    loss
        One number, with gradient.
    contrast, geo, geo_accuracy
        Its parts, and the share of right classes; ``geo`` is ``None`` without geography.
    logits
        Of the query view.
    keys, origin
        Of all processes, to be written into the queue after the backward pass.
    """

    loss: Tensor
    contrast: Tensor
    geo: Tensor | None
    geo_accuracy: Tensor | None
    logits: Logits
    keys: Tensor
    origin: Origin


class MoCo(nn.Module):
    """Momentum contrast as a module that knows nothing of trainers.

    Parameters
    ----------
    encoder
        Query encoder; the key encoder starts as its copy.
    dim
        Length of queries and keys.
    queue_size
        Number of negatives, K; a multiple of the global batch.
    momentum
        m of θ_k ← m θ_k + (1 - m) θ_q.
    temperature
        By which cosines are divided.
    within
        Which keys are no negatives, see :meth:`~geolivelihood.pretraining.queue.KeyQueue.excluded`.
    symmetric
        Let each view be query and key once; the loss is the mean of both.
    objective
        ``"info_nce"``, or ``"ml_cpc"`` (one process only).
    classes
        Number of classes of geography at each level; ``()`` for none.
    smoothing
        Distributions over classes, see :func:`~geolivelihood.pretraining.geography.geo_loss`.
    geo_weight
        Weight of the loss of geography beside that of contrast.
    seed
        Of the first queue, the geography head, and the shuffling of the keys.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        dim: int = 128,
        queue_size: int = 4096,
        momentum: float = 0.99,
        temperature: float = 0.1,
        within: Within = "place",
        symmetric: bool = False,
        objective: Literal["info_nce", "ml_cpc"] = "info_nce",
        classes: Sequence[int] = (),
        smoothing: Sequence[Tensor] | None = None,
        geo_weight: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check_settings(momentum, temperature, within, objective, geo_weight)
        self.encoder_q = encoder
        self.encoder_k = copy.deepcopy(encoder).requires_grad_(False)
        self.queue = KeyQueue(queue_size, dim, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.geo_head = GeoHead(dim, classes) if classes else None
        self.momentum, self.temperature, self.within = momentum, temperature, within
        self.symmetric, self.objective, self.geo_weight, self.seed = symmetric, objective, geo_weight, seed
        self._smoothed = smoothing is not None
        for level, weights in enumerate(smoothing or ()):
            self.register_buffer(f"smoothing_{level}", weights, persistent=False)

    def share_norm(self, groups: int) -> None:
        """Let batch normalisation in groups have so many of them in this process."""
        for module in self.modules():
            if isinstance(module, SplitBatchNorm2d):
                module.groups = groups

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        *,
        query_origin: Origin,
        key_origin: Origin,
        geo: Tensor | None = None,
        step: int = 0,
        alpha: float = 1.0,
    ) -> MoCoStep:
        """One step up to the loss; the queue is left as it is.

        Parameters
        ----------
        query, key
            This process's share of the batch, each (n, bands, size, size).
        query_origin, key_origin
            Where queries and keys come from, those of all processes.
        geo
            Classes of the queries, int64 (n, levels).
        step
            Number of the step, which draws the order of the keys.
        alpha
            Of ``"ml_cpc"``.
        """
        vectors = [self.encoder_q(query)]
        if self.symmetric:
            vectors.append(self.encoder_q(key))
        follow(self.encoder_k, self.encoder_q, momentum=self.momentum)
        keys = [self.keys(key, step=step)]
        if self.symmetric:
            keys.append(self.keys(query, step=step, stream=1))
        origins = [query_origin, key_origin][: len(keys)]
        logits = [self._logits(*each) for each in zip(vectors, keys, origins)]
        loss = contrast = torch.stack([self._contrast(each, alpha) for each in logits]).mean()
        place, accuracy = None, None
        if self.geo_head is not None and geo is not None:
            place, accuracy = self._geography(self.geo_head, vectors, geo)
            loss = contrast + self.geo_weight * place
        written = [key_origin, query_origin][: len(keys)]
        origin = Origin(*(torch.cat(values) for values in zip(*written)))
        return MoCoStep(loss, contrast, place, accuracy, logits[0], torch.cat(keys), origin)

    def _logits(self, vectors: Tensor, keys: Tensor, origin: Origin) -> Logits:
        """Logits of this process's queries, of keys and origins of all processes."""
        rank, _ = processes()
        mine = slice(rank * len(vectors), (rank + 1) * len(vectors))
        return contrast_logits(
            _unit(vectors),
            keys[mine],
            self.queue.keys,
            temperature=self.temperature,
            excluded=self.queue.excluded(origin.at(mine), within=self.within),
        )

    @torch.no_grad()
    def keys(self, pictures: Tensor, *, step: int, stream: int = 0) -> Tensor:
        """Keys of all processes, unit vectors in the order of the batch, normalised in shuffled groups."""
        _, world = processes()
        order = key_order(world * len(pictures), seed=self.seed, step=step, stream=stream)
        shuffled = routed(pictures, order)
        if pictures.is_contiguous(memory_format=torch.channels_last):
            shuffled = shuffled.contiguous(memory_format=torch.channels_last)
        return gathered(_unit(self.encoder_k(shuffled)), order)

    def _contrast(self, logits: Logits, alpha: float) -> Tensor:
        return info_nce(logits).mean() if self.objective == "info_nce" else ml_cpc(logits, alpha=alpha)

    def _geography(self, head: GeoHead, vectors: Sequence[Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        soft = [getattr(self, f"smoothing_{k}") for k in range(labels.shape[1])] if self._smoothed else None
        losses, accuracies = zip(*(geo_loss(head(vector), labels, soft) for vector in vectors))
        return torch.stack(losses).mean(), torch.stack(accuracies).mean()


@torch.no_grad()
def follow(slow: nn.Module, fast: nn.Module, *, momentum: float) -> None:
    """Move the parameters of one network towards another: θ ← m θ + (1 - m) θ', all in one call.

    Buffers stay: averaging those of batch normalisation is another method.
    """
    torch._foreach_lerp_(list(slow.parameters()), list(fast.parameters()), 1 - momentum)


def _unit(vectors: Tensor) -> Tensor:
    """Unit vectors, at least float32 also inside autocast."""
    values = vectors if vectors.dtype == torch.float64 else vectors.float()
    return functional.normalize(values, dim=1)


def _features(network: nn.Module, bands: int, size: int) -> int:
    training = network.training
    first = next((p for p in network.parameters()), torch.zeros(0))
    try:
        with torch.inference_mode():
            probe = torch.zeros(1, bands, size, size, dtype=first.dtype, device=first.device)
            found = network.eval()(probe)
    except RuntimeError as error:
        msg = f"The network does not take pictures of {bands} bands and {size} x {size} pixels: {error}"
        raise InputError(msg) from error
    finally:
        network.train(training)
    if found.ndim != 2:
        msg = (
            f"The network returns shape {tuple(found.shape)} for one picture; it must be (1, features). Cut "
            "its head off and pool, or give a name from backbone_names()."
        )
        raise InputError(msg)
    return int(found.shape[1])


def _check_settings(
    momentum: float, temperature: float, within: Within, objective: str, geo_weight: float
) -> None:
    if not 0 <= momentum <= 1 or not temperature > 0 or geo_weight < 0:
        msg = (
            f"momentum={momentum}, temperature={temperature}, geo_weight={geo_weight}: the momentum lies in "
            "[0, 1], the temperature above 0, the weight is 0 or more."
        )
        raise InputError(msg)
    if isinstance(within, str) and within not in ("place", "cell"):
        msg = f"within={within!r}: choose 'place', 'cell', a radius in metres, or None."
        raise InputError(msg)
    if isinstance(within, int | float) and not within > 0:
        msg = f"within={within}: a radius in metres is above 0; within=None excludes nothing."
        raise InputError(msg)
    if objective not in ("info_nce", "ml_cpc"):
        msg = f"objective={objective!r}: choose 'info_nce' or 'ml_cpc'."
        raise InputError(msg)
