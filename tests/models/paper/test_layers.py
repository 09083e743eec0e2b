"""The published network's maths, pinned by the vectors of the specification to 6 digits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from geolivelihood.models.paper import DenseGraphConvolution, GraphCNN, GraphEmbedPooling, PopulationNorm
from geolivelihood.models.paper.layers import dense, weight_penalty

V = torch.tensor([[[1.0, 0], [0, 1], [1, 1]]])
KM = torch.tensor([[0.0, 1, 5], [1, 0, 4], [5, 4, 0]])
W = torch.tensor([[0.5, -0.2], [0.1, 0.3]])
W_I = torch.tensor([[0.2, 0.4], [-0.3, 0.1]])
W_P = torch.tensor([[1.0, 0], [0, -1]])
PINNED = {"rtol": 0, "atol": 1e-6}


def convolution():
    layer = DenseGraphConvolution(2, 2)
    layer.neighbours, layer.own = torch.nn.Parameter(W), torch.nn.Parameter(W_I)
    return layer


def pooling():
    layer = GraphEmbedPooling(2, 2)
    layer.weight = torch.nn.Parameter(W_P)
    return layer


def adjacency(padding=0):
    whole = torch.zeros(1, 3 + padding, 1, 3 + padding)
    whole[0, :3, 0, :3] = 1 - KM / 19.890915
    return whole


def close(found, expected):
    np.testing.assert_allclose(found.detach().numpy(), expected, **PINNED)


@pytest.fixture
def pooled():
    """Convolved, normalised and pooled, unpadded."""
    x = torch.relu(PopulationNorm(2)(convolution()(V, adjacency())))
    return x, *pooling()(x, adjacency())


def test_convolution():
    close(
        convolution()(V, adjacency())[0],
        [[1.344150, 0.659781], [0.854205, 0.389945], [1.054205, 0.789945]],
    )


def test_normalisation_has_population_variance_and_starts_at_a_shift_of_a_tenth(pooled):
    close(pooled[0][0], [[1.376769, 0.374576], [0, 0], [0, 1.142239]])
    h = convolution()(V, adjacency())[0]
    close(h.mean(dim=0), [1.084187, 0.613224])
    close(h.var(dim=0, unbiased=False), [0.040457, 0.027750])


def test_pooling(pooled):
    x, vertices, edges = pooled
    close(pooling().shares(x)[0], [[0.664547, 0.342645], [0.167727, 0.498334], [0.167727, 0.159020]])
    close(vertices[0], [[0.914928, 0.440507], [0.471743, 0.309986]])
    close(edges[0, :, 0], [[0.921441, 0.917279], [0.917279, 0.923566]])


def test_the_bias_of_the_pooling_cancels(pooled):
    shifted = pooling()
    shifted.bias = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    close(shifted.shares(pooled[0]), pooling().shares(pooled[0]).detach().numpy())


def test_padding_takes_part_as_published_and_not_with_a_mask(pooled):
    nodes = torch.cat([V, torch.zeros(1, 1, 2)], dim=1)
    h = convolution()(nodes, adjacency(1))
    x = torch.relu(PopulationNorm(2)(h))
    close(pooling().shares(x)[0, 3], [0.138544, 0.362538])
    close(pooling()(x, adjacency(1))[0][0], [[0.708772, 0.650223], [0.312113, 0.258675]])
    mask = torch.tensor([[True, True, True, False]])
    x = torch.relu(PopulationNorm(2)(h, mask))
    vertices, edges = pooling()(x, adjacency(1), mask)
    torch.testing.assert_close(vertices, pooled[1], rtol=0, atol=1e-7)
    torch.testing.assert_close(edges, pooled[2], rtol=0, atol=1e-7)


def test_weight_penalty_leaves_biases_out():
    layer = convolution()
    layer.own = torch.nn.Parameter(torch.zeros(2, 2))
    assert weight_penalty(layer).item() == pytest.approx(0.0000975, abs=1e-9)


def test_running_moments_forget_by_the_published_decay():
    norm = PopulationNorm(1)
    decays, batches = [], [torch.tensor([[[0.0], [2.0]]]), torch.tensor([[[4.0], [8.0]]])]
    for batch in [*batches, *batches]:
        decays.append(norm.decay())
        norm(batch)
    np.testing.assert_allclose(decays, [0.1, 0.181818, 0.25, 0.3], atol=1e-6)
    mean = 0.0
    for decay, value in zip(decays, [1, 6, 1, 6]):
        mean = decay * mean + (1 - decay) * value
    assert float(norm.mean) == pytest.approx(mean)
    before = norm.mean.clone()
    norm.eval()(batches[0])
    assert torch.equal(norm.mean, before)


def test_slices_are_summed_as_if_concatenated():
    torch.manual_seed(0)
    layer = DenseGraphConvolution(3, 5, slices=4)
    nodes, links = torch.randn(2, 6, 3), torch.randn(2, 6, 4, 6)
    heard = torch.cat([links[:, :, part] @ nodes for part in range(4)], dim=2)
    expected = heard @ layer.neighbours + nodes @ layer.own + layer.bias
    torch.testing.assert_close(layer(nodes, links), expected)
    share = GraphEmbedPooling(3, 2)
    weight = share.shares(nodes)
    _, pooled = share(nodes, links)
    for part in range(4):
        torch.testing.assert_close(pooled[:, :, part], weight.mT @ links[:, :, part] @ weight)


def test_initial_values():
    torch.manual_seed(0)
    layer = DenseGraphConvolution(577, 64)
    nominal = (1 / (577 * 2)) ** 0.5
    assert float(layer.neighbours.detach().abs().max()) <= 2 * nominal
    assert float(layer.neighbours.std()) == pytest.approx(0.88 * nominal, rel=0.02)
    assert float(layer.bias.unique()) == pytest.approx(0.1)
    assert float(dense(256, 256).weight.std()) == pytest.approx(0.88 / 16, rel=0.02)
    assert float(GraphEmbedPooling(64, 32).weight.std()) == pytest.approx(0.88 / 8, rel=0.05)


def count(module):
    return sum(value.numel() for value in module.parameters())


@pytest.mark.parametrize(
    ("features", "outputs", "expected"),
    [
        (577, 2, 157_610),
        (577, 1, 157_353),
        (512, 2, 149_290),
        (512, 1, 149_033),
        (65, 2, 92_074),
        (65, 1, 91_817),
    ],
)
def test_parameter_counts(features, outputs, expected):
    assert count(GraphCNN(features, outputs=outputs)) == expected


def test_parameter_counts_by_layer():
    net = GraphCNN(577, outputs=2)
    blocks = [net.first[0], net.first[1], net.pools[0], net.second[0], net.second[1], net.pools[1]]
    counts = [count(block) + count(norm) for block, norm in zip(blocks, net.norms)]
    assert counts == [74_048, 8_384, 2_208, 4_192, 2_144, 328]
    assert [count(net.hidden), count(net.head)] == [65_792, 514]
    assert count(GraphCNN(577, outputs=2, slices=67)) == 3_067_946


@pytest.mark.parametrize("training", [True, False])
def test_a_masked_network_does_not_see_padding_and_the_published_one_does(training):
    torch.manual_seed(0)
    nodes, links = torch.randn(3, 5, 7), torch.rand(3, 5, 2, 5)
    wide_nodes, wide_links = torch.zeros(3, 9, 7), torch.rand(3, 9, 2, 9)
    wide_nodes[:, :5], wide_links[:, :5, :, :5] = nodes, links
    real = torch.arange(9).expand(3, 9) < 5
    for masked in (True, False):
        net = GraphCNN(7, outputs=1, slices=2, masked=masked)
        net(nodes, links, real[:, :5])  # moments for the evaluation
        net.train(training)
        same = torch.allclose(
            net(nodes, links, real[:, :5]), net(wide_nodes, wide_links, real), rtol=0, atol=1e-6
        )
        assert same is masked
