"""The data of a run in sentences: labels, their weights and errors, how displaced points are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from geolivelihood.recipes.assessment import Assessment
from geolivelihood.recipes.settings import Displacement

__all__ = ["data_sentences", "licences"]


def data_sentences(assessment: Assessment) -> list[str]:
    """Labels, their weights and errors, and how displaced points are read."""
    return [*_labels(assessment), *_errors(assessment), _displacement(assessment)]


def _labels(assessment: Assessment) -> Iterator[str]:
    lineup, data = assessment.lineup, assessment.lineup.data
    clusters, sample, source = data.clusters, lineup.sample, data.project.clusters
    files = source.dhs.recode if source and source.dhs else (source.path if source else "")
    left = len(sample.left_out)
    yield (
        f"Labels: {files}{_years(clusters)}; {_count(len(clusters), 'cluster')}, of which "
        f"{len(sample.rows):,} are learned from. {left:,} {'is' if left == 1 else 'are'} left out of every "
        + (f"model: {sample.why_left_out()}." if left else "model.")
    )
    rejected = data.rejected()
    faulty = rejected[rejected["stage"].str.startswith("clusters")]["row"].nunique()
    if faulty:
        yield f"{_count(faulty, 'row')} of the survey could not be used; rejected.csv says why."


def _years(clusters: pd.DataFrame) -> str:
    """The years of the survey, from the first to the last."""
    years = sorted(clusters["year"].dropna().unique()) if "year" in clusters else []
    if not years:
        return ""
    return f", {years[0]}" if len(years) == 1 else f", {years[0]} to {years[-1]}"


def _errors(assessment: Assessment) -> Iterator[str]:
    lineup = assessment.lineup
    labels = lineup.project.output.labels
    yield (
        "Survey weights enter every fit that takes them."
        if lineup.sample.weight is not None
        else "The survey has no weights; every cluster counts the same."
    )
    known = [name for name in lineup.indicators if lineup.sample.labels([name]).se is not None]
    named = ", ".join(labels.get(name, name) for name in known)
    yield (
        f"Standard errors of the labels of {named} enter every fit that takes them, and the noise ceiling."
        if known
        else "The labels come without standard errors, so there is no noise ceiling."
    )
    if assessment.areas.wanted and "stratum" not in lineup.data.clusters:
        yield "The survey names no strata; errors of its means of regions take it as one stratum."


def _displacement(assessment: Assessment) -> str:
    moved = assessment.lineup.project.displacement
    if moved == "none":
        return "The published points are taken as the true sites."
    radii = moved if isinstance(moved, Displacement) else Displacement()
    far, border = "", ""
    if radii.rural_far_share:
        far = f" ({100 * radii.rural_far_share:g} % of these by up to {radii.rural_far_m / 1000:g} km)"
    if radii.boundary:
        border = f"; points stayed within their unit of {Path(radii.boundary).name}"
    return (
        f"The survey moved its points by up to {radii.urban_m / 1000:g} km in towns and "
        f"{radii.rural_m / 1000:g} km elsewhere{far}{border}. A label belongs to every cell that the true "
        "site may lie in, by its probability. All places within reach are taken as equally likely (no "
        "population prior)."
    )


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def licences(assessment: Assessment) -> pd.DataFrame:
    """Licence and creator of the project's data and of each source of pictures, as far as they are told."""
    data = assessment.lineup.data
    rows = [("survey", data.project.licence or "not stated", "")]
    for name in data.sources:
        source = data.source(name)
        if source.detections_of is not None:
            continue
        table = data.images(name)
        own = [_listed(table[column]) if column in table else "" for column in ("license", "creator")]
        rows.append((name, source.licence or own[0] or "not stated", own[1]))
    return pd.DataFrame(rows, columns=["data set", "licence", "creator"])


def _listed(values: pd.Series, most: int = 5) -> str:
    """The commonest values as text."""
    counts = values.dropna().astype("str").value_counts()
    counts = counts[counts.index != ""]
    more = f" and {len(counts) - most} others" if len(counts) > most else ""
    return ", ".join(counts.index[:most]) + more
