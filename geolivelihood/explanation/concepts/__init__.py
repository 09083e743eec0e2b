"""Concepts such as "water" or "dense housing": whether they move a prediction, where, and beyond chance.

A *concept* is a set of pictures that show it (:func:`concept_folders`, :func:`class_shares` and
:func:`polygon_shares` with :func:`concepts_by_shares`). :func:`concept_vectors` learns its direction in a
layer's activations, many times over and beside directions of chance; :func:`concept_scores` says how far
predictions go along with it, per picture and as a test; :func:`concept_cells` and :func:`concept_clusters`
bring the scores to the ground. :mod:`~geolivelihood.explanation.concepts.paper` keeps the published choices.
"""

from geolivelihood.explanation.concepts.activations import (
    LinearHead,
    layer_activations,
    layer_gradients,
    linear_head,
)
from geolivelihood.explanation.concepts.pictures import PictureActivations, picture_activations
from geolivelihood.explanation.concepts.places import concept_cells, concept_clusters
from geolivelihood.explanation.concepts.scores import (
    ConceptScores,
    ConceptTest,
    benjamini_hochberg,
    concept_cosines,
    concept_scores,
    concept_test,
    concept_values,
    mean_sensitivity,
    positive_magnitude_share,
    sign_count,
    symmetric_scale,
)
from geolivelihood.explanation.concepts.sets import (
    class_shares,
    concept_folders,
    concepts_by_shares,
    flair_images,
    flair_rules,
    polygon_shares,
)
from geolivelihood.explanation.concepts.vectors import (
    ConceptVectors,
    Standardisation,
    concept_vectors,
    hyperplane_normal,
)

__all__ = [
    "ConceptScores",
    "ConceptTest",
    "ConceptVectors",
    "LinearHead",
    "PictureActivations",
    "Standardisation",
    "benjamini_hochberg",
    "class_shares",
    "concept_cells",
    "concept_clusters",
    "concept_cosines",
    "concept_folders",
    "concept_scores",
    "concept_test",
    "concept_values",
    "concept_vectors",
    "concepts_by_shares",
    "flair_images",
    "flair_rules",
    "hyperplane_normal",
    "layer_activations",
    "layer_gradients",
    "linear_head",
    "mean_sensitivity",
    "picture_activations",
    "polygon_shares",
    "positive_magnitude_share",
    "sign_count",
    "symmetric_scale",
]
