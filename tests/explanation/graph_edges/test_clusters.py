"""Edges between the photos of a cluster, for a fitted graph model."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.explanation.graph_edges import edge_fidelity, edge_importance
from geolivelihood.graphs import cluster_graphs, edges_frame
from geolivelihood.models import GraphClassifier, GraphRegressor

SMALL = {"hidden": 16, "max_epochs": 6, "batch_size": 64, "device": "cpu", "learning_rate": 0.01}


def places(count, edges):
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(count), rng.integers(2, 7, count))
    n = len(cluster)
    ids = np.array([f"p{k}" for k in range(n)], dtype=object)
    points = gpd.points_from_xy(30 + cluster / 10 + rng.random(n) / 100, rng.random(n) / 100)
    features = pd.DataFrame(rng.normal(size=(n, 3)) + rng.normal(size=(count, 3))[cluster], index=ids)
    table = gpd.GeoDataFrame(
        {"image_id": ids, "cluster_id": [f"c{k}" for k in cluster]}, geometry=points, crs=4326
    )
    graphs = cluster_graphs(table, features, edges=edges)
    return graphs, 10 * features[0].groupby(cluster).mean().to_numpy()


@pytest.fixture(scope="module", params=["exponential", "knn"])
def fitted(request):
    graphs, y = places(60, request.param)
    return GraphRegressor(**SMALL).fit(graphs, y), next(graph for graph in graphs if len(graph.x) == 5)


def test_occlusion_agrees_with_predictions_one_by_one(fitted):
    model, graph = fitted
    found = edge_importance(model, graph)
    whole, names = model.predict([graph])[0], np.array(graph.node_ids, dtype=object)[graph.edge_index.numpy()]
    for source, target, score in found.edges[["source", "target", "score"]].itertuples(index=False):
        kept = torch.from_numpy(np.array([set(pair) != {source, target} for pair in names.T]))
        rest = Data(x=graph.x, edge_index=graph.edge_index[:, kept], edge_weight=graph.edge_weight[kept])
        assert score == pytest.approx(whole - model.predict([rest])[0], abs=1e-4)
    assert len(found.edges) == len(edges_frame(graph)) and found.edges["importance"].max() > 1e-4
    assert (
        set(found.edges["target_node"]) == {graph.cluster_id}
        and found.nodes["node"].isin(graph.node_ids).all()
    )


def test_integrated_gradients_are_complete_in_the_unit_of_the_target(fitted):
    model, graph = fitted
    found = edge_importance(model, graph, method="integrated_gradients", steps=512)  # many kinks
    bare = graph.clone()
    bare.edge_weight = torch.zeros_like(graph.edge_weight)
    total = found.edges["score"].sum() + found.nodes["self_loop"].sum()
    expected = model.predict([graph])[0] - model.predict([bare])[0]
    assert total == pytest.approx(expected, abs=2e-3 * max(1, abs(expected))) and abs(expected) > 1e-2


def test_masks_and_fidelity(fitted):
    model, graph = fitted
    found = edge_importance(model, graph, method="gnn_explainer", epochs=10, seeds=2)
    assert found.edges["importance"].between(0, 1).all() and found.edges["importance"].std() > 0
    plus, minus, _ = edge_fidelity(model, graph, found.edges)
    assert minus == pytest.approx(0, abs=1e-5) and plus > 0
    with pytest.raises(InputError, match="no attention"):
        edge_importance(model, graph, method="attention")


def test_photos_without_features_are_not_heard(fitted):
    model, graph = fitted
    graph = graph.clone()
    graph.x = graph.x.clone()
    graph.x[1] = torch.nan
    found = edge_importance(model, graph)
    lost = graph.node_ids[1]
    assert lost not in set(found.nodes["node"]) | set(found.edges["source"]) | set(found.edges["target"])
    assert (len(found.nodes) == 4 and len(found.edges) == 6) or len(found.edges) > 0


def test_classes_count_against_the_mean_of_all(fitted):
    _, graph = fitted
    graphs, y = places(60, "exponential")
    model = GraphClassifier(**SMALL).fit(graphs, np.digitize(y, [-5, 5]))
    scores = [edge_importance(model, graph, output=k).edges.set_index(["source", "target"]) for k in range(3)]
    total = sum(score["score"].reindex(scores[0].index) for score in scores)
    np.testing.assert_allclose(total, 0, atol=1e-5)
    assert max(score["importance"].max() for score in scores) > 1e-4
    with pytest.raises(InputError, match="output=3: the model has the classes"):
        edge_importance(model, graph, output=3)


def test_a_cluster_without_features(fitted):
    model, graph = fitted
    graph = graph.clone()
    graph.x = torch.full_like(graph.x, torch.nan)
    with pytest.raises(InputError, match="no photo with features"):
        edge_importance(model, graph)


def test_bad_input(fitted):
    model, graph = fitted
    with pytest.raises(InputError, match="predicts the cluster, not its nodes"):
        edge_importance(model, graph, targets=[graph.node_ids[0]])
    with pytest.raises(InputError, match="output=4: the model has learned the targets 0"):
        edge_importance(model, graph, output=4)
