"""The splits of a project: which clusters each fold learns from, and which it is tested on."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from geolivelihood import cells as h3cells
from geolivelihood import validation
from geolivelihood.errors import InputError
from geolivelihood.recipes.sample import Sample
from geolivelihood.validation.blocks import dealt
from geolivelihood.validation.knndm import KNNDMKFold

__all__ = ["Splits"]

Split = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
_FEWEST_REGIONS = 3
_LEFT = 0.5  # of the training rows, by a buffer that is cut short


class Splits:
    """The same folds for all models and indicators.

    Parameters
    ----------
    sample
        The clusters to split.
    residuals
        What the map's model misses of an indicator under the random split, for ``buffer_m: auto``.
    """

    def __init__(self, sample: Sample, residuals: Callable[[str], npt.NDArray[np.float64]]) -> None:
        self.sample = sample
        self.data = sample.data
        self.settings = sample.project.validation
        self._residuals = residuals
        self._found: dict[str, list[Split]] = {}

    @cached_property
    def names(self) -> list[str]:
        """Splits of the project: its own, else random, blocked, and region where there are three regions."""
        if self.settings.splits is not None:
            return list(self.settings.splits)
        return ["random", "blocked", *(["region"] if self._enough_regions() else [])]

    def _enough_regions(self) -> bool:
        """Whether three regions have clusters; a plan, which reads nothing, takes the layer's word for it."""
        space, layer = self.data.space, self.sample.project.regions is not None
        stages = [self.data.clusters_stage, *([self.data.regions_stage] if layer else [])]
        if self.data.planning and not all(space.done(stage) for stage in stages):
            return layer
        regions = self._regions()
        return regions is not None and regions.nunique() >= _FEWEST_REGIONS

    def of(self, split: str) -> list[Split]:
        """Training and test rows of each fold, as positions in the sample."""
        if split not in self._found:
            make = {
                "random": self._random,
                "blocked": self._blocked,
                "region": self._by_region,
                "knndm": self._knndm,
            }
            self._found[split] = make[split]()
        return self._found[split]

    @property
    def buffer_used_m(self) -> float:
        """Distance from the test within which the blocked split keeps training rows out, metres."""
        given = self.settings.buffer_m
        if isinstance(given, float | int):
            return float(given)
        return min(self._wanted_m, self._possible_m) if given == "possible" else self._wanted_m

    @property
    def _wanted_m(self) -> float:
        """Buffer that errors, overlapping windows and displacement ask for, metres."""
        return max(self._ranges.max(initial=0.0), self.window_m) + 2 * self.data.displacement_m

    @cached_property
    def _possible_m(self) -> float:
        """Widest buffer that leaves every blocked fold half of its training rows, whole metres."""
        points, found = self.sample.clusters, []
        for train, test in self._in_blocks(0.0):
            apart = np.sort(validation.prediction_distances(points.iloc[test], points.iloc[train]))[::-1]
            least = math.ceil(_LEFT * (len(points) - len(test)))
            found.append(float(apart[least - 1]) - 1 if len(apart) >= least else 0.0)
        return float(max(0, math.floor(min(found))))

    @property
    def remarks(self) -> list[str]:
        """What the blocked split leaves in common between training and test."""
        found = []
        if self.settings.buffer_m == "possible" and self._possible_m < self._wanted_m:
            found.append(
                f"Blocked folds have a buffer of {_km(self._possible_m)} km, the widest that leaves half "
                f"of the training places; errors or pictures ask for {_km(self._wanted_m)} km. Blocked "
                "scores and intervals are therefore somewhat too good."
            )
        elif isinstance(self.settings.buffer_m, str) and len(self._ranges) < len(self.sample.indicators):
            found.append(
                "Errors under random folds grow apart over the whole map, a trend without a range: the "
                "buffer of blocked folds is no more than pictures and displacement ask for, "
                f"{self.buffer_used_m:,.0f} m. Blocked "
                "scores tell of districts beside surveyed ones; see also regions left out."
            )
        width, side = validation.block_width_m(self.sample.block_resolution), self.window_m / math.sqrt(2)
        seen = float((self.distances_m("blocked") < side).mean()) if side > 0 else 0.0
        if seen == 0:
            return found
        return [
            *found,
            f"{seen:.0%} of the clusters tested by blocked folds lie less than {_km(side)} km from one "
            "in training: their windows of overhead pictures overlap, so these scores are somewhat too good. "
            f"Blocks are {_km(width)} km wide and the buffer around those tested is "
            f"{_km(self.buffer_used_m)} km; a buffer of {_km(math.ceil(self.window_m))} km would keep "
            f"windows apart. (Project file: validation.buffer_m: {math.ceil(self.window_m):d}, or auto.)",
        ]

    def units(self, split: str) -> npt.NDArray[Any]:
        """What is resampled as one, for each row: its block, or its region where regions are left out."""
        regions = self._regions() if split == "region" else None
        return self.sample.blocks if regions is None else pd.factorize(regions.iloc[self.sample.rows])[0]

    def held_out_regions(self) -> list[Split]:
        """Folds of whole regions of the layer, for estimates of regions by models that never saw them."""
        if self.sample.regions is None:
            return []
        regions = self.sample.regions.iloc[self.sample.rows]
        if regions.nunique() < 2:
            return []
        fold = self._dealt(regions, self.settings.folds)
        whole = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(fold.max() + 1)]
        return self._apart(whole)

    def distances_m(self, split: str) -> npt.NDArray[np.float64]:
        """Distance from each tested cluster to the nearest that its fold learns from, metres.

        Measured on the folds as they are used, without what buffers and shared pictures keep out.
        """
        points = self.sample.clusters
        pairs = [(points.iloc[train], points.iloc[test]) for train, test in self.of(split)]
        return np.concatenate([validation.prediction_distances(train, test) for train, test in pairs])

    def wasserstein_m(self, split: str) -> float:
        """How far the distances of :meth:`distances_m` are from those between the map and the survey.

        W of kNNDM, metres: 0 where the tests lie as far from training as the map's cells from the clusters.
        """
        return validation.wasserstein(self.distances_m(split), self._ahead_m)

    @cached_property
    def _ahead_m(self) -> npt.NDArray[np.float64]:
        """Distance from each cell of the map to the nearest cluster."""
        return validation.prediction_distances(self.sample.clusters, h3cells.cell_points(self.data.cells))

    @property
    def region_kind(self) -> str:
        """What a region of the split is: ``country``, or ``region`` of the layer."""
        wanted = self.settings.regions
        if wanted != "auto":
            return "country" if wanted == "country" else "region"
        return "country" if self.sample.countries is not None else "region"

    @property
    def _seed(self) -> int:
        return self.sample.project.seed

    def _random(self) -> list[Split]:
        splitter = validation.RandomKFold(self.settings.folds, random_state=self._seed)
        return list(splitter.split(self.sample.clusters))

    def _blocked(self) -> list[Split]:
        self._check_blocks()
        return self._in_blocks(self.buffer_used_m)

    def _in_blocks(self, buffer_m: float) -> list[Split]:
        splitter = validation.BlockKFold(
            self.settings.folds,
            resolution=self.sample.block_resolution,
            buffer_m=buffer_m,
            random_state=self._seed,
        )
        return list(splitter.split(self.sample.clusters, groups=self.shared_pictures))

    def _check_blocks(self) -> None:
        found, folds = len(np.unique(self.sample.blocks)), self.settings.folds
        if found >= folds:
            return
        resolution = self.sample.block_resolution
        msg = (
            f"The clusters lie in {found} blocks of H3 resolution {resolution}, too few for {folds} folds. "
            f"Set validation.block_resolution finer than {resolution}"
            + (f", or validation.folds to {found}." if found > 1 else ".")
        )
        raise InputError(msg)

    @cached_property
    def _ranges(self) -> npt.NDArray[np.float64]:
        """How far the errors of each indicator resemble each other, metres; none of one that has a trend."""
        points, seed = self.sample.clusters, self._seed
        found = [
            validation.variogram(points, self._residuals(indicator), random_state=seed)
            for indicator in self.sample.indicators
        ]
        return np.array([one.range_m for one in found if one.resolved])

    def _by_region(self) -> list[Split]:
        regions = self._regions()
        regions = None if regions is None else regions.iloc[self.sample.rows]
        if regions is None or regions.nunique() < 2:
            msg = (
                "validation.splits: 'region' holds out whole regions. Give the clusters a column 'country' "
                "with at least two countries, or the project 'regions' in at least two of which they lie."
            )
            raise InputError(msg)
        # a hundred districts do not ask for a hundred fits: beyond twice the folds, some go together
        fold = self._dealt(regions, 2 * self.settings.folds)
        return self._apart(validation.LeaveRegionOut().split(self.sample.clusters, groups=fold))

    def _dealt(self, regions: pd.Series, folds: int) -> npt.NDArray[np.intp]:
        """Fold of each row; regions stay whole."""
        codes, names = pd.factorize(regions)
        return dealt(codes, min(folds, len(names)), self._seed)

    def _regions(self) -> pd.Series | None:
        """Region of each cluster of the data, as the split is to hold them out."""
        return self.sample.countries if self.region_kind == "country" else self.sample.regions

    def _knndm(self) -> list[Split]:
        splitter = KNNDMKFold(
            self.settings.folds, targets=h3cells.cell_points(self.data.cells), random_state=self._seed
        )
        return self._apart(splitter.split(self.sample.clusters))

    def _apart(self, splits: Any) -> list[Split]:
        """The folds without training rows that share a picture with the test."""
        links = self.shared_pictures
        if links is None:
            return list(splits)
        found = []
        for train, test in splits:
            used = np.asarray(links[test].sum(axis=0)).ravel() > 0
            found.append((train[~(links[train] @ used.astype(float) > 0)], test))
        return found

    @cached_property
    def window_m(self) -> float:
        """Largest distance over which the chips of two clusters overlap."""
        widths = [0.0]
        for name in sorted(self._used):
            chips = self.data.source(name).chips
            if chips is not None:
                south, north = self.data.images(name).geometry.bounds[["miny", "maxy"]].to_numpy().T
                widths.append(float(np.median(north - south)) * chips.grid * 111_195.0 * math.sqrt(2))
        return max(widths)

    @property
    def _used(self) -> set[str]:
        return {name for model in self.sample.project.models for name in self.data.seen_by(model)}

    @cached_property
    def shared_pictures(self) -> sparse.csr_array | None:
        """Which cluster uses which photo (rows x pictures), over all sources that the models see."""
        origins = {self.data.origin(name) for name in self._used if not self.data.source(name).chips}
        if not origins:
            return None
        pairs = [self.data.pairs(name).assign(origin=name) for name in sorted(origins)]
        links = pd.concat(pairs, ignore_index=True)
        order = pd.Index(self.sample.clusters["cluster_id"]).get_indexer(links["cluster_id"])
        links, order = links[order >= 0], order[order >= 0]
        picture = links.groupby(["origin", "image_id"], sort=False).ngroup().to_numpy()
        shape = (len(self.sample.rows), int(picture.max(initial=-1)) + 1)
        return sparse.csr_array((np.ones(len(order)), (order, picture)), shape=shape)


def _km(metres: float) -> str:
    """Kilometres to two figures, and no fewer than whole ones."""
    return f"{metres / 1000:.2g}" if metres < 10_000 else f"{metres / 1000:,.0f}"
