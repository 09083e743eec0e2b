"""What a run finds out about its own map: how sure, where it applies, what it leaves unexplained."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from geolivelihood import tables, validation
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.layers.breaks import plain_number
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.applicable import Applicable
from geolivelihood.recipes.areas import Areas
from geolivelihood.recipes.explained import Explained
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.people import People
from geolivelihood.recipes.trust import Trust
from geolivelihood.recipes.workspace import Stage

__all__ = ["Assessment"]

_LEAST_GROUP = 30  # clusters below which a group's score says little


class Assessment:
    """Everything that stands beside the scores of a project.

    Parameters
    ----------
    lineup
        The project's models.

    Attributes
    ----------
    people, trust, applicable, areas, explained
        Population, intervals, area of applicability, regions, what the model goes by.
    """

    def __init__(self, lineup: LineUp) -> None:
        self.lineup = lineup
        self.people = People(lineup.data)
        self.trust = Trust(lineup, self.people)
        self.applicable = Applicable(lineup, self.people)
        self.areas = Areas(lineup, self.trust, self.applicable, self.people)
        self.explained = Explained(lineup, self.people)
        self._remarks: list[str] = []

    def stages(self) -> list[Stage]:
        """Every stage of it, in order."""
        parts = (self.trust, self.applicable, self.areas, self.explained)
        return [stage for part in parts for stage in part.stages()]

    @property
    def remarks(self) -> list[str]:
        """What could not be said, and why, once each."""
        found = [*self.trust.remarks, *self.applicable.remarks, *self.areas.remarks, *self._remarks]
        found += self.lineup.splits.remarks if self.lineup.project.models else []
        return list(dict.fromkeys(found))

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """Measured coverage of the intervals; see :meth:`Trust.coverage`; empty where there are none."""
        return self.trust.coverage()

    @cached_property
    def checks(self) -> pd.DataFrame:
        """What the map's model leaves unexplained under each split.

        Returns
        -------
        pandas.DataFrame
            ``indicator``, ``split``, ``folds``, ``tested`` (clusters), ``dropped`` (mean share of the rows
            outside the test that the buffer and shared pictures keep out of training), ``moran_i`` with
            ``moran_p``, ``range_km`` (of the residuals; infinite for a trend), ``ceiling`` (largest R² that
            the labels' own errors allow), ``wasserstein_km`` (W of kNNDM: how far the distances of the
            tested clusters to training are from those of the map's cells to the survey).
        """
        begin("looking at what is left unexplained")
        if not self.lineup.project.models:
            return pd.DataFrame()
        found = pd.DataFrame(
            self._check(indicator, split)
            for indicator in self.lineup.indicators
            for split in self.lineup.splits.names
        )
        self._compare_with_blocks(float(found.loc[found["split"].eq("blocked"), "range_km"].max()))
        return found

    def _compare_with_blocks(self, range_km: float) -> None:
        """Say so where blocks are narrower than errors reach, and no buffer makes up for it."""
        splits, resolution = self.lineup.splits, self.lineup.sample.block_resolution
        width = validation.block_width_m(resolution) / 1000
        if np.isnan(range_km) or max(width, splits.buffer_used_m / 1000) >= range_km:
            return
        reach = f"up to {range_km:,.0f} km" if np.isfinite(range_km) else "over the whole map, a trend"
        self._remark(
            f"Blocks are {plain_number(width)} km wide, but errors resemble each other {reach}: blocked "
            "scores and intervals are somewhat too good. Regions left out are the harder test, and so are "
            f"wider blocks. (Project file: validation.block_resolution: {resolution - 1}.)"
        )

    def _check(self, indicator: str, split: str) -> dict[str, Any]:
        table = self._residuals(indicator, split)
        folds = self.lineup.splits.of(split)
        others = sum(len(table) - len(test) for _, test in folds)
        return {
            "indicator": indicator,
            "split": split,
            "folds": len(folds),
            "tested": int(table["residual"].notna().sum()),
            "dropped": 1 - sum(len(train) for train, _ in folds) / others,
            **self._autocorrelation(table),
            "ceiling": self.ceiling(indicator),
            "wasserstein_km": self.lineup.splits.wasserstein_m(split) / 1000,
        }

    def _autocorrelation(self, table: pd.DataFrame) -> dict[str, float]:
        residual, places = table["residual"].to_numpy(), self.lineup.sample.clusters.geometry
        seed = self.lineup.project.seed
        found = {"moran_i": np.nan, "moran_p": np.nan, "range_km": np.nan}
        try:
            reach = self.variogram(residual)
            found["range_km"] = reach.range_m / 1000 if reach.resolved else np.inf
        except InputError as error:
            self._remark(f"The residuals have no variogram. {error}")
        try:
            moran = validation.morans_i(residual, places, random_state=seed)
        except EnvironmentMissingError as error:
            self._remark(f"Moran's I of the residuals is not told. {error}")
        else:
            found |= {"moran_i": moran.statistic, "moran_p": moran.p}
        return found

    def variogram(self, residual: Any) -> validation.Variogram:
        """Variogram of residuals of the sample."""
        places = self.lineup.sample.clusters.geometry
        return validation.variogram(places, residual, random_state=self.lineup.project.seed)

    def _residuals(self, indicator: str, split: str) -> pd.DataFrame:
        table = self.lineup.out_of_fold(self.lineup.map_choice, split, indicator)
        return table.assign(residual=table["observed"] - table["predicted"])

    def ceiling(self, indicator: str) -> float:
        """Largest R² that a model can reach on labels this noisy; NaN where their errors are unknown."""
        labels = self.lineup.sample.labels([indicator])
        return np.nan if labels.se is None else tables.noise_ceiling(labels.y, labels.se)

    @cached_property
    def groups(self) -> pd.DataFrame:
        """Scores of the map's model by class of place, country and region.

        Under the blocked split; countries and regions also under the split that leaves them out.

        Returns
        -------
        pandas.DataFrame
            ``indicator``, ``split``, ``kind``, ``group``, ``n``, ``r2``, ``mae``, ``rmse``, ``worst``
            (whether it is the group of its kind with the largest rmse, if most have 30 clusters, among those
            that do).
        """
        splits = [split for split in ("blocked", "region") if split in self.lineup.splits.names]
        names = self.lineup.indicators
        rows = [row for name in names for split in splits for row in self._grouped(name, split)]
        columns = ["indicator", "split", "kind", "group", "n", "r2", "mae", "rmse", "worst"]
        return pd.DataFrame(rows, columns=columns)

    def _grouped(self, indicator: str, split: str) -> Iterator[dict[str, Any]]:
        table = self._residuals(indicator, split).dropna()
        for kind, groups in self._kinds():
            if split == "region" and kind == "class":
                continue
            rows = table.assign(group=groups.to_numpy()[self._positions(table)]).dropna(subset=["group"])
            y, p, names = rows["observed"], rows["predicted"], rows["group"]
            worst = None
            if (names.value_counts() >= _LEAST_GROUP).mean() > 0.5:  # else the worst may be among the small
                worst = validation.worst_group(y, p, names, least=_LEAST_GROUP).group
            for name, part in rows.groupby("group"):
                scores = validation.regression_scores(part["observed"], part["predicted"])
                kept = {metric: scores[metric] for metric in ("r2", "mae", "rmse")}
                first = {"indicator": indicator, "split": split, "kind": kind, "group": name, "n": len(part)}
                yield {**first, **kept, "worst": name == worst}

    def _positions(self, table: pd.DataFrame) -> Any:
        return pd.Index(self.lineup.sample.clusters["cluster_id"]).get_indexer(table.index)

    def _kinds(self) -> Iterator[tuple[str, pd.Series]]:
        sample = self.lineup.sample
        if sample.urban is not None:
            yield "class", sample.urban
        if sample.countries is not None:
            yield "country", sample.countries.iloc[sample.rows]
        if sample.regions is not None:
            names = self.lineup.data.regions.set_index("region_id")["name"]
            yield "region", sample.regions.iloc[sample.rows].map(names)

    def _remark(self, text: str) -> None:
        if text not in self._remarks:
            self._remarks.append(text)
