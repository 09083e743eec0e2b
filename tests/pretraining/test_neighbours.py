"""kNN on embeddings, pinned by the spec."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from geolivelihood.errors import InputError
from geolivelihood.pretraining.neighbours import (
    EmbeddingNeighboursClassifier,
    EmbeddingNeighboursRegressor,
    nearest_neighbours,
)

BANK = [[1, 0], [0.8, 0.6], [0, 1], [-0.6, 0.8], [-1, 0]]
LABELS = [0, 0, 1, 1, 2]
QUERY = [[0.5, 0.7]]


def test_vector_of_the_spec():
    similarity, position = nearest_neighbours(QUERY, BANK, k=3)
    assert similarity[0] == pytest.approx([0.953230638, 0.813733471, 0.581238194], abs=1e-9)
    assert position[0].tolist() == [1, 2, 0]
    model = EmbeddingNeighboursClassifier(k=3, temperature=0.1).fit(BANK, LABELS)
    assert model.predict_proba(QUERY)[0] == pytest.approx([0.805168806, 0.194831194, 0], abs=1e-9)
    assert model.predict(QUERY).tolist() == [0]


def test_amounts_are_means_by_the_same_weights():
    model = EmbeddingNeighboursRegressor(k=3).fit(BANK, [10.0, 20, 30, 40, 50])
    weight = np.exp(np.array([0.953230638, 0.813733471, 0.581238194]) / 0.1)
    assert model.predict(QUERY)[0] == pytest.approx(weight @ [20, 30, 10] / weight.sum())


def test_low_temperatures_do_not_overflow():
    model = EmbeddingNeighboursClassifier(k=3, temperature=1e-4).fit(BANK, LABELS)
    assert model.predict_proba(QUERY)[0].tolist() == [1, 0, 0]


def test_chunks_change_nothing(rng):
    bank, queries = rng.normal(size=(50, 6)), rng.normal(size=(17, 6))
    whole = nearest_neighbours(queries, bank, k=7)
    for size in (1, 8 * 50 * 3):
        similarity, position = nearest_neighbours(queries, bank, k=7, chunk_bytes=size)
        np.testing.assert_allclose(similarity, whole[0])
        np.testing.assert_array_equal(position, whole[1])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10_000))
def test_they_are_the_nearest_in_order(k, seed):
    rng = np.random.default_rng(seed)
    bank, queries = rng.integers(1, 4, (12, 2)), rng.integers(1, 4, (4, 2))  # with many ties
    similarity, _ = nearest_neighbours(queries, bank, k=k)
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in (queries, bank)]
    np.testing.assert_allclose(similarity, -np.sort(-(unit[0] @ unit[1].T), axis=1)[:, :k])


def test_small_banks_give_all_they_have_and_clones_are_the_same():
    model = clone(EmbeddingNeighboursClassifier(k=200, temperature=0.5))
    assert model.get_params() == {"k": 200, "temperature": 0.5}
    assert model.fit(BANK, ["p", "p", "q", "q", "r"]).predict_proba(QUERY).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("model", "X", "y", "said"),
    [
        (EmbeddingNeighboursClassifier(k=0), BANK, LABELS, "k=0"),
        (EmbeddingNeighboursClassifier(temperature=0), BANK, LABELS, "temperature=0"),
        (EmbeddingNeighboursClassifier(), [[0, 0], [1, 1]], [0, 1], "no direction"),
        (EmbeddingNeighboursClassifier(), [[np.nan, 0], [1, 1]], [0, 1], "no direction"),
        (EmbeddingNeighboursClassifier(), BANK, [0, 0, 1, 1, np.nan], "missing"),
        (EmbeddingNeighboursRegressor(), BANK, [0, 0, 1, 1, np.nan], "1 of 5 targets are NaN"),
        (EmbeddingNeighboursRegressor(), BANK, [1, 2], "2"),
        (EmbeddingNeighboursRegressor(), np.zeros((0, 2)), [], "no labelled pictures"),
    ],
)
def test_bad_input(model, X, y, said):
    with pytest.raises(InputError, match=said):
        model.fit(X, y)


def test_queries_of_another_width():
    with pytest.raises(InputError, match="3 features"):
        EmbeddingNeighboursClassifier().fit(BANK, LABELS).predict([[1, 2, 3]])
    with pytest.raises(InputError, match="k=6"):
        nearest_neighbours(QUERY, BANK, k=6)
