"""Nodes by their names, and edges as the links that both directions make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch_geometric.data import Data

from geolivelihood.errors import InputError

__all__ = ["graph_pairs", "node_positions"]


def graph_pairs(graph: Data) -> npt.NDArray[np.int64]:
    """Link that each edge belongs to (edges,), counted as the lines of ``edges_frame``; -1 for self-loops."""
    source, end = graph.edge_index.numpy().astype(np.int64)
    key = np.minimum(source, end) * graph.num_nodes + np.maximum(source, end)
    apart = np.flatnonzero(source != end)
    _, first, inverse = np.unique(key[apart], return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first, kind="stable")] = np.arange(len(first))
    pairs = np.full(len(source), -1)
    pairs[apart] = place[inverse]
    return pairs


def node_positions(graph: Data, names: Iterable[Any]) -> npt.NDArray[np.int64]:
    """Positions of nodes in a graph, by their ``node_ids``; by themselves where it has none.

    Raises
    ------
    InputError
        If one is not in the graph, or none is given.
    """
    wanted = [names] if isinstance(names, str) else list(names)
    ids = list(graph.node_ids) if "node_ids" in graph else list(range(graph.num_nodes))
    if not wanted:
        msg = "There are no targets; give ids of nodes, or None for all."
        raise InputError(msg)
    found = pd.Index(ids, dtype=object).get_indexer(pd.Index(wanted, dtype=object))
    lost = [name for name, at in zip(wanted, found) if at < 0]
    if lost:
        msg = f"The graph has no nodes {lost[:5]}; its nodes are {ids[:5]} and so on."
        raise InputError(msg)
    return found
