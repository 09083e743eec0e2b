from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.graphs import cluster_graphs
from geolivelihood.models.ragged import (
    GraphBatches,
    collate,
    feature_scale,
    graph_means,
    node_counts,
    one_ahead,
)
from geolivelihood.models.ridge import ColumnScale


def graph(weights, x):
    target, source = np.indices(weights.shape).reshape(2, -1)
    edges = torch.tensor(np.stack([source, target]))
    return Data(x=x, edge_index=edges, edge_weight=torch.tensor(weights.ravel(), dtype=torch.float32))


def some_graphs(rng, sizes, *, missing=0.0):
    graphs = []
    for n in sizes:
        x = rng.normal(3, 2, (n, 4)).astype(np.float32)
        x[rng.random(x.shape) < missing] = np.nan
        graphs.append(graph(rng.random((n, n)), torch.from_numpy(x)))
    return graphs


def sparse_like(one):
    """The same graph, its edges in another order, so that it is no matrix."""
    order = torch.arange(one.num_edges).flip(0)
    return Data(x=one.x, edge_index=one.edge_index[:, order], edge_weight=one.edge_weight[order])


def dense(inputs):
    """Matrix of the whole batch, from either form."""
    x, index, weight, _, counts = inputs
    if index is not None:
        whole = torch.zeros(len(x), len(x))
        return whole.index_put((index[1], index[0]), weight, accumulate=True)
    sizes = counts.int().tolist()
    parts = weight.split([n * n for n in sizes])
    return torch.block_diag(*(part.view(n, n) for part, n in zip(parts, sizes)))


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("missing", [0.0, 0.7])
def test_matrices_and_lists_hold_the_same_graphs(normalise, missing, rng):
    graphs = some_graphs(rng, [3, 1, 4, 2], missing=missing)
    matrices = collate(graphs, normalise=normalise)
    lists = collate(list(map(sparse_like, graphs)), normalise=normalise)
    assert matrices[1] is None and lists[1] is not None
    torch.testing.assert_close(dense(matrices), dense(lists))
    for one, other in zip(matrices[3:], lists[3:]):
        assert torch.equal(one, other)
    if normalise:
        torch.testing.assert_close(dense(lists).sum(dim=1), torch.ones(len(lists[0])))


def test_nodes_without_features_change_nothing(rng):
    weights, nodes = rng.random((3, 3)), torch.rand(3, 2)
    padded = np.pad(weights, (0, 1), constant_values=0.7)
    empty = torch.cat([nodes, torch.full((1, 2), torch.nan)])
    whole, masked = collate([graph(weights, nodes)]), collate([graph(padded, empty)])
    for ours, theirs in zip(masked, whole):
        assert ours is theirs is None or torch.equal(ours, theirs)


def test_features_are_scaled_as_in_a_table(rng):
    graphs = some_graphs(rng, [5, 1, 300, 40], missing=0.2)
    for one in graphs:
        one.x[:, 3] = 7.0  # constant
    table = torch.cat([one.x for one in graphs]).double().numpy()
    scale = feature_scale(graphs)
    for ours, theirs in zip(scale, ColumnScale.of(table)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    before = [one.x.clone() for one in graphs]
    wide = [graph(np.ones((1, 1)), torch.tensor([[1e6, -1e6, torch.nan, 7.0]])), *graphs]
    known = ~np.isnan(table).all(axis=1)
    np.testing.assert_allclose(collate(wide, scale=scale)[0][1:], scale.apply(table)[known], atol=1e-5)
    np.testing.assert_allclose(
        collate(wide, scale=scale)[0][0], scale.apply(wide[0].x.double().numpy())[0], atol=1e-5
    )
    assert all(torch.equal(one.x.nan_to_num(9), x.nan_to_num(9)) for one, x in zip(graphs, before))


def test_the_scale_of_a_far_mean_does_not_cancel(rng):
    graphs = [graph(np.ones((50, 50)), torch.tensor(rng.normal(1e8, 1, (50, 1)))) for _ in range(4)]
    table = torch.cat([one.x for one in graphs]).numpy()
    assert feature_scale(graphs).scale == pytest.approx(table.std(axis=0), rel=1e-6)


def test_counts_and_means_of_graphs(rng):
    x = torch.tensor([[1.0, torch.nan], [3.0, torch.nan], [torch.nan, torch.nan]])
    graphs = [graph(np.ones((3, 3)), x), graph(np.ones((1, 1)), torch.tensor([[5.0, 6.0]]))]
    assert node_counts(graphs).tolist() == [2, 1]
    np.testing.assert_array_equal(graph_means(graphs), [[2.0, np.nan], [5.0, 6.0]])


def test_batches_cover_every_graph_once_and_shuffle():
    graphs = [graph(np.ones((1, 1)), torch.full((1, 2), float(i))) for i in range(10)]
    y = torch.arange(10.0)
    batches = GraphBatches(graphs, np.arange(10), y, y, collated=collate, size=4, seed=0, shuffle=True)
    first, second = ([int(v) for _, target, _ in batches for v in target] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    for inputs, target, _ in batches:
        torch.testing.assert_close(inputs[0][:, 0], target)


def test_graphs_made_when_asked_for_give_the_batches_of_a_list(rng):
    clusters = np.repeat(["a", "b", "c", "d"], [4, 1, 3, 5])
    images = gpd.GeoDataFrame(
        {"image_id": [f"p{i}" for i in range(13)], "cluster_id": clusters},
        geometry=gpd.points_from_xy(*rng.uniform(0, 0.1, (2, 13))),
        crs="EPSG:4326",
    )
    features = pd.DataFrame(rng.random((13, 3)), index=images["image_id"])
    graphs = cluster_graphs(images, features)
    y = torch.arange(4.0)
    lazy, listed = (
        list(GraphBatches(some, np.array([3, 0, 2]), y, y, collated=collate, size=2))
        for some in (graphs, list(graphs))
    )
    for (inputs, *labels), (others, *other_labels) in zip(lazy, listed, strict=True):
        for one, other in zip((*inputs, *labels), (*others, *other_labels)):
            assert one is other is None or torch.equal(one, other)


def test_the_next_task_is_done_while_the_last_result_is_used():
    done = []
    results = one_ahead(lambda i=i: done.append(i) or i for i in range(3))
    assert next(results) == 0
    deadline = time.monotonic() + 5
    while done != [0, 1] and time.monotonic() < deadline:
        time.sleep(0.001)
    assert done == [0, 1]
    assert list(results) == [1, 2]
    assert list(one_ahead([])) == []


def test_errors_of_a_task_reach_the_one_who_waits():
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        list(one_ahead([lambda: 1, fails]))


def test_bad_graphs_are_named(rng):
    one = graph(np.ones((3, 3)), torch.rand(3, 2))
    for look in (collate, node_counts):
        with pytest.raises(InputError, match="no graph"):
            look([])
        with pytest.raises(InputError, match="widths"):
            look([one, graph(np.ones((3, 3)), torch.ones(3, 5))])
        with pytest.raises(InputError, match="widths"):
            look([Data(edge_index=one.edge_index)])
        with pytest.raises(InputError, match="infinite"):
            look([graph(np.ones((1, 1)), torch.tensor([[1.0, torch.inf]]))])
    with pytest.raises(InputError, match="2 features per node but the model was fitted with 3"):
        collate([one], features=3)
    with pytest.raises(InputError, match="not finite"):
        collate([graph(np.full((3, 3), np.nan), one.x)])
