"""Graphs back on the map: nodes as points, edges as lines."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
import torch
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.graphs.neighbours import geodesic_m

__all__ = ["edges_frame", "link_lines", "nodes_frame"]


def nodes_frame(data: Data) -> gpd.GeoDataFrame:
    """Nodes of a graph as points.

    Parameters
    ----------
    data
        A graph with ``pos`` (longitude, latitude in degrees); other tensors with one value per node become
        columns, except ``x``.

    Returns
    -------
    geopandas.GeoDataFrame
        ``node_id``, ``cluster_id`` where the graph has one, geometry Point EPSG:4326; one row per node.

    Raises
    ------
    InputError
        If the graph has no ``pos``.
    """
    lonlat = _positions(data)
    columns: dict[str, Any] = {"node_id": _ids(data, len(lonlat))}
    if "cluster_id" in data:
        columns["cluster_id"] = [data.cluster_id] * len(lonlat)
    for name, value in data:
        flat = isinstance(value, torch.Tensor) and value.ndim == 1 and len(value) == len(lonlat)
        if flat and name != "edge_weight":
            columns[name] = value.detach().cpu().numpy()
    return gpd.GeoDataFrame(columns, geometry=shapely.points(lonlat), crs="EPSG:4326")


def edges_frame(data: Data, *, both_ways: bool = False) -> gpd.GeoDataFrame:
    """Edges of a graph as lines.

    Parameters
    ----------
    data
        A graph with ``pos`` and ``edge_index``; other tensors with one value per edge become columns
        (``edge_weight`` as ``weight``).
    both_ways
        Whether an edge and its reverse are two lines; else only the first of the two is kept.

    Returns
    -------
    geopandas.GeoDataFrame
        ``source``, ``target`` (node ids), ``distance_m``, ``weight``, geometry LineString EPSG:4326 (a
        MultiLineString where the antimeridian cuts it). Edges of a node to itself are left out.

    Raises
    ------
    InputError
        If the graph has no ``pos``.
    """
    lonlat = _positions(data)
    source, target = data.edge_index.detach().cpu().numpy()
    kept = np.flatnonzero(source != target)
    if not both_ways:
        low, high = np.minimum(source[kept], target[kept]), np.maximum(source[kept], target[kept])
        _, first = np.unique(low.astype(np.int64) * len(lonlat) + high, return_index=True)
        kept = kept[np.sort(first)]
    ids = np.array(_ids(data, len(lonlat)), dtype=object)
    frame = link_lines(lonlat, source[kept], target[kept])
    frame.insert(0, "source", ids[source[kept]])
    frame.insert(1, "target", ids[target[kept]])
    frame.insert(2, "distance_m", geodesic_m(lonlat[source[kept]], lonlat[target[kept]]))
    for name, value in data:
        if isinstance(value, torch.Tensor) and value.ndim == 1 and len(value) == len(source):
            frame["weight" if name == "edge_weight" else name] = value.detach().cpu().numpy()[kept]
    return frame


def link_lines(points: npt.ArrayLike, source: npt.ArrayLike, target: npt.ArrayLike) -> gpd.GeoDataFrame:
    """Straight lines between places, cut where the shorter way crosses the antimeridian.

    Parameters
    ----------
    points
        Longitude and latitude, degrees, shape (n, 2).
    source, target
        Positions in ``points``, shape (m,).

    Returns
    -------
    geopandas.GeoDataFrame
        Geometry only, EPSG:4326, m rows.
    """
    lonlat = np.asarray(points, dtype=float).reshape(-1, 2)
    a, b = lonlat[np.asarray(source, dtype=np.int64)], lonlat[np.asarray(target, dtype=np.int64)]
    lines = shapely.linestrings(np.stack([a, b], axis=1))
    crossing = np.flatnonzero(np.abs(b[:, 0] - a[:, 0]) > 180)
    if len(crossing):
        lines = np.asarray(lines, dtype=object)
        lines[crossing] = _cut(a[crossing], b[crossing])
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(lines, crs="EPSG:4326"))


def _cut(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    side = np.copysign(180.0, a[:, 0])
    far = b[:, 0] + 2 * side  # where the line would end if the map went on
    width = far - a[:, 0]
    share = np.divide(side - a[:, 0], width, out=np.zeros(len(a)), where=width != 0)
    latitude = a[:, 1] + share * (b[:, 1] - a[:, 1])
    here, there = np.stack([side, latitude], axis=1), np.stack([-side, latitude], axis=1)
    parts = np.stack([np.stack([a, here], axis=1), np.stack([there, b], axis=1)], axis=1)
    return shapely.multilinestrings(shapely.linestrings(parts))


def _positions(data: Data) -> npt.NDArray[np.float64]:
    if getattr(data, "pos", None) is None:
        msg = "The graph has no pos (longitude, latitude of its nodes), so it has no place on the map."
        raise InputError(msg)
    return data.pos.detach().cpu().numpy().astype(float)


def _ids(data: Data, n: int) -> list[Any]:
    return list(data.node_ids) if "node_ids" in data else list(range(n))
