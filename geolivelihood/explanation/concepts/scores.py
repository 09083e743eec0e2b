"""How far a prediction goes along with a concept, and whether that is more than chance."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts.vectors import ConceptVectors, Floats, unit

__all__ = [
    "ConceptScores",
    "ConceptTest",
    "benjamini_hochberg",
    "concept_cosines",
    "concept_scores",
    "concept_test",
    "concept_values",
    "mean_sensitivity",
    "positive_magnitude_share",
    "sign_count",
    "symmetric_scale",
]

Statistic = Literal["mean", "positive_share"]


class ConceptScores(NamedTuple):
    """What the concepts do to predictions.

    Attributes
    ----------
    values
        One line per picture, one column per concept: how far the concept moves this picture's prediction, in
        target units.
    cosines
        Of the same shape: cosine between the picture's activations and the concept's vector.
    table
        One line per concept: ``concept, target, layer, mean`` (sensitivity: change of the prediction per unit
        step along the concept), ``ci_lower, ci_upper`` (percentiles of its repeats), ``sign_count`` (share of
        pictures with a positive sensitivity), ``mean_value, positive_magnitude_share`` (of ``values``; they
        say nothing where the baseline is the mean picture),
        ``p_t, p_emp, q, significant``, ``accuracy, balanced_accuracy, f1, weak`` (of the vectors, held out).
    """

    values: pd.DataFrame
    cosines: pd.DataFrame
    table: pd.DataFrame


class ConceptTest(NamedTuple):
    """A concept's statistic beside that of random vectors.

    Attributes
    ----------
    t, df, p_t
        Welch's t, its degrees of freedom, two-sided p. The repeats of a concept share their pictures, so this
        p alone calls most meaningless concepts significant (35 of 60 sets of random pictures at 5 %).
    p_emp
        Share of random vectors that lie at least as far from their mean as the concept does.
    """

    t: float
    df: float
    p_t: float
    p_emp: float


def concept_values(
    activations: npt.ArrayLike, baseline: npt.ArrayLike, weights: npt.ArrayLike, directions: npt.ArrayLike
) -> Floats:
    """How far each concept moves each picture's prediction away from that of a baseline picture.

    Σ_i (a_i − a⁰_i) w_i v_i, for all pictures and concepts in one product A(w∘V)ᵀ − a⁰(w∘V)ᵀ. For a linear
    head on pooled features this is exactly integrated gradients at the features times the vector.

    Parameters
    ----------
    activations
        Pooled features, shape (n, d).
    baseline
        Features of the baseline picture (all zeros, or a mean picture), shape (d,).
    weights
        Of the linear head, shape (d,), in target units.
    directions
        Concept vectors, shape (concepts, d).

    Returns
    -------
    numpy.ndarray
        Shape (n, concepts).
    """
    a, v = np.asarray(activations, dtype=np.float64), np.asarray(directions, dtype=np.float64)
    w, start = np.asarray(weights, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if a.ndim != 2 or v.ndim != 2 or not a.shape[1] == v.shape[1] == w.size == start.size:
        msg = (
            f"Shapes do not fit: activations {a.shape}, baseline {start.shape}, weights {w.shape}, "
            f"directions {v.shape}. Give (n, d), (d,), (d,), (concepts, d)."
        )
        raise InputError(msg)
    along = (w.reshape(-1) * v).T
    return a @ along - start.reshape(-1) @ along


def concept_cosines(activations: npt.ArrayLike, directions: npt.ArrayLike) -> Floats:
    """Cosine between each picture's activations (n, d) and each concept's vector (concepts, d).

    Both must be of one space: raw activations with raw vectors, z-scores with standardised ones.
    """
    a, v = (np.asarray(given, dtype=np.float64) for given in (activations, directions))
    return unit(a) @ unit(v).T


def sign_count(values: npt.ArrayLike) -> Floats:
    """Share of pictures (rows) with a value above 0: captum's ``sign_count``."""
    return (np.asarray(values) > 0).mean(axis=0)


def mean_sensitivity(values: npt.ArrayLike) -> Floats:
    """Mean over pictures (rows), signed: what captum calls ``magnitude`` and returns."""
    return np.asarray(values, dtype=np.float64).mean(axis=0)


def positive_magnitude_share(values: npt.ArrayLike) -> Floats:
    """Σ|s|·[s > 0] / Σ|s| over pictures (rows): what captum's documentation calls ``magnitude``.

    NaN where all values are 0.
    """
    s = np.asarray(values, dtype=np.float64)
    whole = np.abs(s).sum(axis=0)
    positive = np.where(s > 0, s, 0.0).sum(axis=0)
    return np.divide(positive, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def concept_test(concept: npt.ArrayLike, random: npt.ArrayLike) -> ConceptTest:
    """Compare a concept's statistic, over its repeats, with that of random vectors, on both sides.

    Parameters
    ----------
    concept
        Statistic of each of the concept's vectors, shape (repeats,).
    random
        Statistic of each random vector, shape (random repeats,).

    Raises
    ------
    InputError
        If there are fewer than two of either.
    """
    c, r = (np.asarray(given, dtype=np.float64).reshape(-1) for given in (concept, random))
    if min(len(c), len(r)) < 2:
        msg = f"A test needs at least two vectors on each side, got {len(c)} and {len(r)}."
        raise InputError(msg)
    beyond = np.abs(r - r.mean()) >= abs(c.mean() - r.mean()) - 1e-12 * np.abs(r).max()
    p_emp = (1 + beyond.sum()) / (len(r) + 1)
    errors = np.array([c.var(ddof=1) / len(c), r.var(ddof=1) / len(r)])
    apart = c.mean() - r.mean()
    if not errors.any():  # nothing varies: either the same, or apart beyond doubt
        t = 0.0 if np.isclose(apart, 0) else float(np.copysign(np.inf, apart))
        return ConceptTest(t, np.nan, float(t == 0), float(p_emp))
    t = apart / np.sqrt(errors.sum())
    df = errors.sum() ** 2 / (errors**2 / [len(c) - 1, len(r) - 1]).sum()
    return ConceptTest(float(t), float(df), float(2 * stats.t.sf(abs(t), df)), float(p_emp))


def benjamini_hochberg(p: npt.ArrayLike) -> Floats:
    """q-values: the false discovery rate at which each p-value, shape (n,), is still a discovery [1]_.

    NaN stays NaN and counts as no test.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """
    values = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(values)
    q = np.full(values.shape, np.nan)
    if known.any():
        q[known] = stats.false_discovery_control(values[known], method="bh")
    return q


def symmetric_scale(values: npt.ArrayLike) -> Floats:
    """Values divided by the largest |value| of all concepts of a model: zero stays zero."""
    v = np.asarray(values, dtype=np.float64)
    largest = np.nanmax(np.abs(v), initial=0.0)
    return v / largest if largest > 0 else v.copy()


def concept_scores(
    activations: npt.ArrayLike,
    vectors: ConceptVectors,
    *,
    gradients: npt.ArrayLike,
    baseline: npt.ArrayLike | None = None,
    attributions: npt.ArrayLike | None = None,
    index: pd.Index | None = None,
    target: str = "target",
    layer: str = "features",
    statistic: Statistic = "mean",
    level: float = 0.05,
) -> ConceptScores:
    """Scores of pictures and concepts at one layer, and the test of each concept against chance.

    The sensitivity of a prediction is its slope along the concept's unit vector, ∇h·v. A linear head on
    pooled features has one slope for all pictures, so pictures get the baseline form of
    :func:`concept_values`; other layers get the sensitivities themselves, or ``attributions`` (integrated
    gradients) times the vector.

    Parameters
    ----------
    activations
        Shape (n, d), raw.
    vectors
        From :func:`concept_vectors`.
    gradients
        Of the prediction by the raw activations: shape (d,), the weights of a linear head, or (n, d). In
        target units: times the standard deviation of a target that was standardised.
    baseline
        Raw activations (d,) of the baseline picture, for linear heads; ``None`` takes the mean of
        ``activations``, so that values say what sets a picture apart from the others.
    attributions
        Shape (n, d), scale-free; they replace the sensitivities as per-picture values of layers that are not
        followed by a linear head.
    index
        Names of the pictures (``image_id``).
    target, layer
        Names, for the table.
    statistic
        What is tested: ``"mean"`` sensitivity over the pictures, or the ``"positive_share"``, which has no
        variance for a linear head and is refused there.
    level
        False discovery rate at which a concept is significant. Tests of several layers are joined by
        :func:`benjamini_hochberg` over all their p-values.

    Returns
    -------
    ConceptScores
        ``q`` is of the larger of ``p_t`` and ``p_emp``.

    Raises
    ------
    InputError
        If shapes do not fit, or the statistic is not to be had.
    """
    raw = np.asarray(activations, dtype=np.float64)
    slope = vectors.gradients(gradients)
    linear = np.ndim(gradients) == 1
    _check_scores(raw, slope, statistic, linear)
    here = vectors.mean_directions
    if linear:
        start = raw.mean(axis=0) if baseline is None else np.asarray(baseline, dtype=np.float64)
        weights = np.asarray(gradients, dtype=np.float64).reshape(-1)
        values = concept_values(raw, start, weights, here)
    elif attributions is not None:
        values = np.asarray(attributions, dtype=np.float64) @ here.T
    else:
        values = slope @ here.T
    cosines = concept_cosines(vectors.activations(raw), here)
    names = pd.RangeIndex(len(raw)) if index is None else index
    table = _table(vectors, slope, values, statistic, level)
    table.insert(1, "target", target)
    table.insert(2, "layer", layer)
    columns = list(vectors.concepts)
    return ConceptScores(
        pd.DataFrame(values, index=names, columns=columns),
        pd.DataFrame(cosines, index=names, columns=columns),
        table,
    )


def _table(
    vectors: ConceptVectors, slope: Floats, values: Floats, statistic: Statistic, level: float
) -> pd.DataFrame:
    lines = []
    centre = slope @ vectors.mean_directions.T
    for k, name in enumerate(vectors.concepts):  # a handful of concepts
        along, chance = slope @ vectors.directions[k].T, slope @ vectors.random[k].T
        summary = sign_count if statistic == "positive_share" else mean_sensitivity
        lower, upper = np.percentile(mean_sensitivity(along), [2.5, 97.5])
        test = concept_test(summary(along), summary(chance))
        lines.append(
            {
                "concept": name,
                "mean": float(mean_sensitivity(along).mean()),
                "ci_lower": lower,
                "ci_upper": upper,
                "sign_count": float(sign_count(centre[:, k])),
                "mean_value": float(mean_sensitivity(values[:, k])),
                "positive_magnitude_share": float(positive_magnitude_share(values[:, k])),
                "p_t": test.p_t,
                "p_emp": test.p_emp,
            }
        )
    table = pd.DataFrame(lines)
    table["q"] = benjamini_hochberg(table[["p_t", "p_emp"]].max(axis=1))
    table["significant"] = table["q"] <= level
    return table.join(vectors.quality, on="concept")


def _check_scores(raw: Floats, slope: Floats, statistic: str, linear: bool) -> None:
    if raw.ndim != 2 or not (linear or len(slope) == len(raw)):
        msg = (
            f"{len(slope)} gradients for activations of shape {raw.shape}: give one per picture, or the "
            "weights (d,) of a linear head."
        )
        raise InputError(msg)
    if statistic not in ("mean", "positive_share"):
        msg = f"statistic={statistic!r}: choose 'mean' or 'positive_share'."
        raise InputError(msg)
    if linear and statistic == "positive_share":
        msg = (
            "A linear head has one slope per concept, so the share of positive pictures is 0 or 1 and cannot "
            "be tested. Use statistic='mean'."
        )
        raise InputError(msg)
