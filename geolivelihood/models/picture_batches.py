"""Pictures of clusters, decoded once into a file of pixels, and batches of clusters sliced from it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torchvision.transforms import v2

from geolivelihood.errors import InputError, TooManyRejectedError
from geolivelihood.features.pictures import Reading, read_picture, three_bytes
from geolivelihood.models.training import Batch
from geolivelihood.progress import track

__all__ = ["PictureBatches", "PictureStore"]

_THREADS = 4


class PictureStore:
    """Pixels of all readable pictures, on disk for as long as the ``with`` block lasts.

    Every epoch reads each picture again; decoding it once and keeping it as bytes makes epochs as fast as
    the network.

    Attributes
    ----------
    cluster
        Cluster (position) of each picture, ascending.
    clusters
        Number of clusters, those without pictures included.
    position
        Position of each readable picture among all that were given.
    rejected
        Pictures that could not be read: ``path``, ``reason``.
    """

    def __init__(
        self,
        folder: tempfile.TemporaryDirectory[str],
        pixels: Any,
        good: npt.NDArray[np.int64],
        cluster: npt.NDArray[np.int64],
        *,
        clusters: int,
        rejected: pd.DataFrame,
    ) -> None:
        self._folder = folder
        self._pixels = pixels
        self.position = good
        self.cluster = cluster
        self.clusters = clusters
        self.rejected = rejected

    @classmethod
    def of(cls, pictures: Sequence[Sequence[str]], *, size: int, max_rejected: float) -> Self:
        """Decode pictures given as one list of paths per cluster.

        Raises
        ------
        InputError
            If a cluster is a bare string, or there is no picture at all.
        TooManyRejectedError
            If more than ``max_rejected`` of the pictures cannot be read.
        """
        if any(isinstance(paths, str | Path) for paths in pictures):
            msg = "Give a list of paths for every cluster, also where there is one picture: [['a.jpg'], ...]."
            raise InputError(msg)
        paths = [path for some in pictures for path in some]
        owner = np.repeat(np.arange(len(pictures)), [len(some) for some in pictures]).astype(np.int64)
        folder = tempfile.TemporaryDirectory(prefix="geolivelihood-")
        try:
            pixels = np.memmap(
                Path(folder.name) / "pixels", np.uint8, "w+", shape=(max(len(paths), 1), 3, size, size)
            )
            reasons = _decode(paths, pixels, size)
            rejected = pd.DataFrame(
                {"path": [str(paths[i]) for i in reasons], "reason": list(reasons.values())}, dtype=str
            )
            if len(rejected) > max_rejected * len(paths):
                msg = (
                    f"{len(rejected)} of {len(paths)} pictures cannot be read, more than max_rejected="
                    f"{max_rejected:g} allows. The first: {rejected.path[0]}: {rejected.reason[0]}."
                )
                raise TooManyRejectedError(msg)
        except BaseException:
            folder.cleanup()
            raise
        good = np.setdiff1d(np.arange(len(paths)), list(reasons)).astype(np.int64)
        return cls(folder, pixels, good, owner[good], clusters=len(pictures), rejected=rejected)

    def pixels(self, which: npt.NDArray[np.int64]) -> Tensor:
        """Pixels (n, 3, size, size) uint8 of pictures by position."""
        return torch.from_numpy(np.array(self._pixels[self.position[which]]))

    def chunks(self, size: int) -> Iterator[Tensor]:
        """All pictures in order, ``size`` at a time."""
        # A loop over batches: pixels of all pictures would not fit in memory.
        for start in range(0, len(self.cluster), size):
            yield self.pixels(np.arange(start, min(start + size, len(self.cluster))))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._pixels
        self._folder.cleanup()


class PictureBatches:
    """Batches of clusters, each with some of its pictures.

    Parameters
    ----------
    store
        Decoded pictures.
    which
        Clusters (positions) to go through.
    target, weight
        Per cluster, all clusters.
    size
        Clusters per batch.
    most
        Most pictures per cluster.
    augment
        Whether to mirror, shift and zoom.
    seed
        Seed of order, draws and mirroring; without it the same pictures come in the same order each time.
    """

    def __init__(
        self,
        store: PictureStore,
        which: npt.NDArray[np.int64],
        target: Tensor,
        weight: Tensor,
        *,
        size: int,
        most: int,
        augment: bool = False,
        seed: int | None = None,
    ) -> None:
        self.store, self.which, self.target, self.weight = store, which, target, weight
        self.size, self.most = size, most
        self.augment = augment
        self.random = None if seed is None else np.random.default_rng(seed)
        side = int(store.pixels(np.zeros(1, np.int64)).shape[-1])
        self.crop = v2.RandomResizedCrop(side, scale=(0.7, 1.0), antialias=True)

    def __len__(self) -> int:
        return -(-len(self.which) // self.size)

    def __iter__(self) -> Iterator[Batch]:
        order = self.which if self.random is None else self.random.permutation(self.which)
        rank = self._ranks()
        for part in np.array_split(order, len(self)):
            place = np.full(self.store.clusters, -1)
            place[part] = np.arange(len(part))
            chosen = np.flatnonzero((place[self.store.cluster] >= 0) & (rank < self.most))
            cluster = torch.from_numpy(place[self.store.cluster[chosen]])
            rows = torch.from_numpy(part)
            yield (self._look(chosen), cluster, len(part)), self.target[rows], self.weight[rows]

    def _ranks(self) -> npt.NDArray[np.int64]:
        """Order in which a cluster's pictures would be drawn, 0 first; new each epoch where random."""
        cluster = self.store.cluster
        key = np.arange(len(cluster)) if self.random is None else self.random.permutation(len(cluster))
        order = np.lexsort((key, cluster))
        rank = np.empty(len(cluster), dtype=np.int64)
        rank[order] = np.arange(len(cluster)) - np.searchsorted(cluster, cluster[order])
        return rank

    def _look(self, chosen: npt.NDArray[np.int64]) -> Tensor:
        pixels = self.store.pixels(chosen)
        if not self.augment or self.random is None:
            return pixels
        mirrored = torch.from_numpy(self.random.random(len(pixels)) < 0.5)
        pixels = torch.where(mirrored[:, None, None, None], pixels.flip(3), pixels)
        return self.crop(pixels)


def _decode(paths: Sequence[str], pixels: Any, size: int) -> dict[int, str]:
    """Fill ``pixels`` and return the reason for each picture that could not be read."""
    reading = Reading(size=size, enlarge=True)
    reasons: dict[int, str] = {}

    def one(position: int) -> None:
        try:
            pixels[position] = three_bytes(read_picture(paths[position], reading))
        # Decoders raise anything on hostile bytes; whatever it is, the picture is set aside with it.
        except Exception as error:
            reasons[position] = f"{type(error).__name__}: {error}"

    # One task per picture: files differ in size, and decoders work outside the interpreter lock.
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in track(pool.map(one, range(len(paths))), "decoding pictures", total=len(paths)):
            pass
    return dict(sorted(reasons.items()))
