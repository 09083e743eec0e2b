"""Which links of a graph a prediction rests on, as lines between places.

:func:`edge_importance` takes links away, follows gradients or reads masks; :func:`edge_scores` gives the same
for directed edges; :func:`edge_fidelity` asks whether the links it names carry the prediction.
"""

from geolivelihood.explanation.graph_edges.fidelity import Fidelity, characterisation, edge_fidelity
from geolivelihood.explanation.graph_edges.importance import (
    EDGE_METHODS,
    GraphExplanation,
    edge_importance,
    edge_scores,
)
from geolivelihood.explanation.graph_edges.masks import rank_stability
from geolivelihood.explanation.graph_edges.pictures import flat_places

__all__ = [
    "EDGE_METHODS",
    "Fidelity",
    "GraphExplanation",
    "characterisation",
    "edge_fidelity",
    "edge_importance",
    "edge_scores",
    "flat_places",
    "rank_stability",
]
