"""Groups of a batch are normalised apart, and as many processes would do it."""

import pytest
import torch
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.features.backbones import headless
from geolivelihood.pretraining.split_norm import (
    SplitBatchNorm2d,
    average_statistics,
    gathered,
    group_norm,
    key_order,
    processes,
    routed,
    split_norm,
)


def pair(groups=3, **options):
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(4, **options).double()
    if plain.affine:
        nn.init.uniform_(plain.weight, 0.5, 2)
        nn.init.normal_(plain.bias)
    return (
        plain,
        SplitBatchNorm2d.like(nn.BatchNorm2d(4, **options).double(), groups=groups),
        torch.randn(6, 4, 5, 5, dtype=torch.float64),
    )


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_each_slice_is_normalised_by_itself(layout):
    plain, split, values = pair()
    split.load_state_dict(plain.state_dict())
    values = values.to(memory_format=layout)
    expected = torch.cat(
        [
            nn.functional.batch_norm(part, None, None, plain.weight, plain.bias, True)
            for part in values.split(2)
        ]
    )
    found = split(values)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    assert found.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_running_statistics_are_the_mean_over_processes(momentum):
    _, split, _ = pair(momentum=momentum)
    others = [nn.BatchNorm2d(4, momentum=momentum).double() for _ in range(3)]
    for _ in range(4):
        values = torch.randn(6, 4, 5, 5, dtype=torch.float64)
        split(values)
        for one, part in zip(others, values.split(2)):
            one(part)
    for name in ("running_mean", "running_var"):
        mean = torch.stack([getattr(one, name) for one in others]).mean(dim=0)
        torch.testing.assert_close(getattr(split, name), mean, atol=1e-12, rtol=0)
    assert int(split.num_batches_tracked) == 4


def test_evaluation_and_one_group_are_plain_batch_norm():
    plain, split, values = pair()
    split.load_state_dict(plain.state_dict())
    assert split.eval()(values).equal(plain.eval()(values))
    one = SplitBatchNorm2d.like(plain, groups=1).train()
    assert one(values).equal(plain.train()(values))


def test_gradients_do_not_cross_groups():
    _, split, values = pair(affine=False, track_running_stats=False)
    values.requires_grad_()
    (split(values)[:2] ** 3).sum().backward()
    assert values.grad[:2].abs().sum() > 0 and values.grad[2:].eq(0).all()


def test_networks_keep_the_names_of_their_state():
    network, _ = headless("resnet18", size=32, bands=1)
    split = split_norm(network, groups=4)
    assert {k: v.shape for k, v in split.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }
    assert sum(isinstance(m, SplitBatchNorm2d) for m in split.modules()) == 20
    assert not any(isinstance(m, SplitBatchNorm2d) for m in network.modules())
    split.load_state_dict(network.state_dict())
    values = torch.randn(4, 1, 32, 32)
    assert split.eval()(values).equal(network.eval()(values))
    assert isinstance(split_norm(nn.BatchNorm2d(3), groups=2), SplitBatchNorm2d)


def test_group_norm_looks_at_one_picture_at_a_time():
    network = group_norm(headless("resnet18", size=32)[0]).train()
    assert not any(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    values = torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(network(values)[:1], network(values[:1]), atol=1e-5, rtol=1e-4)
    assert group_norm(nn.BatchNorm2d(12)).num_groups == 4


def test_groups_that_do_not_divide_the_batch():
    _, split, values = pair(groups=4)
    with pytest.raises(InputError, match=r"6 pictures cannot be split into 4 groups.*bn_groups=2"):
        split.train()(values)
    with pytest.raises(InputError, match="bn_groups=0"):
        split_norm(nn.BatchNorm2d(3), groups=0)


def test_orders_are_permutations_that_every_process_draws_alike():
    order = key_order(16, seed=1, step=5)
    assert order.sort().values.tolist() == list(range(16))
    torch.manual_seed(99)
    assert order.equal(key_order(16, seed=1, step=5))
    for other in ({"seed": 2, "step": 5}, {"seed": 1, "step": 6}, {"seed": 1, "step": 5, "stream": 1}):
        assert not order.equal(key_order(16, **other))


def test_one_process_shuffles_and_comes_back():
    values, order = torch.randn(6, 2), key_order(6, seed=0, step=0)
    assert processes() == (0, 1)
    assert routed(values, order).equal(values[order])
    assert gathered(routed(values, order), order).equal(values)
    layer = nn.BatchNorm2d(2)
    average_statistics(layer)
    assert layer.running_mean.eq(0).all()
