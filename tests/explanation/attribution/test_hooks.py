"""Models are left as they were found."""

import copy

import pytest
import torch
from torch import nn

from geolivelihood.errors import InputError
from geolivelihood.explanation.attribution import METHODS, attribute
from geolivelihood.explanation.attribution.hooks import as_found, tapped


def condition(network):
    modules = list(network.modules())
    return (
        [module.training for module in modules],
        [getattr(module, "inplace", None) for module in modules],
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules],
        [len(module._backward_hooks) for module in modules],
        [(weight.requires_grad, weight.grad) for weight in network.parameters()],
        [type(module) for module in modules],
    )


@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_a_training_model_as_it_was(network, pictures, method):
    network.train()
    network.stem.eval()
    network.fc.bias.requires_grad_(False)
    before, state = condition(network), copy.deepcopy(network.state_dict())
    baseline = pictures[3:] if METHODS[method].baseline and "shap" in method else "mean"
    attribute(network, pictures[:2], method=method, baseline=baseline, steps=2, samples=2, patch=8)
    assert condition(network) == before
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())


def test_also_after_an_error(network, pictures):
    before = condition(network)
    with pytest.raises(InputError):
        attribute(network, pictures, layer="nowhere")
    with pytest.raises(RuntimeError):
        attribute(network, pictures[:, :2], method="grad_cam")
    with pytest.raises(KeyError), as_found(network), tapped(network.body):
        raise KeyError
    assert condition(network) == before


def test_a_changed_statistic_is_put_back(network):
    before = network.body[0].bn1.running_mean.clone()
    with as_found(network):
        network.body[0].bn1.running_mean += 1
    assert torch.equal(network.body[0].bn1.running_mean, before)


def test_taps_are_copies(network, pictures):
    """What comes before the addition in place is what the layer gave, negative values and all."""
    with torch.no_grad(), as_found(network), tapped(network.body[0].bn2) as seen:
        network(pictures)
    assert seen[0].min() < 0
    with tapped(network.body[0].bn2, leaf=True) as seen:
        network(pictures).sum().backward()
    assert seen[0].is_leaf and seen[0].grad is not None and seen[0].min() < 0


def test_inside_inference_mode_and_of_modules_without_tensors(network, pictures):
    with torch.inference_mode():
        attribute(network, pictures, method="grad_cam")
    with tapped(nn.Identity()) as seen:
        assert seen == []
