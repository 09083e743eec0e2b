"""Two augmented views of every pair, in batches that depend on nothing but the seed.

Step s of an epoch takes the same slots of the epoch's pairs on one process, on two, or after a restart, and
the randomness of a slot depends on (seed, epoch, slot, view) only. So a run can be split over processes,
killed and resumed, and its batches stay the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from geolivelihood.errors import InputError, MissingColumnError, TooManyRejectedError
from geolivelihood.pretraining.augmentations import Augmentation
from geolivelihood.pretraining.pairs import Pairs, PairSampler
from geolivelihood.pretraining.slots import Slot, Slots, Viewed

__all__ = ["ViewBatch", "Views"]


class ViewBatch(NamedTuple):
    """One rank's share of a batch.

    Attributes
    ----------
    query, key
        (n, bands, size, size) float32, normalised.
    position, key_position
        int64 (n,), rows of the table of images.
    """

    query: Tensor
    key: Tensor
    position: Tensor
    key_position: Tensor


class Views:
    """Batches of two views per pair, for Lightning or any loop; resumable in the middle of an epoch.

    Parameters
    ----------
    images
        ``image_id`` (unique) and ``path``; rows with ``col_off, row_off, width, height`` are windows of
        rasters.
    pairs
        Which pictures belong together, epoch by epoch.
    augmentation
        From picture to view.
    batch_size
        Pairs per step over all processes.
    rank, world_size
        Which share of each batch this process takes; ``None`` asks torch.distributed when iterated.
    workers
        Processes that read and augment; 0 does so in this one. The batches do not depend on it.
    seed
        Of the augmentations.
    root
        Folder that relative paths start from.
    drop_last
        Whether the last, smaller batch of an epoch is left out.
    bands
        Bands of rasters to take, counted from 1.
    value_range
        Values of pictures in physical units that become 0 and 1.
    max_rejected
        Share of the pictures that may be unreadable before the run stops.

    Attributes
    ----------
    images
        The table.
    epoch, step
        What the next iteration begins with: :meth:`set_epoch` goes to the start of an epoch,
        :meth:`load_state_dict` into its middle.

    Raises
    ------
    InputError, MissingColumnError
        If the table is empty, repeats ids or lacks a column, a batch is larger than an epoch, or an option
        is out of range.
    """

    def __init__(
        self,
        images: gpd.GeoDataFrame | pd.DataFrame,
        pairs: PairSampler,
        augmentation: Augmentation,
        *,
        batch_size: int,
        rank: int | None = None,
        world_size: int | None = None,
        workers: int = 0,
        seed: int = 0,
        root: str | os.PathLike[str] | None = None,
        drop_last: bool = True,
        bands: tuple[int, ...] | None = None,
        value_range: tuple[float, float] | None = None,
        max_rejected: float = 0.1,
    ) -> None:
        _check_table(images)
        _check_options(batch_size, workers, max_rejected, value_range)
        self.images, self.pairs, self.augmentation = images, pairs, augmentation
        self.batch_size, self.workers, self.seed = batch_size, workers, seed
        self.rank, self.world_size = rank, world_size
        self.drop_last, self.max_rejected = drop_last, max_rejected
        self.bands, self.value_range = bands, value_range
        self.pairs_per_epoch = len(pairs.epoch(0).query)
        _check_length(self.pairs_per_epoch, batch_size, drop_last=drop_last)
        self._slots = Slots(
            images,
            pairs,
            augmentation,
            seed=seed,
            root=None if root is None else Path(root),
            bands=bands,
            value_range=value_range,
        )
        self._aside: dict[int, str] = {}
        self.epoch, self.step = 0, 0
        self._done = (0, 0)
        if world_size is not None:
            self.share(rank, world_size)

    def __len__(self) -> int:
        """Steps per epoch."""
        whole, rest = divmod(self.pairs_per_epoch, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    @property
    def rejected(self) -> pd.DataFrame:
        """Pictures that this process could not read: ``image_id``, ``reason``."""
        rows = sorted(self._aside)
        ids = self.images["image_id"].iloc[rows].astype("str").to_numpy()
        return pd.DataFrame({"image_id": ids, "reason": [self._aside[row] for row in rows]}, dtype="str")

    def remember(self, rejected: pd.DataFrame) -> None:
        """Set aside what another process, or an earlier run, could not read: ``image_id``, ``reason``."""
        ids = pd.Index(self.images["image_id"].astype("str"))
        rows = ids.get_indexer(rejected["image_id"])
        found = zip(rows.tolist(), rejected["reason"])
        self._aside |= {row: reason for row, reason in found if row >= 0}

    @property
    def sampler(self) -> Views:
        """Itself: Lightning calls ``sampler.set_epoch`` of whatever it iterates."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch; staying in the same one keeps the step to resume at."""
        if epoch != self.epoch:
            self.epoch, self.step = epoch, 0

    def state_dict(self) -> dict[str, int]:
        """How far the last iteration has come: the epoch, and the steps of it that are done."""
        return {"epoch": self._done[0], "step": self._done[1]}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the last step that was done."""
        over, step = divmod(int(state["step"]), len(self))
        self.epoch, self.step = int(state["epoch"]) + over, step
        self._done = (self.epoch, self.step)

    def share(self, rank: int | None = None, world_size: int | None = None) -> tuple[int, int]:
        """Rank and number of processes that count: those given, then those of this object, then torch's.

        Raises
        ------
        InputError
            If batches cannot be cut into equal shares.
        """
        known = torch.distributed.is_available() and torch.distributed.is_initialized()
        rank = self.rank if rank is None else rank
        size = self.world_size if world_size is None else world_size
        if size is None:
            size = torch.distributed.get_world_size() if known else 1
        if rank is None:
            rank = torch.distributed.get_rank() if known and size > 1 else 0
        if not 0 <= rank < size:
            msg = f"rank={rank} of world_size={size}: ranks count from 0."
            raise InputError(msg)
        if self.batch_size % size or (size > 1 and not self.drop_last):
            msg = (
                f"batch_size={self.batch_size} (of all processes together), drop_last={self.drop_last}: "
                f"{size} processes need equal shares. Give a multiple of {size} and drop_last=True."
            )
            raise InputError(msg)
        return rank, size

    def __iter__(self) -> Iterator[ViewBatch]:
        rank, size = self.share()
        # the epoch is read when the first batch is asked for: Lightning makes iterators before it sets it
        return self._batches(rank, size)

    def _batches(self, rank: int, size: int) -> Iterator[ViewBatch]:
        epoch, first = self.epoch, self.step
        self.step = 0
        share = self.batch_size // size
        steps = _Steps(
            self.pairs.epoch(epoch),
            epoch,
            range(first, len(self)),
            batch=self.batch_size,
            share=slice(rank * share, (rank + 1) * share),
        )
        loader: DataLoader[Any] = DataLoader(
            self._slots,
            batch_sampler=steps,
            num_workers=self.workers,
            collate_fn=_collated,
            # else the loader draws from torch's own
            generator=torch.Generator().manual_seed(self.seed),
            pin_memory=torch.cuda.is_available(),
        )
        for step, (batch, aside) in enumerate(loader, start=first):
            self._set_aside(aside)
            self._done = (epoch, step + 1)
            if batch is None:
                raise TooManyRejectedError(self._too_many())
            yield ViewBatch(*batch)

    def _set_aside(self, aside: dict[int, str]) -> None:
        self._aside |= aside
        if len(self._aside) > self.max_rejected * len(self.images):
            raise TooManyRejectedError(self._too_many())

    def _too_many(self) -> str:
        row, reason = next(iter(self._aside.items()))
        return (
            f"{len(self._aside)} of {len(self.images)} pictures cannot be used, more than max_rejected="
            f"{self.max_rejected:g} allows or than others can stand in for. One of them, "
            f"{self.images['image_id'].iloc[row]}: {reason}. Repair them, take them out of the table, or "
            "raise max_rejected."
        )

    def card(self) -> dict[str, Any]:
        """What defines the batches, as JSON."""
        return {
            "pairs": self.pairs.card(),
            "augmentation": self.augmentation.card(),
            "images": len(self.images),
            "pairs_per_epoch": self.pairs_per_epoch,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "drop_last": self.drop_last,
            "bands": None if self.bands is None else list(self.bands),
            "value_range": None if self.value_range is None else list(self.value_range),
        }


class _Steps:
    """The slots of each step of an epoch that one process takes."""

    def __init__(self, pairs: Pairs, epoch: int, steps: range, *, batch: int, share: slice) -> None:
        self.pairs, self.epoch, self.steps = pairs, epoch, steps
        self.batch, self.within = batch, share

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[Slot]]:
        size = len(self.pairs.query)
        for step in self.steps:
            start = step * self.batch
            part = slice(min(start + self.within.start, size), min(start + self.within.stop, size))
            rows = zip(range(size)[part], self.pairs.query[part].tolist(), self.pairs.key[part].tolist())
            yield [Slot(self.epoch, *row) for row in rows]


def _collated(viewed: list[Viewed]) -> tuple[tuple[Tensor, ...] | None, dict[int, str]]:
    aside = {row: reason for one in viewed for row, reason in one.aside.items()}
    views = [one.views for one in viewed if one.views is not None]
    if len(views) < len(viewed):
        return None, aside
    query, key = (torch.stack(list(side)) for side in zip(*views))
    rows = torch.tensor([one.rows for one in viewed], dtype=torch.int64)
    return (query, key, rows[:, 0].contiguous(), rows[:, 1].contiguous()), aside


def _check_table(images: pd.DataFrame) -> None:
    missing = [name for name in ("image_id", "path") if name not in images]
    if missing:
        msg = f"The table of images lacks {', '.join(missing)}; it has {', '.join(map(str, images.columns))}."
        raise MissingColumnError(msg)
    if images.empty:
        msg = "The table of images is empty: there is nothing to learn from."
        raise InputError(msg)
    gaps = images["image_id"].isna() | images["path"].isna()
    if gaps.any():
        msg = f"{gaps.sum()} images have no image_id or no path, the first in row {images.index[gaps][0]}."
        raise InputError(msg)
    double = images.loc[images["image_id"].astype("str").duplicated(), "image_id"]
    if len(double):
        msg = (
            f"{len(double)} image ids appear more than once, such as {double.iloc[0]!r}; they must be unique."
        )
        raise InputError(msg)


def _check_options(
    batch_size: int, workers: int, max_rejected: float, value_range: tuple[float, float] | None
) -> None:
    if batch_size < 1 or workers < 0:
        msg = f"batch_size={batch_size}, workers={workers}: give at least 1 pair, and 0 or more workers."
        raise InputError(msg)
    if not 0 <= max_rejected <= 1:
        msg = f"max_rejected={max_rejected}: give a share from 0 to 1."
        raise InputError(msg)
    if value_range is not None and not value_range[0] < value_range[1]:
        msg = f"value_range={value_range}: give (low, high) with low below high."
        raise InputError(msg)


def _check_length(pairs: int, batch_size: int, *, drop_last: bool) -> None:
    if drop_last and batch_size > pairs:
        msg = (
            f"batch_size={batch_size}, but an epoch has {pairs} pairs: there would be no step. Give at most "
            f"{pairs}, per='image', or drop_last=False."
        )
        raise InputError(msg)
