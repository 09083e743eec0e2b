"""What a project's model makes of concepts ("water", "dense housing"): per picture, cluster and cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geolivelihood.cells import cell_names
from geolivelihood.errors import InputError
from geolivelihood.explanation.cluster_drawing import draw_embedding
from geolivelihood.explanation.concepts import (
    ConceptScores,
    ConceptVectors,
    Standardisation,
    concept_cells,
    concept_clusters,
    concept_scores,
    concept_vectors,
)
from geolivelihood.explanation.concepts.drawing import draw_concept_scores
from geolivelihood.explanation.concepts.scores import positive_magnitude_share
from geolivelihood.explanation.concepts.vectors import FEWEST, unit
from geolivelihood.explanation.feature_clusters import Layout, embedding_coordinates
from geolivelihood.extras import require
from geolivelihood.files import atomic
from geolivelihood.progress import stage as begin
from geolivelihood.recipes.explanations.concept_activations import Answers, answers
from geolivelihood.recipes.explanations.concept_sets import STAGE, ConceptSets, concept_sets, fewer
from geolivelihood.recipes.explanations.job import REJECTED, Job, Made
from geolivelihood.recipes.explanations.pictures import chosen_images, picture_model

__all__ = ["OPTIONS", "explain_concepts"]

OPTIONS: tuple[str, ...] = ("concepts", "rules", "layer", "embedding")
"""Where the examples are, at which layer they are asked for, and how pictures are laid out in the drawing."""

Floats = npt.NDArray[np.float64]

# Pictures of no concept that stand for "anything": a few, or a small rest, would be of a kind of their own.
_ENOUGH, _LEFTOVER = 50, 0.25
_DRAWN = 3000  # pictures in the drawing of the embedding
_COLUMNS = (
    *("method", "model", "target", "level", "name", "value", "lower", "upper", "n", "n_eff"),
    *("q", "significant", "cav_accuracy"),
)


class _Learned(NamedTuple):
    """Vectors of the concepts, the pictures of each, how many were used, and what these were told from."""

    vectors: ConceptVectors
    members: pd.DataFrame
    sizes: pd.Series
    counterexamples: str
    rejected: pd.DataFrame


def explain_concepts(job: Job) -> Made:
    """Concept scores (TCAV) of a model of pictures, as layers, a table and drawings.

    A concept's vector says in which direction the activations go when a picture shows more of it; its score,
    how the prediction goes along. Each vector is learned 30 times, beside 200 vectors between random
    pictures, and a concept that moves the prediction no more than those is said not to be significant.

    Parameters
    ----------
    job
        Its options: ``concepts`` and ``rules`` (:func:`.concept_sets.concept_sets`); ``layer``, the name of
        a hidden layer, where the default is the pooled features before the linear head; ``embedding``,
        ``"tsne"`` or ``"umap"``.

    Returns
    -------
    Made
        Layers ``explanations_concepts`` (cells), ``explanations_concepts_clusters`` (points) and
        ``explanations_concepts_images`` (the pictures' own geometry), one row per place and concept:
        ``name`` (of the concept), ``value`` (how far it moves the prediction of the place's pictures, in the
        unit of the indicator: of a linear head against the source's mean picture, of other layers per
        standard deviation along the vector), ``lower, upper`` (90 %, over sequences of pictures), ``n``,
        ``n_eff``, ``q``, ``significant``, ``cav_accuracy`` (balanced, held out). Files
        ``concepts_<model>_<target>.csv`` (the tests), ``.png`` (the embedding) and ``_scores.png``.

    Raises
    ------
    InputError
        If the model says nothing of single pictures, or no concept has pictures enough.
    """
    layout = _layout(job)
    model = picture_model(job)
    chosen = chosen_images(job, model.source)
    images = job.data.images(model.source).drop_duplicates("image_id").reset_index(drop=True)
    sets = concept_sets(job, images)
    outside = sets.members[sets.members["path"].ne("")].drop_duplicates("image_id")
    found = answers(job, model, images, pd.Index(chosen["image_id"]), outside)
    learned = _learned(found, sets, job.data.project.seed)
    scores = _scores(job, found, learned.vectors)
    table = _results(found, learned, scores)
    layers = _layers(job, model.source, chosen, scores)
    files = _written(job, model.source, found, learned, scores, table, layout)
    rejected = pd.concat([sets.rejected, found.rejected, learned.rejected], ignore_index=True)
    facts = {
        "concepts": len(table),
        "significant": ", ".join(table.loc[table["significant"], "concept"]) or "none",
        "not significant": ", ".join(table.loc[~table["significant"], "concept"]) or "none",
        "counterexamples": learned.counterexamples,
        "layer": found.layer,
    }
    return Made(layers, files, rejected, facts)


def _layout(job: Job) -> Layout:
    """How the embedding is laid out; refused before any work where it cannot be."""
    layout: Layout = job.options.get("embedding") or "tsne"
    if layout not in ("tsne", "umap"):
        msg = f"embedding={layout!r}: choose 'tsne' or 'umap'."
        raise InputError(msg)
    if layout == "umap":
        require("umap", extra="explain")
    return layout


# -- vectors ----------------------------------------------------------------------------------------


def _learned(found: Answers, sets: ConceptSets, seed: int) -> _Learned:
    """Vectors of the concepts that have pictures enough."""
    members = sets.members[sets.members["image_id"].isin(found.values.index)]
    asked = sets.members.loc[sets.members["concept"].ne(""), "concept"]
    sizes = members["concept"].value_counts().reindex(asked.unique(), fill_value=0)
    few = sizes[sizes < FEWEST]
    rows = [
        (STAGE, name, "concept", f"{count} picture{'' if count == 1 else 's'}; {FEWEST} or more are needed")
        for name, count in few.items()
    ]
    if len(few) == len(sizes):
        said = "; ".join(f"{name}: {count}" for name, count in few.items())
        msg = (
            f"No concept has {FEWEST} pictures that can be read ({said}). Add pictures (50 or more of each "
            "are better), or ask for lower shares by --option rules=TABLE.csv."
        )
        raise InputError(msg)
    members = members[~members["concept"].isin(few.index)]
    begin("learning concept vectors")
    used = fewer(members, seed)
    vectors, counterexamples = _vectors(found, used, sets.members, seed)
    rejected = pd.DataFrame(rows, columns=list(REJECTED))
    return _Learned(vectors, members, used["concept"].value_counts(), counterexamples, rejected)


def _vectors(
    found: Answers, used: pd.DataFrame, shown: pd.DataFrame, seed: int
) -> tuple[ConceptVectors, str]:
    """The vectors, and in words the pictures that concepts were told from.

    Logistic regression, since the support vectors of a few dozen pictures do not converge on hundreds of
    features that go together; steps in standard deviations, so that features which hardly vary do not
    decide the direction.
    """
    sets = {str(name): rows for name, rows in used[used["concept"].ne("")].groupby("concept", sort=False)}
    activations = {name: found.values.loc[rows["image_id"]].to_numpy() for name, rows in sets.items()}
    zones = {name: rows["zone"].to_numpy() for name, rows in sets.items()}
    # of a concept in one zone pictures are held out
    groups = {name: zone for name, zone in zones.items() if len(np.unique(zone)) > 1}
    options: dict[str, Any] = {
        "method": "logistic", "space": "standardised", "groups": groups, "random_state": seed,
    }  # fmt: skip
    given = used.loc[used["concept"].eq(""), "image_id"]
    rest = found.own.difference(shown["image_id"], sort=False)
    if len(given):
        others = found.values.loc[given].to_numpy()
        return concept_vectors(activations, others, **options), f"{len(given)} given pictures of no concept"
    if len(rest) >= max(_ENOUGH, _LEFTOVER * len(found.own)):
        others = found.values.loc[rest].to_numpy()
        words = f"{len(rest)} pictures of the source that show no concept"
        return concept_vectors(activations, others, **options), words
    parts = []
    for name, values in activations.items():  # a handful of concepts
        inside = shown.loc[shown["concept"].eq(name), "image_id"]
        others = found.values.loc[found.own.difference(inside, sort=False)].to_numpy()
        parts.append(concept_vectors({name: values}, others, **options))
    words = "the source's pictures outside each concept, as hardly any shows no concept"
    return _joined(parts, Standardisation.of(found.values.to_numpy())), words


def _joined(parts: list[ConceptVectors], moments: Standardisation) -> ConceptVectors:
    """Vectors of concepts that were learned apart, in steps of the same standard deviations."""

    def again(vectors: Floats, part: ConceptVectors) -> Floats:
        scale = part.standardisation.scale
        return unit(vectors * np.divide(moments.scale, scale, out=np.zeros_like(scale), where=scale > 0))

    return ConceptVectors(
        tuple(name for part in parts for name in part.concepts),
        np.concatenate([again(part.directions, part) for part in parts]),
        np.concatenate([again(part.random, part) for part in parts]),
        pd.concat([part.fits for part in parts], ignore_index=True),
        "standardised",
        moments,
    )


def _scores(job: Job, found: Answers, vectors: ConceptVectors) -> ConceptScores:
    if found.explained.empty:
        msg = "None of the pictures to be explained can be read. See what was set aside."
        raise InputError(msg)
    return concept_scores(
        found.values.loc[found.explained].to_numpy(),
        vectors,
        gradients=found.gradients,
        index=pd.Index(found.explained, name="image_id"),
        target=job.indicator,
        layer=found.layer,
    )


def _results(found: Answers, learned: _Learned, scores: ConceptScores) -> pd.DataFrame:
    """The tests, one row per concept, in words that stand alone."""
    vectors, table = learned.vectors, scores.table
    slope = np.atleast_2d(vectors.gradients(found.gradients))
    chance = np.einsum("d,crd->cr", slope.mean(axis=0), vectors.random)
    low, high = np.percentile(chance, [2.5, 97.5], axis=1)
    repeats = vectors.fits.groupby("concept")["repeat"].count()
    extra = {
        "repeats": table["concept"].map(repeats),
        "random_repeats": vectors.random.shape[1],
        "pictures": table["concept"].map(learned.sizes),
        "counterexamples": learned.counterexamples,
        # of the sensitivities: values about the mean picture add up to nothing
        "positive_magnitude_share": positive_magnitude_share(slope @ vectors.mean_directions.T),
        "chance_lower": low,
        "chance_upper": high,
    }
    names = {"mean": "mean_sensitivity", "ci_lower": "sensitivity_lower", "ci_upper": "sensitivity_upper"}
    order = [
        *("concept", "target", "layer", "mean_sensitivity", "sensitivity_lower", "sensitivity_upper"),
        *("chance_lower", "chance_upper", "p_t", "p_emp", "q", "significant", "sign_count"),
        *("positive_magnitude_share", "accuracy", "balanced_accuracy", "f1", "weak", "pictures", "repeats"),
        *("random_repeats", "counterexamples"),
    ]
    return table.rename(columns=names).assign(**extra)[order]


# -- places -----------------------------------------------------------------------------------------


def _layers(
    job: Job, source: str, chosen: gpd.GeoDataFrame, scores: ConceptScores
) -> dict[str, gpd.GeoDataFrame]:
    """Scores of cells, clusters and pictures; a layer without rows is left out."""
    values = scores.values[scores.values.index.isin(chosen["image_id"])]
    images = chosen.set_index("image_id")
    options: dict[str, Any] = {
        "sequences": images.get("sequence_id"), "table": scores.table, "random_state": job.data.project.seed,
    }  # fmt: skip
    layers = {}
    tie, pairs = job.data.image_tie(source), job.data.pairs(source)
    if values.index.isin(tie.rows).any():
        cells = concept_cells(values, tie, **options)
        layers[""] = cells.assign(cell=cell_names(cells["cell"].to_numpy(np.uint64)))
    owners = pairs.set_index("image_id")["cluster_id"]
    if owners.index.isin(values.index).any():
        table = concept_clusters(values, owners, **options)
        points = job.data.clusters.set_index("cluster_id").geometry.reindex(table["cluster_id"])
        layers["_clusters"] = gpd.GeoDataFrame(table, geometry=points.to_numpy(), crs=points.crs)
    layers["_images"] = _pictures(values, images, scores)
    ids = {"": "cell", "_clusters": "cluster_id", "_images": "image_id"}
    return {f"explanations_concepts{end}": _finished(job, layer, ids[end]) for end, layer in layers.items()}


def _pictures(values: pd.DataFrame, images: gpd.GeoDataFrame, scores: ConceptScores) -> gpd.GeoDataFrame:
    """One row per picture and concept, with the cosine between them."""
    long = values.rename_axis("image_id").reset_index().melt("image_id", var_name="name")
    cosine = scores.cosines.loc[values.index].melt()["value"].to_numpy()
    tests = scores.table.set_index("concept").rename(columns={"balanced_accuracy": "cav_accuracy"})
    tests = tests.loc[long["name"], ["q", "significant", "cav_accuracy"]].reset_index(drop=True)
    # one picture has no spread
    table = long.assign(cosine=cosine, lower=np.nan, upper=np.nan, n=1, n_eff=1.0).join(tests)
    geometry = images.geometry.loc[table["image_id"]]
    return gpd.GeoDataFrame(table, geometry=geometry.to_numpy(), crs=images.crs)


def _finished(job: Job, layer: gpd.GeoDataFrame, place: str) -> gpd.GeoDataFrame:
    known = {
        "method": job.method,
        "model": job.choice.key,
        "target": job.indicator,
        "level": place.removesuffix("_id"),
    }
    table = layer.assign(**known)
    more = [name for name in ("cosine",) if name in table]
    return table[[place, *_COLUMNS, *more, "geometry"]].to_crs("EPSG:4326")


# -- files ------------------------------------------------------------------------------------------


def _written(
    job: Job,
    source: str,
    found: Answers,
    learned: _Learned,
    scores: ConceptScores,
    table: pd.DataFrame,
    layout: Layout,
) -> list[Path]:
    begin("drawing concepts")
    stem = re.sub(r"[^0-9A-Za-z_.-]+", "_", f"concepts_{job.choice.key}_{job.indicator}")
    label = job.data.project.output.labels.get(job.indicator, job.indicator)
    files = [job.folder / f"{stem}{end}" for end in (".csv", ".png", "_scores.png")]
    job.folder.mkdir(parents=True, exist_ok=True)
    with atomic(files[0]) as part:
        table.to_csv(part, index=False)
    names = {"mean_sensitivity": "score", "sensitivity_lower": "lower", "sensitivity_upper": "upper"}
    drawn = table.rename(columns=names).assign(accuracy=table["balanced_accuracy"])
    draw_concept_scores(
        drawn,
        label=f"{label}: change per standard deviation along the concept",
        title=f"Concepts in the model {job.choice.key!r}",
        path=files[2],
    )
    shown = _spots(found, learned.members, job.data.project.seed)
    spots = embedding_coordinates(
        found.values.loc[shown],
        method=layout,
        random_state=job.data.project.seed,
    )
    draw_embedding(spots, _colours(job, source, shown, learned.members, scores, label), path=files[1])
    return files


def _spots(found: Answers, members: pd.DataFrame, seed: int) -> pd.Index:
    """Pictures to lay out: those of the concepts, and of the others as many as can be seen."""
    inside = pd.Index(members.loc[members["concept"].ne(""), "image_id"].unique())
    rest = found.values.index.difference(inside, sort=False)
    room = max(_DRAWN - len(inside), 0)
    lot = np.sort(np.random.default_rng(seed).permutation(len(rest))[:room])
    return inside.append(rest[lot])


def _colours(
    job: Job, source: str, shown: pd.Index, members: pd.DataFrame, scores: ConceptScores, label: str
) -> pd.DataFrame:
    """Label, concept and sensitivity of each picture; missing where it has none."""
    pairs = job.data.pairs(source)
    known = job.data.clusters.set_index("cluster_id")[job.indicator].reindex(pairs["cluster_id"])
    surveyed = known.groupby(pairs["image_id"].to_numpy()).mean()
    shows = members[members["concept"].ne("")].groupby("image_id")["concept"].agg(_named)
    order = scores.table.assign(size=scores.table["mean"].abs())
    strongest = order.sort_values(["q", "size"], ascending=[True, False])["concept"].iloc[0]
    return pd.DataFrame(
        {
            label: surveyed.reindex(shown).to_numpy(dtype=float),
            "concept": shows.reindex(shown).to_numpy(),
            f"sensitivity to {strongest}": scores.values[strongest].reindex(shown).to_numpy(),
        },
        index=shown,
    )


def _named(concepts: Iterable[str]) -> str:
    names = list(dict.fromkeys(concepts))
    return names[0] if len(names) == 1 else "several"
