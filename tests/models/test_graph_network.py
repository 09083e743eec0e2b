from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.models.graph_network import GraphConvolution, GraphNetwork, NodeNorm
from geolivelihood.models.ragged import GraphBatches, Ragged, ranges

# The vector of the specification: three photos, distances in km.
DISTANCE = np.array([[0.0, 1, 5], [1, 0, 4], [5, 4, 0]])
NODES = torch.tensor([[1.0, 0], [0, 1], [1, 1]])


def graph(weights, x=NODES):
    source, target = np.indices(weights.shape).reshape(2, -1)
    return Data(
        x=x,
        edge_index=torch.tensor(np.stack([source, target])),
        edge_weight=torch.tensor(weights.ravel(), dtype=torch.float32),
    )


@pytest.fixture
def convolution():
    layer = GraphConvolution(2, 2)
    with torch.no_grad():
        layer.neighbours.weight.copy_(torch.tensor([[0.5, -0.2], [0.1, 0.3]]).T)
        layer.own.weight.copy_(torch.tensor([[0.2, 0.4], [-0.3, 0.1]]).T)
        layer.own.bias.fill_(0.1)
    return layer


def test_convolution_with_inverse_distance_gives_the_vector(convolution):
    inputs = Ragged.of([graph(1 - DISTANCE / 19.890915)], normalise=False).pick(np.array([0]))[:3]
    expected = [[1.344150, 0.659781], [0.854205, 0.389945], [1.054205, 0.789945]]
    np.testing.assert_allclose(convolution(*inputs).detach(), expected, atol=1e-6)


def test_convolution_with_normalised_kernel_gives_the_vector(convolution):
    ragged = Ragged.of([graph(np.exp(-DISTANCE))], normalise=True)
    into_first = ragged.edge_weight[ragged.edge_index[1] == 0]
    np.testing.assert_allclose(into_first, [0.727475, 0.267623, 0.004902], atol=1e-6)
    expected = [[0.693441, 0.435282], [0.012762, 0.364663], [0.590409, 0.701602]]
    np.testing.assert_allclose(convolution(*ragged.pick(np.array([0]))[:3]).detach(), expected, atol=1e-6)


def test_gradients_reach_nodes_and_edges_and_parallel_edges_add_up(rng):
    layer = GraphConvolution(2, 3).double()
    x = torch.tensor(rng.normal(size=(4, 2)), requires_grad=True)
    weight = torch.tensor(rng.normal(size=7), requires_grad=True)
    edges = torch.tensor([[0, 1, 1, 2, 3, 0, 0], [1, 0, 2, 3, 3, 1, 2]])
    adjacency = torch.zeros(4, 4, dtype=torch.double).index_put((edges[1], edges[0]), weight, accumulate=True)
    dense = adjacency @ layer.neighbours(x) + layer.own(x)
    sparse = layer(x, edges, weight)
    torch.testing.assert_close(sparse, dense)
    ours, theirs = (torch.autograd.grad((out**2).sum(), (x, weight)) for out in (sparse, dense))
    for one, other in zip(ours, theirs):
        torch.testing.assert_close(one, other)


def test_normalisation_uses_the_moments_of_real_nodes():
    norm = NodeNorm(2, eps=1e-3)
    with torch.no_grad():
        norm.bias.fill_(0.1)
    x = torch.relu(norm(torch.tensor([[1.344150, 0.659781], [0.854205, 0.389945], [1.054205, 0.789945]])))
    expected = [[1.376769, 0.374576], [0, 0], [0, 1.142239]]
    np.testing.assert_allclose(x.detach(), expected, atol=2e-5)
    assert torch.isfinite(norm(torch.ones(1, 2))).all()


def test_ranges_concatenate():
    assert ranges(torch.tensor([5, 0, 7]), torch.tensor([2, 0, 3])).tolist() == [5, 6, 7, 8, 9]
    assert ranges(torch.tensor([], dtype=torch.long), torch.tensor([], dtype=torch.long)).tolist() == []


def test_picking_graphs_equals_collating_them_anew(rng):
    graphs = [
        graph(rng.random((n, n)), torch.tensor(rng.normal(size=(n, 2)), dtype=torch.float32))
        for n in (3, 1, 4, 2)
    ]
    order = np.array([2, 0, 3])
    picked = Ragged.of(graphs).pick(order)
    anew = Ragged.of([graphs[i] for i in order]).pick(np.arange(3))
    for ours, theirs in zip(picked, anew):
        torch.testing.assert_close(ours, theirs)


def test_nodes_without_features_change_nothing(convolution):
    weights = np.exp(-DISTANCE)
    padded = np.pad(weights, (0, 1), constant_values=0.7)
    empty = torch.cat([NODES, torch.full((1, 2), torch.nan)])
    whole = Ragged.of([graph(weights)]).pick(np.array([0]))
    masked = Ragged.of([graph(padded, empty)]).pick(np.array([0]))
    for ours, theirs in zip(masked, whole):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("pooling", ["attention", "embed", "mean"])
def test_prediction_depends_neither_on_node_order_nor_on_the_other_graphs(pooling, rng):
    torch.manual_seed(0)
    network = GraphNetwork(2, pooling=pooling, outputs=3).eval()
    weights = np.exp(-DISTANCE)
    turn = np.array([2, 0, 1])
    graphs = [graph(weights), graph(weights[turn][:, turn], NODES[turn]), graph(np.ones((1, 1)), NODES[:1])]
    with torch.no_grad():
        together = network(*Ragged.of(graphs).pick(np.arange(3)))
        alone = network(*Ragged.of(graphs).pick(np.array([0])))
    assert together.shape == (3, 3)
    torch.testing.assert_close(together[0], together[1])
    torch.testing.assert_close(together[0], alone[0])


def test_the_number_of_photos_is_a_covariate():
    torch.manual_seed(0)
    network = GraphNetwork(2, pooling="mean").eval()
    once, twice = graph(np.ones((1, 1)), NODES[:1]), graph(np.ones((2, 2)), NODES[[0, 0]])
    with torch.no_grad():
        out = network(*Ragged.of([once, twice]).pick(np.arange(2)))
    assert out[0] != out[1]


def test_batches_cover_every_graph_once_and_shuffle():
    graphs = Ragged.of([graph(np.ones((1, 1)), torch.full((1, 2), float(i))) for i in range(10)])
    y = torch.arange(10.0)
    batches = GraphBatches(graphs, np.arange(10), y, y, size=4, seed=0, shuffle=True)
    first, second = ([int(v) for _, target, _ in batches for v in target] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    for inputs, target, _ in batches:
        torch.testing.assert_close(inputs[0][:, 0], target)


def test_bad_graphs_and_options_are_named():
    with pytest.raises(InputError, match="no graph"):
        Ragged.of([])
    with pytest.raises(InputError, match="2 features per node but the model was fitted with 3"):
        Ragged.of([graph(DISTANCE)], features=3)
    with pytest.raises(InputError, match="widths"):
        Ragged.of([graph(DISTANCE), graph(DISTANCE, torch.ones(3, 5))])
    with pytest.raises(InputError, match="infinite"):
        Ragged.of([graph(DISTANCE, NODES / 0)])
    with pytest.raises(InputError, match="pooling must be one of"):
        GraphNetwork(2, pooling="sum")
    with pytest.raises(InputError, match="at least 1"):
        GraphNetwork(2, layers=0)
