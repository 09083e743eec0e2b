"""The report of a run: its figures, tables and sentences, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geolivelihood import layers, validation
from geolivelihood.errors import InputError
from geolivelihood.layers import Figure, Section, Table
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.builders import GEOGRAPHIC
from geolivelihood.recipes.words import (
    SPLITS,
    baseline_verdicts,
    data_sentences,
    question_sentences,
    summary,
)

__all__ = ["write_report"]


def write_report(
    path: Path,
    assessment: Assessment,
    made: Mapping[str, Any],
    scores: pd.DataFrame,
    *,
    provenance: Mapping[str, Any],
    picture: Path | None = None,
    explanations: Sequence[Section] = (),
) -> Path:
    """Write ``report.html``: the map, how good it is, how sure, where it applies, and from what it was made.

    Parameters
    ----------
    path
        The target.
    assessment
        The run's models and what they say of themselves.
    made
        Layers of the result, as :func:`~geolivelihood.recipes.results.build_layers` gives them.
    scores
        From :meth:`LineUp.scores`.
    provenance
        What the GeoPackage carries too.
    picture
        The drawn map, if there is one.
    explanations
        Further chapters on what the model goes by, placed before the regions.

    Raises
    ------
    EnvironmentMissingError
        If jinja2 is not installed.
    """
    writer = _Writer(assessment, made, scores)
    verdicts = baseline_verdicts(assessment.lineup, scores)
    sections = [
        *writer.map(picture),
        writer.scores_section(verdicts),
        writer.predictions(),
        *writer.intervals(),
        *writer.applicability(),
        writer.residuals(),
        *explanations,
        *writer.regions(),
        Section(title="The data", text=data_sentences(assessment)),
    ]
    return layers.write_report(
        path,
        title=writer.project.output.title or writer.project.name,
        summary=summary(assessment, scores, writer.labels, verdicts),
        sections=sections,
        warnings=assessment.remarks,
        provenance=provenance,
        licences=licences(assessment),
    )


def licences(assessment: Assessment) -> pd.DataFrame:
    """Licence and creator of the project's data and of each source of pictures, as far as they are told."""
    data = assessment.lineup.data
    rows = [("survey", str(data.project.licence or "not stated in the project"), "")]
    for name in data.sources:
        source = data.source(name)
        if source.detections_of is not None:
            continue
        table = data.images(name)
        own = [_listed(table[column]) if column in table else "" for column in ("license", "creator")]
        licence = source.licence or own[0] or data.project.licence
        rows.append((name, str(licence or "not stated"), own[1]))
    return pd.DataFrame(rows, columns=["data set", "licence", "creator"])


def _listed(values: pd.Series, most: int = 5) -> str:
    """The commonest values as text."""
    counts = values.dropna().astype("str").value_counts()
    counts = counts[counts.index != ""]
    more = f" and {len(counts) - most} others" if len(counts) > most else ""
    return ", ".join(counts.index[:most]) + more


class _Writer:
    """Makes the chapters of one report."""

    def __init__(self, assessment: Assessment, made: Mapping[str, Any], scores: pd.DataFrame) -> None:
        self.assessment = assessment
        self.lineup = assessment.lineup
        self.project = assessment.lineup.project
        self.labels: dict[str, str] = self.project.output.labels
        self.made = made
        self.scores = scores

    def map(self, picture: Path | None) -> Iterator[Section]:
        if picture is None:
            return
        caption = (
            f"{self._label(self.lineup.indicators[0])}, by the model {self.lineup.map_choice.key!r}. "
            "Hatched: not applicable, the pictures there are unlike those of all surveyed places."
        )
        yield Section(title="The map", figures=[layers.map_figure(picture, caption=caption)])

    def scores_section(self, verdicts: list[str]) -> Section:
        """All models under all splits, and in words who wins."""
        text = [*question_sentences(self.assessment), *verdicts]
        baselines = [model.key for model in self.project.models if model.name in GEOGRAPHIC]
        splits = {split: SPLITS[split] for split in self.lineup.splits.names}
        figures: list[Figure] = []
        tables: list[Table] = []
        for indicator in self.lineup.indicators:
            rows = self.scores[self.scores["indicator"].eq(indicator)]
            if not np.isfinite(rows.loc[rows["metric"].eq("r2"), "value"]).any():
                text.append(f"{indicator}: all labels are equal, so there is no R².")
                continue
            ceiling = self.assessment.ceiling(indicator)
            figures.append(
                layers.score_figure(
                    rows,
                    indicator=indicator,
                    baselines=baselines,
                    splits=splits,
                    ceiling=None if np.isnan(ceiling) else ceiling,
                    title=f"{self._label(indicator)}: R² of all models",
                )
            )
            tables += self._score_tables(indicator, rows)
        return Section(title="How good is it?", text=text, figures=figures, tables=tables)

    def _score_tables(self, indicator: str, rows: pd.DataFrame) -> Iterator[Table]:
        n, blocks = int(rows["n"].max()), int(rows["n_blocks"].max())
        of = f"Out of fold, {n:,} clusters in {blocks} blocks; in brackets 95 % intervals over blocks."
        if not rows["reliable"].all():
            of += " *: fewer than 10 blocks, the interval is unreliable."
        for metric, name in (("r2", "R²"), ("mae", "mean absolute error")):
            frame = validation.wide(rows, metric=metric).droplevel("indicator", axis=1).rename_axis("model")
            frame.columns.name = None
            yield Table(title=f"{self._label(indicator)}: {name}", frame=frame, caption=of)

    def predictions(self) -> Section:
        """Predicted against observed."""
        urban = self.lineup.sample.urban
        figures = []
        for indicator in self.lineup.indicators:
            table = self._residuals(indicator)
            ends = self.assessment.trust.at_clusters(indicator)
            sure = np.isfinite(ends.to_numpy()).any()
            figures.append(
                layers.predicted_observed_figure(
                    table["observed"],
                    table["predicted"],
                    groups=None if urban is None else urban.to_numpy(),
                    interval=(ends["lower"], ends["upper"]) if sure else None,
                    label=self._label(indicator),
                    title=f"{self._label(indicator)}: predicted against observed",
                )
            )
        text = ["Each prediction is by a model that has not seen the place's block."]
        return Section(title="Predicted and observed", text=text, figures=figures)

    def intervals(self) -> Iterator[Section]:
        """Whether the intervals keep their promise."""
        coverage = self.assessment.coverage
        if not len(coverage):
            return
        text = [
            "Intervals are conformal: as wide as the errors on blocks that the model had not seen, every "
            "block with the same weight. They are for a random surveyed place of a new block like these; "
            "they include the survey's own sampling error and the displacement of its points. They are no "
            "promise for each single district, nor for another country."
        ]
        figures = [
            layers.coverage_figure(curve, title=f"{self._label(indicator)}: coverage")
            for indicator in self.lineup.indicators
            if len(curve := self.assessment.trust.coverage_curve(indicator))
        ]
        shown = coverage.set_index("indicator").drop(columns=["worst_block", "se"], errors="ignore")
        caption = (
            "Measured on blocks that took no part in the calibration, with its 95 % interval over blocks; "
            "block_mean: mean of the blocks' coverages; worst: the least covered block."
        )
        digits = dict.fromkeys(["nominal", "coverage", "lower", "upper", "block_mean", "worst"], 2)
        table = Table(title="Coverage of the intervals", frame=shown, caption=caption, digits=digits)
        yield Section(title="How sure is it?", text=text, figures=figures, tables=[table])

    def applicability(self) -> Iterator[Section]:
        """Where the map applies."""
        applicable = self.assessment.applicable
        found = applicable.at_cells
        if found is None:
            return
        people = self.assessment.people
        shares = applicable.shares()
        text = [
            "A cell is applicable where what the model sees there resembles what it saw at some surveyed "
            "place (dissimilarity index of Meyer and Pebesma, 2021). The threshold is what the blocked folds "
            "met, so it stands for the blocked score. "
            + f"{shares['cells']:.1%} of the cells are applicable"
            + (
                f", and {shares['population']:.1%} of the people live in them."
                if "population" in shares
                else "."
            )
        ]
        figure = layers.applicability_figure(
            found["dissimilarity"],
            applicable.threshold,
            population=people.of_cells.to_numpy() if people.known else None,
        )
        yield Section(title="Where does it apply?", text=text, figures=[figure])

    def residuals(self) -> Section:
        """What the model leaves unexplained, where, and for whom."""
        figures: list[Figure] = []
        for indicator in self.lineup.indicators:
            table, label = self._residuals(indicator), self._label(indicator)
            residual = (table["observed"] - table["predicted"]).to_numpy()
            figures.append(
                layers.residual_map_figure(
                    self.lineup.sample.clusters,
                    residual,
                    regions=self.made.get("regions"),
                    label=label,
                    title=f"{label}: where the model errs",
                )
            )
            try:
                found = self.assessment.variogram(residual)
            except InputError:  # said among the remarks
                continue
            figures.append(
                layers.variogram_figure(found, title=f"{label}: how far errors resemble each other")
            )
        checks = self.assessment.checks.set_index("indicator").dropna(axis=1, how="all")
        caption = (
            "moran_i: Moran's I of the residuals over the 8 nearest places, with its p by permutation; "
            "range_km: practical range of their variogram; dropped: training rows lost to the buffer and to "
            "shared pictures; ceiling: largest R² that the labels' sampling errors allow; wasserstein_km: "
            "W of kNNDM."
        )
        tables = [
            Table(title="What is left unexplained", frame=checks, caption=caption, digits={"moran_p": 3})
        ]
        groups = self.assessment.groups
        if len(groups):
            said = (
                "The map's model under blocked folds; worst: largest rmse of its kind, from 30 clusters on."
            )
            frame = groups.assign(worst=groups["worst"].map({True: "worst", False: ""})).set_index(
                "indicator"
            )
            tables.append(Table(title="For whom it is worst", frame=frame, caption=said))
        return Section(title="What does it miss?", figures=figures, tables=tables)

    def regions(self) -> Iterator[Section]:
        """Survey, model, and both together."""
        regions = self.made.get("regions")
        if regions is None or not self.assessment.areas.wanted:
            return
        figures, tables = [], []
        for indicator in self.lineup.indicators:
            frame = self._region_frame(regions, indicator)
            if frame[["direct", "model"]].isna().all(axis=None):
                continue
            figures.append(
                layers.region_figure(
                    frame,
                    label=self._label(indicator),
                    title=f"{self._label(indicator)}: survey, model, and both together",
                )
            )
            tables.append(
                Table(
                    title=f"{self._label(indicator)}: regions",
                    frame=self._region_table(regions, indicator),
                    caption="parameter_sd: refits on other blocks; residual_sd: what the model misses, "
                    "errors of neighbouring cells taken as alike; shrinkage: the survey's weight in eblup; "
                    "uncovered: share of people (area) off the map. Lower and upper are the model's.",
                )
            )
        text = [
            "The model's mean is over the people of a region where their places are known, else over its "
            "area. Its interval takes errors of neighbouring cells as alike; ends of cells' intervals are "
            "never averaged. EBLUP (Fay and Herriot) takes the survey's mean the more, the surer it is, and "
            "leans on a model that never saw the region for the rest."
        ]
        yield Section(title="Regions", text=text, figures=figures, tables=tables)

    def _region_frame(self, regions: pd.DataFrame, indicator: str) -> pd.DataFrame:
        """Estimates side by side, indexed by the region's name."""
        coverage = self.assessment.trust.settings.coverage if self.assessment.trust.settings else 0.9
        frame = pd.DataFrame(index=pd.Index(regions["name"], name="region"))
        names = {
            "direct": f"{indicator}_survey",
            "direct_lower": f"{indicator}_survey_lower",
            "direct_upper": f"{indicator}_survey_upper",
            "model": indicator,
            "model_lower": f"{indicator}_lower",
            "model_upper": f"{indicator}_upper",
        }
        for ours, theirs in names.items():
            frame[ours] = regions[theirs].to_numpy(dtype=float) if theirs in regions else np.nan
        if f"{indicator}_eblup" in regions:
            half = _z(coverage) * np.sqrt(regions[f"{indicator}_eblup_mse"].to_numpy(dtype=float))
            frame["eblup"] = regions[f"{indicator}_eblup"].to_numpy(dtype=float)
            frame["eblup_lower"], frame["eblup_upper"] = frame["eblup"] - half, frame["eblup"] + half
        return frame

    def _region_table(self, regions: pd.DataFrame, indicator: str) -> pd.DataFrame:
        ends = ("", "_lower", "_upper", "_parameter_sd", "_residual_sd", "_survey", "_survey_se", "_eblup")
        wanted = [f"{indicator}{end}" for end in (*ends, "_shrinkage")]
        notes = ["clusters_count", "uncovered", "share_applicable"]
        kept = [name for name in (*wanted, *notes) if name in regions]
        table = regions.set_index(pd.Index(regions["name"], name="region"))[kept]
        short = {name: name.removeprefix(indicator).strip("_") or "model" for name in wanted}
        return table.rename(columns=short)

    def _residuals(self, indicator: str) -> pd.DataFrame:
        return self.lineup.out_of_fold(self.lineup.map_choice, "blocked", indicator)

    def _label(self, indicator: str) -> str:
        return self.labels.get(indicator, indicator)


def _z(coverage: float) -> float:
    """How many standard errors of a normal distribution lie on each side."""
    from scipy.stats import norm

    return float(norm.ppf((1 + coverage) / 2))
