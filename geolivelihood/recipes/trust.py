"""How sure the map is: intervals calibrated on blocks it has not seen, and whether they hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import models, validation
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.lineup import Job, LineUp
from geolivelihood.recipes.people import DENSE_KM2, People
from geolivelihood.recipes.settings import Uncertainty
from geolivelihood.recipes.workspace import Stage

__all__ = ["Trust"]

Floats = npt.NDArray[np.float64]
_CURVE = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


class Trust:
    """The uncertainty of a project's map.

    Parameters
    ----------
    lineup
        The project's models, scored under the blocked split.
    people
        Population of the cells; dense and sparse places may have quantiles of their own.

    Attributes
    ----------
    remarks
        What could not be said, and why.
    """

    def __init__(self, lineup: LineUp, people: People) -> None:
        self.lineup = lineup
        self.people = people
        self.sample = lineup.sample
        self.remarks: list[str] = []
        self._draws: dict[str, pd.DataFrame] = {}

    @property
    def settings(self) -> Uncertainty | None:
        """The project's section ``uncertainty``; ``None`` where it wants none."""
        given = self.lineup.project.uncertainty
        return given if isinstance(given, Uncertainty) and self.lineup.project.models else None

    def stages(self) -> list[Stage]:
        """Every stage of the uncertainty, in order."""
        settings = self.settings
        if settings is None:
            return []
        found: list[Stage] = [self.people.stage] if self.people.stage else []
        for indicator in self.lineup.indicators:
            found += [self._draws_stage(indicator)] if settings.draws else []
            found += [self._spread_stage(indicator)] if settings.score == "normalised" else []
        return list(dict.fromkeys(found))

    # -- intervals ----------------------------------------------------------------------------------

    def at_cells(self, indicator: str, prediction: pd.Series) -> pd.DataFrame:
        """Interval of every cell: ``lower``, ``upper``; empty where too few blocks were surveyed."""
        index = prediction.index
        if not self._enough_blocks(indicator):
            return pd.DataFrame({"lower": np.nan, "upper": np.nan}, index=index)
        table, groups = self._residuals(indicator), self._groups(indicator)
        options = self._options(indicator)
        fitted = validation.ConformalIntervals(**options, random_state=self.lineup.project.seed).fit(
            table["observed"],
            table["predicted"],
            blocks=table["block"],
            scale=self._spread(indicator),
            groups=None if groups is None else groups[0],
        )
        scale = self.draws(indicator).std(ddof=1).reindex(index) if options["score"] == "normalised" else None
        cells = None if groups is None else groups[1]
        bands = fitted.predict(prediction.to_numpy(), scale=scale, groups=cells)
        return pd.DataFrame({"lower": bands.lower, "upper": bands.upper}, index=index)

    def at_clusters(self, indicator: str) -> pd.DataFrame:
        """Interval of each cluster around its out-of-fold prediction, calibrated without its own block."""
        return self._nested(indicator, self.settings.coverage if self.settings else np.nan)

    def coverage(self) -> pd.DataFrame:
        """Measured coverage of the intervals on blocks that took no part in their calibration.

        Returns
        -------
        pandas.DataFrame
            ``indicator``, ``group`` (``all``, then the survey's urban and rural, then dense and sparse),
            ``nominal``, ``coverage`` with ``se``, ``lower``, ``upper`` (95 %, over blocks), ``block_mean``,
            ``worst``, ``worst_block``, ``mean_width``, ``n``, ``n_blocks``.
        """
        rows = [row for indicator in self.lineup.indicators for row in self._covered(indicator)]
        return pd.DataFrame(rows)

    def coverage_curve(self, indicator: str) -> pd.DataFrame:
        """Measured coverage at several promises: ``nominal``, ``measured``, ``lower``, ``upper``."""
        rows = []
        for nominal in _CURVE:
            found = self._measured(indicator, nominal, np.ones(len(self.sample.rows), dtype=bool))
            if found is not None:
                rows.append((nominal, found.coverage, found.lower, found.upper))
        return pd.DataFrame(rows, columns=["nominal", "measured", "lower", "upper"])

    def _covered(self, indicator: str) -> Iterator[dict[str, Any]]:
        settings = self.settings
        if settings is None or not self._enough_blocks(indicator):
            return
        blocks = self._blocks(indicator)
        if blocks == _least_blocks(settings.coverage):
            self._remark(
                f"{indicator}: intervals are given, but {blocks} blocks leave none to check them on: their "
                "coverage is not measured."
            )
            return
        for group, member in self._classes(indicator):
            found = self._measured(indicator, settings.coverage, member)
            if found is None:
                continue
            shown = found._asdict()
            shown = {name: value for name, value in shown.items() if name not in ("by_block", "n_dropped")}
            yield {"indicator": indicator, "group": group, "nominal": shown.pop("nominal"), **shown} | {
                "worst_block": f"{found.worst_block:x}"
            }

    def _classes(self, indicator: str) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """Groups of clusters whose coverage is told apart; those of the survey are not those of the map."""
        yield "all", np.ones(len(self.sample.rows), dtype=bool)
        if self.sample.urban is not None:
            for name in ("urban", "rural"):
                yield name, self.sample.urban.eq(name).to_numpy()
        groups = self._groups(indicator)
        if groups is not None:
            for name in np.unique(groups[0]):
                yield str(name), groups[0] == name

    def _measured(
        self, indicator: str, nominal: float, member: npt.NDArray[np.bool_]
    ) -> validation.Coverage | None:
        table, bands = self._residuals(indicator), self._nested(indicator, nominal)
        y, low, high = (values.to_numpy() for values in (table["observed"], bands["lower"], bands["upper"]))
        inside = np.where((low <= y) & (y <= high), 1.0, 0.0)
        inside[~np.isfinite(y + low + high) | ~member] = np.nan
        if np.isnan(inside).all():
            return None
        return validation.coverage(inside, table["block"], nominal=nominal, width=high - low)

    def _nested(self, indicator: str, nominal: float) -> pd.DataFrame:
        table = self._residuals(indicator)
        # a block calibrates nothing of its own, so that it takes one more
        enough = self.settings is not None and self._enough_blocks(indicator)
        if not enough or self._blocks(indicator) <= _least_blocks(nominal):
            return pd.DataFrame({"lower": np.nan, "upper": np.nan}, index=table.index)
        groups = self._groups(indicator)
        options = self._options(indicator) | {"alpha": round(1 - nominal, 9)}
        bands = validation.nested_intervals(
            table["observed"],
            table["predicted"],
            table["block"],
            **options,
            scale=self._spread(indicator),
            groups=None if groups is None else groups[0],
            random_state=self.lineup.project.seed,
        )
        ends = np.stack([bands.lower, bands.upper])
        ends[:, ~np.isfinite(ends).all(axis=0)] = np.nan
        return pd.DataFrame({"lower": ends[0], "upper": ends[1]}, index=table.index)

    def _options(self, indicator: str) -> dict[str, Any]:
        settings = self.settings or Uncertainty()
        return {
            "alpha": settings.alpha,
            "score": "absolute" if self._spread(indicator) is None else "normalised",
            "bounds": settings.range.get(indicator),
        }

    def _enough_blocks(self, indicator: str) -> bool:
        settings = self.settings
        if settings is None:
            return False
        found, least = self._blocks(indicator), _least_blocks(settings.coverage)
        if found >= least:
            return True
        self._remark(
            f"{indicator}: no intervals. Its {len(self._residuals(indicator).dropna())} clusters lie in "
            f"{found} blocks; intervals of {settings.coverage:.0%} can be vouched for from {least} blocks "
            "on. Finer blocks or intervals that promise less would give some. "
            "(Project file: validation.block_resolution, uncertainty.coverage.)"
        )
        return False

    def _blocks(self, indicator: str) -> int:
        return int(self._residuals(indicator).dropna()["block"].nunique())

    def _residuals(self, indicator: str) -> pd.DataFrame:
        return self.lineup.out_of_fold(self.lineup.map_choice, "blocked", indicator)

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)

    # -- dense and sparse places --------------------------------------------------------------------

    def _groups(self, indicator: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
        """Group of each cluster and of each cell, where each has blocks enough for a quantile of its own."""
        settings = self.settings
        if settings is None or settings.groups == "none" or not self.people.known:
            return None
        clusters, cells = self._densities
        table = self._residuals(indicator)
        known = table[["observed", "predicted"]].notna().all(axis=1).to_numpy()
        blocks = table["block"][known].groupby(clusters[known]).nunique()
        # one more than a quantile takes: each is checked on a block that had no part in it
        few = len(blocks) < 2 or blocks.min() <= _least_blocks(settings.coverage)
        if settings.groups == "auto" and few:
            return None
        return clusters, cells

    @cached_property
    def _densities(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        density = self.people.density_km2
        expected = self.lineup.data.map_tie.mean(density)[self.sample.rows]
        clusters, cells = (np.where(values >= DENSE_KM2, "dense", "sparse") for values in (expected, density))
        return clusters, cells

    # -- what the model might have been --------------------------------------------------------------

    def draws(self, indicator: str) -> pd.DataFrame:
        """Maps of the model refitted on resampled blocks, a row per refit, a column per cell."""
        if indicator not in self._draws:
            begin(f"refitting for {indicator}")
            stage = self._draws_stage(indicator)
            path = self.lineup.data.space.make(stage, lambda folder: self._draw(indicator, folder))
            at = self.lineup.learned_with(self.lineup.map_choice, indicator).index(indicator)
            values = np.load(path / "draws.npy")[:, :, at].astype(float)
            self._draws[indicator] = pd.DataFrame(
                values, columns=pd.Index(self.lineup.data.cells, name="cell")
            )
        return self._draws[indicator]

    def field(self, indicator: str) -> validation.ResidualField:
        """What the map's model misses in new districts, as a random field, without the labels' own errors."""
        table = self._residuals(indicator)
        errors = f"{indicator}_se"
        clusters = self.sample.clusters
        se = clusters[errors].to_numpy(dtype=float) if errors in clusters else None
        residual = (table["observed"] - table["predicted"]).to_numpy()
        return validation.ResidualField.of(
            residual,
            clusters.geometry,
            se=None if se is None or np.isnan(se).all() else se,
            random_state=self.lineup.project.seed,
        )

    def _draws_stage(self, indicator: str) -> Stage:
        return self._refit_stage("draws", indicator)

    def _spread_stage(self, indicator: str) -> Stage:
        return self._refit_stage("spread", indicator, self._score_stage(indicator))

    def _score_stage(self, indicator: str) -> Stage:
        return self.lineup.score_stage(self.lineup.map_choice, "blocked", indicator)

    def _refit_stage(self, what: str, indicator: str, *depends: Any) -> Stage:
        model, given = self.lineup.map_choice, self.lineup.project.validation
        settings = [self._n_draws, given.block_resolution, given.folds]
        return self.lineup.fit_stage(f"{what}-{model.key}", model, indicator, settings, *depends)

    @property
    def _n_draws(self) -> int:
        return self.settings.draws if self.settings else 0

    def _draw(self, indicator: str, folder: Path) -> None:
        model = self.lineup.map_choice
        ensemble = self._ensemble(self.lineup.job(model, indicator), np.arange(len(self.sample.rows)))
        maps = ensemble.draws(lambda member: self.lineup.inputs.at_cells(member, model))
        np.save(folder / "draws.npy", maps.reshape(*maps.shape[:2], -1).astype(np.float32))

    def _ensemble(self, job: Job, rows: npt.NDArray[np.intp]) -> models.BlockEnsemble:
        """The map's model refitted on resamples of the blocks of these rows."""
        rows = job.labelled(rows)
        cut = {name: values[rows] for name, values in job.per_row.items()}
        ensemble = models.BlockEnsemble(
            job.estimator, n_draws=self._n_draws, random_state=self.lineup.project.seed
        )
        x, y = models.take(job.X, rows), job.labels.y[rows]
        return ensemble.fit(x, y, groups=self.sample.blocks[rows], **cut, **job.beside)

    def _spread(self, indicator: str) -> Floats | None:
        """Standard deviation of refits that had not seen the cluster's fold, for ``score: normalised``.

        ``None`` for other scores, and where most refits agree to the digit: they say nothing of the width.
        """
        if self.settings is None or self.settings.score != "normalised":
            return None
        begin(f"refitting without each fold for {indicator}")
        stage = self._spread_stage(indicator)
        path = self.lineup.data.space.make(stage, lambda folder: self._spread_folds(indicator, folder))
        at = self.lineup.learned_with(self.lineup.map_choice, indicator).index(indicator)
        spread = np.load(path / "spread.npy")[:, at]
        if np.nanmedian(spread) > 0:
            return spread
        self._remark(
            f"{indicator}: intervals are as wide everywhere. Refits of the model on other blocks predict the "
            "same. (Project file: uncertainty.score: absolute.)"
        )
        return None

    def _spread_folds(self, indicator: str, folder: Path) -> None:
        job = self.lineup.job(self.lineup.map_choice, indicator)
        found = np.full((len(self.sample.rows), job.labels.y.reshape(len(job.labels.y), -1).shape[1]), np.nan)
        for train, test in self.lineup.splits.of("blocked"):
            ensemble, rows = self._ensemble(job, train), models.take(job.X, test)
            found[test] = ensemble.std(partial(_predicted, rows)).reshape(len(test), -1)
        np.save(folder / "spread.npy", found)


def _least_blocks(nominal: float) -> int:
    """Blocks from which a quantile is finite, (1 − α)/α."""
    return math.ceil(round(nominal / (1 - nominal), 9))


def _predicted(rows: Any, member: Any) -> Floats:
    return member.predict(rows)
