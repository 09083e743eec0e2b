"""The report of a run: its figures, tables and sentences, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from geolivelihood import layers
from geolivelihood.errors import InputError
from geolivelihood.layers import Figure, Section, Table
from geolivelihood.layers.breaks import number_text
from geolivelihood.layers.drawing import percent
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.builders import GEOGRAPHIC
from geolivelihood.recipes.data_words import data_sentences, licences
from geolivelihood.recipes.report_frames import (
    checks_frame,
    coverage_frame,
    groups_frame,
    regions_estimates,
    regions_frame,
    scores_frame,
)
from geolivelihood.recipes.words import (
    SPLITS,
    Verdict,
    baseline_verdicts,
    groups_sentence,
    question_sentences,
    relabelled,
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
        warnings=relabelled(assessment.remarks, writer.labels),
        provenance=provenance,
        licences=licences(assessment),
    )


_REGIONS = (
    "Model part: standard deviation of refits on other blocks. Residual part: of what the model misses, "
    "errors of neighbouring cells taken as alike. Survey's weight: its share in both together. Off the map: "
    "share of the region's people, or area, outside its cells. Flagged: more than a fifth is off the map or "
    "not applicable. Lower and upper are the model's."
)


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
        caption = f"{self._label(self.lineup.indicators[0])}, by the model {self.lineup.map_choice.key!r}."
        if self.assessment.applicable.at_cells is not None:
            caption += (
                " Hatched: not applicable; what the model sees there is unlike every surveyed place, or "
                "missing."
            )
        yield Section(title="The map", figures=[layers.map_figure(picture, caption=caption)])

    def scores_section(self, verdicts: list[Verdict]) -> Section:
        """All models under all splits, and in words who wins."""
        text = [*question_sentences(self.assessment), *(verdict.text for verdict in verdicts)]
        baselines = [model.key for model in self.project.models if model.name in GEOGRAPHIC]
        splits = {split: SPLITS[split] for split in self.lineup.splits.names}
        figures: list[Figure] = []
        tables: list[Table] = []
        for indicator in self.lineup.indicators:
            rows = self.scores[self.scores["indicator"].eq(indicator)]
            if not np.isfinite(rows.loc[rows["metric"].eq("r2"), "value"]).any():
                text.append(f"{self._label(indicator)}: all labels are equal, so there is no R².")
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
            frame = scores_frame(rows, metric)
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
        text += [
            groups_sentence(self.assessment, indicator)
            if len(self.lineup.indicators) == 1
            else f"{self._label(indicator)}: {groups_sentence(self.assessment, indicator)}"
            for indicator in coverage["indicator"].unique()
        ]
        caption = (
            "Measured on each block with intervals calibrated on the others, with its 95 % interval over "
            "blocks. Worst block: the least covered one. Urban and rural are the survey's own classes."
        )
        table = Table(
            title="Coverage of the intervals", frame=coverage_frame(coverage, self.labels), caption=caption
        )
        yield Section(title="How sure is it?", text=text, figures=figures, tables=[table])

    def applicability(self) -> Iterator[Section]:
        """Where the map applies."""
        applicable = self.assessment.applicable
        found = applicable.at_cells
        if found is None:
            return
        people = self.assessment.people
        shares = applicable.shares()
        people_in = ""
        if "population" in shares:
            people_in = f", with {percent(shares['population'])} of the people in the map's cells"
        text = [
            "A cell is applicable where what the model sees there resembles what it saw at some surveyed "
            "place (dissimilarity index of Meyer and Pebesma, 2021): up to "
            f"{number_text(applicable.threshold, digits=2)}. This threshold is the upper whisker of what the "
            f"surveyed places of {len(self.lineup.splits.of('blocked'))} blocked folds met, so it stands for "
            f"the blocked score. {percent(shares['cells'])} of the cells are applicable{people_in}."
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
        caption = (
            "Kept out of training: by the buffer and by shared pictures, of the places outside the test. "
            "Moran's I: of the residuals over the 8 nearest places, with its p by permutation. Range: how "
            "far residuals resemble each other (practical range of their variogram). Noise ceiling: largest "
            "R² that the labels' sampling errors allow. W: how far the distances from tested places to "
            "training are from those between the map and the survey."
        )
        checks = checks_frame(self.assessment.checks, self.labels)
        digits = {"Moran's I": 2, "noise ceiling": 2, "p": 3}
        tables = [Table(title="What is left unexplained", frame=checks, caption=caption, digits=digits)]
        groups = self.assessment.groups
        if len(groups):
            said = "The map's model. Worst: largest error of its kind, from 30 clusters on."
            frame = groups_frame(groups, self.labels)
            tables.append(Table(title="For whom it is worst", frame=frame, caption=said, digits={"R²": 2}))
        return Section(title="What does it miss?", figures=figures, tables=tables)

    def regions(self) -> Iterator[Section]:
        """Survey, model, and both together."""
        regions = self.made.get("regions")
        if regions is None or not self.assessment.areas.wanted:
            return
        settings = self.assessment.trust.settings
        coverage = settings.coverage if settings else 0.9
        figures, tables = [], []
        for indicator in self.lineup.indicators:
            frame = regions_estimates(regions, indicator, coverage=coverage)
            if frame[["direct", "model"]].isna().all(axis=None):
                continue
            figures.append(
                layers.region_figure(
                    frame,
                    label=self._label(indicator),
                    title=f"{self._label(indicator)}: survey, model, and both together",
                )
            )
            shown, digits = regions_frame(regions, indicator)
            tables.append(
                Table(
                    title=f"{self._label(indicator)}: regions",
                    frame=shown,
                    digits=digits,
                    caption=_REGIONS,
                )
            )
        text = [
            "The model's mean is over the people of a region where their places are known, else over its "
            "area. Its interval takes errors of neighbouring cells as alike; ends of cells' intervals are "
            "never averaged. EBLUP (Fay and Herriot) takes the survey's mean the more, the surer it is, and "
            "leans on a model that never saw the region for the rest."
        ]
        yield Section(title="Regions", text=text, figures=figures, tables=tables)

    def _residuals(self, indicator: str) -> pd.DataFrame:
        return self.lineup.out_of_fold(self.lineup.map_choice, "blocked", indicator)

    def _label(self, indicator: str) -> str:
        return self.labels.get(indicator, indicator)
