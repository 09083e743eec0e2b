"""One slot of an epoch: two pictures read and augmented, or two others where they cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from geolivelihood.errors import InputError
from geolivelihood.features.loading import WINDOW, Loader
from geolivelihood.features.pictures import Picture, Reading
from geolivelihood.pretraining.augmentations import Augmentation
from geolivelihood.pretraining.pairs import Pairs, PairSampler

__all__ = ["Slot", "Slots", "Viewed"]

# Other slots that are tried for one whose pictures cannot be read, before the run stops.
_TRIES = 32
_READ = ("image_id", "path", *WINDOW, "bands", "raster_crs")


class Slot(NamedTuple):
    """A pair of an epoch by its place in the order, and the rows of its two pictures."""

    epoch: int
    slot: int
    query: int
    key: int


class Viewed(NamedTuple):
    """Two views, the rows that they show, and the reason of each picture that was set aside on the way."""

    views: tuple[Tensor, Tensor] | None
    rows: tuple[int, int]
    aside: dict[int, str]


class _Reader:
    """How pictures are read for an augmentation: whole, bytes as bytes, all else in 0-1 without gaps."""

    def __init__(
        self,
        augmentation: Augmentation,
        bands: tuple[int, ...] | None,
        value_range: tuple[float, float] | None,
    ) -> None:
        self.reading = Reading(bands=bands)
        self.mean = augmentation.mean
        self.value_range = value_range

    def prepare(self, picture: Picture) -> npt.NDArray[Any]:
        """Pixels (bands, height, width), uint8 or float32 in 0-1.

        Raises
        ------
        InputError
            If the number of bands is not that of the augmentation, or physical units have no range.
        """
        pixels = picture.pixels
        if self.mean is not None and len(pixels) != len(self.mean):
            msg = (
                f"it has {len(pixels)} bands, the augmentation is for {len(self.mean)}: choose with bands=..."
            )
            raise InputError(msg)
        if pixels.dtype == np.uint8 and self.value_range is None:
            return pixels
        low, high = self.value_range or (0.0, picture.full_scale)
        if high is None:
            msg = "it is in physical units: say which values become 0 and 1 with value_range=(low, high)"
            raise InputError(msg)
        scaled = np.clip((pixels.astype(np.float32) - low) / (high - low), 0, 1)
        gaps = np.isnan(scaled)
        if gaps.all():
            msg = "it has no valid pixel"
            raise InputError(msg)
        fill = np.full(len(pixels), 0.5) if self.mean is None else np.asarray(self.mean)
        return np.where(gaps, fill[:, None, None], scaled).astype(np.float32)


class Slots(Dataset[Viewed]):
    """The views of a slot; unreadable pairs give way to others that the seed chooses."""

    def __init__(
        self,
        images: pd.DataFrame,
        pairs: PairSampler,
        augmentation: Augmentation,
        *,
        seed: int,
        root: Path | None,
        bands: tuple[int, ...] | None,
        value_range: tuple[float, float] | None,
    ) -> None:
        table = pd.DataFrame(images[[name for name in _READ if name in images]]).reset_index(drop=True)
        self.loader = Loader(table, _Reader(augmentation, bands, value_range), root)
        self.pairs, self.augmentation, self.seed = pairs, augmentation, seed
        self._known: tuple[int, Pairs] | None = None

    def __getitem__(self, slot: Slot) -> Viewed:
        aside: dict[int, str] = {}
        rows = (slot.query, slot.key)
        for attempt in range(_TRIES):
            pixels = self._pixels(rows, aside)
            if pixels is not None:
                return Viewed(self._views(pixels, slot), rows, aside)
            rows = self._other(slot, attempt)
        return Viewed(None, rows, aside)

    def _pixels(self, rows: tuple[int, int], aside: dict[int, str]) -> tuple[Tensor, Tensor] | None:
        wanted = list(dict.fromkeys(row for row in rows if row not in aside))
        loaded = {item.position: item for item in self.loader.load(np.array(wanted, dtype=np.int64))}
        aside |= {row: item.reason for row, item in loaded.items() if item.array is None}
        if any(row in aside for row in rows):
            return None
        query, key = (torch.from_numpy(loaded[row].array) for row in rows)
        return query, key

    def _views(self, pixels: tuple[Tensor, Tensor], slot: Slot) -> tuple[Tensor, Tensor]:
        query, key = (
            _augmented(self.augmentation, picture, (self.seed, slot.epoch, slot.slot, view))
            for view, picture in enumerate(pixels)
        )
        return query, key

    def _other(self, slot: Slot, attempt: int) -> tuple[int, int]:
        """A pair of the same epoch to take the place of one that cannot be read."""
        if self._known is None or self._known[0] != slot.epoch:
            self._known = (slot.epoch, self.pairs.epoch(slot.epoch))
        pairs = self._known[1]
        other = np.random.default_rng([self.seed, slot.epoch, slot.slot, 2 + attempt]).integers(
            len(pairs.query)
        )
        return int(pairs.query[other]), int(pairs.key[other])


def _augmented(augmentation: Augmentation, pixels: Tensor, words: tuple[int, ...]) -> Tensor:
    """One view under a generator of its own; torch's generator is left as it was."""
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(int(np.random.SeedSequence(words).generate_state(1)[0]))
        return augmentation(pixels)
    finally:
        torch.set_rng_state(state)
