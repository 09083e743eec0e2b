"""The clusters that the models of a project learn from, and what is known of each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import validation
from geolivelihood.errors import InputError
from geolivelihood.layers.maps import map_crs
from geolivelihood.recipes.inputs import Inputs
from geolivelihood.recipes.livelihood import Livelihood
from geolivelihood.recipes.settings import ModelChoice

__all__ = ["Labels", "Sample"]

Floats = npt.NDArray[np.float64]


class Labels(NamedTuple):
    """What a model learns: one column per indicator for a joint model, else shape (rows,).

    Attributes
    ----------
    y
        Observed, NaN where missing.
    se
        Standard error of each label, NaN where the survey does not tell; ``None`` where it tells none.
    """

    y: Floats
    se: Floats | None


class Sample:
    """One sample for all models and indicators, so that scores can be compared.

    Parameters
    ----------
    data
        The project's data.
    inputs
        What the models see; a cluster that one of them cannot see is left out of all.
    """

    def __init__(self, data: Livelihood, inputs: Inputs) -> None:
        self.data = data
        self.project = data.project
        self._inputs = inputs

    @property
    def indicators(self) -> list[str]:
        """Indicators to predict."""
        return self.project.clusters.targets if self.project.clusters else []

    @cached_property
    def left_out(self) -> pd.Series:
        """Why clusters are left out of every model, by ``cluster_id``."""
        ids = pd.Index(self.data.clusters["cluster_id"])
        out = pd.Series("", index=ids, name="reason")
        for reason, blind in self._blind():
            out[blind & out.eq("").to_numpy()] = reason
        return out[out.ne("")]

    def _blind(self) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """Reasons why a model cannot see clusters, and which."""
        ids = pd.Index(self.data.clusters["cluster_id"])
        for model in self.project.models:
            for name in self.data.seen_by(model):
                if model.name in ("graph", "image", "crossfitted"):
                    blind = ~ids.isin(self.data.pairs(name)["cluster_id"])
                else:
                    blind = self.data.cluster_features([name]).isna().all(axis=1).to_numpy()
                yield f"no picture of {name!r} where it may lie", blind
            if model.name == "graph":
                blind = np.array([graph is None for graph in self._inputs.cluster_graphs(model)])
                yield "no picture with features for its graph", blind
            if model.name == "cell":
                yield "pictures for less than half of where it may lie", ~(self._covered(model) >= 0.5)

    def _covered(self, model: ModelChoice) -> Floats:
        """Share of where each cluster may lie, off the map included, that has pictures."""
        known = self.data.cell_features(self.data.seen_by(model)).notna().any(axis=1).to_numpy()
        whole = np.asarray(self.data.tie.matrix.sum(axis=1), dtype=float)
        return np.asarray(self.data.map_tie.matrix @ known.astype(float)) / np.maximum(whole, 1e-12)

    @cached_property
    def rows(self) -> npt.NDArray[np.int64]:
        """Positions of the clusters that have an indicator and pictures.

        Raises
        ------
        InputError
            If an indicator is known for too few of them.
        """
        clusters = self.data.clusters
        seen = ~clusters["cluster_id"].isin(self.left_out.index)
        least = 2 * self.project.validation.folds
        for indicator in self.indicators:
            found = int((clusters[indicator].notna() & seen).sum())
            if found < least:
                msg = (
                    f"Only {found} of {len(clusters)} clusters have both {indicator!r} and pictures of every "
                    f"source; {self.project.validation.folds} folds need at least {least}. "
                    f"Left out: {self.why_left_out() or 'none'}."
                )
                raise InputError(msg)
        return np.flatnonzero(seen & clusters[self.indicators].notna().any(axis=1))

    def why_left_out(self) -> str:
        """The reasons with their numbers, in words."""
        counts = self.left_out.value_counts()
        return "; ".join(f"{count} with {reason}" for reason, count in counts.items())

    @property
    def clusters(self) -> gpd.GeoDataFrame:
        """The clusters of the sample."""
        return self.data.clusters.iloc[self.rows]

    def labels(self, indicators: Sequence[str]) -> Labels:
        """Labels and their standard errors, shape (rows,) of one indicator, else (rows, indicators)."""
        table, errors = self.clusters, [f"{name}_se" for name in indicators]
        y = table[list(indicators)].to_numpy(dtype=float)
        known = any(name in table and table[name].notna().any() for name in errors)
        se = pd.DataFrame(table).reindex(columns=errors).to_numpy(dtype=float) if known else None
        if len(indicators) > 1:
            return Labels(y, se)
        return Labels(y[:, 0], None if se is None else se[:, 0])

    @cached_property
    def weight(self) -> Floats | None:
        """Survey weight of each row, mean 1; ``None`` where the survey has none."""
        if "weight" not in self.data.clusters:
            return None
        weight = self.clusters["weight"].to_numpy(dtype=float)
        return weight / weight.mean()

    @cached_property
    def block_resolution(self) -> int:
        """H3 resolution of the blocks: the project's, else the finest that is wide enough for the data."""
        given = self.project.validation.block_resolution
        if given is not None:
            return given
        return validation.block_resolution(self.data.clusters, n_splits=self.project.validation.folds)

    @cached_property
    def blocks(self) -> npt.NDArray[np.uint64]:
        """Block of each row."""
        return h3cells.blocks(self.clusters, resolution=self.block_resolution)

    @cached_property
    def countries(self) -> pd.Series | None:
        """Country of each cluster of the data, where they say at least two."""
        if "country" not in self.data.clusters:
            return None
        named = self.data.clusters["country"]
        return named.astype("str") if named.unique().size > 1 and named.notna().all() else None

    @cached_property
    def regions(self) -> pd.Series | None:
        """``region_id`` of each cluster of the data: the region it lies in, else the nearest."""
        return None if self.project.regions is None else regions_of(self.data.clusters, self.data.regions)

    @property
    def urban(self) -> pd.Series | None:
        """The survey's own class of each row, ``urban`` or ``rural``."""
        if "urban" not in self.data.clusters or self.clusters["urban"].isna().all():
            return None
        return self.clusters["urban"].map({True: "urban", False: "rural"})


def regions_of(clusters: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> pd.Series:
    """``region_id`` of the region that each point lies in, or of the nearest one (a coast drawn coarsely)."""
    crs = map_crs(regions)
    points = clusters[["geometry"]].reset_index(drop=True).to_crs(crs)
    found = gpd.sjoin_nearest(points, regions[["region_id", "geometry"]].to_crs(crs), how="left")
    return found["region_id"].groupby(level=0).first().set_axis(clusters.index)
