"""The part of a graph that one node hears."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

__all__ = ["Neighbourhood", "edge_weights", "local_graph", "neighbourhood"]


class Neighbourhood(NamedTuple):
    """The part of a graph that one node hears.

    Attributes
    ----------
    nodes
        Positions of its nodes in the graph (s,).
    edges
        Positions of its edges in the graph (e,).
    """

    nodes: Tensor
    edges: Tensor


def neighbourhood(edge_index: Tensor, node: int, *, hops: int, nodes: int) -> Neighbourhood:
    """Nodes whose features reach a node within so many messages, and the edges that carry them.

    Edges into nodes that are ``hops`` away carry nothing, and are left out.

    Parameters
    ----------
    edge_index
        Edges (2, edges), source to target.
    node
        Position of the node.
    hops
        Messages, at least 1.
    nodes
        Nodes of the graph.
    """
    source, end = edge_index
    inside = torch.zeros(nodes, dtype=torch.bool)
    inside[node] = True
    heard = torch.zeros(len(end), dtype=torch.bool)
    for _ in range(hops):
        heard = inside[end]
        inside = inside.index_fill(0, source[heard], True)
    return Neighbourhood(torch.nonzero(inside)[:, 0], torch.nonzero(heard)[:, 0])


def local_graph(graph: Data, node: int, *, hops: int) -> tuple[Neighbourhood, int, Tensor]:
    """What a node hears of a graph, its position there, and the edges counted there (2, e)."""
    place = neighbourhood(graph.edge_index, node, hops=hops, nodes=graph.num_nodes)
    where = torch.full((graph.num_nodes,), -1, dtype=torch.long)
    where[place.nodes] = torch.arange(len(place.nodes))
    return place, int(where[node]), where[graph.edge_index[:, place.edges]]


def edge_weights(graph: Data) -> Tensor | None:
    """Weights of the edges (edges,), ``None`` where the graph has none."""
    weight = getattr(graph, "edge_weight", None)
    return None if weight is None else weight.reshape(-1)
