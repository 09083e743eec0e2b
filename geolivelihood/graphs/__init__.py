"""Places as graphs: photos of a cluster, cells of a map.

:func:`knn` and :func:`radius` find neighbours on the sphere. :func:`cluster_graphs` makes one graph per
survey cluster from its photos, dense as published or sparse, each when it is asked for; :func:`cell_graph`
links the cells of a map, and :func:`place_graph` hangs the pictures of every source into them
(``HeteroData``). Other graphs are ``torch_geometric`` ``Data`` objects with ``x``, ``edge_index`` (from
neighbour to node), ``edge_weight`` and ``pos`` (longitude, latitude); :func:`nodes_frame` and
:func:`edges_frame` bring them back to the map.
"""

from geolivelihood.graphs.cells import cell_graph, cell_graph_data
from geolivelihood.graphs.frames import edges_frame, link_lines, nodes_frame
from geolivelihood.graphs.neighbours import Links, geodesic_m, knn, radius
from geolivelihood.graphs.photos import ClusterGraphs, Groups, cluster_graphs, cluster_rows
from geolivelihood.graphs.places import (
    place_cells,
    place_graph,
    place_links,
    place_means,
    place_neighbours,
    place_sources,
)

__all__ = [
    "ClusterGraphs",
    "Groups",
    "Links",
    "cell_graph",
    "cell_graph_data",
    "cluster_graphs",
    "cluster_rows",
    "edges_frame",
    "geodesic_m",
    "knn",
    "link_lines",
    "nodes_frame",
    "place_cells",
    "place_graph",
    "place_links",
    "place_means",
    "place_neighbours",
    "place_sources",
    "radius",
]
