"""MoCo-v2 on places for Lightning: plain, with temporal positives, with geography, with both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from geolivelihood.errors import InputError
from geolivelihood.pretraining.contrast import alpha_at, rank_accuracy, top_n
from geolivelihood.pretraining.geography import GeoLabels
from geolivelihood.pretraining.moco import Encoder, MoCo, MoCoStep, Norm, Within
from geolivelihood.pretraining.queue import KeyQueue, Origin, check_queue_size, fitted_queue_size
from geolivelihood.pretraining.schedules import Optimisation
from geolivelihood.pretraining.split_norm import average_statistics, gathered, processes

if TYPE_CHECKING:
    from geolivelihood.pretraining.views import ViewBatch, Views

__all__ = ["MoCoModule"]


class MoCoModule(pl.LightningModule):
    """The four variants of MoCo-v2 on places [1]_ as two switches.

    Temporal positives are a matter of the pairs (:class:`~geolivelihood.pretraining.pairs.PlacePairs`);
    geography is a second loss on the same features. What a process does depends on the seed and the step
    alone, so that one process with a batch of n equals several with n together, if ``bn_groups`` is a
    multiple of their number.

    Parameters
    ----------
    network
        Name of a torchvision network (``"resnet50"``), or a network from pictures to features (n, d).
    origin
        Where the pictures come from, one entry per row of the images table; ``None`` if it is not known, and
        nothing can then be kept from the negatives.
    temporal
        Whether the pairs are of different dates: told in the card, and checked against the pairs.
    geo
        Classes of the pictures to be predicted; ``None`` without geography.
    size, bands
        Side in pixels, and bands, of the views.
    dim, queue_size, momentum, temperature, within, symmetric, objective, geo_weight
        As in :class:`~geolivelihood.pretraining.moco.MoCo`. ``queue_size`` is reduced by :meth:`check` where
        the places are fewer, unless ``paper``.
    alphas
        First and last α of ``"ml_cpc"``, which falls geometrically over the training.
    norm
        ``"split"``, ``"group"`` or ``"batch"``, as in :meth:`~geolivelihood.pretraining.moco.Encoder.of`.
    bn_groups
        Into how many groups the global batch is split for batch normalisation, over all processes.
    paper
        Keep settings as published where they are known to be wrong for the data.
    optimisation
        How the network is optimised.
    metrics_every
        Steps between two measurements of accuracies; they cost a pass over all logits.
    channels_last
        Memory layout in which convolutions are fast.
    seed
        Of weights, queue and shuffling.

    Attributes
    ----------
    backbone
        What is kept when the training is over: the query encoder without its head.
    moco
        Encoders, queue and geography head.

    Raises
    ------
    InputError
        If an option is out of range or does not fit the network.

    References
    ----------
    .. [1] Ayush et al. (2021), Geography-Aware Self-Supervised Learning, ICCV.
    """

    geo_labels: Tensor | None

    def __init__(
        self,
        network: str | nn.Module,
        *,
        origin: Origin | None = None,
        temporal: bool = False,
        geo: GeoLabels | None = None,
        size: int = 224,
        bands: int = 3,
        dim: int = 128,
        queue_size: int = 4096,
        momentum: float = 0.99,
        temperature: float = 0.1,
        within: Within = "place",
        symmetric: bool = False,
        objective: Literal["info_nce", "ml_cpc"] = "info_nce",
        alphas: tuple[float, float] = (1.0, 1.0),
        geo_weight: float = 1.0,
        norm: Norm = "split",
        bn_groups: int = 8,
        paper: bool = False,
        optimisation: Optimisation | None = None,
        metrics_every: int = 10,
        channels_last: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if bn_groups < 1 or metrics_every < 1:
            msg = f"bn_groups={bn_groups}, metrics_every={metrics_every}: both must be at least 1."
            raise InputError(msg)
        encoder = Encoder.of(network, size=size, bands=bands, dim=dim, norm=norm, seed=seed)
        smoothing = None if geo is None else geo.smoothing()
        kind = next(encoder.parameters()).dtype
        self.moco = MoCo(
            encoder,
            dim=dim,
            queue_size=queue_size,
            momentum=momentum,
            temperature=temperature,
            within=within,
            symmetric=symmetric,
            objective=objective,
            classes=() if geo is None else geo.classes,
            smoothing=None if smoothing is None else [torch.as_tensor(w, dtype=kind) for w in smoothing],
            geo_weight=geo_weight,
            seed=seed,
        )
        if channels_last:
            self.moco.to(memory_format=torch.channels_last)
        self.temporal, self.geo, self.alphas = temporal, geo, alphas
        self.norm, self.bn_groups, self.paper = norm, bn_groups, paper
        self.optimisation = optimisation or Optimisation()
        self.metrics_every, self.channels_last = metrics_every, channels_last
        self._network = {
            "architecture": network if isinstance(network, str) else type(network).__name__,
            "size": size,
            "bands": bands,
            "dim": dim,
            "seed": seed,
        }
        # what belongs to the table of images is not saved with the weights
        for name, values in (origin or Origin.of(0))._asdict().items():
            self.register_buffer(f"origin_{name}", values, persistent=False)
        labels = None if geo is None else torch.from_numpy(geo.labels)
        self.register_buffer("geo_labels", labels, persistent=False)
        self._done: MoCoStep | None = None
        self._steps_per_epoch: int | None = None

    @property
    def backbone(self) -> nn.Module:
        """The query encoder without its head, as it stands."""
        return self.moco.encoder_q.backbone

    @property
    def queue(self) -> KeyQueue:
        """Keys of earlier steps."""
        return self.moco.queue

    def check(self, views: Views) -> None:
        """Refuse what cannot work before the first step, and fit the queue to the data.

        Parameters
        ----------
        views
            What the training will see.

        Raises
        ------
        InputError
            If the queue is no multiple of the global batch; groups do not divide it, or would hold one
            picture; origins or classes are not one per picture; all pictures come from one place; or the
            pairs are not what ``temporal`` says.
        """
        rows, batch = len(views.images), views.batch_size
        # asking the trainer for it would start the views, and a resumed epoch from its beginning
        self._steps_per_epoch = len(views)
        self._check_rows(rows)
        self._check_pairs(views)
        self._check_norm(batch)
        if not views.drop_last:
            msg = "A last, smaller batch does not fill the queue evenly: give Views(..., drop_last=True)."
            raise InputError(msg)
        keys = batch * (2 if self.moco.symmetric else 1)
        size = fitted_queue_size(self.queue.size, batch=keys, places=self._places(rows), paper=self.paper)
        if size != self.queue.size:
            seed, dim = self.moco.seed, self.queue.keys.shape[1]
            self.moco.queue = KeyQueue(size, dim, seed=seed).to(self.queue.keys.device)

    def _check_rows(self, rows: int) -> None:
        told = {"origin": len(self._origin.place) or None}
        told["geo"] = None if self.geo is None else len(self.geo.labels)
        for name, known in told.items():
            if known is not None and known != rows:
                msg = (
                    f"{name} covers {known} pictures, but the table of images has {rows} rows: make it from "
                    "the same table."
                )
                raise InputError(msg)

    def _check_pairs(self, views: Views) -> None:
        share = getattr(views.pairs, "real_share", None)
        if share is None or self.temporal == (share > 0):
            return
        if self.temporal:
            msg = (
                "temporal=True, but no place has two pictures that may be paired: every key would be its own "
                "query. Loosen the gaps, or train with temporal=False."
            )
        else:
            msg = (
                f"temporal=False, but {share:.0%} of the pairs are of different pictures. Give "
                "temporal=True, or PlacePairs(..., temporal=False)."
            )
        raise InputError(msg)

    def _check_norm(self, batch: int) -> None:
        if self.norm == "split" and (batch % self.bn_groups or batch // self.bn_groups < 2):
            fitting = [g for g in range(1, batch // 2 + 1) if batch % g == 0 and g <= self.bn_groups]
            what = f"Choose bn_groups={fitting[-1]}" if fitting else "Give a batch of at least 2 pictures"
            msg = (
                f"A batch of {batch} pictures cannot be normalised in bn_groups={self.bn_groups} groups of "
                f"two or more. {what}, or norm='group'."
            )
            raise InputError(msg)

    def _places(self, rows: int) -> int:
        """Number of distinct places; a picture of no place is one."""
        place = self._origin.place
        if not len(place):
            return rows
        return len(torch.unique(place[place >= 0])) + int((place < 0).sum())

    @property
    def _origin(self) -> Origin:
        return Origin(*(getattr(self, f"origin_{name}") for name in Origin._fields))

    def setup(self, stage: str) -> None:
        """Give each process its share of the groups."""
        _, world = processes()
        if self.norm == "split" and self.bn_groups % world and world > 1:
            msg = (
                f"bn_groups={self.bn_groups} cannot be shared by {world} processes: choose a multiple of "
                f"{world}."
            )
            raise InputError(msg)
        if self.moco.objective == "ml_cpc" and world > 1:
            msg = f"objective='ml_cpc' has one softmax over the whole batch: use 1 process, not {world}."
            raise InputError(msg)
        self.moco.share_norm(self.bn_groups // world)

    def training_step(self, batch: ViewBatch, index: int) -> Tensor:
        """Loss of one share of a global batch."""
        query, key, position, key_position = batch
        if self.channels_last:
            query, key = (v.contiguous(memory_format=torch.channels_last) for v in (query, key))
        _, world = processes()
        check_queue_size(self.queue.size, world * len(query) * (2 if self.moco.symmetric else 1))
        self._done = self.moco(
            query,
            key,
            query_origin=self._origin_of(gathered(position)),
            key_origin=self._origin_of(gathered(key_position)),
            geo=None if self.geo_labels is None else self.geo_labels[position],
            step=self.global_step,
            alpha=self._alpha(),
        )
        self._tell(self._done, index, several=world > 1)
        return self._done.loss

    def _origin_of(self, position: Tensor) -> Origin:
        if len(self._origin.place):
            return self._origin.at(position)
        return Origin.of(len(position)).to(position.device)

    def _alpha(self) -> float:
        first, last = self.alphas
        if first == last:
            return first
        epochs = max(int(self.trainer.max_epochs or 1), 1)
        return alpha_at(self.current_epoch, epochs=epochs, alpha=first, lowest=last)

    def _tell(self, done: MoCoStep, index: int, *, several: bool) -> None:
        values = {"pretrain/loss": done.loss.detach()}
        if done.geo is not None and done.geo_accuracy is not None:
            values |= {
                "pretrain/contrast": done.contrast.detach(),
                "pretrain/geo": done.geo.detach(),
                "pretrain/geo_acc1": done.geo_accuracy,
            }
        if index % self.metrics_every == 0:
            with torch.no_grad():
                values |= {
                    "pretrain/acc1": rank_accuracy(done.logits),
                    "pretrain/acc5": rank_accuracy(done.logits, first=5),
                    "pretrain/top_n": top_n(done.logits),
                }
        self.log_dict(values, batch_size=len(done.logits.positive), sync_dist=several)

    def on_after_backward(self) -> None:
        """Write the keys into the queue, which the backward pass needed as it was."""
        if self._done is not None:
            self.queue.enqueue(self._done.keys, self._done.origin)
            self._done = None

    def before_saving(self) -> None:
        """Give every process the running statistics of all; all processes must call it."""
        average_statistics(self.moco)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the running statistics of all processes; the tensors in the checkpoint are these."""
        self.before_saving()

    def on_validation_start(self) -> None:
        """Validate by the running statistics of all processes."""
        self.before_saving()

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule of the query encoder and the geography head."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        epochs = max(int(self.trainer.max_epochs or 1), 1)
        if self._steps_per_epoch is None:
            self._steps_per_epoch = max(int(self.trainer.estimated_stepping_batches) // epochs, 1)
        return self.optimisation.configure(trained, epochs=epochs, steps_per_epoch=self._steps_per_epoch)

    def settings(self) -> dict[str, Any]:
        """What a resumed training must find unchanged."""
        return self.card()

    def card(self) -> dict[str, Any]:
        """What was trained and how, as JSON; temperature and centroids belong to it."""
        moco = self.moco
        name = "MoCo-v2" + "+Geo" * (self.geo is not None) + "+TP" * self.temporal
        contrast = {name: getattr(moco, name) for name in ("momentum", "temperature", "within", "symmetric")}
        warning = (
            "learned to ignore change between dates: not for change detection" if self.temporal else None
        )
        return {
            "method": name,
            **self._network,
            "temporal": self.temporal,
            "geo": None if self.geo is None else self.geo.card() | {"weight": moco.geo_weight},
            "queue_size": self.queue.size,
            **contrast,
            "objective": moco.objective,
            "alphas": list(self.alphas) if moco.objective == "ml_cpc" else None,
            "norm": self.norm,
            "bn_groups": self.bn_groups if self.norm == "split" else None,
            "paper": self.paper,
            "note": warning,
        }
