"""The findings of a run in sentences, for readers who do not read tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from geolivelihood import validation
from geolivelihood.layers import Summary
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.builders import GEOGRAPHIC
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.settings import Displacement

__all__ = ["NOT_FOR", "SPLITS", "baseline_verdicts", "data_sentences", "question_sentences", "summary"]

SPLITS = {
    "random": "random (another place among the surveyed)",
    "blocked": "blocked (a district without a survey)",
    "region": "region left out",
    "knndm": "kNNDM (as far from training as the map)",
}
_QUESTIONS = {
    "random": "Random folds ask for another place among the surveyed ones; near neighbours are in training, "
    "so this flatters whatever knows where a place is.",
    "blocked": "Blocked folds hold out whole H3 cells of resolution {resolution}{buffer}, and pictures are "
    "never on both sides: a district where nobody surveyed. This is the score to go by.",
    "region": "Each {region} is left out whole, once, in {regions} folds: a {region} without any survey.",
    "knndm": "kNNDM folds lie as far from their training places as the map's cells lie from the survey.",
}
NOT_FOR = (
    "It must not be used to judge a household or a single place, to decide who is entitled to something, or "
    "to say what causes what. It says nothing where it is hatched, nothing of other years than the survey's, "
    "and a change between two such maps is no change on the ground unless it is larger than both their "
    "errors. Sums over a region come from the layer of regions, not from adding up intervals of cells."
)


def question_sentences(assessment: Assessment) -> list[str]:
    """What each split asks, in the order of the table."""
    sample, settings = assessment.lineup.sample, assessment.lineup.project.validation
    buffer = "" if settings.buffer_m == 0 else f", with a buffer of {settings.buffer_m} m"
    kind = assessment.lineup.splits.region_kind
    filled = {"resolution": sample.block_resolution, "buffer": buffer, "region": kind}
    if "region" in assessment.lineup.splits.names:
        filled["regions"] = len(assessment.lineup.splits.of("region"))
    return [_QUESTIONS[split].format(**filled) for split in assessment.lineup.splits.names]


def baseline_verdicts(lineup: LineUp, scores: pd.DataFrame) -> list[str]:
    """For each indicator, whether the map's model beats what knows nothing but the coordinates."""
    baselines = [model.key for model in lineup.project.models if model.name in GEOGRAPHIC]
    said = []
    for indicator, rows in scores[scores["metric"].eq("r2")].groupby("indicator", sort=False):
        table = rows.pivot_table(index="model", columns="split", values="value", sort=False)
        for split in [split for split in lineup.splits.names if split in table]:
            there = table[split].dropna()
            best = there[there.index.isin(baselines)]
            if best.empty or not (~there.index.isin(baselines)).any():
                continue
            said.append(_verdict(lineup, str(indicator), split, there, str(best.idxmax())))
    return said


def _verdict(lineup: LineUp, indicator: str, split: str, r2: pd.Series, baseline: str) -> str:
    """One model on pictures, the map's if it is one, against the best baseline on the same resamples."""
    choices = {model.key: model for model in lineup.project.models}
    pictured = r2[[key for key in r2.index if choices[key].name not in GEOGRAPHIC]]
    rival = lineup.map_choice.key if lineup.map_choice.key in pictured.index else str(pictured.idxmax())
    ours, theirs = (lineup.out_of_fold(choices[key], split, indicator) for key in (rival, baseline))
    found = validation.paired_difference(
        ours["observed"],
        ours["predicted"],
        theirs["predicted"],
        ours["block"],
        n=lineup.project.validation.bootstrap,
        random_state=lineup.project.seed,
    )
    numbers = f"R² {r2[rival]:.2f} against {r2[baseline]:.2f}, difference {found.value:+.2f} "
    numbers += f"[{found.lower:+.2f}, {found.upper:+.2f}]"
    if found.value <= 0:
        verdict = (
            f"a baseline wins: {baseline}, which knows nothing but the coordinates, beats {rival}, so the "
            "pictures have added nothing to where a place is"
        )
    elif found.lower > 0:
        verdict = f"{rival} beats the best baseline, {baseline}"
    else:
        verdict = f"{rival} is ahead of the best baseline, {baseline}, by no more than chance"
    return f"{indicator}, {split}: {verdict} ({numbers})."


def summary(
    assessment: Assessment, scores: pd.DataFrame, labels: Mapping[str, str], verdicts: list[str]
) -> Summary:
    """What a reader must take along who reads nothing else."""
    lineup, data = assessment.lineup, assessment.lineup.data
    named = ", ".join(labels.get(name, name) for name in lineup.indicators)
    says = (
        f"An estimate of {named} for each of {len(data.cells):,} cells of about "
        f"{_side_km(assessment):.3g} km across, learned from {len(lineup.sample.rows):,} surveyed places and "
        f"what pictures show there, by the model {lineup.map_choice.key!r}."
    )
    lost = [said for said in verdicts if "a baseline wins" in said and ", blocked:" in said]
    warned = " " + " ".join(said[0].upper() + said[1:] for said in lost) if lost else ""
    return Summary(
        says=says, sure=_sure(assessment, scores) + warned, not_for=NOT_FOR, facts=_facts(assessment, scores)
    )


def _side_km(assessment: Assessment) -> float:
    from geolivelihood.cells import cell_areas

    area = float(np.mean(cell_areas(assessment.lineup.data.cells[:1000])))
    return float(np.sqrt(area / (1.5 * np.sqrt(3)))) * np.sqrt(3) / 1000  # between opposite edges


def _blocked(assessment: Assessment, scores: pd.DataFrame) -> pd.DataFrame:
    """R² of the map's model under blocked folds, by indicator."""
    wanted = scores["metric"].eq("r2") & scores["split"].eq("blocked")
    return scores[wanted & scores["model"].eq(assessment.lineup.map_choice.key)].set_index("indicator")


def _sure(assessment: Assessment, scores: pd.DataFrame) -> str:
    parts = []
    for indicator, row in _blocked(assessment, scores).iterrows():
        unsure = "" if row["reliable"] else ", from so few blocks that the interval itself is unreliable"
        parts.append(
            f"{indicator}: in districts without a survey it explains {max(row['value'], 0):.0%} of the "
            f"differences between places [{row['lower']:.2f}, {row['upper']:.2f}]{unsure}."
        )
    coverage = assessment.coverage
    for row in coverage[coverage["group"].eq("all")].itertuples() if len(coverage) else ():
        parts.append(
            f"The {row.nominal:.0%} intervals of {row.indicator} held the survey's value in "
            f"{row.coverage:.0%} [{row.lower:.0%}, {row.upper:.0%}] of the places, each of a block that had "
            f"no part in making its interval; they are {row.mean_width:.3g} wide on average."
        )
    if not len(coverage):
        parts.append("It has no intervals; the notes say why.")
    return " ".join(parts)


def _facts(assessment: Assessment, scores: pd.DataFrame) -> dict[str, str]:
    found = {
        "Survey clusters": f"{len(assessment.lineup.sample.rows):,}",
        "Blocks": f"{len(np.unique(assessment.lineup.sample.blocks)):,}",
    }
    for indicator, row in _blocked(assessment, scores).iterrows():
        found[f"R², blocked: {indicator}"] = f"{row['value']:.2f}"
    coverage = assessment.coverage
    for row in coverage[coverage["group"].eq("all")].itertuples() if len(coverage) else ():
        found[f"Coverage: {row.indicator}"] = f"{row.coverage:.0%} of {row.nominal:.0%}"
    shares = assessment.applicable.shares()
    if shares:
        found["Cells where it applies"] = f"{shares['cells']:.0%}"
    if "population" in shares:
        found["People where it applies"] = f"{shares['population']:.0%}"
    return found


def data_sentences(assessment: Assessment) -> list[str]:
    """Labels, their weights and errors, and how displaced points are read."""
    lineup, data = assessment.lineup, assessment.lineup.data
    clusters, sample = data.clusters, lineup.sample
    source = data.project.clusters
    files = source.dhs.recode if source and source.dhs else (source.path if source else "")
    years = sorted({str(year) for year in clusters["year"].dropna()}) if "year" in clusters else []
    said = [
        f"Labels: {files}{f', {years[0]}' if len(years) == 1 else ''}; {len(clusters):,} clusters, of which "
        f"{len(sample.rows):,} are learned from. {len(sample.left_out)} are left out of every model"
        + (f": {sample.why_left_out()}." if len(sample.left_out) else "."),
        "Survey weights enter every fit that takes weights."
        if sample.weight is not None
        else "The survey has no weights; every cluster counts the same.",
    ]
    with_errors = [name for name in lineup.indicators if sample.labels([name]).se is not None]
    said.append(
        f"Standard errors of the labels of {', '.join(with_errors)} enter the fits and the noise ceiling."
        if with_errors
        else "The labels come without standard errors, so there is no noise ceiling."
    )
    return [*said, _displacement(assessment)]


def _displacement(assessment: Assessment) -> str:
    data = assessment.lineup.data
    moved = data.project.displacement
    if moved == "none":
        return "The published points are taken as the true sites."
    radii = moved if isinstance(moved, Displacement) else Displacement()
    border = f" and never leave their unit of {radii.boundary}" if radii.boundary else ""
    flags = data.tie.notes
    flagged = "" if flags is None else f" {int(flags.any(axis=1).sum())} points lie outside every unit."
    return (
        f"The survey moved its points by up to {radii.urban_m / 1000:g} km in towns and "
        f"{radii.rural_m / 1000:g} km elsewhere (1 % of these by up to {radii.rural_far_m / 1000:g} "
        f"km){border}; a label belongs to every cell that the true site may lie in, by its "
        f"probability.{flagged}"
    )
