"""Graphs: neighbours, dense photo graphs and cluster look-up, against what one would write or install."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Any

import numpy as np

from benchmarks.harness import Comparison
from geolivelihood.extras import require

POINTS, SMALL, NEIGHBOURS = 100_000, 10_000, 8
CLUSTERS, PHOTOS, FEATURES = 2_000, 150, 64
ROWS, SURVEYED = 1_100_000, 7_117
MAX_KM = 19.890915


def _points(n: int) -> dict[str, Any]:
    import geopandas as gpd

    import geolivelihood.graphs  # noqa: F401 - imports are no part of the timing

    rng = np.random.default_rng(0)
    lonlat = np.column_stack([rng.uniform(30, 40, n), rng.uniform(-5, 5, n)])
    points = gpd.GeoSeries(gpd.points_from_xy(*lonlat.T), crs="EPSG:4326")
    return {"lonlat": lonlat, "points": points, "projected": points.to_crs("EPSG:32636")}


def many_points() -> dict[str, Any]:
    require("libpysal.graph", extra="bench")

    return _points(POINTS)


def few_points() -> dict[str, Any]:
    require("city2graph", extra="bench")

    return _points(SMALL)


def knn_ours(data: dict[str, Any]) -> Any:
    from geolivelihood.graphs import knn

    return knn(data["lonlat"], k=NEIGHBOURS)


def knn_libpysal(data: dict[str, Any]) -> Any:
    from libpysal.graph import Graph

    # The metric that answers the same question: nearest along the ground, from longitude and latitude.
    return Graph.build_knn(data["points"], k=NEIGHBOURS, metric="haversine")


def knn_libpysal_projected(data: dict[str, Any]) -> Any:
    from libpysal.graph import Graph

    return Graph.build_knn(data["projected"], k=NEIGHBOURS)


def knn_city2graph(data: dict[str, Any]) -> Any:
    import city2graph
    import geopandas as gpd

    return city2graph.knn_graph(gpd.GeoDataFrame(geometry=data["projected"]), k=NEIGHBOURS)


def photos() -> dict[str, Any]:
    import geopandas as gpd
    import pandas as pd
    import torch

    import geolivelihood.graphs  # noqa: F401

    rng = np.random.default_rng(0)
    n = CLUSTERS * PHOTOS
    middle = np.column_stack([rng.uniform(70, 85, CLUSTERS), rng.uniform(10, 28, CLUSTERS)])
    lonlat = np.repeat(middle, PHOTOS, axis=0) + rng.uniform(-0.1, 0.1, (n, 2))
    ids = np.array([f"p{i}" for i in range(n)], dtype=object)
    clusters = np.repeat([f"ia_{i}" for i in range(CLUSTERS)], PHOTOS)
    order = rng.permutation(n)  # a table in any order, read row by row
    images = gpd.GeoDataFrame(
        {"image_id": ids[order], "cluster_id": clusters[order]},
        geometry=gpd.points_from_xy(*lonlat[order].T),
        crs="EPSG:4326",
    )
    values = rng.random((n, FEATURES), dtype=np.float32)
    features = pd.DataFrame(values, index=pd.Index(ids), copy=False)
    torch.set_num_threads(1)
    return {"images": images, "features": features}


def graphs_ours(data: dict[str, Any]) -> Any:
    from geolivelihood.graphs import cluster_graphs

    # As in an epoch of training: every graph is made whole, none is kept.
    return sum(graph.num_edges for graph in cluster_graphs(data["images"], data["features"]))


def haversine(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    lon_a, lat_a, lon_b, lat_b = map(radians, (lon_a, lat_a, lon_b, lat_b))
    a = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371 * asin(sqrt(a))


def graphs_peer(data: dict[str, Any]) -> Any:
    """A pair of loops per cluster over all pairs, as the published code has it; 20 clusters of 2,000."""
    import torch
    from torch_geometric.data import Data
    from torch_geometric.utils import dense_to_sparse

    made = []
    for cluster, group in data["images"].groupby("cluster_id", sort=False):
        lonlat = list(zip(group.geometry.x.tolist(), group.geometry.y.tolist()))
        n = len(lonlat)
        matrix = np.ones((n, n), dtype=np.float32)
        for i in range(n):
            for j in range(n):
                if i != j:
                    matrix[i, j] = 1 - haversine(*lonlat[i], *lonlat[j]) / MAX_KM
        index, weight = dense_to_sparse(torch.from_numpy(matrix))
        x = torch.from_numpy(data["features"].loc[group["image_id"]].to_numpy())
        made.append(Data(x=x, edge_index=index, edge_weight=weight, cluster_id=cluster))
        if len(made) == CLUSTERS // 100:
            break
    return made


def lookup() -> dict[str, Any]:
    import pandas as pd

    import geolivelihood.graphs  # noqa: F401

    rng = np.random.default_rng(0)
    names = np.array([f"ia_{i}" for i in range(SURVEYED)], dtype=object)
    return {"table": pd.DataFrame({"cluster_id": names[rng.integers(0, SURVEYED, ROWS)]}), "names": names}


def lookup_ours(data: dict[str, Any]) -> Any:
    from geolivelihood.graphs import cluster_rows

    groups = cluster_rows(data["table"]["cluster_id"])
    bounds = zip(groups.starts[:-1], groups.starts[1:])
    return {key: groups.order[first:last] for key, (first, last) in zip(groups.keys, bounds)}


def lookup_peer(data: dict[str, Any]) -> Any:
    column = data["table"]["cluster_id"]
    return {name: np.flatnonzero(column == name) for name in data["names"][: SURVEYED // 100]}


COMPARISONS = (
    Comparison(
        name="knn_graph",
        what="kNN graph on the sphere, 100 k points, k = 8",
        against="libpysal Graph.build_knn(metric='haversine')",
        goal=8,
        setup=many_points,
        ours=knn_ours,
        peer=knn_libpysal,
    ),
    Comparison(
        name="knn_graph_projected",
        what="the same",
        against="libpysal Graph.build_knn in a plane (UTM)",
        goal=4,
        setup=many_points,
        ours=knn_ours,
        peer=knn_libpysal_projected,
    ),
    Comparison(
        name="knn_graph_small",
        what="kNN graph on the sphere, 10 k points, k = 8",
        against="city2graph.knn_graph (UTM)",
        goal=50,
        setup=few_points,
        ours=knn_ours,
        peer=knn_city2graph,
    ),
    Comparison(
        name="photo_graphs",
        what="stream the graphs of 2,000 clusters x 150 photos",
        against="per-pair haversine loops",
        goal=100,
        setup=photos,
        ours=graphs_ours,
        peer=graphs_peer,
        peer_share=20 / CLUSTERS,
        peak_limit_mb=1500,
    ),
    Comparison(
        name="cluster_lookup",
        what="rows of 7,117 clusters among 1.1 M photos",
        against="one scan per cluster",
        goal=200,
        setup=lookup,
        ours=lookup_ours,
        peer=lookup_peer,
        peer_share=(SURVEYED // 100) / SURVEYED,
    ),
)
