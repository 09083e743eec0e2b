"""Concept vectors: the space they live in (vectors of the specification) and how they are learned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts import (
    Standardisation,
    concept_cosines,
    concept_values,
    concept_vectors,
    hyperplane_normal,
)
from geolivelihood.explanation.concepts.vectors import ConceptVectors, _scores, unit

A = np.array([[1.2, 0, 0.7, 2], [0.3, 1.5, 0.2, 0.4], [0.9, 0.6, 1.1, 0]])
BASE = np.array([0.1, 0.2, 0, 0.3])
W = np.array([0.5, -1, 0.8, 0.25])
FLIPPED = np.array([1, 0.5, 0.2, 0.1])
COEF = np.array([0.9, -0.4, 0.3, -0.2])
MOMENTS = Standardisation(np.array([0.8, 0.5, 0.6, 1.0]), np.array([0.5, 0.1, 2, 0.05]))
RAW = unit(COEF / MOMENTS.scale)
STANDARD = unit(COEF)


def vectors(direction, space):
    one = direction[None, None]
    return ConceptVectors(("c",), one, one, None, space, MOMENTS)


def test_the_normal_in_activation_space():
    normal, intercept = hyperplane_normal(COEF, 0.15, MOMENTS)
    assert np.allclose(normal, [1.8, -4, 0.15, -4]) and intercept == pytest.approx(4.62)
    assert A[0] @ normal + intercept == pytest.approx(-1.115)
    assert MOMENTS.z(A[0]) @ COEF + 0.15 == pytest.approx(-1.115)
    assert COEF @ normal / np.linalg.norm(COEF) / np.linalg.norm(normal) == pytest.approx(0.652691050)


@pytest.mark.parametrize(
    ("space", "direction", "slope", "flipped", "cosine", "values"),
    [
        ("raw", RAW, 0.676970125, -0.095988301, -0.396597092, [-0.240139154, 0.893196404, 0.463438255]),
        ("standardised", STANDARD, 0.707945973, 0.523450961, -0.058461734,
         [0.474824369, 0.622611071, 0.761816609]),
    ],
)  # fmt: skip
def test_both_spaces(space, direction, slope, flipped, cosine, values):
    learned = vectors(direction, space)
    assert learned.gradients(W) @ direction == pytest.approx(slope, abs=1e-9)
    assert learned.gradients(FLIPPED) @ direction == pytest.approx(flipped, abs=1e-9)
    assert concept_cosines(learned.activations(A), direction[None])[0, 0] == pytest.approx(cosine, abs=1e-9)
    assert np.allclose(concept_values(A, BASE, W, direction[None])[:, 0], values, atol=1e-9)


def test_mixing_the_spaces_flips_signs():
    assert np.allclose([W @ STANDARD, FLIPPED @ STANDARD], [0.991601093, 0.705562316])
    assert concept_cosines(A, STANDARD[None])[0, 0] == pytest.approx(0.348470740)
    assert np.sign(FLIPPED @ STANDARD) != np.sign(FLIPPED @ RAW)


def planted(rng, n=60, d=6):
    """Pictures in whose activations a concept adds to the first two of d, of very different scales."""
    scale = np.array([1, 10, 0.1, 1, 5, 0.0])[:d]
    others = rng.normal(size=(4 * n, d)) * scale
    shown = (rng.normal(size=(n, d)) + [2, 2, 0, 0, 0, 0][:d]) * scale
    return shown, others


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_held_out_scores_are_those_of_scikit_learn(pairs):
    y = np.array([1, 0, *(int(truth) for truth, _ in pairs)])
    said = np.array([True, False, *(guess for _, guess in pairs)])
    found = _scores(y, said, y)
    assert found["accuracy"] == pytest.approx(accuracy_score(y, said))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, said))
    assert found["f1"] == pytest.approx(f1_score(y, said))


@pytest.mark.parametrize("method", ["svm", "logistic", "ridge", "mean"])
def test_a_planted_direction_is_found(rng, method):
    shown, others = planted(rng)
    found = concept_vectors({"lake": shown}, others, method=method, n_repeats=6, n_random=5)
    assert found.directions.shape == (1, 6, 6) and found.random.shape == (1, 5, 6)
    assert np.allclose(np.linalg.norm(found.directions, axis=2), 1)
    assert np.allclose(found.directions[..., 5], 0)  # the constant takes no part
    assert found.quality.loc["lake", "balanced_accuracy"] > 0.85 and not found.quality.loc["lake", "weak"]
    assert list(found.fits) == [
        "concept", "repeat", "accuracy", "balanced_accuracy", "f1", "n_positive", "n_negative",
    ]  # fmt: skip
    # a step along the vector raises what the planted concept raises, on the scale of each activation
    assert (found.mean_directions[0, :2] > 0).all()
    # with gradients in the same space, both spaces give the same sign of a planted sensitivity
    other = concept_vectors(
        {"lake": shown}, others, method=method, space="standardised", n_repeats=6, n_random=5
    )
    slope = np.array([1, 0.1, 0, 0, 0, 0])
    assert found.gradients(slope) @ found.mean_directions[0] > 0
    assert other.gradients(slope) @ other.mean_directions[0] > 0


def test_the_same_seed_gives_the_same_vectors_whatever_stands_beside(rng):
    shown, others = planted(rng)
    one = concept_vectors({"a": shown}, others, n_repeats=3, n_random=3, space="standardised")
    again = concept_vectors({"a": shown}, others, n_repeats=3, n_random=3, space="standardised")
    other = concept_vectors({"a": shown}, others, n_repeats=3, n_random=3, random_state=1)
    assert np.array_equal(one.directions, again.directions)
    assert not np.array_equal(one.directions, other.directions)
    two = concept_vectors({"a": shown, "b": shown[::-1]}, others, n_repeats=3, n_random=3)
    assert np.allclose(two.fits["n_positive"], 48) and two.random.shape[0] == 2


def test_zones_are_held_out_whole(rng):
    # each zone has a mark of its own: by patch it is learned, by zone it is useless
    marks = np.repeat(rng.normal(size=(6, 40)) * 3, 10, axis=0)
    shown = marks + rng.normal(size=(60, 40)) * 0.1
    others = rng.normal(size=(300, 40)) * 3
    zones = np.repeat(list("abcdef"), 10)
    by_patch = concept_vectors({"c": shown}, others, n_repeats=8, n_random=2).quality
    by_zone = concept_vectors({"c": shown}, others, n_repeats=8, n_random=2, groups={"c": zones}).quality
    assert by_zone["accuracy"].item() < by_patch["accuracy"].item() - 0.1


def test_few_others_make_all_sets_smaller(rng):
    shown, others = planted(rng)
    found = concept_vectors({"c": shown}, others[:40], n_repeats=2, n_random=2)
    assert set(found.fits["n_positive"]) == {16} and set(found.fits["n_negative"]) == {16}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"concepts": {"one": np.ones((1, 6))}}, "'one' has 1. Add pictures"),
        ({"concepts": {}}, "no concept"),
        ({"concepts": {"x": np.ones((9, 3))}}, "widths differ: x 3, others 6"),
        ({"concepts": {"x": np.full((9, 6), np.nan)}}, "must be finite"),
        ({"others": np.ones((4, 6))}, "4 pictures outside"),
        ({"method": "forest"}, "choose one of svm, logistic"),
        ({"space": "own"}, "'raw' or 'standardised'"),
        ({"n_repeats": 1}, "at least 2"),
        ({"groups": {"lake": ["z"] * 60}}, "of one zone"),
        ({"groups": {"lake": ["z"] * 6}}, "one zone for each of its 60"),
    ],
)
def test_what_cannot_be_learned_from(rng, change, message):
    shown, others = planted(rng)
    options = {"concepts": {"lake": shown}, "others": others, "n_repeats": 2, "n_random": 2} | change
    with pytest.raises(InputError, match=message):
        concept_vectors(options.pop("concepts"), options.pop("others"), **options)


def test_gradients_of_another_layer_are_refused():
    with pytest.raises(InputError, match="a layer with 4"):
        vectors(RAW, "raw").gradients(np.ones(5))
