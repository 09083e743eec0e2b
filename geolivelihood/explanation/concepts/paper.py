"""Concepts as published: Obadic et al. (2024), "Contrastive pretraining for visual concept explanations".

Kept to compare with; what is known to be wrong with it is said in each docstring, and the functions of
:mod:`~geolivelihood.explanation.concepts` do otherwise.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import SGDClassifier
from sklearn.manifold import TSNE
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts.scores import concept_cosines, concept_values
from geolivelihood.files import atomic

__all__ = [
    "PaperConcepts",
    "PaperScores",
    "column_normalised",
    "label_correlations",
    "paper_concepts",
    "paper_scaling",
    "paper_scores",
    "paper_tsne",
    "write_paper_tables",
]

Floats = npt.NDArray[np.float64]

_NEGATIVES = 500


class PaperConcepts(NamedTuple):
    """One vector per concept.

    Attributes
    ----------
    directions
        ``coef_`` of each classifier, on z-scores of its own training pictures, not of unit length: index
        ``concept_name``.
    accuracy
        ``layer, concept, accuracy, f1_score``.
    """

    directions: pd.DataFrame
    accuracy: pd.DataFrame


class PaperScores(NamedTuple):
    """Scores of pictures (index ``image_id``) by concept.

    Attributes
    ----------
    values
        Attribution times vector.
    cosines
        Cosine of raw features and z-score vectors.
    """

    values: pd.DataFrame
    cosines: pd.DataFrame


def paper_concepts(
    concepts: Mapping[str, npt.ArrayLike], *, layer: str = "avgpool", random_state: int = 0
) -> PaperConcepts:
    """Concept vectors by hinge loss, all other concepts being the negatives.

    Positives are all pictures of the concept, negatives ``ceil(500 / 6)`` = 84 random ones of each of the six
    others (``ceil(500 / (concepts − 1))`` in general, or all there are). Features are standardised; hinge SGD
    with ``alpha=0.1, max_iter=100`` on four fifths, stratified.

    The coefficients belong to z-scores and are later multiplied with raw features; negatives from other
    concepts couple the vectors; patches of one scene stand on both sides of the split.

    Parameters
    ----------
    concepts
        Features (pictures, d) after average pooling, by concept.
    layer
        Its name, for the table.
    random_state
        Seed.

    Raises
    ------
    InputError
        If there are fewer than two concepts, or one has fewer than 5 pictures.
    """
    sets = {str(name): np.asarray(values, dtype=np.float64) for name, values in concepts.items()}
    small = [name for name, values in sets.items() if len(values) < 5]
    if len(sets) < 2 or small:
        msg = (
            "The published choice takes negatives from the other concepts: it needs two of at least 5 "
            f"pictures, and got {len(sets)}{', too small: ' + ', '.join(small) if small else ''}."
        )
        raise InputError(msg)
    each = math.ceil(_NEGATIVES / (len(sets) - 1))
    random = np.random.default_rng(random_state)
    normals, lines = {}, []
    for name, positives in sets.items():
        rest = [random.permutation(values)[:each] for other, values in sets.items() if other != name]
        x = np.vstack([positives, *rest])
        y = np.repeat([1, 0], [len(positives), len(x) - len(positives)])
        normals[name], accuracy, f1 = _hinge(x, y, random_state)
        lines.append({"layer": layer, "concept": name, "accuracy": accuracy, "f1_score": f1})
    directions = pd.DataFrame.from_dict(normals, orient="index").rename_axis("concept_name")
    return PaperConcepts(directions, pd.DataFrame(lines))


def paper_scores(
    features: pd.DataFrame, *, baseline: npt.ArrayLike, weights: npt.ArrayLike, directions: pd.DataFrame
) -> PaperScores:
    """Value and cosine of each picture and concept.

    The published value is integrated gradients (5 steps, from the zero picture, times input) at the pooled
    features, dotted with the vector; with a linear head that is exactly Σ (a − a⁰) w v. Attributions have no
    scale, so the value is right on z-scores; the cosine mixes raw features with a vector of z-scores.

    Parameters
    ----------
    features
        Index ``image_id``, shape (n, d).
    baseline
        Features of the picture of zeros, shape (d,).
    weights
        Of the linear head, shape (d,).
    directions
        Of :class:`PaperConcepts`.
    """
    v = directions.to_numpy(dtype=np.float64)
    names = directions.index.to_list()
    values = concept_values(features.to_numpy(), baseline, weights, v)
    cosines = concept_cosines(features.to_numpy(), v)
    return PaperScores(
        pd.DataFrame(values, index=features.index, columns=names),
        pd.DataFrame(cosines, index=features.index, columns=names),
    )


def paper_scaling(values: npt.ArrayLike) -> Floats:
    """Values of one concept: those from 0 up min–max to [0, 1], those below to [−1, 0].

    As published, the smallest positive and the least negative value both become 0, and a side with one
    value only NaN; :func:`~geolivelihood.explanation.concepts.symmetric_scale` does neither.
    """
    v = np.asarray(values, dtype=np.float64)
    scaled = np.full(v.shape, np.nan)
    with np.errstate(invalid="ignore"):
        for side, start in ((v >= 0, 0.0), (v < 0, -1.0)):
            part = v[side]
            if len(part):
                scaled[side] = (part - part.min()) / (part.max() - part.min()) + start
    return scaled


def column_normalised(cosines: pd.DataFrame) -> pd.DataFrame:
    """Each concept's column divided by its length over pictures: the largest then names the concept."""
    return cosines / np.linalg.norm(cosines.to_numpy(), axis=0)


def label_correlations(cosines: pd.DataFrame, labels: npt.ArrayLike) -> pd.Series:
    """Pearson's r between each concept's column and the labels of the pictures, shape (n,)."""
    return cosines.corrwith(pd.Series(np.asarray(labels, dtype=np.float64), index=cosines.index))


def paper_tsne(features: npt.ArrayLike, *, random_state: int = 0) -> Floats:
    """t-SNE of features (n, d) to two dimensions.

    Perplexity 30, PCA start, learning rate max(n/48, 50), 1,000 iterations.
    """
    x = np.asarray(features, dtype=np.float64)
    if len(x) <= 30:
        msg = f"{len(x)} pictures: a perplexity of 30 needs more than 30."
        raise InputError(msg)
    rate = max(len(x) / 48, 50.0)
    model = TSNE(2, perplexity=30, init="pca", learning_rate=rate, max_iter=1000, random_state=random_state)
    return np.asarray(model.fit_transform(x), dtype=np.float64)


def write_paper_tables(
    folder: str | os.PathLike[str],
    concepts: PaperConcepts,
    scores: PaperScores,
    *,
    labels: npt.ArrayLike,
    tsne: npt.ArrayLike | None = None,
    layer: str = "avgpool",
) -> list[Path]:
    """The tables of the published code, under their published names and columns.

    Parameters
    ----------
    folder
        Where to.
    concepts, scores
        From :func:`paper_concepts` and :func:`paper_scores`.
    labels
        Of the pictures, shape (n,).
    tsne
        Coordinates (n, 2) of the pictures; ``None`` leaves that table out.
    layer
        Goes into file names.

    Returns
    -------
    list of pathlib.Path
        ``cav_accuracy.csv``, ``{layer}_cavs_activations.csv``, ``{layer}_cosine_sim_instances_cavs.csv``,
        ``tcav_results_{layer}.csv`` (long, one row per picture and concept), ``label_cav_corr_{layer}.csv``
        and ``{layer}_tsne_instances_cavs.csv``.
    """
    known = np.asarray(labels)
    ids = scores.values.index.to_numpy()
    flat = scores.values.to_numpy().reshape(-1)
    width = scores.values.shape[1]
    results = pd.DataFrame(
        {
            "image_id": np.repeat(ids, width),
            "concept_pair": np.tile(scores.values.columns.to_numpy(), len(ids)),
            "layer": layer,
            "label": np.repeat(known, width),
            "concept_sign": flat > 0,
            "TCAV_value": flat,
        }
    )
    correlation = label_correlations(column_normalised(scores.cosines), known)
    tables = {
        "cav_accuracy": concepts.accuracy,
        f"{layer}_cavs_activations": concepts.directions.reset_index(),
        f"{layer}_cosine_sim_instances_cavs": scores.cosines.rename_axis("image_id").reset_index(),
        f"tcav_results_{layer}": results,
        f"label_cav_corr_{layer}": correlation.rename("correlation").rename_axis("concept").reset_index(),
    }
    if tsne is not None:
        places = pd.DataFrame(np.asarray(tsne), columns=["tsne_dim_1", "tsne_dim_2"])
        places.insert(0, "image_id", ids)
        tables[f"{layer}_tsne_instances_cavs"] = places
    written = []
    for name, table in tables.items():
        target = Path(folder) / f"{name}.csv"
        with atomic(target) as part:
            table.to_csv(part, index=False)
        written.append(target)
    return written


def _hinge(x: Floats, y: npt.NDArray[Any], seed: int) -> tuple[Floats, float, float]:
    z = StandardScaler().fit_transform(x)
    fit, held, y_fit, y_held = train_test_split(z, y, test_size=0.2, stratify=y, random_state=seed)
    model = SGDClassifier(loss="hinge", alpha=0.1, max_iter=100, random_state=seed).fit(fit, y_fit)
    said = model.predict(held)
    return np.ravel(model.coef_), accuracy_score(y_held, said), f1_score(y_held, said, zero_division=0)
