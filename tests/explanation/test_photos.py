"""Photos of a cluster: shares that add up, gradients that are gradients, occlusion that is a difference."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.explanation import photo_attribution
from geolivelihood.graphs import cluster_graphs
from geolivelihood.models import GraphRegressor
from geolivelihood.models.ragged import collate

SMALL = {"hidden": 16, "max_epochs": 12, "batch_size": 64, "device": "cpu", "learning_rate": 0.01}


def places(count, edges):
    """Clusters of 1-6 photos whose wealth is ten times the mean of their first feature."""
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(count), rng.integers(1, 7, count))
    n = len(cluster)
    ids = np.array([f"p{k}" for k in range(n)], dtype=object)
    columns = {"image_id": ids, "cluster_id": [f"c{k}" for k in cluster]}
    points = gpd.points_from_xy(30 + cluster / 10 + rng.random(n) / 100, rng.random(n) / 100)
    features = pd.DataFrame(rng.normal(size=(n, 3)) + rng.normal(size=(count, 3))[cluster], index=ids)
    graphs = cluster_graphs(gpd.GeoDataFrame(columns, geometry=points, crs=4326), features, edges=edges)
    return graphs, 10 * features[0].groupby(cluster).mean().to_numpy()


@pytest.fixture(scope="module", params=["exponential", "knn"])
def fitted(request):
    graphs, y = places(150, request.param)
    return GraphRegressor(**SMALL).fit(graphs, y), graphs


def test_one_row_per_photo_that_joins_to_the_images(fitted):
    model, graphs = fitted
    found = photo_attribution(model, graphs[:20])
    assert list(found) == ["cluster_id", "image_id", "pooling_mass", "gradient_input", "occlusion"]
    assert found["image_id"].tolist() == [name for graph in graphs[:20] for name in graph.node_ids]
    mass = found.groupby("cluster_id")["pooling_mass"].sum()
    np.testing.assert_allclose(mass, 1, atol=1e-6)
    alone = found.groupby("cluster_id")["image_id"].transform("size").eq(1)
    assert alone.any() and (found["occlusion"].isna() == alone).all()


def test_occlusion_is_the_prediction_less_the_one_without(fitted):
    model, graphs = fitted
    graph = next(graph for graph in graphs if len(graph.x) == 4)
    found = photo_attribution(model, [graph])
    kept = [0, 1, 3]
    inside = np.isin(graph.edge_index.numpy(), kept).all(axis=0)
    place = torch.tensor([0, 1, -1, 2])
    rest = Data(
        x=graph.x[kept],
        edge_index=place[graph.edge_index[:, inside]],
        edge_weight=graph.edge_weight[inside],
    )
    expected = model.predict([graph])[0] - model.predict([rest])[0]
    assert found["occlusion"][2] == pytest.approx(expected, abs=1e-5) and abs(expected) > 1e-3


def test_photos_that_raise_the_mean_are_said_to(fitted):
    model, graphs = fitted
    chosen = [graph for graph in graphs if len(graph.x) > 3]
    found = photo_attribution(model, chosen)
    above = np.concatenate([(graph.x[:, 0] - graph.x[:, 0].mean()).numpy() for graph in chosen])
    assert np.corrcoef(found["occlusion"], above)[0, 1] > 0.7
    first = np.concatenate([graph.x[:, 0].numpy() for graph in chosen])
    assert np.corrcoef(found["gradient_input"], first)[0, 1] > 0.7


def test_gradient_is_the_slope_of_the_prediction(fitted):
    model, graphs = fitted
    graph = next(graph for graph in graphs if len(graph.x) == 5)
    inputs = collate([graph], scale=model.scale_)
    slopes, step = [], 1e-3
    for node in range(5):
        answers = []
        for factor in (1 + step, 1 - step):
            z, index, weight, batch, counts = inputs
            z = z.double()
            z[node] *= factor
            network = model.network_.double().eval()
            with torch.no_grad():
                answers.append(float(network(z, index, weight.double(), batch, counts.double())))
        slopes.append((answers[0] - answers[1]) / (2 * step) * model.target_scale_.scale)
    model.network_.float()
    np.testing.assert_allclose(
        photo_attribution(model, [graph])["gradient_input"], slopes, rtol=1e-3, atol=1e-4
    )


def test_photos_without_features_are_nan_and_change_nothing(fitted):
    model, graphs = fitted
    graph = next(graph for graph in graphs if len(graph.x) == 4).clone()
    graph.x = graph.x.clone()
    graph.x[1] = torch.nan
    found = photo_attribution(model, [graph])
    columns = ["pooling_mass", "gradient_input", "occlusion"]
    assert found[columns].isna().all(axis=1).tolist() == [False, True, False, False]
    assert found["pooling_mass"].sum() == pytest.approx(1)
    graph.x[:] = torch.nan
    assert photo_attribution(model, [graph])[columns].isna().all(axis=None)


@pytest.mark.parametrize("pooling", ["embed", "mean"])
def test_other_poolings(pooling):
    graphs, y = places(40, "exponential")
    model = GraphRegressor(**SMALL | {"max_epochs": 2}, pooling=pooling).fit(graphs, y)
    found = photo_attribution(model, graphs[:8])
    mass = found.groupby("cluster_id")["pooling_mass"]
    np.testing.assert_allclose(mass.sum(), 1, atol=1e-6)
    if pooling == "mean":
        np.testing.assert_allclose(mass.std().fillna(0), 0, atol=1e-9)


def test_one_of_several_targets():
    graphs, y = places(60, "knn")
    both = np.column_stack([np.full(60, np.nan), -y])
    model = GraphRegressor(**SMALL).fit(graphs, both)
    graph = next(graph for graph in graphs if len(graph.x) == 2)
    found = photo_attribution(model, [graph], target=1)
    alone = Data(x=graph.x[:1], edge_index=torch.zeros(2, 0, dtype=torch.long))
    expected = model.predict([graph])[0, 1] - model.predict([alone])[0, 1]
    assert found["occlusion"][1] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(InputError, match="target=0: the model has learned the targets 1"):
        photo_attribution(model, [graph])


def test_nothing_and_other_models(fitted):
    model, graphs = fitted
    assert photo_attribution(model, []).empty
    with pytest.raises(InputError, match="not for a str"):
        photo_attribution("graph", graphs)
