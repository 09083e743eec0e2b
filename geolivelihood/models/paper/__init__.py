"""Paper mode: the models of Lee et al. (2021), as published.

They are here so that the published figures can be checked, and beaten, on the same data. What is known to be
wrong with them is kept and said where it is: padding that takes part in averages, activations that grow with
the number of photos, distances in degrees, and a score that is the largest of sixty on the set it is reported
for. The models beside this package are our own answer.

:func:`fit_graphcnn` trains the graph network on :class:`DenseGraphs`, :func:`fit_imagewise` a ResNet on
single photos; :func:`count_models` and :class:`CountsMLP` learn from :func:`cluster_vectors`;
:func:`average_neighbours` and :func:`coin_flips` look at no picture.

References
----------
.. [1] Lee et al. (2021), "Predicting Livelihood Indicators from Community-Generated Street-Level Imagery",
   AAAI, arXiv 2006.08661.
"""

from geolivelihood.models.paper.counts import CountsMLP, cluster_vectors, count_models, frobenius
from geolivelihood.models.paper.edges import inverse_distance, object_similarity, random_edges
from geolivelihood.models.paper.graphs import DenseGraphs, sample_photos
from geolivelihood.models.paper.images import fit_imagewise, image_network, majority_vote
from geolivelihood.models.paper.layers import DenseGraphConvolution, GraphEmbedPooling, PopulationNorm
from geolivelihood.models.paper.neighbours import average_neighbours, coin_flips, pooled_clusters
from geolivelihood.models.paper.network import GraphCNN
from geolivelihood.models.paper.training import Trace, fit_graphcnn

__all__ = [
    "CountsMLP",
    "DenseGraphConvolution",
    "DenseGraphs",
    "GraphCNN",
    "GraphEmbedPooling",
    "PopulationNorm",
    "Trace",
    "average_neighbours",
    "cluster_vectors",
    "coin_flips",
    "count_models",
    "fit_graphcnn",
    "fit_imagewise",
    "frobenius",
    "image_network",
    "inverse_distance",
    "majority_vote",
    "object_similarity",
    "pooled_clusters",
    "random_edges",
    "sample_photos",
]
