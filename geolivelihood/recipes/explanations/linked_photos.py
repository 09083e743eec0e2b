"""Links between the pictures of a place, which a graph model predicts it from."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import geopandas as gpd
import torch

from geolivelihood import cells as h3cells
from geolivelihood.explanation import edge_importance, photo_attribution
from geolivelihood.explanation.graph_edges import GraphExplanation
from geolivelihood.recipes.explanations.asked import refuse_unknown
from geolivelihood.recipes.explanations.job import Job

__all__ = ["PhotoLinks"]


class PhotoLinks:
    """The links of a graph model, a graph for each cluster or cell.

    Parameters
    ----------
    job
        What is asked; ``ids`` are clusters, cells, or pictures, which stand for their clusters, or for their
        cells where they belong to no cluster. ``None`` takes every cluster.

    Attributes
    ----------
    names, cells, said
        Predictions, which of them are cells, and what they are in words.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.source = job.data.seen_by(job.choice)[0]
        clusters = job.data.clusters["cluster_id"].astype(str)
        if job.ids is None:
            self.names, self.cells = clusters.tolist(), [False] * len(clusters)
            self.said = "all clusters"
        else:
            chosen = self._asked(set(job.ids))
            own = clusters[clusters.isin(chosen)].tolist()
            rest = sorted(chosen - set(own))
            self.names, self.cells = [*own, *rest], [False] * len(own) + [True] * len(rest)
            self.said = f"as asked (clusters: {len(own)}, cells: {len(rest)})"

    def _asked(self, ids: set[str]) -> set[str]:
        """Clusters and cells that are asked for."""
        data = self.job.data
        clusters = set(data.clusters["cluster_id"].astype(str))
        cells = set(h3cells.cell_names(data.cells)) if ids - clusters else set()
        found = ids & (clusters | cells)
        pictures = ids - found
        owners = [data.pairs(self.source), data.cell_pairs(self.source)] if pictures else []
        for pairs in owners:
            mine = pairs[pairs["image_id"].isin(pictures)]
            found |= set(mine["cluster_id"].astype(str))
            pictures -= set(mine["image_id"])
        refuse_unknown(pictures, ids, f"no cluster, no cell of the map and no picture of {self.source!r}")
        return found

    @cached_property
    def _graphs(self) -> list[Any]:
        """Graph of each prediction, ``None`` where there is no picture with features."""
        inputs, choice = self.job.lineup.inputs, self.job.choice
        clusters = dict(zip(self.job.data.clusters["cluster_id"].astype(str), inputs.cluster_graphs(choice)))
        cells = [name for name, cell in zip(self.names, self.cells) if cell]
        of_cells = dict(zip(cells, inputs.cell_graphs(choice, cells))) if cells else {}
        return [(of_cells if cell else clusters).get(name) for name, cell in zip(self.names, self.cells)]

    def reason(self, at: int) -> str:
        """Why a graph cannot be explained; empty where it can."""
        graph = self._graphs[at]
        if graph is None:
            return "no picture with features"
        known = ~torch.isnan(graph.x).all(dim=1)
        if int(known.sum()) < 2:
            return "a single picture has no links"
        source, end = graph.edge_index
        linked = (source != end) & known[source] & known[end]
        return "" if bool(linked.any()) else "no links between its pictures"

    def graph(self, at: int) -> tuple[Any, None]:
        """Graph of a prediction, which is made from the whole of it."""
        return self._graphs[at], None

    def explained(self, at: int, method: str) -> GraphExplanation:
        """Links and pictures of a graph."""
        return edge_importance(self.job.fitted, self._graphs[at], method=method, output=self.job.output)

    def named(self, at: int, found: GraphExplanation) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
        """Lines, and points with what each picture counts for."""
        lines = found.edges.rename(columns={"source": "start", "target": "end"}).assign(kind=self.source)
        photos = photo_attribution(self.job.fitted, [self._graphs[at]], target=self.job.output)
        photos = photos.drop(columns="cluster_id").rename(columns={"image_id": "node"})
        points = found.nodes.drop(columns="target").assign(kind=self.source)
        return lines, points.merge(photos, on="node", how="left", validate="one_to_one")
