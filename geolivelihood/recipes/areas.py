"""Small areas: what the map, the survey, and both together say of the regions, each with its error."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geolivelihood import cells as h3cells
from geolivelihood import models, tables, validation
from geolivelihood.cells import Tie
from geolivelihood.errors import InputError
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.applicable import Applicable
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.people import People
from geolivelihood.recipes.settings import Uncertainty
from geolivelihood.recipes.trust import Trust
from geolivelihood.recipes.workspace import Stage

__all__ = ["Areas"]

Floats = npt.NDArray[np.float64]
_FEWEST_AREAS = 10
_COVERED = 0.8  # regions that know less of themselves are flagged


class Factor(NamedTuple):
    """Standard errors on each side of a region's interval.

    Attributes
    ----------
    value
        How many.
    kind
        ``held_out``: as many as regions that the model never saw asked for; ``normal``: those of a normal
        distribution, where too few regions can tell.
    n_regions
        Held-out regions with a survey mean and its error.
    """

    value: float
    kind: Literal["held_out", "normal"]
    n_regions: int


class Areas:
    """Estimates of a project's regions.

    Parameters
    ----------
    lineup, trust, applicable, people
        The project's models, their uncertainty, where they apply, and where people live.

    Attributes
    ----------
    remarks
        What could not be said, and why.
    factors
        By indicator, what the intervals of :meth:`table` were made with.
    """

    def __init__(self, lineup: LineUp, trust: Trust, applicable: Applicable, people: People) -> None:
        self.lineup = lineup
        self.trust = trust
        self.applicable = applicable
        self.people = people
        self.data = lineup.data
        self.remarks: list[str] = []
        self.factors: dict[str, Factor] = {}

    @property
    def wanted(self) -> bool:
        """Whether there are regions and a map to sum up."""
        return self.data.project.regions is not None and bool(self.data.project.models)

    def stages(self) -> list[Stage]:
        """Stages of the maps by models that never saw the region."""
        if not self.wanted or self.trust.settings is None:
            return []
        return list(dict.fromkeys(self._held_stage(indicator) for indicator in self.lineup.indicators))

    @cached_property
    def tie(self) -> Tie:
        """People (else area) of each cell in each region."""
        raster = self.people.raster
        return h3cells.region_weights(self.data.cells, self.data.regions, population=raster)

    def table(self, indicator: str, prediction: pd.Series) -> pd.DataFrame:
        """What is known of each region.

        Returns
        -------
        pandas.DataFrame
            Index ``region_id``: ``<indicator>`` (the map's mean over people), ``_lower``, ``_upper``,
            ``_parameter_sd``, ``_residual_sd``, ``_sd``, ``_covered`` (share with a prediction); ``_survey``
            with ``_survey_se``, ``_survey_lower``, ``_survey_upper`` (design-based); ``_eblup`` with
            ``_eblup_mse`` and ``_shrinkage`` (the survey's weight in it; 0 where nobody was surveyed).
        """
        tie = self.tie
        frame = pd.DataFrame(index=tie.rows)
        frame[indicator] = tie.mean(prediction.reindex(tie.cells))
        frame[f"{indicator}_covered"] = tie.covered(prediction.notna())
        direct = self.direct(indicator).reindex(frame.index)
        errors = self._errors(indicator, prediction)
        if errors is not None:
            for part in ("parameter_sd", "residual_sd", "sd"):
                frame[f"{indicator}_{part}"] = errors[part]
            half = self._factor(indicator, direct, errors["sd"]) * errors["sd"]
            ends = {"lower": frame[indicator] - half, "upper": frame[indicator] + half}
            for name, end in ends.items():
                frame[f"{indicator}_{name}"] = end.clip(*self._bounds(indicator))
        frame = frame.join(direct)
        return frame.join(self._combined(indicator, direct, frame[indicator]))

    def notes(self) -> pd.DataFrame:
        """Of each region: share of its people off the map, share applicable, and whether it is flagged."""
        tie = self.tie
        off = 1 - tie.notes["covered"] if tie.notes is not None else pd.Series(np.nan, index=tie.rows)
        frame = pd.DataFrame({"uncovered": off}, index=tie.rows)
        found = self.applicable.at_cells
        if found is not None:
            frame["share_applicable"] = tie.covered(found["applicable"]).clip(upper=1.0)  # sums of many parts
        frame["flagged"] = ~(frame["uncovered"] <= 1 - _COVERED)
        if found is not None:
            frame["flagged"] |= ~(frame["share_applicable"] >= _COVERED)
        return frame

    # -- the survey ---------------------------------------------------------------------------------

    def direct(self, indicator: str) -> pd.DataFrame:
        """Design-based mean of the clusters in each region, with its standard error and interval."""
        clusters = self.data.clusters
        inside = self._inside(clusters)
        design = pd.DataFrame(
            {
                indicator: clusters[indicator],
                "its weight": clusters.get("weight", 1.0),
                "its stratum": clusters.get("stratum", "all"),
                "its region": inside,
            }
        )
        psu = None
        if "psu" in clusters and clusters["psu"].notna().all():
            design["its psu"], psu = clusters["psu"], "its psu"
        bounds = self._bounds(indicator)
        found = tables.region_means(
            design,
            value=indicator,
            weight="its weight",
            stratum="its stratum",
            region="its region",
            psu=psu,
            proportion=bounds == (0, 1) or bool(design[indicator].dropna().between(0, 1).all()),
            coverage=self._coverage,
        )
        ends = [f"{indicator}_lower", f"{indicator}_upper"]
        found[ends] = found[ends].clip(*bounds)
        named = {f"{indicator}{end}": f"{indicator}_survey{end}" for end in ("", "_se", "_lower", "_upper")}
        return found.rename(columns=named)[list(named.values())].rename_axis(None)

    @property
    def _coverage(self) -> float:
        return (self.trust.settings or Uncertainty()).coverage

    def _bounds(self, indicator: str) -> tuple[float | None, float | None]:
        return (self.trust.settings or Uncertainty()).range.get(indicator, (None, None))

    def _inside(self, clusters: gpd.GeoDataFrame) -> pd.Series:
        regions = self.data.regions[["region_id", "geometry"]]
        joined = gpd.sjoin(clusters[["cluster_id", "geometry"]], regions, predicate="within")
        return joined["region_id"].groupby(level=0).first().reindex(clusters.index)

    # -- the map ------------------------------------------------------------------------------------

    def _errors(self, indicator: str, prediction: pd.Series) -> pd.DataFrame | None:
        settings = self.trust.settings
        if settings is None:
            return None
        draws = self.trust.draws(indicator) if settings.draws else None
        if draws is None:
            self._remark(
                "Regions have no intervals: no models were drawn, so the model's part is unknown. "
                "(Project file: uncertainty.draws.)"
            )
        try:
            field = self.trust.field(indicator)
        except InputError as error:
            self._remark(f"{indicator}: regions have no intervals. {error}")
            return None
        sigma = pd.Series(field.sigma, index=prediction.index).where(prediction.notna())
        return validation.region_errors(self.tie, draws=draws, field=field, sigma=sigma)

    def _factor(self, indicator: str, direct: pd.DataFrame, sd: pd.Series) -> float:
        """Standard errors on each side of an interval: as held-out regions ask for, else the normal ones."""
        alpha = (self.trust.settings or Uncertainty()).alpha
        held, factor, known = self._held_out(indicator), np.inf, pd.Series(dtype=bool)
        if held is not None:
            factor, known = self._asked_for(indicator, held, direct, sd, alpha)
        kind: Literal["held_out", "normal"] = "held_out" if np.isfinite(factor) else "normal"
        if kind == "normal":
            factor = float(stats.norm.ppf(1 - alpha / 2))
            least = int(np.ceil(round((1 - alpha) / alpha, 9)))
            self._remark(
                f"{indicator}: intervals of regions take {factor:.2f} standard errors on each side, as a "
                f"normal distribution does, and are not checked on regions. {int(known.sum())} regions that "
                f"a model never saw have a survey mean with its error; it takes {least}."
            )
        self.factors[indicator] = Factor(factor, kind, int(known.sum()))
        return factor

    def _asked_for(
        self, indicator: str, held: pd.Series, direct: pd.DataFrame, sd: pd.Series, alpha: float
    ) -> tuple[float, pd.Series]:
        """Factor that held-out regions ask for, infinite where they are too few, and which they are."""
        survey, se = direct[f"{indicator}_survey"], direct[f"{indicator}_survey_se"]
        known = (se > 0) & (sd > 0) & held.notna() & survey.notna()
        found = [values[known] for values in (held, survey, sd**2, se**2)]
        return validation.region_conformal(*found, alpha=alpha), known

    # -- both together ------------------------------------------------------------------------------

    def _combined(self, indicator: str, direct: pd.DataFrame, whole: pd.Series) -> pd.DataFrame:
        """Fay-Herriot: the survey's means shrunk towards those of models that never saw the region.

        ``whole`` are the means of the map. Of a region without clusters its model saw none, and serves.
        """
        empty = pd.DataFrame(index=self.tie.rows)
        if not self.data.project.small_areas.fay_herriot or self.trust.settings is None:
            return empty
        held = self._held_out(indicator)
        if held is None:
            return empty
        survey, se = (direct[f"{indicator}_survey{end}"] for end in ("", "_se"))
        usable = int((held.notna() & survey.notna() & (se > 0)).sum())
        if usable < _FEWEST_AREAS:
            self._remark(
                f"{indicator}: survey and map are not combined. {usable} regions have a survey mean with its "
                f"error and a map; Fay-Herriot takes {_FEWEST_AREAS}."
            )
            return empty
        sample = self.lineup.sample
        assert sample.regions is not None
        surveyed = held.index.isin(sample.regions.iloc[sample.rows])
        held = held.where(surveyed, whole)
        try:
            model = models.FayHerriot().fit(
                held.to_numpy()[:, None], survey.to_numpy(), variance=se.to_numpy() ** 2
            )
        except InputError as error:
            self._remark(f"{indicator}: survey and map are not combined. {error}")
            return empty
        return pd.DataFrame(
            {
                f"{indicator}_eblup": model.eblup_,
                f"{indicator}_eblup_mse": model.mse_,
                f"{indicator}_shrinkage": model.gamma_,
            },
            index=self.tie.rows,
        )

    def _held_out(self, indicator: str) -> pd.Series | None:
        """Each region's mean by a model that never saw a cluster of it."""
        folds = self.lineup.splits.held_out_regions()
        if not folds:
            return None
        begin(f"mapping {indicator} without each region")
        stage = self._held_stage(indicator)
        path = self.data.space.make(stage, lambda folder: self._hold_out(indicator, folder))
        found = pd.read_parquet(path / "regions.parquet")[indicator]
        return found.reindex(self.tie.rows)

    def _held_stage(self, indicator: str) -> Stage:
        model, validation_ = self.lineup.map_choice, self.data.project.validation
        people = self.people.stage
        depends = [self.data.regions_stage, validation_.folds, *([people] if people else [])]
        return self.lineup.fit_stage(f"unseen-{model.key}", model, indicator, *depends)

    def _hold_out(self, indicator: str, folder: Path) -> None:
        model, sample = self.lineup.map_choice, self.lineup.sample
        assert sample.regions is not None
        region = sample.regions.iloc[sample.rows].to_numpy()
        learned = self.lineup.learned_with(model, indicator)
        found = pd.DataFrame(np.nan, index=self.tie.rows, columns=learned)
        for train, test in self.lineup.splits.held_out_regions():
            fitted = self.lineup.job(model, indicator).fitted(train)
            values = self.lineup.inputs.at_cells(fitted, model).reshape(len(self.data.cells), -1)
            means = pd.DataFrame(self.tie.mean(values), index=self.tie.rows, columns=learned)
            mine = means.index.isin(np.unique(region[test]))
            found[mine] = means[mine]
        found.to_parquet(folder / "regions.parquet")

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)
