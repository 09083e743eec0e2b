"""The findings of a run in sentences, for readers who do not read tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood import cells as h3cells
from geolivelihood import validation
from geolivelihood.layers import Summary
from geolivelihood.layers.breaks import plain_number
from geolivelihood.layers.drawing import percent
from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.builders import GEOGRAPHIC
from geolivelihood.recipes.lineup import LineUp
from geolivelihood.recipes.people import DENSE_KM2

__all__ = [
    "NOT_FOR",
    "SPLITS",
    "Verdict",
    "baseline_verdicts",
    "groups_sentence",
    "question_sentences",
    "relabelled",
    "summary",
]

SPLITS = {
    "random": "random (another place among the surveyed)",
    "blocked": "blocked (a district without a survey)",
    "region": "region left out",
    "knndm": "kNNDM (as far from training as the map)",
}
_QUESTIONS = {
    "random": "Random folds ask for another place among the surveyed ones; near neighbours are in training, "
    "so this flatters models that know where a place is.",
    "blocked": "Blocked folds hold out whole H3 cells of resolution {resolution} ({width} km wide)"
    "{buffer}{pictures}: a district where nobody surveyed. This is the score to go by.",
    "region": "Each {region} is left out whole, once, in {regions} folds: a {region} without any survey.",
    "knndm": "kNNDM folds lie as far from their training places as the map's cells lie from the survey.",
}
_MODELS = {
    "mean": "gives every place the mean of the surveyed ones",
    "knn": "averages the nearest surveyed places and knows nothing but the coordinates",
    "idw": "averages surveyed places, the nearer the more, and knows nothing but the coordinates",
    "gp": "is a Gaussian process that knows nothing but the coordinates",
    "ridge": "is linear in the features of each place's pictures",
    "boosting": "adds up small decision trees on the features of each place's pictures",
    "graph": "is a network on a graph of each place's pictures",
    "image": "is a network trained on the picture files themselves",
    "crossfitted": "learns from what a network trained on the picture files of other places says of each",
    "cell": "is trained on the average over where each displaced place may lie",
}
NOT_FOR = (
    "It must not be used to judge a household or a single place, to decide who is entitled to something, or "
    "to say what causes what. It says nothing where it is hatched, nothing of other years than the survey's, "
    "and a change between two such maps is no change on the ground unless it is larger than both their "
    "errors. Sums over a region come from the layer of regions, not from adding up intervals of cells."
)


class Verdict(NamedTuple):
    """Whether pictures beat the coordinates, for one indicator under one split."""

    split: str
    won: bool
    text: str


def relabelled(remarks: Iterable[str], labels: Mapping[str, str]) -> list[str]:
    """Remarks that begin with an indicator, under the name that readers know it by."""
    made = []
    for remark in remarks:
        name, colon, rest = remark.partition(": ")
        made.append(f"{labels[name]}: {rest}" if colon and name in labels else remark)
    return made


def question_sentences(assessment: Assessment) -> list[str]:
    """What each split asks, in the order of the table."""
    lineup = assessment.lineup
    sample, splits = lineup.sample, lineup.splits
    buffer_m = splits.buffer_used_m
    filled: dict[str, Any] = {
        "resolution": sample.block_resolution,
        "width": plain_number(validation.block_width_m(sample.block_resolution) / 1000),
        "buffer": f", with a buffer of {plain_number(buffer_m / 1000)} km" if buffer_m else "",
        "pictures": _apart(lineup, buffer_m),
        "region": splits.region_kind,
    }
    if "region" in splits.names:
        filled["regions"] = len(splits.of("region"))
    return [_QUESTIONS[split].format(**filled) for split in splits.names]


def _apart(lineup: LineUp, buffer_m: float) -> str:
    """What the folds keep apart of the pictures."""
    used = {name for model in lineup.project.models for name in lineup.data.seen_by(model)}
    sources = [lineup.data.source(name) for name in used]
    overhead = any(source.chips is not None or source.kind == "overhead" for source in sources)
    if not sources:
        return ""
    apart = 0 < buffer_m >= lineup.splits.window_m  # of tiles, whose windows are not known, any buffer
    may_overlap = "; windows of overhead pictures may overlap" if overhead and not apart else ""
    return f"; no photo is on both sides{may_overlap}"


# -- pictures against coordinates -------------------------------------------------------------------------


def baseline_verdicts(lineup: LineUp, scores: pd.DataFrame) -> list[Verdict]:
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


def _verdict(lineup: LineUp, indicator: str, split: str, r2: pd.Series, baseline: str) -> Verdict:
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
    label = lineup.project.output.labels.get(indicator, indicator)
    numbers = f"R² {r2[rival]:z.2f} against {r2[baseline]:z.2f}, difference {found.value:+z.2f} "
    numbers += f"[{found.lower:+z.2f}, {found.upper:+z.2f}]"
    numbers = numbers.replace("-", "\N{MINUS SIGN}")
    text = f"{label}, {split}: {_compared(rival, baseline, found)} ({numbers})."
    return Verdict(split, found.value > 0, text)


def _compared(rival: str, baseline: str, found: validation.Interval) -> str:
    """A difference of R² in words."""
    if found.upper <= 0:
        return (
            f"a baseline wins: {baseline}, which knows nothing but the coordinates, beats {rival}, so the "
            "pictures have added nothing to where a place is"
        )
    if found.value <= 0:
        return (
            f"{baseline}, which knows only the coordinates, is level with or ahead of {rival}, by no more "
            "than chance: nothing shows that pictures add to knowing where a place is"
        )
    if found.lower > 0:
        return f"{rival} beats the best baseline, {baseline}"
    return f"{rival} is ahead of the best baseline, {baseline}, by no more than chance"


# -- the summary ------------------------------------------------------------------------------------------


def summary(
    assessment: Assessment, scores: pd.DataFrame, labels: Mapping[str, str], verdicts: list[Verdict]
) -> Summary:
    """What a reader must take along who reads nothing else."""
    lineup, data = assessment.lineup, assessment.lineup.data
    named = ", ".join(labels.get(name, name) for name in lineup.indicators)
    pictures = " and what pictures show there" if lineup.map_choice.name not in GEOGRAPHIC else ""
    says = (
        f"This map estimates: {named}. It has {len(data.cells):,} cells, each about "
        f"{plain_number(_across_km(data.cells), digits=2)} km across, and was learned from "
        f"{len(lineup.sample.rows):,} surveyed places{pictures}. {_model_sentence(lineup)}"
    )
    blocked = _blocked(assessment, scores)
    sure = [_explained(labels.get(str(name), str(name)), row) for name, row in blocked.iterrows()]
    sure += _held(assessment, labels)
    sure += [said.text[0].upper() + said.text[1:] for said in verdicts if _warns(said)]
    return Summary(says=says, sure=" ".join(sure), not_for=NOT_FOR, facts=_facts(assessment, blocked, labels))


def _across_km(cells: npt.NDArray[np.uint64]) -> float:
    """Mean width of the cells, between opposite edges, from their area."""
    return float(np.sqrt(2 / np.sqrt(3) * np.mean(h3cells.cell_areas(cells[:1000])))) / 1000


def _warns(verdict: Verdict) -> bool:
    return verdict.split == "blocked" and not verdict.won


def _model_sentence(lineup: LineUp) -> str:
    model = lineup.map_choice
    does = _MODELS[model.name]
    if model.name == "cell" and lineup.project.displacement == "none":
        does = "is trained on the cells that the places lie in"
    return f"The model ({model.key!r}) {does}."


def _blocked(assessment: Assessment, scores: pd.DataFrame) -> pd.DataFrame:
    """R² of the map's model under blocked folds, by indicator."""
    wanted = scores["metric"].eq("r2") & scores["split"].eq("blocked")
    return scores[wanted & scores["model"].eq(assessment.lineup.map_choice.key)].set_index("indicator")


def _explained(label: str, row: pd.Series) -> str:
    """What a blocked R² means."""
    value, lower, upper = row["value"], row["lower"], row["upper"]
    if not np.isfinite(value):
        return f"{label}: all labels are equal; there is nothing to explain."
    unsure = "" if row["reliable"] else ", from so few blocks that the interval itself is unreliable"
    if value <= 0:
        said = "it predicts no better than the mean of all places "
        said += f"(R² {value:z.2f} [{lower:z.2f}, {upper:z.2f}])"
    else:
        said = f"it explains {percent(value)} [{percent(lower)}, {percent(upper)}] of the variance "
        said += "between places"
    return f"{label}: in districts without a survey {said}{unsure}."


def _held(assessment: Assessment, labels: Mapping[str, str]) -> list[str]:
    """Whether the intervals keep their promise."""
    if assessment.trust.settings is None:
        return ["Intervals were switched off in the project (uncertainty: none)."]
    measured = _pooled(assessment.coverage)
    said = []
    for name in assessment.lineup.indicators:
        label = labels.get(name, name)
        if name not in measured.index:
            said.append(f"{label}: no intervals, or none that could be checked; the warnings say why.")
            continue
        row = measured.loc[name]
        said.append(
            f"The {percent(row['nominal'])} intervals of {label} held the survey's value in "
            f"{percent(row['coverage'])} [{percent(row['lower'])}, {percent(row['upper'])}] of the surveyed "
            f"places, when calibrated on the other blocks; their mean width is "
            f"{plain_number(row['mean_width'])} (unit of {label}){_fit(row)}."
        )
    return said


def _fit(row: pd.Series) -> str:
    """Whether intervals are too wide or too narrow by more than chance."""
    if row["lower"] > row["nominal"]:
        return ", wider than they need be"
    return ", too narrow" if row["upper"] < row["nominal"] else ""


def _pooled(coverage: pd.DataFrame) -> pd.DataFrame:
    """Coverage over all places, by indicator."""
    return coverage[coverage["group"].eq("all")].set_index("indicator") if len(coverage) else coverage


def _facts(assessment: Assessment, blocked: pd.DataFrame, labels: Mapping[str, str]) -> dict[str, str]:
    sample = assessment.lineup.sample
    found = {"Survey clusters": f"{len(sample.rows):,}", "Blocks": f"{len(np.unique(sample.blocks)):,}"}
    for name, value in blocked["value"].items():
        if np.isfinite(value):
            found[f"R², blocked: {labels.get(str(name), name)}"] = f"{value:z.2f}"
    for name, row in _pooled(assessment.coverage).iterrows():
        asked = f"Inside the {percent(row['nominal'])} intervals: {labels.get(str(name), name)}"
        found[asked] = percent(row["coverage"])
    shares = assessment.applicable.shares()
    if shares:
        found["Cells where it applies"] = percent(shares["cells"])
    if "population" in shares:
        found["People where it applies"] = percent(shares["population"])
    return found


def groups_sentence(assessment: Assessment, indicator: str) -> str:
    """Which groups of places have quantiles of their own, or why there are none."""
    settings, coverage = assessment.trust.settings, assessment.coverage
    of = coverage[coverage["indicator"].eq(indicator)].set_index("group")["n_blocks"]
    least = np.ceil(round(settings.coverage / settings.alpha, 9)) if settings else np.inf
    own = [name for name in ("dense", "sparse") if name in of and of[name] >= least]
    if own:
        return (
            f"Intervals are made apart for {' and '.join(own)} places: dense ones have {DENSE_KM2} people "
            "per km² or more."
        )
    if settings is not None and settings.groups == "none":
        why = "the project wants none (uncertainty: groups: none)"
    elif not assessment.people.known:
        why = "the project has no raster of population to tell dense places from sparse ones"
    else:
        why = f"dense places ({DENSE_KM2} people per km² or more), or sparse ones, lie in too few blocks"
    return f"All places share one width of intervals: {why}."
