"""Concept activation vectors: the direction in a layer's activations along which a concept grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.svm import LinearSVC

from geolivelihood.errors import InputError
from geolivelihood.progress import track

__all__ = ["FEWEST", "ConceptVectors", "Standardisation", "concept_vectors", "hyperplane_normal"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Space = Literal["raw", "standardised"]
Method = Literal["svm", "logistic", "ridge", "mean"]

FEWEST = 5
"""Pictures that a concept is learned from at least: a fifth is held out."""

_METHODS = ("svm", "logistic", "ridge", "mean")
_WEAK = 0.7  # balanced accuracy below which a vector says little about its concept
_CONSTANT = 1e-6  # of the largest deviation: below it an activation is a constant with rounding errors


@dataclass(frozen=True)
class Standardisation:
    """Mean and standard deviation of activations, each shape (d,).

    A constant activation has deviation 0 and is given no part in any vector.
    """

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, activations: npt.ArrayLike) -> Standardisation:
        """Moments of activations (n, d)."""
        values = np.asarray(activations, dtype=np.float64)
        scale = values.std(axis=0)
        return cls(values.mean(axis=0), np.where(scale > _CONSTANT * scale.max(initial=0.0), scale, 0.0))

    def z(self, activations: npt.ArrayLike) -> Floats:
        """Activations in standard deviations from the mean; 0 for constant ones."""
        values = np.asarray(activations, dtype=np.float64)
        return (values - self.mean) * _inverse(self.scale)


@dataclass(frozen=True)
class ConceptVectors:
    """Unit vectors of concepts, each from several draws of pictures, beside vectors of chance.

    Attributes
    ----------
    concepts
        Names.
    directions
        Shape (concepts, repeats, d), unit length, in ``space``.
    random
        Vectors that tell random pictures from random pictures, in sets as large as each concept's: shape
        (concepts, random repeats, d).
    fits
        One line per concept and repeat: ``concept, repeat, accuracy, balanced_accuracy, f1`` on held-out
        pictures, ``n_positive, n_negative`` trained on.
    space
        ``"raw"``: the vectors go with activations and gradients as they are. ``"standardised"``: with
        z-scores, and with gradients times the standard deviation.
    standardisation
        Of all the activations that the vectors were learned from.
    """

    concepts: tuple[str, ...]
    directions: Floats
    random: Floats
    fits: pd.DataFrame
    space: Space
    standardisation: Standardisation

    @property
    def mean_directions(self) -> Floats:
        """One unit vector per concept, the direction of the mean over its repeats: shape (concepts, d)."""
        return unit(self.directions.mean(axis=1))

    @property
    def quality(self) -> pd.DataFrame:
        """Held-out scores by concept, means over the repeats; ``weak`` below 0.7 balanced accuracy."""
        scores = ["accuracy", "balanced_accuracy", "f1"]
        table = self.fits.groupby("concept", sort=False)[scores].mean().reindex(list(self.concepts))
        return table.assign(weak=table["balanced_accuracy"] < _WEAK)

    def activations(self, values: npt.ArrayLike) -> Floats:
        """Raw activations (n, d) in the space of the vectors."""
        given = _of_width(values, len(self.standardisation.mean), "activations")
        return given if self.space == "raw" else self.standardisation.z(given)

    def gradients(self, values: npt.ArrayLike) -> Floats:
        """Gradients (n, d) by raw activations as gradients by those of the vectors' space."""
        given = _of_width(values, len(self.standardisation.mean), "gradients")
        return given if self.space == "raw" else given * self.standardisation.scale


def hyperplane_normal(
    coef: npt.ArrayLike, intercept: float, standardisation: Standardisation
) -> tuple[Floats, float]:
    """A hyperplane that was learned on z-scores, among the activations themselves.

    A classifier on z = (a − μ)/σ decides by coef·z + b, which is (coef/σ)·a + b − Σ coef μ/σ: the normal in
    activation space is coef/σ, not coef.

    Parameters
    ----------
    coef, intercept
        Of a linear classifier on z-scores; shape (d,).
    standardisation
        What the z-scores were made with.

    Returns
    -------
    tuple
        Normal (d,), not scaled to unit length, and intercept.

    Examples
    --------
    >>> moments = Standardisation(np.array([0.8, 0.5]), np.array([0.5, 0.1]))
    >>> normal, intercept = hyperplane_normal([0.9, -0.4], 0.15, moments)
    >>> normal.tolist(), round(intercept, 2)
    ([1.8, -4.0], 0.71)
    """
    normal = np.asarray(coef, dtype=np.float64) * _inverse(standardisation.scale)
    return normal, float(intercept - normal @ standardisation.mean)


def concept_vectors(
    concepts: Mapping[str, npt.ArrayLike],
    others: npt.ArrayLike,
    *,
    method: Method = "svm",
    space: Space = "raw",
    n_repeats: int = 30,
    n_random: int = 200,
    groups: Mapping[str, npt.ArrayLike] | None = None,
    strength: float = 0.1,
    random_state: int = 0,
) -> ConceptVectors:
    """Learn the direction of each concept, many times over, and directions of chance beside them.

    A linear classifier tells pictures of a concept from as many random ones; the normal of its hyperplane is
    the concept activation vector [1]_. Each repeat draws other random pictures and holds out another fifth.
    Random pictures come from outside the concept sets: negatives taken from the other concepts would make
    "water" mean "not city". Vectors between random sets of the same sizes show what a meaningless concept
    scores.

    Activations are standardised for the classifier and its coefficients divided by the deviations again
    (:func:`hyperplane_normal`), since a vector of one space and gradients of another give wrong signs.

    Parameters
    ----------
    concepts
        Activations (pictures, d) of each concept's pictures, by its name.
    others
        Activations (pictures, d) of pictures that belong to no concept, at least twice as many as the
        largest concept has; with fewer, all sets are drawn smaller.
    method
        ``"svm"`` (linear, hinge loss), ``"logistic"``, ``"ridge"`` or ``"mean"`` (difference of means).
    space
        ``"raw"`` or ``"standardised"``: what the vectors are to be multiplied with.
    n_repeats, n_random
        Vectors per concept, and of chance. The smallest p-value that can come of it is 1/(n_random + 1).
    groups
        Zone (flight, scene, city) of each picture of a concept, by concept; whole zones are held out, since
        neighbouring patches would make the accuracy too good. Concepts that are not named hold out pictures.
    strength
        Penalty per picture of SVM and logistic regression (α of the published setting), and per unit of
        variance of ridge.
    random_state
        Seed.

    Returns
    -------
    ConceptVectors

    Raises
    ------
    InputError
        If a concept has fewer than 5 pictures or one zone only, activations are not finite or not of one
        width, or an option is unknown.

    References
    ----------
    .. [1] Kim et al. (2018), "Interpretability beyond feature attribution: TCAV", ICML.
    """
    _check_options(method, space, n_repeats, n_random)
    rest = _activations(others, "others")
    sets = {str(name): _activations(values, f"concept {name!r}") for name, values in concepts.items()}
    _check_sets(sets, rest)
    moments = Standardisation.of(np.vstack([*sets.values(), rest]))
    fitting = _Fitting(method, strength, random_state)
    far = moments.z(rest)
    drawn, fits = [], []
    chance: dict[int, Floats] = {}
    for name, values in track(list(sets.items()), "learning concept vectors"):
        zones = None if groups is None or name not in groups else _zones(groups[name], len(values), name)
        normals, lines = fitting.concept(moments.z(values), far, n_repeats, zones, name)
        size = min(len(values), len(rest) // 2)
        if size not in chance:
            chance[size] = fitting.chance(far, size, n_random)
        drawn.append((normals, chance[size]))
        fits.append(lines)
    directions, random = (np.stack(part) for part in zip(*drawn))
    if space == "raw":
        directions, random = directions * _inverse(moments.scale), random * _inverse(moments.scale)
    table = pd.concat(fits, ignore_index=True)
    return ConceptVectors(tuple(sets), unit(directions), unit(random), table, space, moments)


def unit(vectors: Floats) -> Floats:
    """Vectors (..., d) of length 1; a vector of zeros stays one."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


@dataclass(frozen=True)
class _Fitting:
    """Linear classifiers on z-scores, from seeded draws."""

    method: Method
    strength: float
    random_state: int

    def concept(
        self, positives: Floats, others: Floats, repeats: int, zones: Ints | None, name: str
    ) -> tuple[Floats, pd.DataFrame]:
        size = min(len(positives), len(others) // 2)
        normals = np.empty((repeats, positives.shape[1]))
        lines = []
        for repeat in range(repeats):  # one classifier per draw is what a repeat is
            # a concept's draws do not depend on which other concepts there are
            random = np.random.default_rng([self.random_state, repeat])
            yes = random.permutation(len(positives))[:size]
            no = random.permutation(len(others))[:size]
            x, y = np.vstack([positives[yes], others[no]]), np.repeat([1, 0], size)
            fit, held = _held_out(y, None if zones is None else zones[yes], random, name)
            normals[repeat], intercept = self._plane(x[fit], y[fit])
            lines.append(_scores(y[held], x[held] @ normals[repeat] + intercept > 0, y[fit]))
        table = pd.DataFrame(lines)
        table.insert(0, "repeat", np.arange(repeats))
        table.insert(0, "concept", name)
        return normals, table

    def chance(self, others: Floats, size: int, repeats: int) -> Floats:
        """Normals between random sets, trained on as many pictures as a concept of this size."""
        kept = size - max(1, round(size / 5))
        normals = np.empty((repeats, others.shape[1]))
        for repeat in range(repeats):  # one classifier per draw
            random = np.random.default_rng([self.random_state, 1, repeat])
            rows = random.permutation(len(others))[: 2 * kept]
            normals[repeat], _ = self._plane(others[rows], np.repeat([1, 0], kept))
        return normals

    def _plane(self, x: Floats, y: Ints) -> tuple[Floats, float]:
        if self.method == "mean":
            above, below = x[y == 1].mean(axis=0), x[y == 0].mean(axis=0)
            return above - below, float(-(above - below) @ (above + below) / 2)
        model = self._model(len(y)).fit(x, y)
        return np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])

    def _model(self, n: int) -> Any:
        if self.method == "ridge":
            return RidgeClassifier(alpha=self.strength * n)
        inverse = 1.0 / (self.strength * n)
        if self.method == "logistic":
            return LogisticRegression(C=inverse, max_iter=1000)
        return LinearSVC(C=inverse, loss="hinge", dual=True, max_iter=50000, random_state=self.random_state)


def _held_out(y: Ints, zones: Ints | None, random: np.random.Generator, name: str) -> tuple[Ints, Ints]:
    """Positions to fit and to score; of the positives whole zones, of the negatives a fifth."""
    positives, negatives = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    last = random.permutation(negatives)[: max(1, round(len(negatives) / 5))]
    if zones is None:
        first = random.permutation(positives)[: max(1, round(len(positives) / 5))]
        held = np.sort(np.concatenate([first, last]))
        return np.setdiff1d(np.arange(len(y)), held), held
    names, zone = np.unique(zones, return_inverse=True)
    if len(names) < 2:
        msg = f"All pictures of the concept {name!r} are of one zone: none can be held out. Leave groups out."
        raise InputError(msg)
    out = random.permutation(len(names))[: max(1, round(len(names) / 5))]
    held = np.sort(np.concatenate([positives[np.isin(zone, out)], last]))
    return np.setdiff1d(np.arange(len(y)), held), held


def _scores(y: Ints, predicted: npt.NDArray[np.bool_], trained: Ints) -> dict[str, float]:
    hits, hit_rate = float((predicted & (y == 1)).sum()), predicted[y == 1].mean()
    errors = float((predicted != (y == 1)).sum())
    return {
        "accuracy": 1 - errors / len(y),
        "balanced_accuracy": float(hit_rate + 1 - predicted[y == 0].mean()) / 2,
        "f1": 2 * hits / (2 * hits + errors) if hits else 0.0,
        "n_positive": int(trained.sum()),
        "n_negative": int((trained == 0).sum()),
    }


def _inverse(scale: Floats) -> Floats:
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)


def _activations(values: npt.ArrayLike, what: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not np.isfinite(array).all():
        msg = f"The activations of {what} must be finite, shape (pictures, d); they have shape {array.shape}."
        raise InputError(msg)
    return array


def _of_width(values: npt.ArrayLike, width: int, what: str) -> Floats:
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] != width:
        msg = f"The {what} have shape {array.shape}; the vectors are of a layer with {width} activations."
        raise InputError(msg)
    return array


def _check_options(method: str, space: str, n_repeats: int, n_random: int) -> None:
    if method not in _METHODS:
        msg = f"method={method!r}: choose one of {', '.join(_METHODS)}."
        raise InputError(msg)
    if space not in ("raw", "standardised"):
        msg = f"space={space!r}: choose 'raw' or 'standardised'."
        raise InputError(msg)
    if n_repeats < 2 or n_random < 2:
        msg = f"n_repeats={n_repeats}, n_random={n_random}: at least 2 of each; 30 and 200 are the defaults."
        raise InputError(msg)


def _check_sets(sets: Mapping[str, Floats], rest: Floats) -> None:
    if not sets:
        msg = "There is no concept. Give at least one set of pictures."
        raise InputError(msg)
    small = [f"{name!r} has {len(values)}" for name, values in sets.items() if len(values) < FEWEST]
    if small:
        msg = (
            f"A concept is learned from at least {FEWEST} pictures: {', '.join(small)}. Add pictures "
            "(50 or more are better), or leave the concept out."
        )
        raise InputError(msg)
    if len(rest) < 2 * FEWEST:
        msg = f"There are {len(rest)} pictures outside the concepts; give at least {2 * FEWEST}."
        raise InputError(msg)
    widths = {name: values.shape[1] for name, values in sets.items()} | {"others": rest.shape[1]}
    if len(set(widths.values())) > 1:
        said = ", ".join(f"{name} {width}" for name, width in widths.items())
        msg = f"All activations must come from one layer, but their widths differ: {said}."
        raise InputError(msg)


def _zones(groups: npt.ArrayLike, n: int, name: str) -> Ints:
    codes = pd.factorize(np.asarray(groups))[0]
    if len(codes) != n or (codes < 0).any():
        msg = f"groups of {name!r}: give one zone for each of its {n} pictures, got {len(codes)}."
        raise InputError(msg)
    return codes
