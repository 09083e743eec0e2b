from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from geolivelihood.errors import InputError
from geolivelihood.models.graph_network import GraphConvolution, GraphNetwork, NodeNorm
from geolivelihood.models.ragged import collate

# The vector of the specification: three photos, distances in km.
DISTANCE = np.array([[0.0, 1, 5], [1, 0, 4], [5, 4, 0]])
NODES = torch.tensor([[1.0, 0], [0, 1], [1, 1]])


def graph(weights, x=NODES):
    """A graph with a full matrix: row i holds what node i hears."""
    target, source = np.indices(weights.shape).reshape(2, -1)
    return Data(
        x=x,
        edge_index=torch.tensor(np.stack([source, target])),
        edge_weight=torch.tensor(weights.ravel(), dtype=torch.float32),
    )


def as_list(inputs, sizes):
    """The same batch with its matrices as lists of edges."""
    starts = np.cumsum(sizes) - sizes
    pairs = [np.indices((n, n)).reshape(2, -1)[::-1] + start for n, start in zip(sizes, starts)]
    return inputs[0], torch.tensor(np.concatenate(pairs, axis=1)), inputs[2]


def some_graph(random, nodes, *, features=2, dense=True):
    """A graph with a full matrix, or with some edges (parallel ones and loops among them)."""
    x = torch.tensor(random.normal(size=(nodes, features)), dtype=torch.float32)
    if dense:
        return graph(random.random((nodes, nodes)), x)
    edges = torch.tensor(random.integers(0, nodes, (2, 2 * nodes)))
    return Data(x=x, edge_index=edges, edge_weight=torch.tensor(random.random(2 * nodes)).float())


def permuted(one, order, *, dense):
    """The same graph with its nodes in another order."""
    place = torch.tensor(np.argsort(order))
    if dense:
        return graph(one.edge_weight.reshape(len(order), -1)[order][:, order].numpy(), one.x[order])
    return Data(x=one.x[order], edge_index=place[one.edge_index], edge_weight=one.edge_weight)


@pytest.fixture
def convolution():
    layer = GraphConvolution(2, 2)
    with torch.no_grad():
        layer.neighbours.weight.copy_(torch.tensor([[0.5, -0.2], [0.1, 0.3]]).T)
        layer.own.weight.copy_(torch.tensor([[0.2, 0.4], [-0.3, 0.1]]).T)
        layer.own.bias.fill_(0.1)
    return layer


def test_convolution_with_inverse_distance_gives_the_vector(convolution):
    matrix = collate([graph(1 - DISTANCE / 19.890915)], normalise=False)[:3]
    expected = [[1.344150, 0.659781], [0.854205, 0.389945], [1.054205, 0.789945]]
    np.testing.assert_allclose(convolution(*matrix, [3]).detach(), expected, atol=1e-6)
    np.testing.assert_allclose(convolution(*as_list(matrix, [3])).detach(), expected, atol=1e-6)


def test_convolution_with_normalised_kernel_gives_the_vector(convolution):
    x, none, weight, _, _ = collate([graph(np.exp(-DISTANCE))])
    assert none is None
    np.testing.assert_allclose(weight[:3], [0.727475, 0.267623, 0.004902], atol=1e-6)
    expected = [[0.693441, 0.435282], [0.012762, 0.364663], [0.590409, 0.701602]]
    np.testing.assert_allclose(convolution(x, None, weight, [3]).detach(), expected, atol=1e-6)


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


def test_matrices_and_lists_of_edges_are_one_filter_with_one_gradient(rng):
    layer = GraphConvolution(2, 3).double()
    sizes = [3, 1, 4]
    x = torch.tensor(rng.normal(size=(8, 2)), requires_grad=True)
    weight = torch.tensor(rng.normal(size=sum(n * n for n in sizes)), requires_grad=True)
    index = as_list((x, None, weight), sizes)[1]
    found = [layer(x, None, weight, sizes), layer(x, index, weight)]
    torch.testing.assert_close(*found)
    inputs = (x, weight, *layer.parameters())
    for one, other in zip(*(torch.autograd.grad((out**3).sum(), inputs) for out in found)):
        torch.testing.assert_close(one, other)


def test_normalisation_uses_the_moments_of_real_nodes():
    norm = NodeNorm(2, eps=1e-3)
    with torch.no_grad():
        norm.bias.fill_(0.1)
    x = torch.relu(norm(torch.tensor([[1.344150, 0.659781], [0.854205, 0.389945], [1.054205, 0.789945]])))
    expected = [[1.376769, 0.374576], [0, 0], [0, 1.142239]]
    np.testing.assert_allclose(x.detach(), expected, atol=2e-5)
    assert torch.isfinite(norm(torch.ones(1, 2))).all()


@pytest.mark.parametrize("pooling", ["attention", "embed", "mean"])
@pytest.mark.parametrize("dense", [True, False])
@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 2**31))
def test_prediction_depends_neither_on_node_order_nor_on_the_other_graphs(pooling, dense, sizes, seed):
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = GraphNetwork(2, pooling=pooling, outputs=3).eval()
    graphs = [some_graph(random, n, dense=dense) for n in sizes]
    turned = [permuted(one, random.permutation(len(one.x)), dense=dense) for one in graphs]
    with torch.no_grad():
        together = network(*collate(graphs))
        other_nodes = network(*collate(turned))
        other_batch = network(*collate(graphs[::-1])).flip(0)
        alone = torch.cat([network(*collate([graph])) for graph in graphs])
    assert together.shape == (len(sizes), 3)
    for same in (other_nodes, other_batch, alone):
        torch.testing.assert_close(together, same, rtol=1e-5, atol=1e-6)


class Padded:
    """The network on dense tensors padded to one size, with a mask; in training mode, so batch moments."""

    def __init__(self, network):
        self.network = network

    def __call__(self, x, adjacency, mask):
        """Nodes (B, N, F), matrices (B, N, N), real nodes (B, N)."""
        x = self.network.enter(x)
        for convolution, norm in zip(self.network.convolutions, self.network.norms):
            x = adjacency @ convolution.neighbours(x) + convolution.own(x)
            real = x[mask]
            mean, variance = real.mean(dim=0), real.var(dim=0, unbiased=False)
            x = torch.relu((x - mean) / (variance + norm.eps).sqrt() * norm.weight + norm.bias)
            x = x * mask[:, :, None]
        counts = mask.sum(dim=1)
        pooled = [x.sum(dim=1) / counts[:, None]]
        if self.network.pools:
            score = self.network.score(x).masked_fill(~mask[:, :, None], -torch.inf)
            pooled += [(x * share[:, :, None]).sum(dim=1) for share in score.softmax(dim=1).unbind(dim=2)]
        return self.network.head(torch.cat([*pooled, torch.log1p(counts)[:, None]], dim=1))


@pytest.mark.parametrize("pooling", ["attention", "embed", "mean"])
@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("features", [5, 33])
def test_a_padded_and_an_unpadded_batch_agree(pooling, dense, features, rng):
    torch.manual_seed(0)
    network = GraphNetwork(features, hidden=8, pooling=pooling, outputs=2, dropout=0.0, layers=3).train()
    sizes = [7, 1, 12, 3, 20]
    graphs = [some_graph(rng, n, features=features, dense=dense) for n in sizes]
    x, matrix = torch.zeros(5, 20, features), torch.zeros(5, 20, 20)
    mask = torch.zeros(5, 20, dtype=torch.bool)
    for i, (one, n) in enumerate(zip(graphs, sizes)):
        x[i, :n], mask[i, :n] = one.x, True
        source, target = one.edge_index
        matrix[i].index_put_((target, source), one.edge_weight, accumulate=True)
    total = matrix.abs().sum(dim=2, keepdim=True).clamp_min(1e-12)
    ragged = network(*collate(graphs))
    padded = Padded(network)(x, matrix / total, mask)
    torch.testing.assert_close(ragged, padded, rtol=0, atol=1e-6)
    ours, theirs = (
        torch.autograd.grad(out.square().sum(), network.head[0].weight) for out in (ragged, padded)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_wide_features_are_projected_first():
    narrow, wide = (GraphNetwork(features, hidden=8) for features in (32, 33))
    assert narrow.convolutions[0].own.in_features == 32
    assert wide.enter.weight.shape == (4, 33)
    assert wide.convolutions[0].own.in_features == 4
    assert GraphNetwork(9, hidden=1).enter.weight.shape == (1, 9)


def test_dropout_takes_a_feature_from_all_photos_of_a_cluster(rng):
    torch.manual_seed(0)
    network = GraphNetwork(2, hidden=16, dropout=0.5).train()
    batch, counts = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([3.0, 2.0])
    thinned = network._thinned(torch.ones(5, 16), batch, counts)
    assert set(thinned.unique().tolist()) == {0, 2}
    assert (thinned[:3] == thinned[0]).all() and (thinned[3:] == thinned[3]).all()
    assert (thinned[0] != thinned[3]).any()


def test_embed_pooling_gives_the_vector():
    network = GraphNetwork(2, hidden=2, pooling="embed", pools=2)
    with torch.no_grad():
        network.score.weight.copy_(torch.tensor([[1.0, 0], [0, -1]]).T)
    x = torch.tensor([[1.376769, 0.374576], [0, 0], [0, 1.142239]])
    pooled = network._pool(x, torch.zeros(3, dtype=torch.long), torch.tensor([3.0]))
    expected = [0.914928, 0.440507, 0.471743, 0.309986]
    np.testing.assert_allclose(pooled[0, 2:].detach(), expected, atol=1e-6)


def test_the_number_of_photos_is_a_covariate():
    torch.manual_seed(0)
    network = GraphNetwork(2, pooling="mean").eval()
    once, twice = graph(np.ones((1, 1)), NODES[:1]), graph(np.ones((2, 2)), NODES[[0, 0]])
    with torch.no_grad():
        out = network(*collate([once, twice]))
    assert out[0] != out[1]


def test_bad_options_are_named():
    with pytest.raises(InputError, match="pooling must be one of"):
        GraphNetwork(2, pooling="sum")
    with pytest.raises(InputError, match="at least 1"):
        GraphNetwork(2, layers=0)
