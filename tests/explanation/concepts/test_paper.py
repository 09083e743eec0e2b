"""The published choices, with the vectors of the specification."""

import numpy as np
import pandas as pd
import pytest

from geolivelihood.errors import InputError
from geolivelihood.explanation.concepts import symmetric_scale
from geolivelihood.explanation.concepts.paper import (
    column_normalised,
    label_correlations,
    paper_concepts,
    paper_scaling,
    paper_scores,
    paper_tsne,
    write_paper_tables,
)


def test_scaling_loses_the_ends_nearest_to_zero():
    assert paper_scaling([-4, -1, 0.5, 2]).tolist() == [-1, 0, 0, 1]
    assert symmetric_scale([-4, -1, 0.5, 2]).tolist() == [-1, -0.25, 0.125, 0.5]
    assert np.isnan(paper_scaling([-4, 1, 2])[0])


def test_the_largest_normalised_column_names_the_concept():
    cosines = pd.DataFrame([[0.9, 0.1], [0.8, 0.3], [0.7, 0.2]])
    assert cosines.to_numpy().argmax(axis=1).tolist() == [0, 0, 0]
    assert column_normalised(cosines).to_numpy().argmax(axis=1).tolist() == [0, 1, 1]


def test_correlation_with_labels():
    found = label_correlations(
        pd.DataFrame({"a": [1.0, 2, 3], "b": [3.0, 2, 1]}, index=list("xyz")), [2, 4, 6]
    )
    assert found.tolist() == pytest.approx([1, -1])


def test_perplexity_of_the_reference():
    from sklearn.manifold._utils import _binary_search_perplexity

    squared = np.tile(np.array([1, 4, 9, 16], np.float32), (5, 1))
    p = np.asarray(_binary_search_perplexity(squared, 2.0, 0))[0]
    assert np.allclose(p, [0.733595106, 0.230628979, 0.033523006, 0.002252909], atol=1e-5)


@pytest.fixture
def made(rng):
    sets = {f"c{k}": rng.normal(size=(100, 12)) + 4 * np.eye(12)[k] for k in range(7)}
    return paper_concepts(sets, random_state=3), sets


def test_vectors_by_hinge_loss(made):
    concepts, sets = made
    assert concepts.directions.shape == (7, 12) and concepts.directions.index.name == "concept_name"
    assert list(concepts.accuracy) == ["layer", "concept", "accuracy", "f1_score"]
    assert concepts.accuracy["accuracy"].min() > 0.9
    assert (concepts.directions.to_numpy().argmax(axis=1) == np.arange(7)).all()
    again = paper_concepts(sets, random_state=3)
    assert again.directions.equals(concepts.directions)


def test_tables_bear_their_published_names(made, rng, tmp_path):
    concepts, _ = made
    features = pd.DataFrame(rng.normal(size=(40, 12)), index=[f"i{k}" for k in range(40)])
    weights, labels = np.eye(12)[0], rng.normal(size=40)
    scores = paper_scores(features, baseline=np.zeros(12), weights=weights, directions=concepts.directions)
    assert np.allclose(scores.values["c0"], features[0] * concepts.directions.loc["c0", 0])
    places = paper_tsne(features)
    files = write_paper_tables(tmp_path, concepts, scores, labels=labels, tsne=places)
    assert {file.name for file in files} == {
        "cav_accuracy.csv", "avgpool_cavs_activations.csv", "avgpool_cosine_sim_instances_cavs.csv",
        "tcav_results_avgpool.csv", "label_cav_corr_avgpool.csv", "avgpool_tsne_instances_cavs.csv",
    }  # fmt: skip
    results = pd.read_csv(tmp_path / "tcav_results_avgpool.csv")
    assert list(results) == ["image_id", "concept_pair", "layer", "label", "concept_sign", "TCAV_value"]
    assert len(results) == 280 and (results["concept_sign"] == (results["TCAV_value"] > 0)).all()
    assert results["label"].iloc[7] == pytest.approx(labels[1])
    tsne = pd.read_csv(tmp_path / "avgpool_tsne_instances_cavs.csv")
    assert list(tsne) == ["image_id", "tsne_dim_1", "tsne_dim_2"]


def test_what_the_published_choices_need():
    with pytest.raises(InputError, match="got 1"):
        paper_concepts({"a": np.ones((9, 2))})
    with pytest.raises(InputError, match="too small: b"):
        paper_concepts({"a": np.ones((9, 2)), "b": np.ones((1, 2))})
    with pytest.raises(InputError, match="more than 30"):
        paper_tsne(np.ones((30, 2)))
