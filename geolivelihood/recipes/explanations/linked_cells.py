"""Links between cells, and from pictures to cells, which a cell model predicts from."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import torch
from torch_geometric.data import Data, HeteroData

from geolivelihood import cells as h3cells
from geolivelihood import graphs
from geolivelihood.explanation import edge_importance
from geolivelihood.explanation.graph_edges import GraphExplanation, flat_places
from geolivelihood.recipes.explanations.asked import refuse_unknown
from geolivelihood.recipes.explanations.job import Job

__all__ = ["CellLinks"]


class CellLinks:
    """The links of a cell model: to a cell from the cells around it and, with a graph head, from pictures.

    Parameters
    ----------
    job
        What is asked; ``ids`` are cells, clusters, which stand for the cells that they most likely lie in,
        or pictures, which stand for theirs. ``None`` takes those of all clusters: every cell of a map would
        be too many to look at.

    Attributes
    ----------
    names, cells, said
        Predictions, that all of them are cells, and which they are in words.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        if job.ids is None:
            self.names = sorted(set(self._likeliest))
            self.said = f"{len(self.names)} of {len(job.data.cells)} cells: the likeliest of each cluster"
        else:
            self.names = sorted(self._asked(set(job.ids)))
            self.said = f"{len(self.names)} of {len(job.data.cells)} cells, as asked"
        self.cells = [True] * len(self.names)

    @cached_property
    def _likeliest(self) -> pd.Series:
        """Cell that each cluster most likely lies in, by ``cluster_id``, without clusters off the map."""
        tie = self.job.data.map_tie
        matrix = tie.matrix.tocsr()
        there = np.asarray(matrix.sum(axis=1)).ravel() > 0
        best = np.asarray(matrix.argmax(axis=1)).ravel()[there]
        return pd.Series(h3cells.cell_names(tie.cells[best]), index=tie.rows[there].astype(str))

    def _asked(self, ids: set[str]) -> set[str]:
        """Cells that are asked for."""
        data = self.job.data
        found = ids & set(h3cells.cell_names(data.cells))
        rest = ids - found
        clusters = self._likeliest[self._likeliest.index.isin(rest)]
        found, rest = found | set(clusters), rest - set(clusters.index)
        names = data.seen_by(self.job.choice)
        for pairs in map(data.cell_pairs, names if rest else []):
            mine = pairs[pairs["image_id"].isin(rest)]
            found, rest = found | set(mine["cluster_id"]), rest - set(mine["image_id"])
        seen = " or ".join(names)
        refuse_unknown(rest, ids, f"no cell of the map, no cluster on it and no picture of {seen}")
        return found

    @cached_property
    def _graph(self) -> Data:
        """Graph of the map's cells or, for a graph head, of its pictures and cells."""
        job = self.job
        features, _ = job.lineup.inputs.cells(job.choice)
        if not isinstance(features, HeteroData):
            table = job.data.cell_features(job.data.seen_by(job.choice))
            return graphs.cell_graph_data(job.data.cells, table)
        places = copy.copy(features)
        for source in graphs.place_sources(places):
            images = job.data.images(source).drop_duplicates("image_id").set_index("image_id")
            shapes = images.geometry.loc[places[source].node_ids].to_numpy()
            places[source].pos = torch.from_numpy(shapely.get_coordinates(shapely.centroid(shapes)))
        return flat_places(places)

    @cached_property
    def _nodes(self) -> pd.DataFrame:
        """Kind and own name of each node of the graph, by its name there."""
        graph = self._graph
        kinds = np.array([*graph.sources, "cell"], dtype=object)[graph.kind] if "sources" in graph else "cell"
        table = pd.DataFrame({"kind": kinds, "name": graph.node_ids}, index=graph.node_ids)
        for source in getattr(graph, "sources", []):
            mine = table["kind"].eq(source)
            table.loc[mine, "name"] = table.loc[mine, "name"].str.removeprefix(f"{source}/")
        return table

    @cached_property
    def _predicted(self) -> npt.NDArray[np.float64]:
        """Prediction of each cell that is asked for."""
        found = self.job.fitted.predict_cells().reindex(h3cells.parse_cells(self.names)).to_numpy()
        return found.reshape(len(self.names), -1)[:, self.job.output]

    def reason(self, at: int) -> str:
        """Why a cell cannot be explained; empty where it can."""
        return "no picture in the cell or beside it" if np.isnan(self._predicted[at]) else ""

    def graph(self, at: int) -> tuple[Any, list[str]]:
        """Graph of the map, and the cell."""
        return self._graph, [self.names[at]]

    def explained(self, at: int, method: str) -> GraphExplanation:
        """Links and cells that a cell hears."""
        graph, node = self.graph(at)
        return edge_importance(self.job.fitted, graph, targets=node, method=method, output=self.job.output)

    def named(self, at: int, found: GraphExplanation) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
        """Lines and points by names of pictures and cells."""
        lines, points = found.edges.rename(columns={"source": "start", "target": "end"}), found.nodes
        kind, name = self._nodes["kind"], self._nodes["name"]
        lines = lines.assign(
            kind=kind.loc[lines["start"]].to_numpy(),
            start=name.loc[lines["start"]].to_numpy(),
            end=name.loc[lines["end"]].to_numpy(),
        )
        points = points.drop(columns="target").assign(
            kind=kind.loc[points["node"]].to_numpy(), node=name.loc[points["node"]].to_numpy()
        )
        return lines, points
